//! JUnit's XML, as CI servers read it: one suite a run, one case a file that was checked or a delivery that was made.
//!
//! There is no standard; what is written here is what the readers of Jenkins, GitLab and GitHub's test reporters have in
//! common. A failure is a case that did not hold; an error is one that could not be tried out: a file that cannot be read, a
//! process that was gone before the callback had ended.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use super::human::{advice, describe, describe_with, outcome_text};
use super::place::{Run, Started};
use super::scenarios::{headline, render_difference};
use super::{Paint, Reporter, Verbosity, render_finding};
use crate::model::{Addressee, Code, Finding, Outcome, RunEvent, Severity, Stream, Verdict};
use crate::text::printable;

/// Writes a run or a check as JUnit XML, when it is over.
pub struct Junit<W> {
    out: W,
    run: Run,
    suite: &'static str,
    /// What was found and belongs to no case yet.
    found: Vec<Finding>,
    /// What the handler of the delivery at hand printed.
    log: String,
    cases: Vec<Case>,
    /// The step of the scenario at hand that did not hold.
    failure: Option<Trouble>,
    exit_code: Option<u8>,
    interrupted: bool,
}

/// The suite that scenarios are.
const SCENARIOS: &str = "simctl test";

#[derive(Debug, Default)]
struct Case {
    class: String,
    name: String,
    file: String,
    time: Duration,
    trouble: Option<Trouble>,
    log: String,
}

#[derive(Debug)]
struct Trouble {
    /// The element: `failure`, `error` or `skipped`.
    element: &'static str,
    kind: String,
    message: String,
    text: String,
}

impl<W: Write> Junit<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            run: Run::default(),
            suite: "simctl",
            found: Vec::new(),
            log: String::new(),
            cases: Vec::new(),
            failure: None,
            exit_code: None,
            interrupted: false,
        }
    }

    /// What was found before the first delivery fails none, so no case is made of it.
    fn found_text(&mut self) -> String {
        std::mem::take(&mut self.found).iter().map(|finding| render_finding(finding, Paint::new(false))).collect()
    }

    fn checked(&mut self, file: &str) {
        let found = std::mem::take(&mut self.found);
        let (own, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|finding| is_in(finding, file));
        self.cases.push(file_case(file, &own));
        self.found = others;
    }

    /// Cases for files that were not asked for and in which something was found all the same.
    fn left_over(&mut self) {
        while let Some(first) = self.found.first() {
            let file = first.place.file.as_ref().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
            let found = std::mem::take(&mut self.found);
            let (own, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|finding| is_in(finding, &file));
            self.found = others;
            match self.cases.iter().position(|case| case.file == file) {
                Some(at) => self.cases[at].absorb(&own),
                None => self.cases.push(file_case(&file, &own)),
            }
        }
    }

    fn delivered(&mut self, outcome: &Outcome, repeat: &str, time: Duration) {
        let Some(delivery) = self.run.started.take() else { return };
        let trouble = (!outcome.held()).then(|| {
            let mut text = outcome_text(outcome);
            let _ = writeln!(text, "repeat: {repeat}");
            Trouble {
                element: element(outcome, &delivery.to),
                kind: outcome.name().to_owned(),
                message: match advice(outcome) {
                    Some(advice) => format!("{} ({advice})", describe(outcome, Verbosity::Normal)),
                    None => describe(outcome, Verbosity::Normal),
                },
                text,
            }
        });
        let fault = self.run.fault.take().filter(|_| outcome.held());
        let trouble = trouble.or_else(|| fault.map(|fault| held_but(outcome, &fault, repeat)));
        let mut case = Case { time, trouble, log: std::mem::take(&mut self.log), ..self.delivery_case(&delivery) };
        // What was found meanwhile is about what the handler asked for.
        case.absorb(&std::mem::take(&mut self.found));
        self.cases.push(case);
    }

    fn delivery_case(&self, delivery: &Started) -> Case {
        let number = if self.run.count > 1 { format!(" [{}]", delivery.index) } else { String::new() };
        Case {
            class: delivery.event.clone(),
            name: format!("{}{number}", delivery.to.name()),
            file: delivery.to.file().map(|file| self.run.in_app(file)).unwrap_or_default(),
            ..Case::default()
        }
    }

    /// What must not look as if it had held: a delivery that was cut off, a run that ended early.
    fn ended_early(&mut self) {
        if let Some(delivery) = self.run.started.take() {
            let what = if self.interrupted { "interrupted" } else { "the run ended before the handler had" };
            let trouble = Trouble {
                element: if self.interrupted { "skipped" } else { "error" },
                kind: "not-finished".to_owned(),
                message: what.to_owned(),
                text: String::new(),
            };
            let log = std::mem::take(&mut self.log);
            let case = Case { trouble: Some(trouble), log, ..self.delivery_case(&delivery) };
            self.cases.push(case);
        }
        // An end that nobody told of is no good end.
        let exit_code = self.exit_code.unwrap_or(Verdict::Machine.exit_code());
        let told =
            self.cases.iter().any(|case| case.trouble.as_ref().is_some_and(|trouble| trouble.element == "error"));
        if exit_code >= Verdict::CannotDo.exit_code() && !told {
            let message = format!("the run ended early, with exit code {exit_code}");
            let trouble = Trouble { element: "error", kind: "ended-early".to_owned(), message, text: String::new() };
            let case = Case { class: "simctl".to_owned(), name: "the run".to_owned(), ..Case::default() };
            self.cases.push(Case { trouble: Some(trouble), ..case });
        }
    }

    fn document(&self) -> String {
        let time: Duration = self.cases.iter().map(|case| case.time).sum();
        let count = |element| {
            let is = |case: &&Case| case.trouble.as_ref().is_some_and(|trouble| trouble.element == element);
            self.cases.iter().filter(is).count()
        };
        let suite = self.suite;
        let totals =
            format!("tests=\"{}\" failures=\"{}\" errors=\"{}\"", self.cases.len(), count("failure"), count("error"));
        let (skipped, time) = (count("skipped"), seconds(time));
        let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "<testsuites name=\"{suite}\" {totals} time=\"{time}\">");
        let _ = writeln!(text, "  <testsuite name=\"{suite}\" {totals} skipped=\"{skipped}\" time=\"{time}\">");
        for case in &self.cases {
            case.push(&mut text);
        }
        text.push_str("  </testsuite>\n</testsuites>\n");
        text
    }
}

impl<W: Write> Junit<W> {
    /// A scenario is a case.
    fn played(&mut self, name: &str, file: &str, time: Duration, repeat: &str) {
        let mut trouble = self.failure.take();
        if let Some(trouble) = &mut trouble {
            let _ = writeln!(trouble.text, "repeat: {repeat}");
        }
        let log = if trouble.is_some() { std::mem::take(&mut self.log) } else { String::new() };
        self.run.started = None;
        let (class, name, file) = (file.to_owned(), name.to_owned(), file.to_owned());
        self.cases.push(Case { class, name, file, time, trouble, log });
    }
}

impl<W: Write> Reporter for Junit<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.run.on_event(event);
        match event {
            RunEvent::RunStarted { .. } => self.suite = "simctl trigger",
            RunEvent::CheckStarted { .. } => self.suite = "simctl validate",
            RunEvent::Found { finding } => self.found.push(finding.clone()),
            RunEvent::FileChecked { file } => self.checked(file),
            RunEvent::Log { level, text, .. } => {
                let _ = writeln!(self.log, "{}: {text}", level.name());
            }
            RunEvent::Output { stream, text, .. } => {
                let stream = match stream {
                    Stream::Stdout => "stdout",
                    Stream::Stderr => "stderr",
                };
                let _ = writeln!(self.log, "{stream}: {}", text.strip_suffix('\n').unwrap_or(text));
            }
            RunEvent::Call { name, args, answer, .. } => {
                let _ = writeln!(self.log, "call: {name} {args} -> {answer}");
            }
            RunEvent::TestStarted { .. } => self.suite = SCENARIOS,
            RunEvent::ScenarioStarted { .. } => {
                self.log = self.found_text();
                self.run.started = None;
            }
            RunEvent::StepFinished { step, differences, .. } if !differences.is_empty() => {
                let text = differences.iter().map(|one| render_difference(one, Paint::new(false))).collect();
                let message = headline(step, differences);
                self.failure = Some(Trouble { element: "failure", kind: "expectation".to_owned(), message, text });
            }
            RunEvent::ScenarioFinished { name, file, took, repeat, .. } => self.played(name, file, *took, repeat),
            RunEvent::TestFinished { exit_code, interrupted, .. } => {
                self.exit_code = Some(*exit_code);
                self.interrupted = *interrupted;
            }
            RunEvent::DeliveryStarted { event, to, .. } if self.suite == SCENARIOS => {
                let _ = writeln!(self.log, "{event} -> {}", to.name());
            }
            RunEvent::DeliveryFinished { outcome, .. } if self.suite == SCENARIOS => {
                let _ = writeln!(self.log, "{}", printable(&describe(outcome, Verbosity::Normal)));
            }
            RunEvent::DeliveryStarted { .. } => self.log = self.found_text(),
            RunEvent::DeliveryFinished { outcome, start_up, handler, repeat, .. } => {
                self.delivered(outcome, repeat, *start_up + *handler);
            }
            RunEvent::CheckFinished { exit_code, .. } => self.exit_code = Some(*exit_code),
            RunEvent::RunFinished { exit_code, interrupted, .. } => {
                self.exit_code = Some(*exit_code);
                self.interrupted = *interrupted;
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.left_over();
        self.ended_early();
        let text = self.document();
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

fn is_in(finding: &Finding, file: &str) -> bool {
    finding.place.file.as_ref().map(|own| own.to_string_lossy()).unwrap_or_default() == file
}

fn file_case(file: &str, found: &[Finding]) -> Case {
    let name = match file {
        "" => "the app".to_owned(),
        "-" => "standard input".to_owned(),
        file => file.to_owned(),
    };
    let mut case = Case { class: "simctl validate".to_owned(), name, file: file.to_owned(), ..Case::default() };
    case.absorb(found);
    case
}

/// The trouble of a delivery that would have held, had the platform found no error meanwhile.
fn held_but(outcome: &Outcome, fault: &Finding, repeat: &str) -> Trouble {
    let what = describe_with(outcome, Some(fault.code), Verbosity::Normal);
    Trouble {
        element: "failure",
        kind: fault.code.name().to_owned(),
        message: format!("{what}: {}", fault.message),
        text: format!("{}\nrepeat: {repeat}\n", printable(&what)),
    }
}

/// Whether the callback did not do as it should, or could not be tried out to its end.
const fn element(outcome: &Outcome, to: &Addressee) -> &'static str {
    match outcome {
        // A program says by it how it went.
        Outcome::Exited { .. } if matches!(to, Addressee::Program { .. }) => "failure",
        Outcome::Returned { .. }
        | Outcome::Accepted { .. }
        | Outcome::Declined { .. }
        | Outcome::Threw { .. }
        | Outcome::Rejected { .. }
        | Outcome::NeverSettles
        | Outcome::Rendered { .. }
        | Outcome::NotRendered
        | Outcome::TimedOut { .. } => "failure",
        Outcome::Exited { .. }
        | Outcome::Signalled { .. }
        | Outcome::OutOfMemory { .. }
        | Outcome::NotLoaded { .. }
        | Outcome::NoCallback { .. }
        | Outcome::Unreachable { .. }
        | Outcome::BadReply { .. } => "error",
    }
}

impl Case {
    /// Adds findings: errors make the case fail, the rest is said by the way. Readers show the first failure of a case, so
    /// there is one that holds them all.
    fn absorb(&mut self, found: &[Finding]) {
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

    fn push(&self, text: &mut String) {
        let Self { class, name, file, time, trouble, log } = self;
        let _ = write!(text, "    <testcase classname=\"{}\" name=\"{}\"", escape(class), escape(name));
        if !file.is_empty() && file != "-" {
            let _ = write!(text, " file=\"{}\"", escape(file));
        }
        let _ = write!(text, " time=\"{}\"", seconds(*time));
        if trouble.is_none() && log.is_empty() {
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
        if !log.is_empty() {
            let _ = writeln!(text, "      <system-out>{}</system-out>", escape_text(log));
        }
        text.push_str("    </testcase>\n");
    }
}

/// Seconds with microseconds, and a point whatever the locale.
fn seconds(time: Duration) -> String {
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
