//! `simctl validate`: faults with their place.

use crate::sandbox::Sandbox;

const GOOD: &str =
    r#"{"platform-version": "2.3", "product": {"freshchat": {"events": {"onUserCreate": {"handler": "f"}}}}}"#;

#[test]
fn a_good_manifest_is_good() {
    Sandbox::new()
        .file("manifest.json", GOOD)
        .run(["validate"])
        .code(0)
        .stdout("1 file checked: nothing found")
        .no_stderr();
    Sandbox::new().file("other.json", GOOD).run(["validate", "other.json"]).code(0);
    Sandbox::new().stdin(GOOD).run(["validate", "-"]).code(0);
}

#[test]
fn a_syntax_error_has_line_and_column() {
    Sandbox::new()
        .file("manifest.json", "{\n  \"platform-version\": \"2.3\"\n  \"product\": {}\n}")
        .run(["validate"])
        .code(1)
        .stdout("error[json-syntax]")
        .stdout("--> manifest.json:2:28");
}

#[test]
fn all_faults_are_told_at_once() {
    let payload = r#"{
  "event": "onUserUpdate",
  "data": {
    "actor": { "type": "bot", "id": 7 },
    "changes": {},
    "user": { "id": "1", "created_time": "yesterday", "email": "not an address" }
  },
  "region": "MARS", "timestamp": "now", "version": "1.0.0", "account_id": "1", "domain": "d.example"
}"#;
    let ran = Sandbox::new().file("p.json", payload).run(["validate", "p.json", "--format", "json"]).code(1);
    let mut at: Vec<String> = ran
        .events("found")
        .iter()
        .filter(|e| e["severity"] == "error")
        .map(|e| e["pointer"].as_str().unwrap_or("?").to_owned())
        .collect();
    at.sort();
    at.dedup();
    let expected = [
        "/data/actor/id",
        "/data/actor/type",
        "/data/changes",
        "/data/user/created_time",
        "/data/user/email",
        "/region",
        "/timestamp",
    ];
    assert_eq!(at, expected, "{}", ran.out);
}

#[test]
fn a_violation_points_at_the_value() {
    Sandbox::new()
        .file("p.json", "{\"event\": \"onUserCreate\",\n \"data\": {\"user\": {\n  \"id\": 12\n}}}")
        .run(["validate", "p.json"])
        .code(1)
        .stdout("--> p.json:3:9  /data/user/id");
}

#[test]
fn an_attribute_that_the_schema_does_not_know_is_mentioned() {
    let sandbox = Sandbox::new();
    let payload = sandbox.run(["generate", "onUserCreate", "--set", "data.user.emial=x", "--no-check"]).code(0).out;
    let ran = sandbox.file("p.json", payload).run(["validate", "p.json"]).code(0);
    ran.stdout("note[unknown-attribute]").stdout("emial").stdout("email");
}

#[test]
fn every_generated_payload_is_valid() {
    let sandbox = Sandbox::new();
    for event in ["onUserCreate", "onUserUpdate"] {
        for platform in ["2.3", "3.0"] {
            for variant in ["docs", "kit"] {
                let args = ["generate", event, "--platform", platform, "--variant", variant];
                let payload = sandbox.run(args).code(0).out;
                let checked = Sandbox::new().stdin(payload).run(["validate", "-", "--as", "payload"]).code(0);
                checked.stdout("nothing found");
            }
        }
    }
}

#[test]
fn the_pages_fragment_is_recognised_and_mended() {
    Sandbox::new()
        .file("manifest.json", "\"events\": {\n  \"onUserCreate\": {\n    \"handler\": \"f\"\n  }\n}\n")
        .run(["validate"])
        .code(1)
        .stdout("manifest-fragment")
        .stdout("{");
}

#[test]
fn kinds_are_told_apart_and_can_be_overridden() {
    let sandbox = Sandbox::new().file("x.json", "{\"a\": 1}").file("list.json", "[]");
    sandbox.run(["validate", "x.json"]).code(1).stdout("unknown-kind").stdout("--as");
    sandbox.run(["validate", "list.json"]).code(1).stdout("wrong-shape");
    sandbox.run(["validate", "x.json", "--as", "payload", "--event", "onUserCreate"]).code(1).stdout("data");
    sandbox.run(["validate", "x.json", "--as", "manifest"]).code(1).stdout("no-events");
}

#[test]
fn several_files_and_folders_are_checked_in_one_run() {
    let ran = Sandbox::new()
        .file("a/manifest.json", GOOD)
        .file("b/p.json", "{")
        .file("b/q.json", "nope")
        .run(["validate", "a", "b"])
        .code(1);
    ran.stdout("b/p.json:1:2").stdout("b/q.json:1:1").stdout("3 files checked: 2 errors");
}

#[test]
fn a_file_that_is_not_there_is_a_finding_among_the_others() {
    let ran = Sandbox::new().file("manifest.json", GOOD).run(["validate", "gone.json", "manifest.json"]).code(2);
    ran.stdout("file-missing").stdout("gone.json").stdout("2 files checked");
}

#[test]
fn with_nothing_to_check_it_says_so() {
    Sandbox::new().run(["validate"]).code(2).stderr("manifest-missing");
}
