//! What can be said of an app's scripts without running them: the rules behind `simctl validate`.
//!
//! `facts.rs` reads a file once; the rules read the facts of all files. A rule that is not sure stays silent: a false
//! alarm is worse than a miss. Nothing here reads a file but through [`App::require`], and nothing runs.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;

use oxc_ast::ast::Program;
use oxc_semantic::SemanticBuilder;

use crate::app::{App, Required};
use crate::model::{Finding, Findings, Place};
use crate::schema::Schemas;
use crate::text::Source;

use super::walk::{Contents, contents};
use super::{Script, parse, place};

mod at;
mod callbacks;
mod contract;
mod facts;
mod flow;
mod globals;
mod platform;
mod requires;
mod wants;

use facts::Facts;
use wants::Wants;

/// One file, read.
#[derive(Debug)]
struct File {
    source: Source,
    contents: Contents,
    facts: Facts,
    /// The files that its requires lead to, by what is required: numbers among all files.
    modules: HashMap<String, usize>,
    /// Whether it parsed without a fault; else no more is said of it.
    is_sound: bool,
}

impl File {
    fn place(&self, range: &Range<usize>) -> Place {
        place(&self.source, range.clone())
    }
}

impl App {
    /// Every fault of the app's scripts that can be known without running them, sorted by file and place.
    ///
    /// A missing `server.js` is a finding like any other.
    pub fn check_scripts(&self, schemas: &Schemas) -> Findings {
        match self.script() {
            Ok(script) => check(Some(self), &Wants::of(&self.manifest), schemas, &script),
            Err(findings) => findings,
        }
    }
}

/// Checks `server.js` and all that it reaches. Without an app no relative `require` is followed.
fn check(app: Option<&App>, wants: &Wants, schemas: &Schemas, script: &Script) -> Findings {
    let (files, mut findings) = read(app, wants, script);
    callbacks::check(&files, wants, &mut findings);
    for file in files.iter().filter(|file| file.is_sound) {
        globals::check(file, &mut findings);
        platform::check(file, wants, &mut findings);
    }
    contract::check(&files, wants, schemas, &mut findings);
    sort(&mut findings);
    findings
}

/// Sorts by file and place; of findings alike, one is kept.
fn sort(findings: &mut Findings) {
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| (finding.place.file.clone(), finding.place.span.map(|span| span.start));
        key(a).cmp(&key(b))
    });
    findings.dedup();
}

/// Reads the script and every file that it reaches, each once, `server.js` first.
fn read(app: Option<&App>, wants: &Wants, script: &Script) -> (Vec<File>, Findings) {
    let mut findings = Findings::new();
    let mut numbers = HashMap::from([(script.name.clone(), 0)]);
    let mut queue = VecDeque::from([(script.name.clone(), script.source.clone())]);
    let mut files = Vec::new();
    while let Some((name, source)) = queue.pop_front() {
        let mut file = read_file(&name, &source, &mut findings);
        for (specifier, range) in &file.contents.requires {
            let (Some(app), Some(specifier)) = (app, specifier) else { continue };
            let required = app.require(&name, specifier);
            findings.extend(requires::fault(specifier, &required, wants).map(|finding| finding.at(file.place(range))));
            if let Required::Module { name, source } = required
                && !requires::is_json(&name)
            {
                let next = numbers.len();
                let number = *numbers.entry(name.clone()).or_insert(next);
                if number == next {
                    queue.push_back((name, source));
                }
                file.modules.insert(specifier.clone(), number);
            }
        }
        files.push(file);
    }
    (files, findings)
}

fn read_file(name: &str, source: &Source, findings: &mut Findings) -> File {
    let parsed = parse::parsed(source, {
        let name = name.to_owned();
        move |program, source| facts(program, &name, source)
    });
    let (contents, facts, is_sound) = match parsed {
        Ok(((contents, facts, faults), syntax)) => {
            let faults = if syntax.is_empty() { faults } else { syntax };
            let is_sound = faults.is_empty();
            findings.extend(faults);
            (contents, facts, is_sound)
        }
        Err(finding) => {
            findings.push(finding);
            (Contents::default(), Facts::default(), false)
        }
    };
    File { source: source.clone(), contents, facts, modules: HashMap::new(), is_sound }
}

/// Resolves the names of a program and reads it. The faults are those that show only with names resolved, such as a
/// `let` that is there twice.
fn facts(program: &Program<'_>, name: &str, source: &Source) -> (Contents, Facts, Findings) {
    let built = SemanticBuilder::new_compiler().build(program);
    let faults = parse::findings(built.diagnostics.into_vec(), source);
    let contents = contents(program, name, source);
    let exported: HashSet<usize> =
        contents.exports.names.iter().filter_map(|export| callbacks::offset(&export.place)).collect();
    let facts = facts::collect(program, built.semantic.scoping(), &exported);
    (contents, facts, faults)
}

#[cfg(test)]
mod tests;
