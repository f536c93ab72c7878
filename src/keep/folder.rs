//! `.simctl/`: private to the user, ignored by git, and never outside of the app's folder.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The folder in an app's root in which simctl keeps what it keeps.
pub const FOLDER: &str = ".simctl";

/// Why nothing can be kept there.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The system refuses.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A symbolic link leads out of the app's folder, or nowhere.
    #[error("`{}` is a symbolic link that leads out of the app's folder", .0.display())]
    LeadsOut(PathBuf),
    /// Something else stands there.
    #[error("`{}` is not {wanted}", path.display())]
    Kind {
        /// Where.
        path: PathBuf,
        /// What should stand there.
        wanted: &'static str,
    },
}

/// Makes simctl's folder in `root`, private to the user and ignored by git.
///
/// # Errors
/// [`FolderError`]; nothing is written through a link that leads out of `root`.
pub fn prepare(root: &Path, folder: &Path) -> Result<(), FolderError> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            stays_inside(root, folder)?;
            make_private(folder, 0o700)?;
        }
        Err(error) => return Err(error.into()),
    }
    let ignore = folder.join(".gitignore");
    let file = match ignore.symlink_metadata() {
        // A run that was killed has begun it.
        Ok(metadata) if metadata.is_file() && metadata.len() == 0 => OpenOptions::new().write(true).open(ignore),
        Ok(_) => return Ok(()),
        Err(_) => OpenOptions::new().write(true).create_new(true).open(ignore),
    };
    match file {
        Ok(mut file) => Ok(file.write_all(b"*\n")?),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Refuses a symbolic link that leads out of the app's folder: data would be written where nobody looks for it.
///
/// # Errors
/// [`FolderError::LeadsOut`]
pub fn stays_inside(root: &Path, path: &Path) -> Result<(), FolderError> {
    if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) {
        return Ok(());
    }
    match path.canonicalize() {
        Ok(target) if target.starts_with(root) => Ok(()),
        _ => Err(FolderError::LeadsOut(path.to_path_buf())),
    }
}

/// Takes from others what they may do with a file or folder of simctl's; a `mode` of `0o700` wants a folder.
///
/// # Errors
/// [`FolderError::Kind`] where it is the other of the two.
pub fn make_private(path: &Path, mode: u32) -> Result<(), FolderError> {
    let metadata = fs::metadata(path)?;
    let (is_dir, wants_dir) = (metadata.is_dir(), mode == 0o700);
    if is_dir != wants_dir {
        let wanted = if wants_dir { "a folder" } else { "a file" };
        return Err(FolderError::Kind { path: path.to_path_buf(), wanted });
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        // A file system without such rights is no obstacle.
        let _ = fs::set_permissions(path, Permissions::from_mode(mode));
    }
    Ok(())
}
