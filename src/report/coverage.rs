//! Coverage as a person reads of it: a table of the files, and what of the events was never sent.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Paint;
use crate::model::{Coverage, EventCoverage, FileCoverage, FiredEvent, Measure, Share, Shares, Unsent};
use crate::text::printable_line;

/// From this many percent on a share is good, and from this many it is middling, as Istanbul has it.
const GOOD: f64 = 80.0;
const MIDDLING: f64 = 50.0;

/// How many runs of lines, or places in a payload, are listed in one line; all where more is asked for.
const MOST: usize = 8;

/// The coverage as text, several lines, with a line end after the last.
pub(super) fn render_coverage(coverage: &Coverage, paint: Paint, all: bool) -> String {
    let mut text = String::from("\n");
    let most = if all { usize::MAX } else { MOST };
    let name = |file: &FileCoverage| printable_line(&file.file).into_owned();
    let width = coverage.files.iter().map(|file| name(file).chars().count()).chain(["coverage".len()]).max();
    let width = width.unwrap_or_default();
    let heads: String = Measure::ALL.map(|measure| format!("  {:>10}", measure.name())).concat();
    let _ = writeln!(text, "{}{heads}  not reached", paint.strong(&format!("{:width$}", "coverage")));
    for file in &coverage.files {
        let line = row(&format!("{:width$}", name(file)), &file.shares, paint);
        let _ = writeln!(text, "{}", format!("{line}  {}", runs(&file.uncovered, most)).trim_end());
    }
    let _ = writeln!(text, "{}", row(&paint.strong(&format!("{:width$}", "all files")), &coverage.total, paint));
    text.push_str(&events(&coverage.events, paint, most));
    text
}

fn row(name: &str, shares: &Shares, paint: Paint) -> String {
    let cells = Measure::ALL.map(|measure| format!("  {}", cell(shares.of(measure), paint)));
    format!("{name}{}", cells.concat())
}

fn cell(share: Share, paint: Paint) -> String {
    let text = format!("{:>9.2}%", share.percent());
    match share.percent() {
        percent if percent >= GOOD => paint.good(&text),
        percent if percent >= MIDDLING => paint.warn(&text),
        _ => paint.bad(&text),
    }
}

/// `3, 7-9`
fn runs(runs: &[(u32, u32)], most: usize) -> String {
    let one = |&(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    listed(runs.iter().map(one), most)
}

fn listed(mut items: impl ExactSizeIterator<Item = String>, most: usize) -> String {
    let more = items.len().saturating_sub(most);
    let shown = items.by_ref().take(most).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

fn events(events: &EventCoverage, paint: Paint, most: usize) -> String {
    let mut text = String::new();
    for event in &events.events {
        let FiredEvent { event: name, fired, forms, never } = event;
        let name = paint.strong(&printable_line(name));
        if *fired == 0 {
            let _ = writeln!(text, "{name}  {}", paint.bad("never fired"));
            continue;
        }
        let times = if *fired == 1 { "once".to_owned() } else { format!("{fired} times") };
        let Share { covered, total } = forms;
        let told = if *total == 0 { String::new() } else { format!(", {covered} of {total} forms of its payload") };
        let _ = writeln!(text, "{name}  fired {times}{told}");
        for (what, places) in by_form(never) {
            let _ = writeln!(text, "  {} {}", paint.faint(what), listed(places.into_iter(), most));
        }
    }
    text
}

/// What was never sent, by its kind.
fn by_form(never: &[Unsent]) -> BTreeMap<&'static str, Vec<String>> {
    let mut groups: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for Unsent { path, form } in never {
        let path = printable_line(path);
        let (group, told) = match form.as_str() {
            "changed" => ("never changed:", path.rsplit('.').next().unwrap_or_default().to_owned()),
            "absent" => ("never absent:", path.into_owned()),
            "present" => ("never present:", path.into_owned()),
            form if path.is_empty() => ("never sent:", printable_line(form).into_owned()),
            form => ("never sent:", format!("{path} {}", printable_line(form))),
        };
        groups.entry(group).or_default().push(told);
    }
    groups
}
