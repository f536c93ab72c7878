//! What a handler process may ask for, answered from the app on disk and passed on as run events.

use std::collections::HashMap;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use serde_json::Value;

use crate::app::{self, App};
use crate::coverage::{Collector, Instrumented};
use crate::handler::{Answer, Counting, HandlerError, Host, HostCall, Launch, Modules, Required};
use crate::model::{AnswerStatus, Excerpt, Frame, Level, Outcome, RunEvent, Runtime, Secrets, Stream};
use crate::platform::{Answered, Fault, Services};
use crate::text::Source;

/// Stands between one handler process and the rest of simctl.
pub(super) struct Bridge<'a, 'p> {
    app: &'a App,
    services: &'a mut Services<'p>,
    secrets: &'a Secrets,
    emit: &'a mut dyn FnMut(RunEvent),
    /// The delivery at hand.
    index: u64,
    /// Whether the platform has found an error in what the app asked of it.
    found_error: bool,
    /// Every file that the handler has loaded, for code frames.
    sources: HashMap<String, Source>,
    /// What counts the app's code.
    coverage: Option<(&'a Collector, Runtime)>,
}

impl<'a, 'p> Bridge<'a, 'p> {
    pub(super) fn new(
        app: &'a App,
        services: &'a mut Services<'p>,
        secrets: &'a Secrets,
        entry: (&str, &Source),
        emit: &'a mut dyn FnMut(RunEvent),
    ) -> Self {
        let sources = HashMap::from([(entry.0.to_owned(), entry.1.clone())]);
        Self { app, services, secrets, emit, index: 0, found_error: false, sources, coverage: None }
    }

    /// The same, counting what of the app's code is reached in that runtime.
    pub(super) fn counting(self, coverage: Option<(&'a Collector, Runtime)>) -> Self {
        Self { coverage, ..self }
    }

    /// Delivery `index`, of `event`, begins.
    pub(super) fn begin(&mut self, index: u64, event: &str, payload: &str) {
        self.index = index;
        self.services.begin(event, payload);
    }

    /// Whether the platform has found an error since the last time. The app may have borne with its consequence, but what
    /// it was tried with is not what it needs.
    pub(super) fn take_error(&mut self) -> bool {
        std::mem::take(&mut self.found_error)
    }

    /// How far the run's clock is ahead of this machine's, in milliseconds.
    pub(super) fn clock_shift_ms(&self) -> i64 {
        self.services.clock_shift_ms()
    }

    /// Passes an event on, secrets masked.
    pub(super) fn emit(&mut self, mut event: RunEvent) {
        event.mask(self.secrets);
        (self.emit)(event);
    }

    /// The line that the innermost frame of an outcome points at.
    pub(super) fn excerpt(&self, outcome: &Outcome) -> Option<Excerpt> {
        let stack: &[Frame] = match outcome {
            Outcome::Threw { error } | Outcome::Rejected { error, .. } | Outcome::NotLoaded { error } => &error.stack,
            Outcome::TimedOut { stack, .. } => stack,
            _ => return None,
        };
        let frame = stack.first()?;
        let source = self.sources.get(&frame.file)?;
        let line = source.line(frame.line);
        (!line.trim().is_empty()).then(|| Excerpt { first_line: frame.line, lines: vec![line.to_owned()] })
    }
}

impl Modules for Bridge<'_, '_> {
    fn require(&mut self, from: &str, specifier: &str) -> Required {
        match self.app.require(from, specifier) {
            app::Required::Module { name, source } => {
                let text = source.text().to_owned();
                let counting = self.coverage.and_then(|(coverage, runtime)| counting(coverage, runtime, &name, &text));
                self.sources.insert(name.clone(), source);
                Required::Module { name, source: text, counting }
            }
            // Node.js keeps paths as text, and would look for the package in a folder that is not there.
            app::Required::Package { specifier }
                if self.app.root.to_str().is_none() && !app::is_builtin(&specifier) =>
            {
                let why = "the name of the app's folder is not UTF-8, which Node.js cannot load packages from";
                Required::Refused { message: format!("`{specifier}` cannot be loaded: {why}: rename it") }
            }
            app::Required::Package { specifier } => {
                Required::Package { is_nodes_own: app::is_builtin(&specifier), specifier }
            }
            app::Required::Refused { message } => Required::Refused { message },
        }
    }
}

impl Host for Bridge<'_, '_> {
    fn log(&mut self, level: Level, text: String) {
        let index = self.index;
        self.emit(RunEvent::Log { index, level, text });
    }

    fn output(&mut self, stream: Stream, text: String) {
        let index = self.index;
        self.emit(RunEvent::Output { index, stream, text });
    }

    fn notice(&mut self, message: String) {
        self.emit(RunEvent::Notice { message });
    }

    fn counted(&mut self, file: &str, counts: &[u64]) -> bool {
        self.coverage.is_none_or(|(coverage, _)| coverage.add(file, counts))
    }

    fn call(&mut self, call: HostCall) -> Result<Option<Answer>, HandlerError> {
        let answered = self.services.call(call.number, call.name, call.args);
        self.tell_findings();
        Ok(answered?.map(|answered| self.tell_answer(answered).1))
    }

    fn answers(&mut self) -> Result<Vec<(u64, Answer)>, HandlerError> {
        let answered = self.services.answers();
        self.tell_findings();
        Ok(answered?.into_iter().map(|answered| self.tell_answer(answered)).collect())
    }

    fn due(&self) -> Option<Instant> {
        self.services.due()
    }

    fn wake(&self) -> Option<BorrowedFd<'_>> {
        self.services.wake()
    }
}

/// Lets the code of the file that defines the callbacks be counted.
pub(super) fn count_entry(coverage: &Collector, launch: &mut Launch) {
    let entry = &mut launch.entry;
    entry.counting = counting(coverage, launch.runtime, &entry.name, &entry.source);
}

/// What to run in place of a file of the app, where its code is counted.
fn counting(coverage: &Collector, runtime: Runtime, name: &str, text: &str) -> Option<Counting> {
    coverage.in_place_of(name, text).map(|instrumented| {
        let Instrumented { text, counter, map, .. } = instrumented;
        Counting {
            text: text.clone(),
            counter: counter.clone(),
            count: map.slots.len(),
            columns: instrumented.columns(runtime == Runtime::Node),
        }
    })
}

impl Bridge<'_, '_> {
    fn tell_answer(&mut self, answered: Answered) -> (u64, Answer) {
        let Answered { number, name, args, answer, took } = answered;
        let (status, value) = match &answer {
            Ok(value) => (AnswerStatus::Fulfilled, value.clone()),
            Err(value) => (AnswerStatus::Rejected, value.clone()),
        };
        let index = self.index;
        self.emit(RunEvent::Call { index, name, args: Value::Array(args), status, answer: value, took });
        (number, answer)
    }

    fn tell_findings(&mut self) {
        for message in self.services.take_notices() {
            self.emit(RunEvent::Notice { message });
        }
        for finding in self.services.take_findings() {
            self.found_error |= finding.is_error();
            self.emit(RunEvent::Found { finding });
        }
    }
}

impl From<Fault> for HandlerError {
    fn from(fault: Fault) -> Self {
        Self::Platform { what: fault.what, hint: fault.hint }
    }
}
