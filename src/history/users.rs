//! The users whom deliveries have told of, as they are now.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::keep::{Bounds, Log, LogError};

/// The folder in `.simctl/` in which they are.
const FOLDER: &str = "users";

/// The users of one app.
#[derive(Debug, Clone)]
pub struct Users {
    log: Log,
}

/// One user, as the last delivery has told of her.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownUser {
    /// When that was, RFC 3339.
    pub at: String,
    /// The event that it was.
    pub event: String,
    /// `data.user` of its payload; a mask where a secret stood.
    pub user: Value,
    /// What stood round `event` and `data` in it, such as the account's region; a mask where a secret stood.
    #[serde(default)]
    pub envelope: Map<String, Value>,
}

/// A line of the log.
#[derive(Serialize)]
struct Line<'a> {
    id: u64,
    #[serde(flatten)]
    known: &'a KnownUser,
}

impl KnownUser {
    /// Her `id`.
    pub fn id(&self) -> &str {
        self.user.get("id").and_then(Value::as_str).unwrap_or_default()
    }
}

impl Users {
    /// How much is kept: a thousand states of users in the last 90 days.
    pub const BOUNDS: Bounds = Bounds { count: 1000, bytes: 8 << 20, age: Duration::from_secs(90 * 24 * 60 * 60) };

    /// The users of the app in `root`, which must be there.
    pub fn open(root: &Path) -> Self {
        Self { log: Log::new(root, FOLDER, Self::BOUNDS) }
    }

    /// Keeps a user as she is now.
    ///
    /// # Errors
    /// [`LogError`]
    pub fn keep(&self, known: &KnownUser) -> Result<(), LogError> {
        let line = |id| serde_json::to_vec(&Line { id, known }).unwrap_or_default();
        self.log.append(None, &line).map(|_| ())
    }

    /// The users that are known, the one that was told of last at the end.
    ///
    /// # Errors
    /// [`LogError`]
    pub fn all(&self) -> Result<Vec<KnownUser>, LogError> {
        let mut all: Vec<KnownUser> = Vec::new();
        for line in self.log.read()?.lines {
            let Some(known) = read(&line) else { continue };
            all.retain(|other| other.id() != known.id());
            all.push(known);
        }
        Ok(all)
    }

    /// The user whom the last delivery told of.
    ///
    /// # Errors
    /// [`LogError`]
    pub fn last(&self) -> Result<Option<KnownUser>, LogError> {
        let line = self.log.newest(&|line| read(line).is_some())?;
        Ok(line.as_deref().and_then(read))
    }

    /// The user with that `id`.
    ///
    /// # Errors
    /// [`LogError`]
    pub fn get(&self, id: &str) -> Result<Option<KnownUser>, LogError> {
        let line = self.log.newest(&|line| read(line).is_some_and(|known| known.id() == id))?;
        Ok(line.as_deref().and_then(read))
    }

    /// Removes all that is known of the user. False where nothing was.
    ///
    /// # Errors
    /// [`LogError`]
    pub fn delete(&self, id: &str) -> Result<bool, LogError> {
        let is_other = |line: &[u8]| read(line).is_some_and(|known| known.id() != id);
        Ok(self.log.retain(&is_other)? > 0)
    }
}

fn read(line: &[u8]) -> Option<KnownUser> {
    serde_json::from_slice::<KnownUser>(line).ok().filter(|known| !known.id().is_empty())
}
