//! Waits for files to be saved: what `--watch` of any verb is made of.
//!
//! It says which files changed and never what is to be done about it. Editors save by writing a file anew and renaming
//! it over the old one, so folders are listened to and not files; a folder that comes into being later is listened to as
//! well. What an app does not consist of is passed by: `node_modules`, and everything hidden, such as `.git` and `.simctl`.

mod keys;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::handler::Interrupt;

pub use keys::{Key, Keys};

/// How long nothing must have changed before it is told: an editor that saves everything makes one burst.
const QUIET: Duration = Duration::from_millis(50);
/// How long a burst is waited for where it does not end.
const LONGEST_BURST: Duration = Duration::from_secs(1);
/// How deep folders are listened to.
const DEEPEST: usize = 64;

/// What to listen to. All paths are absolute; none must be there yet.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    /// Folders, with all that is below them.
    pub folders: Vec<PathBuf>,
    /// Single files.
    pub files: Vec<PathBuf>,
    /// Files that simctl itself writes: they are no news.
    pub written: Vec<PathBuf>,
}

/// Why files cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The system refuses to tell of changes at all.
    #[error("changes of files cannot be watched for: {0}")]
    System(#[source] io::Error),
    /// The system refuses to tell of changes in one folder.
    #[error("changes in `{}` cannot be watched for: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: notify::Error,
    },
}

impl WatchError {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        let Self::Folder { source, .. } = self else { return None };
        matches!(source.kind, ErrorKind::MaxFilesWatch)
            .then_some("the system's limit is reached: raise `fs.inotify.max_user_watches`, or name fewer folders")
    }
}

/// What ended the waiting.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// These paths changed, sorted; they may be gone by now.
    Changed(Vec<PathBuf>),
    /// The other of that place can be read from, or is closed.
    Readable(usize),
    /// The user asked to stop.
    Interrupted,
}

/// Listens from the moment on at which it is made.
pub struct Watch {
    watched: Watched,
    watcher: RecommendedWatcher,
    /// The folders that are listened to, each with what tells it from another of the same name.
    folders: BTreeMap<PathBuf, FolderId>,
    told: Arc<Told>,
    /// Readable where something was told.
    wake: UnixStream,
    /// How long nothing must have changed before it is news.
    quiet: Duration,
    /// What changed and is not over yet.
    burst: Option<Burst>,
}

/// A folder's device and number there.
type FolderId = (u64, u64);

/// What has come in and was not looked at.
struct Told {
    events: Mutex<Vec<notify::Result<Event>>>,
    waker: UnixStream,
}

/// Changes that came shortly one after the other.
struct Burst {
    first: Instant,
    last: Instant,
    paths: BTreeSet<PathBuf>,
}

impl Burst {
    fn due(&self, quiet: Duration) -> Instant {
        (self.last + quiet).min(self.first + LONGEST_BURST)
    }
}

impl Watch {
    /// Begins to listen.
    ///
    /// # Errors
    /// Where the system refuses, for lack of rights or because of its limits.
    pub fn new(watched: Watched) -> Result<Self, WatchError> {
        let (wake, waker) = UnixStream::pair().map_err(WatchError::System)?;
        for end in [&wake, &waker] {
            end.set_nonblocking(true).map_err(WatchError::System)?;
        }
        let told = Arc::new(Told { events: Mutex::default(), waker });
        let tell = Arc::clone(&told);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| tell.add(event))
            .map_err(|error| WatchError::System(io::Error::other(error)))?;
        let (folders, watched) = (BTreeMap::new(), watched.real());
        let mut watch = Self { watched, watcher, folders, told, wake, quiet: QUIET, burst: None };
        watch.listen()?;
        Ok(watch)
    }

    /// The same, with another time during which nothing must have changed before it is told.
    #[must_use]
    pub fn after(self, quiet: Duration) -> Self {
        Self { quiet, ..self }
    }

    /// Listens to these files from now on, rather than to those before.
    ///
    /// # Errors
    /// As [`Watch::new`].
    pub fn set(&mut self, watched: Watched) -> Result<(), WatchError> {
        self.watched = watched.real();
        self.listen()
    }

    /// Waits for files to change, and then for the end of that burst. Gives the paths that changed, sorted; they may be
    /// gone by now. What changed since the last call is told at once. `None` where the user asked to stop.
    ///
    /// # Errors
    /// Where the system does not go on telling.
    pub fn changed(&mut self, interrupt: &Interrupt) -> Result<Option<Vec<PathBuf>>, WatchError> {
        match self.next(interrupt, &[])? {
            News::Changed(paths) => Ok(Some(paths)),
            News::Readable(_) | News::Interrupted => Ok(None),
        }
    }

    /// Waits for files to change as [`Watch::changed`] does, and for one of `others` as well.
    ///
    /// # Errors
    /// Where the system does not go on telling.
    pub fn next(&mut self, interrupt: &Interrupt, others: &[BorrowedFd<'_>]) -> Result<News, WatchError> {
        loop {
            if interrupt.is_set() {
                return Ok(News::Interrupted);
            }
            let now = Instant::now();
            let paths = self.take()?;
            if !paths.is_empty() {
                let burst = self.burst.get_or_insert_with(|| Burst { first: now, last: now, paths: BTreeSet::new() });
                burst.last = now;
                burst.paths.extend(paths);
            }
            let quiet = self.quiet;
            if let Some(over) = self.burst.take_if(|burst| burst.due(quiet) <= now) {
                // Before the caller looks: what comes into being from now on in a new folder is heard.
                self.listen()?;
                return Ok(News::Changed(over.paths.into_iter().collect()));
            }
            let left = self.burst.as_ref().map(|burst| burst.due(quiet).saturating_duration_since(now));
            if let Some(other) = self.wait(left, interrupt, others).map_err(WatchError::System)? {
                return Ok(News::Readable(other));
            }
        }
    }

    /// Waits for something to be told, for Ctrl-C, for `left` to pass, or for one of `others`: that one's place.
    fn wait(
        &self,
        left: Option<Duration>,
        interrupt: &Interrupt,
        others: &[BorrowedFd<'_>],
    ) -> io::Result<Option<usize>> {
        let others = others.iter().map(|other| Some(*other));
        let fds = others.chain([Some(self.wake.as_fd()), interrupt.as_fd()]);
        let mut fds: Vec<PollFd<'_>> = fds.flatten().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        let own = 1 + usize::from(interrupt.as_fd().is_some());
        let left = left.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        match poll(&mut fds, left.as_ref()) {
            Ok(_) => Ok(fds[..fds.len() - own].iter().position(|fd| !fd.revents().is_empty())),
            Err(Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The changed paths among the news.
    fn take(&mut self) -> Result<BTreeSet<PathBuf>, WatchError> {
        let mut bytes = [0; 256];
        while (&self.wake).read(&mut bytes).is_ok_and(|length| length == bytes.len()) {}
        let events = std::mem::take(&mut *self.told.events.lock().unwrap_or_else(PoisonError::into_inner));
        let mut paths = BTreeSet::new();
        for event in events {
            let event = event.map_err(|error| WatchError::System(io::Error::other(error)))?;
            if event.need_rescan() {
                // News were lost: anything may have changed.
                paths.extend(self.watched.folders.iter().chain(&self.watched.files).cloned());
            } else if is_change(event.kind) {
                paths.extend(event.paths.into_iter().filter(|path| self.watched.concerns(path)));
            }
        }
        Ok(paths)
    }

    /// Listens to the folders that are there now, and no more to those that are gone.
    fn listen(&mut self) -> Result<(), WatchError> {
        let mut there = BTreeSet::new();
        for folder in self.watched.folders.clone() {
            match nearest_folder(&folder) {
                Some(nearest) if nearest == folder => self.listen_below(&folder, 0, &mut there)?,
                Some(nearest) => drop(self.listen_to(nearest, &mut there)?),
                None => {}
            }
        }
        for file in self.watched.files.clone() {
            if let Some(folder) = file.parent().and_then(nearest_folder) {
                self.listen_to(folder, &mut there)?;
            }
        }
        let gone: Vec<PathBuf> = self.folders.keys().filter(|folder| !there.contains(*folder)).cloned().collect();
        for folder in gone {
            self.folders.remove(&folder);
            // A folder that was removed is forgotten by the system already.
            let _ = self.watcher.unwatch(&folder);
        }
        Ok(())
    }

    fn listen_below(&mut self, folder: &Path, depth: usize, there: &mut BTreeSet<PathBuf>) -> Result<(), WatchError> {
        // In this order: a folder that comes into being in between is either heard or seen.
        if !self.listen_to(folder, there)? || depth >= DEEPEST {
            return Ok(());
        }
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
        for entry in entries.flatten() {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && !is_passed_by(&entry.file_name().to_string_lossy()) {
                self.listen_below(&entry.path(), depth + 1, there)?;
            }
        }
        Ok(())
    }

    /// Listens to one folder. False where it is gone by now.
    fn listen_to(&mut self, folder: &Path, there: &mut BTreeSet<PathBuf>) -> Result<bool, WatchError> {
        let Ok(metadata) = std::fs::metadata(folder) else { return Ok(false) };
        let id = (metadata.dev(), metadata.ino());
        there.insert(folder.to_path_buf());
        match self.folders.insert(folder.to_path_buf(), id) {
            Some(known) if known == id => return Ok(true),
            // Another folder of the same name.
            Some(_) => drop(self.watcher.unwatch(folder)),
            None => {}
        }
        match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => Ok(true),
            // Gone by now, or not for this user to read.
            Err(error) if !folder.exists() || is_denied(&error) => Ok(false),
            Err(source) => Err(WatchError::Folder { folder: folder.to_path_buf(), source }),
        }
    }
}

impl Watched {
    /// The same by the names that the system has for them.
    fn real(self) -> Self {
        let real = |paths: Vec<PathBuf>| paths.iter().map(|path| real(path)).collect();
        Self { folders: real(self.folders), files: real(self.files), written: real(self.written) }
    }

    /// Whether a change of `path` is news.
    fn concerns(&self, path: &Path) -> bool {
        if self.written.iter().any(|written| written == path) {
            return false;
        }
        // A folder above that is gone or there again.
        let all = || self.folders.iter().chain(&self.files);
        if all().any(|watched| watched.starts_with(path)) {
            return true;
        }
        let below = |folder: &PathBuf| path.strip_prefix(folder).ok();
        self.folders.iter().filter_map(below).any(|below| {
            let mut parts = below.components();
            !parts.any(|part| matches!(part, Component::Normal(name) if is_passed_by(&name.to_string_lossy())))
        })
    }
}

impl Told {
    fn add(&self, event: notify::Result<Event>) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        // A full pipe wakes just as well.
        let _ = (&self.waker).write(b"x");
    }
}

/// Whether a file or folder of that name is none of the user's work: hidden, installed, or an editor's own copy.
fn is_passed_by(name: &str) -> bool {
    name.starts_with('.') || name == "node_modules" || name.ends_with('~')
}

/// Whether an event tells of a change; that a file was opened or read is none.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(how) => how == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

fn is_denied(error: &notify::Error) -> bool {
    matches!(&error.kind, ErrorKind::Io(error) if error.kind() == io::ErrorKind::PermissionDenied)
}

/// The folder itself, or the nearest above it that is there.
fn nearest_folder(path: &Path) -> Option<&Path> {
    path.ancestors().find(|folder| folder.is_dir())
}

/// The path by the names that the system has for it: symbolic links resolved as far as they are there. The last name stays,
/// since it is the link that is replaced when a link is saved.
fn real(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    }
    let Some((parent, name)) = path.parent().zip(path.file_name()) else { return path.to_path_buf() };
    real(parent).join(name)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use std::fs;

    use super::*;

    /// Long enough for the slowest machine; never waited for where all is well.
    const DEADLINE: Duration = Duration::from_secs(60);

    /// Reads what changed until `wanted` is among it.
    fn wait_for(watch: &mut Watch, wanted: &Path) -> BTreeSet<PathBuf> {
        let (mut seen, began) = (BTreeSet::new(), Instant::now());
        while !seen.contains(wanted) {
            assert!(began.elapsed() < DEADLINE, "{} was not seen among {seen:?}", wanted.display());
            let interrupt = deadline();
            seen.extend(watch.changed(&interrupt).unwrap().unwrap_or_default());
        }
        seen
    }

    /// Set when the deadline has passed.
    fn deadline() -> Interrupt {
        let interrupt = Interrupt::by_hand().unwrap();
        let set = interrupt.clone();
        std::thread::spawn(move || {
            std::thread::sleep(DEADLINE);
            set.set();
        });
        interrupt
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap();
        (dir, path)
    }

    #[test]
    fn a_save_by_rename_is_seen() {
        let (_dir, root) = folder();
        fs::write(root.join("manifest.json"), "{}").unwrap();
        let mut watch = Watch::new(Watched { folders: vec![root.clone()], ..Watched::default() }).unwrap();
        fs::write(root.join(".manifest.json.swp"), "{ }").unwrap();
        fs::rename(root.join(".manifest.json.swp"), root.join("manifest.json")).unwrap();
        let seen = wait_for(&mut watch, &root.join("manifest.json"));
        assert_eq!(seen.len(), 1, "{seen:?}");
    }

    #[test]
    fn a_file_in_a_folder_that_comes_later_is_seen() {
        let (_dir, root) = folder();
        let mut watch = Watch::new(Watched { folders: vec![root.clone()], ..Watched::default() }).unwrap();
        fs::create_dir_all(root.join("server/lib")).unwrap();
        wait_for(&mut watch, &root.join("server"));
        fs::write(root.join("server/lib/names.js"), "").unwrap();
        wait_for(&mut watch, &root.join("server/lib/names.js"));
    }

    #[test]
    fn a_folder_that_is_there_again_is_listened_to() {
        let (_dir, root) = folder();
        let app = root.join("app");
        fs::create_dir(&app).unwrap();
        let mut watch = Watch::new(Watched { folders: vec![app.clone()], ..Watched::default() }).unwrap();
        fs::remove_dir(&app).unwrap();
        wait_for(&mut watch, &app);
        fs::create_dir(&app).unwrap();
        wait_for(&mut watch, &app);
        fs::write(app.join("manifest.json"), "{}").unwrap();
        wait_for(&mut watch, &app.join("manifest.json"));
    }

    #[test]
    fn a_single_file_is_watched_without_its_neighbours() {
        let (_dir, root) = folder();
        let file = root.join("later/payload.json");
        let mut watch = Watch::new(Watched { files: vec![file.clone()], ..Watched::default() }).unwrap();
        fs::create_dir(root.join("later")).unwrap();
        wait_for(&mut watch, &root.join("later"));
        fs::write(root.join("later/other.json"), "{}").unwrap();
        fs::write(&file, "{}").unwrap();
        let seen = wait_for(&mut watch, &file);
        assert!(!seen.contains(&root.join("later/other.json")), "{seen:?}");
    }

    #[test]
    fn what_is_none_of_the_users_work_is_no_news() {
        let root = PathBuf::from("/home/ada/.apps/welcome");
        let watched = Watched {
            folders: vec![root.clone()],
            files: vec!["/data/p.json".into()],
            written: vec![root.join("simctl.sarif")],
        };
        for no_news in [
            ".git/index",
            ".simctl/store.db",
            "server/node_modules/x/index.js",
            "server/.server.js.swp",
            "server/server.js~",
            "simctl.sarif",
        ] {
            assert!(!watched.concerns(&root.join(no_news)), "{no_news}");
        }
        for news in ["manifest.json", "server/lib/x.js", "config"] {
            assert!(watched.concerns(&root.join(news)), "{news}");
        }
        let concerns = |path: &str| watched.concerns(Path::new(path));
        assert!(concerns("/data/p.json") && concerns("/data") && concerns("/home/ada/.apps"));
        assert!(!concerns("/data/q.json") && !concerns("/home/ada/.apps/other/manifest.json"));
    }

    #[test]
    fn a_burst_ends_when_it_is_quiet_and_at_the_latest_after_its_limit() {
        let first = Instant::now();
        let burst = |last: Duration| Burst { first, last: first + last, paths: BTreeSet::new() };
        assert_eq!(burst(Duration::ZERO).due(QUIET), first + QUIET);
        assert_eq!(burst(Duration::from_millis(200)).due(QUIET), first + Duration::from_millis(200) + QUIET);
        assert_eq!(burst(LONGEST_BURST).due(QUIET), first + LONGEST_BURST);
    }

    #[test]
    fn the_user_ends_it() {
        let (_dir, root) = folder();
        let mut watch = Watch::new(Watched { folders: vec![root], ..Watched::default() }).unwrap();
        let interrupt = Interrupt::by_hand().unwrap();
        interrupt.set();
        assert!(watch.changed(&interrupt).unwrap().is_none());
    }
}
