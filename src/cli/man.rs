//! `simctl man`: the manual pages, made from the flags and their help.

#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments here are help, printed as they stand")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Command, CommandFactory};
use clap_mangen::Man;

use super::args::Args;
use crate::commands::Console;
use crate::model::Verdict;
use crate::text::printable_line;

pub(super) const EXAMPLES: &str = "\
Examples:
  simctl man | man -l -                                the page of simctl itself
  simctl man trigger | man -l -
  simctl man history show > simctl-history-show.1
  simctl man --out ~/.local/share/man/man1             a page for every verb; then: man simctl-trigger";

/// How every page begins: what does not is nobody's to write over.
const MARK: &str = ".\\\" Made by `simctl man`.\n";

#[derive(Debug, ClapArgs)]
pub(super) struct ManFlags {
    /// Whose page, such as trigger, or history show [default: that of simctl itself]
    #[arg(value_name = "VERB")]
    verb: Vec<String>,
    /// Write the pages of simctl and of every verb into this folder; only pages made by simctl are written over
    #[arg(long, value_name = "DIR", conflicts_with = "verb")]
    out: Option<PathBuf>,
}

impl ManFlags {
    /// Prints the page, or writes all of them.
    pub(super) fn run(&self, console: &Console, cwd: &Path) -> Verdict {
        let mut root = Args::command().disable_help_subcommand(true);
        root.build();
        if let Some(folder) = &self.out {
            return write_all(console, cwd, folder, &root);
        }
        let Some(command) = find(&root, &self.verb) else {
            let hint = "`simctl --help` lists the verbs";
            console.error(&format!("there is no verb `{}`", self.verb.join(" ")), Some(hint));
            return Verdict::CannotDo;
        };
        console.write(&page(command))
    }
}

/// Writes every page into `folder`, or none where one of the files is not a page of simctl's.
fn write_all(console: &Console, cwd: &Path, folder: &Path, root: &Command) -> Verdict {
    let mut pages = Vec::new();
    collect(root, "simctl", &mut pages);
    let at = cwd.join(folder);
    let foreign: Vec<_> = pages.iter().filter(|(name, _)| !may_be_written(&at.join(name))).collect();
    if !foreign.is_empty() {
        for (name, _) in foreign {
            let what = format!("`{}` is there already, and was not made by `simctl man`", folder.join(name).display());
            console.error(&what, None);
        }
        console.error(
            "manual pages are written over only where they are simctl's own",
            Some("nothing was written; name another folder"),
        );
        return Verdict::CannotDo;
    }
    if let Err(error) = fs::create_dir_all(&at) {
        console.error(&format!("`{}` cannot be made: {error}", folder.display()), None);
        return Verdict::Machine;
    }
    let mut told = String::new();
    for (name, text) in &pages {
        let shown = folder.join(name);
        if let Err(error) = fs::write(at.join(name), text) {
            let written = console.write(&told);
            console.error(&format!("`{}` cannot be written: {error}", shown.display()), None);
            return written.and(Verdict::Machine);
        }
        told.push_str(&format!("wrote {}\n", printable_line(&shown.to_string_lossy())));
    }
    console.write(&told)
}

/// Whether nothing stands there, or a page of simctl's own; a link is neither.
fn may_be_written(path: &Path) -> bool {
    match path.symlink_metadata() {
        Ok(metadata) => metadata.is_file() && fs::read(path).is_ok_and(|bytes| bytes.starts_with(MARK.as_bytes())),
        Err(error) => matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
    }
}

/// The pages of a command and of all below it, each with the name of its file.
fn collect(command: &Command, name: &str, pages: &mut Vec<(String, String)>) {
    pages.push((format!("{name}.1"), page(command)));
    for inner in command.get_subcommands() {
        collect(inner, &format!("{name}-{}", inner.get_name()), pages);
    }
}

fn page(command: &Command) -> String {
    let mut page = Vec::new();
    // A vector takes everything.
    let _ = Man::new(command.clone()).render(&mut page);
    format!("{MARK}{}", with_examples(&ascii(&String::from_utf8_lossy(&page))))
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
    text
}

/// The page with what stands after the help as examples, line by line as it stands there: their columns are not for roff
/// to fill.
fn with_examples(page: &str) -> String {
    let Some((before, rest)) = page.split_once("\n.SH EXTRA\n") else { return page.to_owned() };
    let (extra, after) = rest.split_once("\n.SH ").map_or((rest, None), |(extra, after)| (extra, Some(after)));
    let extra = extra.strip_prefix("Examples:\n").unwrap_or(extra).trim_end();
    let after = after.map(|after| format!(".SH {after}")).unwrap_or_default();
    format!("{before}\n.SH EXAMPLES\n.nf\n{extra}\n.fi\n{after}")
}

fn find<'a>(root: &'a Command, verb: &[String]) -> Option<&'a Command> {
    verb.iter().try_fold(root, |command, word| command.find_subcommand(word))
}
