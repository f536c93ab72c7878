//! The files of an app that are counted, and what all its handler processes have counted in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::instrument::{Instrumented, Uncountable, instrument};
use super::map::{Counted, FileMap};
use crate::app::{App, Script};
use crate::text::Source;

/// How deep folders are looked into.
const DEEPEST: usize = 32;

/// The largest count that is believed: what a number of JavaScript holds exactly.
const LARGEST_COUNT: u64 = 1 << 53;

/// Folders below `server/` that hold no code of the app's own.
const NOT_OWN: [&str; 2] = ["node_modules", "test_data"];

/// Counts what handlers reach. Threads share it, and the sums do not depend on which comes first.
#[derive(Debug)]
pub struct Collector {
    files: BTreeMap<String, File>,
    notices: Vec<String>,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    source: Source,
    instrumented: Instrumented,
    counters: Mutex<Vec<u64>>,
}

/// One file, and what was counted in it.
#[derive(Debug, Clone)]
pub struct Covered<'c> {
    /// Its name relative to the app's folder.
    pub name: &'c str,
    /// Where it is.
    pub path: &'c Path,
    /// Its text, and its name as the user would write it.
    pub source: &'c Source,
    /// What there is to count.
    pub map: &'c FileMap,
    /// How often each of it was reached.
    pub counted: Counted,
}

impl Collector {
    /// Makes all files of the app's own code ready: those below `server/`; beside a bare `server.js`, those in `reached`.
    pub fn new(app: &App, script: &Script, reached: &[String]) -> Self {
        let mut names = Vec::new();
        if script.name.starts_with("server/") {
            walk(&app.root.join("server"), "server", 0, &mut names);
        } else {
            names.extend(reached.iter().filter(|name| is_script(name)).cloned());
        }
        let mut all = Self { files: BTreeMap::new(), notices: Vec::new() };
        for name in names {
            all.add_file(app, name);
        }
        all
    }

    fn add_file(&mut self, app: &App, name: String) {
        let (path, shown) = (app.root.join(&name), app.shown(&name));
        let left_out = |why: &str| format!("`{}` is not counted: {why}", shown.display());
        let source = match Source::read_as(&path, &shown) {
            Ok(source) => source,
            Err(finding) => return self.notices.push(left_out(&finding.message)),
        };
        match instrument(&source) {
            Ok(instrumented) => {
                let counters = Mutex::new(vec![0; instrumented.map.slots.len()]);
                self.files.insert(name, File { path, source, instrumented, counters });
            }
            Err(Uncountable::Asked) => {}
            Err(Uncountable::Because(why)) => self.notices.push(left_out(&why)),
        }
    }

    /// What the user should know of files that are not counted.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// What to run in place of a file; `None` where the file itself is run.
    pub fn in_place_of(&self, name: &str, text: &str) -> Option<&Instrumented> {
        // A file that has changed since would be counted in the wrong places.
        self.files.get(name).filter(|file| file.source.text() == text).map(|file| &file.instrumented)
    }

    /// Adds what a handler process says that it has counted. False where it cannot be: then nothing is added.
    pub fn add(&self, name: &str, counts: &[u64]) -> bool {
        let Some(file) = self.files.get(name) else { return false };
        let mut counters = file.counters.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() != counters.len() || counts.iter().any(|&count| count > LARGEST_COUNT) {
            return false;
        }
        for (counter, count) in counters.iter_mut().zip(counts) {
            *counter = counter.saturating_add(*count);
        }
        true
    }

    /// What has been counted so far, by the files' names.
    pub fn covered<'c>(&'c self) -> Vec<Covered<'c>> {
        let one = |(name, file): (&'c String, &'c File)| {
            let counters = file.counters.lock().unwrap_or_else(PoisonError::into_inner);
            let map = &file.instrumented.map;
            Covered { name, path: &file.path, source: &file.source, map, counted: map.counted(&counters) }
        };
        self.files.iter().map(one).collect()
    }
}

fn is_script(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "js")
}

/// The scripts in a folder, by their names relative to the app's folder. Links are not followed: what they lead to within
/// the folder has a name of its own.
fn walk(folder: &Path, relative: &str, depth: usize, names: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Ok(kind) = entry.file_type() else { continue };
        let inner = format!("{relative}/{name}");
        let is_own = !name.starts_with('.') && !NOT_OWN.contains(&name.as_str());
        if kind.is_dir() && is_own && depth < DEEPEST {
            walk(&entry.path(), &inner, depth + 1, names);
        } else if kind.is_file() && is_script(&name) {
            names.push(inner);
        }
    }
}
