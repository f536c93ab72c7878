//! Every run ends with the one command that repeats it.

use std::process::Command;

use crate::sandbox::{SIMCTL, Sandbox};

const SERVER: &str =
    "exports = { created: function (p) { console.log(JSON.stringify(p)); if (p.data.user.id[0] < '8') throw 1; } };";

/// Runs the command that a run gave, in a shell as a user would, and returns what it logged.
fn logged_again(sandbox: &Sandbox, command: &str) -> String {
    let script = command.replacen("simctl", SIMCTL, 1) + " --format json";
    let output = Command::new("sh").args(["-c", &script]).current_dir(sandbox.path()).output().expect("a shell");
    logs(&String::from_utf8_lossy(&output.stdout)).concat()
}

fn logs(stream: &str) -> Vec<String> {
    let events = stream.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    events.filter(|event| event["type"] == "log").map(|event| event["text"].as_str().unwrap_or("").to_owned()).collect()
}

#[test]
fn each_delivery_of_a_run_is_repeated_alone_to_the_byte() {
    let sandbox = Sandbox::app(SERVER);
    let ran = sandbox.run([
        "trigger",
        "onUserCreate",
        "-n",
        "4",
        "--set",
        "data.user.first_name=it's \"odd\"",
        "--format",
        "json",
    ]);
    let logged = logs(&ran.out);
    let finished = ran.events("delivery-finished");
    assert_eq!((logged.len(), finished.len()), (4, 4));
    for (text, event) in logged.iter().zip(finished) {
        let repeat = event["repeat"].as_str().expect("a command").replace(" --format json", "");
        assert_eq!(&logged_again(&sandbox, &repeat), text, "{repeat}");
    }
}

#[test]
fn a_run_names_its_seed_and_clock() {
    let ran = Sandbox::app(SERVER).run(["trigger", "onUserCreate"]);
    let repeat = ran.out.lines().find(|line| line.starts_with("repeat: ")).expect("a command");
    assert!(repeat.contains("--seed ") && repeat.contains("--now 20"), "{repeat}");
}

#[test]
fn a_payload_from_a_file_needs_neither() {
    let sandbox = Sandbox::app(SERVER);
    let payload = sandbox.run(["generate", "onUserCreate"]).code(0).out;
    let ran = sandbox.file("p.json", payload).run(["trigger", "onUserCreate", "--payload", "p.json"]);
    let repeat = ran.out.lines().find(|line| line.starts_with("repeat: ")).expect("a command");
    assert_eq!(repeat, "repeat: simctl trigger onUserCreate --payload p.json");
}

#[test]
fn what_was_read_from_standard_input_is_repeated_without_it() {
    let payload = Sandbox::new().run(["generate", "onUserCreate"]).code(0).out;
    let sandbox = Sandbox::app("exports = { created: function (p) { console.log(p.data.user.id); } };").stdin(payload);
    let ran = sandbox.run(["trigger", "onUserCreate", "--payload", "-", "--timeout", "9s"]).code(0);
    assert_eq!(told(&ran.out), "simctl replay 1 --timeout 9s");
    let logged = logged_again(&sandbox, told(&ran.out));
    assert!(!logged.is_empty() && ran.out.contains(&format!("log  {logged}\n")), "{logged} in {}", ran.out);
    let at_a_program = sandbox.run(["trigger", "onUserCreate", "--payload", "-", "--exec", "true"]).code(0);
    assert_eq!(told(&at_a_program.out), "simctl replay 3 --exec true");
    // Where nothing is kept, it has to be given again.
    let unkept = sandbox.run(["trigger", "onUserCreate", "--payload", "-", "--no-history"]).code(0);
    assert_eq!(told(&unkept.out), "simctl trigger onUserCreate --payload - --no-history");
}

/// What the last line of a run for people says repeats it.
#[track_caller]
fn told(out: &str) -> &str {
    let last = out.lines().last().expect("a run says something");
    last.strip_prefix("repeat: ").unwrap_or_else(|| panic!("the last line is no command: {out}"))
}

#[test]
fn a_run_of_several_names_the_command_that_repeats_them_all() {
    let sandbox = Sandbox::app("exports = { created: function (p) { console.log(p.data.user.id); } };");
    let many = sandbox.run(["trigger", "onUserCreate", "-n", "3"]).code(0);
    let logged: Vec<&str> = many.out.lines().filter_map(|line| line.trim_start().strip_prefix("log  ")).collect();
    assert_eq!(logged.len(), 3);
    assert_eq!(logged_again(&sandbox, told(&many.out)), logged.concat());
    // A replay says how often as well, by itself and at a program.
    let twice = sandbox.run(["replay", "1", "--times", "2"]).code(0);
    assert_eq!(told(&twice.out), "simctl replay 1 --times 2");
    assert_eq!(logged_again(&sandbox, told(&twice.out)), [logged[0], logged[0]].concat());
    let program = sandbox.run(["replay", "1", "--exec", "true", "--times", "2"]).code(0);
    assert_eq!(told(&program.out), "simctl replay 1 --exec true --times 2");
    assert_eq!(logged_again(&sandbox, told(&program.out)), "");
    let started = sandbox.run(["replay", "1", "--exec", "true", "--format", "json"]).code(0);
    let started = &started.events("run-started")[0];
    assert_eq!(
        (&started["command"], &started["seed"]),
        (&"simctl replay 1 --exec true --format json".into(), &().into())
    );
    let cases = sandbox.run(["fuzz", "onUserCreate", "-n", "5"]).code(0);
    assert!(told(&cases.out).starts_with("simctl fuzz onUserCreate -n 5 --seed "), "{}", cases.out);
    sandbox.run(["trigger", "onUserCreate", "-n", "3", "--quiet"]).code(0).no_stdout();
}
