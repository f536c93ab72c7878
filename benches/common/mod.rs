//! What all benchmarks share, so that each says only what it measures: contenders that take turns, what their turns came to,
//! the tables of `benches/README.md`, and the programs that simctl is measured beside.

mod machine;
mod peers;
mod process;
mod sheet;
mod spread;
mod turns;

pub(crate) use peers::{Peer, Peers};
pub(crate) use process::{Turn, command, generate, on_cores, output, peak_memory, reported, text, timed};
pub(crate) use sheet::{Asked, Sheet};
pub(crate) use spread::{Spread, Unit};
pub(crate) use turns::Turns;

use std::path::{Path, PathBuf};

/// The program that is measured.
pub(crate) const SIMCTL: &str = env!("CARGO_BIN_EXE_simctl");

/// What a benchmark is given.
pub(crate) struct Bench<'a> {
    /// A quick look that it works, with what is there: nothing is installed, and the figures say nothing.
    pub(crate) is_quick: bool,
    /// The other programs.
    pub(crate) peers: Peers,
    /// Where tables and bars go.
    pub(crate) sheet: &'a mut Sheet,
}

impl Bench<'_> {
    /// `much` where it is measured, `little` for a quick look.
    pub(crate) fn pick<T>(&self, much: T, little: T) -> T {
        if self.is_quick { little } else { much }
    }

    /// Rounds in which each contender has one turn.
    pub(crate) fn rounds(&self, rounds: usize) -> usize {
        self.pick(rounds, 1)
    }
}

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder for what a benchmark writes, which is made where it is not there.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let dir = root().join("target/bench").join(name);
    std::fs::create_dir_all(&dir).expect("a folder");
    dir
}
