//! What schemas ask of one value and what lies in it, in a form that bytes can be walked along.

use serde_json::{Map, Value};

use super::Spot;
use super::format::Format;
use crate::schema::shape::{Members, Shape};
use crate::schema::{Schemas, catalogue};

/// How deep references and parts are followed. Deeper, a schema refers to itself.
const DEEPEST: usize = 24;

/// The one dialect that is read.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The kinds of JSON value, as bits.
pub(super) mod kind {
    pub(crate) const NULL: u8 = 1;
    pub(crate) const BOOLEAN: u8 = 1 << 1;
    /// A number without fraction.
    pub(crate) const WHOLE: u8 = 1 << 2;
    /// Any other number.
    pub(crate) const FRACTION: u8 = 1 << 3;
    pub(crate) const STRING: u8 = 1 << 4;
    pub(crate) const ARRAY: u8 = 1 << 5;
    pub(crate) const OBJECT: u8 = 1 << 6;
    pub(crate) const ALL: u8 = u8::MAX;
}

/// What is asked of one value.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) kinds: u8,
    /// The scalars that are allowed, as JSON text.
    pub(super) choices: Option<Vec<String>>,
    /// Of a whole number: the least and the greatest.
    pub(super) bounds: (i64, i64),
    /// Of a string: how many characters, at least and at most.
    pub(super) length: (usize, usize),
    pub(super) formats: Vec<Format>,
    /// Of an array: how many items, and what is asked of each.
    pub(super) item_count: (usize, usize),
    pub(super) items: Option<Box<Rule>>,
    /// Of an object: how many members, and what is asked of those that are named and of the others.
    pub(super) member_count: (usize, usize),
    pub(super) properties: Vec<(String, Rule)>,
    pub(super) others: Others,
    required: Vec<String>,
    /// The properties that must be there, a bit for each. Set by [`Rule::seal`].
    pub(super) required_bits: u64,
    /// Where the members are to be reported.
    pub(super) spot: Option<Spot>,
}

/// What is asked of members that are not named.
#[derive(Debug, Clone)]
pub(super) enum Others {
    Anything,
    Like(Box<Rule>),
    /// There must be none.
    Nothing,
}

/// Bounds that bind nothing.
pub(super) const UNBOUNDED: (i64, i64) = (i64::MIN, i64::MAX);

/// Asks nothing.
pub(super) static ANYTHING: Rule = Rule::anything(None);

impl Rule {
    /// Asks nothing.
    pub(super) const fn anything(spot: Option<Spot>) -> Self {
        Self {
            kinds: kind::ALL,
            choices: None,
            bounds: UNBOUNDED,
            length: (0, usize::MAX),
            formats: Vec::new(),
            item_count: (0, usize::MAX),
            items: None,
            member_count: (0, usize::MAX),
            properties: Vec::new(),
            others: Others::Anything,
            required: Vec::new(),
            required_bits: 0,
            spot,
        }
    }

    /// What the schema `name` asks; `None` where a rule cannot hold it.
    pub(super) fn new(schemas: &Schemas, name: &str) -> Option<Self> {
        Reader { schemas, name, depth: 0 }.rule(schemas.value(name)?)
    }

    /// What both ask together.
    pub(super) fn and(mut self, mut other: Self) -> Option<Self> {
        // What one names and the other does not, the other has among its `others`.
        for (name, _) in &other.properties {
            self.property(name);
        }
        for (name, _) in &self.properties {
            other.property(name);
        }
        let mut properties = Vec::with_capacity(self.properties.len());
        for (name, rule) in self.properties {
            if let Some(at) = other.properties.iter().position(|(known, _)| *known == name) {
                properties.push((name, rule.and(other.properties.swap_remove(at).1)?));
            }
        }
        let within = |a: (usize, usize), b: (usize, usize)| (a.0.max(b.0), a.1.min(b.1));
        Some(Self {
            kinds: self.kinds & other.kinds,
            choices: match (self.choices, other.choices) {
                (Some(one), Some(two)) => Some(one.into_iter().filter(|choice| two.contains(choice)).collect()),
                (one, two) => one.or(two),
            },
            bounds: (self.bounds.0.max(other.bounds.0), self.bounds.1.min(other.bounds.1)),
            length: within(self.length, other.length),
            formats: [self.formats, other.formats].concat(),
            item_count: within(self.item_count, other.item_count),
            items: match (self.items, other.items) {
                (Some(one), Some(two)) => Some(Box::new(one.and(*two)?)),
                (one, two) => one.or(two),
            },
            member_count: within(self.member_count, other.member_count),
            properties,
            others: self.others.and(other.others)?,
            required: [self.required, other.required].concat(),
            required_bits: 0,
            spot: self.spot.or(other.spot),
        })
    }

    /// What is asked of the member `name`, named from now on; `None` where there must be none.
    fn property(&mut self, name: &str) -> Option<&mut Self> {
        let at = match self.properties.iter().position(|(known, _)| known == name) {
            Some(at) => at,
            None => {
                let rule = match &self.others {
                    Others::Anything => Self::anything(None),
                    Others::Like(rule) => (**rule).clone(),
                    Others::Nothing => return None,
                };
                self.properties.push((name.to_owned(), rule));
                self.properties.len() - 1
            }
        };
        Some(&mut self.properties[at].1)
    }

    /// Asks, too, that there be no attribute that `shape`, a part of `root`, does not know: what
    /// [`check`](crate::schema::check) notes.
    pub(super) fn know(&mut self, shape: &Shape, root: &Shape) -> Option<()> {
        if let Some(inner) = shape.items() {
            self.items.get_or_insert_with(|| Box::new(Self::anything(None))).know(inner, root)?;
        }
        if !shape.kinds().allows("object") || shape.is_open() {
            return Some(());
        }
        for property in shape.properties() {
            if let Some(rule) = self.property(&property.name) {
                rule.know(&property.shape, root)?;
            }
        }
        let unnamed = |name: &str| shape.property(name).is_none();
        let (like, names) = match shape.members() {
            Members::Any => return Some(()),
            Members::Unnamed => (None, Some(Vec::new())),
            // Without the object that its members are named after, any name may be one.
            Members::Like(like) => (Some(like), shape.members_of().and_then(|of| root.at_named(of)).map(names)),
        };
        let Some(names) = names else {
            let like = like?;
            for (_, rule) in self.properties.iter_mut().filter(|(name, _)| unnamed(name)) {
                rule.know(like, root)?;
            }
            match &mut self.others {
                Others::Like(rule) => rule.know(like, root)?,
                Others::Nothing => {}
                others @ Others::Anything => {
                    let mut rule = Self::anything(None);
                    rule.know(like, root)?;
                    *others = Others::Like(Box::new(rule));
                }
            }
            return Some(());
        };
        for name in names.iter().copied().filter(|name| unnamed(name)) {
            if let (Some(rule), Some(like)) = (self.property(name), like) {
                rule.know(like, root)?;
            }
        }
        self.properties.retain(|(name, _)| !unnamed(name) || names.contains(&name.as_str()));
        self.others = Others::Nothing;
        Some(())
    }

    /// Has the members of the object at `path` reported.
    pub(super) fn watch(&mut self, spot: Spot, path: &[&str]) {
        match path {
            [] => self.spot = Some(spot),
            [name, rest @ ..] => {
                if let Some(rule) = self.property(name) {
                    rule.watch(spot, rest);
                }
            }
        }
    }

    /// Makes the rule ready for use; false where an object has more properties than there are bits, or one whose name JSON
    /// would escape.
    pub(super) fn seal(&mut self) -> bool {
        for name in std::mem::take(&mut self.required) {
            // Named, so that it has a bit. Where there must be none of that name, nothing fits.
            if self.property(&name).is_none() {
                return false;
            }
            let at = self.properties.iter().position(|(known, _)| *known == name).unwrap_or(usize::MAX);
            if at < 64 {
                self.required_bits |= 1 << at;
            }
        }
        let others = match &mut self.others {
            Others::Like(rule) => rule.seal(),
            _ => true,
        };
        let items = self.items.as_mut().is_none_or(|rule| rule.seal());
        let is_plain = |name: &str| !name.contains(|c: char| c < ' ' || c == '"' || c == '\\');
        let properties =
            self.properties.len() <= 64 && self.properties.iter_mut().all(|(name, rule)| is_plain(name) && rule.seal());
        others && items && properties
    }
}

impl Others {
    fn and(self, other: Self) -> Option<Self> {
        Some(match (self, other) {
            (Self::Nothing, _) | (_, Self::Nothing) => Self::Nothing,
            (Self::Anything, one) | (one, Self::Anything) => one,
            (Self::Like(one), Self::Like(two)) => Self::Like(Box::new(one.and(*two)?)),
        })
    }
}

fn names(object: &Shape) -> Vec<&str> {
    object.properties().iter().map(|property| property.name.as_str()).collect()
}

/// Where a schema is being read.
#[derive(Clone, Copy)]
struct Reader<'a> {
    schemas: &'a Schemas,
    /// The document, against which references are resolved.
    name: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn rule(&self, schema: &Value) -> Option<Rule> {
        let reader = Reader { depth: self.depth + 1, ..*self };
        match schema {
            Value::Bool(true) => Some(Rule::anything(None)),
            Value::Object(schema) if self.depth <= DEEPEST => reader.keywords(schema),
            _ => None,
        }
    }

    fn keywords(&self, schema: &Map<String, Value>) -> Option<Rule> {
        let mut rule = Rule::anything(None);
        let mut parts = Vec::new();
        for (keyword, value) in schema {
            match keyword.as_str() {
                "$schema" => (value.as_str() == Some(DRAFT)).then_some(())?,
                // Another address would change what references mean.
                "$id" => (value.as_str() == Some(&catalogue::address(self.name))).then_some(())?,
                "title" | "description" | "$comment" | "$defs" | "examples" | "default" | "deprecated" => {}
                annotation if annotation.starts_with("x-") => {}
                "$ref" => {
                    let (name, target) = self.schemas.resolve(self.name, value.as_str()?)?;
                    parts.push(Reader { name, ..*self }.rule(target)?);
                }
                "allOf" => {
                    for part in value.as_array()? {
                        parts.push(self.rule(part)?);
                    }
                }
                _ => self.keyword(&mut rule, keyword, value)?,
            }
        }
        parts.into_iter().try_fold(rule, Rule::and)
    }

    fn keyword(&self, rule: &mut Rule, keyword: &str, value: &Value) -> Option<()> {
        let size = || usize::try_from(value.as_u64()?).ok();
        match keyword {
            "type" => rule.kinds = kinds(value)?,
            "const" => rule.choices = Some(vec![scalar(value)?]),
            "enum" => rule.choices = Some(value.as_array()?.iter().map(scalar).collect::<Option<_>>()?),
            "minimum" => rule.bounds.0 = value.as_i64()?,
            "maximum" => rule.bounds.1 = value.as_i64()?,
            "minLength" => rule.length.0 = size()?,
            "maxLength" => rule.length.1 = size()?,
            "format" => rule.formats.push(Format::new(value.as_str()?)?),
            "minItems" => rule.item_count.0 = size()?,
            "maxItems" => rule.item_count.1 = size()?,
            "items" => rule.items = Some(Box::new(self.rule(value)?)),
            "minProperties" => rule.member_count.0 = size()?,
            "maxProperties" => rule.member_count.1 = size()?,
            "required" => {
                let names = value.as_array()?.iter().map(|name| name.as_str().map(str::to_owned));
                rule.required = names.collect::<Option<_>>()?;
            }
            "properties" => {
                for (name, part) in value.as_object()? {
                    rule.properties.push((name.clone(), self.rule(part)?));
                }
            }
            "additionalProperties" => {
                rule.others = match value {
                    Value::Bool(true) => Others::Anything,
                    Value::Bool(false) => Others::Nothing,
                    part => Others::Like(Box::new(self.rule(part)?)),
                }
            }
            _ => return None,
        }
        Some(())
    }
}

/// A scalar as JSON text. Of a number only whole ones have but one form.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => Some(value.to_string()),
        Value::Number(number) if number.is_i64() => Some(value.to_string()),
        _ => None,
    }
}

fn kinds(value: &Value) -> Option<u8> {
    let one = |name: &Value| match name.as_str()? {
        "null" => Some(kind::NULL),
        "boolean" => Some(kind::BOOLEAN),
        "integer" => Some(kind::WHOLE),
        "number" => Some(kind::WHOLE | kind::FRACTION),
        "string" => Some(kind::STRING),
        "array" => Some(kind::ARRAY),
        "object" => Some(kind::OBJECT),
        _ => None,
    };
    match value {
        Value::Array(names) => names.iter().try_fold(0, |all, name| Some(all | one(name)?)),
        name => one(name),
    }
}
