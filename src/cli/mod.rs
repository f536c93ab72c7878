//! The command line: flags, environment and terminal are read here, once, and turned into typed options.
//!
//! Nothing is acted on while parsing, so `--help` always works.

mod args;
mod complete;
mod coverage;
mod db;
mod doctor;
mod flags_of;
mod fuzz;
mod history;
mod init;
mod load;
mod man;
mod scenario;
mod serve;
mod types;
mod values;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use self::args::{Args, ColorWhen, ScheduleVerb, Verb};
use self::flags_of::FlagsOf;
use crate::commands::{self, Console, Context, Wanted};
use crate::handler::{GUARDIAN_ARGUMENT, HOST_ARGUMENT, Interrupt, Twin, embedded, guardian_main, want_guardian};
use crate::model::Verdict;
use crate::report::Verbosity;
use crate::text::list;

/// The whole program: parses the command line, runs the verb, gives the exit code.
pub fn run() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    // simctl starts itself again to be the host of the embedded runtime: not a verb, and nobody types it.
    if words.get(1).is_some_and(|word| word == HOST_ARGUMENT) {
        return embedded::host_main();
    }
    // Likewise, to end what simctl leaves when it is killed.
    if words.get(1).is_some_and(|word| word == GUARDIAN_ARGUMENT) {
        return guardian_main();
    }
    want_guardian();
    // A shell asks what a word can be completed with.
    if let Some(shell) = std::env::var_os(complete::VARIABLE) {
        return complete::answer(&shell, words);
    }
    ExitCode::from(verdict(words).exit_code())
}

fn verdict(words: Vec<OsString>) -> Verdict {
    flags_of::only(words.get(1));
    let matches = match Args::command().try_get_matches_from(&words) {
        Ok(matches) => matches,
        Err(error) => {
            let verdict = show_clap(&error);
            hint_at_events(&error);
            hint_at_environment(&error, &words);
            return verdict;
        }
    };
    let args = match Args::from_arg_matches(&matches) {
        Ok(args) => args,
        Err(error) => return show_clap(&error.format(&mut Args::command())),
    };
    let verb = matches.subcommand().map(|(_, matches)| matches);
    if let Some(fault) = verb.and_then(|matches| args.verb.fault(matches)) {
        return show_clap(&verb_of(&matches).error(ErrorKind::ArgumentConflict, fault));
    }
    let Ok(cwd) = std::env::current_dir() else {
        let _ = writeln!(io::stderr(), "error: the current folder cannot be read: it may have been removed");
        return Verdict::Machine;
    };
    let command = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let context = Context { cwd, command, console: console(&args), schemas: args.common.schemas.clone() };
    let overrides = innermost(&matches).map(args::overrides);
    let overrides = match overrides.transpose() {
        Ok(overrides) => overrides.unwrap_or_default(),
        Err(finding) => {
            context.console.complain(&[*finding]);
            return Verdict::CannotDo;
        }
    };
    let rules = matches.subcommand().map(|(_, matches)| args::rules(matches));
    let rules = match rules.transpose() {
        Ok(rules) => rules.unwrap_or_default(),
        Err(finding) => {
            context.console.complain(&[*finding]);
            return Verdict::CannotDo;
        }
    };
    match args.verb {
        Verb::Trigger(FlagsOf(flags)) => {
            let twin = flags.may_run_embedded().then(|| Twin::fork().ok()).flatten();
            match Interrupt::on_ctrl_c() {
                Ok(interrupt) if flags.watch => {
                    commands::trigger_watching(&context, &flags.into_options(overrides), &interrupt)
                }
                Ok(interrupt) => commands::trigger(&context, &flags.into_options(overrides), twin, &interrupt),
                Err(error) => deaf(&context, &error),
            }
        }
        Verb::Generate(FlagsOf(flags)) => commands::generate(&context, &flags.into_options(overrides)),
        Verb::Validate(FlagsOf(flags)) => {
            let progress = io::stderr().is_terminal() && !args.common.quiet;
            let is_watching = flags.watch;
            let options = flags.into_options(rules, progress);
            // Who types the input at the prompt ends all of it by Ctrl-C.
            let is_typed = options.paths.iter().any(|path| path.as_os_str() == "-");
            match if is_typed { Ok(Interrupt::none()) } else { Interrupt::on_ctrl_c() } {
                Ok(interrupt) if is_watching => commands::validate_watching(&context, &options, &interrupt),
                Ok(interrupt) => commands::validate(&context, &options, &interrupt),
                Err(error) => deaf(&context, &error),
            }
        }
        Verb::Schedules(FlagsOf(flags)) => match flags.verb {
            ScheduleVerb::List(flags) => commands::list_schedules(&context, &flags.into_options()),
            ScheduleVerb::Fire(flags) => match Interrupt::on_ctrl_c() {
                Ok(interrupt) => {
                    let (name, options) = flags.into_options(overrides);
                    commands::fire_schedule(&context, &name, options, &interrupt)
                }
                Err(error) => deaf(&context, &error),
            },
        },
        Verb::History(FlagsOf(flags)) => commands::history(&context, &flags.into_options()),
        Verb::Diff(FlagsOf(flags)) => commands::history(&context, &flags.into_options()),
        Verb::Users(FlagsOf(flags)) => commands::users(&context, &flags.into_options()),
        Verb::Replay(FlagsOf(flags)) => match Interrupt::on_ctrl_c() {
            Ok(interrupt) => commands::replay(&context, &flags.into_options(overrides), &interrupt),
            Err(error) => deaf(&context, &error),
        },
        Verb::Test(FlagsOf(flags)) => {
            // A terminal that obeys nothing would show one line after the other.
            let obeys = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
            let progress = io::stderr().is_terminal() && obeys && !args.common.quiet;
            match Interrupt::on_ctrl_c() {
                Ok(interrupt) => commands::test(&context, &flags.into_options(progress), &interrupt),
                Err(error) => deaf(&context, &error),
            }
        }
        Verb::Fuzz(FlagsOf(flags)) => match Interrupt::on_ctrl_c() {
            Ok(interrupt) => {
                let live = io::stderr().is_terminal() && !args.common.quiet;
                commands::fuzz(&context, &flags.into_options(live), &interrupt)
            }
            Err(error) => deaf(&context, &error),
        },
        Verb::Load(FlagsOf(flags)) => match Interrupt::on_ctrl_c() {
            Ok(interrupt) => {
                let live = io::stderr().is_terminal() && !args.common.quiet;
                commands::load(&context, &flags.into_options(overrides, live), &interrupt)
            }
            Err(error) => deaf(&context, &error),
        },
        Verb::Report(FlagsOf(flags)) => commands::merge_reports(&context, &flags.into_options()),
        Verb::Serve(FlagsOf(flags)) => {
            match Interrupt::on_ctrl_c().and_then(|interrupt| Ok((flags.into_options()?, interrupt))) {
                Ok((options, interrupt)) => commands::serve(&context, options, &interrupt),
                Err(error) => deaf(&context, &error),
            }
        }
        Verb::Db(FlagsOf(flags)) => commands::db(&context, &flags.into_options()),
        Verb::Schema(FlagsOf(flags)) => commands::schema(&context, &flags.into_options()),
        Verb::Doctor(FlagsOf(flags)) => commands::doctor(&context, &flags.into_options()),
        Verb::Completions(FlagsOf(flags)) => context.console.write(&flags.script()),
        Verb::Man(FlagsOf(flags)) => flags.run(&context.console, &context.cwd),
        Verb::Init(FlagsOf(flags)) => match Interrupt::on_ctrl_c() {
            Ok(interrupt) => commands::init(&context, &flags.into_options(), &interrupt),
            Err(error) => deaf(&context, &error),
        },
        Verb::Explain(FlagsOf(flags)) => commands::explain(&context, &flags.into_options()),
    }
}

/// The verb that was typed, whose usage stands below a complaint.
fn verb_of(matches: &ArgMatches) -> clap::Command {
    let mut verb = Args::command();
    // So that a verb knows its whole name.
    verb.build();
    let mut rest = matches;
    while let Some((name, inner)) = rest.subcommand() {
        let Some(found) = verb.find_subcommand(name).cloned() else { break };
        (verb, rest) = (found, inner);
    }
    verb
}

/// Where no event was named, says which there are.
fn hint_at_events(error: &clap::Error) {
    let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else { return };
    if error.kind() != ErrorKind::MissingRequiredArgument || !missing.iter().any(|name| name == "<EVENT>") {
        return;
    }
    let typed = commands::Typed { cwd: std::env::current_dir().unwrap_or_default(), ..commands::Typed::default() };
    let events = commands::candidates(Wanted::Subscribed, &typed, "");
    let events = list(events.iter().map(|event| event.value.as_str()));
    let _ = writeln!(io::stderr(), "hint: there are {events}");
}

/// Where the value that is wrong is of a flag that nobody typed, says where it comes from.
fn hint_at_environment(error: &clap::Error, words: &[OsString]) {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let (Some(arg), Some(value)) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue)) else { return };
    let flag = arg.split([' ', '=']).next().unwrap_or(arg);
    let is_typed = words.iter().any(|word| word.to_string_lossy().starts_with(flag));
    let variable = format!("SIMCTL_{}", flag.trim_start_matches('-').replace('-', "_").to_uppercase());
    if !is_typed && std::env::var_os(&variable).is_some_and(|set| set == value) {
        let _ =
            writeln!(io::stderr(), "hint: `{variable}` in the environment says so: change it, or `unset {variable}`");
    }
}

/// The flags of the verb that was typed, which may be a verb of a verb.
fn innermost(matches: &ArgMatches) -> Option<&ArgMatches> {
    let (_, inner) = matches.subcommand()?;
    Some(innermost(inner).unwrap_or(inner))
}

/// Ctrl-C could not be heard.
fn deaf(context: &Context, error: &io::Error) -> Verdict {
    context.console.error(&format!("signals cannot be watched for: {error}"), None);
    Verdict::Machine
}

/// Shows clap's help, version or complaint.
fn show_clap(error: &clap::Error) -> Verdict {
    let shown = error.print();
    if error.use_stderr() {
        Verdict::CannotDo
    } else if shown.is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe) {
        Verdict::Machine
    } else {
        Verdict::Held
    }
}

/// How output looks. First `--color`, then `NO_COLOR` (<https://no-color.org>), then `CLICOLOR_FORCE`, then whether the
/// stream is a terminal.
fn console(args: &Args) -> Console {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let colored = |is_terminal: bool| match args.common.color {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto if set("NO_COLOR") => false,
        ColorWhen::Auto if set("CLICOLOR_FORCE") => {
            std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0")
        }
        ColorWhen::Auto => is_terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
    };
    // `colored` decides for the whole process; we decide for each stream, so it is told to leave the decision to us.
    colored::control::set_override(true);
    let verbosity = match (args.common.quiet, args.common.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    Console {
        color_out: colored(io::stdout().is_terminal()),
        color_err: colored(io::stderr().is_terminal()),
        verbosity,
    }
}
