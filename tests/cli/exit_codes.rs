//! One test per exit code of `docs/exit-codes.md`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::sandbox::Sandbox;

const SERVER: &str =
    "exports = { created: function () { return 1; }, updated: function () { throw new Error('no'); } };";

#[test]
fn zero_everything_held() {
    Sandbox::app(SERVER).run(["trigger", "onUserCreate"]).code(0);
}

#[test]
fn one_a_handler_failed() {
    Sandbox::app(SERVER).run(["trigger", "onUserUpdate"]).code(1);
}

#[test]
fn one_a_file_has_errors() {
    Sandbox::new().file("manifest.json", "{").run(["validate"]).code(1);
}

#[test]
fn two_it_cannot_be_done_as_asked() {
    Sandbox::new().run(["trigger", "onUserCreate"]).code(2);
    Sandbox::app(SERVER).run(["trigger", "onUserDelete"]).code(2);
    Sandbox::app(SERVER).run(["trigger", "onUserCreate", "--no-such-flag"]).code(2);
    Sandbox::app(SERVER).run(["trigger", "onUserCreate", "-n", "0"]).code(2);
    Sandbox::new().run(["frobnicate"]).code(2);
}

#[test]
fn three_the_machine_is_in_the_way() {
    let ran =
        Sandbox::app(SERVER).run(["trigger", "onUserCreate", "--runtime", "node", "--node", "/nowhere/node"]).code(3);
    ran.stderr("Node.js").stderr("--runtime embedded");
    let ran = Sandbox::app(SERVER).run(["trigger", "onUserCreate", "--format", "json=no/such/folder/run.json"]).code(3);
    ran.stderr("no/such/folder/run.json");
}

#[test]
fn three_outranks_one() {
    // /dev/full takes no byte: the handler fails, and so does the report of it.
    if cfg!(target_os = "linux") {
        Sandbox::app(SERVER).run(["trigger", "onUserUpdate", "--format", "json=/dev/full"]).code(3).stderr("/dev/full");
    }
}

#[test]
fn one_hundred_and_thirty_after_ctrl_c_with_the_report_written() {
    let server = "exports = { created: function () { console.log('spinning'); for (;;) {} } };";
    let sandbox = Sandbox::app(server);
    let mut command = sandbox.command(["trigger", "onUserCreate", "--format", "json"]);
    let mut child = command.stderr(Stdio::inherit()).spawn().expect("simctl starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let spinning = lines.by_ref().map_while(Result::ok).find(|line| line.contains("spinning"));
    assert!(spinning.is_some(), "the handler never ran");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("the signal is sent");
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().expect("simctl ends").code(), Some(130));
    let last = rest.last().expect("the run is ended");
    assert!(last.contains("\"run-finished\"") && last.contains("\"interrupted\":true"), "{last}");
}

#[test]
fn what_was_interrupted_can_be_repeated() {
    let server = "exports = { created: function () { console.log('spinning'); for (;;) {} } };";
    let sandbox = Sandbox::app(server);
    for (count, said) in [("1", "interrupted: it was not finished"), ("2", "interrupted: 2 of 2 deliveries were not")] {
        let mut child = sandbox.command(["trigger", "onUserCreate", "-n", count]).spawn().expect("simctl starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        assert!(lines.by_ref().map_while(Result::ok).any(|line| line.contains("spinning")), "the handler never ran");
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("the signal is sent");
        let rest: Vec<String> = lines.map_while(Result::ok).collect();
        assert_eq!(child.wait().expect("simctl ends").code(), Some(130));
        assert!(rest[0].starts_with(said), "{rest:?}");
        let repeat = format!("repeat: simctl trigger onUserCreate -n {count} --seed ");
        assert!(rest.last().is_some_and(|last| last.starts_with(&repeat) && last.contains("--now 20")), "{rest:?}");
    }
}

#[test]
fn a_verdict_survives_a_reader_that_leaves() {
    let sandbox = Sandbox::app(SERVER);
    let mut child = sandbox.command(["trigger", "onUserUpdate"]).spawn().expect("simctl starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("simctl ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(1), ""));
}
