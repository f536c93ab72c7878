//! The sample apps as the app room reads them, and app folders that are not as they should be.

#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use simctl::app::{App, Locate};
use simctl::model::{Code, Findings};

fn open(app: &str) -> Result<App, Findings> {
    let cwd = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    App::open(&Locate { app: Some(app.into()), manifest: None, cwd })
}

/// All that is found before an event could be fired, and whether it can be.
fn looked_at(app: &str, event: &str) -> (Findings, bool) {
    let app = match open(app) {
        Ok(app) => app,
        Err(findings) => return (findings, false),
    };
    let mut findings = app.manifest.findings.clone();
    let subscription = app.subscription(event, None).map(|found| found.callback.clone());
    let script = app.script().map(|script| app.read_scripts(&script));
    let fires = subscription.is_ok() && script.is_ok();
    findings.extend(subscription.err().unwrap_or_default());
    match script {
        Ok(reading) => findings.extend(reading.syntax),
        Err(missing) => findings.extend(missing),
    }
    (findings, fires)
}

#[test]
fn each_sample_earns_the_findings_it_is_there_for_and_no_others() {
    let expected: Vec<Value> = serde_json::from_str(include_str!("../samples/expected.json")).unwrap();
    for entry in &expected {
        // Those without an event are for `validate` alone.
        let (app, Some(event)) = (entry["app"].as_str().unwrap(), entry["event"].as_str()) else { continue };
        let (findings, fires) = looked_at(app, event);
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code.name()).collect();
        let wanted: Vec<&str> = entry["codes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        assert_eq!(codes, wanted, "{app} {event}: {findings:#?}");
        assert_eq!(fires, entry["exit"] != 2, "{app} {event}");
        for finding in findings {
            let file = finding.place.file.unwrap();
            assert!(file.starts_with(app), "{} is not shown below {app}", file.display());
        }
    }
}

#[test]
fn every_sample_is_expected_something_of() {
    let expected: Vec<Value> = serde_json::from_str(include_str!("../samples/expected.json")).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["samples", "samples/broken"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let name = format!("{folder}/{}", entry.unwrap().file_name().to_string_lossy());
            if root.join(&name).join("manifest.json").exists() {
                assert!(expected.iter().any(|entry| entry["app"] == *name), "{name} is not in expected.json");
            }
        }
    }
}

#[test]
fn callbacks_of_the_good_samples_are_exported() {
    for app in ["snippet", "legacy-2.0", "product-2.3", "modules-3.0", "welcome", "with-lib", "async-handler"] {
        let app = open(&format!("samples/{app}")).unwrap();
        let reading = app.read_scripts(&app.script().unwrap());
        assert_eq!(reading.needs_node(), None);
        for subscription in &app.manifest.subscriptions {
            assert!(reading.exports.iter().any(|export| export.name == subscription.callback));
            assert!(subscription.place.span.is_some());
        }
    }
}

#[test]
fn the_samples_that_need_node_say_why() {
    let why = |name: &str| {
        let app = open(name).unwrap();
        app.read_scripts(&app.script().unwrap()).needs_node().unwrap()
    };
    assert!(why("samples/uses-intl").contains("samples/uses-intl/server/server.js:4` uses `Intl`"));
    assert!(why("samples/broken/exits-npm").contains("requires the npm package `quits`"));
}

#[test]
fn parameters_and_payloads_of_the_samples_are_found() {
    for (app, team) in [("product-2.3", "Harbour team"), ("modules-3.0", "Front desk"), ("welcome", "Night watch")] {
        let app = open(&format!("samples/{app}")).unwrap();
        let iparams = app.iparams(None, &[]).unwrap();
        let values = iparams.values.unwrap();
        assert_eq!(values["team_name"], team);
        assert_eq!(iparams.secrets.mask(values["crm_token"].as_str().unwrap()), "********");
        for event in ["onUserCreate", "onUserUpdate"] {
            let path = app.sample(event, app.subscription(event, None).unwrap()).unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap()["event"], event);
        }
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.file("manifest.json", br#"{"events": {"onUserCreate": {"handler": "f"}}}"#)
    }

    fn file(self, name: &str, bytes: &[u8]) -> Self {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    fn open(&self) -> Result<App, Findings> {
        App::open(&Locate { app: None, manifest: None, cwd: self.0.path().to_path_buf() })
    }

    fn script_code(&self) -> Code {
        let findings = self.open().unwrap().script().map(|script| script.name).unwrap_err();
        assert_eq!(findings.len(), 1);
        findings[0].code
    }
}

#[test]
fn a_script_that_is_no_file_is_said_to_be_none() {
    assert_eq!(Folder::new().script_code(), Code::ServerMissing);
    assert_eq!(Folder::new().file("server/server.js/x", b"").script_code(), Code::FileUnreadable);
    assert_eq!(Folder::new().file("server.js/x", b"").script_code(), Code::FileUnreadable);
    assert_eq!(Folder::new().file("server/server.js", b"exports = '\xff'").script_code(), Code::NotUtf8);
    assert!(Folder::new().file("server/server.js", b"").open().unwrap().script().is_ok());
}

#[test]
fn a_bare_server_js_beside_an_unrelated_server_folder_is_the_script() {
    let folder = Folder::new().file("server/lib/x.js", b"").file("server.js", b"");
    assert_eq!(folder.open().unwrap().script().unwrap().name, "server.js");
}

#[test]
#[cfg(unix)]
fn a_script_that_leads_out_of_the_app_is_refused() {
    let folder = Folder::new();
    std::os::unix::fs::symlink("/etc/hostname", folder.0.path().join("server.js")).unwrap();
    assert_eq!(folder.script_code(), Code::FileUnreadable);
}

#[test]
#[cfg(unix)]
fn an_unreadable_script_is_said_to_be_so() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new().file("server.js", b"");
    let path = folder.0.path().join("server.js");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&path).is_ok() {
        // Root reads everything: nothing to see here.
        return;
    }
    assert_eq!(folder.script_code(), Code::FileUnreadable);
}

#[test]
fn a_manifest_that_is_no_text_is_refused_at_its_place() {
    let code = |bytes: &[u8]| {
        let findings = Folder::new().file("manifest.json", bytes).open().map(|app| app.root).unwrap_err();
        assert!(findings.iter().all(|finding| finding.place.file.as_deref() == Some(Path::new("manifest.json"))));
        findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(code(b""), [Code::FileEmpty]);
    assert_eq!(code(b"\xff\xfe{\0}\0"), [Code::NotUtf8]);
    assert_eq!(code(b"{\"events\": {\xff}}"), [Code::NotUtf8]);
}

#[test]
fn no_manifest_anywhere_is_a_finding() {
    let findings = App::open(&Locate { app: None, manifest: None, cwd: PathBuf::from("/") }).unwrap_err();
    assert_eq!(findings[0].code, Code::ManifestMissing);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { failure_persistence: None, cases: 64, ..Default::default() })]

    /// Whatever stands in the two files, reading them ends and does not panic.
    #[test]
    fn no_bytes_are_too_strange(manifest in ".{0,80}", script in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let folder = Folder::new().file("server.js", &script);
        let app = folder.open().unwrap();
        if let Ok(script) = app.script() {
            app.read_scripts(&script);
        }
        let _ = folder.file("manifest.json", manifest.as_bytes()).open();
    }
}
