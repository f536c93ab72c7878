//! The program as its users run it: one file per verb, and one per promise that holds for all of them.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail loudly")]

mod browser;
#[path = "../common/mod.rs"]
mod common;
mod completions;
mod db;
mod doctor;
mod endpoints;
mod events;
mod exit_codes;
mod fuzz;
mod generate;
mod handlers;
mod history;
mod init;
mod lives;
mod load;
mod man;
mod output;
mod page;
mod paths;
mod programs;
mod progress;
mod repeat;
mod sandbox;
mod scenarios;
mod schedules;
mod schema;
mod secrets;
mod serve;
mod server;
mod trigger;
mod trigger_watch;
mod validate;
mod walls;
mod watch;
mod wrong;
