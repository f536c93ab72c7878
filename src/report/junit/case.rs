//! A case of a JUnit report, and how it is written.

use std::fmt::Write as _;
use std::time::Duration;

use crate::model::{Code, Finding, Severity};
use crate::report::{Paint, render_finding};
use crate::text::printable;

#[derive(Debug, Default)]
pub(super) struct Case {
    pub(super) class: String,
    pub(super) name: String,
    pub(super) file: String,
    pub(super) time: Duration,
    pub(super) trouble: Option<Trouble>,
    pub(super) log: String,
    /// Other attempts at it, each with its log.
    pub(super) attempts: Vec<(Trouble, String)>,
}

#[derive(Debug)]
pub(super) struct Trouble {
    /// The element: `failure`, `error` or `skipped`; of attempts `flakyFailure` or `rerunFailure`.
    pub(super) element: &'static str,
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) text: String,
}

impl Case {
    /// Adds findings: errors make the case fail, the rest is said by the way. Readers show the first failure of a case, so
    /// there is one that holds them all.
    pub(super) fn absorb(&mut self, found: &[Finding]) {
        let plain = |finding: &Finding| render_finding(finding, Paint::new(false));
        let (errors, others): (Vec<_>, Vec<_>) = found.iter().partition(|finding| finding.severity == Severity::Error);
        self.log.extend(others.into_iter().map(plain));
        let Some(first) = errors.first() else { return };
        let text: String = errors.iter().map(|finding| plain(finding)).collect();
        if let Some(trouble) = &mut self.trouble {
            trouble.text.push_str(&text);
            return;
        }
        let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
        let line = first.place.span.map(|span| format!("{}:{}: ", span.start.line, span.start.column));
        let unread = |finding: &&Finding| matches!(finding.code, Code::FileMissing | Code::FileUnreadable);
        self.trouble = Some(Trouble {
            element: if errors.iter().copied().any(|finding| unread(&finding)) { "error" } else { "failure" },
            kind: first.code.name().to_owned(),
            message: format!("{}{}{more}", line.unwrap_or_default(), first.message),
            text,
        });
    }

    pub(super) fn push(&self, text: &mut String) {
        let Self { class, name, file, time, trouble, log, attempts } = self;
        let _ = write!(text, "    <testcase classname=\"{}\" name=\"{}\"", escape(class), escape(name));
        if !file.is_empty() && file != "-" {
            let _ = write!(text, " file=\"{}\"", escape(file));
        }
        let _ = write!(text, " time=\"{}\"", seconds(*time));
        if trouble.is_none() && log.is_empty() && attempts.is_empty() {
            text.push_str("/>\n");
            return;
        }
        text.push_str(">\n");
        if let Some(Trouble { element, kind, message, text: body }) = trouble {
            let _ = write!(text, "      <{element} message=\"{}\" type=\"{}\"", escape(message), escape(kind));
            if body.is_empty() {
                text.push_str("/>\n");
            } else {
                let _ = writeln!(text, ">{}</{element}>", escape_text(body));
            }
        }
        for (Trouble { element, kind, message, text: body }, log) in attempts {
            let _ = writeln!(text, "      <{element} message=\"{}\" type=\"{}\">", escape(message), escape(kind));
            let _ = writeln!(text, "        <stackTrace>{}</stackTrace>", escape_text(body));
            let _ = writeln!(text, "        <system-out>{}</system-out>", escape_text(log));
            let _ = writeln!(text, "      </{element}>");
        }
        if !log.is_empty() {
            let _ = writeln!(text, "      <system-out>{}</system-out>", escape_text(log));
        }
        text.push_str("    </testcase>\n");
    }
}

/// Seconds with microseconds, and a point whatever the locale.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

/// For the text of an element. XML 1.0 has no place for control characters, not even escaped: they are shown in words.
fn escape_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in printable(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// For the value of an attribute, where a reader makes blanks of plain line ends and tabs.
fn escape(text: &str) -> String {
    escape_text(text).replace('"', "&quot;").replace('\n', "&#10;").replace('\t', "&#9;")
}

#[cfg(test)]
mod tests {
    use super::{escape, escape_text};

    #[test]
    fn markup_is_escaped() {
        assert_eq!(escape("<a b='c'>&\"\n\t"), "&lt;a b='c'&gt;&amp;&quot;&#10;&#9;");
        assert_eq!(escape_text("]]>"), "]]&gt;");
    }

    #[test]
    fn no_character_is_left_that_xml_does_not_have() {
        let all: String = (0..=0xffff_u32).filter_map(char::from_u32).collect();
        let forbidden = |c: char| (c < ' ' && c != '\n' && c != '\t') || matches!(c, '\u{fffe}' | '\u{ffff}');
        assert!(!escape_text(&all).contains(forbidden));
    }
}
