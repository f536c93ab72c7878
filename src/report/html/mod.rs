//! A run of scenarios, or of cases, as one page: no script, no request, nothing beside it, so that it can be kept, sent and printed.
//!
//! All that comes from an app, a scenario or the command line is text in it; the page's own policy lets nothing else in. Its
//! size is bounded: entries, payloads and what is told of scenarios that held are cut, and it says so.

mod page;
mod step;
mod text;

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use self::step::Step;
use self::text::{escape, escape_cut};
use super::human::show_duration;
use super::{NOT_SMALLEST, Paint, Reporter, render_finding};
use crate::model::RunEvent;

/// How large the page may become, in bytes, by what is told of scenarios that held, and by all of them.
const MOST_OF_HELD: usize = 16 << 20;
const MOST_OF_ALL: usize = 48 << 20;

/// The longest name that is shown, in characters.
const LONGEST_NAME: usize = 500;

/// Sections that others add to the page before it is written, such as what of the app's code was run.
#[derive(Debug, Clone, Default)]
pub struct Sections(Rc<RefCell<Vec<(String, String)>>>);

impl Sections {
    /// Adds a section of that title (text), with that content (HTML, which must be escaped).
    pub fn add(&self, title: impl Into<String>, html: impl Into<String>) {
        self.0.borrow_mut().push((title.into(), html.into()));
    }
}

/// Writes a run of scenarios, or of cases, as a page, when it is over.
pub struct Html<F> {
    write: F,
    sections: Sections,
    run: Run,
    /// The scenario at hand, and the step of it.
    scenario: Scenario,
    step: Step,
    is_playing: bool,
    /// The case that failed, as far as it is known: what it is about, and how many failed so.
    failure: Option<(String, u64)>,
}

/// What the page tells of the run as a whole.
#[derive(Debug, Default)]
struct Run {
    /// Whether cases were fired and no scenarios played.
    is_of_cases: bool,
    version: String,
    command: String,
    app: String,
    /// Findings and notices that belong to no scenario, as HTML.
    found: String,
    results: Vec<Result>,
    /// Bytes of what is told of scenarios so far.
    size: usize,
    end: Option<End>,
}

#[derive(Debug)]
struct End {
    held: u64,
    flaky: u64,
    failed: u64,
    left: u64,
    interrupted: bool,
    exit_code: u8,
}

/// How a scenario ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Held,
    Flaky,
    Failed,
}

/// One scenario that is over.
#[derive(Debug)]
struct Result {
    kind: Kind,
    name: String,
    file: String,
    how: String,
    took: Duration,
    /// What is told of it, as HTML.
    inside: String,
}

/// What is known of a scenario before it is over.
#[derive(Debug, Default)]
struct Scenario {
    about: String,
    steps: String,
    /// Attempts that failed.
    earlier: String,
}

impl<F: FnOnce(&str) -> io::Result<()>> Html<F> {
    /// Hands the page to `write` when the run is over, with these sections in it.
    pub fn new(write: F, sections: Sections) -> Self {
        let (run, scenario, step) = (Run::default(), Scenario::default(), Step::default());
        Self { write, sections, run, scenario, step, is_playing: false, failure: None }
    }

    /// A case that failed, the smallest of those that fail so.
    fn case(&mut self, event: &RunEvent) {
        match event {
            RunEvent::DeliveryStarted { .. } => self.step = Step::default(),
            RunEvent::CaseFailed { case, changes, smallest, times, .. } => {
                let told = if changes.is_empty() { case.clone() } else { changes.join(", ") };
                let note = if *smallest { String::new() } else { format!("; {NOT_SMALLEST}") };
                self.failure = Some((told + &note, *times));
            }
            _ => {}
        }
        self.step.on_event(event);
        let RunEvent::DeliveryFinished { handler, repeat, .. } = event else { return };
        let Some((told, times)) = self.failure.take() else { return };
        let repeat = escape_cut(repeat, LONGEST_NAME * 4);
        let mut inside = format!("<p>Repeat it alone: <code>{repeat}</code></p>");
        inside.push_str(&std::mem::take(&mut self.step).told());
        if self.run.size + inside.len() > MOST_OF_ALL {
            inside = format!("<p class=\"faint\">There is no room for more of it.</p><p><code>{repeat}</code></p>");
        }
        self.run.size += inside.len();
        self.run.results.push(Result {
            kind: Kind::Failed,
            name: escape_cut(&told, LONGEST_NAME),
            file: String::new(),
            how: format!("{times} case{}, {}", if times == 1 { "" } else { "s" }, show_duration(*handler)),
            took: *handler,
            inside,
        });
    }

    fn finished(&mut self, event: &RunEvent) {
        let RunEvent::ScenarioFinished { name, file, held, attempt, retried, steps, took, repeat } = event else {
            return;
        };
        let played = std::mem::take(&mut self.scenario.steps);
        self.is_playing = false;
        if *retried {
            let _ = write!(self.scenario.earlier, "<p class=\"attempt\">Attempt {attempt}, which failed</p>{played}");
            return;
        }
        let Scenario { about, earlier, .. } = std::mem::take(&mut self.scenario);
        let kind = match (held, attempt) {
            (true, 1) => Kind::Held,
            (true, _) => Kind::Flaky,
            (false, _) => Kind::Failed,
        };
        let plural = if *steps == 1 { "" } else { "s" };
        let mut inside = format!("<p class=\"faint\">{about}</p>");
        let _ = write!(inside, "<p>Repeat it alone: <code>{}</code></p>", escape_cut(repeat, LONGEST_NAME * 4));
        inside.push_str(&earlier);
        if *attempt > 1 {
            let how = if *held { "which held" } else { "which failed, too" };
            let _ = write!(inside, "<p class=\"attempt\">Attempt {attempt}, {how}</p>");
        }
        inside.push_str(&played);
        let most = if kind == Kind::Held { MOST_OF_HELD } else { MOST_OF_ALL };
        if self.run.size + inside.len() > most {
            inside = "<p class=\"faint\">There is no room for more of it in this page: repeat it alone.</p>".to_owned();
            let _ = write!(inside, "<p><code>{}</code></p>", escape_cut(repeat, LONGEST_NAME * 4));
        }
        self.run.size += inside.len();
        self.run.results.push(Result {
            kind,
            name: escape_cut(name, LONGEST_NAME),
            file: escape_cut(file, LONGEST_NAME),
            how: format!("{steps} step{plural}, {}", show_duration(*took)),
            took: *took,
            inside,
        });
    }

    fn about_run(&mut self, event: &RunEvent) {
        match event {
            RunEvent::TestStarted { version, command, app, .. }
            | RunEvent::RunStarted { version, command, app, .. } => {
                (self.run.version, self.run.app) = (escape(version), escape(app));
                self.run.command = escape_cut(command, LONGEST_NAME * 4);
            }
            RunEvent::Found { finding } => {
                let text = render_finding(finding, Paint::new(false));
                let _ = write!(self.run.found, "<pre>{}</pre>", escape_cut(text.trim_end(), LONGEST_NAME * 16));
            }
            RunEvent::Notice { message } => {
                let _ = write!(self.run.found, "<p>Note: {}</p>", escape_cut(message, LONGEST_NAME * 4));
            }
            RunEvent::TestFinished { held, flaky, failed, left, interrupted, exit_code } => {
                self.run.end = Some(End {
                    held: *held,
                    flaky: *flaky,
                    failed: *failed,
                    left: *left,
                    interrupted: *interrupted,
                    exit_code: *exit_code,
                });
            }
            RunEvent::FuzzStarted { .. } => self.run.is_of_cases = true,
            RunEvent::RunFinished { held, failed, interrupted, exit_code } => {
                let (held, failed, interrupted, exit_code) = (*held, *failed, *interrupted, *exit_code);
                self.run.end = Some(End { held, flaky: 0, failed, left: 0, interrupted, exit_code });
            }
            _ => {}
        }
    }
}

impl<F: FnOnce(&str) -> io::Result<()>> Reporter for Html<F> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::ScenarioStarted { seed, now, app, .. } => {
                self.is_playing = true;
                self.scenario.about =
                    format!("App <code>{}</code>, seed {seed}, clock from {}", escape(app), escape(now));
                self.step = Step::default();
            }
            RunEvent::StepFinished { index, step, differences, place } => {
                let told = std::mem::take(&mut self.step).html(*index, step, differences, place);
                self.scenario.steps.push_str(&told);
            }
            RunEvent::ScenarioFinished { .. } => self.finished(event),
            event if self.is_playing => self.step.on_event(event),
            RunEvent::DeliveryStarted { .. } | RunEvent::CaseFailed { .. } | RunEvent::DeliveryFinished { .. } => {
                self.case(event);
            }
            event => self.about_run(event),
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        let page = self.run.page(&self.sections.0.borrow());
        (self.write)(&page)
    }
}
