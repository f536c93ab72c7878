//! Request templates: those that the code invokes, beside those that `config/requests.json` defines and the manifest
//! declares.

use crate::app::config::undefined_template;
use crate::model::{Code, Finding, Findings};
use crate::text::{list, nearest};

use super::facts::HostCall;
use super::{File, Wants};

/// Calls of `$request` that the platform does not have, templates invoked and not there, and templates declared and not invoked.
pub(super) fn check(files: &[File], wants: &Wants, findings: &mut Findings) {
    let invoked = |file: &'_ File| -> Vec<usize> {
        let calls = file.facts.host_calls.iter().enumerate();
        calls.filter(|(_, call)| call.name == "$request.invokeTemplate").map(|(at, _)| at).collect()
    };
    let refusal = |call: &HostCall| {
        let method = call.name.strip_prefix("$request.")?;
        let (what, instead) = wants.request_calls.as_ref()?.refusal(method)?;
        Some(Finding::new(Code::WrongRequestCall, what).hint(instead))
    };
    let mut is_whole = true;
    let mut names = Vec::new();
    for file in files {
        is_whole &= file.is_sound && file.contents.requires.iter().all(|(specifier, _)| specifier.is_some());
        let calls = file.facts.host_calls.iter();
        findings.extend(calls.filter_map(|call| Some(refusal(call)?.at(file.place(&call.range)))));
        for at in invoked(file) {
            let call = &file.facts.host_calls[at];
            let Some((name, range)) = &call.literal else {
                is_whole = false;
                continue;
            };
            names.push(name.as_str());
            if refusal(call).is_some() {
                continue;
            }
            findings.extend(missing(wants, name).map(|finding| finding.at(file.place(range))));
        }
        is_whole &= !file.facts.host_calls.iter().any(hands_on);
    }
    if !is_whole || wants.has_pages {
        return;
    }
    for (name, place) in wants.declared_templates.iter().filter(|(name, _)| !names.contains(&name.as_str())) {
        let what = format!("the request template `{name}` is declared, and no code invokes it");
        let hint = format!("invoke it, `$request.invokeTemplate(\"{name}\", {{}})`, or take it away");
        findings.push(Finding::new(Code::UnusedTemplate, what).at(place.clone()).hint(hint));
    }
}

/// Whether a call of `$request` is one that names its method when it runs.
fn hands_on(call: &HostCall) -> bool {
    call.name.starts_with("$request.") && matches!(call.name.as_str(), "$request.bind" | "$request.call")
}

fn missing(wants: &Wants, name: &str) -> Option<Finding> {
    let defined = wants.templates.as_ref()?;
    let is_declared = wants.declared_templates.iter().any(|(declared, _)| declared == name);
    if !defined.contains(name) {
        // Of one that the manifest declares, the manifest is told.
        if is_declared {
            return None;
        }
        let what = undefined_template(name, wants.has_templates);
        let mut names: Vec<&str> = defined.iter().map(String::as_str).collect();
        names.sort_unstable();
        let near = nearest(name, names.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let hint = near.or_else(|| (!names.is_empty()).then(|| format!("it defines {}", list(names))));
        return Some(Finding::new(Code::UnknownTemplate, what).maybe_hint(hint));
    }
    if is_declared {
        return None;
    }
    let what = format!("the manifest does not declare the request template `{name}`");
    let hint = format!("add `\"requests\": {{\"{name}\": {{}}}}` beside the `events` that need it");
    Some(Finding::new(Code::UnknownTemplate, what).hint(hint))
}
