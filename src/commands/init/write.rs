//! New files in a folder: all of them or none, each whole, none in another's place, and none outside of the folder.
//!
//! Every step goes from an open folder to what is in it, and no link is followed on the way: what another program does to the
//! folder meanwhile cannot lead a file elsewhere.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{self as fs, AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use super::files::AppFile;
use crate::handler::Interrupt;

/// Why nothing was written. Paths are relative to the app's folder.
#[derive(Debug)]
pub(super) enum WriteError {
    /// These are there already.
    InTheWay(Vec<PathBuf>),
    /// A folder that files were to go into is something else, or leads elsewhere.
    NoFolder(PathBuf),
    /// The system refused.
    Io {
        /// What was to be written.
        path: PathBuf,
        /// Its words.
        source: io::Error,
    },
    /// The user pressed Ctrl-C.
    Interrupted,
}

/// Writes all of `files` below `root`, which is made where it is not there.
pub(super) fn all(root: &Path, files: &[AppFile], interrupt: &Interrupt) -> Result<(), WriteError> {
    let in_the_way: Vec<PathBuf> =
        files.iter().map(|file| PathBuf::from(&file.path)).filter(|path| is_there(&root.join(path))).collect();
    if !in_the_way.is_empty() {
        return Err(WriteError::InTheWay(in_the_way));
    }
    let mut writer = Writer { root: root.to_path_buf(), above: Vec::new(), inside: Vec::new() };
    let written = writer.make_root().and_then(|()| {
        for file in files {
            if interrupt.is_set() {
                return Err(WriteError::Interrupted);
            }
            writer.write(file)?;
        }
        Ok(())
    });
    if written.is_err() {
        writer.undo();
    }
    written
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// What has been made so far, so that it can be taken away again.
struct Writer {
    root: PathBuf,
    /// The app's folder and those above it that were made, the outermost first.
    above: Vec<PathBuf>,
    /// Files and folders of the app: the folder each is in, its name there, and how it is removed.
    inside: Vec<(OwnedFd, OsString, AtFlags)>,
}

impl Writer {
    fn make_root(&mut self) -> Result<(), WriteError> {
        let missing: Vec<&Path> = self.root.ancestors().take_while(|folder| !is_there(folder)).collect();
        for folder in missing.into_iter().rev() {
            match std::fs::create_dir(folder) {
                Ok(()) => self.above.push(folder.to_path_buf()),
                // `a/..` names a folder that is there once `a` is.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(WriteError::Io { path: PathBuf::new(), source }),
            }
        }
        if self.root.is_dir() { Ok(()) } else { Err(WriteError::NoFolder(PathBuf::new())) }
    }

    fn write(&mut self, file: &AppFile) -> Result<(), WriteError> {
        let path = PathBuf::from(&file.path);
        let (folder, name) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
        let folder = self.open(folder)?;
        match put(&folder, Path::new(name), file.text.as_bytes()) {
            Ok(()) => {
                self.inside.push((folder, name.to_owned(), AtFlags::empty()));
                Ok(())
            }
            Err(Errno::EXIST) => Err(WriteError::InTheWay(vec![path])),
            Err(errno) => Err(WriteError::Io { path, source: errno.into() }),
        }
    }

    /// Opens a folder of the app, and makes what is missing of it.
    fn open(&mut self, folder: &Path) -> Result<OwnedFd, WriteError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let failed = |path: &Path, errno: Errno| match errno {
            Errno::NOTDIR | Errno::LOOP => WriteError::NoFolder(path.to_path_buf()),
            errno => WriteError::Io { path: path.to_path_buf(), source: errno.into() },
        };
        // The app's folder itself was named by the user, and may be a link.
        let mut fd = fs::openat(CWD, &self.root, flags, Mode::empty()).map_err(|errno| failed(Path::new(""), errno))?;
        let mut path = PathBuf::new();
        for part in folder.components() {
            path.push(part);
            let name = part.as_os_str();
            let is_new = match fs::mkdirat(&fd, name, Mode::from_raw_mode(0o777)) {
                Ok(()) => true,
                Err(Errno::EXIST) => false,
                Err(errno) => return Err(failed(&path, errno)),
            };
            let inner = fs::openat(&fd, name, flags | OFlags::NOFOLLOW, Mode::empty());
            let outer = std::mem::replace(&mut fd, inner.map_err(|errno| failed(&path, errno))?);
            if is_new {
                self.inside.push((outer, name.to_owned(), AtFlags::REMOVEDIR));
            }
        }
        Ok(fd)
    }

    /// Takes away what was made. A folder in which somebody else has put something stays.
    fn undo(&self) {
        for (folder, name, how) in self.inside.iter().rev() {
            let _ = fs::unlinkat(folder, name.as_os_str(), *how);
        }
        for folder in self.above.iter().rev() {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// Makes a file of that name: written under another name first, so that it is never seen half-written, and linked to its own
/// only where that is free.
fn put(folder: &OwnedFd, name: &Path, bytes: &[u8]) -> Result<(), Errno> {
    let draft = format!(".simctl-init-{}", std::process::id());
    let write = |name: &Path| {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = fs::openat(folder, name, flags, Mode::from_raw_mode(0o666))?;
        let written = File::from(fd).write_all(bytes);
        written.map_err(|error| {
            let _ = fs::unlinkat(folder, name, AtFlags::empty());
            error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)
        })
    };
    write(Path::new(&draft))?;
    let linked = fs::linkat(folder, draft.as_str(), folder, name, AtFlags::empty());
    let _ = fs::unlinkat(folder, draft.as_str(), AtFlags::empty());
    match linked {
        // A file system without hard links.
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => write(name),
        other => other,
    }
}
