//! Which files there are to check, and in which pieces.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::IgnoredAny;

use super::kind::{self, FileKind};
use super::lines::{Batch, LONGEST_LINE, Lines};
use super::{AppOptions, Check, FileToCheck, Home};
use crate::app::{Part, TestData};
use crate::commands::test::{MOST_ENTRIES, scenarios_of};
use crate::engine::scenario::is_scenario;
use crate::model::{Code, Finding, Findings};
use crate::text::{LARGEST_FILE, Source, Wanted, not_there};

/// Files that lie in many folders and are never for simctl.
const NOT_OURS: [&str; 4] = ["package.json", "package-lock.json", "tsconfig.json", "jsconfig.json"];
/// How deep folders are looked into.
const DEEPEST: usize = 64;

/// One piece of work.
pub(super) struct Job {
    pub(super) piece: Piece,
    /// The app that it belongs to.
    pub(super) home: Option<Arc<Home>>,
    /// The file that ends with it, as the user named it.
    pub(super) ends: Option<PathBuf>,
}

pub(super) enum Piece {
    /// A file whose findings are known already.
    Found(Findings),
    /// A file to be read.
    File(FileToCheck),
    /// Standard input, read whole.
    Stdin(Result<Source, Finding>),
    /// Some lines of a stream of payloads.
    Lines(Batch),
}

struct Stream {
    lines: Lines<Box<dyn BufRead + Send>>,
    file: PathBuf,
    home: Option<Arc<Home>>,
}

/// All that is to be checked; as an iterator, cut into pieces.
pub(super) struct Plan {
    files: std::vec::IntoIter<(FileToCheck, Option<Arc<Home>>)>,
    stream: Option<Stream>,
    kind: Option<FileKind>,
}

impl Plan {
    /// # Errors
    /// Findings where there is nothing to check.
    pub(super) fn new(check: Check<'_>) -> Result<Self, Findings> {
        let mut planner =
            Planner { check, homes: BTreeMap::new(), left: MOST_ENTRIES, files: Vec::new(), findings: Vec::new() };
        if check.options.paths.is_empty() {
            let home = Home::open(check, &AppOptions::default())?;
            planner.app(&home);
        }
        for path in &check.options.paths {
            planner.path(path);
        }
        let Planner { files, findings, .. } = planner;
        if findings.is_empty() {
            Ok(Self { files: files.into_iter(), stream: None, kind: check.options.kind })
        } else {
            Err(findings)
        }
    }

    /// How many files are still to be checked.
    pub(super) fn files(&self) -> usize {
        self.files.len()
    }

    /// How many threads are worth it.
    pub(super) fn workers(&self) -> usize {
        let files = self.files.as_slice();
        let is_stream = |(file, _): &(FileToCheck, _)| file.shown == Path::new("-") || is_ndjson(&file.shown);
        if files.len() < 16 && !files.iter().any(is_stream) {
            return 1;
        }
        std::thread::available_parallelism().map_or(1, NonZero::get)
    }

    /// Begins a file: a job where it is a single piece, else `None` and the stream is set.
    fn begin(&mut self, file: FileToCheck, home: Option<Arc<Home>>) -> Option<Job> {
        let shown = file.shown.clone();
        let sample = match &file.part {
            Some(Part::Sample(sample)) => Some(sample.clone()),
            _ => None,
        };
        let piece = if file.shown == Path::new("-") {
            match stdin(self.kind) {
                Stdin::Whole(source) => Piece::Stdin(source),
                Stdin::Lines(from) => {
                    self.stream =
                        Some(Stream { lines: Lines::new(from, file.shown.clone(), sample), file: file.shown, home });
                    return None;
                }
            }
        } else if is_ndjson(&file.shown) {
            match open(&file) {
                Ok(from) => {
                    self.stream =
                        Some(Stream { lines: Lines::new(from, file.shown.clone(), sample), file: file.shown, home });
                    return None;
                }
                Err(finding) => Piece::Found(vec![finding]),
            }
        } else {
            Piece::File(file)
        };
        Some(Job { piece, home, ends: Some(shown) })
    }
}

impl Iterator for Plan {
    type Item = Job;

    fn next(&mut self) -> Option<Job> {
        loop {
            if let Some(mut stream) = self.stream.take() {
                let home = stream.home.clone();
                let piece = match stream.lines.batch() {
                    Some(Ok(batch)) => Piece::Lines(batch),
                    Some(Err(finding)) => Piece::Found(vec![finding]),
                    None => return Some(Job { piece: Piece::Found(Vec::new()), home, ends: Some(stream.file) }),
                };
                self.stream = Some(stream);
                return Some(Job { piece, home, ends: None });
            }
            let (file, home) = self.files.next()?;
            if let Some(job) = self.begin(file, home) {
                return Some(job);
            }
        }
    }
}

/// Whether a file of that name, found in a folder, is worth a look.
fn is_for_us(name: &str) -> bool {
    let is_data = name.ends_with(".json") || is_ndjson(Path::new(name));
    is_scenario(name) || (is_data && !name.ends_with(".snap.json") && !NOT_OURS.contains(&name))
}

fn is_ndjson(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "ndjson" || extension == "jsonl")
}

fn open(file: &FileToCheck) -> Result<Box<dyn BufRead + Send>, Finding> {
    let fault = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => not_there(&file.path, &file.shown, Wanted::Either),
        _ => Finding::new(Code::FileUnreadable, format!("the file cannot be read: {error}")).in_file(&file.shown),
    };
    // The kind is looked at first: opening a FIFO would wait for a writer.
    let metadata = std::fs::metadata(&file.path).map_err(|error| fault(&error))?;
    if !metadata.is_file() {
        return Err(Finding::new(Code::FileUnreadable, "this is not a regular file").in_file(&file.shown));
    }
    let opened = File::open(&file.path).map_err(|error| fault(&error))?;
    Ok(Box::new(BufReader::with_capacity(128 * 1024, opened)))
}

enum Stdin {
    Whole(Result<Source, Finding>),
    Lines(Box<dyn BufRead + Send>),
}

/// Standard input is a stream of payloads where its first line is JSON by itself and is not its last; what is said to be
/// something else than payloads is one text.
fn stdin(kind: Option<FileKind>) -> Stdin {
    let name = Path::new("-");
    let mut from = BufReader::new(io::stdin());
    let mut head = Vec::new();
    let fault =
        |error: io::Error| Finding::new(Code::FileUnreadable, format!("it cannot be read: {error}")).in_file(name);
    if matches!(kind, None | Some(FileKind::Payload)) {
        let first = from.by_ref().take(LONGEST_LINE as u64).read_until(b'\n', &mut head);
        if let Err(error) = first {
            return Stdin::Whole(Err(fault(error)));
        }
        if serde_json::from_slice::<IgnoredAny>(&head).is_ok() && head.trim_ascii_start().starts_with(b"{") {
            return match has_more(&mut from, &mut head) {
                Ok(true) => Stdin::Lines(Box::new(Cursor::new(head).chain(from))),
                Ok(false) => Stdin::Whole(Source::new(name, head)),
                Err(error) => Stdin::Whole(Err(fault(error))),
            };
        }
    }
    let limit = LARGEST_FILE + 1 - head.len() as u64;
    if let Err(error) = from.take(limit).read_to_end(&mut head) {
        return Stdin::Whole(Err(fault(error)));
    }
    if head.len() as u64 > LARGEST_FILE {
        let what = format!("it is larger than the {} MiB that simctl reads", LARGEST_FILE >> 20);
        return Stdin::Whole(Err(Finding::new(Code::FileTooLarge, what).in_file(name)));
    }
    Stdin::Whole(Source::new(name, head))
}

/// Whether anything but blanks follows; the blanks go to `head`.
fn has_more(from: &mut impl BufRead, head: &mut Vec<u8>) -> io::Result<bool> {
    while head.len() < 2 * LONGEST_LINE {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Ok(false);
        }
        let blanks = buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let is_end = blanks < buffer.len();
        head.extend_from_slice(&buffer[..blanks]);
        from.consume(blanks);
        if is_end {
            return Ok(true);
        }
    }
    Ok(true)
}

/// Finds the files.
struct Planner<'a> {
    check: Check<'a>,
    /// Apps that were opened, by folder.
    homes: BTreeMap<PathBuf, Option<Arc<Home>>>,
    /// How many folders, and files that are not for simctl, may still be passed.
    left: usize,
    files: Vec<(FileToCheck, Option<Arc<Home>>)>,
    findings: Findings,
}

impl Planner<'_> {
    fn app(&mut self, home: &Arc<Home>) {
        for file in home.checkup.files() {
            self.files.push((file.into(), Some(Arc::clone(home))));
        }
        let (root, shown) = (&home.checkup.root, &home.checkup.shown_root);
        for (path, shown) in scenarios_of(root, shown) {
            let part = Some(Part::Scenario);
            let file = FileToCheck { path, shown, part, is_walked: false, is_named: false };
            self.files.push((file, Some(Arc::clone(home))));
        }
    }

    /// A file or folder that was named.
    fn path(&mut self, path: &Path) {
        let full = self.check.context.cwd.join(path);
        if path == Path::new("-") || !full.is_dir() {
            return self.file(full, path.to_path_buf());
        }
        let (before, found) = (self.files.len(), self.findings.len());
        // What is below the current folder is shown without a leading `./`.
        let shown = if path == Path::new(".") { Path::new("") } else { path };
        if !self.folder(&full, shown, 0) {
            self.findings.truncate(found);
            let most = MOST_ENTRIES / 1000;
            let what = format!("there are more than {most},000 files and folders that hold nothing to check");
            let hint = "name the folder of an app, or the files themselves; nothing was checked";
            return self.findings.push(Finding::new(Code::FileUnreadable, what).in_file(path).hint(hint));
        }
        if self.files.len() == before && self.findings.is_empty() {
            let what = "the folder holds no manifest.json and no other .json or .ndjson file";
            self.findings.push(Finding::new(Code::FileMissing, what).in_file(path));
        }
    }

    fn file(&mut self, path: PathBuf, shown: PathBuf) {
        let kind = self.check.options.kind.filter(|kind| *kind != FileKind::Payload);
        if kind.is_some() && is_ndjson(&shown) {
            let what = "a file of one JSON text a line holds payloads, and `--as` says that this is something else";
            let finding = Finding::new(Code::WrongShape, what).in_file(&shown);
            return self.findings.push(finding.hint("leave out `--as`, or name another file"));
        }
        let forced = self.check.options.kind.is_some() || shown == Path::new("-");
        let (part, home) = match kind::sample(&path).filter(|_| !forced) {
            Some((sample, up)) => self.sample(&path, sample, up),
            None if forced => (None, None),
            None => match kind::by_name(&path) {
                Some(Part::Script) => (Some(Part::Script), self.home_round(&path)),
                Some(Part::Mock) => (Some(Part::Mock), self.home_of_mock(&path)),
                Some(Part::Scenario) => (Some(Part::Scenario), self.home_round(&path)),
                part => (part, None),
            },
        };
        self.files.push((FileToCheck { path, shown, part, is_walked: false, is_named: true }, home));
    }

    /// A sample payload in an app: the app says what platform it is for, and whether it subscribes to the event.
    fn sample(&mut self, path: &Path, sample: TestData, up: usize) -> (Option<Part>, Option<Arc<Home>>) {
        let Some(root) = path.ancestors().nth(up).filter(|root| root.join("manifest.json").is_file()) else {
            return (None, None);
        };
        let check = self.check;
        let open = || Home::open(check, &AppOptions { app: Some(root.to_path_buf()), manifest: None }).ok();
        let home = self.homes.entry(root.to_path_buf()).or_insert_with(open).clone();
        (home.is_some().then_some(Part::Sample(sample)), home)
    }

    /// The app in whose folder `mocks` a file lies.
    fn home_of_mock(&mut self, path: &Path) -> Option<Arc<Home>> {
        let root = path.parent()?.parent()?;
        root.join("manifest.json").is_file().then(|| self.home_round(path)).flatten()
    }

    /// The app round a file.
    fn home_round(&mut self, path: &Path) -> Option<Arc<Home>> {
        let root = path.ancestors().skip(1).find(|root| root.join("manifest.json").is_file())?;
        let check = self.check;
        let app = kind::relative(&check.context.cwd, root);
        let open = || Home::open(check, &AppOptions { app: Some(app), manifest: None }).ok();
        self.homes.entry(root.to_path_buf()).or_insert_with(open).clone()
    }

    /// The app in a folder, or else all that is below it, by name; false where that is too much.
    fn folder(&mut self, full: &Path, shown: &Path, depth: usize) -> bool {
        if self.check.options.kind.is_none() && full.join("manifest.json").is_file() {
            let app = if shown == Path::new("") { Path::new(".") } else { shown };
            let options = AppOptions { app: Some(app.to_path_buf()), manifest: None };
            match Home::open(self.check, &options) {
                Ok(home) => self.app(&home),
                Err(findings) => self.findings.extend(findings),
            }
            return true;
        }
        let mut entries: Vec<(String, bool)> = match std::fs::read_dir(full) {
            Ok(entries) => entries
                .flatten()
                .filter_map(|entry| {
                    let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                    Some((entry.file_name().into_string().ok()?, is_folder))
                })
                .collect(),
            Err(error) => {
                let what = format!("the folder cannot be listed: {error}");
                self.findings.push(Finding::new(Code::FileUnreadable, what).in_file(shown));
                return true;
            }
        };
        entries.sort();
        for (name, is_folder) in entries.into_iter().filter(|(name, _)| !name.starts_with('.')) {
            let (path, shown) = (full.join(&name), shown.join(&name));
            if !is_folder && is_for_us(&name) {
                self.file(path, shown);
                if let Some((file, _)) = self.files.last_mut() {
                    file.is_walked = true;
                }
                continue;
            }
            let Some(left) = self.left.checked_sub(1) else { return false };
            self.left = left;
            let is_ours = is_folder && name != "node_modules" && depth < DEEPEST;
            if is_ours && !self.folder(&path, &shown, depth + 1) {
                return false;
            }
        }
        true
    }
}
