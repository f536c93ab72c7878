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
    let (mut ours, theirs) = terminal();
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
    let (sender, shown) = channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 1024];
        // Where the other end is closed, Linux answers with an error.
        while let Ok(length @ 1..) = ours.read(&mut bytes) {
            let _ = sender.send(String::from_utf8_lossy(&bytes[..length]).into_owned());
        }
    });
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
