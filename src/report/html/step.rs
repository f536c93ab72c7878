//! A step in the report: what was fired, what the handler did, and what did not come as expected.

use std::fmt::Write as _;
use std::time::Duration;

use super::text::{escape, escape_cut, pretty};
use crate::model::{AnswerStatus, Difference, Finding, Outcome, Place, RunEvent, Stream};
use crate::report::difference::{Compared, Line, compare};
use crate::report::human::{outcome_text, show_duration};
use crate::report::{Paint, render_finding};
use crate::text::Side;

/// The longest payload, the longest log entry or call, and the most of them that a step shows; the rest is counted.
const LONGEST_PAYLOAD: usize = 64 << 10;
const LONGEST_ENTRY: usize = 8 << 10;
const MOST_ENTRIES: usize = 200;

/// What is known of a step before it is over.
#[derive(Debug, Default)]
pub(super) struct Step {
    fired: String,
    payload: String,
    logs: Entries,
    calls: Entries,
    findings: String,
    outcome: Option<(Outcome, String)>,
}

/// Lines of a list, as many as are shown.
#[derive(Debug, Default)]
struct Entries {
    html: String,
    count: usize,
}

impl Entries {
    fn push(&mut self, class: &str, text: &str) {
        self.count += 1;
        if self.count <= MOST_ENTRIES {
            let text = escape_cut(text, LONGEST_ENTRY);
            let _ = write!(self.html, "<li class=\"{class}\"><span>{class}</span> <code>{text}</code></li>");
        }
    }

    fn list(&self, what: &str, is_open: bool) -> String {
        if self.count == 0 {
            return String::new();
        }
        let plural = if self.count == 1 { "" } else { "s" };
        let open = if is_open { " open=\"\"" } else { "" };
        let head = format!("<details{open}><summary>{} {what}{plural}</summary><ul class=\"logs\">", self.count);
        let left = self.count.saturating_sub(MOST_ENTRIES);
        let rest = if left > 0 { format!("<li><span></span> … and {left} more</li>") } else { String::new() };
        format!("{head}{}{rest}</ul></details>", self.html)
    }
}

impl Step {
    pub(super) fn on_event(&mut self, event: &RunEvent) {
        match event {
            RunEvent::DeliveryStarted { event, to, platform, platform_version, payload, .. } => {
                self.fired = format!("{event} → {}, {}", to.name(), platform.told(platform_version.as_deref()));
                self.payload = escape_cut(&pretty(payload.get()), LONGEST_PAYLOAD);
            }
            RunEvent::Log { level, text, .. } => self.logs.push(level.name(), text),
            RunEvent::Output { stream, text, .. } => {
                let stream = match stream {
                    Stream::Stdout => "stdout",
                    Stream::Stderr => "stderr",
                };
                self.logs.push(stream, text.strip_suffix('\n').unwrap_or(text));
            }
            RunEvent::Call { name, args, status, answer, took, .. } => {
                let (class, arrow) = match status {
                    AnswerStatus::Fulfilled => ("call", "→"),
                    AnswerStatus::Rejected => ("error", "rejected"),
                };
                self.calls.push(class, &format!("{name} {args} {arrow} {answer}  {}", show_duration(*took)));
            }
            RunEvent::Found { finding } => self.found(finding),
            RunEvent::Notice { message } => self.logs.push("note", message),
            RunEvent::DeliveryFinished { outcome, start_up, handler, .. } => {
                self.outcome = Some((outcome.clone(), times(*start_up, *handler)));
            }
            _ => {}
        }
    }

    fn found(&mut self, finding: &Finding) {
        let text = render_finding(finding, Paint::new(false));
        let _ = write!(self.findings, "<pre>{}</pre>", escape_cut(&text, LONGEST_ENTRY));
    }

    /// The step as it ended.
    pub(super) fn html(&self, number: u64, title: &str, differences: &[Difference], place: &Place) -> String {
        let (class, word) = if differences.is_empty() { ("is-good", "held") } else { ("is-bad", "failed") };
        let mut html = format!("<section class=\"step {class}\"><h3>Step {}: {} ", number + 1, escape(title));
        let _ = write!(
            html,
            "<span class=\"badge {word}\">{word}</span></h3><p class=\"faint\"><code>{}</code>",
            at(place)
        );
        let _ = writeln!(html, " · {}</p>", escape(&self.fired));
        for difference in differences {
            html.push_str(&difference_html(difference));
        }
        html.push_str(&self.outcome());
        html.push_str(&self.findings);
        html.push_str(&self.logs.list("log line", !differences.is_empty()));
        html.push_str(&self.calls.list("call", !differences.is_empty()));
        html.push_str(&self.payload());
        html.push_str("</section>\n");
        html
    }

    /// What was fired and what came of it, where nothing else was expected.
    pub(super) fn told(&self) -> String {
        format!("<p class=\"faint\">{}</p>\n{}{}", escape(&self.fired), self.outcome(), self.payload())
    }

    fn outcome(&self) -> String {
        let mut html = String::new();
        if let Some((outcome, times)) = &self.outcome {
            let text = outcome_text(outcome);
            let text = escape_cut(text.trim_end(), LONGEST_ENTRY);
            let _ = writeln!(html, "<pre>{text}</pre><p class=\"faint\">{}</p>", escape(times));
        }
        html
    }

    fn payload(&self) -> String {
        if self.payload.is_empty() {
            return String::new();
        }
        format!("<details><summary>payload</summary><pre>{}</pre></details>\n", self.payload)
    }
}

fn times(start_up: Duration, handler: Duration) -> String {
    let start_up = (!start_up.is_zero()).then(|| format!(", start-up {}", show_duration(start_up)));
    format!("handler {}{}", show_duration(handler), start_up.unwrap_or_default())
}

/// A place in a file, escaped.
pub(super) fn at(place: &Place) -> String {
    let file = place.file.as_ref().map(|file| file.to_string_lossy()).unwrap_or_default();
    let at = place.span.map(|span| format!(":{}:{}", span.start.line, span.start.column)).unwrap_or_default();
    escape(&format!("{file}{at}"))
}

fn difference_html(difference: &Difference) -> String {
    let Difference { what, expected, actual, place } = difference;
    let mut html = format!("<div class=\"difference\"><p><b>{}</b> ", escape_cut(what, LONGEST_ENTRY));
    let _ = write!(html, "<code class=\"faint\">{}</code> ", at(place));
    html.push_str("<small><span class=\"old\">- expected</span> <span class=\"new\">+ actual</span></small></p>");
    html.push_str("<pre class=\"diff\">");
    let mut line = |class: &str, mark: &str, inner: &str| {
        let _ = write!(html, "<span class=\"{class}\">{mark} {inner}</span>");
    };
    match compare(expected, actual) {
        Compared::Apart(expected, actual) => {
            line("old", "-", &escape(&expected));
            line("new", "+", &escape(&actual));
        }
        Compared::Words(parts) => {
            let side = |own: Side| -> String {
                let parts = parts.iter().filter(|(side, _)| *side == own || *side == Side::Both);
                let mark = |(side, part): &(Side, String)| match side {
                    Side::Both => escape(part),
                    _ => format!("<mark>{}</mark>", escape(part)),
                };
                parts.map(mark).collect()
            };
            line("old", "-", &side(Side::Old));
            line("new", "+", &side(Side::New));
        }
        Compared::Lines(lines) => {
            for one in lines {
                match one {
                    Line::Of(Side::Both, text) => line("", " ", &escape(&text)),
                    Line::Of(Side::Old, text) => line("old", "-", &escape(&text)),
                    Line::Of(Side::New, text) => line("new", "+", &escape(&text)),
                    Line::Same(count) => line("same", "…", &format!("the same: {count}")),
                    Line::Left(count) => line("same", "…", &format!("and more: {count}")),
                }
            }
        }
    }
    html.push_str("</pre></div>\n");
    html
}
