//! `simctl trigger --to URL`: what is sent, what is made of the answer, and that no server can hold a run up.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::skip;
use crate::sandbox::{Ran, SIMCTL, Sandbox};
use crate::server::Server;

fn fire(server: &Server, more: &[&str]) -> Ran {
    let url = server.url();
    let args = ["trigger", "onUserUpdate", "--to", &url, "--seed", "7", "--now", "2026-01-31T12:00:00Z"];
    Sandbox::new().run(args.iter().copied().chain(more.iter().copied()))
}

#[test]
fn the_payload_is_posted_as_json_and_any_2xx_is_success() {
    for status in ["200 OK", "201 Created", "202 Accepted", "299 Whatever"] {
        let server = Server::status(status, "taken");
        let ran = fire(&server, &[]).code(0).no_stderr().stdout("answered 2").stdout(": taken");
        ran.stdout(&format!("onUserUpdate -> {}", server.url())).stdout("repeat: simctl trigger onUserUpdate --to");
        let requests = server.requests();
        assert_eq!(requests.len(), 1);
        assert!(requests[0].head.starts_with("post /hook http/1.1"), "{}", requests[0].head);
        assert_eq!(requests[0].header("content-type"), Some("application/json"));
        let args = ["generate", "onUserUpdate", "--seed", "7", "--now", "2026-01-31T12:00:00Z"];
        assert_eq!(requests[0].json(), Sandbox::new().run(args).code(0).json());
    }
    fire(&Server::saying("HTTP/1.1 204 No Content\r\n\r\n"), &[]).code(0).stdout("ok  answered 204 No Content  ");
    fire(&Server::saying("HTTP/1.0 200 OK\r\n\r\nuntil the end"), &[]).code(0).stdout("until the end");
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\n\r\n";
    fire(&Server::saying(chunked), &[]).code(0).stdout(": four");
}

#[test]
fn any_other_status_is_a_failure_with_the_beginning_of_the_body() {
    for (status, what) in [
        ("400 Bad Request", "answered 400 Bad Request: why"),
        ("401 Unauthorized", "--header 'Authorization"),
        ("404 Not Found", "another path"),
        ("415 Unsupported Media Type", "--cloudevents"),
        ("500 Internal Server Error", "answered 500 Internal Server Error: why"),
        ("599 x", "answered 599: why"),
    ] {
        let ran = fire(&Server::status(status, "why"), &["--format", "json"]).code(1);
        assert_eq!(ran.outcome()["kind"], "declined");
        fire(&Server::status(status, "why"), &[]).code(1).stdout("FAIL").stdout(what);
    }
}

#[test]
fn a_long_body_is_cut_and_its_length_told() {
    let ran = fire(&Server::status("200 OK", &"x".repeat(1 << 20)), &["--format", "json"]).code(0);
    let response = &ran.outcome()["response"];
    assert_eq!(response["body_bytes"], 1 << 20);
    assert_eq!(response["body"].as_str().map(str::len), Some(64 * 1024));
    fire(&Server::status("500 x", &"x".repeat(1 << 20)), &[]).code(1).stdout("xxx… (65536 characters)");
}

#[test]
fn an_answer_that_is_not_the_json_it_claims_is_remarked_on() {
    let lie = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{";
    fire(&Server::saying(lie), &[]).code(0).stdout("note: the answer says that it is JSON");
}

#[test]
fn a_redirect_is_told_and_not_followed() {
    let other = Server::status("200 OK", "");
    let answer = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", other.url());
    let ran = fire(&Server::saying(answer), &[]).code(1).stdout("answered 307 Temporary Redirect");
    ran.stdout(&format!("it redirects to {}, and redirects are not followed", other.url()));
    assert!(other.requests().is_empty());
}

/// Writes until nobody reads any more.
fn forever(stream: &mut TcpStream, first: &str, again: &[u8]) {
    let _ = stream.write_all(first.as_bytes());
    while stream.write_all(again).is_ok() {}
}

fn slowly(stream: &mut TcpStream, text: &str) {
    for byte in text.bytes() {
        if stream.write_all(&[byte]).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(300));
    }
}

fn reset(stream: &mut TcpStream) {
    // Without lingering, closing sends a reset.
    rustix::net::sockopt::set_socket_linger(&*stream, Some(Duration::ZERO)).expect("an option");
}

/// A server that does something wrong, the outcome that it earns, and what is said of it.
type Hostile = (&'static str, fn(&mut TcpStream), &'static str, &'static str);

const HOSTILE: &[Hostile] = &[
    ("silent", |_| thread::sleep(Duration::from_secs(20)), "timed-out", "did not finish within 1 s"),
    ("closes at once", |_| {}, "bad-reply", "closed the connection without an answer"),
    ("resets", reset, "bad-reply", "without an answer"),
    ("a byte now and then", |stream| slowly(stream, "HTTP/1.1 200 OK\r\n"), "timed-out", "1 s"),
    (
        "a body byte now and then",
        |stream| slowly(stream, &format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(50))),
        "timed-out",
        "1 s",
    ),
    (
        "endless body",
        |stream| forever(stream, "HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 65536]),
        "bad-reply",
        "more than 6 MiB, with status 200",
    ),
    (
        "endless chunks",
        |stream| {
            let chunk = [b"8000\r\n".as_slice(), &[b'x'; 0x8000], b"\r\n"].concat();
            forever(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &chunk);
        },
        "bad-reply",
        "more than 6 MiB",
    ),
    (
        "fewer bytes than promised",
        |stream| drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort")),
        "bad-reply",
        "5 of the 50 bytes",
    ),
    (
        "two lengths",
        |stream| drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nshort!")),
        "bad-reply",
        "not HTTP",
    ),
    (
        "a length that is none",
        |stream| drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nshort")),
        "bad-reply",
        "not HTTP",
    ),
    (
        "chunks that are none",
        |stream| drop(stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx")),
        "bad-reply",
        "broke off after 0 bytes",
    ),
    (
        "a chunk beyond all bounds",
        |stream| drop(stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx")),
        "bad-reply",
        "broke off",
    ),
    (
        "a storm of 1xx",
        |stream| forever(stream, "", &b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000)),
        "bad-reply",
        "headers of more than",
    ),
    (
        "1xx without an end",
        |stream| {
            while stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        },
        "timed-out",
        "1 s",
    ),
    (
        "64 MB of headers",
        |stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ");
            for _ in 0..1000 {
                if stream.write_all(&[b'x'; 65536]).is_err() {
                    return;
                }
            }
        },
        "bad-reply",
        "headers of more than 64 KiB",
    ),
    (
        "many headers",
        |stream| drop(stream.write_all(format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(5000)).as_bytes())),
        "bad-reply",
        "",
    ),
    ("another protocol", |stream| drop(stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n")), "bad-reply", "not HTTP"),
    ("nothing but zeros", |stream| forever(stream, "", &[0; 4096]), "bad-reply", "not HTTP"),
    (
        "a switch of protocols",
        |stream| drop(stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")),
        "declined",
        "answered 101 Switching Protocols",
    ),
];

#[test]
fn no_server_holds_a_run_up_and_each_is_told_for_what_it_did() {
    let schemas = simctl::schema::Schemas::embedded();
    for &(name, behave, kind, what) in HOSTILE {
        let (server, sandbox) = (Server::new(behave), Sandbox::new());
        let (url, started) = (server.url(), Instant::now());
        let args = ["trigger", "onUserUpdate", "--to", &url, "--timeout", "1s"];
        let ran =
            sandbox.run(args.into_iter().chain(["--format", "json", "--format", "human=told.txt"])).code(1).no_stderr();
        assert!(started.elapsed() < Duration::from_secs(5), "{name} took {:?}", started.elapsed());
        let told = std::fs::read_to_string(sandbox.path().join("told.txt")).expect("a report");
        let outcome = ran.outcome();
        assert_eq!(outcome["kind"], kind, "{name}: {told}");
        assert!(told.contains("FAIL") && told.contains(what), "{name}: {told}");
        for line in ran.lines() {
            assert_eq!(schemas.check_value("run-event", &line), [], "{line:#}");
        }
    }
}

#[test]
fn one_bad_answer_spoils_no_other() {
    for behave in [
        // It sends nothing, and an endless body.
        (|_: &mut std::net::TcpStream| thread::sleep(Duration::from_secs(2))) as fn(&mut std::net::TcpStream),
        |stream| forever(stream, "HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 65536]),
    ] {
        let number = std::sync::atomic::AtomicUsize::new(0);
        let server = Server::new(move |stream| match number.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            1 => behave(stream),
            _ => drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")),
        });
        let url = server.url();
        let args = ["trigger", "onUserUpdate", "-n", "3", "--to", &url, "--timeout", "500ms", "--format", "json"];
        let ran = Sandbox::new().run(args).code(1);
        let kinds: Vec<_> =
            ran.events("delivery-finished").iter().map(|event| event["outcome"]["kind"].clone()).collect();
        assert!(kinds[0] == "accepted" && kinds[1] != "accepted" && kinds[2] == "accepted", "{kinds:?}");
    }
}

#[test]
fn a_server_that_is_not_there_fails_the_delivery_and_not_the_run() {
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let url = format!("http://127.0.0.1:{port}/");
    let ran = Sandbox::new().run(["trigger", "onUserCreate", "--to", &url]).code(1).no_stderr();
    ran.stdout("FAIL  could not be reached: nothing listens there").stdout("hint: start what should answer");
    let ran = Sandbox::new().run(["trigger", "onUserCreate", "--to", &url, "-n", "3", "--format", "json"]).code(1);
    assert_eq!(ran.events("run-finished")[0]["failed"], 3);
}

#[test]
fn only_this_computer_is_reached_unless_others_are_allowed() {
    for url in ["http://192.0.2.1/", "http://[2001:db8::1]:8080/x", "https://203.0.113.9/"] {
        let ran = Sandbox::new().run(["trigger", "onUserCreate", "--to", url]).code(2).no_stdout();
        ran.stderr("is not this computer").stderr("hint: `--allow-remote`");
    }
    Sandbox::new().run(["trigger", "onUserCreate", "--to", "http://0.0.0.0:80/"]).code(2).stderr("127.0.0.1");
    let away = ["trigger", "onUserCreate", "--to", "http://192.0.2.1/", "--allow-remote", "--timeout", "200ms"];
    Sandbox::new().run(away).code(1).stdout("FAIL");
    let server = Server::status("200 OK", "");
    let local = server.url().replace("127.0.0.1", "localhost");
    Sandbox::new().run(["trigger", "onUserCreate", "--to", &local]).code(0);
}

#[test]
fn a_host_that_nobody_knows_is_told_before_anything_is_fired() {
    let ran = Sandbox::new().run(["trigger", "onUserCreate", "--to", "http://no-such-host.invalid/"]).code(3);
    ran.no_stdout().stderr("`no-such-host.invalid` was not found");
}

#[test]
fn no_proxy_stands_between_simctl_and_this_computer() {
    let (server, proxy) = (Server::status("200 OK", "direct"), Server::status("200 OK", "by proxy"));
    let mut sandbox = Sandbox::new();
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        sandbox = sandbox.env(name, proxy.url());
    }
    for more in [None, Some("--allow-remote")] {
        let url = server.url();
        let args = ["trigger", "onUserCreate", "--to", url.as_str()];
        sandbox.run(args.into_iter().chain(more)).code(0).stdout("direct");
    }
    assert!(proxy.requests().is_empty());
}

#[test]
fn headers_are_sent_and_those_that_look_secret_are_shown_nowhere() {
    let echo = "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\nopen-sesame-5678";
    let server = Server::saying(echo);
    let url = server.url() + "?token=hidden-in-the-url";
    let secret = "Authorization: Bearer open-sesame-5678";
    for format in ["human", "json", "junit", "github"] {
        let args = [
            "trigger",
            "onUserCreate",
            "--to",
            &url,
            "--header",
            secret,
            "--header=X-Api-Key: abc",
            "--header",
            "X-Plain: seen",
            "--format",
            format,
            "--verbose",
        ];
        let ran = Sandbox::new().run(args).code(0).without("sesame").without("hidden-in-the-url").without("abc\"");
        if format == "human" {
            ran.stdout("'Authorization: ********'")
                .stdout("X-Api-Key: ********")
                .stdout("X-Plain: seen")
                .stdout("token=********");
        }
    }
    let request = &server.requests()[0];
    assert_eq!(request.header("authorization"), Some("bearer open-sesame-5678"));
    assert_eq!((request.header("x-api-key"), request.header("x-plain")), (Some("abc"), Some("seen")));
    assert!(request.head.contains("hidden-in-the-url"));
}

#[test]
fn headers_and_urls_that_cannot_be_sent_are_refused_without_their_secrets() {
    let refused = |args: &[&str], what: &str| {
        let args = ["trigger", "onUserCreate"].iter().chain(args).copied();
        Sandbox::new().run(args).code(2).no_stdout().stderr(what).without("hunter2");
    };
    let url = "http://127.0.0.1:9/";
    refused(&["--to", url, "--header", "Authorization hunter2"], "header 1 cannot be sent: it has no colon");
    refused(&["--to", url, "--header", "A: b", "--header", "a b: hunter2"], "header 2 cannot be sent");
    refused(&["--to", url, "--header", "X-Key: hunter2\nX: y"], "holds what no header may hold");
    refused(&["--to", url, "--header", "Content-Length: 1"], "set by the connection itself");
    refused(&["--to", url, "--cloudevents", "binary", "--header", "ce-id: 1"], "set by `--cloudevents`");
    refused(&["--to", "http://me:hunter2@127.0.0.1/"], "user name or a password");
    refused(&["--to", "127.0.0.1:8080/hook"], "write it as `http://127.0.0.1:8080/hook`");
    refused(&["--to", "ftp://127.0.0.1/"], "neither http nor https");
    refused(&["--to", "http://127.0.0.1:1/a b"], "no URL");
    refused(&["--header", "A: b"], "--to");
    refused(&["--to", url, "--exec", "true"], "cannot be used with");
    refused(&["--to", url, "--runtime", "node"], "take its place");
    refused(&["--to", url, "--memory", "64"], "another server");
    refused(&["--to", url, "--db", "memory"], "the platform's objects");
    refused(&["--exec", "true", "--fresh"], "the platform's objects");
}

#[test]
fn cloud_events_carry_the_attributes_in_both_modes() {
    let server = Server::status("200 OK", "");
    fire(&server, &["--cloudevents", "structured"]).code(0);
    fire(&server, &["--cloudevents", "binary"]).code(0);
    let requests = server.requests();
    let (structured, binary) = (&requests[0], &requests[1]);
    assert_eq!(structured.header("content-type"), Some("application/cloudevents+json; charset=utf-8"));
    let event = structured.json();
    assert_eq!((&event["specversion"], &event["type"]), (&"1.0".into(), &"onUserUpdate".into()));
    assert_eq!(event["time"], "2026-01-31T12:00:00Z");
    assert_eq!(event["datacontenttype"], "application/json");
    assert!(event["source"].as_str().is_some_and(|source| !source.is_empty()));
    assert_eq!(binary.header("content-type"), Some("application/json"));
    for (name, value) in [
        ("ce-specversion", &event["specversion"]),
        ("ce-id", &event["id"]),
        ("ce-source", &event["source"]),
        ("ce-time", &event["time"]),
        ("ce-type", &event["type"]),
    ] {
        assert_eq!(binary.header(name).map(str::to_owned), value.as_str().map(str::to_lowercase), "{name}");
    }
    assert_eq!(binary.json(), event["data"]);
}

/// Every event of a run that was sent in structured mode.
fn events(server: &Server, skip: usize) -> Vec<Value> {
    server.requests()[skip..].iter().map(crate::server::Request::json).collect()
}

#[test]
fn each_delivery_is_repeated_alone_id_and_clock_included() {
    let server = Server::status("500 no", "");
    let ran = fire(&server, &["-n", "3", "--cloudevents", "structured", "--format", "json"]).code(1);
    let sent = events(&server, 0);
    let ids: std::collections::BTreeSet<_> = sent.iter().map(|event| event["id"].to_string()).collect();
    assert_eq!(ids.len(), 3, "each delivery has an id of its own");
    for (index, finished) in ran.events("delivery-finished").iter().enumerate() {
        again(finished["repeat"].as_str().expect("a command"));
        assert_eq!(events(&server, 3 + index), [sent[index].clone()]);
    }
}

/// Runs a command that a run gave, in a shell as a user would.
fn again(command: &str) {
    let script = command.replacen("simctl", SIMCTL, 1);
    let dir = tempfile::tempdir().expect("a folder");
    let output = Command::new("sh").args(["-c", &script]).current_dir(dir.path()).output().expect("a shell");
    assert_eq!(output.status.code(), Some(1), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_payload_from_a_file_is_repeated_with_its_id_too() {
    let server = Server::status("200 OK", "");
    let sandbox = Sandbox::new();
    let payload = sandbox.run(["generate", "onUserCreate"]).code(0).out;
    let url = server.url();
    let sandbox = sandbox.file("p.json", payload);
    let args = ["trigger", "onUserCreate", "--to", &url, "--payload", "p.json"];
    let plain = sandbox.run(args).code(0);
    assert!(!plain.out.contains("--seed"), "{}", plain.out);
    sandbox.run(args.into_iter().chain(["--cloudevents", "binary"])).code(0).stdout("--seed ").stdout("--now ");
}

#[test]
fn an_app_around_gives_platform_parameters_and_secrets_whatever_it_subscribes() {
    let manifest = r#"{"platform-version": "2.3", "product": {"freshchat": {"events": {"onUserCreate": {"handler": "created"}}}}}"#;
    let server = Server::status("200 OK", "key hunter2hunter2");
    let sandbox = Sandbox::new()
        .file("manifest.json", manifest)
        .file("config/iparams.json", r#"{"key": {"display_name": "Key", "type": "text", "secure": true}}"#)
        .file("config/iparam_test_data.json", r#"{"key": "hunter2hunter2"}"#);
    let url = server.url();
    let ran = sandbox.run(["trigger", "onUserUpdate", "--to", &url, "--verbose"]).code(0).without("hunter2");
    ran.stdout("platform 2.3").stdout("key ********");
    let payload = server.requests()[0].json();
    assert_eq!(payload["iparams"]["key"], "hunter2hunter2");
    assert!(payload.get("account_id").is_some(), "{payload}");
}

#[test]
fn an_app_with_faults_is_left_aside_unless_it_was_asked_for() {
    let server = Server::status("200 OK", "");
    let url = server.url();
    let sandbox = Sandbox::new().file("manifest.json", "{");
    sandbox.run(["trigger", "onUserUpdate", "--to", &url]).code(0).stdout("note: the app around this folder");
    sandbox.run(["trigger", "onUserUpdate", "--to", &url, "--app", "."]).code(2).stderr("json-syntax");
    Sandbox::new()
        .run(["trigger", "onUserUpdate", "--to", &url, "--iparams", "x.json"])
        .code(2)
        .stderr("no app was found");
    Sandbox::new().run(["trigger", "onUserUpdate", "--to", &url, "--sample"]).code(2).stderr("no app was found");
}

#[test]
fn an_event_that_has_no_schema_goes_out_unchecked_from_a_file() {
    let server = Server::status("200 OK", "");
    let url = server.url();
    let sandbox = Sandbox::new().file("p.json", r#"{"event": "onPing", "data": {}}"#);
    sandbox.run(["trigger", "onPing", "--to", &url, "--payload", "p.json"]).code(0).stdout("[unchecked]");
    sandbox.run(["trigger", "onPing", "--to", &url]).code(2).stderr("no-schema");
    assert_eq!(server.requests()[0].body, r#"{"event":"onPing","data":{}}"#);
}

#[test]
fn reports_name_the_endpoint() {
    let server = Server::status("503 Service Unavailable", "later");
    let junit = fire(&server, &["--format", "junit"]).code(1);
    junit.stdout(&format!("name=\"{}\"", server.url())).stdout("<failure message=\"answered 503");
    let github = fire(&server, &["--format", "github"]).code(1);
    github.stdout("::error title=onUserUpdate%3A declined::http").stdout("answered 503 Service Unavailable: later");
}

#[test]
fn ctrl_c_ends_a_delivery_at_once_with_the_report_written() {
    let server = Server::new(|_| thread::sleep(Duration::from_secs(30)));
    let url = server.url();
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["trigger", "onUserCreate", "--to", &url, "--format", "json"]);
    let mut child = command.stderr(Stdio::inherit()).spawn().expect("simctl starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let begun = lines.by_ref().map_while(Result::ok).find(|line| line.contains("delivery-started"));
    assert!(begun.is_some(), "nothing was fired");
    let started = Instant::now();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("the signal is sent");
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().expect("simctl ends").code(), Some(130));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(rest.last().is_some_and(|last| last.contains("\"interrupted\":true")), "{rest:?}");
}

/// A certificate of its own for `localhost`, and its key, in a folder.
fn certificate(dir: &std::path::Path) -> bool {
    let args = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE";
    let made = Command::new("openssl").args(args.split_whitespace()).current_dir(dir).output();
    made.is_ok_and(|output| output.status.success())
}

const TLS_SERVER: &str = "
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers['Content-Length']))
        self.send_response(200); self.end_headers(); self.wfile.write(b'safe')
    def log_message(self, *args): pass
server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('cert.pem', 'key.pem')
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
";

#[test]
fn https_trusts_what_the_system_trusts() {
    let sandbox = Sandbox::new();
    if cfg!(not(target_os = "linux")) || !certificate(sandbox.path()) {
        return skip("https_trusts_what_the_system_trusts", "it needs openssl, on Linux");
    }
    let mut server = Command::new("python3");
    server.args(["-c", TLS_SERVER]).current_dir(sandbox.path()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut server) = server.spawn() else {
        return skip("https_trusts_what_the_system_trusts", "it needs python3");
    };
    let mut port = String::new();
    BufReader::new(server.stdout.take().expect("piped")).read_line(&mut port).expect("a port");
    let url = format!("https://localhost:{}/", port.trim());
    let args = ["trigger", "onUserCreate", "--to", url.as_str()];
    let stranger = sandbox.run(args);
    let own = sandbox.path().join("cert.pem");
    let sandbox = sandbox.env("SSL_CERT_FILE", own);
    let friend = sandbox.run(args);
    server.kill().expect("it ends");
    server.wait().expect("it ended");
    stranger.code(1).stdout("no safe connection").stdout("SSL_CERT_FILE");
    friend.code(0).stdout("answered 200 OK: safe");
}
