//! What of an app's events was fired: which of those that it subscribes to, and which forms of their payloads.
//!
//! A form is a choice that a payload's schema leaves: an attribute that may be absent, a value out of a few, a value that may
//! be null, a field of the user's that may change, a variant. What simctl itself never makes is not asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::app::App;
use crate::model::{EventCoverage, FiredEvent, Platform, RunEvent, Share, Unsent};
use crate::schema::{EventSchema, Members, Schemas, Shape};

/// The kinds of value, and how a form of them is called.
const KINDS: [(&str, &str); 6] = [
    ("null", "null"),
    ("boolean", "a boolean"),
    ("number", "a number"),
    ("string", "a string"),
    ("array", "an array"),
    ("object", "an object"),
];

/// Takes note of payloads.
#[derive(Debug)]
pub struct EventsSeen {
    platform: Platform,
    events: BTreeMap<String, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    schema: Option<Arc<EventSchema>>,
    fired: u64,
    forms: BTreeSet<Unsent>,
}

impl EventsSeen {
    /// Nothing has been fired yet.
    pub fn new(app: &App, schemas: &Schemas) -> Self {
        let seen = |event: &str| Seen { schema: schemas.event(event).cloned(), ..Seen::default() };
        let events = app.manifest.subscriptions.iter().map(|one| (one.event.clone(), seen(&one.event))).collect();
        Self { platform: app.manifest.platform, events }
    }

    /// Takes note of a payload, where the event is that one is fired.
    pub fn hear(&mut self, event: &RunEvent) {
        let RunEvent::DeliveryStarted { event, payload, .. } = event else { return };
        let seen = self.events.entry(event.clone()).or_default();
        seen.fired += 1;
        let (Some(schema), Ok(payload)) = (&seen.schema, serde_json::from_str::<Value>(payload.get())) else { return };
        let forms = Forms::of(schema.shape(Some(self.platform)), &[&payload]);
        seen.forms.extend(forms.all.into_iter().filter(|(_, sent)| *sent).map(|(form, _)| form));
    }

    /// What was fired so far.
    pub fn coverage(&self) -> EventCoverage {
        let one = |(event, seen): (&String, &Seen)| {
            let shape = seen.schema.as_ref().map(|schema| schema.shape(Some(self.platform)));
            let forms = shape.map(|shape| Forms::of(shape, &[])).unwrap_or_default();
            let total = forms.all.len() as u64;
            let never: Vec<Unsent> =
                forms.all.into_iter().map(|(form, _)| form).filter(|form| !seen.forms.contains(form)).collect();
            FiredEvent {
                event: event.clone(),
                fired: seen.fired,
                forms: Share { covered: total - never.len() as u64, total },
                never: outermost(never),
            }
        };
        EventCoverage { events: self.events.iter().map(one).collect() }
    }
}

/// Without those inside of an attribute that was never there.
fn outermost(never: Vec<Unsent>) -> Vec<Unsent> {
    let missing: Vec<String> = never.iter().filter(|one| one.form == "present").map(|one| one.path.clone()).collect();
    let is_inside = |path: &str, outer: &str| {
        path.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.') || rest.starts_with('['))
    };
    never.into_iter().filter(|one| !missing.iter().any(|outer| is_inside(&one.path, outer))).collect()
}

/// All forms of a shape, each with whether one of some values has it.
#[derive(Default)]
struct Forms {
    all: Vec<(Unsent, bool)>,
}

impl Forms {
    fn of(shape: &Shape, values: &[&Value]) -> Self {
        let mut forms = Self::default();
        forms.add_variants(shape, values);
        forms.add(shape, shape, "", values);
        forms
    }

    fn push(&mut self, path: &str, form: impl Into<String>, sent: bool) {
        self.all.push((Unsent { path: path.to_owned(), form: form.into() }, sent));
    }

    fn add(&mut self, root: &Shape, shape: &Shape, path: &str, values: &[&Value]) {
        self.add_kinds(shape, path, values);
        for choice in shape.choices() {
            self.push(path, choice.to_string(), values.contains(&choice));
        }
        let dot = if path.is_empty() { "" } else { "." };
        for property in shape.properties() {
            let inner = format!("{path}{dot}{}", property.name);
            let found: Vec<&Value> = values.iter().filter_map(|value| value.get(&property.name)).collect();
            let is_made = property.shape.fake() != Some(&Value::Bool(false));
            if property.shape.members_of().is_some() && shape.members_of().is_some() {
                // The same fields once more, in the form of the other variant.
                continue;
            }
            if !property.required && is_made {
                let objects = values.iter().filter(|value| value.is_object()).count();
                self.push(&inner, "absent", found.len() < objects);
                self.push(&inner, "present", !found.is_empty());
            }
            if property.required || is_made {
                self.add(root, &property.shape, &inner, &found);
            }
        }
        if let Some(items) = shape.items() {
            let found: Vec<&Value> = values.iter().filter_map(|value| value.as_array()).flatten().collect();
            self.add(root, items, &format!("{path}[]"), &found);
        }
        if let (Members::Like(_), Some(of)) = (shape.members(), shape.members_of()) {
            self.add_changes(root.find(of), path, values);
        }
    }

    fn add_kinds(&mut self, shape: &Shape, path: &str, values: &[&Value]) {
        let allowed: Vec<_> = KINDS.iter().filter(|(kind, _)| shape.kinds().allows(kind)).collect();
        if allowed.len() == 1 && allowed.iter().any(|(kind, _)| *kind == "boolean") {
            for value in [Value::Bool(true), Value::Bool(false)] {
                self.push(path, value.to_string(), values.contains(&&value));
            }
        }
        if (2..KINDS.len()).contains(&allowed.len()) {
            for (kind, form) in allowed {
                self.push(path, *form, values.iter().any(|value| kind_of(value) == *kind));
            }
        }
    }

    /// The fields that may change, whichever variant tells of it.
    fn add_changes(&mut self, of: Option<&Shape>, path: &str, values: &[&Value]) {
        let has = |value: &Value, name: &str| {
            let members = value.as_object();
            members.is_some_and(|members| {
                members.contains_key(name) || members.values().any(|inner| inner.get(name).is_some())
            })
        };
        for property in of.map_or(&[][..], Shape::properties).iter().filter(|property| property.shape.changeable()) {
            let sent = values.iter().any(|value| has(value, &property.name));
            self.push(&format!("{path}.{}", property.name), "changed", sent);
        }
    }

    /// The variants between which the shape tells, and whether a payload is wholly of one.
    fn add_variants(&mut self, shape: &Shape, values: &[&Value]) {
        let mut spots = Vec::new();
        find_variants(shape, &mut Vec::new(), &mut spots);
        let names: BTreeSet<&str> =
            spots.iter().flat_map(|(_, variants)| variants.keys()).map(String::as_str).collect();
        for name in names {
            let fits = |value: &&&Value| spots.iter().all(|spot| is_of_variant(value, spot, name));
            self.push("", format!("variant {name}"), values.iter().any(|value| fits(&value)));
        }
    }
}

type Spot<'s> = (Vec<&'s str>, &'s serde_json::Map<String, Value>);

fn find_variants<'s>(shape: &'s Shape, path: &mut Vec<&'s str>, spots: &mut Vec<Spot<'s>>) {
    if let Some(Value::Object(variants)) = shape.fake().and_then(|fake| fake.get("variant")) {
        spots.push((path.clone(), variants));
    }
    for property in shape.properties() {
        path.push(&property.name);
        find_variants(&property.shape, path, spots);
        path.pop();
    }
}

/// Whether what stands at a spot is what a variant has there. Told by what it must equal, and by the object that its changes
/// stand in.
fn is_of_variant(payload: &Value, (path, variants): &Spot<'_>, name: &str) -> bool {
    let value = path.iter().try_fold(payload, |value, name| value.get(name));
    let Some(how) = variants.get(name) else { return false };
    if let Some(constant) = how.get("const") {
        return value == Some(constant);
    }
    let under = |how: &Value| how.pointer("/changes/under").and_then(Value::as_str).map(str::to_owned);
    let stands_in = |name: String| value.and_then(|value| value.get(name)).is_some();
    match under(how) {
        Some(name) => stands_in(name),
        None => !variants.values().filter_map(under).any(stands_in),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
