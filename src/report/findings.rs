//! Findings for people: what, where with the line itself, and what to do.

use std::fmt::Write as _;

use super::Paint;
use crate::model::{Excerpt, Finding, Place, Severity, Span};
use crate::text::{printable, printable_line};

/// The longest part of a source line that is shown, in characters.
const WIDEST_LINE: usize = 160;

/// One finding as text, several lines, with a line end after the last.
pub fn render_finding(finding: &Finding, paint: Paint) -> String {
    let mut text = String::new();
    let head = format!("{}[{}]", finding.severity.name(), finding.code.name());
    let head = match finding.severity {
        Severity::Error => paint.bad(&head),
        Severity::Warning => paint.warn(&head),
        Severity::Note => paint.hint(&head),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{head}: {}", paint.strong(&printable_line(&finding.message)));
    push_place(&mut text, &finding.place, paint);
    for hint in &finding.hints {
        let _ = writeln!(text, "{}: {}", paint.hint("hint"), printable(hint).replace('\n', "\n      "));
    }
    text
}

/// Where more is to be read about the gravest of these findings, the first of them. Said once a run.
pub fn more_about<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Option<String> {
    let gravest = findings.into_iter().reduce(|a, b| if b.severity > a.severity { b } else { a })?;
    Some(format!("more: simctl explain {}", gravest.code.name()))
}

pub(super) fn push_place(text: &mut String, place: &Place, paint: Paint) {
    let Some(file) = &place.file else {
        if let Some(pointer) = place.pointer.as_deref().filter(|pointer| !pointer.is_empty()) {
            let _ = writeln!(text, "  {} {}", paint.faint("-->"), printable_line(pointer));
        }
        return;
    };
    let file = file.to_string_lossy();
    let file = if file == "-" { "standard input".into() } else { printable_line(&file) };
    let _ = write!(text, "  {} {file}", paint.faint("-->"));
    if let Some(span) = place.span {
        let _ = write!(text, ":{}:{}", span.start.line, span.start.column);
    }
    if let Some(pointer) = place.pointer.as_deref().filter(|pointer| !pointer.is_empty()) {
        let _ = write!(text, "  {}", paint.faint(&printable_line(pointer)));
    }
    text.push('\n');
    if let (Some(span), Some(excerpt)) = (place.span, &place.excerpt) {
        push_frame(text, excerpt, span, paint);
    }
}

/// The source lines with the place marked below the last one:
///
/// ```text
///    |
/// 12 |     "onCreat": {
///    |     ^^^^^^^^^
/// ```
pub(super) fn push_frame(text: &mut String, excerpt: &Excerpt, span: Span, paint: Paint) {
    let gutter = span.start.line.to_string().len();
    let bar = paint.faint("|");
    let _ = writeln!(text, "{:gutter$} {bar}", "");
    for (line, number) in excerpt.lines.iter().zip(excerpt.first_line..) {
        if number < span.start.line && line.trim().is_empty() {
            continue;
        }
        let number = paint.faint(&format!("{number:>gutter$}"));
        let (shown, _) = window(line, span.start.column);
        let _ = writeln!(text, "{number} {bar} {shown}");
    }
    let line = excerpt.lines.last().map_or("", String::as_str);
    let (_, column) = window(line, span.start.column);
    let rest = line.chars().count().saturating_sub(span.start.column as usize - 1).max(1);
    let width = if span.end.line == span.start.line {
        (span.end.column.saturating_sub(span.start.column) as usize).max(1)
    } else {
        rest
    };
    let marks = "^".repeat(width.min(rest).min(WIDEST_LINE - column.min(WIDEST_LINE - 1)));
    let _ = writeln!(text, "{:gutter$} {bar} {:column$}{}", "", "", paint.bad(&marks));
}

/// The part of a line that is shown so that `column` (from 1) is in it, and where that column then is (from 0). Tabs count
/// as one blank and what a terminal would obey as one mark, so that the marks below stand right.
fn window(line: &str, column: u32) -> (String, usize) {
    let column = column as usize - 1;
    let skipped = column.saturating_sub(WIDEST_LINE / 2);
    let skipped = if line.chars().count() <= WIDEST_LINE { 0 } else { skipped };
    let shown: String = line
        .chars()
        .skip(skipped)
        .take(WIDEST_LINE)
        .map(|c| match c {
            '\t' => ' ',
            c if printable_line(c.encode_utf8(&mut [0; 4])).len() > c.len_utf8() => '\u{fffd}',
            c => c,
        })
        .collect();
    (shown, column - skipped)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::*;
    use crate::model::Code;
    use crate::text::Source;

    fn finding(text: &str, needle: &str) -> String {
        let source = Source::new("manifest.json", text.as_bytes().to_vec()).unwrap();
        let start = text.find(needle).unwrap();
        let mut place = source.place(start..start + needle.len());
        place.pointer = Some("/events/onCreat".to_owned());
        let finding =
            Finding::new(Code::UnknownEvent, "event `onCreat` is not known").at(place).hint("did you mean `onCreate`?");
        render_finding(&finding, Paint::new(false))
    }

    #[test]
    fn a_finding_shows_its_line_and_marks_the_place() {
        let text = "{\n  \"events\": {\n\t\"onCreat\": {}\n}}";
        assert_eq!(
            finding(text, "\"onCreat\""),
            "error[unknown-event]: event `onCreat` is not known\n  \
             --> manifest.json:3:2  /events/onCreat\n  |\n2 |   \"events\": {\n3 |  \"onCreat\": {}\n  |  ^^^^^^^^^\n\
             hint: did you mean `onCreate`?\n"
        );
    }

    #[test]
    fn a_very_long_line_is_shown_round_the_place() {
        let text = format!("{}\"onCreat\"{}", " ".repeat(5000), "x".repeat(5000));
        let shown = finding(&text, "\"onCreat\"");
        assert!(shown.lines().all(|line| line.chars().count() < 200), "{shown}");
        let marks = shown.lines().find(|line| line.contains("^^^")).unwrap();
        let code = shown.lines().find(|line| line.contains("\"onCreat\"xx")).unwrap();
        assert_eq!(marks.find('^'), code.find('"'));
    }

    #[test]
    fn a_control_sequence_in_the_file_reaches_no_terminal() {
        let shown = finding("\u{1b}[2J\"onCreat\"", "\"onCreat\"");
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
    }
}
