//! The files in which snapshots are kept: read before anything is played, and written, whole or not at all, when all was.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::engine::scenario::{Policy, Scenario, Snapshots, snapshot_file};
use crate::handler::HandlerError;
use crate::model::{Code, Finding, Findings};
use crate::text::{Source, json};

/// The snapshots that there are to be, by file.
#[derive(Debug, Default)]
pub(super) struct Wanted(BTreeMap<PathBuf, File>);

#[derive(Debug, Default)]
struct File {
    /// As the user would write it.
    shown: PathBuf,
    /// The snapshots' names, in the order of the steps.
    names: Vec<String>,
    /// What it holds.
    kept: Map<String, Value>,
}

impl Wanted {
    /// Those that the steps of these scenarios ask for.
    pub(super) fn new<'a>(scenarios: impl Iterator<Item = &'a Scenario>) -> Self {
        let mut files: BTreeMap<PathBuf, File> = BTreeMap::new();
        for scenario in scenarios {
            let file = files.entry(scenario.snapshot_file()).or_default();
            file.shown = snapshot_file(&scenario.file);
            file.names.extend(scenario.snapshots().map(str::to_owned));
        }
        Self(files)
    }

    /// Reads what is kept.
    ///
    /// # Errors
    /// Findings where a file is there and holds no snapshots.
    pub(super) fn read(&mut self, policy: Policy) -> Result<Snapshots, Findings> {
        let mut findings = Findings::new();
        for (path, file) in self.0.iter_mut().filter(|(path, _)| path.symlink_metadata().is_ok()) {
            match read(path, &file.shown) {
                Ok(kept) => file.kept = kept,
                Err(found) => findings.extend(found),
            }
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        let kept = self.0.iter().map(|(path, file)| (path.clone(), file.kept.clone())).collect();
        Ok(Snapshots::new(policy, kept))
    }

    /// Writes what was taken down, and says what is new and what is of no step any more.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn keep(&self, snapshots: &Snapshots, policy: Policy) -> Result<Vec<String>, HandlerError> {
        let taken = snapshots.take();
        let mut notices = Vec::new();
        for (path, file) in &self.0 {
            let new = taken.snapshots.get(path);
            let orphans: Vec<&str> =
                file.kept.keys().map(String::as_str).filter(|key| !file.names.iter().any(|name| name == key)).collect();
            let shown = file.shown.display();
            let is_pruned = policy == Policy::Update && !orphans.is_empty();
            for name in new.into_iter().flat_map(Map::keys) {
                let what = if file.kept.contains_key(name) { "another" } else { "new" };
                notices.push(format!("snapshot `{name}` is {what}: kept in {shown}"));
            }
            for name in &orphans {
                notices.push(if is_pruned {
                    format!("snapshot `{name}` is of no step, and no longer in {shown}")
                } else {
                    format!("snapshot `{name}` in {shown} is of no step; `simctl test --update` removes it")
                });
            }
            if new.is_some() || is_pruned {
                write(path, &file.text(new, is_pruned)).map_err(|error| HandlerError::Platform {
                    what: format!("{shown} cannot be written: {error}"),
                    hint: Some("make its folder writable, or leave snapshots as they are with `--ci`".to_owned()),
                })?;
            }
        }
        if taken.differing > 0 && policy == Policy::Add {
            notices.push(
                "where a snapshot is what should change, `simctl test --update` takes it as it is now".to_owned(),
            );
        }
        Ok(notices)
    }
}

impl File {
    /// All snapshots in the order of their steps, then those that are of none; nothing where none is left.
    fn text(&self, new: Option<&Map<String, Value>>, is_pruned: bool) -> Option<String> {
        let of = |name: &str| new.and_then(|new| new.get(name)).or_else(|| self.kept.get(name));
        let mut all: Map<String, Value> =
            self.names.iter().filter_map(|name| Some((name.clone(), of(name)?.clone()))).collect();
        for (name, value) in self.kept.iter().filter(|_| !is_pruned) {
            all.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let text = serde_json::to_string_pretty(&all).unwrap_or_default() + "\n";
        (!all.is_empty()).then_some(text)
    }
}

fn read(path: &Path, shown: &Path) -> Result<Map<String, Value>, Findings> {
    let source = Source::read_as(path, shown).map_err(|finding| vec![finding])?;
    let (node, findings) = json::read(&source);
    let Some(node) = node.filter(|_| !findings.iter().any(Finding::is_error)) else { return Err(findings) };
    match node.value() {
        Value::Object(kept) => Ok(kept),
        _ => {
            let what = format!("this is {}, an object of snapshots by their names was expected", node.kind_name());
            let finding = Finding::new(Code::BadScenario, what).at(node.place(&source, ""));
            Err(vec![finding.hint("move the file away, and `simctl test --update` writes a new one")])
        }
    }
}

/// Puts a text in a file's place at once, or takes the file away: whoever reads it meanwhile sees the one or the other.
fn write(path: &Path, text: &Option<String>) -> io::Result<()> {
    let Some(text) = text else { return fs::remove_file(path) };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let mut open = OpenOptions::new().write(true).create_new(true).open(&beside)?;
    let written = open.write_all(text.as_bytes()).and_then(|()| open.sync_all());
    let moved = written.and_then(|()| fs::rename(&beside, path));
    if moved.is_err() {
        let _ = fs::remove_file(&beside);
    }
    moved
}
