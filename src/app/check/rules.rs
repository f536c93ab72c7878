//! What the platform asks of a manifest beyond its schema: rules that speak of several values at once, or that say more
//! than a schema can.

use std::path::Path;

use crate::app::config::undefined_template;
use crate::app::locate::is_there;
use crate::app::manifest::{Manifest, Shape};
use crate::model::{Code, Finding, Findings};
use crate::text::json::{self, Member, Node, escape_token};
use crate::text::{list, nearest};

/// Platform versions that get no more mends, nor new apps.
const ENDED: [&str; 4] = ["2.0", "2.1", "2.2", "2.3"];

/// The day on which the last of them, 2.3, ended: the vendor's guide for moving from 2.3.
const END: &str = "2026-05-30";

/// The time limits that a function may ask for, in seconds.
const TIMEOUTS: [u64; 3] = [20, 25, 30];

/// Every fault that only these rules find. `folder` is the app's, where there is one.
pub(super) fn check(manifest: &Manifest, folder: Option<&Path>) -> Findings {
    let mut rules = Rules { manifest, folder, findings: Vec::new() };
    rules.version();
    rules.modules();
    rules.engines();
    rules.dependencies();
    for (pointer, host) in manifest.hosts() {
        rules.empty_objects(&pointer, host);
        rules.entries(&pointer, host);
        rules.functions(&pointer, host);
        rules.templates(&pointer, host);
    }
    rules.findings
}

struct Rules<'a> {
    manifest: &'a Manifest,
    folder: Option<&'a Path>,
    findings: Findings,
}

impl Rules<'_> {
    fn at_key(&mut self, code: Code, what: String, pointer: &str, hint: Option<String>) {
        let node = &self.manifest.node;
        let start = node.range.start;
        let range = node.key_range(pointer).unwrap_or(start..start + 1);
        let place = json::place_at(&self.manifest.source, range, pointer);
        self.findings.push(Finding::new(code, what).at(place).maybe_hint(hint));
    }

    fn at_value(&mut self, code: Code, what: String, pointer: &str, hint: Option<String>) {
        let place = self.manifest.node.nearest(pointer).place(&self.manifest.source, pointer);
        self.findings.push(Finding::new(code, what).at(place).maybe_hint(hint));
    }

    /// Apps of an older platform go on running, so it is no fault; the vendor mends only the newest.
    fn version(&mut self) {
        let version = self.manifest.node.get("platform-version").and_then(Node::as_str);
        let Some(version) = version.filter(|version| ENDED.contains(version)) else { return };
        let what = format!("platform {version} is past its end, which was on {END} at the latest");
        let hint =
            "apps that are there go on running; a new one, or one to be mended, belongs on platform 3.0".to_owned();
        self.at_value(Code::EndedPlatform, what, "/platform-version", Some(hint));
    }

    /// `common` is for what belongs to no one module: there must be one.
    fn modules(&mut self) {
        let Some([only]) = self.manifest.node.get("modules").and_then(Node::members) else { return };
        if only.key == "common" {
            let what = "`common` is the only module, at least one more was expected".to_owned();
            let hint = "name the module that the app is for, such as `\"chat_user\": {}`".to_owned();
            self.at_key(Code::CommonAlone, what, "/modules/common", Some(hint));
        }
    }

    fn engines(&mut self) {
        if self.manifest.shape != Shape::Modules {
            return;
        }
        let Some(engines) = self.manifest.node.get("engines") else {
            let what = "`engines` is missing, platform 3.0 asks for it".to_owned();
            let hint =
                "add `\"engines\": {\"node\": \"18.20.8\", \"fdk\": \"9.7.4\"}` with your own versions".to_owned();
            return self.at_key(Code::EnginesMissing, what, "", Some(hint));
        };
        let missing: Vec<&str> = ["node", "fdk"].into_iter().filter(|name| engines.get(name).is_none()).collect();
        if engines.members().is_some() && !missing.is_empty() {
            let what = format!("{} missing in `engines`", are(&missing));
            self.at_key(Code::EnginesMissing, what, "/engines", None);
        }
    }

    fn dependencies(&mut self) {
        let node = &self.manifest.node;
        let Some(members) = node.get("dependencies").and_then(Node::members) else { return };
        for Member { key, value, .. } in members {
            let Some(version) = value.as_str() else { continue };
            if let Some(exact) = version.trim().strip_prefix(['^', '~']) {
                let what = format!("`{version}` is a range of versions, an exact one was expected");
                let pointer = format!("/dependencies/{}", escape_token(key));
                self.at_value(Code::DependencyRange, what, &pointer, Some(format!("write `\"{exact}\"`")));
            }
        }
        let Some(folder) = self.folder else { return };
        let has_server = is_there(&folder.join("server/server.js")) || is_there(&folder.join("server.js"));
        if !members.is_empty() && !has_server {
            let what = "the app names npm packages and has no server.js that could require them".to_owned();
            let hint = "remove `dependencies`; the front end brings its own".to_owned();
            self.at_key(Code::DependenciesWithoutServer, what, "/dependencies", Some(hint));
        }
    }

    fn empty_objects(&mut self, pointer: &str, host: &Node) {
        let told = self.manifest.findings.iter().any(|finding| finding.code == Code::NoEvents);
        for key in ["events", "location", "functions", "requests"] {
            let is_empty = host.get(key).and_then(Node::members).is_some_and(<[Member]>::is_empty);
            if is_empty && !(told && key == "events") {
                let what = format!("`{key}` is empty, which the platform's kit refuses");
                self.at_key(Code::EmptyObject, what, &format!("{pointer}/{key}"), Some(format!("remove `{key}`")));
            }
        }
    }

    /// An entry holds a handler and nothing else.
    fn entries(&mut self, pointer: &str, host: &Node) {
        for Member { key: event, value: entry, .. } in host.get("events").and_then(Node::members).unwrap_or_default() {
            if entry.get("handler").is_none() {
                continue;
            }
            for extra in entry.members().unwrap_or_default().iter().filter(|member| member.key != "handler") {
                let pointer = format!("{pointer}/events/{}/{}", escape_token(event), escape_token(&extra.key));
                let what =
                    format!("`{}` does not belong in the entry of `{event}`, which holds `handler` alone", extra.key);
                let place = json::place_at(&self.manifest.source, extra.key_range.clone(), &pointer);
                let finding = Finding::new(Code::ExtraKey, what).at(place);
                self.findings.push(finding.hint(format!("remove `{}`", extra.key)));
            }
        }
    }

    fn functions(&mut self, pointer: &str, host: &Node) {
        for Member { key, value, .. } in host.get("functions").and_then(Node::members).unwrap_or_default() {
            let Some(timeout) = value.get("timeout") else { continue };
            let given = timeout.value();
            if !TIMEOUTS.iter().any(|allowed| given.as_u64() == Some(*allowed)) {
                let what = format!("the time limit of `{key}` is {given}, 20, 25 or 30 (seconds) was expected");
                let pointer = format!("{pointer}/functions/{}/timeout", escape_token(key));
                self.at_value(Code::BadTimeout, what, &pointer, None);
            }
        }
    }

    /// Templates that the manifest names are defined in `config/requests.json`. Where that cannot be read, its own
    /// findings say so.
    fn templates(&mut self, pointer: &str, host: &Node) {
        let Some(folder) = self.folder else { return };
        let Some(declared) = host.get("requests").and_then(Node::members).filter(|all| !all.is_empty()) else { return };
        let file = folder.join("config/requests.json");
        let has_file = is_there(&file);
        let defined: Vec<String> = if has_file {
            let Some(source) = crate::text::Source::probe(&file) else { return };
            let (Some(node), _) = json::read(&source) else { return };
            let Some(members) = node.members() else { return };
            members.iter().map(|member| member.key.clone()).collect()
        } else {
            Vec::new()
        };
        for Member { key, .. } in declared.iter().filter(|member| !defined.contains(&member.key)) {
            let what = undefined_template(key, has_file);
            let near = nearest(key, defined.iter().map(String::as_str));
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            let pointer = format!("{pointer}/requests/{}", escape_token(key));
            self.at_key(Code::UndefinedTemplate, what, &pointer, hint);
        }
    }
}

fn are(names: &[&str]) -> String {
    format!("{} {}", list(names.iter().copied()), if names.len() == 1 { "is" } else { "are" })
}
