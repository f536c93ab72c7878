//! Scenarios as a person reads of them: a line for each that held; for one that did not the step, where it stands, what was
//! expected and what came, and what the handler did in that step.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::coverage::render_coverage;
use super::difference::render_difference;
use super::human::show_duration;
use super::{Human, Paint, Reporter, Verbosity, render_finding};
use crate::model::RunEvent;
use crate::text::printable_line;

/// The width of the column of words on the left.
const WORD: usize = 4;

/// Writes a run of scenarios for people.
pub struct HumanScenarios<W: Write> {
    out: W,
    paint: Paint,
    verbosity: Verbosity,
    /// Tells of the step at hand.
    deliveries: Human<Vec<u8>>,
    /// The scenario at hand, as far as it is worth telling.
    told: String,
    steps: u64,
    /// What is told of attempts at it that failed.
    earlier: String,
    /// The faults that were put into it.
    faults: Vec<String>,
    /// Whether a scenario is at hand.
    is_playing: bool,
}

impl<W: Write> HumanScenarios<W> {
    /// Writes to `out`.
    pub fn new(out: W, paint: Paint, verbosity: Verbosity) -> Self {
        let inner = verbosity.max(Verbosity::Normal);
        let deliveries = Human::of_part(Vec::new(), paint, inner);
        Self {
            out,
            paint,
            verbosity,
            deliveries,
            told: String::new(),
            steps: 0,
            earlier: String::new(),
            faults: Vec::new(),
            is_playing: false,
        }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    fn step(&mut self, event: &RunEvent) {
        let RunEvent::StepFinished { index, step, differences, place } = event else { return };
        let delivery = String::from_utf8_lossy(&std::mem::take(self.deliveries.out())).into_owned();
        if differences.is_empty() && self.verbosity < Verbosity::Verbose {
            return;
        }
        let head = format!("step {} of {}: {}", index + 1, self.steps, printable_line(step));
        let _ = writeln!(self.told, "{}", self.paint.strong(&head));
        if !differences.is_empty() && differences.iter().all(|difference| difference.place.span != place.span) {
            let line = place.span.map(|span| span.start.line);
            let file = place.file.as_ref().map(|file| file.to_string_lossy()).unwrap_or_default();
            let at = format!("{}:{}", printable_line(&file), line.unwrap_or(1));
            let _ = writeln!(self.told, "  {} {}", self.paint.faint("at"), self.paint.faint(&at));
        }
        for difference in differences {
            self.told.push_str(&render_difference(difference, self.paint));
        }
        self.told.push_str(&delivery);
    }

    fn finished(&mut self, event: &RunEvent) -> io::Result<()> {
        let RunEvent::ScenarioFinished { name, file, held, attempt, retried, steps, took, repeat } = event else {
            return Ok(());
        };
        self.is_playing = false;
        let told = std::mem::take(&mut self.told);
        if *retried {
            self.earlier = format!("{}\n{told}", self.paint.strong(&format!("attempt {attempt}, which failed:")));
            return Ok(());
        }
        let earlier = std::mem::take(&mut self.earlier);
        if *held && self.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        let is_flaky = *held && *attempt > 1;
        let word = match (held, is_flaky) {
            // One character longer than the others.
            (_, true) => self.paint.warn("flaky"),
            (true, _) => self.paint.good(&format!("{:>WORD$} ", "ok")),
            (false, _) => self.paint.bad("FAIL "),
        };
        let plural = if *steps == 1 { "" } else { "s" };
        let mut how = format!("{steps} step{plural}, {}", show_duration(*took));
        if *attempt > 1 {
            let _ = write!(how, ", {} attempt {attempt}", if *held { "held at" } else { "failed again at" });
        }
        let name = self.paint.strong(&printable_line(name));
        let mut text = format!("{word} {name}  {}  {}\n", printable_line(file), self.paint.faint(&how));
        if !held || self.verbosity >= Verbosity::Verbose {
            for fault in &self.faults {
                let _ = writeln!(text, "{} {}", self.paint.hint("fault:"), printable_line(fault));
            }
        }
        if is_flaky {
            text.push_str(&earlier);
        }
        text.push_str(&told);
        if !held || is_flaky {
            let _ = writeln!(text, "{} {}\n", self.paint.faint("repeat:"), printable_line(repeat));
        }
        self.write(&text)
    }

    fn ended(&mut self, event: &RunEvent) -> io::Result<()> {
        let RunEvent::TestFinished { held, flaky, failed, left, interrupted, .. } = event else { return Ok(()) };
        let total = held + failed + left;
        if self.verbosity == Verbosity::Quiet && *failed == 0 && !interrupted {
            return Ok(());
        }
        let mut text = format!("{total} scenario{}: {held} held", if total == 1 { "" } else { "s" });
        if *flaky > 0 {
            let _ = write!(text, ", {}", self.paint.warn(&format!("{flaky} of them flaky")));
        }
        if *failed > 0 {
            let _ = write!(text, ", {}", self.paint.bad(&format!("{failed} failed")));
        }
        if *left > 0 {
            let _ = write!(text, ", {left} not played");
        }
        if *interrupted {
            text.push_str(" (interrupted)");
        }
        text.push('\n');
        self.write(&text)
    }
}

impl<W: Write> Reporter for HumanScenarios<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::ScenarioStarted { steps, faults, .. } => {
                self.steps = *steps;
                self.faults.clone_from(faults);
                self.told.clear();
                self.deliveries.out().clear();
                self.is_playing = true;
                Ok(())
            }
            RunEvent::StepFinished { .. } => {
                self.step(event);
                Ok(())
            }
            RunEvent::ScenarioFinished { .. } => self.finished(event),
            RunEvent::TestFinished { .. } => self.ended(event),
            RunEvent::CoverageMeasured { coverage } => {
                self.write(&render_coverage(coverage, self.paint, self.verbosity > Verbosity::Normal))
            }
            RunEvent::Found { finding } if !self.is_playing => {
                let text = render_finding(finding, self.paint);
                self.write(&text)
            }
            RunEvent::Notice { message } if !self.is_playing && self.verbosity > Verbosity::Quiet => {
                let text = format!("{}: {}\n", self.paint.hint("note"), printable_line(message));
                self.write(&text)
            }
            event => self.deliveries.on_event(event),
        }
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}
