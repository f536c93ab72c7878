//! The sample payloads in `server/test_data`: which there are, and whether each lies where its event does.
//!
//! Layouts: `<event>.json`, `<product>/<event>.json`, `<module>/<event>.json`, `common/<event>.json`. The folder also
//! holds samples for functions, which are named after them.

use std::path::Path;

use crate::app::manifest::misplaced;
use crate::app::{App, Scope, Shape, catalogue};
use crate::model::{Code, Finding, Findings, Platform};
use crate::text::json::{Member, Node};
use crate::text::{Source, nearest};

const FOLDER: &str = "server/test_data";
/// How deep folders below it are looked into; the layouts have one.
const DEEPEST: usize = 4;

/// What the path of a sample payload says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestData {
    /// The event that it is named after.
    pub event: String,
    /// The product's or module's folder that it is in.
    pub folder: Option<String>,
}

/// The files below the folder, relative to the app's, with `/`, in order.
pub(super) fn names(root: &Path) -> Vec<String> {
    let mut names = Vec::new();
    collect(&root.join(FOLDER), FOLDER, 0, &mut names);
    names.sort();
    names
}

fn collect(folder: &Path, name: &str, depth: usize, names: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Some(own) = entry.file_name().to_str().map(str::to_owned) else { continue };
        // Links to folders are not followed: one to a folder above would never end.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if depth < DEEPEST && !own.starts_with('.') && own != "node_modules" {
                collect(&entry.path(), &format!("{name}/{own}"), depth + 1, names);
            }
        } else if own.ends_with(".json") || own.ends_with(".ndjson") {
            names.push(format!("{name}/{own}"));
        }
    }
}

impl TestData {
    /// Reads a name relative to the app's folder.
    pub fn new(name: &str) -> Self {
        let below = name.strip_prefix(FOLDER).unwrap_or(name).trim_start_matches('/');
        let (folder, file) = match below.rsplit_once('/') {
            Some((folder, file)) => (Some(folder.to_owned()), file),
            None => (None, below),
        };
        let event = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        Self { event: event.to_owned(), folder }
    }

    /// The product or module that its folder means; `None` where it lies directly in the folder of samples.
    fn scope(&self, app: &App) -> Option<Scope> {
        let name = self.folder.as_deref()?.split('/').next()?.to_owned();
        let module = Scope::Module(name.clone());
        let product = Scope::Product(name);
        match app.manifest.shape {
            Shape::Modules if catalogue::events(&module).is_some() => Some(module),
            _ if catalogue::events(&product).is_some() => Some(product),
            _ => None,
        }
    }

    /// Whether the payload is one of the chat product's, so that the schemas of its events are meant. Other products have
    /// events of the same names with other payloads.
    pub fn is_at_home(&self, app: &App) -> bool {
        if let Some(scope) = self.scope(app).filter(|scope| scope.name() != Some("common")) {
            return scope.is_home();
        }
        let mut scopes = app.manifest.subscriptions.iter().filter(|one| one.event == self.event).map(|one| &one.scope);
        let first = scopes.next();
        // The events of `common` are the same for every product.
        let is_home = |scope: &Scope| scope.is_home() || scope.name() == Some("common");
        first.is_none_or(is_home) || scopes.any(is_home)
    }

    /// What is wrong with where the sample lies.
    pub fn check(&self, app: &App, source: &Source, node: Option<&Node>) -> Findings {
        let own = node.and_then(|node| node.get("event")).and_then(Node::as_str);
        if let Some(finding) = self.unknown(app, node) {
            return vec![finding.in_file(source.file())];
        }
        let mut findings = Vec::new();
        if !catalogue::is_known(&self.event) {
            return findings;
        }
        if let (Some(own), Some(node)) = (own, node)
            && own != self.event
        {
            let what = format!("this is a payload of `{own}`, in a file that is named after `{}`", self.event);
            let place = node.nearest("/event").place(source, "/event");
            findings
                .push(Finding::new(Code::EventMismatch, what).at(place).hint(format!("name the file `{own}.json`")));
        } else if !app.manifest.subscriptions.iter().any(|one| one.event == self.event) {
            let what = format!("the app does not subscribe to `{}`, so nothing uses this sample", self.event);
            findings.push(Finding::new(Code::SampleNotSubscribed, what).in_file(source.file()));
        }
        findings
    }

    /// The finding for a name that no event has, or none in this folder.
    fn unknown(&self, app: &App, node: Option<&Node>) -> Option<Finding> {
        let event = &self.event;
        let subscribed = app.manifest.subscriptions.iter().any(|one| one.event == *event);
        if let Some(scope) = self.scope(app)
            && catalogue::is_known(event)
        {
            // `common` may hold samples of any module.
            let elsewhere = misplaced(event, &scope).filter(|_| scope.name() != Some("common"))?;
            let finding = Finding::new(Code::SampleUnknownEvent, elsewhere.message);
            return Some(finding.hint("move the sample to the folder of the module that has the event"));
        }
        if catalogue::is_known(event) || subscribed || is_function(app, event) {
            return None;
        }
        let near = nearest(event, catalogue::all_events());
        let looks_like_one = event.strip_prefix("on").is_some_and(|rest| rest.starts_with(char::is_uppercase));
        let is_payload = node.is_some_and(|node| node.get("event").is_some() && node.get("data").is_some());
        if near.is_none() && !looks_like_one && !is_payload {
            return None;
        }
        let what = format!("the platform has no event `{event}`, after which this sample is named");
        let hint = near.map(|near| format!("did you mean `{near}.json`?"));
        Some(Finding::new(Code::SampleUnknownEvent, what).maybe_hint(hint))
    }
}

/// Whether the manifest declares a function of that name.
fn is_function(app: &App, name: &str) -> bool {
    app.manifest.hosts().iter().any(|(_, host)| {
        let functions = host.get("functions").and_then(Node::members).unwrap_or_default();
        functions.iter().any(|Member { key, .. }| key == name)
    })
}

/// Attributes by which the envelopes of the two platforms are told apart.
const ENVELOPE_2: [&str; 2] = ["account_id", "domain"];

impl App {
    /// Where a sample wears the other platform's envelope, one finding that says so. The vendor's kit itself sends the
    /// older envelope to 3.0 apps, so this is no error.
    pub fn other_envelope(&self, source: &Source, node: &Node) -> Option<Finding> {
        let has = |name: &&str| node.get(name).is_some();
        let (old, new) = (ENVELOPE_2.iter().find(|name| has(name)), Some(&"currentHost").filter(|name| has(name)));
        let (name, what) = match (self.manifest.platform, old, new) {
            (Platform::V3, Some(name), None) => {
                (name, "`account_id` and `domain` come with platform 2.x, this app's platform 3.0 sends `currentHost`")
            }
            (Platform::V2, None, Some(name)) => {
                (name, "`currentHost` comes with platform 3.0, this app's platform sends `account_id` and `domain`")
            }
            _ => return None,
        };
        let pointer = format!("/{name}");
        let range = node.key_range(&pointer)?;
        let hint = "make a new sample with `simctl generate`";
        let finding = Finding::new(Code::OtherEnvelope, what).hint(hint);
        Some(finding.at(crate::text::json::place_at(source, range, &pointer)))
    }
}
