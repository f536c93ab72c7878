//! npm packages that an app requires and that are not there: told, or installed where `--install` asks for it.

use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Context;
use crate::app::{App, MissingPackage, Reading, missing_findings};
use crate::handler::{Interrupt, find_node as find_program};
use crate::model::Verdict;

/// The program that installs packages.
const NPM: &str = "npm";

/// Sees to it that every package is there; a verdict where one is not.
pub(super) fn complete(
    context: &Context,
    app: &App,
    reading: &Reading,
    install: bool,
    interrupt: &Interrupt,
) -> Result<(), Verdict> {
    let missing = app.missing_packages(reading);
    if missing.is_empty() {
        return Ok(());
    }
    if install {
        run_npm(context, app, &missing, interrupt)?;
    }
    match app.missing_packages(reading) {
        still if still.is_empty() => Ok(()),
        still => Err(context.refuse(&missing_findings(&still))),
    }
}

/// Runs `npm install` in the app's server folder. What npm says goes to standard error: it is nothing that was asked for.
fn run_npm(context: &Context, app: &App, missing: &[MissingPackage], interrupt: &Interrupt) -> Result<(), Verdict> {
    let Some(npm) = find_program(Path::new(NPM)) else {
        let hint = "npm comes with Node.js (https://nodejs.org)";
        context.console.error("`npm` was not found on PATH, and `--install` needs it", Some(hint));
        return Err(Verdict::Machine);
    };
    let specs: Vec<String> = missing.iter().map(MissingPackage::spec).collect();
    context.console.note(&format!("running `npm install {}` in {}", specs.join(" "), app.shown("server").display()));
    let mut command = Command::new(npm);
    command.arg("install").args(&specs).current_dir(app.root.join("server")).stdin(Stdio::null());
    // Two streams into one: standard output is for what was asked for.
    let stderr = std::io::stderr().as_fd().try_clone_to_owned();
    command.stdout(stderr.map_or_else(|_| Stdio::null(), Stdio::from));
    let failed = match command.status() {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => format!("`npm install` ended with {status}"),
        Err(error) => format!("`npm install` could not be started: {error}"),
    };
    if interrupt.is_set() {
        return Err(Verdict::Interrupted);
    }
    context.console.error(&failed, None);
    Err(Verdict::Machine)
}
