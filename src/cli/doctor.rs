//! The flags of `simctl doctor`, and what of the environment it tells of.

#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments here are help, printed as they stand")]

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::args::{AppFlags, ListFormat};
use crate::commands::{DoctorOptions, Environment};

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

fn environment() -> Environment {
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let among = |names: &[&'static str]| names.iter().copied().filter(is_set).map(str::to_owned).collect();
    let settings = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut settings: Vec<String> =
        settings.filter(|name| name.starts_with("SIMCTL_") && !name.starts_with("SIMCTL_TEST_")).collect();
    settings.sort();
    Environment {
        is_terminal: io::stdout().is_terminal(),
        settings,
        for_node: among(&["NODE_OPTIONS", "NODE_EXTRA_CA_CERTS", "NODE_PATH"]),
        for_color: among(&["NO_COLOR", "CLICOLOR_FORCE"]),
    }
}
