//! A lane whose deliveries go to an endpoint or a program.

use std::sync::{Arc, mpsc};
use std::time::Instant;

use super::control::{Control, Told, Turn};
use super::queue::Queue;
use super::record::{Failure, Moments};
use super::{LoadError, LoadEvent, Shot};
use crate::handler::{External, HandlerError, Heard, Message};
use crate::model::{Platform, Secrets};
use crate::payload::delivery_id;

/// A handler that is not JavaScript and is fired at.
#[derive(Debug, Clone)]
pub struct ExternalTarget {
    /// The handler.
    pub handler: Arc<External>,
    /// The platform whose envelope the payloads wear.
    pub platform: Platform,
    /// What payloads are drawn from.
    pub seed: u64,
    /// The simulated clock, RFC 3339.
    pub now: String,
    /// What must reach no reporter.
    pub secrets: Arc<Secrets>,
}

/// Makes deliveries until there are no more.
pub(super) fn run(
    target: &ExternalTarget,
    events: &[LoadEvent],
    lane: usize,
    queue: &Queue<Shot>,
    control: &Control,
    tell: &mpsc::Sender<Told>,
) {
    // Nobody listens where the load is to end already.
    let _ = tell.send(Told::Ready);
    let Some(origin) = control.await_start() else { return };
    while let Some(shot) = queue.take() {
        let due = match control.await_turn(&shot, origin) {
            Turn::Now(due) => due.unwrap_or_else(Instant::now),
            Turn::Missed(due) => {
                control.miss(lane, origin, due);
                continue;
            }
            Turn::Never => break,
        };
        match fire(target, events, lane, shot, control, (origin, due)) {
            Ok(()) => {}
            // The lane stays busy: its delivery was cut off.
            Err(HandlerError::Interrupted) => return,
            Err(error) => {
                control.set_busy(lane, false);
                return control.fail(LoadError::Handler(error));
            }
        }
    }
}

fn fire(
    target: &ExternalTarget,
    events: &[LoadEvent],
    lane: usize,
    mut shot: Shot,
    control: &Control,
    (origin, due): (Instant, Instant),
) -> Result<(), HandlerError> {
    let Some(LoadEvent { event, .. }) = events.get(shot.event) else { return Ok(()) };
    let message = Message {
        index: shot.index,
        event: event.clone(),
        payload: std::mem::take(&mut shot.payload),
        platform: target.platform,
        seed: target.seed,
        now: target.now.clone(),
        id: delivery_id(target.seed, shot.index, event),
    };
    let begun = Instant::now();
    control.set_busy(lane, true);
    let mut notices = Vec::new();
    let delivered = target.handler.deliver(&message, &control.cut, &mut |heard| {
        if let Heard::Notice(notice) = heard {
            notices.push(target.secrets.mask(&notice));
        }
    })?;
    let moments = Moments { origin, due, begun, done: Instant::now(), handler: delivered.times.handler };
    let (name, held) = (delivered.outcome.name(), delivered.outcome.held());
    control.count(lane, name, held, &moments, &shot);
    if held && notices.is_empty() {
        return Ok(());
    }
    let mut record = control.record(lane);
    notices.into_iter().for_each(|notice| record.notice(notice));
    if !held {
        let outcome = delivered.outcome.masked(&target.secrets);
        record.fail(Failure { index: shot.index, event: event.clone(), outcome, fault: None, count: 1 });
    }
    Ok(())
}
