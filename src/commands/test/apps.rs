//! The apps that are tested: each made ready once, whichever of its scenarios are played.

use std::path::{Path, PathBuf};

use super::find::{Group, filtered, groups, read};
use super::{Refusal, TestOptions};
use crate::app::{App, Mock, Script};
use crate::commands::trigger::{Choice, choose_runtime, lacks_node, syntax_frame};
use crate::commands::{Context, packages};
use crate::engine::scenario::{Scenario, Stage};
use crate::handler::{Interrupt, Launch};
use crate::model::{Findings, Frame, Runtime, Verdict};
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

impl Tested {
    /// Whether no other scenario that is played stands in the same file as the one with that number.
    pub(super) fn is_alone_in_file(&self, number: usize) -> bool {
        let file = |number: usize| self.scenes.get(number).map(|scene| scene.file);
        let others = [number.checked_sub(1), number.checked_add(1)].into_iter().flatten();
        others.into_iter().all(|other| file(other) != file(number))
    }
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
    syntax_error: Option<Frame>,
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
        }
    }
}

/// Makes the apps ready, and their scenarios. An app with a fault keeps no other from being tested.
///
/// # Errors
/// Why nothing can be played: what is wrong with all of them, or that no scenario is asked for.
pub(super) fn apps(context: &Context, options: &TestOptions, interrupt: &Interrupt) -> Result<Tested, Refusal> {
    let schemas = context.schemas()?;
    let mut tested = Tested { apps: Vec::new(), scenes: Vec::new(), findings: Vec::new(), verdict: Verdict::Held };
    let mut found = 0;
    for group in groups(context, options) {
        match one(context, options, &schemas, &group, &mut found, interrupt) {
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
        (false, ..) => Ok(tested),
        (true, false, Verdict::CannotDo) => Err(Refusal::Findings(tested.findings)),
        (true, true, Verdict::Held) => Err(super::find::nothing(context, options, found)),
        (true, _, verdict) => {
            context.console.complain(&tested.findings);
            Err(Refusal::Verdict(verdict))
        }
    }
}

/// One app and those of its scenarios that are asked for, each with the number of its file; nothing where none is. `found`
/// counts all of them.
fn one(
    context: &Context,
    options: &TestOptions,
    schemas: &Schemas,
    group: &Group,
    found: &mut usize,
    interrupt: &Interrupt,
) -> Result<Option<(Prepared, Vec<(usize, Scenario)>)>, Refusal> {
    let app = App::open(&group.app.locate(context))?;
    let script = app.script()?;
    let all = read(schemas, &app, group)?;
    *found += all.len();
    let scenarios = filtered(options, all);
    if scenarios.is_empty() {
        return Ok(None);
    }
    let reading = app.read_scripts(&script);
    let Choice { runtime, notices, findings, lacks_node: lacking } = choose_runtime(&options.handler, &reading);
    if let Some(why) = lacking.filter(|_| !options.list) {
        return Err(Refusal::Verdict(lacks_node(context, &why)));
    }
    if runtime == Runtime::Node && !options.list {
        packages::complete(context, &app, &reading, options.handler.install, interrupt).map_err(Refusal::Verdict)?;
    }
    let launch = options.handler.launch(&app, &script, runtime);
    let mocks = app.mocks(schemas)?;
    let syntax_error = syntax_frame(&app, &reading);
    Ok(Some((Prepared { app, script, launch, mocks, syntax_error, notices, findings }, scenarios)))
}

/// The folder of the app round a path, as the user would write it; none where it is not below what was written.
pub(super) fn around(context: &Context, shown: &Path) -> Option<PathBuf> {
    let is_app = |folder: &&Path| context.cwd.join(folder).join("manifest.json").is_file();
    let folder = shown.ancestors().find(is_app)?;
    (!folder.as_os_str().is_empty()).then(|| folder.to_path_buf())
}
