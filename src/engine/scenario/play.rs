//! A scenario played: its payloads delivered one after the other, each outcome compared with what was expected.

use std::time::Instant;

use serde_json::value::RawValue;

use super::compare::Reading;
use super::expect::{Effects, asks_records, differences};
use super::{Scenario, Step};
use crate::app::{App, Mock, Script};
use crate::coverage::Collector;
use crate::engine::bridge::Bridge;
use crate::engine::run::{deliver, with_syntax_place};
use crate::handler::{Handler, HandlerError, Interrupt, Launch};
use crate::model::{Addressee, Delivery, Difference, Frame, Level, RunEvent};
use crate::platform::{Network, Services, Setup, Storage};

/// Where scenarios are played: what all of them share.
#[derive(Debug)]
pub struct Stage<'a> {
    /// The app.
    pub app: &'a App,
    /// Its `server.js`.
    pub script: &'a Script,
    /// How a handler process is started.
    pub launch: &'a Launch,
    /// The mocks of the app's own files.
    pub mocks: &'a [Mock],
    /// Where the first of the app's files that does not parse goes wrong.
    pub syntax_error: Option<Frame>,
    /// Whether limits on calls a minute are held, rather than told.
    pub strict_limits: bool,
    /// What counts which of the app's code is reached.
    pub coverage: Option<&'a Collector>,
}

/// Plays one scenario, with a handler process, a `$db` and a clock of its own; says whether it held. The first step that
/// does not hold is the last one: what comes after it would only tell of the same fault again. `repeat` is the command that
/// plays it alone.
///
/// # Errors
/// [`HandlerError`] where this machine is in the way, and where the user ended it; what had happened by then has been
/// emitted.
pub fn play(
    stage: &Stage<'_>,
    scenario: &Scenario,
    repeat: &str,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(RunEvent),
) -> Result<bool, HandlerError> {
    let began = Instant::now();
    let secrets = &scenario.iparams.secrets;
    let mut emit = |mut event: RunEvent| {
        event.mask(secrets);
        emit(event);
    };
    let file = scenario.file.to_string_lossy().into_owned();
    emit(RunEvent::ScenarioStarted {
        name: scenario.name.clone(),
        file: file.clone(),
        seed: scenario.seed,
        now: scenario.now.to_string(),
        steps: scenario.steps.len() as u64,
    });
    let mut process = Some(Handler::start(stage.launch, interrupt)?);
    let mocks: Vec<Mock> = scenario.mocks.iter().chain(stage.mocks).cloned().collect();
    let mut services = services(stage, scenario, &mocks);
    services.keep(scenario.records.clone())?;
    let (mut held, mut fired) = (true, 0);
    for (index, step) in scenario.steps.iter().enumerate() {
        if interrupt.is_set() {
            return Err(HandlerError::Interrupted);
        }
        let act = Act { stage, scenario, step, index: index as u64, repeat };
        let found = act.play(&mut process, &mut services, interrupt, &mut emit)?;
        held = found.is_empty();
        fired += 1;
        emit(RunEvent::StepFinished {
            index: index as u64,
            step: step.title.clone(),
            differences: found,
            place: step.place.clone(),
        });
        if !held {
            break;
        }
    }
    if let Some(process) = process {
        process.stop();
    }
    emit(RunEvent::ScenarioFinished {
        name: scenario.name.clone(),
        file,
        held,
        steps: fired,
        took: began.elapsed(),
        repeat: repeat.to_owned(),
    });
    Ok(held)
}

fn services<'a>(stage: &Stage<'a>, scenario: &'a Scenario, mocks: &'a [Mock]) -> Services<'a> {
    Services::new(Setup {
        app: stage.app,
        iparams: scenario.iparams.values.as_ref(),
        secrets: &scenario.iparams.secrets,
        now: scenario.now,
        storage: Storage::Memory,
        fresh: false,
        strict_limits: stage.strict_limits,
        network: Network::Mock,
        mocks,
    })
}

/// One step on its stage.
struct Act<'a, 's> {
    stage: &'a Stage<'s>,
    scenario: &'a Scenario,
    step: &'a Step,
    index: u64,
    repeat: &'a str,
}

impl Act<'_, '_> {
    /// Fires the step, and says what differs from what was expected.
    fn play(
        &self,
        process: &mut Option<Handler>,
        services: &mut Services<'_>,
        interrupt: &Interrupt,
        emit: &mut dyn FnMut(RunEvent),
    ) -> Result<Vec<Difference>, HandlerError> {
        let Self { stage, scenario, step, index, .. } = self;
        let secrets = &scenario.iparams.secrets;
        let (mut logs, mut complaints) = (Vec::new(), Vec::new());
        let mut emit = |event: RunEvent| {
            match &event {
                RunEvent::Log { level, text, .. } => logs.push((*level, text.clone())),
                RunEvent::Found { finding } if finding.is_error() => complaints.push(finding.clone()),
                _ => {}
            }
            emit(event);
        };
        let entry = (stage.script.name.as_str(), &stage.script.source);
        let mut bridge = Bridge::new(stage.app, services, secrets, entry, &mut emit).counting(stage.coverage);
        bridge.begin(*index, &step.fired.event, &step.fired.payload);
        bridge.emit(self.started());
        let delivery = Delivery {
            index: *index,
            event: step.fired.event.clone(),
            callback: step.fired.callback.clone(),
            payload: step.fired.payload.clone(),
            ends_by_render: step.fired.ends_by_render,
            clock_shift_ms: bridge.clock_shift_ms(),
        };
        let delivered = deliver(stage.launch, process, &delivery, &mut bridge, interrupt)?;
        let outcome = with_syntax_place(stage.syntax_error.as_ref(), delivered.outcome);
        let excerpt = bridge.excerpt(&outcome);
        bridge.emit(RunEvent::DeliveryFinished {
            index: *index,
            outcome: outcome.clone(),
            excerpt,
            start_up: delivered.times.start_up,
            handler: delivered.times.handler,
            repeat: self.repeat.to_owned(),
        });
        let records = if asks_records(step.expect.as_ref()) { services.records()? } else { Vec::new() };
        let requests = services.take_requests();
        let logs: &[(Level, String)] = &logs;
        let effects = Effects { outcome: &outcome, logs, requests: &requests, records: &records };
        let reading = Reading { source: &scenario.source, users: &step.users };
        let mut found = differences(step.expect.as_ref(), &effects, reading, &step.place);
        found.extend(complaints.into_iter().map(|finding| Difference {
            what: "platform".to_owned(),
            expected: "no fault".to_owned(),
            actual: finding.message,
            place: step.place.clone(),
        }));
        Ok(found)
    }

    fn started(&self) -> RunEvent {
        let Self { stage, step, index, .. } = self;
        RunEvent::DeliveryStarted {
            index: *index,
            event: step.fired.event.clone(),
            to: Addressee::Callback {
                callback: step.fired.callback.clone(),
                file: stage.script.name.clone(),
                runtime: stage.launch.runtime,
            },
            platform: stage.app.manifest.platform,
            payload: RawValue::from_string(step.fired.payload.clone()).unwrap_or_else(|_| RawValue::NULL.to_owned()),
        }
    }
}
