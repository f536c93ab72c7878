//! An app on disk: its manifest and what it subscribes to, its `server.js` read without running it, its installation
//! parameters and sample payloads.
//!
//! This room reads files. It runs nothing, prints nothing and writes nothing. `docs/apps.md` lists what it understands.

use std::path::{Path, PathBuf};

use crate::model::Findings;
use crate::text::Source;

pub mod catalogue;
mod check;
mod config;
mod iparams;
mod locate;
mod manifest;
mod packages;
mod request_calls;
mod require;
mod sample;
pub mod script;
mod settings;
mod subscription;

pub use check::{AppFile, Checkup, Part, TestData, check_script_alone};
pub use config::{
    Mock, MockAnswer, MockFailure, Templates, check_iparams, check_mock, check_requests, check_substitutions,
    check_values, mock as read_mock, substitute,
};
pub use iparams::Iparams;
pub use locate::Locate;
pub use manifest::{Manifest, Scope, Shape, Subscription};
pub use packages::{MissingPackage, missing_findings};
pub use request_calls::RequestCalls;
pub use require::Required;
pub use script::{Reading, Script, is_builtin};
pub use settings::{HistorySettings, Level, Rule, Rules, check_settings};

use locate::join_shown;

/// An app whose manifest could be read.
#[derive(Debug)]
pub struct App {
    /// The app's folder, absolute, symbolic links resolved.
    pub root: PathBuf,
    /// The app's folder as the user would write it.
    pub shown_root: PathBuf,
    /// The manifest, and what it subscribes to.
    pub manifest: Manifest,
    /// Where relative paths start.
    cwd: PathBuf,
}

impl App {
    /// Finds the app and reads its manifest; in the legacy shape, and where the manifest names no event of a product,
    /// the `exports.events` of `server.js` too.
    ///
    /// Faults that leave something to fire are in [`Manifest::findings`].
    ///
    /// # Errors
    /// Every finding about the manifest, where at least one of them leaves nothing to fire: it is missing, is not JSON,
    /// is no object, names an unknown platform version, or names no event.
    pub fn open(locate: &Locate) -> Result<Self, Findings> {
        let located = locate.find()?;
        let source = Source::read_as(&located.manifest, &located.shown_manifest).map_err(|finding| vec![finding])?;
        let mut manifest = Manifest::read(source)?;
        if manifest.asks_the_script() {
            let script = script::find(&located.root, &located.shown_root);
            manifest.add_legacy(script.as_ref().map(script::legacy_events).map_err(Clone::clone));
        }
        let manifest = manifest.checked()?;
        Ok(Self { root: located.root, shown_root: located.shown_root, manifest, cwd: locate.cwd.clone() })
    }

    /// The app's `server.js`.
    ///
    /// # Errors
    /// It is missing, a folder, outside of the app, or cannot be read as UTF-8 text. An empty one is fine.
    pub fn script(&self) -> Result<Script, Findings> {
        script::find(&self.root, &self.shown_root)
    }

    /// Reads `script`, and each file that it reaches by a relative `require` of a literal, without running any.
    pub fn read_scripts(&self, script: &Script) -> Reading {
        script::read_all(self, script)
    }

    /// How a file of the app, named relative to the app's folder, is shown to the user.
    pub fn shown(&self, relative: impl AsRef<Path>) -> PathBuf {
        join_shown(&self.shown_root, &relative.as_ref().to_string_lossy())
    }
}

/// Apps in a folder of their own, for the tests of this room.
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod testing {
    use std::fs;

    use super::{App, Locate};
    use crate::model::{Code, Findings};

    /// An app of these files, opened from its own folder. Keep the folder as long as the app.
    pub(super) fn open(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<App, Findings>) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let cwd = dir.path().to_path_buf();
        let app = App::open(&Locate { app: Some(".".into()), manifest: None, cwd });
        (dir, app)
    }

    pub(super) fn codes(findings: &Findings) -> Vec<Code> {
        findings.iter().map(|finding| finding.code).collect()
    }
}
