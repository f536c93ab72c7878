//! A load that an endpoint or a program gets.

use std::sync::Arc;

use super::super::external::{self, ExternalOptions, Prepared};
use super::super::trigger::unchecked;
use super::super::{Context, TriggerOptions};
use super::{Aim, LoadOptions, fire};
use crate::engine::load::{ExternalTarget, LoadEvent, LoadTarget, Source};
use crate::handler::{External, Interrupt};
use crate::model::{Findings, Verdict};

pub(super) fn load(
    context: &Context,
    options: &LoadOptions,
    handler: &ExternalOptions,
    interrupt: &Interrupt,
) -> Verdict {
    let trigger: &TriggerOptions = &options.fire;
    let (handler, secrets) = match external::open(context, trigger, handler, options.lanes, interrupt) {
        Ok(opened) => opened,
        Err(verdict) => return verdict,
    };
    let prepared = match external::prepare(context, trigger, handler, secrets) {
        Ok(prepared) => prepared,
        Err(findings) => return context.refuse(&findings),
    };
    let Prepared { handler, command, platform, iparams, missing, secrets, schemas, payloads, notices, .. } = prepared;
    let lives = match options.lives(&schemas, &trigger.payload.recipe(platform, iparams)) {
        Ok(lives) => lives,
        Err(findings) => return context.refuse(&findings),
    };
    let mut findings: Findings = missing.iter().chain(payloads.remarks()).cloned().collect();
    if payloads.unchecked() {
        findings.push(unchecked(&trigger.event));
    }
    context.console.complain(&findings);
    let plain = |index| payloads.text(&schemas, index);
    let source: &dyn Source = match &lives {
        Some(lives) => lives,
        None => &plain,
    };
    let events = options.events().into_iter().map(|event| LoadEvent {
        event: event.to_owned(),
        callback: String::new(),
        ends_by_render: false,
    });
    let kind = match handler {
        External::Http(_) => "http",
        External::Exec(_) => "exec",
    };
    let to = secrets.mask(handler.addressee().name());
    let target = ExternalTarget {
        handler: Arc::new(handler),
        platform,
        seed: trigger.payload.seed,
        now: trigger.payload.now.to_string(),
        secrets: Arc::new(secrets),
    };
    let aim = Aim {
        target: LoadTarget::External(target),
        source,
        events: events.collect(),
        handler: kind.to_owned(),
        to,
        command: &command,
        notices: &notices,
    };
    fire(context, options, aim, interrupt)
}
