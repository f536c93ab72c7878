//! What was expected beside what came, so that the eye finds what differs: words of a short text, lines of a long one or of an
//! object.

use std::fmt::Write as _;

use serde_json::Value;

use super::findings::push_place;
use super::human::guarded;
use super::{Paint, cut};
use crate::model::Difference;
use crate::text::{Side, diff, printable, printable_line, words};

/// The longest text that is compared word by word, in characters, and the longest that is shown of any other.
const LONGEST_LINE: usize = 120;
const LONGEST_TEXT: usize = 2000;

/// How many lines that are the same are shown round those that differ, and how many are shown at all.
const CONTEXT: usize = 3;
const MOST_LINES: usize = 120;

/// Two values side by side.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// They have nothing in common, or one is said in words.
    Apart(String, String),
    /// Texts of a line each.
    Words(Vec<(Side, String)>),
    /// Texts of several lines.
    Lines(Vec<Line>),
}

/// A line of two values side by side.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Of(Side, String),
    /// So many that are in both.
    Same(usize),
    /// So many that there is no room for.
    Left(usize),
}

/// Lays two values side by side: JSON, or words where it is none.
pub(super) fn compare(expected: &str, actual: &str) -> Compared {
    let apart = || Compared::Apart(cut(expected, LONGEST_TEXT), cut(actual, LONGEST_TEXT));
    let (Ok(old), Ok(new)) = (serde_json::from_str::<Value>(expected), serde_json::from_str::<Value>(actual)) else {
        return apart();
    };
    match (&old, &new) {
        (Value::String(old), Value::String(new)) if old.contains('\n') || new.contains('\n') => by_lines(old, new),
        (Value::String(_), Value::String(_)) => by_words(expected, actual).unwrap_or_else(apart),
        (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_)) => {
            if expected.len().max(actual.len()) <= LONGEST_LINE / 2 {
                return by_words(expected, actual).unwrap_or_else(apart);
            }
            let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
            by_lines(&pretty(&old), &pretty(&new))
        }
        _ => apart(),
    }
}

/// Nothing where marks would only be in the way: the texts have too little in common.
fn by_words(expected: &str, actual: &str) -> Option<Compared> {
    let parts = diff(&words(expected), &words(actual));
    let length = |wanted: fn(Side) -> bool| -> usize {
        parts.iter().filter(|(side, _)| wanted(*side)).map(|(_, part)| part.len()).sum()
    };
    // The quotes are in both.
    let (both, all) = (length(|side| side == Side::Both).saturating_sub(2), expected.len().max(actual.len()));
    if both * 4 < all || length(|side| side != Side::Both) > LONGEST_TEXT {
        return None;
    }
    let mut shown: Vec<(Side, String)> = Vec::new();
    for (side, part) in parts {
        match shown.last_mut() {
            Some((last, text)) if *last == side => text.push_str(part),
            _ => shown.push((side, part.to_owned())),
        }
    }
    for (_, text) in shown.iter_mut().filter(|(side, _)| *side == Side::Both) {
        let characters: Vec<char> = text.chars().collect();
        if characters.len() > LONGEST_LINE {
            let (first, last) = (&characters[..40], &characters[characters.len() - 40..]);
            *text = first.iter().chain(&['…']).chain(last).collect();
        }
    }
    Some(Compared::Words(shown))
}

fn by_lines(old: &str, new: &str) -> Compared {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    let parts = diff(&old, &new);
    let differs: Vec<usize> = (0..parts.len()).filter(|at| parts[*at].0 != Side::Both).collect();
    let is_near = |at: usize| {
        let next = differs.partition_point(|other| *other < at);
        let near = |index: usize| differs.get(index).is_some_and(|other| other.abs_diff(at) <= CONTEXT);
        near(next) || next.checked_sub(1).is_some_and(near)
    };
    let mut lines = Vec::new();
    for (at, (side, part)) in parts.iter().enumerate() {
        if lines.len() >= MOST_LINES {
            lines.push(Line::Left(parts.len() - at));
            break;
        }
        match lines.last_mut() {
            _ if is_near(at) => lines.push(Line::Of(*side, cut(part, LONGEST_TEXT / 4))),
            Some(Line::Same(count)) => *count += 1,
            _ => lines.push(Line::Same(1)),
        }
    }
    Compared::Lines(lines)
}

/// One difference as text, several lines, with a line end after the last.
pub(super) fn render_difference(difference: &Difference, paint: Paint) -> String {
    let Difference { what, expected, actual, place } = difference;
    let mut text = format!("  {}\n", paint.strong(&printable_line(what)));
    match compare(expected, actual) {
        Compared::Apart(expected, actual) => {
            let below = |text: &str| guarded(&printable(text), "              ");
            let _ = writeln!(text, "    expected: {}", paint.good(&below(&expected)));
            let _ = writeln!(text, "      actual: {}", paint.bad(&below(&actual)));
        }
        Compared::Words(parts) => push_words(&mut text, &parts, paint),
        Compared::Lines(lines) => push_lines(&mut text, &lines, paint),
    }
    push_place(&mut text, place, paint);
    text
}

/// With what differs marked: by colour, or by a line of marks where there is none.
fn push_words(text: &mut String, parts: &[(Side, String)], paint: Paint) {
    let shown = |own: Side| {
        let (mut line, mut marks) = (String::new(), String::new());
        for (side, part) in parts.iter().filter(|(side, _)| *side == own || *side == Side::Both) {
            let part = printable_line(part);
            let mark = if *side == Side::Both { " " } else { "^" };
            marks.push_str(&mark.repeat(part.chars().count()));
            line.push_str(&match (side, own) {
                (Side::Both, Side::Old) => paint.good(&part),
                (Side::Both, _) => paint.bad(&part),
                (Side::Old, _) => paint.good_part(&part),
                (Side::New, _) => paint.bad_part(&part),
            });
        }
        // Marks stand right only where each character is as wide as they are.
        let marks = if paint.is_on() || line.chars().any(|c| c >= '\u{1100}' && c != '…' || c == '\t') {
            String::new()
        } else {
            marks.trim_end().to_owned()
        };
        (line, marks)
    };
    let ((expected, missing), (actual, wrong)) = (shown(Side::Old), shown(Side::New));
    let _ = writeln!(text, "    expected: {expected}");
    if wrong.is_empty() && !missing.is_empty() {
        let _ = writeln!(text, "              {missing}");
    }
    let _ = writeln!(text, "      actual: {actual}");
    if !wrong.is_empty() {
        let _ = writeln!(text, "              {wrong}");
    }
}

fn push_lines(text: &mut String, lines: &[Line], paint: Paint) {
    let _ = writeln!(text, "    {}, {}", paint.good("- expected"), paint.bad("+ actual"));
    for line in lines {
        let shown = match line {
            Line::Of(Side::Both, line) => format!("      {}", guarded(&printable_line(line), "")),
            Line::Of(Side::Old, line) => format!("    {}", paint.good(&format!("- {}", printable_line(line)))),
            Line::Of(Side::New, line) => format!("    {}", paint.bad(&format!("+ {}", printable_line(line)))),
            Line::Same(1) => format!("      {}", paint.faint("… 1 line that is the same")),
            Line::Same(count) => format!("      {}", paint.faint(&format!("… {count} lines that are the same"))),
            Line::Left(count) => format!("      {}", paint.faint(&format!("… and {count} lines more"))),
        };
        let _ = writeln!(text, "{}", shown.trim_end());
    }
}

/// A step that did not hold, in one line for a list of failures.
pub(super) fn headline(step: &str, differences: &[Difference]) -> String {
    let Some(Difference { what, expected, actual, .. }) = differences.first() else { return step.to_owned() };
    let more = if differences.len() > 1 { format!(" (and {} more)", differences.len() - 1) } else { String::new() };
    let (expected, actual) = (cut(expected, LONGEST_TEXT / 4), cut(actual, LONGEST_TEXT / 4));
    format!("{step}: {what}: expected {expected}, actual {actual}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Place;

    fn told(expected: &str, actual: &str) -> String {
        let (expected, actual) = (expected.to_owned(), actual.to_owned());
        let difference = Difference { what: "returned".to_owned(), expected, actual, place: Place::default() };
        render_difference(&difference, Paint::new(false))
    }

    #[test]
    fn the_words_that_differ_are_marked() {
        assert_eq!(
            told("\"jane@new.example\"", "\"jane@old.example\""),
            "  returned\n    expected: \"jane@new.example\"\n      actual: \"jane@old.example\"\n                    ^^^\n"
        );
        assert_eq!(
            told("\"one two\"", "\"one\""),
            "  returned\n    expected: \"one two\"\n                  ^^^^\n      actual: \"one\"\n"
        );
        assert!(!told("\"one\"", "\"other\"").contains('^') && !told("1", "11").contains('^'));
    }

    #[test]
    fn of_long_values_the_lines_that_differ_are_shown() {
        let value = |at: u32| {
            let members: serde_json::Map<String, Value> =
                (0..40).map(|key| (format!("key{key}"), if key == at { 0 } else { 1 }.into())).collect();
            Value::from(members).to_string()
        };
        let text = told(&value(20), &value(50));
        assert!(text.contains("    - expected, + actual\n      … 18 lines that are the same\n"), "{text}");
        assert!(text.contains("    -   \"key20\": 0,\n    +   \"key20\": 1,\n"), "{text}");
        assert_eq!(text.lines().count(), 12, "{text}");
        let text = told(&format!("{:?}", "a\nb\nc"), &format!("{:?}", "a\n::error::b\nc"));
        assert!(text.contains("      a\n    - b\n    + ::error::b\n      c\n"), "{text}");
        let text = told(&format!("{:?}", "::error::a\nb"), &format!("{:?}", "::error::a\nc"));
        assert!(text.contains("      | ::error::a\n"), "{text}");
    }

    #[test]
    fn what_is_shown_is_bounded_and_obeyed_by_no_terminal() {
        let long = format!("\"{}\"", "x \u{1b}[2J".repeat(100_000).replace('\u{1b}', "\\u001b"));
        for (expected, actual) in
            [(long.as_str(), "\"y\""), ("a text", long.as_str()), (&long, &long.replacen('x', "y", 2))]
        {
            let text = told(expected, actual);
            assert!(text.len() < 10_000 && !text.contains('\u{1b}'), "{}", text.len());
        }
        let lines = format!("{:?}", "line\n".repeat(100_000));
        assert!(told(&lines, &lines.replace("line", "other")).len() < 10_000);
    }
}
