//! Plays the scenarios, several at a time.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};

use super::TestOptions;
use super::apps::{Prepared, Tested};
use super::progress::{PAUSE, Progress};
use super::repeat::repeat_command;
use super::tally::{Held, Tally, Told};
use crate::commands::Context;
use crate::engine::scenario::{Attempt, Scenario, Stage, play};
use crate::handler::{HandlerError, Interrupt};
use crate::model::{RunEvent, Verdict};
use crate::report::{FanOut, Paint, Sections};

/// Plays what is to be played; says how it ended.
pub(super) fn play_all(
    context: &Context,
    options: &TestOptions,
    tested: &Tested,
    interrupt: &Interrupt,
    (reporters, sections): (&mut FanOut, &Sections),
) -> Verdict {
    let total = tested.scenes.len();
    let usual = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let jobs = options.jobs.map_or_else(usual, NonZeroUsize::get).min(total);
    let stages = tested.apps.iter().map(|app: &Prepared| app.stage(options)).collect();
    let work =
        Work { context, options, tested, stages, interrupt, next: AtomicUsize::new(0), stop: AtomicBool::new(false) };
    let progress = Progress::new(options.progress && total > 1, Paint::new(context.console.color_err), total);
    let mut tally = Tally::new(reporters, sections, progress, total);
    std::thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        for _ in 0..jobs {
            let (work, tell) = (&work, tell.clone());
            scope.spawn(move || work.go_on(&tell));
        }
        drop(tell);
        hear(&told, &mut tally);
    });
    tally.end(context, options, tested, interrupt)
}

/// Takes what the threads tell until all of them are done.
fn hear(told: &Receiver<Told>, tally: &mut Tally<'_>) {
    loop {
        let heard = match tally.progress().is_on() {
            true => told.recv_timeout(PAUSE),
            false => told.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match heard {
            Ok(told) => tally.take(told),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        tally.progress().tick();
    }
}

/// What is to be played, by whichever thread has time.
struct Work<'a> {
    context: &'a Context,
    options: &'a TestOptions,
    tested: &'a Tested,
    /// One for each app.
    stages: Vec<Stage<'a>>,
    interrupt: &'a Interrupt,
    /// The scenario that is to be played next.
    next: AtomicUsize,
    /// Whether no other is to be begun.
    stop: AtomicBool,
}

impl Work<'_> {
    /// Plays one scenario after the other until there is none left.
    fn go_on(&self, tell: &Sender<Told>) {
        while !self.stop.load(Ordering::Relaxed) && !self.interrupt.is_set() {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(scene) = self.tested.scenes.get(index) else { return };
            let Some(stage) = self.stages.get(scene.app) else { return };
            let repeat = repeat_command(&self.context.command, self.options, &scene.scenario);
            let mut events = Vec::new();
            let result = self.attempts(stage, &scene.scenario, &repeat, &mut |event| {
                if let RunEvent::ScenarioStarted { name, .. } = &event {
                    // Who does not listen any more will not hear of the end either.
                    let _ = tell.send(Told::Began { index, name: name.clone() });
                }
                events.push(event);
            });
            if result.is_err() || (self.options.fail_fast && matches!(result, Ok(Held::Never))) {
                self.stop.store(true, Ordering::Relaxed);
            }
            if tell.send(Told::Ended { index, events, result }).is_err() {
                return;
            }
        }
    }

    /// Plays a scenario until it holds, as often as `--retries` allows.
    fn attempts(
        &self,
        stage: &Stage<'_>,
        scenario: &Scenario,
        repeat: &str,
        emit: &mut dyn FnMut(RunEvent),
    ) -> Result<Held, HandlerError> {
        for number in 1.. {
            let attempt = Attempt { repeat, number, is_last: number > self.options.retries };
            match play(stage, scenario, &attempt, self.interrupt, emit)? {
                true if number == 1 => return Ok(Held::AtOnce),
                true => return Ok(Held::Flaky),
                false if attempt.is_last => break,
                false => {}
            }
        }
        Ok(Held::Never)
    }
}
