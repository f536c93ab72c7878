//! Two builds of simctl side by side: has a change made one cold event slower?
//!
//! `cargo bench --bench all -- beside OTHER_SIMCTL`, where the other build is a program that was built by `cargo build --release`,
//! such as one of an earlier commit in a `git worktree`. Both fire the same event at the same app.

use std::process::ExitCode;

use crate::common::{SIMCTL, Turns, Unit, root, text, timed};

/// Rounds that count; in each, both run once.
const ROUNDS: usize = 400;
/// Rounds before them, to warm the page cache.
const WARM_UP: usize = 20;

pub(crate) fn measure(words: &[String]) -> ExitCode {
    let [other] = words else {
        println!("name another build of simctl: cargo bench --bench all -- beside OTHER_SIMCTL");
        return ExitCode::from(2);
    };
    let app = root().join("samples/modules-3.0");
    let trigger = |simctl| timed(&[simctl, "trigger", "onUserUpdate", "--seed", "1", "--app", text(&app)]);
    let mut turns = Turns::new(Unit::Milliseconds);
    turns.add("this build", trigger(SIMCTL)).add("the other build", trigger(other));
    let came = turns.take(WARM_UP, ROUNDS);
    println!("{}", came.table("one cold event", Some(("the other build", "of the other's, pair by pair"))));
    ExitCode::SUCCESS
}
