//! `simctl trigger`: what is told of a delivery, on either runtime.

use crate::sandbox::{Sandbox, node_or_skip};

const BOTH: &str = "exports = { created: function (p) { return p.event; }, updated: function (p) {
  console.log('changed', p.data.changes);
  console.warn('careful');
  return { fields: Object.keys(p.data.changes) };
} };";

fn on_both_runtimes(test: &str, check: impl Fn(&str)) {
    check("embedded");
    if node_or_skip(test) {
        check("node");
    }
}

#[test]
fn a_handler_that_returns_holds() {
    on_both_runtimes("a_handler_that_returns_holds", |runtime| {
        Sandbox::app(BOTH)
            .run(["trigger", "onUserUpdate", "--changes", "email", "--runtime", runtime])
            .code(0)
            .stdout("onUserUpdate -> updated")
            .stdout(&format!("{runtime} runtime, platform 3.0"))
            .stdout("log  changed")
            .stdout("warn  careful")
            .stdout("ok  returned {\"fields\":[\"email\"]}")
            .stdout("repeat: simctl trigger onUserUpdate")
            .no_stderr();
    });
}

#[test]
fn a_handler_that_throws_fails_with_its_own_line() {
    on_both_runtimes("a_handler_that_throws_fails_with_its_own_line", |runtime| {
        let server =
            "exports = {\n  created: function (p) {\n    const user = p.data.nobody;\n    user.name();\n  }\n};";
        let ran = Sandbox::app(server).run(["trigger", "onUserCreate", "--runtime", runtime]).code(1);
        let ran = ran.stdout("FAIL  threw TypeError").stdout("--> server/server.js:4:").stdout("in created");
        ran.stdout("4 |     user.name();");
    });
}

#[test]
fn the_json_stream_tells_everything_in_order() {
    let ran =
        Sandbox::app(BOTH).run(["trigger", "onUserUpdate", "--format", "json", "--seed", "7"]).code(0).no_stderr();
    let kinds: Vec<_> = ran.lines().iter().map(|event| event["type"].as_str().unwrap_or("?").to_owned()).collect();
    assert_eq!(kinds, ["run-started", "delivery-started", "log", "log", "delivery-finished", "run-finished"]);
    let started = &ran.lines()[0];
    assert_eq!(started["seed"], 7);
    assert_eq!(started["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(ran.outcome()["kind"], "returned");
    assert_eq!(ran.lines()[5]["exit_code"], 0);
}

#[test]
fn the_json_stream_fits_its_schema() {
    let schemas = simctl::schema::Schemas::embedded();
    let servers = [
        BOTH,
        "exports = { updated: function () { throw new Error('no'); } };",
        "exports = { updated: function () { return new Promise(function () {}); } };",
        "exports = { updated: function () { for (;;) {} } };",
        "exports = { other: function () {} };",
        "exports = { updated: function () {",
    ];
    for server in servers {
        let ran = Sandbox::app(server).run(["trigger", "onUserUpdate", "--format", "json", "--timeout", "200ms"]);
        for line in ran.lines() {
            assert_eq!(schemas.check_value("run-event", &line), [], "{line:#}");
        }
    }
}

#[test]
fn many_deliveries_are_told_one_by_one_and_summed_up() {
    let server = "exports = { created: function (p) { if (p.data.user.id[0] < '8') throw new Error('odd'); } };";
    let ran =
        Sandbox::app(server).run(["trigger", "onUserCreate", "-n", "20", "--seed", "1", "--format", "json"]).code(1);
    let finished = ran.events("delivery-finished");
    assert_eq!(finished.len(), 20);
    let held = finished.iter().filter(|event| event["outcome"]["kind"] == "returned").count();
    let run = &ran.events("run-finished")[0];
    assert_eq!(run["held"], held);
    assert_eq!(run["failed"], 20 - held);
    assert!(held > 0 && held < 20, "{held} of 20 held: the test proves nothing");
}

#[test]
fn one_delivery_that_dies_does_not_spoil_the_next() {
    let server = "exports = { created: function (p) { if (p.data.user.id[0] < '8') for (;;) {} return 1; } };";
    let ran = Sandbox::app(server)
        .run(["trigger", "onUserCreate", "-n", "6", "--seed", "1", "--format", "json", "--timeout", "150ms"])
        .code(1);
    let kinds: Vec<_> = ran.events("delivery-finished").iter().map(|event| event["outcome"]["kind"].clone()).collect();
    assert_eq!(kinds.len(), 6);
    assert!(kinds.iter().any(|kind| kind == "timed-out") && kinds.iter().any(|kind| kind == "returned"), "{kinds:?}");
}

#[test]
fn a_quiet_run_says_only_what_failed() {
    let server = "exports = { created: function () { console.log('seen'); }, updated: function () { console.log('seen'); throw 1; } };";
    let sandbox = Sandbox::app(server);
    sandbox.run(["trigger", "onUserCreate", "--quiet"]).code(0).no_stdout().no_stderr();
    sandbox.run(["trigger", "onUserUpdate", "--quiet"]).code(1).stdout("FAIL").stdout("seen");
}

#[test]
fn a_verbose_run_shows_the_payload() {
    Sandbox::app(BOTH).run(["trigger", "onUserCreate", "--verbose"]).code(0).stdout("payload").stdout("\"first_name\"");
}

#[test]
fn the_envelope_follows_the_manifest() {
    let old = r#"{"platform-version": "2.3", "product": {"freshchat": {"events": {"onUserCreate": {"handler": "created"}}}}}"#;
    let server = "exports = { created: function (p) { return Object.keys(p).sort(); } };";
    let keys = |sandbox: Sandbox| {
        let ran = sandbox.run(["trigger", "onUserCreate", "--format", "json"]).code(0);
        ran.outcome()["value"]["json"].as_array().expect("keys").clone()
    };
    let v2 = keys(Sandbox::app(server).file("manifest.json", old));
    let v3 = keys(Sandbox::app(server));
    assert!(
        v2.contains(&"account_id".into()) && v2.contains(&"domain".into()) && !v2.contains(&"currentHost".into()),
        "{v2:?}"
    );
    assert!(v3.contains(&"currentHost".into()) && !v3.contains(&"account_id".into()), "{v3:?}");
}

/// A manifest of an older platform, of which payloads wear the envelope of 2.3.
#[test]
fn the_platform_that_is_told_is_the_manifests_and_an_envelope_is_called_one() {
    let manifest = |version: &str| {
        format!(
            r#"{{{version} "product": {{"freshchat": {{"events": {{"onUserCreate": {{"handler": "created"}}}}}}}}}}"#
        )
    };
    let server = "exports = { created: function () {} };";
    let scenario = "matrix: { platform: ['2.3', '3.0'] }\nsteps: [{ create: jane }]";
    let sandbox = Sandbox::app(server)
        .file("manifest.json", manifest(r#""platform-version": "2.2","#))
        .file("tests/a.scenario.yaml", scenario);
    sandbox.run(["trigger", "onUserCreate"]).code(0).stdout("embedded runtime, platform 2.2,").without("platform 2.3");
    sandbox.run(["trigger", "onUserCreate", "--exec", "true"]).code(0).stdout("platform 2.2,").without("platform 2.3");
    sandbox.run(["history", "show", "1"]).code(0).stdout("platform 2.2,").without("platform 2.3");
    sandbox.run(["doctor"]).code(0).stdout("platform 2.2, onUserCreate").without("platform 2.3");
    let ran = sandbox.run(["trigger", "onUserCreate", "--format", "json"]).code(0);
    ran.stdout(r#""platform":"2.3","platform_version":"2.2""#);
    let ran = sandbox.run(["test", "--verbose"]).code(0);
    ran.stdout("embedded runtime, platform 2.2").stdout("embedded runtime, envelope of platform 3.0");
    let sandbox = Sandbox::app(server).file("manifest.json", manifest(""));
    sandbox.run(["trigger", "onUserCreate"]).code(0).stdout("embedded runtime, envelope of platform 2.3,");
}

#[test]
fn installation_parameters_are_in_the_payload_and_secure_ones_in_no_output() {
    let sandbox = Sandbox::app(
        "exports = { created: function (p) { console.log('key is ' + p.iparams.key, p.iparams); return p.iparams.key; } };",
    )
    .file("config/iparams.json", r#"{"key": {"display_name": "Key", "type": "text", "secure": true}, "shop": {"type": "text"}}"#)
    .file("config/iparam_test_data.json", r#"{"key": "hunter2hunter2", "shop": "north"}"#);
    for args in [
        &["trigger", "onUserCreate"][..],
        &["trigger", "onUserCreate", "--verbose"],
        &["trigger", "onUserCreate", "--format", "json"],
        &["generate", "onUserCreate"],
        &["generate", "onUserCreate", "-n", "2"],
    ] {
        sandbox.run(args.iter().copied()).code(0).without("hunter2");
    }
    sandbox.run(["trigger", "onUserCreate"]).code(0).stdout("key is ********").stdout("north");
}

#[test]
fn other_installation_parameters_can_be_named() {
    Sandbox::app("exports = { created: function (p) { return p.iparams.shop; } };")
        .file("other.json", r#"{"shop": "south"}"#)
        .run(["trigger", "onUserCreate", "--iparams", "other.json"])
        .code(0)
        .stdout("returned \"south\"");
}

/// An app whose parameter `team` an installer must fill in.
fn requiring_a_team() -> Sandbox {
    let declared = r#"{"team": {"display_name": "Team", "type": "text", "required": true}}"#;
    Sandbox::app(
        "exports = { created: function (p) { return 'of ' + (p.iparams || {}).team; }, updated: function (p) {} };",
    )
    .file("config/iparams.json", declared)
    .file("values.json", "{\n  \"taem\": \"north\"\n}")
    .file("tests/a.scenario.yaml", "steps: [{ create: jane }]")
}

#[test]
fn a_required_parameter_that_the_file_of_values_lacks_keeps_the_handler_from_running() {
    let sandbox = requiring_a_team();
    for args in [
        &["trigger", "onUserCreate"][..],
        &["trigger", "onUserCreate", "--exec", "cat"],
        &["load", "onUserCreate", "-n", "2"],
        &["load", "onUserCreate", "-n", "2", "--exec", "cat"],
        &["fuzz", "onUserCreate", "-n", "2"],
    ] {
        let ran = sandbox.run(args.iter().copied().chain(["--iparams", "values.json"])).code(2);
        let ran = ran.stderr("error[missing-iparam]: the installation parameter `team` is required");
        let ran = ran.stderr("values.json:2:3").stderr("did you mean `team`?");
        assert!(!ran.out.contains("of undefined"), "{}", ran.out);
    }
    let sandbox = sandbox.file("config/iparam_test_data.json", "{}");
    for args in [&["trigger", "onUserCreate"][..], &["test"]] {
        sandbox.run(args.iter().copied()).code(2).stderr("missing-iparam").stderr("iparam_test_data.json:1:1");
    }
    sandbox.run(["validate"]).code(0).stdout("warning[missing-iparam]").stdout("iparam_test_data.json:1:1");
    sandbox.run(["generate", "onUserCreate"]).code(0);
    let sandbox = sandbox.file("tests/a.scenario.yaml", "iparams: { team: north }\nsteps: [{ create: jane }]");
    sandbox.run(["test"]).code(0).stdout("1 scenario");
    sandbox.file("config/iparam_test_data.json", r#"{"team": null}"#).run(["trigger", "onUserCreate"]).code(0);
}

#[test]
fn without_a_file_of_values_a_required_parameter_without_a_default_is_warned_of_once() {
    let sandbox = requiring_a_team().file("tests/b.scenario.yaml", "steps: [{ create: kim }]");
    for args in [&["trigger", "onUserCreate"][..], &["test"], &["load", "onUserCreate", "-n", "2"]] {
        let ran = sandbox.run(args.iter().copied()).code(0);
        let told = ran.out.clone() + &ran.err;
        assert_eq!(told.matches("warning[missing-iparam]").count(), 1, "{told}");
        assert!(told.contains("iparams.json:1:2") && told.contains("iparam_test_data.json"), "{told}");
    }
    let with_default = r#"{"team": {"display_name": "Team", "type": "text", "required": true, "default_value": "x"}}"#;
    let sandbox = sandbox.file("config/iparams.json", with_default);
    let ran = sandbox.run(["trigger", "onUserCreate"]).code(0).stdout("of x");
    assert!(!ran.out.contains("missing-iparam") && !ran.err.contains("missing-iparam"), "{}", ran.out);
}

#[test]
fn a_payload_comes_from_a_file_from_standard_input_or_from_the_apps_samples() {
    let server = "exports = { created: function (p) { return p.data.user.first_name; } };";
    let payload = |name: &str| {
        format!(
            r#"{{"event": "onUserCreate", "data": {{"user": {{"id": "1", "created_time": "2026-01-01T00:00:00.000Z", "first_name": "{name}"}}}}, "region": "EU", "timestamp": 1, "version": "1.0.0", "currentHost": {{"subscribed_modules": ["chat_user"], "endpoint_urls": {{}}}}}}"#
        )
    };
    let sandbox = Sandbox::app(server)
        .file("p.json", payload("Filia"))
        .file("server/test_data/chat_user/onUserCreate.json", payload("Sampo"))
        .stdin(payload("Stina"));
    sandbox.run(["trigger", "onUserCreate", "--payload", "p.json"]).code(0).stdout("returned \"Filia\"");
    sandbox.run(["trigger", "onUserCreate", "--payload", "-"]).code(0).stdout("returned \"Stina\"");
    sandbox.run(["trigger", "onUserCreate", "--sample"]).code(0).stdout("returned \"Sampo\"");
    let set = ["trigger", "onUserCreate", "--sample", "--set", "data.user.first_name=Other"];
    sandbox.run(set).code(0).stdout("returned \"Other\"");
}

#[test]
fn the_app_is_found_from_below_and_by_name() {
    let sandbox = Sandbox::app(BOTH).folder("server/lib");
    let mut below = sandbox.command(["trigger", "onUserCreate"]);
    assert!(below.current_dir(sandbox.path().join("server/lib")).status().expect("simctl runs").success());
    let elsewhere = Sandbox::new();
    let app = sandbox.path().to_string_lossy().into_owned();
    elsewhere.run(["trigger", "onUserCreate", "--app", &app]).code(0);
    elsewhere.run(["trigger", "onUserCreate", "--manifest", &format!("{app}/manifest.json")]).code(0);
}

#[test]
fn auto_takes_node_for_npm_packages_and_says_so() {
    let sandbox = Sandbox::app("const p = require('tiny'); exports = { created: function () { return p.answer; } };")
        .file("server/node_modules/tiny/package.json", r#"{"name": "tiny", "version": "1.0.0", "main": "index.js"}"#)
        .file("server/node_modules/tiny/index.js", "exports.answer = 42;");
    sandbox.run(["trigger", "onUserCreate", "--runtime", "embedded"]).code(1).stdout("tiny").stdout("--runtime node");
    sandbox.run(["trigger", "onUserCreate", "--node", "/nowhere/node"]).code(3).stderr("there is no Node.js here");
    if node_or_skip("auto_takes_node_for_npm_packages_and_says_so") {
        sandbox.run(["trigger", "onUserCreate"]).code(0).stdout("using the node runtime").stdout("returned 42");
    }
}

#[test]
fn auto_takes_node_for_what_the_engine_answers_differently() {
    let sandbox = Sandbox::app("exports = { created: function () { return (1234.5).toLocaleString('de-DE'); } };");
    sandbox.run(["trigger", "onUserCreate", "--runtime", "embedded"]).stdout("may answer differently");
    if node_or_skip("auto_takes_node_for_what_the_engine_answers_differently") {
        sandbox.run(["trigger", "onUserCreate"]).code(0).stdout("toLocaleString").stdout("returned \"1.234,5\"");
    }
}

#[test]
fn several_reports_are_written_in_one_run() {
    let sandbox = Sandbox::app(BOTH);
    let ran = sandbox.run(["trigger", "onUserCreate", "--format", "human", "--format", "json=run.json"]).code(0);
    ran.stdout("ok  returned");
    let report = std::fs::read_to_string(sandbox.path().join("run.json")).expect("the report");
    assert!(report.lines().count() >= 4 && report.starts_with("{\"type\":\"run-started\""), "{report}");
}
