//! Whatever a file holds, checking it ends with findings and never with a panic.

#![allow(clippy::tests_outside_test_module, reason = "this whole crate is a test")]

use proptest::prelude::*;
use simctl::app::{App, Templates, check_iparams, check_mock, check_requests, check_settings, check_values};
use simctl::model::Findings;
use simctl::schema::Schemas;
use simctl::text::{Source, json, yaml};

thread_local! {
    static SCHEMAS: Schemas = Schemas::embedded();
}

/// Files that are nearly good, so that a change reaches the rules and not only the reader.
const SEEDS: [&str; 7] = [
    include_str!("../samples/broken/manifest-faults/manifest.json"),
    include_str!("../samples/broken/config-faults/config/iparams.json"),
    include_str!("../samples/broken/config-faults/config/requests.json"),
    include_str!("../samples/broken/config-faults/simctl.json"),
    include_str!("../samples/payloads/onUserUpdate-2.3-kit.json"),
    include_str!("../samples/retry/mocks/notify.json"),
    include_str!("../samples/contact-sync/tests/in-step.scenario.yaml"),
];

/// A seed with a few pieces of it replaced, or any bytes at all.
fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        proptest::sample::select(vec![
            "{}", "[]", "null", "7", "\"\"", "{", "}", ",", ":", "\"", "'", "\\u", "\u{e9}", "//", "~1", "\n", "  ",
            "- ", "? ", "&a ", "*a", "!!x ", "|", "---\n", "%", "#"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    let cut = (any::<prop::sample::Index>(), 0_usize..12, piece);
    let mutated = (0..SEEDS.len(), proptest::collection::vec(cut, 0..5)).prop_map(|(seed, cuts)| {
        let mut bytes = SEEDS[seed].as_bytes().to_vec();
        for (at, length, piece) in cuts {
            let start = at.index(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, piece);
            bytes.push(b' ');
        }
        bytes
    });
    prop_oneof![8 => mutated, 1 => proptest::collection::vec(any::<u8>(), 0..200)]
}

/// Every check that there is, on one file.
fn check_all(schemas: &Schemas, source: &Source) -> Findings {
    let mut findings = App::check_manifest(schemas, source, None);
    findings.extend(check_iparams(schemas, source));
    findings.extend(check_requests(schemas, source));
    findings.extend(check_mock(schemas, source, Some(&Templates { names: vec!["notify".to_owned()], has_file: true })));
    findings.extend(check_settings(schemas, source).1);
    findings.extend(check_values(source, json::read(source).0.as_ref()));
    let (node, faults) = yaml::read(source);
    findings.extend(faults);
    findings.extend(node.map(|node| schemas.check("scenario", &node, source)).unwrap_or_default());
    if let Some(node) = json::read(source).0 {
        findings.extend(schemas.check_payload("onUserUpdate", None, &node, source));
    }
    findings
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_file_is_checked_to_its_end(bytes in any_file()) {
        SCHEMAS.with(|schemas| {
            let Ok(source) = Source::new("f.json", bytes) else { return };
            for finding in check_all(schemas, &source) {
                if let Some(span) = finding.place.span {
                    assert!(span.start <= span.end && span.end.offset <= source.text().len(), "{finding:?}");
                }
            }
        });
    }
}
