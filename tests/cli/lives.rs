//! `simctl test`: time, deliveries that are late, lost or doubled, snapshots, and matrices.

use std::fs;

use crate::sandbox::{Sandbox, node_or_skip};

/// Counts contacts, once for each event, and looks at each an hour later.
const SERVER: &str = "exports = {
  created: async function (payload) {
    await $db.update('contacts', 'increment', { count: 1 });
    console.log('hello %s', payload.data.user.first_name);
    return { id: payload.data.user.id };
  },
  updated: async function (payload) {
    await $db.set('last', { email: payload.data.user.email });
    return { email: payload.data.user.email };
  }
};
";

fn app(scenarios: &[(&str, &str)]) -> Sandbox {
    let app = Sandbox::app(SERVER);
    scenarios.iter().fold(app, |app, (name, text)| app.file(&format!("tests/{name}.scenario.yaml"), text))
}

fn snapshots(app: &Sandbox) -> serde_json::Value {
    serde_json::from_slice(&fs::read(app.path().join("tests/a.snap.json")).unwrap()).unwrap()
}

const WITH_SNAPSHOT: &str = "users: { jane: { first_name: Jane } }
steps: [{ create: jane, expect: { snapshot: she comes } }]";

#[test]
fn a_snapshot_is_taken_once_and_compared_from_then_on() {
    let app = app(&[("a", WITH_SNAPSHOT)]);
    app.run(["test"]).code(0).stdout("snapshot `she comes` is new: kept in tests/a.snap.json");
    assert_eq!(snapshots(&app)["she comes"]["logs"][0]["log"], "hello Jane");
    app.run(["test"]).code(0).without("snapshot");
    let app = app.file("server/server.js", SERVER.replace("hello", "good day"));
    let kept = snapshots(&app);
    app.run(["test"])
        .code(1)
        .stdout("snapshot /logs/0/log")
        .stdout("\"hello Jane\"")
        .stdout("\"good day Jane\"")
        .stdout("tests/a.scenario.yaml:2:")
        .stdout("`simctl test --update` takes it as it is now");
    assert_eq!(snapshots(&app), kept);
    app.run(["test", "--update"]).code(0).stdout("snapshot `she comes` is another: kept in tests/a.snap.json");
    assert_eq!(snapshots(&app)["she comes"]["logs"][0]["log"], "good day Jane");
}

#[test]
fn in_ci_no_snapshot_is_written() {
    let app = app(&[("a", WITH_SNAPSHOT)]);
    app.run(["test", "--ci"]).code(1).stdout("`she comes` in a.snap.json");
    let app = app.env("CI", "true");
    app.run(["test"]).code(1).stdout("none of that name");
    assert!(!app.path().join("tests/a.snap.json").exists());
}

#[test]
fn snapshots_of_no_step_are_named_and_an_update_removes_them() {
    let kept = r#"{ "gone": { "logs": [] } }"#;
    let app = app(&[("a", WITH_SNAPSHOT)]).file("tests/a.snap.json", kept).file("tests/b.snap.json", kept);
    app.run(["test"])
        .code(0)
        .stdout("snapshot `gone` in tests/a.snap.json is of no step")
        .stdout("`tests/b.snap.json` holds snapshots of no scenario");
    app.run(["test", "--update"]).code(0).stdout("snapshot `gone` is of no step, and no longer in tests/a.snap.json");
    assert!(snapshots(&app).get("gone").is_none());
    // What is left out is not gone.
    let app = app.file("tests/a.scenario.yaml", "name: other\nsteps: [{ create: jane }]");
    app.run(["test", "--filter", "other", "--update"]).code(0).stdout("no longer in tests/a.snap.json");
    assert!(!app.path().join("tests/a.snap.json").exists());
}

#[test]
fn a_file_that_holds_no_snapshots_is_left_as_it_is() {
    let app = app(&[("a", WITH_SNAPSHOT)]).file("tests/a.snap.json", "[1, 2]");
    app.run(["test", "--update"]).code(2).stderr("tests/a.snap.json:1:1").stderr("an object of snapshots");
    assert_eq!(fs::read_to_string(app.path().join("tests/a.snap.json")).unwrap(), "[1, 2]");
}

#[test]
fn a_step_that_does_not_hold_leaves_no_snapshot() {
    let app = app(&[("a", "steps: [{ create: jane, expect: { returned: 7, snapshot: true } }]")]);
    app.run(["test", "--update"]).code(1);
    assert!(!app.path().join("tests/a.snap.json").exists());
}

#[test]
fn no_secret_reaches_a_snapshot() {
    let server = "exports = {
      created: async function (payload) {
        await $db.set('k', { token: payload.iparams.token });
        console.log('is', payload.iparams.token);
        return payload.iparams.token;
      }, updated: function () {} };";
    let iparams =
        r#"{ "token": { "display_name": "T", "description": "t", "type": "text", "required": true, "secure": true } }"#;
    let app = app(&[("a", "iparams: { token: hush-hush-77 }\nsteps: [{ create: jane, expect: { snapshot: true } }]")])
        .file("server/server.js", server)
        .file("config/iparams.json", iparams);
    app.run(["test"]).code(0);
    let kept = snapshots(&app).to_string();
    assert!(kept.contains("********") && !kept.contains("hush-hush"), "{kept}");
    app.run(["test", "--ci"]).code(0);
}

#[test]
fn what_is_volatile_is_not_compared() {
    let server =
        "exports = { created: function () { console.log(Math.random()); return 1; }, updated: function () {} };";
    let text = "steps: [{ create: jane, expect: { snapshot: { volatile: [/logs] } } }]";
    let app = app(&[("a", text)]).file("server/server.js", server);
    app.run(["test"]).code(0);
    let kept = snapshots(&app);
    assert_eq!(kept["step 1: create jane"]["logs"], "(volatile)");
    app.run(["test", "--ci"]).code(0);
}

#[test]
fn a_late_event_arrives_when_a_step_says_so_and_a_lost_one_never() {
    let text = "
users: { jane: { email: a@example.com } }
steps:
  - update: jane
    set: { email: b@example.com }
    delivered: late
    id: first
  - update: jane
    set: { email: c@example.com }
    delivered: never
  - update: jane
    set: { email: d@example.com }
    expect: { returned: { email: d@example.com }, db: { last: { email: '${jane.email}' } } }
  - deliver: first
    expect: { returned: { email: b@example.com }, db: { last: { email: b@example.com } } }
";
    app(&[("a", text)]).run(["test"]).code(0).stdout("4 steps");
    let never = text.replace("  - deliver: first\n    expect: { returned: { email: b@example.com }, db: { last: { email: b@example.com } } }\n", "");
    app(&[("a", &never)]).run(["test"]).code(2).stderr("never delivered: no step says `deliver: first`").no_stdout();
    let twice = format!("{text}  - deliver: first\n");
    app(&[("a", &twice)]).run(["test"]).code(2).stderr("nothing of `first` is on its way here");
    let expecting = text.replace("    delivered: never", "    delivered: never\n    expect: { returned: 1 }");
    app(&[("a", &expecting)]).run(["test"]).code(2).stderr("`returned` is of a delivery, and this step makes none");
}

#[test]
fn a_recorded_delivery_is_fired_again_to_the_byte() {
    let app = app(&[]).folder("tests");
    app.run(["trigger", "onUserCreate", "--seed", "7", "--set", "data.user.first_name=Ada"]).code(0);
    app.run(["history", "export", "last", "tests/ada.json", "--as", "delivery"]).code(0);
    let text = "steps: [{ replay: ada.json, expect: { logs: [hello Ada], db: { contacts: { count: 1 } } } }]";
    let app = app.file("tests/a.scenario.yaml", text);
    app.run(["test"]).code(0).stdout("1 scenario: 1 held");
    let app = app.file("tests/a.scenario.yaml", "steps: [{ replay: a.scenario.yaml }, { replay: none.json }]");
    app.run(["test"]).code(2).stderr("tests/a.scenario.yaml:1:").no_stdout();
}

#[test]
fn a_step_is_referred_to_after_it_and_not_before() {
    let text = "
steps:
  - create: jane
    id: first
  - update: jane
    set: { email: a@example.com }
    expect: { db: { last: { email: a@example.com } }, returned: { $absent: true } }
";
    let with = |value: &str| app(&[("a", &text.replace("{ $absent: true }", value))]);
    with("{ email: '${second.returned}' }").run(["test"]).code(2).stderr("tests/a.scenario.yaml:7:");
    with("{ id: '${first.returned.id}' }").run(["test"]).code(1).stdout("returned.id").stdout("nothing");
    let logs = text.replace("returned: { $absent: true }", "not: { logs: ['${first.logs.0}'] }");
    app(&[("a", &logs)]).run(["test"]).code(0);
}

#[test]
fn each_cell_of_a_matrix_is_a_scenario_of_its_own() {
    let text = "
name: she comes
matrix: { variant: [docs, kit], locale: [en, ja_jp] }
users: { jane: { first_name: Jane } }
steps: [{ create: jane, expect: { logs: [hello Jane], snapshot: true } }]
";
    let app = app(&[("a", text)]);
    let listed = app.run(["test", "--list"]).code(0);
    assert_eq!(listed.out.lines().count(), 4);
    app.run(["test"]).code(0).stdout("she comes [docs, ja_jp]").stdout("4 scenarios: 4 held");
    assert_eq!(snapshots(&app).as_object().unwrap().len(), 4);
    let app = app.file("server/server.js", SERVER.replace("hello", "bye"));
    let ran = app.run(["test", "--filter", "[kit, ja_jp]"]).code(1).stdout("1 scenario: 0 held, 1 failed");
    assert!(
        ran.out.contains("repeat: simctl test --filter 'she comes [kit, ja_jp]' tests/a.scenario.yaml"),
        "{}",
        ran.out
    );
}

#[test]
fn a_matrix_of_runtimes_asks_for_each_of_them() {
    let text = "matrix: { runtime: [embedded, node] }\nsteps: [{ create: jane, expect: { logs: [hello] } }]";
    let app = app(&[("a", text)]);
    app.run(["test", "--runtime", "embedded"]).code(0).stdout("[embedded]").stdout("1 scenario: 1 held");
    app.run(["test", "--node", "/nowhere/node"]).code(3).stderr("asks for Node.js").stderr("--runtime embedded");
    app.run(["test", "--node", "/nowhere/node", "--list"]).code(0).stdout("[node]");
    if node_or_skip("a_matrix_of_runtimes_asks_for_each_of_them") {
        app.run(["test"]).code(0).stdout("2 scenarios: 2 held");
        app.run(["test", "--runtime", "node"]).code(0).stdout("[node]").stdout("1 scenario: 1 held");
    }
    let only = "matrix: { runtime: [node] }\nsteps: [{ create: jane }]";
    app.file("tests/a.scenario.yaml", only)
        .run(["test", "--runtime", "embedded"])
        .code(2)
        .stderr("another runtime than the one that `--runtime` names");
}

#[test]
fn faults_are_the_same_for_a_seed_and_find_what_is_not_idempotent() {
    let text = "
name: two are two
users: { jane: {}, otto: {} }
steps:
  - create: jane
  - create: otto
    expect: { always: true, not: { db: [lost] }, db: { contacts: { count: 2 } } }
";
    let app = app(&[("a", text), ("b", "steps: [{ create: jane }]")]);
    app.run(["test"]).code(0);
    let seeds: Vec<String> = (0..20).map(|seed: u64| seed.to_string()).collect();
    let failed: Vec<&String> = seeds
        .iter()
        .filter(|seed| {
            let ran = app.run(["test", "--faults", seed]);
            assert!(ran.out.contains("1 of 2 scenarios says nothing of what holds `always`"), "{}", ran.out);
            ran.out.contains("1 failed")
        })
        .collect();
    assert!(!failed.is_empty(), "no seed of 20 doubles or loses an event");
    let faults =
        |ran: &str| ran.lines().filter(|line| line.starts_with("fault:")).map(str::to_owned).collect::<Vec<_>>();
    let first =
        app.run(["test", "--faults", failed[0]]).code(1).stdout(&format!("repeat: simctl test --faults {}", failed[0]));
    assert!(!faults(&first.out).is_empty());
    assert_eq!(faults(&first.out), faults(&app.run(["test", "--faults", failed[0]]).code(1).out));
    app.run(["test", "--faults", "1", "tests/b.scenario.yaml"]).code(2).stderr("says what holds `always`").no_stdout();
}

#[test]
fn requests_have_an_order_and_time_a_bound() {
    let server = "exports = { created: async function () {
      for (let i = 0; i < 3000000; i += 1) { }
      await $request.invokeTemplate('a', {});
      await $request.invokeTemplate('b', {});
    }, updated: function () {} };";
    let manifest = r#"{ "platform-version": "3.0", "engines": { "node": "18.20.8", "fdk": "9.0.0" }, "modules": {
      "common": { "requests": { "a": {}, "b": {} } },
      "chat_user": { "events": { "onUserCreate": { "handler": "created" }, "onUserUpdate": { "handler": "updated" } } } } }"#;
    let scenario = |first: &str, second: &str, under: &str| {
        format!(
            "mocks: [{{ request: {{ method: POST }}, answer: {{ status: 200, body: {{}} }} }}]
steps:
  - create: jane
    expect: {{ requests: {{ in_order: [{{ url: {{ $matches: /{first}$ }} }}, {{ url: {{ $matches: /{second}$ }} }}] }}, time: {{ under: {under} }} }}
"
        )
    };
    let with = |first: &str, second: &str, under: &str| {
        let template = |path: &str| {
            format!(
                r#""{path}": {{ "schema": {{ "method": "POST", "protocol": "https", "host": "crm.example", "path": "/{path}" }} }}"#
            )
        };
        app(&[("a", &scenario(first, second, under))])
            .file("server/server.js", server)
            .file("manifest.json", manifest)
            .file("config/requests.json", format!("{{ {}, {} }}", template("a"), template("b")))
    };
    with("a", "b", "1 minute").run(["test"]).code(0);
    with("b", "a", "1 minute").run(["test"]).code(1).stdout("in_order");
    with("a", "b", "1ms").run(["test"]).code(1).stdout("under 1ms");
    with("a", "b", "0ms").run(["test"]).code(2).stderr("this is no length of time");
}
