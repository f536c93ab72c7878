//! The examples in the documents are true: every `console` block is run, and its output compared.
//!
//! A line that begins with `$ ` is a command, run by a shell in a folder like the repository with simctl on PATH; the lines below it are
//! what it prints, on both streams. Lengths of time and versions of Node.js stand for any; a line `...` stands for any lines.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail loudly")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

struct Example {
    line: usize,
    command: String,
    output: Vec<String>,
}

/// The examples of one document.
fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            inside = line.starts_with("```console") && !inside;
        } else if inside && let Some(command) = line.strip_prefix("$ ") {
            examples.push(Example { line: number + 1, command: command.to_owned(), output: Vec::new() });
        } else if inside && let Some(example) = examples.last_mut() {
            example.output.push(line.to_owned());
        }
    }
    examples
}

/// A line with every length of time replaced: they differ from run to run.
fn masked(line: &str) -> String {
    let mut words: Vec<String> = line.trim_end().split(' ').map(str::to_owned).collect();
    for at in 1..words.len() {
        let unit = words[at].trim_end_matches(',').to_owned();
        if matches!(unit.as_str(), "ms" | "s") && words[at - 1].parse::<f64>().is_ok() {
            words[at - 1] = "#".to_owned();
            words[at] = words[at].replace(&unit, "ms");
        }
    }
    let mut text = words.join(" ");
    // A longer length of time takes of the blanks that align it.
    while text.contains("  # ") {
        text = text.replace("  # ", " # ");
    }
    text
}

/// Whether `actual` is what the document says; `...` stands for any number of lines.
fn matches(expected: &[String], actual: &[String]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((line, rest)) if line.trim() == "..." => {
            (0..=actual.len()).any(|skipped| matches(rest, &actual[skipped..]))
        }
        Some((line, rest)) => {
            actual.split_first().is_some_and(|(first, left)| masked(line) == masked(first) && matches(rest, left))
        }
    }
}

/// A folder that looks like the repository, with samples of its own: what simctl keeps of the examples stays in it.
fn repository() -> tempfile::TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(root).expect("the repository can be listed") {
        let entry = entry.expect("an entry");
        let name = entry.file_name();
        if name == "samples" {
            copy(&entry.path(), &folder.path().join(name));
        } else if !name.to_string_lossy().starts_with('.') {
            std::os::unix::fs::symlink(entry.path(), folder.path().join(name)).expect("a link");
        }
    }
    folder
}

/// Copies a folder, without what simctl keeps in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder that can be listed") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        match entry.file_type().expect("its type") {
            _ if entry.file_name() == ".simctl" => {}
            kind if kind.is_dir() => copy(&entry.path(), &to),
            kind if kind.is_symlink() => {
                let target = fs::read_link(entry.path()).expect("where it leads");
                std::os::unix::fs::symlink(target, to).expect("a link");
            }
            _ => drop(fs::copy(entry.path(), to).expect("a copy")),
        }
    }
}

fn run(command: &str, folder: &Path) -> Vec<String> {
    let binary = Path::new(env!("CARGO_BIN_EXE_simctl")).parent().expect("a folder");
    let path = format!("{}:{}", binary.display(), std::env::var_os("PATH").unwrap_or_default().display());
    let output = Command::new("sh")
        .args(["-c", &format!("{{ {command}\n}} 2>&1")])
        .current_dir(folder)
        .env("PATH", path)
        .env_remove("NO_COLOR")
        .output()
        .expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("README.md")];
    for entry in fs::read_dir(root.join("docs")).expect("docs can be listed") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    files
}

#[test]
fn every_example_prints_what_the_document_says() {
    let folder = repository();
    let mut wrong = Vec::new();
    let mut count = 0;
    for file in documents() {
        let text = fs::read_to_string(&file).expect("the document can be read");
        for Example { line, command, mut output } in examples(&text) {
            count += 1;
            while output.last().is_some_and(|line| line.is_empty()) {
                output.pop();
            }
            let actual = run(&command, folder.path());
            if !matches(&output, &actual) {
                wrong.push(format!("{}:{line}: $ {command}\n{}\n", file.display(), actual.join("\n")));
            }
        }
    }
    assert!(count >= 5, "only {count} examples were found");
    assert!(wrong.is_empty(), "these examples print something else, namely:\n\n{}", wrong.join("\n"));
}

#[test]
fn links_between_documents_lead_somewhere() {
    for file in documents() {
        let text = fs::read_to_string(&file).expect("the document can be read");
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split([')', '#', ' ']).next().unwrap_or("");
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = file.parent().expect("a folder").join(target);
            assert!(path.exists(), "{} links to {target}, which is not there", file.display());
        }
    }
}

#[test]
fn an_example_that_lies_is_caught() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(matches(&lines("a 0.5 ms, b\n...\nz"), &lines("a 17.3 ms, b\nx\ny\nz")));
    assert!(!matches(&lines("a 0.5 ms\nz"), &lines("a 17.3 ms\ny")));
    assert!(!matches(&lines("a"), &lines("a\nb")));
}
