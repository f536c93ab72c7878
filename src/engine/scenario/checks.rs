//! Faults of a scenario's expectations that its schema does not see.

use regex::Regex;

use super::compare::PATTERNS;
use super::time::{LENGTHS, length, time};
use crate::model::{Code, Finding, Findings};
use crate::text::json::{self, Kind, Node, escape_token};
use crate::text::{Source, list, nearest, printable_line};

/// Faults of what is expected, in each step and always, that no schema sees.
pub(super) fn expectations(source: &Source, node: &Node, findings: &mut Findings) {
    let steps = node.get("steps").and_then(Node::items).unwrap_or_default();
    let of_steps = steps.iter().enumerate();
    let of_steps = of_steps.filter_map(|(at, step)| Some((format!("/steps/{at}/expect"), step.get("expect")?)));
    let always = node.get("always").map(|always| ("/always".to_owned(), always));
    for (pointer, expect) in of_steps.chain(always) {
        patterns(source, expect, &pointer, findings);
        times(source, expect, &pointer, findings);
    }
}

/// Times and lengths of time that are none.
fn times(source: &Source, expect: &Node, pointer: &str, findings: &mut Findings) {
    let mut tell = |what: String, node: &Node, pointer: String, hint: &str| {
        findings.push(Finding::new(Code::BadScenario, what).at(node.place(source, &pointer)).hint(hint));
    };
    let plain = |node: &'_ Node| node.as_str().filter(|text| !text.contains("${")).map(str::to_owned);
    if let Some(under) = expect.at("/time/under")
        && plain(under).is_some_and(|text| length(&text).is_none())
    {
        tell("this is no length of time".to_owned(), under, format!("{pointer}/time/under"), LENGTHS);
    }
    for member in expect.get("schedules").and_then(Node::members).unwrap_or_default() {
        let pointer = format!("{pointer}/schedules/{}", escape_token(&member.key));
        let own = |key: &str| member.value.get(key).and_then(|node| Some((node, plain(node)?)));
        if let Some((at, _)) = own("at").filter(|(_, text)| time(text).is_none()) {
            let hint = "write it as `2026-01-31T12:00:00Z`";
            tell("this is no time".to_owned(), at, format!("{pointer}/at"), hint);
        }
        if let Some((every, _)) = own("every").filter(|(_, text)| length(text).is_none()) {
            let hint = "write it as `30 minutes`, `2 hours` or `1 day`";
            tell("this is no length of time".to_owned(), every, format!("{pointer}/every"), hint);
        }
    }
}

/// Patterns that cannot be looked for.
fn patterns(source: &Source, expect: &Node, pointer: &str, findings: &mut Findings) {
    {
        walk(expect, pointer, &mut |pointer, node| {
            for member in node.members().unwrap_or_default() {
                let pointer = format!("{pointer}/{}", escape_token(&member.key));
                let key = member.key.as_str();
                let is_pattern = key == "$matches" || (key == "matches" && pointer.contains("/logs/"));
                if let Some(Err(error)) = member.value.as_str().filter(|_| is_pattern).map(Regex::new) {
                    let why = error.to_string();
                    let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                    let what = format!("this is no regular expression: {why}");
                    findings.push(Finding::new(Code::BadScenario, what).at(member.value.place(source, &pointer)));
                }
                if key.starts_with('$') && !PATTERNS.contains(&key) && !pointer.contains("/db/") {
                    let place = json::place_at(source, member.key_range.clone(), &pointer);
                    let near = nearest(key, PATTERNS).map_or_else(
                        || format!("the patterns are {}", list(PATTERNS)),
                        |near| format!("did you mean `{near}`?"),
                    );
                    let what = format!("`{}` is no pattern", printable_line(key));
                    findings.push(Finding::new(Code::BadScenario, what).at(place).hint(near));
                }
            }
        });
    }
}

/// Visits a value and all in it, each with its JSON Pointer.
pub(super) fn walk(node: &Node, pointer: &str, visit: &mut dyn FnMut(&str, &Node)) {
    visit(pointer, node);
    match &node.kind {
        Kind::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{pointer}/{index}"), visit);
            }
        }
        Kind::Object(members) => {
            for member in members {
                walk(&member.value, &format!("{pointer}/{}", escape_token(&member.key)), visit);
            }
        }
        _ => {}
    }
}
