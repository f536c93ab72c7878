//! A whole app looked over as `simctl validate` does: which of its files are to be checked and what each is, and every
//! fault of its manifest. Nothing is run.

use std::path::{Path, PathBuf};

use crate::model::{Code, Finding, Findings, Platform, Secrets};
use crate::schema::Schemas;
use crate::text::json::Node;
use crate::text::{Source, json};

use super::locate::{is_there, join_shown};
use super::{App, Locate, Manifest, Scope, config, script};

mod rules;
mod test_data;

pub use test_data::TestData;

/// What a file of an app is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// `manifest.json`
    Manifest,
    /// `config/iparams.json`
    Iparams,
    /// `config/iparam_test_data.json`
    IparamValues,
    /// `config/requests.json`
    Requests,
    /// A file in `mocks/`.
    Mock,
    /// `server/server.js`, with all that it requires.
    Script,
    /// `simctl.json`
    Settings,
    /// A scenario below `tests/`; what is in it is for the room that plays it to say.
    Scenario,
    /// A file below `server/test_data`.
    Sample(TestData),
}

/// One file of an app.
#[derive(Debug, Clone)]
pub struct AppFile {
    /// Absolute.
    pub path: PathBuf,
    /// As the user would write it.
    pub shown: PathBuf,
    /// What it is.
    pub part: Part,
}

/// An app that is to be checked, its manifest read.
#[derive(Debug)]
pub struct Checkup {
    /// The app's folder, absolute.
    pub root: PathBuf,
    /// The app's folder as the user would write it.
    pub shown_root: PathBuf,
    /// Every fault of the manifest, in the order of its text.
    pub findings: Findings,
    /// The app, where the manifest could be read at all.
    pub app: Option<App>,
    /// The values of secure installation parameters, which no finding may show.
    pub secrets: Secrets,
    manifest: (PathBuf, PathBuf),
}

impl Checkup {
    /// Finds the app and reads its manifest.
    ///
    /// # Errors
    /// A finding where there is no app.
    pub fn open(schemas: &Schemas, locate: &Locate) -> Result<Self, Findings> {
        let located = locate.find()?;
        let (app, findings) = match Source::read_as(&located.manifest, &located.shown_manifest) {
            Ok(source) => {
                let (manifest, findings) = check_manifest(schemas, &source, Some(&located.root));
                let (root, shown_root) = (located.root.clone(), located.shown_root.clone());
                let app = manifest.map(|manifest| App { root, shown_root, manifest, cwd: locate.cwd.clone() });
                (app, findings)
            }
            Err(finding) => (None, vec![finding]),
        };
        let findings = with_script(findings, app.as_ref());
        let secrets = config::secrets_of(&located.root);
        let manifest = (located.manifest, located.shown_manifest);
        Ok(Self { root: located.root, shown_root: located.shown_root, findings, app, secrets, manifest })
    }

    /// The platform whose envelope the app's payloads wear, where the manifest tells.
    pub fn platform(&self) -> Option<Platform> {
        self.app.as_ref().map(|app| app.manifest.platform)
    }

    /// The app's files that can be checked, by path.
    pub fn files(&self) -> Vec<AppFile> {
        let mut files =
            vec![AppFile { path: self.manifest.0.clone(), shown: self.manifest.1.clone(), part: Part::Manifest }];
        let known = [
            ("config/iparam_test_data.json", Part::IparamValues),
            ("config/iparams.json", Part::Iparams),
            ("config/requests.json", Part::Requests),
            ("simctl.json", Part::Settings),
        ];
        files.extend(self.script().map(|name| self.file(name, Part::Script)));
        for (name, part) in known {
            if is_there(&self.root.join(name)) {
                files.push(self.file(name, part));
            }
        }
        files.extend(config::mocks::names(&self.root).into_iter().map(|name| self.file(&name, Part::Mock)));
        files.extend(test_data::names(&self.root).into_iter().map(|name| {
            let part = Part::Sample(TestData::new(&name));
            self.file(&name, part)
        }));
        files.sort_by(|a, b| a.shown.cmp(&b.shown));
        files
    }

    /// Every fault of the app's scripts; none where the manifest could not be read.
    pub fn check_scripts(&self, schemas: &Schemas) -> Findings {
        let mut findings = self.app.as_ref().map(|app| app.check_scripts(schemas)).unwrap_or_default();
        let unknown = findings.iter().any(|finding| finding.code == Code::UnknownCallback);
        if unknown || self.findings.iter().any(Finding::is_error) {
            // What the manifest names is not what it was meant to name, so the other half of the slip is no news.
            findings.retain(|finding| finding.code != Code::UnusedCallback);
        }
        findings
    }

    /// The faults of one script of the app, which stands at `path` and is shown as `shown`: those of all scripts where it is
    /// `server.js`, else those in this file. A script that none requires is checked by itself.
    pub fn check_script(&self, schemas: &Schemas, path: &Path, shown: &Path) -> Findings {
        let source = match Source::read_as(path, shown) {
            Ok(source) => source,
            Err(finding) => return vec![finding],
        };
        let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let Some(app) = &self.app else { return check_script_alone(schemas, None, source) };
        let own =
            real.strip_prefix(&self.root).ok().map(|below| join_shown(&self.shown_root, &below.to_string_lossy()));
        let Some(own) = own else { return check_script_alone(schemas, None, source) };
        let mut findings = self.check_scripts(schemas);
        let is_server = self.script().is_some_and(|name| real == self.root.join(name));
        if !is_server {
            if !app.checked_scripts(schemas).0.contains(&own) {
                return self.unreached(schemas, app, &real, source);
            }
            findings.retain(|finding| finding.place.file.as_ref() == Some(&own));
        }
        for file in findings.iter_mut().filter_map(|finding| finding.place.file.as_mut()).filter(|file| **file == own) {
            *file = shown.to_path_buf();
        }
        findings
    }

    /// A script that `server.js` does not lead to.
    fn unreached(&self, schemas: &Schemas, app: &App, real: &Path, source: Source) -> Findings {
        if real.starts_with(self.root.join("app")) {
            let what = "this script is one of the app's pages; simctl knows only those that run on the platform";
            return vec![Finding::new(Code::UnknownKind, what).in_file(source.file())];
        }
        check_script_alone(schemas, Some(app), source)
    }

    /// `server.js`, where the app has one.
    fn script(&self) -> Option<&'static str> {
        ["server/server.js", "server.js"].into_iter().find(|name| is_there(&self.root.join(name)))
    }

    fn file(&self, name: &str, part: Part) -> AppFile {
        AppFile { path: self.root.join(name), shown: join_shown(&self.shown_root, name), part }
    }
}

/// The faults of a script that can be known without what belongs to it.
pub fn check_script_alone(schemas: &Schemas, app: Option<&App>, source: Source) -> Findings {
    let platform = app.map_or(Platform::V3, |app| app.manifest.platform);
    script::check_alone(schemas, platform, source)
}

impl App {
    /// Every fault of a manifest: what is not JSON, what its schema forbids, what the platform refuses, and what cannot
    /// be fired. The `server.js` in `folder` is asked for the events of a legacy app; without a folder, what depends on
    /// other files of the app is not looked at.
    pub fn check_manifest(schemas: &Schemas, source: &Source, folder: Option<&Path>) -> Findings {
        check_manifest(schemas, source, folder).1
    }
}

fn check_manifest(schemas: &Schemas, source: &Source, folder: Option<&Path>) -> (Option<Manifest>, Findings) {
    let mut manifest = match Manifest::read(source.clone()) {
        Ok(manifest) => manifest,
        Err(findings) => return (None, findings),
    };
    let asks = manifest.asks_the_script();
    if let Some(folder) = folder.filter(|_| asks) {
        let script = script::find(folder, source.file().parent().unwrap_or(Path::new("")));
        manifest.add_legacy(script.as_ref().map(script::legacy_events).map_err(Clone::clone));
        mapped_twice(&mut manifest);
    }
    let does_more = manifest.hosts().iter().any(|(_, host)| has_a_front_end(host));
    if !(does_more || asks && folder.is_none()) {
        manifest.close();
    }
    let mut findings = manifest.findings.clone();
    findings.extend(rules::check(&manifest, folder));
    let by_schema = schemas.check("manifest", &manifest.node, source);
    json::add_unsaid(&mut findings, by_schema);
    findings.sort_by_key(|finding| finding.place.span.map(|span| span.start));
    (Some(manifest), findings)
}

/// The findings of a manifest beside those of a script that is checked by itself: that it is not there is for the manifest
/// to tell, that it does not parse is not.
fn with_script(mut findings: Findings, app: Option<&App>) -> Findings {
    let Some(app) = app else { return findings };
    findings.retain(|finding| !matches!(finding.code, Code::ScriptSyntax | Code::FileUnreadable | Code::NotUtf8));
    let is_told = findings.iter().any(|finding| finding.code == Code::ServerMissing);
    if !app.manifest.subscriptions.is_empty() && !is_told {
        let faults = app.script().err().unwrap_or_default();
        findings.extend(faults.into_iter().filter(|finding| finding.code == Code::ServerMissing));
    }
    findings
}

/// An app without events may still be one: it has a front end, or functions for it.
fn has_a_front_end(host: &Node) -> bool {
    let holds = |key: &str| host.get(key).and_then(Node::members).is_some_and(|members| !members.is_empty());
    holds("location") || holds("functions")
}

/// `exports.events` is a list, so an event can stand in it twice.
fn mapped_twice(manifest: &mut Manifest) {
    let all = &manifest.subscriptions;
    let doubled = all.iter().enumerate().filter(|(at, one)| {
        let earlier = all[..*at].iter().any(|other| other.event == one.event && other.scope == one.scope);
        let is_first_scope =
            all.iter().find(|other| other.place == one.place).is_some_and(|other| other.scope == one.scope);
        earlier && is_first_scope
    });
    let findings: Findings = doubled
        .map(|(_, one)| {
            let scope = match &one.scope {
                Scope::None => String::new(),
                Scope::Product(name) | Scope::Module(name) => format!(" in `{name}`"),
            };
            let what = format!("`{}` is mapped to a callback already{scope}", one.event);
            Finding::new(Code::MappedTwice, what).at(one.place.clone()).hint("remove one of the two")
        })
        .collect();
    manifest.findings.extend(findings);
}
