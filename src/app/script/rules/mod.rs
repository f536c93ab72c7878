//! What can be said of an app's scripts without running them: the rules behind `simctl validate`.
//!
//! `facts.rs` reads a file once; the rules read the facts of all files. A rule that is not sure stays silent: a false
//! alarm is worse than a miss. Nothing here reads a file but through [`App::require`], and nothing runs.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::path::{Path, PathBuf};

use oxc_ast::ast::Program;
use oxc_semantic::SemanticBuilder;

use crate::app::{App, Required};
use crate::model::{Code, Finding, Findings, Place, Platform};
use crate::schema::Schemas;
use crate::text::Source;

use super::walk::{Contents, contents};
use super::{Script, parse, place};

mod allow;
mod at;
mod callbacks;
mod contract;
mod facts;
mod flow;
mod globals;
mod iparams;
mod platform;
mod requires;
mod templates;
mod wants;

pub use globals::{instead_of_global, instead_of_process};

use allow::Allow;
use facts::Facts;
use wants::Wants;

/// One file, read.
#[derive(Debug)]
struct File {
    source: Source,
    contents: Contents,
    facts: Facts,
    /// Comments that silence a finding.
    allows: Vec<Allow>,
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
        self.checked_scripts(schemas).1
    }

    /// The same, and the files that were read, as they are named in findings.
    pub fn checked_scripts(&self, schemas: &Schemas) -> (Vec<PathBuf>, Findings) {
        match self.script() {
            Ok(script) => check(Some(self), &Wants::of_app(self), schemas, &script),
            Err(findings) => (Vec::new(), findings),
        }
    }
}

/// Checks `server.js` and all that it reaches. Without an app no relative `require` is followed.
fn check(app: Option<&App>, wants: &Wants, schemas: &Schemas, script: &Script) -> (Vec<PathBuf>, Findings) {
    let (files, mut findings) = read(app, wants, script);
    callbacks::check(&files, wants, &mut findings);
    for file in files.iter().filter(|file| file.is_sound) {
        globals::check(file, &mut findings);
        platform::check(file, wants, &mut findings);
    }
    contract::check(&files, wants, schemas, &mut findings);
    templates::check(&files, wants, &mut findings);
    iparams::check(&files, wants, &mut findings);
    let mut findings = allow::apply(&files, findings);
    sort(&mut findings);
    (files.iter().map(|file| file.source.file().to_path_buf()).collect(), findings)
}

/// Checks one script on its own: its `callbacks` are pairs of event and name, `file` is how it is named in findings.
///
/// No file is read: a relative `require` leads nowhere, and no more is said of it. Never panics, whatever the bytes.
pub fn check_script(
    schemas: &Schemas,
    platform: Platform,
    callbacks: &[(&str, &str)],
    file: &Path,
    bytes: Vec<u8>,
) -> Findings {
    let source = match Source::new(file, bytes) {
        Ok(source) => source,
        Err(finding) => return vec![finding],
    };
    let script = Script { name: file.to_string_lossy().into_owned(), source };
    check(None, &Wants::of_callbacks(platform, callbacks), schemas, &script).1
}

/// Checks one script of which nobody knows who requires it and what it is for.
pub(in crate::app) fn check_alone(schemas: &Schemas, platform: Platform, source: Source) -> Findings {
    let script = Script { name: source.file().to_string_lossy().into_owned(), source };
    let mut findings = check(None, &Wants::of_callbacks(platform, &[]), schemas, &script).1;
    // What subscribes to its callbacks is not known.
    findings.retain(|finding| !matches!(finding.code, Code::UnusedCallback | Code::MissingSubscription));
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
    let (contents, facts, allows, is_sound) = match parsed {
        Ok((Read { contents, facts, allows, faults }, syntax)) => {
            let faults = if syntax.is_empty() { faults } else { syntax };
            let is_sound = faults.is_empty();
            findings.extend(faults);
            (contents, facts, allows, is_sound)
        }
        Err(finding) => {
            findings.push(finding);
            (Contents::default(), Facts::default(), Vec::new(), false)
        }
    };
    File { source: source.clone(), contents, facts, allows, modules: HashMap::new(), is_sound }
}

/// What a program says.
struct Read {
    contents: Contents,
    facts: Facts,
    allows: Vec<Allow>,
    /// Faults of syntax that show only with names resolved, such as a `let` that is there twice.
    faults: Findings,
}

/// Resolves the names of a program and reads it.
fn facts(program: &Program<'_>, name: &str, source: &Source) -> Read {
    let built = SemanticBuilder::new_compiler().build(program);
    let faults = parse::findings(built.diagnostics.into_vec(), source);
    let contents = contents(program, name, source);
    let exported: HashSet<usize> =
        contents.exports.names.iter().filter_map(|export| callbacks::offset(&export.place)).collect();
    let facts = facts::collect(program, built.semantic.scoping(), &exported);
    Read { contents, facts, allows: allow::allows(program), faults }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests;
