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
