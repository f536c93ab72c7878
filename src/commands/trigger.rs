//! `simctl trigger EVENT`: fires the event at the app's handler and tells what the handler did.

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use jiff::Timestamp;

use super::external::{self, ExternalOptions};
use super::payloads::{Payloads, Wanted};
use super::users::{UserChoice, Whom};
use super::{AppOptions, Context, PayloadOptions, PayloadSource, Target};
use super::{keeping, packages, replay};
use crate::app::{App, Iparams, Mock, Reading, Script, Subscription};
use crate::engine::prepare::{
    Choice, HandlerOptions, PlatformOptions, RuntimeChoice, choose_runtime, may_run_embedded, syntax_error,
};
use crate::engine::{EngineError, Plan, run};
use crate::handler::{Handler, HandlerError, Interrupt, Launch, Twin};
use crate::history::Keeper;
use crate::model::{Code, Finding, Findings, RunEvent, Runtime, Secrets, Thrown, Verdict};
use crate::platform::{Network, Services, Setup, Storage, schedule_fires};
use crate::report::Earlier;
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
    /// `--user`: whom the payload is about.
    pub user: Option<UserChoice>,
    /// What the run before did, where the event is fired again and again.
    pub earlier: Option<Earlier>,
    /// False with `--no-history`.
    pub keep: bool,
    /// The delivery that is fired again, where one is.
    pub replay_of: Option<u64>,
    /// What `generate` shares.
    pub payload: PayloadOptions,
}

impl TriggerOptions {
    /// The user whom the payload is about, where one was named; what is known of users is kept in `root`.
    pub(super) fn user(&self, context: &Context, root: &Path) -> Result<Option<Whom>, Findings> {
        self.user.as_ref().map(|user| user.resolve(context, root)).transpose()
    }

    /// The command that repeats delivery `index`. An update of a user who is known cannot be made twice, as she is another then,
    /// and standard input is read once: what repeats such a one is the delivery itself, by the number under which it will be kept.
    pub(super) fn repeat(&self, command: &[String], with_clock: bool, index: u64, keeper: &RefCell<Keeper>) -> String {
        let is_typed = matches!(&self.payload.source, PayloadSource::File(file) if file.as_os_str() == "-");
        if (self.user.is_some() || is_typed)
            && let Some(id) = keeper.borrow_mut().reserve()
        {
            return plain_command(&replay::command(command, &self.event, id));
        }
        match self.payload.source {
            PayloadSource::Kept(_) => plain_command(command),
            _ => repeat_command(command, &self.payload, with_clock, Some(index)),
        }
    }

    /// The command that repeats all deliveries. Of a replay, `command` does not say how often.
    pub(super) fn repeat_all(&self, command: &[String], with_clock: bool) -> String {
        let indices = self.payload.indices();
        match (&self.payload.source, indices.end - indices.start) {
            (PayloadSource::Kept(_), 1) => plain_command(command),
            (PayloadSource::Kept(_), times) => format!("{} --times {times}", plain_command(command)),
            _ => repeat_command(command, &self.payload, with_clock, None),
        }
    }
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
    syntax_error: Option<Thrown>,
    lacks_node: Option<String>,
    /// What is fired, where it was loaded already.
    loaded: Option<Result<Loaded, Findings>>,
}

/// What is fired, loaded while the handler process comes up.
struct Loaded {
    schemas: Schemas,
    payloads: Payloads,
    iparams: Iparams,
    mocks: Vec<Mock>,
}

/// Fires the event, once or `--count` times.
pub fn trigger(context: &Context, options: &TriggerOptions, twin: Option<Twin>, interrupt: &Interrupt) -> Verdict {
    if let Some(external) = &options.external {
        return external::trigger(context, options, external, interrupt);
    }
    let mut prepared = match prepare(context, options, twin, interrupt) {
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
    let loaded = prepared.loaded.take();
    match loaded.unwrap_or_else(|| load(context, options, &prepared.app, &prepared.subscription)) {
        Ok(loaded) => {
            let verdict = fire(context, options, &prepared, &loaded, handler, interrupt);
            if options.earlier.is_none() {
                // The process ends next: taking these apart piece by piece would be for nobody.
                std::mem::forget(loaded);
            }
            verdict
        }
        Err(findings) => context.refuse(&findings),
    }
}

fn prepare(
    context: &Context,
    options: &TriggerOptions,
    twin: Option<Twin>,
    interrupt: &Interrupt,
) -> Result<Prepared, Findings> {
    let app = App::open(&options.app.locate(context))?;
    let subscription = app.subscription(&options.event, options.scope.as_deref())?.clone();
    let script = app.script()?;
    let is_node = options.handler.runtime == RuntimeChoice::Node;
    let is_plain = !options.handler.node_options.lends_globals && may_run_embedded(script.source.text());
    let mut launch = options.handler.launch(&app, &script, if is_node { Runtime::Node } else { Runtime::Embedded });
    let mut early = match twin {
        // One that cannot be started is told of where it is started again; to install packages may take long.
        _ if is_node => (!options.handler.install).then(|| Handler::start(&launch, interrupt).ok()).flatten(),
        _ if !is_plain => None,
        Some(twin) => Some(Handler::start_in(twin, &launch, interrupt)),
        None => Handler::start(&launch, interrupt).ok(),
    };
    let (reading, loaded) = if early.is_some() {
        // Only the first delivery waits for what the script says.
        thread::scope(|scope| {
            let reading = scope.spawn(|| app.read_scripts(&script));
            let loaded = load(context, options, &app, &subscription);
            (reading.join().unwrap_or_else(|panic| resume_unwind(panic)), Some(loaded))
        })
    } else {
        // Here the process does, so what is fired is loaded while it comes up.
        (app.read_scripts(&script), None)
    };
    let Choice { runtime, notices, findings, lacks_node } = choose_runtime(&options.handler, &reading);
    if runtime != launch.runtime {
        (launch.runtime, early) = (runtime, None);
    }
    let syntax_error = syntax_error(&app, &reading);
    Ok(Prepared {
        app,
        subscription,
        script,
        launch,
        early,
        notices,
        findings,
        reading,
        syntax_error,
        lacks_node,
        loaded,
    })
}

/// Tells that the app requires what only Node.js loads, and that there is none.
pub(super) fn lacks_node(context: &Context, why: &str) -> Verdict {
    let what = format!("{why}, which only Node.js loads, and there is no Node.js here");
    context.console.error(&what, Some("install Node.js 18 or newer (https://nodejs.org), or name it with `--node`"));
    Verdict::Machine
}

fn load(
    context: &Context,
    options: &TriggerOptions,
    app: &App,
    subscription: &Subscription,
) -> Result<Loaded, Findings> {
    let schemas = context.schemas()?;
    let iparams_file = options.iparams.as_ref().map(|file| context.cwd.join(file));
    let iparams = app.iparams(iparams_file.as_deref(), &options.secrets)?.complete()?;
    let sample = match options.payload.source {
        PayloadSource::Sample => Some(app.sample(&options.event, subscription)?),
        _ => None,
    };
    let wanted = Wanted {
        event: &options.event,
        platform: app.manifest.platform,
        iparams: iparams.values.clone(),
        sample: sample.as_deref(),
        secrets: &iparams.secrets,
        user: options.user(context, &app.root)?,
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
    let storage = options.platform.storage(&context.cwd, &prepared.app);
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
    let mut reporters = match context.console.reporters_since(&options.targets, &context.cwd, options.earlier.as_ref())
    {
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
    let keeper = keeping::keeper(context, &prepared.app.root, options, &loaded.iparams.secrets);
    let keeper = RefCell::new(keeper);
    let mut emit = |event: RunEvent| {
        reporters.on_event(&event);
        keeper.borrow_mut().on_event(&event);
    };
    announce(context, options, prepared, loaded, &mut emit);
    let mut plan = Plan {
        app: &prepared.app,
        script: &prepared.script,
        event: &options.event,
        callback: &prepared.subscription.callback,
        platform: prepared.app.manifest.platform,
        ends_by_render: loaded.payloads.ends_by_render(),
        launch: &prepared.launch,
        indices: options.payload.indices(),
        payload: &mut |index| {
            loaded.payloads.text(&loaded.schemas, index).inspect(|text| keeper.borrow_mut().payload(text))
        },
        repeat: &|index| options.repeat(&context.command, options.payload.draws(), index, &keeper),
        syntax_error: prepared.syntax_error.clone(),
        secrets: &loaded.iparams.secrets,
    };
    let result = run(&mut plan, &mut services, handler, interrupt, &mut emit);
    let verdict = match result {
        Ok(summary) => summary.verdict,
        Err(EngineError::Handler(error)) => cannot_start(context, &error),
        Err(EngineError::Payload(findings)) => context.refuse(&findings),
    };
    keeping::tell_trouble(context, &keeper.borrow());
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

fn announce(
    context: &Context,
    options: &TriggerOptions,
    prepared: &Prepared,
    loaded: &Loaded,
    emit: &mut dyn FnMut(RunEvent),
) {
    let indices = options.payload.indices();
    let mut emit = |mut event: RunEvent| {
        event.mask(&loaded.iparams.secrets);
        emit(event);
    };
    emit(RunEvent::RunStarted {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: options.repeat_all(&context.command, options.payload.draws()),
        seed: options.payload.draws().then_some(options.payload.seed),
        now: options.payload.now.to_string(),
        count: Some(indices.end - indices.start),
        app: prepared.app.shown_root.to_string_lossy().into_owned(),
    });
    let of_app = prepared.app.manifest.findings.iter().chain(&prepared.findings);
    let found = of_app.chain(&loaded.iparams.missing).chain(loaded.payloads.remarks());
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

/// The command line as it stands.
fn plain_command(command: &[String]) -> String {
    let words = command.iter().skip(1).map(|word| shell_word(word).into_owned());
    ["simctl".to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}

/// A word with `-n` in it, as `-n`, `-n5` or `-qn5`: the flags before that, and the number, where it is in the same word.
fn counted(word: &str) -> Option<(&str, &str)> {
    let at = word.find('n').filter(|&at| at > 0 && word.starts_with('-'))?;
    word[1..at].chars().all(|flag| matches!(flag, 'q' | 'v')).then(|| (&word[..at], &word[at + 1..]))
}

/// The command line, `with_clock` with the seed and the clock of this run in it; with an index, for that payload alone.
pub(super) fn repeat_command(
    command: &[String],
    payload: &PayloadOptions,
    with_clock: bool,
    index: Option<u64>,
) -> String {
    const DRAWN: [&str; 2] = ["--seed", "--now"];
    const NUMBERED: [&str; 2] = ["--index", "--count"];
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
        } else if let Some((others, number)) = counted(word).filter(|_| index.is_some()) {
            if others.len() > 1 {
                words.push(others.to_owned());
            }
            if number.is_empty() {
                rest.next();
            }
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
