//! The JSON stream of a run is what `schemas/run-event.schema.json` says it is.
#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

use std::time::Duration;

use serde_json::json;
use serde_json::value::RawValue;
use simctl::model::{
    Addressee, AnswerStatus, Code, Coverage, Difference, EventCoverage, Excerpt, FileCoverage, Finding, FiredEvent,
    Frame, Gap, Level, Measure, Missed, Outcome, Platform, Response, ReturnValue, RunEvent, Runtime, Share, Shares,
    Stream, Thrown, Unsent,
};
use simctl::schema::Schemas;
use simctl::text::Source;

fn thrown() -> Thrown {
    let frame = Frame { function: Some("f".to_owned()), file: "server/server.js".to_owned(), line: 2, column: 5 };
    let other = Frame { function: None, ..frame.clone() };
    Thrown {
        name: Some("TypeError".to_owned()),
        message: "no".to_owned(),
        stack: vec![frame, other],
        hint: Some("why".to_owned()),
    }
}

fn response(status: u16, phrase: &'static str) -> Response {
    let headers = [("content-type", "text/plain".to_owned())].into();
    Response { status, phrase, headers, body: "done".to_owned(), body_bytes: 4 }
}

fn outcomes() -> Vec<Outcome> {
    let plain = Thrown { message: "text".to_owned(), ..Thrown::default() };
    let values =
        [ReturnValue::Undefined, ReturnValue::Json(json!({"a": [null]})), ReturnValue::Text("[Circular]".to_owned())];
    let mut outcomes: Vec<Outcome> = values.into_iter().map(|value| Outcome::Returned { value }).collect();
    outcomes.extend([
        Outcome::Threw { error: thrown() },
        Outcome::Rejected { error: plain.clone(), unhandled: true },
        Outcome::NeverSettles,
        Outcome::Rendered { error: Some(json!({ "message": "no" })), data: None },
        Outcome::Rendered { error: None, data: Some(json!({ "a": 1 })) },
        Outcome::NotRendered,
        Outcome::TimedOut { limit: Duration::from_secs(20), stack: thrown().stack },
        Outcome::Exited { code: -1 },
        Outcome::Signalled { signal: 9 },
        Outcome::OutOfMemory { limit_bytes: 1 << 28 },
        Outcome::NotLoaded { error: plain },
        Outcome::NoCallback { callback: "f".to_owned(), known: vec!["g".to_owned()] },
        Outcome::Accepted { response: response(200, "OK") },
        Outcome::Declined { response: response(599, "") },
        Outcome::Unreachable { reason: "nothing listens there".to_owned(), hint: Some("start it".to_owned()) },
        Outcome::Unreachable { reason: "no route".to_owned(), hint: None },
        Outcome::BadReply { reason: "half a line".to_owned() },
    ]);
    outcomes
}

fn coverage() -> Coverage {
    let shares = Shares { lines: Share { covered: 1, total: 3 }, ..Shares::default() };
    let gap = Gap { file: "server/server.js".to_owned(), first: 2, last: 3, adds: 2 };
    let never = vec![Unsent { path: String::new(), form: "variant kit".to_owned() }];
    let forms = Share { covered: 0, total: 1 };
    let missed = Missed { measure: Measure::Lines, wanted: 80.5, reached: 33.33, lacking: 2, gaps: vec![gap] };
    Coverage {
        total: shares,
        files: vec![FileCoverage { file: "server/server.js".to_owned(), shares, uncovered: vec![(2, 3)] }],
        events: EventCoverage { events: vec![FiredEvent { event: "onUserCreate".to_owned(), fired: 1, forms, never }] },
        missed: vec![missed],
    }
}

fn events() -> Vec<RunEvent> {
    let source = Source::new("manifest.json", b"{\n  \"events\": 1\n}".to_vec()).unwrap();
    let finding = Finding::new(Code::WrongShape, "an object was expected").at(source.place(4..12)).hint("mend it");
    let mut events = vec![
        RunEvent::RunStarted {
            version: "0.1.0".to_owned(),
            command: "simctl trigger onUserCreate --seed 3".to_owned(),
            seed: Some(u64::MAX),
            now: "2024-03-05T08:15:30Z".to_owned(),
            count: Some(1),
            app: "apps/welcome".to_owned(),
        },
        RunEvent::Notice { message: "node runs this app".to_owned() },
        RunEvent::Found { finding },
        RunEvent::Found { finding: Finding::new(Code::Unchecked, "no schema") },
        RunEvent::Log { index: 0, level: Level::Warn, text: "a\nb".to_owned() },
        RunEvent::Output { index: 0, stream: Stream::Stdout, text: "x".to_owned() },
        RunEvent::Call {
            index: 0,
            name: "db.get".to_owned(),
            args: json!(["key"]),
            status: AnswerStatus::Rejected,
            answer: json!(null),
            took: Duration::from_micros(7),
        },
        RunEvent::FuzzStarted { event: "onUserUpdate".to_owned(), invalid: true },
        RunEvent::CaseFailed {
            index: 0,
            case: "data.user.email:absent".to_owned(),
            changes: vec!["`data.user.email` absent".to_owned()],
            valid: true,
            smallest: false,
            place: "threw TypeError at server/server.js:2".to_owned(),
            times: 3,
        },
        RunEvent::CheckStarted { version: "0.1.0".to_owned(), command: "simctl validate".to_owned() },
        RunEvent::FileChecked { file: "manifest.json".to_owned() },
        RunEvent::CheckFinished { files: 2, errors: 1, warnings: 0, notes: 0, exit_code: 1 },
        RunEvent::RunFinished { held: 1, failed: 0, interrupted: false, exit_code: 130 },
        RunEvent::TestStarted {
            version: "0.1.0".to_owned(),
            command: "simctl test".to_owned(),
            scenarios: 1,
            app: String::new(),
        },
        RunEvent::ScenarioStarted {
            name: "twice".to_owned(),
            file: "tests/twice.scenario.yaml".to_owned(),
            app: String::new(),
            seed: 0,
            now: "2026-01-01T00:00:00Z".to_owned(),
            steps: 2,
            attempt: 1,
            faults: vec!["`update jane` of line 3 arrives twice".to_owned()],
        },
        RunEvent::StepFinished {
            index: 1,
            step: "update jane".to_owned(),
            differences: vec![Difference {
                what: "returned".to_owned(),
                expected: "1".to_owned(),
                actual: "2".to_owned(),
                place: source.place(4..12),
            }],
            place: source.place(0..2),
        },
        RunEvent::ScenarioFinished {
            name: "twice".to_owned(),
            file: "tests/twice.scenario.yaml".to_owned(),
            held: false,
            attempt: 3,
            retried: true,
            steps: 2,
            took: Duration::from_millis(9),
            repeat: "simctl test tests/twice.scenario.yaml".to_owned(),
        },
        RunEvent::CoverageMeasured { coverage: Box::new(coverage()) },
        RunEvent::TestFinished { held: 0, flaky: 0, failed: 1, left: 0, interrupted: false, exit_code: 1 },
    ];
    let callback =
        |runtime| Addressee::Callback { callback: "f".to_owned(), file: "server/server.js".to_owned(), runtime };
    for (to, platform) in [
        (callback(Runtime::Embedded), Platform::V2),
        (callback(Runtime::Node), Platform::V3),
        (Addressee::Endpoint { url: "http://127.0.0.1:8080/hook".to_owned() }, Platform::V3),
        (Addressee::Program { command: "python3 handler.py".to_owned() }, Platform::V3),
    ] {
        events.push(RunEvent::DeliveryStarted {
            index: 0,
            event: "onUserCreate".to_owned(),
            to,
            platform,
            platform_version: (platform == Platform::V2).then(|| "2.2".to_owned()),
            payload: RawValue::from_string("{\"event\":\"onUserCreate\"}".to_owned()).unwrap(),
        });
    }
    events.extend(outcomes().into_iter().map(|outcome| RunEvent::DeliveryFinished {
        index: 0,
        outcome,
        excerpt: Some(Excerpt { first_line: 1, lines: vec!["throw x".to_owned()] }),
        start_up: Duration::ZERO,
        handler: Duration::from_millis(3),
        engine: None,
        repeat: "simctl trigger onUserCreate --seed 3".to_owned(),
    }));
    events
}

#[test]
fn every_run_event_fits_the_schema() {
    let schemas = Schemas::embedded();
    for event in events() {
        let line = serde_json::to_string(&event).unwrap();
        let found = schemas.check_value("run-event", &serde_json::from_str(&line).unwrap());
        assert_eq!(found, [], "{line}");
    }
}

#[test]
fn a_line_that_is_no_run_event_is_refused() {
    let schemas = Schemas::embedded();
    for line in [
        json!({"type": "ran"}),
        json!({"type": "log", "index": 0, "level": "log"}),
        json!({"type": "notice", "message": "m", "more": 1}),
        json!({"type": "delivery-finished", "index": 0, "outcome": {"kind": "threw"}, "start_up_us": 0, "handler_us": 0, "repeat": ""}),
    ] {
        assert!(schemas.check_value("run-event", &line).iter().any(Finding::is_error), "{line}");
    }
}
