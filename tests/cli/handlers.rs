//! The samples of handlers that are not JavaScript files of an app, each run as its head comment says.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::common::skip;
use crate::sandbox::{Sandbox, node_or_skip};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/handlers").join(name)
}

fn python_or_skip(who: &str) -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        skip(who, "it needs python3, and there is none on PATH");
    }
    found
}

/// A sample that listens, and where.
struct Listening {
    process: Child,
    url: String,
}

impl Listening {
    fn start(program: &str, name: &str) -> Self {
        let mut command = Command::new(program);
        command.arg(sample(name)).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let url = line.trim().strip_prefix("listening on ").expect("a place").to_owned();
        Self { process, url }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_program_in_python_takes_both_events() {
    if !python_or_skip("the_program_in_python_takes_both_events") {
        return;
    }
    let command = format!("python3 '{}'", sample("program.py").display());
    let fire = |event: &str, more: &[&str]| {
        let args = ["trigger", event, "--exec", &command];
        Sandbox::new().run(args.iter().copied().chain(more.iter().copied()))
    };
    fire("onUserCreate", &["--set", "data.user.first_name=Ada"]).code(0).stdout("stdout  welcome, Ada");
    fire("onUserUpdate", &["--changes", "phone"]).code(0).stdout("stdout  phone has changed");
    let other = Sandbox::new().file("p.json", r#"{"event": "onPing", "data": {"user": {}}}"#);
    let ran = other.run(["trigger", "onPing", "--payload", "p.json", "--exec", &command]).code(1);
    ran.stdout("stderr  onPing is not for me").stdout("exit code 1");
}

#[test]
fn the_endpoint_in_python_takes_both_events_and_no_others() {
    if !python_or_skip("the_endpoint_in_python_takes_both_events_and_no_others") {
        return;
    }
    let server = Listening::start("python3", "endpoint.py");
    for event in ["onUserCreate", "onUserUpdate"] {
        let ran = Sandbox::new().run(["trigger", event, "-n", "3", "--to", &server.url]).code(0);
        ran.stdout("answered 200 OK: {\"event\": ").stdout("3 deliveries: 3 held");
    }
    let other = Sandbox::new().file("p.json", r#"{"event": "onPing", "data": {"user": {}}}"#);
    other.run(["trigger", "onPing", "--payload", "p.json", "--to", &server.url]).code(1).stdout("onPing is not for me");
    let elsewhere = server.url.replace("/events", "/elsewhere");
    Sandbox::new().run(["trigger", "onUserCreate", "--to", &elsewhere]).code(1).stdout("answered 404 Not Found");
}

#[test]
fn the_function_in_node_takes_payloads_and_cloud_events() {
    if !node_or_skip("the_function_in_node_takes_payloads_and_cloud_events") {
        return;
    }
    let server = Listening::start("node", "function.js");
    let fire = |more: &[&str]| {
        let args = ["trigger", "onUserUpdate", "--seed", "7", "--format", "json", "--to", &server.url];
        let ran = Sandbox::new().run(args.iter().copied().chain(more.iter().copied())).code(0);
        let outcome = ran.outcome();
        let body = outcome["response"]["body"].as_str().expect("a body");
        serde_json::from_str::<serde_json::Value>(body).expect("JSON")
    };
    let plain = fire(&[]);
    let (structured, binary) = (fire(&["--cloudevents", "structured"]), fire(&["--cloudevents", "binary"]));
    assert_eq!(plain["event"], "onUserUpdate");
    assert!(structured["id"].is_string() && structured == binary, "{structured} {binary}");
    assert_eq!(plain["user"], structured["user"]);
}
