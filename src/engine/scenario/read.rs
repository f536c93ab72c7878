//! A scenario's file read, and made ready to be played: every fault of it at once, each at its place.

use std::path::Path;
use std::str::FromStr;

use jiff::Timestamp;
use regex::Regex;
use serde_json::{Map, Value};

use super::cast::{CREATED, Cast, UPDATED, Wanted};
use super::compare::PATTERNS;
use super::references::{fill, fill_text, fill_value};
use super::{Fired, Scenario, Step};
use crate::app::{App, Iparams, Mock, read_mock};
use crate::model::{Code, Finding, Findings, Place, Severity};
use crate::payload::{ActorKind, Changes, Generator, Locale, Recipe, Variant, load};
use crate::platform::Record;
use crate::schema::{LARGEST_PAYLOAD, Schemas};
use crate::text::json::{self, Kind, Node, escape_token};
use crate::text::{Source, list, nearest, printable_line, yaml};

/// The clock of a scenario that names none.
const USUAL_NOW: &str = "2026-01-01T00:00:00Z";

/// What a step can do.
const ACTS: [&str; 4] = ["create", "update", "fire", "again"];

/// Makes the scenario in `source` ready to be played at `app`; `path` is where its file is, which payloads are named from.
///
/// # Errors
/// Every fault, where at least one is an error.
pub fn read(schemas: &Schemas, app: &App, source: Source, path: &Path) -> Result<Scenario, Findings> {
    let (node, findings) = yaml::read(&source);
    // A finding shows lines of the file, and what is secret may stand there.
    let own = node.as_ref().and_then(|node| node.get("iparams")).map(as_map).unwrap_or_default();
    let secrets = app.iparams_with(None, &[], &own).map(|iparams| iparams.secrets).unwrap_or_default();
    let scenario = match node {
        Some(node) => prepare(schemas, app, (source, &node), path, findings),
        None => Err(findings),
    };
    scenario.map_err(|mut findings| {
        findings.iter_mut().for_each(|finding| finding.mask(&secrets));
        findings
    })
}

fn prepare(
    schemas: &Schemas,
    app: &App,
    (source, node): (Source, &Node),
    path: &Path,
    mut findings: Findings,
) -> Result<Scenario, Findings> {
    json::add_unsaid(&mut findings, schemas.check("scenario", node, &source));
    suggest(&mut findings);
    patterns(&source, node, &mut findings);
    if findings.iter().any(Finding::is_error) {
        return Err(findings);
    }
    let mut reader = Reader { schemas, app, source: &source, node, folder: path.parent(), findings };
    let scenario = reader.scenario();
    match scenario {
        Some(scenario) if !reader.findings.iter().any(Finding::is_error) => Ok(Scenario { source, ..scenario }),
        _ => Err(reader.findings),
    }
}

/// What the schema says of a key that it does not know, in the words of a scenario, and with the key that was meant.
fn suggest(findings: &mut Findings) {
    // Two findings are about one slip: that the key must not be there, and the names that might be meant.
    let notes: Vec<Finding> =
        findings.iter().filter(|finding| finding.code == Code::UnknownAttribute).cloned().collect();
    findings.retain(|finding| finding.code != Code::UnknownAttribute);
    for note in notes {
        let same = findings.iter_mut().find(|finding| finding.place.pointer == note.place.pointer);
        let finding = match same {
            Some(finding) => finding,
            None => {
                findings.push(note.clone());
                let Some(last) = findings.last_mut() else { continue };
                last
            }
        };
        let key = note.place.pointer.as_deref().and_then(|pointer| pointer.rsplit('/').next()).unwrap_or_default();
        finding.code = Code::BadScenario;
        finding.severity = Severity::Error;
        finding.message = format!("`{}` means nothing here", printable_line(&json::unescape_token(key)));
        finding.hints = note.hints;
    }
}

/// Patterns that cannot be looked for.
fn patterns(source: &Source, node: &Node, findings: &mut Findings) {
    let steps = node.get("steps").and_then(Node::items).unwrap_or_default();
    for (at, expect) in steps.iter().enumerate().filter_map(|(at, step)| Some((at, step.get("expect")?))) {
        walk(expect, &format!("/steps/{at}/expect"), &mut |pointer, node| {
            for member in node.members().unwrap_or_default() {
                let pointer = format!("{pointer}/{}", escape_token(&member.key));
                let key = member.key.as_str();
                let is_pattern = key == "$matches" || (key == "matches" && pointer.contains("/logs/"));
                if let Some(Err(error)) = member.value.as_str().filter(|_| is_pattern).map(Regex::new) {
                    let why = error.to_string();
                    let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                    let what = format!("this is no regular expression: {why}");
                    findings.push(Finding::new(Code::BadScenario, what).at(member.value.place(source, &pointer)));
                }
                if key.starts_with('$') && !PATTERNS.contains(&key) && !pointer.contains("/db/") {
                    let place = json::place_at(source, member.key_range.clone(), &pointer);
                    let near = nearest(key, PATTERNS).map_or_else(
                        || format!("the patterns are {}", list(PATTERNS)),
                        |near| format!("did you mean `{near}`?"),
                    );
                    let what = format!("`{}` is no pattern", printable_line(key));
                    findings.push(Finding::new(Code::BadScenario, what).at(place).hint(near));
                }
            }
        });
    }
}

fn walk(node: &Node, pointer: &str, visit: &mut dyn FnMut(&str, &Node)) {
    visit(pointer, node);
    match &node.kind {
        Kind::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{pointer}/{index}"), visit);
            }
        }
        Kind::Object(members) => {
            for member in members {
                walk(&member.value, &format!("{pointer}/{}", escape_token(&member.key)), visit);
            }
        }
        _ => {}
    }
}

struct Reader<'a> {
    schemas: &'a Schemas,
    app: &'a App,
    source: &'a Source,
    node: &'a Node,
    folder: Option<&'a Path>,
    findings: Findings,
}

impl<'a> Reader<'a> {
    fn scenario(&mut self) -> Option<Scenario> {
        let (recipe, iparams) = self.recipe()?;
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
        let (seed, now) = (cast.recipe().seed, cast.recipe().now);
        let steps = self.steps(&mut cast);
        Some(Scenario {
            name: self.name(),
            file: self.source.file().to_path_buf(),
            source: self.source.clone(),
            seed,
            now,
            iparams,
            mocks,
            records,
            steps,
        })
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
        let recipe = Recipe {
            seed: self.node.get("seed").and_then(|seed| seed.value().as_u64()).unwrap_or(0),
            now: now.unwrap_or_else(usual),
            locale: locale.unwrap_or_default(),
            variant: variant.unwrap_or_default(),
            platform: self.app.manifest.platform,
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
    fn take<T>(&mut self, result: Result<T, Findings>, node: &Node, pointer: &str) -> Option<T> {
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

    fn filled(&mut self, node: &Node, pointer: &str, users: &Map<String, Value>) -> Option<Value> {
        let filled = fill_value(&node.value(), users);
        match filled {
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

    fn steps(&mut self, cast: &mut Cast<'_>) -> Vec<Step> {
        let items = self.node.get("steps").and_then(Node::items).unwrap_or_default();
        let mut steps: Vec<Step> = Vec::new();
        // Who or what was fired last: a user's name, an event's.
        let mut last: Vec<(String, Fired)> = Vec::new();
        for (at, node) in items.iter().enumerate() {
            let pointer = format!("/steps/{at}");
            let acts: Vec<_> = ACTS.iter().filter_map(|act| Some((*act, node.member(act)?))).collect();
            let [(act, member)] = acts[..] else {
                let what =
                    format!("a step is one of {}, this has {}", list(ACTS), list(acts.iter().map(|(act, _)| *act)));
                self.findings.push(Finding::new(Code::BadScenario, what).at(node.place(self.source, &pointer)));
                continue;
            };
            self.strangers(act, node, &pointer);
            let subject = member.value.as_str().unwrap_or_default().to_owned();
            let fired = match act {
                "create" => self.create(cast, node, &subject, &pointer),
                "update" => self.update(cast, node, &subject, &pointer),
                "fire" => self.fire(cast, node, &subject, &pointer, at),
                _ => self.again(&last, &member.value, &subject, &pointer),
            };
            let Some(fired) = fired else { continue };
            last.push((fired.event.clone(), fired.clone()));
            last.push((subject.clone(), fired.clone()));
            let place = json::place_at(self.source, member.key_range.start..member.value.range.end, &pointer);
            let title = printable_line(&format!("{act} {subject}")).into_owned();
            let expect = node.get("expect").cloned();
            let users = cast.now();
            if let Some(expect) = &expect {
                self.references(expect, &format!("{pointer}/expect"), &users);
            }
            steps.push(Step { title, place, fired, expect, users });
        }
        steps
    }

    /// Keys that are for another kind of step.
    fn strangers(&mut self, act: &str, node: &Node, pointer: &str) {
        let own: &[&str] = match act {
            "create" => &["set"],
            "update" => &["set", "change", "actor"],
            "fire" => &["payload"],
            _ => &[],
        };
        for member in node.members().unwrap_or_default() {
            let key = member.key.as_str();
            if key != act && key != "expect" && !own.contains(&key) {
                let place = json::place_at(self.source, member.key_range.clone(), &format!("{pointer}/{key}"));
                let what = format!("`{key}` has no place beside `{act}`");
                self.findings.push(Finding::new(Code::BadScenario, what).at(place));
            }
        }
    }

    /// References that lead nowhere, in keys and texts.
    fn references(&mut self, node: &Node, pointer: &str, users: &Map<String, Value>) {
        let source = self.source;
        let findings = &mut self.findings;
        walk(node, pointer, &mut |pointer, node| {
            let mut tell = |wrong: (String, Option<String>), place: Place| {
                findings.push(Finding::new(Code::BadScenario, wrong.0).at(place).maybe_hint(wrong.1));
            };
            if let Some(Err(wrong)) =
                node.as_str().filter(|_| !pointer.ends_with("matches")).map(|text| fill(text, users))
            {
                tell(wrong, node.place(source, pointer));
            }
            for member in node.members().unwrap_or_default() {
                if let Err(wrong) = fill(&member.key, users) {
                    tell(wrong, json::place_at(source, member.key_range.clone(), pointer));
                }
            }
        });
    }

    fn set(&mut self, node: &Node, pointer: &str, cast: &Cast<'_>) -> Option<Map<String, Value>> {
        let Some(set) = node.get("set") else { return Some(Map::new()) };
        match self.filled(set, &format!("{pointer}/set"), &cast.now())? {
            Value::Object(map) => Some(map),
            _ => None,
        }
    }

    fn create(&mut self, cast: &mut Cast<'_>, node: &Node, name: &str, pointer: &str) -> Option<Fired> {
        let set = self.set(node, pointer, cast)?;
        let payload = cast.create(name, &set);
        let payload = self.take(payload, node.get("set").unwrap_or(node), &format!("{pointer}/set"))?;
        self.fired(CREATED, &payload, node, pointer)
    }

    fn update(&mut self, cast: &mut Cast<'_>, node: &Node, name: &str, pointer: &str) -> Option<Fired> {
        if !cast.knows(name) {
            let near = nearest(name, cast.names()).map(|near| format!("did you mean `{near}`?"));
            let hint = near.unwrap_or_else(|| "list the user below `users`, or `create` it".to_owned());
            let what = format!("there is no user `{}` in this scenario", printable_line(name));
            let place = node.get("update").unwrap_or(node).place(self.source, &format!("{pointer}/update"));
            self.findings.push(Finding::new(Code::BadScenario, what).at(place).hint(hint));
            return None;
        }
        let set = self.set(node, pointer, cast)?;
        let change = node.get("change").and_then(Node::items).unwrap_or_default();
        let wanted = Wanted {
            set,
            change: change.iter().filter_map(Node::as_str).map(str::to_owned).collect(),
            actor: node.get("actor").and_then(Node::as_str).and_then(|kind| kind.parse::<ActorKind>().ok()),
        };
        let payload = cast.update(name, &wanted);
        let at = node.get("set").or(node.get("change")).unwrap_or(node);
        let payload = self.take(payload, at, pointer)?;
        self.fired(UPDATED, &payload, node, pointer)
    }

    fn fire(&mut self, cast: &Cast<'_>, node: &Node, event: &str, pointer: &str, at: usize) -> Option<Fired> {
        let recipe = cast.recipe();
        let payload = match node.get("payload").and_then(|file| Some((file, file.as_str()?))) {
            Some((file_node, file)) => {
                let path = self.folder.unwrap_or(Path::new("")).join(file);
                let shown = self.source.file().parent().unwrap_or(Path::new("")).join(file);
                let limit = self.schemas.event(event).map_or(LARGEST_PAYLOAD, |event| event.limit_bytes());
                let loaded = Source::read_as(&path, &shown)
                    .map_err(|finding| {
                        // The name of the file is what is wrong, and that stands here.
                        let what = format!("`{}`: {}", shown.display(), finding.message);
                        vec![Finding::new(finding.code, what)]
                    })
                    .and_then(|source| load(&source, limit));
                let loaded = self.take(loaded, file_node, &format!("{pointer}/payload"))?;
                let mut value = loaded.value();
                if let (Value::Object(members), Some(iparams)) = (&mut value, &recipe.iparams) {
                    members.entry("iparams").or_insert_with(|| Value::Object(iparams.clone()));
                }
                value
            }
            None => {
                let generator = Generator::new(self.schemas, event, recipe);
                let event_node = node.get("fire").unwrap_or(node);
                self.take(generator, event_node, &format!("{pointer}/fire"))?.value(at as u64)
            }
        };
        self.fired(event, &payload, node, pointer)
    }

    fn again(&mut self, last: &[(String, Fired)], node: &Node, subject: &str, pointer: &str) -> Option<Fired> {
        let fired = last.iter().rev().find(|(name, _)| name == subject).map(|(_, fired)| fired.clone());
        if fired.is_none() {
            let names = || last.iter().map(|(name, _)| name.as_str());
            let near = nearest(subject, names()).map(|near| format!("did you mean `{near}`?"));
            let what = format!("nothing was fired of `{}` before this step", printable_line(subject));
            let place = node.place(self.source, &format!("{pointer}/again"));
            self.findings.push(Finding::new(Code::BadScenario, what).at(place).maybe_hint(near));
        }
        fired
    }

    fn fired(&mut self, event: &str, payload: &Value, node: &Node, pointer: &str) -> Option<Fired> {
        let subscription = self.app.subscription(event, None).cloned();
        let subscription = self.take(subscription, node, pointer)?;
        Some(Fired {
            event: event.to_owned(),
            callback: subscription.callback,
            ends_by_render: self.schemas.event(event).is_some_and(|event| event.ends_by_render()),
            payload: payload.to_string(),
        })
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

fn as_map(node: &Node) -> Map<String, Value> {
    match node.value() {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
