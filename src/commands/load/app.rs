//! A load that an app's callbacks get.

use super::super::payloads::{Payloads, Wanted};
use super::super::trigger::{lacks_node, unchecked};
use super::super::{Context, DbChoice, PayloadSource, packages};
use super::{Aim, LoadOptions, fire};
use crate::app::{App, Iparams, Mock, Reading, Script, Subscription};
use crate::engine::load::{AppTarget, Lives, LoadEvent, LoadTarget, Source};
use crate::engine::prepare::{Choice, choose_runtime, syntax_error};
use crate::handler::{Interrupt, Launch};
use crate::model::{Findings, Runtime, Verdict};
use crate::platform::{Network, Services, Setup, Storage};
use crate::schema::Schemas;

/// Everything that is known before the first payload is fired.
struct Prepared {
    app: App,
    /// What the app is called with, in the order of [`LoadOptions::events`].
    subscriptions: Vec<Subscription>,
    script: Script,
    launch: Launch,
    reading: Reading,
    choice: Choice,
    schemas: Schemas,
    iparams: Iparams,
    mocks: Vec<Mock>,
    payloads: Payloads,
    lives: Option<Lives>,
}

pub(super) fn load(context: &Context, options: &LoadOptions, interrupt: &Interrupt) -> Verdict {
    let prepared = match prepare(context, options) {
        Ok(prepared) => prepared,
        Err(findings) => return context.refuse(&findings),
    };
    if let Some(why) = &prepared.choice.lacks_node {
        return lacks_node(context, why);
    }
    if prepared.launch.runtime == Runtime::Node {
        let Prepared { app, reading, .. } = &prepared;
        if let Err(verdict) = packages::complete(context, app, reading, options.fire.handler.install, interrupt) {
            return verdict;
        }
    }
    let mut findings = prepared.app.manifest.findings.clone();
    let of_run = prepared.choice.findings.iter().chain(&prepared.iparams.missing).chain(prepared.payloads.remarks());
    findings.extend(of_run.cloned());
    if prepared.payloads.unchecked() {
        findings.push(unchecked(&options.fire.event));
    }
    context.console.complain(&findings);
    fire_at(context, options, &prepared, interrupt)
}

fn prepare(context: &Context, options: &LoadOptions) -> Result<Prepared, Findings> {
    let trigger = &options.fire;
    let app = App::open(&trigger.app.locate(context))?;
    let subscriptions = subscriptions(&app, options)?;
    let script = app.script()?;
    let reading = app.read_scripts(&script);
    let choice = choose_runtime(&trigger.handler, &reading);
    let mut launch = trigger.handler.launch(&app, &script, choice.runtime);
    launch.shares_realm = options.shared_realm;
    // Of a million deliveries nobody reads the log lines: `trigger` tells those of one.
    launch.hears_logs = false;
    let schemas = context.schemas()?;
    let iparams_file = trigger.iparams.as_ref().map(|file| context.cwd.join(file));
    let iparams = app.iparams(iparams_file.as_deref(), &trigger.secrets)?.complete()?;
    let sample = match (&trigger.payload.source, subscriptions.first()) {
        (PayloadSource::Sample, Some(subscription)) => Some(app.sample(&trigger.event, subscription)?),
        _ => None,
    };
    let platform = app.manifest.platform;
    let wanted = Wanted {
        event: &trigger.event,
        platform,
        iparams: iparams.values.clone(),
        sample: sample.as_deref(),
        secrets: &iparams.secrets,
        user: None,
    };
    let payloads = Payloads::new(context, &schemas, &trigger.payload, wanted)?;
    let lives = options.lives(&schemas, &trigger.payload.recipe(platform, iparams.values.clone()))?;
    let mocks = if trigger.platform.network == Network::Live { Vec::new() } else { app.mocks(&schemas)? };
    Ok(Prepared { app, subscriptions, script, launch, reading, choice, schemas, iparams, mocks, payloads, lives })
}

/// The subscriptions of all events that are fired; what is missing is told at once.
fn subscriptions(app: &App, options: &LoadOptions) -> Result<Vec<Subscription>, Findings> {
    let (mut found, mut findings) = (Vec::new(), Findings::new());
    for event in options.events() {
        match app.subscription(event, options.fire.scope.as_deref()) {
            Ok(subscription) => found.push(subscription.clone()),
            Err(more) => findings.extend(more),
        }
    }
    if findings.is_empty() { Ok(found) } else { Err(findings) }
}

fn fire_at(context: &Context, options: &LoadOptions, prepared: &Prepared, interrupt: &Interrupt) -> Verdict {
    let Prepared { app, script, launch, iparams, mocks, payloads, schemas, .. } = prepared;
    let platform = &options.fire.platform;
    let storage = match &platform.db {
        // What earlier runs have kept would make this one another, and one file would be what is measured.
        None | Some(DbChoice::Memory) => Storage::Memory,
        Some(DbChoice::File(_)) => platform.storage(&context.cwd, app),
    };
    let services = |fresh| {
        Services::new(Setup {
            app,
            iparams: iparams.values.as_ref(),
            secrets: &iparams.secrets,
            now: options.fire.payload.now,
            storage: storage.clone(),
            fresh,
            strict_limits: platform.strict_limits,
            network: platform.network,
            mocks,
        })
    };
    // Once, and not by each worker.
    if let Err(fault) = services(platform.fresh).start() {
        context.console.error(&fault.what, fault.hint.as_deref());
        return Verdict::Machine;
    }
    let plain = |index| payloads.text(schemas, index);
    let source: &dyn Source = match &prepared.lives {
        Some(lives) => lives,
        None => &plain,
    };
    let events = options.events().into_iter().zip(&prepared.subscriptions).map(|(event, subscription)| LoadEvent {
        event: event.to_owned(),
        callback: subscription.callback.clone(),
        ends_by_render: options.users.is_none() && payloads.ends_by_render(),
    });
    let callbacks: Vec<&str> = prepared.subscriptions.iter().map(|found| found.callback.as_str()).collect();
    let target = AppTarget {
        app,
        script,
        launch,
        services: &|| services(false),
        syntax_error: syntax_error(app, &prepared.reading),
        secrets: &iparams.secrets,
    };
    let mut notices = prepared.choice.notices.clone();
    if options.shared_realm {
        notices.push(
            "`--shared-realm`: the app is loaded once for all events of a worker, which production does not do"
                .to_owned(),
        );
    }
    let aim = Aim {
        target: LoadTarget::App(target),
        source,
        events: events.collect(),
        handler: launch.runtime.to_string(),
        to: format!("{} in {}", callbacks.join(", "), script.name),
        command: &context.command,
        notices: &notices,
    };
    fire(context, options, aim, interrupt)
}
