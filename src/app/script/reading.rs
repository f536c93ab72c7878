//! What is known of an app's scripts without running them: all files that `server.js` reaches.

use std::collections::{HashSet, VecDeque};
use std::path::Path;

use crate::app::{App, Required};
use crate::model::{Findings, Place};
use crate::text::Source;

use super::exports::{Export, LegacyEvent};
use super::walk::{Contents, contents};
use super::{Script, parse, place};

/// What the scripts of an app hold, read and not run.
#[derive(Debug, Default)]
pub struct Reading {
    /// The files read, relative to the app's folder, `server.js` first.
    pub files: Vec<String>,
    /// What `server.js` exports.
    pub exports: Vec<Export>,
    /// Whether `server.js` may export more than could be read, such as what another file hands on.
    pub exports_open: bool,
    /// The entries of `exports.events` in `server.js`.
    pub legacy_events: Vec<LegacyEvent>,
    /// Requires of npm packages, and of modules that are Node's own.
    pub packages: Vec<Use>,
    /// Requires of JSON files, which the platform does not pack.
    pub json: Vec<Use>,
    /// Requires whose argument is not a literal.
    pub dynamic: Vec<Place>,
    /// Relative requires that cannot work.
    pub refused: Vec<Refusal>,
    /// What the embedded runtime does not have, or answers differently.
    pub node_only: Vec<Reason>,
    /// Syntax errors.
    pub syntax: Findings,
    /// Faults in `exports.events`.
    pub faults: Findings,
}

/// A `require` of a literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// What is required, as it is written.
    pub specifier: String,
    /// The call.
    pub place: Place,
}

/// A `require` that cannot work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is required, as it is written.
    pub specifier: String,
    /// Why it cannot work.
    pub message: String,
    /// The call.
    pub place: Place,
}

/// Something that only Node.js does as the platform does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// `Intl`, or the name of a method.
    pub what: &'static str,
    /// Where it is used.
    pub place: Place,
}

impl Reading {
    /// Why the app needs Node.js, in one line; `None` where the embedded runtime does what Node.js would.
    pub fn needs_node(&self) -> Option<String> {
        if let Some(package) = self.packages.first() {
            let what = if is_builtin(&package.specifier) { "Node's own module" } else { "the npm package" };
            return Some(format!("`{}` requires {what} `{}`", line_of(&package.place), package.specifier));
        }
        let reason = self.node_only.first()?;
        let line = line_of(&reason.place);
        Some(match reason.what {
            "Intl" => format!("`{line}` uses `Intl`, which the embedded runtime does not have"),
            method => format!("`{line}` calls `{method}`, which the embedded runtime answers differently"),
        })
    }

    fn add(&mut self, app: &App, name: &str, source: &Source, queue: &mut VecDeque<(String, Source)>) {
        self.files.push(name.to_owned());
        let (contents, syntax) = match parse::parsed(source, {
            let name = name.to_owned();
            move |program, source| contents(program, &name, source)
        }) {
            Ok(parsed) => parsed,
            Err(finding) => return self.syntax.push(finding),
        };
        self.syntax.extend(syntax);
        let Contents { exports, requires, node_only } = contents;
        if self.files.len() == 1 {
            self.exports = exports.names;
            self.exports_open = exports.open;
            self.legacy_events = exports.legacy_events;
            self.faults = exports.faults;
        }
        self.node_only.extend(node_only.into_iter().map(|(what, range)| Reason { what, place: place(source, range) }));
        for (specifier, range) in requires {
            let place = place(source, range);
            let Some(specifier) = specifier else {
                self.dynamic.push(place);
                continue;
            };
            match app.require(name, &specifier) {
                Required::Module { name, source } => {
                    if Path::new(&name).extension().is_some_and(|extension| extension == "json") {
                        self.json.push(Use { specifier, place });
                    } else {
                        queue.push_back((name, source));
                    }
                }
                Required::Package { specifier } => self.packages.push(Use { specifier, place }),
                Required::Refused { message } => self.refused.push(Refusal { specifier, message, place }),
            }
        }
    }
}

/// Reads a script and all that it reaches, each file once.
pub(in crate::app) fn read_all(app: &App, script: &Script) -> Reading {
    let mut reading = Reading::default();
    let mut seen = HashSet::new();
    let mut queue = VecDeque::from([(script.name.clone(), script.source.clone())]);
    while let Some((name, source)) = queue.pop_front() {
        if seen.insert(name.clone()) {
            reading.add(app, &name, &source, &mut queue);
        }
    }
    reading
}

/// The `exports.events` of a script alone, and the findings on the way to them.
pub(in crate::app) fn legacy_events(script: &Script) -> (Vec<LegacyEvent>, Findings) {
    match parse::parsed(&script.source, {
        let name = script.name.clone();
        move |program, source| contents(program, &name, source)
    }) {
        Ok((contents, mut findings)) => {
            findings.extend(contents.exports.faults);
            (contents.exports.legacy_events, findings)
        }
        Err(finding) => (Vec::new(), vec![finding]),
    }
}

fn line_of(place: &Place) -> String {
    let file = place.file.as_deref().unwrap_or(Path::new("")).display();
    place.span.map_or_else(|| file.to_string(), |span| format!("{file}:{}", span.start.line))
}

/// Whether Node.js brings the module along.
fn is_builtin(specifier: &str) -> bool {
    const BUILTIN: &[&str] = &[
        "assert",
        "async_hooks",
        "buffer",
        "child_process",
        "cluster",
        "console",
        "constants",
        "crypto",
        "dgram",
        "dns",
        "domain",
        "events",
        "fs",
        "http",
        "http2",
        "https",
        "module",
        "net",
        "os",
        "path",
        "perf_hooks",
        "process",
        "punycode",
        "querystring",
        "readline",
        "repl",
        "stream",
        "string_decoder",
        "sys",
        "timers",
        "tls",
        "tty",
        "url",
        "util",
        "v8",
        "vm",
        "wasi",
        "worker_threads",
        "zlib",
    ];
    let name = specifier.split('/').next().unwrap_or(specifier);
    specifier.starts_with("node:") || BUILTIN.contains(&name)
}
