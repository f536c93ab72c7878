//! A value compared with what was expected of it. Pure: no clock, no files, no process.
//!
//! Of an object the members that are expected must fit, others may be there; an array must have as many items, each of which
//! fits. In place of a value there may be a pattern: `{$contains: TEXT}`, `{$matches: REGEX}`, `{$absent: true}`.

use regex::Regex;
use serde_json::{Map, Value};

use super::references::{fill, fill_text};
use crate::model::{Difference, Place};
use crate::text::Source;
use crate::text::json::{Kind, Node};

/// The keys of a pattern.
pub(super) const PATTERNS: [&str; 3] = ["$contains", "$matches", "$absent"];

/// What expectations are read with.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) source: &'a Source,
    /// What references lead to: the users as they are now, and what came of the steps before.
    pub(super) names: &'a Map<String, Value>,
}

impl Reading<'_> {
    pub(super) fn place(self, node: &Node) -> Place {
        self.source.place(node.range.clone())
    }

    /// What differs from `expected`, in `actual`, which is absent where there is none; `what` names it.
    pub(super) fn differences(self, what: &str, expected: &Node, actual: Option<&Value>) -> Vec<Difference> {
        let mut found = Vec::new();
        self.compare(what, expected, actual, &mut found);
        found
    }

    fn compare(self, what: &str, expected: &Node, actual: Option<&Value>, found: &mut Vec<Difference>) {
        let differs = |wanted: String| Difference {
            what: what.to_owned(),
            expected: wanted,
            actual: actual.map_or_else(|| "nothing".to_owned(), Value::to_string),
            place: self.place(expected),
        };
        match &expected.kind {
            Kind::Object(members) => {
                if let [member] = &members[..]
                    && PATTERNS.contains(&member.key.as_str())
                {
                    found.extend(self.pattern(&member.key, &member.value, actual).map(differs));
                    return;
                }
                let Some(object) = actual.and_then(Value::as_object) else {
                    found.push(differs("an object".to_owned()));
                    return;
                };
                for member in members {
                    match fill_text(&member.key, self.names) {
                        Ok(key) => self.compare(&format!("{what}.{key}"), &member.value, object.get(&key), found),
                        Err((wrong, _)) => found.push(differs(wrong)),
                    }
                }
            }
            Kind::Array(items) => match actual.and_then(Value::as_array) {
                Some(array) if array.len() == items.len() => {
                    for (index, (item, actual)) in items.iter().zip(array).enumerate() {
                        self.compare(&format!("{what}[{index}]"), item, Some(actual), found);
                    }
                }
                _ => found.push(differs(match items.len() {
                    1 => "an array of 1 item".to_owned(),
                    n => format!("an array of {n} items"),
                })),
            },
            Kind::String(text) => match fill(text, self.names) {
                Ok(wanted) if actual == Some(&wanted) => {}
                Ok(wanted) => found.push(differs(wanted.to_string())),
                Err((wrong, _)) => found.push(differs(wrong)),
            },
            Kind::Null | Kind::Bool(_) | Kind::Number(_) => {
                let wanted = expected.value();
                if !actual.is_some_and(|actual| is_same(actual, &wanted)) {
                    found.push(differs(wanted.to_string()));
                }
            }
        }
    }

    /// What a pattern asks for, in words, where that is not there.
    fn pattern(self, key: &str, argument: &Node, actual: Option<&Value>) -> Option<String> {
        if key == "$absent" {
            let wants_absent = argument.kind != Kind::Bool(false);
            let wanted = if wants_absent { "nothing" } else { "a value, whichever" };
            return (wants_absent == actual.is_some()).then(|| wanted.to_owned());
        }
        let text = argument.as_str().unwrap_or_default();
        let shown = actual.map(|actual| match actual {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let wrong = match self.part(key, text) {
            Ok(part) => (!shown.as_deref().is_some_and(|shown| part.is_in(shown))).then(|| part.in_words()),
            Err(wrong) => Some(wrong),
        };
        wrong.map(|words| format!("a value that {words}"))
    }

    /// What `$contains` or `$matches`, with or without the `$`, look for.
    pub(super) fn part(self, key: &str, text: &str) -> Result<Part, String> {
        if key.trim_start_matches('$') == "matches" {
            // It was read when the scenario was; references have no place in a pattern.
            return Regex::new(text).map(Part::Pattern).map_err(|_| format!("`{text}` is no regular expression"));
        }
        fill_text(text, self.names).map(Part::Text).map_err(|(wrong, _)| wrong)
    }
}

/// What is looked for in a text.
pub(super) enum Part {
    Text(String),
    Pattern(Regex),
}

impl Part {
    pub(super) fn is_in(&self, text: &str) -> bool {
        match self {
            Self::Text(part) => text.contains(part.as_str()),
            Self::Pattern(regex) => regex.is_match(text),
        }
    }

    /// Behind `that`.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Text(part) => format!("contains {}", Value::from(part.as_str())),
            Self::Pattern(regex) => format!("matches /{regex}/"),
        }
    }
}

/// Numbers are the same that JavaScript cannot tell apart.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::text::yaml;

    fn told(expected: &str, actual: &Value) -> Vec<String> {
        let source = Source::new("a.yaml", expected.as_bytes().to_vec()).unwrap();
        let node = yaml::read(&source).0.unwrap();
        let users = json!({ "jane": { "id": "7", "n": 2 } }).as_object().cloned().unwrap();
        let reading = Reading { source: &source, names: &users };
        let differences = reading.differences("v", &node, Some(actual));
        differences.iter().map(|d| format!("{}: {} / {}", d.what, d.expected, d.actual)).collect()
    }

    #[test]
    fn an_object_may_have_more_and_an_array_may_not() {
        assert_eq!(told("{a: 1, c: {d: x}}", &json!({ "a": 1.0, "b": 2, "c": { "d": "x", "e": 1 } })), [""; 0]);
        assert_eq!(told("[1, 2]", &json!([1, 3])), ["v[1]: 2 / 3"]);
        assert_eq!(told("[1]", &json!([1, 3])), ["v: an array of 1 item / [1,3]"]);
        assert_eq!(told("{a: {b: 1}}", &json!({})), ["v.a: an object / nothing"]);
        assert_eq!(told("{a: 1, b: null}", &json!({ "a": "1" })), ["v.a: 1 / \"1\"", "v.b: null / nothing"]);
    }

    #[test]
    fn references_and_patterns_are_followed() {
        assert_eq!(told("{'k:${jane.id}': '${jane.n}', s: 'n${jane.n}'}", &json!({ "k:7": 2, "s": "n2" })), [""; 0]);
        assert_eq!(
            told("{a: {$matches: '^x+$'}, b: {$contains: y}, c: {$absent: true}}", &json!({ "a": "xx", "b": "ayb" })),
            [""; 0]
        );
        assert_eq!(
            told("{a: {$matches: '^x+$'}, c: {$absent: true}}", &json!({ "a": "y", "c": null })),
            ["v.a: a value that matches /^x+$/ / \"y\"", "v.c: nothing / null"]
        );
    }
}
