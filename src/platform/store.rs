//! Where the platform keeps what an app asks it to keep: an SQLite database, of the app's own, that survives a kill at any
//! moment and bears a second run beside it.
//!
//! It is private to the user. What stands in its place and is none of simctl's is never written to.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::Fault;
use crate::keep::{FOLDER, FolderError, make_private, prepare, stays_inside};

/// The database's file in it.
const FILE: &str = "platform.sqlite";

/// How long to wait for another run that is writing.
const PATIENCE: Duration = Duration::from_secs(10);

/// Memory for pages of a file, in KiB. Little, as each lane of a load has its own, and the system keeps the file in memory anyway.
const CACHE_KIB: i64 = 512;

/// What `PRAGMA application_id` says of a database of simctl's: `smct`.
const OURS: i64 = 0x736d_6374;

/// What `PRAGMA user_version` says of these tables.
const VERSION: i64 = 1;

/// The tables, as of the version that `PRAGMA user_version` tells.
const TABLES: &str = "
    CREATE TABLE db (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_ms INTEGER) WITHOUT ROWID;
    CREATE TABLE schedules (name TEXT PRIMARY KEY, definition TEXT NOT NULL) WITHOUT ROWID;
    PRAGMA application_id = 0x736d6374;
    PRAGMA user_version = 1;
";

/// Where the data is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In `.simctl/` of this folder, the app's root, symbolic links resolved.
    App(PathBuf),
    /// In this file.
    File(PathBuf),
    /// Nowhere: gone when the run is over.
    Memory,
}

impl Storage {
    /// The database's file; none where nothing is kept.
    fn file(&self) -> Option<PathBuf> {
        match self {
            Self::App(root) => Some(root.join(FOLDER).join(FILE)),
            Self::File(path) => Some(path.clone()),
            Self::Memory => None,
        }
    }

    /// Whether an earlier run has kept something there.
    pub fn is_there(&self) -> bool {
        self.file().is_some_and(|file| file.exists())
    }
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

    /// Whether there is anything to open.
    pub(super) fn exists(&self) -> bool {
        self.storage.file().is_some_and(|file| file.symlink_metadata().is_ok())
    }

    /// Empties what earlier runs have kept, where that was asked for; a store that nobody opens would keep it.
    pub(super) fn refresh(&mut self) -> Result<(), Fault> {
        if self.fresh && self.exists() { self.open().map(|_| ()) } else { Ok(()) }
    }

    /// The database, with its tables.
    pub(super) fn open(&mut self) -> Result<&mut Connection, Fault> {
        if self.connection.is_none() {
            self.connection = Some(self.connect().map_err(|error| self.fault(error))?);
        }
        // It was put there just now.
        self.connection.as_mut().ok_or_else(|| Fault { what: "the store is closed".to_owned(), hint: None })
    }

    /// Does something with the database; what goes wrong is told with the file's name.
    pub(super) fn run<T>(&mut self, action: impl FnOnce(&mut Connection) -> Result<T, StoreError>) -> Result<T, Fault> {
        let done = action(self.open()?);
        done.map_err(|error| self.fault(error))
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let mut connection = match &self.storage {
            Storage::Memory => Connection::open_in_memory()?,
            Storage::File(path) => connect_file(path)?,
            Storage::App(root) => {
                let folder = root.join(FOLDER);
                prepare(root, &folder)?;
                let file = folder.join(FILE);
                stays_inside(root, &file)?;
                let connection = connect_file(&file)?;
                make_private(&file, 0o600)?;
                connection
            }
        };
        connection.busy_timeout(PATIENCE)?;
        // Before anything is written to it: it may be another program's. All of it is seen as of one moment, since
        // another lane of this run may be making the tables just now.
        let look = connection.transaction()?;
        is_new(&look)?;
        look.commit()?;
        write_ahead(&connection)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if is_new(&transaction)? {
            transaction.execute_batch(TABLES)?;
        }
        if self.fresh {
            transaction.execute_batch("DELETE FROM db; DELETE FROM schedules;")?;
        }
        transaction.commit()?;
        Ok(connection)
    }

    /// What to tell the user of an error, and what to do about it.
    fn fault(&self, error: StoreError) -> Fault {
        let Some(file) = self.storage.file() else { return Fault::from(error) };
        let shown = file.display();
        let elsewhere = "name another file with `--db FILE`, or keep nothing with `--db memory`";
        let away =
            format!("move `{shown}` away, with what stands beside it as `{FILE}-…`, and simctl begins a new one");
        let (what, hint) = match error.trouble() {
            Trouble::Foreign => {
                (format!("`{shown}` is not a database of simctl's"), format!("move it away, or {elsewhere}"))
            }
            Trouble::Damaged => (format!("`{shown}` is damaged ({error})"), format!("{away}; or {elsewhere}")),
            Trouble::Busy => {
                let waited = PATIENCE.as_secs();
                (
                    format!("another run has held `{shown}` for {waited} seconds"),
                    format!("wait for it to end, or {elsewhere}"),
                )
            }
            Trouble::Refused => (format!("`{shown}` cannot be written: {error}"), elsewhere.to_owned()),
            Trouble::Link => (
                format!("{error}, and what an app stores stays in its folder"),
                "remove the link; to keep the data elsewhere, name the file with `--db FILE`".to_owned(),
            ),
            Trouble::Newer => {
                (format!("`{shown}` was written by a newer simctl"), format!("update simctl, or {elsewhere}"))
            }
            Trouble::Other => {
                (format!("what the app stores cannot be kept in `{shown}`: {error}"), elsewhere.to_owned())
            }
        };
        Fault { what, hint: Some(hint) }
    }
}

/// What goes wrong with a store.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is a database, and was written by another program.
    #[error("it is the database of another program")]
    Foreign,
    #[error("a newer simctl has written it")]
    Newer,
    /// A symbolic link leads out of the app's folder, or nowhere.
    #[error("`{}` is a symbolic link that leads out of the app's folder", .0.display())]
    LeadsOut(PathBuf),
    #[error("`{}` is not {wanted}", path.display())]
    Kind { path: PathBuf, wanted: &'static str },
    #[error("the record `{0}` holds no JSON object")]
    Record(String),
    /// It says that it is simctl's, and consists of other things.
    #[error("its tables are not those that simctl makes")]
    Tables,
}

/// The kinds of [`StoreError`], by what the user can do.
enum Trouble {
    Foreign,
    Damaged,
    Busy,
    Refused,
    Link,
    Newer,
    Other,
}

impl StoreError {
    fn trouble(&self) -> Trouble {
        match self {
            Self::Foreign => Trouble::Foreign,
            Self::Newer => Trouble::Newer,
            Self::LeadsOut(_) => Trouble::Link,
            Self::Record(_) | Self::Tables => Trouble::Damaged,
            Self::Kind { .. } => Trouble::Other,
            Self::Io(error) => match error.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Trouble::Refused,
                _ => Trouble::Other,
            },
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(ErrorCode::NotADatabase) => Trouble::Foreign,
                Some(ErrorCode::DatabaseCorrupt) => Trouble::Damaged,
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Trouble::Busy,
                Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => Trouble::Refused,
                // The head of the file says that it is a database, and a table or a column of it is missing.
                Some(ErrorCode::Unknown) => Trouble::Damaged,
                _ => Trouble::Other,
            },
        }
    }
}

impl From<FolderError> for StoreError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Io(error) => Self::Io(error),
            FolderError::LeadsOut(path) => Self::LeadsOut(path),
            FolderError::Kind { path, wanted } => Self::Kind { path, wanted },
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self { what: format!("what the app stores cannot be read or written: {error}"), hint: None }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::from(error).into()
    }
}

/// Whether the database has no tables yet.
///
/// # Errors
/// It has, and they are none of ours.
fn is_new(connection: &Connection) -> Result<bool, StoreError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let made = definitions(connection)?;
    match (pragma("application_id")?, pragma("user_version")?) {
        (0, 0) if made.is_empty() => Ok(true),
        // A view or a trigger in the place of a table could compute for ever.
        (OURS, VERSION) if made.iter().any(|made| !TABLES.contains(&format!("{made};"))) => Err(StoreError::Tables),
        (OURS, VERSION) => Ok(false),
        (OURS, _) => Err(StoreError::Newer),
        _ => Err(StoreError::Foreign),
    }
}

/// What the database says that it consists of, in the words with which it was made.
fn definitions(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT coalesce(sql, '-') FROM sqlite_master")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Has commits written to a log beside the database: such a commit is safe from the end of this process as soon as it is
/// made, and readers and one writer do not wait for each other. Only a loss of power can undo the last commits, and it
/// never spoils the rest.
fn write_ahead(connection: &Connection) -> Result<(), StoreError> {
    let begun = Instant::now();
    loop {
        let mode = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match mode {
            // SQLite does not always wait for the other run here.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && begun.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error.into()),
            // Some file systems cannot have that log; the older way needs each commit to reach the disk.
            Ok(mode) if mode == "wal" => return Ok(connection.pragma_update(None, "synchronous", "NORMAL")?),
            Ok(_) => return Ok(connection.pragma_update(None, "synchronous", "FULL")?),
        }
    }
}

/// Opens a database, private to the user where it is a new one.
fn connect_file(path: &Path) -> Result<Connection, StoreError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // The kind is looked at first: opening a FIFO would wait for a writer.
            if !fs::metadata(path)?.is_file() {
                return Err(StoreError::Kind { path: path.to_path_buf(), wanted: "a file" });
            }
        }
        Err(error) => return Err(error.into()),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(connection)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn a_new_file_is_opened_by_several_at_once() {
        const SIDE_BY_SIDE: usize = 4;
        let folder = tempfile::tempdir().unwrap();
        for round in 0..50 {
            let storage = Storage::File(folder.path().join(format!("{round}.sqlite")));
            let ready = Barrier::new(SIDE_BY_SIDE);
            thread::scope(|scope| {
                let open = || {
                    let mut store = Store::new(storage.clone(), false);
                    ready.wait();
                    store.open().map(|_| ())
                };
                let opened: Vec<_> = (0..SIDE_BY_SIDE).map(|_| scope.spawn(open)).collect();
                for lane in opened {
                    lane.join().unwrap().unwrap();
                }
            });
        }
    }
}
