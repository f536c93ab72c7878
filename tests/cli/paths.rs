//! Paths that attack: links, devices and pipes in a file's place, names that are no text, folders and disks that cannot be
//! written, and two runs at once. Each ends soon and is told readably; nothing outside the app is written.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::common::{node_or_skip, skip};
use crate::sandbox::{SIMCTL, Sandbox};

/// What any of these runs may take.
const IN_TIME: Duration = Duration::from_secs(20);

const SERVER: &str = "exports = { created() { return require('./lib/answer'); }, updated() { return 2; } };\n";

/// An app that requires a file, in a folder of that name below one of its own.
struct App {
    above: TempDir,
    name: OsString,
}

impl App {
    fn named(name: &[u8]) -> Self {
        let app = Self { above: TempDir::new().expect("a temporary folder"), name: OsStr::from_bytes(name).to_owned() };
        copy(Sandbox::app(SERVER).file("server/lib/answer.js", "module.exports = 41;\n").path(), &app.path());
        app
    }

    fn path(&self) -> PathBuf {
        self.above.path().join(&self.name)
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("has a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
        self
    }

    /// simctl in the folder above, with the app as the last word.
    fn run<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Told {
        Told::of(command(self.above.path(), words).arg(&self.name))
    }

    /// What stands beside the app.
    fn beside(&self) -> Vec<OsString> {
        let names =
            fs::read_dir(self.above.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        names.filter(|name| *name != self.name).collect()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
        }
    }
}

fn command<'a>(folder: &Path, words: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(SIMCTL);
    command.args(words).current_dir(folder).stdin(Stdio::null());
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "SIMCTL_SEED", "SIMCTL_NOW", "SIMCTL_NO_HISTORY", "CI"] {
        command.env_remove(name);
    }
    command
}

/// What a run said, both outputs together.
struct Told {
    code: Option<i32>,
    text: String,
}

impl Told {
    fn of(command: &mut Command) -> Self {
        let began = Instant::now();
        let Output { status, stdout, stderr } = command.output().expect("it starts");
        assert!(began.elapsed() < IN_TIME, "{command:?} took {:?}", began.elapsed());
        let text = String::from_utf8([stdout, stderr].concat()).expect("what is told is UTF-8");
        let steers = text.contains(|c: char| c.is_control() && c != '\n' && c != '\t');
        assert!(!steers && !text.contains("panicked"), "{command:?}: {text:?}");
        Self { code: status.code(), text }
    }

    #[track_caller]
    fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "{}", self.text);
        self
    }

    #[track_caller]
    fn says(self, expected: &str) -> Self {
        assert!(self.text.contains(expected), "`{expected}` was expected: {}", self.text);
        self
    }
}

fn runtimes() -> Vec<&'static str> {
    let node = node_or_skip("paths on the node runtime").then_some("node");
    ["embedded"].into_iter().chain(node).collect()
}

#[test]
fn an_app_runs_in_a_folder_of_any_name() {
    for (name, shown) in
        [(&b"caf\xe9"[..], "caf\u{fffd}"), (b"a\nb\x1b[31mc", r"$'a\nb\033[31mc'"), (b"-n 'x' $(y) \xc2\x9b31m", "-n")]
    {
        let app = App::named(name);
        for runtime in runtimes() {
            let told = Told::of(
                command(&app.path(), ["trigger", "onUserCreate", "--runtime", runtime, "--seed", "7"]).arg("--app=."),
            );
            told.code(0).says("returned 41");
            if name[0] != b'-' {
                let told = app.run(["trigger", "onUserCreate", "--runtime", runtime, "--seed", "7", "--app"]);
                told.code(0).says("returned 41").says(shown);
            }
        }
        if name[0] != b'-' {
            app.run(["validate"]).code(0);
            app.run(["history", "--app"]).code(0).says("onUserCreate");
            app.run(["fuzz", "onUserCreate", "-n", "5", "--seed", "7", "--app"]).code(0);
        }
        assert_eq!(app.beside(), Vec::<OsString>::new());
    }
}

#[test]
fn the_command_that_repeats_a_run_in_a_folder_of_an_odd_name_does_so() {
    if !Command::new("bash").arg("-c").arg("true").status().is_ok_and(|status| status.success()) {
        return skip("the_command_that_repeats_a_run_in_a_folder_of_an_odd_name_does_so", "there is no bash");
    }
    let app = App::named("a\nb\u{1b}[31m'c\u{9b}".as_bytes());
    let told = app.run(["trigger", "onUserCreate", "--seed", "7", "--app"]).code(0);
    let repeat = told.text.lines().find_map(|line| line.strip_prefix("repeat: simctl ")).expect("a command");
    let script = format!("'{SIMCTL}' {repeat}");
    let mut again = Command::new("bash");
    Told::of(again.args(["-c", &script]).current_dir(app.above.path()).stdin(Stdio::null()))
        .code(0)
        .says("returned 41");
}

#[test]
fn packages_in_a_folder_that_is_no_text_are_refused_with_the_reason() {
    if !node_or_skip("packages_in_a_folder_that_is_no_text_are_refused_with_the_reason") {
        return;
    }
    let app = App::named(b"caf\xe9")
        .file("server/server.js", "exports = { created() { return require('tales'); }, updated() {} };\n")
        .file("server/node_modules/tales/index.js", "module.exports = 1;\n");
    app.run(["trigger", "onUserCreate", "--app"]).code(1).says("`tales` cannot be loaded").says("is not UTF-8");
}

#[test]
fn a_module_whose_name_is_no_text_is_refused() {
    let app = App::named(b"app");
    let lib = app.path().join("server/lib");
    fs::rename(lib.join("answer.js"), lib.join(OsStr::from_bytes(b"\xff.js"))).expect("renamed");
    symlink(OsStr::from_bytes(b"\xff.js"), lib.join("answer.js")).expect("a link");
    for runtime in runtimes() {
        let told = app.run(["trigger", "onUserCreate", "--runtime", runtime, "--app"]);
        told.code(1).says("`./lib/answer` leads to a file whose name is not UTF-8");
    }
}

/// Puts something into the place of a file.
fn in_place(app: &App, name: &str, put: impl Fn(&Path)) {
    let path = app.path().join(name);
    fs::create_dir_all(path.parent().expect("has a parent")).expect("a folder");
    let _ = fs::remove_file(&path);
    put(&path);
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().is_ok_and(|status| status.success()), "{}", path.display());
}

#[test]
fn a_pipe_a_device_or_a_link_in_a_files_place_is_told_and_not_waited_for() {
    type Put = fn(&Path);
    let kinds: [(&str, Put); 4] = [
        ("a pipe", fifo),
        ("a link to a device", |path| symlink("/dev/zero", path).expect("a link")),
        ("a link to nowhere", |path| symlink("nowhere", path).expect("a link")),
        ("a link to itself", |path| symlink(path.file_name().expect("a name"), path).expect("a link")),
    ];
    for (kind, put) in kinds {
        for (file, code) in [
            ("manifest.json", 2),
            ("server/server.js", 2),
            ("server/lib/answer.js", 1),
            ("mocks/answer.json", 2),
            ("config/iparams.json", 2),
            ("config/requests.json", 2),
            ("server/test_data/onUserCreate.json", 2),
            ("tests/a.scenario.yaml", 2),
        ] {
            let app = App::named(b"app");
            in_place(&app, file, put);
            let short = file.rsplit('/').next().expect("a name").split('.').next().expect("a word");
            let told = match file {
                "tests/a.scenario.yaml" => app.run(["test"]),
                // An app that asks for no template needs none.
                "config/requests.json" => app.run(["validate"]),
                "server/test_data/onUserCreate.json" => app.run(["trigger", "onUserCreate", "--sample", "--app"]),
                _ => app.run(["trigger", "onUserCreate", "--no-history", "--app"]),
            };
            assert_eq!(told.code, Some(code), "{kind}, {file}: {}", told.text);
            assert!(told.text.contains(short), "{kind}, {file}: {}", told.text);
            let told = app.run(["validate"]);
            assert!(told.code != Some(101), "{kind}, {file}: {}", told.text);
        }
        let app = App::named(b"app");
        in_place(&app, "given", put);
        for flag in ["--payload", "--iparams", "--db", "--manifest"] {
            let given = app.path().join("given");
            let mut run = command(&app.path(), ["trigger", "onUserCreate", "--no-history", flag]);
            let told = Told::of(run.arg(&given));
            let is_refused = matches!(told.code, Some(2 | 3));
            // An app that stores nothing opens no store, and a link to a new file is one that can be made.
            assert!(is_refused || flag == "--db", "{kind}, {flag}: {:?} {}", told.code, told.text);
        }
    }
}

#[test]
fn an_app_that_is_a_link_is_the_one_it_leads_to() {
    let app = App::named(b"app");
    symlink("app", app.above.path().join("link")).expect("a link");
    let run = |words: &[&str]| Told::of(&mut command(app.above.path(), words.iter().copied()));
    run(&["trigger", "onUserCreate", "--app", "link"]).code(0).says("returned 41");
    run(&["trigger", "onUserCreate", "--app", "link/../app/server/.."]).code(0).says("returned 41");
    run(&["validate", "link"]).code(0);
    assert!(app.path().join(".simctl/history").is_dir());
    assert_eq!(app.beside(), ["link"]);
}

/// simctl where `mount` has changed what stands in the app's folder, seen by that run alone; nothing where this machine does
/// not let us.
fn mounted(app: &App, mount: &str, words: &[&str]) -> Option<Told> {
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", "--mount", "sh", "-c", &format!("set -e; {mount}; exec \"$@\""), "sh", SIMCTL]);
    unshare.args(words).arg(".").current_dir(app.path()).stdin(Stdio::null());
    let probe = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"])
        .stderr(Stdio::null())
        .status();
    probe.is_ok_and(|status| status.success()).then(|| Told::of(&mut unshare))
}

/// Says that `who` skips something. Unlike a program that lacks, rights are nothing that CI could install.
fn cannot_mount(who: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {who}: nothing can be mounted here");
}

/// The app's folder as it is, on a disk that cannot be written.
const READ_ONLY: &str = "mount --bind \"$PWD\" \"$PWD\"; mount -o remount,ro,bind \"$PWD\"; cd \"$PWD\"";

/// The app on a disk with room for little more than its own files.
const FULL: &str = "copy=$(mktemp -d); cp -r . \"$copy\"; size=$(du -sk . | cut -f1); \
                    mount -t tmpfs -o size=$((size + 64))k none \"$PWD\"; cd \"$PWD\"; cp -r \"$copy\"/. .; rm -r \"$copy\"";

const STORES: &str = "exports = { async created(payload) { await $db.set('k' + payload.data.user.id, { text: 'x'.repeat(6000) }); \
                      return 41; }, updated() {} };\n";

#[test]
fn a_run_in_an_app_that_cannot_be_written_is_a_run() {
    let app = App::named(b"app");
    let Some(told) = mounted(&app, READ_ONLY, &["trigger", "onUserCreate", "--app"]) else {
        return cannot_mount("a_run_in_an_app_that_cannot_be_written_is_a_run");
    };
    told.code(0).says("returned 41").says("the history is not kept");
    let run = |app: &App, words: &[&str]| mounted(app, READ_ONLY, words).expect("it could be done before");
    run(&app, &["fuzz", "onUserCreate", "-n", "5", "--app"]).code(0);
    run(&app, &["validate"]).code(0);
    let fails = App::named(b"app").file("server/server.js", "exports = { created() { throw 1; }, updated() {} };\n");
    run(&fails, &["fuzz", "onUserCreate", "-n", "3", "--app"]).says("Read-only");
    let stores = App::named(b"app").file("server/server.js", STORES);
    run(&stores, &["trigger", "onUserCreate", "--app"]).code(3).says("platform.sqlite").says("--db memory");
    run(&stores, &["trigger", "onUserCreate", "--db", "memory", "--app"]).code(0);
    // One whose `.simctl` was made before, by somebody else.
    Told::of(command(&stores.path(), ["trigger", "onUserCreate", "--app"]).arg(".")).code(0);
    run(&stores, &["trigger", "onUserCreate", "--app"]).code(3).says("platform.sqlite` cannot be written");
}

#[test]
fn a_disk_that_is_full_is_told_and_what_was_kept_stays() {
    let app = App::named(b"app").file("server/server.js", STORES);
    let words = ["trigger", "onUserCreate", "-n", "40", "--seed", "7", "--app"];
    let Some(told) = mounted(&app, FULL, &words) else {
        return cannot_mount("a_disk_that_is_full_is_told_and_what_was_kept_stays");
    };
    told.code(3).says("platform.sqlite").says("--db memory");
    let fails = App::named(b"app").file("server/server.js", "exports = { created() { throw 1; }, updated() {} };\n");
    let filled = format!("{FULL}; dd if=/dev/zero of=filler 2>/dev/null || true");
    let told =
        mounted(&fails, &filled, &["fuzz", "onUserCreate", "-n", "5", "--app"]).expect("it could be done before");
    told.says("No space left");
    // What was kept before the disk was full is read by the next run, and the run itself is a run.
    let kept = "for n in 1 2 3 4 5 6 7 8 9; do \"$2\" trigger onUserCreate --seed $n --app . >\"$n\" 2>&1 || true; done; \
                set -- \"$2\" history --format json --app .";
    let plain = App::named(b"app");
    let script = format!("{FULL}; set -- x \"$@\"; {kept}");
    let told = mounted(&plain, &script, &["--version"]).expect("it could be done before").code(0);
    assert!(told.text.lines().count() >= 1, "{}", told.text);
    for line in told.text.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn a_file_that_may_not_grow_is_told() {
    let app = App::named(b"app").file("server/server.js", STORES);
    // A limit on the size of files needs no rights; the signal that comes with it is what a full disk does not send.
    let script = "trap '' XFSZ; ulimit -f 24; exec \"$@\"";
    let mut run = Command::new("sh");
    run.args(["-c", script, "sh", SIMCTL, "trigger", "onUserCreate", "-n", "40", "--app", "."]);
    Told::of(run.current_dir(app.path()).stdin(Stdio::null())).code(3).says("platform.sqlite");
    let told = Told::of(command(&app.path(), ["db", "list", "--app"]).arg(".")).code(0);
    assert!(told.text.lines().count() > 0, "nothing is left of what was stored");
}

#[test]
fn no_home_is_needed() {
    let app = App::named(b"app");
    let home = app.path().join("home");
    fs::create_dir(&home).expect("a folder");
    fs::set_permissions(&home, fs::Permissions::from_mode(0o000)).expect("may be changed");
    for home in [home.as_os_str(), OsStr::new("/dev/null/home"), OsStr::new(""), OsStr::from_bytes(b"/\xff")] {
        for runtime in runtimes() {
            let mut run = command(&app.path(), ["trigger", "onUserCreate", "--runtime", runtime, "--app", "."]);
            Told::of(run.env("HOME", home)).code(0).says("returned 41");
        }
        Told::of(command(&app.path(), ["doctor", "--app", "."]).env("HOME", home)).code(0);
    }
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).expect("may be changed");
}

#[test]
fn different_verbs_at_once_on_one_app_lose_and_damage_nothing() {
    let app = App::named(b"app")
        .file(
            "server/server.js",
            "exports = { created(payload) { return payload.data.user.last_name.trim(); }, updated() {} };\n",
        )
        .file("tests/a.scenario.yaml", "users: { jane: {} }\nsteps: [{ create: jane }]\n");
    let runs: [&[&str]; 6] = [
        &["trigger", "onUserCreate", "-n", "10", "--seed", "1", "--app"],
        &["trigger", "onUserCreate", "-n", "10", "--seed", "2", "--app"],
        &["fuzz", "onUserCreate", "-n", "150", "--seed", "7", "--app"],
        &["fuzz", "onUserCreate", "-n", "150", "--seed", "7", "--app"],
        &["test"],
        &["trigger", "onUserCreate", "-n", "10", "--seed", "3", "--app"],
    ];
    let start = |words: &&[&str]| {
        let mut run = command(&app.path(), words.iter().copied());
        run.arg(".").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("simctl starts")
    };
    let children: Vec<_> = runs.iter().map(start).collect();
    for (words, child) in runs.iter().zip(children) {
        let Output { status, stdout, stderr } = child.wait_with_output().expect("it ends");
        let expected = if words[0] == "fuzz" { 1 } else { 0 };
        let text = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
        assert_eq!(status.code(), Some(expected), "{words:?}: {text}");
    }
    let told = app.run(["history", "--format", "json", "-n", "1000", "--app"]).code(0);
    let fired = told.text.lines().filter(|line| line.starts_with('{')).count();
    assert!(fired >= 30, "only {fired} deliveries were kept: {}", told.text);
    let failures: Vec<PathBuf> = files_below(&app.path().join(".simctl/failures"));
    assert!(!failures.is_empty());
    for file in failures.iter().filter(|file| file.extension().is_some_and(|kind| kind == "json")) {
        let text = fs::read_to_string(file).expect("a text");
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{} is not whole: {text}", file.display());
    }
    assert_eq!(app.beside(), Vec::<OsString>::new());
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn nothing_is_written_but_in_the_apps_own_folder() {
    let app = App::named(b"app")
        .file("server/server.js", "exports = { async created(payload) { await $db.set('k', { a: 1 }); return payload.data.user.last_name.trim(); }, updated() {} };\n")
        .file("tests/a.scenario.yaml", "users: { jane: {} }\nsteps: [{ create: jane }]\n");
    let own = |app: &App| {
        let mut files = files_below(&app.path());
        files.retain(|file| !file.starts_with(app.path().join(".simctl")));
        files.sort();
        files
    };
    let before = own(&app);
    let elsewhere = TempDir::new().expect("a temporary folder");
    for place in ["home", "temporary", "here"] {
        fs::create_dir(elsewhere.path().join(place)).expect("a folder");
    }
    let verbs: [(&[&str], &[&str]); 11] = [
        (&["trigger", "onUserCreate", "-n", "3", "--seed", "7"], &["--app"]),
        (&["generate", "onUserCreate"], &["--app"]),
        (&["validate"], &[]),
        (&["test"], &[]),
        (&["test", "--coverage"], &[]),
        (&["fuzz", "onUserCreate", "-n", "150", "--seed", "7"], &["--app"]),
        (&["load", "onUserCreate", "-n", "20"], &["--app"]),
        (&["history"], &["--app"]),
        (&["replay", "1"], &["--app"]),
        (&["db", "list"], &["--app"]),
        (&["doctor"], &["--app"]),
    ];
    for runtime in runtimes() {
        for (words, flag) in verbs {
            let fires = matches!(words[0], "trigger" | "test" | "fuzz" | "load" | "replay");
            let runtime: &[&str] = if fires { &["--runtime", runtime] } else { &[] };
            let mut run = command(&elsewhere.path().join("here"), words.iter().chain(runtime).chain(flag).copied());
            run.env("HOME", elsewhere.path().join("home")).env("TMPDIR", elsewhere.path().join("temporary"));
            for name in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
                run.env_remove(name);
            }
            let told = Told::of(run.arg(app.path()));
            assert!(matches!(told.code, Some(0 | 1)), "{words:?}: {:?} {}", told.code, told.text);
        }
    }
    assert_eq!(files_below(elsewhere.path()), Vec::<PathBuf>::new());
    assert_eq!(own(&app), before);
    assert_eq!(app.beside(), Vec::<OsString>::new());
}
