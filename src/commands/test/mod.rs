//! `simctl test [PATH…]`: plays the app's scenarios, several at a time, and tells which did not hold.

mod apps;
mod find;
mod progress;
mod repeat;
mod run;
mod runtimes;
mod snapshots;
mod tally;

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use self::apps::{Prepared, Scene, Tested, apps};
pub(in crate::commands) use self::find::{MOST_ENTRIES, scenarios_of};
use self::run::play_all;
use super::coverage::CoverageOptions;
use super::whole_file::WholeFile;
use super::{AppOptions, Context, Target};
use crate::engine::prepare::HandlerOptions;
use crate::engine::scenario::Policy;
use crate::handler::Interrupt;
use crate::model::{Findings, RunEvent, Verdict};
use crate::report::{FanOut, Html, Sections};
use crate::text::{printable, shell_word};

/// A report that is no stream: written when all is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What it is.
    pub kind: ReportKind,
    /// The file it goes to.
    pub file: PathBuf,
}

/// What reports there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportKind {
    /// One page for a browser.
    Html,
}

/// The flags of `test`.
#[derive(Debug, Clone)]
pub struct TestOptions {
    /// Files and folders, of one app or several; the app's own `tests/` where none is named.
    pub paths: Vec<PathBuf>,
    /// `--app`, `--manifest`
    pub app: AppOptions,
    /// `--filter`: only scenarios with this text in their name or file.
    pub filter: Option<String>,
    /// `--jobs`
    pub jobs: Option<NonZeroUsize>,
    /// `--fail-fast`
    pub fail_fast: bool,
    /// `--retries`: how often one that failed is played again.
    pub retries: u64,
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
    /// `--coverage` and what goes with it.
    pub coverage: Option<CoverageOptions>,
    /// `--report`, as often as given.
    pub reports: Vec<Report>,
    /// Whether somebody watches standard error, and wants to know how far it is.
    pub progress: bool,
}

/// Plays the scenarios.
pub fn test(context: &Context, options: &TestOptions, interrupt: &Interrupt) -> Verdict {
    let tested = match apps(context, options, interrupt) {
        Ok(tested) => tested,
        Err(Refusal::Findings(findings)) => return context.refuse(&findings),
        Err(Refusal::Verdict(verdict)) => return verdict,
    };
    if options.list {
        return list(context, &tested);
    }
    // What is added to the report before `finish` stands in it.
    let sections = Sections::default();
    let all = context.console.reporters_of_scenarios(&options.targets, &context.cwd);
    let mut reporters = match all.and_then(|all| with_reports(all, context, &options.reports, &sections)) {
        Ok(reporters) => reporters,
        Err((target, error)) => {
            context.console.error(&format!("{target} cannot be written: {error}"), None);
            return Verdict::Machine;
        }
    };
    announce(context, &tested, &mut reporters);
    let verdict = play_all(context, options, &tested, interrupt, (&mut reporters, &sections));
    context.console.finish(reporters, verdict)
}

/// The reporters and those that write reports.
pub(in crate::commands) fn with_reports(
    mut reporters: FanOut,
    context: &Context,
    reports: &[Report],
    sections: &Sections,
) -> Result<FanOut, (String, io::Error)> {
    for Report { kind: ReportKind::Html, file } in reports {
        let name = file.display().to_string();
        let whole = WholeFile::new(&context.cwd.join(file)).map_err(|error| (name.clone(), error))?;
        let html = Html::new(move |page: &str| whole.write(page), sections.clone());
        reporters.add(name, Box::new(html));
    }
    Ok(reporters)
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

fn list(context: &Context, tested: &Tested) -> Verdict {
    let line = |scene: &Scene| format!("{}  {}\n", scene.scenario.file.display(), scene.scenario.name);
    let text: String = tested.scenes.iter().map(line).collect();
    context.console.complain(&tested.findings);
    context.console.write(&printable(&text)).and(tested.verdict)
}

fn announce(context: &Context, tested: &Tested, reporters: &mut FanOut) {
    let command: Vec<_> = context.command.iter().skip(1).map(|word| shell_word(word).into_owned()).collect();
    let (folder, is_one) = match &tested.apps[..] {
        [prepared] if tested.findings.is_empty() => (prepared.app.shown_root.to_string_lossy().into_owned(), true),
        _ => (String::new(), false),
    };
    reporters.on_event(&RunEvent::TestStarted {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: format!("simctl {}", command.join(" ")),
        scenarios: tested.scenes.len() as u64,
        app: folder,
    });
    for finding in &tested.findings {
        reporters.on_event(&RunEvent::Found { finding: finding.clone() });
    }
    for prepared in &tested.apps {
        for finding in prepared.app.manifest.findings.iter().chain(&prepared.findings) {
            reporters.on_event(&RunEvent::Found { finding: finding.clone() });
        }
        for notice in &prepared.notices {
            let whose = if is_one { String::new() } else { format!("{}: ", prepared.app.shown_root.display()) };
            reporters.on_event(&RunEvent::Notice { message: format!("{whose}{notice}") });
        }
    }
    for measuring in tested.apps.iter().filter_map(Prepared::measuring) {
        measuring.listen(reporters);
    }
}
