//! TAP, version 14: <https://testanything.org/tap-version-14-specification.html>.

use std::io::{self, Write};

use super::difference::{headline, render_difference};
use super::{Paint, Reporter};
use crate::model::{RunEvent, Verdict};
use crate::text::printable_line;

/// Writes a run of scenarios as TAP, a test point a scenario.
pub struct Tap<W> {
    out: W,
    planned: u64,
    number: u64,
    /// What is told of the step that did not hold.
    failure: Option<(String, String)>,
}

impl<W: Write> Tap<W> {
    /// Writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out, planned: 0, number: 0, failure: None }
    }

    fn point(&mut self, name: &str, file: &str, held: bool, attempt: u64) -> io::Result<()> {
        self.number += 1;
        let not = if held { "" } else { "not " };
        // A `#` would begin a directive.
        let what = printable_line(&format!("{name} ({file})")).replace('\\', "\\\\").replace('#', "\\#");
        writeln!(self.out, "{not}ok {} - {what}", self.number)?;
        let is_flaky = held && attempt > 1;
        if let Some((message, text)) = self.failure.take().filter(|_| !held || is_flaky) {
            writeln!(self.out, "  ---\n  message: {}\n  differences: |2", serde_json::Value::from(message))?;
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
            _ => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}
