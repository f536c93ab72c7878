//! What a step is expected to do, compared with what it did. Pure, as `compare` is.

use serde_json::Value;

use super::compare::Reading;
use super::effects::{Done, Effects, error_of, schedule_value, value_of};
use super::references::fill_text;
use super::time::{length, time};
use crate::model::{Difference, Level, Place};
use crate::platform::Schedule;
use crate::text::json::{Kind, Node};

mod requests;

use self::requests::{in_order, request};

/// Whether the expectations are about what `$db` holds.
pub(super) fn asks_records(expect: Option<&Node>) -> bool {
    asks(expect, "db")
}

/// Whether the expectations are about what is scheduled.
pub(super) fn asks_schedules(expect: Option<&Node>) -> bool {
    asks(expect, "schedules")
}

fn asks(expect: Option<&Node>, key: &str) -> bool {
    expect
        .is_some_and(|expect| expect.get(key).is_some() || expect.get("not").is_some_and(|not| not.get(key).is_some()))
}

/// All that differs. `step` is where a step is that says nothing of its outcome, and so expects that no delivery fails;
/// `None` where it may fail.
pub(super) fn differences(
    expect: Option<&Node>,
    effects: &Effects,
    reading: Reading<'_>,
    step: Option<&Place>,
) -> Vec<Difference> {
    let member = |key: &str| expect.and_then(|expect| expect.get(key));
    let mut found = outcomes(member("outcome"), member("error"), &effects.deliveries, reading, step);
    for done in &effects.deliveries {
        if let Some(wanted) = member("error") {
            found.extend(error(wanted, done, reading));
        }
        if let Some(wanted) = member("returned") {
            found.extend(reading.differences("returned", wanted, value_of(&done.outcome).as_ref()));
        }
        if let Some(wanted) = member("time") {
            found.extend(took(wanted, done, reading));
        }
    }
    for (at, wanted) in items(member("logs")) {
        found.extend(log(&format!("logs[{at}]"), wanted, &effects.logs, reading, true));
    }
    for (at, wanted) in items(member("requests")) {
        found.extend(request(&format!("requests[{at}]"), wanted, &effects.requests, reading, true));
    }
    if let Some(wanted) = member("requests").and_then(|requests| requests.get("in_order")) {
        found.extend(in_order(wanted, &effects.requests, reading));
    }
    let records = || effects.records.iter().map(|record| (record.key.as_str(), Value::Object(record.value.clone())));
    for member in member("db").and_then(Node::members).unwrap_or_default() {
        found.extend(kept("db", "record", (&member.key, &member.value), records(), reading, reading_plainly));
    }
    let schedules = || effects.schedules.iter().map(|schedule| (schedule.name(), schedule_value(schedule)));
    for member in member("schedules").and_then(Node::members).unwrap_or_default() {
        let wanted = (member.key.as_str(), &member.value);
        found.extend(kept("schedules", "schedule", wanted, schedules(), reading, schedule));
    }
    found.extend(unwanted(member("not"), effects, reading));
    found
}

fn unwanted(not: Option<&Node>, effects: &Effects, reading: Reading<'_>) -> Vec<Difference> {
    let member = |key: &str| not.and_then(|not| not.get(key));
    let mut found = Vec::new();
    for (at, unwanted) in items(member("logs")) {
        found.extend(log(&format!("not.logs[{at}]"), unwanted, &effects.logs, reading, false));
    }
    for (at, unwanted) in items(member("requests")) {
        found.extend(request(&format!("not.requests[{at}]"), unwanted, &effects.requests, reading, false));
    }
    let keys: Vec<&str> = effects.records.iter().map(|record| record.key.as_str()).collect();
    for (at, unwanted) in items(member("db")) {
        found.extend(name(&format!("not.db[{at}]"), "record", unwanted, &keys, reading));
    }
    let names: Vec<&str> = effects.schedules.iter().map(Schedule::name).collect();
    for (at, unwanted) in items(member("schedules")) {
        found.extend(name(&format!("not.schedules[{at}]"), "schedule", unwanted, &names, reading));
    }
    found
}

/// A name that must not be among those that there are: itself, or a pattern for it.
fn name(what: &str, kind: &str, unwanted: &Node, names: &[&str], reading: Reading<'_>) -> Option<Difference> {
    let is_unwanted = |name: &&&str| reading.differences(what, unwanted, Some(&Value::from(**name))).is_empty();
    let found = names.iter().find(is_unwanted)?;
    let expected = match unwanted.as_str() {
        Some(_) => format!("no {kind} of this name"),
        None => format!("no {kind} of such a name"),
    };
    Some(difference(what, expected, (*found).to_owned(), unwanted, reading))
}

fn items(list: Option<&Node>) -> impl Iterator<Item = (usize, &Node)> {
    list.and_then(Node::items).unwrap_or_default().iter().enumerate()
}

/// Of several deliveries the first that did not do what was expected is told.
fn outcomes(
    wanted: Option<&Node>,
    error: Option<&Node>,
    deliveries: &[Done],
    reading: Reading<'_>,
    step: Option<&Place>,
) -> Vec<Difference> {
    let wanted = wanted.and_then(|node| Some((node, node.as_str()?)));
    let (expected, place) = match (wanted, error) {
        (Some((node, name)), _) => (name.to_owned(), reading.place(node)),
        (None, Some(node)) => ("a failure".to_owned(), reading.place(node)),
        (None, None) => match step {
            Some(place) => ("no failure".to_owned(), place.clone()),
            None => return Vec::new(),
        },
    };
    let is_as_wanted = |done: &Done| match (wanted, error) {
        (Some((_, name)), _) => done.outcome.name() == name,
        (None, Some(_)) => !done.outcome.held(),
        (None, None) => done.outcome.held(),
    };
    let actual = match deliveries.iter().find(|done| !is_as_wanted(done)) {
        Some(done) => {
            let error = error_of(&done.outcome).map(|error| format!(": {error}")).unwrap_or_default();
            let of = done.schedule.as_ref().map(|name| format!(" (schedule {name})")).unwrap_or_default();
            format!("{}{error}{of}", done.outcome.name())
        }
        None if deliveries.is_empty() && (wanted.is_some() || error.is_some()) => "nothing was fired".to_owned(),
        None => return Vec::new(),
    };
    vec![Difference { what: "outcome".to_owned(), expected, actual, place }]
}

fn error(wanted: &Node, done: &Done, reading: Reading<'_>) -> Vec<Difference> {
    let Some(actual) = error_of(&done.outcome) else { return Vec::new() };
    match wanted.as_str() {
        Some(text) => match reading.part("contains", text) {
            Ok(part) if part.is_in(&actual) => Vec::new(),
            Ok(part) => vec![difference("error", format!("a text that {}", part.in_words()), actual, wanted, reading)],
            Err(wrong) => vec![difference("error", wrong, actual, wanted, reading)],
        },
        None => reading.differences("error", wanted, Some(&actual.into())),
    }
}

/// A delivery that took too long, by the clock of this machine.
fn took(wanted: &Node, done: &Done, reading: Reading<'_>) -> Option<Difference> {
    let under = wanted.get("under")?;
    let limit = length(under.as_str()?)?;
    let is_under = done.took < limit.unsigned_abs();
    let actual = format!("{:.1} ms", done.took.as_secs_f64() * 1000.0);
    let expected = format!("under {}", under.as_str().unwrap_or_default());
    (!is_under).then(|| difference("time", expected, actual, under, reading))
}

fn difference(what: &str, expected: String, actual: String, at: &Node, reading: Reading<'_>) -> Difference {
    Difference { what: what.to_owned(), expected, actual, place: reading.place(at) }
}

/// What is kept under a name, or that there is nothing.
fn kept<'k>(
    room: &str,
    kind: &str,
    (key, wanted): (&str, &Node),
    mut all: impl Iterator<Item = (&'k str, Value)>,
    reading: Reading<'_>,
    compare: fn(&str, &Node, &Value, Reading<'_>) -> Vec<Difference>,
) -> Vec<Difference> {
    let key = match fill_text(key, reading.names) {
        Ok(key) => key,
        Err((wrong, _)) => return vec![difference(room, wrong, "nothing".to_owned(), wanted, reading)],
    };
    let what = format!("{room}.{key}");
    let mut others = Vec::new();
    let actual = all.find(|(name, _)| {
        others.push((*name).to_owned());
        *name == key
    });
    match (&wanted.kind, actual) {
        (Kind::Null, None) => Vec::new(),
        (Kind::Null, Some((_, actual))) => {
            vec![difference(&what, format!("no {kind}"), actual.to_string(), wanted, reading)]
        }
        (_, None) if others.is_empty() => {
            vec![difference(&what, format!("a {kind}"), format!("no {kind}s"), wanted, reading)]
        }
        (_, None) => {
            let actual = format!("{kind}s {}", others.join(", "));
            vec![difference(&what, format!("a {kind}"), actual, wanted, reading)]
        }
        (_, Some((_, actual))) => compare(&what, wanted, &actual, reading),
    }
}

fn reading_plainly(what: &str, wanted: &Node, actual: &Value, reading: Reading<'_>) -> Vec<Difference> {
    reading.differences(what, wanted, Some(actual))
}

/// Times and lengths of time mean the same however they are written.
fn schedule(what: &str, wanted: &Node, actual: &Value, reading: Reading<'_>) -> Vec<Difference> {
    let Some(members) = wanted.members() else { return reading.differences(what, wanted, Some(actual)) };
    let compare = |member: &crate::text::json::Member| {
        let (key, own) = (member.key.as_str(), actual.get(&member.key));
        let filled = member.value.as_str().and_then(|text| fill_text(text, reading.names).ok());
        let texts = filled.as_deref().zip(own.and_then(Value::as_str));
        let is_same = texts.is_some_and(|(wanted, own)| match key {
            "at" => time(wanted).is_some_and(|wanted| time(own) == Some(wanted)),
            "every" => length(wanted).is_some_and(|wanted| length(own) == Some(wanted)),
            _ => false,
        });
        if is_same { Vec::new() } else { reading.differences(&format!("{what}.{key}"), &member.value, own) }
    };
    members.iter().flat_map(compare).collect()
}

fn log(
    what: &str,
    wanted: &Node,
    logs: &[(Level, String)],
    reading: Reading<'_>,
    is_wanted: bool,
) -> Option<Difference> {
    let mut parts = Vec::new();
    let texts = match &wanted.kind {
        Kind::String(text) => vec![("contains", text.as_str())],
        _ => {
            let text = |key| Some((key, wanted.get(key)?.as_str()?));
            ["contains", "matches"].into_iter().filter_map(text).collect()
        }
    };
    for (key, text) in texts {
        match reading.part(key, text) {
            Ok(part) => parts.push(part),
            Err(wrong) => return Some(difference(what, wrong, "nothing".to_owned(), wanted, reading)),
        }
    }
    let level = wanted.get("level").and_then(Node::as_str).and_then(Level::from_name);
    let fits = |(own, text): &&(Level, String)| {
        level.is_none_or(|level| level == *own) && parts.iter().all(|part| part.is_in(text))
    };
    let fitting: Vec<&(Level, String)> = logs.iter().filter(fits).collect();
    let at_level = level.map(|level| format!(" at level {}", level.name())).unwrap_or_default();
    let that: Vec<String> = parts.iter().map(|part| format!(" that {}", part.in_words())).collect();
    let line = format!("line{at_level}{}", that.join(" and"));
    let wrong = wrong_count(wanted, fitting.len(), is_wanted, &line)?;
    let actual = match fitting.first() {
        Some((level, text)) if !is_wanted => format!("{}: {text}", level.name()),
        _ => format!("{} of {}", fitting.len(), plural(logs.len(), "line")),
    };
    Some(difference(what, wrong, actual, wanted, reading))
}

fn plural(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// What was asked for, where `count` is not it: that many, or at least one, or none.
fn wrong_count(wanted: &Node, count: usize, is_wanted: bool, thing: &str) -> Option<String> {
    let asked = wanted.get("count").and_then(|node| node.value().as_u64());
    let is_there = asked.map_or(count > 0, |asked| count as u64 == asked);
    if is_there == is_wanted {
        return None;
    }
    Some(match (asked, is_wanted) {
        (Some(1), true) => format!("a {thing}, once"),
        (Some(asked), true) => format!("a {thing}, {asked} times"),
        (Some(asked), false) => format!("any number but {asked} of a {thing}"),
        (None, true) => format!("a {thing}"),
        (None, false) => format!("no {thing}"),
    })
}
