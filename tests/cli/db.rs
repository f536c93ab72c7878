//! `simctl db`: what an app has stored, looked at and changed from outside.

use serde_json::json;

use crate::sandbox::Sandbox;

/// Would say so if it were run.
const SERVER: &str = "console.log('the app runs'); exports = { created: function () {}, updated: function () {} };";

fn app() -> Sandbox {
    Sandbox::app(SERVER)
}

#[test]
fn what_is_set_is_listed_got_and_deleted_and_no_code_runs() {
    let sandbox = app();
    sandbox.run(["db", "list"]).code(0).no_stdout().stderr("note: nothing is stored");
    assert!(!sandbox.path().join(".simctl").exists(), "looking makes nothing");
    sandbox.run(["db", "set", "contact:1", r#"{"visits": 3, "name": ""}"#]).code(0).no_stdout().stderr("1 record set");
    let at = ["--now", "2026-03-01T12:00:00Z"];
    sandbox.run([&["db", "set", "contact:2", r#"{"visits": 1}"#, "--ttl", "90"], &at[..]].concat()).code(0);
    sandbox.run(["db", "set", "other", "-", "--quiet"]).code(2);
    let with_stdin = app().stdin(r#"{"from": "standard input"}"#);
    with_stdin.run(["db", "set", "other", "-", "--quiet"]).code(0).no_stderr();
    with_stdin.run(["db", "get", "other"]).code(0).stdout("standard input");

    // What `$db.set` keeps as null is kept as null.
    let got = sandbox.run(["db", "get", "contact:1"]).code(0).no_stderr();
    assert_eq!(got.out, "{\n  \"visits\": 3,\n  \"name\": null\n}\n");
    let listed = sandbox.run([&["db", "list"], &at[..]].concat()).code(0).no_stderr().without("the app runs");
    assert_eq!(
        listed.out,
        "contact:1  {\"visits\":3,\"name\":null}\ncontact:2  {\"visits\":1}  expires 2026-03-01T12:01:30Z\n"
    );
    sandbox.run(["db", "list", "contact:2"]).code(0).without("contact:1").stdout("expired 2026-03-01T12:01:30Z");
    let lines = sandbox.run([&["db", "list", "--format", "json"], &at[..]].concat()).code(0).lines();
    assert_eq!(
        lines,
        [
            json!({"key": "contact:1", "value": {"visits": 3, "name": null}, "expires": null, "expired": false}),
            json!({"key": "contact:2", "value": {"visits": 1}, "expires": "2026-03-01T12:01:30Z", "expired": false}),
        ]
    );
    sandbox.run(["db", "get", "contact:2"]).code(2).stderr("the record `contact:2` expired at 2026-03-01T12:01:30Z");
    sandbox.run([&["db", "get", "contact:2"], &at[..]].concat()).code(0).stdout("\"visits\": 1");

    sandbox.run(["db", "delete", "contact:1", "contact:3"]).code(2).stderr("there is no record `contact:3`");
    sandbox.run(["db", "delete", "contact:1"]).code(0).stderr("1 record deleted");
    sandbox.run(["db", "get", "contact:1"]).code(2).no_stdout().stderr("did you mean `contact:2`?");
    sandbox.run(["db", "clear"]).code(0).no_stdout().stderr("1 record deleted");
    sandbox.run(["db", "clear"]).code(0).stderr("0 records deleted");
}

#[test]
fn an_export_is_imported_as_it_was() {
    let sandbox = app();
    sandbox.run(["db", "set", "a", r#"{"text": "quote \" and ünï😀", "list": [1, 2.5, null, true]}"#]).code(0);
    sandbox.run(["db", "set", "b/~ \u{7}", r#"{"n": 1}"#, "--ttl", "2.5", "--now", "2026-03-01T12:00:00Z"]).code(0);
    let first = sandbox.run(["db", "export"]).code(0).stderr("2 records exported");
    assert_eq!(
        first.json(),
        json!({
            "a": {"value": {"text": "quote \" and ünï😀", "list": [1, 2.5, null, true]}},
            "b/~ \u{7}": {"value": {"n": 1}, "expires": "2026-03-01T12:00:02.5Z"},
        })
    );
    sandbox.run(["db", "export", "all.json"]).code(0).no_stdout();
    let other = app().file("all.json", std::fs::read(sandbox.path().join("all.json")).unwrap());
    other.run(["db", "set", "a", r#"{"old": true}"#]).code(0);
    other.run(["db", "set", "own", r#"{"stays": true}"#]).code(0);
    other.run(["db", "import", "all.json"]).code(0).no_stdout().stderr("2 records imported");
    other.run(["db", "delete", "own"]).code(0);
    assert_eq!(other.run(["db", "export", "-"]).code(0).out, first.out);
    let piped = app().stdin(first.out.clone());
    piped.run(["db", "import", "-"]).code(0);
    assert_eq!(piped.run(["db", "export"]).code(0).out, first.out);
    // A key that a terminal would obey is shown, not obeyed.
    sandbox.run(["db", "list"]).code(0).stdout("b/~ \\u{7}").without("\u{7}");
}

#[test]
fn each_fault_of_an_import_is_told_at_its_place_and_nothing_is_written() {
    let large = "x".repeat(41_000);
    let key = "k".repeat(61);
    let text = format!(
        r#"{{
  "good": {{ "value": {{ "n": 1 }} }},
  "bare": {{ "n": 1 }},
  "text": {{ "value": "text" }},
  "when": {{ "value": {{ "n": 1 }}, "expires": "tomorrow" }},
  "more": {{ "value": {{ "n": 1 }}, "ttl": 60 }},
  "number": 5,
  "": {{ "value": {{ "n": 1 }} }},
  "{key}": {{ "value": {{ "n": 1 }} }},
  "large": {{ "value": {{ "t": "{large}" }} }}
}}"#
    );
    let sandbox = app().file("bad.json", text);
    let ran = sandbox.run(["db", "import", "bad.json"]).code(2).no_stdout();
    let ran =
        ran.stderr("the record `bare` has no `value`").stderr("bad.json:3:11  /bare").stderr("an object was expected");
    let ran = ran.stderr("`tomorrow` is not a time").stderr("a record has no `ttl`, only `value` and `expires`");
    let ran = ran.stderr("the key must be a string of 1 to 60 characters").stderr("the record `number` has no `value`");
    let ran = ran.stderr("bytes, at most 40 KB (40960) are allowed");
    assert_eq!(ran.err.matches("[bad-record]").count(), 8, "{}", ran.err);
    sandbox.run(["db", "list"]).code(0).no_stdout();

    for (text, said) in [
        ("", "[file-empty]"),
        ("[]", "this is an array, an object of records by their keys was expected"),
        (r#"{"a": {"value": {"n": 1}}, "a": {"value": {"n": 2}}}"#, "[duplicate-key]"),
        (r#"{"a": {"value": {"n": 1},}}"#, "[json-syntax]"),
    ] {
        let sandbox = app().file("bad.json", text);
        sandbox.run(["db", "import", "bad.json"]).code(2).stderr(said);
        sandbox.run(["db", "list"]).code(0).no_stdout();
    }
    app().run(["db", "import", "nowhere.json"]).code(2).stderr("[file-missing]");
}

#[test]
fn what_db_set_would_not_take_is_refused() {
    let sandbox = app();
    for (key, value, said) in [
        ("a", "{}", "an object that is not empty was expected"),
        ("a", "[1]", "an object that is not empty was expected"),
        ("a", "{n: 1}", "[json-syntax]"),
        ("a", "", "[file-empty]"),
        ("", r#"{"n": 1}"#, "the key must be a string of 1 to 60 characters"),
    ] {
        sandbox.run(["db", "set", key, value]).code(2).stderr(said);
    }
    sandbox.run(["db", "set", &"k".repeat(61), r#"{"n": 1}"#]).code(2).stderr("--> KEY\n").without("VALUE");
    for ttl in ["0", "-1", "x", "NaN", "inf"] {
        sandbox.run(["db", "set", "a", r#"{"n": 1}"#, &format!("--ttl={ttl}")]).code(2).stderr("number of seconds");
    }
    assert!(!sandbox.path().join(".simctl").exists());
}

#[test]
fn a_file_can_be_named_and_needs_no_app() {
    let sandbox = Sandbox::new();
    sandbox.run(["db", "list"]).code(2).stderr("[manifest-missing]");
    sandbox.run(["db", "list", "--db", "own.sqlite"]).code(2).stderr("[file-missing]");
    sandbox.run(["db", "list", "--db", "memory"]).code(2).stderr("keeps nothing");
    sandbox.run(["db", "set", "a", r#"{"n": 1}"#, "--db", "own.sqlite"]).code(0);
    sandbox.run(["db", "get", "a", "--db", "own.sqlite"]).code(0).stdout("\"n\": 1");
    let by_env = sandbox.env("SIMCTL_DB", "own.sqlite");
    by_env.run(["db", "get", "a"]).code(0).stdout("\"n\": 1");
}

#[test]
fn a_secret_that_is_typed_in_is_kept_as_its_placeholder() {
    let sandbox = app()
        .file("config/iparams.json", r#"{"key": {"type": "text", "secure": true, "default_value": "hunter2hunter2"}}"#);
    sandbox.run(["db", "set", "a", r#"{"one": "Bearer hunter2hunter2", "two": "Bearer {{iparam.key}}"}"#]).code(0);
    let got = sandbox.run(["db", "get", "a"]).code(0).json();
    assert_eq!(got, json!({"one": "Bearer {{iparam.key}}", "two": "Bearer {{iparam.key}}"}));
    let exported = sandbox.run(["db", "export"]).code(0).without("hunter2");
    let sandbox = sandbox.stdin(exported.out.clone());
    sandbox.run(["db", "import", "-"]).code(0);
    assert_eq!(sandbox.run(["db", "export"]).code(0).out, exported.out);
}
