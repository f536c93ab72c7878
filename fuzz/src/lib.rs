//! What each target does with some bytes. `tests/fuzzed.rs` does the same with the inputs that were once found.
//!
//! A target panics where simctl does, and where something is wrong that simctl would not notice: a place outside of the
//! text, or a quick look at a payload that passes what the thorough one does not.

use std::cell::RefCell;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use simctl::app::script::check_script;
use simctl::app::{App, Locate, check_iparams, check_mock, check_requests, check_settings, check_values};
use simctl::engine::prepare::{HandlerOptions, PlatformOptions, RuntimeChoice};
use simctl::engine::scenario;
use simctl::handler::{NodeOptions, overhear};
use simctl::history::{Filter, History};
use simctl::model::{Addressee, Finding, Findings, Outcome, Platform, RunEvent, Runtime, Secrets};
use simctl::payload::{Override, Overrides};
use simctl::platform::{Network, Record, Records, Storage, schedules};
use simctl::report::{GitHub, Human, Json, Junit, Paint, Reporter, Sarif, Tap, Verbosity};
use simctl::schema::Schemas;
use simctl::serve::{Offline, Settings};
use simctl::text::{Source, json};

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(Schemas::embedded);

/// A folder of this process's own, in `target/` of whoever runs it.
static SCRATCH: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
    folder.join(format!("simctl-fuzz-{}", std::process::id()))
});

/// Names that the samples give their callbacks, so that a changed sample is still one with handlers.
const CALLBACKS: [(&str, &str); 4] = [
    ("onUserCreate", "onUserCreateCallback"),
    ("onUserUpdate", "onUserUpdateCallback"),
    ("onUserCreate", "created"),
    ("onUserUpdate", "updated"),
];

/// The bytes of a manifest, and of the other JSON files of an app: every check that there is for one.
pub fn manifest(bytes: &[u8]) {
    let Ok(source) = Source::new("manifest.json", bytes.to_vec()) else { return };
    let mut findings = App::check_manifest(&SCHEMAS, &source, None);
    findings.extend(check_iparams(&SCHEMAS, &source));
    findings.extend(check_requests(&SCHEMAS, &source));
    findings.extend(check_settings(&SCHEMAS, &source).1);
    findings.extend(check_values(&source, json::read(&source).0.as_ref()));
    in_the_text(&findings, source.text());
}

/// The bytes of a payload: read, checked against the schemas of both events on both platforms, and looked at quickly.
pub fn payload(bytes: &[u8]) {
    let Ok(source) = Source::new("payload.json", bytes.to_vec()) else { return };
    let (node, read) = json::read(&source);
    in_the_text(&read, source.text());
    for (event, platform) in [
        ("onUserCreate", Platform::V2),
        ("onUserCreate", Platform::V3),
        ("onUserUpdate", Platform::V2),
        ("onUserUpdate", Platform::V3),
    ] {
        let found = node.as_ref().map(|node| SCHEMAS.check_payload(event, Some(platform), node, &source));
        in_the_text(found.as_deref().unwrap_or_default(), source.text());
        let quick = SCHEMAS.event(event).and_then(|known| known.quick(&SCHEMAS, platform));
        let passed = std::str::from_utf8(bytes).is_ok_and(|text| quick.is_some_and(|quick| quick.look(text).is_some()));
        let is_good = read.is_empty() && found.as_ref().is_some_and(Findings::is_empty);
        assert!(!passed || is_good, "a quick look at {event} on {platform:?} passes {read:?} {found:?}");
    }
}

/// The bytes of a `server.js`: parsed, and looked over by every rule that needs no other file.
pub fn server_js(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for platform in [Platform::V2, Platform::V3] {
        let found = check_script(&SCHEMAS, platform, &CALLBACKS, Path::new("server.js"), bytes.to_vec());
        in_the_text(&found, text);
    }
}

/// The bytes of a file in `mocks/`.
pub fn mock(bytes: &[u8]) {
    let Ok(source) = Source::new("mocks/answer.json", bytes.to_vec()) else { return };
    in_the_text(&check_mock(&SCHEMAS, &source, None), source.text());
}

/// The bytes of a scenario, YAML or JSON: every check that needs no app.
pub fn scenario(bytes: &[u8]) {
    let path = Path::new("/nowhere/fuzzed.scenario.yaml");
    let Ok(source) = Source::new("fuzzed.scenario.yaml", bytes.to_vec()) else { return };
    in_the_text(&scenario::check(&SCHEMAS, None, &source, path), source.text());
}

/// What stands behind `--set` and `--unset`, an override a line, applied to a payload of each event.
pub fn set(bytes: &[u8]) {
    const PAYLOAD: &str = include_str!("../../samples/payloads/onUserUpdate-3.0-docs.json");
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let lines = || text.lines().take(4);
    let set = lines().filter_map(|line| Override::set(line).ok());
    let unset = lines().filter_map(|line| Override::unset(line).ok());
    let overrides = Overrides::new(set.chain(unset).collect());
    let payload: serde_json::Value = serde_json::from_str(PAYLOAD).unwrap_or_default();
    for strict in [false, true] {
        // What cannot be applied is a finding.
        let _ = overrides.apply(&mut payload.clone(), SCHEMAS.event("onUserUpdate").map(AsRef::as_ref), strict);
    }
}

/// The bytes of a segment of a history: what of it can be read is listed, and no line is lost without being counted.
pub fn history(bytes: &[u8]) {
    let app = SCRATCH.join("history");
    let folder = app.join(".simctl/history");
    let segment = folder.join("000000000001-1760000000.ndjson");
    if fs::create_dir_all(&folder).is_err() || fs::write(&segment, bytes).is_err() {
        return;
    }
    let history = History::open(&app, History::BOUNDS);
    if let Ok(listed) = history.list(&Filter::default()) {
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
        assert!(listed.deliveries.len() <= lines, "{} deliveries in {lines} lines", listed.deliveries.len());
    }
    let _ = (history.last(), history.get(1));
}

/// A store of `$db` in which some bytes are others: each three of `bytes` are a place (two bytes, the larger first) and what
/// is to stand there. What of it can be read is read, and writing to it ends, well or with a message.
pub fn store(bytes: &[u8]) {
    static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(whole_store);
    let mut damaged = WHOLE.clone();
    for change in bytes.chunks_exact(3) {
        let place = usize::from(change[0]) << 8 | usize::from(change[1]);
        let place = place % damaged.len();
        damaged[place] = change[2];
    }
    let file = SCRATCH.join("damaged.sqlite");
    remove_store(&file);
    if fs::create_dir_all(&*SCRATCH).is_err() || fs::write(&file, damaged).is_err() {
        return;
    }
    let storage = Storage::File(file.clone());
    let mut records = Records::new(storage.clone());
    let _ = (records.all(), records.get("key 7"), records.put(&[record(7), record(700)]));
    let _ = (records.delete(&["key 9".to_owned()]), schedules(&storage, &Secrets::default()), records.clear());
    drop(records);
    remove_store(&file);
}

/// The bytes of a store with enough in it to have inner pages.
fn whole_store() -> Vec<u8> {
    let file = SCRATCH.join("whole.sqlite");
    remove_store(&file);
    let mut records = Records::new(Storage::File(file.clone()));
    let all: Vec<Record> = (0..60).map(record).collect();
    let is_made = fs::create_dir_all(&*SCRATCH).is_ok() && records.put(&all).is_ok();
    drop(records);
    let bytes = fs::read(&file).unwrap_or_default();
    remove_store(&file);
    assert!(is_made && bytes.len() > 8192, "the store to be damaged cannot be made");
    bytes
}

fn record(number: usize) -> Record {
    let value = serde_json::json!({ "number": number, "text": "x".repeat(number * 7 % 400) });
    Record::new(format!("key {number}"), value.as_object().unwrap_or(&serde_json::Map::new()), None)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn remove_store(file: &Path) {
    for end in ["", "-wal", "-shm", "-journal"] {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        // It need not be there.
        let _ = fs::remove_file(name);
    }
}

/// The token that a host process is sent in [`wire`]: short, so that inputs with it are found.
const TOKEN: &str = "t";

/// Bytes that a handler process sends. What they tell reaches no reader as a control sequence.
pub fn wire(bytes: &[u8]) {
    let overheard = overhear(bytes, TOKEN);
    let text = || String::from_utf8_lossy(bytes).into_owned();
    let logs = overheard.logs.into_iter().map(|(level, text)| RunEvent::Log { index: 0, level, text });
    let output = RunEvent::Output { index: 0, stream: simctl::model::Stream::Stderr, text: text() };
    let ends = overheard.outcomes.into_iter().flat_map(|outcome| [delivery(), finished(outcome)]);
    let events: Vec<RunEvent> = [delivery()].into_iter().chain(logs).chain([output]).chain(ends).collect();
    let out = Out::default();
    let reporters: [Box<dyn Reporter>; 7] = [
        Box::new(Human::new(out.clone(), Paint::new(false), Verbosity::Normal)),
        Box::new(Human::new(out.clone(), Paint::new(false), Verbosity::Verbose)),
        Box::new(Json::new(out.clone())),
        Box::new(GitHub::new(out.clone())),
        Box::new(Sarif::new(out.clone(), Path::new("/app"))),
        Box::new(Junit::new(out.clone())),
        Box::new(Tap::new(out.clone())),
    ];
    for mut reporter in reporters {
        for event in &events {
            assert!(reporter.on_event(event).is_ok());
        }
        assert!(reporter.finish().is_ok());
    }
    let bytes = out.0.take();
    let shown = std::str::from_utf8(&bytes).unwrap_or_else(|error| panic!("a report is not UTF-8: {error}"));
    let control = shown.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    assert!(control.is_none(), "{control:?} reaches a reader");
}

/// What several reporters write to.
#[derive(Clone, Default)]
struct Out(Rc<RefCell<Vec<u8>>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn delivery() -> RunEvent {
    RunEvent::DeliveryStarted {
        index: 0,
        event: "onUserUpdate".to_owned(),
        to: Addressee::Callback {
            callback: "updated".to_owned(),
            file: "server/server.js".to_owned(),
            runtime: Runtime::Embedded,
        },
        platform: Platform::V3,
        platform_version: Some("3.0".to_owned()),
        payload: serde_json::value::to_raw_value(&serde_json::json!({})).unwrap_or_else(|error| panic!("{error}")),
    }
}

fn finished(outcome: Outcome) -> RunEvent {
    RunEvent::DeliveryFinished {
        index: 0,
        outcome,
        excerpt: None,
        start_up: Duration::ZERO,
        handler: Duration::from_millis(3),
        engine: None,
        repeat: "simctl trigger onUserUpdate".to_owned(),
    }
}

/// The port that [`request`] takes the server to listen at.
const PORT: u16 = 10_001;

/// Bytes that a client sends to `simctl serve`. They are answered, and who does not name this server is told nothing.
pub fn request(bytes: &[u8]) {
    static SERVER: LazyLock<Offline> = LazyLock::new(server);
    let answer = SERVER.answer(bytes).unwrap_or_else(|error| panic!("{error}"));
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1."), "the answer is none: {answer}");
    assert!(!answer.contains("HTTP/1.1 500"), "the server failed: {answer}");
    let names_the_server = bytes.windows(5).any(|word| word == PORT.to_string().as_bytes());
    assert!(names_the_server || !answer.contains("HTTP/1.1 2"), "a stranger is answered: {answer}");
}

/// A server of a small app, with one sample; it fires nothing.
fn server() -> Offline {
    const MANIFEST: &str = r#"{"platform-version":"3.0","modules":{"chat":{"events":{"onUserCreate":{"handler":"created"},"onUserUpdate":{"handler":"updated"}}}},"engines":{"node":"18.20.8","fdk":"9.7.4"}}"#;
    let app = SCRATCH.join("app");
    let files = [
        ("manifest.json", MANIFEST),
        ("server/server.js", "exports = { created() {}, updated() {} };"),
        ("server/test_data/onUserCreate.json", "{}"),
    ];
    for (name, text) in files {
        let file = app.join(name);
        let is_written = file.parent().is_some_and(|folder| fs::create_dir_all(folder).is_ok());
        assert!(is_written && fs::write(&file, text).is_ok(), "{} cannot be written", file.display());
    }
    let settings = Settings {
        locate: Locate { app: Some(app.clone()), manifest: None, cwd: app },
        schemas: Schemas::embedded(),
        iparams: None,
        secrets: Vec::new(),
        handler: HandlerOptions {
            runtime: RuntimeChoice::Embedded,
            timeout: Duration::from_secs(1),
            memory_bytes: 64 << 20,
            node: "node".into(),
            node_options: NodeOptions::default(),
            install: false,
        },
        platform: PlatformOptions { db: None, fresh: false, strict_limits: false, network: Network::Mock },
        keep: false,
        flags: Vec::new(),
        clock: || "2024-03-05T08:15:30Z".parse().unwrap_or_default(),
        seed: || 7,
        validate: Box::new(Findings::new),
    };
    Offline::new(settings, PORT).unwrap_or_else(|error| panic!("{error}"))
}

/// The place of a finding is one in the text: it begins before it ends, and does not end behind the text.
fn in_the_text(findings: &[Finding], text: &str) {
    for finding in findings {
        if let Some(span) = finding.place.span {
            assert!(span.start <= span.end && span.end.offset <= text.len(), "{finding:?}");
        }
    }
}
