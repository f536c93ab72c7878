//! `simctl test [PATH…]`: plays the app's scenarios, several at a time, and tells which did not hold.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use super::coverage::{CoverageOptions, Measuring};
use super::trigger::{Choice, HandlerOptions, cannot_start, choose_runtime, lacks_node, syntax_frame};
use super::{AppOptions, Context, Target, packages};
use crate::app::{App, Mock, Script};
use crate::engine::scenario::{self, Scenario, Stage, play};
use crate::handler::{HandlerError, Interrupt, Launch};
use crate::model::{Code, Finding, Findings, Frame, RunEvent, Runtime, Verdict};
use crate::report::FanOut;
use crate::schema::Schemas;
use crate::text::{Source, shell_word};

/// Where scenarios are looked for in an app.
const FOLDER: &str = "tests";

/// How the names of scenarios' files end.
const ENDINGS: [&str; 3] = [".scenario.yaml", ".scenario.yml", ".scenario.json"];

/// How deep folders are looked into.
const DEEPEST: usize = 32;

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
    /// `--format`, as often as given.
    pub targets: Vec<Target>,
    /// `--coverage` and what goes with it.
    pub coverage: Option<CoverageOptions>,
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
    measuring: Option<Measuring>,
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
    let scenarios = scenarios(context, options, &app, &schemas)?;
    let reading = app.read_scripts(&script);
    let Choice { runtime, notices, findings, lacks_node: lacking } = choose_runtime(&options.handler, &reading);
    if let Some(why) = lacking.filter(|_| !options.list) {
        return Err(Refusal::Verdict(lacks_node(context, &why)));
    }
    if runtime == Runtime::Node && !options.list {
        packages::complete(context, &app, &reading, options.handler.install, interrupt).map_err(Refusal::Verdict)?;
    }
    let mut launch = options.handler.launch(&app, &script, runtime);
    let measuring = options.coverage.as_ref().filter(|_| !options.list);
    let measuring =
        measuring.map(|coverage| Measuring::start(coverage, &app, (&script, &reading), &schemas, &mut launch));
    let mocks = app.mocks(&schemas)?;
    let syntax_error = syntax_frame(&app, &reading);
    Ok(Prepared { app, script, launch, mocks, syntax_error, notices, findings, scenarios, measuring })
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

/// All scenarios that are asked for, made ready.
fn scenarios(context: &Context, options: &TestOptions, app: &App, schemas: &Schemas) -> Result<Vec<Scenario>, Refusal> {
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

/// What a thread has to tell of one scenario: all that happened, and whether it held.
type Played = (usize, Vec<RunEvent>, Result<bool, HandlerError>);

fn play_all(
    context: &Context,
    options: &TestOptions,
    prepared: &Prepared,
    interrupt: &Interrupt,
    reporters: &mut FanOut,
) -> Verdict {
    let all = &prepared.scenarios;
    let stage = Stage {
        app: &prepared.app,
        script: &prepared.script,
        launch: &prepared.launch,
        mocks: &prepared.mocks,
        syntax_error: prepared.syntax_error.clone(),
        strict_limits: options.strict_limits,
        coverage: prepared.measuring.as_ref().map(Measuring::collector),
    };
    if let Some(measuring) = &prepared.measuring {
        measuring.listen(reporters);
    }
    let usual = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let jobs = options.jobs.map_or_else(usual, NonZeroUsize::get).min(all.len());
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (tell, told) = mpsc::channel::<Played>();
    let mut tally = Tally { waiting: (0..all.len()).map(|_| None).collect(), ..Tally::default() };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (tell, stage, next, stop) = (tell.clone(), &stage, &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) && !interrupt.is_set() {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(scenario) = all.get(index) else { break };
                    let repeat = repeat_command(&context.command, options, scenario);
                    let mut events = Vec::new();
                    let result = play(stage, scenario, &repeat, interrupt, &mut |event| events.push(event));
                    if result.is_err() || (options.fail_fast && matches!(result, Ok(false))) {
                        stop.store(true, Ordering::Relaxed);
                    }
                    if tell.send((index, events, result)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(tell);
        for played in told {
            tally.take(played, reporters);
        }
        tally.flush(true, reporters);
    });
    tally.verdict(context, interrupt, prepared.measuring.as_ref(), reporters)
}

/// What has been played so far, and how it went.
#[derive(Default)]
struct Tally {
    /// What is to be told once those before it have been.
    waiting: Vec<Option<Vec<RunEvent>>>,
    /// The scenario that is to be told next.
    next: usize,
    held: u64,
    failed: u64,
    error: Option<HandlerError>,
}

impl Tally {
    fn take(&mut self, (index, events, result): Played, reporters: &mut FanOut) {
        match result {
            Ok(true) => self.held += 1,
            Ok(false) => self.failed += 1,
            // What had happened of it by then is no result.
            Err(HandlerError::Interrupted) => return,
            Err(error) => {
                self.error.get_or_insert(error);
                return;
            }
        }
        if let Some(place) = self.waiting.get_mut(index) {
            *place = Some(events);
        }
        self.flush(false, reporters);
    }

    /// Tells of what was played, in the order of the files; with `all`, past those that were not.
    fn flush(&mut self, all: bool, reporters: &mut FanOut) {
        while let Some(place) = self.waiting.get_mut(self.next) {
            match place.take() {
                Some(events) => events.iter().for_each(|event| reporters.on_event(event)),
                None if all => {}
                None => break,
            }
            self.next += 1;
        }
    }

    fn verdict(
        self,
        context: &Context,
        interrupt: &Interrupt,
        measuring: Option<&Measuring>,
        reporters: &mut FanOut,
    ) -> Verdict {
        let left = self.waiting.len() as u64 - self.held - self.failed;
        let interrupted = interrupt.is_set() && left > 0;
        let mut verdict = if self.failed > 0 { Verdict::Problems } else { Verdict::Held };
        if let Some(error) = &self.error {
            verdict = verdict.and(cannot_start(context, error));
        }
        if let Some(measuring) = measuring {
            verdict = verdict.and(measuring.finish(context, reporters));
        }
        if interrupted {
            verdict = Verdict::Interrupted;
        }
        reporters.on_event(&RunEvent::TestFinished {
            held: self.held,
            failed: self.failed,
            left,
            interrupted,
            exit_code: verdict.exit_code(),
        });
        verdict
    }
}

/// The command that plays one scenario alone, in the same way.
fn repeat_command(command: &[String], options: &TestOptions, scenario: &Scenario) -> String {
    const WITH_VALUE: [&str; 5] = ["--filter", "--jobs", "--format", "--coverage-report", "--coverage-min"];
    const ALONE: [&str; 3] = ["--fail-fast", "--list", "--coverage"];
    let mut words = vec!["simctl".to_owned()];
    let mut rest = command.iter().skip(1);
    while let Some(word) = rest.next() {
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        if WITH_VALUE.contains(&name) || (word.starts_with("-j") && !word.starts_with("--")) {
            if !word.contains('=') && (word.starts_with("--") || word == "-j") {
                rest.next();
            }
        } else if !ALONE.contains(&name) && !options.paths.iter().any(|path| path.as_os_str() == word.as_str()) {
            words.push(shell_word(word).into_owned());
        }
    }
    words.push(shell_word(&scenario.file.to_string_lossy()).into_owned());
    words.join(" ")
}
