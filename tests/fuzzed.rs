//! What the fuzzers found once stays mended: each file in `fuzz/found/TARGET`, and each in `fuzz/seeds/TARGET` that they begin
//! with, is given to the same function again, and is over soon.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail loudly")]
#![allow(clippy::print_stdout, reason = "the test runner keeps it until a test fails")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// What simctl may spend on an input is a second; this build is unoptimised, and other tests run beside this one.
const IN_TIME: Duration = Duration::from_secs(5);

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "there it is a crate of its own")]
mod targets;

fn each_of(target: &str, check: fn(&[u8])) {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let folders = ["found", "seeds"].map(|kind| fuzz.join(kind).join(target));
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty(), "there is nothing for `{target}`");
    files.sort();
    // What is made once, such as the schemas, is no input's fault.
    check(b"");
    for file in files {
        // The name of the last one printed is the one that failed.
        println!("{}", file.display());
        let began = Instant::now();
        check(&fs::read(&file).unwrap());
        assert!(began.elapsed() < IN_TIME, "it took {:?}", began.elapsed());
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

#[test]
fn stores_once_found_are_read_or_told() {
    each_of("store", targets::store);
}

#[test]
fn lines_of_handlers_once_found_are_understood_or_refused() {
    each_of("wire", targets::wire);
}

#[test]
fn requests_once_found_are_answered() {
    each_of("request", targets::request);
}
