//! All benchmarks in one program.
//!
//! `cargo bench --bench all` measures everything and writes the tables of `benches/README.md`. With names, as in
//! `cargo bench --bench all -- cold load`, only those are measured and printed; `--write` writes their tables, too.
//!
//! Absolute times say little on a shared machine. What is compared takes turns in one run, so ratios hold. Without `--bench`,
//! as `cargo test --benches` starts it, it is a quick look that all of it works: little is measured, nothing is installed or
//! written.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark prints, and may fail loudly"
)]

mod beside;
mod calls;
mod cold;
mod common;
mod generate;
mod http;
mod load;
mod scenarios;
mod validate;
mod watch;

use std::process::ExitCode;

use common::{Bench, Peers, Sheet, root};

type Measure = fn(&mut Bench<'_>);

/// Each has a block of tables.
const ALL: [(&str, Measure); 8] = [
    ("cold", cold::measure),
    ("load", load::measure),
    ("http", http::measure),
    ("generate", generate::measure),
    ("validate", validate::measure),
    ("calls", calls::measure),
    ("scenarios", scenarios::measure),
    ("watch", watch::measure),
];

fn main() -> ExitCode {
    let (flags, words): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let is_given = |flag: &str| flags.iter().any(|given| given == flag);
    let is_quick = is_given("--test") || !is_given("--bench");
    if let Some(("beside", others)) = words.split_first().map(|(first, others)| (first.as_str(), others)) {
        return beside::measure(others);
    }
    if let Some(unknown) = words.iter().find(|word| ALL.iter().all(|(name, _)| name != word)) {
        let names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
        println!("there is no benchmark `{unknown}`: there are {} and `beside OTHER_SIMCTL`", names.join(", "));
        return ExitCode::from(2);
    }
    let mut sheet = Sheet::default();
    for (name, measure) in ALL.iter().filter(|(name, _)| words.is_empty() || words.iter().any(|word| word == name)) {
        sheet.block(name, |sheet| measure(&mut Bench { is_quick, peers: Peers { may_install: !is_quick }, sheet }));
    }
    sheet.print_bars();
    if is_quick {
        println!("a quick look that all of it works: these figures say nothing");
    }
    let is_all = words.is_empty();
    if is_quick || !(is_all || is_given("--write")) {
        return ExitCode::SUCCESS;
    }
    let file = root().join("benches/README.md");
    match sheet.write(&file, is_all) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{} cannot be written: {error}", file.display());
            ExitCode::FAILURE
        }
    }
}
