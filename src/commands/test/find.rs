//! Which scenarios are asked for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::DirEntry;
use std::path::{Path, PathBuf};

use super::apps::around;
use super::runtimes::is_for;
use super::{Refusal, TestOptions};
use crate::app::App;
use crate::commands::{AppOptions, Context};
use crate::engine::scenario::{self, Scenario, is_scenario, snapshot_file};
use crate::model::{Code, Finding, Findings, Verdict};
use crate::schema::Schemas;
use crate::text::{Source, printable_line};

/// Where scenarios are looked for in an app.
const FOLDER: &str = "tests";

/// What a first scenario may look like: that the handler takes a new user.
const FIRST: &str = "name: a user comes\nsteps:\n  - create: jane";

/// How deep folders are looked into.
const DEEPEST: usize = 32;

/// How many files and folders are looked at below the paths that are named. An app has hundreds; a disk has millions, and nobody means
/// all of it.
pub(in crate::commands) const MOST_ENTRIES: usize = 100_000;

/// Scenarios' files that belong to one app.
pub(super) struct Group {
    pub(super) app: AppOptions,
    /// Each with its number over all apps, as it is opened and as it is shown; none where the app's own are meant.
    files: Option<Vec<(usize, PathBuf, PathBuf)>>,
}

/// Which files are asked for, app by app: the app that is named, else the nearest round each file.
///
/// # Errors
/// There are too many files below the paths that are named.
pub(super) fn groups(context: &Context, options: &TestOptions) -> Result<Vec<Group>, Refusal> {
    if options.paths.is_empty() {
        return Ok(vec![Group { app: options.app.clone(), files: None }]);
    }
    let app_round = |shown: &Path| match options.app.is_given() {
        true => options.app.clone(),
        false => AppOptions { app: around(context, shown), manifest: None },
    };
    let mut groups: Vec<Group> = Vec::new();
    let mut at: HashMap<Option<PathBuf>, usize> = HashMap::new();
    let files = files(context, options).map_err(|folder| too_many(context, &folder))?;
    for (number, (path, shown)) in files.into_iter().enumerate() {
        let app = app_round(&shown);
        let key = app.app.as_ref().map(|folder| context.cwd.join(folder)).map(|app| app.canonicalize().unwrap_or(app));
        let group = *at.entry(key).or_insert_with(|| {
            groups.push(Group { app, files: Some(Vec::new()) });
            groups.len() - 1
        });
        groups[group].files.get_or_insert_default().push((number, path, shown));
    }
    if groups.is_empty() {
        let first = options.paths.first().map(PathBuf::as_path).unwrap_or(Path::new(""));
        groups.push(Group { app: app_round(first), files: Some(Vec::new()) });
    }
    Ok(groups)
}

fn too_many(context: &Context, folder: &Path) -> Refusal {
    let most = MOST_ENTRIES / 1000;
    let what = format!("there are more than {most},000 files and folders to look for scenarios among");
    let hint = format!(
        "name the folder of an app, or of its scenarios, and not `{}`; nothing was played",
        printable_line(&folder.to_string_lossy())
    );
    context.console.error(&what, Some(&hint));
    Refusal::Verdict(Verdict::CannotDo)
}

/// The scenarios of an app, and what the user should know of the files beside them.
pub(super) struct Found {
    /// Made ready, each with the number of its file.
    pub(super) scenarios: Vec<(usize, Scenario)>,
    pub(super) notices: Vec<String>,
}

/// An app's scenarios.
pub(super) fn read(schemas: &Schemas, app: &App, group: &Group) -> Result<Found, Findings> {
    let own;
    let files = match &group.files {
        Some(files) => files,
        None => {
            let files = scenarios_of(&app.root, &app.shown_root);
            own = files.into_iter().enumerate().map(|(number, (path, shown))| (number, path, shown)).collect();
            &own
        }
    };
    let mut findings = outside(app, files);
    let mut scenarios = Vec::new();
    for (number, path, shown) in files {
        let source = Source::read_as(path, shown).map_err(|finding| vec![finding]);
        match source.and_then(|source| scenario::read(schemas, app, source, path)) {
            Ok(all) => scenarios.extend(all.into_iter().map(|scenario| (*number, scenario))),
            Err(found) => findings.extend(found.into_iter().filter(|one| !findings.contains(one)).collect::<Vec<_>>()),
        }
    }
    if findings.is_empty() { Ok(Found { scenarios, notices: snapshots_of_none(files) }) } else { Err(findings) }
}

/// How many scenarios there are in all apps, and how many each flag leaves.
#[derive(Debug, Default)]
pub(super) struct Left {
    found: usize,
    named: usize,
    fitting: usize,
}

impl Left {
    /// Those that `--filter`, `--runtime` and `--faults` leave of an app's, and what is to be said of the others.
    pub(super) fn take(
        &mut self,
        options: &TestOptions,
        mut scenarios: Vec<(usize, Scenario)>,
    ) -> (Vec<(usize, Scenario)>, Option<String>) {
        self.found += scenarios.len();
        if let Some(wanted) = &options.filter {
            scenarios.retain(|(_, scenario)| {
                scenario.name.contains(wanted.as_str()) || scenario.file.to_string_lossy().contains(wanted.as_str())
            });
        }
        self.named += scenarios.len();
        scenarios.retain(|(_, scenario)| is_for(&options.handler, scenario));
        self.fitting += scenarios.len();
        match options.faults {
            Some(seed) => with_faults(&scenarios, seed),
            None => (scenarios, None),
        }
    }

    /// Says that there is nothing to play.
    pub(super) fn nothing(&self, context: &Context, options: &TestOptions) -> Refusal {
        let Self { found, named, fitting } = self;
        let (what, hint) = match &options.filter {
            _ if *found == 0 => (
                "there is no scenario to play".to_owned(),
                format!("write one, as `{FOLDER}/first.scenario.yaml` in the app's folder:\n{FIRST}"),
            ),
            Some(filter) if *named == 0 => (
                format!("none of {found} scenarios has `{filter}` in its name or file"),
                "`simctl test --list` names them all".to_owned(),
            ),
            _ if *fitting == 0 => (
                "every scenario is for another runtime than the one that `--runtime` names".to_owned(),
                "leave out `--runtime`, or name the other one".to_owned(),
            ),
            _ => (
                format!(
                    "none of {fitting} scenarios says what holds `always`, and nothing else is looked at with faults"
                ),
                "add `always:` to a scenario, or `always: true` to what a step expects".to_owned(),
            ),
        };
        context.console.error(&what, Some(&hint));
        Refusal::Verdict(Verdict::CannotDo)
    }
}

/// The scenarios with faults put in, those of them that say what holds then.
fn with_faults(scenarios: &[(usize, Scenario)], seed: u64) -> (Vec<(usize, Scenario)>, Option<String>) {
    let put = |(number, scenario): &(usize, Scenario)| Some((*number, scenario.with_faults(seed)?));
    let faulty: Vec<_> = scenarios.iter().filter_map(put).collect();
    let (all, left_out) = (scenarios.len(), scenarios.len() - faulty.len());
    let (say, are) = if left_out == 1 { ("says", "is") } else { ("say", "are") };
    let notice = format!("{left_out} of {all} scenarios {say} nothing of what holds `always`, and {are} left out");
    (faulty, (left_out > 0).then_some(notice))
}

/// Files of snapshots beside which there is no scenario.
fn snapshots_of_none(files: &[(usize, PathBuf, PathBuf)]) -> Vec<String> {
    let own: HashSet<PathBuf> = files.iter().map(|(_, path, _)| snapshot_file(path)).collect();
    let folders: BTreeMap<&Path, &Path> =
        files.iter().filter_map(|(_, path, shown)| Some((path.parent()?, shown.parent()?))).collect();
    let mut notices = Vec::new();
    for (folder, shown) in folders {
        let names = entries(folder);
        for (name, _) in names.iter().filter(|(name, _)| name.ends_with(".snap.json")) {
            let stem = name.trim_end_matches(".snap.json");
            let has_one = names.iter().any(|(other, _)| {
                is_scenario(other) && other.split_once(".scenario.").is_some_and(|(other, _)| other == stem)
            });
            if !own.contains(&folder.join(name)) && !has_one {
                notices.push(format!("`{}` holds snapshots of no scenario", shown.join(name).display()));
            }
        }
    }
    notices
}

/// The scenarios' files, each as it is opened and as it is shown.
///
/// # Errors
/// The path below which there are too many others.
fn files(context: &Context, options: &TestOptions) -> Result<Vec<(PathBuf, PathBuf)>, PathBuf> {
    let mut search = Search { left: MOST_ENTRIES, files: Vec::new() };
    for shown in &options.paths {
        let path = context.cwd.join(shown);
        if !path.is_dir() {
            search.files.push((path, shown.clone()));
        } else if !search.walk(&path, shown, 0) {
            return Err(shown.clone());
        }
    }
    let mut seen = HashSet::new();
    let mut files = search.files;
    files.retain(|(path, _)| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())));
    Ok(files)
}

/// Files that are not in the app.
fn outside(app: &App, files: &[(usize, PathBuf, PathBuf)]) -> Findings {
    let is_outside = |path: &Path| path.canonicalize().is_ok_and(|path| !path.starts_with(&app.root));
    let outside = files.iter().filter(|(_, path, _)| is_outside(path));
    let finding = |(_, _, shown): &(usize, PathBuf, PathBuf)| {
        let what = format!("the file is not in the app that is tested, `{}`", app.root.display());
        let finding = Finding::new(Code::BadScenario, what).in_file(shown);
        finding.hint("without `--app`, the app is the nearest folder round it with a manifest.json")
    };
    outside.map(finding).collect()
}

/// Looks for scenarios below folders. Hidden ones and those of npm packages are passed by, and links are not followed.
struct Search {
    /// How many files and folders may still be looked at.
    left: usize,
    /// What was found, each as it is opened and as it is shown.
    files: Vec<(PathBuf, PathBuf)>,
}

impl Search {
    /// Looks at all below a folder, by name; false where that is too much.
    fn walk(&mut self, folder: &Path, shown: &Path, depth: usize) -> bool {
        for (name, is_folder) in entries(folder) {
            if name.starts_with('.') || name == "node_modules" {
                continue;
            }
            let Some(left) = self.left.checked_sub(1) else { return false };
            self.left = left;
            if is_folder && depth < DEEPEST {
                if !self.walk(&folder.join(&name), &shown.join(&name), depth + 1) {
                    return false;
                }
            } else if is_scenario(&name) {
                self.files.push((folder.join(&name), shown.join(&name)));
            }
        }
        true
    }
}

/// What is in a folder, by name, and whether each is a folder itself, which a link to one is not.
fn entries(folder: &Path) -> Vec<(String, bool)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let entry = |entry: DirEntry| Some((entry.file_name().into_string().ok()?, entry.file_type().ok()?.is_dir()));
    let mut entries: Vec<_> = entries.flatten().filter_map(entry).collect();
    entries.sort();
    entries
}

/// The scenarios of the app in `root`, each as it is opened and as it is shown.
pub(in crate::commands) fn scenarios_of(root: &Path, shown: &Path) -> Vec<(PathBuf, PathBuf)> {
    let shown = if shown == Path::new(".") { Path::new("") } else { shown };
    // However many there are: it is what the folder is for.
    let mut search = Search { left: usize::MAX, files: Vec::new() };
    search.walk(&root.join(FOLDER), &shown.join(FOLDER), 0);
    search.files
}
