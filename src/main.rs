//! The `simctl` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // simctl starts itself with this argument to run an app in the embedded engine.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == simctl::handler::HOST_ARGUMENT) {
        return simctl::handler::embedded::host_main();
    }
    ExitCode::SUCCESS
}
