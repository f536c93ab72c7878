//! `$db` as an app finds it, on either runtime, and the store behind it: what it keeps, and what it bears.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail loudly")]

#[path = "common/mod.rs"]
mod common;
#[path = "cli/sandbox.rs"]
#[allow(dead_code, reason = "shared with the tests of the verbs")]
mod sandbox;

use serde_json::{Value, json};

use crate::sandbox::{Ran, Sandbox, node_or_skip};

const TRIGGER: [&str; 6] = ["trigger", "onUserUpdate", "--format", "json", "--seed", "7"];

/// An app that makes these calls, one after the other, and returns what becomes of each.
fn calling(calls: &[&str]) -> Sandbox {
    Sandbox::app(&server(calls))
}

fn server(calls: &[&str]) -> String {
    let calls: String = calls.iter().map(|call| format!("    () => {call},\n")).collect();
    format!(
        "exports = {{ updated: async function (payload) {{
  const answers = [];
  const calls = [\n{calls}  ];
  for (const call of calls) {{
    try {{ answers.push(await call()); }} catch (refused) {{ answers.push({{ refused }}); }}
  }}
  return answers;
}} }};"
    )
}

/// What came of each call.
#[track_caller]
fn answers(ran: Ran) -> Vec<Value> {
    let ran = ran.code(0);
    ran.outcome()["value"]["json"].as_array().expect("answers").clone()
}

fn refused(status: u16, message: &str) -> Value {
    json!({ "refused": { "status": status, "message": message } })
}

/// The calls and what each comes to, on every runtime.
#[track_caller]
fn each(test: &str, calls: &[(&str, Value)]) {
    let (calls, expected): (Vec<&str>, Vec<Value>) = calls.iter().cloned().unzip();
    let mut runtimes = vec!["embedded"];
    runtimes.extend(node_or_skip(test).then_some("node"));
    for runtime in runtimes {
        let sandbox = calling(&calls);
        let ran = sandbox.run([&TRIGGER[..], &["--runtime", runtime]].concat());
        let answers = answers(ran);
        for ((call, answer), expected) in calls.iter().zip(&answers).zip(&expected) {
            assert_eq!(answer, expected, "{call} on {runtime}");
        }
        assert_eq!(answers.len(), calls.len());
    }
}

fn created() -> Value {
    json!({ "Created": true })
}

fn updated() -> Value {
    json!({ "Updated": true })
}

#[test]
fn a_record_is_set_read_updated_and_deleted() {
    each(
        "a_record_is_set_read_updated_and_deleted",
        &[
            ("$db.set('a', { n: 1, deep: { list: [1, 'two', null] } })", created()),
            ("$db.get('a')", json!({ "n": 1, "deep": { "list": [1, "two", null] } })),
            ("$db.update('a', 'set', { n: 5, more: true })", updated()),
            ("$db.get('a')", json!({ "n": 5, "deep": { "list": [1, "two", null] }, "more": true })),
            ("$db.update('a', 'remove', ['deep', 'never there'])", updated()),
            ("$db.get('a')", json!({ "n": 5, "more": true })),
            ("$db.delete('a')", json!({ "Deleted": true })),
            ("$db.get('a')", refused(404, "Record not found")),
            ("$db.delete('a')", json!({ "Deleted": true })),
        ],
    );
}

#[test]
fn set_if_tells_an_absent_record_from_one_that_is_there() {
    let failed = || refused(400, "The setIf conditional request failed");
    each(
        "set_if_tells_an_absent_record_from_one_that_is_there",
        &[
            ("$db.set('a', { n: 1 }, { setIf: 'exist' })", failed()),
            ("$db.set('a', { n: 2 }, { setIf: 'not_exist' })", created()),
            ("$db.set('a', { n: 3 }, { setIf: 'not_exist' })", failed()),
            ("$db.get('a')", json!({ "n": 2 })),
            ("$db.set('a', { n: 4 }, { setIf: 'exist' })", created()),
            ("$db.update('b', 'set', { n: 4 }, { setIf: 'exist' })", failed()),
            ("$db.get('a')", json!({ "n": 4 })),
            (
                "$db.set('a', { n: 4 }, { setIf: 'exists' })",
                refused(400, "The setIf option must be exist or not_exist"),
            ),
        ],
    );
}

#[test]
fn increment_and_append_make_what_is_missing() {
    each(
        "increment_and_append_make_what_is_missing",
        &[
            ("$db.update('new', 'increment', { visits: 1, total: 2.5 })", updated()),
            ("$db.update('new', 'increment', { visits: 1, total: -0.5, other: -3 })", updated()),
            ("$db.update('new', 'append', { tags: ['a'] })", updated()),
            ("$db.update('new', 'append', { tags: ['b', { c: 1 }] })", updated()),
            ("$db.get('new')", json!({ "visits": 2, "total": 2, "other": -3, "tags": ["a", "b", { "c": 1 }] })),
            ("$db.update('list', 'append', { tags: [] })", updated()),
            ("$db.get('list')", json!({ "tags": [] })),
            // Only the top level: a dot is part of a name.
            ("$db.update('new', 'set', { 'a.b': 1 })", updated()),
            ("$db.get('new').then((record) => record['a.b'])", json!(1)),
        ],
    );
}

#[test]
fn update_refuses_attributes_that_do_not_fit() {
    each(
        "update_refuses_attributes_that_do_not_fit",
        &[
            ("$db.set('a', { text: 'x', n: 1, most: 1.7e308 })", created()),
            (
                "$db.update('a', 'increment', { n: '1' })",
                refused(400, "The attribute n must be incremented by a number"),
            ),
            ("$db.update('a', 'increment', { text: 1 })", refused(400, "The attribute text is not a number")),
            (
                "$db.update('a', 'increment', { most: 1.7e308 })",
                refused(400, "The attribute most cannot be incremented that far"),
            ),
            ("$db.update('a', 'append', { list: 'x' })", refused(400, "The attribute list must be appended an array")),
            ("$db.update('a', 'append', { text: ['x'] })", refused(400, "The attribute text is not an array")),
            ("$db.update('a', 'set', {})", refused(400, "The attributes must be an object that is not empty")),
            ("$db.update('a', 'set', ['x'])", refused(400, "The attributes must be an object that is not empty")),
            (
                "$db.update('a', 'remove', [])",
                refused(400, "The attributes to remove must be an array of their names that is not empty"),
            ),
            (
                "$db.update('a', 'remove', [1])",
                refused(400, "The attributes to remove must be an array of their names that is not empty"),
            ),
            (
                "$db.update('a', 'replace', { n: 1 })",
                refused(400, "The action must be increment, append, set or remove"),
            ),
            ("$db.update('a')", refused(400, "The action must be increment, append, set or remove")),
            ("$db.update('nobody', 'remove', ['n'])", refused(404, "Record not found")),
            // Nothing of a refused update is left behind.
            ("$db.update('a', 'increment', { n: 1, text: 1 })", refused(400, "The attribute text is not a number")),
            ("$db.get('a')", json!({ "text": "x", "n": 1, "most": 1.7e308 })),
        ],
    );
}

#[test]
fn keys_and_values_are_held_to_their_limits() {
    let key = || refused(400, "The key must be a string of 1 to 60 characters");
    let value = || refused(400, "The value must be an object that is not empty");
    let size = |bytes: u32| {
        refused(400, &format!("The key and the value take {bytes} bytes, at most 40 KB (40960) are allowed"))
    };
    each(
        "keys_and_values_are_held_to_their_limits",
        &[
            ("$db.set('', { n: 1 })", key()),
            ("$db.set('k'.repeat(61), { n: 1 })", key()),
            ("$db.set('k'.repeat(60), { n: 1 })", created()),
            // Characters as JavaScript counts them: this one is two.
            ("$db.set('😀'.repeat(30), { n: 1 })", created()),
            ("$db.set('😀'.repeat(31), { n: 1 })", key()),
            ("$db.set(7, { n: 1 })", key()),
            ("$db.get()", key()),
            ("$db.delete({})", key()),
            ("$db.update(null, 'set', { n: 1 })", key()),
            ("$db.set('a')", value()),
            ("$db.set('a', {})", value()),
            ("$db.set('a', [1])", value()),
            ("$db.set('a', 'text')", value()),
            ("$db.set('a', { n: 1 }, 5)", refused(400, "The options must be an object")),
            ("$db.set('a', { n: 1 }, { ttl: 'long' })", refused(400, "The ttl must be a number of seconds")),
            // `{"t":"…"}` and the key take 9 bytes.
            ("$db.set('a', { t: 'x'.repeat(40960 - 9) })", created()),
            ("$db.set('a', { t: 'x'.repeat(40960 - 8) })", size(40961)),
            ("$db.set('a', { t: 'ä'.repeat(20480) })", size(40969)),
            ("$db.set('full', { t: 'x'.repeat(40000) })", created()),
            ("$db.update('full', 'set', { u: 'x'.repeat(1000) })", size(41019)),
        ],
    );
}

#[test]
fn what_cannot_be_kept_becomes_null() {
    each(
        "what_cannot_be_kept_becomes_null",
        &[
            ("$db.set('a', { t: '', nan: NaN, inf: -Infinity, deep: [{ t: '' }], u: undefined, ok: ' ' })", created()),
            ("$db.get('a')", json!({ "t": null, "nan": null, "inf": null, "deep": [{ "t": null }], "ok": " " })),
            ("$db.update('a', 'set', { ok: '', list: [''] })", updated()),
            ("$db.get('a').then((record) => [record.ok, record.list])", json!([null, [null]])),
        ],
    );
}

#[test]
fn promises_are_those_of_the_platform() {
    each(
        "promises_are_those_of_the_platform",
        &[
            ("new Promise((ok) => $db.set('a', { n: 1 }).done(ok))", created()),
            (
                "new Promise((ok) => $db.get('nobody').fail(ok))",
                json!({ "status": 404, "message": "Record not found" }),
            ),
            ("new Promise((ok) => $db.get('a').always(ok))", json!({ "n": 1 })),
        ],
    );
}

const SET: &str = "exports = { created: function () { return $db.set('a', { n: 1 }, { ttl: 3600 }); },
  updated: function () { return $db.get('a'); } };";

#[test]
fn a_record_expires_by_the_simulated_clock() {
    let sandbox = Sandbox::app(SET);
    let at = |event: &str, time: &str| {
        let ran = sandbox.run(["trigger", event, "--format", "json", "--now", time]);
        ran.outcome()
    };
    assert_eq!(at("onUserCreate", "2026-03-01T12:00:00Z")["value"]["json"], created());
    assert_eq!(at("onUserUpdate", "2026-03-01T12:59:00Z")["value"]["json"], json!({ "n": 1 }));
    let late = at("onUserUpdate", "2026-03-01T13:00:30Z");
    assert_eq!(late["kind"], "rejected", "{late}");
    // The clock can be set back for a while; what has long expired is gone.
    assert_eq!(at("onUserUpdate", "2026-03-01T12:59:00Z")["kind"], "returned");
    assert_eq!(at("onUserUpdate", "2026-03-09T12:00:00Z")["kind"], "rejected");
    assert_eq!(at("onUserUpdate", "2026-03-01T12:59:00Z")["kind"], "rejected");
}

#[test]
fn an_update_keeps_the_expiry_and_set_does_not() {
    let calls = [
        "$db.set('a', { n: 1 }, { ttl: 60 })",
        "$db.update('a', 'increment', { n: 1 })",
        "$db.set('b', { n: 1 }, { ttl: 60 })",
        "$db.set('b', { n: 1 })",
        "$db.set('c', { n: 1 }, { ttl: -1 })",
        "$db.set('d', { n: 1 }, { ttl: 0 })",
        "$db.set('e', { n: 1 }, { ttl: 1e300 })",
    ];
    let sandbox = calling(&calls);
    answers(sandbox.run([&TRIGGER[..], &["--now", "2026-03-01T12:00:00Z"]].concat()));
    let later = calling(
        &["a", "b", "c", "d", "e"]
            .map(|key| format!("$db.get('{key}').then((r) => r.n)"))
            .each_ref()
            .map(String::as_str),
    );
    let db = sandbox.path().join(".simctl/platform.sqlite").to_string_lossy().into_owned();
    let found = answers(later.run([&TRIGGER[..], &["--now", "2026-03-01T12:01:30Z", "--db", &db]].concat()));
    assert_eq!(found, [refused(404, "Record not found"), json!(1), json!(1), json!(1), json!(1)]);
}

#[test]
fn fifty_calls_a_minute_are_told_and_held_to_where_asked() {
    let server = "exports = { updated: async function () {
  let refused = [];
  for (let i = 0; i < 53; i++) await $db.update('n', 'increment', { n: 1 }).catch((error) => refused.push(error));
  return refused;
} };";
    let warned = Sandbox::app(server).run(TRIGGER).code(0);
    let codes: Vec<Value> = warned.events("found").iter().map(|finding| finding["code"].clone()).collect();
    assert_eq!(codes, ["call-rate"]);
    assert_eq!(warned.outcome()["value"]["json"], json!([]));
    let strict = Sandbox::app(server).run([&TRIGGER[..], &["--strict-limits"]].concat()).code(0);
    let refusal = json!({ "status": 429, "message": "The limit of 50 calls of $db a minute is exceeded" });
    assert_eq!(strict.outcome()["value"]["json"], json!([refusal, refusal, refusal]));
    assert_eq!(strict.events("found").len(), 1);
}
