//! simctl: fires a chat product's user events at an app's handler on this machine, and tells what the handler did.
//!
//! `docs/design.md` draws the rooms. A room uses only rooms on lower floors; `tests/layers.rs` holds that.

pub mod app;
pub mod cli;
pub mod commands;
pub mod coverage;
pub mod engine;
pub mod handler;
pub mod history;
pub mod keep;
pub mod model;
pub mod payload;
pub mod platform;
pub mod report;
pub mod schema;
pub mod serve;
pub mod text;
pub mod watch;
