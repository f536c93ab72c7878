//! The line on standard error that says how a load goes, on a terminal.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::engine::load::Progress;
use crate::report::load_time;

/// How long a load takes before the line is shown, and how often it is renewed.
const PATIENCE: Duration = Duration::from_millis(400);
const PAUSE: Duration = Duration::from_millis(200);

/// Over how long the rate is taken.
const WINDOW: Duration = Duration::from_secs(2);

/// How far the load is to go.
#[derive(Debug, Clone, Copy)]
pub(super) enum Goal {
    Count(u64),
    Time(Duration),
}

/// Shows how it goes.
pub(super) struct Live {
    is_on: bool,
    goal: Goal,
    due: Instant,
    is_shown: bool,
    /// How many deliveries there were, and when; the oldest is at most [`WINDOW`] old.
    past: Vec<(Duration, u64)>,
}

impl Live {
    pub(super) fn new(is_on: bool, goal: Goal) -> Self {
        Self { is_on, goal, due: Instant::now() + PATIENCE, is_shown: false, past: Vec::new() }
    }

    pub(super) fn show(&mut self, progress: &Progress) {
        if !self.is_on || Instant::now() < self.due {
            return;
        }
        self.due = Instant::now() + PAUSE;
        self.is_shown = true;
        // Nobody is told less where it cannot be written.
        let line: String = self.line(progress).chars().take(room()).collect();
        let _ = write!(io::stderr(), "\r\u{1b}[K{line}");
    }

    fn line(&mut self, progress: &Progress) -> String {
        let Progress { elapsed, deliveries, errors, late, p50, p99 } = *progress;
        let rate = self.rate(elapsed, deliveries);
        let far = match self.goal {
            Goal::Count(count) => format!("{deliveries} of {count}"),
            Goal::Time(time) => format!("{} of {} s, {deliveries}", elapsed.as_secs(), time.as_secs_f64()),
        };
        let time = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), load_time);
        let late = if late > 0 { format!("  {late} late") } else { String::new() };
        format!("{far}  {rate:.0}/s  {errors} errors{late}  p50 {}  p99 {}", time(p50), time(p99))
    }

    /// Deliveries a second, over the last of the time.
    fn rate(&mut self, elapsed: Duration, deliveries: u64) -> f64 {
        self.past.retain(|&(at, _)| at + WINDOW >= elapsed);
        let &(since, before) = self.past.first().unwrap_or(&(Duration::ZERO, 0));
        self.past.push((elapsed, deliveries));
        let seconds = elapsed.saturating_sub(since).as_secs_f64();
        if seconds > 0.0 { deliveries.saturating_sub(before) as f64 / seconds } else { 0.0 }
    }

    /// Takes the line away, before anything else is written.
    pub(super) fn clear(&mut self) {
        if self.is_shown {
            self.is_shown = false;
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}

/// How many characters fit into one row of the terminal: what is longer leaves rows behind.
fn room() -> usize {
    let columns = rustix::termios::tcgetwinsize(io::stderr()).map_or(0, |size| usize::from(size.ws_col));
    columns.checked_sub(1).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut live = Live::new(true, Goal::Count(1_000));
        let mut rate = 0.0;
        for tick in 0..100_u64 {
            // 100 a second, and from the fifth second on 10.
            let at = Duration::from_millis(tick * 100);
            let done = if tick < 50 { tick * 10 } else { 500 + (tick - 50) };
            rate = live.rate(at, done);
        }
        assert!((rate - 10.0).abs() < 0.5, "{rate}");
    }
}
