//! Schemas read as types. What a type cannot say, such as a length or a pattern, is left to `simctl validate`; what this does
//! not know becomes `any`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Attribute, Body, Declaration, key, pascal, payload_type, platform};
use crate::model::Platform;
use crate::schema::Schemas;
use crate::schema::event::envelope;

/// What may be anything.
const ANY: &str = "any";
/// An object of which nothing is known.
const ANY_OBJECT: &str = "{ [name: string]: any }";
/// The map of all events.
const EVENTS: &str = "SimctlEvents";
/// The longest array that is written item by item.
const LONGEST_TUPLE: u64 = 8;

/// The payloads of `events`, what they are made of, and a map from an event's name to its payload.
pub(super) fn payloads(schemas: &Schemas, platform: Platform, events: &[&str]) -> Vec<Declaration> {
    let mut reader =
        Reader { schemas, named: BTreeMap::new(), declarations: Vec::new(), awaited: BTreeSet::new(), root: None };
    let map_name = reader.free_name(EVENTS);
    let mut map = Vec::new();
    for event in events {
        let Some(name) = schemas.names().find(|name| name.strip_prefix("events/") == Some(event)) else { continue };
        let Some(value) = schemas.value(name) else { continue };
        reader.root = Some((name, value));
        let of = reader.payload(event, (name, value), envelope(platform));
        let summary = schemas.event(event).map_or("", |event| event.summary());
        map.push(Attribute { name: (*event).to_owned(), doc: summary.to_owned(), optional: false, of });
    }
    let doc = "Each event's payload, by the event's name.".to_owned();
    reader.declare(&map_name, doc, Body::Object(map));
    reader.declarations
}

/// A schema, and the document that it stands in.
type At<'a> = (&'a str, &'a Value);

struct Reader<'a> {
    schemas: &'a Schemas,
    /// What was referred to, and the name it was given.
    named: BTreeMap<(String, String), String>,
    declarations: Vec<Declaration>,
    /// Names that were given to what is being read, and that its object is to have.
    awaited: BTreeSet<String>,
    /// The schema of the event at hand.
    root: Option<At<'a>>,
}

impl<'a> Reader<'a> {
    /// The payload: the envelope's attributes and the event's own.
    fn payload(&mut self, event: &str, own: At<'a>, envelope: &'a str) -> String {
        let name = self.free_name(&payload_type(event));
        let mut attributes = match self.schemas.resolve(envelope, "#") {
            Some((_, value)) => self.attributes((envelope, value), "Envelope"),
            None => Vec::new(),
        };
        for attribute in self.attributes(own, &pascal(event)) {
            attributes.retain(|known| known.name != attribute.name);
            attributes.push(attribute);
        }
        self.declare(&name, description(own.1), Body::Object(attributes));
        name
    }

    fn attributes(&mut self, (document, schema): At<'a>, parent: &str) -> Vec<Attribute> {
        let required: Vec<&str> = texts(&schema["required"]);
        let properties = schema["properties"].as_object().into_iter().flatten();
        let attribute = |(name, part): (&'a String, &'a Value)| Attribute {
            name: name.clone(),
            doc: description(part),
            optional: !required.contains(&name.as_str()),
            of: self.type_of((document, part), &format!("{parent}{}", pascal(name))),
        };
        properties.map(attribute).collect()
    }

    /// The type that a schema describes; an object with attributes is declared as `name`.
    fn type_of(&mut self, at: At<'a>, name: &str) -> String {
        let (document, schema) = at;
        let Value::Object(keywords) = schema else {
            return if schema == &Value::Bool(false) { "never".to_owned() } else { ANY.to_owned() };
        };
        let mut all = Vec::new();
        if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
            all.push(self.reference(document, reference, keywords));
        }
        if let Some(parts) = keywords.get("allOf").and_then(Value::as_array) {
            for (index, part) in parts.iter().enumerate() {
                all.push(self.type_of((document, part), &format!("{name}Part{}", index + 1)));
            }
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(parts) = keywords.get(keyword).and_then(Value::as_array) {
                let parts = parts.iter().enumerate();
                let of = parts.map(|(index, part)| self.type_of((document, part), &format!("{name}Or{}", index + 1)));
                all.push(union(of.collect()));
            }
        }
        if all.is_empty() || says_more(keywords) {
            all.push(self.own(at, keywords, name));
        }
        all.retain(|part| part != ANY);
        match &all[..] {
            [] => ANY.to_owned(),
            [one] => one.clone(),
            many => many.iter().map(|part| in_brackets(part)).collect::<Vec<_>>().join(" & "),
        }
    }

    /// What a schema says by itself, references and alternatives aside.
    fn own(&mut self, at: At<'a>, keywords: &'a Map<String, Value>, name: &str) -> String {
        if let Some(value) = keywords.get("const") {
            return literal(value);
        }
        if let Some(values) = keywords.get("enum").and_then(Value::as_array) {
            return union(values.iter().map(literal).collect());
        }
        let kinds = match &keywords.get("type") {
            Some(Value::String(kind)) => vec![kind.as_str()],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ if keywords.contains_key("properties") || keywords.contains_key("additionalProperties") => vec!["object"],
            _ if keywords.contains_key("items") || keywords.contains_key("prefixItems") => vec!["array"],
            _ => return ANY.to_owned(),
        };
        let of = kinds.into_iter().map(|kind| match kind {
            "string" | "boolean" | "null" => kind.to_owned(),
            "integer" | "number" => "number".to_owned(),
            "array" => self.array(at, keywords, name),
            "object" => self.object(at, keywords, name),
            _ => ANY.to_owned(),
        });
        union(of.collect())
    }

    fn array(&mut self, (document, _): At<'a>, keywords: &'a Map<String, Value>, name: &str) -> String {
        let name = format!("{name}Item");
        if let Some(first) = keywords.get("prefixItems").and_then(Value::as_array) {
            let of: Vec<String> = first.iter().map(|part| self.type_of((document, part), &name)).collect();
            return format!("[{}]", of.join(", "));
        }
        let of = keywords.get("items").map_or_else(|| ANY.to_owned(), |items| self.type_of((document, items), &name));
        match tuple(keywords) {
            Some(length) => format!("[{}]", vec![of; length].join(", ")),
            None => format!("{}[]", in_brackets(&of)),
        }
    }

    fn object(&mut self, at: At<'a>, keywords: &'a Map<String, Value>, name: &str) -> String {
        let members = self.members(at, keywords, name);
        if keywords.get("properties").and_then(Value::as_object).is_none_or(Map::is_empty) {
            return members.unwrap_or_else(|| ANY_OBJECT.to_owned());
        }
        let name = if self.awaited.remove(name) { name.to_owned() } else { self.free_name(name) };
        let attributes = self.attributes(at, &name);
        let body = match members {
            None => Body::Object(attributes),
            Some(members) => Body::Alias(format!("{members} & {}", inline(&attributes))),
        };
        self.declare(&name, description(at.1), body);
        name
    }

    /// The type of an object's members that the schema does not name, where there may be some.
    fn members(&mut self, (document, _): At<'a>, keywords: &'a Map<String, Value>, name: &str) -> Option<String> {
        let part = keywords.get("additionalProperties")?;
        match part {
            Value::Bool(true) => return Some(ANY_OBJECT.to_owned()),
            Value::Bool(false) => return None,
            _ => {}
        }
        if let Some(of) = keywords.get("x-simctl-members-of").and_then(Value::as_str).and_then(|of| self.type_at(of)) {
            let value = match self.pair((document, part)) {
                Some(pair) => format!("{pair}<{of}[Field]>"),
                None => self.type_of((document, part), &format!("{name}Member")),
            };
            return Some(format!("{{ [Field in keyof {of}]?: {value} }}"));
        }
        let of = self.type_of((document, part), &format!("{name}Member"));
        Some(format!("{{ [name: string]: {of} }}"))
    }

    /// The type of an array of several values of one attribute, where the schema says no more of its items than how many there
    /// are. Each is null where there was none.
    fn pair(&mut self, (document, part): At<'a>) -> Option<String> {
        let reference = part["$ref"].as_str()?;
        let (target, schema) = self.schemas.resolve(document, reference)?;
        let keywords = schema.as_object()?;
        let length = tuple(keywords).filter(|_| schema["type"] == "array" && !keywords.contains_key("items"))?;
        let known = (target.to_owned(), reference.split_once('#').map_or("", |(_, fragment)| fragment).to_owned());
        if let Some(name) = self.named.get(&known) {
            return Some(name.clone());
        }
        let name = self.free_name(&name_of(&known));
        self.named.insert(known, name.clone());
        let of = vec!["NonNullable<Value> | null"; length].join(", ");
        self.declare(&name, description(schema), Body::Alias(format!("[{of}]")));
        if let Some(declared) = self.declarations.iter_mut().find(|declared| declared.name == name) {
            declared.parameter = Some(("Value", ANY));
        }
        Some(name)
    }

    /// The name of the type of what stands at a JSON Pointer in the event's payload, where it has a schema of its own.
    fn type_at(&mut self, pointer: &str) -> Option<String> {
        let (document, mut schema) = self.root?;
        for token in pointer.split('/').skip(1) {
            schema = schema.get("properties")?.get(token)?;
        }
        let reference = schema["$ref"].as_str()?;
        let plain = Map::new();
        Some(self.reference(document, reference, &plain))
    }

    /// The type of what is referred to; with those of its attributes that `beside` requires.
    fn reference(&mut self, document: &'a str, reference: &str, beside: &Map<String, Value>) -> String {
        let Some((target, schema)) = self.schemas.resolve(document, reference) else { return ANY.to_owned() };
        let fragment = reference.split_once('#').map_or("", |(_, fragment)| fragment);
        let known = (target.to_owned(), fragment.to_owned());
        let name = match self.named.get(&known) {
            Some(name) => name.clone(),
            None => self.declare_target((target, schema), known),
        };
        let has = |wanted: &&str| schema["properties"].get(*wanted).is_some();
        let is_new = |wanted: &&str| !texts(&schema["required"]).contains(wanted);
        let required = beside.get("required").map(texts).unwrap_or_default();
        let required: Vec<String> =
            required.into_iter().filter(has).filter(is_new).map(|name| literal(&Value::from(name))).collect();
        if required.is_empty() { name } else { format!("{name} & Required<Pick<{name}, {}>>", required.join(" | ")) }
    }

    /// Gives the type of another document, or of a part of one, a name of its own.
    fn declare_target(&mut self, at: At<'a>, known: (String, String)) -> String {
        let name = self.free_name(&name_of(&known));
        // Known before it is read: it may refer to itself.
        self.named.insert(known, name.clone());
        self.awaited.insert(name.clone());
        let of = self.type_of(at, &name);
        self.awaited.remove(&name);
        if of != name {
            self.declare(&name, description(at.1), Body::Alias(of));
        }
        name
    }

    /// A name that nothing has yet, kept for what is declared next.
    fn free_name(&mut self, wanted: &str) -> String {
        let is_free = |name: &str| !platform::has(name) && self.declarations.iter().all(|known| known.name != name);
        let numbered = (2..).map(|number| format!("{wanted}{number}"));
        let name = std::iter::once(wanted.to_owned()).chain(numbered).find(|name| is_free(name)).unwrap_or_default();
        let body = Body::Alias(ANY.to_owned());
        self.declarations.push(Declaration { name: name.clone(), parameter: None, doc: String::new(), body });
        name
    }

    /// Says what the type of that name is.
    fn declare(&mut self, name: &str, doc: String, body: Body) {
        if let Some(known) = self.declarations.iter_mut().find(|known| known.name == name) {
            (known.doc, known.body) = (doc, body);
        }
    }
}

/// The name that what a document holds at a JSON Pointer is to have: `ChangesPair` for `shared/changes` and `/$defs/pair`.
fn name_of((document, pointer): &(String, String)) -> String {
    let last = |path: &str| pascal(path.rsplit('/').next().unwrap_or(path));
    if pointer.is_empty() { last(document) } else { last(document) + &last(pointer) }
}

fn description(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether keywords say more of a value than a reference or alternatives beside them do; how values are made is not of it.
fn says_more(keywords: &Map<String, Value>) -> bool {
    let telling = ["type", "const", "enum", "items", "prefixItems", "additionalProperties"];
    let tells = |part: &Value| {
        let references = ["$ref", "allOf", "anyOf", "oneOf"];
        part.as_object().is_some_and(|part| says_more(part) || references.iter().any(|name| part.contains_key(*name)))
    };
    telling.iter().any(|keyword| keywords.contains_key(*keyword))
        || keywords.get("properties").and_then(Value::as_object).is_some_and(|parts| parts.values().any(tells))
}

/// The length of a short array that is always as long.
fn tuple(keywords: &Map<String, Value>) -> Option<usize> {
    let length = keywords.get("minItems")?.as_u64()?;
    let is_short = (1..=LONGEST_TUPLE).contains(&length) && keywords.get("maxItems")?.as_u64()? == length;
    usize::try_from(length).ok().filter(|_| is_short)
}

/// A value as the type that is that value only.
fn literal(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => ANY.to_owned(),
        value => value.to_string(),
    }
}

/// One of these, each named once.
fn union(of: Vec<String>) -> String {
    let mut each: Vec<String> = Vec::new();
    for one in of {
        if one == ANY {
            return one;
        }
        if !each.contains(&one) {
            each.push(one);
        }
    }
    if each.is_empty() { "never".to_owned() } else { each.join(" | ") }
}

/// A type of several parts, so that it can be part of another.
fn in_brackets(of: &str) -> String {
    let is_one = !of.contains(" | ") && !of.contains(" & ") && !of.contains("=>");
    if is_one || (of.starts_with("{ ") && !of.contains("} ")) { of.to_owned() } else { format!("({of})") }
}

/// An object without a name.
pub(super) fn inline(attributes: &[Attribute]) -> String {
    let attribute = |Attribute { name, optional, of, .. }: &Attribute| {
        format!("{}{}: {of}", key(name), if *optional { "?" } else { "" })
    };
    format!("{{ {} }}", attributes.iter().map(attribute).collect::<Vec<_>>().join("; "))
}
