//! Two builds of simctl side by side: has a change made one cold event slower?
//!
//! `cargo bench --bench beside -- OTHER_SIMCTL`, where the other build is a program that was built by `cargo build --release`,
//! such as one of an earlier commit in a `git worktree`. Both fire the same event at the same app in turns, and which goes
//! first changes from round to round, so that a machine that slows down slows both.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark prints, and may fail loudly"
)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Rounds that count; in each, both run once.
const ROUNDS: usize = 400;
/// Rounds before them, to warm the page cache.
const WARM_UP: usize = 20;

fn main() {
    let other = std::env::args().skip(1).find(|word| !word.starts_with("--"));
    let Some(other) = other else {
        println!("name another build of simctl: cargo bench --bench beside -- OTHER_SIMCTL");
        return;
    };
    let builds = [env!("CARGO_BIN_EXE_simctl"), &other];
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..WARM_UP + ROUNDS {
        for turn in 0..2 {
            let which = (round + turn) % 2;
            let took = run(builds[which]);
            if round >= WARM_UP {
                times[which].push(took);
            }
        }
    }
    let ratios: Vec<f64> = times[0].iter().zip(&times[1]).map(|(this, other)| this / other).collect();
    println!("| one cold event | median | 10 % to 90 % |\n|---|---|---|");
    for (name, times) in [("this build", &times[0]), ("the other build", &times[1])] {
        let [low, median, high] = [0.1, 0.5, 0.9].map(|share| quantile(times, share));
        println!("| {name} | {median:.2} ms | {low:.2} to {high:.2} ms |");
    }
    println!("\nratio of the medians {:.3}, ", quantile(&times[0], 0.5) / quantile(&times[1], 0.5));
    println!("median of the ratios, pair by pair, {:.3}", quantile(&ratios, 0.5));
}

/// Milliseconds of one whole process.
fn run(simctl: &str) -> f64 {
    let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/modules-3.0");
    let start = Instant::now();
    let status = Command::new(simctl)
        .args(["trigger", "onUserUpdate", "--seed", "1", "--app"])
        .arg(app)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let took = start.elapsed();
    assert!(status.expect("it runs").success(), "{simctl} failed");
    took.as_secs_f64() * 1000.0
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
