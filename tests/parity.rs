//! One app, two runtimes: what a handler does on the one it does on the other.
//!
//! `fixtures/parity/*.js` are run on both and must come to the same outcome, value and log lines. Where the runtimes do
//! differ, `docs/runtimes.md` says so in a table, and each of its rows is run too: the list is neither longer nor shorter
//! than the truth.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail loudly")]

mod common;
#[path = "cli/sandbox.rs"]
#[allow(dead_code, reason = "shared with the tests of the verbs")]
mod sandbox;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::sandbox::{Ran, Sandbox, node_or_skip};

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parity");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("fixtures").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// A payload of 230 KiB, in many scripts.
fn big_payload() -> String {
    let texts = ["Zoë", "東京", "🎈🎉", "Ω", "plain", "\"quoted\"\\", "\u{2028}", "été"];
    let one = |id: usize| json!({"id": id * 7919 % 10_007, "text": format!("{} {id}", texts[id % texts.len()])});
    json!({
        "event": "onUserUpdate",
        "data": {
            "actor": {"type": "user", "id": "u"},
            "changes": {"first_name": ["Zoë", "Zoe"]},
            "user": {"id": "u", "first_name": "Zoë", "created_time": "2026-01-01T00:00:00Z", "list": (0..5500).map(one).collect::<Vec<_>>()},
        },
        "region": "EU", "timestamp": 1_772_352_000_000_u64, "version": "1.0.0",
        "currentHost": {"subscribed_modules": ["chat_user"], "endpoint_urls": {}},
    })
    .to_string()
}

fn fire(app: &Sandbox, runtime: &str, more: &[&str]) -> Ran {
    let args = [
        "trigger",
        "onUserUpdate",
        "--format",
        "json",
        "--db",
        "memory",
        "--now",
        "2026-03-01T08:00:00Z",
        "--runtime",
        runtime,
    ];
    app.run(args.iter().chain(more).copied())
}

/// What must be the same: the outcome, where it went wrong, the log lines and the platform's answers. Left out are texts of
/// the engines' own making, and columns.
fn essence(ran: &Ran) -> Value {
    let mut outcome = ran.outcome();
    let kind = outcome["kind"].clone();
    if let Some(error) = outcome.get_mut("error").and_then(Value::as_object_mut) {
        error.remove("hint");
        let first = error.remove("stack").map(|stack| json!([stack[0]["file"], stack[0]["line"]]));
        error.insert("at".to_owned(), first.unwrap_or_default());
        if error.get("name").is_some_and(|name| name == "SyntaxError") {
            error.remove("message");
        }
    }
    let logs: Vec<Value> = ran.events("log").iter().map(|log| json!([log["level"], log["text"]])).collect();
    let calls = ran.events("call");
    let calls: Vec<Value> =
        calls.iter().map(|call| json!([call["name"], call["args"], call["status"], call["answer"]])).collect();
    json!({ "kind": kind, "outcome": outcome, "logs": logs, "calls": calls })
}

#[test]
fn a_handler_does_the_same_on_both_runtimes() {
    if !node_or_skip("parity of the runtimes") {
        return;
    }
    let files = fixtures();
    assert!(files.len() >= 18, "only {} fixtures", files.len());
    let mut differ = Vec::new();
    for file in files {
        let source = fs::read_to_string(&file).expect("a fixture");
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let app = Sandbox::app(&source).file("payload.json", big_payload());
        let more: &[&str] =
            if name == "big" { &["--payload", "payload.json"] } else { &["--seed", "5", "--locale", "ja_jp"] };
        let [embedded, node] = ["embedded", "node"].map(|runtime| essence(&fire(&app, runtime, more)));
        if embedded != node {
            differ.push(format!("{name}:\n{}", differences(&embedded, &node)));
        }
    }
    assert!(differ.is_empty(), "{} fixtures differ:\n\n{}", differ.len(), differ.join("\n"));
}

/// The places where two values differ.
fn differences(embedded: &Value, node: &Value) -> String {
    let (one, other) = (serde_json::to_string_pretty(embedded).unwrap(), serde_json::to_string_pretty(node).unwrap());
    let (one, other): (Vec<&str>, Vec<&str>) = (one.lines().collect(), other.lines().collect());
    let pairs = one.iter().zip(&other).filter(|(one, other)| one != other).take(6);
    let lines: String = pairs.map(|(one, other)| format!("  embedded {one}\n  node     {other}\n")).collect();
    format!("  {} and {} lines\n{lines}", one.len(), other.len())
}

/// The rows of the table in `docs/runtimes.md`: an expression, and what it is on either runtime.
fn rows() -> Vec<[String; 3]> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runtimes.md");
    let text = fs::read_to_string(file).expect("docs/runtimes.md");
    let cells = |line: &str| {
        let cells: Vec<String> =
            line.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
        <[String; 3]>::try_from(cells).ok()
    };
    text.lines().filter(|line| line.starts_with("| `")).filter_map(cells).collect()
}

#[test]
fn the_differences_are_those_that_the_document_lists() {
    if !node_or_skip("differences of the runtimes") {
        return;
    }
    let rows = rows();
    assert!(rows.len() >= 8, "only {} rows", rows.len());
    let attempts: String = rows
        .iter()
        .map(|[code, ..]| {
            format!("    (() => {{ try {{ return String({code}); }} catch (error) {{ return String(error); }} }})(),\n")
        })
        .collect();
    let app = Sandbox::app(&format!("exports = {{ updated: function () {{ return [\n{attempts}]; }} }};"));
    for (column, runtime) in [(1, "embedded"), (2, "node")] {
        let value = fire(&app, runtime, &["--seed", "5"]).code(0).outcome()["value"]["json"].clone();
        for (row, answer) in rows.iter().zip(value.as_array().expect("answers")) {
            assert_eq!(answer.as_str(), Some(row[column].as_str()), "{} on {runtime}", row[0]);
            assert_ne!(row[1], row[2], "{} is no difference", row[0]);
        }
    }
}
