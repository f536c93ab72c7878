//! `simctl trigger … --watch`: what is saved is fired again, keys do what they say, and the terminal is given back.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::common::skip;
use crate::sandbox::{SIMCTL, Sandbox};

const SERVER: &str = "const lib = require('./lib/words');
exports = {
  created: function (payload) { console.log(lib.word, payload.data.user.id); },
  updated: function (payload) { console.log('changed', Object.keys(payload.data.changes).length > 0); }
};
";

/// Long enough for the slowest machine; never waited for where all is well.
const DEADLINE: Duration = Duration::from_secs(60);

fn app() -> Sandbox {
    Sandbox::app(SERVER).file("server/lib/words.js", "exports = { word: 'one' };\n")
}

/// As editors save: beside it, then over it.
fn save(sandbox: &Sandbox, name: &str, text: &str) {
    let new = sandbox.path().join(format!("{name}.tmp~"));
    fs::write(&new, text).expect("a file");
    fs::rename(new, sandbox.path().join(name)).expect("renamed");
}

/// A simctl that goes on, and all that it says on both streams.
struct Watching {
    child: Child,
    said: Receiver<String>,
    text: String,
    /// How much of the text was looked at.
    at: usize,
    terminal: Option<File>,
}

impl Watching {
    /// On pipes.
    fn start<'a>(sandbox: &Sandbox, args: impl IntoIterator<Item = &'a str>) -> Self {
        let mut child = sandbox.command(args).stdin(Stdio::null()).spawn().expect("simctl starts");
        let (out, err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let (sender, said) = channel();
        for mut stream in [Box::new(out) as Box<dyn Read + Send>, Box::new(err)] {
            let sender = sender.clone();
            std::thread::spawn(move || read(&mut stream, &sender));
        }
        Self { child, said, text: String::new(), at: 0, terminal: None }
    }

    /// On a terminal of its own, which it is in front of.
    fn on_terminal(sandbox: &Sandbox, args: &[&str]) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&ours).expect("granted");
        unlockpt(&ours).expect("unlocked");
        let name = ptsname(&ours, Vec::new()).expect("a name").into_string().expect("UTF-8");
        // `setsid --ctty` of util-linux makes standard input the terminal that the program is in front of.
        let theirs = || File::options().read(true).write(true).open(Path::new(&name)).expect("the other end");
        let mut command = std::process::Command::new("setsid");
        command.args(["--ctty", "--wait", SIMCTL]).args(args).current_dir(sandbox.path());
        command.env_remove("NO_COLOR").env("TERM", "xterm").env("COLUMNS", "80");
        command.stdin(theirs()).stdout(theirs()).stderr(theirs());
        let child = command.spawn().expect("setsid starts");
        drop(command);
        let ours = File::from(ours);
        let (sender, said) = channel();
        let mut reader = ours.try_clone().expect("cloned");
        std::thread::spawn(move || read(&mut reader, &sender));
        Self { child, said, text: String::new(), at: 0, terminal: Some(ours) }
    }

    /// Reads until `wanted` was said since the last time; gives what was said up to it.
    #[track_caller]
    fn until(&mut self, wanted: &str) -> String {
        let began = Instant::now();
        loop {
            if let Some(found) = self.text[self.at..].find(wanted) {
                let end = self.at + found + wanted.len();
                let said = self.text[self.at..end].to_owned();
                self.at = end;
                return said;
            }
            match self.said.recv_timeout(DEADLINE.saturating_sub(began.elapsed())) {
                Ok(more) => self.text.push_str(&more),
                Err(RecvTimeoutError::Timeout) => panic!("`{wanted}` did not come:\n{}", self.text),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended before `{wanted}`:\n{}", self.text),
            }
        }
    }

    fn press(&mut self, key: &str) {
        self.terminal.as_mut().expect("a terminal").write_all(key.as_bytes()).expect("pressed");
    }

    /// Whether the terminal hands over lines and shows what is typed, as it does for a shell.
    fn is_as_it_was(&self) -> bool {
        let modes = tcgetattr(self.terminal.as_ref().expect("a terminal").as_fd()).expect("modes").local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    fn end(&mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // A test that failed must not leave it behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(stream: &mut dyn Read, sender: &std::sync::mpsc::Sender<String>) {
    let mut bytes = [0; 4096];
    // Where the other end is closed, Linux answers with an error.
    while let Ok(length @ 1..) = stream.read(&mut bytes) {
        if sender.send(String::from_utf8_lossy(&bytes[..length]).into_owned()).is_err() {
            return;
        }
    }
}

#[test]
fn what_is_saved_is_fired_again_and_what_differs_is_told() {
    let app = app().file("payload.json", "{}");
    let mut watching = Watching::start(&app, ["trigger", "onUserCreate", "--watch"]);
    watching.until("note: watching: what is saved is fired again, Ctrl-C ends it\n");
    watching.until("onUserCreate -> created");
    watching.until("repeat: simctl trigger onUserCreate --seed ");

    save(&app, "server/lib/words.js", "exports = { word: 'two' };\n");
    watching.until("words.js was saved");
    let said = watching.until("start-up");
    assert!(said.contains("-    log  one ") && said.contains("+    log  two "), "{said}");
    assert!(!said.contains("onUserCreate -> "), "only what differs is told: {said}");

    save(&app, "server/server.js", &SERVER.replace("console.log(lib.word", "throw new Error('no'); (lib.word"));
    watching.until("FAIL  threw Error: no");
    watching.until("was  returned");

    // Faults are told, and it goes on.
    save(&app, "server/server.js", "exports = {");
    watching.until("FAIL  did not load: SyntaxError");
    save(&app, "manifest.json", "{");
    watching.until("error[json-syntax]");
    let good = Sandbox::app(SERVER);
    save(&app, "server/server.js", SERVER);
    save(&app, "manifest.json", &fs::read_to_string(good.path().join("manifest.json")).expect("a file"));
    watching.until("ok  returned");

    // A file that the run did not read is none of its.
    save(&app, "payload.json", "{\"event\": 1}");
    save(&app, "server/unused.js", "nothing");
    save(&app, "server/lib/words.js", "exports = { word: 'three' };\n");
    let said = watching.until("log  three");
    assert!(!said.contains("payload.json") && !said.contains("unused.js"), "{said}");

    kill_process(Pid::from_child(&watching.child), Signal::INT).expect("it is there");
    assert_eq!(watching.end(), Some(130));
}

#[test]
fn each_file_that_a_run_reads_is_watched() {
    let app = app();
    let payload = app.run(["generate", "onUserCreate"]).code(0).out;
    let app = app
        .file("payload.json", payload)
        .file("simctl.json", "{}")
        .file("config/iparams.json", "{}")
        .file("config/iparam_test_data.json", "{}")
        .file("config/requests.json", "{}")
        .file(
            "mocks/one.json",
            r#"{ "request": { "method": "GET", "url": "https://crm.example/" }, "answer": { "status": 200 } }"#,
        );
    let flags = ["trigger", "onUserCreate", "--watch", "--payload", "payload.json"];
    let mut watching = Watching::start(&app, flags);
    watching.until("ok  returned");
    watching.until("repeat: ");
    for name in [
        "manifest.json",
        "server/server.js",
        "server/lib/words.js",
        "simctl.json",
        "config/iparams.json",
        "config/iparam_test_data.json",
        "config/requests.json",
        "mocks/one.json",
        "payload.json",
    ] {
        let text = fs::read_to_string(app.path().join(name)).expect("a file");
        save(&app, name, &format!("{text}\n"));
        watching.until(&format!("note: {name} was saved"));
        watching.until("ok  returned");
    }
}

#[test]
fn a_run_under_way_is_stopped_when_its_file_is_saved() {
    let app = app().file("server/server.js", "exports = { created: function () { console.log('on'); for (;;) {} } };");
    let mut watching = Watching::start(&app, ["trigger", "onUserCreate", "--watch", "--timeout", "50s"]);
    watching.until("log  on");
    let began = Instant::now();
    save(&app, "server/server.js", SERVER);
    watching.until("ok  returned");
    assert!(began.elapsed() < Duration::from_secs(40), "its time limit was not waited for");
}

#[test]
fn several_saves_are_one_run_and_each_run_is_a_whole_stream() {
    let app = app();
    let args = ["trigger", "onUserCreate", "--watch", "--format", "json", "--no-history"];
    let mut watching = Watching::start(&app, args);
    watching.until("run-finished");
    let began = Instant::now();
    for number in 0..5 {
        fs::write(app.path().join("server/lib/words.js"), format!("exports = {{ word: 'w{number}' }};"))
            .expect("saved");
    }
    // On a busy machine there may be a pause between two of them that is one between two saves.
    let pauses = began.elapsed().as_millis() / 15;
    let said = watching.until("\"text\":\"w4 ");
    assert!(said.matches("run-started").count() as u128 <= 3 + pauses, "{said}");
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let app = app();
    app.run(["trigger", "onUserCreate", "--watch", "--payload", "-"]).code(2).stderr("read only once");
    app.run(["trigger", "onUserCreate", "--watch", "--format", "junit"]).code(2).stderr("junit=FILE");
    // The wrong folder, most likely.
    Sandbox::new().run(["trigger", "onUserCreate", "--watch"]).code(2).stderr("manifest-missing");
}

/// Whether a program can be given a terminal that it is in front of.
fn terminal_or_skip(who: &str) -> bool {
    let is_there = std::process::Command::new("setsid").args(["--ctty", "true"]).stdin(Stdio::null()).output().is_ok();
    if !is_there {
        skip(who, "it needs `setsid` of util-linux, and there is none on PATH");
    }
    is_there
}

#[test]
fn keys_fire_again_and_the_terminal_is_given_back() {
    if !terminal_or_skip("keys_fire_again_and_the_terminal_is_given_back") {
        return;
    }
    let app = app();
    let mut watching = Watching::on_terminal(&app, &["trigger", "onUserCreate", "--watch", "--color", "never"]);
    watching.until("Enter fires again, n draws anew, c creates, u updates, q quits");
    watching.until("repeat:");
    assert!(!watching.is_as_it_was(), "keys are handed over one by one");
    watching.press("\r");
    let said = watching.until("ok  returned");
    assert!(said.contains("same  1 line"), "the same bytes again: {said}");
    watching.press("n");
    let said = watching.until("ok  returned");
    assert!(said.contains("-    log  one ") && said.contains("+    log  one "), "another user: {said}");
    watching.until("repeat: simctl trigger onUserCreate --color never --seed ");
    // Resizing is nothing to it.
    let size = Winsize { ws_row: 10, ws_col: 20, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(watching.terminal.as_ref().expect("a terminal"), size).expect("resized");
    watching.press("u");
    watching.until("onUserUpdate -> updated");
    watching.until("log  changed true");
    watching.until("repeat: simctl replay ");
    watching.press("c");
    watching.until("onUserCreate -> created");
    watching.until("repeat:");
    save(&app, "server/lib/words.js", "exports = { word: 'two' };\n");
    watching.until("log  two");
    watching.until("ok  returned");
    watching.press("\u{1b}[A?");
    watching.until("q quits");
    watching.press("q");
    assert_eq!(watching.end(), Some(0), "the verdict of the last run");
    assert!(watching.is_as_it_was());
    let users = app.run(["users", "list", "--format", "json"]).code(0);
    assert_eq!(users.out.lines().count(), 3, "three were created, and one of them updated: {}", users.out);
}

#[test]
fn each_change_of_a_user_begins_from_what_she_is_now() {
    if !terminal_or_skip("each_change_of_a_user_begins_from_what_she_is_now") {
        return;
    }
    let app = app();
    // Whichever event was typed, and about nobody.
    let flags = ["--watch", "--color", "never", "--changes", "2", "--timeout", "9s"];
    let mut watching = Watching::on_terminal(&app, &[&["trigger", "onUserUpdate"], &flags[..]].concat());
    watching.until("repeat: simctl trigger onUserUpdate --color never --changes 2 --timeout 9s --seed ");
    watching.press("c");
    watching.until("onUserCreate -> created");
    watching.until("repeat: simctl trigger onUserCreate --color never --timeout 9s --seed ");
    watching.press("u");
    watching.until("onUserUpdate -> updated");
    watching.until("repeat: simctl replay 3 --color never --timeout 9s");
    for _ in 0..2 {
        watching.press("n");
        watching.until("ok  returned");
    }
    // The same once more is the same.
    watching.press("\r");
    watching.until("same  1 line");
    watching.press("q");
    assert_eq!(watching.end(), Some(0));

    let kept = app.run(["history", "--format", "json"]).code(0).lines();
    assert_eq!(kept.len(), 6);
    // The second was her creation, and three changes followed it.
    for (before, after) in kept[1..4].iter().zip(&kept[2..5]) {
        let (before, data) = (&before["payload"]["data"]["user"], &after["payload"]["data"]);
        assert_eq!(data["user"]["id"], before["id"]);
        for (field, pair) in data["changes"].as_object().expect("changes") {
            // An attribute that she did not have was null.
            let was = before.get(field).unwrap_or(&serde_json::Value::Null);
            assert_eq!((&pair[0], &pair[1]), (&data["user"][field], was), "{field} of delivery {}", after["id"]);
        }
    }
    assert_eq!(kept[5]["payload"], kept[4]["payload"]);
}

#[test]
fn a_users_file_that_is_saved_is_read_anew() {
    let server = "exports = { updated: function (payload) { console.log(payload.data.user.first_name); } };";
    let ada = r#"{ "id": "u-1", "first_name": "Ada" }"#;
    let app = app().file("server/server.js", server).file("ada.json", ada);
    let flags = ["trigger", "onUserUpdate", "--user", "ada.json", "--changes", "phone", "--watch"];
    let mut watching = Watching::start(&app, flags);
    watching.until("log  Ada");
    watching.until("repeat: ");
    save(&app, "ada.json", &ada.replace("Ada", "Eve"));
    watching.until("ada.json was saved");
    watching.until("+    log  Eve");
    watching.until("start-up");
    // Gone and there again.
    fs::remove_file(app.path().join("ada.json")).expect("removed");
    watching.until("ada.json was removed");
    watching.until("nor is there a file of that name");
    save(&app, "ada.json", &ada.replace("Ada", "Zoe"));
    watching.until("log  Zoe");
}

#[test]
fn the_terminal_is_given_back_while_it_is_stopped() {
    if !terminal_or_skip("the_terminal_is_given_back_while_it_is_stopped") {
        return;
    }
    let app = app();
    let mut watching = Watching::on_terminal(&app, &["trigger", "onUserCreate", "--watch"]);
    watching.until("repeat:");
    watching.press("\u{1a}");
    let stat = format!("/proc/{}/stat", watching.child.id());
    let is_stopped = || fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T "));
    wait(&is_stopped, "it stops");
    assert!(watching.is_as_it_was());
    kill_process(Pid::from_child(&watching.child), Signal::CONT).expect("it is there");
    wait(&|| !watching.is_as_it_was(), "keys are handed over again");
    watching.press("\r");
    watching.until("same");
    watching.press("q");
    assert_eq!(watching.end(), Some(0));
}

#[track_caller]
fn wait(until: &dyn Fn() -> bool, what: &str) {
    let began = Instant::now();
    while !until() {
        assert!(began.elapsed() < DEADLINE, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn the_terminal_is_given_back_after_ctrl_c() {
    if !terminal_or_skip("the_terminal_is_given_back_after_ctrl_c") {
        return;
    }
    let app = app();
    let mut watching = Watching::on_terminal(&app, &["trigger", "onUserCreate", "--watch"]);
    watching.until("repeat:");
    assert!(!watching.is_as_it_was());
    watching.press("\u{3}");
    assert_eq!(watching.end(), Some(130));
    assert!(watching.is_as_it_was());
}
