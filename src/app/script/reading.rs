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
pub fn is_builtin(specifier: &str) -> bool {
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::super::{Form, Via};
    use super::*;
    use crate::app::testing::open;

    const MANIFEST: (&str, &str) = ("manifest.json", r#"{"events": {"onUserCreate": {"handler": "f"}}}"#);

    fn read_with(script: &str, more: &[(&str, &str)]) -> Reading {
        let files = [&[MANIFEST, ("server/server.js", script)], more].concat();
        let (_dir, app) = open(&files);
        let app = app.unwrap();
        app.read_scripts(&app.script().unwrap())
    }

    fn read(script: &str) -> Reading {
        read_with(script, &[])
    }

    fn names(reading: &Reading) -> Vec<&str> {
        reading.exports.iter().map(|export| export.name.as_str()).collect()
    }

    #[test]
    fn exports_are_read_in_every_form() {
        let reading = read(
            "const more = { g: function () {}, ['h']: 1 };\n\
             exports = { a: function () {}, b() {}, async c() {}, d: async () => {}, e, 'f': e, ...more, ...{ i() {} } };",
        );
        assert_eq!(names(&reading), ["a", "b", "c", "d", "e", "f", "g", "h", "i"]);
        let forms: Vec<Form> = reading.exports.iter().map(|export| export.form).collect();
        use Form::{Arrow, Function, Method, Name, Value};
        assert_eq!(forms, [Function, Method, Method, Arrow, Name, Name, Function, Value, Method]);
        let is_async: String = reading.exports.iter().map(|e| if e.is_async { 'a' } else { '-' }).collect();
        assert_eq!(is_async, "--aa-----");
        assert!(!reading.exports_open);
        assert_eq!(reading.exports[1].place.span.map(|span| (span.start.line, span.start.column)), Some((2, 32)));
    }

    #[test]
    fn exports_are_read_in_every_place() {
        for (script, via) in [
            ("exports = { f() {} }", Via::Literal),
            ("'use strict'; exports = ({ f: function f() {} });", Via::Literal),
            ("var exports = { f() {} }", Via::Literal),
            ("if (1) { exports = { f() {} } }", Via::Literal),
            ("var all = { f() {} }; exports = all;", Via::Indirect),
            ("module.exports = { f() {} }", Via::ModuleExports),
            ("module['exports'] = { f() {} }", Via::ModuleExports),
            ("exports.f = function () {}", Via::Member),
            ("exports['f'] = () => {}", Via::Member),
            ("module.exports.f = f; function f() {}", Via::ModuleMember),
        ] {
            let reading = read(script);
            assert_eq!(names(&reading), ["f"], "{script}");
            assert_eq!(reading.exports[0].via, via, "{script}");
        }
        assert_eq!(names(&read("exports = module.exports = { f() {} }")), ["f"]);
    }

    #[test]
    fn what_cannot_be_read_leaves_the_exports_open() {
        for script in [
            "exports = require('./x')",
            "exports = { ...require('./x') }",
            "exports = { [name]: f }",
            "exports[name] = f",
            "Object.assign(exports, x)",
            "(function () { exports = { f() {} } })()",
        ] {
            assert!(read(script).exports_open, "{script}");
        }
        assert!(!read("exports = { f() { local.exports = 1; } }").exports_open);
        // Two literals that spread each other must not be followed for ever.
        read("var a = { ...b }, b = { ...a }; exports = a;");
    }

    #[test]
    fn legacy_events_name_their_callbacks() {
        let reading = read(
            "exports = {\n  events: [\n    { event: 'onUserCreate', callback: 'f' },\n    { event: `onUserUpdate`, callback: g },\n  ],\n  f() {}\n};",
        );
        let found: Vec<(&str, &str, u32)> = reading
            .legacy_events
            .iter()
            .map(|found| (&*found.event, &*found.callback, found.place.span.map_or(0, |span| span.start.line)))
            .collect();
        assert_eq!(found, [("onUserCreate", "f", 3), ("onUserUpdate", "g", 4)]);
        assert_eq!(names(&reading), ["f"]);
    }

    #[test]
    fn libs_are_followed_once_and_only_where_reached() {
        let reading = read_with(
            "const a = require('./lib/a'); require(`./lib/a.js`); require(name); require('./data.json'); require('../out');",
            &[
                ("server/lib/a.js", "require('./b'); require('../server');"),
                ("server/lib/b.js", "const x = require('axios');"),
                ("server/lib/unreached.js", "require('lodash')"),
                ("server/data.json", "{}"),
            ],
        );
        assert_eq!(reading.files, ["server/server.js", "server/lib/a.js", "server/lib/b.js"]);
        assert_eq!((reading.dynamic.len(), reading.json.len(), reading.refused.len()), (1, 1, 1));
        assert_eq!(reading.needs_node().unwrap(), "`server/lib/b.js:1` requires the npm package `axios`");
    }

    #[test]
    fn what_the_runtimes_do_differently_needs_node() {
        let why = |script: &str| read(script).needs_node();
        assert_eq!(
            why("exports = {\n  f() { return new Intl.NumberFormat() }\n};").unwrap(),
            "`server/server.js:2` uses `Intl`, which the embedded runtime does not have"
        );
        assert!(why("exports = { f(p) { return p?.d.toLocaleString('de') } }").unwrap().contains("`toLocaleString`"));
        assert!(why("names.sort((a, b) => a['localeCompare'](b))").unwrap().contains("`localeCompare`"));
        assert!(why("require('crypto')").unwrap().contains("Node's own module `crypto`"));
        assert_eq!(why("exports = { f(p) { return p.Intl + 'Intl' /* Intl */ } }"), None);
    }

    #[test]
    fn a_fault_leaves_what_is_known_of_other_files() {
        let reading = read_with("require('./a'); exports = { f() {} };", &[("server/a.js", "exports = {,}")]);
        assert_eq!(names(&reading), ["f"]);
        assert_eq!(reading.syntax.len(), 1);
        assert_eq!(reading.syntax[0].place.file.as_deref(), Some(Path::new("server/a.js")));
        assert!(read("").exports.is_empty());
    }
}
