//! What the manifest asks of the scripts.

use std::collections::HashSet;

use crate::app::{App, Manifest, Scope, catalogue};
use crate::model::{Place, Platform};
use crate::text::Source;
use crate::text::json::{self, Node};

/// A callback that an event names.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) event: String,
    pub(super) name: String,
    /// Where the event names it.
    pub(super) place: Place,
    /// Whether the event is the one that its schema describes, and not one of the same name in another product.
    pub(super) is_home: bool,
}

/// What a manifest says, as far as the rules ask.
#[derive(Debug)]
pub(super) struct Wants {
    pub(super) platform: Platform,
    pub(super) callbacks: Vec<Wanted>,
    /// Functions that the app's pages may call.
    pub(super) functions: HashSet<String>,
    /// Events that have an entry, faulty or not.
    pub(super) events: HashSet<String>,
    pub(super) dependencies: HashSet<String>,
    /// Installation parameters that are declared; `None` where nobody knows.
    pub(super) iparams: Option<HashSet<String>>,
    /// Request templates that `config/requests.json` defines; `None` where it cannot be read.
    pub(super) templates: Option<HashSet<String>>,
    /// Request templates that the manifest declares, and where.
    pub(super) declared_templates: Vec<(String, Place)>,
    /// Whether the app has pages, whose code is not read.
    pub(super) has_pages: bool,
}

impl Wants {
    /// What the manifest and `config/` of an app say.
    pub(super) fn of_app(app: &App) -> Self {
        let mut wants = Self::of(&app.manifest);
        wants.iparams = config_keys(app, "iparams.json").filter(|_| !app.root.join("config/iparams.html").exists());
        wants.templates = match app.root.join("config/requests.json").exists() {
            true => config_keys(app, "requests.json"),
            false => Some(HashSet::new()),
        };
        wants.has_pages = app.root.join("app").exists();
        wants
    }

    /// What is known where there are callbacks and nothing else.
    pub(super) fn of_callbacks(platform: Platform, callbacks: &[(&str, &str)]) -> Self {
        let callback = |(event, name): &(&str, &str)| Wanted {
            event: (*event).to_owned(),
            name: (*name).to_owned(),
            place: Place::default(),
            is_home: true,
        };
        Self {
            platform,
            callbacks: callbacks.iter().map(callback).collect(),
            functions: HashSet::new(),
            events: callbacks.iter().map(|(event, _)| (*event).to_owned()).collect(),
            dependencies: HashSet::new(),
            iparams: None,
            templates: None,
            declared_templates: Vec::new(),
            has_pages: false,
        }
    }

    pub(super) fn of(manifest: &Manifest) -> Self {
        let callbacks = manifest.subscriptions.iter().map(|subscription| Wanted {
            event: subscription.event.clone(),
            name: subscription.callback.clone(),
            place: handler_place(manifest, &subscription.place),
            is_home: is_home(&subscription.scope),
        });
        let mut wants = Self {
            platform: manifest.platform,
            callbacks: callbacks.collect(),
            functions: HashSet::new(),
            events: manifest.subscriptions.iter().map(|subscription| subscription.event.clone()).collect(),
            dependencies: keys(manifest.node.get("dependencies")).collect(),
            iparams: None,
            templates: None,
            declared_templates: declared_templates(manifest),
            has_pages: false,
        };
        for part in parts(&manifest.node) {
            wants.functions.extend(keys(part.get("functions")));
            wants.events.extend(keys(part.get("events")));
            wants.dependencies.extend(keys(part.get("dependencies")));
        }
        wants
    }
}

/// The manifest itself, and each of its products and modules.
pub(super) fn parts(manifest: &Node) -> impl Iterator<Item = &Node> {
    let inner = ["product", "modules"].into_iter().filter_map(|key| manifest.get(key)?.members());
    std::iter::once(manifest).chain(inner.flatten().map(|member| &member.value))
}

fn keys(node: Option<&Node>) -> impl Iterator<Item = String> {
    node.and_then(Node::members).into_iter().flatten().map(|member| member.key.clone())
}

/// The names that a file in `config/` gives something to; `None` where it is not there, or is for another rule to judge.
fn config_keys(app: &App, name: &str) -> Option<HashSet<String>> {
    let path = app.root.join("config").join(name);
    let source = Source::read_as(&path, &app.shown(format!("config/{name}"))).ok()?;
    let node = json::read(&source).0?;
    node.members().map(|members| members.iter().map(|member| member.key.clone()).collect())
}

/// `requests` of the manifest, and of each of its products and modules.
fn declared_templates(manifest: &Manifest) -> Vec<(String, Place)> {
    let requests = parts(&manifest.node).filter_map(|part| part.get("requests")?.members()).flatten();
    requests.map(|member| (member.key.clone(), manifest.source.place(member.key_range.clone()))).collect()
}

fn is_home(scope: &Scope) -> bool {
    match scope {
        Scope::None => true,
        Scope::Product(name) => name == catalogue::HOME_PRODUCT,
        Scope::Module(name) => name == catalogue::HOME_MODULE,
    }
}

/// Where the name of the callback stands; in a legacy app, where the event does.
fn handler_place(manifest: &Manifest, place: &Place) -> Place {
    let handler = place.pointer.as_ref().map(|pointer| format!("{pointer}/handler"));
    match handler.as_ref().and_then(|pointer| Some((pointer, manifest.node.at(pointer)?))) {
        Some((pointer, node)) => node.place(&manifest.source, pointer),
        None => place.clone(),
    }
}
