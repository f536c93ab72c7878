//! The recipes of `docs/ci.md`, and the definitions that they lean on, hold: every simctl command in them is run in a copy of a
//! sample app and must succeed, and every report that it names must be there and be what it claims.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A copy of a sample app, to write reports into.
fn app(sample: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(sample), dir.path());
    dir
}

/// Runs a command line as the recipes have them: words, and no shell's signs.
fn run(dir: &Path, command: &str) -> Output {
    let words: Vec<&str> = command.split_whitespace().collect();
    assert_eq!(words[0], "simctl", "{command}");
    assert!(!command.contains(['|', '>', '$', '\'', '"', '&']), "the test runs plain words only: {command}");
    Command::new(env!("CARGO_BIN_EXE_simctl")).args(&words[1..]).current_dir(dir).output().unwrap()
}

/// The simctl commands in the fenced blocks: lines of a shell, `- run:` steps and items of a `script:`.
fn commands(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = !inside;
        }
        let line = line.trim();
        let line = line.strip_prefix("- ").unwrap_or(line);
        let line = line.strip_prefix("run: ").unwrap_or(line);
        if inside && line.starts_with("simctl ") {
            commands.push(line.to_owned());
        }
    }
    commands
}

#[test]
fn every_command_of_the_recipes_holds_on_a_good_app() {
    let commands = commands(&read("docs/ci.md"));
    assert!(commands.len() >= 8, "only {commands:?} were found");
    for command in commands {
        let dir = app("welcome");
        let output = run(dir.path(), &command);
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "$ {command}\n{said}");
        for (format, file) in command.split_whitespace().filter_map(|word| word.split_once('=')) {
            let text = fs::read_to_string(dir.path().join(file)).unwrap_or_else(|e| panic!("$ {command}: {file}: {e}"));
            match format {
                "sarif" => assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["version"], "2.1.0"),
                "junit" => assert!(
                    roxmltree::Document::parse(&text).is_ok_and(|xml| xml.root_element().has_tag_name("testsuites"))
                ),
                other => panic!("{other} in {command}"),
            }
        }
    }
}

#[test]
fn a_check_in_ci_fails_where_the_app_is_at_fault_and_still_writes_its_reports() {
    let dir = app("broken/misspelled-event");
    let command = "simctl validate --format human --format github --format sarif=a.sarif --format junit=b.xml";
    let output = run(dir.path(), command);
    assert_eq!(output.status.code(), Some(1));
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(out.lines().any(|line| line.starts_with("::error file=manifest.json,line=7,")), "{out}");
    let sarif: Value = serde_json::from_str(&fs::read_to_string(dir.path().join("a.sarif")).unwrap()).unwrap();
    let location = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"]["uri"], "manifest.json");
    assert_eq!(location["region"]["startLine"], 7);
    assert_eq!(sarif["runs"][0]["invocations"][0]["exitCode"], 1);
    let junit = fs::read_to_string(dir.path().join("b.xml")).unwrap();
    let junit = roxmltree::Document::parse(&junit).unwrap();
    let case = junit.descendants().find(|node| node.attribute("name") == Some("manifest.json")).expect("a case");
    assert!(case.children().any(|node| node.has_tag_name("failure")));
}

#[test]
fn a_clean_file_is_told_of_and_is_a_case_of_its_own_in_junit() {
    let dir = app("welcome");
    assert!(run(dir.path(), "simctl validate --format junit=b.xml").status.success());
    let junit = fs::read_to_string(dir.path().join("b.xml")).unwrap();
    let junit = roxmltree::Document::parse(&junit).unwrap();
    let names: Vec<_> = junit
        .descendants()
        .filter(|node| node.has_tag_name("testcase"))
        .filter_map(|node| node.attribute("file"))
        .collect();
    assert!(names.contains(&"manifest.json"), "{names:?}");
    fs::write(dir.path().join("many.ndjson"), "").unwrap();
    let output = run(dir.path(), "simctl validate many.ndjson --format json");
    let out = String::from_utf8_lossy(&output.stdout);
    let told = out.lines().filter(|line| line.contains("\"file-checked\"")).collect::<Vec<_>>();
    assert_eq!(told, ["{\"type\":\"file-checked\",\"file\":\"many.ndjson\"}"], "{out}");
}

#[test]
fn the_hook_and_the_action_run_what_they_are_named_for() {
    let hook = read(".pre-commit-hooks.yaml");
    let entry = hook.lines().find_map(|line| line.trim().strip_prefix("entry: ")).expect("an entry");
    let dir = app("welcome");
    assert_eq!(run(dir.path(), entry).status.code(), Some(0));
    let id = hook.lines().find_map(|line| line.strip_prefix("- id: ")).expect("an id");
    assert!(read("docs/ci.md").contains(&format!("- id: {id}")));

    let action = read("action.yml");
    let args = action.lines().find_map(|line| line.trim().strip_prefix("default: --")).expect("default arguments");
    assert_eq!(run(dir.path(), &format!("simctl validate --{args}")).status.code(), Some(0));
    assert!(
        action.contains("using: composite") && action.contains("cargo install --locked --path \"$GITHUB_ACTION_PATH\"")
    );
}
