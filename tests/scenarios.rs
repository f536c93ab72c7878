//! The scenarios of the sample apps: those of the good ones hold, on both runtimes and whatever is played beside them; those
//! of the apps with a planted fault find it, and say so in words that are kept.
//!
//! `SIMCTL_BLESS=1 cargo test --test scenarios` rewrites `tests/golden/scenarios/`.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail loudly")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The apps in that folder that have scenarios.
fn apps(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).expect("samples can be listed");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut apps: Vec<String> = names.map(|name| format!("{folder}/{name}")).collect();
    apps.retain(|app| root().join(app).join("tests").is_dir());
    apps.sort();
    apps
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn test(args: &[&str]) -> (Option<i32>, String) {
    let simctl = env!("CARGO_BIN_EXE_simctl");
    let output = Command::new(simctl).arg("test").args(args).current_dir(root()).output().expect("simctl starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

/// The text with lengths of time masked.
fn masked(text: &str) -> String {
    let line = |line: &str| {
        let mut words: Vec<&str> = line.split(' ').collect();
        for at in 1..words.len() {
            if words[at] == "ms" && words[at - 1].parse::<f64>().is_ok() {
                words[at - 1] = "#";
            }
        }
        words.join(" ")
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_scenarios_of_each_good_sample_hold_on_both_runtimes() {
    let apps = apps("samples");
    assert!(apps.len() >= 4, "{apps:?}");
    let has_node = common::node_or_skip("scenarios on the node runtime");
    for app in apps {
        for runtime in ["embedded", "node"].into_iter().take(if has_node { 2 } else { 1 }) {
            let (code, text) = test(&[&app, "--runtime", runtime]);
            assert_eq!(code, Some(0), "{app} on {runtime}:\n{text}");
            assert!(text.ends_with(" held\n"), "{text}");
        }
    }
}

#[test]
fn each_planted_fault_is_found_by_a_scenario() {
    let apps = apps("samples/broken");
    assert!(apps.len() >= 2, "{apps:?}");
    for app in apps {
        let (code, text) = test(&[&app]);
        assert_eq!(code, Some(1), "{app}:\n{text}");
        let text = masked(&text);
        let file = root().join("tests/golden/scenarios").join(format!("{}.txt", app.rsplit('/').next().unwrap()));
        if std::env::var_os("SIMCTL_BLESS").is_some() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &text).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        assert!(text == expected, "{app} fails in other words; SIMCTL_BLESS=1 keeps them:\n{text}");
    }
}

#[test]
fn the_same_scenario_gives_the_same_payloads_and_calls() {
    let stream = || {
        let (_, text) = test(&["samples/visits", "--format", "json"]);
        let mut events: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for event in events.iter_mut().filter_map(serde_json::Value::as_object_mut) {
            event.retain(|key, _| !key.ends_with("_us"));
        }
        events
    };
    let first = stream();
    assert!(first.len() > 20, "{first:?}");
    assert_eq!(first, stream());
}

#[test]
fn the_command_that_a_failure_names_repeats_it() {
    let (_, text) = test(&["samples/broken/old-as-new", "--filter", "latest", "--jobs", "1", "--fail-fast"]);
    let repeat = text.lines().find_map(|line| line.strip_prefix("repeat: simctl test ")).expect("a command");
    let (code, again) = test(&repeat.split(' ').collect::<Vec<_>>());
    assert_eq!((code, masked(&again)), (Some(1), masked(&text)), "{repeat}");
}
