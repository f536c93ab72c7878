//! Snapshots: what a step did, recorded whole and compared to the letter with what was kept before. Files are for the caller
//! to read and write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::effects::{Effects, error_of, request_value, schedule_value, value_of};
use super::{Scenario, Wish};
use crate::model::{AnswerStatus, Difference};
use crate::platform::{Record, Schedule};
use crate::text::json::escape_token;

/// What stands in a snapshot for what differs from run to run.
const VOLATILE: &str = "(volatile)";

/// How many differences from one snapshot are told.
const MOST_TOLD: usize = 10;

/// What becomes of what is not as it was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Nothing is taken down: a snapshot that is missing fails.
    Check,
    /// What was not kept yet is taken down; what differs fails.
    Add,
    /// All is taken down.
    Update,
}

/// The snapshots of a run.
#[derive(Debug)]
pub struct Snapshots {
    policy: Policy,
    /// What is kept: by file, by name.
    kept: BTreeMap<PathBuf, Map<String, Value>>,
    taken: Mutex<Taken>,
}

/// What a run has taken down.
#[derive(Debug, Default)]
pub struct Taken {
    /// Snapshots that are new, or other than those that are kept: by file, by name.
    pub snapshots: BTreeMap<PathBuf, Map<String, Value>>,
    /// How many were not as they are kept, and failed.
    pub differing: usize,
}

impl Snapshots {
    /// Those that are kept, by file, by name.
    pub const fn new(policy: Policy, kept: BTreeMap<PathBuf, Map<String, Value>>) -> Self {
        Self { policy, kept, taken: Mutex::new(Taken { snapshots: BTreeMap::new(), differing: 0 }) }
    }

    /// What was taken down since the last time.
    pub fn take(&self) -> Taken {
        std::mem::take(&mut *self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What differs from what is kept; what is to be kept is taken down.
    pub(super) fn compare(&self, scenario: &Scenario, wish: &Wish, recorded: Value) -> Vec<Difference> {
        let file = scenario.snapshot_file();
        let kept = self.kept.get(&file).and_then(|kept| kept.get(&wish.key));
        if kept == Some(&recorded) {
            return Vec::new();
        }
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if self.policy == Policy::Update || (self.policy == Policy::Add && kept.is_none()) {
            taken.snapshots.entry(file).or_default().insert(wish.key.clone(), recorded);
            return Vec::new();
        }
        taken.differing += 1;
        let difference = |what: String, expected: Option<&Value>, actual: Option<&Value>| {
            let text = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
            Difference { what, expected: text(expected), actual: text(actual), place: wish.place.clone() }
        };
        let Some(kept) = kept else {
            let shown = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let (what, key) = ("snapshot".to_owned(), &wish.key);
            let (expected, actual) = (format!("`{key}` in {shown}"), "none of that name".to_owned());
            return vec![Difference { what, expected, actual, place: wish.place.clone() }];
        };
        let mut found = Vec::new();
        differences("", Some(kept), Some(&recorded), &mut |pointer, expected, actual| {
            found.push(difference(format!("snapshot {pointer}"), expected, actual));
        });
        found.truncate(MOST_TOLD);
        found
    }
}

impl Scenario {
    /// The file in which the snapshots of its steps are kept, whether there is any, as it is opened.
    pub fn snapshot_file(&self) -> PathBuf {
        snapshot_file(&self.path)
    }

    /// The names of the snapshots that its steps ask for.
    pub fn snapshots(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| Some(step.snapshot.as_ref()?.key.as_str()))
    }
}

/// The file in which the snapshots of the scenario in this file are kept: `a.snap.json` beside `a.scenario.yaml`.
pub fn snapshot_file(scenario: &Path) -> PathBuf {
    let name = scenario.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split_once(".scenario.").map_or(&*name, |(stem, _)| stem);
    scenario.with_file_name(format!("{stem}.snap.json"))
}

/// What a step did, as it is kept: nothing is there that did not happen. `before` are records and schedules before it.
pub(super) fn record(effects: &Effects, before: &(Vec<Record>, Vec<Schedule>), volatile: &[String]) -> Value {
    let mut all = Map::new();
    let mut put = |key: &str, value: Value| {
        let is_empty = match &value {
            Value::Array(items) => items.is_empty(),
            Value::Object(members) => members.is_empty(),
            _ => false,
        };
        if !is_empty {
            all.insert(key.to_owned(), value);
        }
    };
    put("deliveries", effects.deliveries.iter().map(delivery).collect());
    put("logs", effects.logs.iter().map(|(level, text)| json!({ level.name(): text })).collect());
    put("calls", effects.calls.iter().map(call).collect());
    put("requests", effects.requests.iter().map(request_value).collect());
    let record = |record: &Record| (record.key.clone(), Value::Object(record.value.clone()));
    put("db", changes(before.0.iter().map(record), effects.records.iter().map(record)));
    let schedule = |schedule: &Schedule| (schedule.name().to_owned(), schedule_value(schedule));
    put("schedules", changes(before.1.iter().map(schedule), effects.schedules.iter().map(schedule)));
    let mut all = Value::Object(all);
    for pointer in volatile {
        let tokens: Vec<&str> = pointer.split('/').skip(1).collect();
        conceal(&mut all, &tokens);
    }
    all
}

fn delivery(done: &super::effects::Done) -> Value {
    let mut told = Map::new();
    told.extend(done.schedule.iter().map(|name| ("schedule".to_owned(), name.as_str().into())));
    told.insert("outcome".to_owned(), done.outcome.name().into());
    told.extend(value_of(&done.outcome).map(|value| ("returned".to_owned(), value)));
    told.extend(error_of(&done.outcome).map(|error| ("error".to_owned(), error.into())));
    Value::Object(told)
}

fn call(call: &super::effects::Call) -> Value {
    let answer = if call.status == AnswerStatus::Fulfilled { "answer" } else { "refused" };
    json!({ "call": call.name, "args": call.args, answer: call.answer })
}

/// What is new or other than before, and null for what is gone; in the order of the names.
fn changes(before: impl Iterator<Item = (String, Value)>, after: impl Iterator<Item = (String, Value)>) -> Value {
    let before: BTreeMap<String, Value> = before.collect();
    let after: BTreeMap<String, Value> = after.collect();
    let mut changed: BTreeMap<String, Value> =
        before.keys().filter(|key| !after.contains_key(*key)).map(|key| (key.clone(), Value::Null)).collect();
    changed.extend(after.into_iter().filter(|(key, value)| before.get(key) != Some(value)));
    Value::Object(changed.into_iter().collect())
}

/// Puts a word in place of what differs from run to run.
fn conceal(value: &mut Value, tokens: &[&str]) {
    let Some((token, rest)) = tokens.split_first() else {
        *value = VOLATILE.into();
        return;
    };
    match value {
        Value::Object(members) => {
            for (_, member) in members.iter_mut().filter(|(key, _)| *token == "*" || escape_token(key) == *token) {
                conceal(member, rest);
            }
        }
        Value::Array(items) => {
            for (_, item) in items.iter_mut().enumerate().filter(|(at, _)| *token == "*" || at.to_string() == *token) {
                conceal(item, rest);
            }
        }
        _ => {}
    }
}

type Tell<'t> = &'t mut dyn FnMut(&str, Option<&Value>, Option<&Value>);

/// Each innermost value that differs, by its pointer.
fn differences(pointer: &str, expected: Option<&Value>, actual: Option<&Value>, tell: Tell<'_>) {
    match (expected, actual) {
        (expected, actual) if expected == actual => {}
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let more = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(more) {
                differences(&format!("{pointer}/{}", escape_token(key)), a.get(key), b.get(key), tell);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for at in 0..a.len().max(b.len()) {
                differences(&format!("{pointer}/{at}"), a.get(at), b.get(at), tell);
            }
        }
        _ => tell(pointer, expected, actual),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_volatile_is_no_part_of_a_snapshot() {
        let mut value = json!({ "calls": [{ "answer": { "id": 1, "n": 2 } }, { "answer": { "id": 3 } }], "a/b": 4 });
        conceal(&mut value, &["calls", "*", "answer", "id"]);
        conceal(&mut value, &["a~1b"]);
        conceal(&mut value, &["calls", "9", "answer"]);
        let expected = json!({
            "calls": [{ "answer": { "id": VOLATILE, "n": 2 } }, { "answer": { "id": VOLATILE } }], "a/b": VOLATILE
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn each_innermost_difference_is_told() {
        let (a, b) = (json!({ "a": [1, 2], "b": { "c": null } }), json!({ "a": [1], "b": { "c": false }, "d": 1 }));
        let mut told = Vec::new();
        differences("", Some(&a), Some(&b), &mut |pointer, _, _| told.push(pointer.to_owned()));
        assert_eq!(told, ["/a/1", "/b/c", "/d"]);
    }

    #[test]
    fn a_snapshot_stands_beside_its_scenario() {
        assert_eq!(snapshot_file(Path::new("tests/a.b.scenario.yaml")), Path::new("tests/a.b.snap.json"));
        assert_eq!(snapshot_file(Path::new("odd.yaml")), Path::new("odd.yaml.snap.json"));
    }
}
