//! What is counted in an app's code is what Istanbul counts in it, and counting changes nothing else.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail loudly")]

mod common;
#[path = "common/npm.rs"]
mod npm;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use simctl::coverage::{Covered, Instrumented, instrument, istanbul};
use simctl::text::Source;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder that holds npm packages, where Istanbul is among them.
fn npm_or_skip(who: &str) -> Option<PathBuf> {
    let istanbul = npm::package_or_skip("istanbul-lib-instrument", who)?;
    istanbul.parent().map(Path::to_path_buf)
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

/// An app in a folder of its own, where scenarios can be added.
struct App {
    _dir: tempfile::TempDir,
    root: PathBuf,
}

impl App {
    /// A copy of a folder of the repository.
    fn copy(of: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().canonicalize().expect("a folder").join("app");
        copy(&self::root().join(of), &root);
        Self { _dir: dir, root }
    }

    fn file(&self, name: &str, text: &str) -> &Self {
        let path = self.root.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
        self
    }

    /// A scenario that creates a user of that first name.
    fn creates(&self, name: &str) -> &Self {
        let text =
            format!("name: {name}\nseed: 1\nusers:\n  jane: {{ first_name: {name} }}\nsteps:\n  - create: jane\n");
        self.file(&format!("tests/{name}.scenario.yaml"), &text)
    }

    fn test(&self, args: &[&str]) -> std::process::Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_simctl"));
        command.arg("test").args(args).current_dir(&self.root).env_remove("NODE_EXTRA_CA_CERTS");
        command.output().expect("simctl")
    }

    /// What happened, as the JSON stream has it.
    fn events(&self, args: &[&str]) -> Vec<Value> {
        let output = self.test(&[&["--format", "json"], args].concat());
        assert!(output.stderr.is_empty() || output.status.code() == Some(1), "{}", text(&output.stderr));
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// What was counted, as Istanbul writes it.
    fn counted(&self, args: &[&str]) -> Value {
        self.test(&[&["--coverage-report", "istanbul=counted.json"], args].concat());
        let text = std::fs::read(self.root.join("counted.json")).expect("a report");
        serde_json::from_slice(&text).expect("JSON")
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn of_type<'e>(events: &'e [Value], name: &str) -> Vec<&'e Value> {
    events.iter().filter(|event| event["type"] == name).collect()
}

const RUNTIMES: [&str; 2] = ["embedded", "node"];

/// The runtimes that are here.
fn runtimes(who: &str) -> &'static [&'static str] {
    if common::node_or_skip(who) { &RUNTIMES } else { &RUNTIMES[..1] }
}

#[test]
fn the_same_events_reach_what_istanbul_says_they_reach() {
    let Some(modules) = npm_or_skip("the_same_events_reach_what_istanbul_says_they_reach") else { return };
    for sample in ["visits", "contact-sync", "with-lib", "retry", "reminder"] {
        let app = App::copy(&format!("samples/{sample}"));
        if sample == "with-lib" {
            app.creates("Jane");
        }
        let output = app.test(&["--format", "json=stream.ndjson", "--coverage-report", "istanbul=counted.json"]);
        assert_eq!(output.status.code(), Some(0), "{sample}: {}", text(&output.stderr));
        let ours: Value = serde_json::from_slice(&std::fs::read(app.root.join("counted.json")).unwrap()).unwrap();
        let theirs = run_node(&modules, "counts.js", &[&app.root, &app.root.join("stream.ndjson")]);
        let files = theirs.as_object().expect("files");
        assert!(!files.is_empty(), "{sample}");
        for (file, theirs) in files {
            assert_same(&ours[file], theirs, Path::new(file));
            assert!(theirs["s"].as_object().unwrap().values().any(|count| count.as_u64() > Some(0)), "{file}");
        }
    }
}

#[test]
fn an_error_stands_where_it_stands_without_counters() {
    let app = App::copy("tests/fixtures/coverage/errors");
    let source = std::fs::read_to_string(app.root.join("server/server.js")).unwrap();
    let ways = source.lines().skip(4).take_while(|line| !line.starts_with("};"));
    let ways: Vec<&str> = ways
        .flat_map(|line| line.trim().trim_start_matches("async ").split([':', '(']).next())
        .filter(|way| !way.is_empty())
        .chain(["json"])
        .collect();
    assert!(ways.len() >= 16, "{ways:?}");
    for way in &ways {
        app.creates(way);
    }
    let told = |events: Vec<Value>| -> Vec<Value> {
        let is_told = |event: &Value| event["type"] == "delivery-finished" || event["type"] == "log";
        events.into_iter().filter(is_told).collect()
    };
    for runtime in runtimes("an_error_stands_where_it_stands_without_counters") {
        let plain = told(app.events(&["--runtime", runtime]));
        let counted = told(app.events(&["--runtime", runtime, "--coverage"]));
        assert!(plain.len() > ways.len(), "{plain:?}");
        assert_eq!(plain.len(), counted.len());
        let has_place = |event: &&Value| event.pointer("/outcome/error/stack/0/line").is_some();
        assert!(plain.iter().filter(has_place).count() >= ways.len() - 2, "{plain:?}");
        for (plain, counted) in plain.iter().zip(&counted) {
            for part in ["/outcome", "/excerpt", "/text"] {
                assert_eq!(plain.pointer(part), counted.pointer(part), "{runtime}");
            }
        }
    }
}

#[test]
fn code_does_the_same_with_counters_in_it() {
    let app = App::copy("tests/fixtures/coverage/behaviour");
    let mut counts = Vec::new();
    for runtime in runtimes("code_does_the_same_with_counters_in_it") {
        let plain = app.events(&["--runtime", runtime]);
        let counted = app.events(&["--runtime", runtime, "--coverage"]);
        let outcome = |events: &[Value]| of_type(events, "delivery-finished")[0]["outcome"].clone();
        assert_eq!(outcome(&plain)["kind"], "returned", "{}", outcome(&plain));
        assert_eq!(outcome(&plain), outcome(&counted), "{runtime}");
        let measured = of_type(&counted, "coverage-measured")[0].clone();
        assert!(measured["statements"]["percent"].as_f64() > Some(90.0), "{measured}");
        counts.push(app.counted(&["--runtime", runtime]));
    }
    assert!(counts.windows(2).all(|pair| pair[0] == pair[1]), "the runtimes count differently");
}

#[test]
fn counts_are_sums_that_no_order_changes() {
    let app = App::copy("samples/visits");
    let one = app.counted(&["--jobs", "1"]);
    let many = app.counted(&["--jobs", "8"]);
    assert_eq!(one, many);
    let alone: Vec<Value> =
        ["counting", "begun-before", "whatever-happens"].iter().map(|name| app.counted(&["--filter", name])).collect();
    let file = app.root.join("server/server.js").to_string_lossy().into_owned();
    let count = |report: &Value, at: &str| report[&file]["s"][at].as_u64().unwrap();
    for at in one[&file]["s"].as_object().unwrap().keys() {
        assert_eq!(count(&one, at), alone.iter().map(|report| count(report, at)).sum::<u64>(), "statement {at}");
    }
}

#[test]
fn a_file_that_nothing_loads_counts_as_not_reached() {
    let app = App::copy("samples/visits");
    app.file("server/lib/unused.js", "exports = { f: () => 1 };\n")
        .file("server/node_modules/x/index.js", "module.exports = 1;\n")
        .file("server/test_data/y.js", "module.exports = 1;\n")
        .file("server/lib/left-out.js", "/* istanbul ignore file */\nexports = 1;\n")
        .file("server/lib/broken.js", "exports = {,}\n");
    let events = app.events(&["--coverage"]);
    let measured = of_type(&events, "coverage-measured")[0];
    let files: Vec<(&str, u64)> = measured["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| (file["file"].as_str().unwrap(), file["statements"]["covered"].as_u64().unwrap()))
        .collect();
    assert_eq!(files, [("server/lib/unused.js", 0), ("server/server.js", 19)]);
    let notices: Vec<&str> = of_type(&events, "notice").iter().filter_map(|one| one["message"].as_str()).collect();
    assert_eq!(notices, ["`server/lib/broken.js` is not counted: it has a syntax error"]);
}

#[test]
fn a_minimum_that_is_not_reached_fails_and_names_the_lines() {
    let app = App::copy("samples/visits");
    let output = app.test(&["--coverage-min", "95"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let output = app.test(&["--coverage-min", "lines=95.1"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(told.contains("95.00% of the lines are reached, and 95.1% were asked for"), "{told}");
    assert!(told.contains("1 line more would do") && told.contains("server/server.js:15"), "{told}");
}

#[test]
fn reports_are_what_their_readers_take() {
    let app = App::copy("samples/visits");
    let code = std::fs::read_to_string(app.root.join("server/server.js")).unwrap();
    app.file("server/lib/markup.js", "exports = { f: () => '<script>alert(1)</script>' };\n");
    let reports = ["lcov=l.info", "html=c.html", "json=c.json"];
    let args: Vec<&str> = reports.iter().flat_map(|report| ["--coverage-report", report]).collect();
    let output = app.test(&[&args[..], &["--report", "html=run.html"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let read = |name: &str| std::fs::read_to_string(app.root.join(name)).unwrap();
    let lcov = read("l.info");
    let own = lcov.split("end_of_record").find(|record| record.contains("SF:server/server.js")).expect("a record");
    for (head, sum) in [("DA:", "LF:"), ("FN:", "FNF:"), ("BRDA:", "BRF:")] {
        let listed = own.lines().filter(|line| line.starts_with(head)).count();
        assert!(own.lines().any(|line| line == format!("{sum}{listed}")), "{sum}{listed} in\n{own}");
    }
    assert!(own.lines().any(|line| line == "DA:15,0"), "{own}");
    let page = read("c.html");
    assert!(page.contains("&lt;script&gt;alert") && !page.contains("<script"), "{page}");
    assert!(page.contains("95.00%"), "{page}");
    assert!(read("run.html").contains("95.00%"));
    let numbers: Value = serde_json::from_str(&read("c.json")).unwrap();
    assert_eq!(numbers["files"].as_array().unwrap().len(), 2);
    // Counters are put into what is handed over, never into the file.
    assert_eq!(std::fs::read_to_string(app.root.join("server/server.js")).unwrap(), code);
}

#[test]
fn an_app_that_spoils_its_counters_is_told_of_and_no_more() {
    let app = App::copy("tests/fixtures/coverage/behaviour");
    app.file(
        "server/server.js",
        "exports = { onCreate: function () {
  const own = String(exports.onCreate).match(/([A-Za-z_$][\\w$]*)\\[\\d+\\]/);
  if (own) eval(own[1] + '.fill(NaN)');
  return own ? 'spoiled' : 'not found';
} };
",
    );
    for runtime in runtimes("an_app_that_spoils_its_counters_is_told_of_and_no_more") {
        let events = app.events(&["--runtime", runtime, "--coverage"]);
        assert_eq!(of_type(&events, "delivery-finished")[0]["outcome"]["kind"], "returned", "{runtime}");
        let notices = of_type(&events, "notice");
        let is_told = |one: &&Value| one["message"].as_str().unwrap().contains("is not in the coverage");
        assert!(notices.iter().any(is_told), "{runtime}: {notices:?}");
    }
}

#[test]
fn coverage_is_of_one_app() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        copy(&root().join("samples/visits"), &folder.path().join(name));
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_simctl"));
    let output = command.args(["test", ".", "--coverage"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("coverage is of one app"), "{}", text(&output.stderr));
}
