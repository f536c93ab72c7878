//! What the manifest asks of the scripts.

use std::collections::HashSet;

use crate::app::{Manifest, Scope, catalogue};
use crate::model::{Place, Platform};
use crate::text::json::Node;

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
}

impl Wants {
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
