//! What a scenario is before its first step: who plays, and what there is; and what its readers share.

use std::path::Path;
use std::str::FromStr;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::cast::Cast;
use super::checks::walk;
use super::matrix::Cell;
use super::read::as_map;
use super::references::{Wrong, fill, fill_text, fill_value, refers_to};
use super::wait::EVENT;
use super::{Alarm, Scenario};
use crate::app::{App, Iparams, Mock, read_mock};
use crate::model::{Code, Finding, Findings};
use crate::payload::{Changes, Generator, Locale, Recipe, Variant};
use crate::platform::Record;
use crate::schema::Schemas;
use crate::text::Source;
use crate::text::json::{self, Node, escape_token};

/// The clock of a scenario that names none.
const USUAL_NOW: &str = "2026-01-01T00:00:00Z";

/// Reads one scenario: of a file with a matrix, that of one cell.
pub(super) struct Reader<'a> {
    pub(super) schemas: &'a Schemas,
    pub(super) app: &'a App,
    pub(super) source: &'a Source,
    pub(super) node: &'a Node,
    pub(super) path: &'a Path,
    /// The cell of the matrix that is read.
    pub(super) cell: &'a Cell,
    /// The ids of all steps.
    pub(super) ids: Vec<String>,
    pub(super) findings: Findings,
}

impl<'a> Reader<'a> {
    /// The scenario; `None` where it cannot be played.
    pub(super) fn scenario(&mut self) -> Option<Scenario> {
        let (recipe, iparams) = self.recipe()?;
        let steps = self.node.get("steps").and_then(Node::items).unwrap_or_default();
        self.ids = steps.iter().filter_map(|step| step.get("id")?.as_str().map(str::to_owned)).collect();
        let mut cast = Cast::new(self.schemas, recipe);
        let users = self.node.get("users").and_then(Node::members).unwrap_or_default();
        for member in users {
            let pointer = format!("/users/{}", escape_token(&member.key));
            let added = cast.add(&member.key, &as_map(&member.value));
            if self.take(added, &member.value, &pointer).is_none() {
                // The name is known all the same, so that the steps can be looked at.
                let _ = cast.add(&member.key, &Map::new());
            }
        }
        self.walk_ons(&mut cast);
        let at_first = cast.now();
        let mocks = self.mocks(&at_first);
        let records = self.records(&at_first);
        let Recipe { seed, now, platform, .. } = *cast.recipe();
        let alarm = self.alarm(cast.recipe());
        let always = self.node.get("always").cloned();
        if let Some(always) = &always {
            self.references(always, "/always", &at_first, &[]);
        }
        let steps = self.steps(&mut cast);
        let scenario = Scenario {
            name: self.name() + &self.cell.suffix(),
            file: self.source.file().to_path_buf(),
            is_cell: !self.cell.suffix().is_empty(),
            runtime: self.cell.runtime,
            path: self.path.to_path_buf(),
            source: self.source.clone(),
            seed,
            now,
            platform,
            iparams,
            mocks,
            records,
            alarm,
            always,
            steps,
            faults: Vec::new(),
        };
        (!self.findings.iter().any(Finding::is_error)).then_some(scenario)
    }

    /// What schedules fire, where the app subscribes to it.
    fn alarm(&mut self, recipe: &Recipe) -> Option<Alarm> {
        let callback = self.app.subscription(EVENT, None).ok()?.callback.clone();
        let generator = Generator::new(self.schemas, EVENT, recipe);
        let generator = self.take(generator, self.node, "")?;
        Some(Alarm::new(&callback, &generator))
    }

    fn name(&self) -> String {
        let own = self.text("name").map(|(_, name)| name.to_owned());
        own.unwrap_or_else(|| {
            let file = self.source.file().file_name().unwrap_or_default().to_string_lossy().into_owned();
            file.split(".scenario.").next().unwrap_or_default().to_owned()
        })
    }

    fn text(&self, key: &str) -> Option<(&'a Node, &'a str)> {
        let node = self.node.get(key)?;
        Some((node, node.as_str()?))
    }

    fn parsed<T: FromStr>(&mut self, key: &str, what_for: impl Fn(T::Err) -> String) -> Option<T> {
        let (node, text) = self.text(key)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let finding = Finding::new(Code::BadScenario, what_for(error));
                self.findings.push(finding.at(node.place(self.source, &format!("/{key}"))));
                None
            }
        }
    }

    fn recipe(&mut self) -> Option<(Recipe, Iparams)> {
        let now = self.parsed("now", |_: jiff::Error| "this is no time: write it as `2026-01-31T12:00:00Z`".to_owned());
        let usual = || USUAL_NOW.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let locale: Option<Locale> = self.parsed("locale", |wrong: <Locale as FromStr>::Err| wrong.to_string());
        let variant: Option<Variant> = self.parsed("variant", |wrong: String| wrong);
        let own = self.node.get("iparams").map(as_map).unwrap_or_default();
        let iparams = match self.app.iparams_with(None, &[], &own) {
            Ok(iparams) => iparams,
            Err(findings) => {
                self.findings.extend(findings);
                return None;
            }
        };
        // What else is wrong with the scenario can be known without them.
        self.findings.extend(iparams.missing.iter().cloned());
        let recipe = Recipe {
            seed: self.node.get("seed").and_then(|seed| seed.value().as_u64()).unwrap_or(0),
            now: now.unwrap_or_else(usual),
            locale: self.cell.locale.or(locale).unwrap_or_default(),
            variant: self.cell.variant.or(variant).unwrap_or_default(),
            platform: self.cell.platform.unwrap_or(self.app.manifest.platform),
            changes: Changes::Drawn,
            actor: None,
            iparams: iparams.values.clone(),
        };
        Some((recipe, iparams))
    }

    /// Users who are created without being listed.
    fn walk_ons(&mut self, cast: &mut Cast<'_>) {
        let steps = self.node.get("steps").and_then(Node::items).unwrap_or_default();
        for (at, step) in steps.iter().enumerate() {
            let Some(node) = step.get("create") else { continue };
            if let Some(name) = node.as_str().filter(|name| !cast.knows(name)) {
                let added = cast.add(name, &Map::new());
                self.take(added, node, &format!("/steps/{at}/create"));
            }
        }
    }

    /// What came of something; findings that have no place in a file get that of `node`, or of the member of it that they
    /// are about. What is said once of another file is not said again.
    pub(super) fn take<T>(&mut self, result: Result<T, Findings>, node: &Node, pointer: &str) -> Option<T> {
        let findings = match result {
            Ok(value) => return Some(value),
            Err(findings) => findings,
        };
        for finding in findings {
            if finding.place.file.is_some() {
                if !self.findings.contains(&finding) {
                    self.findings.push(finding);
                }
                continue;
            }
            let attribute = finding.place.pointer.as_deref().and_then(|pointer| pointer.strip_prefix("/data/user/"));
            let member = attribute.and_then(|name| Some((node.key_range(&format!("/{name}"))?, name)));
            let place = match member {
                Some((range, name)) => json::place_at(self.source, range, &format!("{pointer}/{name}")),
                None => node.place(self.source, pointer),
            };
            self.findings.push(of_user(finding).at(place));
        }
        None
    }

    pub(super) fn filled(&mut self, node: &Node, pointer: &str, users: &Map<String, Value>) -> Option<Value> {
        let filled = fill_value(&node.value(), users);
        match filled.map_err(|wrong| self.too_early(node, wrong)) {
            Ok(value) => Some(value),
            Err((what, hint)) => {
                // Which of the texts it is, and where.
                let mut place = node.place(self.source, pointer);
                walk(node, pointer, &mut |pointer, node| {
                    if node.as_str().is_some_and(|text| fill(text, users).is_err()) {
                        place = node.place(self.source, pointer);
                    }
                });
                self.findings.push(Finding::new(Code::BadScenario, what).at(place).maybe_hint(hint));
                None
            }
        }
    }

    /// What is wrong with a reference to what came of a step, where values are needed before anything is played.
    fn too_early(&self, node: &Node, wrong: Wrong) -> Wrong {
        let mut early = None;
        walk(node, "", &mut |_, node| {
            early = early.or_else(|| refers_to(node.as_str()?, &self.ids));
        });
        let Some(id) = early else { return wrong };
        let what = format!("what comes of the step `{id}` is not known before it is played, and this must be");
        (what, Some("refer to it in what later steps expect, or write the value".to_owned()))
    }

    fn mocks(&mut self, users: &Map<String, Value>) -> Vec<Mock> {
        let items = self.node.get("mocks").and_then(Node::items).unwrap_or_default();
        let mut mocks = Vec::new();
        for (at, node) in items.iter().enumerate() {
            let pointer = format!("/mocks/{at}");
            let Some(mut mock) = read_mock(self.source, node) else {
                let what = "the mock does not say what the request is answered with";
                let hint = "add `answer: {status: 200, body: {}}`";
                self.findings
                    .push(Finding::new(Code::BadScenario, what).at(node.place(self.source, &pointer)).hint(hint));
                continue;
            };
            mock.comes_first = true;
            if let Some(url) = mock.url.take() {
                let place =
                    node.at("/request/url").unwrap_or(node).place(self.source, &format!("{pointer}/request/url"));
                match fill_text(&url, users) {
                    Ok(url) => mock.url = Some(url),
                    Err((what, hint)) => {
                        self.findings.push(Finding::new(Code::BadScenario, what).at(place).maybe_hint(hint));
                    }
                }
            }
            if let Some(body) = node.at("/request/body") {
                mock.body = self.filled(body, &format!("{pointer}/request/body"), users);
            }
            for answer in &mut mock.answers {
                match fill_value(&answer.body, users) {
                    Ok(body) => answer.body = body,
                    Err((what, hint)) => {
                        let place = node.place(self.source, &pointer);
                        self.findings.push(Finding::new(Code::BadScenario, what).at(place).maybe_hint(hint));
                    }
                }
            }
            mocks.push(mock);
        }
        mocks
    }

    fn records(&mut self, users: &Map<String, Value>) -> Vec<Record> {
        let members = self.node.get("db").and_then(Node::members).unwrap_or_default();
        let mut records = Vec::new();
        for member in members {
            let pointer = format!("/db/{}", escape_token(&member.key));
            let key = match fill_text(&member.key, users) {
                Ok(key) => key,
                Err((what, hint)) => {
                    let place = json::place_at(self.source, member.key_range.clone(), &pointer);
                    self.findings.push(Finding::new(Code::BadScenario, what).at(place).maybe_hint(hint));
                    continue;
                }
            };
            let Some(Value::Object(value)) = self.filled(&member.value, &pointer, users) else { continue };
            match Record::new(key, &value, None) {
                Ok(record) => records.push(record),
                Err(what) => {
                    let place = member.value.place(self.source, &pointer);
                    self.findings.push(Finding::new(Code::BadRecord, what).at(place));
                }
            }
        }
        records
    }
}

/// What is said of a payload's attribute, said of a user's.
fn of_user(mut finding: Finding) -> Finding {
    let plain = |text: &str| text.replace("`data.user.", "`");
    if finding.code == Code::UnknownPath
        && let Some(name) = finding.place.pointer.as_deref().and_then(|pointer| pointer.rsplit('/').next())
    {
        finding.message = format!("a user has no attribute `{}`", json::unescape_token(name));
    }
    finding.hints.retain(|hint| !hint.contains("--no-check"));
    finding.hints = finding.hints.iter().map(|hint| plain(hint)).collect();
    finding
}
