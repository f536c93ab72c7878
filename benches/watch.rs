//! What it takes from the save of a file to the verdict, beside the same event fired by itself; and what it costs to keep a
//! delivery.
//!
//! `cargo bench --bench watch` prints the table that stands in `docs/performance.md`.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark prints, and may fail loudly"
)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Rounds that count.
const ROUNDS: usize = 60;
/// Rounds before them.
const WARM_UP: usize = 5;

fn main() {
    // `cargo test --benches` asks for a quick look that it works.
    let rounds = if std::env::args().any(|word| word == "--test") { 1 } else { ROUNDS };
    let dir = tempfile::tempdir().expect("a temporary folder");
    for file in ["manifest.json", "server/server.js"] {
        let to = dir.path().join(file);
        fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/modules-3.0").join(file), to).expect("copied");
    }
    let script = dir.path().join("server/server.js");
    let text = fs::read_to_string(&script).expect("a script");
    let args = ["trigger", "onUserUpdate", "--seed", "1", "--format", "json"];
    let mut watching = simctl(dir.path(), &args).arg("--watch").stdout(Stdio::piped()).spawn().expect("simctl starts");
    let mut lines = BufReader::new(watching.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let mut verdict = move || assert!(lines.any(|line| line.contains("run-finished")), "it ended");
    verdict();
    let (mut saved, mut alone, mut unkept) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..WARM_UP + rounds {
        // What follows the verdict is over by then.
        std::thread::sleep(Duration::from_millis(30));
        // As editors save: beside it, then over it.
        let new = dir.path().join("server/server.js.tmp~");
        fs::write(&new, format!("{text}\n// {round}\n")).expect("written");
        let began = Instant::now();
        fs::rename(&new, &script).expect("renamed");
        verdict();
        let took = began.elapsed();
        let fired = [&[][..], &["--no-history"]].map(|more| fire(dir.path(), &[&args, more].concat()));
        if round >= WARM_UP {
            saved.push(took);
            alone.push(fired[0]);
            unkept.push(fired[1]);
        }
    }
    watching.kill().expect("killed");
    watching.wait().expect("reaped");
    println!("| | median | 90 % |\n|---|---|---|");
    for (name, mut times) in
        [("save to verdict", saved), ("fired by itself", alone), ("the same with `--no-history`", unkept)]
    {
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1000.0;
        println!("| {name} | {:.1} ms | {:.1} ms |", at(0.5), at(0.9));
    }
    println!("| keeping one delivery, in a run of many | {:.0} µs | |", keeping(rounds));
}

fn simctl(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simctl"));
    command.args(args).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn fire(dir: &Path, args: &[&str]) -> Duration {
    let began = Instant::now();
    assert!(simctl(dir, args).status().expect("it runs").success());
    began.elapsed()
}

/// What one more delivery costs, in microseconds: opened, locked, written and closed, as a run does.
fn keeping(rounds: usize) -> f64 {
    use simctl::history::{History, Recorded};
    let dir = tempfile::tempdir().expect("a temporary folder");
    let record = simctl::schema::Schemas::embedded().value("delivery").expect("a schema")["examples"][0].clone();
    let record: Recorded = serde_json::from_value(record).expect("a delivery");
    let history = History::open(dir.path(), History::BOUNDS);
    let began = Instant::now();
    let count = rounds * 50;
    for _ in 0..count {
        history.keep(None, &record).expect("kept");
    }
    began.elapsed().as_secs_f64() * 1e6 / count as f64
}
