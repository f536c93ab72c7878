//! Where the app is: the folder that was named, the folder of the manifest that was named, or the nearest manifest
//! upwards from the current folder. And how its files are named to the user.

use std::path::{Component, Path, PathBuf};

use crate::model::{Code, Finding, Findings};
use crate::text::{Wanted, not_there};

/// The name of every app's manifest.
const MANIFEST: &str = "manifest.json";

/// What the user said about where the app is.
#[derive(Debug, Clone, Default)]
pub struct Locate {
    /// The app's folder.
    pub app: Option<PathBuf>,
    /// The manifest; its folder is the app's unless `app` names another.
    pub manifest: Option<PathBuf>,
    /// The folder that relative paths start from, absolute.
    pub cwd: PathBuf,
}

/// Where the app was found.
#[derive(Debug)]
pub(super) struct Located {
    /// The app's folder, absolute, symbolic links resolved.
    pub(super) root: PathBuf,
    /// The app's folder as the user would write it.
    pub(super) shown_root: PathBuf,
    /// The manifest's path, to be opened.
    pub(super) manifest: PathBuf,
    /// The manifest's path, to be shown.
    pub(super) shown_manifest: PathBuf,
}

impl Locate {
    /// Finds the app's folder and its manifest. The manifest may still turn out to be unreadable.
    pub(super) fn find(&self) -> Result<Located, Findings> {
        match (&self.app, &self.manifest) {
            (Some(app), manifest) => self.in_folder(app, manifest.as_deref()),
            (None, Some(manifest)) => self.by_manifest(manifest),
            (None, None) => self.upwards(),
        }
    }

    /// The app's folder, absolute, symbolic links resolved. Its manifest is not read.
    ///
    /// # Errors
    /// A finding where there is no app.
    pub fn root(&self) -> Result<PathBuf, Findings> {
        self.find().map(|located| located.root)
    }

    fn in_folder(&self, app: &Path, manifest: Option<&Path>) -> Result<Located, Findings> {
        let path = self.cwd.join(app);
        let shown_root = self.shown(app);
        if path.is_file() {
            let hint = format!("to name a manifest, use `--manifest {}`", shown_root.display());
            let what = "this is a file, an app's folder was expected";
            return Err(vec![Finding::new(Code::FileUnreadable, what).in_file(&shown_root).hint(hint)]);
        }
        let root = path.canonicalize().map_err(|_| vec![not_there(&path, &shown_root, Wanted::Folder)])?;
        let (path, shown_manifest) = match manifest {
            Some(manifest) => (self.cwd.join(manifest), self.shown(manifest)),
            None => (root.join(MANIFEST), join_shown(&shown_root, MANIFEST)),
        };
        if manifest.is_none() && !is_there(&path) {
            let what = format!("there is no {MANIFEST} in this folder");
            let finding = Finding::new(Code::ManifestMissing, what).in_file(&shown_root);
            return Err(vec![finding.maybe_hint(self.manifest_below(&root, &shown_root))]);
        }
        Ok(Located { root, shown_root, manifest: path, shown_manifest })
    }

    fn by_manifest(&self, manifest: &Path) -> Result<Located, Findings> {
        let path = self.cwd.join(manifest);
        let shown_manifest = self.shown(manifest);
        if path.is_dir() {
            let hint = format!("to name an app's folder, use `--app {}`", shown_manifest.display());
            let what = "this is a folder, a manifest was expected";
            return Err(vec![Finding::new(Code::FileUnreadable, what).in_file(&shown_manifest).hint(hint)]);
        }
        let folder = path.parent().unwrap_or(&self.cwd);
        let absent = || vec![not_there(&path, &shown_manifest, Wanted::File)];
        let root = folder.canonicalize().map_err(|_| absent())?;
        let shown_root = match shown_manifest.parent() {
            Some(parent) if parent != Path::new("") => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        Ok(Located { root, shown_root, manifest: path, shown_manifest })
    }

    fn upwards(&self) -> Result<Located, Findings> {
        let mut up = PathBuf::new();
        for folder in self.cwd.ancestors() {
            let path = folder.join(MANIFEST);
            if is_there(&path) {
                let root = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
                let shown_manifest = up.join(MANIFEST);
                let shown_root = if up.as_os_str().is_empty() { PathBuf::from(".") } else { up };
                return Ok(Located { root, shown_root, manifest: path, shown_manifest });
            }
            up.push("..");
        }
        let what = format!("there is no {MANIFEST} in `{}`, nor in a folder above it", self.cwd.display());
        let hint = "go into an app's folder, name it with `--app DIR`, or begin one with `simctl init DIR`";
        Err(vec![Finding::new(Code::ManifestMissing, what).hint(hint)])
    }

    /// A path as the user would write it: relative to the current folder when below it, else as it was given.
    pub(super) fn shown(&self, path: &Path) -> PathBuf {
        let relative = path.strip_prefix(&self.cwd).unwrap_or(path);
        let plain: PathBuf = relative.components().filter(|part| *part != Component::CurDir).collect();
        if plain.as_os_str().is_empty() { PathBuf::from(".") } else { plain }
    }

    /// Where a folder without a manifest holds apps one level down, says so.
    fn manifest_below(&self, root: &Path, shown: &Path) -> Option<String> {
        let mut found: Vec<PathBuf> = std::fs::read_dir(root)
            .ok()?
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join(MANIFEST).is_file())
            .map(|entry| join_shown(shown, &entry.file_name().to_string_lossy()))
            .collect();
        found.sort();
        let first = found.first()?;
        Some(format!("there is one in `{}`: try `--app {}`", first.display(), first.display()))
    }
}

/// A path below a shown folder, without a leading `./`.
pub(super) fn join_shown(folder: &Path, rest: &str) -> PathBuf {
    if folder == Path::new(".") { PathBuf::from(rest) } else { folder.join(rest) }
}

/// Whether there is anything of that name, a dangling link included: it is for the reader to say what is wrong with it.
pub(super) fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use std::fs;

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap();
        fs::create_dir_all(path.join("app/server/lib")).unwrap();
        fs::write(path.join("app/manifest.json"), "{}").unwrap();
        (dir, path)
    }

    #[test]
    fn the_nearest_manifest_upwards_is_the_app() {
        let (_dir, path) = folder();
        let locate = Locate { cwd: path.join("app/server/lib"), ..Locate::default() };
        let located = locate.find().unwrap();
        assert_eq!(located.root, path.join("app"));
        assert_eq!(located.shown_manifest, Path::new("../../manifest.json"));
        assert_eq!(located.shown_root, Path::new("../.."));
    }

    #[test]
    fn files_below_the_current_folder_are_shown_relative_to_it() {
        let (_dir, path) = folder();
        for app in [PathBuf::from("app"), PathBuf::from("./app"), path.join("app")] {
            let located = Locate { app: Some(app), manifest: None, cwd: path.clone() }.find().unwrap();
            assert_eq!(located.shown_manifest, Path::new("app/manifest.json"));
        }
        let manifest = Some(PathBuf::from("manifest.json"));
        let located = Locate { app: None, manifest, cwd: path.join("app") }.find().unwrap();
        assert_eq!((located.shown_root, located.root), (PathBuf::from("."), path.join("app")));
    }

    #[test]
    fn what_is_not_there_is_said_with_a_way_out() {
        let (_dir, path) = folder();
        let find = |app: Option<&str>, manifest: Option<&str>| {
            let locate = Locate { app: app.map(Into::into), manifest: manifest.map(Into::into), cwd: path.clone() };
            let findings = locate.find().unwrap_err();
            (findings[0].code, findings[0].hints.first().cloned().unwrap_or_default())
        };
        assert_eq!(find(Some("nowhere"), None).0, Code::FileMissing);
        assert_eq!(find(Some("."), None), (Code::ManifestMissing, "there is one in `app`: try `--app app`".into()));
        let (code, hint) = find(Some("app/manifest.json"), None);
        assert_eq!((code, hint.contains("--manifest app/manifest.json")), (Code::FileUnreadable, true));
        let (code, hint) = find(None, Some("app"));
        assert_eq!((code, hint.contains("--app app")), (Code::FileUnreadable, true));
        assert_eq!(find(None, Some("nowhere/manifest.json")).0, Code::FileMissing);
    }
}
