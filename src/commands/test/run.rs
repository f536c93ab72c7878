//! Plays the scenarios, several at a time, and tells of them in the order of their files.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use super::repeat::repeat_command;
use super::{Prepared, TestOptions};
use crate::commands::Context;
use crate::commands::trigger::cannot_start;
use crate::engine::scenario::{Stage, play};
use crate::handler::{HandlerError, Interrupt};
use crate::model::{RunEvent, Verdict};
use crate::report::FanOut;

/// What a thread has to tell of one scenario: all that happened, and whether it held.
type Played = (usize, Vec<RunEvent>, Result<bool, HandlerError>);

pub(super) fn play_all(
    context: &Context,
    options: &TestOptions,
    prepared: &Prepared,
    interrupt: &Interrupt,
    reporters: &mut FanOut,
) -> Verdict {
    let all = &prepared.scenarios;
    let stage = Stage {
        app: &prepared.app,
        script: &prepared.script,
        launch: &prepared.launch,
        mocks: &prepared.mocks,
        syntax_error: prepared.syntax_error.clone(),
        strict_limits: options.strict_limits,
        snapshots: &prepared.snapshots,
    };
    let usual = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let jobs = options.jobs.map_or_else(usual, NonZeroUsize::get).min(all.len());
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (tell, told) = mpsc::channel::<Played>();
    let mut tally = Tally { waiting: (0..all.len()).map(|_| None).collect(), ..Tally::default() };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (tell, stage, next, stop) = (tell.clone(), &stage, &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) && !interrupt.is_set() {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(scenario) = all.get(index) else { break };
                    let repeat = repeat_command(&context.command, options, scenario);
                    let mut events = Vec::new();
                    let result = play(stage, scenario, &repeat, interrupt, &mut |event| events.push(event));
                    if result.is_err() || (options.fail_fast && matches!(result, Ok(false))) {
                        stop.store(true, Ordering::Relaxed);
                    }
                    if tell.send((index, events, result)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(tell);
        for played in told {
            tally.take(played, reporters);
        }
        tally.flush(true, reporters);
    });
    tally.keep_snapshots(options, prepared, reporters);
    tally.verdict(context, interrupt, reporters)
}

/// What has been played so far, and how it went.
#[derive(Default)]
struct Tally {
    /// What is to be told once those before it have been.
    waiting: Vec<Option<Vec<RunEvent>>>,
    /// The scenario that is to be told next.
    next: usize,
    held: u64,
    failed: u64,
    error: Option<HandlerError>,
}

impl Tally {
    fn take(&mut self, (index, events, result): Played, reporters: &mut FanOut) {
        match result {
            Ok(true) => self.held += 1,
            Ok(false) => self.failed += 1,
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
        self.flush(false, reporters);
    }

    /// Tells of what was played, in the order of the files; with `all`, past those that were not.
    fn flush(&mut self, all: bool, reporters: &mut FanOut) {
        while let Some(place) = self.waiting.get_mut(self.next) {
            match place.take() {
                Some(events) => events.iter().for_each(|event| reporters.on_event(event)),
                None if all => {}
                None => break,
            }
            self.next += 1;
        }
    }

    /// What was taken down is kept, also where some scenarios did not hold: theirs were not.
    fn keep_snapshots(&mut self, options: &TestOptions, prepared: &Prepared, reporters: &mut FanOut) {
        match prepared.wanted.keep(&prepared.snapshots, options.snapshots) {
            Ok(notices) => {
                for message in notices {
                    reporters.on_event(&RunEvent::Notice { message });
                }
            }
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
    }

    fn verdict(self, context: &Context, interrupt: &Interrupt, reporters: &mut FanOut) -> Verdict {
        let left = self.waiting.len() as u64 - self.held - self.failed;
        let interrupted = interrupt.is_set() && left > 0;
        let mut verdict = if self.failed > 0 { Verdict::Problems } else { Verdict::Held };
        if let Some(error) = &self.error {
            verdict = verdict.and(cannot_start(context, error));
        }
        if interrupted {
            verdict = Verdict::Interrupted;
        }
        reporters.on_event(&RunEvent::TestFinished {
            held: self.held,
            failed: self.failed,
            left,
            interrupted,
            exit_code: verdict.exit_code(),
        });
        verdict
    }
}
