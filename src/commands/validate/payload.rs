//! One payload: its schema and envelope, its size, and whether what it says agrees with itself.
//!
//! Twice: [`Check::is_clean`] is a quick look that knows most good payloads, [`Check::payload`] finds what is wrong with the
//! others. What the second would find, the first must not pass.

use super::{Check, Home};
use crate::app::{App, TestData, catalogue};
use crate::model::{Code, Finding, Findings, Platform};
use crate::schema::{EventSchema, LARGEST_PAYLOAD, Outline, Spot};
use crate::text::json::{self, Kind, Member, Node, escape_token};
use crate::text::{Source, nearest};

/// The event and the platform of the payload before: most streams are of one.
#[derive(Default)]
pub(super) struct Likely<'a>(Option<(&'a EventSchema, Platform)>);

impl<'a> Check<'a> {
    /// Whether it is certain that nothing is to be said of a payload that is no app's sample.
    pub(super) fn is_clean(&self, text: &str, likely: &mut Likely<'a>) -> bool {
        if likely.0.is_some_and(|(event, platform)| self.is_clean_as(event, platform, text)) {
            return true;
        }
        let Some((event, platform)) = self.told_by(text) else { return false };
        if likely.0.is_some_and(|(before, on)| std::ptr::eq(before, event) && on == platform) {
            return false;
        }
        likely.0 = Some((event, platform));
        self.is_clean_as(event, platform, text)
    }

    /// Whose payload it is.
    fn told_by(&self, text: &str) -> Option<(&'a EventSchema, Platform)> {
        let outline = Outline::of(text)?;
        let event = match &self.options.event {
            Some(event) => event,
            None => plain_text(outline.get(Spot::Root, "event")?)?,
        };
        Some((self.schemas.event(event)?, self.options.platform.or_else(|| outline.platform())?))
    }

    fn is_clean_as(&self, event: &EventSchema, platform: Platform, text: &str) -> bool {
        // Blanks in a text do not count: what is longer, as few are, is not looked at quickly.
        if text.len() > event.limit_bytes() {
            return false;
        }
        let Some(outline) = event.quick(self.schemas, platform).and_then(|quick| quick.look(text)) else {
            return false;
        };
        let own = outline.get(Spot::Root, "event");
        let is_event = self.options.event.is_some() || own.and_then(plain_text) == Some(event.name());
        let is_platform = self.options.platform.is_some() || outline.platform() == Some(platform);
        let is_payload = own.is_some() || outline.get(Spot::Root, "data").is_some();
        is_event && is_platform && is_payload && agrees(&outline)
    }

    /// Every fault of a payload; `sample` is what its place in an app says of it.
    pub(super) fn payload(&self, source: &Source, sample: Option<&TestData>, home: Option<&Home>) -> Findings {
        let (node, mut findings) = json::read(source);
        let app = home.and_then(|home| home.checkup.app.as_ref());
        if let (Some(sample), Some(app)) = (sample, app) {
            findings.extend(sample.check(app, source, node.as_ref()));
        }
        let Some(node) = node else { return findings };
        if node.members().is_none() {
            findings.push(no_object(source, &node));
            return findings;
        }
        let is_home = sample.zip(app).is_none_or(|(sample, app)| sample.is_at_home(app));
        if let Some(event) = self.event(source, &node, sample, &mut findings) {
            let limit = self.schemas.event(&event).map_or(LARGEST_PAYLOAD, |event| EventSchema::limit_bytes(event));
            findings.extend(too_large(limit, source, &node));
            if is_home && self.schemas.event(&event).is_some() {
                self.against_schema(&event, source, &node, app.filter(|_| sample.is_some()), &mut findings);
            }
        }
        findings
    }

    /// The event whose schema is meant, where that is known.
    fn event(
        &self,
        source: &Source,
        node: &Node,
        sample: Option<&TestData>,
        findings: &mut Findings,
    ) -> Option<String> {
        let own = node.get("event").and_then(Node::as_str);
        let by_name = sample.map(|sample| sample.event.as_str());
        let Some(event) = self.options.event.as_deref().or(own).or(by_name) else {
            if sample.is_none() {
                let what = "the payload does not say which event it is of";
                let hint = "add `\"event\"`, or name it with `--event`";
                let start = node.range.start;
                let place = json::place_at(source, start..start + 1, "");
                findings.push(Finding::new(Code::SchemaViolation, what).at(place).hint(hint));
            }
            return None;
        };
        // An app has samples of events that no schema is there for, and of functions.
        let is_quiet = sample.is_some() && (own.is_none() || catalogue::is_known(event));
        if self.schemas.event(event).is_none() && !is_quiet {
            findings.push(self.without_schema(event, own, source, node));
        }
        Some(event.to_owned())
    }

    fn without_schema(&self, event: &str, own: Option<&str>, source: &Source, node: &Node) -> Finding {
        let start = node.range.start;
        let place = if own == Some(event) {
            node.nearest("/event").place(source, "/event")
        } else {
            json::place_at(source, start..start + 1, "")
        };
        let near = nearest(event, self.schemas.events()).filter(|_| !catalogue::is_known(event));
        let code = if near.is_some() { Code::UnknownEvent } else { Code::Unchecked };
        let what = format!("there is no schema for the event `{event}`, so the payload cannot be checked");
        Finding::new(code, what).at(place).maybe_hint(near.map(|near| format!("did you mean `{near}`?")))
    }

    fn against_schema(&self, event: &str, source: &Source, node: &Node, app: Option<&App>, findings: &mut Findings) {
        let other = app.filter(|_| self.options.platform.is_none()).and_then(|app| app.other_envelope(source, node));
        let platform = match (&other, self.options.platform, app) {
            // What is said of the envelope is said once.
            (Some(_), ..) => None,
            (None, Some(given), _) => Some(given),
            (None, None, app) => app.map(|app| app.manifest.platform),
        };
        findings.extend(other);
        findings.extend(contradictions(source, node));
        findings.extend(another_actor(source, node));
        json::add_unsaid(findings, self.schemas.check_payload(event, platform, node, source));
    }
}

/// What a JSON text holds that is a string without escapes.
fn plain_text(value: &str) -> Option<&str> {
    value.strip_prefix('"')?.strip_suffix('"').filter(|text| !text.contains('\\'))
}

/// Whether there is certainly neither a contradiction nor another actor: values are compared as they are written.
fn agrees(outline: &Outline<'_>) -> bool {
    let user = |key: &str| outline.get(Spot::User, key);
    let is_first = |pair: &str, held: &str| {
        let rest = pair[1..].trim_start().strip_prefix(held);
        rest.is_some_and(|rest| rest.trim_start().starts_with(','))
    };
    let is_last = |pair: &str, held: &str| {
        let rest = pair[..pair.len() - 1].trim_end().strip_suffix(held);
        rest.is_some_and(|rest| rest.trim_end().ends_with(','))
    };
    let holds = |spot, is_new: &dyn Fn(&str, &str) -> bool| {
        let mut pairs = outline.members(spot).filter(|(_, pair)| pair.starts_with('['));
        pairs.all(|(key, pair)| user(key).is_none_or(|held| is_new(pair, held)))
    };
    let acts = match outline.get(Spot::Actor, "type").map(plain_text) {
        Some(Some("user")) => outline.get(Spot::Actor, "id").zip(user("id")).is_none_or(|(actor, user)| actor == user),
        // No text, or one with escapes: not worth a thought here.
        Some(None) => false,
        _ => true,
    };
    acts && holds(Spot::Changes, &is_first) && holds(Spot::KitChanges, &is_last)
}

fn no_object(source: &Source, node: &Node) -> Finding {
    let start = node.range.start;
    let what = format!("a payload is an object, this is {}", node.kind_name());
    let finding = Finding::new(Code::WrongShape, what).at(json::place_at(source, start..start + 1, ""));
    let holds_several = node.items().is_some_and(|items| !items.is_empty());
    finding.maybe_hint(holds_several.then(|| "one file holds one payload; an .ndjson file holds one a line".to_owned()))
}

fn too_large(limit: usize, source: &Source, node: &Node) -> Option<Finding> {
    if source.text().len() <= limit {
        return None;
    }
    let size = node.value().to_string().len();
    let what = format!(
        "the payload has {} KiB as compact JSON, the platform sends at most {}",
        size.div_ceil(1024),
        limit / 1024
    );
    let start = node.range.start;
    (size > limit).then(|| Finding::new(Code::FileTooLarge, what).at(json::place_at(source, start..start + 1, "")))
}

/// Pairs in `changes` whose new value is not what `user` holds. As documented the new value is the first of a pair; under
/// `model_changes`, as the vendor's kit has them, the second.
fn contradictions(source: &Source, node: &Node) -> Findings {
    let (Some(user), Some(changes)) = (node.at("/data/user"), node.at("/data/changes")) else { return Vec::new() };
    let mut found = Vec::new();
    let mut look = |members: &[Member], pointer: &str, new: usize| {
        for Member { key, value, .. } in members {
            let (Some([first, second]), Some(held)) = (value.items(), user.get(key)) else { continue };
            let (fresh, old) = if new == 0 { (first, second) } else { (second, first) };
            let held = held.value();
            if fresh.value() == held {
                continue;
            }
            let place = value.place(source, &format!("{pointer}/{}", escape_token(key)));
            let what = format!("`{key}` changed to another value here than `user` holds, which has the new values");
            let order = if new == 0 { "new value, old value" } else { "old value, new value" };
            let hint = if old.value() == held {
                format!("swap the two: the order here is {order}")
            } else {
                format!("the order here is {order}: put the user's own value into the pair")
            };
            found.push(Finding::new(Code::ChangesContradict, what).at(place).hint(hint));
        }
    };
    let kit = changes.get("model_changes").and_then(Node::members);
    look(changes.members().unwrap_or_default(), "/data/changes", 0);
    look(kit.unwrap_or_default(), "/data/changes/model_changes", 1);
    found
}

/// A user who acts is the user whom the payload is about.
fn another_actor(source: &Source, node: &Node) -> Option<Finding> {
    let pointer = "/data/actor/id";
    let (actor, user) = (node.at(pointer)?, node.at("/data/user/id")?);
    let is_user = node.at("/data/actor/type")?.as_str() == Some("user");
    let both_texts = matches!((&actor.kind, &user.kind), (Kind::String(_), Kind::String(_)));
    if !is_user || !both_texts || actor.as_str() == user.as_str() {
        return None;
    }
    let what = "the actor is a user, and its `id` is not the one of `user`";
    let hint = "a user changes only what is known of themselves: use the same `id`, or `\"type\": \"agent\"`";
    Some(Finding::new(Code::ActorMismatch, what).at(actor.place(source, pointer)).hint(hint))
}

#[cfg(test)]
mod tests;
