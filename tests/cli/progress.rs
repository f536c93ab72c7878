//! The line that says how far a long check is: on a terminal, and nowhere else.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::sandbox::Sandbox;

/// Long enough for the slowest machine; never waited for where all is well.
const DEADLINE: Duration = Duration::from_secs(60);

/// The two ends of a terminal: ours, and the program's.
pub(crate) fn terminal() -> (File, File) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours).expect("granted");
    unlockpt(&ours).expect("unlocked");
    let name = ptsname(&ours, Vec::new()).expect("a name").into_string().expect("UTF-8");
    let theirs = File::options().read(true).write(true).open(Path::new(&name)).expect("the other end");
    (File::from(ours), theirs)
}

#[test]
fn a_long_check_says_how_far_it_is_and_takes_the_line_away() {
    let sandbox = Sandbox::new().file("a.json", "[]").file("z.json", "[]");
    let (ours, theirs) = terminal();
    let mut command = sandbox.command(["validate", "a.json", "-", "z.json", "--format", "json"]);
    let mut child = command.stderr(theirs).spawn().expect("simctl starts");
    // The command holds the program's end, which must close with the program.
    drop(command);
    let mut stdin = child.stdin.take().expect("piped");
    let mut stdout = child.stdout.take().expect("piped");
    let reader = std::thread::spawn(move || {
        let mut out = String::new();
        stdout.read_to_string(&mut out).map(|_| out)
    });
    let shown = shown_on(ours);
    // The check lasts as long as its input, so it is fed until the line is there.
    let (began, mut text) = (Instant::now(), String::new());
    while !text.contains("1 of 3 files checked") {
        assert!(began.elapsed() < DEADLINE, "no progress was shown: {text:?}");
        stdin.write_all(&b"{\"event\": \"onAnything\"}\n".repeat(300)).expect("it reads");
        text.extend(shown.try_iter());
    }
    drop(stdin);
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    loop {
        match shown.recv_timeout(DEADLINE.saturating_sub(began.elapsed())) {
            Ok(more) => text.push_str(&more),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => panic!("the terminal was not closed: {text:?}"),
        }
    }
    assert!(text.ends_with("\r\u{1b}[K"), "the line stays: {:?}", &text[text.len().saturating_sub(200)..]);
    let out = reader.join().expect("read").expect("UTF-8");
    assert!(!out.contains("files checked") && !out.contains('\u{1b}'), "data and talk are apart");
}

#[test]
fn without_a_terminal_there_is_no_such_line() {
    let sandbox = Sandbox::new().file("a.json", "[]").stdin(b"{\"event\": \"onAnything\"}\n".repeat(20_000));
    let ran = sandbox.run(["validate", "a.json", "-", "--format", "json"]).code(1);
    ran.no_stderr();
}

/// What is shown on the terminal until it is closed.
fn shown_on(mut ours: File) -> std::sync::mpsc::Receiver<String> {
    let (sender, shown) = channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 1024];
        // Where the other end is closed, Linux answers with an error.
        while let Ok(length @ 1..) = ours.read(&mut bytes) {
            let _ = sender.send(String::from_utf8_lossy(&bytes[..length]).into_owned());
        }
    });
    shown
}

#[test]
fn a_long_run_of_scenarios_says_what_it_waits_for_and_ctrl_c_leaves_a_clean_terminal() {
    let server = "exports = { created: function () { for (;;) {} }, updated: function () {} };";
    let sandbox = Sandbox::app(server)
        .file("tests/a.scenario.yaml", "users: { jane: {} }\nsteps: [{ update: jane }]")
        .file("tests/b.scenario.yaml", "name: for \u{1b}[2Jever\nsteps: [{ create: jane }]");
    let (ours, theirs) = terminal();
    let size = rustix::termios::Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&ours, size).expect("the size is set");
    // Results and the line go to the same terminal, as at a prompt.
    let mut command =
        sandbox.command(["test", "--jobs", "1", "--color", "never", "--format", "human", "--format", "junit=r.xml"]);
    let out = theirs.try_clone().expect("cloned");
    let mut child = command.env("TERM", "xterm").stdout(out).stderr(theirs).spawn().expect("simctl starts");
    drop(command);
    let shown = shown_on(ours);
    let (began, mut text) = (Instant::now(), String::new());
    while !text.contains(" s: for \\u{1b}[2Jever") {
        let more = shown.recv_timeout(DEADLINE.saturating_sub(began.elapsed()));
        text.push_str(&more.unwrap_or_else(|_| panic!("nothing is said of what runs long: {text:?}")));
    }
    assert!(text.contains("[============            ] 1/2"), "{text:?}");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("the signal is sent");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    while let Ok(more) = shown.recv_timeout(DEADLINE) {
        text.push_str(&more);
    }
    let rest = text.rsplit("\r\u{1b}[J").next().unwrap_or_default();
    assert_eq!(rest, "2 scenarios: 1 held, 1 not played (interrupted)\r\n", "{text:?}");
    assert!(sandbox.path().join("r.xml").is_file(), "the report is written");
}

#[test]
fn without_a_terminal_scenarios_are_plain_lines() {
    let server = "exports = { created: function () { const t = Date.now(); while (Date.now() - t < 700) {} }, updated: function () {} };";
    let sandbox = Sandbox::app(server)
        .file("tests/a.scenario.yaml", "steps: [{ create: jane }]")
        .file("tests/b.scenario.yaml", "steps: [{ create: jane }]");
    let ran = sandbox.run(["test"]).code(0).no_stderr();
    assert!(!ran.out.contains(['\u{1b}', '\r']), "{:?}", ran.out);
}
