//! The `simctl` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    simctl::cli::run()
}
