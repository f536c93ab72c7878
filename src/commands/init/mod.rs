//! `simctl init [DIR]`: a small app that works, with everything beside it that simctl reads.
//!
//! [`files`] says what the app is made of, [`mod@write`] puts it on disk: all of it, or nothing, and never over a file that is
//! there.

mod files;
mod write;

use std::fs;
use std::path::{Path, PathBuf};

use self::files::AppFile;
use self::write::WriteError;
use super::Context;
use crate::handler::Interrupt;
use crate::model::{Platform, Verdict};
use crate::report::Verbosity;
use crate::schema::Schemas;
use crate::text::{list, nearest, printable_line, shell_word};

/// The flags of `init`.
#[derive(Debug, Clone)]
pub struct InitOptions {
    /// Where the app is to be.
    pub dir: PathBuf,
    /// `--platform`
    pub platform: Platform,
    /// `--event`, as often as given.
    pub events: Vec<String>,
}

/// Writes the app, and says which files it has and what can be done with them.
pub fn init(context: &Context, options: &InitOptions, interrupt: &Interrupt) -> Verdict {
    let schemas = match context.schemas() {
        Ok(schemas) => schemas,
        Err(findings) => return context.refuse(&findings),
    };
    let events = match known_events(context, &schemas, &options.events) {
        Ok(events) => events,
        Err(verdict) => return verdict,
    };
    let files = files::of(&schemas, options.platform, &events);
    match write::all(&context.cwd.join(&options.dir), &files, interrupt) {
        Ok(()) => tell(context, options, &files, &events),
        Err(error) => cannot(context, options, error),
    }
}

/// The events, each once and in the order in which they were named.
fn known_events(context: &Context, schemas: &Schemas, named: &[String]) -> Result<Vec<String>, Verdict> {
    let mut events: Vec<String> = Vec::new();
    let mut all_known = true;
    for name in named {
        if schemas.event(name).is_none() {
            let hint = nearest(name, schemas.events()).map_or_else(
                || format!("known are {}", list(schemas.events())),
                |near| format!("did you mean `{near}`?"),
            );
            context.console.error(&format!("no schema describes an event `{name}`"), Some(&hint));
            all_known = false;
        } else if !events.contains(name) {
            events.push(name.clone());
        }
    }
    if all_known { Ok(events) } else { Err(Verdict::CannotDo) }
}

/// What was written, and three commands to go on with.
fn tell(context: &Context, options: &InitOptions, files: &[AppFile], events: &[String]) -> Verdict {
    let root = context.cwd.join(&options.dir);
    if let Some(top) = repository_above(&root) {
        let what = "GitHub reads workflows at the top of a repository only";
        let target = printable_line(&top.to_string_lossy()).into_owned();
        context.console.note(&format!("{what}: move .github/workflows/simctl.yml to {target}"));
    }
    if context.console.verbosity == Verbosity::Quiet {
        return Verdict::Held;
    }
    let is_here = fs::canonicalize(&root).ok() == fs::canonicalize(&context.cwd).ok();
    let shown = |file: &AppFile| if is_here { PathBuf::from(&file.path) } else { options.dir.join(&file.path) };
    let mut text = String::new();
    for file in files {
        text.push_str(&format!("wrote {}\n", printable_line(&shown(file).to_string_lossy())));
    }
    text.push_str("\nnext:\n");
    if !is_here {
        text.push_str(&format!("  cd {}\n", printable_line(&shell_word(&options.dir.to_string_lossy()))));
    }
    let event = events.first().map_or("", String::as_str);
    text.push_str(&format!("  simctl validate\n  simctl trigger {event}\n  simctl test\n"));
    context.console.write(&text)
}

/// The top of the git repository that `root` lies in, where that is another folder.
fn repository_above(root: &Path) -> Option<PathBuf> {
    let root = root.canonicalize().ok()?;
    let top = root.ancestors().find(|folder| folder.join(".git").exists())?;
    (top != root).then(|| top.to_path_buf())
}

fn cannot(context: &Context, options: &InitOptions, error: WriteError) -> Verdict {
    let shown = |path: &Path| options.dir.join(path).to_string_lossy().trim_start_matches("./").to_owned();
    match error {
        WriteError::InTheWay(paths) => {
            for path in &paths {
                context.console.error(&format!("`{}` is there already", shown(path)), None);
            }
            let hint = "nothing was written; name another folder: `simctl init DIR`";
            context.console.error("an app is made of new files only", Some(hint));
            Verdict::CannotDo
        }
        WriteError::NoFolder(path) => {
            let what = format!("`{}` is no folder of this app: a file, or a link to elsewhere", shown(&path));
            context.console.error(&what, Some("nothing was written; name another folder: `simctl init DIR`"));
            Verdict::CannotDo
        }
        WriteError::Io { path, source } => {
            let hint = "nothing is left of what was begun; name another folder: `simctl init DIR`";
            context.console.error(&format!("`{}` cannot be written: {source}", shown(&path)), Some(hint));
            Verdict::Machine
        }
        WriteError::Interrupted => Verdict::Interrupted,
    }
}
