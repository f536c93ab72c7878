//! `simctl man`: the manual pages, made from the flags and their help.

#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments here are help, printed as they stand")]

use clap::{Args as ClapArgs, Command, CommandFactory};
use clap_mangen::Man;

use super::args::Args;
use crate::commands::Console;
use crate::model::Verdict;

pub(super) const EXAMPLES: &str = "\
Examples:
  simctl man | man -l -                                the page of simctl itself
  simctl man trigger | man -l -
  simctl man history show > simctl-history-show.1";

#[derive(Debug, ClapArgs)]
pub(super) struct ManFlags {
    /// Whose page, such as trigger, or history show [default: that of simctl itself]
    #[arg(value_name = "VERB")]
    verb: Vec<String>,
}

impl ManFlags {
    /// Prints the page.
    pub(super) fn print(&self, console: &Console) -> Verdict {
        let mut root = Args::command().disable_help_subcommand(true);
        root.build();
        let Some(command) = find(&root, &self.verb) else {
            let hint = "`simctl --help` lists the verbs";
            console.error(&format!("there is no verb `{}`", self.verb.join(" ")), Some(hint));
            return Verdict::CannotDo;
        };
        let mut page = Vec::new();
        // A vector takes everything.
        let _ = Man::new(command.clone()).render(&mut page);
        console.write(&ascii(&String::from_utf8_lossy(&page)))
    }
}

/// The page with every character beyond ASCII by its name: not every roff reads UTF-8.
fn ascii(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    for character in page.chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            text.push_str(&format!("\\[u{:04X}]", u32::from(character)));
        }
    }
    // After the help stand examples.
    text.replace("\n.SH EXTRA\n", "\n.SH EXAMPLES\n")
}

fn find<'a>(root: &'a Command, verb: &[String]) -> Option<&'a Command> {
    verb.iter().try_fold(root, |command, word| command.find_subcommand(word))
}
