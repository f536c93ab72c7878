//! A lane whose deliveries go to an app's callback: one process, one delivery at a time, and another process where one died.

use std::cell::RefCell;
use std::sync::mpsc;
use std::time::Instant;

use super::control::{Control, Told, Turn};
use super::queue::Queue;
use super::record::{Failure, Moments};
use super::{LoadError, LoadEvent, Shot};
use crate::app::{App, Script};
use crate::engine::bridge::Bridge;
use crate::engine::run::{deliver, with_syntax_place};
use crate::handler::{Handler, HandlerError, Launch};
use crate::model::{Code, Delivered, Delivery, Frame, RunEvent, Secrets, Taken};
use crate::platform::Services;

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
    pub syntax_error: Option<Frame>,
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
    while let Some(mut shot) = queue.take() {
        let due = match control.await_turn(&shot, origin) {
            Turn::Now(due) => due,
            Turn::Missed(due) => {
                control.miss(lane, origin, due);
                continue;
            }
            Turn::Never => break,
        };
        let Some(LoadEvent { event, callback, ends_by_render }) = events.get(shot.event) else { continue };
        let begun = Instant::now();
        // One that was killed between two deliveries has lost none.
        process.take_if(|handler| handler.has_gone());
        bridge.begin(shot.index, event, &shot.payload);
        let delivery = Delivery {
            index: shot.index,
            event: event.clone(),
            callback: callback.clone(),
            payload: std::mem::take(&mut shot.payload),
            ends_by_render: *ends_by_render,
            clock_shift_ms: bridge.clock_shift_ms(),
        };
        let Delivered { outcome, times } = deliver(target.launch, &mut process, &delivery, &mut bridge, &control.cut)?;
        let moments = Moments { origin, due, begun, done: Instant::now(), handler: times.handler };
        taken.follow(process.as_ref(), !times.start_up.is_zero());
        let found_error = bridge.take_error();
        let (name, held) = (outcome.name(), outcome.held() && !found_error);
        control.count(lane, name, held, &moments, &shot);
        let Heard { notices, fault } = std::mem::take(&mut *heard.borrow_mut());
        if !held || !notices.is_empty() {
            let mut record = control.record(lane);
            notices.into_iter().for_each(|notice| record.notice(notice));
            if !held {
                let outcome = with_syntax_place(target.syntax_error.as_ref(), outcome).masked(target.secrets);
                record.fail(Failure { index: shot.index, event: event.clone(), outcome, fault, count: 1 });
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
