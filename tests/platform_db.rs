//! `$db` as an app finds it, on either runtime, and the store behind it: what it keeps, and what it bears.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail loudly")]
#![allow(clippy::disallowed_methods, reason = "a seed for the kill test comes from the environment")]

#[path = "common/mod.rs"]
mod common;
#[path = "cli/sandbox.rs"]
#[allow(dead_code, reason = "shared with the tests of the verbs")]
mod sandbox;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use rusqlite::Connection;
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

/// A run's events, without what differs from run to run and from runtime to runtime.
fn comparable(ran: &Ran) -> Vec<Value> {
    let mut events = ran.lines();
    for event in events.iter_mut().filter_map(Value::as_object_mut) {
        event.retain(|name, _| {
            !name.ends_with("_us") && !["runtime", "engine", "command", "repeat"].contains(&name.as_str())
        });
    }
    events
}

#[test]
fn the_sample_has_the_same_run_events_on_both_runtimes() {
    let app = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/visits");
    let run = |event: &str, runtime: &str| {
        let common = ["--app", app, "--seed", "7", "--now", "2026-03-01T12:00:00Z", "-n", "3", "--format", "json"];
        let own = ["trigger", event, "--db", "memory", "--runtime", runtime];
        comparable(&Sandbox::new().run([&own[..], &common[..]].concat()).code(0))
    };
    for event in ["onUserCreate", "onUserUpdate"] {
        let embedded = run(event, "embedded");
        let calls = embedded.iter().filter(|event| event["type"] == "call").count();
        assert!(calls >= 3, "{embedded:#?}");
        if node_or_skip("the_sample_has_the_same_run_events_on_both_runtimes") {
            assert_eq!(embedded, run(event, "node"));
        }
    }
}

// ---- The store ------------------------------------------------------------------------------------------------------------

/// An app that counts its updates.
const COUNT: &str = "exports = { updated: async function () {
  await $db.update('count', 'increment', { n: 1 });
  return (await $db.get('count')).n;
}, created: function () { return 0; } };";

const STORE: &str = ".simctl/platform.sqlite";

/// What the app has counted to.
#[track_caller]
fn count(ran: Ran) -> Value {
    ran.code(0).outcome()["value"]["json"].clone()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn the_store_is_private_and_ignored_by_git() {
    let sandbox = Sandbox::app(COUNT);
    assert_eq!(count(sandbox.run(TRIGGER)), 1);
    let folder = sandbox.path().join(".simctl");
    assert_eq!((mode(&folder), mode(&sandbox.path().join(STORE))), (0o700, 0o600));
    assert_eq!(fs::read_to_string(folder.join(".gitignore")).unwrap(), "*\n");
    // A run that was killed may have left it empty.
    fs::write(folder.join(".gitignore"), "").unwrap();
    assert_eq!(count(sandbox.run([&TRIGGER[..], &["--fresh"]].concat())), 1);
    assert_eq!(fs::read_to_string(folder.join(".gitignore")).unwrap(), "*\n");
    // What somebody opened to others is closed again, and an ignore file of the user's own stays.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(sandbox.path().join(STORE), fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(folder.join(".gitignore"), "*\n!kept\n").unwrap();
    assert_eq!(count(sandbox.run(TRIGGER)), 2);
    assert_eq!((mode(&folder), mode(&sandbox.path().join(STORE))), (0o700, 0o600));
    assert_eq!(fs::read_to_string(folder.join(".gitignore")).unwrap(), "*\n!kept\n");
}

#[test]
fn an_app_that_stores_nothing_gets_no_store() {
    let sandbox = Sandbox::app(COUNT);
    sandbox.run(["trigger", "onUserCreate"]).code(0);
    sandbox.run(["trigger", "onUserCreate", "--fresh"]).code(0);
    assert!(!sandbox.path().join(STORE).exists());
    // Nor anything else, where nothing is to be kept of what was fired.
    let sandbox = Sandbox::app(COUNT);
    sandbox.run(["trigger", "onUserCreate", "--no-history"]).code(0);
    assert!(!sandbox.path().join(".simctl").exists());
}

#[test]
fn data_is_kept_in_the_app_in_a_file_or_nowhere() {
    let sandbox = Sandbox::app(COUNT);
    let with = |flags: &[&str]| count(sandbox.run([&TRIGGER[..], flags].concat()));
    assert_eq!((with(&[]), with(&[])), (json!(1), json!(2)));
    assert_eq!((with(&["--db", "memory"]), with(&["--db", "memory"])), (json!(1), json!(1)));
    assert_eq!((with(&["--db", "own.sqlite"]), with(&["--db", "own.sqlite"])), (json!(1), json!(2)));
    assert_eq!(mode(&sandbox.path().join("own.sqlite")), 0o600);
    assert_eq!((with(&[]), with(&["--fresh"]), with(&[])), (json!(3), json!(1), json!(2)));
    // Fresh is fresh even where this run stores nothing.
    sandbox.run(["trigger", "onUserCreate", "--fresh"]).code(0);
    assert_eq!(with(&[]), json!(1));
}

#[test]
fn a_link_that_leads_out_of_the_app_is_refused() {
    let elsewhere = Sandbox::new().file("platform.sqlite", "");
    let refused = |sandbox: &Sandbox| {
        let ran = sandbox.run(["trigger", "onUserUpdate"]).code(3);
        ran.stderr("is a symbolic link that leads out of the app's folder")
            .stderr("remove the link")
            .stderr("--db FILE");
    };
    let folder = Sandbox::app(COUNT);
    symlink(elsewhere.path(), folder.path().join(".simctl")).unwrap();
    refused(&folder);
    let file = Sandbox::app(COUNT).folder(".simctl");
    symlink(elsewhere.path().join("platform.sqlite"), file.path().join(STORE)).unwrap();
    refused(&file);
    let nowhere = Sandbox::app(COUNT);
    symlink("/nowhere/at/all", nowhere.path().join(".simctl")).unwrap();
    refused(&nowhere);
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
    assert_eq!(fs::read(elsewhere.path().join("platform.sqlite")).unwrap(), b"");
    // One that stays inside is the user's own business.
    let inside = Sandbox::app(COUNT).folder("kept");
    symlink("kept", inside.path().join(".simctl")).unwrap();
    assert_eq!(count(inside.run(TRIGGER)), 1);
}

#[test]
fn what_is_no_database_is_told_and_left_alone() {
    let text = "my notes, which are long enough to be more than the head of a database file: ".repeat(4);
    let sandbox = Sandbox::app(COUNT).file(STORE, &text);
    let ran = sandbox.run(["trigger", "onUserUpdate", "--fresh"]).code(3);
    ran.stderr("is not a database of simctl's").stderr("move it away").stderr("--db memory");
    assert_eq!(fs::read_to_string(sandbox.path().join(STORE)).unwrap(), text);

    // Another program's database is not for us to write to, however well it would take it.
    let file = sandbox.path().join("other.sqlite");
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE theirs (n)").unwrap();
    let before = fs::read(&file).unwrap();
    for flags in [&["--fresh"][..], &[]] {
        let ran = sandbox.run([&["trigger", "onUserUpdate", "--db", "other.sqlite"], flags].concat());
        ran.code(3).stderr("is not a database of simctl's");
        assert!(before == fs::read(&file).unwrap(), "it was written to");
    }

    let folder = Sandbox::app(COUNT).folder(STORE);
    folder.run(["trigger", "onUserUpdate"]).code(3).stderr("is not a file");
    let file = Sandbox::app(COUNT).file(".simctl", "");
    file.run(["trigger", "onUserUpdate"]).code(3).stderr("is not a folder");
    let made = Command::new("mkfifo").arg(sandbox.path().join("pipe")).status();
    if made.is_ok_and(|status| status.success()) {
        sandbox.run(["trigger", "onUserUpdate", "--db", "pipe"]).code(3).stderr("is not a file");
    }
    sandbox.run(["trigger", "onUserUpdate", "--db", "no/such/folder.sqlite"]).code(3).stderr("no/such/folder.sqlite");
}

#[test]
fn a_damaged_store_is_told_and_left_alone() {
    let calls: Vec<String> = (0..40).map(|n| format!("$db.set('key {n}', {{ t: 'x'.repeat(2000) }})")).collect();
    let sandbox = calling(&calls.iter().map(String::as_str).collect::<Vec<_>>());
    sandbox.run(TRIGGER).code(0);
    let file = sandbox.path().join(STORE);
    let mut bytes = fs::read(&file).unwrap();
    bytes[4096..].fill(0x5a);
    fs::write(&file, &bytes).unwrap();
    let ran = sandbox.run(["trigger", "onUserUpdate"]).code(3);
    ran.stderr("is damaged").stderr("move `").stderr("simctl begins a new one");
    sandbox.run(["db", "list"]).code(3).stderr("is damaged");
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn a_store_that_would_compute_for_ever_is_told_and_not_read() {
    let sandbox = Sandbox::app(COUNT);
    sandbox.run(TRIGGER).code(0);
    let endless = "DROP TABLE db; CREATE VIEW db AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
        SELECT 'k' || i AS key, '{}' AS value, NULL AS expires_ms FROM n;";
    let trigger = "CREATE TRIGGER more AFTER INSERT ON db BEGIN DELETE FROM schedules; END;";
    let store = sandbox.path().join(STORE);
    let whole = fs::read(&store).unwrap();
    for planted in [endless, trigger] {
        fs::write(&store, &whole).unwrap();
        Connection::open(&store).unwrap().execute_batch(planted).unwrap();
        sandbox.run(["db", "list"]).code(3).stderr("its tables are not those that simctl makes");
        sandbox.run(["trigger", "onUserUpdate"]).code(3).stderr("is damaged").stderr("simctl begins a new one");
    }
}

#[test]
fn a_store_of_a_newer_simctl_is_told() {
    let sandbox = Sandbox::app(COUNT);
    sandbox.run(TRIGGER).code(0);
    Connection::open(sandbox.path().join(STORE)).unwrap().pragma_update(None, "user_version", 99).unwrap();
    sandbox.run(["trigger", "onUserUpdate"]).code(3).stderr("was written by a newer simctl").stderr("update simctl");
}

#[test]
fn a_place_that_cannot_be_written_to_is_told_of_memory() {
    let sandbox = Sandbox::app(COUNT);
    let told = |ran: Ran| {
        ran.code(3).stderr("cannot be written").stderr("keep nothing with `--db memory`").stderr("--db FILE");
    };
    // There, not even an administrator can make a file.
    if cfg!(target_os = "linux") {
        told(sandbox.run(["trigger", "onUserUpdate", "--db", "/sys/simctl.sqlite"]));
    }
    fs::set_permissions(sandbox.path(), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(sandbox.path().join("probe"), "").is_err() {
        told(sandbox.run(["trigger", "onUserUpdate"]));
    }
    assert_eq!(count(sandbox.run([&TRIGGER[..], &["--db", "memory"]].concat())), 1);
    fs::set_permissions(sandbox.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn no_secret_reaches_the_disk_and_the_app_reads_it_back() {
    let server = "exports = { created: async function (payload) {
  const { key, pin } = payload.iparams;
  await $db.set('by ' + key, { header: 'Bearer ' + key, pin, [key]: [key + key] });
}, updated: async function (payload) {
  const { key, pin } = payload.iparams;
  const found = await $db.get('by ' + key);
  return found.header === 'Bearer ' + key && found.pin === pin && found[key][0] === key + key;
} };";
    let sandbox = Sandbox::app(server)
        .file(
            "config/iparams.json",
            r#"{"key": {"type": "text", "secure": true}, "pin": {"type": "number", "secure": true}}"#,
        )
        .file("config/iparam_test_data.json", r#"{"key": "hunter2hunter2", "pin": 918273645}"#);
    // Killed before it could tidy up, as it were: what stands beside the database is looked at too.
    sandbox.run(["trigger", "onUserCreate"]).code(0);
    for path in files_below(&sandbox.path().join(".simctl")) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains("hunter2") && !text.contains("918273645"), "{} holds a secret", path.display());
    }
    let ran =
        sandbox.run(["trigger", "onUserUpdate", "--format", "json"]).code(0).without("hunter2").without("918273645");
    assert_eq!(ran.outcome()["value"]["json"], true);
    let listed = sandbox.run(["db", "list", "--format", "json"]).code(0).without("hunter2").without("918273645");
    assert_eq!(listed.lines()[0]["value"]["header"], "Bearer {{iparam.key}}");
}

#[test]
fn no_secret_of_a_schedule_reaches_the_disk_and_it_fires_with_it() {
    let manifest = r#"{"platform-version": "2.3", "product": {"freshchat": {"events": {
  "onUserCreate": {"handler": "created"}, "onScheduledEvent": {"handler": "due"}}}}}"#;
    let server = "exports = { created: function (payload) {
  const key = payload.iparams.key;
  const schedule_at = new Date(Date.now() + 3600000).toISOString();
  return $schedule.create({ name: 'by ' + key, data: { header: 'Bearer ' + key }, schedule_at });
}, due: function (payload) { return payload.data.header === 'Bearer ' + payload.iparams.key; } };";
    let sandbox = Sandbox::app(server)
        .file("manifest.json", manifest)
        .file("config/iparams.json", r#"{"key": {"type": "text", "secure": true, "default_value": "hunter2hunter2"}}"#);
    sandbox.run(["trigger", "onUserCreate"]).code(0).without("hunter2");
    for path in files_below(&sandbox.path().join(".simctl")) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains("hunter2"), "{} holds a secret", path.display());
    }
    sandbox.run(["schedules", "list"]).code(0).stdout("by ********").without("hunter2");
    sandbox.run(["schedules", "fire", "by"]).code(2).without("hunter2");
    let ran = sandbox.run(["schedules", "fire", "by hunter2hunter2", "--format", "json"]).code(0).without("hunter2");
    assert_eq!(ran.outcome()["value"]["json"], true);
    sandbox.run(["schedules", "list"]).code(0).no_stdout();
}

#[test]
fn runs_side_by_side_lose_nothing() {
    const RUNS: usize = 4;
    const EACH: usize = 40;
    let sandbox = Sandbox::app(COUNT);
    let each = EACH.to_string();
    // None of them finds a store there: making it is a matter for one, too.
    let children: Vec<Child> = (0..RUNS)
        .map(|_| sandbox.command(["trigger", "onUserUpdate", "-n", &each, "--quiet"]).spawn().unwrap())
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(count(sandbox.run(TRIGGER)), RUNS * EACH + 1);
}

// ---- A kill at any moment ---------------------------------------------------------------------------------------------------

/// An app that goes on storing until it is killed, and says what it has stored.
const WRITER: &str = "exports = { updated: async function (payload) {
  const run = payload.data.user.first_name;
  for (let n = 1; n <= 400; n++) {
    await $db.set(run + ':' + n, { n, filler: 'x'.repeat((n * 37) % 1000) });
    await $db.update('total', 'increment', { [run]: 1 });
  }
} };";

/// A random number from nothing but the seed: SplitMix64.
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Starts the writer as `run`, kills it at a moment drawn from `state`, and returns what had been answered by then: the
/// greatest number set, and how often the total was increased.
fn write_until_killed(sandbox: &Sandbox, run: &str, state: &mut u64) -> (u64, u64) {
    let name = format!("data.user.first_name={run}");
    let args = ["trigger", "onUserUpdate", "--set", &name, "--format", "json", "--seed", "1"];
    let mut child = sandbox.command(args).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // Half of them at some time after the start, however far it has come; half in the middle of writing.
    let delay = Duration::from_micros(draw(state) % 50_000);
    if draw(state).is_multiple_of(2) {
        std::thread::sleep(delay);
    } else {
        let answers = draw(state) % 60;
        let mut told = Vec::new();
        while (told.len() as u64) < answers {
            told.push(lines.next().unwrap().unwrap());
        }
        std::thread::sleep(delay / 64);
        child.kill().unwrap();
        child.wait().unwrap();
        return answered(told.into_iter().chain(lines.map_while(Result::ok)), run);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    answered(lines.map_while(Result::ok), run)
}

fn answered(lines: impl Iterator<Item = String>, run: &str) -> (u64, u64) {
    let (mut set, mut increased) = (0, 0);
    for line in lines {
        // The last line may have been cut.
        let Ok(event) = serde_json::from_str::<Value>(&line) else { continue };
        if event["type"] == "call" && event["name"] == "$db.set" {
            assert_eq!(event["answer"], created(), "{run}");
            set = event["args"][1]["n"].as_u64().unwrap();
        } else if event["type"] == "call" {
            assert_eq!(event["answer"], updated(), "{run}");
            increased += 1;
        }
    }
    (set, increased)
}

/// The moments are drawn anew each time, unless `SIMCTL_TEST_SEED` says from what.
#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_answered() {
    const KILLS: usize = 200;
    let seed = std::env::var("SIMCTL_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    let mut state = seed;
    let sandbox = Sandbox::app(WRITER);
    let mut expected = Vec::new();
    let mut stored = 0;
    for kill in 0..KILLS {
        let run = format!("r{kill}");
        let (set, increased) = write_until_killed(&sandbox, &run, &mut state);
        stored += set;
        expected.push((run, set, increased));
        // Every now and then it is opened by one that is not killed.
        if kill % 20 == 19 {
            holds_all(&sandbox, &expected, seed);
            expected.clear();
        }
    }
    assert!(stored > 200, "only {stored} records were written: the test proves nothing (seed {seed})");
}

fn holds_all(sandbox: &Sandbox, expected: &[(String, u64, u64)], seed: u64) {
    let records = sandbox.run(["db", "list", "--format", "json"]).code(0).lines();
    let find = |key: &str| records.iter().find(|record| record["key"] == key).map(|record| &record["value"]);
    for (run, set, increased) in expected {
        for n in 1..=*set {
            let found = find(&format!("{run}:{n}")).unwrap_or_else(|| panic!("{run}:{n} is lost (seed {seed})"));
            assert_eq!((&found["n"], found["filler"].as_str().map(str::len)), (&json!(n), Some(filler(n))));
        }
        let total = find("total").and_then(|total| total[run].as_u64()).unwrap_or(0);
        // One more may have been stored than was told.
        assert!((*increased..=increased + 1).contains(&total), "{run}: {total} of {increased} (seed {seed})");
    }
    let store = Connection::open(sandbox.path().join(STORE)).unwrap();
    let check: String = store.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    assert_eq!(check, "ok", "seed {seed}");
}

/// The length of what [`WRITER`] stores with `n`; an empty text is kept as null.
fn filler(n: u64) -> usize {
    usize::try_from((n * 37) % 1000).unwrap()
}
