//! What a host call costs, there and back: one delivery whose handler awaits many of them, one after the other, timed as the
//! run events tell it. Starting up is not in it; telling each call as a run event is.
//!
//! `cargo bench --bench calls` prints the table that stands in `benches/README.md`.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark prints, and may fail loudly"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Calls in one delivery.
const CALLS: u64 = 10_000;
/// Rounds that count; in each, every contender runs once.
const ROUNDS: usize = 11;

struct Contender {
    name: &'static str,
    call: &'static str,
    flags: &'static [&'static str],
    /// Microseconds a call, of each round: in all, and the platform's part of it.
    micros: Vec<(f64, f64)>,
}

fn main() {
    // `cargo test --benches` asks for a quick look that it works.
    let is_test = std::env::args().any(|word| word == "--test");
    let (rounds, calls) = if is_test { (1, 100) } else { (ROUNDS, CALLS) };
    let contender = |name, call, flags| Contender { name, call, flags, micros: Vec::new() };
    let mut contenders = vec![
        contender("`$db.get`", "$db.get('k')", &[]),
        contender("`$db.get`, `--db memory`", "$db.get('k')", &["--db", "memory"]),
        contender("`$db.set`", "$db.set('k', { n: i })", &[]),
        contender("`$db.update`, increment", "$db.update('k', 'increment', { n: 1 })", &[]),
    ];
    let has_node = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    if has_node {
        contenders.push(contender("`$db.get`, node runtime", "$db.get('k')", &["--runtime", "node"]));
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    for _ in 0..rounds {
        for contender in &mut contenders {
            let micros = measure(dir.path(), contender, calls);
            contender.micros.push(micros);
        }
    }
    println!("| host call, there and back | median | 10 % to 90 % | of which the platform's part |");
    println!("|---|---|---|---|");
    for Contender { name, micros, .. } in &contenders {
        let all: Vec<f64> = micros.iter().map(|&(all, _)| all).collect();
        let own: Vec<f64> = micros.iter().map(|&(_, own)| own).collect();
        let (median, low, high) = (quantile(&all, 0.5), quantile(&all, 0.1), quantile(&all, 0.9));
        println!("| {name} | {median:.0} µs | {low:.0} to {high:.0} µs | {:.0} µs |", quantile(&own, 0.5));
    }
}

/// One delivery in an app of its own: microseconds a call, and the median of what the platform took for each.
fn measure(dir: &Path, contender: &Contender, calls: u64) -> (f64, f64) {
    let app = dir.join("app");
    let _ = fs::remove_dir_all(&app);
    fs::create_dir_all(app.join("server")).expect("a folder");
    fs::write(app.join("manifest.json"), r#"{"events": {"onUserUpdate": {"handler": "f"}}}"#).expect("a file");
    let call = contender.call;
    let server = format!(
        "exports = {{ f: async function () {{
  await $db.set('k', {{ n: 0 }});
  for (let i = 0; i < {calls}; i++) await {call};
}} }};"
    );
    fs::write(app.join("server/server.js"), server).expect("a file");
    let told = dir.join("told.ndjson");
    let status = Command::new(env!("CARGO_BIN_EXE_simctl"))
        .args(["trigger", "onUserUpdate", "--app"])
        .arg(&app)
        .arg(format!("--format=json={}", told.display()))
        .args(contender.flags)
        .stdout(Stdio::null())
        .status();
    assert!(status.expect("simctl runs").success(), "{} failed", contender.name);
    let text = fs::read_to_string(&told).expect("the run events");
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let all = events.iter().find_map(|event| event["handler_us"].as_f64()).expect("a time");
    let own: Vec<f64> = events.iter().filter_map(|event| event["took_us"].as_f64()).collect();
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let each = all / calls as f64;
    (each, quantile(&own, 0.5))
}

/// The value below which `share` of the values lie.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let at = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted[at]
}
