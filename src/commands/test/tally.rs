//! What has been played so far, how it went, and what is told of it: in the order of the files, whichever was over first.

use super::TestOptions;
use super::apps::{Prepared, Tested};
use super::progress::{Counts, Progress};
use crate::commands::Context;
use crate::commands::trigger::cannot_start;
use crate::handler::{HandlerError, Interrupt};
use crate::model::{RunEvent, Verdict};
use crate::report::{FanOut, Sections};

/// How a scenario ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    AtOnce,
    /// At a later attempt than the first.
    Flaky,
    Never,
}

/// What a thread has to tell.
pub(super) enum Told {
    /// A scenario has begun, or begun again.
    Began { index: usize, name: String },
    /// A scenario is over.
    Ended {
        index: usize,
        /// All that happened.
        events: Vec<RunEvent>,
        result: Result<Held, HandlerError>,
    },
}

/// The run so far.
pub(super) struct Tally<'a> {
    reporters: &'a mut FanOut,
    /// What is added to the report.
    sections: &'a Sections,
    progress: Progress,
    /// What is to be told once those before it have been.
    waiting: Vec<Option<Vec<RunEvent>>>,
    /// The scenario that is to be told next.
    next: usize,
    error: Option<HandlerError>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(reporters: &'a mut FanOut, sections: &'a Sections, progress: Progress, scenarios: usize) -> Self {
        let waiting = (0..scenarios).map(|_| None).collect();
        Self { reporters, sections, progress, waiting, next: 0, error: None }
    }

    /// The line that says how far it is.
    pub(super) const fn progress(&mut self) -> &mut Progress {
        &mut self.progress
    }

    pub(super) fn take(&mut self, told: Told) {
        let (index, events, result) = match told {
            Told::Began { index, name } => return self.progress.started(index, name),
            Told::Ended { index, events, result } => (index, events, result),
        };
        self.progress.ended(index);
        let counts = &mut self.progress.counts;
        match result {
            Ok(Held::AtOnce) => counts.held += 1,
            Ok(Held::Flaky) => {
                counts.held += 1;
                counts.flaky += 1;
            }
            Ok(Held::Never) => counts.failed += 1,
            // What had happened of it by then is no result.
            Err(HandlerError::Interrupted) => return,
            Err(error) => {
                self.error.get_or_insert(error);
                return;
            }
        }
        if let Some(place) = self.waiting.get_mut(index) {
            *place = Some(events);
        }
        self.flush(false);
    }

    /// Tells of what was played, in the order of the files; with `all`, past those that were not.
    fn flush(&mut self, all: bool) {
        let mut ready = Vec::new();
        while let Some(place) = self.waiting.get_mut(self.next) {
            match place.take() {
                Some(events) => ready.extend(events),
                None if all => {}
                None => break,
            }
            self.next += 1;
        }
        if !ready.is_empty() {
            let reporters = &mut self.reporters;
            self.progress.aside(|| ready.iter().for_each(|event| reporters.on_event(event)));
        }
    }

    /// What was taken down is kept, also where some scenarios did not hold: theirs was not.
    fn keep_snapshots(&mut self, options: &TestOptions, tested: &Tested) {
        for prepared in &tested.apps {
            match prepared.keep_snapshots(options) {
                Ok(notices) => {
                    for message in notices {
                        self.reporters.on_event(&RunEvent::Notice { message });
                    }
                }
                Err(error) => {
                    self.error.get_or_insert(error);
                }
            }
        }
    }

    /// Tells the rest, and the end.
    pub(super) fn end(
        mut self,
        context: &Context,
        options: &TestOptions,
        tested: &Tested,
        interrupt: &Interrupt,
    ) -> Verdict {
        self.flush(true);
        self.progress.clear();
        self.keep_snapshots(options, tested);
        let Counts { held, flaky, failed } = self.progress.counts;
        let left = self.waiting.len() as u64 - held - failed;
        let interrupted = interrupt.is_set() && left > 0;
        let mut verdict = tested.verdict.and(if failed > 0 { Verdict::Problems } else { Verdict::Held });
        if let Some(error) = &self.error {
            verdict = verdict.and(cannot_start(context, error));
        }
        for measuring in tested.apps.iter().filter_map(Prepared::measuring) {
            verdict = verdict.and(measuring.finish(context, self.reporters, self.sections));
        }
        if interrupted {
            verdict = Verdict::Interrupted;
        }
        let exit_code = verdict.exit_code();
        self.reporters.on_event(&RunEvent::TestFinished { held, flaky, failed, left, interrupted, exit_code });
        verdict
    }
}
