//! What stands between an app on disk and its first delivery: which runtime runs it, within which limits, and where the
//! platform keeps its data. Every way to fire an event prepares with this.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::app::script::Use;
use crate::app::{App, Reading, Script};
use crate::handler::{HostGlobal, Launch, Module, NodeOptions, find_node};
use crate::model::{Code, Finding, Findings, Frame, Runtime, Thrown};
use crate::platform::{GLOBALS, Global, Network, Storage};

/// What runs the app's handlers, and within which limits: what the verbs that run an app share.
#[derive(Debug, Clone)]
pub struct HandlerOptions {
    /// `--runtime`
    pub runtime: RuntimeChoice,
    /// `--timeout`
    pub timeout: Duration,
    /// `--memory`, in bytes.
    pub memory_bytes: u64,
    /// The program that runs Node.js: `--node`, or `node`.
    pub node: PathBuf,
    /// `--allow-node-globals`, `--node-permissions`
    pub node_options: NodeOptions,
    /// `--install`: packages that are missing are installed first.
    pub install: bool,
}

impl HandlerOptions {
    /// How a handler process of the app is started in `runtime`.
    pub fn launch(&self, app: &App, script: &Script, runtime: Runtime) -> Launch {
        Launch {
            runtime,
            root: app.root.clone(),
            entry: Module { name: script.name.clone(), source: script.source.text().to_owned(), counting: None },
            timeout: self.timeout,
            memory_bytes: self.memory_bytes,
            node: self.node.clone(),
            host_program: None,
            node_options: self.node_options,
            globals: globals(),
            shares_realm: false,
            hears_logs: true,
        }
    }
}

/// How the platform is simulated: what the verbs that run handlers share.
#[derive(Debug, Clone)]
pub struct PlatformOptions {
    /// `--db`
    pub db: Option<DbChoice>,
    /// `--fresh`
    pub fresh: bool,
    /// `--strict-limits`
    pub strict_limits: bool,
    /// `--network`
    pub network: Network,
}

/// `--db`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DbChoice {
    /// Kept nowhere.
    Memory,
    /// In this file.
    File(PathBuf),
}

impl PlatformOptions {
    /// Where the app's data are; a relative file is below `cwd`.
    pub fn storage(&self, cwd: &Path, app: &App) -> Storage {
        match &self.db {
            Some(DbChoice::Memory) => Storage::Memory,
            Some(DbChoice::File(file)) => Storage::File(cwd.join(file)),
            None => Storage::App(app.root.clone()),
        }
    }
}

/// `--runtime`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeChoice {
    /// Embedded, unless the app needs Node.js and there is one.
    Auto,
    /// QuickJS.
    Embedded,
    /// Node.js.
    Node,
}

/// The platform's globals, for the handler's realm.
fn globals() -> Vec<HostGlobal> {
    let own = |(name, methods): Global| HostGlobal {
        name: name.to_owned(),
        methods: methods.iter().map(|&method| method.to_owned()).collect(),
    };
    GLOBALS.into_iter().map(own).collect()
}

/// Whether the text holds none of the words without which no script needs Node.js. A guess that allows the process to be
/// started before the script has been read; [`choose_runtime`] decides.
pub fn may_run_embedded(text: &str) -> bool {
    const TELLING: [&str; 4] = ["require", "Intl", "toLocale", "localeCompare"];
    !TELLING.iter().any(|word| text.contains(word))
}

/// What runs the app, and what is to be said of that.
#[derive(Debug)]
pub struct Choice {
    /// What is to run it.
    pub runtime: Runtime,
    /// Why, where the user did not choose it, and what of the user's choices has no effect.
    pub notices: Vec<String>,
    /// Why it may not run there as it does in production.
    pub findings: Findings,
    /// Why the app cannot be run at all without Node.js, where there is none.
    pub lacks_node: Option<String>,
}

/// What is to run the app, and what of `options` has no effect there.
pub fn choose_runtime(options: &HandlerOptions, reading: &Reading) -> Choice {
    let mut choice = fitting_runtime(options, reading);
    choice.notices.extend(without_effect(choice.runtime, options));
    choice
}

/// Embedded unless the app cannot run there as it does in production; then Node.js, where there is one.
fn fitting_runtime(options: &HandlerOptions, reading: &Reading) -> Choice {
    let choice = |runtime, notices: Vec<String>| Choice { runtime, notices, findings: Vec::new(), lacks_node: None };
    let lends = options.node_options.lends_globals;
    let lent = "the handler finds `setTimeout`, `Buffer` and other globals of Node.js, which production does not have";
    let lent = lends.then(|| format!("`--allow-node-globals`: {lent}"));
    let has_node = || find_node(&options.node).is_some();
    match (options.runtime, reading.needs_node()) {
        (RuntimeChoice::Node, _) => choice(Runtime::Node, lent.into_iter().collect()),
        (RuntimeChoice::Auto, _) if lends => choice(Runtime::Node, lent.into_iter().collect()),
        (_, None) => choice(Runtime::Embedded, Vec::new()),
        (RuntimeChoice::Auto, Some(why)) if has_node() => {
            choice(Runtime::Node, vec![format!("{why}: using the node runtime")])
        }
        (RuntimeChoice::Auto, why) if !reading.packages.is_empty() => {
            Choice { lacks_node: why, ..choice(Runtime::Node, Vec::new()) }
        }
        (_, Some(_)) if !reading.packages.is_empty() => {
            Choice { findings: needs_node(reading), ..choice(Runtime::Embedded, Vec::new()) }
        }
        (RuntimeChoice::Auto, Some(why)) => {
            let notice = format!(
                "{why}, but there is no Node.js here: using the embedded runtime, which may answer differently"
            );
            choice(Runtime::Embedded, vec![notice])
        }
        (RuntimeChoice::Embedded, Some(why)) => {
            let notice = format!("{why}: the embedded runtime may answer differently than Node.js");
            choice(Runtime::Embedded, vec![notice])
        }
    }
}

/// What was asked for and the runtime that was chosen has no use for.
fn without_effect(runtime: Runtime, options: &HandlerOptions) -> Vec<String> {
    if runtime == Runtime::Node {
        return Vec::new();
    }
    let restricted = "`--node-permissions` has no effect: the app runs on the embedded runtime";
    let installed = "`--install` has no effect: the app requires no npm package";
    let all = [(options.node_options.is_restricted, restricted), (options.install, installed)];
    all.into_iter().filter(|(asked, _)| *asked).map(|(_, what)| what.to_owned()).collect()
}

/// What the app requires that the embedded runtime will not load.
fn needs_node(reading: &Reading) -> Findings {
    let hint = "leave out `--runtime embedded`, or say `--runtime node`";
    let finding = |required: &Use| {
        let what = format!("the embedded runtime does not load `{}`, which only Node.js can", required.specifier);
        Finding::new(Code::NeedsNode, what).at(required.place.clone()).hint(hint)
    };
    reading.packages.iter().map(finding).collect()
}

/// What is wrong in the first of the app's files that does not parse, and where.
pub fn syntax_error(app: &App, reading: &Reading) -> Option<Thrown> {
    let fault = reading.syntax.first()?;
    let span = fault.place.span?;
    let file = fault.place.file.as_deref()?;
    let file = file.strip_prefix(&app.shown_root).unwrap_or(file);
    let frame = Frame {
        function: None,
        file: file.to_string_lossy().into_owned(),
        line: span.start.line,
        column: span.start.column,
    };
    let name = Some("SyntaxError".to_owned());
    Some(Thrown { name, message: fault.message.clone(), stack: vec![frame], hint: None })
}
