//! `simctl serve`: what its server answers, and above all what it refuses.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Child;
use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const HELD: &str = "exports = { created(payload) { console.log('hello'); return 1; }, updated() {} };";

/// A server that runs until the test ends.
pub(super) struct Serving {
    child: Child,
    pub(super) url: String,
    address: String,
    pub(super) sandbox: Sandbox,
}

impl Serving {
    fn new(sandbox: Sandbox, flags: &[&str]) -> Self {
        Self::keeping(sandbox, &[&["--no-history"], flags].concat())
    }

    /// One that keeps what it fires.
    pub(super) fn keeping(sandbox: Sandbox, flags: &[&str]) -> Self {
        let words = ["serve", "--port", "0"].into_iter().chain(flags.iter().copied());
        let mut child = sandbox.command(words).spawn().expect("simctl starts");
        let mut url = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut url).expect("its address");
        let address = url.trim_start_matches("http://").split('/').next().expect("an address").to_owned();
        Self { child, url: url.trim().to_owned(), address, sandbox }
    }

    /// Kills it, and starts another at the same port.
    pub(super) fn start_anew(&mut self, flags: &[&str]) {
        let port = self.address.rsplit(':').next().expect("a port").to_owned();
        let _ = self.child.kill();
        let _ = self.child.wait();
        let words = ["serve", "--port", &port].into_iter().chain(flags.iter().copied());
        self.child = self.sandbox.command(words).spawn().expect("simctl starts");
        let mut url = String::new();
        BufReader::new(self.child.stdout.take().expect("piped")).read_line(&mut url).expect("its address");
        assert!(url.starts_with("http://"), "{url}");
    }

    /// Sends these bytes; gives the status and the rest of the answer.
    fn raw(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, answer)
    }

    fn get(&self, path: &str, headers: &str) -> (u16, String) {
        self.raw(&format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{headers}connection: close\r\n\r\n", self.address))
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (body, host) = (body.to_string(), &self.address);
        let (status, answer) = self.raw(&format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: \
             close\r\n\r\n{body}",
            body.len()
        ));
        let body = answer.split_once("\r\n\r\n").expect("a body").1;
        (status, serde_json::from_str(body).expect("JSON"))
    }

    /// The most memory that the server itself has had, where the system tells.
    fn most_memory_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }

    fn payload(&self) -> Value {
        self.post("/api/payloads", &json!({ "event": "onUserCreate", "seed": 7 })).1
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_payload_is_made_and_fired_and_the_outcome_is_told() {
    let serving = Serving::new(Sandbox::app(HELD), &[]);
    let made = serving.payload();
    let wanted = json!({ "event": "onUserCreate", "payload": made["text"], "made": made["made"], "wait": true });
    let (status, fire) = serving.post("/api/fires", &wanted);
    assert_eq!((status, &fire["exit_code"], &fire["outcome"]["kind"]), (200, &json!(0), &json!("returned")), "{fire}");
    let (_, events) = serving.get(&format!("/api/fires/{}/events", fire["id"]), "");
    for part in ["text/event-stream", "\"text\":\"hello\"", "event: ended"] {
        assert!(events.contains(part), "{part} in {events}");
    }
}

#[test]
fn a_handler_that_throws_is_no_success() {
    let serving = Serving::new(Sandbox::app("exports = { created() { throw new Error('no'); } };"), &[]);
    let wanted = json!({ "event": "onUserCreate", "payload": serving.payload()["text"], "wait": true });
    let (_, fire) = serving.post("/api/fires", &wanted);
    assert_eq!((&fire["exit_code"], &fire["outcome"]["kind"]), (&json!(1), &json!("threw")), "{fire}");
}

#[test]
fn nothing_is_fired_where_the_file_of_values_lacks_a_required_parameter() {
    let sandbox = Sandbox::app(HELD)
        .file("config/iparams.json", r#"{"team": {"display_name": "Team", "type": "text", "required": true}}"#)
        .file("values.json", "{}");
    let serving = Serving::new(sandbox, &["--iparams", "values.json"]);
    let wanted = json!({ "event": "onUserCreate", "payload": serving.payload()["text"], "wait": true });
    let (_, fire) = serving.post("/api/fires", &wanted);
    let code = &fire["trouble"]["findings"][0]["code"];
    assert_eq!((&fire["exit_code"], code), (&json!(2), &json!("missing-iparam")), "{fire}");
}

#[test]
fn a_delivery_that_is_kept_is_told_as_a_step_of_a_scenario() {
    let serving = Serving::keeping(Sandbox::app(HELD), &[]);
    let wanted = json!({ "event": "onUserCreate", "payload": serving.payload()["text"], "wait": true });
    let (_, fire) = serving.post("/api/fires", &wanted);
    assert_eq!(fire["kept_as"], 1, "{fire}");
    let (status, step) = serving.get("/api/history/1/step", "");
    assert_eq!(status, 200);
    assert!(step.contains(r#"- replay: \"delivery-1.json\"\n  expect:\n    outcome: returned"#), "{step}");
}

#[test]
fn the_page_is_there_and_may_load_nothing_from_elsewhere() {
    let serving = Serving::new(Sandbox::app(HELD), &[]);
    for file in [
        "/",
        "/style.css",
        "/app.js",
        "/editor.js",
        "/complete.js",
        "/run.js",
        "/history.js",
        "/findings.js",
        "/api.js",
        "/dom.js",
    ] {
        let (status, answer) = serving.get(file, "");
        assert_eq!(status, 200, "{file}");
        assert!(answer.contains("default-src 'none'; script-src 'self'"), "{file}");
        for other in ["https://", "http://", "innerHTML", "<script>", "style=\""] {
            assert!(!answer.contains(other), "{other} in {file}");
        }
    }
}

#[test]
fn what_does_not_come_from_its_own_page_is_refused() {
    let serving = Serving::new(Sandbox::app(HELD), &[]);
    assert_eq!(serving.get("/api/app", "origin: http://evil.example\r\n").0, 403);
    assert_eq!(serving.get("/api/app", "sec-fetch-site: cross-site\r\n").0, 403);
    let (status, _) = serving.raw("GET /api/app HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n");
    assert_eq!(status, 421);
    // What a form of another site can send, were it not for its `Origin`.
    let form = "content-type: text/plain\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
    let (status, _) = serving.raw(&format!("POST /api/fires HTTP/1.1\r\nhost: {}\r\n{form}", serving.address));
    assert_eq!(status, 415);
}

#[test]
fn a_body_that_is_too_large_or_too_slow_is_refused() {
    let serving = Serving::new(Sandbox::app(HELD), &[]);
    let head = format!("POST /api/check HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n", serving.address);
    let (status, _) = serving.raw(&format!("{head}content-length: 99999999\r\nconnection: close\r\n\r\n"));
    assert_eq!(status, 413);
    // A body that does not say how long it is.
    let chunk = " ".repeat(1 << 18);
    let chunks = format!("{:x}\r\n{chunk}\r\n", chunk.len()).repeat(5);
    let (status, answer) =
        serving.raw(&format!("{head}transfer-encoding: chunked\r\nconnection: close\r\n\r\n{chunks}0\r\n\r\n"));
    assert!(status == 413 && answer.contains("too-large"), "{answer}");
    let (status, answer) = serving.raw(&format!("{head}content-length: 100\r\nconnection: close\r\n\r\n{{"));
    assert!(status == 408 && answer.contains("slow-body"), "{answer}");
}

#[test]
fn other_machines_need_the_token() {
    let token = "0123456789abcdef";
    let serving = Serving::new(Sandbox::app(HELD), &["--host", "127.0.0.1", "--token", token]);
    assert!(serving.url.ends_with(&format!("/#token={token}")), "{}", serving.url);
    assert_eq!(serving.get("/api/events", "").0, 401);
    assert_eq!(serving.get("/api/app", &format!("authorization: Bearer {token}\r\n")).0, 200);
    assert_eq!(serving.post("/api/session", &json!({ "token": "wrong" })).0, 401);
    let body = format!("{{\"token\":\"{token}\"}}");
    let (status, answer) = serving.raw(&format!(
        "POST /api/session HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: \
         close\r\n\r\n{body}",
        serving.address,
        body.len()
    ));
    assert!(status == 200 && answer.contains("HttpOnly; SameSite=Strict"), "{answer}");
    assert_eq!(serving.get("/api/app", &format!("cookie: simctl_token={token}\r\n")).0, 200);
    // The address that is printed leads here; which one leads here from elsewhere, simctl does not know.
    let mut everywhere = Serving::new(Sandbox::app(HELD), &["--host", "0.0.0.0"]);
    assert!(everywhere.url.starts_with("http://127.0.0.1:"), "{}", everywhere.url);
    let said = BufReader::new(everywhere.child.stderr.take().expect("piped")).lines().map_while(Result::ok);
    said.take(2).find(|line| line.contains("each address of this machine")).expect("it is said");
}

#[test]
fn a_thousand_fires_of_eight_clients_each_get_their_own_outcome() {
    let server = "exports = { created(payload) {
      for (let i = 0; i < 200; i += 1) console.log('line ' + i + ' of a handler that tells much of what it does');
      return payload.data.user.first_name;
    } };";
    let serving = Serving::keeping(Sandbox::app(server), &[]);
    let made: Value = serde_json::from_str(serving.payload()["text"].as_str().expect("text")).expect("JSON");
    let client = |number: usize| {
        (0..125).for_each(|nth| {
            let mut payload = made.clone();
            let name = format!("client {number}, fire {nth}");
            payload["data"]["user"]["first_name"] = json!(name);
            let wanted =
                json!({ "event": "onUserCreate", "payload": payload.to_string(), "check": false, "wait": true });
            let (status, fire) = serving.post("/api/fires", &wanted);
            assert_eq!((status, &fire["outcome"]["value"]["json"]), (200, &json!(name)), "{fire}");
            // As an open page does.
            if nth % 25 == number {
                assert_eq!(serving.get("/api/history?search=client", "").0, 200);
            }
        });
    };
    std::thread::scope(|scope| (0..8).for_each(|number| drop(scope.spawn(move || client(number)))));
    let (_, answer) = serving.get("/api/history?search=client+3%2C+fire+12", "");
    let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").expect("a body").1).expect("JSON");
    let said = body["deliveries"].as_array().expect("deliveries").iter().map(|one| &one["said"]).collect::<Vec<_>>();
    assert!(body["kept"].as_u64() > Some(800) && said.contains(&&json!("returned \"client 3, fire 124\"")), "{body}");
    if let Some(most) = serving.most_memory_kib() {
        assert!(most < 150 * 1024, "the server took {most} KiB");
    }
}

#[test]
fn ctrl_c_ends_it_at_once_though_streams_are_open_and_a_handler_hangs() {
    let mut serving = Serving::new(Sandbox::app("exports = { created() { for (;;); } };"), &["--timeout", "60s"]);
    let wanted = json!({ "event": "onUserCreate", "payload": serving.payload()["text"] });
    let (status, fire) = serving.post("/api/fires", &wanted);
    assert_eq!(status, 202, "{fire}");
    let streams = ["/api/events".to_owned(), format!("/api/fires/{}/events", fire["id"])].map(|path| {
        let mut stream = TcpStream::connect(&serving.address).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", serving.address).expect("sent");
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        lines.find(|line| line.starts_with("data: ")).expect("it streams");
        lines
    });
    let pid = rustix::process::Pid::from_child(&serving.child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal");
    let start = std::time::Instant::now();
    let status = serving.child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(TcpStream::connect(&serving.address).is_err(), "somebody listens at its port still");
    drop(streams);
}

#[test]
fn a_port_that_is_taken_is_said_and_the_next_one_offered() {
    let serving = Serving::new(Sandbox::app(HELD), &[]);
    let port = serving.address.rsplit(':').next().expect("a port");
    let ran = Sandbox::app(HELD).run(["serve", "--port", port]).code(3);
    ran.stderr(&format!("port {port} of 127.0.0.1 is taken")).stderr("is free: `simctl serve --port");
}

#[test]
fn open_hands_the_address_to_the_desktop() {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let sandbox = Sandbox::app(HELD).folder("bin");
    let (bin, seen) = (sandbox.path().join("bin"), sandbox.path().join("seen"));
    std::fs::write(bin.join(program), format!("#!/bin/sh\necho \"$1\" > {}\n", seen.display())).expect("written");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(bin.join(program), executable).expect("executable");
    let serving = Serving::new(sandbox.env("PATH", bin), &["--open"]);
    let start = std::time::Instant::now();
    let opened = || std::fs::read_to_string(&seen).unwrap_or_default().trim() == serving.url;
    while !opened() {
        assert!(start.elapsed() < Duration::from_secs(20), "it was not opened");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn every_route_is_described() {
    let routes = include_str!("../../src/serve/api/mod.rs");
    let described: Value = serde_json::from_str(include_str!("../../schemas/openapi.json")).expect("JSON");
    let described = described["paths"].as_object().expect("paths");
    let routes: Vec<&str> =
        routes.split(".route(\"").skip(1).map(|rest| rest.split('"').next().expect("a path")).collect();
    assert!(routes.len() > 10);
    for route in &routes {
        assert!(described.contains_key(*route), "{route} is not in schemas/openapi.json");
    }
    assert_eq!(routes.len(), described.len());
}

/// The schema of an answer, with all that it refers to.
fn answer_schema(path: &str, method: &str, status: &str) -> jsonschema::Validator {
    let described: Value = serde_json::from_str(include_str!("../../schemas/openapi.json")).expect("JSON");
    let response = &described["paths"][path][method]["responses"][status];
    let response = match response["$ref"].as_str() {
        Some(_) => &described["components"]["responses"]["Refused"],
        None => response,
    };
    let mut schema = response["content"]["application/json"]["schema"].clone();
    schema["components"] = described["components"].clone();
    jsonschema::draft202012::new(&schema).expect("a schema")
}

#[test]
fn answers_are_as_they_are_described() {
    let serving = Serving::keeping(Sandbox::app("exports = { created(p) { return 1; }, updated() { x; } };"), &[]);
    let fits = |path: &str, method: &str, status: u16, answer: &Value, described: &str| {
        let validator = answer_schema(path, method, described);
        let wrong: Vec<String> =
            validator.iter_errors(answer).map(|error| format!("{} {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{method} {path} {status}: {wrong:#?} in {answer}");
    };
    let post = |path: &str, body: &Value, status: u16| {
        let (got, answer) = serving.post(path, body);
        assert_eq!(got, status, "{answer}");
        fits(path, "post", status, &answer, &status.to_string());
        answer
    };
    for event in ["onUserCreate", "onUserUpdate"] {
        let made = post("/api/payloads", &json!({ "event": event, "seed": 7 }), 200);
        post("/api/fires", &json!({ "event": event, "payload": made["text"], "wait": true }), 200);
    }
    let fire = post("/api/fires", &json!({ "event": "onUserUpdate", "payload": "{}", "wait": true }), 200);
    assert!(fire["trouble"]["findings"].is_array(), "{fire}");
    post("/api/fires", &json!({ "event": "onUserUpdate", "payload": "{" }), 202);
    post("/api/check", &json!({ "event": "onUserCreate", "text": "{\"a\": 1}" }), 200);
    post("/api/format", &json!({ "text": "[1,]" }), 200);
    let get = |route: &str, path: &str| {
        let (status, answer) = serving.get(path, "");
        let body = answer.split_once("\r\n\r\n").expect("a body").1;
        fits(route, "get", status, &serde_json::from_str(body).expect("JSON"), "200");
        assert_eq!(status, 200, "{answer}");
    };
    for route in ["/api/app", "/api/findings", "/api/fires", "/api/history", "/api/users"] {
        get(route, route);
    }
    get("/api/shape/{event}", "/api/shape/onUserUpdate");
    get("/api/fires/{id}", "/api/fires/1");
    get("/api/history/{id}", "/api/history/2");
    get("/api/history/{id}/step", "/api/history/2/step");
    get("/api/history/compare", "/api/history/compare?first=1&second=2");
    let (status, replayed) = serving.post("/api/history/1/replay", &json!({}));
    fits("/api/history/{id}/replay", "post", status, &replayed, "202");
    let (status, refused) = serving.post("/api/payloads", &json!({ "event": "onNothing" }));
    fits("/api/payloads", "post", status, &refused, "default");
    assert!(refused["error"]["code"].is_string(), "{refused}");
    for (path, status) in [
        ("/api/history?limit=many", 400),
        ("/api/history?colour=red", 400),
        ("/api/history?outcome=throw", 400),
        ("/api/history/compare?first=1", 400),
        ("/api/shape/%ff", 400),
        ("/api/fires/first", 404),
        ("/api/nothing", 404),
    ] {
        let (got, answer) = serving.get(path, "");
        assert_eq!(got, status, "{answer}");
        let body = answer.split_once("\r\n\r\n").expect("a body").1;
        let body = serde_json::from_str(body).unwrap_or_else(|_| panic!("{path}: {answer}"));
        fits("/api/history", "get", got, &body, "default");
    }
}

#[test]
fn the_history_is_sought_as_a_whole_and_shown_from_its_newest() {
    let server = "exports = { created(p) { if (p.data.user.first_name === 'Ada') throw new Error('no'); } };";
    let sandbox = Sandbox::app(server);
    for names in [["Ada", "Bob"], ["Cleo", "Dan"]] {
        for name in names {
            sandbox.run(["trigger", "onUserCreate", "--set", &format!("data.user.first_name={name}"), "-q"]);
        }
    }
    let serving = Serving::keeping(sandbox, &[]);
    let list = |query: &str| {
        let (_, answer) = serving.get(&format!("/api/history?{query}"), "");
        let list: Value = serde_json::from_str(answer.split_once("\r\n\r\n").expect("a body").1).expect("JSON");
        let ids: Vec<u64> =
            list["deliveries"].as_array().expect("them").iter().filter_map(|one| one["id"].as_u64()).collect();
        (ids, list["found"].as_u64().expect("a number"), list["kept"].as_u64().expect("a number"))
    };
    assert_eq!(list("limit=2"), (vec![4, 3], 4, 4));
    assert_eq!(list("limit=1&outcome=failed"), (vec![1], 1, 4));
    assert_eq!(list("limit=1&outcome=held"), (vec![4], 3, 4));
    assert_eq!(list("search=cLeO"), (vec![3], 1, 4));
    assert_eq!(list("event=onUserUpdate"), (vec![], 0, 4));
}
