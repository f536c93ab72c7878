//! The files of a log: opened so that nothing that stands in their place is followed, locked, and read by lines.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::folder::FolderError;

/// How long to wait for another run that is writing.
const PATIENCE: Duration = Duration::from_secs(2);

/// Numbers that no run comes to: what says otherwise is damaged.
pub(super) const LARGEST: u64 = u64::MAX / 2;

/// Why a log cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The folder that it is in.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A symbolic link stands where a file or folder of simctl's should.
    #[error("`{}` is a symbolic link, and those are not followed", .0.display())]
    Link(PathBuf),
    /// The system refuses.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another run does not end its writing.
    #[error("another run has held `{}` for {} seconds", .0.display(), PATIENCE.as_secs())]
    Busy(PathBuf),
}

/// What was read, and what could not be.
#[derive(Debug, Default)]
pub struct Lines {
    /// The whole lines, oldest first, without line ends.
    pub lines: Vec<Vec<u8>>,
    /// How many lines are torn or damaged.
    pub damaged: u64,
}

impl Lines {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.damaged += for_each_line(bytes, &mut |line| self.lines.push(line.to_vec()));
    }
}

/// Hands over each whole line, without its line end. Gives how many are torn or damaged.
pub(super) fn for_each_line(bytes: &[u8], each: &mut dyn FnMut(&[u8])) -> u64 {
    let mut damaged = 0;
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        if number(line).is_some() && line.ends_with(b"}") {
            each(line);
        } else {
            damaged += 1;
        }
    }
    damaged
}

/// The number that a line begins with.
pub(super) fn number(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(b"{\"id\":")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok().filter(|number| *number < LARGEST)
}

pub(super) fn ends_in_line_end(file: &File, length: u64) -> bool {
    let mut last = [0];
    file.read_exact_at(&mut last, length - 1).is_ok() && last == *b"\n"
}

/// Opens a file of simctl's, and nothing that stands in its place.
pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<File, LogError> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = options.clone().custom_flags(flags.bits().cast_signed()).open(path);
    let file = file.map_err(|error| match path.symlink_metadata() {
        Ok(metadata) if metadata.is_symlink() => LogError::Link(path.to_path_buf()),
        _ => at(path, error),
    })?;
    if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(file);
    }
    Err(FolderError::Kind { path: path.to_path_buf(), wanted: "a file" }.into())
}

/// A new file, private to the user; `may_exist` where another run may have made it meanwhile.
pub(super) fn create(path: &Path, may_exist: bool) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags(flags.bits().cast_signed());
    if may_exist {
        options.create(true).truncate(false)
    } else {
        options.create_new(true)
    };
    options.open(path)
}

pub(super) fn lock(path: &Path, attempt: impl Fn() -> Result<(), fs::TryLockError>) -> Result<(), LogError> {
    let began = Instant::now();
    loop {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(fs::TryLockError::WouldBlock) if began.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(fs::TryLockError::WouldBlock) => return Err(LogError::Busy(path.to_path_buf())),
            // A file system without locks: a line is still written by one call.
            Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => return Ok(()),
            Err(fs::TryLockError::Error(error)) => return Err(at(path, error)),
        }
    }
}

pub(super) fn at(path: &Path, source: io::Error) -> LogError {
    LogError::Io { path: path.to_path_buf(), source }
}
