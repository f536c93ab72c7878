//! What is counted in an app's code is what Istanbul counts in it, and counting changes nothing else.
//!
//! Istanbul itself is an npm package. `SIMCTL_TEST_NPM` names a folder whose `node_modules` has it; `target/npm` is looked
//! into otherwise, where `.ci/run` installs it.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail loudly")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use simctl::coverage::{Covered, Instrumented, instrument, istanbul};
use simctl::text::Source;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of npm packages that tests may use, where it is there.
fn npm_or_skip(who: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SIMCTL_TEST_NPM").map_or_else(|| root().join("target/npm"), PathBuf::from);
    let modules = folder.join("node_modules");
    if !common::node_or_skip(who) {
        return None;
    }
    if !modules.join("istanbul-lib-instrument").is_dir() {
        common::skip(who, "it needs istanbul-lib-instrument: npm install --prefix target/npm istanbul-lib-instrument");
        return None;
    }
    Some(modules)
}

fn read(file: &Path) -> Source {
    Source::read(file).unwrap_or_else(|finding| panic!("{finding:?}"))
}

fn instrumented(source: &Source) -> Instrumented {
    instrument(source).unwrap_or_else(|why| panic!("{}: {why:?}", source.file().display()))
}

/// The map of a file as Istanbul writes it, nothing counted.
fn our_map(file: &Path) -> Value {
    let source = read(file);
    let Instrumented { map, .. } = instrumented(&source);
    let counted = map.counted(&[]);
    let covered = Covered { name: "x", path: file, source: &source, map: &map, counted };
    istanbul(&[covered])[file.to_string_lossy().as_ref()].clone()
}

fn run_node(modules: &Path, script: &str, args: &[&Path]) -> Value {
    let script = root().join("tests/fixtures/coverage").join(script);
    let output = Command::new("node").arg(script).args(args).env("NODE_PATH", modules).output().expect("node");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Where two maps differ, with the text that each names.
fn assert_same(ours: &Value, theirs: &Value, file: &Path) {
    for key in ["statementMap", "fnMap", "branchMap", "s", "f", "b"] {
        let (ours, theirs) = (ours[key].as_object().expect(key), theirs[key].as_object().expect(key));
        for (at, value) in theirs {
            assert_eq!(ours.get(at), Some(value), "{}: {key} {at}", file.display());
        }
        assert_eq!(ours.len(), theirs.len(), "{}: {key}", file.display());
    }
}

#[test]
fn every_construct_is_counted_as_istanbul_counts_it() {
    let Some(modules) = npm_or_skip("every_construct_is_counted_as_istanbul_counts_it") else { return };
    let fixtures = root().join("tests/fixtures/coverage");
    let mut files = vec![fixtures.join("syntax.js"), fixtures.join("hints.js")];
    for sample in ["contact-sync", "retry", "with-lib", "visits", "reminder", "welcome"] {
        files.push(root().join("samples").join(sample).join("server/server.js"));
    }
    let theirs = run_node(&modules, "maps.js", &files.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    for file in &files {
        assert_same(&our_map(file), &theirs[file.to_string_lossy().as_ref()], file);
    }
}
