//! `server.js` and the files that it requires, read with a parser and never run.
//!
//! `find.rs` finds `server.js`; `parse.rs` parses on a stack that fits; `exports.rs` reads what a file exports;
//! `walk.rs` collects requires and what differs between runtimes; `reading.rs` joins them over all files reached;
//! `rules/` finds faults in them.

use std::ops::Range;

use crate::model::Place;
use crate::text::Source;

mod exports;
mod find;
mod parse;
mod reading;
mod rules;
mod walk;

pub use exports::{Export, Form, LegacyEvent, Via};
pub use find::Script;
pub(super) use find::{Folder, find};
pub use parse::{INSTEAD_OF_MODULES, parsed};
pub use reading::is_builtin;
pub use reading::{Reading, Reason, Refusal, Use};
pub(super) use reading::{legacy_events, read_all};
pub(super) use rules::check_alone;
pub use rules::{check_script, instead_of_global, instead_of_process};

/// Lines longer than this, in bytes, are not kept with a place: bundled scripts have lines of a megabyte, and many
/// places in them.
const LONGEST_LINE: usize = 4096;

/// The place of a range of bytes of a script.
fn place(source: &Source, range: Range<usize>) -> Place {
    let line = |start: &str| start.find('\n').unwrap_or(start.len());
    let text = source.text();
    let start = (0..=range.start.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let before = start - text[..start].rfind('\n').map_or(0, |at| at + 1);
    if before + line(&text[start..]) <= LONGEST_LINE {
        return source.place(range);
    }
    Place { file: Some(source.file().to_path_buf()), span: Some(source.span(range)), ..Place::default() }
}
