//! Where the platform keeps what an app asks it to keep: an SQLite database, of the app's own, that survives a kill at any
//! moment and bears a second run beside it.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::Fault;

/// The folder in an app's root in which simctl keeps what it keeps.
const FOLDER: &str = ".simctl";

/// The database's file in it.
const FILE: &str = "platform.sqlite";

/// How long to wait for another run that is writing.
const PATIENCE: Duration = Duration::from_secs(10);

/// The tables, as of the version that `PRAGMA user_version` tells.
const TABLES: &str = "
    CREATE TABLE db (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_ms INTEGER) WITHOUT ROWID;
    CREATE TABLE schedules (name TEXT PRIMARY KEY, definition TEXT NOT NULL) WITHOUT ROWID;
    PRAGMA user_version = 1;
";

/// Where the data is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In `.simctl/` of this folder, the app's root.
    App(PathBuf),
    /// In this file.
    File(PathBuf),
    /// Nowhere: gone when the run is over.
    Memory,
}

/// The database, opened when first asked for.
#[derive(Debug)]
pub(super) struct Store {
    storage: Storage,
    /// Whether to empty it at first.
    fresh: bool,
    connection: Option<Connection>,
}

impl Store {
    pub(super) const fn new(storage: Storage, fresh: bool) -> Self {
        Self { storage, fresh, connection: None }
    }

    /// The database, with its tables.
    pub(super) fn open(&mut self) -> Result<&mut Connection, Fault> {
        if self.connection.is_none() {
            self.connection = Some(self.connect().map_err(|error| self.fault(&error))?);
        }
        // It was put there just now.
        self.connection.as_mut().ok_or_else(|| self::fault("the store is closed".to_owned()))
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let mut connection = match &self.storage {
            Storage::Memory => Connection::open_in_memory()?,
            Storage::File(path) => connect_file(path)?,
            Storage::App(root) => {
                let folder = root.join(FOLDER);
                prepare(&folder)?;
                connect_file(&folder.join(FILE))?
            }
        };
        connection.busy_timeout(PATIENCE)?;
        // With the log, a commit is safe from the end of this process as soon as it is written; only a loss of power
        // can undo the last ones, and never spoil the rest.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match version {
            0 => transaction.execute_batch(TABLES)?,
            1 => {}
            _ => return Err(StoreError::Newer),
        }
        if self.fresh {
            transaction.execute_batch("DELETE FROM db; DELETE FROM schedules;")?;
        }
        transaction.commit()?;
        Ok(connection)
    }

    fn fault(&self, error: &StoreError) -> Fault {
        let file = match &self.storage {
            Storage::App(root) => root.join(FOLDER).join(FILE),
            Storage::File(path) => path.clone(),
            Storage::Memory => PathBuf::from("memory"),
        };
        Fault {
            what: format!("what the app stores cannot be kept in `{}`: {error}", file.display()),
            hint: Some("name another file with `--db FILE`, or keep nothing with `--db memory`".to_owned()),
        }
    }
}

/// What went wrong with a database that is open.
pub(super) fn fault(what: String) -> Fault {
    Fault { what, hint: None }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        fault(format!("what the app stores cannot be read or written: {error}"))
    }
}

#[derive(Debug, thiserror::Error)]
enum StoreError {
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("a newer simctl has written it")]
    Newer,
}

/// Makes simctl's folder, private to the user and ignored by git.
fn prepare(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    match OpenOptions::new().write(true).create_new(true).open(folder.join(".gitignore")) {
        Ok(mut file) => file.write_all(b"*\n"),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Opens a database, private to the user where it is a new one.
fn connect_file(path: &Path) -> Result<Connection, StoreError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    Ok(Connection::open(path)?)
}
