//! A schema compiled into a plan: the operations that write a payload, in the order of its bytes.
//!
//! `docs/schemas.md` documents the vocabulary of `x-simctl-fake` that is read here. Whatever cannot be made is found
//! here, so that writing cannot fail.

use serde_json::Value;

use super::draw::{Address, Draws};
use super::locale::{Names, Phones};
use super::write::Writer;
use super::{ActorKind, Changes, Recipe};
use crate::model::{Code, Finding, Findings};
use crate::schema::{EventSchema, Shape};
use crate::text::json::escape_token;
use crate::text::{list, nearest};

/// How many of the user's fields an update changes where it is not said.
const CHANGED: (usize, usize) = (1, 3);

/// One step of writing a payload. Each writes whole JSON values, or the text between them.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// These bytes.
    Text(Box<[u8]>),
    /// A name.
    Name(Name),
    /// A random UUID (RFC 9562, version 4).
    Uuid(Address),
    /// A text of that many digits, of which the first is not 0.
    Digits(Address, u32),
    /// A whole number: the least, and how many there are.
    Integer(Address, i64, u64),
    /// A phone number that belongs to nobody.
    Phone(Address, &'static [Phones]),
    /// A time: milliseconds since 1970 at the latest, and how many earlier ones there are.
    Time(Address, i64, u64),
    /// One of these JSON texts.
    Pick(Address, Box<[Box<[u8]>]>),
    /// A text made of names.
    Slug(Box<Slug>),
    /// A list of named values.
    Pairs(Box<Pairs>),
    /// One of the two, drawn: an agent, or the user.
    Actor { at: Address, agent: Box<[Op]>, user: Box<[Op]> },
    /// What an update changes.
    Changes(Box<ChangesPlan>),
}

/// A name, drawn from a list; with `unlike`, not the one that is drawn there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    pub(super) at: Address,
    pub(super) names: Names,
    pub(super) unlike: Option<Address>,
}

/// Names in ASCII with dots between them and a number after them, so that people of one name are told apart.
#[derive(Debug, Clone)]
pub(super) struct Slug {
    /// What comes before, as it stands in JSON, the opening quote included.
    pub(super) before: Box<[u8]>,
    pub(super) names: Box<[Name]>,
    /// Where the number is drawn: all slugs of one person share it.
    pub(super) tag: Address,
    /// One of these comes after, as it stands in JSON, the closing quote included.
    pub(super) after: Box<[Box<[u8]>]>,
    pub(super) at: Address,
}

/// A list of `{name, value}` objects.
#[derive(Debug, Clone)]
pub(super) struct Pairs {
    pub(super) at: Address,
    pub(super) least: usize,
    pub(super) most: usize,
    pub(super) of: Box<[Pair]>,
}

/// One named value of a list: where its value is drawn, the JSON text of its name, and of each of its values.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) at: Address,
    pub(super) name: Box<[u8]>,
    pub(super) values: Box<[Box<[u8]>]>,
}

/// The pairs of values of the fields that an update changes.
#[derive(Debug, Clone)]
pub(super) struct ChangesPlan {
    pub(super) at: Address,
    pub(super) least: usize,
    pub(super) most: usize,
    pub(super) new_first: bool,
    pub(super) fields: Box<[Changed]>,
}

/// A field that may change.
#[derive(Debug, Clone)]
pub(super) struct Changed {
    pub(super) at: Address,
    /// Its key and the colon.
    pub(super) key: Box<[u8]>,
    pub(super) ops: Box<[Op]>,
}

/// Compiles the payload of `event` that `recipe` asks for.
pub(super) fn compile(event: &EventSchema, recipe: &Recipe) -> Result<Box<[Op]>, Findings> {
    if recipe.now.as_millisecond() < 0 {
        let what = format!("the clock stands at {}, payloads can be made from 1970 on", recipe.now);
        return Err(vec![Finding::new(Code::BadOverride, what)]);
    }
    let root = event.shape(Some(recipe.platform));
    let mut plan = Plan { event, recipe, root, findings: Vec::new(), has_changes: false, has_actor: false };
    let mut out = Ops::default();
    plan.payload(&mut out);
    plan.unused();
    if plan.findings.is_empty() { Ok(out.done()) } else { Err(plan.findings) }
}

/// Operations, texts that follow each other made one.
#[derive(Debug, Default)]
struct Ops {
    ops: Vec<Op>,
    text: Vec<u8>,
}

impl Ops {
    fn text(&mut self, text: impl AsRef<[u8]>) {
        self.text.extend_from_slice(text.as_ref());
    }

    fn json(&mut self, value: &Value) {
        self.text(value.to_string());
    }

    fn push(&mut self, op: Op) {
        self.flush();
        self.ops.push(op);
    }

    fn append(&mut self, ops: Box<[Op]>) {
        for op in ops {
            match op {
                Op::Text(text) => self.text(text),
                op => self.push(op),
            }
        }
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.ops.push(Op::Text(std::mem::take(&mut self.text).into_boxed_slice()));
        }
    }

    fn done(mut self) -> Box<[Op]> {
        self.flush();
        self.ops.into_boxed_slice()
    }
}

/// A field being compiled: its shape, its JSON Pointer, and whom it must not resemble.
#[derive(Debug, Clone, Copy)]
struct Field<'a> {
    shape: &'a Shape,
    pointer: &'a str,
    /// Two objects: names below the first must differ from those of the second.
    unlike: Option<(&'a str, &'a str)>,
}

struct Plan<'a> {
    event: &'a EventSchema,
    recipe: &'a Recipe,
    root: &'a Shape,
    findings: Findings,
    has_changes: bool,
    has_actor: bool,
}

impl<'a> Plan<'a> {
    fn payload(&mut self, out: &mut Ops) {
        let field = Field { shape: self.root, pointer: "", unlike: None };
        let mut members = self.members(&field);
        if let Some(iparams) = &self.recipe.iparams {
            let mut value = Ops::default();
            value.text(Value::Object(iparams.clone()).to_string());
            members.push(("iparams".to_owned(), value.done()));
        }
        object(members, out);
    }

    /// What was asked for and has no place in this event must not be dropped in silence.
    fn unused(&mut self) {
        let name = self.event.name();
        let variant = self.recipe.variant;
        if let (Some(kind), false) = (self.recipe.actor, self.has_actor) {
            let what = format!(
                "`{name}` has no actor that could be chosen in the variant `{variant}`, `{kind}` was asked for"
            );
            self.findings.push(Finding::new(Code::BadOverride, what).hint("leave out `--actor`"));
        }
        if self.recipe.changes != Changes::Drawn && !self.has_changes {
            let what = format!("`{name}` tells of no changes, some were asked for");
            self.findings.push(Finding::new(Code::UnknownField, what).hint("leave out `--changes`"));
        }
    }

    fn value(&mut self, field: &Field<'_>, out: &mut Ops) {
        if !field.shape.is_of_account() {
            return self.own_value(field, out);
        }
        // All payloads of a run come from one account: it has what the first one draws.
        let (mut ops, mut bytes) = (Ops::default(), Vec::new());
        self.own_value(field, &mut ops);
        Writer::new(Draws::new(self.recipe.seed, 0), &mut bytes).all(&ops.done());
        out.text(bytes);
    }

    /// A value that each payload has of its own.
    fn own_value(&mut self, field: &Field<'_>, out: &mut Ops) {
        match (field.shape.constant(), field.shape.fake()) {
            (Some(constant), _) => out.json(constant),
            (None, Some(fake)) if fake != &Value::Bool(false) => self.fake(field, fake, out),
            _ => self.by_shape(field, out),
        }
    }

    /// Makes a value of what the schema says besides: an enumeration, the members, the format.
    fn by_shape(&mut self, field: &Field<'_>, out: &mut Ops) {
        let shape = field.shape;
        let at = Address::of(field.pointer);
        let kinds = shape.kinds();
        if !shape.choices().is_empty() {
            return self.pick(field, shape.choices(), out);
        }
        if !shape.properties().is_empty() || (kinds.allows("object") && !kinds.allows("string")) {
            let members = self.members(field);
            return object(members, out);
        }
        match shape.format() {
            Some("uuid") => out.push(Op::Uuid(at)),
            Some("date-time") => self.before_now(field, &Value::from(vec![1, 86_400]), out),
            None if kinds.allows("string") => out.push(Op::Digits(at, 8)),
            None if kinds.allows("integer") => out.push(Op::Integer(at, 1, 1000)),
            None if kinds.allows("boolean") => self.pick(field, &[Value::Bool(false), Value::Bool(true)], out),
            None if kinds.allows("array") => out.text("[]"),
            None if kinds.allows("null") => out.text("null"),
            _ => self.bad(field, "this attribute is required, and `x-simctl-fake` does not say how it is made"),
        }
    }

    /// The members of an object that are made, each with its value.
    fn members(&mut self, field: &Field<'_>) -> Vec<(String, Box<[Op]>)> {
        let mut members = Vec::new();
        for property in field.shape.properties() {
            if property.required || is_made(&property.shape, 0) {
                let pointer = below(field.pointer, &property.name);
                let inner = Field { shape: &property.shape, pointer: &pointer, unlike: field.unlike };
                let mut ops = Ops::default();
                self.value(&inner, &mut ops);
                members.push((property.name.clone(), ops.done()));
            }
        }
        members
    }

    fn fake(&mut self, field: &Field<'_>, fake: &Value, out: &mut Ops) {
        let at = Address::of(field.pointer);
        if let Some(name) = fake.as_str() {
            return self.named(field, name, out);
        }
        let Some((name, with)) = fake.as_object().filter(|one| one.len() == 1).and_then(|one| one.iter().next()) else {
            return self.bad(field, "`x-simctl-fake` is a name, or an object with one member");
        };
        match name.as_str() {
            "const" => out.json(with),
            "pick" => self.pick(field, with.as_array().map_or(&[][..], Vec::as_slice), out),
            "digits" => match with.as_u64() {
                Some(count @ 1..=18) => out.push(Op::Digits(at, count as u32)),
                _ => self.bad(field, "`digits` takes a number from 1 to 18"),
            },
            "integer" => match range(with) {
                Some((least, most)) => out.push(Op::Integer(at, least, most.abs_diff(least).saturating_add(1))),
                None => self.bad(field, "`integer` takes the least and the greatest number, as an array"),
            },
            "before_now" => self.before_now(field, with, out),
            "slug" => self.slug(field, with, out),
            "same" => self.same(field, with, out),
            "pairs" => self.pairs(field, with, out),
            "actor" => self.actor(field, with, out),
            "changes" => self.changes(field, with, out),
            "variant" => match with.get(self.recipe.variant.name()) {
                Some(fake) => self.fake(field, fake, out),
                None => self.bad(field, &format!("`variant` says nothing of `{}`", self.recipe.variant)),
            },
            other => self.unknown(field, other),
        }
    }

    fn named(&mut self, field: &Field<'_>, name: &str, out: &mut Ops) {
        let at = Address::of(field.pointer);
        match name {
            "first_name" | "last_name" => {
                if let Some(name) = self.name(field) {
                    out.push(Op::Name(name));
                }
            }
            "uuid" => out.push(Op::Uuid(at)),
            "phone" => out.push(Op::Phone(at, self.recipe.locale.phones())),
            "now_ms" => out.text(self.recipe.now.as_millisecond().to_string()),
            "modules" => out.json(&serde_json::json!(self.event.subscribed_modules())),
            "endpoint_urls" => {
                let product = self.event.product();
                out.json(&serde_json::json!({ product: format!("https://{product}.example") }));
            }
            other => self.unknown(field, other),
        }
    }

    /// The name that a field of a person holds.
    fn name(&mut self, field: &Field<'_>) -> Option<Name> {
        let names = match field.shape.fake().and_then(Value::as_str) {
            Some("first_name") => self.recipe.locale.first_names(),
            Some("last_name") => self.recipe.locale.last_names(),
            _ => {
                self.bad(field, "`from` must lead to attributes made as `first_name` or `last_name`");
                return None;
            }
        };
        let other = |(own, other): (&str, &str)| Some(format!("{other}{}", field.pointer.strip_prefix(own)?));
        let unlike = field.unlike.and_then(other).filter(|pointer| self.root.find(pointer).is_some());
        Some(Name { at: Address::of(field.pointer), names, unlike: unlike.as_deref().map(Address::of) })
    }

    fn pick(&mut self, field: &Field<'_>, values: &[Value], out: &mut Ops) {
        let mut texts: Vec<Box<[u8]>> = Vec::new();
        for value in values {
            let text = json_text(value);
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        match texts.as_slice() {
            [] => self.bad(field, "there is nothing to pick from"),
            [one] => out.text(one),
            _ => out.push(Op::Pick(Address::of(field.pointer), texts.into_boxed_slice())),
        }
    }

    fn before_now(&mut self, field: &Field<'_>, with: &Value, out: &mut Ops) {
        let Some((least, most)) =
            range(with).filter(|&(least, most)| 0 < least && least <= most && most < 3_000_000_000)
        else {
            return self.bad(field, "`before_now` takes the least and the greatest number of seconds, as an array");
        };
        let latest = self.recipe.now.as_millisecond() - least * 1000;
        out.push(Op::Time(Address::of(field.pointer), latest, most.abs_diff(least) * 1000 + 1));
    }

    fn slug(&mut self, field: &Field<'_>, with: &Value, out: &mut Ops) {
        let mut names = Vec::new();
        let mut person = None;
        for path in texts(&with["from"]) {
            let Some(pointer) = follow(field.pointer, path) else {
                return self.bad(field, &format!("`{path}` leads out of the payload"));
            };
            let root = self.root;
            let Some(shape) = root.find(&pointer) else {
                return self.bad(field, &format!("`{path}` leads to nothing"));
            };
            names.extend(self.name(&Field { shape, pointer: &pointer, unlike: field.unlike }));
            person.get_or_insert_with(|| parent(&pointer).to_owned());
        }
        let after: Box<[Box<[u8]>]> = texts(&with["after"]).map(|text| json_text(&text.into())[1..].into()).collect();
        let Some(person) = person.filter(|_| !after.is_empty()) else {
            return self.bad(field, "`slug` takes `from`, paths of names, and `after`, texts to draw from");
        };
        let before = json_text(&with["before"].as_str().unwrap_or("").into());
        out.push(Op::Slug(Box::new(Slug {
            before: before[..before.len() - 1].into(),
            names: names.into_boxed_slice(),
            tag: Address::of(&format!("{person}#tag")),
            after,
            at: Address::of(field.pointer),
        })));
    }

    fn same(&mut self, field: &Field<'_>, with: &Value, out: &mut Ops) {
        let pointer = with.as_str().and_then(|path| follow(field.pointer, path));
        let root = self.root;
        match pointer.as_deref().and_then(|pointer| Some((pointer, root.find(pointer)?))) {
            // One step only: a copy of a copy could go round.
            Some((pointer, shape)) if shape.fake().is_none_or(|fake| fake.get("same").is_none()) => {
                self.value(&Field { shape, pointer, unlike: field.unlike }, out);
            }
            _ => self.bad(field, "`same` takes the path of another attribute, that is not itself made so"),
        }
    }

    fn pairs(&mut self, field: &Field<'_>, with: &Value, out: &mut Ops) {
        let pair = |(name, values): (&String, &Value)| Pair {
            at: Address::of(&below(field.pointer, name)),
            name: json_text(&Value::from(name.as_str())),
            values: values.as_array().into_iter().flatten().map(json_text).collect(),
        };
        let of: Box<[Pair]> = with["of"].as_object().into_iter().flatten().map(pair).collect();
        let usable =
            of.iter().all(|pair| pair.values.len() > 1 && pair.values[1..].iter().any(|one| *one != pair.values[0]));
        match range(&with["count"]) {
            Some((least @ 1.., most)) if usable && least <= most && most <= of.len() as i64 => {
                let (least, most) = (least as usize, most as usize);
                out.push(Op::Pairs(Box::new(Pairs { at: Address::of(field.pointer), least, most, of })));
            }
            _ => self.bad(
                field,
                "`pairs` takes `count`, the least and the greatest number, and `of`, names with at least two values each",
            ),
        }
    }

    /// An object, or null, at which another one is found.
    fn target(&mut self, field: &Field<'_>, with: &Value) -> Option<(String, &'a Shape)> {
        let root = self.root;
        let found = with["of"].as_str().and_then(|of| Some((of.to_owned(), root.find(of)?)));
        if found.is_none() {
            self.bad(field, "`of` must be the JSON Pointer of an object of the payload");
        }
        found
    }

    fn actor(&mut self, field: &Field<'_>, with: &Value, out: &mut Ops) {
        let Some((of, person)) = self.target(field, with) else { return };
        let fixed = with["is"].as_str().and_then(|kind| kind.parse::<ActorKind>().ok());
        let name = self.event.name();
        self.has_actor = true;
        let kind = match (fixed, self.recipe.actor) {
            (Some(fixed), Some(asked)) if fixed != asked => {
                let what = format!("the actor of `{name}` is always the {fixed}, `{asked}` was asked for");
                self.findings.push(Finding::new(Code::BadOverride, what).hint("leave out `--actor`"));
                return;
            }
            (Some(fixed), _) => Some(fixed),
            (None, asked) => asked,
        };
        let user = self.user_as_actor(field, &of, person);
        let agent = {
            let members = self.members(&Field { unlike: Some((field.pointer, &of)), ..*field });
            with_type(members, ActorKind::Agent)
        };
        match kind {
            Some(ActorKind::User) => out.append(user),
            Some(ActorKind::Agent) => out.append(agent),
            None => out.push(Op::Actor { at: Address::of(&format!("{}#kind", field.pointer)), agent, user }),
        }
    }

    /// The actor's attributes with the values that the object `of` has.
    fn user_as_actor(&mut self, field: &Field<'_>, of: &str, person: &'a Shape) -> Box<[Op]> {
        let mut members = Vec::new();
        for property in field.shape.properties() {
            match person.property(&property.name) {
                Some(own) if own.required || is_made(&own.shape, 0) => {
                    let pointer = below(of, &property.name);
                    let mut ops = Ops::default();
                    self.value(&Field { shape: &own.shape, pointer: &pointer, unlike: None }, &mut ops);
                    members.push((property.name.clone(), ops.done()));
                }
                None if property.name == "type" => members.push((property.name.clone(), Box::default())),
                _ => {}
            }
        }
        with_type(members, ActorKind::User)
    }

    fn changes(&mut self, field: &Field<'_>, with: &Value, out: &mut Ops) {
        let Some((of, person)) = self.target(field, with) else { return };
        self.has_changes = true;
        let changeable: Vec<&str> = person
            .properties()
            .iter()
            .filter(|property| property.shape.changeable() && is_made(&property.shape, 0))
            .map(|property| property.name.as_str())
            .collect();
        let Some((wanted, least, most)) = self.wanted(field, person, &changeable) else { return };
        let mut fields = Vec::new();
        for name in wanted {
            let Some(property) = person.property(name) else { continue };
            let pointer = below(&of, name);
            let mut ops = Ops::default();
            self.value(&Field { shape: &property.shape, pointer: &pointer, unlike: None }, &mut ops);
            let ops = ops.done();
            if ops.iter().all(|op| matches!(op, Op::Text(_))) {
                return self.bad(
                    &Field { pointer: &pointer, ..*field },
                    "this attribute is marked changeable, and has one value only",
                );
            }
            let mut key = json_text(&Value::from(name)).into_vec();
            key.push(b':');
            fields.push(Changed { at: Address::of(&below(field.pointer, name)), key: key.into_boxed_slice(), ops });
        }
        let plan = ChangesPlan {
            at: Address::of(&format!("{}#count", field.pointer)),
            least,
            most,
            new_first: with["order"].as_str() != Some("old-new"),
            fields: fields.into_boxed_slice(),
        };
        match with["under"].as_str() {
            Some(key) => {
                out.text("{");
                out.json(&Value::from(key));
                out.text(":");
                out.push(Op::Changes(Box::new(plan)));
                out.text("}");
            }
            None => out.push(Op::Changes(Box::new(plan))),
        }
    }

    /// Which fields may change, in the schema's order, and how many at least and at most.
    fn wanted<'n>(
        &mut self,
        field: &Field<'_>,
        person: &'n Shape,
        changeable: &[&'n str],
    ) -> Option<(Vec<&'n str>, usize, usize)> {
        let all = changeable.len();
        match &self.recipe.changes {
            _ if all == 0 => {
                self.bad(field, "no attribute is marked `x-simctl-changeable`, so none can change");
                None
            }
            Changes::Drawn => Some((changeable.to_vec(), CHANGED.0.min(all), CHANGED.1.min(all))),
            Changes::Count(count) if (1..=all).contains(count) => Some((changeable.to_vec(), *count, *count)),
            Changes::Count(count) => {
                let what = format!("{count} fields cannot change, 1 to {all} can");
                let hint = format!("those that can: {}", list(changeable.iter().copied()));
                self.findings.push(Finding::new(Code::UnknownField, what).hint(hint));
                None
            }
            Changes::Fields(names) => {
                for name in names.iter().filter(|name| !changeable.contains(&name.as_str())) {
                    let finding = unknown_field(name, person, changeable);
                    self.findings.push(finding);
                }
                let chosen: Vec<&str> =
                    changeable.iter().copied().filter(|name| names.iter().any(|wanted| wanted == name)).collect();
                let count = chosen.len();
                (count > 0).then_some((chosen, count, count))
            }
        }
    }

    fn unknown(&mut self, field: &Field<'_>, name: &str) {
        let hint = nearest(name, VOCABULARY).map(|near| format!("did you mean `{near}`?"));
        let what = format!("`x-simctl-fake` of `{}`: there is nothing called `{name}`", field.pointer);
        self.findings.push(Finding::new(Code::BadSchema, what).maybe_hint(hint));
    }

    fn bad(&mut self, field: &Field<'_>, what: &str) {
        self.findings.push(Finding::new(Code::BadSchema, format!("`x-simctl-fake` of `{}`: {what}", field.pointer)));
    }
}

/// All that `x-simctl-fake` can name.
const VOCABULARY: [&str; 17] = [
    "first_name",
    "last_name",
    "uuid",
    "phone",
    "now_ms",
    "modules",
    "endpoint_urls",
    "const",
    "pick",
    "digits",
    "integer",
    "before_now",
    "slug",
    "same",
    "pairs",
    "actor",
    "changes",
];

fn unknown_field(name: &str, person: &Shape, changeable: &[&str]) -> Finding {
    let (what, hint) = match person.property(name) {
        Some(_) => (format!("the field `{name}` never changes"), None),
        None => (format!("the user has no field `{name}`"), nearest(name, changeable.iter().copied())),
    };
    let hint = match hint {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("those that can change: {}", list(changeable.iter().copied())),
    };
    Finding::new(Code::UnknownField, what).hint(hint)
}

/// Whether a value is made where none is required: something at or below it says how.
fn is_made(shape: &Shape, depth: usize) -> bool {
    match shape.fake() {
        Some(Value::Bool(false)) => false,
        Some(_) => true,
        None => {
            shape.constant().is_some()
                || !shape.choices().is_empty()
                || (depth < 8 && shape.properties().iter().any(|property| is_made(&property.shape, depth + 1)))
        }
    }
}

fn object(members: Vec<(String, Box<[Op]>)>, out: &mut Ops) {
    out.text("{");
    for (index, (name, ops)) in members.into_iter().enumerate() {
        if index > 0 {
            out.text(",");
        }
        out.json(&Value::from(name));
        out.text(":");
        out.append(ops);
    }
    out.text("}");
}

/// An actor's members as an object, `type` telling the kind.
fn with_type(mut members: Vec<(String, Box<[Op]>)>, kind: ActorKind) -> Box<[Op]> {
    for (name, ops) in &mut members {
        if name == "type" {
            *ops = Box::new([Op::Text(json_text(&Value::from(kind.name())))]);
        }
    }
    let mut out = Ops::default();
    object(members, &mut out);
    out.done()
}

fn json_text(value: &Value) -> Box<[u8]> {
    value.to_string().into_bytes().into_boxed_slice()
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn range(value: &Value) -> Option<(i64, i64)> {
    match value.as_array()?.as_slice() {
        [least, most] => Some((least.as_i64()?, most.as_i64()?)).filter(|(least, most)| least <= most),
        _ => None,
    }
}

fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", escape_token(name))
}

fn parent(pointer: &str) -> &str {
    pointer.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The JSON Pointer that `path` means at `pointer`: a pointer of its own, or relative to the object that holds the field.
fn follow(pointer: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return Some(path.to_owned());
    }
    let mut at = parent(pointer);
    let mut rest = path;
    while let Some(upward) = rest.strip_prefix("../") {
        at = at.rsplit_once('/')?.0;
        rest = upward;
    }
    Some(format!("{at}/{rest}"))
}
