//! A log of lines that only grows, in segments of which the oldest are removed.
//!
//! A line is written by one call, under a lock that holds off other runs, and is whole once that call has returned: a run that
//! is killed loses the line that it was writing and no other. What such a run has left of a line is ended by the next, and
//! passed by by all that read. Lines have numbers, which count up and are never used twice
//! unless all is cleared.
//!
//! Reading or writing one line costs some system calls and no more: a cold `simctl trigger` writes one, and opening a database
//! would take a good part of its time (`docs/performance.md`).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::files::{LARGEST, Lines, LogError, at, create, ends_in_line_end, for_each_line, lock, number, open};
use super::folder::{FOLDER, make_private, prepare};

/// The file that is locked, and that says which number and which segment come next.
const HEAD: &str = "head";

/// Of how many segments a full log consists, so that what is removed at a time is a small part of it.
const SEGMENTS: u64 = 8;

/// How much is kept at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Lines.
    pub count: u64,
    /// Bytes of all lines.
    pub bytes: u64,
    /// Lines older than this are removed with their segment, at the latest an eighth of this time afterwards.
    pub age: Duration,
}

/// One log of an app's.
#[derive(Debug, Clone)]
pub struct Log {
    /// The app's folder.
    root: PathBuf,
    /// Its own folder in `.simctl/`.
    folder: PathBuf,
    bounds: Bounds,
}

/// What the head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    /// The number of the next line.
    next: u64,
    segment: Segment,
}

/// One file of the log: named by the first number in it and the time of its beginning, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Segment {
    first: u64,
    began: u64,
}

impl Log {
    /// The log `name` of the app in `root`, which must be there; the log need not.
    pub fn new(root: &Path, name: &str, bounds: Bounds) -> Self {
        Self { root: root.to_path_buf(), folder: root.join(FOLDER).join(name), bounds }
    }

    /// The folder that it is kept in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes a number for a line that is still to be written.
    ///
    /// # Errors
    /// [`LogError`]
    pub fn reserve(&self) -> Result<u64, LogError> {
        let head = self.head_for_writing()?;
        let mut now = self.read_head(&head)?;
        now.next += 1;
        self.write_head(&head, now)?;
        Ok(now.next - 1)
    }

    /// Writes one line, which is made from its number: `reserved`, or the next one. Gives that number.
    ///
    /// The line is JSON and begins with `{"id":` and the number; it must have no line end in it.
    ///
    /// # Errors
    /// [`LogError`]; nothing of the line is there then.
    pub fn append(&self, reserved: Option<u64>, line: &dyn Fn(u64) -> Vec<u8>) -> Result<u64, LogError> {
        let head = self.head_for_writing()?;
        let mut now = self.read_head(&head)?;
        let number = reserved.unwrap_or(now.next);
        let mut bytes = line(number);
        bytes.push(b'\n');
        now.next = now.next.max(number + 1);
        let segment = self.path_of(now.segment);
        let mut file = self.open_segment(&segment)?;
        let mut length = file.metadata().map_err(|error| at(&segment, error))?.len();
        let mut path = segment;
        if self.is_full(now, length, bytes.len() as u64) {
            now.segment = Segment { first: number, began: seconds() };
            path = self.path_of(now.segment);
            file = self.open_segment(&path)?;
            length = file.metadata().map_err(|error| at(&path, error))?.len();
            self.prune(now);
        }
        // Before the line: a number that is lost is no harm, one that is there twice is.
        self.write_head(&head, now)?;
        if length > 0 && !ends_in_line_end(&file, length) {
            // What a run that was killed has left.
            bytes.insert(0, b'\n');
        }
        if let Err(error) = file.write_all_at(&bytes, length) {
            // A full disk leaves a part of it.
            let _ = file.set_len(length);
            return Err(at(&path, error));
        }
        Ok(number)
    }

    /// All lines, oldest first.
    ///
    /// # Errors
    /// [`LogError`]; a log that is not there yet is empty.
    pub fn read(&self) -> Result<Lines, LogError> {
        let mut lines = Vec::new();
        let damaged = self.visit(&mut |line| lines.push(line.to_vec()))?;
        Ok(Lines { lines, damaged })
    }

    /// Hands over each line, oldest first, with no more than a segment in memory. Gives how many are damaged.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub fn visit(&self, each: &mut dyn FnMut(&[u8])) -> Result<u64, LogError> {
        let mut damaged = 0;
        let _lock = self.lock_for_reading()?;
        for (_, path) in self.segments()? {
            damaged += for_each_line(&self.read_segment(&path)?, each);
        }
        Ok(damaged)
    }

    /// The newest line that `wanted` holds of, looking at as few segments as possible.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub fn newest(&self, wanted: &dyn Fn(&[u8]) -> bool) -> Result<Option<Vec<u8>>, LogError> {
        let _lock = self.lock_for_reading()?;
        for (_, path) in self.segments()?.iter().rev() {
            let mut lines = Lines::default();
            lines.add(&self.read_segment(path)?);
            if let Some(found) = lines.lines.into_iter().rev().find(|line| wanted(line)) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Removes the lines that `stays` does not hold of; damaged ones go, too. Gives how many whole lines were removed.
    ///
    /// # Errors
    /// [`LogError`]; each segment is then as it was, or as it should be.
    pub fn retain(&self, stays: &dyn Fn(&[u8]) -> bool) -> Result<usize, LogError> {
        if self.segments()?.is_empty() {
            return Ok(0);
        }
        let _head = self.head_for_writing()?;
        let mut removed = 0;
        for (_, path) in self.segments()? {
            let mut lines = Lines::default();
            lines.add(&self.read_segment(&path)?);
            let before = lines.lines.len();
            lines.lines.retain(|line| stays(line));
            removed += before - lines.lines.len();
            if before == lines.lines.len() && lines.damaged == 0 {
                continue;
            }
            let text = lines.lines.into_iter().fold(Vec::new(), |mut text, line| {
                text.extend(line);
                text.push(b'\n');
                text
            });
            // Beside it and then over it: a run that is killed leaves the one or the other.
            let new = path.with_extension("new");
            let _ = fs::remove_file(&new);
            let written = create(&new, false).and_then(|file| file.write_all_at(&text, 0));
            written.and_then(|()| fs::rename(&new, &path)).map_err(|error| at(&path, error))?;
        }
        Ok(removed)
    }

    /// Removes all lines; numbers begin at 1 again. Gives how many whole lines there were.
    ///
    /// # Errors
    /// [`LogError`]
    pub fn clear(&self) -> Result<usize, LogError> {
        if self.segments()?.is_empty() {
            return Ok(0);
        }
        let head = self.head_for_writing()?;
        let mut lines = Lines::default();
        for (_, path) in self.segments()? {
            lines.add(&self.read_segment(&path)?);
            fs::remove_file(&path).map_err(|error| at(&path, error))?;
        }
        // The head stays: another run may be waiting for its lock.
        self.write_head(&head, Head { next: 1, segment: Segment { first: 1, began: seconds() } })?;
        Ok(lines.lines.len())
    }

    /// Whether the line belongs into a new segment.
    fn is_full(&self, head: Head, length: u64, more: u64) -> bool {
        let Bounds { count, bytes, age } = self.bounds;
        let Head { next, segment } = head;
        length > 0
            && (next - segment.first > (count / SEGMENTS).max(1)
                || length + more > bytes / SEGMENTS
                || seconds().saturating_sub(segment.began) > age.as_secs() / SEGMENTS)
    }

    /// Removes the oldest segments, so that the newest one has room within the bounds.
    fn prune(&self, head: Head) {
        // What cannot be removed now is tried again with the next segment.
        let Ok(mut segments) = self.segments() else { return };
        segments.retain(|(segment, _)| *segment != head.segment);
        let Bounds { count, bytes, age } = self.bounds;
        let (mut lines, mut size, mut after) = (count / SEGMENTS, bytes / SEGMENTS, head.segment);
        for (segment, path) in segments.into_iter().rev() {
            lines = lines.saturating_add(after.first.saturating_sub(segment.first));
            size += fs::symlink_metadata(&path).map_or(0, |metadata| metadata.len());
            // Its last line was written before the segment after it began.
            let is_old = seconds().saturating_sub(after.began) > age.as_secs();
            if lines > count || size > bytes || is_old {
                let _ = fs::remove_file(&path);
            }
            after = segment;
        }
    }

    fn path_of(&self, segment: Segment) -> PathBuf {
        self.folder.join(format!("{:012}-{}.ndjson", segment.first, segment.began))
    }

    /// The segments that are there, oldest first.
    fn segments(&self) -> Result<Vec<(Segment, PathBuf)>, LogError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(at(&self.folder, error)),
        };
        let mut all: Vec<_> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name();
                let (first, began) = name.to_str()?.strip_suffix(".ndjson")?.split_once('-')?;
                Some((Segment { first: first.parse().ok()?, began: began.parse().ok()? }, entry.path()))
            })
            .filter(|(segment, _)| segment.first < LARGEST)
            .collect();
        all.sort_by_key(|(segment, _)| *segment);
        Ok(all)
    }

    fn read_segment(&self, path: &Path) -> Result<Vec<u8>, LogError> {
        let mut bytes = Vec::new();
        let mut file = match open(path, OpenOptions::new().read(true)) {
            Ok(file) => file,
            // Removed by another run meanwhile.
            Err(LogError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(bytes),
            Err(error) => return Err(error),
        };
        // What is larger than all is allowed to be was not written by simctl.
        let limit = self.bounds.bytes.saturating_mul(2).max(1 << 26);
        file.by_ref().take(limit).read_to_end(&mut bytes).map_err(|error| at(path, error))?;
        Ok(bytes)
    }

    /// The head, locked; made where there is none.
    fn head_for_writing(&self) -> Result<File, LogError> {
        let path = self.folder.join(HEAD);
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let file = match open(&path, &options) {
            Ok(file) => file,
            Err(LogError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                self.make_folder()?;
                create(&path, true).map_err(|error| at(&path, error))?
            }
            Err(error) => return Err(error),
        };
        self.no_links()?;
        lock(&path, || file.try_lock())?;
        Ok(file)
    }

    fn make_folder(&self) -> Result<(), LogError> {
        self.no_links()?;
        prepare(&self.root, &self.root.join(FOLDER))?;
        match DirBuilder::new().mode(0o700).create(&self.folder) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(make_private(&self.folder, 0o700)?),
            Err(error) => Err(at(&self.folder, error)),
        }
    }

    /// Holds off runs that write; nothing where there is nothing to hold them off from.
    fn lock_for_reading(&self) -> Result<Option<File>, LogError> {
        self.no_links()?;
        let path = self.folder.join(HEAD);
        match open(&path, OpenOptions::new().read(true)) {
            Ok(file) => lock(&path, || file.try_lock_shared()).map(|()| Some(file)),
            Err(LogError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Refuses links in place of the folders.
    fn no_links(&self) -> Result<(), LogError> {
        for folder in [&self.root.join(FOLDER), &self.folder] {
            if folder.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) {
                return Err(LogError::Link(folder.clone()));
            }
        }
        Ok(())
    }

    fn open_segment(&self, path: &Path) -> Result<File, LogError> {
        match open(path, OpenOptions::new().read(true).write(true)) {
            Err(LogError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                create(path, true).map_err(|error| at(path, error))
            }
            opened => opened,
        }
    }

    fn read_head(&self, file: &File) -> Result<Head, LogError> {
        let mut bytes = [0; Head::LENGTH];
        let read = file.read_at(&mut bytes, 0).map_err(|error| at(&self.folder.join(HEAD), error))?;
        match Head::read(&bytes[..read]) {
            Some(head) => Ok(head),
            None => self.found_head(),
        }
    }

    /// What the head should say, from the segments: it is new, or damaged.
    fn found_head(&self) -> Result<Head, LogError> {
        let mut next = 1;
        let mut last = Segment { first: 1, began: seconds() };
        for (segment, path) in self.segments()? {
            let mut lines = Lines::default();
            lines.add(&self.read_segment(&path)?);
            let most = lines.lines.iter().filter_map(|line| number(line)).max();
            next = next.max(segment.first).max(most.map_or(0, |most| most + 1));
            last = segment;
        }
        Ok(Head { next, segment: last })
    }

    fn write_head(&self, file: &File, head: Head) -> Result<(), LogError> {
        file.write_all_at(head.text().as_bytes(), 0).map_err(|error| at(&self.folder.join(HEAD), error))
    }
}

impl Head {
    const LENGTH: usize = 63;

    fn text(self) -> String {
        format!("{:020} {:020} {:020}\n", self.next, self.segment.first, self.segment.began)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
        let mut numbers = text.split(' ').map(|word| word.parse::<u64>().ok());
        let (next, first, began) = (numbers.next()??, numbers.next()??, numbers.next()??);
        let is_sound = numbers.next().is_none() && first <= next && next < LARGEST;
        is_sound.then_some(Self { next, segment: Segment { first, began } })
    }
}

/// This machine's clock, in seconds since 1970.
fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
