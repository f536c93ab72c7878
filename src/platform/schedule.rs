//! `$schedule`: what an app wants to be called for later, by `onScheduledEvent`.
//!
//! Nothing fires by itself: `simctl schedules fire` does, and a run's clock may stand at any time. So a one-off whose time
//! has come stays until it is fired; a new one of its name takes its place, as the platform would have fired it by then.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};
use serde_json::{Map, Value, json};

use super::store::{Storage, Store};
use super::{Answer, Fault, Shared, refusal};
use crate::model::Secrets;

/// Its methods.
pub(super) const METHODS: [&str; 4] = ["create", "fetch", "update", "delete"];

/// The event that a schedule fires.
const EVENT: &str = "onScheduledEvent";

/// Characters of a schedule's name.
const LONGEST_NAME: usize = 30;

/// Bytes of a schedule's data as compact JSON.
const LARGEST_DATA: usize = 4 * 1024;

/// How far ahead a schedule must be at least, and may be at most.
const LEAST_AHEAD: SignedDuration = SignedDuration::from_mins(5);
const MOST_AHEAD: SignedDuration = SignedDuration::from_hours(365 * 24);

/// How many there may be that fire once, and that repeat.
const MOST_ONCE: usize = 1000;
const MOST_REPEATING: usize = 1;

/// The units of a repetition: name, seconds, and how many of it a period may have.
const UNITS: [(&str, i64, u64); 3] = [("minutes", 60, 60), ("hours", 3_600, 24), ("days", 86_400, 30)];

/// A schedule that an app has created.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// What the app gave, as `$schedule.fetch` answers it: `name`, `data`, `schedule_at`, and `repeat` where it repeats.
    pub definition: Map<String, Value>,
    /// When it is to fire next.
    pub next: Timestamp,
}

impl Schedule {
    /// Its name.
    pub fn name(&self) -> &str {
        self.definition.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// What the event's payload has as `data`.
    pub fn data(&self) -> Value {
        self.definition.get("data").cloned().unwrap_or_else(|| json!({}))
    }

    /// How often it repeats: a number and a unit, such as 2 and `hours`; `None` where it fires once.
    pub fn repeat(&self) -> Option<(u64, &str)> {
        let repeat = self.definition.get("repeat")?;
        Some((repeat["frequency"].as_u64()?, repeat["time_unit"].as_str()?))
    }

    /// When it fires again after it has been fired at `now`: the first of its times that is still to come. `None` where
    /// it fires once.
    fn after(&self, now: Timestamp) -> Option<Timestamp> {
        let (frequency, unit) = self.repeat()?;
        let (_, seconds, _) = UNITS.iter().find(|(name, ..)| *name == unit)?;
        let period = seconds.checked_mul(i64::try_from(frequency).ok()?).filter(|period| *period > 0)?;
        let missed = now.duration_since(self.next).as_secs().max(0) / period;
        let ahead = SignedDuration::from_secs(period.checked_mul(missed + 1)?);
        self.next.checked_add(ahead).ok()
    }
}

/// Every schedule that is kept in `storage`, `secrets` put back where they stood, by the time at which it fires next.
///
/// # Errors
/// [`Fault`] where the store cannot be read.
pub fn schedules(storage: &Storage, secrets: &Secrets) -> Result<Vec<Schedule>, Fault> {
    if !storage.is_there() {
        return Ok(Vec::new());
    }
    all(&mut Store::new(storage.clone(), false), secrets)
}

/// Takes note that the schedule `name` fires at `now`: one that repeats gets its next time, another is gone. False where
/// it was gone already.
///
/// # Errors
/// [`Fault`] where the store cannot be written.
pub fn schedule_fires(storage: &Storage, secrets: &Secrets, name: &str, now: Timestamp) -> Result<bool, Fault> {
    fires(&mut Store::new(storage.clone(), false), secrets, name, now)
}

pub(super) fn all(store: &mut Store, secrets: &Secrets) -> Result<Vec<Schedule>, Fault> {
    let mut all = read_all(store.open()?, secrets)?;
    all.sort_by(|a, b| (a.next, a.name()).cmp(&(b.next, b.name())));
    Ok(all)
}

pub(super) fn fires(store: &mut Store, secrets: &Secrets, name: &str, now: Timestamp) -> Result<bool, Fault> {
    let transaction = store.open()?.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(mut schedule) = read(&transaction, secrets, name)? else { return Ok(false) };
    match schedule.after(now) {
        Some(next) => {
            schedule.next = next;
            write(&transaction, secrets, &schedule)?;
        }
        None => {
            transaction.execute("DELETE FROM schedules WHERE name = ?1", [secrets.conceal(name)])?;
        }
    }
    transaction.commit()?;
    Ok(true)
}

#[derive(Debug, Default)]
pub(super) struct Schedules;

impl Schedules {
    pub(super) fn call(&mut self, shared: &mut Shared<'_>, method: &str, args: &[Value]) -> Result<Answer, Fault> {
        let given = match given(args, method) {
            Ok(given) => given,
            Err(message) => return Ok(Err(refusal(400, &message))),
        };
        match method {
            "fetch" => fetch(shared, &given),
            "delete" => delete(shared, &given),
            _ => put(shared, given, method == "create"),
        }
    }
}

fn fetch(shared: &mut Shared<'_>, given: &Map<String, Value>) -> Result<Answer, Fault> {
    let found = read(shared.store.open()?, shared.setup.secrets, name_of(given))?;
    Ok(found.map(|schedule| Value::Object(schedule.definition)).ok_or_else(missing))
}

fn delete(shared: &mut Shared<'_>, given: &Map<String, Value>) -> Result<Answer, Fault> {
    let name = shared.setup.secrets.conceal(name_of(given));
    let gone = shared.store.open()?.execute("DELETE FROM schedules WHERE name = ?1", [name])?;
    Ok(if gone > 0 { Ok(done("deleted")) } else { Err(missing()) })
}

/// Creates or updates a schedule.
fn put(shared: &mut Shared<'_>, given: Map<String, Value>, is_new: bool) -> Result<Answer, Fault> {
    let now = shared.now();
    let next = match check(&given, now) {
        Ok(next) => next,
        Err(message) => return Ok(Err(refusal(400, &message))),
    };
    if !shared.subscribes(EVENT) {
        return Ok(Err(refusal(400, &format!("The app does not subscribe to {EVENT}"))));
    }
    let secrets = shared.setup.secrets;
    let transaction = shared.store.open()?.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let others = read_all(&transaction, secrets)?;
    let (own, others): (Vec<Schedule>, Vec<Schedule>) =
        others.into_iter().partition(|schedule| schedule.name() == name_of(&given));
    let stands = own.first().is_some_and(|own| own.repeat().is_some() || own.next > now);
    let repeats = given.contains_key("repeat");
    let alike = others.iter().filter(|other| other.repeat().is_some() == repeats).count();
    let refused = match (is_new, repeats) {
        (true, _) if stands => Some(refusal(400, "A schedule of this name exists")),
        (false, _) if own.is_empty() => Some(missing()),
        (_, true) if alike >= MOST_REPEATING => Some(refusal(400, "An app can have 1 recurring schedule only")),
        (_, false) if alike >= MOST_ONCE => Some(refusal(400, "An app can have 1000 one-time schedules only")),
        _ => None,
    };
    if let Some(refused) = refused {
        return Ok(Err(refused));
    }
    write(&transaction, secrets, &Schedule { definition: given, next })?;
    transaction.commit()?;
    Ok(Ok(done(if is_new { "created" } else { "updated" })))
}

fn done(what: &str) -> Value {
    json!({ "status": 200, "message": format!("Schedule {what}") })
}

fn missing() -> Value {
    refusal(404, "There is no schedule of this name")
}

fn name_of(given: &Map<String, Value>) -> &str {
    given.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// What a method was given, with all that it must have.
fn given(args: &[Value], method: &str) -> Result<Map<String, Value>, String> {
    let Some(Value::Object(given)) = args.first() else {
        return Err(format!("$schedule.{method} takes an object with the name of the schedule"));
    };
    let mut given = given.clone();
    if given.get("repeat").is_some_and(Value::is_null) {
        given.remove("repeat");
    }
    let wanted: &[&str] =
        if matches!(method, "create" | "update") { &["name", "data", "schedule_at"] } else { &["name"] };
    let inner: &[&str] =
        if given.contains_key("repeat") && wanted.len() > 1 { &["time_unit", "frequency"] } else { &[] };
    let lacks = |holder: &Value, key: &str| holder.get(key).is_none_or(Value::is_null);
    let whole = Value::Object(given.clone());
    let absent: Vec<&str> = wanted
        .iter()
        .filter(|key| lacks(&whole, key))
        .chain(inner.iter().filter(|key| lacks(&whole["repeat"], key)))
        .copied()
        .collect();
    if !absent.is_empty() {
        return Err(format!("Mandatory attributes are missing: {}", absent.join(", ")));
    }
    match given.get("name") {
        Some(Value::String(name)) if name.trim().is_empty() => Err("The name must not be empty".to_owned()),
        Some(Value::String(_)) => Ok(given),
        _ => Err("The name must be a string".to_owned()),
    }
}

/// When a schedule is to fire, if all that it says is as the platform wants it.
fn check(given: &Map<String, Value>, now: Timestamp) -> Result<Timestamp, String> {
    if name_of(given).chars().count() > LONGEST_NAME {
        return Err(format!("The name must not be longer than {LONGEST_NAME} characters"));
    }
    let data = &given["data"];
    if !data.is_object() {
        return Err("The data must be a JSON object".to_owned());
    }
    if data.to_string().len() > LARGEST_DATA {
        return Err("The data must not be larger than 4 KB".to_owned());
    }
    let next = given["schedule_at"].as_str().and_then(time);
    let Some(next) = next else { return Err("The schedule_at value must be a time in ISO format".to_owned()) };
    let ahead = next.duration_since(now);
    if ahead < LEAST_AHEAD {
        return Err("The schedule_at value must be at least 5 minutes ahead".to_owned());
    }
    if ahead > MOST_AHEAD {
        return Err("The schedule_at value must not be more than a year ahead".to_owned());
    }
    if let Some(repeat) = given.get("repeat") {
        check_repeat(repeat)?;
    }
    Ok(next)
}

fn check_repeat(repeat: &Value) -> Result<(), String> {
    let unit = repeat["time_unit"].as_str();
    let Some((unit, _, most)) = UNITS.iter().find(|(name, ..)| Some(*name) == unit) else {
        return Err("The time_unit must be minutes, hours or days".to_owned());
    };
    match &repeat["frequency"] {
        Value::Number(number) => match number.as_u64() {
            Some(frequency) if (1..=*most).contains(&frequency) => Ok(()),
            _ => Err(format!("The frequency in {unit} must be a whole number from 1 to {most}")),
        },
        _ => Err("The frequency must be a number".to_owned()),
    }
}

/// A time as ISO 8601 has it; one without an offset is UTC.
fn time(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}

fn read(connection: &Connection, secrets: &Secrets, name: &str) -> Result<Option<Schedule>, Fault> {
    let text = connection
        .query_row("SELECT definition FROM schedules WHERE name = ?1", [secrets.conceal(name)], |row| {
            row.get::<_, String>(0)
        })
        .optional()?;
    text.map(|text| parse(&text, secrets)).transpose()
}

fn read_all(connection: &Connection, secrets: &Secrets) -> Result<Vec<Schedule>, Fault> {
    let mut statement = connection.prepare("SELECT definition FROM schedules ORDER BY name")?;
    let texts = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<String>, _>>()?;
    texts.iter().map(|text| parse(text, secrets)).collect()
}

/// A schedule as it is kept: `{"next": TIME, "definition": {…}}`, with a placeholder for each secret.
fn parse(text: &str, secrets: &Secrets) -> Result<Schedule, Fault> {
    let kept: Option<Value> = serde_json::from_str(text).ok();
    let read = |mut kept: Value| {
        secrets.reveal_value(kept.get_mut("definition")?);
        let next = kept["next"].as_str()?.parse().ok()?;
        let definition = kept["definition"].as_object()?.clone();
        Some(Schedule { definition, next })
    };
    kept.and_then(read).ok_or_else(|| Fault {
        what: "what the app stores holds a schedule that cannot be read".to_owned(),
        hint: Some("`--fresh` begins without what earlier runs have kept".to_owned()),
    })
}

fn write(connection: &Connection, secrets: &Secrets, schedule: &Schedule) -> Result<(), Fault> {
    let mut definition = Value::Object(schedule.definition.clone());
    secrets.conceal_value(&mut definition);
    let kept = json!({ "next": schedule.next.to_string(), "definition": definition });
    let row = [secrets.conceal(schedule.name()), kept.to_string()];
    connection.execute("INSERT OR REPLACE INTO schedules (name, definition) VALUES (?1, ?2)", row)?;
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(next: &str, repeat: Value) -> Schedule {
        let mut definition = Map::new();
        definition.insert("name".to_owned(), json!("x"));
        if !repeat.is_null() {
            definition.insert("repeat".to_owned(), repeat);
        }
        Schedule { definition, next: at(next) }
    }

    #[test]
    fn the_next_time_is_the_first_that_is_still_to_come() {
        let daily = schedule("2026-03-01T08:00:00Z", json!({"time_unit": "days", "frequency": 2}));
        for (fired, next) in [
            ("2026-02-27T00:00:00Z", "2026-03-03T08:00:00Z"),
            ("2026-03-01T08:00:00Z", "2026-03-03T08:00:00Z"),
            ("2026-03-02T08:00:00Z", "2026-03-03T08:00:00Z"),
            ("2026-03-03T08:00:00Z", "2026-03-05T08:00:00Z"),
            ("2026-03-10T09:00:00Z", "2026-03-11T08:00:00Z"),
        ] {
            assert_eq!(daily.after(at(fired)), Some(at(next)), "fired at {fired}");
        }
        assert_eq!(schedule("2026-03-01T08:00:00Z", Value::Null).after(at("2026-03-01T08:00:00Z")), None);
    }

    #[test]
    fn a_time_without_an_offset_is_utc() {
        assert_eq!(time("2026-03-01T08:00:00"), Some(at("2026-03-01T08:00:00Z")));
        assert_eq!(time("2026-03-01T10:00:00+02:00"), Some(at("2026-03-01T08:00:00Z")));
        assert_eq!(time("2026-03-01"), Some(at("2026-03-01T00:00:00Z")));
        for bad in ["", "tomorrow", "1772352000000", "2026-13-01T00:00:00Z"] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }
}
