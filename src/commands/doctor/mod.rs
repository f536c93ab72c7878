//! `simctl doctor`: what this machine and this app have, what they lack, and what to do about it. Nothing is changed, and no
//! code of the app runs.
//!
//! `machine.rs` looks at the machine, `own_app.rs` at the app; this file tells what they found.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::{AppOptions, Context};
use crate::app::App;
use crate::model::{Code, Finding, Verdict};
use crate::report::{Paint, Verbosity};
use crate::text::{printable_json, printable_line};

mod machine;
mod own_app;

/// How long a program may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// The flags of `doctor`, and what `cli` knows of the environment.
#[derive(Debug, Clone)]
pub struct DoctorOptions {
    /// `--app`, `--manifest`
    pub app: AppOptions,
    /// The program that runs Node.js.
    pub node: PathBuf,
    /// `--format json`
    pub json: bool,
    /// The environment.
    pub environment: Environment,
}

/// What of the environment says how simctl and Node.js work here. Names of variables, never their values.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Whether standard output is a terminal.
    pub is_terminal: bool,
    /// Variables that take the place of flags, and are set.
    pub settings: Vec<String>,
    /// Those whose values their flags refuse, with the names of these.
    pub refused: Vec<(String, String)>,
    /// Those that are named like them and that no flag reads, with the name that was meant.
    pub unread: Vec<(String, Option<String>)>,
    /// Variables that Node.js itself reads, and are set.
    pub for_node: Vec<String>,
    /// Variables that decide on colour, and are set.
    pub for_color: Vec<String>,
}

/// Whom something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum About {
    Machine,
    App,
}

/// How it stands with something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// It is there and does its work.
    Good,
    /// It is needed, and is not there or does not work.
    Lacking,
    /// It is not there or does not work, and nothing here needs it.
    NotNeeded,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Check {
    about: About,
    name: &'static str,
    state: State,
    /// What was found, in one line.
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Check {
    fn new(about: About, name: &'static str, state: State, found: impl AsRef<str>) -> Self {
        Self { about, name, state, found: printable_line(found.as_ref()).into_owned(), advice: None }
    }

    fn advise(mut self, advice: impl AsRef<str>) -> Self {
        self.advice = Some(printable_line(advice.as_ref()).into_owned());
        self
    }

    fn maybe_advise(self, advice: Option<&str>) -> Self {
        match advice {
            Some(advice) => self.advise(advice),
            None => self,
        }
    }
}

/// All that was looked at, as `schemas/doctor.schema.json` describes it.
#[derive(Debug, Serialize)]
struct Report<'a> {
    simctl: &'static str,
    app: Option<&'a str>,
    checks: &'a [Check],
    lacking: usize,
    exit_code: u8,
}

/// Looks at everything and tells of it.
pub fn doctor(context: &Context, options: &DoctorOptions) -> Verdict {
    let schemas = match context.schemas() {
        Ok(schemas) => schemas,
        Err(findings) => return context.refuse(&findings),
    };
    let locate = options.app.locate(context);
    let root = match locate.root() {
        Ok(root) => Some(root),
        Err(findings) if options.app.is_given() || !findings.iter().all(is_no_app) => return context.refuse(&findings),
        Err(_) => None,
    };
    let app = root.as_ref().map(|_| App::open(&locate));
    let needs = own_app::Needs::of(app.as_ref().and_then(|app| app.as_ref().ok()));
    let mut checks = machine::checks(context, options, root.as_deref(), &needs);
    match (&root, &app) {
        (Some(root), Some(app)) => {
            checks.extend(own_app::checks(&own_app::Looked { context, schemas: &schemas, options, root, app, needs }));
        }
        _ => checks.push(no_app()),
    }
    let lacking = checks.iter().filter(|check| check.state == State::Lacking).count();
    let verdict = if lacking == 0 { Verdict::Held } else { Verdict::Problems };
    let name = root.as_deref().map(|root| shown(&context.cwd, root));
    let name = name.as_deref();
    let text = if options.json {
        let simctl = env!("CARGO_PKG_VERSION");
        let report = Report { simctl, app: name, checks: &checks, lacking, exit_code: verdict.exit_code() };
        format!("{}\n", printable_json(&serde_json::to_string(&report).unwrap_or_default()))
    } else {
        as_text(&checks, name, lacking, context)
    };
    context.console.write(&text).and(verdict)
}

fn is_no_app(finding: &Finding) -> bool {
    finding.code == Code::ManifestMissing
}

fn no_app() -> Check {
    let found = "there is none in this folder or above it";
    Check::new(About::App, "app", State::NotNeeded, found)
        .advise("`simctl init my-app` begins one, `--app DIR` names one that is somewhere else")
}

/// The app's folder as it is best known: relative to the current one, where it is below it.
fn shown(cwd: &Path, root: &Path) -> String {
    let cwd = cwd.canonicalize().unwrap_or_else(|_| cwd.to_path_buf());
    let shown = match root.strip_prefix(&cwd) {
        Ok(below) if below == Path::new("") => ".".into(),
        Ok(below) => below.display().to_string(),
        Err(_) => root.display().to_string(),
    };
    printable_line(&shown).into_owned()
}

fn as_text(checks: &[Check], app: Option<&str>, lacking: usize, context: &Context) -> String {
    let paint = Paint::new(context.console.color_out);
    let is_quiet = context.console.verbosity == Verbosity::Quiet;
    let told = |check: &&Check| !is_quiet || check.state == State::Lacking;
    let widest = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (about, title) in [(About::Machine, "this machine"), (About::App, "this app")] {
        let all: Vec<&Check> = checks.iter().filter(|check| check.about == about).filter(told).collect();
        if all.is_empty() {
            continue;
        }
        let place = app.filter(|_| about == About::App).map(|app| format!("  {}", paint.faint(app)));
        text.push_str(&format!("{}{}\n", paint.strong(title), place.unwrap_or_default()));
        for check in all {
            push(&mut text, check, widest, paint);
        }
    }
    if !is_quiet {
        text.push_str(&match lacking {
            0 => "nothing is lacking\n".to_owned(),
            1 => "1 thing is lacking\n".to_owned(),
            _ => format!("{lacking} things are lacking\n"),
        });
    }
    text
}

fn push(text: &mut String, check: &Check, widest: usize, paint: Paint) {
    let word = match check.state {
        State::Good => paint.good("    ok"),
        State::Lacking => paint.bad("  LACK"),
        State::NotNeeded => paint.faint("     -"),
    };
    text.push_str(&format!("{word}  {:widest$}  {}\n", check.name, check.found));
    if let Some(advice) = &check.advice {
        text.push_str(&format!("        {:widest$}  {}\n", "", paint.faint(advice)));
    }
}
