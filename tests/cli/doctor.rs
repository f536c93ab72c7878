//! `simctl doctor`: says what is there, what is lacking, and changes nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::sandbox::{Ran, Sandbox, node_or_skip};

const HANDLER: &str = "exports = { created: function () {}, updated: function () {} };";

/// An app, and a PATH with nothing in it.
fn without_node(server: &str) -> Sandbox {
    let app = Sandbox::app(server).folder("nothing");
    let path = app.path().join("nothing");
    app.env("PATH", path)
}

/// What was found of `name`; the report fits its schema.
#[track_caller]
fn found(ran: &Ran, name: &str) -> Value {
    let report = ran.json();
    assert_eq!(simctl::schema::Schemas::embedded().check_value("doctor", &report), []);
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {report:#}")).clone()
}

fn looked(app: &Sandbox, code: i32) -> Ran {
    app.run(["doctor", "--format", "json"]).code(code).no_stderr()
}

#[test]
fn an_app_that_needs_nothing_more_lacks_nothing() {
    let app = without_node(HANDLER);
    let ran = looked(&app, 0);
    assert_eq!(ran.json()["lacking"], 0);
    for (name, state) in [
        ("simctl", "good"),
        ("Node.js", "not-needed"),
        ("manifest", "good"),
        ("handler", "good"),
        ("findings", "good"),
        ("mocks", "not-needed"),
        (".simctl", "not-needed"),
        ("history", "not-needed"),
    ] {
        assert_eq!(found(&ran, name)["state"], state, "{name}");
    }
    assert!(!app.path().join(".simctl").exists(), "a look changes nothing");
}

#[test]
fn node_is_lacking_where_the_app_needs_it() {
    let app = without_node("const p = require('path'); exports = { created: () => p.sep, updated: () => 1 };");
    let ran = looked(&app, 1);
    let node = found(&ran, "Node.js");
    assert_eq!(node["state"], "lacking", "{node}");
    assert!(node["found"].as_str().unwrap().contains("`path`"), "{node}");
    assert!(node["advice"].as_str().unwrap().contains("https://nodejs.org"), "{node}");
}

#[test]
fn a_program_that_only_calls_itself_node_is_none() {
    let app = without_node(HANDLER).file("nothing/node", "#!/bin/sh\nexit 127\n");
    fs::set_permissions(app.path().join("nothing/node"), fs::Permissions::from_mode(0o755)).unwrap();
    let node = found(&looked(&app, 0), "Node.js");
    assert_eq!(node["state"], "not-needed", "{node}");
}

#[test]
fn the_node_that_is_here_is_told_with_its_version() {
    if !node_or_skip("doctor with Node.js") {
        return;
    }
    let manifest = |node: &str| {
        let events = r#""common": {}, "chat_user": {"events": {"onUserCreate": {"handler": "created"}}}"#;
        format!(
            r#"{{"platform-version": "3.0", "modules": {{{events}}}, "engines": {{"node": "{node}", "fdk": "9.7.4"}}}}"#
        )
    };
    let server = "require('os'); exports = { created: () => 1 };";
    let app = Sandbox::app(server).file("manifest.json", manifest("18.20.8"));
    assert_eq!(found(&looked(&app, 0), "Node.js")["state"], "good");
    let app = app.file("manifest.json", manifest("99.0.0"));
    let node = found(&looked(&app, 1), "Node.js");
    assert_eq!(node["state"], "lacking", "{node}");
    assert!(node["found"].as_str().unwrap().ends_with("asks for 99.0.0"), "{node}");
}

#[test]
fn faults_of_the_app_are_counted_and_shown_elsewhere() {
    let app = without_node("exports = { created: function () {} };");
    let ran = looked(&app, 1);
    let findings = found(&ran, "findings");
    assert_eq!((&findings["state"], &findings["found"]), (&Value::from("lacking"), &Value::from("1 error")));
    assert_eq!(findings["advice"], "`simctl validate` shows them");
    let app = without_node(HANDLER).file("manifest.json", "{ \"platform-version\": ");
    let ran = looked(&app, 1);
    assert_eq!(found(&ran, "manifest")["state"], "lacking");
    app.run(["doctor", "--quiet"]).code(1).stdout("LACK  manifest").without("terminal");
}

#[test]
fn without_an_app_only_the_machine_is_looked_at() {
    let folder = Sandbox::new();
    let ran = folder.run(["doctor", "--format", "json"]).code(0);
    assert_eq!((&ran.json()["app"], &found(&ran, "app")["state"]), (&Value::Null, &Value::from("not-needed")));
    folder.run(["doctor"]).code(0).stdout("simctl init my-app").stdout("nothing is lacking");
    folder.run(["doctor", "--app", "nowhere"]).code(2).no_stdout().stderr("file-missing");
}

#[test]
fn a_folder_that_cannot_be_kept_in_is_lacking() {
    let app = without_node(HANDLER).file(".simctl", "not a folder");
    let ran = looked(&app, 1);
    assert_eq!(found(&ran, ".simctl")["state"], "lacking");
    let elsewhere = Sandbox::new();
    let app = without_node(HANDLER);
    std::os::unix::fs::symlink(elsewhere.path(), app.path().join(".simctl")).unwrap();
    assert_eq!(found(&looked(&app, 1), ".simctl")["state"], "lacking");
    // Root may write everywhere.
    let app = without_node(HANDLER).folder(".simctl");
    fs::set_permissions(app.path().join(".simctl"), fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(app.path().join(".simctl/probe"), "").is_err() {
        assert_eq!(found(&looked(&app, 1), ".simctl")["state"], "lacking");
    }
}

#[test]
fn what_is_kept_is_told_by_size_and_number() {
    let app = without_node(HANDLER);
    app.run(["trigger", "onUserCreate"]).code(0);
    let ran = looked(&app, 0);
    assert_eq!(found(&ran, "history")["found"], "1 delivery");
    assert_eq!(found(&ran, ".simctl")["state"], "good");
}

#[test]
fn the_environment_is_told_by_names_and_never_by_values() {
    let app = without_node(HANDLER).env("SIMCTL_LOCALE", "ja_jp").env("NODE_OPTIONS", "--secret-looking");
    let ran = app.run(["doctor"]).code(0).stdout("SIMCTL_LOCALE").stdout("NODE_OPTIONS");
    ran.without("ja_jp").without("secret-looking");
    let iparams = r#"{"key": {"display_name": "Key", "type": "text", "secure": true}}"#;
    let app = without_node(HANDLER)
        .file("config/iparams.json", iparams)
        .file("config/iparam_test_data.json", r#"{"key": "hunter2hunter2"}"#);
    app.run(["doctor", "--verbose"]).stdout("1 installation parameter").without("hunter2hunter2");
}

#[test]
fn a_variable_whose_flag_refuses_it_is_lacking_and_one_that_no_flag_reads_is_told() {
    let app = without_node(HANDLER).env("SIMCTL_SEED", "sevenish").env("SIMCTL_LOCAL", "ja_jp");
    app.run(["doctor"])
        .code(1)
        .stdout("the value of SIMCTL_SEED is none that `--seed` takes")
        .stdout("no flag reads SIMCTL_LOCAL")
        .stdout("did you mean SIMCTL_LOCALE?")
        .without("sevenish")
        .without("ja_jp");
    // All that can be set, set well; and what simctl itself sets for a command that it starts.
    let app = without_node(HANDLER)
        .env("SIMCTL_SEED", "7")
        .env("SIMCTL_NOW", "2026-01-31T12:00:00Z")
        .env("SIMCTL_DB", "memory")
        .env("SIMCTL_NO_HISTORY", "true")
        .env("SIMCTL_TIMEOUT", "3s")
        .env("SIMCTL_INDEX", "3");
    let ran = looked(&app, 0);
    let names = "SIMCTL_DB, SIMCTL_NOW, SIMCTL_NO_HISTORY, SIMCTL_SEED, SIMCTL_TIMEOUT";
    assert_eq!(found(&ran, "environment")["found"], format!("set, and counts as if typed: {names}"));
    ran.without("SIMCTL_INDEX");
}

#[test]
fn what_a_manifest_holds_reaches_no_terminal_as_a_control_sequence() {
    let manifest = "{\"platform-version\": \"3.0\", \"modules\": {\"common\": {}, \"chat_user\": {\"events\": {\"onUser\\u001b[31mCreate\": {\"handler\": \"created\"}}}}, \"engines\": {\"node\": \"18\\u001b[0m\", \"fdk\": \"9\"}}";
    let app = without_node(HANDLER).file("manifest.json", manifest);
    app.run(["doctor"]).without("\u{1b}");
    app.run(["doctor", "--format", "json"]).without("\u{1b}");
}

#[test]
fn a_port_that_is_taken_is_told_and_is_no_lack() {
    // Whoever else has it does as well.
    let _taken = std::net::TcpListener::bind(("127.0.0.1", 10_001));
    let ran = Sandbox::new().run(["doctor"]).code(0);
    ran.stdout("port 10001  taken: the vendor's kit may be running").stdout("`simctl serve --port N` takes another");
}
