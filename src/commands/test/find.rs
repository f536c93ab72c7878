//! Which scenarios are asked for.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::snapshots::Wanted;
use super::{Refusal, TestOptions};
use crate::app::App;
use crate::commands::Context;
use crate::engine::scenario::{self, Scenario, is_scenario, snapshot_file};
use crate::model::{Code, Finding, Findings, Verdict};
use crate::schema::Schemas;
use crate::text::Source;

/// Where scenarios are looked for in an app.
const FOLDER: &str = "tests";

/// How deep folders are looked into.
const DEEPEST: usize = 32;

/// The scenarios that are asked for, and what the user should know of those that are not played.
pub(super) struct Found {
    pub(super) scenarios: Vec<Scenario>,
    /// The snapshots of all scenarios of their files.
    pub(super) wanted: Wanted,
    pub(super) notices: Vec<String>,
}

/// All scenarios that are asked for, made ready.
pub(super) fn scenarios(
    context: &Context,
    options: &TestOptions,
    app: &App,
    schemas: &Schemas,
) -> Result<Found, Refusal> {
    let (files, mut findings) = files(context, options, app);
    let mut scenarios = Vec::new();
    for (path, shown) in &files {
        let source = Source::read_as(path, shown).map_err(|finding| vec![finding]);
        match source.and_then(|source| scenario::read(schemas, app, source, path)) {
            Ok(all) => scenarios.extend(all),
            Err(found) => findings.extend(found.into_iter().filter(|one| !findings.contains(one)).collect::<Vec<_>>()),
        }
    }
    if !findings.is_empty() {
        return Err(findings.into());
    }
    let wanted = Wanted::new(&scenarios);
    let found = scenarios.len();
    if let Some(wanted) = &options.filter {
        let has = |scenario: &Scenario| {
            scenario.name.contains(wanted.as_str()) || scenario.file.to_string_lossy().contains(wanted.as_str())
        };
        scenarios.retain(has);
    }
    if scenarios.is_empty() {
        let (what, hint) = match &options.filter {
            Some(filter) if found > 0 => (
                format!("none of {found} scenarios has `{filter}` in its name or file"),
                "`simctl test --list` names them all".to_owned(),
            ),
            _ => (
                "there is no scenario to play".to_owned(),
                format!("write one: `{FOLDER}/first.scenario.yaml` in the app's folder"),
            ),
        };
        context.console.error(&what, Some(&hint));
        return Err(Refusal::Verdict(Verdict::CannotDo));
    }
    let mut notices = snapshots_of_none(&files);
    if let Some(seed) = options.faults {
        let (with_faults, notice) = put_faults(context, &scenarios, seed)?;
        scenarios = with_faults;
        notices.extend(notice);
    }
    Ok(Found { scenarios, wanted, notices })
}

/// The scenarios with faults put in, those of them that say what holds then.
fn put_faults(
    context: &Context,
    scenarios: &[Scenario],
    seed: u64,
) -> Result<(Vec<Scenario>, Option<String>), Refusal> {
    let faulty: Vec<Scenario> = scenarios.iter().filter_map(|scenario| scenario.with_faults(seed)).collect();
    let (all, left_out) = (scenarios.len(), scenarios.len() - faulty.len());
    if faulty.is_empty() {
        let what =
            format!("none of {all} scenarios says what holds `always`, and nothing else is looked at with faults");
        let hint = "add `always:` to a scenario, or `always: true` to what a step expects";
        context.console.error(&what, Some(hint));
        return Err(Refusal::Verdict(Verdict::CannotDo));
    }
    let notice = format!("{left_out} of {all} scenarios say nothing of what holds `always`, and are left out");
    Ok((faulty, (left_out > 0).then_some(notice)))
}

/// Files of snapshots beside which there is no scenario.
fn snapshots_of_none(files: &[(PathBuf, PathBuf)]) -> Vec<String> {
    let own: HashSet<PathBuf> = files.iter().map(|(path, _)| snapshot_file(path)).collect();
    let folders: BTreeMap<&Path, &Path> =
        files.iter().filter_map(|(path, shown)| Some((path.parent()?, shown.parent()?))).collect();
    let mut notices = Vec::new();
    for (folder, shown) in folders {
        for name in names(folder).into_iter().filter(|name| name.ends_with(".snap.json")) {
            let path = folder.join(&name);
            let stem = name.trim_end_matches(".snap.json");
            let has_one = names(folder).iter().any(|other| {
                is_scenario(other) && other.split_once(".scenario.").is_some_and(|(other, _)| other == stem)
            });
            if !own.contains(&path) && !has_one {
                notices.push(format!("`{}` holds snapshots of no scenario", shown.join(&name).display()));
            }
        }
    }
    notices
}

/// The scenarios' files, each as it is opened and as it is shown.
fn files(context: &Context, options: &TestOptions, app: &App) -> (Vec<(PathBuf, PathBuf)>, Findings) {
    let (mut files, mut findings) = (Vec::new(), Vec::new());
    if options.paths.is_empty() {
        walk(&app.root.join(FOLDER), &app.shown(FOLDER), 0, &mut files);
    }
    for shown in &options.paths {
        let path = context.cwd.join(shown);
        if path.is_dir() {
            walk(&path, shown, 0, &mut files);
        } else {
            files.push((path, shown.clone()));
        }
    }
    let mut seen = HashSet::new();
    files.retain(|(path, _)| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())));
    for (path, shown) in &files {
        if path.canonicalize().is_ok_and(|path| !path.starts_with(&app.root)) {
            let what = format!("the file is not in the app that is tested, `{}`", app.root.display());
            let finding = Finding::new(Code::BadScenario, what).in_file(shown);
            findings.push(finding.hint("name the app with `--app DIR`, and test one at a time"));
        }
    }
    (files, findings)
}

fn walk(folder: &Path, shown: &Path, depth: usize, files: &mut Vec<(PathBuf, PathBuf)>) {
    for name in names(folder).iter().filter(|name| !name.starts_with('.') && *name != "node_modules") {
        let (path, shown) = (folder.join(name), shown.join(name));
        let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
        if path.is_dir() && !is_link && depth < DEEPEST {
            walk(&path, &shown, depth + 1, files);
        } else if is_scenario(name) {
            files.push((path, shown));
        }
    }
}

/// What is in a folder, by name.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// The scenarios of the app in `root`, each as it is opened and as it is shown.
pub(in crate::commands) fn scenarios_of(root: &Path, shown: &Path) -> Vec<(PathBuf, PathBuf)> {
    let shown = if shown == Path::new(".") { Path::new("") } else { shown };
    let mut files = Vec::new();
    walk(&root.join(FOLDER), &shown.join(FOLDER), 0, &mut files);
    files
}
