//! `simctl validate --watch`: what is saved is checked again.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::Sandbox;

const GOOD: &str = r#"{"platform-version": "3.0", "modules": {"chat_user": {"events": {"onUserCreate": {"handler": "f"}}}}, "engines": {"node": "18.20.8", "fdk": "9.7.4"}}"#;
const SCRIPT: &str = "exports = {\n  f: function (payload) {\n    console.log(payload.event);\n  }\n};\n";

/// Long enough for the slowest machine; never waited for where all is well.
const DEADLINE: Duration = Duration::from_secs(60);

/// A simctl that goes on, read line by line.
struct Watching {
    child: Child,
    lines: Receiver<String>,
    err: Option<JoinHandle<String>>,
    seen: Vec<String>,
}

impl Watching {
    fn start<'a>(sandbox: &Sandbox, args: impl IntoIterator<Item = &'a str>) -> Self {
        let mut child = sandbox.command(args).spawn().expect("simctl starts");
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().expect("piped"));
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut err = child.stderr.take().expect("piped");
        let err = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = err.read_to_string(&mut text);
            text
        });
        Self { child, lines, err: Some(err), seen: Vec::new() }
    }

    /// Reads up to a line that has `wanted`; gives the lines read, that one included.
    #[track_caller]
    fn until(&mut self, wanted: &str) -> Vec<String> {
        let (began, from) = (Instant::now(), self.seen.len());
        loop {
            match self.lines.recv_timeout(DEADLINE.saturating_sub(began.elapsed())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("`{wanted}` did not come:\n{}", self.seen.join("\n")),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended before `{wanted}`:\n{}", self.seen.join("\n")),
            }
            if self.seen.last().is_some_and(|line| line.contains(wanted)) {
                return self.seen[from..].to_vec();
            }
        }
    }

    /// Ctrl-C; gives the exit code and what was said on standard error.
    fn stop(mut self) -> (Option<i32>, String) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::INT).expect("it is there");
        let status = self.child.wait().expect("it ends");
        let err = self.err.take().expect("once").join().expect("read");
        (status.code(), err)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // A test that failed must not leave it behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write(sandbox: &Sandbox, name: &str, text: &str) {
    let path = sandbox.path().join(name);
    fs::create_dir_all(path.parent().expect("has a parent")).expect("a folder");
    fs::write(path, text).expect("a file");
}

/// As editors save: beside it, then over it.
fn save(sandbox: &Sandbox, name: &str, text: &str) {
    let new = sandbox.path().join(format!("{name}.tmp~"));
    fs::write(&new, text).expect("a file");
    fs::rename(new, sandbox.path().join(name)).expect("renamed");
}

#[test]
fn what_is_new_and_what_is_gone_is_told_after_each_save() {
    let sandbox = Sandbox::new().file("manifest.json", GOOD.replace("onUserCreate", "onUserCreat"));
    let sandbox = sandbox.file("server/server.js", SCRIPT);
    let mut watching = Watching::start(&sandbox, ["validate", "--watch"]);
    let first = watching.until("2 files checked: 1 error");
    assert!(first[0].starts_with("error[unknown-event]"), "{first:?}");

    save(&sandbox, "manifest.json", GOOD);
    let mended = watching.until("2 files checked");
    let gone = mended.iter().find(|line| line.starts_with("gone: error[unknown-event] in manifest.json: "));
    assert!(gone.is_some(), "{mended:?}");
    assert_eq!(mended.last().map(String::as_str), Some("2 files checked: nothing found; 1 gone"));

    save(&sandbox, "server/server.js", "exports = { f: function (payload) { return payload.daat; } };\n");
    let broken = watching.until("2 files checked");
    assert!(broken.iter().any(|line| line.contains("warning[unknown-read]")), "{broken:?}");
    assert_eq!(broken.last().map(String::as_str), Some("2 files checked: 1 warning; 1 new"));

    let (code, err) = watching.stop();
    assert_eq!(code, Some(130), "{err}");
    assert_eq!(err, "note: watching: what is saved is checked again, Ctrl-C ends it\n");
}

#[test]
fn a_file_and_a_folder_that_come_later_are_seen() {
    let sandbox = Sandbox::new().file("manifest.json", GOOD).file("server/server.js", SCRIPT);
    let mut watching = Watching::start(&sandbox, ["validate", "--watch"]);
    watching.until("2 files checked: nothing found");
    write(&sandbox, "config/iparams.json", r#"{"team": 7}"#);
    watching.until("3 files checked: 1 error");
    write(&sandbox, "server/test_data/onUserCreate.json", "{");
    // On a slow machine it is seen while it is empty, which is another error.
    watching.until("4 files checked: 2 errors");
    // What is taken away is seen as well, be it the manifest itself.
    fs::remove_file(sandbox.path().join("manifest.json")).expect("removed");
    watching.until("error[manifest-missing]");
    write(&sandbox, "manifest.json", GOOD);
    watching.until("4 files checked: 2 errors");
}

#[test]
fn a_burst_of_saves_is_one_check_and_each_check_is_a_whole_stream() {
    let sandbox = Sandbox::new().file("many/0.json", "[]");
    let mut watching = Watching::start(&sandbox, ["validate", "--watch", "many", "--format", "json"]);
    watching.until("check-finished");
    let burst = 60;
    for number in 1..burst {
        write(&sandbox, &format!("many/{number}.json"), "[]");
    }
    let told = watching.until(&format!("\"files\":{burst},"));
    let checks = told.iter().filter(|line| line.contains("check-started")).count();
    assert!((1..burst / 2).contains(&checks), "{checks} checks of {burst} saves");
    let last = told.iter().rposition(|line| line.contains("check-started")).expect("it began");
    let found = told[last..].iter().filter(|line| line.contains("\"type\":\"found\"")).count();
    assert_eq!(found, burst, "each check tells all");
}

#[test]
fn reports_are_written_anew_by_each_check() {
    let sandbox = Sandbox::new().file("manifest.json", GOOD).file("server/server.js", "exports = {");
    let report = sandbox.path().join("simctl.xml");
    let args = ["validate", "--watch", "--format", "json", "--format", "junit=simctl.xml"];
    let mut watching = Watching::start(&sandbox, args);
    watching.until("check-finished");
    save(&sandbox, "server/server.js", SCRIPT);
    let told = watching.until("check-finished");
    assert!(told.last().expect("a line").contains("\"errors\":0"), "{told:?}");
    write(&sandbox, "config/iparams.json", "{}");
    watching.until("\"files\":3,");
    let (code, err) = watching.stop();
    assert_eq!(code, Some(130), "{err}");
    let xml = fs::read_to_string(report).expect("the report is there");
    assert!(xml.contains("</testsuites>") && xml.contains("iparams.json"), "{xml}");
}

#[test]
fn a_file_alone_is_watched_from_before_it_is_there() {
    let sandbox = Sandbox::new().file("other.json", "{}");
    let mut watching = Watching::start(&sandbox, ["validate", "--watch", "later/p.json", "--event", "onUserCreate"]);
    watching.until("error[file-missing]");
    write(&sandbox, "later/p.json", "[]");
    watching.until("error[wrong-shape]");
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.run(["validate", "--watch", "-"]).code(2).stderr("standard input can be read only once");
    sandbox.run(["validate", "--watch", "--format", "sarif"]).code(2).stderr("--format sarif=FILE");
    // Nothing to check in the first place: the wrong folder, most likely.
    sandbox.run(["validate", "--watch"]).code(2).stderr("manifest-missing");
}

#[test]
fn ctrl_c_ends_a_long_check_with_its_reports_written() {
    let lines = 50_000;
    let sandbox = Sandbox::new().file("many.ndjson", "[]\n".repeat(lines));
    let args = ["validate", "many.ndjson", "--format", "json", "--format", "junit=simctl.xml"];
    let mut child = sandbox.command(args).spawn().expect("simctl starts");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut first = String::new();
    out.read_line(&mut first).expect("it begins");
    // What it tells fits into no pipe, so it cannot have come to its end.
    kill_process(Pid::from_child(&child), Signal::INT).expect("it is there");
    let told: Vec<String> = out.lines().map_while(Result::ok).collect();
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert!(told.len() < lines, "{} events of a check that was cut short", told.len());
    assert!(told.iter().any(|line| line.contains("\"type\":\"notice\"")), "it says so");
    let last = told.last().expect("an event");
    assert!(last.contains("check-finished") && last.contains("\"exit_code\":130"), "{last}");
    let xml = fs::read_to_string(sandbox.path().join("simctl.xml")).expect("the report is there");
    assert!(xml.contains("</testsuites>"), "{xml}");
}
