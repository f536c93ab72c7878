//! Globals that Node.js has and the platform does not: code that uses one works on a desk and fails in production.

use crate::model::{Code, Finding, Findings};

use super::File;

/// Names that the platform's realm lacks, and what to do instead.
const MISSING: &[(&str, &str)] = &[
    ("setTimeout", LATER),
    ("setInterval", LATER),
    ("setImmediate", LATER),
    ("clearTimeout", "there is nothing to clear, as the platform has no timers"),
    ("clearInterval", "there is nothing to clear, as the platform has no timers"),
    ("clearImmediate", "there is nothing to clear, as the platform has no timers"),
    ("queueMicrotask", "use `Promise.resolve().then(…)`"),
    ("Buffer", "for base64 and bytes, require an npm package named in the manifest's `dependencies`"),
    ("fetch", REQUEST),
    ("Headers", REQUEST),
    ("Request", REQUEST),
    ("Response", REQUEST),
    ("XMLHttpRequest", REQUEST),
    ("AbortController", REQUEST),
    ("URL", "use `require('url')`, or put the text together"),
    ("URLSearchParams", "use `require('querystring')`, or `encodeURIComponent`"),
    ("TextEncoder", "use `require('util')`"),
    ("TextDecoder", "use `require('util')`"),
    ("crypto", "use `require('crypto')`"),
    ("performance", "use `Date.now()`"),
    ("structuredClone", "use `JSON.parse(JSON.stringify(value))`"),
    ("atob", "require an npm package for base64"),
    ("btoa", "require an npm package for base64"),
    ("DOMException", "throw an `Error`"),
    ("WebAssembly", "the platform runs JavaScript only"),
    ("localStorage", "keep data with `$db`"),
    ("__dirname", "require files relative to the one that requires them"),
    ("__filename", "require files relative to the one that requires them"),
    ("$configs", "read settings from `payload.iparams`"),
];

/// What to do instead of using the global `name`, where the platform lacks it.
pub fn instead_of_global(name: &str) -> Option<&'static str> {
    MISSING.iter().find(|(missing, _)| *missing == name).map(|(_, instead)| *instead)
}

/// What to do instead of using `process.…`, where the platform's `process` lacks it.
pub fn instead_of_process(name: &str) -> &'static str {
    match name {
        "process.exit" | "process.abort" | "process.kill" => "to fail, throw; to end, return",
        "process.nextTick" => "use `Promise.resolve().then(…)`",
        "process.hrtime" | "process.uptime" => "use `Date.now()`",
        _ if name.starts_with("process.env.") => {
            "its `process.env` has `ENV` only: read settings from `payload.iparams`"
        }
        _ => "its `process` has `env.ENV` and `cwd` only",
    }
}

const LATER: &str = "to run something later, use `$schedule`; to wait, await a promise";
const REQUEST: &str = "call other services with `$request`";

/// Members that the platform's `process` has.
const OF_PROCESS: &[&str] = &["process.env", "process.cwd", "process.env.ENV"];

/// Every use of a missing global in a file.
pub(super) fn check(file: &File, findings: &mut Findings) {
    for global in &file.facts.globals {
        let name = global.name.as_str();
        let root = name.split('.').next().unwrap_or(name);
        if file.facts.excused.contains(root) || file.facts.excused.contains(name) {
            continue;
        }
        let instead = if name.starts_with("process.") {
            if OF_PROCESS.contains(&name) || is_inherited(name) {
                continue;
            }
            instead_of_process(name)
        } else {
            match instead_of_global(name) {
                Some(instead) => instead,
                None => continue,
            }
        };
        let what = format!("the platform has no `{name}`");
        findings.push(Finding::new(Code::MissingGlobal, what).at(file.place(&global.range)).hint(instead));
    }
}

fn is_inherited(name: &str) -> bool {
    matches!(name.rsplit('.').next(), Some("toString" | "hasOwnProperty" | "constructor"))
}
