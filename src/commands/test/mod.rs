//! `simctl test [PATH…]`: plays the app's scenarios, several at a time, and tells which did not hold.

mod find;
mod repeat;
mod run;
mod runtimes;
mod snapshots;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

pub(in crate::commands) use self::find::scenarios_of;
use self::find::{Found, scenarios};
use self::run::play_all;
use self::snapshots::Wanted;
use super::trigger::{Choice, HandlerOptions, choose_runtime, lacks_node, syntax_frame};
use super::{AppOptions, Context, Target, packages};
use crate::app::{App, Mock, Script};
use crate::engine::scenario::{Policy, Scenario, Snapshots};
use crate::handler::{Interrupt, Launch};
use crate::model::{Findings, Frame, RunEvent, Runtime, Verdict};
use crate::report::FanOut;
use crate::text::shell_word;

/// The flags of `test`.
#[derive(Debug, Clone)]
pub struct TestOptions {
    /// Files and folders; the app's own `tests/` where none is named.
    pub paths: Vec<PathBuf>,
    /// `--app`, `--manifest`
    pub app: AppOptions,
    /// `--filter`: only scenarios with this text in their name or file.
    pub filter: Option<String>,
    /// `--jobs`
    pub jobs: Option<NonZeroUsize>,
    /// `--fail-fast`
    pub fail_fast: bool,
    /// `--list`: name them, and play none.
    pub list: bool,
    /// What runs the handlers.
    pub handler: HandlerOptions,
    /// `--strict-limits`
    pub strict_limits: bool,
    /// `--faults`: the seed of those that are put into deliveries.
    pub faults: Option<u64>,
    /// `--update`, `--ci`: what becomes of snapshots.
    pub snapshots: Policy,
    /// `--format`, as often as given.
    pub targets: Vec<Target>,
}

/// What is known before the first scenario is played.
struct Prepared {
    app: App,
    script: Script,
    launch: Launch,
    mocks: Vec<Mock>,
    syntax_error: Option<Frame>,
    notices: Vec<String>,
    findings: Findings,
    scenarios: Vec<Scenario>,
    snapshots: Snapshots,
    /// The snapshots that there are to be.
    wanted: Wanted,
}

/// Plays the scenarios.
pub fn test(context: &Context, options: &TestOptions, interrupt: &Interrupt) -> Verdict {
    let prepared = match prepare(context, options, interrupt) {
        Ok(prepared) => prepared,
        Err(Refusal::Findings(findings)) => return context.refuse(&findings),
        Err(Refusal::Verdict(verdict)) => return verdict,
    };
    if options.list {
        let line = |scenario: &Scenario| format!("{}  {}\n", scenario.file.display(), scenario.name);
        let text: String = prepared.scenarios.iter().map(line).collect();
        return context.console.write(&crate::text::printable(&text));
    }
    let mut reporters = match context.console.reporters_of_scenarios(&options.targets, &context.cwd) {
        Ok(reporters) => reporters,
        Err((target, error)) => {
            context.console.error(&format!("{target} cannot be written: {error}"), None);
            return Verdict::Machine;
        }
    };
    announce(context, &prepared, &mut reporters);
    let verdict = play_all(context, options, &prepared, interrupt, &mut reporters);
    context.console.finish(reporters, verdict)
}

/// Why nothing is played.
enum Refusal {
    Findings(Findings),
    /// It has been told already.
    Verdict(Verdict),
}

impl From<Findings> for Refusal {
    fn from(findings: Findings) -> Self {
        Self::Findings(findings)
    }
}

fn prepare(context: &Context, options: &TestOptions, interrupt: &Interrupt) -> Result<Prepared, Refusal> {
    let app = App::open(&app_of(context, options).locate(context))?;
    let script = app.script()?;
    let schemas = context.schemas()?;
    let Found { scenarios, mut wanted, notices: more } = scenarios(context, options, &app, &schemas)?;
    let scenarios = runtimes::fitting(context, &options.handler, scenarios)?;
    let snapshots = wanted.read(options.snapshots)?;
    let reading = app.read_scripts(&script);
    let Choice { runtime, mut notices, findings, lacks_node: lacking } = choose_runtime(&options.handler, &reading);
    notices.extend(more);
    if let Some(why) = lacking.filter(|_| !options.list) {
        return Err(Refusal::Verdict(lacks_node(context, &why)));
    }
    let is_for_node = |scenario: &Scenario| scenario.runtime.unwrap_or(runtime) == Runtime::Node;
    if scenarios.iter().any(is_for_node) && !options.list {
        packages::complete(context, &app, &reading, options.handler.install, interrupt).map_err(Refusal::Verdict)?;
    }
    let launch = options.handler.launch(&app, &script, runtime);
    let mocks = app.mocks(&schemas)?;
    let syntax_error = syntax_frame(&app, &reading);
    Ok(Prepared { app, script, launch, mocks, syntax_error, notices, findings, scenarios, snapshots, wanted })
}

/// The app that is named, else the one round the first path, else the one round the current folder.
fn app_of(context: &Context, options: &TestOptions) -> AppOptions {
    if options.app.is_given() {
        return options.app.clone();
    }
    let around = |path: &PathBuf| {
        let is_app = |folder: &&Path| context.cwd.join(folder).join("manifest.json").is_file();
        path.ancestors().find(is_app).map(Path::to_path_buf)
    };
    let app = options.paths.first().and_then(around).filter(|folder| !folder.as_os_str().is_empty());
    AppOptions { app, manifest: None }
}

fn announce(context: &Context, prepared: &Prepared, reporters: &mut FanOut) {
    let command: Vec<_> = context.command.iter().skip(1).map(|word| shell_word(word).into_owned()).collect();
    reporters.on_event(&RunEvent::TestStarted {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: format!("simctl {}", command.join(" ")),
        scenarios: prepared.scenarios.len() as u64,
        app: prepared.app.shown_root.to_string_lossy().into_owned(),
    });
    for finding in prepared.app.manifest.findings.iter().chain(&prepared.findings) {
        reporters.on_event(&RunEvent::Found { finding: finding.clone() });
    }
    for notice in &prepared.notices {
        reporters.on_event(&RunEvent::Notice { message: notice.clone() });
    }
}
