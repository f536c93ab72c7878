//! What is kept of a failure: its payload and its place below `.simctl/failures/`, and a scenario where one was asked for.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::hash::Hasher as _;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::keep::{self, FOLDER, FolderError};
use crate::model::{Finding, Secrets};
use crate::text::Source;

/// One failure as it is kept.
pub(super) struct Record<'a> {
    pub(super) event: &'a str,
    pub(super) place: &'a str,
    pub(super) case: &'a str,
    pub(super) changes: &'a [String],
    pub(super) payload: &'a Value,
    pub(super) repeat: &'a str,
}

impl Record<'_> {
    /// Names the failure among all of the app's, whatever case shows it.
    fn name(&self) -> String {
        // FNV-1a, 64 bits: the same on every machine and in every version.
        let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
        hash.write(self.place.as_bytes());
        format!("{}-{:08x}", self.event, hash.finish() & 0xffff_ffff)
    }

    /// Writes it below `.simctl/failures/` of the app in `root`, whole or not at all.
    pub(super) fn keep(&self, root: &Path, secrets: &Secrets) -> Result<(), FolderError> {
        let own = root.join(FOLDER);
        keep::prepare(root, &own)?;
        let folder = own.join("failures");
        make_inside(root, &folder, 0o700)?;
        let mut value = json!({
            "event": self.event, "place": self.place, "case": self.case, "changes": self.changes,
            "repeat": self.repeat, "payload": self.payload,
        });
        secrets.mask_value(&mut value);
        let path = folder.join(format!("{}.json", self.name()));
        let beside = folder.join(format!(".{}.{}.part", self.name(), std::process::id()));
        let written = write_new(&beside, &format!("{value:#}\n"), 0o600).and_then(|()| fs::rename(&beside, &path));
        if written.is_err() {
            // It may never have been there.
            let _ = fs::remove_file(&beside);
        }
        Ok(written?)
    }

    /// Writes a scenario that fires the payload, and holds when the handler bears it. Files that are there stay as they are.
    ///
    /// What was written, by its path in the app; none where it was there.
    pub(super) fn save_scenario(&self, root: &Path, secrets: &Secrets) -> Result<Option<PathBuf>, FolderError> {
        let folder = root.join("tests");
        make_inside(root, &folder, 0o755)?;
        let name = format!("fuzz-{}", self.name());
        let scenario = Path::new("tests").join(format!("{name}.scenario.yaml"));
        if root.join(&scenario).symlink_metadata().is_ok() {
            return Ok(None);
        }
        let mut payload = self.payload.clone();
        if let Some(members) = payload.as_object_mut() {
            // The app's own, which each run gives anew.
            members.shift_remove("iparams");
        }
        secrets.mask_value(&mut payload);
        match write_new(&folder.join(format!("{name}.json")), &format!("{payload:#}\n"), 0o644) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            written => written?,
        }
        let title = secrets.mask(&format!("{} with {}", self.event, or_plain(self.changes)));
        // A JSON text is a YAML text.
        let text = format!(
            "name: {}\n\nsteps:\n  - fire: {}\n    payload: {name}.json\n",
            Value::from(title),
            Value::from(self.event)
        );
        write_new(&root.join(&scenario), &text, 0o644)?;
        Ok(Some(scenario))
    }
}

fn or_plain(changes: &[String]) -> String {
    if changes.is_empty() { "a plain payload".to_owned() } else { changes.join(", ") }
}

/// A folder of the app's, made where it is not there; never one that lies elsewhere.
fn make_inside(root: &Path, folder: &Path, mode: u32) -> Result<(), FolderError> {
    match DirBuilder::new().mode(mode).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => keep::stays_inside(root, folder),
        made => Ok(made?),
    }
}

/// A file where none is; a link in its place is not followed.
fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(text.as_bytes())
}

struct Fnv(u64);

impl std::hash::Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The places of the failures that an earlier run told of, from its JSON stream.
pub(super) fn baseline(cwd: &Path, file: &Path) -> Result<HashSet<String>, Box<Finding>> {
    let source = Source::read_as(&cwd.join(file), file).map_err(Box::new)?;
    let mut known = HashSet::new();
    let mut is_run = false;
    for line in source.text().lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_default();
        is_run |= event["type"] == "run-started";
        if event["type"] == "case-failed" {
            known.extend(event["place"].as_str().map(str::to_owned));
        }
    }
    if is_run {
        return Ok(known);
    }
    let what = "this is no JSON stream of a run, which begins with `run-started`";
    let hint = format!("`simctl fuzz … --format json={}` writes one", file.display());
    Err(Box::new(Finding::new(crate::model::Code::WrongShape, what).in_file(file).hint(hint)))
}
