//! Each code has a page, and the page is true: its wrong examples earn the code and nothing else, its right ones earn nothing.
//!
//! An example is what stands below one heading `Wrong` or `Right`: files, each a fenced block whose info string ends with
//! `wrong` or `right` and the file's name, and commands, a `console` block. Without a command, `simctl validate` checks the
//! example: the app, where there is a manifest or a script, else each file. To such an app the half that the page does not show is
//! added: a manifest that subscribes, or a `server.js` with the callbacks that the manifest names.
//!
//! `SIMCTL_BLESS=1 cargo test --test explain` rewrites `docs/codes.md` and the head of each page.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]
#![allow(clippy::disallowed_methods, reason = "a test gives its own environment to the programs that it starts")]

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use simctl::model::Code;
use tempfile::TempDir;

/// Codes whose examples run on Node.js.
const NEED_NODE: [Code; 2] = [Code::MissingPackage, Code::NeedsNode];

const SIMCTL: &str = env!("CARGO_BIN_EXE_simctl");

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn page_file(code: Code) -> PathBuf {
    docs().join("codes").join(format!("{}.md", code.name()))
}

/// The page of a code; empty where there is none, which [`each_code_has_a_page_and_each_page_a_code`] says of all at once.
fn page(code: Code) -> String {
    fs::read_to_string(page_file(code)).unwrap_or_default()
}

#[derive(Debug, Default)]
struct Example {
    wrong: bool,
    files: Vec<(String, String)>,
    commands: Vec<String>,
}

fn examples(page: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        match line {
            "## Wrong" => examples.push(Example { wrong: true, ..Example::default() }),
            "## Right" => examples.push(Example::default()),
            _ => {}
        }
        let Some(info) = line.strip_prefix("```") else { continue };
        let body: String = lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect();
        let example = examples.last_mut().expect("examples stand below `Wrong` or `Right`");
        let words: Vec<&str> = info.split_whitespace().collect();
        assert_eq!(words.get(1), Some(&if example.wrong { "wrong" } else { "right" }), "{line}");
        match words[..] {
            ["console", _] => {
                example.commands.extend(body.lines().filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned));
            }
            [_, _, file] => example.files.push((file.to_owned(), body)),
            _ => panic!("a file's name was expected: {line}"),
        }
    }
    examples
}

/// What an app needs and the page does not show.
fn filled_in(example: &Example) -> Vec<(String, String)> {
    let has = |name: &str| example.files.iter().any(|(file, _)| file == name);
    let mut files = example.files.clone();
    if has("manifest.json") && !files.iter().any(|(file, _)| file.ends_with("server.js")) {
        let manifest = &files.iter().find(|(file, _)| file == "manifest.json").unwrap().1;
        let names: BTreeSet<&str> = manifest
            .split("\"handler\"")
            .skip(1)
            .filter_map(|rest| rest.trim_start_matches([':', ' ']).strip_prefix('"')?.split('"').next())
            .collect();
        let callback = |name| format!("  {name}: function (payload) {{\n    console.log(payload.event);\n  }}");
        let callbacks: Vec<String> = names.into_iter().map(callback).collect();
        files.push(("server/server.js".to_owned(), format!("exports = {{\n{}\n}};\n", callbacks.join(",\n"))));
    }
    if !has("manifest.json") && files.iter().any(|(file, _)| file.contains('/')) {
        let manifest = r#"{
  "platform-version": "3.0",
  "modules": {
    "common": {},
    "chat_user": { "events": { "onUserUpdate": { "handler": "onChange" } } }
  },
  "engines": { "node": "18.20.8", "fdk": "9.7.4" }
}
"#;
        files.push(("manifest.json".to_owned(), manifest.to_owned()));
        if !files.iter().any(|(file, _)| file.ends_with("server.js")) {
            let script = "exports = {\n  onChange: function (payload) {\n    console.log(payload.event);\n  }\n};\n";
            files.push(("server/server.js".to_owned(), script.to_owned()));
        }
    }
    files
}

fn run(dir: &Path, command: &str) -> Output {
    let path =
        format!("{}:{}", Path::new(SIMCTL).parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    Command::new("sh").args(["-c", command]).current_dir(dir).env("PATH", path).output().expect("a shell")
}

/// The codes that an example earns, and all that was said.
fn earned(example: &Example) -> (BTreeSet<String>, String) {
    let dir = TempDir::new().unwrap();
    let files = if example.commands.is_empty() { filled_in(example) } else { example.files.clone() };
    for (name, text) in &files {
        let file = dir.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let mut commands = example.commands.clone();
    if commands.is_empty() && files.iter().any(|(file, _)| file == "manifest.json") {
        commands.push("simctl validate".to_owned());
    } else if commands.is_empty() {
        let names: Vec<&str> = files.iter().map(|(file, _)| file.as_str()).collect();
        commands.push(format!("simctl validate {}", names.join(" ")));
    }
    let mut codes = BTreeSet::new();
    let mut said = String::new();
    let mut held = true;
    for command in &commands {
        let output = run(dir.path(), command);
        held &= output.status.success();
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let _ = writeln!(said, "$ {command}\n{text}");
        codes.extend(text.lines().filter_map(code_of));
    }
    if !example.wrong && !held {
        codes.insert("a command that failed".to_owned());
    }
    (codes, said)
}

/// The code in the head of a finding: `error[unknown-event]: …`.
fn code_of(line: &str) -> Option<String> {
    let rest = ["error[", "warning[", "note["].iter().find_map(|head| line.strip_prefix(head))?;
    rest.split_once("]:").map(|(code, _)| code.to_owned())
}

fn head(code: Code) -> String {
    format!("# `{}`\n\n*{}*: {}\n", code.name(), code.severity().name(), code.meaning())
}

#[test]
fn each_code_has_a_page_and_each_page_a_code() {
    let codes: BTreeSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    let mut pages = BTreeSet::new();
    for entry in fs::read_dir(docs().join("codes")).expect("docs/codes can be listed") {
        let path = entry.unwrap().path();
        assert_eq!(path.extension().and_then(|e| e.to_str()), Some("md"), "{}", path.display());
        pages.insert(path.file_stem().unwrap().to_string_lossy().into_owned());
    }
    let missing: Vec<_> = codes.iter().filter(|code| !pages.contains(**code)).collect();
    let left: Vec<_> = pages.iter().filter(|page| !codes.contains(page.as_str())).collect();
    assert!(
        missing.is_empty() && left.is_empty(),
        "docs/codes/ has no page for {missing:?}, and pages of no code for {left:?}"
    );
}

#[test]
fn each_page_says_first_what_the_table_of_codes_says() {
    for &code in Code::ALL {
        let text = page(code);
        if text.is_empty() {
            continue;
        }
        let rest = text.split_once("\n## ").map_or("", |(_, rest)| rest);
        let expected = format!("{}\n## {rest}", head(code));
        if std::env::var_os("SIMCTL_BLESS").is_some() && text != expected {
            fs::write(page_file(code), &expected).unwrap();
        } else {
            assert!(text == expected, "the head of docs/codes/{}.md should be\n{}", code.name(), head(code));
        }
    }
}

#[test]
fn each_page_has_all_parts() {
    let mut faults = Vec::new();
    for &code in Code::ALL {
        let text = page(code);
        for heading in ["## What it means\n\n", "## Why it matters\n\n", "## Wrong\n\n```", "## Right\n\n```"] {
            if !text.is_empty() && !text.contains(heading) {
                faults.push(format!(
                    "docs/codes/{}.md has no `{}` with something below it",
                    code.name(),
                    heading.trim()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_example_earns_what_its_page_is_about() {
    let mut faults = Vec::new();
    let mut count = 0;
    for &code in Code::ALL {
        for example in examples(&page(code)) {
            count += 1;
            if NEED_NODE.contains(&code) && !common::node_or_skip(&format!("an example of {}", code.name())) {
                continue;
            }
            let expected: BTreeSet<String> =
                if example.wrong { BTreeSet::from([code.name().to_owned()]) } else { BTreeSet::new() };
            let (mut codes, said) = earned(&example);
            // Examples of what only older platforms have are of such a platform, which is told beside.
            if code != Code::EndedPlatform {
                codes.remove(Code::EndedPlatform.name());
            }
            if codes != expected {
                let which = if example.wrong { "wrong" } else { "right" };
                faults.push(format!("{}: the {which} example earns {codes:?}\n{said}", code.name()));
            }
        }
    }
    assert!(count >= Code::ALL.len(), "only {count} examples were found");
    assert!(faults.is_empty(), "{} of {count} examples are not true:\n\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_table_of_codes_is_made_from_the_codes() {
    let mut text =
        "# Codes\n\nEach finding has a code, in brackets behind its severity; scripts may rely on the names. \
                    `simctl explain CODE` prints the\npage behind a code on the terminal.\n\n\
                    | code | severity | means |\n|---|---|---|\n"
            .to_owned();
    for code in Code::ALL {
        let name = code.name();
        let _ = writeln!(text, "| [`{name}`](codes/{name}.md) | {} | {} |", code.severity().name(), code.meaning());
    }
    let file = docs().join("codes.md");
    if std::env::var_os("SIMCTL_BLESS").is_some() {
        fs::write(&file, &text).unwrap();
    }
    let actual = fs::read_to_string(&file).unwrap_or_default();
    assert!(actual == text, "docs/codes.md is not what the table of codes says; SIMCTL_BLESS=1 rewrites it");
}

fn explain(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(SIMCTL).arg("explain").args(args).output().expect("simctl starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn explain_prints_the_page() {
    for asked in ["unknown-event", "error[unknown-event]"] {
        let (code, out, err) = explain(&[asked]);
        assert_eq!((code, err.as_str()), (Some(0), ""));
        assert!(out.starts_with("error[unknown-event]: an event name"), "{out}");
        for part in ["What it means", "Why it matters", "Wrong", "Right", "manifest.json", "    {"] {
            assert!(
                out.lines().any(|line| line.trim_end().starts_with(part) || line.trim() == part),
                "{part} in\n{out}"
            );
        }
        assert!(!out.contains("```") && !out.contains("## "), "{out}");
    }
}

#[test]
fn explain_lists_all_codes() {
    let (code, out, _) = explain(&[]);
    assert_eq!(code, Some(0));
    assert_eq!(out.lines().count(), Code::ALL.len());
    for code in Code::ALL {
        let line = out.lines().find(|line| line.split_whitespace().next() == Some(code.name())).unwrap();
        assert!(line.contains(code.meaning()), "{line}");
    }
}

#[test]
fn a_code_that_does_not_exist_is_guessed_at() {
    let (code, out, err) = explain(&["unknown-evnt"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("did you mean `unknown-event`?"), "{err}");
    let (code, _, err) = explain(&["\u{1b}[31m"]);
    assert_eq!(code, Some(2));
    assert!(!err.contains('\u{1b}') && err.contains("simctl explain"), "{err}");
}
