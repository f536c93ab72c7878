//! The line on standard error that says how far a long check is.

use std::io::{self, Write};
use std::time::{Duration, Instant};

/// How long a check takes before the line is shown, and how often it is renewed.
const PATIENCE: Duration = Duration::from_millis(400);
const PAUSE: Duration = Duration::from_millis(100);

/// Shows how many of the files are checked.
pub(super) struct Progress {
    is_on: bool,
    total: usize,
    due: Instant,
    is_shown: bool,
}

impl Progress {
    pub(super) fn new(is_on: bool, total: usize) -> Self {
        Self { is_on: is_on && total > 1, total, due: Instant::now() + PATIENCE, is_shown: false }
    }

    pub(super) fn show(&mut self, done: u64) {
        if !self.is_on || Instant::now() < self.due {
            return;
        }
        self.due = Instant::now() + PAUSE;
        self.is_shown = true;
        // Nobody is told less where it cannot be written.
        let _ = write!(io::stderr(), "\r\u{1b}[K{done} of {} files checked", self.total);
    }

    /// Takes the line away, before anything else is written.
    pub(super) fn clear(&mut self) {
        if self.is_shown {
            self.is_shown = false;
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}
