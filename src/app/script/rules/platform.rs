//! Uses of the platform's objects that need something which the manifest does not have.

use crate::model::{Code, Finding, Findings};

use super::{File, Wants};

/// Which event a use needs.
fn needed(name: &str) -> Option<&'static str> {
    match name {
        "$schedule.create" | "$schedule.update" => Some("onScheduledEvent"),
        "generateTargetUrl" => Some("onExternalEvent"),
        _ => None,
    }
}

/// Uses of `$schedule` and `generateTargetUrl` without the event that they lead to.
pub(super) fn check(file: &File, wants: &Wants, findings: &mut Findings) {
    for call in &file.facts.host_calls {
        let Some(event) = needed(&call.name).filter(|event| !wants.events.contains(*event)) else { continue };
        let what = format!("`{}` needs a subscription of `{event}`, which the manifest does not have", call.name);
        let hint = format!(r#"add `"{event}": {{"handler": "{event}Callback"}}` to the manifest's events"#);
        findings.push(Finding::new(Code::MissingSubscription, what).at(file.place(&call.range)).hint(hint));
    }
}
