//! What each target does with some bytes. `tests/fuzzed.rs` does the same with the inputs that were once found.
//!
//! A target panics where simctl does, and where something is wrong that simctl would not notice: a place outside of the
//! text, or a quick look at a payload that passes what the thorough one does not.

use std::path::Path;
use std::sync::LazyLock;

use simctl::app::script::check_script;
use simctl::app::{App, check_iparams, check_requests, check_settings, check_values};
use simctl::model::{Finding, Findings, Platform};
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

/// The place of a finding is one in the text: it begins before it ends, and does not end behind the text.
fn in_the_text(findings: &[Finding], text: &str) {
    for finding in findings {
        if let Some(span) = finding.place.span {
            assert!(span.start <= span.end && span.end.offset <= text.len(), "{finding:?}");
        }
    }
}
