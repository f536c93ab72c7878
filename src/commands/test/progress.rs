//! The line on standard error that says how far the scenarios are.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::report::Paint;
use crate::text::printable_line;

/// How long a run takes before the line is shown, and how often it is renewed.
const PATIENCE: Duration = Duration::from_millis(400);
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// How long a scenario is played before it is named.
const LONG: Duration = Duration::from_secs(1);

/// The width of the bar, and of a terminal that has room for it.
const BAR: usize = 24;
const ROOM: usize = 72;

/// The width of a terminal that does not say.
const USUAL_WIDTH: usize = 80;

/// Shows how many scenarios have been played, and what runs long.
pub(super) struct Progress {
    is_on: bool,
    paint: Paint,
    total: usize,
    pub(super) counts: Counts,
    began: Instant,
    due: Instant,
    /// What is being played: its number, its name, and since when.
    playing: Vec<(usize, String, Instant)>,
    /// The length of the line as it stands.
    shown: Option<usize>,
}

/// How many scenarios went which way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) held: u64,
    /// How many of those were flaky.
    pub(super) flaky: u64,
    pub(super) failed: u64,
}

impl Progress {
    pub(super) fn new(is_on: bool, paint: Paint, total: usize) -> Self {
        let began = Instant::now();
        let (counts, due) = (Counts::default(), began + PATIENCE);
        Self { is_on, paint, total, counts, began, due, playing: Vec::new(), shown: None }
    }

    /// Whether the line is to be renewed from time to time.
    pub(super) const fn is_on(&self) -> bool {
        self.is_on
    }

    pub(super) fn started(&mut self, number: usize, name: String) {
        self.ended(number);
        self.playing.push((number, name, Instant::now()));
    }

    pub(super) fn ended(&mut self, number: usize) {
        self.playing.retain(|(other, ..)| *other != number);
    }

    /// Shows the line, where it is time to.
    pub(super) fn tick(&mut self) {
        if Instant::now() >= self.due {
            self.show();
        }
    }

    /// Takes the line away, has something else written, and shows the line again.
    pub(super) fn aside(&mut self, write: impl FnOnce()) {
        let was_shown = self.shown.is_some();
        self.clear();
        write();
        if was_shown {
            self.show();
        }
    }

    fn show(&mut self) {
        if !self.is_on {
            return;
        }
        self.due = Instant::now() + PAUSE;
        let width = width();
        let (line, length) = self.line(width);
        let text = format!("{}{line}", self.cleared(width));
        self.shown = Some(length);
        // Nobody is told less where it cannot be written.
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// Takes the line away, before anything else is written.
    pub(super) fn clear(&mut self) {
        if self.shown.is_some() {
            let text = self.cleared(width());
            self.shown = None;
            let _ = io::stderr().write_all(text.as_bytes());
        }
    }

    /// What takes away the line that stands: several, where the terminal has become narrower.
    fn cleared(&self, width: usize) -> String {
        match self.shown.map(|length| length.saturating_sub(1) / width) {
            None => String::new(),
            Some(0) => "\r\u{1b}[J".to_owned(),
            Some(rows) => format!("\r\u{1b}[{rows}A\u{1b}[J"),
        }
    }

    /// The line, no longer than fits, and its length.
    fn line(&self, width: usize) -> (String, usize) {
        let Counts { held, flaky, failed } = self.counts;
        let done = held + failed;
        let mut line = Line { text: String::new(), left: width.saturating_sub(1), length: 0 };
        if width >= ROOM {
            let filled = usize::try_from(done).unwrap_or(usize::MAX).saturating_mul(BAR) / self.total.max(1);
            let filled = filled.min(BAR);
            line.push("[", Paint::faint, self.paint);
            line.push(&"=".repeat(filled), if failed > 0 { Paint::bad } else { Paint::good }, self.paint);
            line.push(&format!("{}] ", " ".repeat(BAR - filled)), Paint::faint, self.paint);
        }
        line.push(&format!("{done}/{}", self.total), Paint::strong, self.paint);
        if failed > 0 {
            line.push(&format!("  {failed} failed"), Paint::bad, self.paint);
        }
        if flaky > 0 {
            line.push(&format!("  {flaky} flaky"), Paint::warn, self.paint);
        }
        line.push(&format!("  {}", seconds(self.began.elapsed())), Paint::faint, self.paint);
        let longest = self.playing.iter().min_by_key(|(.., since)| *since);
        if let Some((_, name, since)) = longest.filter(|(.., since)| since.elapsed() >= LONG) {
            let what = format!("  {}: {}", seconds(since.elapsed()), printable_line(name));
            line.push(&what, Paint::faint, self.paint);
        }
        (line.text, line.length)
    }
}

/// A line that is cut where it does not fit.
struct Line {
    text: String,
    left: usize,
    length: usize,
}

impl Line {
    fn push(&mut self, text: &str, style: impl Fn(Paint, &str) -> String, paint: Paint) {
        let mut columns = 0;
        let fits = |c: &char| {
            columns += columns_of(*c);
            columns <= self.left
        };
        let cut: String = text.chars().take_while(fits).collect();
        let columns: usize = cut.chars().map(columns_of).sum();
        self.left -= columns;
        self.length += columns;
        if !cut.is_empty() {
            self.text.push_str(&style(paint, &cut));
        }
    }
}

/// How many columns a character takes at most; a tab would take what it likes, and is no part of a line here.
fn columns_of(c: char) -> usize {
    if c < '\u{1100}' && c != '\t' { 1 } else { 2 }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

/// The width of the terminal as it is now.
fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stderr());
    size.ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0).unwrap_or(USUAL_WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(name: &str) -> Progress {
        let mut progress = Progress::new(true, Paint::new(false), 40);
        progress.counts = Counts { held: 19, flaky: 2, failed: 1 };
        progress.started(3, name.to_owned());
        progress
    }

    #[test]
    fn the_line_fits_whatever_the_terminal() {
        let (line, _) = progress("short").line(80);
        assert_eq!(line, format!("[{}{}] 20/40  1 failed  2 flaky  0 s", "=".repeat(12), " ".repeat(12)));
        let mut long = progress("\u{8a9e}\u{1b}[2J\n".repeat(40).as_str());
        for (.., since) in &mut long.playing {
            *since -= LONG;
        }
        for width in [1, 5, 20, 71, 72, 73, 200] {
            let (line, length) = long.line(width);
            assert!(length < width && !line.contains(['\u{1b}', '\n']), "{width}: {line}");
            assert!(line.chars().map(columns_of).sum::<usize>() == length, "{width}: {line}");
        }
    }

    #[test]
    fn a_line_that_a_narrower_terminal_has_broken_is_taken_away_whole() {
        let mut progress = progress("");
        progress.shown = Some(79);
        assert_eq!(progress.cleared(80), "\r\u{1b}[J");
        assert_eq!(progress.cleared(30), "\r\u{1b}[2A\u{1b}[J");
    }
}
