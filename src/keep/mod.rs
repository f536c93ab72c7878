//! What simctl keeps in an app's folder between runs: `.simctl/`, private to the user and ignored by git, and logs in it that
//! only grow.
//!
//! This room knows where things are kept and how they survive a kill; what they mean is for higher rooms to say.

mod files;
mod folder;
mod log;

pub use files::{Lines, LogError};
pub use folder::{FOLDER, FolderError, make_private, prepare, stays_inside};
pub use log::{Bounds, Log};
