//! The flags of `simctl doctor`, and what of the environment it tells of.

#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments here are help, printed as they stand")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Arg, Args as ClapArgs, Command, CommandFactory};

use super::args::{AppFlags, Args, ListFormat};
use super::complete;
use crate::commands::{DoctorOptions, Environment};
use crate::handler::HANDLER_VARIABLE;
use crate::text::nearest;

pub(super) const EXAMPLES: &str = "\
Examples:
  simctl doctor                                        this machine, and the app around this folder
  simctl doctor --app ../my-app
  simctl doctor --format json | jq '.checks[] | select(.state == \"lacking\")'

Exit codes: 0 nothing is lacking, 1 something is lacking that is needed,
2 there is no such app.";

#[derive(Debug, ClapArgs)]
pub(super) struct DoctorFlags {
    #[command(flatten)]
    app: AppFlags,
    /// The program that is Node.js
    #[arg(long, value_name = "PROGRAM", default_value = "node", env = "SIMCTL_NODE")]
    node: PathBuf,
    /// human or json
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: ListFormat,
}

impl DoctorFlags {
    pub(super) fn into_options(self) -> DoctorOptions {
        DoctorOptions {
            app: self.app.into_options(),
            node: self.node,
            json: self.format == ListFormat::Json,
            environment: environment(),
        }
    }
}

/// Variables that simctl sets for others, or reads without a flag that they stand for.
const NO_FLAGS: [&str; 5] = [HANDLER_VARIABLE, complete::VARIABLE, "SIMCTL_EVENT", "SIMCTL_INDEX", "SIMCTL_PLATFORM"];

fn environment() -> Environment {
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let among = |names: &[&'static str]| names.iter().copied().filter(is_set).map(str::to_owned).collect();
    let mut environment = Environment {
        is_terminal: io::stdout().is_terminal(),
        for_node: among(&["NODE_OPTIONS", "NODE_EXTRA_CA_CERTS", "NODE_PATH"]),
        for_color: among(&["NO_COLOR", "CLICOLOR_FORCE"]),
        ..Environment::default()
    };
    let root = Args::command();
    let mut flags = BTreeMap::new();
    collect(&root, &mut flags);
    let set: BTreeSet<String> = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
    for name in set.into_iter().filter(|name| name.starts_with("SIMCTL_") && !name.starts_with("SIMCTL_TEST_")) {
        match flags.get(name.as_str()) {
            Some(flag) if takes_its_variable(flag) => environment.settings.push(name),
            Some(flag) => environment.refused.push((name, flag.get_long().unwrap_or_default().to_owned())),
            None if NO_FLAGS.contains(&name.as_str()) => {}
            None => {
                let meant = nearest(&name, flags.keys().copied()).map(str::to_owned);
                environment.unread.push((name, meant));
            }
        }
    }
    environment
}

/// The flags of all verbs that a variable can stand for, by its name.
fn collect<'a>(verb: &'a Command, flags: &mut BTreeMap<&'a str, &'a Arg>) {
    for flag in verb.get_arguments() {
        if let Some(name) = flag.get_env().and_then(OsStr::to_str) {
            flags.insert(name, flag);
        }
    }
    verb.get_subcommands().for_each(|verb| collect(verb, flags));
}

/// Whether the flag takes the value that its variable has, whatever else may be typed.
fn takes_its_variable(flag: &Arg) -> bool {
    let alone = flag.clone().conflicts_with(Resettable::Reset).requires(Resettable::Reset);
    Command::new("simctl").no_binary_name(true).arg(alone).try_get_matches_from([""; 0]).is_ok()
}
