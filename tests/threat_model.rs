//! Each promise of `docs/threat-model.md` names a test that holds it, and the test is there.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail loudly")]

use std::fs;
use std::path::Path;

/// The text of all Rust files below a folder.
fn rust_text(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_text(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

/// The cells of a table's row, without its head.
fn rows(document: &str) -> impl Iterator<Item = (&str, &str)> {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.rsplit_once(" | "));
    rows.filter(|(promise, _)| *promise != "promise")
}

/// Whether the text has a test of that name: its attribute stands above it.
fn has_test(text: &str, name: &str) -> bool {
    text.match_indices(&format!("fn {name}(")).any(|(at, _)| {
        let above = &text[..at];
        let item = above.rfind("}\n").map_or(above, |end| &above[end..]);
        item.contains("#[test]")
    })
}

#[test]
fn each_promise_has_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("docs/threat-model.md")).unwrap();
    let mut text = String::new();
    rust_text(&root.join("tests"), &mut text);
    rust_text(&root.join("src"), &mut text);
    let (mut count, mut faults) = (0, Vec::new());
    for (promise, held_by) in rows(&document) {
        count += 1;
        let names: Vec<&str> = held_by.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            faults.push(format!("nothing holds: {promise}"));
        }
        let lacking = names.into_iter().filter(|name| !has_test(&text, name));
        faults.extend(lacking.map(|name| format!("there is no test `{name}`")));
    }
    assert!(count > 20, "only {count} promises were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_test_that_is_only_a_function_does_not_count() {
    assert!(has_test("}\n#[test]\nfn held() {}\n", "held"));
    assert!(!has_test("#[test]\nfn other() {\n}\nfn held() {}\n", "held"));
}
