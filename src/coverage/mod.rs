//! What of an app's code, and of its events, the scenarios have reached.
//!
//! A file is instrumented by putting counters into its own text, each on the line of what it counts: lines never move, and
//! where columns do, a table says by how much. What is counted are Istanbul's statements, functions and branches, so the
//! numbers are those that a JavaScript developer knows. This room runs nothing; `docs/coverage.md` is its description.

mod collector;
mod comments;
mod events;
mod gaps;
pub mod html;
mod instrument;
mod istanbul;
mod lcov;
mod lines;
mod map;
mod splice;
mod summary;
mod walk;

pub use collector::{Collector, Covered};
pub use events::EventsSeen;
pub use gaps::gaps;
pub use instrument::{Instrumented, Uncountable, instrument};
pub use istanbul::istanbul;
pub use lcov::lcov;
pub use map::{Branch, BranchKind, Counted, FileMap, Function, Loc, Point, Slot};
pub use summary::summary;
