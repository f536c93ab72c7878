//! What a schema describes, as a tree: which attributes there are, of which kind, and what is said about each.
//!
//! A shape is not a checker: it forgets conditions, and takes alternatives together. It answers quickly what a checker
//! cannot: which paths exist, and what stands at one.

use serde_json::Value;

use super::Schemas;
use crate::text::json::unescape_token;
use crate::text::nearest;

/// How deep references are followed; deeper, anything goes. Keeps a schema that refers to itself finite.
const DEEPEST: usize = 24;

/// What a schema says of one value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shape {
    properties: Vec<Property>,
    items: Option<Box<Shape>>,
    members: Members,
    members_of: Option<String>,
    kinds: Kinds,
    constant: Option<Value>,
    choices: Vec<Value>,
    format: Option<String>,
    bounds: Vec<(&'static str, Value)>,
    fake: Option<Value>,
    changeable: bool,
    of_account: bool,
}

/// Keywords that say how much or how long a value may be.
const BOUNDS: [&str; 8] =
    ["minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];

/// One attribute that an object's schema names.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// The attribute's name.
    pub name: String,
    /// What it looks like.
    pub shape: Shape,
    /// Whether the object must have it.
    pub required: bool,
}

/// What a schema says of members that it does not name.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Members {
    /// Nothing, or that there must be none: such a member may be a slip.
    #[default]
    Unnamed,
    /// They are meant to be there, and may be anything.
    Any,
    /// They are meant to be there, and look like this.
    Like(Box<Shape>),
}

/// The kinds of JSON value that a schema allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u8);

const KINDS: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];

impl Default for Kinds {
    fn default() -> Self {
        Self(u8::MAX)
    }
}

impl Kinds {
    fn of(keyword: &Value) -> Self {
        let bit = |name: &Value| KINDS.iter().position(|kind| name.as_str() == Some(kind)).map_or(0, |at| 1 << at);
        Self(match keyword {
            Value::Array(names) => names.iter().map(bit).fold(0, |all, one| all | one),
            name => bit(name),
        })
    }

    /// Whether the kind of that JSON Schema name is allowed; an integer is a number.
    pub fn allows(self, kind: &str) -> bool {
        let has = |name: &str| KINDS.iter().position(|kind| *kind == name).is_some_and(|at| self.0 & (1 << at) != 0);
        has(kind) || (kind == "integer" && has("number"))
    }
}

impl Shape {
    /// The shape that the schema `name` describes.
    pub(super) fn new(schemas: &Schemas, name: &str) -> Self {
        let mut shape = Self::default();
        if let Some(value) = schemas.value(name) {
            shape.add(&Reader { schemas, name, alternative: false, depth: 0 }, value);
        }
        shape
    }

    /// Takes in what `schema` says. What is said later and nearer wins, so that a schema can refer to another and then
    /// say more.
    fn add(&mut self, reader: &Reader<'_>, schema: &Value) {
        let Value::Object(schema) = schema else { return };
        if reader.depth > DEEPEST {
            self.members = Members::Any;
            return;
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str)
            && let Some((name, target)) = reader.schemas.resolve(reader.name, reference)
        {
            self.add(&Reader { name, depth: reader.depth + 1, ..*reader }, target);
        }
        for (keyword, value) in schema {
            match (keyword.as_str(), value) {
                ("allOf", Value::Array(parts)) => parts.iter().for_each(|part| self.add(&reader.deeper(), part)),
                ("anyOf" | "oneOf", Value::Array(parts)) => {
                    parts.iter().for_each(|part| self.add(&reader.alternative(), part));
                }
                ("then" | "else", part) => self.add(&reader.alternative(), part),
                _ => {}
            }
        }
        self.add_members(reader, schema);
        if !reader.alternative {
            self.add_annotations(schema);
        }
    }

    fn add_members(&mut self, reader: &Reader<'_>, schema: &serde_json::Map<String, Value>) {
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (name, part) in properties {
                self.property_mut(name).shape.add(&reader.deeper(), part);
            }
        }
        if let (Some(Value::Array(names)), false) = (schema.get("required"), reader.alternative) {
            for name in names.iter().filter_map(Value::as_str) {
                self.property_mut(name).required = true;
            }
        }
        match schema.get("additionalProperties") {
            Some(Value::Bool(true)) => self.members = Members::Any,
            Some(part @ Value::Object(_)) => {
                let mut like = Self::default();
                like.add(&reader.deeper(), part);
                self.members = Members::Like(Box::new(like));
            }
            _ => {}
        }
        if let Some(part) = schema.get("items") {
            self.items.get_or_insert_default().add(&reader.deeper(), part);
        }
    }

    fn add_annotations(&mut self, schema: &serde_json::Map<String, Value>) {
        for (keyword, value) in schema {
            match keyword.as_str() {
                "type" => self.kinds = Kinds::of(value),
                "const" => self.constant = Some(value.clone()),
                "enum" => self.choices = value.as_array().cloned().unwrap_or_default(),
                "format" => self.format = value.as_str().map(str::to_owned),
                "x-simctl-fake" => self.fake = Some(value.clone()),
                "x-simctl-changeable" => self.changeable = value == &Value::Bool(true),
                "x-simctl-of-account" => self.of_account = value == &Value::Bool(true),
                "x-simctl-members-of" => self.members_of = value.as_str().map(str::to_owned),
                keyword => {
                    let bound = BOUNDS.into_iter().find(|bound| *bound == keyword);
                    self.bounds.extend(bound.map(|bound| (bound, value.clone())));
                }
            }
        }
    }

    fn property_mut(&mut self, name: &str) -> &mut Property {
        let at = self.properties.iter().position(|property| property.name == name).unwrap_or_else(|| {
            self.properties.push(Property { name: name.to_owned(), shape: Self::default(), required: false });
            self.properties.len() - 1
        });
        &mut self.properties[at]
    }

    /// Both shapes as one; where they differ, `other` wins.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for property in &other.properties {
            *both.property_mut(&property.name) = property.clone();
        }
        both
    }

    /// The attributes that the schema names, in its order.
    pub fn properties(&self) -> &[Property] {
        &self.properties
    }

    /// The attribute of that name.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }

    /// What the items of an array look like, where the schema says so.
    pub fn items(&self) -> Option<&Self> {
        self.items.as_deref()
    }

    /// What is said of members that the schema does not name.
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// The JSON Pointer of the object whose attributes the members of this one are named after.
    pub fn members_of(&self) -> Option<&str> {
        self.members_of.as_deref()
    }

    /// The kinds of value that are allowed.
    pub fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// The one value that is allowed.
    pub fn constant(&self) -> Option<&Value> {
        self.constant.as_ref()
    }

    /// The values that are allowed; empty where the schema does not list them.
    pub fn choices(&self) -> &[Value] {
        &self.choices
    }

    /// The text format that is asked for.
    pub fn format(&self) -> Option<&str> {
        self.format.as_deref()
    }

    /// What a keyword such as `maxLength` bounds the value by, where the schema has it.
    pub fn bound(&self, keyword: &str) -> Option<&Value> {
        self.bounds.iter().rfind(|(bound, _)| *bound == keyword).map(|(_, value)| value)
    }

    /// How values are made, as `x-simctl-fake` has it.
    pub fn fake(&self) -> Option<&Value> {
        self.fake.as_ref()
    }

    /// Whether an update may change it.
    pub fn changeable(&self) -> bool {
        self.changeable
    }

    /// Whether it says something of the account, so that it is the same in all payloads from there.
    pub fn is_of_account(&self) -> bool {
        self.of_account
    }

    /// Whether nothing is known of the value's inside, so that everything may be there.
    pub fn is_open(&self) -> bool {
        self.properties.is_empty() && self.items.is_none() && matches!(self.members, Members::Unnamed | Members::Any)
    }

    /// What stands at a JSON Pointer below this shape; absent where the schema has no such path.
    pub fn find(&self, pointer: &str) -> Option<&Self> {
        static ANYTHING: std::sync::OnceLock<Shape> = std::sync::OnceLock::new();
        let anything = || ANYTHING.get_or_init(Self::default);
        let mut shape = self;
        let mut free = false;
        for token in pointer.split('/').skip(1) {
            if free {
                continue;
            }
            let name = unescape_token(token);
            let inner = match (shape.property(&name), &shape.items, &shape.members) {
                (Some(property), ..) => Some(&property.shape),
                (None, Some(items), _) if is_index(token) => Some(&**items),
                (None, None, _) if is_index(token) && shape.kinds.allows("array") && !shape.kinds.allows("object") => {
                    None
                }
                (None, _, Members::Like(like)) if self.knows_member(shape, &name) => Some(&**like),
                (None, _, Members::Any) if shape.kinds.allows("object") => None,
                _ => return None,
            };
            match inner {
                Some(inner) => shape = inner,
                None => free = true,
            }
        }
        Some(if free { anything() } else { shape })
    }

    /// Whether `name` may be a member of `shape`, which lies somewhere below this one. Where `shape` stands alone, without
    /// the object that its members are named after, it may.
    pub(super) fn knows_member(&self, shape: &Self, name: &str) -> bool {
        match shape.members_of.as_deref().map(|pointer| self.at_named(pointer)) {
            Some(Some(object)) => object.property(name).is_some(),
            _ => true,
        }
    }

    /// What stands at a JSON Pointer that leads through named attributes only.
    pub(super) fn at_named(&self, pointer: &str) -> Option<&Self> {
        pointer.split('/').skip(1).try_fold(self, |shape, token| Some(&shape.property(&unescape_token(token))?.shape))
    }

    /// The names that a member of the object at `pointer` can have.
    pub fn names_at(&self, pointer: &str) -> Vec<&str> {
        let Some(shape) = self.find(pointer) else { return Vec::new() };
        let own = shape.properties.iter();
        let others = shape.members_of.as_deref().and_then(|of| self.at_named(of)).into_iter();
        own.chain(others.flat_map(|object| &object.properties)).map(|property| property.name.as_str()).collect()
    }

    /// All paths that the schema names, dotted, items as `[0]`.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect(self, "", &mut paths);
        paths
    }

    fn collect(&self, root: &Self, path: &str, paths: &mut Vec<String>) {
        let mut add = |inner: &Self, path: String| {
            paths.push(path.clone());
            inner.collect(root, &path, paths);
        };
        let dot = if path.is_empty() { "" } else { "." };
        for property in &self.properties {
            add(&property.shape, format!("{path}{dot}{}", property.name));
        }
        if let Some(items) = &self.items {
            add(items, format!("{path}[0]"));
        }
        if let (Members::Like(like), Some(of)) = (&self.members, &self.members_of) {
            for property in root.at_named(of).map_or(&[][..], |object| &object.properties) {
                add(like, format!("{path}{dot}{}", property.name));
            }
        }
        if self.items.is_none() && self.kinds == Kinds::of(&Value::from("array")) {
            add(&Self::default(), format!("{path}[0]"));
            add(&Self::default(), format!("{path}[1]"));
        }
    }

    /// The path that `path`, dotted, was most likely meant to be: one that lacks its beginning, or one that is alike.
    pub fn nearest_path(&self, path: &str) -> Option<String> {
        let paths = self.paths();
        let ending = format!(".{path}").to_lowercase();
        let longer = paths.iter().filter(|known| known.to_lowercase().ends_with(&ending));
        if let Some(found) = longer.min_by_key(|known| (!known.starts_with("data.user"), known.len())) {
            return Some(found.clone());
        }
        let known = || paths.iter().map(String::as_str);
        if let Some(found) = nearest(path, known()) {
            return Some(found.to_owned());
        }
        ["data.", "data.user."].iter().find_map(|front| nearest(&format!("{front}{path}"), known()).map(str::to_owned))
    }
}

fn is_index(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit())
}

/// Where a schema is being read.
#[derive(Clone, Copy)]
struct Reader<'a> {
    schemas: &'a Schemas,
    /// The document, against which references are resolved.
    name: &'a str,
    /// Whether what is read holds only in some cases.
    alternative: bool,
    depth: usize,
}

impl Reader<'_> {
    fn deeper(&self) -> Self {
        Self { depth: self.depth + 1, ..*self }
    }

    fn alternative(&self) -> Self {
        Self { alternative: true, ..self.deeper() }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use crate::schema::Schemas;

    #[test]
    fn every_path_of_the_payload_is_found_and_no_other() {
        let schemas = Schemas::embedded();
        let event = schemas.event("onUserUpdate").unwrap();
        let shape = event.shape(None);
        for path in [
            "/data/user/properties/0/name",
            "/data/changes/email/0",
            "/data/changes/model_changes/avatar/1/url",
            "/data/actor/type",
            "/data/associations/anything/at/all",
            "/iparams/secret/deep",
            "/account_id",
            "/currentHost/endpoint_urls/freshchat",
        ] {
            assert!(shape.find(path).is_some(), "{path}");
        }
        for path in ["/data/user/emial", "/data/changes/emial/0", "/user/email", "/data/user/email/x", "/data/0"] {
            assert!(shape.find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn a_path_that_lacks_its_beginning_finds_it() {
        let schemas = Schemas::embedded();
        let event = schemas.event("onUserUpdate").unwrap();
        for (wrong, right) in [
            ("user.email", "data.user.email"),
            ("email", "data.user.email"),
            ("data.user.emial", "data.user.email"),
            ("data.usr.email", "data.user.email"),
            ("user.emial", "data.user.email"),
            ("data.changes.emial[0]", "data.changes.email[0]"),
            ("timestmap", "timestamp"),
        ] {
            assert_eq!(event.shape(None).nearest_path(wrong).as_deref(), Some(right), "{wrong}");
        }
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let dir = tempfile::tempdir().unwrap();
        let text = r##"{"properties": {"child": {"$ref": "#"}}}"##;
        std::fs::write(dir.path().join("tree.schema.json"), text).unwrap();
        let schemas = Schemas::with_dir(dir.path()).unwrap();
        assert!(schemas.shape("tree").find("/child/child").is_some());
    }
}
