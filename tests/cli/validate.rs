//! `simctl validate`: faults with their place.

use crate::sandbox::Sandbox;

const GOOD: &str = r#"{"platform-version": "3.0", "modules": {"chat_user": {"events": {"onUserCreate": {"handler": "f"}}}}, "engines": {"node": "18.20.8", "fdk": "9.7.4"}}"#;

const SCRIPT: &str = "exports = {\n  f: function (payload) {\n    console.log(payload.event);\n  }\n};\n";

#[test]
fn a_good_manifest_is_good() {
    Sandbox::new()
        .file("manifest.json", GOOD)
        .file("server/server.js", SCRIPT)
        .run(["validate"])
        .code(0)
        .stdout("2 files checked: nothing found")
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
        .file("a/server/server.js", SCRIPT)
        .file("b/p.json", "{")
        .file("b/q.json", "nope")
        .run(["validate", "a", "b"])
        .code(1);
    ran.stdout("b/p.json:1:2").stdout("b/q.json:1:1").stdout("4 files checked: 2 errors");
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

fn created(sandbox: &Sandbox, args: &[&str]) -> String {
    let all: Vec<&str> =
        ["generate", "onUserCreate", "--platform", "3.0"].into_iter().chain(args.iter().copied()).collect();
    sandbox.run(all).code(0).out
}

#[test]
fn a_whole_app_is_checked_from_within() {
    let app = Sandbox::app("exports = { created: function () {}, updated: function () {} };")
        .file("config/requests.json", "{\"a\": {\"schema\": {\"method\": \"GET\", \"host\": \"198.51.100.4\"}}}")
        .file("server/test_data/onUserCreate.json", "{\n\"event\": \"onUserCreate\",\n\"data\": 1}")
        .file("node_modules/x/manifest.json", "nope");
    let ran = app.run(["validate"]).code(1);
    ran.stdout("config/requests.json:1:44").stdout("server/test_data/onUserCreate.json:3:9");
}

#[test]
fn a_sample_in_an_app_wears_the_apps_envelope() {
    let app = Sandbox::app("exports = { created: function () {}, updated: function () {} };");
    let old = app.run(["generate", "onUserCreate", "--platform", "2.3"]).code(0).out;
    let app = app.file("server/test_data/onUserCreate.json", &old).file("elsewhere.json", &old);
    let ran = app.run(["validate", "server/test_data/onUserCreate.json", "elsewhere.json"]).code(0);
    ran.stdout("warning[other-envelope]").stdout("2 files checked: 1 warning");
    app.run(["validate", "server/test_data/onUserCreate.json", "--platform", "3.0"]).code(1).stdout("currentHost");
}

#[test]
fn a_stream_has_a_payload_a_line() {
    let sandbox = Sandbox::new();
    let good = created(&sandbox, &["-n", "3000"]);
    let mut lines: Vec<&str> = good.lines().collect();
    lines[1999] = "{\"event\": \"onUserCreate\", \"data\": 7}";
    let text = lines.join("\n");
    let ran = sandbox.file("all.ndjson", &text).run(["validate", "all.ndjson", "--format", "json"]).code(1);
    assert!(ran.events("found").iter().all(|found| found["span"]["start"]["line"] == 2000), "{}", ran.out);
    Sandbox::new().stdin(good).run(["validate", "-"]).code(0).stdout("1 file checked: nothing found");
    Sandbox::new().stdin(text).run(["validate"].into_iter().chain(["-"])).code(1).stdout("standard input:2000:35");
}

#[test]
fn a_folder_is_walked_and_findings_keep_the_order_of_the_files() {
    let mut sandbox = Sandbox::new().file("in/node_modules/x.json", "{").file("in/.hidden/y.json", "{");
    for number in 0..120 {
        sandbox = sandbox.file(&format!("in/{:02}/{number:03}.json", number / 10), "{\"event\": 1, \"data\": {}}");
    }
    let ran = sandbox.run(["validate", "in", "--format", "json"]).code(1);
    let files: Vec<String> =
        ran.events("found").iter().map(|found| found["file"].as_str().unwrap_or("").to_owned()).collect();
    assert!(files.is_sorted(), "{files:?}");
    assert_eq!(files.len(), 120, "{}", ran.out);
}

#[test]
fn how_grave_a_finding_is_can_be_set() {
    let bom = format!("\u{feff}{GOOD}");
    let sandbox = Sandbox::new().file("manifest.json", bom).file("server/server.js", SCRIPT);
    sandbox.run(["validate"]).code(0).stdout("warning[byte-order-mark]");
    sandbox.run(["validate", "--deny", "warnings"]).code(1).stdout("error[byte-order-mark]");
    sandbox.run(["validate", "--deny", "warnings", "--warn", "byte-order-mark"]).code(0);
    sandbox.run(["validate", "--warn", "byte-order-mark", "--deny", "byte-order-mark"]).code(1);
    sandbox.run(["validate", "--allow", "byte-order-mark"]).code(0).stdout("nothing found");
    let refused = sandbox.run(["validate", "--allow", "byte-order-mrk"]).code(2);
    refused.stderr("unknown-code").stderr("did you mean `byte-order-mark`?");
    let sandbox = sandbox.file("simctl.json", "{\"validate\": {\"allow\": {\"byte-order-mark\": \"an old editor\"}}}");
    sandbox.run(["validate"]).code(0).stdout("nothing found");
    sandbox.run(["validate", "--deny", "byte-order-mark"]).code(1);
}

#[test]
fn a_secret_is_pointed_at_and_not_shown() {
    let ran = Sandbox::app("exports = { created: function () {}, updated: function () {} };")
        .file("config/iparams.json", "{\"key\": {\"display_name\": \"K\", \"type\": \"text\", \"secure\": true}}")
        .file("config/iparam_test_data.json", "{\"key\": \"open \\\"sesame\\\"\", \"key\": \"sesame\",}")
        .run(["validate", "--format", "human", "--format", "json=out.json"])
        .code(1);
    let ran = ran.stdout("secret-in-clear").stdout("duplicate-key").stdout("json-syntax");
    assert!(!ran.out.contains("sesame"), "{}", ran.out);
}

#[test]
fn an_app_that_is_all_front_end_is_good() {
    let manifest = r#"{"platform-version": "3.0", "modules": {"chat_user": {"location": {"side": {"url": "i.html"}}}}, "engines": {"node": "18.20.8", "fdk": "9.7.4"}}"#;
    Sandbox::new().file("manifest.json", manifest).run(["validate"]).code(0).stdout("nothing found");
}

#[test]
fn configuration_can_be_checked_by_itself() {
    let sandbox =
        Sandbox::new().file("p.json", "{\"a\": {\"type\": \"text\"}}").file("config/requests.json", "{\"r\": {}}");
    sandbox.run(["validate", "p.json", "--as", "iparams"]).code(1).stdout("display_name");
    sandbox.run(["validate", "config/requests.json"]).code(1).stdout("`schema` is missing");
    sandbox.run(["validate", "p.json", "--as", "requests"]).code(1).stdout("`schema` is missing");
}

#[test]
fn a_substitution_that_can_never_be_made_is_told_where_it_stands() {
    let with = |host: &str| {
        let text = format!(
            r#"{{"r": {{"schema": {{"method": "GET", "host": "a.example", "path": "/<%= context.id %>{host}"}}}}}}"#
        );
        Sandbox::new().file("config/requests.json", text).run(["validate", "config/requests.json"])
    };
    for host in ["<%= iparm.x %>", "<%= context %>", "<%= encode(iparam.t %>", "<%= foo() %>", "<%= iparam.x"] {
        with(host).code(1).stdout("error[bad-request-template]").stdout("config/requests.json:1:84");
    }
    with("<%= encode(iparam.a + ':' + \\\"x\\\") %>?t=<%=access_token%>").code(0);
}

#[test]
fn a_file_of_request_templates_that_is_not_there_is_said_not_to_be() {
    let manifest = r#"{"platform-version": "3.0", "modules": {"common": {"requests": {"one": {}}},
        "chat_user": {"events": {"onUserCreate": {"handler": "created"}}}}, "engines": {"node": "18.20.8", "fdk": "9.7.4"}}"#;
    let sandbox = Sandbox::new()
        .file("manifest.json", manifest)
        .file("server/server.js", "exports = { created: async function () { await $request.invokeTemplate('two'); } };")
        .file("mocks/three.json", r#"{"request": {"template": "three"}, "answer": {}}"#);
    let mut ran = sandbox.run(["validate"]).code(1);
    for name in ["one", "two", "three"] {
        ran =
            ran.stdout(&format!("there is no `config/requests.json` that could define the request template `{name}`"));
    }
    let sandbox = sandbox.file("config/requests.json", "{}");
    sandbox.run(["validate"]).code(1).stdout("`config/requests.json` defines no request template `one`");
}

#[test]
fn lines_of_json_are_payloads_and_nothing_else() {
    let sandbox = Sandbox::new().file("p.ndjson", "{}\n{}\n");
    for kind in ["manifest", "iparams", "requests"] {
        let ran = sandbox.run(["validate", "p.ndjson", "--as", kind]).code(2);
        ran.stderr("error[wrong-shape]").stderr("leave out `--as`").no_stdout();
    }
    sandbox.run(["validate", "p.ndjson", "--as", "payload"]).code(1);
}

#[test]
fn what_keeps_a_check_from_starting_is_told_in_the_reports_too() {
    let sandbox = Sandbox::new().file("simctl.sarif", "of the run before").folder("empty");
    let reports = ["validate", "--format", "json", "--format", "sarif=simctl.sarif", "--format", "junit=simctl.xml"];
    let ran = sandbox.run(reports).code(2).stderr("manifest-missing");
    assert_eq!(ran.events("found")[0]["code"], "manifest-missing");
    assert_eq!(ran.events("check-finished")[0]["exit_code"], 2);
    let read = |name: &str| std::fs::read_to_string(sandbox.path().join(name)).unwrap();
    let sarif: serde_json::Value = serde_json::from_str(&read("simctl.sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "manifest-missing");
    assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], false);
    assert!(read("simctl.xml").contains("manifest-missing"), "{}", read("simctl.xml"));
    // At a prompt nothing is told twice.
    sandbox.run(["validate", "empty"]).code(2).stderr("holds no manifest.json").no_stdout();
    sandbox.run(["validate", "empty", "--format", "human", "--format", "json=x.json"]).code(2).no_stdout();
    // Schemas that cannot be used are such a case, too.
    let with_schemas = ["validate", "--schemas", "gone", "--format", "junit=simctl.xml"];
    sandbox.run(with_schemas).code(2);
    assert!(read("simctl.xml").contains("gone"), "{}", read("simctl.xml"));
}

#[test]
fn a_doubled_key_has_a_pointer() {
    let text = "{\n  \"a\": {\"x/y\": [0, {\"b\": 1, \"b\": 2}]},\n  \"a\": 1\n}";
    let ran = Sandbox::new().file("p.json", text).run(["validate", "p.json", "--as", "iparams", "--format", "json"]);
    let found = ran.events("found");
    let doubled = found.iter().filter(|found| found["code"] == "duplicate-key");
    let pointers: Vec<&str> = doubled.map(|found| found["pointer"].as_str().unwrap_or("none")).collect();
    assert_eq!(pointers, ["/a/x~1y/1/b", "/a"], "{}", ran.out);
    // A line of a stream is a text of its own.
    let stream = "{\"event\": \"x\"}\n{\"data\": {\"b\": 1, \"b\": 2}, \"event\": \"y\"}\n";
    let ran = Sandbox::new().stdin(stream).run(["validate", "-", "--format", "json"]);
    let found = ran.events("found");
    let doubled = found.iter().find(|found| found["code"] == "duplicate-key").unwrap();
    assert_eq!(doubled["pointer"], "/data/b", "{}", ran.out);
}

#[test]
fn findings_of_standard_input_have_a_uri_in_sarif() {
    let ran = Sandbox::new().stdin("{").run(["validate", "-", "--format", "sarif"]).code(1);
    let log = ran.json();
    let location = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(location["uri"], "stdin", "{}", ran.out);
    assert_eq!(location.get("uriBaseId"), None, "it is no file of the repository");
}

#[test]
fn a_script_alone_is_checked_as_one_of_its_app() {
    let sandbox = Sandbox::app("exports = {\n  created: function (payload) {\n    return payload.daat;\n  },\n};\n")
        .file("server/lib/names.js", "exports = { first: function () { return fetch('x'); } };\n")
        .file("server/alone.js", "exports = { onOther: function () { setTimeout(f, 1); } };\n")
        .file("app/scripts/page.js", "document.title = 1;\n")
        .file("elsewhere/x/loose.js", "exports = { onUserCreate: function () { setTimeout(f, 1); } ;\n");
    let places = |args: &[&str]| {
        let args: Vec<&str> = ["validate", "--format", "json"].iter().chain(args).copied().collect();
        let found = sandbox.run(args).events("found");
        let place = |found: &serde_json::Value| {
            format!("{} {}", found["code"].as_str().unwrap_or("?"), found["file"].as_str().unwrap_or("?"))
        };
        found.iter().map(place).collect::<Vec<_>>()
    };
    // What the manifest asks of it belongs to it.
    let of_server = ["unknown-callback manifest.json", "unknown-read server/server.js"];
    assert_eq!(places(&["server/server.js"]), of_server);
    // A script that none requires, one of a page, one that is not there.
    assert_eq!(places(&["server/alone.js"]), ["missing-global server/alone.js"]);
    assert_eq!(places(&["app/scripts/page.js"]), ["unknown-kind app/scripts/page.js"]);
    assert_eq!(places(&["server/gone.js"]), ["file-missing server/gone.js"]);
    assert_eq!(places(&["elsewhere/x/loose.js"])[0], "script-syntax elsewhere/x/loose.js");
    // One that is required is judged with its app, and tells its own findings only.
    let sandbox = sandbox.file(
        "server/server.js",
        "const names = require('./lib/names');\nexports = { created: function (p) { return names.first(p.daat); }, updated: function () {} };\n",
    );
    let out = sandbox.run(["validate", "server/lib/names.js", "--format", "json"]).out;
    assert!(out.contains("missing-global") && !out.contains("unknown-read"), "{out}");
    let mut within = sandbox.command(["validate", "server.js", "--format", "json"]);
    let out = within.current_dir(sandbox.path().join("server")).output().unwrap();
    let out = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.contains("\"file\":\"server.js\"") && out.contains("unknown-read"), "{out}");
}

#[test]
fn a_script_without_an_app_is_checked_by_itself() {
    let sandbox = Sandbox::new().file("x.js", "exports = { onUserCreate: function (p) { $schedule.create({}); } };\n");
    sandbox.run(["validate", "x.js"]).code(0).stdout("1 file checked: nothing found");
    sandbox.file("x.js", "exports = {").run(["validate", "x.js"]).code(1).stdout("script-syntax");
}
