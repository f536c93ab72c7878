//! Completion: what a real shell offers and puts on its command line, from the app at hand.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::common::skip;
use crate::progress::terminal;
use crate::sandbox::{SIMCTL, Sandbox};

/// Long enough for the slowest machine; never waited for where all is well.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a shell other than bash is offered for the last of `words`, asked as its script asks.
fn offered(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let mut command = sandbox.command(["--", "simctl"].into_iter().chain(words.iter().copied()));
    let output = command.env("SIMCTL_COMPLETE", "fish").stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
    let out = String::from_utf8(output.stdout).unwrap();
    out.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

fn app() -> Sandbox {
    let manifest = r#"{ "platform-version": "3.0", "modules": { "common": {}, "chat_user": { "events": {
        "onUserUpdate": { "handler": "updated" } } } }, "engines": { "node": "18.20.8", "fdk": "9.7.4" } }"#;
    Sandbox::new()
        .file("manifest.json", manifest)
        .file("server/server.js", "while (true) {}")
        .file("config/iparam_test_data.json", r#"{"team": "blue", "token": "s3cret-value"}"#)
        .file("tests/sub/moved.scenario.yaml", "steps: []")
}

#[test]
fn words_of_the_app_and_of_the_schemas_are_offered() {
    let app = app();
    for (words, expected) in [
        (&["trig"][..], &["trigger"][..]),
        (&["trigger", ""], &["onUserUpdate"]),
        (&["generate", "onUser"], &["onUserCreate", "onUserUpdate"]),
        (&["trigger", "onUserUpdate", "--set", "data.actor.ty"], &["data.actor.type="]),
        (
            &["trigger", "onUserUpdate", "--set", "data.user.prop"],
            &[
                "data.user.properties:=",
                "data.user.properties[0]:=",
                "data.user.properties[0].name=",
                "data.user.properties[0].value=",
            ],
        ),
        (&["trigger", "onUserUpdate", "--set", "data.actor.type="], &["data.actor.type=agent", "data.actor.type=user"]),
        (&["trigger", "onUserUpdate", "--set", "region:=\"I"], &["region:=\"IND\""]),
        (&["trigger", "onUserUpdate", "--set=region=EU"], &["--set=region=EU", "--set=region=EUC"]),
        (&["trigger", "onUserUpdate", "--set", "account"], &[]),
        (
            &["generate", "onUserUpdate", "--unset", "data.changes.em"],
            &["data.changes.email", "data.changes.email[0]", "data.changes.email[1]"],
        ),
        (&["trigger", "onUserUpdate", "--changes", "email,p"], &["email,phone", "email,properties"]),
        (&["trigger", "--runtime", ""], &["auto", "embedded", "node"]),
        (&["trigger", "--module", ""], &["chat_user"]),
        (&["trigger", "--secret", ""], &["team", "token"]),
        (&["explain", "unknown-ev"], &["unknown-event"]),
        (&["validate", "--deny", "warn"], &["warnings"]),
        (&["schema", "show", "shared/u"], &["shared/user"]),
        (&["schema", "types", "onUserC"], &["onUserCreate"]),
        (&["init", "--event", "onApp"], &["onAppInstall", "onAppUninstall"]),
        (&["init", "--platform", ""], &["3.0", "2.3"]),
        (&["test", "--filter", ""], &["moved"]),
        (&["test", "--format", "t"], &["tap"]),
        (&["trigger", "--locale", "ja"], &["ja_jp"]),
        (&["completions", "z"], &["zsh"]),
        (&["fuzz", ""], &["onUserUpdate"]),
        (&["load", "on"], &["onUserUpdate"]),
        (&["man", "hist"], &["history"]),
        (&["man", "history", "s"], &["show"]),
    ] {
        assert_eq!(offered(&app, words), expected, "{words:?}");
    }
}

#[test]
fn the_app_and_the_schemas_that_are_named_are_those_that_are_asked() {
    let app =
        app().file("own/events/onPing.schema.json", r#"{"title": "p", "properties": {"ping": {"enum": ["a", "b"]}}}"#);
    let elsewhere = Sandbox::new();
    let root = app.path().to_str().unwrap();
    assert!(
        offered(&elsewhere, &["trigger", "onUser"]).contains(&"onUserCreate".to_owned()),
        "no app: all that is known"
    );
    assert_eq!(offered(&elsewhere, &["trigger", "--app", root, "on"]), ["onUserUpdate"]);
    assert_eq!(offered(&elsewhere, &["trigger", &format!("--app={root}"), "on"]), ["onUserUpdate"]);
    assert_eq!(offered(&app, &["generate", "--schemas", "own", "onPing", "--set", "ping="]), ["ping=a", "ping=b"]);
}

#[test]
fn nothing_is_said_and_nothing_run_whatever_is_wrong() {
    let broken = Sandbox::new().file("manifest.json", "{").file("server/server.js", "while (true) {}");
    for words in [
        &["trigger", "on"][..],
        &["trigger", "nothing", "--set", "data."],
        &["nothing", "at", "all"],
        &["trigger", "--app", "nowhere", "--set", "=:=["],
        &["trigger", "onUserUpdate", "--set", "data.user.[[[..=", "--schemas", "nowhere", "x"],
        &["--schemas"],
        &[],
    ] {
        offered(&broken, words);
    }
    for (shell, index) in [("bash", "99"), ("bash", "x"), ("zsh", "7"), ("no-such-shell", "0"), ("", "")] {
        let mut command = broken.command(["--", "simctl", "tri"]);
        command.env("SIMCTL_COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", index);
        let output = command.output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{shell} {index}: {output:?}");
    }
    assert!(!broken.path().join(".simctl").exists());
}

#[test]
fn a_hostile_manifest_puts_nothing_on_a_terminal() {
    let manifest = r#"{ "platform-version": "3.0", "modules": { "chat_user": { "events": {
        "on\u001b[31mRed": { "handler": "a" }, "on\nLine": { "handler": "a" }, "onUserUpdate": { "handler": "a" } } } } }"#;
    let app = Sandbox::new().file("manifest.json", manifest);
    assert_eq!(offered(&app, &["trigger", ""]), ["onUserUpdate"]);
}

#[test]
fn deliveries_and_users_of_the_history_are_offered() {
    let app = app().file("server/server.js", "exports = { created() {}, updated() {} };").file(
        "manifest.json",
        r#"{ "platform-version": "3.0", "modules": { "common": {}, "chat_user": { "events": { "onUserCreate":
            { "handler": "created" } } } }, "engines": { "node": "18.20.8", "fdk": "9.7.4" } }"#,
    );
    app.run(["trigger", "onUserCreate", "--set", "data.user.id=ann-1"]).code(0);
    app.run(["trigger", "onUserCreate", "--set", "data.user.id=bob;2"]).code(0);
    for words in [&["replay", ""][..], &["history", "show", ""], &["diff", "1", ""]] {
        assert_eq!(offered(&app, words), ["last", "2", "1"], "{words:?}");
    }
    // What is set is of the event that the delivery was of.
    for words in [["replay", "2", "--set"], ["replay", "last", "--set"]] {
        let paths = offered(&app, &[&words[..], &["data.user.em"]].concat());
        assert_eq!(paths, ["data.user.email="], "{words:?}");
    }
    assert_eq!(offered(&app, &["replay", "--times", "3", "1", "--unset", "data.user.ph"]), ["data.user.phone"]);
    assert_eq!(offered(&app, &["replay", "3", "--set", "data."]), [""; 0]);
    assert_eq!(offered(&app, &["replay", "1", "--format", "g"]), ["github"]);
    let users = offered(&app, &["users", "show", ""]);
    assert!(users.contains(&"ann-1".to_owned()) && users.contains(&"bob;2".to_owned()), "{users:?}");
    assert_eq!(offered(&app, &["trigger", "onUserUpdate", "--user", "ann"]), ["ann-1"]);
    let app = app.file("annie.json", "{}");
    assert_eq!(offered(&app, &["trigger", "onUserUpdate", "--user", "ann"]), ["ann-1", "annie.json"]);
}

#[test]
fn every_shell_has_its_script() {
    for (shell, said) in [
        ("bash", "complete -o bashdefault -F _simctl simctl"),
        ("zsh", "#compdef simctl"),
        ("fish", "complete"),
        ("elvish", "edit:completion:arg-completer[simctl]"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let ran = Sandbox::new().run(["completions", shell]).code(0).no_stderr().stdout(said);
        assert!(ran.out.contains("SIMCTL_COMPLETE"), "{}", ran.out);
    }
    Sandbox::new().run(["completions", "tcsh"]).code(2).no_stdout();
}

/// What stands on the command line of a real bash after `keys`.
fn typed_into_bash(sandbox: &Sandbox, keys: &str) -> String {
    let (mut ours, theirs) = terminal();
    let binary = Path::new(SIMCTL).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let path = format!("{}:{}", binary.display(), path.to_string_lossy());
    let mut command = Command::new("setsid");
    command.args(["bash", "--norc", "--noprofile", "-i"]).current_dir(sandbox.path());
    command.envs([("PATH", path.as_str()), ("TERM", "dumb"), ("PS1", ""), ("HISTFILE", ""), ("INPUTRC", "/dev/null")]);
    let theirs: File = theirs;
    command.stdin(theirs.try_clone().unwrap()).stdout(theirs.try_clone().unwrap()).stderr(theirs);
    let mut child = command.spawn().expect("bash starts");
    drop(command);
    let (sender, shown) = channel();
    let mut reader = ours.try_clone().unwrap();
    std::thread::spawn(move || {
        let mut bytes = [0; 1024];
        // Where the other end is closed, Linux answers with an error.
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            if sender.send(bytes[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    // Control-G shows what stands on the line, between marks that are not typed anywhere.
    let setup = "source <(simctl completions bash); bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; \
        bind -x '\"\\C-g\": printf \"\\074\\074%s\\076\\076\\n\" \"$READLINE_LINE\"'; echo rea''dy\n";
    ours.write_all(setup.as_bytes()).unwrap();
    let mut text = String::new();
    let mut wait_for = |done: &dyn Fn(&str) -> bool| {
        let until = Instant::now() + DEADLINE;
        while !done(&text) {
            let left = until.saturating_duration_since(Instant::now());
            let bytes = shown.recv_timeout(left).unwrap_or_else(|_| panic!("bash shows no more: {text}"));
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
        text.clone()
    };
    wait_for(&|text| text.contains("ready"));
    ours.write_all(format!("{keys}\u{7}").as_bytes()).unwrap();
    let all = wait_for(&|text| text.contains(">>"));
    let _ = child.kill();
    let _ = child.wait();
    all.split("<<").nth(1).unwrap().split(">>").next().unwrap().to_owned()
}

#[test]
fn bash_completes_words_with_equals_signs_and_colons_in_them() {
    let has =
        |program: &str| Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !has("bash") || !has("setsid") {
        skip("completion in a real bash", "bash or setsid is not here");
        return;
    }
    let app = app();
    for (keys, line) in [
        ("simctl trig\t", "simctl trigger "),
        ("simctl trigger on\t", "simctl trigger onUserUpdate "),
        ("simctl trigger onUserUpdate --set data.actor.ty\t", "simctl trigger onUserUpdate --set data.actor.type="),
        (
            "simctl trigger onUserUpdate --set data.actor.type=a\t",
            "simctl trigger onUserUpdate --set data.actor.type=agent ",
        ),
        (
            "simctl trigger onUserUpdate --set=data.actor.type=a\t",
            "simctl trigger onUserUpdate --set=data.actor.type=agent ",
        ),
        (
            "simctl trigger onUserUpdate --set region=A\t --set data.user.ph\t",
            "simctl trigger onUserUpdate --set region=AUS  --set data.user.phone=",
        ),
        (
            "simctl trigger onUserUpdate --set data.user.avatar:\t",
            "simctl trigger onUserUpdate --set data.user.avatar:=",
        ),
        ("simctl trigger onUserUpdate --set region:='\"A\t", "simctl trigger onUserUpdate --set region:='\"A"),
        ("simctl explain unknown-ev\t", "simctl explain unknown-event "),
        ("simctl schema show shared/u\t", "simctl schema show shared/user "),
        ("simctl trigger onUserUpdate --nothing-of-the-kind\t", "simctl trigger onUserUpdate --nothing-of-the-kind"),
    ] {
        assert_eq!(typed_into_bash(&app, keys), line, "{keys}");
    }
}

#[test]
fn names_that_an_app_chose_say_nothing_to_bash() {
    if Command::new("setsid").arg("--version").output().is_err() {
        skip("completion in a real bash", "setsid is not here");
        return;
    }
    let app = app();
    for (name, shown) in [
        ("a$(touch ran)", r"a\$\(touch\ ran\)"),
        ("b`touch ran`", r"b\`touch\ ran\`"),
        ("c;touch ran", r"c\;touch\ ran"),
        ("d'\"&|<>*", r#"d\'\"\&\|\<\>\*"#),
    ] {
        std::fs::write(app.path().join(format!("tests/{name}.scenario.yaml")), "steps: []").unwrap();
        let line = typed_into_bash(&app, &format!("simctl test --filter {}\t", &name[..1]));
        assert_eq!(line, format!("simctl test --filter {shown} "));
    }
    assert!(!app.path().join("ran").exists());
}

/// A shell that takes the script without a complaint, where it is here.
fn takes_its_script(shell: &str) {
    if Command::new(shell).arg("--version").output().is_err() {
        skip(&format!("completion in {shell}"), &format!("{shell} is not here"));
        return;
    }
    let script = Sandbox::new().run(["completions", shell]).code(0).out;
    let sandbox = Sandbox::new().file("script", script);
    let before = if shell == "zsh" { "autoload -U compinit && compinit -u -D; " } else { "" };
    let output =
        Command::new(shell).args(["-c", &format!("{before}. ./script")]).current_dir(sandbox.path()).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}");
}

#[test]
fn zsh_takes_its_script() {
    takes_its_script("zsh");
}

#[test]
fn fish_takes_its_script() {
    takes_its_script("fish");
}
