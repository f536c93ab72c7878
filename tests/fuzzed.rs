//! What the fuzzers found once stays mended: each file in `fuzz/found/TARGET` is given to the same function again.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail loudly")]
#![allow(clippy::print_stdout, reason = "the test runner keeps it until a test fails")]

use std::fs;
use std::path::Path;

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "there it is a crate of its own")]
mod targets;

fn each_of(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/found").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty(), "{} holds nothing", folder.display());
    files.sort();
    for file in files {
        // The name of the last one printed is the one that failed.
        println!("{}", file.display());
        check(&fs::read(&file).unwrap());
    }
}

#[test]
fn manifests_once_found_are_checked_to_their_end() {
    each_of("manifest", targets::manifest);
}

#[test]
fn payloads_once_found_are_checked_to_their_end() {
    each_of("payload", targets::payload);
}

#[test]
fn scripts_once_found_are_checked_to_their_end() {
    each_of("server_js", targets::server_js);
}

#[test]
fn mocks_once_found_are_checked_to_their_end() {
    each_of("mock", targets::mock);
}

#[test]
fn scenarios_once_found_are_checked_to_their_end() {
    each_of("scenario", targets::scenario);
}

#[test]
fn overrides_once_found_are_applied_or_refused() {
    each_of("set", targets::set);
}

#[test]
fn histories_once_found_are_read_or_told() {
    each_of("history", targets::history);
}
