//! `simctl trigger EVENT --to URL` and `--exec COMMAND`: fires the event at a handler that is not JavaScript.
//!
//! An app is not needed. One that is around gives the platform, installation parameters and their secrets; that it does
//! not subscribe to the event is no obstacle.

use std::cell::RefCell;

use serde_json::{Map, Value};

use super::keeping;
use super::payloads::{Payloads, Wanted};
use super::trigger::{cannot_start, unchecked};
use super::{Context, PayloadSource, TriggerOptions};
use crate::app::{App, Iparams, Scope, Subscription};
use crate::engine::{EngineError, ExternalPlan, run_external};
use crate::handler::{
    CloudEvents, Command, CommandError, Endpoint, EndpointError, External, Interrupt, Post, shown_header, shown_url,
};
use crate::model::{Code, Finding, Findings, Place, Platform, RunEvent, Secrets, Verdict};
use crate::payload::delivery_id;
use crate::schema::Schemas;

/// What gets the payload in place of an app's callback.
#[derive(Debug, Clone)]
pub enum ExternalOptions {
    /// An endpoint.
    Http {
        /// `--to`
        url: String,
        /// `--header`, as often as given.
        headers: Vec<String>,
        /// `--cloudevents`
        cloud_events: Option<CloudEvents>,
        /// `--allow-remote`
        allow_remote: bool,
    },
    /// A program.
    Exec {
        /// `--exec`
        command: String,
    },
}

/// Everything that is known before the first payload is fired.
pub(super) struct Prepared {
    pub(super) handler: External,
    /// The command line, secrets masked.
    pub(super) command: Vec<String>,
    app: Option<App>,
    pub(super) platform: Platform,
    pub(super) iparams: Option<Map<String, Value>>,
    /// Of required installation parameters that have no value.
    pub(super) missing: Findings,
    pub(super) secrets: Secrets,
    pub(super) schemas: Schemas,
    pub(super) payloads: Payloads,
    pub(super) notices: Vec<String>,
}

/// Fires the event, once or `--count` times.
pub(super) fn trigger(
    context: &Context,
    options: &TriggerOptions,
    external: &ExternalOptions,
    interrupt: &Interrupt,
) -> Verdict {
    let (handler, secrets) = match open(context, options, external, 0, interrupt) {
        Ok(opened) => opened,
        Err(verdict) => return verdict,
    };
    match prepare(context, options, handler, secrets) {
        Ok(prepared) => fire(context, options, &prepared, interrupt),
        Err(findings) => context.refuse(&findings),
    }
}

/// The handler, and what of the flags that describe it is secret. An endpoint keeps connections for so many deliveries at a
/// time.
pub(super) fn open(
    context: &Context,
    options: &TriggerOptions,
    external: &ExternalOptions,
    in_flight: usize,
    interrupt: &Interrupt,
) -> Result<(External, Vec<String>), Verdict> {
    match external {
        ExternalOptions::Http { url, headers, cloud_events, allow_remote } => {
            let post = Post {
                url: url.clone(),
                headers: headers.clone(),
                cloud_events: *cloud_events,
                allow_remote: *allow_remote,
                timeout: options.handler.timeout,
            };
            let endpoint =
                Endpoint::open_for(&post, in_flight, interrupt).map_err(|error| no_endpoint(context, &error))?;
            let secrets = endpoint.secrets().collect();
            Ok((External::Http(Box::new(endpoint)), secrets))
        }
        ExternalOptions::Exec { command } => {
            let command = Command::open(command, &context.cwd, options.handler.timeout, options.handler.memory_bytes);
            let command = command.map_err(|error| no_command(context, &error))?;
            Ok((External::Exec(command), Vec::new()))
        }
    }
}

fn no_endpoint(context: &Context, error: &EndpointError) -> Verdict {
    if matches!(error, EndpointError::Interrupted) {
        return Verdict::Interrupted;
    }
    context.console.error(&error.to_string(), error.hint());
    if matches!(error, EndpointError::UnknownHost { .. }) { Verdict::Machine } else { Verdict::CannotDo }
}

fn no_command(context: &Context, error: &CommandError) -> Verdict {
    context.console.error(&error.to_string(), error.hint().as_deref());
    if error.is_of_the_machine() { Verdict::Machine } else { Verdict::CannotDo }
}

pub(super) fn prepare(
    context: &Context,
    options: &TriggerOptions,
    handler: External,
    secrets: Vec<String>,
) -> Result<Prepared, Findings> {
    let (app, notices) = app_around(context, options)?;
    let iparams = iparams(context, options, app.as_ref())?.complete()?;
    let platform = app.as_ref().map_or(Platform::V3, |app| app.manifest.platform);
    let sample = match (&app, &options.payload.source) {
        (Some(app), PayloadSource::Sample) => Some(app.sample(&options.event, &subscription(app, options))?),
        _ => None,
    };
    let schemas = context.schemas()?;
    let (values, missing) = (iparams.values, iparams.missing);
    let wanted = Wanted {
        event: &options.event,
        platform,
        iparams: values.clone(),
        sample: sample.as_deref(),
        secrets: &iparams.secrets,
        user: options.user(context, &keeping::root(context, &options.app)?)?,
    };
    let payloads = Payloads::new(context, &schemas, &options.payload, wanted)?;
    // A payload that cannot be made is told before anything is said to be fired.
    if payloads.plain().is_none() {
        payloads.value(&schemas, options.payload.indices().start)?;
    }
    let secrets = iparams.secrets.and(secrets.into_iter().map(|value| ("header".to_owned(), value)));
    let command = masked_words(&context.command);
    Ok(Prepared { handler, command, app, platform, iparams: values, missing, secrets, schemas, payloads, notices })
}

/// The app, where there is one; one that was not asked for and has faults is left aside, and a remark says so.
fn app_around(context: &Context, options: &TriggerOptions) -> Result<(Option<App>, Vec<String>), Findings> {
    match App::open(&options.app.locate(context)) {
        Ok(app) => Ok((Some(app), Vec::new())),
        Err(findings) if options.app.is_given() => Err(findings),
        Err(findings) if findings.iter().all(|finding| finding.code == Code::ManifestMissing) => Ok((None, Vec::new())),
        Err(_) => {
            let notice = "the app around this folder has faults and is left aside: `simctl validate` shows them";
            Ok((None, vec![notice.to_owned()]))
        }
    }
}

fn iparams(context: &Context, options: &TriggerOptions, app: Option<&App>) -> Result<Iparams, Findings> {
    let file = options.iparams.as_ref().map(|file| context.cwd.join(file));
    match (app, file) {
        (Some(app), file) => app.iparams(file.as_deref(), &options.secrets),
        (None, None) => Ok(Iparams::default()),
        (None, Some(_)) => {
            let what = "`--iparams` fills in the parameters that an app declares, and no app was found";
            Err(vec![Finding::new(Code::ManifestMissing, what).hint("name it with `--app DIR`")])
        }
    }
}

/// The app's own subscription of the event, or one that names no module: either says where samples lie.
fn subscription(app: &App, options: &TriggerOptions) -> Subscription {
    let own = app.subscription(&options.event, None).ok().cloned();
    own.unwrap_or_else(|| Subscription {
        event: options.event.clone(),
        callback: String::new(),
        scope: Scope::None,
        place: Place::default(),
    })
}

/// The command line without what looks secret in the values of `--header` and `--to`.
fn masked_words(command: &[String]) -> Vec<String> {
    let mut masked: Vec<String> = Vec::with_capacity(command.len());
    for word in command {
        let in_one =
            word.split_once('=').and_then(|(flag, value)| Some(format!("{flag}={}", shown_value(flag, value)?)));
        let as_value = || shown_value(masked.last()?, word);
        let shown = in_one.or_else(as_value).unwrap_or_else(|| word.clone());
        masked.push(shown);
    }
    masked
}

/// The value of a flag as it may be shown, where the flag is one whose values may hold secrets.
fn shown_value(flag: &str, value: &str) -> Option<String> {
    match flag {
        "--header" => Some(shown_header(value)),
        "--to" => Some(shown_url(value)),
        _ => None,
    }
}

fn fire(context: &Context, options: &TriggerOptions, prepared: &Prepared, interrupt: &Interrupt) -> Verdict {
    let mut reporters = match context.console.reporters_since(&options.targets, &context.cwd, options.earlier.as_ref())
    {
        Ok(reporters) => reporters,
        Err((target, error)) => {
            context.console.error(&format!("{target} cannot be written: {error}"), None);
            return Verdict::Machine;
        }
    };
    let draws = options.payload.draws() || prepared.handler.tells_seed_and_clock();
    let with_clock = draws && options.replay_of.is_none();
    let home = keeping::root(context, &options.app).unwrap_or_else(|_| context.cwd.clone());
    let keeper = RefCell::new(keeping::keeper(context, &home, options, &prepared.secrets));
    let mut emit = |event: RunEvent| {
        reporters.on_event(&event);
        keeper.borrow_mut().on_event(&event);
    };
    announce(options, prepared, options.repeat_all(&prepared.command, with_clock), with_clock, &mut emit);
    let mut plan = ExternalPlan {
        handler: &prepared.handler,
        event: &options.event,
        platform: prepared.platform,
        platform_version: prepared.app.as_ref().and_then(|app| app.manifest.platform_version.as_deref()),
        seed: options.payload.seed,
        now: &options.payload.now.to_string(),
        indices: options.payload.indices(),
        payload: &mut |index| {
            prepared.payloads.text(&prepared.schemas, index).inspect(|text| keeper.borrow_mut().payload(text))
        },
        id: &|index| delivery_id(options.payload.seed, index, &options.event),
        repeat: &|index| options.repeat(&prepared.command, with_clock, index, &keeper),
        secrets: &prepared.secrets,
    };
    let result = run_external(&mut plan, interrupt, &mut emit);
    let verdict = match result {
        Ok(summary) => summary.verdict,
        Err(EngineError::Handler(error)) => cannot_start(context, &error),
        Err(EngineError::Payload(findings)) => context.refuse(&findings),
    };
    keeping::tell_trouble(context, &keeper.borrow());
    context.console.finish(reporters, verdict)
}

fn announce(
    options: &TriggerOptions,
    prepared: &Prepared,
    command: String,
    with_clock: bool,
    emit: &mut dyn FnMut(RunEvent),
) {
    let mut emit = |mut event: RunEvent| {
        event.mask(&prepared.secrets);
        emit(event);
    };
    let indices = options.payload.indices();
    emit(RunEvent::RunStarted {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command,
        seed: with_clock.then_some(options.payload.seed),
        now: options.payload.now.to_string(),
        count: Some(indices.end - indices.start),
        app: prepared.app.as_ref().map(|app| app.shown_root.to_string_lossy().into_owned()).unwrap_or_default(),
    });
    for finding in prepared.missing.iter().chain(prepared.payloads.remarks()) {
        emit(RunEvent::Found { finding: finding.clone() });
    }
    for notice in &prepared.notices {
        emit(RunEvent::Notice { message: notice.clone() });
    }
    if prepared.payloads.unchecked() {
        emit(RunEvent::Found { finding: unchecked(&options.event) });
    }
}

#[cfg(test)]
mod tests {
    use super::masked_words;

    #[test]
    fn secrets_on_the_command_line_are_masked_however_they_are_given() {
        let words = [
            "--header",
            "X-Key: ab",
            "--header=Cookie: c=d",
            "--to=http://h/?token=e",
            "--to",
            "http://h/?token=f&a=b",
        ];
        let masked = masked_words(&words.map(str::to_owned));
        let wanted = [
            "--header",
            "X-Key: ********",
            "--header=Cookie: ********",
            "--to=http://h/?token=********",
            "--to",
            "http://h/?token=********&a=b",
        ];
        assert_eq!(masked, wanted);
    }
}
