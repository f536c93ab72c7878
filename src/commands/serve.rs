//! `simctl serve`: the page, at a port of this machine.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::Timestamp;

use super::{AppOptions, Context, HandlerOptions, PlatformOptions, validate};
use crate::app::Checkup;
use crate::handler::Interrupt;
use crate::model::{Findings, Verdict};
use crate::serve::{Address, Server, Settings};

/// The flags of `serve`.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// `--app`, `--manifest`
    pub app: AppOptions,
    /// `--host`, `--port`, `--token`
    pub address: Address,
    /// `--open`
    pub open: bool,
    /// `--iparams FILE`
    pub iparams: Option<PathBuf>,
    /// `--secret`, as often as given.
    pub secrets: Vec<String>,
    /// What runs the handler.
    pub handler: HandlerOptions,
    /// How the platform is simulated.
    pub platform: PlatformOptions,
    /// False with `--no-history`.
    pub keep: bool,
    /// Tells the time.
    pub clock: fn() -> Timestamp,
    /// Draws a seed.
    pub seed: fn() -> u64,
}

/// Flags that are the server's own, and whether a value follows.
const OWN_FLAGS: [(&str, bool); 5] =
    [("--port", true), ("-p", true), ("--host", true), ("--token", true), ("--open", false)];

/// Serves the page until Ctrl-C.
pub fn serve(context: &Context, options: ServeOptions, interrupt: &Interrupt) -> Verdict {
    let schemas = match context.schemas() {
        Ok(schemas) => schemas,
        Err(findings) => return context.refuse(&findings),
    };
    let locate = options.app.locate(context);
    // A manifest with faults is shown on the page; an app must be there.
    let app = match Checkup::open(&schemas, &locate) {
        Ok(checkup) => checkup.root,
        Err(findings) => return context.refuse(&findings),
    };
    let server = match Server::bind(&options.address) {
        Ok(server) => server,
        Err(error) => {
            context.console.error(&error.to_string(), error.hint().as_deref());
            return Verdict::Machine;
        }
    };
    let url = server.url();
    if announce(context, &app, &url) != Verdict::Held {
        return Verdict::Machine;
    }
    if server.is_everywhere() {
        context
            .console
            .note("it listens at each address of this machine: elsewhere, one of them stands in place of 127.0.0.1");
    }
    if options.open {
        open_browser(context, &url);
    }
    let settings = Settings {
        locate,
        schemas,
        iparams: options.iparams.map(|file| context.cwd.join(file)),
        secrets: options.secrets,
        handler: options.handler,
        platform: options.platform,
        keep: options.keep,
        flags: flags(&context.command),
        clock: options.clock,
        seed: options.seed,
        validate: validation(context, &options.app),
    };
    let unwatched = |error: &crate::watch::WatchError| {
        context.console.note(&format!("saved files are not noticed: {error}"));
    };
    match server.run(settings, interrupt, &unwatched) {
        Ok(()) => Verdict::Interrupted,
        Err(error) => {
            context.console.error(&format!("the server cannot go on: {error}"), None);
            Verdict::Machine
        }
    }
}

fn announce(context: &Context, app: &Path, url: &str) -> Verdict {
    let verdict = context.console.write(&format!("{url}\n"));
    let name = app.file_name().map_or_else(|| "the app".into(), |name| name.to_string_lossy());
    context.console.note(&format!("serving `{name}`, Ctrl-C ends it"));
    verdict
}

/// What `validate` finds in the app, each time it is asked.
fn validation(context: &Context, app: &AppOptions) -> Box<dyn Fn() -> Findings + Send + Sync> {
    let context = context.clone();
    let app = app.clone();
    Box::new(move || validate::findings(&context, &app))
}

/// The flags of the command that say how the app is fired, for commands that fire the same.
fn flags(command: &[String]) -> Vec<String> {
    let mut flags = Vec::new();
    let mut words = command.iter().skip(1);
    let mut is_verb_known = false;
    while let Some(word) = words.next() {
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        let own = OWN_FLAGS.iter().find(|(flag, _)| *flag == name);
        match own {
            Some((_, has_value)) => drop((*has_value && !word.contains('=')).then(|| words.next())),
            None if word.starts_with("-p") && !word.starts_with("--") => {}
            None if word == "serve" && !is_verb_known => is_verb_known = true,
            None => flags.push(word.clone()),
        }
    }
    flags
}

/// Asks the desktop to show the page. Without a desktop the address that was printed is all there is.
fn open_browser(context: &Context, url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(program);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let failed = |what: &str| context.console.note(&format!("the browser was not opened: {what}"));
    match command.spawn() {
        // It may run as long as the browser does.
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => failed(&format!("there is no `{program}` here")),
        Err(error) => failed(&error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::flags;

    #[test]
    fn commands_to_copy_have_the_flags_that_fire_the_same() {
        let typed = "simctl --schemas s serve --app serve --port 10002 --open --runtime=node -p3 --host=a --token t";
        let words: Vec<String> = typed.split(' ').map(str::to_owned).collect();
        assert_eq!(flags(&words).join(" "), "--schemas s --app serve --runtime=node");
    }
}
