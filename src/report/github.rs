//! Workflow commands, which GitHub Actions turns into annotations on the files of a commit.
//!
//! Format: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>. What must be escaped, and how,
//! is what the runner undoes.

use std::io::{self, Write};

use super::Paint;
use super::Reporter;
use super::difference::render_difference;
use super::human::{advice, describe_with, frame_of};
use super::place::{Run, end_column};
use crate::model::{Code, Difference, Finding, Outcome, RunEvent, Severity, Verdict};
use crate::text::printable;

/// Writes an annotation for each finding and each delivery that failed, and nothing for what held.
pub struct GitHub<W> {
    out: W,
    run: Run,
    is_test: bool,
    /// The scenario at hand.
    scenario: String,
    /// The step of it that did not hold: what is said of it, and where.
    failure: Option<(Vec<(&'static str, String)>, String)>,
}

impl<W: Write> GitHub<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, run: Run::default(), is_test: false, scenario: String::new(), failure: None }
    }

    fn command(&mut self, level: &str, properties: &[(&str, String)], message: &str) -> io::Result<()> {
        let properties: Vec<String> =
            properties.iter().map(|(name, value)| format!("{name}={}", property(value))).collect();
        let blank = if properties.is_empty() { "" } else { " " };
        writeln!(self.out, "::{level}{blank}{}::{}", properties.join(","), data(message))?;
        self.out.flush()
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let mut message = finding.message.clone();
        for hint in &finding.hints {
            message.push_str("\nhint: ");
            message.push_str(hint);
        }
        let mut properties = Vec::new();
        if let Some(file) = finding.place.file.as_ref().filter(|file| file.as_os_str() != "-") {
            properties.push(("file", file.to_string_lossy().into_owned()));
        }
        if let Some(span) = finding.place.span.filter(|_| !properties.is_empty()) {
            properties.push(("line", span.start.line.to_string()));
            // The runner refuses columns where the lines differ.
            if span.start.line == span.end.line {
                properties.push(("col", span.start.column.to_string()));
                properties.push(("endLine", span.end.line.to_string()));
                properties.push(("endColumn", end_column(span).to_string()));
            } else {
                properties.push(("endLine", span.end.line.to_string()));
            }
        }
        properties.push(("title", finding.code.name().to_owned()));
        self.command(level(finding.severity), &properties, &message)
    }

    fn step(&mut self, step: &str, differences: &[Difference]) {
        let text: String = differences.iter().map(|one| render_difference(one, Paint::new(false))).collect();
        let mut properties = Vec::new();
        if let Some((file, span)) = differences.first().and_then(|one| one.place.file.as_ref().zip(one.place.span)) {
            properties.push(("file", file.to_string_lossy().into_owned()));
            properties.push(("line", span.start.line.to_string()));
        }
        properties.push(("title", format!("{}: {step}", self.scenario)));
        self.failure = Some((properties, text.trim_end().to_owned()));
    }

    /// A scenario that failed, at last or at first.
    fn played(&mut self, held: bool, attempt: u64) -> io::Result<()> {
        let Some((properties, text)) = self.failure.take() else { return Ok(()) };
        if held {
            let text = format!("flaky: held at attempt {attempt}, and before:\n{text}");
            return self.command("warning", &properties, &text);
        }
        self.command("error", &properties, &text)
    }

    fn failed(&mut self, index: u64, outcome: &Outcome, repeat: &str) -> io::Result<()> {
        let Some(delivery) = self.run.started.take() else { return Ok(()) };
        let fault = self.run.fault.take().map(|finding| finding.code);
        let what = describe_with(outcome, fault, super::Verbosity::Normal);
        let subject = match outcome {
            Outcome::NotLoaded { .. } | Outcome::NoCallback { .. } => delivery.to.file().unwrap_or_default(),
            _ => delivery.to.name(),
        };
        let mut message = format!("{subject} {what}");
        let innermost = frame_of(outcome);
        let thrown = match outcome {
            Outcome::Threw { error } | Outcome::Rejected { error, .. } | Outcome::NotLoaded { error } => {
                error.hint.clone()
            }
            _ => None,
        };
        for hint in thrown.into_iter().chain(advice(outcome)) {
            message.push_str("\nhint: ");
            message.push_str(&hint);
        }
        message.push_str("\nrepeat: ");
        message.push_str(repeat);
        let file = innermost.map(|frame| frame.file.as_str()).or(delivery.to.file());
        let mut properties: Vec<_> = file.map(|file| ("file", self.run.in_app(file))).into_iter().collect();
        if let Some(frame) = innermost.filter(|frame| frame.line > 0) {
            properties.push(("line", frame.line.to_string()));
            if frame.column > 0 {
                properties.push(("col", frame.column.to_string()));
            }
        }
        let number = if self.run.count > 1 { format!(" [{index}]") } else { String::new() };
        let kind = fault.filter(|_| outcome.held()).map_or(outcome.name(), Code::name);
        properties.push(("title", format!("{}{number}: {kind}", delivery.event)));
        self.command("error", &properties, &message)
    }
}

impl<W: Write> Reporter for GitHub<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.run.on_event(event);
        match event {
            RunEvent::Found { finding } => self.finding(finding),
            RunEvent::Notice { message } => self.command("notice", &[], message),
            RunEvent::TestStarted { .. } => {
                self.is_test = true;
                Ok(())
            }
            RunEvent::ScenarioStarted { name, .. } => {
                self.scenario.clone_from(name);
                Ok(())
            }
            RunEvent::StepFinished { step, differences, .. } if !differences.is_empty() => {
                self.step(step, differences);
                Ok(())
            }
            RunEvent::ScenarioFinished { held, attempt, retried: false, .. } => self.played(*held, *attempt),
            RunEvent::TestFinished { exit_code, .. } if *exit_code >= Verdict::CannotDo.exit_code() => {
                self.command("error", &[], &format!("simctl ended early, with exit code {exit_code}"))
            }
            // What a handler did in a step may be what was expected of it.
            RunEvent::DeliveryFinished { index, outcome, repeat, .. }
                if !self.is_test && (!outcome.held() || self.run.fault.is_some()) =>
            {
                self.failed(*index, outcome, repeat)
            }
            RunEvent::RunFinished { exit_code, .. } if *exit_code >= Verdict::CannotDo.exit_code() => {
                self.command("error", &[], &format!("simctl ended early, with exit code {exit_code}"))
            }
            _ => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    }
}

/// The text after the second `::`.
fn data(text: &str) -> String {
    let escaped = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    // What is left of control characters would be obeyed by whoever shows the log.
    printable(&escaped).into_owned()
}

/// The value of a property, which commas and colons would end.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{data, property};

    #[test]
    fn what_would_end_a_command_is_escaped() {
        assert_eq!(data("100%\r\n::error::x"), "100%25%0D%0A::error::x");
        assert_eq!(property("a,b:c%\n"), "a%2Cb%3Ac%25%0A");
    }

    #[test]
    fn an_escape_once_made_is_not_made_again() {
        assert_eq!(data("%0A"), "%250A");
    }

    #[test]
    fn control_characters_do_not_reach_the_log() {
        assert_eq!(data("\u{1b}[31m"), "\\u{1b}[31m");
    }
}
