//! What one event costs from a cold start, as whole processes, side by side with Node.js in one run.
//!
//! `cargo bench --bench cold` prints the table that stands in `benches/README.md`. Absolute times say little on a shared
//! machine; the ratios, each from runs that took turns, say more.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark prints, and may fail loudly"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Rounds that count; in each, every command runs once.
const ROUNDS: usize = 60;
/// Rounds before them, to warm the page cache.
const WARM_UP: usize = 5;

struct Contender {
    name: &'static str,
    command: Vec<String>,
    times: Vec<Duration>,
}

fn main() {
    // `cargo test --benches` asks for a quick look that it works.
    let rounds = if std::env::args().any(|word| word == "--test") { 1 } else { ROUNDS };
    let mut contenders = contenders();
    for round in 0..WARM_UP + rounds {
        for contender in &mut contenders {
            let took = run(&contender.command);
            if round >= WARM_UP {
                contender.times.push(took);
            }
        }
    }
    print(&contenders);
}

fn contenders() -> Vec<Contender> {
    let simctl = env!("CARGO_BIN_EXE_simctl");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let app = root.join("samples/modules-3.0");
    let payload = payload_file(simctl);
    let trigger =
        |runtime: &str| words(&[simctl, "trigger", "onUserUpdate", "--app", text(&app), "--runtime", runtime]);
    let server = app.join("server/server.js");
    // What a developer would write by hand: read the payload, load the file, call the function.
    let bare = format!(
        "const fs=require('fs');const vm=require('vm');\
         const payload=JSON.parse(fs.readFileSync({:?},'utf8'));\
         const src=fs.readFileSync({:?},'utf8');\
         const exp=vm.runInThisContext('(function(){{var exports;'+src+'\\nreturn exports}})',{{filename:'server.js'}})();\
         exp.onUserUpdateCallback(payload);",
        text(&payload),
        text(&server)
    );
    let mut all =
        vec![("simctl version", words(&[simctl, "--version"])), ("simctl trigger, embedded", trigger("embedded"))];
    if Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success()) {
        all.push(("node -e 0", words(&["node", "-e", "0"])));
        all.push(("node, calling the same function", words(&["node", "-e", &bare])));
        all.push(("simctl trigger, node", trigger("node")));
    } else {
        println!("there is no Node.js here: only simctl is measured");
    }
    all.into_iter().map(|(name, command)| Contender { name, command, times: Vec::new() }).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

fn payload_file(simctl: &str) -> PathBuf {
    let file = std::env::temp_dir().join(format!("simctl-bench-{}.json", std::process::id()));
    let output = Command::new(simctl).args(["generate", "onUserUpdate", "--seed", "1"]).output().expect("simctl runs");
    std::fs::write(&file, output.stdout).expect("a temporary file");
    file
}

fn run(command: &[String]) -> Duration {
    let start = Instant::now();
    let status = Command::new(&command[0]).args(&command[1..]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let took = start.elapsed();
    assert!(status.expect("it runs").success(), "{command:?} failed");
    took
}

/// The value below which `share` of the times lie.
fn quantile(times: &[Duration], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort();
    let at = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted[at].as_secs_f64() * 1000.0
}

fn print(contenders: &[Contender]) {
    println!("| whole process, cold | median | 10 % to 90 % | of `node -e 0` |");
    println!("|---|---|---|---|");
    let node = contenders.iter().find(|contender| contender.name == "node -e 0").map(|node| quantile(&node.times, 0.5));
    for Contender { name, times, .. } in contenders {
        let median = quantile(times, 0.5);
        let of_node = node.map_or("–".to_owned(), |node| format!("1/{:.1} ({:.2})", node / median, median / node));
        println!(
            "| {name} | {median:.1} ms | {:.1} to {:.1} ms | {of_node} |",
            quantile(times, 0.1),
            quantile(times, 0.9)
        );
    }
}
