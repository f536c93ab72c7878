//! The program as its users run it: one file per verb, and one per promise that holds for all of them.

#![allow(clippy::tests_outside_test_module, reason = "this whole crate is a test")]

mod exit_codes;
mod generate;
mod output;
mod repeat;
mod sandbox;
mod schema;
mod trigger;
mod validate;
mod wrong;
