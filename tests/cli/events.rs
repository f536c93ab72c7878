//! Events that are not of the product itself: the app's set-up, schedules, other services; and what their callbacks may
//! ask of the platform.

use serde_json::{Value, json};

use crate::sandbox::{Ran, Sandbox, node_or_skip};

const MANIFEST: &str = r#"{
  "platform-version": "3.0",
  "modules": {
    "common": {
      "events": {
        "onAppInstall": { "handler": "installed" },
        "onAppUninstall": { "handler": "installed" },
        "afterAppUpdate": { "handler": "installed" },
        "onScheduledEvent": { "handler": "scheduled" },
        "onExternalEvent": { "handler": "called" }
      }
    },
    "chat_user": { "events": { "onUserUpdate": { "handler": "updated" } } }
  },
  "engines": { "node": "18.20.8", "fdk": "9.7.4" }
}
"#;

/// An app with every event of `common`, whose callbacks share a body.
fn app(body: &str) -> Sandbox {
    let callbacks = ["installed", "scheduled", "called", "updated"];
    let methods: Vec<String> =
        callbacks.iter().map(|name| format!("{name}: function (payload) {{ {body} }}")).collect();
    Sandbox::new()
        .file("manifest.json", MANIFEST)
        .file("server/server.js", format!("exports = {{\n  {}\n}};\n", methods.join(",\n  ")))
}

/// Both runtimes, or the one where there is no Node.js.
fn runtimes() -> &'static [&'static str] {
    if node_or_skip("set-up events on the node runtime") { &["embedded", "node"] } else { &["embedded"] }
}

fn fire(app: &Sandbox, event: &str, more: &[&str]) -> Ran {
    let args = ["trigger", event, "--format", "json", "--seed", "5", "--now", "2026-03-01T08:00:00Z"];
    app.run(args.iter().chain(more).copied())
}

/// The calls of the platform that a run made, each as name, status, and answer.
fn calls(ran: &Ran) -> Vec<(String, String, Value)> {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let all = ran.events("call");
    all.iter().map(|call| (text(&call["name"]), text(&call["status"]), call["answer"].clone())).collect()
}

/// What the only call was rejected with.
fn refusal(ran: &Ran) -> (u64, String) {
    let all = calls(ran);
    let [(_, status, answer)] = &all[..] else { panic!("one call was expected: {all:?}") };
    assert_eq!(status, "rejected", "{answer}");
    (answer["status"].as_u64().unwrap_or(0), answer["message"].as_str().unwrap_or("").to_owned())
}

#[test]
fn a_set_up_event_ends_by_render_data_and_its_outcome_is_what_that_said() {
    for runtime in runtimes() {
        for event in ["onAppInstall", "onAppUninstall", "afterAppUpdate"] {
            let more = ["--runtime", runtime];
            let ran = fire(&app("Promise.resolve().then(() => renderData(null, {ready: true}))"), event, &more).code(0);
            assert_eq!(ran.outcome(), json!({"kind": "rendered", "data": {"ready": true}}));
            let ran = fire(&app("renderData({message: 'no key'})"), event, &more).code(1).without("render-error");
            assert_eq!(ran.outcome(), json!({"kind": "rendered", "render_error": {"message": "no key"}}));
            let ran = fire(&app("return 7;"), event, &more).code(1);
            assert_eq!(ran.outcome(), json!({"kind": "not-rendered"}));
        }
    }
}

#[test]
fn a_set_up_event_that_never_renders_says_what_to_write() {
    app("").run(["trigger", "onAppInstall"]).code(1).stdout("never called renderData").stdout("call `renderData()`");
}

#[test]
fn the_payload_of_a_set_up_event_is_the_envelope_and_the_parameters() {
    let app =
        app("renderData();").file("config/iparams.json", r#"{"team": {"type": "text", "default_value": "blue"}}"#);
    let payload = fire(&app, "onAppInstall", &[]).code(0).events("delivery-started")[0]["payload"].clone();
    let names: Vec<&String> = payload.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["currentHost", "region", "timestamp", "version", "event", "iparams"]);
    assert_eq!(payload["currentHost"]["subscribed_modules"], json!(["chat_user"]));
    assert_eq!(payload["iparams"], json!({"team": "blue"}));
    assert_eq!(payload["timestamp"], json!(1_772_352_000_000_u64));
    let app = Sandbox::new()
        .file(
            "manifest.json",
            r#"{"platform-version": "2.3", "product": {"freshchat": {"events": {"onAppInstall": {"handler": "f"}}}}}"#,
        )
        .file("server/server.js", "exports = { f: function () { renderData(); } };");
    let payload = fire(&app, "onAppInstall", &[]).code(0).events("delivery-started")[0]["payload"].clone();
    let names: Vec<&String> = payload.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["account_id", "domain", "region", "timestamp", "version", "event"]);
}

#[test]
fn an_error_that_the_platform_cannot_show_is_a_finding() {
    for (error, said) in [
        ("'no key'", "neither `message` nor `status`"),
        ("{reason: 1}", "neither `message` nor `status`"),
        ("{message: 'x'.repeat(61)}", "a message of 61 characters, the platform shows 60"),
    ] {
        let ran = app(&format!("renderData({error});")).run(["trigger", "onAppInstall"]).code(1);
        ran.stdout("warning[render-error]").stdout(said);
    }
    for fine in ["{message: 'ü'.repeat(60)}", "{status: 403}"] {
        app(&format!("renderData({fine});")).run(["trigger", "onAppInstall"]).code(1).without("render-error");
    }
}

#[test]
fn a_product_event_may_render_and_ends_by_its_return_all_the_same() {
    for runtime in runtimes() {
        let ran =
            fire(&app("renderData({message: 'late'}); return 7;"), "onUserUpdate", &["--runtime", runtime]).code(0);
        assert_eq!(ran.outcome()["kind"], "returned");
        assert_eq!(calls(&ran), [("renderData".to_owned(), "fulfilled".to_owned(), Value::Null)]);
    }
}

#[test]
fn a_schema_says_which_event_ends_by_rendering() {
    let schema = r#"{"title": "onPing", "type": "object", "required": ["event"],
        "x-simctl-event": {"product": "freshchat", "module": "chat_user", "ends": "renderData"},
        "properties": {"event": {"const": "onPing"}}}"#;
    let app = Sandbox::new()
        .file("manifest.json", r#"{"events": {"onPing": {"handler": "f"}}}"#)
        .file("server/server.js", "exports = { f: function () { renderData(null, 1); } };")
        .file("more/events/onPing.schema.json", schema);
    assert_eq!(fire(&app, "onPing", &["--schemas", "more"]).code(0).outcome()["kind"], "rendered");
}

#[test]
fn an_external_event_is_made_up_or_taken_from_a_file_of_at_most_100_kib() {
    let app = app("console.log(JSON.stringify(payload.data)); return Object.keys(payload.headers || {});");
    fire(&app, "onExternalEvent", &["--set", "data.order=K-7"]).code(0).stdout(r#"\"order\":\"K-7\""#);
    let payload = |bytes: usize| {
        json!({"event": "onExternalEvent", "data": {"text": "x".repeat(bytes)}, "region": "EU", "timestamp": 1, "version": "1.0.0",
            "currentHost": {"subscribed_modules": [], "endpoint_urls": {}}})
        .to_string()
    };
    let app = app.file("small.json", payload(90 * 1024)).file("large.json", payload(110 * 1024));
    app.run(["trigger", "onExternalEvent", "--payload", "small.json", "--quiet"]).code(0);
    let large = app.run(["trigger", "onExternalEvent", "--payload", "large.json"]).code(2);
    large.stderr("error[file-too-large]").stderr("the platform sends at most 100");
}

#[test]
fn a_file_with_the_body_alone_is_refused_with_the_way_to_fire_it() {
    let app = app("console.log(JSON.stringify(payload.data));").file("hook.json", r#"{"order": "it's 7"}"#);
    let refused = app.run(["trigger", "onExternalEvent", "--payload", "hook.json"]).code(2);
    refused.stderr(r#"hint: for a file with the `data` alone: `--set "data:=$(cat hook.json)"`"#);
    let body = format!("data:={}", r#"{"order": "it's 7"}"#);
    app.run(["trigger", "onExternalEvent", "--set", &body]).code(0).stdout(r#"{"order":"it's 7"}"#);
    // A product's event has data of a known shape.
    app.run(["trigger", "onUserUpdate", "--payload", "hook.json"]).code(2).without("the `data` alone");
}

#[test]
fn a_target_url_is_the_same_each_time_and_leads_nowhere() {
    let body = "return generateTargetUrl().then((url) => renderData(null, url));";
    let url = |ran: Ran| calls(&ran.code(0))[0].2.as_str().expect("a URL").to_owned();
    let app = app(body);
    let first = url(fire(&app, "onAppInstall", &[]));
    assert!(first.starts_with("https://external-events.simctl.example/"), "{first}");
    for runtime in runtimes() {
        assert_eq!(url(fire(&app, "onAppInstall", &["--runtime", runtime])), first);
    }
    let other = "return generateTargetUrl({for: 'orders'}).then((url) => renderData(null, url));";
    let other = app.file("server/server.js", format!("exports = {{ installed: function () {{ {other} }} }};"));
    assert_ne!(url(fire(&other, "onAppInstall", &[])), first);
}

#[test]
fn a_target_url_is_refused_where_the_platform_refuses_it() {
    let body = "return generateTargetUrl().catch((error) => error.message);";
    for runtime in runtimes() {
        let ran = fire(&app(body), "onUserUpdate", &["--runtime", runtime]).code(0);
        assert_eq!(refusal(&ran), (400, "generateTargetUrl is not available in onUserUpdate".to_owned()));
        let deaf =
            Sandbox::app(&format!("exports = {{ created: function () {{ {body} }}, updated: function () {{}} }};"));
        let ran = fire(&deaf, "onUserCreate", &["--runtime", runtime]).code(0);
        assert_eq!(refusal(&ran), (400, "The app does not subscribe to onExternalEvent".to_owned()));
    }
}

#[test]
fn jobs_are_said_not_to_be_simulated() {
    for runtime in runtimes() {
        for method in ["invoke", "get"] {
            let body =
                format!("return $job.{method}('report').fail((error) => console.log(error.message)).catch(() => 0);");
            let ran = fire(&app(&body), "onUserUpdate", &["--runtime", runtime]).code(0);
            assert_eq!(refusal(&ran), (501, format!("simctl does not simulate $job.{method}")));
        }
    }
}
