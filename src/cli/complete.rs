//! `simctl completions SHELL`, and the answers that its scripts ask for.
//!
//! A script sets [`VARIABLE`] and hands over the words that are typed; clap's own engine completes verbs and flags, and
//! [`commands::candidates`] what depends on the app at hand. Without the variable nothing of this happens.

#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments here are help, printed as they stand")]

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Arg, Args as ClapArgs, Command, CommandFactory, ValueEnum};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _, complete};
use clap_complete::env::Shells;

use super::args::Args;
use crate::commands::{AppOptions, Candidate, Typed, Wanted, candidates};
use crate::model::Verdict;

/// Set by the scripts, to the name of the shell.
pub(super) const VARIABLE: &str = "SIMCTL_COMPLETE";

/// Set by the scripts, to the place of the word that is to be completed.
const INDEX: &str = "_CLAP_COMPLETE_INDEX";

const NAME: &str = "simctl";

/// Ours for bash: a word with `=` or `:` in it reaches a completion in parts, and is put together again.
const BASH: &str = include_str!("complete.bash");

pub(super) const EXAMPLES: &str = "\
Examples:
  source <(simctl completions bash)                    in ~/.bashrc
  source <(simctl completions zsh)                     in ~/.zshrc, after compinit
  simctl completions fish | source                     in ~/.config/fish/config.fish
  eval (simctl completions elvish | slurp)             in ~/.config/elvish/rc.elv
  simctl completions powershell | Out-String | Invoke-Expression";

#[derive(Debug, ClapArgs)]
pub(super) struct CompletionsFlags {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

impl CompletionsFlags {
    /// The script that makes the shell ask.
    pub(super) fn script(&self) -> String {
        let name = match self.shell {
            Shell::Bash => return BASH.to_owned(),
            Shell::Elvish => "elvish",
            Shell::Fish => "fish",
            Shell::Powershell => "powershell",
            Shell::Zsh => "zsh",
        };
        let mut script = Vec::new();
        if let Some(shell) = Shells::builtins().completer(name) {
            // A vector takes everything.
            let _ = shell.write_registration(VARIABLE, NAME, NAME, NAME, &mut script);
        }
        String::from_utf8_lossy(&script).into_owned()
    }
}

/// Prints the candidates for a script. Whatever is wrong: a shell's prompt is no place to say so.
pub(super) fn answer(shell: &OsStr, words: Vec<OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().skip_while(|word| word != "--").skip(1).collect();
    let mut text = Vec::new();
    let cwd = std::env::current_dir().unwrap_or_default();
    let index = std::env::var_os(INDEX).and_then(|index| index.to_str()?.parse::<usize>().ok());
    let current = words.get(index.unwrap_or(words.len().saturating_sub(1)));
    let is_flag = current.is_some_and(|word| word.as_encoded_bytes().starts_with(b"-"));
    let mut command = attach(Args::command(), "", &Arc::new(typed(&words, cwd.clone())), is_flag);
    let completed = match (shell.to_str(), index) {
        (_, Some(index)) if index > words.len() => Ok(()),
        (Some("bash"), index) => {
            let index = index.unwrap_or(words.len().saturating_sub(1));
            complete(&mut command, words, index, Some(&cwd)).map(|found| {
                for found in found {
                    text.extend_from_slice(found.get_value().as_encoded_bytes());
                    text.push(b'\n');
                }
            })
        }
        (Some(shell), _) if !words.is_empty() => match Shells::builtins().completer(shell) {
            Some(shell) => shell.write_complete(&mut command, words, Some(&cwd), &mut text),
            None => Ok(()),
        },
        _ => Ok(()),
    };
    if completed.is_ok() {
        let _ = io::stdout().write_all(&text);
    }
    ExitCode::from(Verdict::Held.exit_code())
}

/// What of the words says which app and which schemas are meant.
fn typed(words: &[OsString], cwd: PathBuf) -> Typed {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let value = |flag: &str| {
        words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix(flag)? {
            "" => words.get(at + 1).cloned(),
            rest => rest.strip_prefix('=').map(str::to_owned),
        })
    };
    let or_env = |flag: &str, variable: &str| {
        value(flag).map(PathBuf::from).or_else(|| Some(std::env::var_os(variable)?.into()))
    };
    let manifest = value("--manifest").map(PathBuf::from);
    let app = if manifest.is_some() { value("--app").map(PathBuf::from) } else { or_env("--app", "SIMCTL_APP") };
    let schemas = or_env("--schemas", "SIMCTL_SCHEMAS");
    Typed { cwd, words, app: AppOptions { app, manifest }, schemas }
}

/// The command line, with candidates where it takes words of ours. Flags are offered where one is begun: there are many.
fn attach(command: Command, path: &str, typed: &Arc<Typed>, with_flags: bool) -> Command {
    let name = |inner: &Command| format!("{path} {}", inner.get_name());
    let inner: Vec<(String, String)> =
        command.get_subcommands().map(|inner| (inner.get_name().to_owned(), name(inner))).collect();
    let command = if with_flags { command } else { command.disable_help_flag(true).disable_version_flag(true) };
    let command = command.mut_args(|arg| {
        if path == " man" && arg.is_positional() {
            let typed = Arc::clone(typed);
            return arg.add(ArgValueCompleter::new(move |current: &OsStr| verbs(&typed.words, current)));
        }
        let is_hidden = arg.is_hide_set() || !(with_flags || arg.is_positional());
        let arg = arg.hide(is_hidden);
        match wanted(path, &arg) {
            None => arg,
            Some(wanted) => {
                let typed = Arc::clone(typed);
                // `--user` takes a file as well.
                let with_files = arg.get_long() == Some("user");
                arg.add(ArgValueCompleter::new(move |current: &OsStr| {
                    let Some(text) = current.to_str() else { return Vec::new() };
                    let mut found: Vec<_> = candidates(wanted, &typed, text).into_iter().map(as_clap).collect();
                    if with_files && !text.is_empty() {
                        found.extend(PathCompleter::file().current_dir(&typed.cwd).complete(current));
                    }
                    found
                }))
            }
        }
    });
    inner.into_iter().fold(command, |command, (name, path)| {
        command.mut_subcommand(name, |inner| attach(inner, &path, typed, with_flags))
    })
}

/// The verbs that begin with `current`, behind those that are typed after `man`.
fn verbs(words: &[String], current: &OsStr) -> Vec<CompletionCandidate> {
    let root = Args::command();
    let mut command = &root;
    let behind = words.iter().skip_while(|word| *word != "man").skip(1);
    for word in behind {
        if OsStr::new(word) == current {
            break;
        }
        command = command.find_subcommand(word).unwrap_or(command);
    }
    let names = command.get_subcommands().map(Command::get_name);
    let names = names.filter(|name| current.to_str().is_some_and(|current| name.starts_with(current)));
    names.map(CompletionCandidate::new).collect()
}

fn as_clap(Candidate { value, help }: Candidate) -> CompletionCandidate {
    CompletionCandidate::new(value).help((!help.is_empty()).then(|| help.into()))
}

/// What an argument of the verb at `path` is completed with, where clap does not know.
fn wanted(path: &str, arg: &Arg) -> Option<Wanted> {
    if arg.is_positional() {
        return match (path, arg.get_id().as_str()) {
            (" trigger" | " fuzz" | " load", _) => Some(Wanted::Subscribed),
            (" generate" | " schema types", _) => Some(Wanted::Event),
            (" explain", _) => Some(Wanted::Code(false)),
            (" schema show", _) => Some(Wanted::Schema),
            (" replay" | " diff" | " history show", _) | (" history export", "id") => Some(Wanted::Delivery),
            (" users show" | " users delete", _) => Some(Wanted::User),
            _ => None,
        };
    }
    match arg.get_long()? {
        "event" => Some(Wanted::Event),
        "set" => Some(Wanted::Assignment),
        "unset" => Some(Wanted::Path),
        "changes" => Some(Wanted::Changes),
        "module" => Some(Wanted::Module),
        "deny" => Some(Wanted::Code(true)),
        "warn" | "allow" => Some(Wanted::Code(false)),
        "filter" => Some(Wanted::Scenario),
        "secret" => Some(Wanted::Iparam),
        "locale" => Some(Wanted::Locale),
        "user" => Some(Wanted::User),
        "platform" => Some(Wanted::OneOf(&["3.0", "2.3"])),
        "variant" => Some(Wanted::OneOf(&["docs", "kit"])),
        "actor" => Some(Wanted::OneOf(&["user", "agent"])),
        "format" if path == " validate" => Some(Wanted::OneOf(&["human", "json", "github", "sarif", "junit"])),
        "format" if path == " test" => Some(Wanted::OneOf(&["human", "json", "github", "junit", "tap"])),
        "format" if [" trigger", " replay", " schedules fire"].contains(&path) => {
            Some(Wanted::OneOf(&["human", "json", "github", "junit"]))
        }
        _ => None,
    }
}
