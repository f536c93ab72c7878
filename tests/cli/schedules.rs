//! `$schedule`, and the verb that lists and fires what it has kept.

use serde_json::{Value, json};

use crate::sandbox::{Ran, Sandbox, node_or_skip};

const NOW: &str = "2026-03-01T08:00:00Z";

const MANIFEST: &str = r#"{
  "platform-version": "3.0",
  "modules": {
    "common": { "events": { "onScheduledEvent": { "handler": "scheduled" } } },
    "chat_user": { "events": { "onUserUpdate": { "handler": "updated" } } }
  },
  "engines": { "node": "18.20.8", "fdk": "9.7.4" }
}
"#;

/// An app whose `onUserUpdate` has this body, and whose `onScheduledEvent` logs what it is handed.
fn app(body: &str) -> Sandbox {
    let server = format!(
        "exports = {{\n  updated: async function (payload) {{\n{body}\n  }},\n  scheduled: function (payload) {{\n    \
         console.log('due ' + JSON.stringify(payload.data));\n    if (payload.data.fail) throw new Error('asked to');\n  }}\n}};\n"
    );
    Sandbox::new().file("manifest.json", MANIFEST).file("server/server.js", server)
}

fn fire(app: &Sandbox, more: &[&str]) -> Ran {
    let args = ["trigger", "onUserUpdate", "--format", "json", "--seed", "5", "--now", NOW];
    app.run(args.iter().chain(more).copied())
}

/// What each call was answered with: `true` where it was fulfilled.
fn answers(ran: &Ran) -> Vec<(bool, Value)> {
    ran.events("call").iter().map(|call| (call["status"] == "fulfilled", call["answer"].clone())).collect()
}

const ONE: &str = r#"const one = {name: 'call back', data: {who: 'Ada'}, schedule_at: '2026-03-01T09:00:00.000Z'};"#;
const DAILY: &str = r#"const daily = {name: 'digest', data: {}, schedule_at: '2026-03-02T06:00:00Z', repeat: {time_unit: 'days', frequency: 1}};"#;

#[test]
fn a_schedule_lives_from_create_to_delete() {
    let body = format!(
        "{ONE}
        await $schedule.create(one);
        await $schedule.fetch({{name: 'call back'}});
        await $schedule.update({{...one, data: {{who: 'Mary'}}}});
        await $schedule.fetch({{name: 'call back'}});
        await $schedule.delete({{name: 'call back'}});"
    );
    let runtimes: &[&str] =
        if node_or_skip("schedules on the node runtime") { &["embedded", "node"] } else { &["embedded"] };
    for runtime in runtimes {
        let definition =
            |who: &str| json!({"name": "call back", "data": {"who": who}, "schedule_at": "2026-03-01T09:00:00.000Z"});
        let expected = [
            (true, json!({"status": 200, "message": "Schedule created"})),
            (true, definition("Ada")),
            (true, json!({"status": 200, "message": "Schedule updated"})),
            (true, definition("Mary")),
            (true, json!({"status": 200, "message": "Schedule deleted"})),
        ];
        assert_eq!(answers(&fire(&app(&body), &["--runtime", runtime]).code(0)), expected, "{runtime}");
    }
}

#[test]
fn what_the_platform_does_not_take_is_refused_with_the_reason() {
    let created =
        |members: &str| format!("create({{name: 'x', data: {{}}, schedule_at: '2026-03-01T09:00:00Z', {members}}})");
    let cases = [
        ("create()".to_owned(), 400, "$schedule.create takes an object with the name of the schedule"),
        ("fetch({})".to_owned(), 400, "Mandatory attributes are missing: name"),
        ("create({name: 'x'})".to_owned(), 400, "Mandatory attributes are missing: data, schedule_at"),
        ("update({name: 'x', data: {}})".to_owned(), 400, "Mandatory attributes are missing: schedule_at"),
        (created("repeat: {}"), 400, "Mandatory attributes are missing: time_unit, frequency"),
        (created("name: 7"), 400, "The name must be a string"),
        (created("name: ' '"), 400, "The name must not be empty"),
        (created("name: 'n'.repeat(31)"), 400, "The name must not be longer than 30 characters"),
        (created("data: 'text'"), 400, "The data must be a JSON object"),
        (created("data: [1]"), 400, "The data must be a JSON object"),
        (created("data: {a: 'x'.repeat(4096)}"), 400, "The data must not be larger than 4 KB"),
        (created("schedule_at: 'tomorrow'"), 400, "The schedule_at value must be a time in ISO format"),
        (created("schedule_at: 1772352000000"), 400, "The schedule_at value must be a time in ISO format"),
        (created("schedule_at: '2026-03-01T08:04:00Z'"), 400, "The schedule_at value must be at least 5 minutes ahead"),
        (created("schedule_at: '2020-01-01T00:00:00Z'"), 400, "The schedule_at value must be at least 5 minutes ahead"),
        (
            created("schedule_at: '2027-04-01T00:00:00Z'"),
            400,
            "The schedule_at value must not be more than a year ahead",
        ),
        (created("repeat: {time_unit: 'weeks', frequency: 1}"), 400, "The time_unit must be minutes, hours or days"),
        (created("repeat: {time_unit: 'days', frequency: '1'}"), 400, "The frequency must be a number"),
        (
            created("repeat: {time_unit: 'minutes', frequency: 0}"),
            400,
            "The frequency in minutes must be a whole number from 1 to 60",
        ),
        (
            created("repeat: {time_unit: 'hours', frequency: 25}"),
            400,
            "The frequency in hours must be a whole number from 1 to 24",
        ),
        (
            created("repeat: {time_unit: 'days', frequency: 1.5}"),
            400,
            "The frequency in days must be a whole number from 1 to 30",
        ),
        ("fetch({name: 'nobody'})".to_owned(), 404, "There is no schedule of this name"),
        ("delete({name: 'nobody'})".to_owned(), 404, "There is no schedule of this name"),
        (
            "update({name: 'nobody', data: {}, schedule_at: '2026-03-01T09:00:00Z'})".to_owned(),
            404,
            "There is no schedule of this name",
        ),
    ];
    let body: String = cases.iter().map(|(call, ..)| format!("await $schedule.{call}.catch(() => 0);\n")).collect();
    let got = answers(&fire(&app(&body), &[]).code(0));
    assert_eq!(got.len(), cases.len());
    for ((call, status, message), (fulfilled, answer)) in cases.iter().zip(got) {
        assert!(!fulfilled, "{call}: {answer}");
        assert_eq!(answer, json!({"status": status, "message": message}), "{call}");
    }
}

#[test]
fn the_edges_of_the_limits_are_taken() {
    let body = "await $schedule.create({name: 'ü'.repeat(30), data: {a: 'x'.repeat(4096 - 8)}, schedule_at: '2026-03-01T08:10:00'});
        await $schedule.create({name: 'r', data: {}, schedule_at: new Date('2027-02-28T00:00:00Z'), repeat: {time_unit: 'minutes', frequency: 60}});";
    assert!(answers(&fire(&app(body), &[]).code(0)).iter().all(|(fulfilled, _)| *fulfilled));
}

#[test]
fn how_far_ahead_a_schedule_is_goes_by_one_clock() {
    let body = "return $schedule.create({name: 's', data: {a: 1}, \
                schedule_at: new Date(Date.now() + 3600000).toISOString()});";
    let mut runtimes = vec!["embedded"];
    if node_or_skip("the node half of the clock of schedules") {
        runtimes.push("node");
    }
    for runtime in runtimes {
        for now in ["2025-03-01T08:00:00Z", "2031-03-01T08:00:00Z"] {
            let app = app(body);
            let ran =
                app.run(["trigger", "onUserUpdate", "--format", "json", "--now", now, "--runtime", runtime]).code(0);
            assert!(answers(&ran)[0].0, "{runtime} {now}: {:?}", answers(&ran));
        }
    }
}

#[test]
fn a_name_is_taken_once_and_one_schedule_repeats() {
    let body = format!(
        "{ONE} {DAILY}
        await $schedule.create(one);
        await $schedule.create(daily);
        const refused = [];
        for (const asked of [one, {{...daily, name: 'second'}}]) await $schedule.create(asked).catch((error) => refused.push(error));
        await $schedule.update({{...one, repeat: daily.repeat}}).catch((error) => refused.push(error));
        return refused;"
    );
    let ran = fire(&app(&body), &[]).code(0);
    let recurring = json!({"status": 400, "message": "An app can have 1 recurring schedule only"});
    let expected = json!([{"status": 400, "message": "A schedule of this name exists"}, recurring, recurring]);
    assert_eq!(ran.outcome()["value"]["json"], expected);
}

#[test]
fn a_one_off_whose_time_has_come_makes_room_for_another_of_its_name() {
    let app = app(
        "return $schedule.create({name: 'x', data: {}, schedule_at: new Date(payload.timestamp + 600000).toISOString()});",
    );
    fire(&app, &[]).code(0);
    fire(&app, &[]).code(1).stdout("A schedule of this name exists");
    app.run(["trigger", "onUserUpdate", "--now", "2026-03-01T08:30:00Z"]).code(0).stdout("Schedule created");
}

#[test]
fn without_the_event_that_it_would_fire_a_schedule_is_refused() {
    let body =
        "return $schedule.create({name: 'x', data: {}, schedule_at: '2026-03-01T09:00:00Z'}).catch((error) => error);";
    let deaf = Sandbox::app(&format!("exports = {{ created: function () {{}}, updated: function () {{ {body} }} }};"));
    let expected = json!({"status": 400, "message": "The app does not subscribe to onScheduledEvent"});
    assert_eq!(answers(&fire(&deaf, &[]).code(0)), [(false, expected)]);
}

fn scheduled() -> Sandbox {
    let app = app(&format!("{ONE} {DAILY}\nawait $schedule.create(one);\nawait $schedule.create(daily);"));
    fire(&app, &[]).code(0);
    app
}

#[test]
fn schedules_are_listed_the_next_first() {
    let app = scheduled();
    let listed = app.run(["schedules", "list", "--now", "2026-03-01T09:00:00Z"]).code(0).no_stderr();
    let expected = "\
call back  2026-03-01T09:00:00Z (due)  once  {\"who\":\"Ada\"}
digest     2026-03-02T06:00:00Z        every day  {}
";
    assert_eq!(listed.out, expected);
    let listed = app.run(["schedules", "list", "--now", NOW, "--format", "json"]).code(0);
    let daily = json!({"time_unit": "days", "frequency": 1});
    let expected = [
        json!({"name": "call back", "next_at": "2026-03-01T09:00:00Z", "is_due": false, "repeat": null, "data": {"who": "Ada"}}),
        json!({"name": "digest", "next_at": "2026-03-02T06:00:00Z", "is_due": false, "repeat": daily, "data": {}}),
    ];
    assert_eq!(listed.lines(), expected);
}

#[test]
fn an_app_that_has_scheduled_nothing_is_left_as_it_was() {
    let app = app("");
    app.run(["schedules", "list"]).code(0).no_stdout().stderr("has scheduled nothing");
    app.run(["schedules", "fire", "x"]).code(2).stderr("no schedule `x`").stderr("has scheduled nothing");
    assert!(!app.path().join(".simctl").exists());
}

#[test]
fn a_one_off_fires_with_its_data_and_is_gone() {
    let app = scheduled();
    let fired = app.run(["schedules", "fire", "call back", "--format", "json", "--now", NOW, "--seed", "5"]).code(0);
    let started = fired.events("delivery-started");
    assert_eq!((&started[0]["event"], &started[0]["callback"]), (&json!("onScheduledEvent"), &json!("scheduled")));
    assert_eq!(started[0]["payload"]["data"], json!({"who": "Ada"}));
    assert_eq!(fired.events("log")[0]["text"], r#"due {"who":"Ada"}"#);
    app.run(["schedules", "list"]).code(0).without("call back").stdout("digest");
    app.run(["schedules", "fire", "call back"]).code(2).stderr("no schedule `call back`");
    // What repeats it needs no schedule.
    let repeat = fired.events("delivery-finished")[0]["repeat"].as_str().expect("a command").to_owned();
    assert!(repeat.starts_with("simctl trigger onScheduledEvent --set "), "{repeat}");
    let words = ["trigger", "onScheduledEvent", "--set", r#"data:={"who":"Ada"}"#];
    app.run(words).code(0).stdout(r#"due {"who":"Ada"}"#);
}

#[test]
fn a_schedule_whose_callback_fails_is_gone_all_the_same_and_the_exit_code_says_so() {
    let body = "return $schedule.create({name: 'x', data: {fail: true}, schedule_at: '2026-03-01T09:00:00Z'});";
    let app = app(body);
    fire(&app, &[]).code(0);
    app.run(["schedules", "fire", "x"]).code(1).stdout("asked to");
    app.run(["schedules", "list"]).code(0).no_stdout();
}

#[test]
fn a_schedule_that_repeats_stays_with_its_next_time() {
    let app = scheduled();
    app.run(["schedules", "fire", "digest", "--now", "2026-03-02T06:00:01Z"]).code(0).stdout("due {}");
    app.run(["schedules", "list"]).code(0).stdout("digest     2026-03-03T06:00:00Z");
    app.run(["schedules", "fire", "digest", "--now", "2026-03-08T07:00:00Z"]).code(0);
    app.run(["schedules", "list"]).code(0).stdout("2026-03-09T06:00:00Z");
}

#[test]
fn a_callback_may_schedule_itself_again() {
    let server = "exports = {
  updated: () => $schedule.create({name: 'again', data: {n: 1}, schedule_at: '2026-03-01T09:00:00Z'}),
  scheduled: (payload) => $schedule.create({name: 'again', data: {n: payload.data.n + 1}, schedule_at: '2026-03-01T10:00:00Z'})
};";
    let app = Sandbox::new().file("manifest.json", MANIFEST).file("server/server.js", server);
    fire(&app, &[]).code(0);
    app.run(["schedules", "fire", "again", "--now", "2026-03-01T09:00:00Z"]).code(0);
    app.run(["schedules", "list", "--format", "json"]).code(0).stdout(r#""data":{"n":2}"#);
}

#[test]
fn what_cannot_be_fired_stays() {
    let app = scheduled();
    let app = app
        .file("server/server.js", "exports = {")
        .file("manifest.json", r#"{"events": {"onUserUpdate": {"handler": "updated"}}}"#);
    app.run(["schedules", "fire", "call back"]).code(2).stderr("error[not-subscribed]");
    app.run(["schedules", "list"]).code(0).stdout("call back");
}

#[test]
fn a_slip_in_a_name_is_guessed_at_and_misplaced_flags_are_refused() {
    let app = scheduled();
    app.run(["schedules", "fire", "call bakc"]).code(2).stderr("did you mean `call back`?");
    for flags in [&["--payload", "x.json"][..], &["--sample"], &["-n", "2"], &["--fresh"], &["--exec", "true"]] {
        let args = ["schedules", "fire", "digest"].into_iter().chain(flags.iter().copied());
        app.run(args).code(2).stderr("has no place here");
    }
    app.run(["schedules"]).code(2);
}

#[test]
fn schedules_in_a_file_of_their_own_are_found_there() {
    let app = app(&format!("{ONE}\nreturn $schedule.create(one);"));
    fire(&app, &["--db", "kept.sqlite"]).code(0);
    app.run(["schedules", "list"]).code(0).no_stdout();
    app.run(["schedules", "list", "--db", "kept.sqlite"]).code(0).stdout("call back");
    app.run(["schedules", "fire", "call back", "--db", "kept.sqlite"]).code(0).stdout("due");
}

#[test]
fn secrets_in_a_schedule_are_not_shown() {
    let body =
        "return $schedule.create({name: 'x', data: {key: payload.iparams.key}, schedule_at: '2026-03-01T09:00:00Z'});";
    let app = app(body)
        .file("config/iparams.json", r#"{"key": {"type": "text", "secure": true, "default_value": "hush-4711"}}"#);
    fire(&app, &[]).code(0).without("hush-4711");
    // Nor do they get into what is kept.
    let folder = app.path().join(".simctl");
    for folder in [folder.clone(), folder.join("history")] {
        for kept in std::fs::read_dir(folder).expect("a store").map(|kept| kept.expect("an entry").path()) {
            let bytes = if kept.is_file() { std::fs::read(kept).expect("a file") } else { Vec::new() };
            assert!(!bytes.windows(9).any(|window| window == b"hush-4711"));
        }
    }
    app.run(["schedules", "list"]).code(0).stdout("********").without("hush-4711");
    let fired = app.run(["schedules", "fire", "x", "--format", "json"]).code(0).without("hush-4711");
    assert_eq!(fired.events("log")[0]["text"], r#"due {"key":"********"}"#);
}

/// A run's events, without what differs from run to run and from runtime to runtime.
fn comparable(ran: &Ran) -> Vec<Value> {
    let mut events = ran.lines();
    for event in events.iter_mut().filter_map(Value::as_object_mut) {
        event.retain(|name, _| {
            !name.ends_with("_us") && !["runtime", "engine", "command", "repeat"].contains(&name.as_str())
        });
        if let Some(excerpt) = event.get_mut("outcome").and_then(Value::as_object_mut) {
            excerpt.shift_remove("stack");
        }
    }
    events
}

#[test]
fn the_sample_reminds_with_the_same_run_events_on_both_runtimes() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/reminder");
    let sandbox = Sandbox::new();
    let run = |runtime: &str, words: &[&str]| {
        let db = format!("{runtime}.sqlite");
        let common = ["--app", sample, "--seed", "7", "--format", "json", "--runtime", runtime, "--db", &db];
        comparable(&sandbox.run(words.iter().chain(&common).copied()).code(0))
    };
    let story: [&[&str]; 4] = [
        &["trigger", "onAppInstall", "--now", NOW],
        &["trigger", "onUserUpdate", "--now", NOW],
        // The same user once more: the reminder is put off.
        &["trigger", "onUserUpdate", "--now", NOW],
        &["schedules", "fire", "look-at-440eb414", "--now", "2026-03-01T09:00:00Z"],
    ];
    let kind = |events: &[Value], kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    for words in story {
        let embedded = run("embedded", words);
        assert!(kind(&embedded, "log") + kind(&embedded, "call") > 0, "{embedded:#?}");
        if node_or_skip("the_sample_reminds_with_the_same_run_events_on_both_runtimes") {
            assert_eq!(embedded, run("node", words), "{words:?}");
        }
    }
}

#[test]
fn a_one_off_that_several_runs_fire_at_once_is_fired_by_one() {
    let app = scheduled();
    let children: Vec<_> =
        (0..6).map(|_| app.command(["schedules", "fire", "call back"]).spawn().expect("simctl starts")).collect();
    let mut codes: Vec<Option<i32>> =
        children.into_iter().map(|child| child.wait_with_output().expect("it ends").status.code()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(2), Some(2), Some(2), Some(2), Some(2)]);
}
