//! The apps that are tested: each made ready once, whichever of its scenarios are played.

use std::path::{Path, PathBuf};

use super::find::{Found, Group, Left, groups, read};
use super::runtimes::all_are_here;
use super::snapshots::Wanted;
use super::{Refusal, TestOptions};
use crate::app::{App, Mock, Script};
use crate::commands::coverage::Measuring;
use crate::commands::trigger::lacks_node;
use crate::commands::{Context, packages};
use crate::engine::prepare::{Choice, choose_runtime, syntax_error};
use crate::engine::scenario::{Scenario, Snapshots, Stage};
use crate::handler::{HandlerError, Interrupt, Launch};
use crate::model::{Findings, Runtime, Thrown, Verdict};
use crate::schema::Schemas;

/// All that is known before the first scenario is played.
pub(super) struct Tested {
    /// The apps that can be tested.
    pub(super) apps: Vec<Prepared>,
    /// What is played, in the order of the files.
    pub(super) scenes: Vec<Scene>,
    /// What keeps other apps from being tested.
    pub(super) findings: Findings,
    /// What the run is at best, as some app could not be tested.
    pub(super) verdict: Verdict,
}

/// A scenario to play, and at which app.
pub(super) struct Scene {
    /// Its place in [`Tested::apps`].
    pub(super) app: usize,
    pub(super) scenario: Scenario,
    /// The number of its file, which orders the scenes of several apps.
    file: usize,
}

/// An app that is ready to have its scenarios played.
pub(super) struct Prepared {
    pub(super) app: App,
    script: Script,
    launch: Launch,
    mocks: Vec<Mock>,
    syntax_error: Option<Thrown>,
    /// What steps did before.
    snapshots: Snapshots,
    /// The snapshots that there are to be.
    wanted: Wanted,
    measuring: Option<Measuring>,
    pub(super) notices: Vec<String>,
    pub(super) findings: Findings,
}

impl Prepared {
    /// Where its scenarios are played.
    pub(super) fn stage(&self, options: &TestOptions) -> Stage<'_> {
        Stage {
            app: &self.app,
            script: &self.script,
            launch: &self.launch,
            mocks: &self.mocks,
            syntax_error: self.syntax_error.clone(),
            strict_limits: options.strict_limits,
            snapshots: &self.snapshots,
            coverage: self.measuring().map(Measuring::collector),
        }
    }

    /// What measures how much of it is reached.
    pub(super) const fn measuring(&self) -> Option<&Measuring> {
        self.measuring.as_ref()
    }

    /// Writes what steps did, where it is to be kept; says what is new and what is of no step any more.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn keep_snapshots(&self, options: &TestOptions) -> Result<Vec<String>, HandlerError> {
        self.wanted.keep(&self.snapshots, options.snapshots)
    }
}

/// Makes the apps ready, and their scenarios. An app with a fault keeps no other from being tested.
///
/// # Errors
/// Why nothing can be played: what is wrong with all of them, or that no scenario is asked for.
pub(super) fn apps(context: &Context, options: &TestOptions, interrupt: &Interrupt) -> Result<Tested, Refusal> {
    let schemas = context.schemas()?;
    let mut tested = Tested { apps: Vec::new(), scenes: Vec::new(), findings: Vec::new(), verdict: Verdict::Held };
    let mut left = Left::default();
    for group in groups(context, options)? {
        match one(context, options, &schemas, &group, &mut left, interrupt) {
            Ok(None) => {}
            Ok(Some((prepared, scenarios))) => {
                let app = tested.apps.len();
                tested.apps.push(prepared);
                tested.scenes.extend(scenarios.into_iter().map(|(file, scenario)| Scene { app, scenario, file }));
            }
            Err(Refusal::Findings(findings)) => {
                tested.verdict = tested.verdict.and(Verdict::CannotDo);
                tested.findings.extend(findings);
            }
            // Nobody wants the next app tried.
            Err(Refusal::Verdict(verdict)) if interrupt.is_set() => return Err(Refusal::Verdict(verdict)),
            Err(Refusal::Verdict(verdict)) => tested.verdict = tested.verdict.and(verdict),
        }
    }
    tested.scenes.sort_by_key(|scene| scene.file);
    match (tested.scenes.is_empty(), tested.findings.is_empty(), tested.verdict) {
        (false, ..) if options.coverage.is_some() && !options.list && tested.apps.len() > 1 => {
            let what = format!("coverage is of one app, and these scenarios belong to {}", tested.apps.len());
            context.console.error(&what, Some("name the scenarios of one app, or the app with `--app DIR`"));
            Err(Refusal::Verdict(Verdict::CannotDo))
        }
        (false, ..) => Ok(tested),
        (true, false, Verdict::CannotDo) => Err(Refusal::Findings(tested.findings)),
        (true, true, Verdict::Held) => Err(left.nothing(context, options)),
        (true, _, verdict) => {
            context.console.complain(&tested.findings);
            Err(Refusal::Verdict(verdict))
        }
    }
}

/// An app, and those of its scenarios that are asked for, each with the number of its file.
type WithScenarios = (Prepared, Vec<(usize, Scenario)>);

/// One app and those of its scenarios that are asked for, each with the number of its file; nothing where none is. `left`
/// counts them.
fn one(
    context: &Context,
    options: &TestOptions,
    schemas: &Schemas,
    group: &Group,
    left: &mut Left,
    interrupt: &Interrupt,
) -> Result<Option<WithScenarios>, Refusal> {
    let app = App::open(&group.app.locate(context))?;
    let script = app.script()?;
    let Found { scenarios, notices: of_files } = read(schemas, &app, group)?;
    let mut wanted = Wanted::new(scenarios.iter().map(|(_, scenario)| scenario));
    let (scenarios, of_left_out) = left.take(options, scenarios);
    if scenarios.is_empty() {
        return Ok(None);
    }
    let snapshots = wanted.read(options.snapshots)?;
    let reading = app.read_scripts(&script);
    let Choice { runtime, mut notices, mut findings, lacks_node: lacking } = choose_runtime(&options.handler, &reading);
    notices.extend(of_files.into_iter().chain(of_left_out));
    for remark in scenarios.iter().flat_map(|(_, scenario)| scenario.remarks()) {
        if !findings.contains(remark) {
            findings.push(remark.clone());
        }
    }
    if !options.list {
        if let Some(why) = lacking {
            return Err(Refusal::Verdict(lacks_node(context, &why)));
        }
        all_are_here(context, options, &scenarios)?;
        let is_for_node = |(_, scenario): &(usize, Scenario)| scenario.runtime.unwrap_or(runtime) == Runtime::Node;
        if scenarios.iter().any(is_for_node) {
            packages::complete(context, &app, &reading, options.handler.install, interrupt)
                .map_err(Refusal::Verdict)?;
        }
    }
    let launch = options.handler.launch(&app, &script, runtime);
    let measuring = options.coverage.as_ref().filter(|_| !options.list);
    let measuring = measuring.map(|coverage| Measuring::new(coverage, &app, (&script, &reading), schemas));
    let mocks = app.mocks(schemas)?;
    let syntax_error = syntax_error(&app, &reading);
    let prepared =
        Prepared { app, script, launch, mocks, syntax_error, snapshots, wanted, measuring, notices, findings };
    Ok(Some((prepared, scenarios)))
}

/// The folder of the app round a path, as the user would write it; none where it is not below what was written.
pub(super) fn around(context: &Context, shown: &Path) -> Option<PathBuf> {
    let is_app = |folder: &&Path| context.cwd.join(folder).join("manifest.json").is_file();
    let folder = shown.ancestors().find(is_app)?;
    (!folder.as_os_str().is_empty()).then(|| folder.to_path_buf())
}
