//! The line on standard error that says how fuzzing goes, on a terminal.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use crate::engine::fuzz::Fuzzed;

/// How long it takes before the line is shown, and how often it is renewed.
const PATIENCE: Duration = Duration::from_millis(400);
const PAUSE: Duration = Duration::from_millis(200);

/// Shows how it goes.
pub(super) struct Live {
    is_on: bool,
    count: Option<u64>,
    until: Option<Duration>,
    began: Instant,
    due: Instant,
    is_shown: bool,
}

impl Live {
    pub(super) fn new(is_on: bool, count: Option<u64>, until: Option<Duration>) -> Self {
        let began = Instant::now();
        Self { is_on, count, until, began, due: began + PATIENCE, is_shown: false }
    }

    pub(super) fn show(&mut self, fuzzed: &Fuzzed) {
        if !self.is_on || Instant::now() < self.due {
            return;
        }
        self.due = Instant::now() + PAUSE;
        self.is_shown = true;
        // Nobody is told less where it cannot be written.
        let _ = write!(io::stderr(), "\r\u{1b}[K{}", self.line(fuzzed, self.began.elapsed()));
    }

    fn line(&self, fuzzed: &Fuzzed, elapsed: Duration) -> String {
        let Fuzzed { fired, failed, failures, .. } = fuzzed;
        let of = self.count.map(|count| format!(" of {count}")).unwrap_or_default();
        let time = match self.until {
            Some(until) => format!("{} of {} s", elapsed.as_secs(), until.as_secs_f64()),
            None => format!("{} s", elapsed.as_secs()),
        };
        let places = match failures.len() {
            0 => String::new(),
            1 => " at 1 place".to_owned(),
            places => format!(" at {places} places"),
        };
        format!("{fired}{of} cases  {time}  {failed} failed{places}")
    }

    /// Takes the line away, before anything else is written.
    pub(super) fn clear(&mut self) {
        if self.is_shown {
            self.is_shown = false;
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_and_what_was_found() {
        let fuzzed = Fuzzed { fired: 12, failed: 3, ..Fuzzed::default() };
        let second = Duration::from_secs(1);
        assert_eq!(Live::new(true, Some(2000), None).line(&fuzzed, second), "12 of 2000 cases  1 s  3 failed");
        assert_eq!(Live::new(true, None, Some(60 * second)).line(&fuzzed, second), "12 cases  1 of 60 s  3 failed");
    }
}
