//! What is written down: a block of tables for each benchmark, and a row for each bar. In `benches/README.md` a block stands
//! between `<!-- table: NAME -->` and `<!-- end -->`, and all other text is people's.

use std::fs;
use std::path::Path;

use super::machine;
use super::peers::Peer;
use super::spread::{Spread, Unit};
use super::turns::Came;

/// The block that holds the bars of all benchmarks.
const BARS: &str = "bars";

/// Tables and bars, as they come.
#[derive(Default)]
pub(crate) struct Sheet {
    blocks: Vec<(&'static str, String)>,
    bars: Vec<String>,
}

/// What is asked for of a ratio, or of a value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    /// At most this part of the other: 8 is an eighth.
    PartOf(f64),
    /// At most so many times as much.
    AtMost(f64),
    /// At least so many times as much.
    AtLeast(f64),
    /// At least so many hundredths.
    Percent(f64),
    /// At most so much; a value, and no ratio.
    Limit(f64, Unit),
}

impl Asked {
    fn text(self) -> String {
        match self {
            Self::PartOf(part) => format!("at most 1/{part}"),
            Self::AtMost(times) => format!("at most {times} times"),
            Self::AtLeast(times) => format!("at least {times} times"),
            Self::Percent(percent) => format!("at least {percent} %"),
            Self::Limit(limit, unit) => format!("at most {}", unit.show(limit)),
        }
    }

    fn show(self, value: f64) -> String {
        match self {
            Self::PartOf(_) => format!("1/{:.1}", 1.0 / value),
            Self::AtMost(_) | Self::AtLeast(_) => format!("{value:.2}"),
            Self::Percent(_) => format!("{:.0} %", value * 100.0),
            Self::Limit(_, unit) => unit.show(value),
        }
    }

    fn is_held(self, value: f64) -> bool {
        match self {
            Self::PartOf(part) => value <= 1.0 / part,
            Self::AtMost(times) => value <= times,
            Self::AtLeast(times) => value >= times,
            Self::Percent(percent) => value * 100.0 >= percent,
            Self::Limit(limit, _) => value <= limit,
        }
    }
}

impl Sheet {
    /// Runs a benchmark, whose tables become the block of its name.
    pub(crate) fn block(&mut self, name: &'static str, measure: impl FnOnce(&mut Self)) {
        println!("## {name}\n");
        let before = machine::load();
        self.blocks.push((name, String::new()));
        measure(self);
        let foot = format!(
            "Measured on {}: {}; load {before} before, {} after.\n",
            jiff::Timestamp::now().strftime("%Y-%m-%d"),
            machine::described(),
            machine::load()
        );
        self.add(&foot);
    }

    /// Adds text to the block.
    pub(crate) fn add(&mut self, text: &str) {
        println!("{text}");
        let (_, block) = self.blocks.last_mut().expect("a block has begun");
        if !block.is_empty() {
            block.push('\n');
        }
        block.push_str(text);
    }

    /// The bars of `work` that goes on one core and on two: on one, at least so many times as much as each of `others`, which are
    /// told by their first text and came by their last; on two, more than on one. "Scales to two cores" is asked for, without a
    /// number.
    pub(crate) fn cores(&mut self, work: &str, came: &Came, [one, two]: [&str; 2], others: &[(&str, f64, &str)]) {
        for &(beside, times, other) in others {
            self.bar(work, beside, Asked::AtLeast(times), came.ratio(one, other));
        }
        self.bar(work, "on two cores, the same on one", Asked::AtLeast(1.5), came.ratio(two, one));
    }

    /// Says what a ratio or a value was asked to be, and what it is.
    pub(crate) fn bar(&mut self, work: &str, beside: &str, asked: Asked, came: Peer<Spread>) {
        let (measured, held) = match &came {
            Ok(came) => {
                let [median, low, high] = [0.5, 0.1, 0.9].map(|share| asked.show(came.at(share)));
                let held = if asked.is_held(came.median()) { "yes" } else { "**no**" };
                (format!("{median} ({low} to {high})"), held)
            }
            Err(why) => (format!("not measured: {why}"), "?"),
        };
        self.bars.push(format!("| {work} | {beside} | {} | {measured} | {held} |", asked.text()));
    }

    /// The bars as a table. Of those that stand in `old` already, only those that were measured again change.
    fn bars(&self, old: &str) -> String {
        const HEAD: &str =
            "| work | beside | asked for | measured, median (10 % to 90 %) | holds |\n|---|---|---|---|---|\n";
        let key = |row: &str| row.split('|').take(3).map(str::to_owned).collect::<Vec<_>>();
        let mut rows: Vec<&str> = old.lines().skip(2).collect();
        for bar in &self.bars {
            match rows.iter_mut().find(|row| key(row) == key(bar)) {
                Some(row) => *row = bar,
                None => rows.push(bar),
            }
        }
        rows.iter().fold(HEAD.to_owned(), |text, row| text + row + "\n")
    }

    /// Prints the bars of what was measured.
    pub(crate) fn print_bars(&self) {
        println!("{}", self.bars(""));
    }

    /// Writes all blocks into a file that has a place for each. `is_all` where everything was measured, so that no old bar
    /// stays.
    pub(crate) fn write(&self, file: &Path, is_all: bool) -> Result<(), String> {
        let mut text = fs::read_to_string(file).map_err(|error| error.to_string())?;
        for (name, block) in &self.blocks {
            text = replaced(&text, name, |_| block.clone())?;
        }
        text = replaced(&text, BARS, |old| self.bars(if is_all { "" } else { old }))?;
        fs::write(file, text).map_err(|error| error.to_string())
    }
}

/// The text with another block; `new` is given the old one.
fn replaced(text: &str, name: &str, new: impl FnOnce(&str) -> String) -> Result<String, String> {
    let (begin, end) = (format!("<!-- table: {name} -->\n"), "<!-- end -->");
    let missing = || format!("there is no place for the table {name}: `{}` and `{end}`", begin.trim_end());
    let (before, rest) = text.split_once(&begin).ok_or_else(missing)?;
    let at = rest.find(end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}{}{}", new(&rest[..at]), &rest[at..]))
}

/// A table in Markdown.
pub(crate) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    rows.into_iter().fold(line(&head) + &rule, |text, row| text + &line(&row))
}
