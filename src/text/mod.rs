//! Texts of the user's as simctl reads and shows them: JSON and YAML with the place of each value, lines and columns, the nearest
//! known name for a misspelled one, what differs between two of them, and what may be printed on a terminal.
//!
//! The only file that this room touches is the one it is asked to read. What the texts mean is for higher rooms to say.

mod diff;
mod doubled;
pub mod json;
mod nearest;
mod printable;
mod source;
pub mod yaml;

pub use diff::{Side, diff, words};
pub use nearest::{list, nearest};
pub use printable::{printable, printable_json, printable_line, shell_text, shell_word};
pub use source::{LARGEST_FILE, Source, Wanted, not_there, read_file};
