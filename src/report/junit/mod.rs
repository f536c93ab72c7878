//! JUnit's XML, as CI servers read it: one suite a run, one case a file that was checked or a delivery that was made.
//!
//! There is no standard; what is written here is what the readers of Jenkins, GitLab and GitHub's test reporters have in
//! common. A failure is a case that did not hold; an error is one that could not be tried out: a file that cannot be read, a
//! process that was gone before the callback had ended.

mod case;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use self::case::{Case, Trouble, seconds};
use super::difference::{headline, render_difference};
use super::human::{advice, describe, describe_with, outcome_text};
use super::place::{Run, Started};
use super::{NOT_SMALLEST, Paint, Reporter, Verbosity, render_finding};
use crate::model::{Addressee, Finding, Outcome, RunEvent, Stream, Verdict};
use crate::text::printable;

/// Writes a run or a check as JUnit XML, when it is over.
pub struct Junit<W> {
    out: W,
    run: Run,
    suite: &'static str,
    /// What was found and belongs to no case yet.
    found: Vec<Finding>,
    /// The event that payloads are looked for, and the case at hand.
    fuzzed: String,
    failed_case: String,
    /// What the handler of the delivery at hand printed.
    log: String,
    cases: Vec<Case>,
    /// The step of the scenario at hand that did not hold.
    failure: Option<Trouble>,
    /// What failed in its attempts before.
    earlier: Vec<(Trouble, String)>,
    exit_code: Option<u8>,
    interrupted: bool,
}

/// The suite that scenarios are.
const SCENARIOS: &str = "simctl test";

/// The suite that a search for payloads is.
const FUZZ: &str = "simctl fuzz";

impl<W: Write> Junit<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            run: Run::default(),
            suite: "simctl",
            found: Vec::new(),
            fuzzed: String::new(),
            failed_case: String::new(),
            log: String::new(),
            cases: Vec::new(),
            failure: None,
            earlier: Vec::new(),
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
        let number = match self.suite {
            FUZZ => format!(" {}", self.failed_case),
            _ if self.run.count > 1 => format!(" [{}]", delivery.index),
            _ => String::new(),
        };
        Case {
            class: delivery.event.clone(),
            name: format!("{}{number}", delivery.to.name()),
            file: delivery.to.file().map(|file| self.run.in_app(file)).unwrap_or_default(),
            ..Case::default()
        }
    }

    /// What a handler that was fuzzed has borne, which nobody told of one by one.
    fn bore(&mut self, held: u64) {
        if self.suite == FUZZ && held > 0 {
            let name = format!("{held} cases that are borne");
            self.cases.push(Case { class: self.fuzzed.clone(), name, ..Case::default() });
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
    /// What failed in the attempt that is over, and its log.
    fn failed(&mut self, repeat: &str) -> Option<(Trouble, String)> {
        self.run.started = None;
        let mut trouble = self.failure.take()?;
        let _ = writeln!(trouble.text, "repeat: {repeat}");
        Some((trouble, std::mem::take(&mut self.log)))
    }

    /// A scenario is a case. Attempts at it are told as Maven's Surefire does: of one that held at last those that failed,
    /// of one that failed all after the first.
    fn played(&mut self, name: &str, file: &str, time: Duration, repeat: &str) {
        let mut failures = std::mem::take(&mut self.earlier);
        let (mut trouble, mut log, mut element) = (None, String::new(), "flakyFailure");
        if let Some(last) = self.failed(repeat) {
            failures.push(last);
            let (first, first_log) = failures.remove(0);
            (trouble, log, element) = (Some(first), first_log, "rerunFailure");
        }
        failures.iter_mut().for_each(|(trouble, _)| trouble.element = element);
        let (class, name, file) = (file.to_owned(), name.to_owned(), file.to_owned());
        self.cases.push(Case { class, name, file, time, trouble, log, attempts: failures });
    }
}

impl<W: Write> Reporter for Junit<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.run.on_event(event);
        match event {
            RunEvent::RunStarted { .. } => self.suite = "simctl trigger",
            RunEvent::FuzzStarted { event, .. } => {
                self.suite = FUZZ;
                self.fuzzed.clone_from(event);
            }
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
            RunEvent::ScenarioFinished { retried: true, repeat, .. } => {
                let failure = self.failed(repeat);
                self.earlier.extend(failure);
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
            RunEvent::CaseFailed { changes, case, smallest, .. } => {
                self.failed_case.clone_from(case);
                changes.iter().for_each(|change| {
                    let _ = writeln!(self.log, "with {change}");
                });
                if !smallest {
                    let _ = writeln!(self.log, "{NOT_SMALLEST}");
                }
            }
            RunEvent::DeliveryFinished { outcome, start_up, handler, repeat, .. } => {
                self.delivered(outcome, repeat, *start_up + *handler);
            }
            RunEvent::CheckFinished { exit_code, .. } => self.exit_code = Some(*exit_code),
            RunEvent::RunFinished { held, exit_code, interrupted, .. } => {
                self.bore(*held);
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
