//! TAP, version 14: <https://testanything.org/tap-version-14-specification.html>.

use std::io::{self, Write};

use super::difference::{headline, render_difference};
use super::human::describe;
use super::{Paint, Reporter, Verbosity};
use crate::model::{Outcome, RunEvent, Verdict};
use crate::text::{printable_json, printable_line};

/// Writes a run as TAP: a test point for each scenario, or for each way in which a handler that is fuzzed fails and one for the
/// cases that it bears.
pub struct Tap<W> {
    out: W,
    planned: u64,
    number: u64,
    /// The event that payloads are looked for.
    fuzzed: Option<String>,
    /// The case at hand, as the lines that tell of it.
    case: String,
    /// What is told of the step that did not hold.
    failure: Option<(String, String)>,
}

impl<W: Write> Tap<W> {
    /// Writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out, planned: 0, number: 0, fuzzed: None, case: String::new(), failure: None }
    }

    /// One way in which the handler fails, by its smallest case.
    fn failed_case(&mut self, outcome: &Outcome, repeat: &str) -> io::Result<()> {
        let Some(event) = self.fuzzed.clone() else { return Ok(()) };
        self.number += 1;
        let case = std::mem::take(&mut self.case);
        let message = describe(outcome, Verbosity::Normal);
        writeln!(self.out, "not ok {} - {}", self.number, escaped(&format!("{event}: {message}")))?;
        writeln!(self.out, "  ---\n{case}  repeat: {}\n  ...", quoted(repeat))?;
        self.out.flush()
    }

    /// What else was fired, and how many points there were.
    fn fuzz_finished(&mut self, held: u64, interrupted: bool, exit_code: u8) -> io::Result<()> {
        let Some(event) = self.fuzzed.take() else { return Ok(()) };
        if held > 0 {
            self.number += 1;
            writeln!(self.out, "ok {} - {}", self.number, escaped(&format!("{event}: {held} cases that are borne")))?;
        }
        if interrupted {
            return writeln!(self.out, "Bail out! interrupted");
        }
        if exit_code > Verdict::Problems.exit_code() {
            return writeln!(self.out, "Bail out! simctl ended early, with exit code {exit_code}");
        }
        writeln!(self.out, "1..{}", self.number)
    }

    fn point(&mut self, name: &str, file: &str, held: bool, attempt: u64) -> io::Result<()> {
        self.number += 1;
        let not = if held { "" } else { "not " };
        let what = escaped(&format!("{name} ({file})"));
        writeln!(self.out, "{not}ok {} - {what}", self.number)?;
        let is_flaky = held && attempt > 1;
        if let Some((message, text)) = self.failure.take().filter(|_| !held || is_flaky) {
            writeln!(self.out, "  ---\n  message: {}\n  differences: |2", quoted(&message))?;
            for line in text.lines() {
                writeln!(self.out, "    {line}")?;
            }
            writeln!(self.out, "  ...")?;
        }
        if is_flaky {
            writeln!(self.out, "# flaky: held at attempt {attempt}")?;
        }
        self.out.flush()
    }
}

/// A description on one line, in which `#` would begin a directive.
fn escaped(text: &str) -> String {
    printable_line(text).replace('\\', "\\\\").replace('#', "\\#")
}

/// A string of YAML, which one of JSON is.
fn quoted(text: &str) -> String {
    printable_json(&serde_json::Value::from(text).to_string()).into_owned()
}

impl<W: Write> Reporter for Tap<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::TestStarted { scenarios, .. } => {
                self.planned = *scenarios;
                writeln!(self.out, "TAP version 14\n1..{scenarios}")
            }
            RunEvent::StepFinished { step, differences, .. } if !differences.is_empty() => {
                let text = differences.iter().map(|one| render_difference(one, Paint::new(false))).collect();
                self.failure = Some((headline(step, differences), text));
                Ok(())
            }
            RunEvent::ScenarioFinished { retried: true, .. } => Ok(()),
            RunEvent::ScenarioFinished { name, file, held, attempt, .. } => self.point(name, file, *held, *attempt),
            RunEvent::TestFinished { interrupted: true, .. } => writeln!(self.out, "Bail out! interrupted"),
            RunEvent::TestFinished { exit_code, .. } if *exit_code > Verdict::Problems.exit_code() => {
                writeln!(self.out, "Bail out! simctl ended early, with exit code {exit_code}")
            }
            RunEvent::TestFinished { .. } => {
                for number in self.number + 1..=self.planned {
                    writeln!(self.out, "ok {number} # SKIP not played")?;
                }
                Ok(())
            }
            RunEvent::FuzzStarted { event, .. } => {
                self.fuzzed = Some(event.clone());
                writeln!(self.out, "TAP version 14")
            }
            RunEvent::CaseFailed { case, changes, smallest, times, .. } => {
                let changes: Vec<String> = changes.iter().map(|change| quoted(change)).collect();
                self.case =
                    format!("  case: {}\n  changes: [{}]\n  times: {times}\n", quoted(case), changes.join(", "));
                if !smallest {
                    self.case += "  smallest: false\n";
                }
                Ok(())
            }
            RunEvent::DeliveryFinished { outcome, repeat, .. } => self.failed_case(outcome, repeat),
            RunEvent::RunFinished { held, interrupted, exit_code, .. } => {
                self.fuzz_finished(*held, *interrupted, *exit_code)
            }
            _ => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}
