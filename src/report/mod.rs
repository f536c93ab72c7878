//! Readers of what happened: each turns run events and findings into one format.
//!
//! A reporter never decides anything and never changes a verdict. One that cannot write is dropped and named at the end;
//! the others go on.

mod changes;
mod coverage;
mod deliveries;
mod difference;
mod explanations;
mod fan_out;
mod findings;
mod github;
mod html;
mod human;
mod json;
mod junit;
mod load;
mod paint;
mod place;
mod sarif;
mod scenarios;
mod since;
mod tap;

use std::io;

pub use changes::{Before, Changes};
pub use deliveries::{ago, comparison_text, deliveries_table, delivery_text};
pub use explanations::explanation;
pub use fan_out::FanOut;
pub use findings::{more_about, render_finding};
pub use github::GitHub;
pub use html::{Html, Sections};
pub use human::Human;
pub use json::Json;
pub use junit::Junit;
pub use load::{describe_failure, load_html, load_summary, load_time};
pub use paint::Paint;
pub use sarif::Sarif;
pub use scenarios::HumanScenarios;
pub use since::{Earlier, Since};
pub use tap::Tap;

use crate::model::RunEvent;

/// What is said of a case that fails and that may not be as small as it can be.
const NOT_SMALLEST: &str = "not made as small as it can be: the run was over before";

/// One reader of a run.
pub trait Reporter {
    /// Takes the next event.
    ///
    /// # Errors
    /// Where the event cannot be written; the reporter is then dropped.
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()>;

    /// Called once at the end, also after Ctrl-C.
    ///
    /// # Errors
    /// Where what is left cannot be written.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// How much the human format says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// What failed, and nothing else.
    Quiet,
    /// What a person at a prompt wants to see.
    Normal,
    /// Payloads, too, and whole values.
    Verbose,
}

/// The beginning of a text that is longer than `most` characters, with its length; else the whole text.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.chars().count()),
    }
}
