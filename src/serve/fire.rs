//! One fire, from the app on disk to the end of its run: what `trigger` does, with a payload that the page sends.

use std::cell::RefCell;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Settings;
use super::api::payloads::{self, Made};
use super::fires::{Fire, Trouble};
use crate::app::{App, Iparams, missing_findings};
use crate::engine::prepare::{Choice, choose_runtime, syntax_error};
use crate::engine::{EngineError, Plan, run as run_plan};
use crate::handler::{Handler, HandlerError};
use crate::history::{History, Keeper, Users};
use crate::model::{Code, Finding, Findings, RunEvent, Runtime, Verdict};
use crate::payload::{complete, load};
use crate::platform::{Network, Services, Setup};
use crate::schema::{EventSchema, LARGEST_PAYLOAD};
use crate::text::{Source, shell_text, shell_word};

/// What findings call the payload that the page sends.
pub(super) const PAYLOAD: &str = "payload.json";

type Refusal = (Verdict, Trouble);

/// Fires, and keeps what happens in `fire`.
pub(super) fn run(settings: &Settings, fire: &Fire) -> Result<Verdict, Refusal> {
    let wanted = &fire.wanted;
    let app = App::open(&settings.locate).map_err(refused)?;
    let subscription = app.subscription(&wanted.event, wanted.module.as_deref()).map_err(refused)?.clone();
    let script = app.script().map_err(refused)?;
    let iparams = app.iparams(settings.iparams.as_deref(), &settings.secrets).and_then(Iparams::complete);
    let iparams = iparams.map_err(refused)?;
    let payload = payload(settings, fire, &app, &iparams).map_err(|findings| masked(findings, &iparams))?;
    let reading = app.read_scripts(&script);
    let Choice { runtime, notices, findings, lacks_node } = choose_runtime(&settings.handler, &reading);
    if let Some(why) = lacks_node {
        let message = format!("{why}, which only Node.js loads, and there is no Node.js here");
        return Err(machine(message, Some("install Node.js 18 or newer (https://nodejs.org)".to_owned())));
    }
    if runtime == Runtime::Node {
        let missing = app.missing_packages(&reading);
        if !missing.is_empty() {
            return Err(refused(missing_findings(&missing)));
        }
    }
    let launch = settings.handler.launch(&app, &script, runtime);
    let handler = Handler::start(&launch, &fire.interrupt).map_err(cannot_start)?;
    let is_live = settings.platform.network == Network::Live;
    let mocks = if is_live { Vec::new() } else { app.mocks(&settings.schemas).map_err(refused)? };
    let made = wanted.made.as_ref().filter(|made| is_made_so(settings, fire, &app, &iparams, made, &payload.value));
    let then =
        wanted.kept.as_ref().and_then(|kept| kept.now.parse().ok()).or(wanted.made.as_ref().map(|made| made.now));
    let now = then.unwrap_or_else(settings.clock);
    let repeat = repeat_command(settings, fire, &payload.text, made, now);
    let mut services = Services::new(Setup {
        app: &app,
        iparams: iparams.values.as_ref(),
        secrets: &iparams.secrets,
        now,
        storage: settings.platform.storage(&settings.locate.cwd, &app),
        fresh: settings.platform.fresh,
        strict_limits: settings.platform.strict_limits,
        network: settings.platform.network,
        mocks: &mocks,
    });
    services.start().map_err(|fault| machine(fault.what, fault.hint))?;
    let keeper = keeper(settings, &app, &iparams).replaying(wanted.kept.as_ref().map(|kept| kept.id));
    let keeper = RefCell::new(keeper);
    let tell = |event: RunEvent| {
        keeper.borrow_mut().on_event(&event);
        fire.add(&event);
    };
    let findings = findings.into_iter().chain(iparams.missing.clone()).collect();
    let announced = announcements(&app, &repeat, made, now, (findings, notices));
    for mut event in announced {
        event.mask(&iparams.secrets);
        tell(event);
    }
    keeper.borrow_mut().payload(&payload.text);
    let mut plan = Plan {
        app: &app,
        script: &script,
        event: &wanted.event,
        callback: &subscription.callback,
        platform: app.manifest.platform,
        ends_by_render: settings.schemas.event(&wanted.event).is_some_and(|event| event.ends_by_render()),
        launch: &launch,
        indices: 0..1,
        payload: &mut |_| Ok(payload.text.clone()),
        repeat: &|_| repeat.clone(),
        syntax_error: syntax_error(&app, &reading),
        secrets: &iparams.secrets,
    };
    let result = run_plan(&mut plan, &mut services, handler, &fire.interrupt, &mut |event| tell(event));
    let keeper = keeper.borrow();
    fire.kept_as(keeper.kept().last().copied());
    if let Some(error) = keeper.trouble() {
        fire.add(&RunEvent::Notice { message: format!("the history is not kept: {error}") });
    }
    match result {
        Ok(summary) => Ok(summary.verdict),
        Err(EngineError::Handler(error)) => Err(cannot_start(error)),
        Err(EngineError::Payload(findings)) => Err(refused(findings)),
    }
}

/// What is fired.
struct Payload {
    value: Value,
    text: String,
}

/// Keeps deliveries as the app's settings have it.
fn keeper(settings: &Settings, app: &App, iparams: &Iparams) -> Keeper {
    let settled = History::settled(&app.root);
    let history = (settings.keep && settled.keep).then_some(settled.history);
    let users = history.is_some().then(|| Users::open(&app.root));
    Keeper::new(history, users, iparams.secrets.clone())
}

/// The payload that the page sent, with what it may not know; of a delivery that is repeated, its own.
fn payload(settings: &Settings, fire: &Fire, app: &App, iparams: &Iparams) -> Result<Payload, Findings> {
    let wanted = &fire.wanted;
    if let Some(kept) = &wanted.kept {
        let text = kept.fired(&iparams.secrets);
        return Ok(Payload { value: serde_json::from_str(&text).unwrap_or_default(), text });
    }
    let definition = settings.schemas.event(&wanted.event);
    let limit = definition.map_or(LARGEST_PAYLOAD, |event: &Arc<EventSchema>| event.limit_bytes());
    let source = Source::new(PAYLOAD, wanted.payload.clone().into_bytes()).map_err(|finding| vec![finding])?;
    let loaded = load(&source, limit)?;
    if wanted.check {
        let platform = Some(app.manifest.platform);
        let findings = payloads::check(&settings.schemas, &wanted.event, platform, &loaded.node, &source);
        let errors: Findings = findings.into_iter().filter(Finding::is_error).collect();
        if !errors.is_empty() {
            return Err(errors);
        }
    }
    let mut value = loaded.value();
    if let Some(iparams) = &iparams.values {
        complete(&mut value, iparams);
    }
    Ok(Payload { text: value.to_string(), value })
}

/// What is told before the delivery.
fn announcements(
    app: &App,
    repeat: &str,
    made: Option<&Made>,
    now: Timestamp,
    (findings, notices): (Findings, Vec<String>),
) -> Vec<RunEvent> {
    let started = RunEvent::RunStarted {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: repeat.to_owned(),
        seed: made.map(|made| made.seed),
        now: now.to_string(),
        count: Some(1),
        app: app.shown_root.to_string_lossy().into_owned(),
    };
    let found = app.manifest.findings.iter().cloned().chain(findings).map(|finding| RunEvent::Found { finding });
    let noticed = notices.into_iter().map(|message| RunEvent::Notice { message });
    std::iter::once(started).chain(found).chain(noticed).collect()
}

/// Whether the payload is, as it stands, what `made` makes.
fn is_made_so(settings: &Settings, fire: &Fire, app: &App, iparams: &Iparams, made: &Made, payload: &Value) -> bool {
    // A user who is known now is another once this has been fired.
    if made.is_of_known_user() {
        return false;
    }
    let again = made.payload(&settings.schemas, &fire.wanted.event, app, iparams.values.clone());
    again.is_ok_and(|again| again == *payload)
}

/// The command that fires the same from a terminal.
fn repeat_command(settings: &Settings, fire: &Fire, payload: &str, made: Option<&Made>, now: Timestamp) -> String {
    let flags = settings.flags.iter().map(|word| shell_word(word).into_owned());
    if let Some(kept) = &fire.wanted.kept {
        let words = ["simctl replay".to_owned(), kept.id.to_string()].into_iter().chain(flags);
        return words.collect::<Vec<_>>().join(" ");
    }
    let mut words = vec!["simctl trigger".to_owned(), shell_word(&fire.wanted.event).into_owned()];
    words.extend(flags);
    if let Some(module) = &fire.wanted.module {
        words.extend(["--module".to_owned(), shell_word(module).into_owned()]);
    }
    if let Some(made) = made {
        words.extend(made.flags());
        return words.join(" ");
    }
    words.extend(["--payload -".to_owned(), format!("--now {now}")]);
    if !fire.wanted.check {
        words.push("--no-check".to_owned());
    }
    format!("printf %s {} | {}", shell_text(payload), words.join(" "))
}

fn refused(findings: Findings) -> Refusal {
    let message = match findings.as_slice() {
        [one] => one.message.clone(),
        many => format!("{} faults are in the way", many.len()),
    };
    (Verdict::CannotDo, Trouble { message, hint: None, findings })
}

fn masked(mut findings: Findings, iparams: &Iparams) -> Refusal {
    findings.iter_mut().for_each(|finding| finding.mask(&iparams.secrets));
    refused(findings)
}

fn machine(message: String, hint: Option<String>) -> Refusal {
    (Verdict::Machine, Trouble { message, hint, findings: Vec::new() })
}

fn cannot_start(error: HandlerError) -> Refusal {
    if matches!(error, HandlerError::Interrupted) {
        let message = "it was ended before it began".to_owned();
        return (Verdict::Interrupted, Trouble { message, hint: None, findings: Vec::new() });
    }
    machine(error.to_string(), error.hint().map(str::to_owned))
}

/// A finding where a payload is one of another event.
pub(super) fn mismatch(event: &str, node: &crate::text::json::Node, source: &Source) -> Option<Finding> {
    let own = node.get("event").and_then(crate::text::json::Node::as_str).filter(|own| *own != event)?;
    let what = format!("this is a payload of `{own}`, and `{event}` is chosen");
    let place = node.nearest("/event").place(source, "/event");
    Some(Finding::new(Code::EventMismatch, what).at(place).hint("change its `event`, or choose the other event"))
}

/// The installation parameters as a payload holds them.
pub(super) type Parameters = Option<Map<String, Value>>;
