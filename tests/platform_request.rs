//! `$request` as an app finds it, on either runtime: what templates become, what mocks answer, what the platform refuses,
//! and what really leaves the machine where that was asked for.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail loudly")]

#[path = "common/mod.rs"]
mod common;
#[path = "cli/sandbox.rs"]
#[allow(dead_code, reason = "shared with the tests of the verbs")]
mod sandbox;
#[path = "platform_request/server.rs"]
mod server;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::sandbox::{Ran, Sandbox, node_or_skip};
use crate::server::{Reply, Server};

const TRIGGER: [&str; 6] = ["trigger", "onUserUpdate", "--format", "json", "--seed", "7"];

/// An app of platform 3.0 with these templates, all declared, that makes these calls one after the other and returns what
/// becomes of each.
fn calling(templates: &Value, calls: &[&str]) -> Sandbox {
    let declared: Vec<String> =
        templates.as_object().expect("templates").keys().map(|name| format!("\"{name}\": {{}}")).collect();
    let requests =
        if declared.is_empty() { String::new() } else { format!("\"requests\": {{ {} }}", declared.join(", ")) };
    let manifest = format!(
        r#"{{ "platform-version": "3.0",
  "modules": {{ "common": {{ {requests} }}, "chat_user": {{ "events": {{ "onUserUpdate": {{ "handler": "updated" }} }} }} }},
  "engines": {{ "node": "18.20.8", "fdk": "9.7.4" }} }}"#
    );
    Sandbox::new()
        .file("manifest.json", manifest)
        .file("config/requests.json", templates.to_string())
        .file("server/server.js", server(calls))
}

/// The same with platform 2.2, which has no templates.
fn older(calls: &[&str]) -> Sandbox {
    let manifest = r#"{ "platform-version": "2.2",
  "product": { "freshchat": { "events": { "onUserUpdate": { "handler": "updated" } } } } }"#;
    Sandbox::new().file("manifest.json", manifest).file("server/server.js", server(calls))
}

fn server(calls: &[&str]) -> String {
    let calls: String = calls.iter().map(|call| format!("    () => {call},\n")).collect();
    format!(
        "exports = {{ updated: async function (payload) {{
  const answers = [];
  const calls = [\n{calls}  ];
  for (const call of calls) {{
    try {{ answers.push(await call()); }} catch (rejected) {{ answers.push({{ rejected }}); }}
  }}
  return answers;
}} }};"
    )
}

/// What came of each call.
#[track_caller]
fn answers(ran: &Ran) -> Vec<Value> {
    ran.outcome()["value"]["json"].as_array().expect("answers").clone()
}

/// The calls and what each comes to, on every runtime.
#[track_caller]
fn each(test: &str, sandbox: &Sandbox, flags: &[&str], expected: &[Value]) {
    let mut runtimes = vec!["embedded"];
    runtimes.extend(node_or_skip(test).then_some("node"));
    for runtime in runtimes {
        let ran = sandbox.run([&TRIGGER[..], &["--runtime", runtime], flags].concat()).code(0);
        assert_eq!(answers(&ran), expected, "{runtime}");
    }
}

fn rejected(status: u16, response: &str) -> Value {
    json!({ "rejected": { "status": status, "headers": {}, "response": response, "attempts": 0 } })
}

fn template(host: &str, more: Value) -> Value {
    let mut schema = json!({ "protocol": "https", "method": "GET", "host": host, "path": "/v1" });
    schema.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    json!({ "schema": schema })
}

/// What a mock of that name answers.
fn mock(sandbox: Sandbox, name: &str, request: Value, answer: Value) -> Sandbox {
    let key = if answer.is_array() { "answers" } else { "answer" };
    let mut file = json!({ "request": request });
    file[key] = answer;
    sandbox.file(&format!("mocks/{name}.json"), file.to_string())
}

// ---- Templates -------------------------------------------------------------------------------------------------------

#[test]
fn a_template_is_filled_in_and_answered_by_its_mock() {
    let templates = json!({ "add": {
        "schema": {
            "method": "POST",
            "host": "<%= iparam.domain %>",
            "path": "/v1/people/<%= context.id %>",
            "headers": { "Authorization": "Basic <%= encode(iparam.token + ':x') %>", "X-Access": "<%= access_token %>" },
            "query": { "from": "<%= currentHost.endpoint_urls.freshchat %>", "name": "<%= context.name %>" }
        }
    } });
    let call =
        "$request.invokeTemplate('add', { context: { id: 7, name: 'Ada & Co' }, body: JSON.stringify({ a: [1] }) })";
    let sandbox = calling(&templates, &[call])
        .file("config/iparam_test_data.json", r#"{ "domain": "crm.example", "token": "t0k" }"#);
    // The URL is spelled out, so that the answer shows that all of it is there.
    let url = "https://crm.example/v1/people/7?from=https%3A%2F%2Ffreshchat.example&name=Ada%20%26%20Co";
    let request = json!({ "template": "add", "method": "POST", "url": url, "body": { "a": [1] } });
    let sandbox =
        mock(sandbox, "add", request, json!({ "status": 201, "headers": { "X-Id": "9" }, "body": { "id": 9 } }));
    let answer = json!({
        "status": 201,
        "headers": { "x-id": "9", "content-type": "application/json" },
        "response": "{\"id\":9}",
        "attempts": 1
    });
    let flags = ["--set", "currentHost.endpoint_urls.freshchat=https://freshchat.example"];
    each("a_template_is_filled_in_and_answered_by_its_mock", &sandbox, &flags, &[answer]);
}

#[test]
fn what_a_template_lacks_is_named() {
    let templates = json!({
        "host": template("<%= iparam.domian %>", json!({})),
        "path": template("a.example", json!({ "path": "/<%= context.id %>" })),
        "header": template("a.example", json!({ "headers": { "X-A": "<%= iparam.nothing %>" } })),
        "query": template("a.example", json!({ "query": { "q": "<%= currentHost.endpoint_urls.crm %>" } })),
        "expression": template("a.example", json!({ "path": "/<%= iparam.domain" })),
    });
    let calls = ["host", "path", "header", "query", "expression"]
        .map(|name| format!("$request.invokeTemplate('{name}', {{ context: {{}} }})"));
    let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    let sandbox = calling(&templates, &calls).file("config/iparam_test_data.json", r#"{ "domain": "a.example" }"#);
    let of = |what: &str, name: &str, why: &str| {
        rejected(400, &format!("The {what} of the request template `{name}`: {why}"))
    };
    let expected = [
        of("host", "host", "`<%= iparam.domian %>`: `iparam.domian` is not there, did you mean `iparam.domain`?"),
        of("path", "path", "`<%= context.id %>`: `context.id` is not there"),
        of("header `X-A`", "header", "`<%= iparam.nothing %>`: `iparam.nothing` is not there"),
        of(
            "query `q`",
            "query",
            "`<%= currentHost.endpoint_urls.crm %>`: `currentHost.endpoint_urls.crm` is not there",
        ),
        of("path", "expression", "`<%= iparam.domain` has no `%>`"),
    ];
    each("what_a_template_lacks_is_named", &sandbox, &[], &expected);
}

#[test]
fn what_the_platform_refuses_is_not_sent() {
    let templates = json!({
        "http": template("a.example", json!({ "protocol": "http" })),
        "address": template("192.0.2.7", json!({})),
        "address6": template("[2001:db8::7]", json!({})),
        "scheme": template("https://a.example", json!({})),
        "method": template("a.example", json!({ "method": "FETCH" })),
        "options": { "schema": template("a.example", json!({}))["schema"], "options": { "maxAttempts": 9 } },
        "injected": template("a.example", json!({ "headers": { "X-A": "<%= context.header %>" } })),
        "good": template("a.example", json!({})),
    });
    let calls = [
        "$request.invokeTemplate('http', {})",
        "$request.invokeTemplate('address', {})",
        "$request.invokeTemplate('address6', {})",
        "$request.invokeTemplate('scheme', {})",
        "$request.invokeTemplate('method', {})",
        "$request.invokeTemplate('options', {})",
        "$request.invokeTemplate('injected', { context: { header: 'a\\r\\nX-B: c' } })",
        "$request.invokeTemplate('goood', {})",
        "$request.invokeTemplate()",
        "$request.invokeTemplate('good', 7)",
        "$request.invokeTemplate('good', { body: { a: 1 } })",
        "$request.invokeTemplate('good', { body: 'x'.repeat(6 * 1024 * 1024 + 1) }).catch((e) => { throw { status: e.status, response: e.response, headers: e.headers, attempts: e.attempts }; })",
        "$request.get('https://a.example/')",
    ];
    let sandbox = calling(&templates, &calls);
    let of = |what: &str, name: &str, why: &str| {
        rejected(400, &format!("The {what} of the request template `{name}`: {why}"))
    };
    let expected = [
        of("protocol", "http", "requests are sent by HTTPS only, and it is `http`"),
        of("host", "address", "The host `192.0.2.7` is an IP address, and requests are sent to domains only"),
        of("host", "address6", "The host `[2001:db8::7]` is an IP address, and requests are sent to domains only"),
        of("host", "scheme", "The host `https://a.example` has a protocol in it, a domain's name alone was expected"),
        of("method", "method", "`FETCH` is none of `GET`, `POST`, `PUT`, `PATCH` and `DELETE`"),
        of("options", "options", "`maxAttempts` is 9, a whole number from 1 to 5 was expected"),
        rejected(400, "`X-A` is not a header field that can be sent"),
        rejected(404, "The request template `goood` is not defined in config/requests.json, did you mean `good`?"),
        rejected(400, "The name of a request template was expected, a text"),
        rejected(400, "The second argument is not an object, options were expected"),
        rejected(400, "`body` is a value, a text was expected: `JSON.stringify` makes one"),
        rejected(413, "The body of the request is larger than 6 MB: 6291457 bytes"),
        rejected(
            405,
            "`$request.get` is not available on platform 3.0: write a template in config/requests.json and use `$request.invokeTemplate`",
        ),
    ];
    each("what_the_platform_refuses_is_not_sent", &sandbox, &[], &expected);
}

#[test]
fn a_template_that_the_manifest_does_not_declare_is_not_sent() {
    let sandbox = calling(&json!({}), &["$request.invokeTemplate('add', {})"])
        .file("config/requests.json", json!({ "add": template("a.example", json!({})) }).to_string());
    let why = "The request template `add` is not declared in `requests` of manifest.json";
    each("a_template_that_the_manifest_does_not_declare_is_not_sent", &sandbox, &[], &[rejected(404, why)]);
}

#[test]
fn templates_that_cannot_be_read_are_told_with_their_place() {
    let sandbox = calling(&json!({ "add": {} }), &["$request.invokeTemplate('add', {})"])
        .file("config/requests.json", "{ \"add\": ");
    let ran = sandbox.run(["trigger", "onUserUpdate"]).code(1);
    let ran = ran
        .stdout("error[json-syntax]")
        .stdout("config/requests.json:1:")
        .stdout("config/requests.json cannot be read");
    ran.stdout("FAIL  returned [").stdout(", but not without an error: json-syntax");
}

// ---- The calls of older platforms ------------------------------------------------------------------------------------

#[test]
fn older_platforms_take_a_url() {
    let calls = [
        "$request.get('https://crm.example/v1/people?id=7', { headers: { Authorization: 'Bearer <%= iparam.token %>' }, json: true })",
        "$request.post('https://crm.example/v1/people', { json: true, body: { name: 'Ada' } })",
        "$request.put('https://crm.example/v1/form', { form: { a: 'b c', d: 1 } })",
        "$request.patch('https://crm.example/v1/text', { body: 'plain' })",
        "$request.delete('https://<%= iparam.domain %>/v1/people/7')",
        "$request.get('http://crm.example/')",
        "$request.get('https://192.0.2.7/')",
        "$request.get('crm')",
        "$request.get()",
        "$request.post('https://crm.example/', { body: {} })",
        "$request.invokeTemplate('add', {})",
    ];
    let sandbox = older(&calls).file("config/iparam_test_data.json", r#"{ "token": "t0k", "domain": "crm.example" }"#);
    let url = |path: &str| format!("https://crm.example/v1/{path}");
    let sandbox =
        mock(sandbox, "a", json!({ "method": "GET", "url": url("people?id=*") }), json!({ "body": { "id": 7 } }));
    let sandbox = mock(
        sandbox,
        "b",
        json!({ "method": "POST", "url": url("people"), "body": { "name": "A*" } }),
        json!({ "status": 409, "body": "taken" }),
    );
    let sandbox = mock(sandbox, "c", json!({ "method": "PUT", "url": url("*"), "body": "a=b%20c&d=1" }), json!({}));
    let sandbox =
        mock(sandbox, "d", json!({ "method": "PATCH", "url": url("*"), "body": "pl*n" }), json!({ "status": 204 }));
    let sandbox =
        mock(sandbox, "e", json!({ "method": "DELETE", "url": url("**") }), json!({ "status": 202, "body": "gone" }));
    let kind = json!({ "content-type": "application/json" });
    let answer = |status: u16, headers: Value, response: Value| json!({ "status": status, "headers": headers, "response": response, "attempts": 1 });
    let expected = [
        answer(200, kind, json!({ "id": 7 })),
        json!({ "rejected": answer(409, json!({}), json!("taken")) }),
        answer(200, json!({}), json!("")),
        answer(204, json!({}), json!("")),
        answer(202, json!({}), json!("gone")),
        rejected(400, "Requests are sent by HTTPS only, and `http://crm.example/` begins with `http://`"),
        rejected(400, "The host `192.0.2.7` is an IP address, and requests are sent to domains only"),
        rejected(400, "`crm` is not a URL, one that begins with `https://` was expected"),
        rejected(400, "A URL was expected, a text"),
        rejected(400, "`body` is a value, a text or `json: true` was expected"),
        rejected(
            405,
            "`$request.invokeTemplate` is not available on platform 2.2: use `$request.get` and the like, or platform 2.3 or newer",
        ),
    ];
    each("older_platforms_take_a_url", &sandbox, &[], &expected);
}

// ---- Mocks -----------------------------------------------------------------------------------------------------------

#[test]
fn failures_and_sequences_are_answered_in_turn_and_retried() {
    let options = |attempts: u64| json!({ "maxAttempts": attempts, "retryDelay": 20 });
    let schema = template("crm.example", json!({}))["schema"].clone();
    let templates = json!({
        "patient": { "schema": schema, "options": options(3) },
        "hasty": { "schema": schema, "options": options(2) },
        "late": { "schema": schema },
        "refused": { "schema": schema },
        "unknown": { "schema": schema },
        "closed": { "schema": schema },
        "large": { "schema": schema },
        "missing": { "schema": schema, "options": options(3) },
    });
    let names = ["patient", "hasty", "late", "refused", "unknown", "closed", "large", "missing"];
    let calls = names.map(|name| format!("$request.invokeTemplate('{name}', {{}})"));
    let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    let mut sandbox = calling(&templates, &calls);
    let rows = [
        ("patient", json!([{ "status": 503 }, { "status": 429 }, { "body": "at last" }])),
        (
            "hasty",
            json!([{ "status": 500, "body": "first" }, { "status": 502, "body": "second" }, { "body": "never" }]),
        ),
        ("late", json!({ "fail": "timeout" })),
        ("refused", json!({ "fail": "refused" })),
        ("unknown", json!({ "fail": "unknown-host" })),
        ("closed", json!({ "fail": "closed", "delay_ms": 10 })),
        ("large", json!({ "fail": "too-large" })),
        ("missing", json!({ "status": 404 })),
    ];
    for (name, answer) in rows {
        sandbox = mock(sandbox, name, json!({ "template": name }), answer);
    }
    let failed = |status: u16, response: &str, attempts: u64| json!({ "rejected": { "status": status, "headers": {}, "response": response, "attempts": attempts } });
    let expected = [
        json!({ "status": 200, "headers": {}, "response": "at last", "attempts": 3 }),
        failed(502, "second", 2),
        failed(504, "`crm.example` did not answer within 15 s", 1),
        failed(502, "`crm.example` refused the connection", 1),
        failed(502, "The host `crm.example` is not known", 1),
        failed(502, "`crm.example` closed the connection before it had answered", 1),
        failed(413, "The answer of `crm.example` is larger than 6 MB", 1),
        failed(404, "", 1),
    ];
    each("failures_and_sequences_are_answered_in_turn_and_retried", &sandbox, &[], &expected);
}

#[test]
fn answers_of_mocks_take_their_time_side_by_side() {
    let sandbox = calling(
        &json!({ "slow": template("crm.example", json!({})) }),
        &["Promise.all([1, 2, 3, 4].map(() => $request.invokeTemplate('slow', {}))).then((all) => all.length)"],
    );
    let sandbox = mock(sandbox, "slow", json!({ "template": "slow" }), json!({ "delay_ms": 400 }));
    let ran = sandbox.run(TRIGGER).code(0);
    assert_eq!(answers(&ran), [json!(4)]);
    let calls = ran.events("call");
    assert_eq!(calls.len(), 4);
    assert!(calls.iter().all(|call| call["took_us"].as_u64().unwrap() >= 400_000), "{calls:?}");
    let took = ran.events("delivery-finished")[0]["handler_us"].as_u64().unwrap();
    assert!(took < 1_500_000, "{took} µs: one after the other they would take longer");
}

#[test]
fn an_answer_that_the_app_asked_to_keep_is_given_again() {
    let sandbox = calling(
        &json!({ "list": template("crm.example", json!({ "query": { "q": "<%= context.q %>" } })) }),
        &[
            "$request.invokeTemplate('list', { context: { q: 1 }, cache: true, ttl: 60000 })",
            "$request.invokeTemplate('list', { context: { q: 1 }, cache: true })",
            "$request.invokeTemplate('list', { context: { q: 2 }, cache: true })",
            "$request.invokeTemplate('list', { context: { q: 1 } })",
        ],
    );
    let sandbox = mock(
        sandbox,
        "list",
        json!({ "template": "list" }),
        json!([{ "body": "1" }, { "body": "2" }, { "body": "3" }]),
    );
    let answers = answers(&sandbox.run(TRIGGER).code(0));
    let responses: Vec<&str> = answers.iter().map(|answer| answer["response"].as_str().unwrap_or("?")).collect();
    assert_eq!(responses, ["1", "1", "2", "3"]);
}

#[test]
fn a_request_without_a_mock_fails_the_run_and_shows_the_file_to_write() {
    let sandbox = calling(
        &json!({ "add": template("crm.example", json!({})) }),
        &["$request.invokeTemplate('add', {}).catch(() => 'bears it')"],
    );
    let ran = sandbox.run(TRIGGER).code(1);
    assert_eq!(answers(&ran), [json!("bears it")]);
    let found = ran.events("found");
    assert_eq!((found.len(), &found[0]["code"]), (1, &json!("missing-mock")));
    // Each event fails by itself, in every format.
    let two = sandbox.run([&TRIGGER[..], &["-n", "2"]].concat()).code(1);
    let finished = &two.events("run-finished")[0];
    assert_eq!((&finished["held"], &finished["failed"], two.events("found").len()), (&json!(0), &json!(2), 2));
    let junit = sandbox.run(["trigger", "onUserUpdate", "-n", "2", "--format", "junit"]).code(1);
    assert_eq!(junit.out.matches("type=\"missing-mock\"").count(), 2, "{}", junit.out);
    // Nothing was sent, so there was no attempt.
    let calls = ran.events("call");
    assert_eq!((&calls[0]["answer"]["status"], &calls[0]["answer"]["attempts"]), (&json!(501), &json!(0)));
    // And says so where it ends, rather than that all was well.
    let human = sandbox.run(["trigger", "onUserUpdate"]).code(1);
    human.stdout("FAIL  returned [\"bears it\"], but a request had no mock").stdout("repeat: ").without("ok  returned");
    let github = sandbox.run(["trigger", "onUserUpdate", "--format", "github"]).code(1);
    github.stdout("title=onUserUpdate%3A missing-mock::updated returned [\"bears it\"], but a request had no mock");
    junit.stdout("message=\"returned [&quot;bears it&quot;], but a request had no mock: no file in mocks/");
    sandbox.run(["trigger", "onUserUpdate", "-q"]).code(1).stdout("FAIL  returned");
    // What the finding shows is a mock that answers.
    let hint = found[0]["hints"][0].as_str().unwrap();
    let (head, text) = hint.split_once(":\n").unwrap();
    let name = head.split('`').nth(1).unwrap();
    assert_eq!(name, "mocks/add.json");
    let answers = answers(&sandbox.file(name, text).run(TRIGGER).code(0));
    assert_eq!((&answers[0]["status"], &answers[0]["response"]), (&json!(200), &json!("{}")));
}

#[test]
fn a_mock_at_fault_is_told_before_anything_is_fired() {
    let sandbox = calling(&json!({ "add": template("crm.example", json!({})) }), &["console.log('fired')"])
        .file("mocks/add.json", r#"{ "request": { "template": "ad" }, "answer": {} }"#);
    let ran = sandbox.run(["trigger", "onUserUpdate"]).code(2).without("fired");
    ran.stderr("error[bad-mock]").stderr("mocks/add.json:1:28").stderr("did you mean `add`?");
    sandbox.run(["validate"]).code(1).stdout("error[bad-mock]").stdout("mocks/add.json:1:28");
    for path in ["mocks/add.json", "mocks", "."] {
        sandbox.run(["validate", path]).code(1).stdout("error[bad-mock]").stdout("mocks/add.json:1:28");
    }
}

#[test]
fn calls_beyond_the_limit_are_refused_where_asked() {
    let call = "(async () => { let last; for (let i = 0; i < 51; i++) last = await $request.invokeTemplate('get', {}).catch((e) => e); return last; })()";
    let sandbox = calling(&json!({ "get": template("crm.example", json!({})) }), &[call]);
    let sandbox = mock(sandbox, "get", json!({ "template": "get" }), json!({}));
    let ran = sandbox.run(TRIGGER).code(0);
    assert_eq!((&answers(&ran)[0]["status"], &ran.events("found")[0]["code"]), (&json!(200), &json!("call-rate")));
    let ran = sandbox.run([&TRIGGER[..], &["--strict-limits"]].concat()).code(0);
    let refused = "The limit of 50 calls of $request a minute is exceeded";
    assert_eq!(answers(&ran)[0], rejected(429, refused)["rejected"]);
}

// ---- Secrets ---------------------------------------------------------------------------------------------------------

const SECURE: &str = r#"{ "token": { "display_name": "Token", "type": "text", "secure": true } }"#;

#[test]
fn a_mock_holds_the_name_of_a_secret_and_no_output_its_value() {
    let templates = json!({ "login": template("crm.example", json!({
        "method": "POST",
        "path": "/<%= iparam.token %>",
        "headers": { "Authorization": "Basic <%= encode('ada:' + iparam.token) %>" }
    })) });
    let call = "$request.invokeTemplate('login', { body: payload.iparams.token }).then((r) => { console.log(r.response === payload.iparams.token); return r; })";
    let sandbox = calling(&templates, &[call])
        .file("config/iparams.json", SECURE)
        .file("config/iparam_test_data.json", r#"{ "token": "tok/en+1" }"#);
    let request = json!({ "url": "https://crm.example/{{iparam.token}}", "body": "{{iparam.token}}" });
    let sandbox = mock(sandbox, "login", request, json!({ "body": "{{iparam.token}}" }));
    for format in ["human", "json"] {
        let ran = sandbox.run(["trigger", "onUserUpdate", "--format", format, "--verbose"]).code(0);
        ran.stdout("true").stdout("********").without("tok/en").without("b2svZW4rM");
    }
}

// ---- Live and record -------------------------------------------------------------------------------------------------

fn live(sandbox: Sandbox, server: &Server) -> Sandbox {
    let certificate = sandbox.path().join("authority.pem");
    let sandbox = sandbox.file("authority.pem", server.certificate()).env("SSL_CERT_FILE", certificate);
    // A proxy of the machine's knows nothing of this server.
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "SSL_CERT_DIR"]
        .iter()
        .fold(sandbox, |s, name| s.env(name, ""))
}

#[test]
fn nothing_leaves_the_machine_unless_asked_for() {
    let server = Server::start(|_, _| Reply::text(200, "from afar"));
    let templates = json!({ "get": template(&server.host(), json!({})) });
    let sandbox = live(calling(&templates, &["$request.invokeTemplate('get', {})"]), &server);
    sandbox.run(TRIGGER).code(1);
    assert_eq!(server.requests(), Vec::<String>::new());
    let answer = answers(&sandbox.run([&TRIGGER[..], &["--network", "live"]].concat()).code(0));
    assert_eq!((&answer[0]["status"], &answer[0]["response"]), (&json!(200), &json!("from afar")));
    let by_environment = answers(&sandbox.env("SIMCTL_NETWORK", "live").run(TRIGGER).code(0));
    assert_eq!(by_environment, answer);
}

#[test]
fn a_live_request_is_sent_as_the_template_says_on_both_runtimes() {
    let server = Server::start(|_, request| Reply::text(201, request).header("X-Kind", "echo"));
    let templates = json!({ "add": template(&server.host(), json!({
        "method": "POST",
        "path": "/v1/people/<%= context.id %>",
        "headers": { "X-Token": "<%= iparam.token %>", "Content-Type": "application/json" },
        "query": { "q": "a b" }
    })) });
    let call = "$request.invokeTemplate('add', { context: { id: 7 }, body: '{\"a\":1}' })";
    let sandbox =
        live(calling(&templates, &[call]), &server).file("config/iparam_test_data.json", r#"{ "token": "t0k-en" }"#);
    let mut runtimes = vec!["embedded"];
    runtimes.extend(node_or_skip("a_live_request_is_sent_as_the_template_says_on_both_runtimes").then_some("node"));
    for runtime in runtimes {
        let ran = sandbox.run([&TRIGGER[..], &["--network", "live", "--runtime", runtime]].concat()).code(0);
        let answer = &answers(&ran)[0];
        assert_eq!((&answer["status"], &answer["headers"]["x-kind"]), (&json!(201), &json!("echo")), "{runtime}");
        let echo = answer["response"].as_str().unwrap().to_ascii_lowercase();
        for part in
            ["post /v1/people/7?q=a%20b http/1.1", "x-token: t0k-en", "content-type: application/json", "{\"a\":1}"]
        {
            assert!(echo.contains(part), "{part} in\n{echo}");
        }
    }
}

#[test]
fn a_live_request_is_retried_as_the_template_says() {
    let server = Server::start(|count, _| if count < 2 { Reply::text(503, "busy") } else { Reply::text(200, "done") });
    let mut get = template(&server.host(), json!({}));
    get["options"] = json!({ "maxAttempts": 3, "retryDelay": 50 });
    let sandbox = live(calling(&json!({ "get": get }), &["$request.invokeTemplate('get', {})"]), &server);
    let began = Instant::now();
    let answer = answers(&sandbox.run([&TRIGGER[..], &["--network", "live"]].concat()).code(0));
    assert_eq!((&answer[0]["response"], &answer[0]["attempts"]), (&json!("done"), &json!(3)));
    assert!(began.elapsed() >= Duration::from_millis(100));
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn live_requests_run_side_by_side() {
    // Each answer waits until all requests have come.
    let server = Server::start_together(4, |_, _| Reply::text(200, "all here"));
    let call = "Promise.all([1, 2, 3, 4].map(() => $request.invokeTemplate('get', {}))).then((all) => all.map((one) => one.response))";
    let templates = json!({ "get": template(&server.host(), json!({})) });
    let sandbox = live(calling(&templates, &[call]), &server);
    let answer = answers(&sandbox.run([&TRIGGER[..], &["--network", "live"]].concat()).code(0));
    assert_eq!(answer[0], json!(["all here"; 4].iter().collect::<Vec<_>>()));
}

#[test]
fn what_goes_wrong_on_the_way_rejects_with_a_status() {
    let server = Server::start(|_, request| match request.split_whitespace().nth(1) {
        Some("/large") => Reply::text(200, &"x".repeat(6 * 1024 * 1024 + 1)),
        Some("/closed") => Reply::close(),
        Some("/http") => Reply::text(302, "").header("Location", "http://crm.example/"),
        Some("/address") => Reply::text(301, "").header("Location", "https://192.0.2.7/"),
        Some("/elsewhere") => Reply::text(307, "").header("Location", "found?yes=1"),
        Some("/round") => Reply::text(302, "").header("Location", "/round"),
        Some(path) => Reply::text(200, path),
        None => Reply::close(),
    });
    let nobody = Server::port_of_nobody();
    let host = server.host();
    let names = ["large", "closed", "http", "address", "elsewhere", "round"];
    let mut templates: Value =
        names.iter().map(|name| ((*name).to_owned(), template(&host, json!({ "path": format!("/{name}") })))).collect();
    templates["nobody"] = template(&format!("localhost:{nobody}"), json!({}));
    templates["unknown"] = template("no-such-host.invalid", json!({}));
    templates["post"] = template(&host, json!({ "path": "/http", "method": "POST" }));
    let calls: Vec<String> = names
        .iter()
        .chain(&["nobody", "unknown", "post"])
        .map(|name| format!("$request.invokeTemplate('{name}', {{}}).then((r) => r.status + ' ' + r.response, (e) => e.status + ' ' + e.response)"))
        .collect();
    let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    let sandbox = live(calling(&templates, &calls), &server);
    let answers = answers(&sandbox.run([&TRIGGER[..], &["--network", "live"]].concat()).code(0));
    let expected = [
        format!("413 The answer of `{host}` is larger than 6 MB"),
        format!("502 `{host}` closed the connection before it had answered"),
        format!(
            "502 `{host}` redirects to where the platform does not go: Requests are sent by HTTPS only, and `http://crm.example/` begins with `http://`"
        ),
        format!(
            "502 `{host}` redirects to where the platform does not go: The host `192.0.2.7` is an IP address, and requests are sent to domains only"
        ),
        "200 /found?yes=1".to_owned(),
        format!("502 `{host}` redirects more than 5 times"),
        format!("502 `localhost:{nobody}` refused the connection"),
        "502 The host `no-such-host.invalid` is not known".to_owned(),
        // Only a GET is sent on.
        "302 ".to_owned(),
    ];
    for (answer, expected) in answers.iter().zip(&expected) {
        assert_eq!(answer.as_str(), Some(expected.as_str()));
    }
    assert_eq!(answers.len(), expected.len());
}

#[test]
fn a_server_that_nobody_vouches_for_is_not_sent_to() {
    let (server, other) = (Server::start(|_, _| Reply::text(200, "x")), Server::start(|_, _| Reply::text(200, "x")));
    let templates = json!({ "get": template(&server.host(), json!({})) });
    let sandbox = live(calling(&templates, &["$request.invokeTemplate('get', {})"]), &other);
    let answer = &answers(&sandbox.run([&TRIGGER[..], &["--network", "live"]].concat()).code(0))[0]["rejected"];
    let why = answer["response"].as_str().unwrap();
    assert!(answer["status"] == 502 && why.contains("certificate"), "{why}");
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[test]
fn what_is_recorded_is_a_mock_without_secrets_that_answers_the_next_time() {
    let server = Server::start(|count, request| {
        let token = request.lines().find_map(|line| line.strip_prefix("x-token: ")).unwrap_or("?").to_owned();
        let body = json!({ "count": count, "token": token }).to_string();
        Reply::text(200, &body).header("Content-Type", "application/json").header("Set-Cookie", "a=b")
    });
    let templates = json!({ "get": template(&server.host(), json!({ "headers": { "x-token": "<%= iparam.token %>" }, "path": "/<%= context.id %>" })) });
    let calls = [
        "$request.invokeTemplate('get', { context: { id: 1 } })",
        "$request.invokeTemplate('get', { context: { id: 1 } })",
        "$request.invokeTemplate('get', { context: { id: 2 } })",
    ];
    let sandbox = live(calling(&templates, &calls), &server)
        .file("config/iparams.json", SECURE)
        .file("config/iparam_test_data.json", r#"{ "token": "tok/en+1" }"#);
    let record = [&TRIGGER[..], &["--network", "record"]].concat();
    let ran = sandbox.run(record.iter().copied()).code(0).without("tok/en");
    // A mock leaves out how an answer travelled.
    let told = |ran: &Ran| -> Vec<Value> {
        let told = |answer: &Value| json!([answer["status"], answer["headers"]["content-type"], answer["response"]]);
        answers(ran).iter().map(told).collect()
    };
    let first = told(&ran);
    assert_eq!(server.requests().len(), 2, "the same request is sent once");
    let notices: Vec<String> = ran.events("notice").iter().map(|notice| notice["message"].to_string()).collect();
    assert!(notices.len() == 2 && notices[0].contains("`mocks/get.json`"), "{notices:?}");
    let text = std::fs::read_to_string(sandbox.path().join("mocks/get.json")).unwrap();
    let mock: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(mock["request"], json!({ "template": "get" }));
    assert_eq!(mock["answer"]["body"], json!({ "count": 0, "token": "{{iparam.token}}" }));
    assert!(!text.contains("tok/en") && !text.contains("cookie"), "{text}");
    // From the files now; and recording again sends nothing and overwrites nothing.
    assert_eq!(told(&sandbox.run(TRIGGER).code(0)), first);
    let again = sandbox.run(record).code(0).stdout("it is not sent again");
    assert_eq!(told(&again), first);
    assert_eq!(std::fs::read_to_string(sandbox.path().join("mocks/get.json")).unwrap(), text);
    assert_eq!(server.requests().len(), 2);
    sandbox.run(["validate", "mocks/get.json", "mocks/get-2.json"]).code(0);
}

#[test]
fn what_failed_at_first_is_recorded_as_a_sequence() {
    let server = Server::start(|count, _| if count == 0 { Reply::close() } else { Reply::text(200, "ok") });
    let mut get = template(&server.host(), json!({}));
    get["options"] = json!({ "maxAttempts": 2 });
    let sandbox = live(calling(&json!({ "get": get }), &["$request.invokeTemplate('get', {})"]), &server);
    let first = answers(&sandbox.run([&TRIGGER[..], &["--network", "record"]].concat()).code(0));
    assert_eq!(first[0]["attempts"], 2);
    let text = std::fs::read_to_string(sandbox.path().join("mocks/get.json")).unwrap();
    let mock: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(mock["answers"][0], json!({ "fail": "closed" }));
    assert_eq!(answers(&sandbox.run(TRIGGER).code(0))[0]["attempts"], 2);
}

#[test]
fn what_fails_to_the_end_is_not_recorded_and_is_sent_again_the_next_time() {
    let server = Server::start(|count, _| if count == 0 { Reply::close() } else { Reply::text(200, "ok") });
    let templates = json!({ "get": template(&server.host(), json!({})) });
    let sandbox = live(calling(&templates, &["$request.invokeTemplate('get', {})"]), &server);
    let record = [&TRIGGER[..], &["--network", "record"]].concat();
    let failed = sandbox.run(record.iter().copied()).code(0).stdout("nothing was recorded of GET https://");
    assert_eq!(answers(&failed)[0]["rejected"]["status"], 502);
    assert!(!sandbox.path().join("mocks").exists());
    assert_eq!(answers(&sandbox.run(record).code(0).without("nothing was recorded"))[0]["response"], "ok");
    assert!(sandbox.path().join("mocks/get.json").exists());
}

#[test]
fn a_handler_that_ends_while_a_request_is_under_way_ends_the_run() {
    // The second event must not get what the first one asked for, nor wait for it.
    let server = Server::start(|_, _| Reply::after(Duration::from_secs(5)));
    let templates = json!({ "get": template(&server.host(), json!({})) });
    let sandbox = live(calling(&templates, &[]), &server).file(
        "server/server.js",
        "exports = { updated: function () { $request.invokeTemplate('get', {}); throw new Error('enough'); } };",
    );
    let began = Instant::now();
    sandbox.run([&TRIGGER[..], &["--network", "live", "-n", "2", "--timeout", "1s"]].concat()).code(1);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
