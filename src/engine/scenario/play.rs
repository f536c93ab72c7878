//! A scenario played: its payloads delivered one after the other, each outcome compared with what was expected.

use std::time::Instant;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::compare::Reading;
use super::effects::{Call, Done, Effects};
use super::expect::{asks_records, asks_schedules, differences};
use super::snapshot::record;
use super::wait::MOST_FIRED;
use super::{Act, Fired, Scenario, Snapshots, Step, Until};
use crate::app::{App, Mock, Script};
use crate::coverage::Collector;
use crate::engine::bridge::{Bridge, count_entry};
use crate::engine::run::{deliver, with_syntax_error};
use crate::handler::{Handler, HandlerError, Interrupt, Launch};
use crate::model::{Addressee, Delivery, Difference, RunEvent, Thrown};
use crate::platform::{Network, Record, Schedule, Services, Setup, Storage};
use crate::text::json::Node;

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
    pub syntax_error: Option<Thrown>,
    /// Whether limits on calls a minute are held, rather than told.
    pub strict_limits: bool,
    /// What steps did before.
    pub snapshots: &'a Snapshots,
    /// What counts which of the app's code is reached.
    pub coverage: Option<&'a Collector>,
}

/// One time that a scenario is played.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// The command that plays it alone.
    pub repeat: &'a str,
    /// Which time it is, from 1.
    pub number: u64,
    /// Whether its result counts even if it does not hold.
    pub is_last: bool,
}

/// Plays one scenario, with a handler process, a `$db` and a clock of its own; says whether it held. The first step that
/// does not hold is the last one: what comes after it would only tell of the same fault again.
///
/// # Errors
/// [`HandlerError`] where this machine is in the way, and where the user ended it; what had happened by then has been
/// emitted.
pub fn play(
    stage: &Stage<'_>,
    scenario: &Scenario,
    attempt: &Attempt<'_>,
    interrupt: &Interrupt,
    emit: &mut dyn FnMut(RunEvent),
) -> Result<bool, HandlerError> {
    let repeat = attempt.repeat;
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
        app: stage.app.shown_root.to_string_lossy().into_owned(),
        seed: scenario.seed,
        now: scenario.now.to_string(),
        steps: scenario.steps.len() as u64,
        attempt: attempt.number,
        faults: scenario.faults.clone(),
    });
    let mut launch = Launch { runtime: scenario.runtime.unwrap_or(stage.launch.runtime), ..stage.launch.clone() };
    if let Some(coverage) = stage.coverage {
        count_entry(coverage, &mut launch);
    }
    let process = Some(Handler::start(&launch, interrupt)?);
    let mocks: Vec<Mock> = scenario.mocks.iter().chain(stage.mocks).cloned().collect();
    let mut services = services(stage, scenario, &mocks);
    services.keep(scenario.records.clone())?;
    let mut player =
        Player { stage, scenario, launch, repeat, interrupt, process, services, results: Map::new(), index: 0 };
    let (mut held, mut played) = (true, 0);
    for (index, step) in scenario.steps.iter().enumerate() {
        if interrupt.is_set() {
            return Err(HandlerError::Interrupted);
        }
        player.index = index as u64;
        let found = player.step(step, &mut emit)?;
        held = found.is_empty();
        played += 1;
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
    if let Some(process) = player.process {
        process.stop();
    }
    emit(RunEvent::ScenarioFinished {
        name: scenario.name.clone(),
        file,
        held,
        attempt: attempt.number,
        retried: !held && !attempt.is_last,
        steps: played,
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

/// One scenario on its stage.
struct Player<'a, 's> {
    stage: &'a Stage<'s>,
    scenario: &'a Scenario,
    launch: Launch,
    repeat: &'a str,
    interrupt: &'a Interrupt,
    process: Option<Handler>,
    services: Services<'a>,
    /// What came of the steps that have an id.
    results: Map<String, Value>,
    /// The step at hand.
    index: u64,
}

type Emit<'e> = &'e mut dyn FnMut(RunEvent);

impl Player<'_, '_> {
    /// Plays a step, and says what differs from what was expected.
    fn step(&mut self, step: &Step, emit: Emit<'_>) -> Result<Vec<Difference>, HandlerError> {
        self.services.wait_until(step.now);
        let before = match step.snapshot {
            Some(_) => (self.services.records()?, self.services.schedules()?),
            None => (Vec::new(), Vec::new()),
        };
        let (mut effects, mut found) = (Effects::default(), Vec::new());
        match &step.act {
            Act::Deliver(fired) => self.fire(step, fired, None, &mut effects, &mut found, emit)?,
            Act::Nothing => {}
            Act::Wait(until) => self.wait(step, *until, &mut effects, &mut found, emit)?,
        }
        if let Some(id) = &step.id {
            self.results.insert(id.clone(), effects.as_result());
        }
        self.look(&mut effects, step.expect.as_ref(), step.snapshot.is_some())?;
        // Where faults were put in, a handler may fail unless it is said that it must not.
        let must_hold = self.scenario.faults.is_empty().then_some(&step.place);
        let own = self.compare(step.expect.as_ref(), &effects, step, must_hold);
        found.splice(0..0, own);
        found.extend(effects.complaints.iter().map(|finding| Difference {
            what: "platform".to_owned(),
            expected: "no fault".to_owned(),
            actual: finding.message.clone(),
            place: step.place.clone(),
        }));
        if let Some(wish) = step.snapshot.as_ref().filter(|_| found.is_empty()) {
            let mut recorded = record(&effects, &before, &wish.volatile);
            self.scenario.iparams.secrets.mask_value(&mut recorded);
            found.extend(self.stage.snapshots.compare(self.scenario, wish, recorded));
        }
        Ok(found)
    }

    /// Lets time pass: each schedule fires at its own time, as long as any is due.
    fn wait(
        &mut self,
        step: &Step,
        until: Until,
        effects: &mut Effects,
        found: &mut Vec<Difference>,
        emit: Emit<'_>,
    ) -> Result<(), HandlerError> {
        let end = until.by(&self.services);
        while let Some(schedule) = self.services.fire_due(end)? {
            let Some(alarm) = &self.scenario.alarm else { continue };
            if self.interrupt.is_set() {
                return Err(HandlerError::Interrupted);
            }
            if effects.deliveries.len() == MOST_FIRED {
                found.push(Difference {
                    what: "schedules".to_owned(),
                    expected: format!("at most {MOST_FIRED} that fire in one step"),
                    actual: format!("more, at {}", schedule.next),
                    place: step.place.clone(),
                });
                break;
            }
            let name = schedule.name();
            emit(RunEvent::Notice { message: format!("schedule `{name}` fires at {}", schedule.next) });
            self.fire(step, &alarm.fired(&schedule), Some(name), effects, found, emit)?;
        }
        self.services.wait_until(end);
        Ok(())
    }

    /// Delivers an event, and compares what it does with what always holds.
    fn fire(
        &mut self,
        step: &Step,
        fired: &Fired,
        schedule: Option<&str>,
        all: &mut Effects,
        found: &mut Vec<Difference>,
        emit: Emit<'_>,
    ) -> Result<(), HandlerError> {
        let mut effects = self.deliver(fired, schedule, emit)?;
        if let Some(always) = self.scenario.always.as_ref().filter(|_| found.is_empty()) {
            self.look(&mut effects, Some(always), false)?;
            let broken = self.compare(Some(always), &effects, step, None);
            found.extend(broken.into_iter().map(|one| Difference { what: format!("always.{}", one.what), ..one }));
        }
        all.add(effects);
        Ok(())
    }

    fn deliver(&mut self, fired: &Fired, schedule: Option<&str>, emit: Emit<'_>) -> Result<Effects, HandlerError> {
        let (stage, index) = (self.stage, self.index);
        let mut effects = Effects::default();
        let mut emit = |event: RunEvent| {
            effects.hear(&event);
            emit(event);
        };
        let entry = (stage.script.name.as_str(), &stage.script.source);
        let secrets = &self.scenario.iparams.secrets;
        let counting = stage.coverage.map(|coverage| (coverage, self.launch.runtime));
        let mut bridge = Bridge::new(stage.app, &mut self.services, secrets, entry, &mut emit).counting(counting);
        bridge.begin(index, &fired.event, &fired.payload);
        bridge.emit(RunEvent::DeliveryStarted {
            index,
            event: fired.event.clone(),
            to: Addressee::Callback {
                callback: fired.callback.clone(),
                file: stage.script.name.clone(),
                runtime: self.launch.runtime,
            },
            platform: self.scenario.platform,
            platform_version: stage.app.manifest.platform_version.clone(),
            payload: RawValue::from_string(fired.payload.clone()).unwrap_or_else(|_| RawValue::NULL.to_owned()),
        });
        let delivery = Delivery {
            index,
            event: fired.event.clone(),
            callback: fired.callback.clone(),
            payload: fired.payload.clone(),
            ends_by_render: fired.ends_by_render,
            clock_shift_ms: bridge.clock_shift_ms(),
        };
        let delivered = deliver(&self.launch, &mut self.process, &delivery, &mut bridge, self.interrupt)?;
        let outcome = with_syntax_error(stage.syntax_error.as_ref(), delivered.outcome);
        let excerpt = bridge.excerpt(&outcome);
        bridge.emit(RunEvent::DeliveryFinished {
            index,
            outcome: outcome.clone(),
            excerpt,
            start_up: delivered.times.start_up,
            handler: delivered.times.handler,
            engine: delivered.engine,
            repeat: self.repeat.to_owned(),
        });
        effects.requests = self.services.take_requests();
        let (schedule, took) = (schedule.map(str::to_owned), delivered.times.handler);
        effects.deliveries.push(Done { schedule, outcome, took, payload: fired.payload.clone() });
        Ok(effects)
    }

    /// Looks at what is kept, where it is asked for.
    fn look(&mut self, effects: &mut Effects, expect: Option<&Node>, all: bool) -> Result<(), HandlerError> {
        let (records, schedules) = (all || asks_records(expect), all || asks_schedules(expect));
        effects.records = if records { self.services.records()? } else { Vec::<Record>::new() };
        effects.schedules = if schedules { self.services.schedules()? } else { Vec::<Schedule>::new() };
        Ok(())
    }

    fn compare(
        &self,
        expect: Option<&Node>,
        effects: &Effects,
        step: &Step,
        must_hold: Option<&crate::model::Place>,
    ) -> Vec<Difference> {
        let mut names = step.users.clone();
        names.extend(self.results.clone());
        let reading = Reading { source: &self.scenario.source, names: &names };
        differences(expect, effects, reading, must_hold)
    }
}

impl Effects {
    fn hear(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Log { level, text, .. } => self.logs.push((*level, text.clone())),
            RunEvent::Found { finding } if finding.is_error() => self.complaints.push(finding.clone()),
            RunEvent::Call { name, args, status, answer, .. } => self.calls.push(Call {
                name: name.clone(),
                args: args.clone(),
                status: *status,
                answer: answer.clone(),
            }),
            _ => {}
        }
    }
}
