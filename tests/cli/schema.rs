//! `simctl schema`: the contract can be read from the program itself.

use crate::sandbox::Sandbox;

#[test]
fn every_schema_listed_can_be_shown() {
    let list = Sandbox::new().run(["schema", "list"]).code(0).no_stderr();
    let names: Vec<&str> = list.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for expected in
        ["events/onUserCreate", "events/onUserUpdate", "shared/user", "shared/actor", "manifest", "run-event"]
    {
        assert!(names.contains(&expected), "{expected} is not listed:\n{}", list.out);
    }
    for name in names {
        let shown = Sandbox::new().run(["schema", "show", name]).code(0).json();
        assert!(shown["title"].is_string(), "{name} has no title");
    }
}

#[test]
fn a_name_may_be_short_and_a_wrong_one_is_helped() {
    Sandbox::new().run(["schema", "show", "onUserUpdate"]).code(0).stdout("\"onUserUpdate\"");
    Sandbox::new().run(["schema", "show", "onUserUpdat"]).code(2).no_stdout().stderr("did you mean `onUserUpdate`?");
}
