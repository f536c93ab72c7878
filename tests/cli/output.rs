//! What may reach a terminal: colour where it is wanted, and never a control sequence of the app's.

use crate::sandbox::{Sandbox, node_or_skip};

const SERVER: &str =
    "exports = { created: function () { return 1; }, updated: function () { throw new Error('no'); } };";
const ESCAPE: &str = "\u{1b}";

#[test]
fn a_pipe_gets_no_colour() {
    Sandbox::app(SERVER).run(["trigger", "onUserUpdate"]).code(1).without(ESCAPE);
    Sandbox::app(SERVER).run(["trigger", "onUserUpdated"]).code(2).without(ESCAPE);
}

#[test]
fn colour_can_be_asked_for_and_refused() {
    let app = || Sandbox::app(SERVER);
    app().run(["trigger", "onUserUpdate", "--color", "always"]).code(1).stdout(ESCAPE);
    app().env("CLICOLOR_FORCE", "1").run(["trigger", "onUserUpdate"]).code(1).stdout(ESCAPE);
    app().env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").run(["trigger", "onUserUpdate"]).code(1).without(ESCAPE);
    app().env("CLICOLOR_FORCE", "1").run(["trigger", "onUserUpdate", "--color", "never"]).code(1).without(ESCAPE);
}

#[test]
fn what_an_app_prints_cannot_steer_the_terminal() {
    let server = r#"exports = { created: function (p) {
  console.log('\u001b[2J\u001b]0;title\u0007 \u009b31m \u202e');
  console.log(p.data.user.first_name);
  const error = new Error('\u001b[31mred');
  error.name = '\u001b[1mName';
  throw error;
} };"#;
    for runtime in ["embedded", "node"] {
        if runtime == "node" && !node_or_skip("what_an_app_prints_cannot_steer_the_terminal") {
            continue;
        }
        let args = ["trigger", "onUserCreate", "--runtime", runtime, "--set", "data.user.first_name:=\"\\u001b[5m\""];
        let ran = Sandbox::app(server).run(args).code(1);
        ran.without(ESCAPE).without("\u{9b}").without("\u{202e}").without("\u{7}");
    }
}

#[test]
fn what_an_app_prints_cannot_command_a_ci_server() {
    let server = r#"exports = { created: function () { console.log('one\n::error::two\n  ##[error]three'); throw new Error('a\n::stop-commands::b'); } };"#;
    let ran = Sandbox::app(server).run(["trigger", "onUserCreate"]).code(1).stdout("| ::error::two");
    let obeyed = |line: &&str| line.trim_start().starts_with("::") || line.trim_start().starts_with("##[");
    assert_eq!(ran.out.lines().find(obeyed), None);
}

#[test]
fn names_of_files_cannot_steer_the_terminal() {
    Sandbox::new().file("a\u{1b}[31m.json", "{").run(["validate", "a\u{1b}[31m.json"]).code(1).without(ESCAPE);
    Sandbox::new().run(["validate", "gone\u{1b}[31m.json"]).code(2).without(ESCAPE);
    Sandbox::app(SERVER).run(["trigger", "\u{1b}[31m"]).code(2).without(ESCAPE);
}

#[test]
fn help_teaches_by_example() {
    for args in [
        &["--help"][..],
        &["trigger", "--help"],
        &["generate", "--help"],
        &["validate", "--help"],
        &["schema", "--help"],
    ] {
        let ran = Sandbox::new().run(args.iter().copied()).code(0).no_stderr();
        assert!(args.len() == 2 && args[0] == "schema" || ran.out.contains("Examples:"), "{args:?} has no examples");
    }
    Sandbox::new().run(["--version"]).code(0).stdout(env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_verb_has_the_same_flags_whether_all_verbs_are_defined_or_it_alone() {
    let help = Sandbox::new().run(["help"]).code(0).out;
    let verbs = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let verbs: Vec<&str> =
        verbs.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).filter(|verb| !verb.is_empty()).collect();
    assert!(verbs.len() > 15, "{verbs:?}");
    for verb in verbs.into_iter().filter(|verb| *verb != "help") {
        let alone = Sandbox::new().run([verb, "--help"]).code(0).out;
        assert_eq!(alone, Sandbox::new().run(["help", verb]).code(0).out);
        assert_eq!(alone, Sandbox::new().run(["--quiet", verb, "--help"]).code(0).out);
    }
}

#[test]
fn a_flag_set_in_the_environment_counts_and_the_command_line_wins() {
    let sandbox = Sandbox::new().env("SIMCTL_SEED", "5").env("SIMCTL_NOW", "2026-01-31T12:00:00Z");
    let five = sandbox.run(["generate", "onUserCreate"]).code(0).out;
    let args = ["generate", "onUserCreate", "--seed", "5", "--now", "2026-01-31T12:00:00Z"];
    assert_eq!(Sandbox::new().run(args).code(0).out, five);
    assert_ne!(sandbox.run(["generate", "onUserCreate", "--seed", "6"]).code(0).out, five);
}

/// What was kept of a payload with controls above ASCII in it, which JSON need not escape, as each verb shows it.
#[test]
fn no_verb_passes_on_a_control_sequence_of_what_was_kept() {
    let server =
        "exports = { async created(payload) { const { first_name, id } = payload.data.user; console.log(first_name);
        await $db.set('k' + first_name, { first_name }); return id; } , updated() {} };";
    let sandbox = Sandbox::app(server);
    let mut payload = sandbox.run(["generate", "onUserCreate", "--seed", "7"]).code(0).json();
    payload["data"]["user"]["first_name"] = "A\u{9b}31mB\u{7f}\u{202e}C".into();
    payload["data"]["user"]["id"] = "i\u{9b}d".into();
    let sandbox = sandbox.file("p.json", payload.to_string());
    let shows = [
        "trigger onUserCreate --payload p.json",
        "trigger onUserCreate --payload p.json --format json",
        "history",
        "history --format json",
        "history show 1",
        "history show 1 --format json",
        "history export 1 --as payload",
        "history export 1 --as delivery",
        "history export 1 --as step",
        "diff 1 2",
        "diff 1 2 --format json",
        "users list",
        "users list --format json",
        "users show i\u{9b}d",
        "replay 1 --format json",
        "db list",
        "db list --format json",
        "db get kA\u{9b}31mB\u{7f}\u{202e}C",
        "db export",
        "validate p.json --format sarif",
    ];
    for words in shows {
        let ran = sandbox.run(words.split(' ')).code(0);
        let obeyed = |c: char| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}';
        assert!(!ran.out.contains(obeyed) && !ran.err.contains(obeyed), "{words}: {:?} {:?}", ran.out, ran.err);
    }
}
