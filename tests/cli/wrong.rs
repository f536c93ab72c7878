//! Things that are wrong with what the user has: each is told, with what to do, and nothing panics or hangs.

use crate::sandbox::{Sandbox, node_or_skip};

const SERVER: &str = "exports = { created: function () { return 1; }, updated: function () { return 2; } };";

fn app() -> Sandbox {
    Sandbox::app(SERVER)
}

fn manifest(text: impl AsRef<[u8]>) -> Sandbox {
    app().file("manifest.json", text)
}

#[test]
fn no_manifest() {
    Sandbox::new()
        .run(["trigger", "onUserCreate"])
        .code(2)
        .stderr("manifest-missing")
        .stderr("--app")
        .stderr("simctl init")
        .no_stdout();
    Sandbox::new().run(["trigger", "onUserCreate", "--app", "nowhere"]).code(2).stderr("nowhere");
    Sandbox::new().run(["trigger", "onUserCreate", "--manifest", "nowhere.json"]).code(2).stderr("nowhere.json");
}

#[test]
fn a_manifest_that_is_not_json() {
    manifest("{\n  \"product\": {,}\n}")
        .run(["trigger", "onUserCreate"])
        .code(2)
        .stderr("json-syntax")
        .stderr("manifest.json:2:15");
}

#[test]
fn a_manifest_that_is_the_pages_fragment() {
    let ran = manifest("\"events\": {\n  \"onUserCreate\": {\n    \"handler\": \"created\"\n  }\n}")
        .run(["trigger", "onUserCreate"]);
    ran.code(2).stderr("manifest-fragment").stderr("{\n");
}

#[test]
fn a_manifest_without_events() {
    let ran = manifest(r#"{"platform-version": "2.3", "product": {"freshchat": {}}}"#).run(["trigger", "onUserCreate"]);
    ran.code(2).stderr("no-events");
}

#[test]
fn a_manifest_of_another_product() {
    let text = r#"{"platform-version": "2.3", "product": {"freshdesk": {"events": {"onTicketCreate": {"handler": "created"}}}}}"#;
    manifest(text).run(["trigger", "onUserCreate"]).code(2).stderr("freshchat").stderr("onTicketCreate");
}

#[test]
fn a_manifest_with_a_byte_order_mark_is_read() {
    let text = "\u{feff}{\"events\": {\"onUserCreate\": {\"handler\": \"created\"}}}";
    manifest(text).run(["trigger", "onUserCreate"]).code(0).stdout("byte-order-mark").stdout("ok  returned 1");
}

#[test]
fn an_event_that_is_not_subscribed() {
    let text = r#"{"events": {"onUserCreate": {"handler": "created"}}}"#;
    manifest(text).run(["trigger", "onUserUpdate"]).code(2).stderr("not-subscribed").stderr("`onUserCreate`");
}

#[test]
fn an_event_that_is_misspelled() {
    app().run(["trigger", "onUserUpdated"]).code(2).stderr("did you mean `onUserUpdate`?");
    app().run(["trigger", "onusercreate"]).code(2).stderr("did you mean `onUserCreate`?");
}

#[test]
fn payload_files_of_every_bad_kind() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let big = format!(r#"{{"event": "onUserCreate", "data": {{"user": {{"id": "{}"}}}}}}"#, "x".repeat(10 << 20));
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("empty.json", Vec::new(), "file-empty"),
        ("blank.json", b" \n ".to_vec(), "file-empty"),
        ("words.json", b"hello".to_vec(), "json-syntax"),
        ("array.json", b"[{}]".to_vec(), "wrong-shape"),
        ("big.json", big.into_bytes(), "file-too-large"),
        ("deep.json", deep.into_bytes(), "json-too-deep"),
        ("latin1.json", b"{\"a\": \"\xe9\"}".to_vec(), "not-utf8"),
        ("other.json", b"{\"event\": \"onUserUpdate\", \"data\": {}}".to_vec(), "event-mismatch"),
    ];
    for (name, bytes, code) in cases {
        let ran = app().file(name, bytes).run(["trigger", "onUserCreate", "--payload", name]).code(2).no_stdout();
        ran.stderr(code).stderr(name);
    }
    app().run(["trigger", "onUserCreate", "--payload", "gone.json"]).code(2).stderr("file-missing").stderr("gone.json");
    let misspelled = ["trigger", "onUserCreate", "--payload", "creat.json"];
    app().file("create.json", "{}").run(misspelled).code(2).stderr("did you mean `create.json`?");
    app().folder("dir").run(["trigger", "onUserCreate", "--payload", "dir"]).code(2).stderr("file-unreadable");
    app().run(["trigger", "onUserCreate", "--payload", "/dev/zero"]).code(2).stderr("file-unreadable");
    app().run(["trigger", "onUserCreate", "--payload", "-"]).code(2).stderr("file-empty").stderr("standard input");
    app().run(["trigger", "onUserCreate", "--sample"]).code(2).stderr("sample-missing").stderr("server/test_data");
}

#[test]
fn a_payload_with_a_byte_order_mark_is_read() {
    let payload = app().run(["generate", "onUserCreate"]).code(0).out;
    app().file("p.json", format!("\u{feff}{payload}")).run(["trigger", "onUserCreate", "--payload", "p.json"]).code(0);
}

#[test]
fn a_payload_that_breaks_its_schema_is_refused_with_its_lines() {
    let text = "{\n \"event\": \"onUserCreate\",\n \"data\": {\n  \"user\": {\"id\": 1}\n }\n}";
    let ran = app().file("p.json", text).run(["trigger", "onUserCreate", "--payload", "p.json"]).code(2).no_stdout();
    ran.stderr("p.json:4:18").stderr("/data/user/id").stderr("--no-check");
    app().file("p.json", text).run(["trigger", "onUserCreate", "--payload", "p.json", "--no-check"]).code(0);
}

#[test]
fn a_server_that_is_missing_or_no_file() {
    let manifest = r#"{"events": {"onUserCreate": {"handler": "created"}}}"#;
    let bare = || Sandbox::new().file("manifest.json", manifest);
    bare().run(["trigger", "onUserCreate"]).code(2).stderr("server-missing").stderr("server/server.js");
    bare().folder("server/server.js").run(["trigger", "onUserCreate"]).code(2).stderr("folder");
    bare().file("server/server.js", b"exports = \xff").run(["trigger", "onUserCreate"]).code(2).stderr("not-utf8");
    bare().file("server.js", SERVER).run(["trigger", "onUserCreate"]).code(0).stdout("server.js");
}

#[test]
fn a_server_that_is_unreadable() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = app();
    let file = sandbox.path().join("server/server.js");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).expect("rights are set");
    if std::fs::read(&file).is_ok() {
        // Root reads everything: nothing to see here.
        return;
    }
    sandbox.run(["trigger", "onUserCreate"]).code(2).stderr("file-unreadable");
}

#[test]
fn a_server_that_is_empty_has_no_callback() {
    Sandbox::app("").run(["trigger", "onUserCreate"]).code(1).stdout("has no callback `created`").stdout("exports");
}

#[test]
fn a_callback_that_is_misspelled_in_the_manifest() {
    let server = "exports = { craeted: function () {}, other: function () {} };";
    Sandbox::app(server).run(["trigger", "onUserCreate"]).code(1).stdout("did you mean `craeted`?");
}

#[test]
fn a_server_that_does_not_parse() {
    let server = "exports = {\n  created: function (p) {\n    let x = ;\n  }\n};";
    for runtime in ["embedded", "node"] {
        if runtime == "node" && !node_or_skip("a_server_that_does_not_parse") {
            continue;
        }
        let ran = Sandbox::app(server).run(["trigger", "onUserCreate", "--runtime", runtime]).code(1);
        ran.stdout("did not load: SyntaxError").stdout("--> server/server.js:3:13").stdout("let x = ;");
    }
}

#[test]
fn a_server_whose_end_is_missing() {
    // Neither engine knows: they read the file as part of a function, and miss what belongs to that.
    for runtime in ["embedded", "node"] {
        if runtime == "node" && !node_or_skip("a_server_whose_end_is_missing") {
            continue;
        }
        let sandbox = Sandbox::app("exports = {\n  created: function () {},\n");
        let ran = sandbox.run(["trigger", "onUserCreate", "--runtime", runtime]).code(1);
        ran.stdout("did not load: SyntaxError: expected `}` but found the end of the file")
            .stdout("server/server.js:3:1");
        sandbox.run(["validate"]).code(1).stdout("expected `}` but found the end of the file");
    }
}

#[test]
fn what_is_typed_wrongly_is_told_with_what_would_be_right() {
    let one = r#"{"events": {"onUserCreate": {"handler": "created"}}}"#;
    for verb in ["trigger", "load", "fuzz", "generate"] {
        manifest(one).run([verb]).code(2).stderr("<EVENT>").stderr("hint: there are `onUserCreate`\n");
    }
    Sandbox::new().run(["trigger"]).code(2).stderr("`onUserCreate` and `onUserUpdate`\n");
    for (flag, value) in [("--seed", "x"), ("--seed", "-1"), ("--index", "1.5"), ("--count", "-3"), ("-n", "0")] {
        let ran = app().run(["trigger", "onUserCreate", flag, value]).code(2);
        ran.stderr(&format!("`{value}` is not a whole number"));
    }
    app().run(["load", "onUserCreate", "-n", "1", "--workers", "0"]).code(2).stderr("a whole number from 1 on");
    let (one, gap) = (r#"data.user.properties:=[{"name":"a","value":"b"}]"#, "data.user.properties[5].value=c");
    let ran = app().run(["trigger", "onUserCreate", "--set", one, "--set", gap]).code(2);
    ran.stderr("`data.user.properties` has 1 item, `[5]` would leave a gap");
    // The usage is that of the verb.
    app().run(["load", "onUserCreate"]).code(2).stderr("say how much").stderr("Usage: simctl load [OPTIONS] [EVENT]");
    let fire = app().run(["schedules", "fire", "x", "--sample"]).code(2);
    fire.stderr("has no place here").stderr("Usage: simctl schedules fire ");
}

#[test]
fn what_the_platform_does_not_have_is_told_with_what_it_has() {
    for runtime in ["embedded", "node"] {
        if runtime == "node" && !node_or_skip("what_the_platform_does_not_have_is_told_with_what_it_has") {
            continue;
        }
        for (server, hint) in [
            ("import fs from 'fs';\nexports = {};\n", "hint: the platform loads no ES modules"),
            ("export function created() {}\n", "hint: the platform loads no ES modules"),
            (
                "exports = { created: function () { $db.updat('a', {}); } };",
                "hint: `$db` has no `updat`: did you mean `$db.update`?",
            ),
        ] {
            let sandbox = Sandbox::app(server);
            sandbox.run(["trigger", "onUserCreate", "--runtime", runtime]).code(1).stdout(hint);
        }
    }
    let checked = Sandbox::app("export function created() {}\n").run(["validate"]).code(1);
    checked.stdout("server/server.js:1:1").stdout("hint: the platform loads no ES modules");
}

#[test]
fn a_wrong_value_of_the_environment_is_told_to_be_that() {
    for (variable, value) in [("SIMCTL_SEED", "x"), ("SIMCTL_RUNTIME", "deno"), ("SIMCTL_TIMEOUT", "5x")] {
        let hint = format!("hint: `{variable}` in the environment says so");
        app().env(variable, value).run(["trigger", "onUserCreate"]).code(2).stderr(&hint);
        let flag = variable.replace("SIMCTL_", "--").to_lowercase();
        app()
            .env(variable, value)
            .run(["trigger", "onUserCreate", &flag, "-"])
            .code(2)
            .without("in the environment says");
    }
}

#[test]
fn several_payloads_are_not_sent_to_where_they_are() {
    let several = app().run(["generate", "onUserCreate", "-n", "2"]).code(0).out;
    let sandbox = app().file("two.ndjson", several);
    sandbox.run(["validate", "two.ndjson"]).code(0);
    let ran = sandbox.run(["trigger", "onUserCreate", "--payload", "two.ndjson"]).code(2);
    ran.stderr("two.ndjson:2:1").stderr("hint: put each into a file of its own; only `simctl validate` reads several");
}

#[test]
fn a_require_that_leaves_the_app() {
    for specifier in ["../../../etc/passwd", "/etc/passwd", "../manifest.json"] {
        let server = format!("require('{specifier}'); exports = {{ created: function () {{}} }};");
        let ran = Sandbox::app(&server).run(["trigger", "onUserCreate", "--runtime", "embedded"]).code(1);
        ran.stdout("did not load").without("root:x");
    }
}

#[test]
fn node_that_is_too_old_is_refused_with_what_is_needed() {
    use std::os::unix::fs::PermissionsExt;
    // Speaks the protocol as far as the greeting: what it says of itself is all that matters.
    let script = r#"#!/bin/sh
read -r hello
token=$(printf '%s' "$hello" | sed 's/.*"token":"\([^"]*\)".*/\1/')
printf '{"token":"%s","type":"ready","version":"16.20.0"}\n' "$token" >&0
read -r never
"#;
    let sandbox = app().file("old-node", script);
    let old = sandbox.path().join("old-node");
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o755)).expect("rights are set");
    let ran = sandbox.run(["trigger", "onUserCreate", "--runtime", "node", "--node", &old.to_string_lossy()]).code(3);
    ran.stderr("is Node.js 16.20.0").stderr("needs 18 or newer");
}

#[test]
fn what_is_no_file_is_told_and_not_waited_for() {
    let pipe = |sandbox: Sandbox, name: &str| {
        let path = sandbox.path().join(name);
        // Where a file is, or nothing.
        let _ = std::fs::remove_file(&path);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().is_ok_and(|status| status.success()));
        sandbox
    };
    let trigger = ["trigger", "onUserUpdate"];
    for file in ["manifest.json", "server/server.js", "config/iparams.json", "mocks/answer.json"] {
        let sandbox = app().folder("config").folder("mocks");
        pipe(sandbox, file).run(trigger).code(2).stderr("this is not a regular file").stderr(file);
    }
    let sandbox = pipe(app(), "pipe.json");
    for device in ["pipe.json", "/dev/zero", "/dev/urandom"] {
        sandbox.run(["trigger", "onUserUpdate", "--payload", device]).code(2).stderr("this is not a regular file");
        sandbox.run(["trigger", "onUserUpdate", "--iparams", device]).code(2).stderr("this is not a regular file");
        sandbox.run(["fuzz", "onUserUpdate", "--baseline", device]).code(2).stderr("this is not a regular file");
        sandbox.run(["validate", device]).code(2).stdout("this is not a regular file");
        sandbox.run(["report", "merge", device]).code(2).stderr("is not a regular file");
    }
    let server = "const other = require('./other');\nexports = { created() {}, updated() { return other; } };\n";
    let sandbox = pipe(Sandbox::app(server), "server/other.js");
    sandbox.run(trigger).code(1).stdout("`./other` is not a file that can be read");
}

#[test]
fn a_full_disk_is_told_and_is_no_success() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full");
    if full().is_err() {
        crate::common::skip("a_full_disk_is_told_and_is_no_success", "there is no /dev/full here");
        return;
    }
    let sandbox = app();
    sandbox
        .run(["trigger", "onUserUpdate", "--format", "json=/dev/full"])
        .code(3)
        .stderr("/dev/full cannot be written");
    sandbox.run(["fuzz", "onUserUpdate", "-n", "5", "--format", "json=/dev/full"]).code(3).stderr("/dev/full");
    let status = sandbox.command(["trigger", "onUserUpdate"]).stdout(full().expect("opened before")).status();
    assert_eq!(status.expect("simctl starts").code(), Some(3));
}
