//! One run: the same callback, one payload after the other.

use std::ops::Range;

use serde_json::value::RawValue;

use super::bridge::Bridge;
use crate::app::{App, Script};
use crate::handler::{Handler, HandlerError, Interrupt, Launch};
use crate::model::{Addressee, Delivered, Delivery, Findings, Outcome, Platform, RunEvent, Secrets, Thrown, Verdict};
use crate::platform::Services;

/// What is to be fired, at what, and how.
pub struct Plan<'a> {
    /// The app.
    pub app: &'a App,
    /// Its `server.js`.
    pub script: &'a Script,
    /// The event's name.
    pub event: &'a str,
    /// The callback that the manifest names for it.
    pub callback: &'a str,
    /// The platform whose envelope the payloads wear.
    pub platform: Platform,
    /// Whether the event is over when the app calls `renderData`.
    pub ends_by_render: bool,
    /// How a handler process is started.
    pub launch: &'a Launch,
    /// The payloads' numbers.
    pub indices: Range<u64>,
    /// Makes the payload of that number, as JSON text.
    pub payload: &'a mut dyn FnMut(u64) -> Result<String, Findings>,
    /// The command that repeats the delivery of that number alone.
    pub repeat: &'a dyn Fn(u64) -> String,
    /// Where the first of the app's files that does not parse goes wrong.
    pub syntax_error: Option<Thrown>,
    /// What must reach no reporter.
    pub secrets: &'a Secrets,
}

/// How a run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Deliveries that held.
    pub held: u64,
    /// Deliveries that did not.
    pub failed: u64,
    /// The verdict over all.
    pub verdict: Verdict,
}

/// Why a run could not go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No handler process could be had.
    #[error(transparent)]
    Handler(#[from] HandlerError),
    /// A payload could not be made, or does not fit its schema.
    #[error("the payload cannot be fired")]
    Payload(Findings),
}

/// Fires every payload of the plan. The first handler process is started already, so that it comes up while the first
/// payload is made; further ones are started where one died. `services` answer the handler's host calls.
///
/// # Errors
/// [`EngineError`]; what had happened by then has been emitted, and so has the end of the run.
pub fn run(
    plan: &mut Plan<'_>,
    services: &mut Services<'_>,
    first: Handler,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(RunEvent),
) -> Result<Summary, EngineError> {
    let mut summary = Summary::nothing_yet();
    let mut bridge = Bridge::new(plan.app, services, plan.secrets, (&plan.script.name, &plan.script.source), emit);
    let mut process = Some(first);
    let result = fire_all(plan, &mut process, &mut bridge, interrupt, &mut summary);
    if let Some(process) = process {
        process.stop();
    }
    summary.conclude(result, &mut |event| bridge.emit(event))
}

impl Summary {
    pub(super) const fn nothing_yet() -> Self {
        Self { held: 0, failed: 0, verdict: Verdict::Held }
    }

    /// Counts a delivery.
    pub(super) fn count(&mut self, held: bool) {
        if held {
            self.held += 1;
        } else {
            self.failed += 1;
            self.verdict = Verdict::Problems;
        }
    }

    /// Tells the end of the run. One that was interrupted has come to a summary all the same.
    pub(super) fn conclude(
        mut self,
        result: Result<(), EngineError>,
        emit: &mut dyn FnMut(RunEvent),
    ) -> Result<Self, EngineError> {
        let interrupted = matches!(result, Err(EngineError::Handler(HandlerError::Interrupted)));
        let ended = match &result {
            Ok(()) => Verdict::Held,
            Err(_) if interrupted => Verdict::Interrupted,
            Err(EngineError::Handler(_)) => Verdict::Machine,
            Err(EngineError::Payload(_)) => Verdict::CannotDo,
        };
        self.verdict = self.verdict.and(ended);
        let exit_code = self.verdict.exit_code();
        emit(RunEvent::RunFinished { held: self.held, failed: self.failed, interrupted, exit_code });
        match result {
            Ok(()) => Ok(self),
            Err(_) if interrupted => Ok(self),
            Err(error) => Err(error),
        }
    }
}

fn fire_all(
    plan: &mut Plan<'_>,
    process: &mut Option<Handler>,
    bridge: &mut Bridge<'_, '_>,
    interrupt: &Interrupt,
    summary: &mut Summary,
) -> Result<(), EngineError> {
    for index in plan.indices.clone() {
        if interrupt.is_set() {
            return Err(HandlerError::Interrupted.into());
        }
        let payload = (plan.payload)(index).map_err(EngineError::Payload)?;
        bridge.begin(index, plan.event, &payload);
        bridge.emit(started(plan, index, &payload));
        let delivery = Delivery {
            index,
            event: plan.event.to_owned(),
            callback: plan.callback.to_owned(),
            payload,
            ends_by_render: plan.ends_by_render,
            clock_shift_ms: bridge.clock_shift_ms(),
        };
        let delivered = deliver(plan.launch, process, &delivery, bridge, interrupt)?;
        if let Some(process) = process.as_ref().filter(|_| index + 1 == plan.indices.end) {
            process.dismiss();
        }
        let found_error = bridge.take_error();
        summary.count(delivered.outcome.held() && !found_error);
        let event = finished(plan, index, delivered, bridge);
        bridge.emit(event);
    }
    Ok(())
}

/// Hands one payload to the process at hand, or to a new one where that is gone.
pub(super) fn deliver(
    launch: &Launch,
    process: &mut Option<Handler>,
    delivery: &Delivery,
    bridge: &mut Bridge<'_, '_>,
    interrupt: &Interrupt,
) -> Result<Delivered, HandlerError> {
    let mut handler = match process.take().filter(Handler::is_alive) {
        Some(handler) => handler,
        None => Handler::start(launch, interrupt)?,
    };
    let delivered = handler.deliver(delivery, bridge)?;
    if handler.is_alive() {
        *process = Some(handler);
    }
    Ok(delivered)
}

fn started(plan: &Plan<'_>, index: u64, payload: &str) -> RunEvent {
    RunEvent::DeliveryStarted {
        index,
        event: plan.event.to_owned(),
        to: Addressee::Callback {
            callback: plan.callback.to_owned(),
            file: plan.script.name.clone(),
            runtime: plan.launch.runtime,
        },
        platform: plan.platform,
        platform_version: plan.app.manifest.platform_version.clone(),
        payload: RawValue::from_string(payload.to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned()),
    }
}

fn finished(plan: &Plan<'_>, index: u64, delivered: Delivered, bridge: &Bridge<'_, '_>) -> RunEvent {
    let outcome = with_syntax_error(plan.syntax_error.as_ref(), delivered.outcome);
    RunEvent::DeliveryFinished {
        index,
        excerpt: bridge.excerpt(&outcome),
        outcome,
        start_up: delivered.times.start_up,
        handler: delivered.times.handler,
        engine: delivered.engine,
        repeat: (plan.repeat)(index),
    }
}

/// A syntax error as our own parser sees it. Engines differ in what they tell: some tell no place, and at the end of a file they
/// miss what belongs to the function that the file is put into.
pub(super) fn with_syntax_error(known: Option<&Thrown>, outcome: Outcome) -> Outcome {
    match (outcome, known) {
        (Outcome::NotLoaded { error }, Some(known)) if error.name == known.name => {
            Outcome::NotLoaded { error: Thrown { hint: error.hint, ..known.clone() } }
        }
        (outcome, _) => outcome,
    }
}
