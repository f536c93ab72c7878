//! Every sample does what `samples/expected.json` says of it, on both runtimes.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail loudly")]

mod common;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn simctl(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_simctl"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // What a sample stores is for one run: the next is to find what this one found.
        .env("SIMCTL_DB", "memory")
        .output()
        .expect("simctl starts")
}

fn expected() -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/expected.json");
    let text = std::fs::read_to_string(file).expect("samples/expected.json can be read");
    serde_json::from_str(&text).expect("samples/expected.json is an array")
}

fn has_node() -> bool {
    common::node_or_skip("the samples on the node runtime")
}

/// A field that is one value for both runtimes, or an object with one for each.
fn for_runtime<'a>(field: &'a Value, runtime: &str) -> &'a Value {
    field.get(runtime).unwrap_or(field)
}

#[test]
fn each_fires_with_the_outcome_and_exit_code_that_it_is_there_to_show() {
    let samples = expected();
    assert!(samples.len() >= 15, "only {} samples are listed", samples.len());
    let runtimes: &[&str] = if has_node() { &["embedded", "node"] } else { &["embedded"] };
    for sample in &samples {
        let app = sample["app"].as_str().expect("an app");
        let Some(event) = sample["event"].as_str() else { continue };
        for runtime in runtimes {
            let wanted = for_runtime(&sample["outcome"], runtime);
            if wanted.is_null() {
                continue;
            }
            let timeout = if wanted == "timed-out" { "1s" } else { "20s" };
            let args = [
                "trigger",
                event,
                "--app",
                app,
                "--runtime",
                runtime,
                "--timeout",
                timeout,
                "--format",
                "json",
                "--seed",
                "1",
                "--db",
                "memory",
            ];
            let output = simctl(&args);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
            let finished = events.into_iter().find(|event| event["type"] == "delivery-finished");
            let said = || format!("{app} on {runtime}: {text}{}", String::from_utf8_lossy(&output.stderr));
            let finished = finished.unwrap_or_else(|| panic!("no outcome: {}", said()));
            assert_eq!(&finished["outcome"]["kind"], wanted, "{}", said());
            let code = if wanted == "returned" || wanted == "rendered" { 0 } else { 1 };
            assert_eq!(output.status.code(), Some(code), "{}", said());
        }
    }
}

/// The events of a run without what differs from run to run: times, commands, the runtime itself.
fn told(app: &str, event: &str, runtime: &str) -> Vec<Value> {
    let args = ["trigger", event, "--app", app, "--runtime", runtime, "--format", "json", "--seed", "1"];
    let now = ["--now", "2026-06-01T09:00:00Z", "--db", "memory"];
    let output = simctl(&[&args[..], &now].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    events
        .map(|mut event| {
            let members = event.as_object_mut().expect("an object");
            members.retain(|name, _| {
                !["command", "repeat", "runtime", "engine"].contains(&name.as_str()) && !name.ends_with("_us")
            });
            event
        })
        .collect()
}

#[test]
fn each_that_is_to_be_alike_on_both_runtimes_is() {
    if !has_node() {
        return;
    }
    let mut seen = 0;
    for sample in expected().iter().filter(|sample| sample["alike"] == true) {
        let (app, event) = (sample["app"].as_str().expect("an app"), sample["event"].as_str().expect("an event"));
        let embedded = told(app, event, "embedded");
        assert!(embedded.iter().any(|event| event["type"] == "call"), "{app}: {embedded:?}");
        assert_eq!(embedded, told(app, event, "node"), "{app}");
        seen += 1;
    }
    assert!(seen >= 2, "only {seen} are compared");
}

#[test]
fn a_contact_that_was_made_is_brought_up_to_date_the_next_time() {
    let dir = tempfile::TempDir::new().expect("a folder");
    let store = dir.path().join("store").display().to_string();
    for (word, call) in [("created", "createContact"), ("updated", "updateContact")] {
        let app = "samples/contact-sync";
        let output = simctl(&["trigger", "onUserUpdate", "--app", app, "--seed", "1", "--db", &store]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains(word) && text.contains(call), "{text}");
    }
}

#[test]
fn each_broken_one_earns_the_codes_that_it_is_there_to_show() {
    for sample in expected() {
        let app = sample["app"].as_str().expect("an app");
        let Some(codes) = sample["codes"].as_array() else { continue };
        let event = sample["event"].as_str().unwrap_or("onUserUpdate");
        let output = simctl(&["trigger", event, "--app", app]);
        let told = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr)
            + &String::from_utf8_lossy(&simctl(&["validate", app]).stdout);
        for code in codes {
            let code = code.as_str().expect("a code");
            if code == "script-syntax" {
                // Told by the outcome, in the engine's words.
                continue;
            }
            assert!(told.contains(&format!("[{code}]")), "{app} should earn {code}:\n{told}");
        }
        if let Some(exit) = sample["exit"].as_i64() {
            assert_eq!(output.status.code().map(i64::from), Some(exit), "{app}:\n{told}");
        }
    }
}

/// What `validate` says of an app's files, as `code file:line:column`.
fn validated(app: &str) -> Vec<String> {
    let output = simctl(&["validate", app, "--format", "json"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let found = events.filter(|event| event["type"] == "found");
    found
        .map(|finding| {
            let file = finding["file"].as_str().unwrap_or("?").trim_start_matches(app).trim_start_matches('/');
            let start = &finding["span"]["start"];
            let place = if start.is_null() { String::new() } else { format!(":{}:{}", start["line"], start["column"]) };
            format!("{} {file}{place}", finding["code"].as_str().unwrap_or("?")).trim_end().to_owned()
        })
        .collect()
}

#[test]
fn each_planted_fault_is_found_once_at_its_place_and_nothing_else() {
    let mut seen = 0;
    for sample in expected() {
        let app = sample["app"].as_str().expect("an app");
        let Some(wanted) = sample["validate"].as_array() else {
            assert!(!app.contains("/broken/"), "{app} does not say what is wrong with it");
            continue;
        };
        let wanted: Vec<&str> = wanted.iter().map(|line| line.as_str().expect("a line")).collect();
        assert_eq!(validated(app), wanted, "{app}");
        seen += wanted.len();
    }
    assert!(seen >= 40, "only {seen} faults are planted");
}

#[test]
fn every_sample_app_is_listed() {
    let listed: Vec<String> = expected().iter().map(|sample| sample["app"].as_str().unwrap_or("").to_owned()).collect();
    for folder in ["samples", "samples/broken"] {
        let entries =
            std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).expect("samples can be listed");
        for entry in entries.map(|entry| entry.expect("an entry")) {
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            let is_app = entry.path().is_dir()
                && !["samples/broken", "samples/handlers", "samples/payloads", "samples/broken/payloads"]
                    .contains(&name.as_str());
            assert!(!is_app || listed.contains(&name), "{name} is not in samples/expected.json");
        }
    }
}

#[test]
fn every_good_sample_validates() {
    for sample in expected().iter().filter(|sample| !sample["app"].as_str().unwrap_or("").contains("/broken/")) {
        let app = sample["app"].as_str().expect("an app");
        let output = simctl(&["validate", app]);
        assert_eq!(output.status.code(), Some(0), "{app}:\n{}", String::from_utf8_lossy(&output.stdout));
        // That a platform has ended is no fault of an app that shows how one of it looks.
        let found: Vec<String> =
            validated(app).into_iter().filter(|line| !line.starts_with("ended-platform ")).collect();
        assert_eq!(found, Vec::<String>::new(), "{app}");
    }
}
