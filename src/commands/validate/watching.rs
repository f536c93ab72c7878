//! `--watch`: everything is checked again whenever a file is saved, until Ctrl-C.
//!
//! Each check is a whole one, as if the command had been given again: which files there are is found out anew, and every
//! report is written anew. Only what is for people says what differs from the check before.

use std::path::{Path, PathBuf};

use super::{Check, Told, ValidateOptions, check, refused};
use crate::commands::Context;
use crate::handler::Interrupt;
use crate::model::Verdict;
use crate::report::Before;
use crate::watch::{Watch, WatchError, Watched};

/// Checks, and checks again after each save. Ends with Ctrl-C; earlier where there was nothing to check in the first
/// place, or where nobody reads what is told.
pub fn watch(context: &Context, options: &ValidateOptions, interrupt: &Interrupt) -> Verdict {
    let mut watch = match Watch::new(watched(context, options)) {
        Ok(watch) => watch,
        Err(error) => return unwatchable(context, &error),
    };
    let before = Before::default();
    let first = once(context, options, &before);
    if first.is_refused {
        return first.verdict;
    }
    context.console.note("watching: what is saved is checked again, Ctrl-C ends it");
    let mut last = first;
    loop {
        if last.verdict == Verdict::Machine || !last.is_heard {
            return last.verdict;
        }
        match watch.changed(interrupt) {
            Ok(Some(_)) => last = once(context, options, &before),
            Ok(None) => return Verdict::Interrupted,
            Err(error) => return unwatchable(context, &error),
        }
    }
}

/// One check; schemas of the user's are read anew, too.
fn once(context: &Context, options: &ValidateOptions, before: &Before) -> Told {
    match context.schemas() {
        // A check that has begun is told to its end: half of one would look as if the rest were mended.
        Ok(schemas) => check(Check { context, schemas: &schemas, options }, &Interrupt::none(), Some(before)),
        Err(findings) => refused(context, options, &findings, Some(before)),
    }
}

fn unwatchable(context: &Context, error: &WatchError) -> Verdict {
    context.console.error(&error.to_string(), error.hint());
    Verdict::Machine
}

/// What the check reads: the app round each file that is named, since a manifest, a script and a sample are judged by one
/// another; a folder that is named; else the file alone.
fn watched(context: &Context, options: &ValidateOptions) -> Watched {
    let mut watched = Watched {
        folders: context.schemas.iter().map(|dir| context.cwd.join(dir)).collect(),
        written: options.targets.iter().filter_map(|target| Some(context.cwd.join(target.file.as_ref()?))).collect(),
        ..Watched::default()
    };
    if options.paths.is_empty() {
        watched.folders.push(app_round(&context.cwd).unwrap_or(&context.cwd).to_path_buf());
    }
    for path in &options.paths {
        let path: PathBuf = context.cwd.join(path);
        match app_round(&path) {
            _ if path.is_dir() => watched.folders.push(path),
            Some(app) => watched.folders.push(app.to_path_buf()),
            None => watched.files.push(path),
        }
    }
    watched
}

/// The nearest folder upwards, the path itself included, that has a manifest.
fn app_round(path: &Path) -> Option<&Path> {
    path.ancestors().find(|folder| folder.join("manifest.json").is_file())
}
