//! What several test programs share: whether Node.js is here, and how a test says that it skips something.

use std::io::Write;
use std::process::Command;
use std::sync::OnceLock;

/// Whether a Node.js that runs is on PATH. Where there is none, `who` says loudly what it skips; where everything is
/// required, as in CI, that is a failure.
pub(crate) fn node_or_skip(who: &str) -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    let found = *FOUND
        .get_or_init(|| Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success()));
    if !found {
        skip(who, "it needs Node.js, and there is none on PATH");
    }
    found
}

/// Says that `who` skips something. Not by `eprintln!`, which the test runner keeps to itself unless the test fails.
pub(crate) fn skip(who: &str, why: &str) {
    assert!(std::env::var_os("SIMCTL_TEST_REQUIRE_ALL").is_none(), "{who} may not be skipped here: {why}");
    let _ = writeln!(std::io::stderr(), "SKIPPED {who}: {why}");
}
