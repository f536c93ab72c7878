//! The floors of `docs/design.md`: a room uses rooms on lower floors only.
//!
//! The compiler lets any module of a crate import any other, so this test reads the source for `crate::room` paths.

#![expect(clippy::expect_used, reason = "tests fail loudly")]

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms that stand under `src/`, and their floors. `lib.rs` names the rooms and is on none.
const FLOORS: &[(&str, u8)] = &[
    ("main", 9),
    ("cli", 8),
    ("commands", 7),
    ("serve", 6),
    ("engine", 5),
    ("report", 5),
    ("watch", 5),
    ("handler", 4),
    ("platform", 4),
    ("history", 4),
    ("app", 3),
    ("payload", 3),
    ("coverage", 4),
    ("schema", 2),
    ("text", 1),
    ("keep", 1),
    ("model", 0),
];

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|&(_, floor)| floor)
}

/// What breaks the rule in one file of `room`: the rooms it imports from its own floor or from above.
fn violations(room: &str, source: &str) -> Vec<String> {
    let Some(own) = floor(room) else { return vec![format!("room `{room}` has no floor")] };
    imported_rooms(source)
        .into_iter()
        .filter(|used| used != room)
        .filter_map(|used| match floor(&used) {
            Some(floor) if floor < own => None,
            Some(floor) => Some(format!("`{room}` (floor {own}) uses `{used}` (floor {floor})")),
            None => Some(format!("`{room}` uses `{used}`, which has no floor")),
        })
        .collect()
}

/// The first segments of all paths that start at the crate's root: `crate::x`, `crate::{x, y::z}`, `simctl::x`.
fn imported_rooms(source: &str) -> Vec<String> {
    let code: String =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect();
    let mut rooms = Vec::new();
    for root in ["crate::", "simctl::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
                continue;
            }
            rooms.extend(first_segments(&code[at + root.len()..]));
        }
    }
    rooms.sort();
    rooms.dedup();
    // A lower-case name is a module; types and macros at the root are none.
    rooms.retain(|room| room.starts_with(|c: char| c.is_ascii_lowercase()));
    rooms
}

fn first_segments(path: &str) -> Vec<String> {
    let Some(group) = path.strip_prefix('{') else {
        return vec![path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()];
    };
    let mut depth = 0;
    let mut segments = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => segments.push(String::new()),
            c if depth == 0 => {
                if let Some(last) = segments.last_mut() {
                    last.push(c);
                }
            }
            _ => {}
        }
    }
    segments.iter().filter_map(|segment| segment.split("::").next()).map(|name| name.trim().to_owned()).collect()
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).expect("src can be listed") {
        let path = entry.expect("entry can be read").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The room a file below `src` belongs to.
fn room_of(src: &Path, file: &Path) -> String {
    let first = file.strip_prefix(src).expect("below src").components().next().expect("has a name");
    Path::new(first.as_os_str()).file_stem().expect("has a stem").to_string_lossy().into_owned()
}

#[test]
fn no_room_uses_its_own_floor_or_a_higher_one() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&src);
    assert!(files.len() > 10, "only {} files were read", files.len());
    let mut found = Vec::new();
    for file in files {
        let room = room_of(&src, &file);
        if room == "lib" {
            continue;
        }
        let text = fs::read_to_string(&file).expect("source can be read");
        found.extend(violations(&room, &text).into_iter().map(|what| format!("{}: {what}", file.display())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn an_upward_import_is_caught() {
    assert_eq!(violations("model", "use crate::engine::run;").len(), 1);
    assert_eq!(violations("text", "use crate::{\n    model::Finding,\n    cli::{Args, Flags},\n};").len(), 1);
    assert_eq!(violations("schema", "fn f() { crate::payload::load(); }").len(), 1);
}

#[test]
fn a_sideways_import_is_caught() {
    assert_eq!(violations("engine", "use crate::report::Human;").len(), 1);
    assert_eq!(violations("app", "use crate::payload::Recipe;").len(), 1);
}

#[test]
fn a_downward_import_passes() {
    let source =
        "//! [`crate::engine`]\nuse crate::{model::Finding, text::{self, Source}};\nuse crate::schema::Schemas;";
    assert_eq!(violations("payload", source), Vec::<String>::new());
    assert_eq!(violations("main", "use simctl::cli;"), Vec::<String>::new());
}

#[test]
fn the_plan_lists_the_same_floors() {
    let plan =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/design.md")).expect("the plan can be read");
    for (room, floor) in FLOORS {
        let room = if *room == "main" { "src/main.rs".to_owned() } else { format!("src/{room}/") };
        let row = format!("| {floor} | `{room}` |");
        assert!(plan.contains(&row), "docs/design.md has no row `{row}`");
    }
}
