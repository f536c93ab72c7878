//! `simctl trigger EVENT`: fires the event at the app's handler and tells what the handler did.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::external::{self, ExternalOptions};
use super::packages;
use super::payloads::{Payloads, Wanted};
use super::{AppOptions, Context, PayloadOptions, PayloadSource, Target};
use crate::app::script::Use;
use crate::app::{App, Iparams, Mock, Reading, Script, Subscription};
use crate::engine::{EngineError, Plan, run};
use crate::handler::{Handler, HandlerError, HostGlobal, Interrupt, Launch, Module, NodeOptions, find_node};
use crate::model::{Code, Finding, Findings, Frame, RunEvent, Runtime, Secrets, Verdict};
use crate::platform::{GLOBALS, Global, Network, Services, Setup, Storage, schedule_fires};
use crate::report::FanOut;
use crate::schema::Schemas;
use crate::text::shell_word;

/// The flags of `trigger`.
#[derive(Debug, Clone)]
pub struct TriggerOptions {
    /// The event's name.
    pub event: String,
    /// `--app`, `--manifest`
    pub app: AppOptions,
    /// `--module`: which subscription, where the event is subscribed in two modules.
    pub scope: Option<String>,
    /// `--iparams FILE`
    pub iparams: Option<PathBuf>,
    /// `--secret`, as often as given: parameters that are secret whatever the app says.
    pub secrets: Vec<String>,
    /// What runs the handler.
    pub handler: HandlerOptions,
    /// How the platform is simulated.
    pub platform: PlatformOptions,
    /// `--format`, as often as given.
    pub targets: Vec<Target>,
    /// `--to`, `--exec`: what gets the payload in place of the app's callback.
    pub external: Option<ExternalOptions>,
    /// The schedule that fires the event, where one does.
    pub schedule: Option<String>,
    /// What `generate` shares.
    pub payload: PayloadOptions,
}

/// What runs the app's handlers, and within which limits: what the verbs that run an app share.
#[derive(Debug, Clone)]
pub struct HandlerOptions {
    /// `--runtime`
    pub runtime: RuntimeChoice,
    /// `--timeout`
    pub timeout: Duration,
    /// `--memory`, in bytes.
    pub memory_bytes: u64,
    /// The program that runs Node.js: `--node`, or `node`.
    pub node: PathBuf,
    /// `--allow-node-globals`, `--node-permissions`
    pub node_options: NodeOptions,
    /// `--install`: packages that are missing are installed first.
    pub install: bool,
}

impl HandlerOptions {
    /// How a handler process of the app is started in `runtime`.
    pub(super) fn launch(&self, app: &App, script: &Script, runtime: Runtime) -> Launch {
        Launch {
            runtime,
            root: app.root.clone(),
            entry: Module { name: script.name.clone(), source: script.source.text().to_owned() },
            timeout: self.timeout,
            memory_bytes: self.memory_bytes,
            node: self.node.clone(),
            host_program: None,
            node_options: self.node_options,
            globals: globals(),
            shares_realm: false,
        }
    }
}

/// How the platform is simulated: what the verbs that run handlers share.
#[derive(Debug, Clone)]
pub struct PlatformOptions {
    /// `--db`
    pub db: Option<DbChoice>,
    /// `--fresh`
    pub fresh: bool,
    /// `--strict-limits`
    pub strict_limits: bool,
    /// `--network`
    pub network: Network,
}

/// `--db`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DbChoice {
    /// Kept nowhere.
    Memory,
    /// In this file.
    File(PathBuf),
}

impl PlatformOptions {
    pub(super) fn storage(&self, context: &Context, app: &App) -> Storage {
        match &self.db {
            Some(DbChoice::Memory) => Storage::Memory,
            Some(DbChoice::File(file)) => Storage::File(context.cwd.join(file)),
            None => Storage::App(app.root.clone()),
        }
    }
}

/// `--runtime`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeChoice {
    /// Embedded, unless the app needs Node.js and there is one.
    Auto,
    /// QuickJS.
    Embedded,
    /// Node.js.
    Node,
}

/// Everything that is known before the first payload is fired.
struct Prepared {
    app: App,
    subscription: Subscription,
    script: Script,
    launch: Launch,
    /// The handler process, where it was plain beforehand what it would be.
    early: Option<Handler>,
    /// Why this runtime, where the user did not choose it.
    notices: Vec<String>,
    /// Why it may not run here as it does in production.
    findings: Findings,
    reading: Reading,
    syntax_error: Option<Frame>,
    lacks_node: Option<String>,
}

/// What is fired, loaded while the handler process comes up.
struct Loaded {
    schemas: Schemas,
    payloads: Payloads,
    iparams: Iparams,
    mocks: Vec<Mock>,
}

/// Fires the event, once or `--count` times.
pub fn trigger(context: &Context, options: &TriggerOptions, interrupt: &Interrupt) -> Verdict {
    if let Some(external) = &options.external {
        return external::trigger(context, options, external, interrupt);
    }
    let mut prepared = match prepare(context, options, interrupt) {
        Ok(prepared) => prepared,
        Err(findings) => return context.refuse(&findings),
    };
    if let Some(why) = &prepared.lacks_node {
        return lacks_node(context, why);
    }
    if prepared.launch.runtime == Runtime::Node {
        let Prepared { app, reading, .. } = &prepared;
        if let Err(verdict) = packages::complete(context, app, reading, options.handler.install, interrupt) {
            return verdict;
        }
    }
    // The process comes up while the payload is made.
    let handler = match prepared.early.take() {
        Some(handler) => Ok(handler),
        None => Handler::start(&prepared.launch, interrupt),
    };
    let handler = match handler {
        Ok(handler) => handler,
        Err(error) => return cannot_start(context, &error),
    };
    match load(context, options, &prepared) {
        Ok(loaded) => {
            let verdict = fire(context, options, &prepared, &loaded, handler, interrupt);
            // The process ends next: taking these apart piece by piece would be for nobody.
            std::mem::forget(loaded);
            verdict
        }
        Err(findings) => context.refuse(&findings),
    }
}

fn prepare(context: &Context, options: &TriggerOptions, interrupt: &Interrupt) -> Result<Prepared, Findings> {
    let app = App::open(&options.app.locate(context))?;
    let subscription = app.subscription(&options.event, options.scope.as_deref())?.clone();
    let script = app.script()?;
    let mut launch = options.handler.launch(&app, &script, Runtime::Embedded);
    let is_plain = options.handler.runtime != RuntimeChoice::Node
        && !options.handler.node_options.lends_globals
        && may_run_embedded(script.source.text());
    let mut early = is_plain.then(|| Handler::start(&launch, interrupt).ok()).flatten();
    let reading = app.read_scripts(&script);
    let Choice { runtime, notices, findings, lacks_node } = choose_runtime(&options.handler, &reading);
    if runtime != launch.runtime {
        (launch.runtime, early) = (runtime, None);
    }
    let syntax_error = syntax_frame(&app, &reading);
    Ok(Prepared { app, subscription, script, launch, early, notices, findings, reading, syntax_error, lacks_node })
}

/// The platform's globals, for the handler's realm.
fn globals() -> Vec<HostGlobal> {
    let own = |(name, methods): Global| HostGlobal {
        name: name.to_owned(),
        methods: methods.iter().map(|&method| method.to_owned()).collect(),
    };
    GLOBALS.into_iter().map(own).collect()
}

/// Whether the text holds none of the words without which no script needs Node.js. A guess that allows the process to be
/// started before the script has been read; [`choose_runtime`] decides.
fn may_run_embedded(text: &str) -> bool {
    const TELLING: [&str; 4] = ["require", "Intl", "toLocale", "localeCompare"];
    !TELLING.iter().any(|word| text.contains(word))
}

/// What runs the app, and what is to be said of that.
pub(super) struct Choice {
    pub(super) runtime: Runtime,
    pub(super) notices: Vec<String>,
    pub(super) findings: Findings,
    /// Why the app cannot be run at all without Node.js, where there is none.
    pub(super) lacks_node: Option<String>,
}

/// What is to run the app, and what of `options` has no effect there.
pub(super) fn choose_runtime(options: &HandlerOptions, reading: &Reading) -> Choice {
    let mut choice = fitting_runtime(options, reading);
    choice.notices.extend(without_effect(choice.runtime, options));
    choice
}

/// Embedded unless the app cannot run there as it does in production; then Node.js, where there is one.
fn fitting_runtime(options: &HandlerOptions, reading: &Reading) -> Choice {
    let choice = |runtime, notices: Vec<String>| Choice { runtime, notices, findings: Vec::new(), lacks_node: None };
    let lends = options.node_options.lends_globals;
    let lent = "the handler finds `setTimeout`, `Buffer` and other globals of Node.js, which production does not have";
    let lent = lends.then(|| format!("`--allow-node-globals`: {lent}"));
    let has_node = || find_node(&options.node).is_some();
    match (options.runtime, reading.needs_node()) {
        (RuntimeChoice::Node, _) => choice(Runtime::Node, lent.into_iter().collect()),
        (RuntimeChoice::Auto, _) if lends => choice(Runtime::Node, lent.into_iter().collect()),
        (_, None) => choice(Runtime::Embedded, Vec::new()),
        (RuntimeChoice::Auto, Some(why)) if has_node() => {
            choice(Runtime::Node, vec![format!("{why}: using the node runtime")])
        }
        (RuntimeChoice::Auto, why) if !reading.packages.is_empty() => {
            Choice { lacks_node: why, ..choice(Runtime::Node, Vec::new()) }
        }
        (_, Some(_)) if !reading.packages.is_empty() => {
            Choice { findings: needs_node(reading), ..choice(Runtime::Embedded, Vec::new()) }
        }
        (RuntimeChoice::Auto, Some(why)) => {
            let notice = format!(
                "{why}, but there is no Node.js here: using the embedded runtime, which may answer differently"
            );
            choice(Runtime::Embedded, vec![notice])
        }
        (RuntimeChoice::Embedded, Some(why)) => {
            let notice = format!("{why}: the embedded runtime may answer differently than Node.js");
            choice(Runtime::Embedded, vec![notice])
        }
    }
}

/// Tells that the app requires what only Node.js loads, and that there is none.
pub(super) fn lacks_node(context: &Context, why: &str) -> Verdict {
    let what = format!("{why}, which only Node.js loads, and there is no Node.js here");
    context.console.error(&what, Some("install Node.js 18 or newer (https://nodejs.org), or name it with `--node`"));
    Verdict::Machine
}

/// What was asked for and the runtime that was chosen has no use for.
fn without_effect(runtime: Runtime, options: &HandlerOptions) -> Vec<String> {
    if runtime == Runtime::Node {
        return Vec::new();
    }
    let restricted = "`--node-permissions` has no effect: the app runs on the embedded runtime";
    let installed = "`--install` has no effect: the app requires no npm package";
    let all = [(options.node_options.is_restricted, restricted), (options.install, installed)];
    all.into_iter().filter(|(asked, _)| *asked).map(|(_, what)| what.to_owned()).collect()
}

/// What the app requires that the embedded runtime will not load.
fn needs_node(reading: &Reading) -> Findings {
    let hint = "leave out `--runtime embedded`, or say `--runtime node`";
    let finding = |required: &Use| {
        let what = format!("the embedded runtime does not load `{}`, which only Node.js can", required.specifier);
        Finding::new(Code::NeedsNode, what).at(required.place.clone()).hint(hint)
    };
    reading.packages.iter().map(finding).collect()
}

pub(super) fn syntax_frame(app: &App, reading: &Reading) -> Option<Frame> {
    let fault = reading.syntax.first()?;
    let span = fault.place.span?;
    let file = fault.place.file.as_deref()?;
    let file = file.strip_prefix(&app.shown_root).unwrap_or(file);
    Some(Frame {
        function: None,
        file: file.to_string_lossy().into_owned(),
        line: span.start.line,
        column: span.start.column,
    })
}

fn load(context: &Context, options: &TriggerOptions, prepared: &Prepared) -> Result<Loaded, Findings> {
    let app = &prepared.app;
    let schemas = context.schemas()?;
    let iparams_file = options.iparams.as_ref().map(|file| context.cwd.join(file));
    let iparams = app.iparams(iparams_file.as_deref(), &options.secrets)?;
    let sample = match options.payload.source {
        PayloadSource::Sample => Some(app.sample(&options.event, &prepared.subscription)?),
        _ => None,
    };
    let wanted = Wanted {
        event: &options.event,
        platform: app.manifest.platform,
        iparams: iparams.values.clone(),
        sample: sample.as_deref(),
    };
    let payloads = Payloads::new(context, &schemas, &options.payload, wanted)?;
    // A payload that cannot be made is told before anything is said to be fired.
    if payloads.plain().is_none() {
        payloads.value(&schemas, options.payload.indices().start)?;
    }
    // Mocks that nobody will ask are not looked at.
    let mocks = if options.platform.network == Network::Live { Vec::new() } else { app.mocks(&schemas)? };
    Ok(Loaded { schemas, payloads, iparams, mocks })
}

fn fire(
    context: &Context,
    options: &TriggerOptions,
    prepared: &Prepared,
    loaded: &Loaded,
    handler: Handler,
    interrupt: &Interrupt,
) -> Verdict {
    let storage = options.platform.storage(context, &prepared.app);
    let mut services = Services::new(Setup {
        app: &prepared.app,
        iparams: loaded.iparams.values.as_ref(),
        secrets: &loaded.iparams.secrets,
        now: options.payload.now,
        storage: storage.clone(),
        fresh: options.platform.fresh,
        strict_limits: options.platform.strict_limits,
        network: options.platform.network,
        mocks: &loaded.mocks,
    });
    if let Err(fault) = services.start() {
        context.console.error(&fault.what, fault.hint.as_deref());
        return Verdict::Machine;
    }
    let mut reporters = match context.console.reporters(&options.targets, &context.cwd) {
        Ok(reporters) => reporters,
        Err((target, error)) => {
            context.console.error(&format!("{target} cannot be written: {error}"), None);
            return Verdict::Machine;
        }
    };
    if let Some(schedule) = &options.schedule
        && let Err(verdict) = take(context, &storage, (schedule, options.payload.now), &loaded.iparams.secrets)
    {
        return verdict;
    }
    announce(context, options, prepared, loaded, &mut reporters);
    let mut plan = Plan {
        app: &prepared.app,
        script: &prepared.script,
        event: &options.event,
        callback: &prepared.subscription.callback,
        platform: prepared.app.manifest.platform,
        ends_by_render: loaded.payloads.ends_by_render(),
        launch: &prepared.launch,
        indices: options.payload.indices(),
        payload: &mut |index| loaded.payloads.text(&loaded.schemas, index),
        repeat: &|index| repeat_command(&context.command, &options.payload, options.payload.draws(), Some(index)),
        syntax_error: prepared.syntax_error.clone(),
        secrets: &loaded.iparams.secrets,
    };
    let result = run(&mut plan, &mut services, handler, interrupt, &mut |event| reporters.on_event(&event));
    let verdict = match result {
        Ok(summary) => summary.verdict,
        Err(EngineError::Handler(error)) => cannot_start(context, &error),
        Err(EngineError::Payload(findings)) => context.refuse(&findings),
    };
    context.console.finish(reporters, verdict)
}

/// Takes note that a schedule fires, before its callback runs: that may create another of the same name.
fn take(
    context: &Context,
    storage: &Storage,
    (schedule, now): (&str, Timestamp),
    secrets: &Secrets,
) -> Result<(), Verdict> {
    match schedule_fires(storage, secrets, schedule, now) {
        Ok(true) => Ok(()),
        Ok(false) => {
            context.console.error(&format!("the schedule `{schedule}` is gone: another run has fired it"), None);
            Err(Verdict::CannotDo)
        }
        Err(fault) => Err(super::schedules::broken(context, &fault)),
    }
}

fn announce(context: &Context, options: &TriggerOptions, prepared: &Prepared, loaded: &Loaded, reporters: &mut FanOut) {
    let indices = options.payload.indices();
    let mut emit = |mut event: RunEvent| {
        event.mask(&loaded.iparams.secrets);
        reporters.on_event(&event);
    };
    emit(RunEvent::RunStarted {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: repeat_command(&context.command, &options.payload, options.payload.draws(), None),
        seed: options.payload.draws().then_some(options.payload.seed),
        now: options.payload.now.to_string(),
        count: indices.end - indices.start,
        app: prepared.app.shown_root.to_string_lossy().into_owned(),
    });
    let found = prepared.app.manifest.findings.iter().chain(&prepared.findings).chain(loaded.payloads.remarks());
    for finding in found {
        emit(RunEvent::Found { finding: finding.clone() });
    }
    for notice in &prepared.notices {
        emit(RunEvent::Notice { message: notice.clone() });
    }
    if loaded.payloads.unchecked() {
        let event = &options.event;
        emit(RunEvent::Found { finding: unchecked(event) });
    }
}

pub(super) fn unchecked(event: &str) -> Finding {
    Finding::new(Code::Unchecked, format!("there is no schema for `{event}`, so its payload is fired unchecked"))
}

pub(super) fn cannot_start(context: &Context, error: &HandlerError) -> Verdict {
    if matches!(error, HandlerError::Interrupted) {
        return Verdict::Interrupted;
    }
    context.console.error(&error.to_string(), error.hint());
    Verdict::Machine
}

/// The command line, `with_clock` with the seed and the clock of this run in it; with an index, for that payload alone.
pub(super) fn repeat_command(
    command: &[String],
    payload: &PayloadOptions,
    with_clock: bool,
    index: Option<u64>,
) -> String {
    const DRAWN: [&str; 2] = ["--seed", "--now"];
    const NUMBERED: [&str; 3] = ["--index", "--count", "-n"];
    let drops = |word: &str| {
        let name = word.split_once('=').map_or(word, |(name, _)| name);
        DRAWN.contains(&name) || (index.is_some() && NUMBERED.contains(&name))
    };
    let mut words = vec!["simctl".to_owned()];
    let mut rest = command.iter().skip(1);
    while let Some(word) = rest.next() {
        if drops(word) {
            if !word.contains('=') {
                rest.next();
            }
        } else if index.is_some() && word.starts_with("-n") && word.len() > 2 {
            // `-n5`
        } else {
            words.push(shell_word(word).into_owned());
        }
    }
    if with_clock {
        words.push(format!("--seed {}", payload.seed));
        words.push(format!("--now {}", payload.now));
    }
    if let Some(index) = index.filter(|&index| index > 0 || payload.index.is_some()) {
        words.push(format!("--index {index}"));
    }
    words.join(" ")
}
