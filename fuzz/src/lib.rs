//! What each target does with some bytes. `tests/fuzzed.rs` does the same with the inputs that were once found.
//!
//! A target panics where simctl does, and where something is wrong that simctl would not notice: a place outside of the
//! text, or a quick look at a payload that passes what the thorough one does not.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use simctl::app::script::check_script;
use simctl::app::{App, check_iparams, check_mock, check_requests, check_settings, check_values};
use simctl::engine::scenario;
use simctl::history::{Filter, History};
use simctl::model::{Finding, Findings, Platform};
use simctl::payload::{Override, Overrides};
use simctl::schema::Schemas;
use simctl::text::{Source, json};

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(Schemas::embedded);

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
    let lines = || text.lines().take(8);
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
    static APP: LazyLock<PathBuf> =
        LazyLock::new(|| std::env::temp_dir().join(format!("simctl-fuzz-{}", std::process::id())));
    let folder = APP.join(".simctl/history");
    let segment = folder.join("000000000001-1760000000.ndjson");
    if fs::create_dir_all(&folder).is_err() || fs::write(&segment, bytes).is_err() {
        return;
    }
    let history = History::open(&APP, History::BOUNDS);
    if let Ok(listed) = history.list(&Filter::default()) {
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
        assert!(listed.deliveries.len() <= lines, "{} deliveries in {lines} lines", listed.deliveries.len());
    }
    let _ = (history.last(), history.get(1));
}

/// The place of a finding is one in the text: it begins before it ends, and does not end behind the text.
fn in_the_text(findings: &[Finding], text: &str) {
    for finding in findings {
        if let Some(span) = finding.place.span {
            assert!(span.start <= span.end && span.end.offset <= text.len(), "{finding:?}");
        }
    }
}
