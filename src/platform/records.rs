//! The records of `$db` as they stand in the store: a key, an object, and when it expires. What an app may ask of them is
//! for `db.rs` to say.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};
use serde_json::{Map, Value};

use super::store::{Storage, Store, StoreError};
use super::{Fault, db};

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Map<String, Value>,
    /// From when on it is as if it were not there; none where it stays.
    pub expires: Option<Timestamp>,
}

impl Record {
    /// Whether it is there no more at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// A record as `$db` would keep it: empty texts in it are null.
    ///
    /// # Errors
    /// The message of the error that `$db.set` would be rejected with.
    pub fn new(key: String, value: &Map<String, Value>, expires: Option<Timestamp>) -> Result<Self, String> {
        db::check_key(&key)?;
        // `update` can leave an empty object behind, which `set` does not take.
        let value = db::object(&Value::Object(value.clone())).unwrap_or_default();
        db::check_value(&key, &value)?;
        Ok(Self { key, value, expires })
    }
}

/// The records of an app, for those who look at them from outside. Secrets in them are placeholders.
#[derive(Debug)]
pub struct Records {
    store: Store,
}

impl Records {
    /// The records that are kept there. Nothing is opened or made yet.
    pub const fn new(storage: Storage) -> Self {
        Self { store: Store::new(storage, false) }
    }

    /// All of them, expired ones too, in the order of their keys.
    ///
    /// # Errors
    /// [`Fault`] where this machine is in the way.
    pub fn all(&mut self) -> Result<Vec<Record>, Fault> {
        if !self.store.exists() { Ok(Vec::new()) } else { self.store.run(|connection| all(connection)) }
    }

    /// The record of that key, even if it has expired.
    ///
    /// # Errors
    /// As [`Records::all`].
    pub fn get(&mut self, key: &str) -> Result<Option<Record>, Fault> {
        if !self.store.exists() { Ok(None) } else { self.store.run(|connection| read(connection, key)) }
    }

    /// Writes all of them, or none.
    ///
    /// # Errors
    /// As [`Records::all`].
    pub fn put(&mut self, records: &[Record]) -> Result<(), Fault> {
        self.store.run(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for record in records {
                write(&transaction, record)?;
            }
            Ok(transaction.commit()?)
        })
    }

    /// Deletes the records of these keys, or none where one is missing: that is returned.
    ///
    /// # Errors
    /// As [`Records::all`].
    pub fn delete<'k>(&mut self, keys: &'k [String]) -> Result<Option<&'k str>, Fault> {
        if !self.store.exists() {
            return Ok(keys.first().map(String::as_str));
        }
        self.store.run(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for (at, key) in keys.iter().enumerate() {
                if !remove(&transaction, key)? && !keys[..at].contains(key) {
                    return Ok(Some(key.as_str()));
                }
            }
            transaction.commit()?;
            Ok(None)
        })
    }

    /// Deletes all records, and says how many there were.
    ///
    /// # Errors
    /// As [`Records::all`].
    pub fn clear(&mut self) -> Result<usize, Fault> {
        if !self.store.exists() {
            return Ok(0);
        }
        self.store.run(|connection| Ok(connection.execute("DELETE FROM db", [])?))
    }
}

pub(super) fn read(connection: &Connection, key: &str) -> Result<Option<Record>, StoreError> {
    let mut statement = connection.prepare("SELECT key, value, expires_ms FROM db WHERE key = ?1")?;
    let row = statement.query_row([key], columns).optional()?;
    row.map(record).transpose()
}

pub(super) fn all(connection: &Connection) -> Result<Vec<Record>, StoreError> {
    let mut statement = connection.prepare("SELECT key, value, expires_ms FROM db ORDER BY key")?;
    let rows = statement.query_map([], columns)?;
    rows.map(|row| record(row?)).collect()
}

pub(super) fn write(connection: &Connection, record: &Record) -> Result<(), StoreError> {
    const WRITE: &str = "INSERT INTO db (key, value, expires_ms) VALUES (?1, ?2, ?3)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_ms = excluded.expires_ms";
    let value = db::text_of(&record.value);
    let expires = record.expires.map(Timestamp::as_millisecond);
    connection.execute(WRITE, params![record.key, value, expires])?;
    Ok(())
}

/// Whether there was one.
pub(super) fn remove(connection: &Connection, key: &str) -> Result<bool, StoreError> {
    Ok(connection.execute("DELETE FROM db WHERE key = ?1", [key])? > 0)
}

/// Removes what has been expired since before `time`.
pub(super) fn purge(connection: &Connection, time: Timestamp) -> Result<(), StoreError> {
    connection.execute("DELETE FROM db WHERE expires_ms < ?1", [time.as_millisecond()])?;
    Ok(())
}

type Columns = (String, String, Option<i64>);

fn columns(row: &Row<'_>) -> rusqlite::Result<Columns> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

fn record((key, value, expires): Columns) -> Result<Record, StoreError> {
    match serde_json::from_str(&value) {
        Ok(Value::Object(value)) => {
            let expires = expires.map(|ms| Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX));
            Ok(Record { key, value, expires })
        }
        _ => Err(StoreError::Record(key)),
    }
}
