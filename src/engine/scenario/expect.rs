//! What a step is expected to do, compared with what it did. Pure, as `compare` is.

use serde_json::Value;

use super::compare::Reading;
use crate::model::{Difference, Level, Outcome, Place, ReturnValue, Thrown};
use crate::platform::{MadeRequest, Record};
use crate::text::json::{Kind, Node};

/// What a step did.
pub(super) struct Effects<'a> {
    pub(super) outcome: &'a Outcome,
    pub(super) logs: &'a [(Level, String)],
    pub(super) requests: &'a [MadeRequest],
    /// What `$db` holds after it; not asked for where no expectation is about it.
    pub(super) records: &'a [Record],
}

/// Whether the step's expectations are about what `$db` holds.
pub(super) fn asks_records(expect: Option<&Node>) -> bool {
    expect.is_some_and(|expect| expect.get("db").is_some())
}

/// All that differs. `step` is where a step is that says nothing of its outcome.
pub(super) fn differences(
    expect: Option<&Node>,
    effects: &Effects<'_>,
    reading: Reading<'_>,
    step: &Place,
) -> Vec<Difference> {
    let member = |key: &str| expect.and_then(|expect| expect.get(key));
    let failed = outcome(member("outcome"), member("error"), effects.outcome, reading, step);
    let mut found: Vec<Difference> = failed.into_iter().collect();
    if let Some(wanted) = member("error") {
        found.extend(error(wanted, effects.outcome, reading));
    }
    if let Some(wanted) = member("returned") {
        let value = match effects.outcome {
            Outcome::Returned { value: ReturnValue::Json(value) } => Some(value.clone()),
            Outcome::Returned { value: ReturnValue::Text(text) } => Some(text.as_str().into()),
            Outcome::Rendered { data, .. } => data.clone(),
            _ => None,
        };
        found.extend(reading.differences("returned", wanted, value.as_ref()));
    }
    for (at, wanted) in items(member("logs")) {
        found.extend(log(&format!("logs[{at}]"), wanted, effects.logs, reading, true));
    }
    for (at, wanted) in items(member("requests")) {
        found.extend(request(&format!("requests[{at}]"), wanted, effects.requests, reading, true));
    }
    for member in member("db").and_then(Node::members).unwrap_or_default() {
        found.extend(record(&member.key, &member.value, effects.records, reading));
    }
    let not = |key: &str| member("not").and_then(|not| not.get(key));
    for (at, unwanted) in items(not("logs")) {
        found.extend(log(&format!("not.logs[{at}]"), unwanted, effects.logs, reading, false));
    }
    for (at, unwanted) in items(not("requests")) {
        found.extend(request(&format!("not.requests[{at}]"), unwanted, effects.requests, reading, false));
    }
    found
}

fn items(list: Option<&Node>) -> impl Iterator<Item = (usize, &Node)> {
    list.and_then(Node::items).unwrap_or_default().iter().enumerate()
}

fn outcome(
    wanted: Option<&Node>,
    error: Option<&Node>,
    outcome: &Outcome,
    reading: Reading<'_>,
    step: &Place,
) -> Option<Difference> {
    let (is_as_wanted, expected, place) = match (wanted.and_then(|node| Some((node, node.as_str()?))), error) {
        (Some((node, name)), _) => (outcome.name() == name, name.to_owned(), reading.place(node)),
        (None, Some(node)) => (!outcome.held(), "a failure".to_owned(), reading.place(node)),
        (None, None) => (outcome.held(), "no failure".to_owned(), step.clone()),
    };
    let actual = match error_of(outcome) {
        Some(error) => format!("{}: {error}", outcome.name()),
        None => outcome.name().to_owned(),
    };
    (!is_as_wanted).then(|| Difference { what: "outcome".to_owned(), expected, actual, place })
}

/// The text of an outcome's error, as a console shows it.
fn error_of(outcome: &Outcome) -> Option<String> {
    let text = |Thrown { name, message, .. }: &Thrown| match name {
        Some(name) if message.is_empty() => name.clone(),
        Some(name) => format!("{name}: {message}"),
        None => message.clone(),
    };
    match outcome {
        Outcome::Threw { error } | Outcome::Rejected { error, .. } | Outcome::NotLoaded { error } => Some(text(error)),
        Outcome::Rendered { error: Some(error), .. } => Some(error.to_string()),
        _ => None,
    }
}

fn error(wanted: &Node, outcome: &Outcome, reading: Reading<'_>) -> Vec<Difference> {
    let Some(actual) = error_of(outcome) else { return Vec::new() };
    match wanted.as_str() {
        Some(text) => match reading.part("contains", text) {
            Ok(part) if part.is_in(&actual) => Vec::new(),
            Ok(part) => vec![difference("error", format!("a text that {}", part.in_words()), actual, wanted, reading)],
            Err(wrong) => vec![difference("error", wrong, actual, wanted, reading)],
        },
        None => reading.differences("error", wanted, Some(&actual.into())),
    }
}

fn difference(what: &str, expected: String, actual: String, at: &Node, reading: Reading<'_>) -> Difference {
    Difference { what: what.to_owned(), expected, actual, place: reading.place(at) }
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
        (Some(asked), true) => format!("{asked} times a {thing}"),
        (Some(asked), false) => format!("any number but {asked} of a {thing}"),
        (None, true) => format!("a {thing}"),
        (None, false) => format!("no {thing}"),
    })
}

fn request(
    what: &str,
    wanted: &Node,
    requests: &[MadeRequest],
    reading: Reading<'_>,
    is_wanted: bool,
) -> Vec<Difference> {
    let compared: Vec<Vec<Difference>> =
        requests.iter().map(|request| request_differences(what, wanted, request, reading)).collect();
    let count = compared.iter().filter(|differences| differences.is_empty()).count();
    let Some(wrong) = wrong_count(wanted, count, is_wanted, "request as described here") else { return Vec::new() };
    // Of one that comes close it is worth knowing in what it differs.
    let is_close = |differences: &&Vec<Difference>| {
        !differences.iter().any(|one| one.what == format!("{what}.template") || one.what == format!("{what}.method"))
    };
    let nearest = compared.iter().filter(is_close).min_by_key(|differences| differences.len());
    if let Some(nearest) = nearest.filter(|_| is_wanted && count == 0) {
        return nearest.clone();
    }
    let sent: Vec<String> = requests.iter().map(name).collect();
    let actual = if sent.is_empty() { "no request".to_owned() } else { sent.join(", ") };
    vec![difference(what, wrong, actual, wanted, reading)]
}

fn name(request: &MadeRequest) -> String {
    match &request.template {
        Some(template) => format!("{template} ({} {})", request.method, request.url),
        None => format!("{} {}", request.method, request.url),
    }
}

fn request_differences(what: &str, wanted: &Node, request: &MadeRequest, reading: Reading<'_>) -> Vec<Difference> {
    let MadeRequest { template, context, method, url, body } = request;
    let actual = |key: &str| match key {
        "template" => template.as_deref().map(Value::from),
        "context" => context.clone(),
        "method" => Some(method.as_str().into()),
        "url" => Some(url.as_str().into()),
        "body" => Some(body.clone()),
        _ => None,
    };
    let members = wanted.members().unwrap_or_default().iter().filter(|member| member.key != "count");
    members
        .flat_map(|member| {
            reading.differences(&format!("{what}.{}", member.key), &member.value, actual(&member.key).as_ref())
        })
        .collect()
}

fn record(key: &str, wanted: &Node, records: &[Record], reading: Reading<'_>) -> Vec<Difference> {
    let key = match super::references::fill_text(key, reading.users) {
        Ok(key) => key,
        Err((wrong, _)) => return vec![difference("db", wrong, "nothing".to_owned(), wanted, reading)],
    };
    let what = format!("db.{key}");
    let actual = records.iter().find(|record| record.key == key).map(|record| Value::Object(record.value.clone()));
    match (&wanted.kind, actual) {
        (Kind::Null, None) => Vec::new(),
        (Kind::Null, Some(actual)) => {
            vec![difference(&what, "no record".to_owned(), actual.to_string(), wanted, reading)]
        }
        (_, None) => {
            let keys: Vec<&str> = records.iter().map(|record| record.key.as_str()).collect();
            let actual = if keys.is_empty() { "no records".to_owned() } else { format!("records {}", keys.join(", ")) };
            vec![difference(&what, "a record".to_owned(), actual, wanted, reading)]
        }
        (_, Some(actual)) => reading.differences(&what, wanted, Some(&actual)),
    }
}
