//! `simctl trigger --exec COMMAND`: what the program is given, what is made of its end, and that nothing of it outlives it.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::sandbox::{Ran, Sandbox};

fn fire(command: &str, more: &[&str]) -> Ran {
    let args = ["trigger", "onUserUpdate", "--exec", command, "--seed", "7", "--now", "2026-01-31T12:00:00Z"];
    Sandbox::new().run(args.iter().copied().chain(more.iter().copied()))
}

/// What the program wrote to one of its outputs.
fn output(ran: &Ran, stream: &str) -> String {
    let events = ran.events("output");
    let texts =
        events.iter().filter(|event| event["stream"] == stream).map(|event| event["text"].as_str().expect("text"));
    texts.collect()
}

#[test]
fn the_payload_is_on_standard_input_whole_and_ended() {
    for command in ["cat", "cat /dev/stdin", "sh -c 'exec cat'"] {
        let ran = fire(command, &["--format", "json"]).code(0);
        assert_eq!(ran.outcome()["kind"], "returned");
        let args = ["generate", "onUserUpdate", "--seed", "7", "--now", "2026-01-31T12:00:00Z"];
        let payload: serde_json::Value = serde_json::from_str(&output(&ran, "stdout")).expect("JSON");
        assert_eq!(payload, Sandbox::new().run(args).code(0).json());
    }
}

#[test]
fn the_environment_tells_what_is_fired() {
    let echo = "sh -c 'echo $SIMCTL_EVENT $SIMCTL_SEED $SIMCTL_INDEX $SIMCTL_NOW $SIMCTL_PLATFORM $MINE'";
    let sandbox = Sandbox::new().env("MINE", "kept");
    let args =
        ["trigger", "onUserCreate", "--exec", echo, "--seed", "5", "--index", "2", "--now", "2026-01-31T12:00:00Z"];
    sandbox.run(args).code(0).stdout("stdout  onUserCreate 5 2 2026-01-31T12:00:00Z 3.0 kept");
}

#[test]
fn flags_for_what_is_posted_are_refused() {
    for flags in [&["--cloudevents", "binary"][..], &["--allow-remote"], &["--header", "X-A: b"]] {
        fire("true", flags).code(2).stderr("are for `--to`, and `--exec` posts nothing");
    }
}

#[test]
fn the_exit_is_the_outcome() {
    let outcome = |command: &str, code| fire(command, &["--format", "json"]).code(code).outcome();
    assert_eq!(outcome("true", 0)["kind"], "returned");
    let exited = outcome("sh -c 'exit 7'", 1);
    assert_eq!((&exited["kind"], &exited["code"]), (&"exited".into(), &7.into()));
    let signalled = outcome("sh -c 'kill -9 $$'", 1);
    assert_eq!((&signalled["kind"], &signalled["signal"]), (&"signalled".into(), &9.into()));
    fire("sh -c 'exit 7'", &[]).code(1).stdout("FAIL  ended its process with exit code 7").stdout("repeat: ");
}

#[test]
fn both_outputs_are_shown_and_bounded() {
    let ran = fire("sh -c 'echo out; echo err >&2; printf \"\\033[31mred\"'", &[]).code(0);
    ran.stdout("stdout  out").stdout("stderr  err").stdout("\\u{1b}[31mred").without("\u{1b}");
    let ran = fire("sh -c 'head -c 5000000 /dev/zero | tr \"\\000\" x'", &["--format", "json"]).code(0);
    assert!(output(&ran, "stdout").len() <= 1 << 20);
    let notices = ran.events("notice");
    assert!(notices[0]["message"].as_str().is_some_and(|text| text.contains("were dropped")), "{notices:?}");
}

#[test]
fn a_program_that_does_not_read_its_input_does_no_harm() {
    let payload = format!(r#"{{"event": "onUserUpdate", "data": {{"filler": "{}"}}}}"#, "x".repeat(200 << 10));
    let sandbox = Sandbox::new().file("big.json", payload);
    for (command, what) in [
        ("true", "ok  returned"),
        ("sleep 0.3", "ok  returned"),
        ("sh -c 'exec 0<&-; sleep 0.3; exit 4'", "exit code 4"),
        ("sh -c 'head -c 10; exit 0'", "ok  returned"),
        ("sh -c 'sleep 0.3; wc -c'", "stdout  2048"),
    ] {
        let args = ["trigger", "onUserUpdate", "--payload", "big.json", "--no-check", "--exec", command];
        sandbox.run(args).stdout(what).no_stderr();
    }
}

#[test]
fn a_program_that_hangs_is_ended_with_all_that_it_started() {
    let started = Instant::now();
    let command = "sh -c 'sleep 1000.25 & sleep 1000.25 & trap \"\" TERM; echo begun; wait; wait; sleep 1000.25'";
    let ran = fire(command, &["--timeout", "500ms"]).code(1).stdout("begun").stdout("did not finish within 500.0 ms");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    drop(ran);
    let ran = fire("sh -c 'sleep 1000.25 & echo left one behind'", &[]).code(0);
    ran.stdout("left one behind");
    let processes = std::process::Command::new("ps").args(["-A", "-o", "args"]).output();
    if let Ok(processes) = processes {
        let list = String::from_utf8_lossy(&processes.stdout).into_owned();
        assert!(!list.lines().any(|line| line.trim() == "sleep 1000.25"), "{list}");
    }
}

#[test]
fn no_program_holds_a_run_up_whatever_it_does_with_its_streams() {
    const MOST_OUTPUT: usize = 16 << 20;
    let cases: [(&str, &[&str]); 6] = [
        ("yes", &["timed-out"]),
        ("sh -c 'head -c 100000000 /dev/zero | tr \"\\000\" y'", &["returned", "timed-out"]),
        ("sh -c 'exec 0<&- 1>&- 2>&-; sleep 1000.75'", &["timed-out"]),
        ("sh -c 'kill -STOP $$; sleep 1000.75'", &["timed-out"]),
        ("sh -c 'kill -ABRT $$'", &["signalled"]),
        ("sh -c 'echo \"  ok  returned\"; echo \"1 deliveries: 1 held, 0 failed\"; exit 3'", &["exited"]),
    ];
    for (command, kinds) in cases {
        let started = Instant::now();
        let ran = fire(command, &["--timeout", "3s", "--format", "json"]);
        let outcome = ran.outcome();
        assert!(kinds.iter().any(|kind| outcome["kind"] == *kind), "{command}: {outcome}");
        assert!(started.elapsed() < Duration::from_secs(15), "{command} took {:?}", started.elapsed());
        assert!(ran.out.len() < MOST_OUTPUT, "{command} made {} bytes of output", ran.out.len());
    }
    let processes = std::process::Command::new("ps").args(["-A", "-o", "args"]).output();
    let list = processes.map(|list| String::from_utf8_lossy(&list.stdout).into_owned()).unwrap_or_default();
    assert!(!list.lines().any(|line| line.trim() == "sleep 1000.75"), "{list}");
}

#[test]
fn memory_is_bounded_where_the_system_can() {
    if cfg!(target_os = "linux") && crate::sandbox::node_or_skip("memory_is_bounded_where_the_system_can") {
        let command = "node -e 'const a = []; for (;;) a.push(new Array(1e5).fill(1.5))'";
        let ran = fire(command, &["--memory", "128MiB", "--format", "json"]).code(1);
        assert_eq!(ran.outcome()["kind"], "out-of-memory", "{}", ran.outcome());
    }
}

#[test]
fn ctrl_c_ends_the_program_too() {
    let sandbox = Sandbox::new();
    let args = ["trigger", "onUserCreate", "--format", "json", "--exec", "sh -c 'echo begun; sleep 30'"];
    let mut child = sandbox.command(args).stderr(Stdio::inherit()).spawn().expect("simctl starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let begun = lines.by_ref().map_while(Result::ok).find(|line| line.contains("begun\\n"));
    assert!(begun.is_some(), "nothing was started");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("the signal is sent");
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().expect("simctl ends").code(), Some(130));
    assert!(rest.last().is_some_and(|last| last.contains("\"interrupted\":true")), "{rest:?}");
}

#[test]
fn a_command_that_cannot_be_run_is_told_before_anything_is_fired() {
    let refused = |command: &str, code: i32, what: &str| {
        fire(command, &[]).code(code).no_stdout().stderr(what);
    };
    refused("no-such-program-here x", 3, "`no-such-program-here` was not found");
    refused("A=1 true", 3, "env NAME=value");
    refused("./no-such-file", 3, "was not found");
    refused("/", 3, "it is a folder");
    refused("cat | wc", 2, "--exec \"sh -c 'cat | wc'\"");
    refused(r#"sh -c "kill -9 $$""#, 2, r#"--exec 'sh -c '\''sh -c "kill -9 $$"'\'''"#);
    refused("/usr/", 3, "name a program in it, as in `/usr/PROGRAM`");
    refused("echo $HOME", 2, "is for a shell");
    refused("echo 'x", 2, "within a quotation");
    refused("", 2, "empty");
    let sandbox = Sandbox::new().file("handler.py", "print(1)");
    let ran = sandbox.run(["trigger", "onUserUpdate", "--exec", "./handler.py"]).code(3);
    ran.stderr("not marked as a program").stderr("chmod +x ./handler.py");
}

#[test]
fn a_program_is_repeated_by_the_command_that_the_run_gave() {
    let sandbox = Sandbox::new();
    let shows = "sh -c 'printf \"%s \" \"$SIMCTL_INDEX\" \"$SIMCTL_NOW\"; cat; exit 3'";
    let ran = sandbox.run(["trigger", "onUserCreate", "-n", "2", "--exec", shows, "--format", "json"]).code(1);
    for (index, finished) in ran.events("delivery-finished").iter().enumerate() {
        let script = finished["repeat"].as_str().expect("a command").replacen("simctl", crate::sandbox::SIMCTL, 1);
        let again = std::process::Command::new("sh").args(["-c", &script]).current_dir(sandbox.path()).output();
        let again = String::from_utf8_lossy(&again.expect("a shell").stdout).into_owned();
        let text = |event: &serde_json::Value| event["text"].as_str().unwrap_or_default().to_owned();
        let first: String = ran.events("output").iter().filter(|event| event["index"] == index).map(text).collect();
        let lines = again.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        let second: String = lines.filter(|event| event["type"] == "output").map(|event| text(&event)).collect();
        assert_eq!(first, second);
    }
}

#[test]
fn secrets_of_an_app_around_are_masked_in_what_a_program_prints() {
    let manifest = r#"{"platform-version": "3.0", "modules": {"common": {}, "chat_user": {"events": {"onUserCreate": {"handler": "f"}}}}}"#;
    let sandbox = Sandbox::new()
        .file("manifest.json", manifest)
        .file("config/iparams.json", r#"{"key": {"display_name": "Key", "type": "text", "secure": true}}"#)
        .file("config/iparam_test_data.json", r#"{"key": "hunter2hunter2"}"#);
    sandbox.run(["trigger", "onUserUpdate", "--exec", "cat"]).code(0).stdout("\"key\":\"********\"").without("hunter2");
}
