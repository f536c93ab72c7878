//! `$db`: what it takes, what it does, and what it refuses, as production does.

use jiff::{SignedDuration, Timestamp};
use rusqlite::TransactionBehavior;
use serde_json::{Map, Number, Value, json};

use super::limits::Meter;
use super::records::{Record, purge, read, remove, write};
use super::store::{Store, StoreError};
use super::{Answer, Fault, Shared, refusal};
use crate::model::Secrets;

/// Its methods.
pub(super) const METHODS: [&str; 4] = ["set", "get", "update", "delete"];

/// The longest key, in characters as JavaScript counts them.
const LONGEST_KEY: usize = 60;

/// What key and value may take together, the value as JSON in UTF-8.
const LARGEST_BYTES: usize = 40 * 1024;

/// How long an expired record is still kept: a run whose clock was set back finds it again.
const KEPT_EXPIRED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The largest whole number up to which JavaScript's numbers have no gaps.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_991.0;

#[derive(Debug)]
pub(super) struct Db {
    meter: Meter,
    has_purged: bool,
}

/// A call whose arguments are as they should be.
#[derive(Debug)]
enum Call {
    Set { key: String, value: Map<String, Value>, ttl: Option<SignedDuration>, condition: Option<Condition> },
    Get { key: String },
    Update { key: String, change: Change, condition: Option<Condition> },
    Delete { key: String },
}

/// `setIf`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Exists,
    Missing,
}

/// What `update` does to the members of a record.
#[derive(Debug)]
enum Change {
    Increment(Map<String, Value>),
    Append(Map<String, Value>),
    Set(Map<String, Value>),
    Remove(Vec<String>),
}

/// What a call is rejected with: a message, for status 400 unless another is named.
struct Refused(u16, String);

impl From<String> for Refused {
    fn from(message: String) -> Self {
        Self(400, message)
    }
}

impl Db {
    pub(super) const fn new() -> Self {
        Self { meter: Meter::new("$db"), has_purged: false }
    }

    pub(super) fn call(&mut self, shared: &mut Shared<'_>, method: &str, args: &[Value]) -> Result<Answer, Fault> {
        if let Err(refused) = self.meter.count(shared) {
            return Ok(Err(refused));
        }
        let call = match Call::read(method, args) {
            Ok(call) => call,
            Err(message) => return Ok(Err(refusal(400, &message))),
        };
        let now = shared.now();
        let done = self.perform(&mut shared.store, shared.setup.secrets, call, now)?;
        Ok(done.map_err(|Refused(status, message)| refusal(status, &message)))
    }

    fn perform(
        &mut self,
        store: &mut Store,
        secrets: &Secrets,
        call: Call,
        now: Timestamp,
    ) -> Result<Result<Value, Refused>, Fault> {
        if !self.has_purged {
            self.has_purged = true;
            let long_ago = now.checked_sub(KEPT_EXPIRED).unwrap_or(Timestamp::MIN);
            store.run(|connection| purge(connection, long_ago))?;
        }
        match call {
            Call::Get { key } => {
                let found = store.run(|connection| read(connection, &secrets.conceal(&key)))?;
                Ok(match found.filter(|record| !record.is_expired(now)) {
                    Some(record) => Ok(Value::Object(revealed(secrets, record.value))),
                    None => Err(not_found()),
                })
            }
            Call::Delete { key } => {
                store.run(|connection| remove(connection, &secrets.conceal(&key)))?;
                Ok(Ok(json!({ "Deleted": true })))
            }
            Call::Set { key, value, ttl, condition } => {
                let expires = ttl.and_then(|ttl| now.checked_add(ttl).ok());
                let set = |_| Ok((value, expires));
                Ok(change(store, secrets, &key, now, condition, set)?.map(|()| json!({ "Created": true })))
            }
            Call::Update { key, change: wanted, condition } => {
                let update = |found: Option<Record>| {
                    let expires = found.as_ref().and_then(|record| record.expires);
                    let value = wanted.apply(found.map(|record| record.value))?;
                    check_value(&key, &value)?;
                    Ok((value, expires))
                };
                Ok(change(store, secrets, &key, now, condition, update)?.map(|()| json!({ "Updated": true })))
            }
        }
    }
}

/// Puts what `make` makes of a record, or of its absence, in its place. Nothing comes between.
fn change(
    store: &mut Store,
    secrets: &Secrets,
    key: &str,
    now: Timestamp,
    condition: Option<Condition>,
    make: impl FnOnce(Option<Record>) -> Result<(Map<String, Value>, Option<Timestamp>), Refused>,
) -> Result<Result<(), Refused>, Fault> {
    let kept_key = secrets.conceal(key);
    store.run(|connection| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = read(&transaction, &kept_key)?.filter(|record| !record.is_expired(now));
        let wanted = condition.is_none_or(|condition| (condition == Condition::Exists) == found.is_some());
        if !wanted {
            return Ok(Err("The setIf conditional request failed".to_owned().into()));
        }
        let found = found.map(|record| Record { value: revealed(secrets, record.value), ..record });
        let (value, expires) = match make(found) {
            Ok(made) => made,
            Err(refused) => return Ok(Err(refused)),
        };
        write(&transaction, &Record { key: kept_key, value: concealed(secrets, value), expires })?;
        transaction.commit()?;
        Ok::<_, StoreError>(Ok(()))
    })
}

/// What is kept: a placeholder for each secret.
fn concealed(secrets: &Secrets, value: Map<String, Value>) -> Map<String, Value> {
    let mut value = Value::Object(value);
    secrets.conceal_value(&mut value);
    into_object(value)
}

/// Undoes [`concealed`].
fn revealed(secrets: &Secrets, value: Map<String, Value>) -> Map<String, Value> {
    let mut value = Value::Object(value);
    secrets.reveal_value(&mut value);
    into_object(value)
}

/// A record as it is kept: with placeholders for secrets.
pub(super) fn concealed_record(secrets: &Secrets, record: Record) -> Record {
    Record { key: secrets.conceal(&record.key), value: concealed(secrets, record.value), ..record }
}

/// Undoes [`concealed_record`].
pub(super) fn revealed_record(secrets: &Secrets, record: Record) -> Record {
    Record { key: secrets.reveal(&record.key), value: revealed(secrets, record.value), ..record }
}

/// Concealing and revealing leave an object an object.
fn into_object(value: Value) -> Map<String, Value> {
    if let Value::Object(members) = value { members } else { Map::new() }
}

fn not_found() -> Refused {
    Refused(404, "Record not found".to_owned())
}

impl Call {
    fn read(method: &str, args: &[Value]) -> Result<Self, String> {
        let arg = |at: usize| args.get(at).unwrap_or(&Value::Null);
        let key = match arg(0) {
            Value::String(key) => key.clone(),
            _ => return Err(KEY.to_owned()),
        };
        check_key(&key)?;
        Ok(match method {
            "get" => Self::Get { key },
            "delete" => Self::Delete { key },
            "set" => {
                let value = object(arg(1)).ok_or(VALUE)?;
                check_value(&key, &value)?;
                let options = Options::read(arg(2))?;
                Self::Set { key, value, ttl: options.ttl, condition: options.condition }
            }
            _ => {
                let change = Change::read(arg(1), arg(2))?;
                Self::Update { key, change, condition: Options::read(arg(3))?.condition }
            }
        })
    }
}

const KEY: &str = "The key must be a string of 1 to 60 characters";
const VALUE: &str = "The value must be an object that is not empty";

/// Whether `$db` takes this key.
pub(super) fn check_key(key: &str) -> Result<(), String> {
    if key.is_empty() || key.encode_utf16().count() > LONGEST_KEY { Err(KEY.to_owned()) } else { Ok(()) }
}

/// Whether `$db` takes this value for this key. An object that `update` has emptied is one that it takes.
pub(super) fn check_value(key: &str, value: &Map<String, Value>) -> Result<(), String> {
    let bytes = key.len() + text_of(value).len();
    if bytes > LARGEST_BYTES {
        return Err(format!("The key and the value take {bytes} bytes, at most 40 KB ({LARGEST_BYTES}) are allowed"));
    }
    Ok(())
}

/// The JSON text of an object.
pub(super) fn text_of(object: &Map<String, Value>) -> String {
    // A map of strings to values always has one.
    serde_json::to_string(object).unwrap_or_default()
}

/// An object that is not empty, as the platform keeps it.
pub(super) fn object(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(members) if !members.is_empty() => {
            Some(members.iter().map(|(name, member)| (name.clone(), nulled(member))).collect())
        }
        _ => None,
    }
}

/// Empty texts become null, at any depth. What is no number has become null on its way here: JSON has no NaN.
fn nulled(value: &Value) -> Value {
    match value {
        Value::String(text) if text.is_empty() => Value::Null,
        Value::Array(items) => Value::Array(items.iter().map(nulled).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, member)| (name.clone(), nulled(member))).collect())
        }
        other => other.clone(),
    }
}

#[derive(Debug, Default)]
struct Options {
    ttl: Option<SignedDuration>,
    condition: Option<Condition>,
}

impl Options {
    fn read(value: &Value) -> Result<Self, String> {
        let options = match value {
            Value::Null => return Ok(Self::default()),
            Value::Object(options) => options,
            _ => return Err("The options must be an object".to_owned()),
        };
        let ttl = match options.get("ttl") {
            None | Some(Value::Null) => None,
            Some(ttl) => time_to_live(ttl.as_f64().ok_or("The ttl must be a number of seconds")?),
        };
        let condition = match options.get("setIf") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text == "exist" => Some(Condition::Exists),
            Some(Value::String(text)) if text == "not_exist" => Some(Condition::Missing),
            Some(_) => return Err("The setIf option must be exist or not_exist".to_owned()),
        };
        Ok(Self { ttl, condition })
    }
}

/// None where the record stays: 0 and negative numbers say so, and a time that is out of all bounds comes to the same.
pub(super) fn time_to_live(seconds: f64) -> Option<SignedDuration> {
    if seconds > 0.0 { SignedDuration::try_from_secs_f64(seconds).ok() } else { None }
}

impl Change {
    fn read(action: &Value, attributes: &Value) -> Result<Self, String> {
        const ACTION: &str = "The action must be increment, append, set or remove";
        let action = action.as_str().ok_or(ACTION)?;
        if action == "remove" {
            return names(attributes).map(Self::Remove).ok_or_else(|| {
                "The attributes to remove must be an array of their names that is not empty".to_owned()
            });
        }
        if !["increment", "append", "set"].contains(&action) {
            return Err(ACTION.to_owned());
        }
        let attributes = object(attributes).ok_or("The attributes must be an object that is not empty")?;
        let faulty = |fits: fn(&Value) -> bool| attributes.iter().find(|(_, value)| !fits(value)).map(|(name, _)| name);
        match action {
            "increment" => match faulty(Value::is_number) {
                Some(name) => Err(format!("The attribute {name} must be incremented by a number")),
                None => Ok(Self::Increment(attributes)),
            },
            "append" => match faulty(Value::is_array) {
                Some(name) => Err(format!("The attribute {name} must be appended an array")),
                None => Ok(Self::Append(attributes)),
            },
            _ => Ok(Self::Set(attributes)),
        }
    }

    /// The object as it is afterwards; a record that is missing is begun, unless there is only something to remove.
    fn apply(self, found: Option<Map<String, Value>>) -> Result<Map<String, Value>, Refused> {
        let mut object = match (found, &self) {
            (Some(object), _) => object,
            (None, Self::Remove(_)) => return Err(not_found()),
            (None, _) => Map::new(),
        };
        match self {
            Self::Increment(attributes) => {
                for (name, by) in attributes {
                    let sum = match object.get(&name) {
                        None => by,
                        Some(Value::Number(number)) => sum(number, &by)
                            .ok_or_else(|| format!("The attribute {name} cannot be incremented that far"))?,
                        Some(_) => return Err(format!("The attribute {name} is not a number").into()),
                    };
                    object.insert(name, sum);
                }
            }
            Self::Append(attributes) => {
                for (name, more) in attributes {
                    let Value::Array(more) = more else { continue };
                    match object.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new())) {
                        Value::Array(items) => items.extend(more),
                        _ => return Err(format!("The attribute {name} is not an array").into()),
                    }
                }
            }
            Self::Set(attributes) => object.extend(attributes),
            Self::Remove(names) => object.retain(|name, _| !names.contains(name)),
        }
        Ok(object)
    }
}

/// The names of attributes to remove: an array of them, or an object whose members have them.
fn names(attributes: &Value) -> Option<Vec<String>> {
    let names: Option<Vec<String>> = match attributes {
        Value::Array(names) => names.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
        Value::Object(members) => Some(members.keys().cloned().collect()),
        _ => None,
    };
    names.filter(|names| !names.is_empty())
}

/// Adds as JavaScript does: numbers are doubles. None where the sum is none.
fn sum(number: &Number, by: &Value) -> Option<Value> {
    let sum = number.as_f64()? + by.as_f64()?;
    #[expect(clippy::cast_possible_truncation, reason = "a whole number within the bounds of i64")]
    if sum.fract() == 0.0 && sum.abs() <= LARGEST_WHOLE {
        return Some(Value::from(sum as i64));
    }
    Number::from_f64(sum).map(Value::Number)
}
