//! Plays the scenarios, several at a time, and tells of them in the order of their files.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use super::TestOptions;
use super::apps::{Prepared, Tested};
use super::repeat::repeat_command;
use crate::commands::Context;
use crate::commands::trigger::cannot_start;
use crate::engine::scenario::{Attempt, Scenario, Stage, play};
use crate::handler::{HandlerError, Interrupt};
use crate::model::{RunEvent, Verdict};
use crate::report::FanOut;

/// What a thread has to tell of one scenario.
struct Played {
    index: usize,
    /// All that happened.
    events: Vec<RunEvent>,
    result: Result<Held, HandlerError>,
}

/// How a scenario ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    AtOnce,
    /// At a later attempt than the first.
    Flaky,
    Never,
}

pub(super) fn play_all(
    context: &Context,
    options: &TestOptions,
    tested: &Tested,
    interrupt: &Interrupt,
    reporters: &mut FanOut,
) -> Verdict {
    let all = &tested.scenes;
    let stages: Vec<Stage<'_>> = tested.apps.iter().map(|app: &Prepared| app.stage(options)).collect();
    let usual = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let jobs = options.jobs.map_or_else(usual, NonZeroUsize::get).min(all.len());
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (tell, told) = mpsc::channel::<Played>();
    let mut tally = Tally { waiting: (0..all.len()).map(|_| None).collect(), ..Tally::default() };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (tell, stages, next, stop) = (tell.clone(), &stages, &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) && !interrupt.is_set() {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((scene, stage)) = all.get(index).and_then(|scene| Some((scene, stages.get(scene.app)?)))
                    else {
                        break;
                    };
                    let scenario = &scene.scenario;
                    let repeat = repeat_command(&context.command, options, scenario, tested.is_alone_in_file(index));
                    let mut events = Vec::new();
                    let result = attempts(stage, scenario, &repeat, options.retries, interrupt, &mut events);
                    if result.is_err() || (options.fail_fast && matches!(result, Ok(Held::Never))) {
                        stop.store(true, Ordering::Relaxed);
                    }
                    if tell.send(Played { index, events, result }).is_err() {
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
    tally.verdict(context, tested.verdict, interrupt, reporters)
}

/// Plays a scenario until it holds, at most `retries` times more than once.
fn attempts(
    stage: &Stage<'_>,
    scenario: &Scenario,
    repeat: &str,
    retries: u64,
    interrupt: &Interrupt,
    events: &mut Vec<RunEvent>,
) -> Result<Held, HandlerError> {
    for number in 1.. {
        let attempt = Attempt { repeat, number, is_last: number > retries };
        let held = play(stage, scenario, &attempt, interrupt, &mut |event| events.push(event))?;
        match (held, number) {
            (true, 1) => return Ok(Held::AtOnce),
            (true, _) => return Ok(Held::Flaky),
            (false, _) if attempt.is_last => break,
            (false, _) => {}
        }
    }
    Ok(Held::Never)
}

/// What has been played so far, and how it went.
#[derive(Default)]
struct Tally {
    /// What is to be told once those before it have been.
    waiting: Vec<Option<Vec<RunEvent>>>,
    /// The scenario that is to be told next.
    next: usize,
    held: u64,
    /// How many of those were flaky.
    flaky: u64,
    failed: u64,
    error: Option<HandlerError>,
}

impl Tally {
    fn take(&mut self, Played { index, events, result }: Played, reporters: &mut FanOut) {
        match result {
            Ok(Held::AtOnce) => self.held += 1,
            Ok(Held::Flaky) => {
                self.held += 1;
                self.flaky += 1;
            }
            Ok(Held::Never) => self.failed += 1,
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

    fn verdict(self, context: &Context, best: Verdict, interrupt: &Interrupt, reporters: &mut FanOut) -> Verdict {
        let left = self.waiting.len() as u64 - self.held - self.failed;
        let interrupted = interrupt.is_set() && left > 0;
        let mut verdict = best.and(if self.failed > 0 { Verdict::Problems } else { Verdict::Held });
        if let Some(error) = &self.error {
            verdict = verdict.and(cannot_start(context, error));
        }
        if interrupted {
            verdict = Verdict::Interrupted;
        }
        reporters.on_event(&RunEvent::TestFinished {
            held: self.held,
            flaky: self.flaky,
            failed: self.failed,
            left,
            interrupted,
            exit_code: verdict.exit_code(),
        });
        verdict
    }
}
