//! A lane whose deliveries go to an app's callback: one process, one delivery at a time, and another process where one died.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::control::{Control, Told, Turn};
use super::queue::Queue;
use super::record::{Failure, Moments};
use super::{LoadError, LoadEvent, Shot};
use crate::app::{App, Script};
use crate::engine::bridge::Bridge;
use crate::engine::run::{deliver, with_syntax_error};
use crate::handler::{Handler, HandlerError, Launch};
use crate::model::{Code, Delivered, Delivery, RunEvent, Secrets, Taken, Thrown};
use crate::platform::Services;

/// A process is sent what it does in about this time.
const AHEAD_FOR: Duration = Duration::from_millis(2);

/// How many deliveries a process is sent at most before the first of them is over.
const MOST_AHEAD: usize = 128;

/// An app that is fired at.
pub struct AppTarget<'a> {
    /// The app.
    pub app: &'a App,
    /// Its `server.js`.
    pub script: &'a Script,
    /// How a handler process is started.
    pub launch: &'a Launch,
    /// The platform's services, anew for each lane.
    pub services: &'a (dyn Fn() -> Services<'a> + Sync),
    /// Where the first of the app's files that does not parse goes wrong.
    pub syntax_error: Option<Thrown>,
    /// What must reach no reporter.
    pub secrets: &'a Secrets,
}

/// What a bridge says of the delivery at hand.
#[derive(Default)]
struct Heard {
    notices: Vec<String>,
    fault: Option<Code>,
}

impl Heard {
    fn take(&mut self, event: RunEvent) {
        match event {
            RunEvent::Notice { message } => self.notices.push(message),
            RunEvent::Found { finding } => {
                if finding.is_error() {
                    self.fault.get_or_insert(finding.code);
                }
                self.notices.push(format!("{}: {}", finding.code.name(), finding.message));
            }
            // What it logged and asked for is what `trigger` shows of a delivery.
            _ => {}
        }
    }
}

/// Makes deliveries until there are no more.
pub(super) fn run(
    target: &AppTarget<'_>,
    events: &[LoadEvent],
    lane: usize,
    queue: &Queue<Shot>,
    control: &Control,
    tell: &mpsc::Sender<Told>,
) {
    let done = Handler::start(target.launch, &control.cut).and_then(|mut handler| {
        handler.make_ready()?;
        // Nobody listens where the load is to end already.
        let _ = tell.send(Told::Ready);
        match control.await_start() {
            Some(origin) => fire(target, events, lane, queue, control, handler, origin),
            None => Ok(()),
        }
    });
    match done {
        Ok(()) => {}
        Err(HandlerError::Interrupted) => control.record(lane).cut_off += 1,
        Err(error) => control.fail(LoadError::Handler(error)),
    }
    control.set_busy(lane, false);
}

fn fire(
    target: &AppTarget<'_>,
    events: &[LoadEvent],
    lane: usize,
    queue: &Queue<Shot>,
    control: &Control,
    first: Handler,
    origin: Instant,
) -> Result<(), HandlerError> {
    let mut services = (target.services)();
    services.start().map_err(HandlerError::from)?;
    let heard = RefCell::new(Heard::default());
    let mut hear = |event| heard.borrow_mut().take(event);
    let entry = (target.script.name.as_str(), &target.script.source);
    let mut bridge = Bridge::new(target.app, &mut services, target.secrets, entry, &mut hear);
    let mut process = Some(first);
    let mut taken = Taken { number: lane as u64 + 1, processes: 1, ..Taken::default() };
    let mut line = Line { events, lane, queue, control, origin, waiting: VecDeque::new() };
    while let Some(Next { shot, delivery, due, was_sent }) = line.next(&mut process, bridge.clock_shift_ms()) {
        let begun = Instant::now();
        bridge.begin(shot.index, &delivery.event, &delivery.payload);
        if !was_sent {
            // One that was killed between two deliveries has lost none.
            process.take_if(|handler| handler.has_gone());
        }
        let Delivered { outcome, times, .. } =
            deliver(target.launch, &mut process, &delivery, &mut bridge, &control.cut)?;
        if process.is_none() {
            line.give_back();
        }
        let done = Instant::now();
        // A process that was sent several has its own clock: it may have begun before its outcome of the last one was read, and
        // where nothing is due at a time of its own, what simctl is slow to read is no waiting for a worker.
        let began = done.checked_sub(times.handler).unwrap_or(begun);
        let begun = if was_sent && due.is_none() { began } else { began.min(begun) };
        let moments = Moments { origin, due: due.unwrap_or(begun), begun, done, handler: times.handler };
        taken.follow(process.as_ref(), !times.start_up.is_zero());
        let found_error = bridge.take_error();
        let (name, held) = (outcome.name(), outcome.held() && !found_error);
        control.count(lane, name, held, &moments, &shot);
        let Heard { notices, fault } = std::mem::take(&mut *heard.borrow_mut());
        if !held || !notices.is_empty() {
            let mut record = control.record(lane);
            notices.into_iter().for_each(|notice| record.notice(notice));
            if !held {
                let outcome = with_syntax_error(target.syntax_error.as_ref(), outcome).masked(target.secrets);
                record.fail(Failure { index: shot.index, event: delivery.event, outcome, fault, count: 1 });
            }
        }
    }
    taken.end(process.as_ref());
    control.record(lane).workers.push(taken);
    if let Some(process) = process {
        process.stop();
    }
    Ok(())
}

/// What a lane is about to deliver.
struct Next {
    shot: Shot,
    delivery: Delivery,
    /// When it was due; nothing where deliveries have no time of their own.
    due: Option<Instant>,
    /// Whether the process has it already.
    was_sent: bool,
}

/// The deliveries of a lane, one after the other. A quick process is sent several at a time, so that it need not wait for
/// simctl between two.
struct Line<'a> {
    events: &'a [LoadEvent],
    lane: usize,
    queue: &'a Queue<Shot>,
    control: &'a Control,
    origin: Instant,
    waiting: VecDeque<Next>,
}

impl Line<'_> {
    /// The next delivery, as soon as it is due; nothing where there is none any more.
    fn next(&mut self, process: &mut Option<Handler>, clock_shift_ms: i64) -> Option<Next> {
        let most = most_ahead(process.as_ref().and_then(Handler::pace));
        if self.waiting.len() <= most / 2 {
            while self.waiting.len() < most
                && let Some((shot, due)) = self.queue.take_if(|shot| self.control.turn_at_once(shot, self.origin))
            {
                self.waiting.extend(self.prepare(shot, due, clock_shift_ms));
            }
            if let Some(process) = process.as_mut().filter(|_| self.waiting.len() > 1) {
                let unsent = self.waiting.iter_mut().filter(|next| !next.was_sent);
                process.send_ahead(unsent.map(|next| {
                    next.was_sent = true;
                    &next.delivery
                }));
            }
        }
        self.waiting.pop_front().or_else(|| self.await_next(clock_shift_ms))
    }

    /// Waits for the turn of a delivery.
    fn await_next(&self, clock_shift_ms: i64) -> Option<Next> {
        while let Some(shot) = self.queue.take() {
            let due = match self.control.await_turn(&shot, self.origin) {
                Turn::Now(due) => due,
                Turn::Missed(due) => {
                    self.control.miss(self.lane, self.origin, due);
                    continue;
                }
                Turn::Never => return None,
            };
            if let Some(next) = self.prepare(shot, due, clock_shift_ms) {
                return Some(next);
            }
        }
        None
    }

    fn prepare(&self, mut shot: Shot, due: Option<Instant>, clock_shift_ms: i64) -> Option<Next> {
        let LoadEvent { event, callback, ends_by_render } = self.events.get(shot.event)?;
        let delivery = Delivery {
            index: shot.index,
            event: event.clone(),
            callback: callback.clone(),
            payload: std::mem::take(&mut shot.payload),
            ends_by_render: *ends_by_render,
            clock_shift_ms,
        };
        Some(Next { shot, delivery, due, was_sent: false })
    }

    /// The process is gone: what it was sent and had not begun is anybody's again.
    fn give_back(&mut self) {
        self.queue.put_back(self.waiting.drain(..).map(|Next { mut shot, delivery, .. }| {
            shot.payload = delivery.payload;
            shot
        }));
    }
}

/// How many deliveries a process of that pace may have: so few that none waits long behind one that turns out slow.
fn most_ahead(pace: Option<Duration>) -> usize {
    let Some(pace) = pace else { return 1 };
    let fitting = AHEAD_FOR.as_nanos() / pace.as_nanos().max(1);
    usize::try_from(fitting).unwrap_or(MOST_AHEAD).clamp(1, MOST_AHEAD)
}

impl Taken {
    /// Looks what the process takes after its first delivery.
    fn follow(&mut self, process: Option<&Handler>, is_new: bool) {
        if is_new {
            self.processes += 1;
            self.start_bytes = None;
        }
        if self.start_bytes.is_none() {
            self.start_bytes = process.and_then(Handler::resident_bytes);
        }
    }

    fn end(&mut self, process: Option<&Handler>) {
        self.end_bytes = process.and_then(Handler::resident_bytes);
    }
}
