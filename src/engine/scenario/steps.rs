//! The steps of a scenario read: what each fires, at which time, and what later steps may refer to.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::cast::{CREATED, Cast, UPDATED, Wanted};
use super::checks::walk;
use super::reader::Reader;
use super::references::{check, refers_to};
use super::time::{LENGTHS, length, time};
use super::{Act, Fired, Step, Until, Wish};
use crate::model::{Code, Finding, Findings, Place};
use crate::payload::{ActorKind, Generator, load};
use crate::schema::LARGEST_PAYLOAD;
use crate::text::json::{self, Kind, Member, Node};
use crate::text::{Source, list, nearest, printable_line};

/// What a step can do.
const ACTS: [&str; 7] = ["create", "update", "fire", "replay", "again", "deliver", "wait"];

/// How long after a step the next one is: an app can tell by the payloads' times which is the later.
const BETWEEN_STEPS: SignedDuration = SignedDuration::from_secs(1);

/// What is expected of a delivery, and so of none where there is none.
const OF_A_DELIVERY: [&str; 4] = ["outcome", "returned", "error", "time"];

/// What the steps so far have come to.
#[derive(Default)]
struct SoFar {
    steps: Vec<Step>,
    /// Who or what was fired last: a user's name, an event's, a file's.
    last: Vec<(String, Fired)>,
    /// What is still on its way.
    late: Vec<Late>,
    /// The ids of the steps.
    ids: Vec<String>,
}

/// A delivery that is on its way.
struct Late {
    subject: String,
    id: Option<String>,
    fired: Fired,
    /// Where it is said that it is late.
    place: Place,
}

/// One step of the file.
#[derive(Clone, Copy)]
struct Spot<'n> {
    at: usize,
    node: &'n Node,
    act: &'static str,
    member: &'n Member,
}

impl Spot<'_> {
    fn pointer(self) -> String {
        format!("/steps/{}", self.at)
    }

    /// What the step is about.
    fn subject(&self) -> &str {
        self.member.value.as_str().unwrap_or_default()
    }
}

impl Reader<'_> {
    pub(super) fn steps(&mut self, cast: &mut Cast<'_>) -> Vec<Step> {
        let items = self.node.get("steps").and_then(Node::items).unwrap_or_default();
        let mut so_far = SoFar::default();
        for (at, node) in items.iter().enumerate() {
            let acts: Vec<_> = ACTS.iter().filter_map(|act| Some((*act, node.member(act)?))).collect();
            let [(act, member)] = acts[..] else {
                let what =
                    format!("a step is one of {}, this has {}", list(ACTS), list(acts.iter().map(|(act, _)| *act)));
                let place = node.place(self.source, &format!("/steps/{at}"));
                self.findings.push(Finding::new(Code::BadScenario, what).at(place));
                continue;
            };
            self.step(cast, Spot { at, node, act, member }, &mut so_far);
        }
        for late in so_far.late {
            let name = late.id.as_deref().unwrap_or(&late.subject);
            let what = format!("what is late here is never delivered: no step says `deliver: {name}`");
            let hint = "add that step, or say `delivered: never`";
            self.findings.push(Finding::new(Code::BadScenario, what).at(late.place).hint(hint));
        }
        so_far.steps
    }

    fn step(&mut self, cast: &mut Cast<'_>, spot: Spot<'_>, so_far: &mut SoFar) {
        let Spot { node, act, member, .. } = spot;
        let pointer = spot.pointer();
        self.strangers(act, node, &pointer);
        let id = self.id(cast, node, &pointer, so_far);
        if spot.at > 0 {
            cast.set_now(cast.recipe().now.checked_add(BETWEEN_STEPS).unwrap_or(Timestamp::MAX));
        }
        let now = cast.recipe().now;
        let happens = match act {
            "wait" => self.wait(cast, spot).map(Act::Wait),
            "again" => self.again(so_far, spot).map(Act::Deliver),
            "deliver" => self.deliver(so_far, spot).map(Act::Deliver),
            _ => self.fires(cast, spot).map(|fired| self.sent(fired, spot, id.clone(), so_far)),
        };
        let users = cast.now();
        if let Some(expect) = node.get("expect") {
            self.references(expect, &format!("{pointer}/expect"), &users, &so_far.ids);
        }
        let Some(happens) = happens else { return };
        if let Act::Deliver(fired) = &happens {
            so_far.last.push((fired.event.clone(), fired.clone()));
            so_far.last.push((spot.subject().to_owned(), fired.clone()));
        }
        let how = match node.get("delivered").and_then(Node::as_str) {
            Some("late") => ", late",
            Some("never") => ", never delivered",
            _ => "",
        };
        let title = printable_line(&format!("{act} {}{how}", spot.subject())).into_owned();
        if let (Act::Nothing, Some(expect)) = (&happens, node.get("expect")) {
            self.nothing_is_delivered(expect, &format!("{pointer}/expect"));
        }
        let snapshot = self.snapshot(node, &pointer, &title, so_far);
        let place = json::place_at(self.source, member.key_range.start..member.value.range.end, &pointer);
        let expect = node.get("expect").cloned();
        so_far.steps.push(Step { title, place, now, act: happens, id, expect, snapshot, users });
    }

    fn fault(&mut self, what: impl Into<String>, place: Place, hint: Option<String>) {
        self.findings.push(Finding::new(Code::BadScenario, what).at(place).maybe_hint(hint));
    }

    /// Keys that are for another kind of step.
    fn strangers(&mut self, act: &str, node: &Node, pointer: &str) {
        let own: &[&str] = match act {
            "create" => &["set", "delivered"],
            "update" => &["set", "change", "actor", "delivered"],
            "fire" => &["payload", "delivered"],
            "replay" => &["delivered"],
            _ => &[],
        };
        for member in node.members().unwrap_or_default() {
            let key = member.key.as_str();
            if key != act && key != "expect" && key != "id" && !own.contains(&key) {
                let place = json::place_at(self.source, member.key_range.clone(), &format!("{pointer}/{key}"));
                self.fault(format!("`{key}` has no place beside `{act}`"), place, None);
            }
        }
    }

    /// What later steps know this one by.
    fn id(&mut self, cast: &Cast<'_>, node: &Node, pointer: &str, so_far: &mut SoFar) -> Option<String> {
        let id_node = node.get("id")?;
        let id = id_node.as_str()?;
        let place = || id_node.place(self.source, &format!("{pointer}/id"));
        if cast.knows(id) {
            self.fault(format!("`{id}` is a user of this scenario already"), place(), None);
        } else if so_far.ids.iter().any(|known| known == id) {
            self.fault(format!("`{id}` is the id of an earlier step already"), place(), None);
        }
        so_far.ids.push(id.to_owned());
        Some(id.to_owned())
    }

    /// What the handler hears of an event that happened.
    fn sent(&mut self, fired: Fired, spot: Spot<'_>, id: Option<String>, so_far: &mut SoFar) -> Act {
        let Some(delivered) = spot.node.get("delivered") else { return Act::Deliver(fired) };
        if delivered.as_str() == Some("late") {
            let place = delivered.place(self.source, &format!("{}/delivered", spot.pointer()));
            so_far.late.push(Late { subject: spot.subject().to_owned(), id, fired, place });
        }
        Act::Nothing
    }

    fn nothing_is_delivered(&mut self, expect: &Node, pointer: &str) {
        for member in expect.members().unwrap_or_default() {
            let key = member.key.as_str();
            if OF_A_DELIVERY.contains(&key) {
                let place = json::place_at(self.source, member.key_range.clone(), &format!("{pointer}/{key}"));
                let hint = "expect it where it is delivered".to_owned();
                self.fault(format!("`{key}` is of a delivery, and this step makes none"), place, Some(hint));
            }
        }
    }

    fn snapshot(&mut self, node: &Node, pointer: &str, title: &str, so_far: &SoFar) -> Option<Wish> {
        let wish = node.get("expect")?.get("snapshot").filter(|wish| wish.kind != Kind::Bool(false))?;
        let pointer = format!("{pointer}/expect/snapshot");
        let own = wish.as_str().or_else(|| wish.get("name")?.as_str());
        let usual = || format!("step {}: {title}", so_far.steps.len() + 1);
        let key = own.map_or_else(usual, str::to_owned) + &self.cell.suffix();
        if so_far.steps.iter().any(|step| step.snapshot.as_ref().is_some_and(|other| other.key == key)) {
            let hint = "each needs a name of its own".to_owned();
            let place = wish.place(self.source, &pointer);
            self.fault(format!("there is a snapshot `{key}` in this scenario already"), place, Some(hint));
        }
        let volatile = wish.get("volatile").and_then(Node::items).unwrap_or_default();
        let volatile = volatile.iter().filter_map(Node::as_str).map(str::to_owned).collect();
        Some(Wish { key, volatile, place: wish.place(self.source, &pointer) })
    }

    /// References that lead nowhere, in keys and texts. `ids` are the steps whose results are known by then.
    pub(super) fn references(&mut self, node: &Node, pointer: &str, users: &Map<String, Value>, ids: &[String]) {
        let (source, all) = (self.source, &self.ids);
        let findings = &mut self.findings;
        let wrong = |text: &str| {
            let (what, hint) = check(text, users, ids).err()?;
            Some(match refers_to(text, all).filter(|id| !ids.iter().any(|known| known == id)) {
                Some(id) => (format!("what comes of the step `{id}` is not known here yet"), None),
                None => (what, hint),
            })
        };
        walk(node, pointer, &mut |pointer, node| {
            let mut tell = |(what, hint): (String, Option<String>), place: Place| {
                findings.push(Finding::new(Code::BadScenario, what).at(place).maybe_hint(hint));
            };
            if let Some(wrong) = node.as_str().filter(|_| !pointer.ends_with("matches")).and_then(wrong) {
                tell(wrong, node.place(source, pointer));
            }
            for member in node.members().unwrap_or_default() {
                if let Some(wrong) = wrong(&member.key) {
                    tell(wrong, json::place_at(source, member.key_range.clone(), pointer));
                }
            }
        });
    }

    /// How long a step waits. What users do afterwards, they do at that time.
    fn wait(&mut self, cast: &mut Cast<'_>, spot: Spot<'_>) -> Option<Until> {
        let place = || spot.member.value.place(self.source, &format!("{}/wait", spot.pointer()));
        let now = cast.recipe().now;
        let (until, then) = match (length(spot.subject()), time(spot.subject())) {
            (Some(length), _) => (Until::Passed(length), now.checked_add(length).ok()),
            (None, Some(time)) if time <= now => {
                self.fault(format!("it is {now} by then, and time does not go back"), place(), None);
                return None;
            }
            (None, Some(time)) => (Until::Time(time), Some(time)),
            (None, None) => {
                let hint = format!("{LENGTHS}, or as a time such as `2026-02-01T09:00:00Z`");
                self.fault("this is neither a length of time nor a time", place(), Some(hint));
                return None;
            }
        };
        let Some(then) = then else {
            self.fault("no calendar goes that far", place(), None);
            return None;
        };
        cast.set_now(then);
        Some(until)
    }

    fn fires(&mut self, cast: &mut Cast<'_>, spot: Spot<'_>) -> Option<Fired> {
        let Spot { node, at, .. } = spot;
        let (subject, pointer) = (spot.subject(), spot.pointer());
        match spot.act {
            "create" => self.create(cast, node, subject, &pointer),
            "update" => self.update(cast, node, subject, &pointer),
            "replay" => self.replay(cast, spot),
            _ => self.fire(cast, node, subject, &pointer, at),
        }
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
                let limit = self.schemas.event(event).map_or(LARGEST_PAYLOAD, |event| event.limit_bytes());
                let loaded = self.file(file).and_then(|source| load(&source, limit));
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

    /// A delivery that was recorded before, with the installation parameters of today.
    fn replay(&mut self, cast: &Cast<'_>, spot: Spot<'_>) -> Option<Fired> {
        let (node, pointer) = (&spot.member.value, format!("{}/replay", spot.pointer()));
        let loaded = self.file(spot.subject()).and_then(|source| load(&source, LARGEST_PAYLOAD * 2));
        let recorded = self.take(loaded, node, &pointer)?.value();
        let event = recorded.get("event").and_then(Value::as_str);
        let (Some(event), Some(Value::Object(payload))) = (event, recorded.get("payload")) else {
            let what = "this is no recorded delivery: it has no `event` with a text, or no `payload` with an object";
            let hint = "`simctl history export ID --as delivery` writes one".to_owned();
            self.fault(what, node.place(self.source, &pointer), Some(hint));
            return None;
        };
        let mut payload = payload.clone();
        // Those of the recording may be masked.
        if let Some(iparams) = &cast.recipe().iparams {
            payload.insert("iparams".to_owned(), Value::Object(iparams.clone()));
        }
        self.fired(event, &Value::Object(payload), node, &pointer)
    }

    /// A file that the scenario names, relative to its own.
    fn file(&self, name: &str) -> Result<Source, Findings> {
        let beside = |file: &Path| file.parent().unwrap_or(Path::new("")).join(name);
        let shown = beside(self.source.file());
        Source::read_as(&beside(self.path), &shown).map_err(|finding| {
            // The name of the file is what is wrong, and that stands here.
            let what = format!("`{}`: {}", shown.display(), finding.message);
            vec![Finding::new(finding.code, what)]
        })
    }

    fn again(&mut self, so_far: &SoFar, spot: Spot<'_>) -> Option<Fired> {
        let (subject, last) = (spot.subject(), &so_far.last);
        let fired = last.iter().rev().find(|(name, _)| name == subject).map(|(_, fired)| fired.clone());
        if fired.is_none() {
            let near = nearest(subject, last.iter().map(|(name, _)| name.as_str()));
            let what = format!("nothing was delivered of `{}` before this step", printable_line(subject));
            let place = spot.member.value.place(self.source, &format!("{}/again", spot.pointer()));
            self.fault(what, place, near.map(|near| format!("did you mean `{near}`?")));
        }
        fired
    }

    /// What is on its way, by its step's id or by whom or what it is of; of several the first that was sent.
    fn deliver(&mut self, so_far: &mut SoFar, spot: Spot<'_>) -> Option<Fired> {
        let subject = spot.subject();
        let late = &mut so_far.late;
        let by_id = late.iter().position(|late| late.id.as_deref() == Some(subject));
        if let Some(at) = by_id.or_else(|| late.iter().position(|late| late.subject == subject)) {
            return Some(late.remove(at).fired);
        }
        let names = late.iter().flat_map(|late| late.id.as_deref().into_iter().chain([late.subject.as_str()]));
        let near = nearest(subject, names).map(|near| format!("did you mean `{near}`?"));
        let what = format!("nothing of `{}` is on its way here", printable_line(subject));
        let place = spot.member.value.place(self.source, &format!("{}/deliver", spot.pointer()));
        self.fault(what, place, near.or_else(|| Some("say `delivered: late` in a step before".to_owned())));
        None
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
