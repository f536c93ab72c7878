//! `simctl schema types`: what it prints, and that tsc takes it and finds by it what is misspelled.
//!
//! `SIMCTL_BLESS=1 cargo test --test types` writes the golden files anew.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail loudly")]

mod common;
#[path = "common/npm.rs"]
mod npm;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn simctl(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_simctl")).args(args).current_dir(dir).output().expect("simctl starts")
}

/// What is printed for these arguments, in a folder that has no app.
fn types(args: &[&str]) -> String {
    let dir = TempDir::new().unwrap();
    let output = simctl(dir.path(), &[&["schema", "types", "--lang"], args].concat());
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn both_languages_print_what_they_did() {
    for (name, args) in [
        ("all.d.ts", &["ts"][..]),
        ("all.js", &["jsdoc"]),
        ("create-2.3.d.ts", &["ts", "onUserCreate", "--platform", "2.3"]),
    ] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/types").join(name);
        let text = types(args);
        assert_eq!(text, types(args), "twice the same");
        if std::env::var_os("SIMCTL_BLESS").is_some() {
            fs::write(&file, &text).unwrap();
        }
        let golden = fs::read_to_string(&file).unwrap_or_default();
        assert!(text == golden, "{name} is not what is printed; SIMCTL_BLESS=1 rewrites it");
    }
}

#[test]
fn every_event_and_every_method_of_the_platform_is_there() {
    let text = types(&["ts"]);
    let jsdoc = types(&["jsdoc"]);
    let list = simctl(Path::new("."), &["schema", "list"]);
    let list = String::from_utf8(list.stdout).unwrap();
    for event in list.lines().filter_map(|line| line.strip_prefix("events/")?.split(' ').next()) {
        let name = event[..1].to_uppercase() + &event[1..] + "Payload";
        assert!(text.contains(&format!("  {event}: {name};\n")), "{event}");
        assert!(jsdoc.contains(&format!("@property {{{name}}} {event} ")), "{event}");
    }
    for (global, methods) in simctl::platform::GLOBALS {
        // What is not simulated is not known well enough to be typed.
        if global == "$job" {
            continue;
        }
        assert!(text.contains(&format!("  const {global}: ")), "{global}");
        let name = global.trim_start_matches('$').to_owned();
        let name = name[..1].to_uppercase() + &name[1..];
        for method in methods {
            let body = text.split(&format!("export interface {name} {{\n")).nth(1).expect(global);
            let body = body.split("\n}\n").next().unwrap();
            assert!(body.contains(&format!("  {method}: (")), "{global}.{method}");
        }
    }
}

#[test]
fn the_platform_is_the_apps_and_events_are_checked() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/product-2.3");
    let said = |args: &[&str]| {
        let output = simctl(&dir, &[&["schema", "types", "--lang", "ts"], args].concat());
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert!(said(&[]).1.contains("account_id: string"));
    assert!(said(&["--platform", "3.0"]).1.contains("currentHost: "));
    let (code, out, err) = said(&["onUserUpdat", "onNothing"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("did you mean `onUserUpdate`?") && err.contains("`onNothing`"), "{err}");
    assert_eq!(said(&["--app", "nowhere"]).0, Some(2));
}

/// A folder with a `server/server.js`, the types beside it, and what tsc is to check.
struct Checked {
    dir: TempDir,
    tsc: std::path::PathBuf,
}

impl Checked {
    fn new(who: &str, types_file: &str) -> Option<Self> {
        let typescript = npm::package_or_skip("typescript", who)?;
        let dir = TempDir::new().unwrap();
        let config = format!(
            r#"{{"compilerOptions": {{"noEmit": true, "checkJs": true, "strict": true, "target": "es2022", "lib": ["es2022"],
                "types": [], "module": "commonjs"}}, "files": ["server/server.js", "{types_file}"]}}"#
        );
        fs::write(dir.path().join("jsconfig.json"), config).unwrap();
        Some(Self { dir, tsc: typescript.join("bin/tsc") })
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// What tsc finds, a line each.
    fn found(&self) -> Vec<String> {
        let output = Command::new("node")
            .arg(&self.tsc)
            .args(["-p", "jsconfig.json", "--pretty", "false"])
            .current_dir(self.dir.path())
            .env_remove("NODE_EXTRA_CA_CERTS")
            .output()
            .expect("tsc runs");
        let found: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        assert_eq!(output.status.success(), found.is_empty(), "{output:?}");
        found
    }
}

#[test]
fn a_server_that_uses_the_types_checks_clean_and_what_is_misspelled_in_it_does_not() {
    let Some(checked) = Checked::new("tsc on a server.js with types", "simctl-types.d.ts") else { return };
    let source =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/types/server.js")).unwrap();
    checked.file("simctl-types.d.ts", types(&["ts"])).file("server/server.js", &source);
    assert_eq!(checked.found(), [""; 0]);
    for (right, wrong, said) in [
        ("user.created_time", "user.creatd_time", "Did you mean 'created_time'?"),
        ("payload.currentHost.endpoint_urls", "payload.account_id", "'account_id' does not exist"),
        ("changes.email)", "changes.emial)", "'emial' does not exist"),
        ("actor.type === \"agent\"", "actor.type === \"bot\"", "no overlap"),
        ("const [now, before] = changes.email", "const [now, before, third] = changes.email", "length '2'"),
        ("setIf: \"not_exist\"", "setIf: \"never\"", "\"never\"' is not assignable"),
        ("$schedule.create", "$schedule.crate", "Did you mean 'create'?"),
        ("payload.region === \"EU\"", "payload.region === \"XX\"", "no overlap"),
        ("user.email", "user.emial", "'emial' does not exist"),
        ("Handler<\"onUserCreate\">", "Handler<\"onUserCreat\">", "does not satisfy the constraint"),
        ("generateTargetUrl()", "fetch('x')", "Cannot find name 'fetch'"),
    ] {
        assert!(source.contains(right), "{right}");
        let found = checked.file("server/server.js", source.replacen(right, wrong, 1)).found();
        assert!(found.iter().any(|line| line.starts_with("server/server.js(")), "{wrong}: {found:?}");
        assert!(found.iter().any(|line| line.contains(said)), "{wrong}: {found:?}");
    }
}

#[test]
fn a_new_app_checks_clean_with_its_types() {
    let Some(checked) = Checked::new("tsc on a new app", "simctl-types.d.ts") else { return };
    let events =
        ["onUserCreate", "onUserUpdate", "onAppInstall", "onExternalEvent", "onScheduledEvent", "afterAppUpdate"];
    let args: Vec<&str> = ["init", "."].into_iter().chain(events.iter().flat_map(|event| ["--event", event])).collect();
    assert!(simctl(checked.dir.path(), &args).status.success());
    checked.file("simctl-types.d.ts", types(&["ts"]));
    assert_eq!(checked.found(), [""; 0]);
}

#[test]
fn comments_are_types_that_can_be_imported() {
    let Some(checked) = Checked::new("tsc on JSDoc types", "simctl-types.js") else { return };
    let source = "/** @param {import('../simctl-types').OnUserUpdatePayload} payload */\nfunction f(payload) {\n  \
        return [payload.data.user.email, payload.data.changes.email, payload.data.actor.id.trim()];\n}\n";
    checked.file("simctl-types.js", types(&["jsdoc"])).file("server/server.js", source);
    assert_eq!(checked.found(), [""; 0]);
    let found = checked.file("server/server.js", source.replace("user.email", "user.emial")).found();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("server/server.js(3,"), "{found:?}");
}
