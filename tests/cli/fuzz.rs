//! `simctl fuzz`: the payload that breaks the handler, as small as it can be.

use serde_json::Value;

use crate::sandbox::{Ran, Sandbox, node_or_skip};

/// A handler with one planted bug, and the changes that the smallest case has which shows it.
struct Planted {
    name: &'static str,
    server: &'static str,
    flags: &'static [&'static str],
    outcome: &'static str,
    /// Any of these sets is as small as it can be.
    cases: &'static [&'static str],
}

const PLANTED: [Planted; 10] = [
    Planted {
        name: "a field that need not be there",
        server: include_str!("../fixtures/planted/missing-field.js"),
        flags: &[],
        outcome: "threw",
        cases: &["data.user.last_name:absent"],
    },
    Planted {
        name: "an empty list",
        server: include_str!("../fixtures/planted/empty-list.js"),
        flags: &[],
        outcome: "threw",
        cases: &["data.user.properties:empty-list"],
    },
    Planted {
        name: "a text that cannot be decoded",
        server: include_str!("../fixtures/planted/undecodable-text.js"),
        flags: &[],
        outcome: "threw",
        cases: &["data.user.first_name:percent"],
    },
    Planted {
        name: "a text used as a pattern",
        server: include_str!("../fixtures/planted/text-as-pattern.js"),
        flags: &[],
        outcome: "threw",
        cases: &["data.user.first_name:pattern", "data.user.first_name:control", "data.user.first_name:quotes"],
    },
    Planted {
        name: "the other form of the changes",
        server: include_str!("../fixtures/planted/other-form.js"),
        flags: &[],
        outcome: "threw",
        cases: &["variant:kit"],
    },
    Planted {
        name: "two fields that are missing at once",
        server: include_str!("../fixtures/planted/two-missing.js"),
        flags: &[],
        outcome: "rejected",
        cases: &["data.user.email:absent,data.user.phone:absent", "data.user.email:absent,data.user.phone:empty"],
    },
    Planted {
        name: "work that never ends on a long list",
        server: include_str!("../fixtures/planted/slow-on-long-list.js"),
        flags: &["--timeout", "300ms"],
        outcome: "timed-out",
        cases: &["data.user.properties:many"],
    },
    Planted {
        name: "memory that grows with a text",
        server: include_str!("../fixtures/planted/memory-on-long-text.js"),
        flags: &["--memory", "32MiB"],
        outcome: "out-of-memory",
        cases: &["data.user.first_name:long", "data.user.first_name:long-word-list"],
    },
    Planted {
        name: "a field that did not change",
        server: include_str!("../fixtures/planted/unchanged-field.js"),
        flags: &[],
        outcome: "threw",
        cases: &["data.changes.email:unchanged", "data.changes.email:pair-of-empty"],
    },
    Planted {
        name: "a promise that waits for what never comes",
        server: include_str!("../fixtures/planted/never-settles.js"),
        flags: &["--invalid"],
        outcome: "never-settles",
        // Any one violation of it.
        cases: &["region:"],
    },
];

fn app(body: &str) -> Sandbox {
    Sandbox::app(&format!(
        "exports = {{\n  created: function () {{}},\n  updated: function (payload) {{\n    const user = payload.data.user;\n    {body}\n  }}\n}};\n"
    ))
}

fn fuzz(sandbox: &Sandbox, more: &[&str]) -> Ran {
    let fixed = ["fuzz", "onUserUpdate", "--seed", "7", "--now", "2026-01-01T00:00:00Z", "--format", "json"];
    sandbox.run(fixed.into_iter().chain(more.iter().copied()))
}

/// A handler that bears the plain payload only, and whose first failure takes longer than there is time: whether the plain one
/// fails so too, which is what is tried first, is not known then.
#[test]
fn time_is_up_for_making_a_failure_smaller_too() {
    let plain = ["generate", "onUserUpdate", "--seed", "7", "--now", "2026-01-01T00:00:00Z"];
    let plain: Value = serde_json::from_str(&app("").run(plain).code(0).out).expect("JSON");
    let sandbox = app(&format!(
        "if (JSON.stringify(payload.data) === {}) return;
    const end = Date.now() + 4500;
    while (Date.now() < end);
    throw new Error('slow');",
        Value::from(plain["data"].to_string())
    ));
    let ran = sandbox.run([
        "fuzz",
        "onUserUpdate",
        "--seed",
        "7",
        "--now",
        "2026-01-01T00:00:00Z",
        "--for",
        "3s",
        "--format",
        "json=run.ndjson",
        "--format",
        "human",
    ]);
    let ran = ran.code(1).stdout("not made as small as it can be").stdout("1 of ");
    let kept = std::fs::read_to_string(sandbox.path().join("run.ndjson")).expect("the stream");
    let failed = of_type(&kept, "case-failed");
    assert_eq!(
        (failed.len(), &failed[0]["smallest"], &failed[0]["times"]),
        (1, &false.into(), &1.into()),
        "{}",
        ran.out
    );
    // Time enough: nothing is said.
    let quick = fuzz(&app("if (!user.email) throw new Error('quick');"), &["--for", "60s", "-n", "200"]).code(1);
    assert_eq!(of_type(&quick.out, "case-failed")[0]["smallest"], true, "{}", quick.out);
}

/// The events of one type.
fn of_type(out: &str, wanted: &str) -> Vec<Value> {
    let events = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["type"] == wanted).collect()
}

/// Whether it is one of these cases; one that ends in a colon is any single change there.
fn is_one_of(cases: &[&str], id: &str) -> bool {
    cases.iter().any(|case| *case == id || case.ends_with(':') && id.starts_with(case) && !id.contains(','))
}

#[test]
fn each_planted_bug_is_found_within_1000_cases_and_its_case_is_minimal() {
    for planted in &PLANTED {
        let sandbox = Sandbox::app(planted.server);
        let ran = fuzz(&sandbox, &[planted.flags, &["-n", "1000"]].concat()).code(1);
        let cases = of_type(&ran.out, "case-failed");
        let outcomes = of_type(&ran.out, "delivery-finished");
        let found = cases.iter().zip(&outcomes).find(|(case, outcome)| {
            outcome["outcome"]["kind"] == planted.outcome
                && is_one_of(planted.cases, case["case"].as_str().unwrap_or_default())
        });
        assert!(found.is_some(), "{}: not among {cases:#?}", planted.name);
        let valid = !planted.flags.contains(&"--invalid");
        assert!(!valid || cases.iter().all(|case| case["valid"] == true), "{}: {cases:#?}", planted.name);
    }
}

#[test]
fn a_case_fails_alone_as_it_did_among_the_others() {
    let sandbox = app("return user.last_name.toUpperCase();");
    let ran = fuzz(&sandbox, &["-n900", "--invalid", "--timeout", "9s", "--locale=de_de"]).code(1);
    let cases = of_type(&ran.out, "case-failed");
    let at = cases.iter().position(|case| case["case"] == "data.user.last_name:absent").unwrap();
    let repeat = of_type(&ran.out, "delivery-finished")[at]["repeat"].as_str().unwrap().to_owned();
    // What makes the payload and holds the handler is said again; what is of many cases is not.
    assert!(repeat.starts_with("simctl trigger onUserUpdate --timeout 9s --locale=de_de --seed 7 "), "{repeat}");
    assert!(repeat.ends_with("--case data.user.last_name:absent"), "{repeat}");
    let words: Vec<&str> = repeat.split(' ').skip(1).collect();
    sandbox.run(words).code(1).stdout("server/server.js:5");
    let words = ["trigger", "onUserUpdate", "--case", "data.user.last_nam:absent"];
    sandbox.run(words).code(2).stderr("did you mean `data.user.last_name:absent`?");
}

#[test]
fn what_only_another_payload_shows_is_told_by_what_of_it_matters() {
    let sandbox = app("if (user.email && user.email.endsWith('.org')) throw new Error('org');");
    let ran = fuzz(&sandbox, &[]).code(1);
    let cases = of_type(&ran.out, "case-failed");
    let id = cases[0]["case"].as_str().unwrap();
    assert!(cases.len() == 1 && id.starts_with("data.user.email:as-in-") && !id.contains(','), "{cases:#?}");
    assert!(cases[0]["changes"][0].as_str().is_some_and(|told| told.ends_with(".org\"`")), "{cases:#?}");
    let repeat = of_type(&ran.out, "delivery-finished")[0]["repeat"].as_str().unwrap().to_owned();
    sandbox.run(repeat.split(' ').skip(1).collect::<Vec<_>>()).code(1).stdout("threw Error: org");
}

#[test]
fn the_same_seed_finds_the_same_and_a_handler_that_bears_everything_holds() {
    let sandbox = app("return user.last_name.toUpperCase();");
    let cases = |ran: Ran| of_type(&ran.out, "case-failed");
    assert_eq!(cases(fuzz(&sandbox, &["-n", "300"])), cases(fuzz(&sandbox, &["-n", "300"])));
    let ran = fuzz(&app("return String(user && user.id);"), &["-n", "300"]).code(0);
    assert_eq!(of_type(&ran.out, "run-finished")[0]["held"], 300);
}

#[test]
fn what_one_case_keeps_no_other_finds() {
    let sandbox = app(
        "return $db.get('seen').then(function () { throw new Error('seen before'); }, function () { return $db.set('seen', { a: 1 }); });",
    );
    fuzz(&sandbox, &["-n", "50"]).code(0);
    let kept: Vec<_> = std::fs::read_dir(sandbox.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!kept.iter().any(|name| name == ".simctl"), "{kept:?}");
}

#[test]
fn node_finds_the_same() {
    if !node_or_skip("fuzzing on the node runtime") {
        return;
    }
    let sandbox = app("return user.last_name.toUpperCase();");
    let ran = fuzz(&sandbox, &["-n", "300", "--runtime", "node"]).code(1);
    assert_eq!(of_type(&ran.out, "case-failed")[0]["case"], "data.user.last_name:absent");
}

#[test]
fn an_end_in_time_and_events_without_a_schema() {
    let sandbox = app("return 1;");
    let began = std::time::Instant::now();
    let ran = fuzz(&sandbox, &["--for", "1s"]).code(0);
    // Nobody knows how many there will be.
    assert_eq!(of_type(&ran.out, "run-started")[0]["count"], Value::Null);
    assert!(began.elapsed().as_secs() < 60);
    sandbox.run(["fuzz", "onUserCrate"]).code(2);
}

#[test]
fn known_failures_do_not_fail_the_run_and_new_ones_do() {
    let sandbox = app("return user.last_name.toUpperCase();");
    let all = ["-n", "300"];
    let ran = fuzz(&sandbox, &all).code(1);
    let sandbox = sandbox.file("known.json", &ran.out);
    fuzz(&sandbox, &["-n", "300", "--baseline", "known.json"]).code(0).stdout("known: threw TypeError");
    let sandbox = sandbox.file("other.json", ran.out.replace("server.js:5", "server.js:9"));
    fuzz(&sandbox, &["-n", "300", "--baseline", "other.json"]).code(1);
    fuzz(&sandbox, &["--baseline", "manifest.json"]).code(2).stderr("no JSON stream of a run");
    fuzz(&sandbox, &["--baseline", "none.json"]).code(2);
}

#[test]
fn a_failure_is_kept_and_saved_as_a_scenario_that_fails_until_the_handler_is_mended() {
    let sandbox = app("return user.last_name.toUpperCase();");
    fuzz(&sandbox, &["-n", "300", "--save-scenario"]).code(1).stdout(".scenario.yaml");
    let kept: Vec<_> = std::fs::read_dir(sandbox.path().join(".simctl/failures")).unwrap().collect();
    assert_eq!(kept.len(), 1);
    let text = std::fs::read_to_string(kept[0].as_ref().unwrap().path()).unwrap();
    let record: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record["case"], "data.user.last_name:absent");
    sandbox.run(["test"]).code(1).stdout("last_name");
    // A second run leaves what is there.
    fuzz(&sandbox, &["-n", "300", "--save-scenario"]).code(1);
    let sandbox = sandbox.file("server/server.js", "exports = { created: function () {}, updated: function () {} };\n");
    sandbox.run(["test"]).code(0);
}

#[test]
fn nothing_is_kept_through_a_link_that_leads_out_of_the_app() {
    let elsewhere = Sandbox::new();
    let sandbox = app("return user.last_name.toUpperCase();").folder(".simctl");
    std::os::unix::fs::symlink(elsewhere.path(), sandbox.path().join(".simctl/failures")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), sandbox.path().join("tests")).unwrap();
    fuzz(&sandbox, &["-n", "300", "--save-scenario"]).code(1).stderr("leads out of the app's folder");
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn reports_count_cases_and_not_deliveries() {
    let sandbox = app("return user.last_name.toUpperCase();");
    let of = |format: &str| ["fuzz", "onUserUpdate", "--seed", "7", "-n", "300", "--format", format].map(str::to_owned);
    let run = |format: &str| sandbox.run(of(format).iter().map(String::as_str)).code(1);
    run("human").stdout("300 cases: ").without("deliveries");
    let junit = run("junit").out;
    let junit = roxmltree::Document::parse(&junit).unwrap();
    let suite = junit.descendants().find(|node| node.has_tag_name("testsuite")).unwrap();
    assert_eq!((suite.attribute("name"), suite.attribute("tests")), (Some("simctl fuzz"), Some("2")));
    let names: Vec<_> = suite.children().filter_map(|case| case.attribute("name")).collect();
    assert!(
        names[0].ends_with(" data.user.last_name:absent") && names[1].ends_with(" cases that are borne"),
        "{names:?}"
    );
    let tap = run("tap").out;
    assert!(tap.starts_with("TAP version 14\nnot ok 1 - onUserUpdate: threw TypeError"), "{tap}");
    assert!(
        tap.contains(
            "\n  ---\n  case: \"data.user.last_name:absent\"\n  changes: [\"`data.user.last_name` absent\"]\n"
        ),
        "{tap}"
    );
    assert!(
        tap.contains("\n  repeat: \"simctl trigger onUserUpdate ") && tap.ends_with(" cases that are borne\n1..2\n"),
        "{tap}"
    );
    let held = app("return 1;").run(["fuzz", "onUserUpdate", "-n", "30", "--format", "tap"]).code(0);
    assert_eq!(held.out, "TAP version 14\nok 1 - onUserUpdate: 30 cases that are borne\n1..1\n");
}

#[test]
fn the_page_tells_each_way_to_fail_as_text() {
    let sandbox = app("return ('<script>' + user.last_name.toUpperCase()).length;");
    let page = |more: &[&str]| {
        fuzz(&sandbox, &[&["-n", "300", "--report", "html=r.html"], more].concat());
        std::fs::read_to_string(sandbox.path().join("r.html")).unwrap()
    };
    let failed = page(&[]);
    assert!(failed.starts_with("<!DOCTYPE html>") && failed.ends_with("</html>\n"), "{failed}");
    for told in
        ["<title>simctl fuzz: ", "`data.user.last_name` absent", "TypeError", "--case data.user.last_name:absent"]
    {
        assert!(failed.contains(told), "{told} is not in {failed}");
    }
    assert!(!failed.contains("<script") && !failed.contains("Scenario"), "{failed}");
    let repeat = of_type(&fuzz(&sandbox, &["-n", "300", "--report", "html=s.html"]).out, "delivery-finished");
    assert!(!repeat[0]["repeat"].as_str().unwrap().contains("--report"), "{repeat:?}");
    let sandbox = app("return 1;");
    fuzz(&sandbox, &["-n", "30", "--report", "html=r.html"]).code(0);
    assert!(std::fs::read_to_string(sandbox.path().join("r.html")).unwrap().contains("No case failed."));
    sandbox
        .run(["fuzz", "onUserUpdate", "--report", "html=x", "--format", "junit=x"])
        .code(2)
        .stderr("two reports go to `x`");
}

#[test]
fn no_secret_is_in_a_failure_that_is_kept() {
    const SECRET: &str = "s3cr3t-of-the-app";
    let sandbox = app("throw new Error('no ' + payload.iparams.key + user.id);")
        .file("config/iparams.json", r#"{"key":{"display_name":"Key","type":"text","secure":true,"required":true}}"#)
        .file("config/iparam_test_data.json", format!("{{\"key\":\"{SECRET}\"}}"));
    let ran = fuzz(&sandbox, &["-n", "60", "--save-scenario"]).code(1).without(SECRET);
    assert!(!of_type(&ran.out, "case-failed").is_empty());
    let text = |folder: &str| {
        let entries = std::fs::read_dir(sandbox.path().join(folder)).unwrap();
        entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect::<String>()
    };
    let (failures, scenarios) = (text(".simctl/failures"), text("tests"));
    assert!(failures.contains("\"repeat\"") && scenarios.contains("steps"), "{failures} {scenarios}");
    assert!(!failures.contains(SECRET) && !scenarios.contains(SECRET), "{failures} {scenarios}");
}
