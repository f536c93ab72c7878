//! `simctl init`: an app that works at once, made of new files only.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::sandbox::{Sandbox, node_or_skip};

/// Every file below a folder, by its path, and what is in it; links as where they lead.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    fn walk(top: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = path.strip_prefix(top).unwrap().to_string_lossy().into_owned();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                found.insert(format!("{name}/"), String::new());
                walk(top, &path, found);
            } else if kind.is_symlink() {
                found.insert(name, fs::read_link(&path).unwrap().to_string_lossy().into_owned());
            } else {
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, folder, &mut found);
    found
}

/// The `- run: simctl …` steps of a workflow.
fn steps(workflow: &str) -> Vec<Vec<String>> {
    let commands = workflow.lines().filter_map(|line| line.trim().strip_prefix("- run: simctl "));
    commands.map(|command| command.split_whitespace().map(str::to_owned).collect()).collect()
}

const FILES: [&str; 8] = [
    "manifest.json",
    "server/server.js",
    "config/requests.json",
    "mocks/keepContact.json",
    "simctl.json",
    ".github/workflows/simctl.yml",
    "tests/onUserCreate.scenario.yaml",
    "tests/onUserUpdate.scenario.yaml",
];

#[test]
fn a_new_app_validates_fires_and_holds_its_scenarios_on_both_platforms_and_runtimes() {
    let has_node = node_or_skip("a new app on the node runtime");
    let runtimes: &[&str] = if has_node { &["embedded", "node"] } else { &["embedded"] };
    for platform in ["3.0", "2.3"] {
        let sandbox = Sandbox::new();
        let ran = sandbox.run(["init", "--platform", platform]).code(0).no_stderr();
        for file in FILES {
            assert!(ran.out.contains(&format!("wrote {file}\n")), "{file} is not told of:\n{}", ran.out);
            assert!(sandbox.path().join(file).is_file(), "{file} is not there");
        }
        sandbox.run(["validate", "--deny", "warnings"]).code(0);
        for runtime in runtimes {
            for event in ["onUserCreate", "onUserUpdate"] {
                sandbox.run(["trigger", event, "--runtime", runtime]).code(0).stdout("c-1007");
            }
            sandbox.run(["test", "--runtime", runtime]).code(0).stdout("2 scenarios: 2 held");
        }
        let workflow = fs::read_to_string(sandbox.path().join(".github/workflows/simctl.yml")).unwrap();
        let steps = steps(&workflow);
        assert!(!steps.is_empty(), "{workflow}");
        for step in steps {
            sandbox.run(step.iter().map(String::as_str)).code(0);
        }
        let uses = workflow.lines().find(|line| line.contains("/simctl@")).unwrap().trim();
        let recipes = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md")).unwrap();
        assert!(recipes.contains(uses), "docs/ci.md says something else than `{uses}`");
    }
}

#[test]
fn every_event_that_has_a_schema_can_be_begun_with() {
    let listed = Sandbox::new().run(["schema", "list"]).code(0);
    let events: Vec<&str> =
        listed.out.lines().filter_map(|line| line.strip_prefix("events/")?.split(' ').next()).collect();
    assert!(events.len() >= 7, "{events:?}");
    for platform in ["3.0", "2.3"] {
        let sandbox = Sandbox::new();
        let mut args = vec!["init", "app", "--platform", platform];
        args.extend(events.iter().flat_map(|event| ["--event", event]));
        sandbox.run(args).code(0);
        let app = ["--app", "app"];
        sandbox.run(["validate", "app", "--deny", "warnings"]).code(0);
        let held = format!("{0} scenarios: {0} held", events.len());
        sandbox.run(["test"].into_iter().chain(app)).code(0).stdout(&held);
        for event in &events {
            Sandbox::new().run(["init", "--quiet", "--event", event]).code(0).no_stdout();
        }
    }
}

#[test]
fn what_comes_next_can_be_typed_as_it_stands() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(["init", "my app/inner", "--event", "onUserUpdate"]).code(0);
    let next: Vec<&str> = ran.out.split("next:\n").nth(1).unwrap().lines().map(str::trim).collect();
    assert_eq!(next, ["cd 'my app/inner'", "simctl validate", "simctl trigger onUserUpdate", "simctl test"]);
}

#[test]
fn all_files_in_the_way_are_told_at_once_and_nothing_is_written() {
    let sandbox = Sandbox::new().file("server/server.js", "mine").file("simctl.json", "{}").folder("mocks");
    let before = tree(sandbox.path());
    let ran = sandbox.run(["init"]).code(2).no_stdout();
    for file in ["`server/server.js` is there already", "`simctl.json` is there already", "nothing was written"] {
        assert!(ran.err.contains(file), "{file} is not in\n{}", ran.err);
    }
    assert_eq!(tree(sandbox.path()), before);
}

#[test]
fn files_of_other_names_stay_as_they_are() {
    let sandbox = Sandbox::new().file("README.md", "mine").file("server/lib/own.js", "exports = {};");
    sandbox.run(["init"]).code(0);
    let after = tree(sandbox.path());
    assert_eq!((after["README.md"].as_str(), after["server/lib/own.js"].as_str()), ("mine", "exports = {};"));
    assert!(after.keys().all(|name| !name.contains(".simctl-init")), "{:?}", after.keys());
}

#[test]
fn a_link_leads_no_file_out_of_the_app() {
    let outside = Sandbox::new();
    let sandbox = Sandbox::new();
    for (link, said) in
        [("server", "`app/server` is no folder"), ("tests/onUserCreate.scenario.yaml", "is there already")]
    {
        let app = sandbox.path().join("app");
        fs::create_dir_all(app.join(link).parent().unwrap()).unwrap();
        symlink(outside.path().join("nowhere.yaml"), app.join("dangling")).unwrap();
        symlink(outside.path(), app.join(link)).unwrap();
        let before = tree(&app);
        sandbox.run(["init", "app"]).code(2).no_stdout().stderr(said);
        assert_eq!(tree(&app), before, "{link}");
        assert!(tree(outside.path()).is_empty());
        fs::remove_dir_all(app).unwrap();
    }
    // The folder that was named may be one.
    fs::create_dir(sandbox.path().join("real")).unwrap();
    symlink("real", sandbox.path().join("app")).unwrap();
    sandbox.run(["init", "app"]).code(0);
    assert!(sandbox.path().join("real/manifest.json").is_file());
}

#[test]
fn a_file_where_a_folder_is_to_be_ends_it_and_what_was_written_is_taken_away() {
    let sandbox = Sandbox::new().file("app/tests", "a file").file("taken", "a file");
    let before = tree(sandbox.path());
    // `tests` comes last: what was written before goes again.
    sandbox.run(["init", "app"]).code(2).no_stdout().stderr("`app/tests` is no folder");
    sandbox.run(["init", "taken"]).code(2).no_stdout();
    assert_eq!(tree(sandbox.path()), before);
}

#[test]
fn of_two_at_the_same_time_one_makes_the_app_and_the_other_leaves_it_whole() {
    for _ in 0..5 {
        let sandbox = Sandbox::new();
        let mut both = [(); 2].map(|()| sandbox.command(["init", "app"]).spawn().unwrap());
        let codes = both.each_mut().map(|child| child.wait().unwrap().code());
        let won = codes.iter().filter(|code| **code == Some(0)).count();
        assert!(won <= 1, "{codes:?}");
        let there = FILES.iter().filter(|file| sandbox.path().join("app").join(file).exists()).count();
        // Where each was in the other's way, both have taken away what was theirs.
        assert_eq!(there, if won == 1 { FILES.len() } else { 0 }, "{codes:?}");
        if won == 1 {
            sandbox.run(["test", "--app", "app"]).code(0);
        }
    }
}

#[test]
fn events_may_stand_in_one_word() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(["init", "--event", "onUserUpdate,onAppInstall"]).code(0);
    ran.stdout("wrote tests/onAppInstall.scenario.yaml");
    sandbox.run(["test"]).code(0).stdout("2 scenarios: 2 held");
}

#[test]
fn a_misspelled_event_is_helped_and_nothing_is_written() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(["init", "app", "--event", "onUserCreat", "--event", "onNothing"]).code(2).no_stdout();
    assert!(ran.err.contains("did you mean `onUserCreate`?") && ran.err.contains("`onNothing`"), "{}", ran.err);
    // What is read of old apps, too, is nothing to begin with.
    for version in ["9", "2.2"] {
        sandbox.run(["init", "app", "--platform", version]).code(2).stderr("begun for platform 3.0 or 2.3");
    }
    assert!(tree(sandbox.path()).is_empty());
}

#[test]
fn a_workflow_below_the_top_of_a_repository_is_said_to_be_of_no_use_there() {
    let sandbox = Sandbox::new().folder(".git");
    sandbox.run(["init", "apps/one"]).code(0).stderr("at the top of a repository only");
    sandbox.run(["init"]).code(0).no_stderr();
}
