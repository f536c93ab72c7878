//! Which scenarios are asked for.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::apps::around;
use super::{Refusal, TestOptions};
use crate::app::App;
use crate::commands::{AppOptions, Context};
use crate::engine::scenario::{self, Scenario};
use crate::model::{Code, Finding, Findings, Verdict};
use crate::schema::Schemas;
use crate::text::Source;

/// Where scenarios are looked for in an app.
const FOLDER: &str = "tests";

/// How the names of scenarios' files end.
const ENDINGS: [&str; 3] = [".scenario.yaml", ".scenario.yml", ".scenario.json"];

/// How deep folders are looked into.
const DEEPEST: usize = 32;

/// Scenarios' files that belong to one app.
pub(super) struct Group {
    pub(super) app: AppOptions,
    /// Each with its number over all apps, as it is opened and as it is shown; none where the app's own are meant.
    files: Option<Vec<(usize, PathBuf, PathBuf)>>,
}

/// Which files are asked for, app by app: the app that is named, else the nearest round each file.
pub(super) fn groups(context: &Context, options: &TestOptions) -> Vec<Group> {
    if options.paths.is_empty() {
        return vec![Group { app: options.app.clone(), files: None }];
    }
    let app_round = |shown: &Path| match options.app.is_given() {
        true => options.app.clone(),
        false => AppOptions { app: around(context, shown), manifest: None },
    };
    let mut groups: Vec<Group> = Vec::new();
    let mut at: HashMap<Option<PathBuf>, usize> = HashMap::new();
    for (number, (path, shown)) in files(context, options).into_iter().enumerate() {
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
    groups
}

/// An app's scenarios, made ready, each with the number of its file.
pub(super) fn read(schemas: &Schemas, app: &App, group: &Group) -> Result<Vec<(usize, Scenario)>, Findings> {
    let own;
    let files = match &group.files {
        Some(files) => files,
        None => {
            let mut files = Vec::new();
            walk(&app.root.join(FOLDER), &app.shown(FOLDER), 0, &mut files);
            own = files.into_iter().enumerate().map(|(number, (path, shown))| (number, path, shown)).collect();
            &own
        }
    };
    let mut findings = outside(app, files);
    let mut scenarios = Vec::new();
    for (number, path, shown) in files {
        let source = Source::read_as(path, shown).map_err(|finding| vec![finding]);
        match source.and_then(|source| scenario::read(schemas, app, source, path)) {
            Ok(scenario) => scenarios.push((*number, scenario)),
            Err(found) => findings.extend(found.into_iter().filter(|one| !findings.contains(one)).collect::<Vec<_>>()),
        }
    }
    if findings.is_empty() { Ok(scenarios) } else { Err(findings) }
}

/// Those that `--filter` leaves.
pub(super) fn filtered(options: &TestOptions, mut scenarios: Vec<(usize, Scenario)>) -> Vec<(usize, Scenario)> {
    if let Some(wanted) = &options.filter {
        scenarios.retain(|(_, scenario)| {
            scenario.name.contains(wanted.as_str()) || scenario.file.to_string_lossy().contains(wanted.as_str())
        });
    }
    scenarios
}

/// Says that there is nothing to play, where `found` scenarios are there.
pub(super) fn nothing(context: &Context, options: &TestOptions, found: usize) -> Refusal {
    let (what, hint) = match &options.filter {
        Some(filter) if found > 0 => (
            format!("none of {found} scenarios has `{filter}` in its name or file"),
            "`simctl test --list` names them all".to_owned(),
        ),
        _ => (
            "there is no scenario to play".to_owned(),
            format!("write one: `{FOLDER}/first{}` in the app's folder", ENDINGS[0]),
        ),
    };
    context.console.error(&what, Some(&hint));
    Refusal::Verdict(Verdict::CannotDo)
}

/// The scenarios' files, each as it is opened and as it is shown.
fn files(context: &Context, options: &TestOptions) -> Vec<(PathBuf, PathBuf)> {
    let mut files = Vec::new();
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
    files
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

fn walk(folder: &Path, shown: &Path, depth: usize, files: &mut Vec<(PathBuf, PathBuf)>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    for name in names.iter().filter(|name| !name.starts_with('.') && *name != "node_modules") {
        let (path, shown) = (folder.join(name), shown.join(name));
        let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
        if path.is_dir() && !is_link && depth < DEEPEST {
            walk(&path, &shown, depth + 1, files);
        } else if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            files.push((path, shown));
        }
    }
}
