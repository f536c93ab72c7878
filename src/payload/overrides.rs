//! Changes to a payload from the command line, none of them ever ignored.
//!
//! An override that touches a field of the user keeps the payload true: `changes` follows the user's field and the other
//! way round, and an actor that is the user follows the user.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::model::{Code, Finding, Findings, Place, Platform};
use crate::schema::{EventSchema, Shape};
use crate::text::json::{escape_token, unescape_token};
use crate::text::{list, nearest};

const USER: &str = "/data/user";
const ACTOR: &str = "/data/actor";
const CHANGES: &str = "/data/changes";
/// Where the kit variant has the pairs; there the old value stands first.
const KIT_CHANGES: &str = "/data/changes/model_changes";

/// The largest index that a path may have; more is a slip of the finger.
const LARGEST_INDEX: usize = 1_000_000;

/// One change to a payload.
#[derive(Debug, Clone, PartialEq)]
pub enum Override {
    /// Put a value at a path.
    Set {
        /// Where.
        path: Path,
        /// What.
        value: Given,
    },
    /// Take away what is at a path.
    Unset {
        /// Where.
        path: Path,
    },
}

/// What an override puts into the payload.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// A text, to become what the schema has at the path: a string mostly.
    Text(String),
    /// A JSON value.
    Json(Value),
}

/// Where in a payload: names and indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    tokens: Vec<String>,
}

impl Path {
    /// Its JSON Pointer.
    pub fn pointer(&self) -> String {
        pointer_of(&self.tokens)
    }

    /// As the user would write it: `data.user.properties[0]`.
    pub fn dotted(&self) -> String {
        let mut text = String::new();
        for token in &self.tokens {
            if is_index(token) {
                text.push_str(&format!("[{token}]"));
            } else if token.contains(['.', '[']) || token.is_empty() {
                return self.pointer();
            } else {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(token);
            }
        }
        text
    }
}

impl FromStr for Path {
    type Err = String;

    /// Dotted with indices in brackets (`data.user.properties[0].name`), or a JSON Pointer.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text == "/" {
            return Err("the path is empty, one such as `data.user.email` was expected".to_owned());
        }
        let tokens = match text.strip_prefix('/') {
            Some(pointer) => pointer.split('/').map(unescape_token).collect(),
            None => dotted(text)?,
        };
        let large = |token: &String| is_index(token) && !token.parse().is_ok_and(|index: usize| index <= LARGEST_INDEX);
        match tokens.iter().find(|token| large(token)) {
            Some(token) => Err(format!("the index {token} in the path `{text}` is too large")),
            None => Ok(Self { tokens }),
        }
    }
}

fn dotted(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    for part in text.split('.') {
        let (name, indices) = part.split_at(part.find('[').unwrap_or(part.len()));
        if name.is_empty() {
            return Err(format!("the path `{text}` has an empty name in it"));
        }
        tokens.push(name.to_owned());
        let mut rest = indices;
        while !rest.is_empty() {
            let index = rest.strip_prefix('[').and_then(|inner| inner.split_once(']'));
            match index.filter(|(index, _)| is_index(index)) {
                Some((index, after)) => {
                    tokens.push(index.to_owned());
                    rest = after;
                }
                None => return Err(format!("the path `{text}` has brackets that do not hold an index, such as `[0]`")),
            }
        }
    }
    Ok(tokens)
}

fn is_index(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit())
}

fn pointer_of<S: AsRef<str>>(tokens: &[S]) -> String {
    tokens.iter().fold(String::new(), |pointer, token| pointer + "/" + &escape_token(token.as_ref()))
}

impl Override {
    /// Reads `PATH=TEXT` or `PATH:=JSON`.
    ///
    /// # Errors
    /// A [`Code::BadPath`] or [`Code::BadOverride`] finding.
    pub fn set(text: &str) -> Result<Self, Box<Finding>> {
        let Some((path, value)) = text.split_once('=') else {
            let what = format!("`{text}` says where and not what");
            return Err(bad(Code::BadOverride, what).hint("write `PATH=TEXT` or `PATH:=JSON`").into());
        };
        let (path, value) = match path.strip_suffix(':') {
            Some(path) => match serde_json::from_str(value) {
                Ok(json) => (path, Given::Json(json)),
                Err(error) => {
                    let what = format!("what follows `{path}:=` is not JSON: {error}");
                    let hint = format!("a text needs no quotes after `=`: `{path}={value}`");
                    return Err(bad(Code::BadOverride, what).hint(hint).into());
                }
            },
            None => (path, Given::Text(value.to_owned())),
        };
        let path = path.parse().map_err(|what: String| bad(Code::BadPath, what))?;
        Ok(Self::Set { path, value })
    }

    /// Reads `PATH`.
    ///
    /// # Errors
    /// A [`Code::BadPath`] finding.
    pub fn unset(text: &str) -> Result<Self, Box<Finding>> {
        let path = text.parse().map_err(|what: String| bad(Code::BadPath, what))?;
        Ok(Self::Unset { path })
    }

    /// Where it applies.
    pub const fn path(&self) -> &Path {
        match self {
            Self::Set { path, .. } | Self::Unset { path } => path,
        }
    }
}

fn bad(code: Code, what: impl Into<String>) -> Finding {
    Finding::new(code, what)
}

/// All overrides of a run, in the order in which they were given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    list: Vec<Override>,
}

impl Overrides {
    /// These overrides, applied in this order.
    pub const fn new(list: Vec<Override>) -> Self {
        Self { list }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The overrides.
    pub fn list(&self) -> &[Override] {
        &self.list
    }

    /// Applies all to `payload`, and then makes `changes`, the user and an actor who is the user agree again.
    ///
    /// With `strict`, a path must be one that `event` has, where a schema of it is given.
    ///
    /// # Errors
    /// A finding for each override that cannot be applied; `payload` is then as good as lost.
    pub fn apply(&self, payload: &mut Value, event: Option<&EventSchema>, strict: bool) -> Result<(), Findings> {
        if self.is_empty() {
            return Ok(());
        }
        let platform = match (payload.get("currentHost"), payload.get("account_id").or(payload.get("domain"))) {
            (Some(_), _) => Some(Platform::V3),
            (None, Some(_)) => Some(Platform::V2),
            (None, None) => None,
        };
        let shape = event.map(|event| event.shape(platform));
        let before = payload.clone();
        let mut findings = Vec::new();
        for one in &self.list {
            let checked = match (event, strict) {
                (Some(event), true) => known(one.path(), event, platform),
                _ => Ok(()),
            };
            if let Err(finding) = checked.and_then(|()| one.apply(payload, shape)) {
                findings.push(at(one.path(), *finding));
            }
        }
        if findings.is_empty() {
            self.agree(&before, payload, strict, &mut findings);
        }
        if findings.is_empty() { Ok(()) } else { Err(findings) }
    }

    /// Whether the value at `pointer`, or one that holds it or that it holds, was given.
    fn touches(&self, pointer: &str) -> bool {
        self.list.iter().any(|one| {
            let own = one.path().pointer();
            is_at_or_below(&own, pointer) || is_at_or_below(pointer, &own)
        })
    }

    /// Makes what hangs together agree again.
    fn agree(&self, before: &Value, payload: &mut Value, strict: bool, findings: &mut Findings) {
        let (base, new, old) =
            if payload.pointer(KIT_CHANGES).is_some() { (KIT_CHANGES, 1, 0) } else { (CHANGES, 0, 1) };
        let fields: Vec<String> = payload
            .pointer(base)
            .and_then(Value::as_object)
            .map(|map| map.keys().cloned().collect())
            .unwrap_or_default();
        for field in fields {
            let own = format!("{USER}/{}", escape_token(&field));
            let pair = format!("{base}/{}", escape_token(&field));
            let new_at = format!("{pair}/{new}");
            let old_at = format!("{pair}/{old}");
            if self.touches(&own) {
                if !self.touches(&new_at) {
                    let value = payload.pointer(&own).cloned().unwrap_or(Value::Null);
                    replace(payload, &new_at, value);
                }
            } else if self.touches(&new_at)
                && let Some(value) = payload.pointer(&new_at).cloned()
                && let Some(Value::Object(user)) = payload.pointer_mut(USER)
            {
                user.insert(field.clone(), value);
            }
            if payload.pointer(&new_at).is_some() && payload.pointer(&new_at) == payload.pointer(&old_at) {
                // The value that the user had before is as good an old one as any, if it differs.
                let spare = before.pointer(&own).filter(|value| payload.pointer(&new_at) != Some(*value)).cloned();
                match spare {
                    Some(value) if !self.touches(&old_at) => replace(payload, &old_at, value),
                    _ if strict => findings.push(same(&field, &old_at)),
                    _ => {}
                }
            }
        }
        self.follow_user(before, payload);
    }

    /// An actor who is the user has the user's values.
    fn follow_user(&self, before: &Value, payload: &mut Value) {
        let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let id = text(before, "/data/user/id");
        let was_user = id.is_some() && text(before, "/data/actor/id") == id;
        if !was_user || text(payload, "/data/actor/type").as_deref() != Some("user") {
            return;
        }
        let names: Vec<String> = payload
            .pointer(ACTOR)
            .and_then(Value::as_object)
            .map(|map| map.keys().cloned().collect())
            .unwrap_or_default();
        for name in names {
            let token = escape_token(&name);
            let (own, actors) = (format!("{USER}/{token}"), format!("{ACTOR}/{token}"));
            // Fields that the user never had, such as `type`, are the actor's own.
            if before.pointer(&own).is_none() || self.touches(&actors) || before.pointer(&own) == payload.pointer(&own)
            {
                continue;
            }
            match payload.pointer(&own).cloned() {
                Some(value) => replace(payload, &actors, value),
                None => {
                    if let Some(Value::Object(actor)) = payload.pointer_mut(ACTOR) {
                        actor.shift_remove(&name);
                    }
                }
            }
        }
    }
}

fn is_at_or_below(pointer: &str, above: &str) -> bool {
    pointer.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn replace(payload: &mut Value, pointer: &str, value: Value) {
    if let Some(place) = payload.pointer_mut(pointer) {
        *place = value;
    }
}

fn same(field: &str, pointer: &str) -> Finding {
    let what = format!("the old and the new value of `{field}` in `changes` are the same, an update changes something");
    let place = Place { pointer: Some(pointer.to_owned()), ..Place::default() };
    bad(Code::BadOverride, what).at(place).hint(format!("set another old value: `{}=…`", pointer_as_path(pointer)))
}

fn pointer_as_path(pointer: &str) -> String {
    pointer.parse::<Path>().map_or_else(|_| pointer.to_owned(), |path| path.dotted())
}

fn at(path: &Path, mut finding: Finding) -> Finding {
    finding.place.pointer.get_or_insert_with(|| path.pointer());
    finding
}

/// Checks that the event has the path.
fn known(path: &Path, event: &EventSchema, platform: Option<Platform>) -> Result<(), Box<Finding>> {
    let shape = event.shape(platform);
    let pointer = path.pointer();
    if shape.find(&pointer).is_some() {
        return Ok(());
    }
    let dotted = path.dotted();
    let what = format!("a payload of `{}` has no `{dotted}`", event.name());
    let finding = bad(Code::UnknownPath, what);
    if let (Some(platform), true) = (platform, event.shape(None).find(&pointer).is_some()) {
        let own = platform.told(None);
        let hint = format!(
            "it is not in the {own}, but in the other platform's: the app's manifest says which is the app's, and `generate` takes `--platform`"
        );
        return Err(finding.hint(hint).into());
    }
    let hint = match shape.nearest_path(&dotted) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("at the top are {}", list(shape.properties().iter().map(|property| property.name.as_str()))),
    };
    Err(finding.hint(hint).hint("to send it all the same, switch the check off with `--no-check`").into())
}

impl Override {
    fn apply(&self, payload: &mut Value, shape: Option<&Shape>) -> Result<(), Box<Finding>> {
        match self {
            Self::Set { path, value } => {
                let value = value.typed(shape.and_then(|shape| shape.find(&path.pointer())), path)?;
                set(payload, &path.tokens, value)
            }
            Self::Unset { path } => unset(payload, &path.tokens),
        }
    }
}

impl Given {
    /// The value, of the kind that the schema has.
    fn typed(&self, shape: Option<&Shape>, path: &Path) -> Result<Value, Box<Finding>> {
        let text = match self {
            Self::Json(value) => return Ok(value.clone()),
            Self::Text(text) => text,
        };
        let Some(kinds) = shape.map(Shape::kinds).filter(|kinds| !kinds.allows("string")) else {
            return Ok(Value::from(text.as_str()));
        };
        let parsed = serde_json::from_str::<Value>(text).ok().filter(|value| {
            kinds.allows(match value {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(number) if number.is_f64() => "number",
                Value::Number(_) => "integer",
                Value::String(_) => "string",
                Value::Array(_) => "array",
                Value::Object(_) => "object",
            })
        });
        parsed.ok_or_else(|| {
            let path = path.dotted();
            let what = format!("`{path}` holds no text, and `{text}` cannot be read as what it does hold");
            let hint = format!("give it as JSON: `{path}:={}`", if kinds.allows("object") { "{…}" } else { "…" });
            bad(Code::BadOverride, what).hint(hint).into()
        })
    }
}

/// Puts `value` at the path; objects and arrays on the way are made where they are absent or null.
fn set(payload: &mut Value, tokens: &[String], value: Value) -> Result<(), Box<Finding>> {
    let mut place = payload;
    for (depth, token) in tokens.iter().enumerate() {
        if place.is_null() {
            *place = if is_index(token) { Value::Array(Vec::new()) } else { Value::Object(Map::new()) };
        }
        place = match place {
            Value::Object(members) => members.entry(token.clone()).or_insert(Value::Null),
            Value::Array(items) => {
                let length = items.len();
                let index = index(token, length, &tokens[..depth])?;
                if index == length {
                    items.push(Value::Null);
                }
                &mut items[index]
            }
            other => return Err(no_members(other, &tokens[..depth])),
        };
    }
    *place = value;
    Ok(())
}

fn index(token: &str, length: usize, above: &[String]) -> Result<usize, Box<Finding>> {
    let above = pointer_as_path(&pointer_of(above));
    match token.parse::<usize>() {
        Ok(index) if index <= length => Ok(index),
        Ok(index) => {
            let items = if length == 1 { "item" } else { "items" };
            let what = format!("`{above}` has {length} {items}, `[{index}]` would leave a gap");
            Err(bad(Code::BadPath, what).hint(format!("the next one is `{above}[{length}]`")).into())
        }
        Err(_) => {
            Err(bad(Code::BadPath, format!("`{above}` is an array, `[0]` was expected and not `{token}`")).into())
        }
    }
}

fn no_members(value: &Value, above: &[String]) -> Box<Finding> {
    let kind = match value {
        Value::String(_) => "a string",
        Value::Number(_) => "a number",
        Value::Bool(_) => "a boolean",
        _ => "null",
    };
    let what = format!("`{}` is {kind}, which has nothing in it", pointer_as_path(&pointer_of(above)));
    bad(Code::BadPath, what).into()
}

/// Takes away what is at the path.
fn unset(payload: &mut Value, tokens: &[String]) -> Result<(), Box<Finding>> {
    let Some((last, above)) = tokens.split_last() else { return Ok(()) };
    let gone = |known: Vec<&str>| {
        let path = pointer_as_path(&pointer_of(tokens));
        let near = nearest(last, known).map(|near| format!("did you mean `{near}`?"));
        Box::new(
            bad(Code::UnknownPath, format!("the payload has no `{path}` that could be taken away")).maybe_hint(near),
        )
    };
    match payload.pointer_mut(&pointer_of(above)) {
        // `shift_remove` keeps the order of the others.
        Some(Value::Object(members)) => match members.shift_remove(last) {
            Some(_) => Ok(()),
            None => Err(gone(members.keys().map(String::as_str).collect())),
        },
        Some(Value::Array(items)) => match last.parse::<usize>() {
            Ok(index) if index < items.len() => {
                items.remove(index);
                Ok(())
            }
            _ => Err(gone(Vec::new())),
        },
        Some(other) if !other.is_null() => Err(no_members(other, above)),
        _ => Err(gone(Vec::new())),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use serde_json::{Value, json};

    use super::{Override, Overrides};
    use crate::model::{Code, Findings};
    use crate::schema::Schemas;

    fn payload() -> Value {
        json!({
            "account_id": "1", "event": "onUserUpdate", "timestamp": 5,
            "data": {
                "actor": {"type": "user", "id": "u", "email": "new@example.com"},
                "associations": null,
                "changes": {"email": ["new@example.com", "old@example.com"]},
                "user": {"id": "u", "email": "new@example.com", "properties": [{"name": "plan", "value": "x"}]}
            }
        })
    }

    fn kit() -> Value {
        let mut payload = payload();
        payload["data"]["changes"] = json!({"model_changes": {"email": ["old@example.com", "new@example.com"]}});
        payload
    }

    fn one(text: &str) -> Override {
        match text.strip_prefix('-') {
            Some(path) => Override::unset(path).unwrap(),
            None => Override::set(text).unwrap(),
        }
    }

    fn applied(mut payload: Value, texts: &[&str]) -> Result<Value, Findings> {
        let schemas = Schemas::embedded();
        let event = schemas.event("onUserUpdate").unwrap();
        let overrides = Overrides::new(texts.iter().map(|text| one(text)).collect());
        overrides.apply(&mut payload, Some(event), true).map(|()| payload)
    }

    fn refused(texts: &[&str]) -> (Code, String) {
        let findings = applied(payload(), texts).unwrap_err();
        (findings[0].code, findings[0].hints.first().cloned().unwrap_or_default())
    }

    #[test]
    fn values_are_of_the_kind_that_the_schema_has() {
        let made = applied(
            payload(),
            &["data.user.phone=12", "timestamp=77", "/data/user/properties/0/value=y", "data.associations:={\"a\":1}"],
        )
        .unwrap();
        assert_eq!(made["data"]["user"]["phone"], "12");
        assert_eq!(made["timestamp"], 77);
        assert_eq!(made["data"]["user"]["properties"][0]["value"], "y");
        assert_eq!(made["data"]["associations"]["a"], 1);
        assert_eq!(refused(&["timestamp=soon"]).0, Code::BadOverride);
    }

    #[test]
    fn members_that_no_schema_names_can_be_set_where_they_are_meant_to_be() {
        let made = applied(
            payload(),
            &[
                "iparams.key=v",
                "data.associations.a.b=1",
                "data.user.properties[1].name=seats",
                "data.user.avatar.url=https://a.example/",
            ],
        )
        .unwrap();
        assert_eq!(made["iparams"]["key"], "v");
        assert_eq!(made["data"]["associations"]["a"]["b"], "1");
        assert_eq!(made["data"]["user"]["properties"][1]["name"], "seats");
    }

    #[test]
    fn an_unknown_path_is_told_the_nearest() {
        for (text, near) in [
            ("user.email=x", "data.user.email"),
            ("data.user.emial=x", "data.user.email"),
            ("data.changes.emial[0]=x", "data.changes.email[0]"),
            ("-data.user.emial", "data.user.email"),
        ] {
            assert_eq!(refused(&[text]), (Code::UnknownPath, format!("did you mean `{near}`?")), "{text}");
        }
        let (code, hint) = refused(&["currentHost.endpoint_urls.freshchat=x"]);
        assert_eq!(code, Code::UnknownPath);
        assert!(hint.contains("not in the envelope of platform 2.3"), "{hint}");
    }

    #[test]
    fn a_path_through_a_scalar_or_past_a_gap_is_refused() {
        assert_eq!(refused(&["data.user.properties[5].name=x"]).0, Code::BadPath);
        let mut value = payload();
        let findings = Overrides::new(vec![one("data.user.id.x=1")]).apply(&mut value, None, false).unwrap_err();
        assert_eq!(findings[0].code, Code::BadPath);
        assert_eq!(refused(&["-data.user.phone"]).0, Code::UnknownPath);
    }

    #[test]
    fn every_override_that_fails_is_told() {
        assert_eq!(applied(payload(), &["data.usr.id=1", "timestamp=x", "-data.user.phone"]).unwrap_err().len(), 3);
    }

    #[test]
    fn a_changed_field_keeps_changes_true_in_both_orders() {
        let made = applied(payload(), &["data.user.email=set@example.com"]).unwrap();
        assert_eq!(made["data"]["changes"]["email"], json!(["set@example.com", "old@example.com"]));
        let made = applied(kit(), &["data.user.email=set@example.com"]).unwrap();
        assert_eq!(made["data"]["changes"]["model_changes"]["email"], json!(["old@example.com", "set@example.com"]));
    }

    #[test]
    fn the_new_value_in_changes_reaches_the_user() {
        for (payload, path) in [(payload(), "data.changes.email[0]"), (kit(), "data.changes.model_changes.email[1]")] {
            let made = applied(payload, &[&format!("{path}=set@example.com")]).unwrap();
            assert_eq!(made["data"]["user"]["email"], "set@example.com");
            assert_eq!(made["data"]["actor"]["email"], "set@example.com");
        }
        let made = applied(payload(), &["data.changes.phone:=[\"2\",\"1\"]"]).unwrap();
        assert_eq!(made["data"]["user"]["phone"], "2");
    }

    #[test]
    fn an_old_value_that_the_new_one_meets_gives_way() {
        let made = applied(payload(), &["data.user.email=old@example.com"]).unwrap();
        assert_eq!(made["data"]["changes"]["email"], json!(["old@example.com", "new@example.com"]));
        assert_eq!(refused(&["data.changes.email[1]=new@example.com"]).0, Code::BadOverride);
    }

    #[test]
    fn a_field_taken_away_is_null_in_changes() {
        let made = applied(payload(), &["-data.user.email"]).unwrap();
        assert_eq!(made["data"]["changes"]["email"], json!([null, "old@example.com"]));
        assert!(made["data"]["user"].get("email").is_none());
        assert!(made["data"]["actor"].get("email").is_none());
    }

    #[test]
    fn an_actor_who_is_the_user_follows_the_user() {
        let made = applied(payload(), &["data.user.id=other"]).unwrap();
        assert_eq!(made["data"]["actor"]["id"], "other");
        let made = applied(payload(), &["data.user.id=other", "data.actor.id=own"]).unwrap();
        assert_eq!(made["data"]["actor"]["id"], "own");
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (text, code) in [
            ("data.user.email", Code::BadOverride),
            ("data.user.email:=nope", Code::BadOverride),
            ("=x", Code::BadPath),
            ("a..b=x", Code::BadPath),
            ("a[x]=1", Code::BadPath),
            ("a[99999999999999999999]=1", Code::BadPath),
        ] {
            assert_eq!(Override::set(text).unwrap_err().code, code, "{text}");
        }
        assert_eq!(Override::set("/a~1b/c=1").unwrap().path().pointer(), "/a~1b/c");
        assert_eq!(Override::set("a[0].b=1").unwrap().path().dotted(), "a[0].b");
    }
}
