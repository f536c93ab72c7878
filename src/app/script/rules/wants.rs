//! What the manifest asks of the scripts.

use std::collections::HashSet;

use crate::app::config::{check_substitutions, declared_iparams, is_secure};
use crate::app::{App, Manifest, RequestCalls, Scope, catalogue};
use crate::model::{Place, Platform};
use crate::text::Source;
use crate::text::json::{self, Member, Node, escape_token, place_at};

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
    /// The same, with where the manifest declares them.
    pub(super) declared_functions: Vec<(String, Place)>,
    /// Events that have an entry, faulty or not.
    pub(super) events: HashSet<String>,
    pub(super) dependencies: HashSet<String>,
    /// Installation parameters that are declared; `None` where nobody knows.
    pub(super) iparams: Option<HashSet<String>>,
    /// Installation parameters that the app alone can have use for, and where they are declared; none where others may read
    /// them whom nobody has looked at.
    pub(super) declared_iparams: Vec<(String, Place)>,
    /// Texts of the app beside its scripts that may name such a parameter.
    pub(super) texts: Vec<String>,
    /// Request templates that `config/requests.json` defines; `None` where it cannot be read.
    pub(super) templates: Option<HashSet<String>>,
    /// Whether there is a `config/requests.json`.
    pub(super) has_templates: bool,
    /// Request templates that the manifest declares, and where.
    pub(super) declared_templates: Vec<(String, Place)>,
    /// Which calls of `$request` the platform has; `None` where the manifest names no platform.
    pub(super) request_calls: Option<RequestCalls>,
    /// Whether the app has pages, whose code is not read.
    pub(super) has_pages: bool,
}

impl Wants {
    /// What the manifest and `config/` of an app say.
    pub(super) fn of_app(app: &App) -> Self {
        let mut wants = Self::of(&app.manifest);
        wants.iparams = declared_iparams(&app.root);
        wants.has_templates = app.root.join("config/requests.json").exists();
        wants.templates = match wants.has_templates {
            true => config_keys(app, "requests.json"),
            false => Some(HashSet::new()),
        };
        wants.has_pages = app.root.join("app").exists();
        if !wants.has_pages {
            iparams_of(app, &mut wants);
        }
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
            declared_functions: Vec::new(),
            events: callbacks.iter().map(|(event, _)| (*event).to_owned()).collect(),
            dependencies: HashSet::new(),
            iparams: None,
            declared_iparams: Vec::new(),
            texts: Vec::new(),
            templates: None,
            has_templates: false,
            declared_templates: Vec::new(),
            request_calls: None,
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
            declared_functions: declared(manifest, "functions"),
            events: manifest.subscriptions.iter().map(|subscription| subscription.event.clone()).collect(),
            dependencies: keys(manifest.node.get("dependencies")).collect(),
            iparams: None,
            declared_iparams: Vec::new(),
            texts: Vec::new(),
            templates: None,
            has_templates: false,
            declared_templates: declared(manifest, "requests"),
            request_calls: manifest.platform_version.as_ref().map(|_| RequestCalls::of(manifest)),
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

/// The keys of `requests` or `functions` in the manifest, and in each of its products and modules.
fn declared(manifest: &Manifest, what: &str) -> Vec<(String, Place)> {
    let members = parts(&manifest.node).filter_map(|part| part.get(what)?.members()).flatten();
    members.map(|member| (member.key.clone(), manifest.source.place(member.key_range.clone()))).collect()
}

/// What is declared in `config/iparams.json`, and the other texts that may use it.
fn iparams_of(app: &App, wants: &mut Wants) {
    // Scripts of the installation page may read any of them.
    let has_page_scripts = app.root.join("config/assets").exists();
    if has_page_scripts || wants.iparams.as_ref().is_none_or(HashSet::is_empty) {
        return;
    }
    let config = app.root.join("config");
    let read = |name: &str| Source::read_as(&config.join(name), &app.shown(format!("config/{name}"))).ok();
    // Where a template misspells one, the other half of the slip is no news.
    if read("requests.json").is_some_and(|requests| !check_substitutions(&requests, &app.root).is_empty()) {
        return;
    }
    let Some(source) = read("iparams.json") else { return };
    let Some(node) = json::read(&source).0 else { return };
    for Member { key, key_range, value } in node.members().unwrap_or_default() {
        // These are for the platform itself, which signs in with them.
        let is_for_platform = value.get("type_attributes").is_some()
            || matches!(value.get("type").and_then(Node::as_str), Some("domain" | "api_key"));
        if !is_for_platform {
            let mut place = place_at(&source, key_range.clone(), &format!("/{}", escape_token(key)));
            if is_secure(value) {
                place.excerpt = None;
            }
            wants.declared_iparams.push((key.clone(), place));
        }
    }
    let names = std::fs::read_dir(&config).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    let others = names.filter(|name| !matches!(name.as_str(), "iparams.json" | "iparam_test_data.json"));
    wants.texts = others.filter_map(|name| Some(read(&name)?.text().to_owned())).collect();
    wants.texts.push(app.manifest.source.text().to_owned());
}

fn is_home(scope: &Scope) -> bool {
    match scope {
        Scope::None => true,
        Scope::Product(name) => name == catalogue::HOME_PRODUCT,
        // The events of `common` are the same for every product.
        Scope::Module(name) => name == catalogue::HOME_MODULE || name == "common",
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
