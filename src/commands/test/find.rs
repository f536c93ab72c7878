//! Which scenarios are asked for.

use std::path::{Path, PathBuf};

use super::{Refusal, TestOptions};
use crate::app::App;
use crate::commands::Context;
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

/// All scenarios that are asked for, made ready.
pub(super) fn scenarios(
    context: &Context,
    options: &TestOptions,
    app: &App,
    schemas: &Schemas,
) -> Result<Vec<Scenario>, Refusal> {
    let (files, mut findings) = files(context, options, app);
    let mut scenarios = Vec::new();
    for (path, shown) in &files {
        let source = Source::read_as(path, shown).map_err(|finding| vec![finding]);
        match source.and_then(|source| scenario::read(schemas, app, source, path)) {
            Ok(scenario) => scenarios.push(scenario),
            Err(found) => findings.extend(found.into_iter().filter(|one| !findings.contains(one)).collect::<Vec<_>>()),
        }
    }
    if !findings.is_empty() {
        return Err(findings.into());
    }
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
                format!("write one: `{FOLDER}/first{}` in the app's folder", ENDINGS[0]),
            ),
        };
        context.console.error(&what, Some(&hint));
        return Err(Refusal::Verdict(Verdict::CannotDo));
    }
    Ok(scenarios)
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
    let mut seen = std::collections::HashSet::new();
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
