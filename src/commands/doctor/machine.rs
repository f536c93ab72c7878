//! What the machine has: the embedded engine, Node.js, a terminal, and what is set in the environment.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use super::own_app::Needs;
use super::{About, Check, Context, DoctorOptions, Environment, PATIENCE, State};
use crate::handler::{Handler, HandlerError, Interrupt, Launch, Module, NodeOptions, find_node};
use crate::model::Runtime;

/// The port of `simctl serve`, which is that of the vendor's kit too.
const PAGES_PORT: u16 = 10_001;

pub(super) fn checks(context: &Context, options: &DoctorOptions, root: Option<&Path>, needs: &Needs) -> Vec<Check> {
    let folder = root.unwrap_or(&context.cwd);
    let environment = &options.environment;
    let mut checks =
        vec![simctl(folder, &options.node), node(folder, options, needs), terminal(context, environment), port()];
    checks.extend(settings(environment));
    checks.extend(for_node(environment));
    checks
}

fn check(name: &'static str, state: State, found: impl AsRef<str>) -> Check {
    Check::new(About::Machine, name, state, found)
}

/// Starts a handler process and asks for its engine's version; no code of the app's is in it.
fn version(runtime: Runtime, folder: &Path, node: &Path) -> Result<String, HandlerError> {
    let launch = Launch {
        runtime,
        root: folder.to_path_buf(),
        entry: Module { name: "server.js".to_owned(), source: String::new(), counting: None },
        timeout: PATIENCE,
        memory_bytes: 256 << 20,
        node: node.to_path_buf(),
        host_program: None,
        node_options: NodeOptions::default(),
        globals: Vec::new(),
        shares_realm: false,
        hears_logs: true,
    };
    let mut handler = Handler::start(&launch, &Interrupt::none())?;
    handler.make_ready()?;
    let version = handler.version().to_owned();
    handler.stop();
    Ok(version)
}

fn simctl(folder: &Path, node: &Path) -> Check {
    let own = env!("CARGO_PKG_VERSION");
    match version(Runtime::Embedded, folder, node) {
        Ok(engine) => check("simctl", State::Good, format!("{own}, embedded engine {engine}")),
        Err(error) => {
            check("simctl", State::Lacking, format!("{own}, and its embedded engine does not start: {error}"))
                .advise("simctl starts itself once more as the engine's process: look for what forbids that here")
        }
    }
}

fn node(folder: &Path, options: &DoctorOptions, needs: &Needs) -> Check {
    let without = if needs.node.is_some() { State::Lacking } else { State::NotNeeded };
    let why = match &needs.node {
        Some(why) => format!("; {why}"),
        None => ": the embedded engine is enough".to_owned(),
    };
    let Some(program) = find_node(&options.node) else {
        let found = format!("`{}` was not found{why}", options.node.display());
        let lacking = check("Node.js", without, found);
        let advice =
            needs.node.as_ref().map(|_| "install Node.js 18 or newer (https://nodejs.org), or set SIMCTL_NODE");
        return lacking.maybe_advise(advice);
    };
    match version(Runtime::Node, folder, &program) {
        Ok(version) => {
            let found = format!("{version} at {}", program.display());
            let asked = needs.engine.as_deref().filter(|asked| is_older(&version, asked));
            match asked {
                None => check("Node.js", State::Good, found),
                Some(asked) => {
                    check("Node.js", without, format!("{found}, and the manifest's `engines` asks for {asked}"))
                        .advise(format!("install Node.js {asked} or newer, which production has"))
                }
            }
        }
        Err(error) => {
            check("Node.js", without, format!("{error}{why}")).maybe_advise(needs.node.as_ref().and(error.hint()))
        }
    }
}

/// Whether the major version is before that of `asked`.
fn is_older(version: &str, asked: &str) -> bool {
    let major = |text: &str| {
        let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
        digits.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse::<u32>().ok())
    };
    matches!((major(version), major(asked)), (Some(has), Some(asked)) if has < asked)
}

fn terminal(context: &Context, environment: &Environment) -> Check {
    let colour = if context.console.color_out { "in colour" } else { "without colour" };
    let because = match environment.for_color.as_slice() {
        [] => String::new(),
        names => format!(", as {} says", names.join(", ")),
    };
    let found = match (environment.is_terminal, context.console.width()) {
        (true, Some(width)) => format!("{width} columns, {colour}{because}"),
        (true, None) => format!("{colour}{because}"),
        (false, _) => {
            return check("terminal", State::NotNeeded, format!("output goes to a file or pipe, {colour}{because}"));
        }
    };
    check("terminal", State::Good, found)
}

/// Whether `simctl serve` would find its port free.
fn port() -> Check {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, PAGES_PORT)) {
        Ok(_) => check("port 10001", State::Good, "free for `simctl serve`"),
        Err(error) => {
            let is_taken = error.kind() == ErrorKind::AddrInUse;
            let why = if is_taken { "taken: the vendor's kit may be running".to_owned() } else { error.to_string() };
            check("port 10001", State::NotNeeded, why).advise("`simctl serve --port N` takes another")
        }
    }
}

/// What a run here does without a flag having been typed.
fn settings(environment: &Environment) -> Vec<Check> {
    let Environment { settings, refused, unread, .. } = environment;
    let mut checks = Vec::new();
    if !settings.is_empty() {
        let found = format!("set, and counts as if typed: {}", settings.join(", "));
        checks.push(
            check("environment", State::Good, found).advise(
                "`simctl VERB --help` names the flag that each stands for; `unset` it where a run surprises you",
            ),
        );
    }
    for (name, flag) in refused {
        checks.push(
            check("environment", State::Lacking, format!("the value of {name} is none that `--{flag}` takes")).advise(
                format!("`unset {name}`, or give it a value that `--{flag}` takes: `simctl VERB --help` says which"),
            ),
        );
    }
    for (name, meant) in unread {
        let advice = match meant {
            Some(meant) => format!("did you mean {meant}?"),
            None => "`simctl VERB --help` names the variables that stand for flags".to_owned(),
        };
        checks.push(check("environment", State::NotNeeded, format!("no flag reads {name}")).advise(advice));
    }
    checks
}

fn for_node(environment: &Environment) -> Option<Check> {
    let names = &environment.for_node;
    (!names.is_empty()).then(|| {
        check("Node's own", State::Good, format!("set: {}", names.join(", "))).advise(
            "simctl does not pass this on to an app; it changes, and may slow, what else runs Node.js, such as npm",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::is_older;

    #[test]
    fn only_an_older_major_version_is_too_old() {
        assert!(is_older("16.20.2", "18.20.8") && is_older("v9", ">=18"));
        assert!(!is_older("18.0.0", "18.20.8") && !is_older("20.1.0", "^18") && !is_older("20", "*"));
    }
}
