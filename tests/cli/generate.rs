//! `simctl generate`: payloads on standard output.

use std::io::{BufRead, BufReader};

use crate::sandbox::Sandbox;

const FIXED: [&str; 6] = ["generate", "onUserUpdate", "--seed", "5", "--now", "2026-01-31T12:00:00Z"];

fn fixed<'a>(more: &[&'a str]) -> Vec<&'a str> {
    FIXED.into_iter().chain(more.iter().copied()).collect()
}

#[test]
fn one_payload_is_indented_and_several_are_lines() {
    let sandbox = Sandbox::new();
    let one = sandbox.run(fixed(&[])).code(0).no_stderr();
    assert!(one.out.lines().count() > 20, "{}", one.out);
    let three = sandbox.run(fixed(&["-n", "3"])).code(0);
    assert_eq!(three.lines().len(), 3);
    assert_eq!(three.lines()[0], one.json());
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let sandbox = Sandbox::new();
    let first = sandbox.run(fixed(&["-n", "5"])).code(0).out;
    assert_eq!(sandbox.run(fixed(&["-n", "5"])).code(0).out, first);
    let other = ["generate", "onUserUpdate", "--seed", "6", "--now", "2026-01-31T12:00:00Z", "-n", "5"];
    assert_ne!(sandbox.run(other).code(0).out, first);
}

#[test]
fn payload_number_three_alone_is_the_fourth_of_the_run() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(fixed(&["-n", "5"])).code(0).lines();
    assert_eq!(sandbox.run(fixed(&["--index", "3"])).code(0).json(), run[3]);
}

#[test]
fn platform_chooses_the_envelope() {
    let sandbox = Sandbox::new();
    let v2 = sandbox.run(fixed(&["--platform", "2.3"])).code(0).json();
    let v3 = sandbox.run(fixed(&["--platform", "3.0"])).code(0).json();
    assert!(v2["account_id"].is_string() && v2.get("currentHost").is_none());
    assert!(v3["currentHost"].is_object() && v3.get("account_id").is_none());
    assert_eq!(v2["data"], v3["data"]);
    sandbox.run(fixed(&["--platform", "9.9"])).code(2).stderr("is not a platform version");
}

#[test]
fn both_variants_are_made() {
    let sandbox = Sandbox::new();
    let docs = sandbox.run(fixed(&["--changes", "email"])).code(0).json();
    let kit = sandbox.run(fixed(&["--changes", "email", "--variant", "kit"])).code(0).json();
    assert_eq!(docs["data"]["changes"]["email"][0], docs["data"]["user"]["email"]);
    assert_eq!(kit["data"]["changes"]["model_changes"]["email"][1], kit["data"]["user"]["email"]);
    assert_eq!(docs["data"]["associations"], serde_json::Value::Null);
    assert_eq!(kit["data"]["associations"], serde_json::json!({}));
}

#[test]
fn names_are_of_the_locale() {
    let names = |locale| {
        let ran = Sandbox::new().run(fixed(&["--locale", locale])).code(0).json();
        ran["data"]["user"]["first_name"].as_str().expect("a name").to_owned()
    };
    assert!(names("ja_jp").chars().all(|c| !c.is_ascii()), "{}", names("ja_jp"));
    Sandbox::new().run(fixed(&["--locale", "ja_jq"])).code(2).stderr("ja_jp");
}

#[test]
fn changes_are_of_the_fields_named_or_of_as_many() {
    let changed = |changes| {
        let ran = Sandbox::new().run(fixed(&["--changes", changes])).code(0).json();
        let mut fields: Vec<_> = ran["data"]["changes"].as_object().expect("changes").keys().cloned().collect();
        fields.sort();
        fields
    };
    assert_eq!(changed("phone,email"), ["email", "phone"]);
    assert_eq!(changed("2").len(), 2);
    Sandbox::new().run(fixed(&["--changes", "emial"])).code(2).stderr("email");
    Sandbox::new().run(fixed(&["--changes", "id"])).code(2).stderr("id");
}

#[test]
fn the_actor_is_the_user_or_an_agent() {
    let of = |actor| Sandbox::new().run(fixed(&["--actor", actor])).code(0).json()["data"].clone();
    let user = of("user");
    assert_eq!((&user["actor"]["type"], &user["actor"]["id"]), (&"user".into(), &user["user"]["id"]));
    let agent = of("agent");
    assert_eq!(agent["actor"]["type"], "agent");
    assert_ne!(agent["actor"]["id"], agent["user"]["id"]);
}

#[test]
fn values_are_set_and_left_out_in_the_order_typed() {
    let sandbox = Sandbox::new();
    let set = [
        "--set",
        "data.user.email=ada@example.com",
        "--set",
        "/data/user/properties:=[]",
        "--unset",
        "data.user.phone",
    ];
    let ran = sandbox.run(fixed(&set)).code(0).json();
    assert_eq!(ran["data"]["user"]["email"], "ada@example.com");
    assert_eq!(ran["data"]["user"]["properties"], serde_json::json!([]));
    assert!(ran["data"]["user"].get("phone").is_none());
    let then_unset = sandbox.run(fixed(&["--set", "data.user.phone=1", "--unset", "data.user.phone"])).code(0).json();
    assert!(then_unset["data"]["user"].get("phone").is_none());
    let then_set = sandbox.run(fixed(&["--unset", "data.user.phone", "--set", "data.user.phone=1"])).code(0).json();
    assert_eq!(then_set["data"]["user"]["phone"], "1");
}

#[test]
fn a_set_on_a_changed_field_keeps_changes_true() {
    let set = ["--changes", "email", "--set", "data.user.email=ada@example.com"];
    let ran = Sandbox::new().run(fixed(&set)).code(0).json();
    assert_eq!(ran["data"]["changes"]["email"][0], "ada@example.com");
    assert_ne!(ran["data"]["changes"]["email"][1], "ada@example.com");
}

#[test]
fn a_path_that_the_schema_does_not_have_is_refused_with_the_nearest() {
    let sandbox = Sandbox::new();
    sandbox
        .run(fixed(&["--set", "data.user.emial=x"]))
        .code(2)
        .no_stdout()
        .stderr("unknown-path")
        .stderr("data.user.email");
    sandbox.run(fixed(&["--set", "user.email=x"])).code(2).stderr("data.user.email");
    sandbox.run(fixed(&["--unset", "data.user.emial"])).code(2).stderr("data.user.email");
    sandbox.run(fixed(&["--set", "data.user.email.x=1"])).code(2);
    sandbox.run(fixed(&["--set", "no value"])).code(2).stderr("=");
    sandbox.run(fixed(&["--set", "data.user.email:=[1,"])).code(2).stderr("JSON");
}

#[test]
fn a_value_that_the_schema_forbids_is_refused_unless_asked_for() {
    let sandbox = Sandbox::new();
    let bad = ["--set", "data.actor.type=bot"];
    sandbox.run(fixed(&bad)).code(2).no_stdout().stderr("/data/actor/type").stderr("agent").stderr("--no-check");
    let ran = sandbox.run(fixed(&[bad[0], bad[1], "--no-check"])).code(0).json();
    assert_eq!(ran["data"]["actor"]["type"], "bot");
}

#[test]
fn an_event_without_a_schema_is_refused_with_what_there_is() {
    Sandbox::new().run(["generate", "onUserUpdated"]).code(2).stderr("did you mean `onUserUpdate`?");
    Sandbox::new().run(["generate", "onTicketCreate"]).code(2).stderr("onUserCreate");
}

#[test]
fn a_reader_that_leaves_early_ends_it_quietly() {
    let sandbox = Sandbox::new();
    let mut child = sandbox.command(["generate", "onUserCreate", "-n", "100000"]).spawn().expect("simctl starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let output = child.wait_with_output().expect("simctl ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{line}");
}

#[test]
fn a_schema_of_ones_own_makes_an_event_of_ones_own() {
    let sandbox = Sandbox::new();
    let text = sandbox.run(["schema", "show", "events/onUserCreate"]).code(0).out;
    let sandbox = sandbox.file("mine/events/onUserArchive.schema.json", text.replace("onUserCreate", "onUserArchive"));
    let ran = sandbox.run(["generate", "onUserArchive", "--schemas", "mine"]).code(0).json();
    assert_eq!(ran["event"], "onUserArchive");
}
