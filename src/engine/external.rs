//! One run at a handler that is not JavaScript. It asks for nothing, so there is no app's code, no platform and no process
//! to keep.

use std::ops::Range;

use serde_json::value::RawValue;

use super::{EngineError, Summary};
use crate::handler::{External, HandlerError, Heard, Interrupt, Message};
use crate::model::{Findings, Platform, RunEvent, Secrets};

/// What is to be fired, and at what.
pub struct ExternalPlan<'a> {
    /// The handler.
    pub handler: &'a External,
    /// The event's name.
    pub event: &'a str,
    /// The platform whose envelope the payloads wear.
    pub platform: Platform,
    /// The platform version that the manifest of the app around names.
    pub platform_version: Option<&'a str>,
    /// What payloads are drawn from.
    pub seed: u64,
    /// The simulated clock, RFC 3339.
    pub now: &'a str,
    /// The payloads' numbers.
    pub indices: Range<u64>,
    /// Makes the payload of that number, as JSON text.
    pub payload: &'a mut dyn FnMut(u64) -> Result<String, Findings>,
    /// What tells the delivery of that number from all others.
    pub id: &'a dyn Fn(u64) -> String,
    /// The command that repeats the delivery of that number alone.
    pub repeat: &'a dyn Fn(u64) -> String,
    /// What must reach no reporter.
    pub secrets: &'a Secrets,
}

/// Fires every payload of the plan, one after the other.
///
/// # Errors
/// [`EngineError`]; what had happened by then has been emitted, and so has the end of the run.
pub fn run_external(
    plan: &mut ExternalPlan<'_>,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(RunEvent),
) -> Result<Summary, EngineError> {
    let secrets = plan.secrets;
    let mut emit = |mut event: RunEvent| {
        event.mask(secrets);
        emit(event);
    };
    let mut summary = Summary::nothing_yet();
    let result = fire_all(plan, interrupt, &mut emit, &mut summary);
    summary.conclude(result, &mut emit)
}

fn fire_all(
    plan: &mut ExternalPlan<'_>,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(RunEvent),
    summary: &mut Summary,
) -> Result<(), EngineError> {
    for index in plan.indices.clone() {
        if interrupt.is_set() {
            return Err(HandlerError::Interrupted.into());
        }
        let payload = (plan.payload)(index).map_err(EngineError::Payload)?;
        let message = message(plan, index, payload);
        emit(started(plan, &message));
        let hear = &mut |heard| {
            emit(match heard {
                Heard::Output(stream, text) => RunEvent::Output { index, stream, text },
                Heard::Notice(message) => RunEvent::Notice { message },
            });
        };
        let delivered = plan.handler.deliver(&message, interrupt, hear)?;
        summary.count(delivered.outcome.held());
        emit(RunEvent::DeliveryFinished {
            index,
            outcome: delivered.outcome,
            excerpt: None,
            start_up: delivered.times.start_up,
            handler: delivered.times.handler,
            engine: delivered.engine,
            repeat: (plan.repeat)(index),
        });
    }
    Ok(())
}

fn message(plan: &ExternalPlan<'_>, index: u64, payload: String) -> Message {
    Message {
        index,
        event: plan.event.to_owned(),
        payload,
        platform: plan.platform,
        seed: plan.seed,
        now: plan.now.to_owned(),
        id: (plan.id)(index),
    }
}

fn started(plan: &ExternalPlan<'_>, message: &Message) -> RunEvent {
    RunEvent::DeliveryStarted {
        index: message.index,
        event: message.event.clone(),
        to: plan.handler.addressee(),
        platform: plan.platform,
        platform_version: plan.platform_version.map(str::to_owned),
        payload: RawValue::from_string(message.payload.clone()).unwrap_or_else(|_| RawValue::NULL.to_owned()),
    }
}
