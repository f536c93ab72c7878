//! What was fired is kept, found again, fired again and compared; users are known by what deliveries told of them.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Duration;

use serde_json::Value;

use crate::sandbox::{Ran, Sandbox, node_or_skip};

/// Says whom it was told of; a user called Bad makes it throw.
const SERVER: &str = "exports = {
  created: function (payload) {
    console.log('created', payload.data.user.first_name);
    if (payload.data.user.first_name === 'Bad') { throw new Error('a bad one'); }
  },
  updated: function (payload) {
    console.log(JSON.stringify(payload.data.changes));
    return { id: payload.data.user.id };
  }
};
";

fn app() -> Sandbox {
    Sandbox::app(SERVER)
}

fn create(app: &Sandbox, first_name: &str) -> Ran {
    app.run(["trigger", "onUserCreate", "--seed", "3", "--set", &format!("data.user.first_name={first_name}")])
}

/// The deliveries that are kept, oldest first.
fn kept(app: &Sandbox) -> Vec<Value> {
    let listed = app.run(["history", "-n", "100000", "--format", "json"]).code(0);
    listed.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn deliveries_are_listed_shown_and_filtered() {
    let app = app();
    app.run(["history"]).code(0).no_stdout().stderr("simctl trigger");
    create(&app, "Ada").code(0);
    create(&app, "Bad").code(1);
    app.run(["trigger", "onUserUpdate"]).code(0);
    let all = app.run(["history"]).code(0);
    let lines: Vec<&str> = all.out.lines().collect();
    assert_eq!(lines.len(), 3, "{}", all.out);
    assert!(lines[0].starts_with("1  ") && lines[0].contains("onUserCreate    ok"), "{}", lines[0]);
    assert!(lines[1].contains("FAIL") && lines[1].contains("threw Error: a bad one"), "{}", lines[1]);
    let count = |args: &[&str]| app.run([&["history"], args].concat()).code(0).out.lines().count();
    assert_eq!(count(&["--event", "onUserUpdate"]), 1);
    assert_eq!(count(&["--outcome", "failed"]), 1);
    assert_eq!(count(&["--outcome", "returned", "--since", "1h"]), 2);
    assert_eq!(count(&["--since", "2999-01-01T00:00:00Z"]), 0);
    app.run(["history", "-n", "1"]).code(0).stdout("3  ").stderr("2 older ones");
    app.run(["history", "show", "2"])
        .code(0)
        .stdout("2  onUserCreate -> created")
        .stdout("   log  created Bad")
        .stdout("  FAIL  threw Error: a bad one")
        .stdout("--> server/server.js:4:")
        .stdout("\"first_name\": \"Bad\"");
    app.run(["history", "show", "9"]).code(2).stderr("no delivery 9").stderr("the newest is 3");
    app.run(["history", "--outcome", "tret"]).code(2).stderr("threw");
    // A manifest that cannot be read hides nothing of what was.
    fs::write(app.path().join("manifest.json"), "{").expect("written");
    app.run(["history"]).code(0).stdout("a bad one");
    app.run(["history", "clear"]).code(0).stderr("3 deliveries removed");
    app.run(["history"]).code(0).no_stdout();
}

#[test]
fn a_replay_fires_the_same_bytes() {
    let app = app();
    create(&app, "Ada").code(0);
    let again = app.run(["replay", "last", "--format", "json"]).code(0);
    let again = again.events("delivery-started");
    let all = kept(&app);
    assert_eq!(again[0]["payload"], all[0]["payload"]);
    assert_eq!(all[1]["payload"], all[0]["payload"]);
    assert_eq!((&all[1]["replay_of"], &all[1]["now"]), (&all[0]["id"], &all[0]["now"]));
    assert_eq!(all[1]["repeat"], "simctl replay 1 --format json");
    app.run(["diff", "1", "2"]).code(0).stdout("the same payload");
    app.run(["replay", "1", "--times", "3"]).code(0).stdout("3 deliveries: 3 held");
    app.run(["replay", "1", "--set", "data.user.first_name=Bad"]).code(1).stdout("a bad one");
    let diff = app.run(["diff", "1", "last"]).code(1);
    let diff = diff
        .stdout("- returned\n+ threw Error: a bad one\n")
        .stdout("-    log  created Ada\n+    log  created Bad\n")
        .stdout("- /data/user/first_name  \"Ada\"\n+ /data/user/first_name  \"Bad\"\n");
    diff.without("\u{1b}");
    let diff = app.run(["diff", "1", "last", "--format", "json"]).code(1).json();
    assert_eq!(simctl::schema::Schemas::embedded().check_value("comparison", &diff), []);
    assert_eq!((&diff["same"], &diff["outcome"][0]), (&Value::Bool(false), &Value::from("returned")));
    app.run(["replay", "99"]).code(2).stderr("no delivery 99");
    app.run(["replay", "1", "--set", "data.user.nonsense=1"]).code(2).stderr("unknown-path");
}

#[test]
fn a_replay_knows_the_secrets_that_were_not_kept() {
    let server = "exports = { created: function (payload) { console.log(payload.iparams.token.length); } };";
    let secure = r#"{"token": {"type": "text", "secure": true, "default_value": "hush-4711"}}"#;
    let app = Sandbox::app(server).file("config/iparams.json", secure);
    app.run(["trigger", "onUserCreate"]).code(0).stdout("log  9").without("hush-4711");
    app.run(["replay", "last"]).code(0).stdout("log  9").without("hush-4711");
    app.run(["history", "show", "1"]).code(0).stdout("********").without("hush-4711");
    app.run(["history", "export", "1"]).code(0).stdout("********").stderr("mask").without("hush-4711");
}

#[test]
fn a_delivery_is_written_as_payload_as_delivery_and_as_step() {
    let app = app();
    create(&app, "Ada").code(0);
    app.run(["history", "export", "1", "payload.json"]).code(0).no_stdout().stderr("note: wrote payload.json");
    app.run(["trigger", "onUserCreate", "--payload", "payload.json"]).code(0).stdout("created Ada");
    app.run(["history", "export", "1", "payload.json"]).code(2).stderr("not written over");
    let delivery = app.run(["history", "export", "1", "--as", "delivery"]).code(0).json();
    assert_eq!(simctl::schema::Schemas::embedded().check_value("delivery", &delivery), []);
    let step = app.run(["history", "export", "1", "d.json", "--as", "step"]).code(0);
    assert_eq!(step.out, "- replay: \"d.json\"\n  expect:\n    outcome: returned\n");
    let written: Value = serde_json::from_slice(&fs::read(app.path().join("d.json")).expect("written")).expect("JSON");
    assert_eq!(written, delivery);
}

#[test]
fn what_ran_the_code_is_kept_with_its_version() {
    let app = app();
    create(&app, "Ada").code(0);
    let kept = app.run(["history", "export", "1", "--as", "delivery"]).code(0).json();
    assert!(kept["engine"].as_str().is_some_and(|engine| engine.starts_with("QuickJS 0.")), "{kept}");
    app.run(["history", "show", "1"])
        .code(0)
        .stdout(&format!(" by simctl {} on QuickJS 0.", env!("CARGO_PKG_VERSION")));
    if node_or_skip("the node half of a test of versions") {
        app.run(["trigger", "onUserCreate", "--runtime", "node"]).code(0);
        app.run(["history", "show", "2"]).code(0).stdout(" on Node.js ");
    }
}

#[test]
fn an_update_begins_from_what_the_user_is_now() {
    let app = app();
    app.run(["trigger", "onUserUpdate", "--user", "last"]).code(2).stderr("unknown-user").stderr("onUserCreate");
    create(&app, "Ada").code(0);
    let update = |args: &[&str]| {
        let args = [&["trigger", "onUserUpdate", "--user", "last", "--format", "json"], args].concat();
        app.run(args).code(0).events("delivery-started")[0]["payload"]["data"].clone()
    };
    let user = |app: &Sandbox| app.run(["users", "show", "last"]).code(0).json();
    let before = user(&app);
    let data = update(&["--changes", "email"]);
    assert_eq!(data["user"]["id"], before["id"]);
    assert_eq!(data["changes"]["email"][1], before["email"], "the old value is the true one");
    assert_eq!(data["user"]["email"], data["changes"]["email"][0]);
    assert_eq!(user(&app), data["user"]);
    // Nobody else is told of by an update of somebody made up.
    app.run(["trigger", "onUserUpdate"]).code(0);
    let data = update(&["--set", "data.user.first_name=Adele"]);
    assert_eq!(data["changes"], serde_json::json!({ "first_name": ["Adele", "Ada"] }));
    let same = ["trigger", "onUserUpdate", "--user", "last", "--set", "data.user.first_name=Adele"];
    app.run(same).code(2).stderr("already");
    // Several in one run, each from where the one before has left her.
    let run =
        app.run(["trigger", "onUserUpdate", "--user", "last", "--changes", "email", "-n", "2", "--format", "json"]);
    let both = run.code(0).events("delivery-started");
    let email = |at: usize, which: usize| both[at]["payload"]["data"]["changes"]["email"][which].clone();
    assert_eq!(email(1, 1), email(0, 0));
    // What repeats it is the delivery, as she is another by now.
    let last = kept(&app).pop().expect("kept");
    assert_eq!(last["repeat"], format!("simctl replay {} --format json", last["id"]));
    app.run(["replay", "last"]).code(0);
    assert_eq!(user(&app)["email"], email(1, 0), "a replay tells nothing new");
}

#[test]
fn a_users_account_stays_the_same() {
    let app = app();
    app.run(["trigger", "onUserCreate", "--seed", "3", "--set", "region=IND"]).code(0);
    let region = |args: &[&str]| {
        let ran = app.run([&["trigger", "onUserUpdate", "--format", "json"], args].concat()).code(0);
        ran.events("delivery-started")[0]["payload"]["region"].clone()
    };
    for seed in ["1", "2", "3", "4", "5"] {
        assert_eq!(region(&["--user", "last", "--seed", seed]), "IND");
    }
    assert_eq!(region(&["--user", "last", "--set", "region=EU"]), "EU", "what is typed counts");
    assert_eq!(region(&["--user", "last"]), "EU");
    // A payload in a file tells of its user's account as well; a user alone does not.
    let generated = app.run(["generate", "onUserCreate", "--platform", "3.0", "--set", "region=AUS"]).code(0).out;
    std::fs::write(app.path().join("created.json"), generated).unwrap();
    assert_eq!(region(&["--user", "created.json", "--seed", "1"]), "AUS");
}

#[test]
fn users_are_named_by_id_and_by_file_and_forgotten() {
    let app = app().file("ada.json", r#"{"id": "ada-0001", "first_name": "Ada", "email": "ada@example.com"}"#);
    app.run(["trigger", "onUserCreate", "--user", "ada.json"]).code(0).stdout("created Ada");
    app.run(["users", "list"]).code(0).stdout("ada@example.com  onUserCreate, ");
    let args = ["trigger", "onUserUpdate", "--user", "ada-0001", "--set", "data.user.email=ada@example.org"];
    app.run(args).code(0).stdout(r#"{"email":["ada@example.org","ada@example.com"]}"#);
    app.run(["users", "show", "ada-001"]).code(2).stderr("did you mean `ada-0001`?");
    app.run(["users", "delete", "ada-0001", "nobody"]).code(2).stderr("`nobody`");
    app.run(["users", "show", "ada-0001"]).code(0).stdout("ada@example.org");
    app.run(["users", "delete", "ada-0001"]).code(0).stderr("note: 1 user forgotten");
    app.run(["users", "list"]).code(0).no_stdout();
    let bad = app.file("bad.json", "[1]");
    bad.run(["trigger", "onUserUpdate", "--user", "bad.json"]).code(2).stderr("wrong-shape");
    bad.run(["trigger", "onUserUpdate", "--user", "none.json"]).code(2).stderr("nor is there a file");
    bad.run(["trigger", "onUserUpdate", "--user", "last", "--payload", "bad.json"]).code(2).stderr("cannot be used");
}

#[test]
fn nothing_is_kept_where_that_is_asked_for() {
    let app = app();
    app.run(["trigger", "onUserCreate", "--no-history"]).code(0);
    let settled = app.file("simctl.json", r#"{"history": {"keep": false}}"#);
    settled.run(["trigger", "onUserCreate"]).code(0).no_stderr();
    assert!(!settled.path().join(".simctl").exists());
    let bounded = settled.file("simctl.json", r#"{"history": {"count": 8}}"#);
    bounded.run(["validate", "simctl.json"]).code(0);
    bounded.run(["trigger", "onUserCreate", "-n", "40", "-q"]).code(0);
    let ids: Vec<u64> = kept(&bounded).iter().filter_map(|delivery| delivery["id"].as_u64()).collect();
    assert!((5..=8).contains(&ids.len()) && ids.last() == Some(&40), "{ids:?}");
    let broken = bounded.file("simctl.json", r#"{"history": {"count": "many", "dais": 3}}"#);
    broken.run(["trigger", "onUserCreate"]).code(0).stderr("history.count").stderr("simctl validate");
    broken.run(["validate", "simctl.json"]).code(1).stdout("unknown-setting").stdout("/history/count");
}

#[test]
fn a_run_goes_on_where_nothing_can_be_kept() {
    let elsewhere = Sandbox::new();
    let app = app();
    symlink(elsewhere.path(), app.path().join(".simctl")).expect("a link");
    let ran = create(&app, "Ada").code(0).stdout("created Ada").stderr("note: the history is not kept: ");
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    assert_eq!(fs::read_dir(elsewhere.path()).expect("a folder").count(), 0);
    app.run(["history"]).code(3).stderr("symbolic link");
    fs::remove_file(app.path().join(".simctl")).expect("removed");
    // Rights do not hold the superuser back, a file in the folder's place does.
    fs::write(app.path().join(".simctl"), "mine").expect("written");
    create(&app, "Ada").code(0).stderr("the history is not kept");
    assert_eq!(fs::read_to_string(app.path().join(".simctl")).expect("still there"), "mine");
    fs::remove_file(app.path().join(".simctl")).expect("removed");
    fs::set_permissions(app.path(), fs::Permissions::from_mode(0o500)).expect("set");
    create(&app, "Ada").code(0).stdout("created Ada");
    fs::set_permissions(app.path(), fs::Permissions::from_mode(0o700)).expect("set");
}

#[test]
fn a_handler_that_is_no_callback_is_fired_again_where_it_was() {
    let app = Sandbox::new();
    app.run(["trigger", "onUserCreate", "--exec", "sh -c 'cat >/dev/null; echo heard'"]).code(0);
    app.run(["replay", "last"]).code(0).stdout("heard");
    assert_eq!(kept(&app)[1]["to"]["runtime"], "exec");
    let gone = app.run(["trigger", "onUserCreate", "--to", "http://127.0.0.1:9/?token=hush"]).code(1);
    gone.without("hush");
    app.run(["replay", "last"]).code(2).stderr("--to URL").without("hush");
}

#[test]
fn a_run_that_is_killed_loses_the_delivery_in_flight_and_no_other() {
    let app = app();
    for round in 0..12 {
        let args = ["trigger", "onUserCreate", "-n", "100000", "--format", "json=out.ndjson"];
        let mut child = app.command(args).spawn().expect("simctl starts");
        std::thread::sleep(Duration::from_millis(20 + 9 * round));
        child.kill().expect("killed");
        child.wait().expect("reaped");
        let told = fs::read_to_string(app.path().join("out.ndjson")).unwrap_or_default();
        let finished = told.lines().filter(|line| line.contains("delivery-finished") && line.ends_with('}')).count();
        let _ = fs::remove_file(app.path().join("out.ndjson"));
        let lasting = kept(&app).len();
        // What was told before the last one is there: it is told first and kept then.
        assert!(lasting.min(800) + 1 >= finished.min(800), "{finished} were told and {lasting} are kept");
        create(&app, "Ada").code(0);
        let last = kept(&app).pop().expect("kept");
        assert_eq!(last["logs"][0]["text"], "created Ada");
        app.run(["history", "clear"]).code(0);
    }
}

#[test]
fn two_runs_at_once_lose_nothing() {
    let app = app();
    let run = || app.command(["trigger", "onUserCreate", "-n", "60", "-q"]).spawn().expect("simctl starts");
    for mut child in [run(), run(), run()] {
        assert!(child.wait().expect("it ends").success());
    }
    let mut ids: Vec<u64> = kept(&app).iter().filter_map(|delivery| delivery["id"].as_u64()).collect();
    ids.dedup();
    assert_eq!(ids, (1..=180).collect::<Vec<_>>());
}
