//! `simctl fuzz EVENT`: looks for payloads that the app's handler does not bear.

mod kept;
mod live;
mod repeat;

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;

use self::live::Live;
use super::test::{Report, with_reports};
use super::trigger::{cannot_start, lacks_node};
use super::{AppOptions, Context, Target, packages};
use crate::app::{App, Iparams, Mock, Script, Subscription};
use crate::engine::EngineError;
use crate::engine::fuzz::{Failure, FuzzPlan, Fuzzed, fuzz as run_fuzz};
use crate::engine::prepare::{Choice, HandlerOptions, choose_runtime, syntax_error};
use crate::handler::{Handler, Interrupt, Launch};
use crate::model::{Addressee, Code, Finding, Findings, RunEvent, Runtime, Thrown, Verdict};
use crate::payload::{Cases, Changes, Locale, Recipe, Variant};
use crate::platform::{Network, Setup, Storage};
use crate::report::{FanOut, Sections};
use crate::schema::Schemas;
use crate::text::list;

/// How many cases are fired where it is not said.
const COUNT: u64 = 2_000;

/// The flags of `fuzz`.
#[derive(Debug, Clone)]
pub struct FuzzOptions {
    /// The event's name.
    pub event: String,
    /// `--app`, `--manifest`
    pub app: AppOptions,
    /// `--module`
    pub scope: Option<String>,
    /// `--iparams FILE`
    pub iparams: Option<PathBuf>,
    /// `--secret`
    pub secrets: Vec<String>,
    /// `--count`
    pub count: Option<u64>,
    /// `--for`
    pub until: Option<Duration>,
    /// `--invalid`
    pub invalid: bool,
    /// `--baseline FILE`
    pub baseline: Option<PathBuf>,
    /// `--save-scenario`
    pub save_scenario: bool,
    /// `--seed`, or one drawn for this run.
    pub seed: u64,
    /// `--now`, or the time at which simctl was started.
    pub now: Timestamp,
    /// `--locale`
    pub locale: Locale,
    /// `--variant`
    pub variant: Variant,
    /// What runs the handler.
    pub handler: HandlerOptions,
    /// `--format`, as often as given.
    pub targets: Vec<Target>,
    /// `--report`, as often as given.
    pub reports: Vec<Report>,
    /// Whether a line on standard error shows how it goes.
    pub live: bool,
}

impl FuzzOptions {
    /// How many cases at most; none where only the time ends the run.
    fn count(&self) -> Option<u64> {
        self.count.or(if self.until.is_some() { None } else { Some(COUNT) })
    }
}

/// Everything that is known before the first case is fired.
struct Prepared {
    app: App,
    subscription: Subscription,
    script: Script,
    launch: Launch,
    notices: Vec<String>,
    findings: Findings,
    syntax_error: Option<Thrown>,
    iparams: Iparams,
    mocks: Vec<Mock>,
}

/// Fires cases of the event and tells of each way in which the handler fails.
pub fn fuzz(context: &Context, options: &FuzzOptions, interrupt: &Interrupt) -> Verdict {
    let known = match options.baseline.as_ref().map(|file| kept::baseline(&context.cwd, file)).transpose() {
        Ok(known) => known.unwrap_or_default(),
        Err(finding) => return context.refuse(&vec![*finding]),
    };
    let schemas = match context.schemas() {
        Ok(schemas) => schemas,
        Err(findings) => return context.refuse(&findings),
    };
    let prepared = match prepare(context, options, &schemas, interrupt) {
        Ok(prepared) => prepared,
        Err(Refusal::Findings(findings)) => return context.refuse(&findings),
        Err(Refusal::Verdict(verdict)) => return verdict,
    };
    let recipe = Recipe {
        seed: options.seed,
        now: options.now,
        locale: options.locale,
        variant: options.variant,
        platform: prepared.app.manifest.platform,
        changes: Changes::Drawn,
        actor: None,
        iparams: prepared.iparams.values.clone(),
    };
    let cases = match Cases::new(&schemas, &options.event, &recipe, 0) {
        Ok(cases) => cases,
        Err(findings) => return context.refuse(&findings),
    };
    let handler = match Handler::start(&prepared.launch, interrupt) {
        Ok(handler) => handler,
        Err(error) => return cannot_start(context, &error),
    };
    let all = context.console.reporters(&options.targets, &context.cwd);
    let reporters = match all.and_then(|all| with_reports(all, context, &options.reports, &Sections::default())) {
        Ok(reporters) => reporters,
        Err((target, error)) => {
            context.console.error(&format!("{target} cannot be written: {error}"), None);
            return Verdict::Machine;
        }
    };
    let ends_by_render = schemas.event(&options.event).is_some_and(|event| event.ends_by_render());
    let teller = Teller { context, options, prepared: &prepared, cases: &cases, known, reporters };
    teller.run(handler, interrupt, ends_by_render)
}

enum Refusal {
    Findings(Findings),
    Verdict(Verdict),
}

impl From<Findings> for Refusal {
    fn from(findings: Findings) -> Self {
        Self::Findings(findings)
    }
}

fn prepare(
    context: &Context,
    options: &FuzzOptions,
    schemas: &Schemas,
    interrupt: &Interrupt,
) -> Result<Prepared, Refusal> {
    let app = App::open(&options.app.locate(context))?;
    let subscription = app.subscription(&options.event, options.scope.as_deref())?.clone();
    if schemas.event(&options.event).is_none() {
        let what = format!("there is no schema for `{}`, so there are no edges of it to try", options.event);
        let hint = format!("there are schemas for {}", list(schemas.events()));
        return Err(vec![Finding::new(Code::NoSchema, what).hint(hint)].into());
    }
    let script = app.script()?;
    let reading = app.read_scripts(&script);
    let Choice { runtime, notices, findings, lacks_node: lacking } = choose_runtime(&options.handler, &reading);
    if let Some(why) = lacking {
        return Err(Refusal::Verdict(lacks_node(context, &why)));
    }
    if runtime == Runtime::Node {
        packages::complete(context, &app, &reading, options.handler.install, interrupt).map_err(Refusal::Verdict)?;
    }
    let launch = options.handler.launch(&app, &script, runtime);
    let syntax_error = syntax_error(&app, &reading);
    let iparams_file = options.iparams.as_ref().map(|file| context.cwd.join(file));
    let iparams = app.iparams(iparams_file.as_deref(), &options.secrets)?.complete()?;
    let mocks = app.mocks(schemas)?;
    Ok(Prepared { app, subscription, script, launch, notices, findings, syntax_error, iparams, mocks })
}

/// Tells reporters what came of a run.
struct Teller<'a> {
    context: &'a Context,
    options: &'a FuzzOptions,
    prepared: &'a Prepared,
    cases: &'a Cases<'a>,
    /// The places of the failures that do not fail the run.
    known: HashSet<String>,
    reporters: FanOut,
}

impl Teller<'_> {
    fn run(mut self, handler: Handler, interrupt: &Interrupt, ends_by_render: bool) -> Verdict {
        let (options, prepared) = (self.options, self.prepared);
        self.begin();
        let setup = || Setup {
            app: &prepared.app,
            iparams: prepared.iparams.values.as_ref(),
            secrets: &prepared.iparams.secrets,
            now: options.now,
            storage: Storage::Memory,
            fresh: true,
            strict_limits: false,
            network: Network::Mock,
            mocks: &prepared.mocks,
        };
        let plan = FuzzPlan {
            app: &prepared.app,
            script: &prepared.script,
            event: &options.event,
            callback: &prepared.subscription.callback,
            launch: &prepared.launch,
            cases: self.cases,
            count: options.count(),
            until: options.until,
            invalid: options.invalid,
            ends_by_render,
            setup: &setup,
            syntax_error: prepared.syntax_error.clone(),
            secrets: &prepared.iparams.secrets,
        };
        let mut live = Live::new(options.live, options.count(), options.until);
        let result = run_fuzz(&plan, handler, interrupt, &mut |fuzzed| live.show(fuzzed));
        live.clear();
        match result {
            Ok(fuzzed) => self.end(fuzzed),
            Err(EngineError::Handler(error)) => {
                let verdict = cannot_start(self.context, &error);
                self.finish(&Fuzzed::default(), verdict)
            }
            Err(EngineError::Payload(findings)) => self.context.refuse(&findings),
        }
    }

    fn emit(&mut self, mut event: RunEvent) {
        event.mask(&self.prepared.iparams.secrets);
        self.reporters.on_event(&event);
    }

    fn begin(&mut self) {
        let options = self.options;
        self.emit(RunEvent::RunStarted {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: repeat::whole(&self.context.command, options),
            seed: Some(options.seed),
            now: options.now.to_string(),
            count: options.count(),
            app: self.prepared.app.shown_root.to_string_lossy().into_owned(),
        });
        self.emit(RunEvent::FuzzStarted { event: options.event.clone(), invalid: options.invalid });
        let prepared = self.prepared;
        let of_app = prepared.app.manifest.findings.iter().chain(&prepared.findings);
        for finding in of_app.chain(&prepared.iparams.missing) {
            self.emit(RunEvent::Found { finding: finding.clone() });
        }
        for message in &prepared.notices {
            self.emit(RunEvent::Notice { message: message.clone() });
        }
    }

    fn end(mut self, fuzzed: Fuzzed) -> Verdict {
        // A line of the app's may hold a secret's value, and an earlier run told of it masked.
        let secrets = &self.prepared.iparams.secrets;
        let is_known = |failure: &&Failure| self.known.contains(&secrets.mask(&failure.place));
        let (known, new): (Vec<&Failure>, Vec<&Failure>) = fuzzed.failures.iter().partition(is_known);
        for failure in known {
            let times = failure.times;
            self.emit(RunEvent::Notice { message: format!("known: {}, {times} times", failure.place) });
        }
        for (index, failure) in (0..).zip(&new) {
            self.tell(index, failure);
            self.keep(failure);
        }
        let verdict = if new.is_empty() { Verdict::Held } else { Verdict::Problems };
        self.finish(&fuzzed, verdict.and(if fuzzed.interrupted { Verdict::Interrupted } else { Verdict::Held }))
    }

    /// The smallest case of a failure, as the delivery that it is.
    fn tell(&mut self, index: u64, failure: &Failure) {
        let (options, prepared, cases) = (self.options, self.prepared, self.cases);
        let payload = cases.payload(&failure.case).to_string();
        self.emit(RunEvent::DeliveryStarted {
            index,
            event: options.event.clone(),
            to: Addressee::Callback {
                callback: prepared.subscription.callback.clone(),
                file: prepared.script.name.clone(),
                runtime: prepared.launch.runtime,
            },
            platform: prepared.app.manifest.platform,
            platform_version: prepared.app.manifest.platform_version.clone(),
            payload: RawValue::from_string(payload).unwrap_or_else(|_| RawValue::NULL.to_owned()),
        });
        let id = cases.id(&failure.case);
        self.emit(RunEvent::CaseFailed {
            index,
            case: id.clone(),
            changes: cases.told(&failure.case),
            valid: cases.is_valid(&failure.case),
            smallest: failure.smallest,
            place: failure.place.clone(),
            times: failure.times,
        });
        self.emit(RunEvent::DeliveryFinished {
            index,
            outcome: failure.outcome.clone(),
            excerpt: failure.excerpt.clone(),
            start_up: Duration::ZERO,
            handler: failure.took,
            engine: None,
            repeat: repeat::one(&self.context.command, options, &id),
        });
    }

    /// Keeps it in the app. What cannot be kept is told, and the run goes on: it has been shown.
    fn keep(&mut self, failure: &Failure) {
        let (options, prepared) = (self.options, self.prepared);
        let id = self.cases.id(&failure.case);
        let repeat = repeat::one(&self.context.command, options, &id);
        let record = kept::Record {
            event: &options.event,
            place: &failure.place,
            case: &id,
            changes: &self.cases.told(&failure.case),
            payload: &self.cases.payload(&failure.case),
            repeat: &repeat,
        };
        let (root, secrets) = (&prepared.app.root, &prepared.iparams.secrets);
        if let Err(error) = record.keep(root, secrets) {
            self.context.console.note(&format!("the failure is not kept in .simctl/failures: {error}"));
        }
        if options.save_scenario {
            match record.save_scenario(root, secrets) {
                Ok(Some(path)) => self.emit(RunEvent::Notice { message: format!("wrote {}", path.display()) }),
                Ok(None) => {}
                Err(error) => self.context.console.note(&format!("the scenario is not written: {error}")),
            }
        }
    }

    fn finish(mut self, fuzzed: &Fuzzed, verdict: Verdict) -> Verdict {
        let places = fuzzed.failures.len();
        if places > 0 {
            let message = format!(
                "{} of {} cases failed, at {places} {}",
                fuzzed.failed,
                fuzzed.fired,
                if places == 1 { "place" } else { "places" }
            );
            self.emit(RunEvent::Notice { message });
        }
        self.emit(RunEvent::RunFinished {
            held: fuzzed.fired - fuzzed.failed,
            failed: fuzzed.failed,
            interrupted: fuzzed.interrupted,
            exit_code: verdict.exit_code(),
        });
        self.context.console.finish(self.reporters, verdict)
    }
}
