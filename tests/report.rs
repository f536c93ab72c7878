//! Every format, fed with the same recorded check and the same recorded run, against golden files and against what reads it:
//! the published schema of SARIF, an XML parser, our own schema of the JSON stream.
//!
//! `SIMCTL_BLESS=1 cargo test --test report` rewrites `tests/golden/formats/`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;
use simctl::model::{
    Addressee, AnswerStatus, Code, Difference, Excerpt, Finding, Frame, Level, Outcome, Place, Platform, Response,
    ReturnValue, RunEvent, Runtime, Severity, Stream, Thrown,
};
use simctl::report::{
    GitHub, Html, Human, HumanScenarios, Json, Junit, Paint, Reporter, Sarif, Sections, Tap, Verbosity,
};
use simctl::schema::Schemas;
use simctl::text::Source;

/// The folder that the recorded runs were made in.
const CWD: &str = "/home/ada/my app";

#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a format makes of the events.
fn told(format: &str, events: &[RunEvent]) -> String {
    let out = Shared::default();
    let mut reporter: Box<dyn Reporter> = match format {
        "human" => Box::new(Human::new(out.clone(), Paint::new(false), Verbosity::Normal)),
        "json" => Box::new(Json::new(out.clone())),
        "github" => Box::new(GitHub::new(out.clone())),
        "sarif" => Box::new(Sarif::new(out.clone(), Path::new(CWD))),
        "human-scenarios" => Box::new(HumanScenarios::new(out.clone(), Paint::new(false), Verbosity::Normal)),
        "tap" => Box::new(Tap::new(out.clone())),
        "junit" => Box::new(Junit::new(out.clone())),
        "html" => {
            let (mut out, sections) = (out.clone(), Sections::default());
            sections.add("Coverage <of the app>", "<table><tr><td>all of it</td></tr></table>");
            Box::new(Html::new(move |page: &str| out.write_all(page.as_bytes()), sections))
        }
        other => panic!("no format {other}"),
    };
    for event in events {
        reporter.on_event(event).unwrap();
    }
    reporter.finish().unwrap();
    let bytes = out.0.borrow().clone();
    String::from_utf8(bytes).expect("every format is UTF-8")
}

/// The place of `needle` in `text`.
fn place(file: &str, text: &str, needle: &str, pointer: Option<&str>) -> Place {
    let source = Source::new(file, text.as_bytes().to_vec()).unwrap();
    let start = text.find(needle).unwrap();
    let mut place = source.place(start..start + needle.len());
    place.pointer = pointer.map(str::to_owned);
    place
}

/// A check of four files: one with faults of every severity, one clean, one with a name that every format has to escape, one
/// that is not there.
fn check() -> Vec<RunEvent> {
    let manifest = "{\n  \"events\": {\n    \"onCreat\": {},\n    \"a/b\": {\n      \"handler\": 1\n    }\n  }\n}\n";
    let odd = "odd, 100%: gr\u{fc}n <&>.json";
    let found = |finding: Finding| RunEvent::Found { finding };
    let checked = |file: &str| RunEvent::FileChecked { file: file.to_owned() };
    let mut silenced = Finding::new(Code::UnknownAttribute, "`emial` is not an attribute of the user").at(place(
        "manifest.json",
        manifest,
        "{\n      \"handler\": 1\n    }",
        Some("/events/a~1b"),
    ));
    silenced.severity = Severity::Warning;
    vec![
        RunEvent::CheckStarted { version: "0.1.0".to_owned(), command: "simctl validate".to_owned() },
        found(
            Finding::new(Code::UnknownEvent, "event `onCreat` is not known")
                .at(place("manifest.json", manifest, "\"onCreat\"", Some("/events/onCreat")))
                .hint("did you mean `onCreate`?")
                .hint("`simctl schema list` names all that are known"),
        ),
        found(silenced),
        found(Finding::new(Code::ServerMissing, "the app has no server.js").in_file(Path::new("../shared/server"))),
        checked("manifest.json"),
        checked("config/iparams.json"),
        found(Finding::new(Code::JsonSyntax, "expected `,` or `}`, found \u{1b}[31m\r\n<100%>, a: b").at(place(
            odd,
            "{\"\u{1f600}\": \"x\" 1}",
            "1",
            None,
        ))),
        found(Finding::new(Code::Unchecked, "there is no schema for `onPing`").at(place(odd, "{}", "{}", Some("")))),
        checked(odd),
        found(Finding::new(Code::FileMissing, "there is no such file").in_file(Path::new("gone.json"))),
        checked("gone.json"),
        found(Finding::new(Code::ByteOrderMark, "a byte-order mark").in_file(Path::new("-"))),
        checked("-"),
        found(Finding::new(Code::BadIparams, "no file is to blame for this")),
        RunEvent::CheckFinished { files: 5, errors: 5, warnings: 2, notes: 1, exit_code: 2 },
    ]
}

fn started(index: u64) -> RunEvent {
    RunEvent::DeliveryStarted {
        index,
        event: "onUserUpdate".to_owned(),
        to: Addressee::Callback {
            callback: "onChange".to_owned(),
            file: "server/server.js".to_owned(),
            runtime: Runtime::Embedded,
        },
        platform: Platform::V3,
        platform_version: Some("3.0".to_owned()),
        payload: RawValue::from_string("{\"event\":\"onUserUpdate\"}".to_owned()).unwrap(),
    }
}

fn finished(index: u64, outcome: Outcome) -> RunEvent {
    let excerpt = match outcome {
        Outcome::Threw { .. } => Some(Excerpt { first_line: 3, lines: vec!["  user.tags.push(1);".to_owned()] }),
        _ => None,
    };
    RunEvent::DeliveryFinished {
        index,
        outcome,
        excerpt,
        start_up: Duration::from_micros(if index == 0 { 2100 } else { 0 }),
        handler: Duration::from_micros(450 + index),
        engine: None,
        repeat: format!("simctl trigger onUserUpdate --app apps/welcome --seed 7 --index {index}"),
    }
}

/// Three deliveries to an endpoint and one to a program, as no single run has them.
fn external() -> Vec<RunEvent> {
    let url = "http://127.0.0.1:8080/hook?a=1,2";
    let started = |index, to| RunEvent::DeliveryStarted {
        index,
        event: "onUserUpdate".to_owned(),
        to,
        platform: Platform::V3,
        platform_version: Some("3.0".to_owned()),
        payload: RawValue::from_string("{\"event\":\"onUserUpdate\"}".to_owned()).unwrap(),
    };
    let posted = |index| started(index, Addressee::Endpoint { url: url.to_owned() });
    let response = |status, phrase, body: &str| Response {
        status,
        phrase,
        headers: [("location", "https://elsewhere.example/".to_owned())].into(),
        body: body.to_owned(),
        body_bytes: body.len() as u64,
    };
    let unreachable =
        Outcome::Unreachable { reason: "nothing listens there".to_owned(), hint: Some("start it".to_owned()) };
    vec![
        RunEvent::RunStarted {
            version: "0.1.0".to_owned(),
            command: format!("simctl trigger onUserUpdate --to '{url}' --seed 7 -n 4"),
            seed: Some(7),
            now: "2024-03-05T08:15:30Z".to_owned(),
            count: Some(4),
            app: String::new(),
        },
        posted(0),
        finished(0, Outcome::Accepted { response: response(202, "Accepted", "{\"queued\":true}\n") }),
        posted(1),
        finished(1, Outcome::Declined { response: response(302, "Found", "<p>\n::error::not mine \u{1b}[2J</p>") }),
        posted(2),
        finished(2, unreachable),
        started(3, Addressee::Program { command: "sh -c 'exit 7'".to_owned() }),
        RunEvent::Output { index: 3, stream: Stream::Stdout, text: "::error::not mine\n".to_owned() },
        finished(3, Outcome::Exited { code: 7 }),
        RunEvent::RunFinished { held: 1, failed: 3, interrupted: false, exit_code: 1 },
    ]
}

/// A run of six deliveries that ends each in its own way, the last by Ctrl-C.
fn run() -> Vec<RunEvent> {
    let frame = |line, column| Frame {
        function: Some("onChange".to_owned()),
        file: "server/lib/tags.js".to_owned(),
        line,
        column,
    };
    let thrown = Thrown {
        name: Some("TypeError".to_owned()),
        message: "cannot read `push` of undefined ]]> \u{7}".to_owned(),
        stack: vec![frame(3, 13), Frame { function: None, ..frame(9, 1) }],
        hint: Some("`tags` is only there where a user has some".to_owned()),
    };
    let plain = Thrown { message: "no".to_owned(), ..Thrown::default() };
    vec![
        RunEvent::RunStarted {
            version: "0.1.0".to_owned(),
            command: "simctl trigger onUserUpdate --app apps/welcome --seed 7 -n 7".to_owned(),
            seed: Some(7),
            now: "2024-03-05T08:15:30Z".to_owned(),
            count: Some(7),
            app: "apps/welcome".to_owned(),
        },
        RunEvent::Notice { message: "the app requires an npm package: using the node runtime".to_owned() },
        RunEvent::Found { finding: Finding::new(Code::Unchecked, "there is no schema for `onUserUpdate`") },
        started(0),
        RunEvent::Log {
            index: 0,
            level: Level::Info,
            text: "::error::not mine\n\u{1b}[2Jtwo lines & <more>".to_owned(),
        },
        RunEvent::Output { index: 0, stream: Stream::Stderr, text: "raw\n".to_owned() },
        RunEvent::Call {
            index: 0,
            name: "db.get".to_owned(),
            args: json!(["visits"]),
            status: AnswerStatus::Rejected,
            answer: json!({"status": 404}),
            took: Duration::from_micros(52),
        },
        finished(0, Outcome::Returned { value: ReturnValue::Undefined }),
        started(1),
        RunEvent::Log { index: 1, level: Level::Warn, text: "about to fail".to_owned() },
        finished(1, Outcome::Threw { error: thrown }),
        started(2),
        finished(2, Outcome::Rejected { error: plain, unhandled: true }),
        started(3),
        finished(3, Outcome::TimedOut { limit: Duration::from_secs(20), stack: vec![frame(5, 0)] }),
        started(4),
        finished(4, Outcome::Exited { code: 7 }),
        started(5),
        finished(5, Outcome::NoCallback { callback: "onChange".to_owned(), known: vec!["onChanged".to_owned()] }),
        started(6),
        RunEvent::RunFinished { held: 1, failed: 5, interrupted: true, exit_code: 130 },
    ]
}

/// Scenarios of which one held, one failed, one held at its second attempt, one failed at both, and one was not played.
fn scenarios() -> Vec<RunEvent> {
    let file = "apps/welcome/tests/twice.scenario.yaml";
    let text = "name: twice\nsteps:\n  - update: jane\n    expect:\n      returned: { count: 2 }\n";
    let attempt = |attempt, name: &str, file: &str| RunEvent::ScenarioStarted {
        name: name.to_owned(),
        file: file.to_owned(),
        app: "apps/welcome".to_owned(),
        seed: 7,
        now: "2024-03-05T08:15:30Z".to_owned(),
        steps: 2,
        attempt,
        faults: Vec::new(),
    };
    let scenario = |name: &str, file: &str| attempt(1, name, file);
    let step = |index, differences| RunEvent::StepFinished {
        index,
        step: "update jane".to_owned(),
        differences,
        place: place(file, text, "update: jane", None),
    };
    let finished_attempt = |attempt, name: &str, file: &str, held, retried| RunEvent::ScenarioFinished {
        name: name.to_owned(),
        file: file.to_owned(),
        held,
        attempt,
        retried,
        steps: 1,
        took: Duration::from_micros(4300),
        repeat: format!("simctl test {file}"),
    };
    let ended = |name: &str, file: &str, held| finished_attempt(1, name, file, held, false);
    let difference = |what: &str, needle: &str| Difference {
        what: what.to_owned(),
        expected: "2".to_owned(),
        actual: "3 & \u{1b}[31m".to_owned(),
        place: place(file, text, needle, None),
    };
    let returned = |count: u64| Outcome::Returned { value: ReturnValue::Json(json!({ "count": count })) };
    vec![
        RunEvent::TestStarted {
            version: "0.1.0".to_owned(),
            command: "simctl test apps/welcome".to_owned(),
            scenarios: 5,
            app: "apps/welcome".to_owned(),
        },
        RunEvent::Notice { message: "the app requires an npm package: using the node runtime".to_owned() },
        scenario("once # more", "apps/welcome/tests/once.scenario.yaml"),
        started(0),
        finished(0, returned(1)),
        step(0, Vec::new()),
        ended("once # more", "apps/welcome/tests/once.scenario.yaml", true),
        scenario("twice", file),
        started(0),
        RunEvent::Log { index: 0, level: Level::Warn, text: "::error::not mine".to_owned() },
        finished(0, returned(3)),
        step(0, vec![difference("returned.count", "2 }"), difference("logs[0]", "returned")]),
        ended("twice", file, false),
        attempt(1, "now and then", file),
        step(0, vec![difference("returned.count", "2 }")]),
        finished_attempt(1, "now and then", file, false, true),
        attempt(2, "now and then", file),
        RunEvent::Log { index: 0, level: Level::Log, text: "better".to_owned() },
        step(0, Vec::new()),
        finished_attempt(2, "now and then", file, true, false),
        attempt(1, "never", file),
        step(0, vec![difference("returned.count", "2 }")]),
        finished_attempt(1, "never", file, false, true),
        attempt(2, "never", file),
        step(0, vec![difference("logs[0]", "returned")]),
        finished_attempt(2, "never", file, false, false),
        RunEvent::TestFinished { held: 2, flaky: 1, failed: 2, left: 1, interrupted: false, exit_code: 1 },
    ]
}

#[test]
fn each_format_tells_of_scenarios_as_it_did() {
    for (format, extension) in
        [("human-scenarios", "txt"), ("json", "ndjson"), ("github", "txt"), ("junit", "xml"), ("tap", "txt")]
    {
        let text = told(format, &scenarios());
        assert!(!text.contains('\u{1b}') && !text.lines().any(|line| line.starts_with("::error::not")), "{text}");
        golden(&format!("scenarios.{format}.{extension}"), &text);
    }
}

#[test]
fn the_page_tells_of_scenarios_as_it_did_and_holds_nothing_that_runs() {
    let page = told("html", &scenarios());
    let (head, rest) = page.split_once("<style>").unwrap();
    let (style, body) = rest.split_once("</style>").unwrap();
    golden("scenarios.html", &format!("{head}<style>…</style>{body}"));
    assert!(head.contains("default-src 'none'; style-src 'unsafe-inline'"), "{head}");
    for what in ["<script", "<img", "<link", "<iframe", "<object", " src=", "url(", "@import", "javascript:", " onload"]
    {
        assert!(!page.contains(what), "{what}");
    }
    assert!(!page.contains('\u{1b}') && style.contains("@media print") && style.contains("prefers-color-scheme: dark"));
    // Well-formed, as a browser that mends nothing would have it.
    let body = body.replace("</head>", "").replace("</html>", "");
    let found = roxmltree::Document::parse(body.trim().trim_start_matches("</style>"));
    assert!(found.is_ok(), "{found:?}");
}

#[test]
fn the_page_is_bounded_and_what_an_app_prints_is_text_in_it() {
    let log = |text: &str| RunEvent::Log { index: 0, level: Level::Log, text: text.to_owned() };
    let scenario = scenarios();
    let begin = scenario.iter().position(|event| matches!(event, RunEvent::ScenarioStarted { .. })).unwrap();
    let mut events = scenario[..=begin].to_vec();
    events.extend([log("</code><script>alert(1)</script>\u{1b}[2J"), log(&"long ".repeat(1_000_000))]);
    events.extend((0..10_000).map(|number| log(&format!("entry {number} {}", "x".repeat(20_000)))));
    events.extend_from_slice(&scenario[begin + 1..]);
    let page = told("html", &events);
    assert!(page.contains("&lt;/code&gt;&lt;script&gt;alert(1)&lt;/script&gt;\\u{1b}[2J") && !page.contains("<script"));
    assert!(page.contains("… (5000000 characters)") && page.contains("… and 9802 more"));
    assert!(page.len() < 3 << 20, "{}", page.len());
}

#[track_caller]
fn golden(name: &str, actual: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/formats").join(name);
    if std::env::var_os("SIMCTL_BLESS").is_some() {
        std::fs::write(&file, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(actual == expected, "{name} is not what it was; if that is meant, SIMCTL_BLESS=1 rewrites it:\n{actual}");
}

#[test]
fn each_format_tells_a_check_as_it_did() {
    for (format, extension) in
        [("human", "txt"), ("json", "ndjson"), ("github", "txt"), ("junit", "xml"), ("sarif", "sarif")]
    {
        let text = told(format, &check());
        let text = if format == "sarif" { without_pages(&text) } else { text };
        golden(&format!("check.{format}.{extension}"), &text);
    }
}

/// The pages of the codes stand in full in SARIF's rules; they have a test of their own and may be reworded at will.
fn without_pages(log: &str) -> String {
    let mut log: Value = serde_json::from_str(log).unwrap();
    for rule in log["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap() {
        for (text, key) in [("fullDescription", "text"), ("help", "text"), ("help", "markdown")] {
            assert!(rule[text][key].as_str().is_some_and(|text| !text.is_empty()), "{rule}");
            rule[text][key] = json!("…");
        }
    }
    format!("{}\n", serde_json::to_string_pretty(&log).unwrap())
}

#[test]
fn each_format_tells_a_run_as_it_did() {
    for (format, extension) in [("human", "txt"), ("json", "ndjson"), ("github", "txt"), ("junit", "xml")] {
        golden(&format!("run.{format}.{extension}"), &told(format, &run()));
        golden(&format!("external.{format}.{extension}"), &told(format, &external()));
    }
}

#[test]
fn what_json_writes_fits_its_schema() {
    let schemas = Schemas::embedded();
    for line in
        (told("json", &check()) + &told("json", &run()) + &told("json", &external()) + &told("json", &scenarios()))
            .lines()
    {
        let value = serde_json::from_str(line).unwrap();
        assert_eq!(schemas.check_value("run-event", &value), [], "{line}");
    }
}

fn sarif_faults(log: &str) -> Vec<String> {
    let schema = include_str!("fixtures/sarif/sarif-schema-2.1.0.json");
    // One pattern has a bracket too many, which JavaScript lets pass and no other reader does; the language of a message is
    // nothing that simctl writes.
    let schema = schema.replace("{2}]?$", "{2}?$");
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator =
        jsonschema::options().should_validate_formats(true).build(&schema).expect("SARIF's schema compiles");
    let log: Value = serde_json::from_str(log).unwrap();
    validator.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn what_sarif_writes_fits_the_schema_of_the_standard() {
    assert_eq!(sarif_faults(&told("sarif", &check())), Vec::<String>::new());
    // A check that found nothing, and one that never ended.
    let clean = [
        RunEvent::CheckStarted { version: "0.1.0".to_owned(), command: "simctl validate".to_owned() },
        RunEvent::FileChecked { file: "manifest.json".to_owned() },
        RunEvent::CheckFinished { files: 1, errors: 0, warnings: 0, notes: 0, exit_code: 0 },
    ];
    assert_eq!(sarif_faults(&told("sarif", &clean)), Vec::<String>::new());
    assert_eq!(sarif_faults(&told("sarif", &clean[..1])), Vec::<String>::new());
    assert_ne!(sarif_faults("{\"version\": \"2.1.0\", \"runs\": [{\"results\": []}]}"), Vec::<String>::new());
}

#[test]
fn each_sarif_result_names_its_rule_and_each_rule_is_explained() {
    let everything: Vec<RunEvent> = Code::ALL
        .iter()
        .map(|&code| RunEvent::Found { finding: Finding::new(code, "m").in_file(Path::new("f.json")) })
        .collect();
    let log = told("sarif", &everything);
    assert_eq!(sarif_faults(&log), Vec::<String>::new());
    let log: Value = serde_json::from_str(&log).unwrap();
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), Code::ALL.len());
    for result in log["runs"][0]["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(rules[index]["help"]["markdown"].as_str().unwrap().len() > 100, "{}", rules[index]);
    }
}

#[test]
fn what_junit_writes_is_xml_with_the_counts_it_claims() {
    for events in [check(), run(), scenarios(), check()[..3].to_vec(), run()[..5].to_vec(), Vec::new()] {
        let text = told("junit", &events);
        let document = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
        let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).unwrap();
        for (attribute, element) in
            [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]
        {
            let count = suite.descendants().filter(|node| node.has_tag_name(element)).count();
            assert_eq!(suite.attribute(attribute), Some(count.to_string().as_str()), "{attribute} in\n{text}");
        }
        let mut names: Vec<_> =
            suite.children().filter_map(|case| Some((case.attribute("classname")?, case.attribute("name")?))).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "two cases have one name in\n{text}");
    }
}

#[test]
fn a_run_that_was_cut_off_is_not_green_in_junit() {
    for events in [&check()[..1], &run()[..1], &run()[..5], &[]] {
        let text = told("junit", events);
        assert!(text.contains("<error "), "{text}");
    }
}

#[test]
fn one_command_of_github_is_one_line() {
    for events in [check(), run()] {
        for line in told("github", &events).lines() {
            assert!(
                ["::error ", "::warning ", "::notice ", "::notice::", "::error::"]
                    .iter()
                    .any(|begin| line.starts_with(begin)),
                "{line}"
            );
            assert_eq!(line.matches("::error::not mine").count(), 0, "{line}");
        }
    }
}

#[test]
fn no_format_passes_on_a_control_sequence() {
    // DEL, what begins a sequence in one character, and a mark that turns the text round.
    let odd = "\u{7f}\u{9b}31m\u{202e}";
    let thrown = Thrown { name: Some(odd.to_owned()), message: odd.to_owned(), ..Thrown::default() };
    let steering = [
        started(0),
        RunEvent::Log { index: 0, level: Level::Log, text: odd.to_owned() },
        RunEvent::Output { index: 0, stream: Stream::Stderr, text: odd.to_owned() },
        finished(0, Outcome::Threw { error: thrown }),
        RunEvent::Found { finding: Finding::new(Code::Unchecked, odd) },
    ];
    for format in ["human", "github", "junit", "sarif", "json", "tap", "human-scenarios"] {
        let text = told(format, &check()) + &told(format, &run()) + &told(format, &steering);
        let obeyed = |c: char| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}';
        assert!(!text.contains(obeyed), "{format}:\n{text}");
    }
}
