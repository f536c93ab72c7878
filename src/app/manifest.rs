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
        let (node, mut findings) = json::read(&source);
        let Some(node) = node else { return Err(findings) };
        let is_bare = |finding: &&mut Finding| finding.message == json::BARE_MEMBERS;
        if let Some(finding) = findings.iter_mut().find(is_bare) {
            *finding = fragment(&source);
            findings.sort_by_key(|finding| finding.place.span.map(|span| span.start));
        }
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
        let (events, mut faults) = found.unwrap_or_else(|findings| (Vec::new(), findings));
        if self.shape != Shape::Legacy {
            // From 2.1 on the manifest is where events belong: what is missing is there.
            faults.retain(|finding| finding.code != Code::ServerMissing);
        }
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
        self.close();
        if self.fatal { Err(self.findings) } else { Ok(self) }
    }

    /// Ends the reading: a manifest that names no event says so.
    pub(super) fn close(&mut self) {
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
        let top = || ["/events", "/modules", "/product"].into_iter().map(str::to_owned);
        let pointer = self.empty_events().into_iter().chain(top()).find(|at| self.node.at(at).is_some());
        let start = self.node.range.start;
        let range = pointer.as_deref().and_then(|at| self.node.key_range(at)).unwrap_or(start..start + 1);
        let place = json::place_at(&self.source, range, pointer.as_deref().unwrap_or(""));
        let finding = Finding::new(Code::NoEvents, what).at(place);
        if self.shape != Shape::Snippet && self.node.get("events").is_some() {
            let home = if self.shape == Shape::Modules { "modules.chat_user" } else { "product.freshchat" };
            return finding.hint(format!("`events` at the top is not looked at here: move it into `{home}`"));
        }
        if self.node.get("data").is_some() && self.node.get("event").is_some() {
            return finding.hint("this looks like a payload: to fire it, use `--payload`");
        }
        finding.hint(hint)
    }

    /// Where an `events` stands in a product or module and holds nothing.
    fn empty_events(&self) -> Option<String> {
        self.hosts().into_iter().find_map(|(pointer, host)| {
            let is_empty = host.get("events").and_then(Node::members).is_some_and(<[Member]>::is_empty);
            is_empty.then(|| format!("{pointer}/events"))
        })
    }

    /// The products or modules that the shape looks at, each with its pointer; of the documents' snippet, the manifest
    /// itself.
    pub(super) fn hosts(&self) -> Vec<(String, &Node)> {
        let key = match self.shape {
            Shape::Snippet => return vec![(String::new(), &self.node)],
            Shape::Legacy | Shape::Product => "product",
            Shape::Modules => "modules",
        };
        let members = self.node.get(key).and_then(Node::members).unwrap_or_default();
        last_of_each(members).map(|member| (format!("/{key}/{}", escape_token(&member.key)), &member.value)).collect()
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
    let own = nearest(event, known.iter().map(String::as_str));
    let any = nearest(event, catalogue::events_beside(scope));
    // Of two that are as near, the last is taken: the one that can be subscribed here.
    let near = nearest(event, any.into_iter().chain(own));
    Some(match near {
        Some(near) if own == Some(near) || *scope == Scope::None => finding.hint(format!("did you mean `{near}`?")),
        Some(near) => {
            let (products, modules) = catalogue::where_is(near);
            let holders = if matches!(scope, Scope::Module(_)) { modules } else { products };
            finding.hint(format!("did you mean `{near}`? it exists in {}", list(holders)))
        }
        // The platform may have grown since: nothing known was meant, so it may be new.
        None => Finding { severity: Severity::Warning, ..finding },
    })
}

/// The finding for a text that is the inside of an object.
fn fragment(source: &Source) -> Finding {
    let text = source.text();
    let start = text.len() - text.trim_start().len();
    let end = text.trim_end().trim_end_matches(',').len();
    let what = "this is a fragment of a manifest, the braces of an object were expected round it";
    let hint = format!("put braces round it:\n{}", mended(text[start..end].trim_end()));
    Finding::new(Code::ManifestFragment, what).at(source.place(start..start + 1)).hint(hint)
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::super::testing::{codes, open};
    use super::*;

    fn read(manifest: &str) -> Result<Manifest, Findings> {
        open(&[("manifest.json", manifest)]).1.map(|app| app.manifest)
    }

    fn refused(manifest: &str) -> Findings {
        read(manifest).map(|manifest| manifest.subscriptions).unwrap_err()
    }

    fn in_chat_user(events: &str) -> String {
        format!(r#"{{"platform-version": "3.0", "modules": {{"common": {{}}, "chat_user": {{"events": {events}}}}}}}"#)
    }

    #[test]
    fn a_fragment_is_shown_with_its_braces() {
        for text in [
            "\"events\": {\n  \"onUserCreate\": {\"handler\": \"f\"}\n}\n",
            "\n // pasted\n\"events\": {\n  \"onUserCreate\": {\"handler\": \"f\"}\n},\n",
            "\"platform-version\": \"2.3\",\n\"product\": {}",
        ] {
            let findings = refused(text);
            let fragments: Vec<_> = findings.iter().filter(|found| found.code == Code::ManifestFragment).collect();
            assert_eq!(fragments.len(), 1, "{text}");
            let hint = &fragments[0].hints[0];
            let mend = &hint[hint.find('{').unwrap()..];
            let mend = Source::new("m", mend.replace("// pasted", "").into_bytes()).unwrap();
            assert!(!json::read(&mend).1.iter().any(Finding::is_error), "{hint}");
        }
        assert_eq!(codes(&refused("\"events\"")), [Code::WrongShape]);
        let both = [Code::ManifestFragment, Code::JsonSyntax];
        assert_eq!(codes(&refused("\"events\": nothing"))[..2], both);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert_eq!(codes(&refused("")), [Code::FileEmpty]);
        assert_eq!(codes(&refused("[]")), [Code::WrongShape]);
        assert_eq!(codes(&refused("null")), [Code::WrongShape]);
        assert_eq!(codes(&refused(&"[".repeat(100_000))), [Code::JsonTooDeep]);
        assert_eq!(codes(&refused("{}")), [Code::NoEvents]);
    }

    #[test]
    fn every_fault_is_found_and_not_only_the_first() {
        let findings = refused(
            r#"{"platform-version": "9.9", "modules": {"chat_usr": {"events": []}, "chat_user": 3, "common":
            {"events": {"onUserUpdate": {"handler": ""}, "onAppInstall": {"callback": "f"}, "onNothing": "g"}}}}"#,
        );
        let expected = [
            Code::UnknownPlatformVersion,
            Code::UnknownProduct,
            Code::WrongShape,
            Code::WrongShape,
            Code::WrongProduct,
            Code::WrongShape,
            Code::WrongShape,
            Code::UnknownEvent,
            Code::WrongShape,
        ];
        assert_eq!(codes(&findings), expected, "{findings:#?}");
        assert!(findings.iter().all(|finding| finding.place.pointer.is_some() && finding.place.span.is_some()));
    }

    #[test]
    fn a_fault_in_one_entry_leaves_the_others() {
        let manifest = read(&in_chat_user(r#"{"onUserCreate": "f", "onUserUpdate": {"handler": "g"}}"#)).unwrap();
        assert_eq!(codes(&manifest.findings), [Code::WrongShape]);
        assert_eq!(manifest.subscriptions[0].callback, "g");
        assert_eq!(manifest.findings[0].hints, [r#"write `"onUserCreate": {"handler": "f"}`"#]);
    }

    #[test]
    fn of_a_doubled_event_the_last_counts() {
        let twice = r#"{"onUserUpdate": {"handler": "f"}, "onUserUpdate": {"handler": "g"}}"#;
        let manifest = read(&in_chat_user(twice)).unwrap();
        assert_eq!(codes(&manifest.findings), [Code::DuplicateKey]);
        assert_eq!(manifest.subscriptions.len(), 1);
        assert_eq!(manifest.subscriptions[0].callback, "g");
    }

    #[test]
    fn a_byte_order_mark_is_a_warning_and_a_comment_an_error() {
        let text = in_chat_user(r#"{"onUserUpdate": {"handler": "g"}}"#);
        assert_eq!(codes(&read(&format!("\u{feff}{text}")).unwrap().findings), [Code::ByteOrderMark]);
        assert_eq!(codes(&refused(&format!("// mine\n{text}"))), [Code::JsonSyntax]);
    }

    #[test]
    fn the_platform_follows_version_and_shape() {
        let entry = r#"{"onUserUpdate": {"handler": "g"}}"#;
        let snippet = read(&format!(r#"{{"events": {entry}}}"#)).unwrap();
        assert_eq!((snippet.platform, snippet.shape), (Platform::V2, Shape::Snippet));
        assert!(snippet.findings.is_empty());
        let modules = read(&in_chat_user(entry)).unwrap();
        assert_eq!((modules.platform, modules.shape), (Platform::V3, Shape::Modules));
        let product = |version: &str| format!(r#"{{{version}"product": {{"freshchat": {{"events": {entry}}}}}}}"#);
        let without = read(&product("")).unwrap();
        assert_eq!((without.platform, without.shape), (Platform::V2, Shape::Product));
        assert_eq!(codes(&without.findings), [Code::UnknownPlatformVersion]);
        let number = read(&product(r#""platform-version": 2.3, "#)).unwrap();
        assert_eq!(
            (number.platform_version.as_deref(), codes(&number.findings)),
            (Some("2.3"), vec![Code::WrongShape])
        );
        let mixed_up = read(&product(r#""platform-version": "3.0", "#)).unwrap();
        assert_eq!((mixed_up.platform, codes(&mixed_up.findings)), (Platform::V3, vec![Code::WrongShape]));
    }

    #[test]
    fn events_at_the_top_beside_a_product_are_told_where_to_go() {
        let findings = refused(
            r#"{"platform-version": "2.3", "product": {"freshchat": {}}, "events": {"onUserUpdate": {"handler": "f"}}}"#,
        );
        assert_eq!(codes(&findings), [Code::NoEvents]);
        assert!(findings[0].hints[0].contains("product.freshchat"));
    }

    const LEGACY: &str = r#"exports = { events: [{ event: "onUserUpdate", callback: "old" }], old() {} };"#;

    #[test]
    fn leftover_exports_events_count_only_where_the_manifest_names_none() {
        let product = |events: &str| {
            let manifest = format!(r#"{{"platform-version": "2.2", "product": {{"freshchat": {events}}}}}"#);
            let (_dir, app) = open(&[("manifest.json", &manifest), ("server/server.js", LEGACY)]);
            app.unwrap().manifest.subscriptions.into_iter().map(|found| found.callback).collect::<Vec<_>>()
        };
        assert_eq!(product("{}"), ["old"]);
        assert_eq!(product(r#"{"events": {"onUserCreate": {"handler": "new"}}}"#), ["new"]);
    }

    #[test]
    fn a_legacy_app_whose_script_cannot_be_read_says_why() {
        let manifest = ("manifest.json", r#"{"platform-version": "2.0", "product": {"freshchat": {}}}"#);
        let code = |script: &str| codes(&open(&[manifest, ("server/server.js", script)]).1.unwrap_err());
        assert_eq!(codes(&open(&[manifest]).1.unwrap_err()), [Code::ServerMissing]);
        assert_eq!(code("exports = {"), [Code::ScriptSyntax]);
        assert_eq!(code("exports = { events: [{ event: 'onUserUpdate' }] };"), [Code::WrongShape]);
        assert_eq!(code(""), [Code::NoEvents]);
    }
}
