//! `simctl validate [PATH…]`: faults in apps, manifests, configuration and payloads, found without running anything.
//!
//! `plan.rs` says which files there are to check, `lines.rs` cuts streams of payloads into batches, `../ordered.rs`
//! spreads the work over the cores and keeps the order, `payload.rs` and this file check one piece of it. `watching.rs` does all of it
//! again when a file is saved.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::ordered::ordered;
use super::{AppOptions, Context, Format, Target};
use crate::app::{
    App, AppFile, Checkup, Part, Rules, check_iparams, check_mock, check_requests, check_script_alone, check_settings,
    check_substitutions, check_values,
};
use crate::engine::scenario;
use crate::handler::Interrupt;
use crate::model::{Code, Finding, Findings, Platform, RunEvent, Severity, Verdict};
use crate::report::{Before, FanOut};
use crate::schema::Schemas;
use crate::text::{Source, json};

mod kind;
mod lines;
mod payload;
mod plan;
mod progress;
mod watching;

use payload::Likely;
use plan::{Job, Piece, Plan};
use progress::Progress;

pub use kind::FileKind;
pub use watching::watch;

/// The flags of `validate`.
#[derive(Debug, Clone, Default)]
pub struct ValidateOptions {
    /// Files and folders; the app around the current folder where there are none.
    pub paths: Vec<PathBuf>,
    /// `--as`: what the files are, whatever they look like.
    pub kind: Option<FileKind>,
    /// `--event`, for payloads that do not name theirs.
    pub event: Option<String>,
    /// `--platform`, for payloads whose envelope does not tell.
    pub platform: Option<Platform>,
    /// `--deny`, `--warn` and `--allow`, in the order in which they were typed.
    pub rules: Rules,
    /// `--format`, as often as given.
    pub targets: Vec<Target>,
    /// Whether somebody watches standard error.
    pub progress: bool,
}

/// What every check is given.
#[derive(Clone, Copy)]
struct Check<'a> {
    context: &'a Context,
    schemas: &'a Schemas,
    options: &'a ValidateOptions,
}

/// An app that files belong to, with the rules of its `simctl.json`.
#[derive(Debug)]
struct Home {
    checkup: Checkup,
    rules: Rules,
    settings: Findings,
}

/// What became of one piece of work.
struct Checked {
    findings: Findings,
    /// The file that it ended, as the user named it.
    ended: Option<PathBuf>,
}

/// Checks every file and shows all that was found. Where `interrupt` is set before its end, no further file is begun.
pub fn validate(context: &Context, options: &ValidateOptions, interrupt: &Interrupt) -> Verdict {
    match context.schemas() {
        Ok(schemas) => check(Check { context, schemas: &schemas, options }, interrupt, None).verdict,
        Err(findings) => refused(context, options, &findings, None).verdict,
    }
}

/// All that is found in one app, without telling anybody.
pub(super) fn findings(context: &Context, app: &AppOptions) -> Findings {
    let folder = match Checkup::open(&Schemas::embedded(), &app.locate(context)) {
        Ok(checkup) => checkup.shown_root,
        Err(findings) => return findings,
    };
    // A folder without a name is the current one.
    let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
    let options = ValidateOptions { paths: vec![folder], ..ValidateOptions::default() };
    let found = context.schemas().and_then(|schemas| {
        let check = Check { context, schemas: &schemas, options: &options };
        let plan = Plan::new(check)?;
        Ok(plan.flat_map(|job| check.job(job).findings).collect())
    });
    found.unwrap_or_else(|findings| findings)
}

/// How one check ended.
struct Told {
    verdict: Verdict,
    /// Whether there was nothing that could be checked.
    is_refused: bool,
    /// Whether somebody still reads what is told.
    is_heard: bool,
}

impl Told {
    const fn refusal(verdict: Verdict) -> Self {
        Self { verdict, is_refused: true, is_heard: true }
    }
}

/// One check of everything. `before` is what the check before found, where there are several.
fn check(check: Check<'_>, interrupt: &Interrupt, before: Option<&Before>) -> Told {
    let Check { context, options, .. } = check;
    let plan = match Plan::new(check) {
        Ok(plan) => plan,
        Err(findings) => return refused(context, options, &findings, before),
    };
    let mut reporters = match begun(context, options, before) {
        Ok(reporters) => reporters,
        Err(verdict) => return Told::refusal(verdict),
    };
    let mut tally = Tally::default();
    let mut progress = Progress::new(options.progress, plan.files());
    let workers = plan.workers();
    let is_cut = AtomicBool::new(false);
    let goes_on = |_: &Job| {
        is_cut.fetch_or(interrupt.is_set(), Ordering::Relaxed);
        !is_cut.load(Ordering::Relaxed)
    };
    ordered(
        plan.take_while(goes_on),
        workers,
        |job| check.job(job),
        |checked: Checked| {
            for finding in checked.findings {
                progress.clear();
                tally.count(&finding);
                reporters.on_event(&RunEvent::Found { finding });
            }
            if let Some(file) = checked.ended {
                tally.files += 1;
                reporters.on_event(&RunEvent::FileChecked { file: file.to_string_lossy().into_owned() });
            }
            progress.show(tally.files);
        },
    );
    progress.clear();
    let mut verdict = tally.verdict();
    if is_cut.into_inner() {
        let message = "interrupted: not all that was asked for was checked".to_owned();
        reporters.on_event(&RunEvent::Notice { message });
        verdict = Verdict::Interrupted;
    }
    let (verdict, is_heard) = ended(context, reporters, &tally, verdict);
    Told { verdict, is_refused: false, is_heard }
}

/// How many errors and warnings there are at `path`, an app's folder or a file.
pub(super) fn counts(context: &Context, schemas: &Schemas, path: PathBuf) -> Result<(usize, usize), Findings> {
    let options = ValidateOptions {
        paths: vec![path],
        kind: None,
        event: None,
        platform: None,
        rules: Rules::default(),
        targets: Vec::new(),
        progress: false,
    };
    let check = Check { context, schemas, options: &options };
    let (mut errors, mut warnings) = (0, 0);
    for finding in Plan::new(check)?.flat_map(|job| check.job(job).findings) {
        match finding.severity {
            Severity::Error => errors += 1,
            Severity::Warning => warnings += 1,
            Severity::Note => {}
        }
    }
    Ok((errors, warnings))
}

/// Tells of what keeps anything from being checked: on standard error, and in each report that was asked for, since who
/// reads only those must not take the last one's word for this one's.
fn refused(context: &Context, options: &ValidateOptions, findings: &Findings, before: Option<&Before>) -> Told {
    let is_shown = before.is_some_and(Before::is_known);
    if !is_shown {
        context.console.complain(findings);
    }
    let is_for_prompt = |target: &Target| target.format == Format::Human && target.file.is_none();
    let targets: Vec<Target> =
        options.targets.iter().filter(|target| is_shown || !is_for_prompt(target)).cloned().collect();
    if targets.is_empty() && !is_shown {
        return Told::refusal(Verdict::CannotDo);
    }
    let mut reporters = match begun(context, &ValidateOptions { targets, ..options.clone() }, before) {
        Ok(reporters) => reporters,
        Err(verdict) => return Told::refusal(verdict),
    };
    let mut tally = Tally::default();
    for finding in findings {
        tally.count(finding);
        reporters.on_event(&RunEvent::Found { finding: finding.clone() });
    }
    let (verdict, is_heard) = ended(context, reporters, &tally, Verdict::CannotDo);
    Told { verdict, is_refused: true, is_heard }
}

/// Reporters that know of the check.
fn begun(context: &Context, options: &ValidateOptions, before: Option<&Before>) -> Result<FanOut, Verdict> {
    let reporters = context.console.reporters_after(&options.targets, &context.cwd, before);
    let mut reporters = reporters.map_err(|(target, error)| {
        context.console.error(&format!("{target} cannot be written: {error}"), None);
        Verdict::Machine
    })?;
    reporters.on_event(&RunEvent::CheckStarted {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: context.command.join(" "),
    });
    Ok(reporters)
}

/// Ends a check: the verdict with what became of the reports, and whether any of them was still read.
fn ended(context: &Context, mut reporters: FanOut, tally: &Tally, verdict: Verdict) -> (Verdict, bool) {
    reporters.on_event(&RunEvent::CheckFinished {
        files: tally.files,
        errors: tally.errors,
        warnings: tally.warnings,
        notes: tally.notes,
        exit_code: verdict.exit_code(),
    });
    let is_heard = !reporters.is_empty();
    (context.console.finish(reporters, verdict), is_heard)
}

#[derive(Default)]
struct Tally {
    files: u64,
    errors: u64,
    warnings: u64,
    notes: u64,
    unread: bool,
}

impl Tally {
    fn count(&mut self, finding: &Finding) {
        self.unread |= matches!(finding.code, Code::FileMissing | Code::FileUnreadable);
        match finding.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
            Severity::Note => self.notes += 1,
        }
    }

    /// A file that could not be read was not checked: that is graver than a fault in one that was.
    const fn verdict(&self) -> Verdict {
        match self {
            Self { unread: true, .. } => Verdict::CannotDo,
            Self { errors: 0, .. } => Verdict::Held,
            _ => Verdict::Problems,
        }
    }
}

impl Check<'_> {
    /// Checks one piece of work: the findings that are to be told, in the order of the text, secrets masked.
    fn job(&self, job: Job) -> Checked {
        let home = job.home;
        let mut findings = match job.piece {
            Piece::Found(findings) => findings,
            Piece::File(file) => match (&file.part, &home) {
                // A manifest was read when the app was looked for.
                (Some(Part::Manifest), Some(home)) => home.checkup.findings.clone(),
                (Some(Part::Script), Some(home)) if !file.is_named => home.checkup.check_scripts(self.schemas),
                (Some(Part::Script), home) => self.script(&file, home.as_deref()),
                _ => match Source::read_as(&file.path, &file.shown) {
                    Ok(source) => self.source(&source, file.part.as_ref(), home.as_deref(), file.is_walked),
                    Err(finding) => vec![finding],
                },
            },
            Piece::Stdin(Ok(source)) => self.source(&source, None, None, false),
            Piece::Stdin(Err(finding)) => vec![finding],
            Piece::Lines(batch) => {
                let sample = batch.sample.clone();
                let mut likely = Likely::default();
                let is_clean = |text: &str| sample.is_none() && self.is_clean(text, &mut likely);
                batch.check(is_clean, |source| self.payload(source, sample.as_ref(), home.as_deref()))
            }
        };
        let key = |finding: &Finding| finding.place.span.map(|span| (span.start.line, span.start.column));
        findings.sort_by(|a, b| a.place.file.cmp(&b.place.file).then_with(|| key(a).cmp(&key(b))));
        Checked { findings: self.told(findings, home.as_deref()), ended: job.ends }
    }

    /// The findings as the settings have them.
    fn told(&self, findings: Findings, home: Option<&Home>) -> Findings {
        // Flags win: they are the later rules.
        let own = home.map_or(&[][..], |home| &home.rules.0);
        let rules = Rules([own, &self.options.rules.0].concat());
        let told = findings.into_iter().filter_map(|finding| rules.apply(finding));
        match home.map(|home| &home.checkup.secrets).filter(|secrets| !secrets.is_empty()) {
            None => told.collect(),
            Some(secrets) => told
                .map(|mut finding| {
                    finding.mask(secrets);
                    finding
                })
                .collect(),
        }
    }

    /// Checks one file's text as what it is.
    fn source(&self, source: &Source, part: Option<&Part>, home: Option<&Home>, is_walked: bool) -> Findings {
        match part {
            Some(Part::Sample(sample)) => self.payload(source, Some(sample), home),
            Some(Part::Iparams) => check_iparams(self.schemas, source),
            Some(Part::IparamValues) => check_values(source, declared(source).as_ref()),
            Some(Part::Requests) => self.requests(source, home),
            Some(Part::Mock) => {
                let templates = home.and_then(|home| home.checkup.app.as_ref()).and_then(App::templates);
                check_mock(self.schemas, source, templates.as_ref())
            }
            Some(Part::Settings) => match home {
                Some(home) => home.settings.clone(),
                None => check_settings(self.schemas, source).1,
            },
            Some(Part::Manifest) => self.manifest(source),
            Some(Part::Scenario) => self.scenario(source, home),
            // A script is checked with its app.
            Some(Part::Script) => Vec::new(),
            None => self.guessed(source, is_walked),
        }
    }

    /// Request templates; those in an app's folder beside the parameters that the app declares.
    fn requests(&self, source: &Source, home: Option<&Home>) -> Findings {
        let mut findings = check_requests(self.schemas, source);
        let path = self.context.cwd.join(source.file());
        let root = home.map(|home| home.checkup.root.as_path()).or_else(|| path.parent()?.parent());
        findings.extend(root.map(|root| check_substitutions(source, root)).unwrap_or_default());
        findings
    }

    /// A scenario, beside the app that it is played at; what is wrong with the app is told of the app.
    fn scenario(&self, source: &Source, home: Option<&Home>) -> Findings {
        let path = self.context.cwd.join(source.file());
        let is_whole = |home: &&Home| !home.checkup.findings.iter().any(Finding::is_error);
        let app = home.filter(is_whole).and_then(|home| home.checkup.app.as_ref());
        let mut findings = scenario::check(self.schemas, app, source, &path);
        findings.retain(|finding| finding.place.file.as_deref() == Some(source.file()));
        findings
    }

    /// A script that was named.
    fn script(&self, file: &FileToCheck, home: Option<&Home>) -> Findings {
        match (home, Source::read_as(&file.path, &file.shown)) {
            (Some(home), _) => home.checkup.check_script(self.schemas, &file.path, &file.shown),
            (None, Ok(source)) => check_script_alone(self.schemas, None, source),
            (None, Err(finding)) => vec![finding],
        }
    }

    fn guessed(&self, source: &Source, is_walked: bool) -> Findings {
        let may_be_payload = matches!(self.options.kind, None | Some(FileKind::Payload)) && !source.has_bom();
        if may_be_payload && self.is_clean(source.text(), &mut Likely::default()) {
            return Vec::new();
        }
        let (node, findings) = json::read(source);
        let kind = self.options.kind.or_else(|| node.as_ref().and_then(FileKind::by_content));
        match (kind, node) {
            (Some(FileKind::Manifest), _) => self.manifest(source),
            (Some(FileKind::Payload), _) => self.payload(source, None, None),
            (Some(FileKind::Iparams), _) => check_iparams(self.schemas, source),
            (Some(FileKind::Requests), _) => check_requests(self.schemas, source),
            (None, None) => findings,
            // What is no JSON is read as something, which need not be what it was meant to be.
            (None, Some(_)) if findings.iter().any(|finding| finding.code == Code::JsonSyntax) => findings,
            (None, Some(node)) => {
                let mut findings = findings;
                findings.push(kind::unknown(source, &node, is_walked));
                findings
            }
        }
    }

    /// A manifest that was named alone. Standard input has no folder beside it in which to look for other files.
    fn manifest(&self, source: &Source) -> Findings {
        let file = source.file();
        let folder = (file != Path::new("-")).then(|| self.context.cwd.join(file));
        let folder = folder.as_deref().and_then(Path::parent);
        App::check_manifest(self.schemas, source, folder)
    }
}

/// What `config/iparams.json` beside `source` declares.
fn declared(source: &Source) -> Option<json::Node> {
    let file = source.file().with_file_name("iparams.json");
    json::read(&Source::probe(&file)?).0
}

/// A file of an app, or one that was named.
#[derive(Debug, Clone)]
struct FileToCheck {
    path: PathBuf,
    shown: PathBuf,
    /// What its name and place say of it.
    part: Option<Part>,
    /// Whether it was found in a folder and not named itself.
    is_walked: bool,
    /// Whether it was named, and is not one of the files of an app that was.
    is_named: bool,
}

impl From<AppFile> for FileToCheck {
    fn from(file: AppFile) -> Self {
        Self { path: file.path, shown: file.shown, part: Some(file.part), is_walked: false, is_named: false }
    }
}

impl Home {
    fn open(check: Check<'_>, options: &AppOptions) -> Result<Arc<Self>, Findings> {
        let checkup = Checkup::open(check.schemas, &options.locate(check.context))?;
        let file = checkup.files().into_iter().find(|file| file.part == Part::Settings);
        let (rules, settings) = match file.map(|file| Source::read_as(&file.path, &file.shown)) {
            Some(Ok(source)) => check_settings(check.schemas, &source),
            _ => (Rules::default(), Vec::new()),
        };
        Ok(Arc::new(Self { checkup, rules, settings }))
    }
}
