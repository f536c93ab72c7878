//! Each rule on scripts, as tables of what is written and what is found where.

#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

use crate::app::testing::open;
use crate::model::{Findings, Severity};
use crate::schema::Schemas;

const MANIFEST: &str = r#"{"platform-version": "3.0", "modules": {"common": {}, "chat_user": {"events": {
"onUserCreate": {"handler": "created"}, "onUserUpdate": {"handler": "updated"}}}}}"#;

/// Both callbacks, so that a table's script has to say what it is about only.
const BOTH: &str = "exports = { created: function (payload) {}, updated: function (payload) {} };\n";

fn findings(files: &[(&str, &str)]) -> Findings {
    let (_dir, app) = open(files);
    app.unwrap().check_scripts(&Schemas::embedded())
}

/// `code line:column` of each finding in the scripts.
fn told(findings: &Findings) -> Vec<String> {
    findings
        .iter()
        .map(|finding| {
            let start = finding.place.span.unwrap().start;
            format!("{} {}:{}", finding.code.name(), start.line, start.column)
        })
        .collect()
}

fn check(script: &str) -> Vec<String> {
    told(&findings(&[("manifest.json", MANIFEST), ("server/server.js", script)]))
}

/// What is found in a script that defines both callbacks first, so that the text begins in line 2.
fn check_after(script: &str) -> Vec<String> {
    check(&format!("{BOTH}{script}"))
}

#[track_caller]
fn table(rows: &[(&str, &[&str])]) {
    for (script, expected) in rows {
        assert_eq!(check_after(script), *expected, "{script}");
    }
}

#[test]
fn a_callback_that_is_there_in_any_form_is_found() {
    for script in [
        "exports = { created: function () {}, async updated() {} };",
        "exports = { created: async function () {}, ['updated']: function () {} };",
        "exports = require('./nothing-known');",
        "exports = { ...handlers() };",
    ] {
        let found = findings(&[
            ("manifest.json", MANIFEST),
            ("server/server.js", script),
            ("server/nothing-known.js", "exports = {};"),
        ]);
        assert_eq!(told(&found), Vec::<String>::new(), "{script}");
    }
}

#[test]
fn a_callback_that_is_not_there_is_told_at_its_name_in_the_manifest() {
    let script = "exports = { created: function () {}, updateed: function () {} };";
    let found = findings(&[("manifest.json", MANIFEST), ("server/server.js", script)]);
    assert_eq!(told(&found), ["unknown-callback 2:69"]);
    assert_eq!(found[0].hints, ["did you mean `updateed`?"]);
    assert_eq!(check("exports = { created: 1, updated() {} };"), ["unknown-callback 2:29"]);
    assert_eq!(check("").len(), 2);
}

#[test]
fn forms_that_the_packer_does_not_see_are_told() {
    for (script, place) in [
        ("exports = { created: () => {}, updated() {} };", "1:13"),
        ("function created() {}\nexports = { created, updated() {} };", "2:13"),
        ("exports = { updated() {} };\nexports.created = function () {};", "2:9"),
        ("const all = { created() {} };\nexports = { ...all, updated() {} };", "1:15"),
    ] {
        assert_eq!(check(script), [format!("packer-blind {place}")], "{script}");
    }
    let both = check("module.exports = { created() {}, updated() {} };");
    assert_eq!(both, ["packer-blind 1:20", "packer-blind 1:34"]);
    let lib = findings(&[
        ("manifest.json", MANIFEST),
        ("server/server.js", &format!("{BOTH}require('./a');")),
        ("server/a.js", "module.exports = { f() {}, g() {} };"),
    ]);
    assert_eq!(told(&lib), ["packer-blind 1:20"]);
}

#[test]
fn a_callback_that_nothing_names_is_a_note() {
    let with = |more: &str| check(&format!("exports = {{ created() {{}}, updated() {{}}, {more} }};"));
    assert_eq!(with("onUserDeleteCallback: function () {}"), ["unused-callback 1:41"]);
    assert_eq!(with("helper: function () {}"), Vec::<String>::new());
    assert_eq!(with("onMine() {}, g() { this.onMine(); }"), Vec::<String>::new());
    assert_eq!(with("onMine: 'text'"), Vec::<String>::new());
}

#[test]
fn a_fault_of_syntax_is_all_that_is_told_of_its_file() {
    assert_eq!(check("exports = { created: function( {} };"), ["script-syntax 1:35"]);
    assert_eq!(check_after("let a;\nlet a;"), ["script-syntax 2:5"]);
    assert_eq!(check_after("return;"), Vec::<String>::new());
    let lib = findings(&[
        ("manifest.json", MANIFEST),
        ("server/server.js", &format!("{BOTH}require('./a'); setTimeout(f);")),
        ("server/a.js", "exports = {,}; setTimeout(f)"),
    ]);
    assert_eq!(told(&lib), ["script-syntax 1:12", "missing-global 2:17"]);
}

#[test]
fn globals_that_the_platform_lacks_are_told_where_they_are_used() {
    table(&[
        ("setTimeout(f, 1);", &["missing-global 2:1"]),
        ("const b = Buffer.from('x');", &["missing-global 2:11"]),
        ("if (done) process.exit(1);", &["missing-global 2:11"]),
        ("process.env.HOME;", &["missing-global 2:1"]),
        ("global.setTimeout(f);", &["missing-global 2:1"]),
        ("const { a } = { a: fetch };", &["missing-global 2:20"]),
        ("const all = { fetch };", &["missing-global 2:15"]),
        ("new URL(x); $configs.a;", &["missing-global 2:5", "missing-global 2:13"]),
    ]);
}

#[test]
fn names_of_the_files_own_are_no_globals() {
    table(&[
        ("function setTimeout() {} setTimeout();", &[]),
        ("function f(fetch) { fetch(); }", &[]),
        ("const { URL } = require('url'); new URL(x);", &[]),
        ("if (typeof fetch === 'function') fetch(x);", &[]),
        ("setTimeout = f; setTimeout();", &[]),
        ("x.setTimeout(); x.fetch; y = { Buffer: 1 };", &[]),
        ("process.env.ENV; process.cwd(); process; global.mine;", &[]),
        ("try {} catch (crypto) { crypto; }", &[]),
        ("// setTimeout()\n'setTimeout()';", &[]),
    ]);
}

#[test]
fn requires_that_cannot_work_are_told() {
    table(&[
        ("require('./nowhere');", &["bad-require 2:1"]),
        ("require('../manifest');", &["bad-require 2:1"]),
        ("const x = require('axios');", &["undeclared-dependency 2:11"]),
        ("require('@scope/name/file');", &["undeclared-dependency 2:1"]),
        ("require('crypto'); require('node:fs'); require(name);", &[]),
    ]);
    let manifest = MANIFEST.replacen('{', r#"{"dependencies": {"axios": "1.7.0"}, "#, 1);
    let found = findings(&[
        ("manifest.json", &manifest),
        ("server/server.js", &format!("{BOTH}require('axios'); require('axios/lib'); require('./a.json');")),
        ("server/a.json", "{}"),
    ]);
    assert_eq!(told(&found), ["json-require 2:41"]);
}

#[test]
fn platform_objects_ask_for_their_events() {
    table(&[
        ("$schedule.create({ name: 'a' });", &["missing-subscription 2:1"]),
        ("generateTargetUrl().then(f);", &["missing-subscription 2:1"]),
        ("$schedule.fetch({ name: 'a' }); function f($schedule) { $schedule.create(); }", &[]),
    ]);
    let manifest =
        MANIFEST.replace(r#""common": {}"#, r#""common": {"events": {"onScheduledEvent": {"handler": "created"}}}"#);
    let script = format!("{BOTH}$schedule.create({{ name: 'a' }});");
    assert_eq!(told(&findings(&[("manifest.json", &manifest), ("server/server.js", &script)])), Vec::<String>::new());
}

#[test]
fn good_samples_have_nothing_to_mend() {
    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    for entry in std::fs::read_dir(&samples).unwrap() {
        let path = entry.unwrap().path();
        if !path.join("manifest.json").is_file() {
            continue;
        }
        let locate = crate::app::Locate { app: Some(path.clone()), manifest: None, cwd: samples.clone() };
        let findings = crate::app::App::open(&locate).unwrap().check_scripts(&Schemas::embedded());
        let grave: Vec<_> = findings.iter().filter(|finding| finding.severity > Severity::Note).collect();
        assert!(grave.is_empty(), "{}: {grave:#?}", path.display());
    }
}
