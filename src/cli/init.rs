//! The flags of `simctl init`.

#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments here are help, printed as they stand")]

use std::path::PathBuf;

use clap::{ArgAction, Args as ClapArgs};

use crate::commands::InitOptions;
use crate::model::Platform;

pub(super) const EXAMPLES: &str = "\
Examples:
  simctl init my-app                                   onUserCreate and onUserUpdate, on platform 3.0
  simctl init --platform 2.3 --event onUserUpdate      in this folder
  simctl init reminders --event onUserCreate --event onScheduledEvent";

#[derive(Debug, ClapArgs)]
pub(super) struct InitFlags {
    /// Where: a folder that has none of the files yet; made where it is not there
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// The platform that the manifest is for: 3.0 or 2.3
    #[arg(long, value_name = "VERSION", default_value = "3.0", value_parser = platform)]
    platform: Platform,
    /// An event to subscribe, or several with commas between; may be repeated
    #[arg(long = "event", value_name = "EVENT", action = ArgAction::Append, value_delimiter = ',', default_values = ["onUserCreate", "onUserUpdate"])]
    events: Vec<String>,
}

/// The platforms that an app can be begun for; what is older is read, but nobody begins there.
fn platform(text: &str) -> Result<Platform, String> {
    match text {
        "2.3" | "3.0" => text.parse(),
        _ => Err(format!("an app is begun for platform 3.0 or 2.3, and not for `{text}`")),
    }
}

impl InitFlags {
    pub(super) fn into_options(self) -> InitOptions {
        InitOptions { dir: self.dir, platform: self.platform, events: self.events }
    }
}
