//! What the app has: its files, whether they are right, and where simctl keeps what it keeps.

use std::fs;
use std::path::Path;

use rustix::fs::Access;

use super::{About, Check, Context, DoctorOptions, State, shown};
use crate::app::{App, Checkup, MissingPackage, Part, Reading};
use crate::commands::test::scenarios_of;
use crate::commands::validate;
use crate::history::{Filter, History};
use crate::keep::{FOLDER, stays_inside};
use crate::model::{Finding, Findings};
use crate::schema::Schemas;

/// How deep `.simctl/` is looked into, and how many files of it are counted at most.
const DEEPEST: usize = 4;
const MOST_FILES: usize = 10_000;

/// What the app asks of the machine.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// Why the app needs Node.js.
    pub(super) node: Option<String>,
    /// The version of Node.js that the manifest names.
    pub(super) engine: Option<String>,
    /// npm packages that are required and not there.
    packages: Vec<String>,
}

impl Needs {
    pub(super) fn of(app: Option<&App>) -> Self {
        let Some(app) = app else { return Self::default() };
        let engine = app.manifest.node.at("/engines/node").and_then(|node| node.as_str()).map(str::to_owned);
        let reading: Option<Reading> = app.script().ok().map(|script| app.read_scripts(&script));
        let missing = reading.as_ref().map(|reading| app.missing_packages(reading)).unwrap_or_default();
        Self {
            node: reading.and_then(|reading| reading.needs_node()),
            engine,
            packages: missing.iter().map(MissingPackage::spec).collect(),
        }
    }
}

/// What is looked at.
pub(super) struct Looked<'a> {
    pub(super) context: &'a Context,
    pub(super) schemas: &'a Schemas,
    pub(super) options: &'a DoctorOptions,
    pub(super) root: &'a Path,
    pub(super) app: &'a Result<App, Findings>,
    pub(super) needs: Needs,
}

pub(super) fn checks(looked: &Looked<'_>) -> Vec<Check> {
    let mut checks = vec![manifest(looked)];
    if let Ok(app) = looked.app {
        checks.push(script(app));
        checks.extend(packages(&looked.needs));
        checks.push(iparams(app));
    }
    checks.push(findings(looked));
    checks.extend(files(looked));
    checks.extend([kept(looked.root), history(looked.root)]);
    checks
}

fn check(name: &'static str, state: State, found: impl AsRef<str>) -> Check {
    Check::new(About::App, name, state, found)
}

fn manifest(looked: &Looked<'_>) -> Check {
    match looked.app {
        Ok(app) => {
            let version = app.manifest.platform_version.as_deref();
            let platform = app.manifest.platform.told(version);
            let events: Vec<&str> = app.manifest.subscriptions.iter().map(|one| one.event.as_str()).collect();
            check("manifest", State::Good, format!("{platform}, {}", events.join(", ")))
        }
        Err(findings) => {
            let what = findings.iter().find(|finding| finding.is_error()).or(findings.first());
            let what = what.map_or("it cannot be read", |finding| finding.message.as_str());
            check("manifest", State::Lacking, what).advise("`simctl validate` says where, and what to do")
        }
    }
}

fn script(app: &App) -> Check {
    match app.script() {
        Ok(script) => check("handler", State::Good, script.name),
        Err(findings) => {
            let what = findings.first().map_or("there is no server.js", |finding| finding.message.as_str());
            check("handler", State::Lacking, what)
                .advise("the callbacks that the manifest names stand in server/server.js")
        }
    }
}

fn packages(needs: &Needs) -> Option<Check> {
    (!needs.packages.is_empty()).then(|| {
        check("npm packages", State::Lacking, format!("required and not installed: {}", needs.packages.join(", ")))
            .advise("`simctl trigger EVENT --install` installs them in server/")
    })
}

fn iparams(app: &App) -> Check {
    match app.iparams(None, &[]) {
        Err(_) => check("parameters", State::Lacking, "the files of installation parameters cannot be read")
            .advise("`simctl validate` says where, and what to do"),
        Ok(iparams) if !iparams.missing.is_empty() => {
            let state = if iparams.missing.iter().any(Finding::is_error) { State::Lacking } else { State::Good };
            let number = count(iparams.missing.len(), "required installation parameter");
            check("parameters", state, format!("{number} without a value"))
                .advise("give values in config/iparam_test_data.json; `simctl explain missing-iparam` says more")
        }
        Ok(iparams) => match iparams.values {
            None => check("parameters", State::NotNeeded, "the app has no installation parameters"),
            Some(values) => check("parameters", State::Good, count(values.len(), "installation parameter")),
        },
    }
}

fn findings(looked: &Looked<'_>) -> Check {
    let Looked { context, schemas, options, root, .. } = looked;
    let path = options.app.manifest.clone().unwrap_or_else(|| root.to_path_buf());
    match validate::counts(context, schemas, path) {
        Ok((0, 0)) => check("findings", State::Good, "none"),
        Ok((errors, warnings)) => {
            let state = if errors > 0 { State::Lacking } else { State::Good };
            let found = [(errors, "error"), (warnings, "warning")].into_iter().filter(|(number, _)| *number > 0);
            let found: Vec<String> = found.map(|(number, what)| count(number, what)).collect();
            let place = shown(&context.cwd, root);
            let command = if place == "." { "simctl validate".to_owned() } else { format!("simctl validate {place}") };
            check("findings", state, found.join(", ")).advise(format!("`{command}` shows them"))
        }
        Err(_) => check("findings", State::Lacking, "the app cannot be checked").advise("`simctl validate` says why"),
    }
}

/// What an app may have and can be fired at without.
fn files(looked: &Looked<'_>) -> Vec<Check> {
    let locate = looked.options.app.locate(looked.context);
    let files = Checkup::open(looked.schemas, &locate).map(|checkup| checkup.files()).unwrap_or_default();
    let number = |wanted: fn(&Part) -> bool| files.iter().filter(|file| wanted(&file.part)).count();
    let scenarios = scenarios_of(looked.root, Path::new(".")).len();
    let has = |name, number, what: &str, without: &str| match number {
        0 => check(name, State::NotNeeded, without),
        _ => check(name, State::Good, count(number, what)),
    };
    vec![
        has(
            "samples",
            number(|part| matches!(part, Part::Sample(_))),
            "file",
            "none in server/test_data: payloads are made",
        ),
        has("mocks", number(|part| *part == Part::Mock), "file", "none in mocks/: nothing answers a `$request`"),
        has(
            "scenarios",
            scenarios,
            "file",
            "none in tests/: `simctl history export ID --as step` writes a step of one",
        ),
    ]
}

/// Whether simctl's folder is there, can be written, and how large it is.
fn kept(root: &Path) -> Check {
    let folder = root.join(FOLDER);
    let lacking = |what: String| {
        check(FOLDER, State::Lacking, what)
            .advise("simctl keeps `$db`, schedules and the history there; `--db memory --no-history` does without")
    };
    let is_there = folder.symlink_metadata().is_ok();
    let writable = |path: &Path| rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK);
    if !is_there {
        return match writable(root) {
            Ok(()) => check(FOLDER, State::NotNeeded, "not there yet: the first run makes it"),
            Err(error) => lacking(format!("cannot be made in the app's folder: {}", std::io::Error::from(error))),
        };
    }
    if let Err(error) = stays_inside(root, &folder) {
        return lacking(error.to_string());
    }
    if !folder.is_dir() {
        return lacking("something else than a folder stands there".to_owned());
    }
    match writable(&folder) {
        Ok(()) => check(FOLDER, State::Good, size(bytes_below(&folder))),
        Err(error) => lacking(format!("cannot be written: {}", std::io::Error::from(error))),
    }
}

fn history(root: &Path) -> Check {
    if !root.join(FOLDER).is_dir() {
        return check("history", State::NotNeeded, "no delivery yet");
    }
    let settled = History::settled(root);
    if !settled.keep {
        return check("history", State::NotNeeded, "switched off in simctl.json");
    }
    match settled.history.list(&Filter::default()) {
        Ok(listed) if listed.damaged > 0 => {
            let found = format!("{}, {} cannot be read", deliveries(listed.deliveries.len()), listed.damaged);
            check("history", State::Good, found).advise("a run was killed while it wrote; the others are whole")
        }
        Ok(listed) if listed.deliveries.is_empty() => check("history", State::NotNeeded, "no delivery yet"),
        Ok(listed) => check("history", State::Good, deliveries(listed.deliveries.len())),
        Err(error) => check("history", State::Lacking, format!("cannot be read: {error}"))
            .advise("`simctl history clear` begins it anew, `--no-history` does without"),
    }
}

fn deliveries(number: usize) -> String {
    if number == 1 { "1 delivery".to_owned() } else { format!("{number} deliveries") }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

/// The length of all files below `folder`, no link followed.
fn bytes_below(folder: &Path) -> u64 {
    let mut folders = vec![(folder.to_path_buf(), 0)];
    let (mut bytes, mut files) = (0, 0);
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            files += 1;
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() && depth < DEEPEST => folders.push((entry.path(), depth + 1)),
                Ok(metadata) if metadata.is_file() => bytes += metadata.len(),
                _ => {}
            }
            if files >= MOST_FILES {
                return bytes;
            }
        }
    }
    bytes
}
