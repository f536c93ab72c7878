//! `simctl load EVENT`: fires many events and tells how fast they were handled, and what became of them.

mod app;
mod external;
mod gates;
mod live;
pub(super) mod repeat;
mod tell;

use std::path::PathBuf;
use std::time::Duration;

pub use self::gates::Expectation;
use self::live::{Goal, Live};
use self::tell::Told;
pub(super) use self::tell::{Reports, conclude};
use super::trigger::cannot_start;
use super::{Context, TriggerOptions};
use crate::engine::load::{
    self as engine, Crowd, Extent, Lives, LoadError, LoadEvent, LoadPlan, LoadTarget, Mix, Pace, Shard, Source,
    USER_EVENTS,
};
use crate::handler::Interrupt;
use crate::model::{Digest, Findings, LoadRun, Verdict};
use crate::payload::Recipe;
use crate::schema::Schemas;

/// How many payloads tell one run from another.
const FIRST: u64 = 8;

/// The flags of `load`.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// What `trigger` has as well.
    pub fire: TriggerOptions,
    /// `--for`
    pub time: Option<Duration>,
    /// `--rate`, a second.
    pub rate: Option<f64>,
    /// `--ramp`
    pub ramp: Duration,
    /// `--users`
    pub users: Option<u64>,
    /// `--mix`
    pub mix: Mix,
    /// `--workers` or `--in-flight`
    pub lanes: usize,
    /// `--shared-realm`
    pub shared_realm: bool,
    /// `--shard`: which, from 0, and of how many.
    pub shard: Option<(u64, u64)>,
    /// `--expect`
    pub expect: Vec<Expectation>,
    /// `--report`
    pub reports: Vec<LoadTargetFile>,
    /// Whether standard error is a terminal that shows how it goes.
    pub live: bool,
}

/// A form of report, and the file that it goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadTargetFile {
    /// The form.
    pub format: LoadFormat,
    /// The file.
    pub file: PathBuf,
}

/// A form of report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadFormat {
    /// Everything, to be read by programs and merged.
    Json,
    /// Charts, to be looked at.
    Html,
}

impl LoadOptions {
    fn pace(&self) -> Pace {
        self.rate.map_or(Pace::AsFast, |per_second| Pace::Rate { per_second, ramp: self.ramp })
    }

    fn extent(&self) -> Extent {
        match (self.fire.payload.index, self.time) {
            (Some(index), _) => Extent::Only(index),
            (None, Some(time)) => Extent::Time(time),
            (None, None) => Extent::Count(self.fire.payload.count),
        }
    }

    fn shard(&self) -> Shard {
        self.shard.map_or(Shard::WHOLE, |(part, of)| Shard { part, of })
    }

    /// The events that are fired.
    fn events(&self) -> Vec<&str> {
        match self.users {
            None => vec![&self.fire.event],
            Some(_) if self.mix.update == 0 => vec![USER_EVENTS[0]],
            Some(_) => USER_EVENTS.to_vec(),
        }
    }

    /// The users, where it is their lives that are fired.
    fn lives(&self, schemas: &Schemas, recipe: &Recipe) -> Result<Option<Lives>, Findings> {
        let crowd = self.users.map(|users| Crowd { users });
        crowd.map(|crowd| Lives::new(schemas, recipe, crowd, self.mix)).transpose()
    }
}

/// Fires the load.
pub fn load(context: &Context, options: &LoadOptions, interrupt: &Interrupt) -> Verdict {
    match &options.fire.external {
        Some(handler) => external::load(context, options, handler, interrupt),
        None => app::load(context, options, interrupt),
    }
}

/// What is fired at, and what is said of it.
struct Aim<'a> {
    target: LoadTarget<'a>,
    source: &'a dyn Source,
    events: Vec<LoadEvent>,
    /// `embedded`, `node`, `http` or `exec`.
    handler: String,
    /// Who gets the payloads.
    to: String,
    /// The command line, secrets masked.
    command: &'a [String],
    notices: &'a [String],
}

/// Fires at what is ready to be fired at.
fn fire(context: &Context, options: &LoadOptions, aim: Aim<'_>, interrupt: &Interrupt) -> Verdict {
    let first_payloads = match first_payloads(options, &aim) {
        Ok(digest) => digest,
        Err(findings) => return context.refuse(&findings),
    };
    let reports = match Reports::open(&options.reports, &context.cwd) {
        Ok(reports) => reports,
        Err((file, error)) => {
            context.console.error(&format!("{} cannot be written: {error}", file.display()), None);
            return Verdict::Machine;
        }
    };
    for notice in aim.notices {
        context.console.note(notice);
    }
    let external = matches!(aim.target, LoadTarget::External(_));
    let told = Told { options, run: run(options, &aim, first_payloads), command: aim.command, external };
    let plan = LoadPlan {
        pace: options.pace(),
        extent: options.extent(),
        shard: options.shard(),
        crowd: options.users.map(|users| Crowd { users }),
        lanes: options.lanes,
        source: aim.source,
        events: aim.events,
        target: aim.target,
    };
    let mut live = Live::new(options.live, goal(options));
    let mut load = engine::load(&plan, interrupt, &mut |progress| live.show(progress));
    live.clear();
    let failed = match load.error.take() {
        None => Verdict::Held,
        Some(LoadError::Handler(error)) => cannot_start(context, &error),
        Some(LoadError::Payload(findings)) => context.refuse(&findings),
        Some(error @ LoadError::Thread(_)) => {
            context.console.error(&error.to_string(), Some("ask for fewer at a time"));
            Verdict::Machine
        }
    };
    let verdict = if load.interrupted { failed.and(Verdict::Interrupted) } else { failed };
    // Whoever adds this shard's report to others is to know that it is not whole.
    load.interrupted |= failed != Verdict::Held;
    conclude(context, told.report(load), &options.expect, reports, verdict)
}

/// How far this shard goes.
fn goal(options: &LoadOptions) -> Goal {
    let Shard { part, of } = options.shard();
    match options.extent() {
        Extent::Count(count) => Goal::Count((count + of - 1 - part) / of),
        Extent::Time(time) => Goal::Time(time),
        Extent::Only(_) => Goal::Count(1),
    }
}

/// The digest of the run's first payloads. One that cannot be made is told before anything is fired.
fn first_payloads(options: &LoadOptions, aim: &Aim<'_>) -> Result<Digest, Findings> {
    let count = match options.extent() {
        Extent::Count(count) => count.min(FIRST),
        Extent::Time(_) | Extent::Only(_) => FIRST,
    };
    let (mut maker, mut digest) = (aim.source.maker(), Digest::default());
    for index in 0..count {
        let made = maker(index)?;
        let event = aim.events.get(made.event).map_or("", |event| &event.event);
        digest.add(Digest::of(index, event, &made.payload));
    }
    Ok(digest)
}

fn run(options: &LoadOptions, aim: &Aim<'_>, first_payloads: Digest) -> LoadRun {
    let payload = &options.fire.payload;
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    LoadRun {
        events: aim.events.iter().map(|event| event.event.clone()).collect(),
        handler: aim.handler.clone(),
        to: aim.to.clone(),
        seed: payload.draws().then_some(payload.seed),
        now: payload.now.to_string(),
        count: match options.extent() {
            Extent::Count(count) => Some(count),
            Extent::Only(_) => Some(1),
            Extent::Time(_) => None,
        },
        for_ms: options.time.map(ms),
        rate: options.rate,
        ramp_ms: (!options.ramp.is_zero()).then(|| ms(options.ramp)),
        users: options.users,
        mix: options.users.map(|_| options.mix.to_string()),
        shared_realm: options.shared_realm,
        first_payloads,
    }
}
