//! What a file is: by its name and place, else by what it holds.

use std::path::{Path, PathBuf};

use crate::app::{Part, TestData};
use crate::engine::scenario::is_scenario;
use crate::model::{Code, Finding, Severity};
use crate::text::json::Node;
use crate::text::{Source, json};

/// What a file is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A `manifest.json`.
    Manifest,
    /// The payload of an event.
    Payload,
    /// A `config/iparams.json`.
    Iparams,
    /// A `config/requests.json`.
    Requests,
}

impl FileKind {
    /// A payload has `data` or `event`; a manifest has one of the places where subscriptions stand.
    pub(super) fn by_content(node: &Node) -> Option<Self> {
        let has = |key| node.get(key).is_some();
        if has("data") || has("event") {
            Some(Self::Payload)
        } else if has("product") || has("modules") || has("platform-version") || has("events") {
            Some(Self::Manifest)
        } else {
            None
        }
    }
}

/// What the name and the place of a file say of it.
pub(super) fn by_name(file: &Path) -> Option<Part> {
    let name = file.file_name()?.to_str()?;
    let in_folder = |folder: &str| file.parent().and_then(Path::file_name).is_some_and(|parent| parent == folder);
    match name {
        "manifest.json" => Some(Part::Manifest),
        _ if is_scenario(name) => Some(Part::Scenario),
        "simctl.json" => Some(Part::Settings),
        "iparams.json" if in_folder("config") => Some(Part::Iparams),
        "iparam_test_data.json" if in_folder("config") => Some(Part::IparamValues),
        "requests.json" if in_folder("config") => Some(Part::Requests),
        _ if file.extension().is_some_and(|extension| extension == "js") => Some(Part::Script),
        _ if in_folder("mocks") && name.ends_with(".json") => Some(Part::Mock),
        _ => None,
    }
}

/// The sample payload that a file below `<app>/server/test_data` is, and how many folders up the app is.
pub(super) fn sample(file: &Path) -> Option<(TestData, usize)> {
    let parts: Vec<&str> = file.iter().map(|part| part.to_str().unwrap_or("")).collect();
    let at = parts.windows(2).rposition(|pair| pair == ["server", "test_data"])?;
    let name = parts[at..].join("/");
    (at + 2 < parts.len()).then(|| (TestData::new(&name), parts.len() - at))
}

/// A folder as it would be named from another: below it, or above it.
pub(super) fn relative(cwd: &Path, folder: &Path) -> PathBuf {
    if let Ok(below) = folder.strip_prefix(cwd) {
        return if below == Path::new("") { PathBuf::from(".") } else { below.to_path_buf() };
    }
    match cwd.strip_prefix(folder) {
        Ok(above) => above.components().map(|_| "..").collect(),
        Err(_) => folder.to_path_buf(),
    }
}

/// The finding for a file that looks like nothing that can be checked. One that nobody named need not be for simctl.
pub(super) fn unknown(source: &Source, node: &Node, is_walked: bool) -> Finding {
    let (code, what) = if node.members().is_some() {
        let what = "this is neither a manifest (`product`, `modules` or `events`) nor a payload (`data`)";
        (Code::UnknownKind, what.to_owned())
    } else {
        (Code::WrongShape, format!("this is {}; a manifest and a payload are objects", node.kind_name()))
    };
    let start = node.range.start;
    let finding = Finding::new(code, what)
        .at(json::place_at(source, start..start + 1, ""))
        .hint("`--as manifest`, `payload`, `iparams` or `requests` says what it is meant to be");
    if is_walked { Finding { severity: Severity::Note, ..finding } } else { finding }
}
