//! The files in an app's `config/`: installation parameters, their values for local runs, and request templates.
//!
//! Values of secure parameters are read here and never shown: an excerpt of such a file has a mask in their place.

use std::ops::Range;
use std::path::Path;

use serde_json::Value;

use crate::model::{Code, Excerpt, Finding, Findings, Place, Secrets, Severity, Span};
use crate::schema::Schemas;
use crate::text::json::{self, Member, Node, escape_token, place_at};
use crate::text::{Source, nearest, printable_line};

pub(super) mod mocks;
mod requests;
mod substitute;
mod substitutions;

pub use mocks::{Mock, MockAnswer, MockFailure, check_mock, mock};
pub(super) use requests::undefined_template;
pub use requests::{Templates, check_requests};
pub use substitute::substitute;
pub use substitutions::check_substitutions;
pub(super) use substitutions::declared as declared_iparams;

/// Types of installation parameters, as far as they are known. The platform may have more, so only a type that is close
/// to one of these is a finding.
const TYPES: [&str; 13] = [
    "text",
    "number",
    "dropdown",
    "multiselect",
    "radio",
    "checkbox",
    "paragraph",
    "date",
    "email",
    "phone",
    "url",
    "domain",
    "api_key",
];

/// Every fault of `config/iparams.json`.
pub fn check_iparams(schemas: &Schemas, source: &Source) -> Findings {
    let (node, mut findings) = json::read(source);
    let Some(node) = node else { return without_excerpts(findings) };
    let mut hidden = Vec::new();
    for Member { key, value, .. } in node.members().unwrap_or_default() {
        let pointer = format!("/{}", escape_token(key));
        parameter(source, key, &pointer, value, &mut findings);
        if let Some(default) = value.get("default_value").filter(|_| is_secure(value)) {
            in_clear(source, key, default, &format!("{pointer}/default_value"), &mut findings, &mut hidden);
        }
    }
    json::add_unsaid(&mut findings, schemas.check("iparams", &node, source));
    hide(source, &hidden, &mut findings);
    findings
}

/// Every fault of `config/iparam_test_data.json`; `declared` is what `config/iparams.json` holds.
pub fn check_values(source: &Source, declared: Option<&Node>) -> Findings {
    let (node, mut findings) = json::read(source);
    let Some(node) = node else { return without_excerpts(findings) };
    let Some(members) = node.members() else {
        let what = format!("this is {}, an object of parameter to value was expected", node.kind_name());
        let start = node.range.start;
        findings.push(Finding::new(Code::BadIparams, what).at(place_at(source, start..start + 1, "")));
        return without_excerpts(findings);
    };
    let mut hidden = Vec::new();
    for Member { key, value, .. } in members {
        if declared.and_then(|declared| declared.get(key)).is_some_and(is_secure) {
            in_clear(source, key, value, &format!("/{}", escape_token(key)), &mut findings, &mut hidden);
        }
    }
    if let Some(declared) = declared {
        // Scenarios and `--iparams` may have what this file leaves to them.
        let lacking = required(declared).filter(|name| node.get(name).is_none());
        let lacking = lacking.map(|name| lacking_value(source, &node, declared, name));
        findings.extend(lacking.map(|finding| Finding { severity: Severity::Warning, ..finding }));
    }
    hide(source, &hidden, &mut findings);
    findings
}

/// The parameters that an app cannot be installed without.
pub(super) fn required(declared: &Node) -> impl Iterator<Item = &str> {
    let is_required = |node: &Node| matches!(node.get("required").map(Node::value), Some(Value::Bool(true)));
    let members = declared.members().unwrap_or_default().iter();
    members.filter(move |member| is_required(&member.value)).map(|member| member.key.as_str())
}

/// The required parameter `name` has no value in `values`, which `source` holds: at the name that was meant to be it, where
/// there is one, else where the values begin.
pub(super) fn lacking_value(source: &Source, values: &Node, declared: &Node, name: &str) -> Finding {
    let given = values.members().unwrap_or_default().iter().map(|member| member.key.as_str());
    let near = nearest(name, given.filter(|given| declared.get(given).is_none()));
    let name = printable_line(name);
    let what = format!("the installation parameter `{name}` is required, and no value was given here");
    let finding = Finding::new(Code::MissingIparam, what);
    let pointer = near.map(|near| format!("/{}", escape_token(near))).unwrap_or_default();
    if let (Some(near), Some(range)) = (near, values.key_range(&pointer)) {
        let hint = format!("`{}` is no installation parameter: did you mean `{name}`?", printable_line(near));
        return finding.at(place_at(source, range, &pointer)).hint(hint);
    }
    let start = values.range.start;
    finding.at(place_at(source, start..start + 1, "")).hint(format!("add `\"{name}\": VALUE`; `null` stands for none"))
}

/// Hides the values of the parameters that `is_secret` names in the lines of `source` that findings show.
pub(super) fn hide_values(source: &Source, values: &Node, is_secret: impl Fn(&str) -> bool, findings: &mut Findings) {
    let members = values.members().unwrap_or_default().iter().filter(|member| is_secret(&member.key));
    let hidden: Vec<_> = members.map(|member| member.value.range.clone()).collect();
    hide(source, &hidden, findings);
}

/// The values of secure parameters in the app's `config/`, read as far as they can be.
pub(super) fn secrets_of(root: &Path) -> Secrets {
    let node = |name: &str| Source::probe(&root.join(name)).and_then(|source| json::read(&source).0);
    let Some(declared) = node("config/iparams.json") else { return Secrets::default() };
    let values = node("config/iparam_test_data.json");
    let mut found = Vec::new();
    for Member { key, value, .. } in declared.members().unwrap_or_default().iter().filter(|one| is_secure(&one.value)) {
        let own = values.as_ref().and_then(|values| values.get(key));
        for value in own.into_iter().chain(value.get("default_value")) {
            match value.value() {
                Value::String(text) => found.push((key.clone(), text)),
                Value::Number(number) => found.push((key.clone(), number.to_string())),
                _ => {}
            }
        }
    }
    Secrets::new(found)
}

pub(super) fn is_secure(declaration: &Node) -> bool {
    let secure = declaration.get("secure").map(Node::value);
    secure == Some(Value::Bool(true)) || secure == Some(Value::from("true"))
}

fn parameter(source: &Source, name: &str, pointer: &str, node: &Node, findings: &mut Findings) {
    let kind = node.get("type").and_then(Node::as_str);
    if let Some(kind) = kind.filter(|kind| !TYPES.contains(kind))
        && let Some(near) = nearest(kind, TYPES)
    {
        let what = format!("the type `{kind}` of `{name}` is none of the known ones");
        let pointer = format!("{pointer}/type");
        let finding = Finding::new(Code::UnknownIparamType, what).hint(format!("did you mean `{near}`?"));
        findings.push(finding.at(node.nearest("/type").place(source, &pointer)));
    }
    for flag in ["required", "secure"] {
        let Some(given) = node.get(flag).filter(|given| !matches!(given.kind, json::Kind::Bool(_))) else { continue };
        let what = format!("`{flag}` of `{name}` is {}, true or false was expected", given.kind_name());
        let finding = Finding::new(Code::BadIparams, what).at(given.place(source, &format!("{pointer}/{flag}")));
        findings.push(Finding { severity: Severity::Warning, ..finding });
    }
    let Some(default) = node.get("default_value") else { return };
    let value = default.value();
    let wanted = match kind {
        Some("checkbox") if !value.is_boolean() => "true or false",
        Some("number") if !is_number(&value) => "a number",
        Some("text" | "paragraph" | "email" | "phone" | "url" | "domain") if value.is_object() || value.is_array() => {
            "a text"
        }
        _ => return,
    };
    let what = format!("the default of `{name}` is {}, {wanted} was expected by its type", default.kind_name());
    findings
        .push(Finding::new(Code::IparamDefault, what).at(default.place(source, &format!("{pointer}/default_value"))));
}

fn is_number(value: &Value) -> bool {
    value.is_number() || value.as_str().is_some_and(|text| text.is_empty() || text.trim().parse::<f64>().is_ok())
}

/// Notes a secure parameter whose value stands in the file.
fn in_clear(
    source: &Source,
    name: &str,
    value: &Node,
    pointer: &str,
    findings: &mut Findings,
    hidden: &mut Vec<Range<usize>>,
) {
    let is_empty = match value.value() {
        Value::Null | Value::Bool(_) => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Number(_) => false,
    };
    if is_empty {
        return;
    }
    hidden.push(value.range.clone());
    let what = format!("the value of the secure parameter `{name}` stands here in clear");
    let finding = Finding::new(Code::SecretInClear, what).at(value.place(source, pointer));
    findings.push(
        finding.hint("keep the file out of version control, or leave the value empty and give it with `--iparams`"),
    );
}

/// What stands for a secret, whatever its length.
const MASK: &str = "********";

/// The findings with a mask where a secret stands in the lines that they show. Where the line of a finding is no longer as
/// long as it was before its place, no lines are shown.
fn hide(source: &Source, hidden: &[Range<usize>], findings: &mut Findings) {
    if hidden.is_empty() {
        return;
    }
    for finding in findings {
        let Place { span, excerpt, .. } = &mut finding.place;
        let (Some(span), Some(Excerpt { first_line, lines })) = (span.as_mut(), excerpt.as_mut()) else { continue };
        let at = source.offset(span.start.line, span.start.column);
        if hidden.iter().any(|range| range.contains(&at)) {
            // Where the secret ends would tell how long it is.
            *span = Span { start: span.start, end: source.position(at + 1) };
        }
        let line_start = source.offset(span.start.line, 1);
        let is_moved = hidden.iter().any(|range| range.start < at && line_start < range.end);
        for (line, number) in lines.iter_mut().zip(*first_line..) {
            *line = masked(source, number, hidden);
        }
        if is_moved {
            *excerpt = None;
        }
    }
}

/// A line with a mask for each secret in it.
fn masked(source: &Source, number: u32, hidden: &[Range<usize>]) -> String {
    let line = source.line(number);
    let start = source.offset(number, 1);
    let mut shown = String::new();
    let mut done = 0;
    for range in hidden {
        let (from, to) = (range.start.max(start) - start, range.end.saturating_sub(start).min(line.len()));
        if from < done || from >= to {
            continue;
        }
        let secret = &line[from..to];
        let indent = secret.len() - secret.trim_start().len();
        shown.push_str(&line[done..from + indent]);
        let is_text = secret.len() > 1 && secret.starts_with('"') && secret.ends_with('"');
        shown.push_str(&if is_text { format!("\"{MASK}\"") } else { MASK.to_owned() });
        done = to;
    }
    shown + &line[done..]
}

/// Findings of a file that could not be read well enough to know what in it is secret.
fn without_excerpts(mut findings: Findings) -> Findings {
    findings.iter_mut().for_each(|finding| finding.place.excerpt = None);
    findings
}
