//! Deliveries that were kept, for people: in a table, one in full, and two side by side.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::Value;

use super::Paint;
use super::human::show_duration;
use crate::history::{Change, Comparison, Line, Recorded, Side};
use crate::text::{printable, printable_line};

/// How many entries that both have are shown round one that only one has.
const CONTEXT: usize = 2;
/// The longest value that a comparison shows, in characters.
const LONGEST_VALUE: usize = 200;
/// The narrowest that the last column of a table may become.
const NARROWEST: usize = 16;

/// A table of deliveries, in the order in which they come, no wider than `width`.
pub fn deliveries_table(deliveries: &[Recorded], now: Timestamp, paint: Paint, width: Option<usize>) -> String {
    let rows: Vec<[String; 4]> = deliveries.iter().map(|recorded| row(recorded, now)).collect();
    let longest = |column: usize| rows.iter().map(|row| columns(&row[column])).max().unwrap_or(0);
    let (id, ago, event, took) = (longest(0), longest(1), longest(2), longest(3));
    // Gaps, and the word for the verdict.
    let taken = id + ago + event + took + 4 * 2 + 4;
    let most = width.map_or(usize::MAX, |width| width.saturating_sub(taken + 2).max(NARROWEST));
    let mut text = String::new();
    for ([number, when, name, time], recorded) in rows.iter().zip(deliveries) {
        let said = fitted(&printable_line(&recorded.said()), most);
        let verdict = if recorded.held { paint.good("  ok") } else { paint.bad("FAIL") };
        let _ = writeln!(
            text,
            "{number:>id$}  {}  {name}{}  {verdict}  {}  {said}",
            paint.faint(&format!("{when:>ago$}")),
            " ".repeat(event - columns(name)),
            paint.faint(&format!("{time:>took$}")),
        );
    }
    text
}

/// `3 lines`; nothing of none.
pub(super) fn entry_count(count: usize, what: &str) -> Option<String> {
    (count > 0).then(|| format!("{count} {what}{}", if count == 1 { "" } else { "s" }))
}

fn row(recorded: &Recorded, now: Timestamp) -> [String; 4] {
    [
        recorded.id.to_string(),
        ago(&recorded.at, now),
        printable_line(&recorded.event).into_owned(),
        show_duration(recorded.took()),
    ]
}

/// How long ago something was: `7 s ago`, `3 min ago`, `2 h ago`, `5 days ago`.
pub fn ago(at: &str, now: Timestamp) -> String {
    let Ok(at) = at.parse::<Timestamp>() else { return "?".to_owned() };
    let seconds = (now.as_second() - at.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// One delivery, with all that was kept of it.
pub fn delivery_text(recorded: &Recorded, now: Timestamp, paint: Paint) -> String {
    let to = |key: &str| recorded.to.get(key).and_then(Value::as_str).unwrap_or_default();
    let title = format!("{}  {} -> {}", recorded.id, recorded.event, recorded.addressee());
    let mut how = vec![to("file").to_owned(), format!("{} runtime", to("runtime"))];
    how.push(recorded.platform_told());
    how.extend(recorded.seed.map(|seed| format!("seed {seed}")));
    how.retain(|part| !part.is_empty());
    let mut text =
        format!("{}  {}\n", paint.strong(&printable_line(&title)), paint.faint(&printable_line(&how.join(", "))));
    let of = recorded.replay_of.map(|id| format!(", delivery {id} again")).unwrap_or_default();
    let on = recorded.engine.as_ref().map(|engine| format!(" on {engine}")).unwrap_or_default();
    let fired = format!("fired {} ({}) by simctl {}{on}{of}", recorded.at, ago(&recorded.at, now), recorded.simctl);
    let _ = writeln!(text, "{}", paint.faint(&printable_line(&fired)));
    let mut entry = |word: String, what: &str| {
        let _ = writeln!(text, "{word}  {}", below(what));
    };
    for finding in &recorded.findings {
        let text = |key| finding.get(key).and_then(Value::as_str).unwrap_or_default();
        entry(paint.warn(&format!("{:>6}", text("severity"))), &format!("[{}] {}", text("code"), text("message")));
    }
    for call in &recorded.calls {
        let status = if call.status == "fulfilled" { "->" } else { "rejected" };
        let what = format!("{} {} {status} {}", call.name, call.args, call.answer);
        entry(paint.faint("  call"), &what);
    }
    for log in &recorded.logs {
        let word = format!("{:>6}", log.level);
        entry(
            if log.level == "error" { paint.bad(&word) } else { paint.faint(&word) },
            log.text.trim_end_matches('\n'),
        );
    }
    for (left_out, what) in [(recorded.calls_left_out, "calls"), (recorded.logs_left_out, "lines")] {
        if left_out > 0 {
            entry(paint.hint("  note"), &format!("{left_out} more {what} were not kept"));
        }
    }
    let verdict = if recorded.held { paint.good("    ok") } else { paint.bad("  FAIL") };
    let took = paint.faint(&format!("handler {}", show_duration(recorded.took())));
    entry(verdict, &recorded.said());
    text.truncate(text.trim_end().len());
    let _ = writeln!(text, "  {took}");
    if let Some(at) = innermost(&recorded.outcome) {
        let _ = writeln!(text, "  {} {}", paint.faint("-->"), printable_line(&at));
    }
    let _ = writeln!(text, "{} {}", paint.faint("repeat:"), printable_line(&format!("simctl replay {}", recorded.id)));
    let _ = writeln!(text, "{}", printable(&pretty(recorded.payload.get())));
    text
}

/// The place of the innermost frame of what went wrong.
fn innermost(outcome: &Value) -> Option<String> {
    let frame = outcome.pointer("/error/stack/0").or_else(|| outcome.pointer("/stack/0"))?;
    Some(format!("{}:{}:{}", frame.get("file")?.as_str()?, frame.get("line")?, frame.get("column")?))
}

/// What differs between two deliveries; nothing where nothing does.
pub fn comparison_text(comparison: &Comparison, paint: Paint) -> String {
    let mut text = String::new();
    if let Some((before, after)) = &comparison.outcome {
        let _ = writeln!(text, "{}", paint.strong("outcome"));
        push_line(&mut text, Side::Gone, before, paint);
        push_line(&mut text, Side::New, after, paint);
    }
    for (name, lines) in [("findings", &comparison.findings), ("calls", &comparison.calls), ("logs", &comparison.logs)]
    {
        if !lines.is_empty() {
            let _ = writeln!(text, "{}", paint.strong(name));
            push_lines(&mut text, lines, paint);
        }
    }
    if !comparison.payload.is_empty() {
        let _ = writeln!(text, "{}", paint.strong("payload"));
        for change in &comparison.payload {
            push_change(&mut text, change, paint);
        }
    }
    text
}

fn push_change(text: &mut String, Change { pointer, before, after }: &Change, paint: Paint) {
    let place = if pointer.is_empty() { "/" } else { pointer };
    for (side, value) in [(Side::Gone, before), (Side::New, after)] {
        if let Some(value) = value {
            push_line(text, side, &format!("{place}  {}", fitted(&value.to_string(), LONGEST_VALUE)), paint);
        }
    }
}

/// Both lists as one; of what both have, only what stands next to a difference.
fn push_lines(text: &mut String, lines: &[Line], paint: Paint) {
    let differs = |at: usize| lines.get(at).is_some_and(|line| line.side != Side::Both);
    let is_near = |at: usize| (at.saturating_sub(CONTEXT)..=at + CONTEXT).any(differs);
    let mut skipped = 0;
    for (at, line) in lines.iter().enumerate() {
        if !is_near(at) {
            skipped += 1;
            continue;
        }
        push_skipped(text, &mut skipped, paint);
        push_line(text, line.side, &line.text, paint);
    }
    push_skipped(text, &mut skipped, paint);
}

fn push_skipped(text: &mut String, skipped: &mut usize, paint: Paint) {
    if *skipped > 0 {
        let _ = writeln!(text, "  {}", paint.faint(&format!("… {skipped} as before")));
        *skipped = 0;
    }
}

fn push_line(text: &mut String, side: Side, what: &str, paint: Paint) {
    let what = below(what);
    let _ = match side {
        Side::Both => writeln!(text, "  {}", paint.faint(&what)),
        Side::Gone => writeln!(text, "{}", paint.bad(&format!("- {what}"))),
        Side::New => writeln!(text, "{}", paint.good(&format!("+ {what}"))),
    };
}

/// Text that may be shown, further lines below its first.
fn below(text: &str) -> String {
    printable(text).replace('\n', "\n        ")
}

/// `text` in at most `most` columns.
fn fitted(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += width(*c);
        used <= most
    };
    let cut: String = text.chars().take_while(fits).collect();
    format!("{cut}…")
}

fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// How many columns of a terminal a character takes, nearly: characters of East Asia and pictures take two.
const fn width(c: char) -> usize {
    match c as u32 {
        0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F | 0xFF00..=0xFF60 => 2,
        0x1_F300..=0x1_FAFF | 0x2_0000..=0x3_FFFD => 2,
        0x0300..=0x036F | 0x200B..=0x200D | 0xFE00..=0xFE0F => 0,
        _ => 1,
    }
}

fn pretty(json: &str) -> String {
    serde_json::from_str::<Value>(json)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| json.to_owned())
}
