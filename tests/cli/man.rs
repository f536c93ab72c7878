//! Manual pages: every verb has one, and it is clean roff.

use std::process::{Command, Stdio};

use crate::common::skip;
use crate::sandbox::Sandbox;

/// The verbs that the help of `words` lists.
fn verbs(words: &[&str]) -> Vec<String> {
    let help = Sandbox::new().run(words.iter().copied().chain(["--help"])).code(0).out;
    let Some((_, listed)) = help.split_once("Commands:\n") else { return Vec::new() };
    let lines = listed.lines().take_while(|line| !line.trim().is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn every_verb_has_a_page() {
    let all = verbs(&[]);
    assert!(all.len() > 10, "{all:?}");
    for verb in &all {
        let page = Sandbox::new().run(["man", verb]).code(0).no_stderr().out;
        assert!(page.contains(".TH ") && page.contains(".SH SYNOPSIS"), "{verb}: {page}");
        for inner in verbs(&[verb]) {
            Sandbox::new().run(["man", verb, &inner]).code(0).no_stderr().stdout(".SH SYNOPSIS");
        }
    }
    Sandbox::new().run(["man"]).code(0).no_stderr().stdout(".SH SUBCOMMANDS");
}

#[test]
fn groff_has_nothing_to_say_of_a_page() {
    if Command::new("groff").arg("--version").output().is_err() {
        skip("manual pages", "groff is not here");
        return;
    }
    for words in [&["man"][..], &["man", "trigger"], &["man", "history", "show"]] {
        let page = Sandbox::new().run(words.iter().copied()).code(0).out;
        let sandbox = Sandbox::new().file("page.1", page);
        let mut command = Command::new("groff");
        command.args(["-man", "-Tutf8", "-ww", "page.1"]).current_dir(sandbox.path()).stdin(Stdio::null());
        let output = command.output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("simctl"));
    }
}

#[test]
fn a_verb_that_is_not_there_has_no_page() {
    let ran = Sandbox::new().run(["man", "trigge"]).code(2).no_stdout();
    assert!(ran.err.contains("there is no verb `trigge`"), "{}", ran.err);
}

#[test]
fn all_pages_are_written_into_a_folder_and_again() {
    let sandbox = Sandbox::new();
    let told = sandbox.run(["man", "--out", "share/man1"]).code(0).no_stderr().out;
    assert!(told.contains("wrote share/man1/simctl.1\n") && told.contains("wrote share/man1/simctl-history-show.1\n"));
    for verb in verbs(&[]) {
        let file = sandbox.path().join(format!("share/man1/simctl-{verb}.1"));
        assert_eq!(std::fs::read_to_string(file).unwrap(), sandbox.run(["man", &verb]).code(0).out);
    }
    sandbox.run(["man", "--out", "share/man1"]).code(0).no_stderr();
}

#[test]
fn a_page_that_is_not_our_own_is_not_written_over() {
    let sandbox = Sandbox::new().file("man/simctl-diff.1", "mine").file("elsewhere", "theirs");
    std::os::unix::fs::symlink("../elsewhere", sandbox.path().join("man/simctl-test.1")).unwrap();
    let ran = sandbox.run(["man", "--out", "man"]).code(2).no_stdout();
    ran.stderr("simctl-diff.1").stderr("simctl-test.1").stderr("nothing was written");
    assert_eq!(std::fs::read_to_string(sandbox.path().join("man/simctl-diff.1")).unwrap(), "mine");
    assert_eq!(std::fs::read_to_string(sandbox.path().join("elsewhere")).unwrap(), "theirs");
    assert!(!sandbox.path().join("man/simctl.1").exists());
    Sandbox::new().file("man", "a file").run(["man", "--out", "man"]).code(3).no_stdout().stderr("cannot be made");
}

#[test]
fn examples_are_not_filled() {
    let page = Sandbox::new().run(["man", "trigger"]).code(0).out;
    let (_, examples) = page.split_once(".SH EXAMPLES\n.nf\n").expect("examples");
    assert!(examples.starts_with("  simctl trigger onUserUpdate\n"), "{examples}");
    assert!(examples.contains("\n.fi\n.SH VERSION"), "{examples}");
}
