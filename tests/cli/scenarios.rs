//! `simctl test`: which scenarios are played, what is said of them, and how it ends.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use crate::sandbox::{Sandbox, node_or_skip};

/// Stores a count, and fails where it is told to.
const SERVER: &str = "exports = {
  created: async function (payload) {
    console.log('hello %s', payload.data.user.first_name);
    return { id: payload.data.user.id };
  },
  updated: async function (payload) {
    const changes = payload.data.changes.model_changes || payload.data.changes;
    if (changes.first_name) throw new TypeError('no name is Ivo');
    await $db.set('last', { changes: changes, actor: payload.data.actor, user: payload.data.user });
  }
};
";

fn app(scenarios: &[(&str, &str)]) -> Sandbox {
    let app = Sandbox::app(SERVER);
    scenarios.iter().fold(app, |app, (name, text)| app.file(&format!("tests/{name}.scenario.yaml"), text))
}

#[test]
fn changes_are_the_difference_between_before_and_after() {
    let text = "
users: { jane: { email: a@example.com, phone: '+13055550100' } }
steps:
  - create: jane
    expect: { returned: { id: '${jane.id}' } }
  - update: jane
    set: { email: b@example.com }
    actor: user
    expect:
      db:
        last:
          changes: { email: [b@example.com, a@example.com], phone: { $absent: true } }
          actor: { type: user, id: '${jane.id}', email: b@example.com }
          user: { email: b@example.com, phone: '+13055550100' }
  - update: jane
    change: [phone]
    actor: agent
    expect:
      db:
        last:
          changes: { phone: ['${jane.phone}', '${jane.was.phone}'], email: { $absent: true } }
          user: { email: b@example.com, phone: { $matches: '^\\+' } }
          actor: { type: agent }
";
    let kit = text
        .replace("\nusers", "\nvariant: kit\nusers")
        .replace("[b@example.com, a@example.com]", "[a@example.com, b@example.com]")
        .replace("['${jane.phone}', '${jane.was.phone}']", "['${jane.was.phone}', '${jane.phone}']");
    let app = app(&[("docs", text), ("kit", &kit)]);
    app.run(["test"]).code(0).stdout("2 scenarios: 2 held").no_stderr();
}

#[test]
fn a_failure_that_is_expected_is_none() {
    let text = "
users: { jane: {} }
steps:
  - update: jane
    set: { first_name: Ivo }
    expect: EXPECT
  - create: jane
    expect: { logs: [hello Jane, { level: log, matches: '^hello J' }], not: { logs: [{ level: error }] }, db: { last: null } }
";
    let text = text.replace("  - create: jane", "  - create: jane\n    set: { first_name: Jane }");
    let with = |expect: &str| app(&[("a", &text.replace("EXPECT", expect))]);
    with("{ error: no name is Ivo }").run(["test"]).code(0);
    with("{ outcome: rejected, error: { $matches: '^TypeError: .*Ivo$' } }").run(["test"]).code(0);
    with("{ outcome: threw }").run(["test"]).code(1).stdout("expected: threw").stdout("actual: rejected: TypeError");
    with("{ logs: [] }").run(["test"]).code(1).stdout("no failure").stdout("no name is Ivo");
    with("{ error: Ivo, logs: [never] }").run(["test"]).code(1).stdout("a line that contains \"never\"");
}

#[test]
fn where_there_is_no_scenario_a_first_one_is_shown_that_holds() {
    let app = app(&[]);
    let told = app.run(["test"]).code(2).stderr("there is no scenario to play").err;
    let first = told.split_once("in the app's folder:\n").expect("one is shown").1;
    let app = app.file("tests/first.scenario.yaml", first);
    app.run(["test"]).code(0).stdout("1 scenario: 1 held");
}

#[test]
fn a_tab_in_a_scenario_is_told_with_what_to_do() {
    let text = "steps:\n  - create: jane\n    expect:\n\t  returned: 1\n";
    app(&[("tab", text)]).run(["test"]).code(2).stderr("tab.scenario.yaml:4:").stderr("hint: indent by blanks");
}

#[test]
fn how_often_a_request_was_expected_is_told() {
    let of = |count: &str| {
        format!("steps:\n  - create: jane\n    expect: {{ requests: [{{ method: GET, count: {count} }}] }}\n")
    };
    let app = app(&[("once", &of("1")), ("twice", &of("2")), ("never", &of("0"))]);
    let told = app.run(["test"]).code(1).stdout("expected: a request as described here, once\n");
    told.stdout("expected: a request as described here, 2 times\n").stdout("3 scenarios: 1 held, 2 failed");
}

#[test]
fn a_payload_from_a_file_is_fired_as_it_is() {
    let text = "
steps:
  - fire: onUserCreate
    payload: ../data/ada.json
    expect: { logs: [{ contains: hello Ada, count: 1 }] }
  - again: onUserCreate
    expect: { logs: [hello Ada] }
";
    let payload = r#"{ "event": "onUserCreate", "data": { "user": { "id": "7", "first_name": "Ada" } } }"#;
    app(&[("a", text)]).file("data/ada.json", payload).run(["test"]).code(0);
}

#[test]
fn scenarios_are_chosen_and_named() {
    let one = "name: the first\nsteps: [{ create: jane }]";
    let app = app(&[("deep/one", one), ("two", "{\"steps\": [{\"create\": \"jane\"}]}")]);
    let listed = app.run(["test", "--list"]).code(0);
    assert_eq!(listed.out, "tests/deep/one.scenario.yaml  the first\ntests/two.scenario.yaml  two\n");
    app.run(["test", "--filter", "first"]).code(0).stdout("1 scenario: 1 held");
    app.run(["test", "tests/two.scenario.yaml"]).code(0).stdout("1 scenario: 1 held");
    app.run(["test", "--filter", "third"]).code(2).stderr("none of 2 scenarios has `third`").no_stdout();
    app.run(["test", "tests/nothing"]).code(2).stderr("there is no such file");
    Sandbox::app(SERVER).run(["test"]).code(2).stderr("there is no scenario to play").no_stdout();
}

#[test]
fn results_come_in_the_order_of_files_and_the_first_failure_can_be_the_last() {
    let good = "steps: [{ create: jane }]";
    let bad = "steps: [{ create: jane, expect: { returned: 3 } }, { create: otto }]";
    let app = app(&[("a", good), ("b", bad), ("c", good), ("d", good)]);
    let ran = app.run(["test", "--format", "json", "--jobs", "4"]).code(1);
    let files: Vec<_> = ran.events("scenario-finished").iter().map(|event| event["file"].to_string()).collect();
    assert_eq!(files, ["a", "b", "c", "d"].map(|name| format!("\"tests/{name}.scenario.yaml\"")));
    let ended = &ran.events("test-finished")[0];
    assert_eq!((&ended["held"], &ended["failed"], &ended["left"]), (&3.into(), &1.into(), &0.into()));
    // What comes after a step that did not hold is not fired.
    assert_eq!(ran.events("scenario-finished")[1]["steps"], 1);
    let ran = app.run(["test", "--format", "json", "--jobs", "1", "--fail-fast"]).code(1);
    assert_eq!(ran.events("test-finished")[0]["left"], 2);
    let quiet = app.run(["test", "--quiet"]).code(1).stdout("FAIL  b");
    assert!(!quiet.out.contains("ok  a"), "{}", quiet.out);
}

#[test]
fn each_app_below_a_folder_is_tested_and_a_broken_one_hides_no_other() {
    let good = "exports = { created: function () { console.log(require('./lib/who')); }, updated: function () {} };";
    let bad = "exports = { created: function () { throw new Error('no'); }, updated: function () {} };";
    let manifest = std::fs::read(Sandbox::app(good).path().join("manifest.json")).expect("a manifest");
    let folder =
        [("one", good), ("three", bad), ("two", good)].into_iter().fold(Sandbox::new(), |folder, (name, server)| {
            folder
                .file(&format!("apps/{name}/manifest.json"), &manifest)
                .file(&format!("apps/{name}/server/server.js"), server)
                .file(&format!("apps/{name}/server/lib/who.js"), format!("module.exports = 'app {name}';"))
        });
    let logs = |name: &str| format!("steps: [{{ create: jane, expect: {{ logs: [app {name}] }} }}]");
    let folder = folder
        .file("apps/one/tests/a.scenario.yaml", logs("one"))
        .file("apps/three/tests/b.scenario.yaml", "steps: [{ create: jane }]")
        .file("apps/two/tests/c.scenario.yaml", logs("two"));
    let ran = folder.run(["test", "apps", "--format", "json", "--jobs", "2"]).code(1);
    let apps: Vec<_> = ran.events("scenario-started").iter().map(|event| event["app"].to_string()).collect();
    assert_eq!(apps, ["\"apps/one\"", "\"apps/three\"", "\"apps/two\""]);
    assert_eq!(ran.events("scenario-finished")[1]["repeat"], "simctl test apps/three/tests/b.scenario.yaml");
    folder.run(["test", "apps/three/tests/b.scenario.yaml"]).code(1).stdout("threw Error: no");
    folder.run(["test", "apps", "--list"]).code(0).stdout("apps/two/tests/c.scenario.yaml  c");

    let folder = folder.file("apps/three/manifest.json", "{").file("apps/one/tests/d.scenario.yaml", "stpes: []");
    let ran = folder.run(["test", "apps"]).code(2);
    ran.stdout("ok  c  apps/two").stdout("apps/three/manifest.json:1").stdout("did you mean `steps`?").without("ok  a");
    folder.run(["test", "apps", "--filter", "b"]).code(2).stderr("apps/three/manifest.json:1").no_stdout();
    folder
        .run(["test", "apps", "--list"])
        .code(2)
        .stdout("apps/two/tests/c.scenario.yaml")
        .stderr("apps/three/manifest");
    folder.run(["test", "apps/two", "--app", "apps/three"]).code(2);
}

/// As where somebody names `/`, or a home folder. What `validate` has to check does not count: there may be any number of payloads.
#[test]
fn a_folder_that_holds_too_much_is_not_looked_through() {
    let sandbox = app(&[("a", "steps: [{ create: jane }]")]);
    fill(&sandbox.path().join("dist"), 51_000);
    fill(&sandbox.path().join("node_modules"), 51_000);
    sandbox.run(["test", "."]).code(0).stdout("1 scenario");
    fs::rename(sandbox.path().join("node_modules"), sandbox.path().join("modules")).expect("another name");
    let ran = sandbox.run(["test", "."]).code(2).stderr("more than 100,000 files and folders").stderr("not `.`");
    assert_eq!(ran.out, "");
    sandbox.run(["test"]).code(0).stdout("1 scenario");
    sandbox.run(["test", "tests"]).code(0).stdout("1 scenario");
    let ran =
        sandbox.run(["validate", "tests", "dist", "modules"]).code(2).stderr("more than 100,000 files and folders");
    ran.no_stdout().stderr("--> modules");
}

/// Files, a thousand to a folder; all of them one, as others would take half a minute to make.
fn fill(folder: &Path, count: usize) {
    fs::create_dir_all(folder).expect("a folder");
    let one = folder.join("one");
    fs::write(&one, "").expect("a file");
    for part in 0..count / 1000 {
        let part = folder.join(part.to_string());
        fs::create_dir(&part).expect("a folder");
        for file in 0..1000 {
            fs::hard_link(&one, part.join(file.to_string())).expect("a link");
        }
    }
}

#[test]
fn a_page_is_written_whole_or_not_at_all() {
    let app = app(&[("a", "steps: [{ create: jane }]")]).file("r.html", "before").folder("folder");
    app.run(["test", "--report", "html=no/r.html"]).code(3).no_stdout().stderr("no/r.html cannot be written");
    app.run(["test", "--report", "html=folder"]).code(3).no_stdout();
    app.run(["test", "--report", "html=r.html", "tests/nothing"]).code(2);
    assert_eq!(std::fs::read_to_string(app.path().join("r.html")).expect("it is there"), "before");
    app.run(["test", "--report", "html=r.html", "--format", "tap"]).code(0).stdout("ok 1 - a").no_stderr();
    let page = std::fs::read_to_string(app.path().join("r.html")).expect("it is there");
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n") && page.contains("hello "), "{page}");
    let left: Vec<_> =
        std::fs::read_dir(app.path()).expect("listed").flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".part")), "{left:?}");
    for (args, why) in [
        (["--report", "html", "--format", "tap"], "a report needs a file"),
        (["--report", "pdf=x", "--format", "tap"], "`html=FILE` is"),
        (["--report", "html=x", "--format", "junit=x"], "two reports go to `x`"),
    ] {
        app.run(["test"].into_iter().chain(args)).code(2).no_stdout().stderr(why);
    }
}

#[test]
fn one_that_holds_when_it_is_played_again_is_flaky_and_fails_nothing() {
    if !node_or_skip("one_that_holds_when_it_is_played_again_is_flaky_and_fails_nothing") {
        return;
    }
    // Each time it is played there is one file more.
    let server = "const fs = require('fs');
exports = { created: function () {
  const played = fs.readdirSync('.').filter(name => name.startsWith('played-')).length;
  fs.writeFileSync('played-' + played, '');
  console.log('time %d', played + 1);
  if (played < 2) throw new Error('too early');
}, updated: function () {} };";
    let app = || Sandbox::app(server).file("tests/a.scenario.yaml", "steps: [{ create: jane }]");
    let args = |retries: &'static str| ["test", "--allow-node-globals", "--format", "json", "--retries", retries];
    let ran = app().run(args("5")).code(0);
    let ended: Vec<_> = ran.events("scenario-finished").iter().map(|event| event["attempt"].to_string()).collect();
    assert_eq!(ended, ["1", "2", "3"]);
    let sum = &ran.events("test-finished")[0];
    assert_eq!((&sum["held"], &sum["flaky"], &sum["failed"]), (&1.into(), &1.into(), &0.into()));
    let ran = app().run(args("1")).code(1);
    assert_eq!(
        ran.events("scenario-finished").iter().map(|event| &event["retried"]).collect::<Vec<_>>(),
        [true, false]
    );
    assert_eq!(ran.events("test-finished")[0]["failed"], 1);
    let told = app().run(["test", "--retries", "2"]).code(0).stdout("flaky a  ").stdout("time 2").without("time 1");
    told.stdout("1 scenario: 1 held, 1 of them flaky").without("--retries");
}

#[test]
fn each_fault_of_a_file_is_told_at_its_place_and_nothing_is_played() {
    let text = "\
sed: 7
users:
  jane: {}
steps:
  - craete: jane
  - update: jane
    expect:
      logs: [{ contians: x }, { matches: '(' }]
";
    let ran = app(&[("a", text), ("b", "steps: [{ update: jnae }]\nusers: { jane: { emial: x, phone: 3 } }")])
        .run(["test"])
        .code(2)
        .no_stdout();
    for (what, place) in [
        ("did you mean `seed`?", "tests/a.scenario.yaml:1:1"),
        ("did you mean `create`?", "tests/a.scenario.yaml:5:5"),
        ("did you mean `contains`?", "tests/a.scenario.yaml:8:16"),
        ("this is no regular expression", "tests/a.scenario.yaml:8:42"),
        ("did you mean `jane`?", "tests/b.scenario.yaml:1:19"),
        ("did you mean `email`?", "tests/b.scenario.yaml:2:18"),
    ] {
        assert!(ran.err.contains(what) && ran.err.contains(place), "{what} at {place} in\n{}", ran.err);
    }
}

#[test]
fn an_update_that_changes_nothing_is_refused() {
    let text = "users: { jane: { email: a@example.com } }\nsteps: [{ update: jane, set: { email: a@example.com } }]";
    app(&[("a", text)]).run(["test"]).code(2).stderr("an update changes something");
}

#[test]
fn an_event_without_subscription_is_refused() {
    let text = "steps: [{ fire: onMessageCreate, payload: p.json }]";
    app(&[("a", text)]).file("tests/p.json", "{}").run(["test"]).code(2).stderr("wrong-product");
}

#[test]
fn no_secret_reaches_a_report() {
    let server = "exports = {
  created: async function (payload) {
    await $db.set('k', { token: payload.iparams.token });
    console.log(payload.iparams.token);
    return payload.iparams.token;
  }, updated: function () {} };";
    let text = "
iparams: { token: hush-hush-77 }
steps: [{ create: jane, expect: { returned: x, logs: [y], db: { k: { token: z } } } }]
";
    let app = Sandbox::app(server)
        .file("config/iparams.json", r#"{ "token": { "display_name": "T", "description": "t", "type": "text", "required": true, "secure": true } }"#)
        .file("tests/a.scenario.yaml", text);
    let faulty = "iparams: { token: hush-hush-77, }\nstpes: [hush-hush-77]";
    app.run(["test", "--list"]).code(0);
    let app = app.file("faulty/b.scenario.yaml", faulty);
    app.run(["test", "faulty"]).code(2).stderr("did you mean `steps`?").without("hush-hush");
    app.run(["test", "--report", "html=r.html"]).code(1);
    let page = std::fs::read_to_string(app.path().join("r.html")).expect("a page");
    assert!(page.contains("<html") && !page.contains("hush-hush"), "{page}");
    for format in ["human", "json", "github", "junit", "tap"] {
        let ran = app.run(["test", "--verbose", "--format", format]).code(1);
        let shown = ran.out.replace("iparams: { token: hush-hush-77 }", "");
        assert!(!shown.contains("hush-hush"), "{format}:\n{shown}");
    }
}

#[test]
fn ctrl_c_ends_it_with_reports_written() {
    let server = "exports = { created: function () { console.log('begun'); for (;;) {} }, updated: function () {} };";
    let app = Sandbox::app(server)
        .file("tests/a.scenario.yaml", "steps: [{ update: jane }]\nusers: { jane: {} }")
        .file("tests/b.scenario.yaml", "steps: [{ create: jane }]")
        .file("tests/c.scenario.yaml", "steps: [{ create: jane }]");
    let args =
        ["test", "--jobs", "1", "--format", "json", "--format", "junit=report.xml", "--report", "html=report.html"];
    let mut child = app.command(args).spawn().expect("simctl starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map(|line| line.expect("a line"));
    // The first scenario is over; the second never is.
    assert!(lines.any(|line| line.contains("scenario-finished")));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("the signal is sent");
    let rest: Vec<String> = lines.collect();
    let last: serde_json::Value = serde_json::from_str(rest.last().expect("a last line")).expect("JSON");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(
        (&last["type"], &last["left"], &last["interrupted"]),
        (&"test-finished".into(), &2.into(), &true.into())
    );
    let report = std::fs::read_to_string(app.path().join("report.xml")).expect("the report is written");
    let page = std::fs::read_to_string(app.path().join("report.html")).expect("the page is written");
    assert!(page.contains("interrupted") && page.contains("tests/a.scenario.yaml"), "{page}");
    assert!(report.contains("<error ") && report.contains("tests/a.scenario.yaml"), "{report}");
}

#[test]
fn a_machine_in_the_way_is_no_green_report() {
    let app = app(&[("a", "steps: [{ create: jane }]")]);
    let ran = app.run(["test", "--runtime", "node", "--node", "no-such-node", "--format", "tap"]).code(3);
    ran.stdout("Bail out!").stderr("was not found").without("ok 1");
}
