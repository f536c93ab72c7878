//! `${jane.email}` in the texts of a scenario: an attribute of a user as she is at that time, or, as `${jane.was.email}`, as
//! she was before her last step; `${first.returned.id}`: what came of the step with the id `first`.

use serde_json::{Map, Value};

use crate::text::{list, nearest};

/// What there is of a step: the first name behind its id.
pub(super) const RESULTS: [&str; 6] = ["outcome", "returned", "error", "logs", "requests", "payload"];

/// What is wrong with a reference, and what to do about it.
pub(super) type Wrong = (String, Option<String>);

/// Whether each reference of the text leads to a user's attribute, or to something of one of the steps `ids`, whose
/// results nobody knows yet.
///
/// # Errors
/// As [`fill`].
pub(super) fn check(text: &str, users: &Map<String, Value>, ids: &[String]) -> Result<(), Wrong> {
    for part in parts(text) {
        let Part::Reference(reference) = part else { continue };
        let mut names = reference.split('.').map(str::trim);
        let head = names.next().unwrap_or_default();
        if !ids.iter().any(|id| id == head) {
            value_of(reference, users).map_err(|wrong| or_id(wrong, head, ids))?;
            continue;
        }
        let inner = names.next().unwrap_or_default();
        if !RESULTS.contains(&inner) {
            let near = nearest(inner, RESULTS).map(|near| format!("did you mean `{near}`?"));
            let known = format!("there are {}", list(RESULTS));
            return Err((format!("`${{{reference}}}`: a step has no `{inner}`"), near.or(Some(known))));
        }
    }
    Ok(())
}

/// The step's id that was meant, where one is nearer than a user's name.
fn or_id((what, hint): Wrong, head: &str, ids: &[String]) -> Wrong {
    let near = nearest(head, ids.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
    let says_more = hint.as_ref().is_some_and(|hint| hint.starts_with("did you mean"));
    (what, if says_more { hint } else { near.or(hint) })
}

/// The first of the steps `ids` that the text refers to.
pub(super) fn refers_to<'i>(text: &str, ids: &'i [String]) -> Option<&'i str> {
    let heads = parts(text).into_iter().filter_map(|part| match part {
        Part::Reference(reference) => reference.split('.').next().map(str::trim),
        Part::Plain(_) => None,
    });
    heads.into_iter().find_map(|head| ids.iter().find(|id| *id == head)).map(String::as_str)
}

/// A text cut at its references.
enum Part<'t> {
    Plain(&'t str),
    Reference(&'t str),
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once("${") {
        let Some((reference, left)) = after.split_once('}') else { break };
        parts.push(Part::Plain(plain));
        parts.push(Part::Reference(reference));
        rest = left;
    }
    parts.push(Part::Plain(rest));
    parts.retain(|part| !matches!(part, Part::Plain("")));
    parts
}

/// The text with its references replaced. One that is a reference and nothing else becomes that value, whatever its kind.
///
/// # Errors
/// What is wrong with a reference, and the name that was meant where one is near.
pub(super) fn fill(text: &str, users: &Map<String, Value>) -> Result<Value, Wrong> {
    if !text.contains("${") {
        return Ok(text.into());
    }
    let parts = parts(text);
    if let [Part::Reference(reference)] = parts[..] {
        return value_of(reference, users).cloned();
    }
    let mut filled = String::new();
    for part in parts {
        match part {
            Part::Plain(plain) => filled.push_str(plain),
            Part::Reference(reference) => match value_of(reference, users)? {
                Value::String(text) => filled.push_str(text),
                other => filled.push_str(&other.to_string()),
            },
        }
    }
    Ok(filled.into())
}

/// The text with its references replaced, as a text in any case.
pub(super) fn fill_text(text: &str, users: &Map<String, Value>) -> Result<String, Wrong> {
    fill(text, users).map(|value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

/// A value with the references in all its texts replaced, those of its keys too.
pub(super) fn fill_value(value: &Value, users: &Map<String, Value>) -> Result<Value, Wrong> {
    Ok(match value {
        Value::String(text) => fill(text, users)?,
        Value::Array(items) => items.iter().map(|item| fill_value(item, users)).collect::<Result<_, _>>()?,
        Value::Object(members) => {
            let member = |(key, item): (&String, &Value)| Ok((fill_text(key, users)?, fill_value(item, users)?));
            Value::Object(members.iter().map(member).collect::<Result<_, _>>()?)
        }
        other => other.clone(),
    })
}

fn value_of<'v>(reference: &str, users: &'v Map<String, Value>) -> Result<&'v Value, Wrong> {
    let mut names = reference.split('.').map(str::trim);
    let user = names.next().unwrap_or_default();
    let Some(mut value) = users.get(user) else {
        let near = nearest(user, users.keys().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
        let known = || format!("the users are {}", list(users.keys().map(String::as_str)));
        let what = format!("`${{{reference}}}` is of no user of this scenario");
        return Err((what, near.or_else(|| (!users.is_empty()).then(known))));
    };
    let mut path = user.to_owned();
    for name in names {
        let inner = match value {
            Value::Object(members) => members.get(name),
            Value::Array(items) => name.parse().ok().and_then(|index: usize| items.get(index)),
            _ => None,
        };
        let Some(inner) = inner else {
            let known = value.as_object().map(|members| members.keys().map(String::as_str).collect::<Vec<_>>());
            let near = nearest(name, known.into_iter().flatten()).map(|near| format!("did you mean `{near}`?"));
            return Err((format!("`${{{reference}}}`: `{path}` has no `{name}`"), near));
        };
        path = format!("{path}.{name}");
        value = inner;
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn users() -> Map<String, Value> {
        let users = json!({ "jane": { "email": "j@example.com", "properties": [{ "value": 3 }] } });
        users.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_reference_alone_keeps_its_kind_and_others_become_text() {
        let users = users();
        assert_eq!(fill("${jane.properties.0}", &users), Ok(json!({ "value": 3 })));
        assert_eq!(fill("n ${jane.properties.0.value}, ${ jane.email }", &users), Ok("n 3, j@example.com".into()));
        assert_eq!(fill("costs $5 and ${", &users), Ok("costs $5 and ${".into()));
    }

    #[test]
    fn what_a_step_did_is_known_by_its_id() {
        let ids = ["first".to_owned()];
        let told = |text: &str| check(text, &users(), &ids).err();
        assert_eq!(told("${first.returned.a.b} ${jane.email}"), None);
        assert_eq!(told("${first.retruned}").and_then(|(_, hint)| hint).as_deref(), Some("did you mean `returned`?"));
        assert_eq!(told("${frist.returned}").and_then(|(_, hint)| hint).as_deref(), Some("did you mean `first`?"));
        assert_eq!(refers_to("x ${ first.returned }", &ids), Some("first"));
        assert_eq!(refers_to("first ${jane.first}", &ids), None);
    }

    #[test]
    fn a_slip_of_the_pen_finds_its_name() {
        let users = users();
        let hint = |text: &str| fill(text, &users).err().and_then(|(_, hint)| hint);
        assert_eq!(hint("${jnae.email}").as_deref(), Some("did you mean `jane`?"));
        assert_eq!(hint("${jane.emial}").as_deref(), Some("did you mean `email`?"));
    }
}
