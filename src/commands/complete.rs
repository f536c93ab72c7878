//! What a shell can complete a word of the command line with, beyond flags and verbs: events, paths in payloads, scenarios and the
//! like, from the app at hand and the schemas.
//!
//! Asked for at the press of a key: it reads little, runs nothing, and where something is wrong it offers less and says nothing.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::AppOptions;
use crate::app::{App, Locate, Scope};
use crate::history::{Filter, History, KnownUser, Users};
use crate::model::Code;
use crate::payload::Locale;
use crate::schema::{EventSchema, Schemas, Shape};
use crate::text::printable_line;

/// How deep folders of scenarios are looked into, and how many files are offered.
const DEEPEST: usize = 6;
const MOST_FILES: usize = 500;

/// How many deliveries are offered, the newest.
const MOST_DELIVERIES: usize = 50;

/// What kind of word is to be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// An event that can be fired: one that the app subscribes.
    Subscribed,
    /// An event that has a schema.
    Event,
    /// `--set`: a path in the payload and, behind it, a value.
    Assignment,
    /// `--unset`: a path in the payload.
    Path,
    /// `--changes`: fields of the user, separated by commas.
    Changes,
    /// `--module`: where the app subscribes.
    Module,
    /// The code of a finding; `true`: or `warnings`.
    Code(bool),
    /// The name of a schema.
    Schema,
    /// `--filter`: a scenario.
    Scenario,
    /// `--secret`: an installation parameter.
    Iparam,
    /// `--locale`
    Locale,
    /// The number of a delivery in the app's history.
    Delivery,
    /// The id of a user that the app's history knows.
    User,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// One candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The whole word.
    pub value: String,
    /// What it is, for shells that show it.
    pub help: String,
}

/// The command line as far as it is typed.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    /// The current folder.
    pub cwd: PathBuf,
    /// All words.
    pub words: Vec<String>,
    /// `--app`, `--manifest`
    pub app: AppOptions,
    /// `--schemas`
    pub schemas: Option<PathBuf>,
}

/// The candidates for a word that begins with `current`.
pub fn candidates(wanted: Wanted, typed: &Typed, current: &str) -> Vec<Candidate> {
    let found = match wanted {
        Wanted::Subscribed => typed.subscribed(),
        Wanted::Event => events(&typed.schemas()),
        Wanted::Assignment => typed.assignments(current),
        Wanted::Path => typed.paths(current, ""),
        Wanted::Changes => typed.changes(current),
        Wanted::Module => typed.modules(),
        Wanted::Code(with_warnings) => codes(with_warnings),
        Wanted::Schema => typed.schemas().list().into_iter().map(|(name, title)| candidate(name, title)).collect(),
        Wanted::Scenario => typed.scenarios(),
        Wanted::Iparam => typed.iparams(),
        Wanted::Locale => Locale::all().map(|locale| candidate(locale.name(), "")).collect(),
        Wanted::Delivery => typed.app().map(|app| deliveries(&app.root)).unwrap_or_default(),
        Wanted::User => typed.app().map(|app| users(&app.root)).unwrap_or_default(),
        Wanted::OneOf(words) => words.iter().map(|word| candidate(word, "")).collect(),
    };
    // What a terminal could not show as it stands is not offered: the shell would write it there.
    let is_fit = |found: &Candidate| found.value.starts_with(current) && printable_line(&found.value) == found.value;
    found.into_iter().filter(is_fit).collect()
}

/// The deliveries that the app in `root` has in its history, the newest first: the number of each, and what it was.
fn deliveries(root: &Path) -> Vec<Candidate> {
    let filter = Filter { most: Some(MOST_DELIVERIES), ..Filter::default() };
    let Ok(listed) = History::settled(root).history.list(&filter) else { return Vec::new() };
    let numbers = listed.deliveries.iter().rev().map(|one| {
        let outcome = one.outcome.get("kind").and_then(Value::as_str).unwrap_or_default();
        candidate(&one.id.to_string(), &format!("{} {outcome}", one.event))
    });
    last("the newest delivery").chain(numbers).collect()
}

/// The users that the history of the app in `root` knows: the id of each, and a name.
fn users(root: &Path) -> Vec<Candidate> {
    let users = Users::open(root).all().unwrap_or_default();
    let name = |field: &str, user: &KnownUser| user.user.get(field).and_then(Value::as_str).map(str::to_owned);
    let names = |user: &KnownUser| [name("first_name", user), name("last_name", user)];
    let help = |user: &KnownUser| names(user).into_iter().flatten().collect::<Vec<_>>().join(" ");
    last("the user of the newest delivery").chain(users.iter().map(|user| candidate(user.id(), &help(user)))).collect()
}

fn last(help: &str) -> impl Iterator<Item = Candidate> {
    std::iter::once(candidate("last", help))
}

fn candidate(value: &str, help: &str) -> Candidate {
    Candidate { value: value.to_owned(), help: printable_line(help).into_owned() }
}

fn events(schemas: &Schemas) -> Vec<Candidate> {
    let help = |event: &str| schemas.event(event).map_or("", |event| event.summary()).to_owned();
    schemas.events().map(|event| candidate(event, &help(event))).collect()
}

fn codes(with_warnings: bool) -> Vec<Candidate> {
    let warnings = with_warnings.then(|| candidate("warnings", "all warnings"));
    let codes = Code::ALL.iter().map(|code| candidate(code.name(), code.meaning()));
    warnings.into_iter().chain(codes).collect()
}

impl Typed {
    fn app(&self) -> Option<App> {
        let AppOptions { app, manifest } = self.app.clone();
        App::open(&Locate { app, manifest, cwd: self.cwd.clone() }).ok()
    }

    fn schemas(&self) -> Schemas {
        let own = self.schemas.as_ref().and_then(|dir| Schemas::with_dir(&self.cwd.join(dir)).ok());
        own.unwrap_or_else(Schemas::embedded)
    }

    /// What the app subscribes; every event that has a schema, where there is no app.
    fn subscribed(&self) -> Vec<Candidate> {
        let known = events(&self.schemas());
        let Some(app) = self.app() else { return known };
        let mut found: Vec<Candidate> = Vec::new();
        for subscription in &app.manifest.subscriptions {
            if found.iter().all(|one| one.value != subscription.event) {
                let help = known.iter().find(|one| one.value == subscription.event).map_or("", |one| &one.help);
                found.push(candidate(&subscription.event, help));
            }
        }
        found
    }

    /// Runs `of` with the shape of the payload: of the event that is among the words, on the app's platform.
    fn with_shape<T>(&self, of: impl FnOnce(&Shape) -> T) -> Option<T> {
        let schemas = self.schemas();
        let named = self.words.iter().find_map(|word| schemas.event(word));
        let event: &EventSchema = match named {
            Some(event) => event,
            None => schemas.event(&self.implied_event()?)?,
        };
        let platform = self.app().map(|app| app.manifest.platform);
        Some(of(event.shape(platform)))
    }

    /// The event that is fired by a verb that does not name it: a schedule's, or that of a delivery.
    fn implied_event(&self) -> Option<String> {
        if self.words.iter().any(|word| word == "schedules") {
            return Some("onScheduledEvent".to_owned());
        }
        let verb = self.words.iter().position(|word| word == "replay")?;
        let behind = |at: usize| self.words.get(at - 1).is_some_and(|before| before == "--times");
        let is_id = |at: &usize| self.words[*at] == "last" || self.words[*at].parse::<u64>().is_ok();
        let id = &self.words[(verb + 1..self.words.len()).find(|at| is_id(at) && !behind(*at))?];
        let history = History::settled(&self.app()?.root).history;
        let delivery = if id == "last" { history.last() } else { history.get(id.parse().ok()?) };
        Some(delivery.ok()??.event)
    }

    /// The paths of the payload, each with `end` behind it. Those of `changes`, which are many, once that is typed.
    fn paths(&self, current: &str, end: &str) -> Vec<Candidate> {
        let with_changes = current.starts_with("data.changes");
        let wanted = |path: &String| with_changes || !path.starts_with("data.changes.");
        let paths = self.with_shape(|shape| shape.paths().into_iter().filter(wanted).collect::<Vec<_>>());
        paths.unwrap_or_default().iter().map(|path| candidate(&format!("{path}{end}"), "")).collect()
    }

    /// `PATH=` where the value is a text or a number, `PATH:=` where it is JSON; behind `=`, the values that are allowed.
    fn assignments(&self, current: &str) -> Vec<Candidate> {
        if let Some((path, _)) = current.split_once('=') {
            return self.values(path.trim_end_matches(':'), &current[..=path.len()]);
        }
        let paths = self.paths(current, "");
        let ended = self.with_shape(|shape| {
            let plain = |at: &Shape| ["string", "number", "boolean"].iter().any(|kind| at.kinds().allows(kind));
            let is_json = |path: &str| shape.find(&pointer(path)).is_some_and(|at| !plain(at));
            let end = |path: &str| if is_json(path) { ":=" } else { "=" };
            paths.iter().map(|path| candidate(&format!("{}{}", path.value, end(&path.value)), "")).collect::<Vec<_>>()
        });
        ended.unwrap_or_default()
    }

    /// The values that the schema lists for a path, behind what is typed of the assignment.
    fn values(&self, path: &str, typed: &str) -> Vec<Candidate> {
        let is_json = typed.ends_with(":=");
        let values = self.with_shape(|shape| {
            let at = shape.find(&pointer(path))?;
            let mut values = at.choices().to_vec();
            values.extend(at.constant().cloned());
            if values.is_empty() && at.kinds().allows("boolean") && !at.kinds().allows("object") {
                values.extend([true.into(), false.into()]);
            }
            Some(values)
        });
        let text = |value: &Value| match value.as_str().filter(|_| !is_json) {
            Some(text) => format!("{typed}{text}"),
            None => format!("{typed}{value}"),
        };
        values.flatten().unwrap_or_default().iter().map(|value| candidate(&text(value), "")).collect()
    }

    /// The user's fields that can change, behind those that are typed already.
    fn changes(&self, current: &str) -> Vec<Candidate> {
        let typed = current.rfind(',').map_or("", |comma| &current[..=comma]);
        let taken: Vec<&str> = typed.split(',').collect();
        let schemas = self.schemas();
        let fields = schemas.shape("shared/user").properties().iter();
        let fields = fields.filter(|field| field.shape.changeable() && !taken.contains(&field.name.as_str()));
        fields.map(|field| candidate(&format!("{typed}{}", field.name), "")).collect()
    }

    fn modules(&self) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = Vec::new();
        for subscription in self.app().iter().flat_map(|app| &app.manifest.subscriptions) {
            if let Scope::Product(name) | Scope::Module(name) = &subscription.scope
                && found.iter().all(|one| one.value != *name)
            {
                found.push(candidate(name, ""));
            }
        }
        found
    }

    fn iparams(&self) -> Vec<Candidate> {
        let values = self.app().and_then(|app| app.iparams(None, &[]).ok()?.values);
        // Names only: a value may be secret.
        values.iter().flat_map(|values| values.keys()).map(|name| candidate(name, "")).collect()
    }

    /// The files of the app's scenarios, by the part of their names that tells them apart.
    fn scenarios(&self) -> Vec<Candidate> {
        let mut found = Vec::new();
        if let Some(app) = self.app() {
            collect_scenarios(&app.root.join("tests"), DEEPEST, &mut found);
        }
        found.sort_by(|a, b| a.value.cmp(&b.value));
        found.dedup();
        found
    }
}

fn collect_scenarios(folder: &Path, deep: usize, found: &mut Vec<Candidate>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if found.len() >= MOST_FILES {
            return;
        }
        if let Some((stem, _)) = name.split_once(".scenario.") {
            found.push(candidate(stem, ""));
        } else if deep > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect_scenarios(&entry.path(), deep - 1, found);
        }
    }
}

/// The JSON Pointer of a path as [`Shape::paths`] gives it.
fn pointer(path: &str) -> String {
    format!("/{}", path.replace(['.', '['], "/").replace(']', ""))
}
