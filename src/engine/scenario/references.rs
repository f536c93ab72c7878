//! `${jane.email}` in the texts of a scenario: an attribute of a user as she is at that time, or, as `${jane.was.email}`, as
//! she was before her last step.

use serde_json::{Map, Value};

use crate::text::{list, nearest};

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
pub(super) fn fill(text: &str, users: &Map<String, Value>) -> Result<Value, (String, Option<String>)> {
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
pub(super) fn fill_text(text: &str, users: &Map<String, Value>) -> Result<String, (String, Option<String>)> {
    fill(text, users).map(|value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

/// A value with the references in all its texts replaced, those of its keys too.
pub(super) fn fill_value(value: &Value, users: &Map<String, Value>) -> Result<Value, (String, Option<String>)> {
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

fn value_of<'v>(reference: &str, users: &'v Map<String, Value>) -> Result<&'v Value, (String, Option<String>)> {
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
    fn a_slip_of_the_pen_finds_its_name() {
        let users = users();
        let hint = |text: &str| fill(text, &users).err().and_then(|(_, hint)| hint);
        assert_eq!(hint("${jnae.email}").as_deref(), Some("did you mean `jane`?"));
        assert_eq!(hint("${jane.emial}").as_deref(), Some("did you mean `email`?"));
    }
}
