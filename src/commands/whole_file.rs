//! A file that is there whole, or as it was before.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where a file is to be written when all of it is known.
#[derive(Debug)]
pub(super) struct WholeFile {
    path: PathBuf,
    /// Where it is written before it takes its place; none for what is no file, such as a pipe.
    beside: Option<PathBuf>,
}

impl WholeFile {
    /// Makes sure that the file can be written; changes nothing yet.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        // What a link leads to is replaced, and not the link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if path.exists() && !path.is_file() {
            return Ok(Self { path, beside: None });
        }
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
        let beside = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
        File::create(&beside)?;
        fs::remove_file(&beside)?;
        Ok(Self { path, beside: Some(beside) })
    }

    /// Writes it.
    pub(super) fn write(&self, text: &str) -> io::Result<()> {
        let Some(beside) = &self.beside else {
            return File::options().write(true).open(&self.path)?.write_all(text.as_bytes());
        };
        let written = fs::write(beside, text).and_then(|()| fs::rename(beside, &self.path));
        if written.is_err() {
            // It may never have been there.
            let _ = fs::remove_file(beside);
        }
        written
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_whole_or_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.html");
        fs::write(&path, "before").unwrap();
        let file = WholeFile::new(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        file.write("after").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "after");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(WholeFile::new(folder.path()).is_err() && WholeFile::new(&folder.path().join("no/b")).is_err());
    }
}
