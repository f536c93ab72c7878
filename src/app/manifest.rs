//! `manifest.json` in every shape that is met, and what it subscribes to.
//!
//! All faults are collected. Some leave nothing to fire and end the reading; the others go along in
//! [`Manifest::findings`]. What `server.js` says is not looked at here but handed in.

use crate::model::{Code, Finding, Findings, Place, Platform, Severity};
use crate::text::json::{self, Kind, Member, Node, escape_token};
use crate::text::{Source, list, nearest};

use super::catalogue;
use super::script::LegacyEvent;

/// Where a manifest keeps its subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The documents' snippet: `events` at the top.
    Snippet,
    /// Platform 1.x and 2.0: `exports.events` in `server.js`.
    Legacy,
    /// Platform 2.1 to 2.3: `product.<product>.events`.
    Product,
    /// Platform 3.0: `modules.<module>.events`.
    Modules,
}

/// The product or module that a subscription belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The documents' snippet names none.
    None,
    /// A product of a manifest up to 2.3.
    Product(String),
    /// A module of a 3.0 manifest.
    Module(String),
}

impl Scope {
    /// The product's or module's name.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Product(name) | Self::Module(name) => Some(name),
        }
    }

    /// Whether the user events of the chat product are at home here.
    pub(super) fn is_home(&self) -> bool {
        match self {
            Self::None => true,
            Self::Product(name) => name == catalogue::HOME_PRODUCT,
            Self::Module(name) => name == catalogue::HOME_MODULE,
        }
    }
}

/// One event that the app wants, and the callback that gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The event, such as `onUserCreate`.
    pub event: String,
    /// The callback's name in `exports`.
    pub callback: String,
    /// The product or module.
    pub scope: Scope,
    /// Where it stands: the event's key in the manifest, or the event's name in `server.js`.
    pub place: Place,
}

/// A manifest that names at least one event.
#[derive(Debug)]
pub struct Manifest {
    /// Its text.
    pub source: Source,
    /// Its value, with places.
    pub node: Node,
    /// Which envelope the platform's payloads wear.
    pub platform: Platform,
    /// `platform-version` as it stands there.
    pub platform_version: Option<String>,
    /// Where the subscriptions are kept.
    pub shape: Shape,
    /// What it subscribes to, in the order of the text. Doubled keys: the last one.
    pub subscriptions: Vec<Subscription>,
    /// Faults that leave something to fire.
    pub findings: Findings,
    /// Whether a fault was found that leaves nothing to fire.
    fatal: bool,
    /// Products that the manifest names no event for.
    bare_products: Vec<String>,
}

impl Manifest {
    /// Reads a manifest's text. The caller may add what `server.js` says, and must then call [`Manifest::checked`].
    pub(super) fn read(source: Source) -> Result<Self, Findings> {
        let (node, findings) = json::read(&source);
        let Some(node) = node else {
            return Err(fragment(&source).map_or(findings, |finding| vec![finding]));
        };
        if node.members().is_none() {
            let what = format!("this is {}, a manifest is an object", node.kind_name());
            let mut findings = findings;
            findings.push(Finding::new(Code::WrongShape, what).at(node.place(&source, "")));
            return Err(findings);
        }
        let fatal = findings.iter().any(|finding| finding.is_error() && finding.code != Code::DuplicateKey);
        let mut reader = Reader {
            source: &source,
            node: &node,
            findings,
            fatal,
            subscriptions: Vec::new(),
            bare_products: Vec::new(),
        };
        let version = reader.version();
        let shape = shape(&node, version.as_deref());
        reader.check_version_against_shape(version.as_deref(), shape);
        reader.subscriptions(shape);
        let Reader { findings, fatal, subscriptions, bare_products, .. } = reader;
        let platform = match (shape, version.as_deref()) {
            (Shape::Modules, _) | (_, Some("3.0")) => Platform::V3,
            _ => Platform::V2,
        };
        let platform_version = version;
        Ok(Self { source, node, platform, platform_version, shape, subscriptions, findings, fatal, bare_products })
    }

    /// Whether `exports.events` of `server.js` counts: in the legacy shape, and for a product that the manifest names
    /// no event for.
    pub(super) fn asks_the_script(&self) -> bool {
        self.shape == Shape::Legacy || (self.shape == Shape::Product && !self.bare_products.is_empty())
    }

    /// Adds the `exports.events` of `server.js`, or the findings that kept it from being read.
    pub(super) fn add_legacy(&mut self, found: Result<(Vec<LegacyEvent>, Findings), Findings>) {
        let (events, faults) = found.unwrap_or_else(|findings| (Vec::new(), findings));
        // A script that cannot be read is for the script's reader to report, unless nothing else is left to fire.
        if events.is_empty() && self.subscriptions.is_empty() && !faults.is_empty() {
            self.fatal = true;
            self.findings.extend(faults);
            return;
        }
        let mut products = self.bare_products.clone();
        if products.is_empty() {
            products.push(catalogue::HOME_PRODUCT.to_owned());
        }
        for product in products {
            let scope = Scope::Product(product);
            for LegacyEvent { event, callback, place } in &events {
                if let Some(finding) = misplaced(event, &scope) {
                    self.findings.push(finding.at(place.clone()));
                }
                let (event, callback, place) = (event.clone(), callback.clone(), place.clone());
                self.subscriptions.push(Subscription { event, callback, scope: scope.clone(), place });
            }
        }
    }

    /// The manifest, where there is something to fire.
    pub(super) fn checked(mut self) -> Result<Self, Findings> {
        let names_entries = self.findings.iter().any(|finding| {
            let pointer = finding.place.pointer.as_deref().unwrap_or("");
            finding.code == Code::WrongShape && pointer.contains("/events")
        });
        if self.subscriptions.is_empty() && !self.fatal {
            self.fatal = true;
            if !names_entries {
                let finding = self.no_events();
                self.findings.push(finding);
            }
        }
        if self.fatal { Err(self.findings) } else { Ok(self) }
    }

    fn no_events(&self) -> Finding {
        let (what, hint) = match self.shape {
            Shape::Legacy => (
                "neither the manifest nor `exports.events` in server.js names an event",
                r#"put `events: [{ event: "onUserUpdate", callback: "onUserUpdateCallback" }]` into the exports"#,
            ),
            Shape::Product => (
                "the manifest names no event, at least one was expected in `product.<product>.events`",
                r#"subscribe with `"product": {"freshchat": {"events": {"onUserUpdate": {"handler": "onUserUpdateCallback"}}}}`"#,
            ),
            Shape::Modules => (
                "the manifest names no event, at least one was expected in `modules.<module>.events`",
                r#"subscribe with `"modules": {"chat_user": {"events": {"onUserUpdate": {"handler": "onUserUpdateCallback"}}}}`"#,
            ),
            Shape::Snippet => (
                "the manifest names no event, at least one was expected in `events`",
                r#"subscribe with `"events": {"onUserUpdate": {"handler": "onUserUpdateCallback"}}`"#,
            ),
        };
        let pointer = ["/events", "/modules", "/product"].into_iter().find(|at| self.node.at(at).is_some());
        let range = pointer.and_then(|at| self.node.key_range(at)).unwrap_or(0..1);
        let finding = Finding::new(Code::NoEvents, what).at(json::place_at(&self.source, range, pointer.unwrap_or("")));
        if self.shape != Shape::Snippet && self.node.get("events").is_some() {
            let home = if self.shape == Shape::Modules { "modules.chat_user" } else { "product.freshchat" };
            return finding.hint(format!("`events` at the top is not looked at here: move it into `{home}`"));
        }
        if self.node.get("data").is_some() && self.node.get("event").is_some() {
            return finding.hint("this looks like a payload: to fire it, use `--payload`");
        }
        finding.hint(hint)
    }
}

/// Which shape a manifest has, by what it holds first and by the version that it names second.
fn shape(node: &Node, version: Option<&str>) -> Shape {
    let legacy = matches!(version, Some("1.0" | "2.0"));
    if node.get("modules").is_some() {
        Shape::Modules
    } else if node.get("product").is_some() {
        if legacy { Shape::Legacy } else { Shape::Product }
    } else if node.get("events").is_some() {
        Shape::Snippet
    } else {
        match version {
            Some("3.0") => Shape::Modules,
            Some(_) if legacy => Shape::Legacy,
            Some(_) => Shape::Product,
            None => Shape::Snippet,
        }
    }
}

/// What is wrong with subscribing `event` in `scope`, if anything.
pub(super) fn misplaced(event: &str, scope: &Scope) -> Option<Finding> {
    let known = catalogue::events(scope)?;
    if known.iter().any(|known| known == event) || (*scope == Scope::None && catalogue::is_known(event)) {
        return None;
    }
    let (products, modules) = catalogue::where_is(event);
    let holders = if matches!(scope, Scope::Module(_)) { modules } else { products };
    if let (Some(name), false) = (scope.name(), holders.is_empty()) {
        let what = format!("`{event}` exists in {}, not in `{name}`", list(holders.iter().copied()));
        return Some(Finding::new(Code::WrongProduct, what).hint("the platform will never send it here"));
    }
    let what = format!("the platform has no event `{event}`");
    let finding = Finding::new(Code::UnknownEvent, what);
    let near = nearest(event, known.iter().map(String::as_str)).or_else(|| nearest(event, catalogue::all_events()));
    Some(match near {
        Some(near) => finding.hint(format!("did you mean `{near}`?")),
        // The platform may have grown since: nothing known was meant, so it may be new.
        None => Finding { severity: Severity::Warning, ..finding },
    })
}

/// The finding for a text that is JSON as soon as braces stand round it.
fn fragment(source: &Source) -> Option<Finding> {
    let text = source.text();
    let start = text.len() - text.trim_start().len();
    if !text[start..].starts_with(['"', '/']) {
        return None;
    }
    let end = text.trim_end().trim_end_matches(',').len();
    let wrapped = Source::new("", format!("{{\n{}\n}}", &text[..end]).into_bytes()).ok()?;
    json::read(&wrapped).0?;
    let what = "this is a fragment of a manifest, the braces of an object were expected round it";
    let hint = format!("put braces round it:\n{}", mended(text[start..end].trim_end()));
    Some(Finding::new(Code::ManifestFragment, what).at(source.place(start..start + 1)).hint(hint))
}

/// The fragment with its braces; the middle of a long one is left out.
fn mended(fragment: &str) -> String {
    const HEAD: usize = 9;
    const TAIL: usize = 3;
    let lines: Vec<&str> = fragment.lines().collect();
    let indented = |lines: &[&str]| lines.iter().map(|line| format!("  {line}\n")).collect::<String>();
    let body = if lines.len() > HEAD + TAIL {
        format!("{}  …\n{}", indented(&lines[..HEAD]), indented(&lines[lines.len() - TAIL..]))
    } else {
        indented(&lines)
    };
    format!("{{\n{body}}}")
}

/// Walks a manifest and collects what it says and what is wrong with it.
struct Reader<'a> {
    source: &'a Source,
    node: &'a Node,
    findings: Findings,
    fatal: bool,
    subscriptions: Vec<Subscription>,
    bare_products: Vec<String>,
}

impl<'a> Reader<'a> {
    fn found(&mut self, code: Code, what: impl Into<String>, node: &Node, pointer: &str, hint: Option<String>) {
        let finding = Finding::new(code, what).at(node.place(self.source, pointer)).maybe_hint(hint);
        self.findings.push(finding);
    }

    /// `platform-version`; an unknown one is a finding that ends the reading.
    fn version(&mut self) -> Option<String> {
        let node = self.node.get("platform-version")?;
        let version = match &node.kind {
            Kind::String(text) => text.clone(),
            Kind::Number(number) => {
                let hint = Some(format!("write `\"{number}\"`"));
                let what = "`platform-version` is a number, a string was expected";
                self.found(Code::WrongShape, what, node, "/platform-version", hint);
                number.to_string()
            }
            _ => {
                let what = format!("`platform-version` is {}, a string such as `3.0` was expected", node.kind_name());
                self.found(Code::UnknownPlatformVersion, what, node, "/platform-version", None);
                self.fatal = true;
                return None;
            }
        };
        if !catalogue::VERSIONS.contains(&version.as_str()) {
            let what = format!("there is no platform version `{version}`");
            let hint = Some(format!("the versions are {}", list(catalogue::VERSIONS.iter().copied())));
            self.found(Code::UnknownPlatformVersion, what, node, "/platform-version", hint);
            self.fatal = true;
        }
        Some(version)
    }

    fn check_version_against_shape(&mut self, version: Option<&str>, shape: Shape) {
        let (key, what) = match (shape, version) {
            (Shape::Modules, Some(version)) if version != "3.0" && !self.fatal => {
                ("modules", format!("platform {version} looks for events in `product`, not in `modules`"))
            }
            (Shape::Product, Some("3.0")) => {
                ("product", "platform 3.0 looks for events in `modules`, not in `product`".to_owned())
            }
            (Shape::Product | Shape::Modules, None) if !self.fatal => {
                let read_as = if shape == Shape::Modules { "3.0" } else { "2.3" };
                let what = format!("`platform-version` is missing; the manifest is read as {read_as}");
                let finding = Finding::new(Code::UnknownPlatformVersion, what)
                    .at(json::place_at(self.source, self.node.range.start..self.node.range.start + 1, ""))
                    .hint(format!("add `\"platform-version\": \"{read_as}\"`"));
                return self.findings.push(finding);
            }
            _ => return,
        };
        let Some(member) = self.node.member(key) else { return };
        let place = json::place_at(self.source, member.key_range.clone(), &format!("/{key}"));
        self.findings.push(Finding::new(Code::WrongShape, what).at(place));
    }

    fn subscriptions(&mut self, shape: Shape) {
        match shape {
            Shape::Snippet => {
                if let Some(events) = self.node.get("events") {
                    self.events(events, "/events", &Scope::None);
                }
            }
            Shape::Legacy | Shape::Product => self.scopes("product", Scope::Product),
            Shape::Modules => self.scopes("modules", Scope::Module),
        }
    }

    /// `product` or `modules`: an object of name to an object that may hold `events`.
    fn scopes(&mut self, key: &str, scope: fn(String) -> Scope) {
        let Some(node) = self.node.get(key) else { return };
        let Some(members) = node.members() else {
            let what = format!("`{key}` is {}, an object was expected", node.kind_name());
            return self.found(Code::WrongShape, what, node, &format!("/{key}"), None);
        };
        for Member { key: name, key_range, value } in last_of_each(members) {
            let pointer = format!("/{key}/{}", escape_token(name));
            let scope = scope(name.clone());
            if catalogue::events(&scope).is_none() {
                let finding = unknown_scope(&scope, name);
                self.findings.push(finding.at(json::place_at(self.source, key_range.clone(), &pointer)));
            }
            if value.members().is_none() {
                let what = format!("`{name}` is {}, an object was expected", value.kind_name());
                self.found(Code::WrongShape, what, value, &pointer, None);
                continue;
            }
            let before = self.subscriptions.len();
            if let Some(events) = value.get("events") {
                self.events(events, &format!("{pointer}/events"), &scope);
            }
            if self.subscriptions.len() == before {
                self.bare_products.extend(scope.name().map(str::to_owned));
            }
        }
    }

    /// `events`: an object of event to `{handler}`.
    fn events(&mut self, node: &Node, pointer: &str, scope: &Scope) {
        let Some(members) = node.members() else {
            let what = format!("`events` is {}, an object of event to handler was expected", node.kind_name());
            let hint = Some(r#"write `"events": {"onUserUpdate": {"handler": "onUserUpdateCallback"}}`"#.to_owned());
            return self.found(Code::WrongShape, what, node, pointer, hint);
        };
        for Member { key: event, key_range, value } in last_of_each(members) {
            let pointer = format!("{pointer}/{}", escape_token(event));
            let place = json::place_at(self.source, key_range.clone(), &pointer);
            if let Some(finding) = misplaced(event, scope) {
                self.findings.push(finding.at(place.clone()));
            }
            if let Some(callback) = self.handler(event, value, &pointer) {
                self.subscriptions.push(Subscription { event: event.clone(), callback, scope: scope.clone(), place });
            }
        }
    }

    /// The callback's name in an event's entry.
    fn handler(&mut self, event: &str, entry: &Node, pointer: &str) -> Option<String> {
        let hint = |name: &str| Some(format!(r#"write `"{event}": {{"handler": "{name}"}}`"#));
        if entry.members().is_none() {
            let what = format!("the entry of `{event}` is {}, an object was expected", entry.kind_name());
            let name = entry.as_str().filter(|name| !name.is_empty());
            let default = format!("{event}Callback");
            self.found(Code::WrongShape, what, entry, pointer, hint(name.unwrap_or(&default)));
            return None;
        }
        let Some(handler) = entry.get("handler") else {
            let what = format!("the entry of `{event}` names no `handler`");
            let name = entry.get("callback").and_then(Node::as_str).map_or(format!("{event}Callback"), str::to_owned);
            self.found(Code::WrongShape, what, entry, pointer, hint(&name));
            return None;
        };
        match handler.as_str() {
            Some(name) if !name.trim().is_empty() => Some(name.to_owned()),
            other => {
                let kind = if other.is_some() { "an empty string" } else { handler.kind_name() };
                let what = format!("the handler of `{event}` is {kind}, the name of a callback was expected");
                let default = format!("{event}Callback");
                self.found(Code::WrongShape, what, handler, &format!("{pointer}/handler"), hint(&default));
                None
            }
        }
    }
}

fn unknown_scope(scope: &Scope, name: &str) -> Finding {
    let (kind, near) = match scope {
        Scope::Module(_) => ("module", nearest(name, catalogue::modules())),
        _ => ("product", nearest(name, catalogue::products())),
    };
    let finding = Finding::new(Code::UnknownProduct, format!("the platform has no {kind} `{name}`"));
    finding.maybe_hint(near.map(|near| format!("did you mean `{near}`?")))
}

/// The members in the order of the text; of doubled keys the last one only.
fn last_of_each(members: &[Member]) -> impl Iterator<Item = &Member> {
    let is_last = |(at, member): &(usize, &Member)| !members[at + 1..].iter().any(|later| later.key == member.key);
    members.iter().enumerate().filter(is_last).map(|(_, member)| member)
}
