//! What a change does to a payload, and the values that are tried.

use serde_json::{Map, Value, json};

use super::Change;
use crate::payload::Variant;
use crate::text::json::{escape_token, unescape_token};

/// The length of a long text: longer than any column that was thought long enough.
const LONG: usize = 5_000;

/// A bound on lengths that is no bound: a payload is never that long.
const LONGEST_BOUND: i64 = 1 << 20;

/// How many items a long list has.
const MANY: usize = 1_000;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Edit {
    /// Left out.
    Absent,
    /// This, in its place.
    Put(Value),
    /// An array with its first item that often.
    Times(usize),
    /// An object with this member besides.
    With(&'static str, Value),
    /// The pair of a field that did not change: what stands at this JSON Pointer, twice.
    Unchanged(String),
    /// Begins from another payload of the run.
    Index(u64),
    /// Begins from the other form.
    Variant,
}

impl Edit {
    pub(super) const fn index(&self) -> Option<u64> {
        match self {
            Self::Index(index) => Some(*index),
            _ => None,
        }
    }

    /// Does it to what stands at `pointer`; nothing where that is not there, or cannot be.
    pub(super) fn apply(&self, payload: &mut Value, pointer: &str) {
        match self {
            Self::Absent => remove(payload, pointer),
            Self::Put(value) => put(payload, pointer, value.clone()),
            Self::Times(count) => {
                if let Some(items) = payload.pointer_mut(pointer).and_then(Value::as_array_mut)
                    && let Some(first) = items.first().cloned()
                {
                    *items = vec![first; *count];
                }
            }
            Self::With(name, value) => {
                if let Some(members) = payload.pointer_mut(pointer).and_then(Value::as_object_mut) {
                    members.insert((*name).to_owned(), value.clone());
                }
            }
            Self::Unchanged(from) => {
                let value = payload.pointer(from).cloned().unwrap_or_default();
                put(payload, pointer, json!([value, value]));
            }
            Self::Index(_) | Self::Variant => {}
        }
    }
}

fn split(pointer: &str) -> Option<(&str, String)> {
    let (parent, token) = pointer.rsplit_once('/')?;
    Some((parent, unescape_token(token)))
}

/// Puts `value` there. Objects that it lies in and that are absent are made.
fn put(payload: &mut Value, pointer: &str, value: Value) {
    if let Some(place) = payload.pointer_mut(pointer) {
        *place = value;
        return;
    }
    let Some((parent, name)) = split(pointer) else { return };
    if payload.pointer(parent).is_none() {
        put(payload, parent, Value::Object(Map::new()));
    }
    if let Some(members) = payload.pointer_mut(parent).and_then(Value::as_object_mut) {
        members.insert(name, value);
    }
}

fn remove(payload: &mut Value, pointer: &str) {
    let Some((parent, name)) = split(pointer) else { return };
    if let Some(members) = payload.pointer_mut(parent).and_then(Value::as_object_mut) {
        // In the order in which the others stand.
        members.shift_remove(&name);
    }
}

impl Change {
    pub(super) fn of_variant(variant: Variant) -> Self {
        let told = format!("in the form of `--variant {variant}`");
        Self {
            id: format!("variant:{variant}"),
            told,
            what: "variant".to_owned(),
            kind: "variant",
            edit: Edit::Variant,
        }
    }

    pub(super) fn of_index(index: u64) -> Self {
        let told = format!("payload {index} of the seed");
        let edit = Edit::Index(index);
        Self { id: format!("payload:{index}"), told, what: "payload".to_owned(), kind: "payload", edit }
    }

    /// What payload `index` of the seed has at `pointer`: nothing, or this.
    pub(super) fn of_other(index: u64, pointer: &str, value: Option<&Value>) -> Self {
        let edit = value.map_or(Edit::Absent, |value| Edit::Put(value.clone()));
        let change = Self::at(pointer, "as-in", edit);
        Self { id: format!("{}-{index}", change.id), ..change }
    }

    pub(super) fn at(pointer: &str, kind: &'static str, edit: Edit) -> Self {
        let path = dotted(pointer);
        let told = match &edit {
            Edit::Absent => format!("`{path}` absent"),
            Edit::Put(value) => format!("`{path}` is {}", shown(value, kind)),
            Edit::Times(count) => format!("`{path}` has its first item {count} times"),
            Edit::With(name, value) => format!("`{path}` has a member `{name}` besides: {}", shown(value, kind)),
            Edit::Unchanged(_) => format!("`{path}` holds the same value twice"),
            Edit::Index(_) | Edit::Variant => String::new(),
        };
        Self { id: format!("{path}:{kind}"), told, what: pointer.to_owned(), kind, edit }
    }
}

/// A value in a line: as JSON where that is short and holds nothing that cannot be seen.
fn shown(value: &Value, kind: &str) -> String {
    let text = value.to_string();
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    match value {
        _ if is_plain && text.len() <= 60 => format!("`{text}`"),
        Value::String(text) => format!("a text of {} characters ({kind})", text.chars().count()),
        _ => format!("{} bytes of JSON ({kind})", text.len()),
    }
}

fn dotted(pointer: &str) -> String {
    let mut path = String::new();
    for token in pointer.split('/').skip(1) {
        if token.bytes().all(|byte| byte.is_ascii_digit()) && !token.is_empty() {
            path.push_str(&format!("[{token}]"));
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            // What separates names in the id of a case is not part of one.
            path.push_str(&unescape_token(token).replace([',', ':'], "_"));
        }
    }
    if path.is_empty() { "payload".to_owned() } else { path }
}

/// Where two payloads differ, and what the other one has there; lists are taken as a whole.
pub(super) fn differences(plain: &Value, other: &Value) -> Vec<(String, Option<Value>)> {
    let mut found = Vec::new();
    differ(Some(plain), Some(other), "", &mut found);
    found
}

fn differ(plain: Option<&Value>, other: Option<&Value>, pointer: &str, found: &mut Vec<(String, Option<Value>)>) {
    let (Some(Value::Object(left)), Some(Value::Object(right))) = (plain, other) else {
        if plain != other {
            found.push((pointer.to_owned(), other.cloned()));
        }
        return;
    };
    let new = right.keys().filter(|name| !left.contains_key(*name));
    for name in left.keys().chain(new) {
        differ(left.get(name), right.get(name), &format!("{pointer}/{}", escape_token(name)), found);
    }
}

/// What is tried wherever there is a value.
pub(super) fn anywhere() -> Vec<(&'static str, Value)> {
    vec![
        ("null", Value::Null),
        ("false", json!(false)),
        ("true", json!(true)),
        ("zero", json!(0)),
        ("empty", json!("")),
        ("text", json!("text")),
        ("empty-list", json!([])),
        ("empty-object", Value::Object(Map::new())),
    ]
}

/// What is tried of texts.
pub(super) fn texts() -> Vec<(&'static str, Value)> {
    let all: [(&str, String); 25] = [
        ("blank", " ".to_owned()),
        ("blanks-around", "  Ada  ".to_owned()),
        ("letter", "a".to_owned()),
        ("digits", "0".to_owned()),
        ("words-of-code", "undefined".to_owned()),
        ("long", "x".repeat(LONG)),
        ("long-word-list", "ab ".repeat(LONG / 3)),
        ("line-ends", "a\nb\r\nc\u{2028}d".to_owned()),
        ("control", "a\u{0}b\u{1b}[31m\u{7}".to_owned()),
        ("quotes", "O'Brien \"Bob\" \\ `x` ${y}".to_owned()),
        ("markup", "<b>&amp;</b>".to_owned()),
        ("percent", "100% %s %zz".to_owned()),
        ("pattern", "(a+)+$ [".to_owned()),
        ("comma", "a,b;c|d\t=".to_owned()),
        ("one-word", "Cher".to_owned()),
        ("accents", "Zo\u{eb} \u{c5}ngstr\u{f6}m".to_owned()),
        ("combining", "Zoe\u{308} a\u{301}\u{323}".to_owned()),
        ("right-to-left", "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{202e}abc".to_owned()),
        ("zero-width", "a\u{200b}b\u{200d}\u{feff}".to_owned()),
        ("emoji", "\u{1f469}\u{200d}\u{1f4bb}\u{1f1ee}\u{1f1f3}".to_owned()),
        ("astral", "\u{1d518}\u{20bb7}".to_owned()),
        ("case-folding", "\u{130}\u{df}\u{fb01}\u{3a3}".to_owned()),
        ("prototype", "__proto__".to_owned()),
        ("plus-address", "a+b@example.com".to_owned()),
        ("long-address", format!("{}@{}.example", "a".repeat(64), "b".repeat(60))),
    ];
    all.into_iter().map(|(kind, text)| (kind, Value::String(text))).collect()
}

/// What is tried of times: each edge of the calendar, and each way to write one.
pub(super) fn times() -> Vec<(&'static str, Value)> {
    [
        ("year-one", "0001-01-01T00:00:00Z"),
        ("before-1970", "1969-12-31T23:59:59.999Z"),
        ("epoch", "1970-01-01T00:00:00Z"),
        ("leap-day", "2024-02-29T12:00:00Z"),
        ("after-2038", "2038-01-19T03:14:08Z"),
        ("far", "9999-12-31T23:59:59.999Z"),
        ("offset", "2024-03-31T02:30:00+14:00"),
        ("nanoseconds", "2024-01-01T00:00:00.123456789Z"),
        ("lower-case", "2024-01-01t00:00:00z"),
        ("leap-second", "2016-12-31T23:59:60Z"),
        ("no-such-day", "2023-02-30T00:00:00Z"),
        ("date-alone", "2024-01-01"),
    ]
    .into_iter()
    .map(|(kind, text)| (kind, json!(text)))
    .collect()
}

/// What is tried of addresses on the web.
pub(super) fn addresses() -> Vec<(&'static str, Value)> {
    let long = format!("https://avatars.example/{}", "p".repeat(2_000));
    [
        ("bare-host", "https://a.example"),
        ("query", "https://a.example/a%20b?c=d&e=%F0%9F%98%80#f"),
        ("port", "http://[::1]:8080/"),
        ("data", "data:,x"),
        ("urn", "urn:x:y"),
        ("long-url", &long),
    ]
    .into_iter()
    .map(|(kind, text)| (kind, json!(text)))
    .collect()
}

/// What is tried of numbers.
pub(super) fn numbers() -> Vec<(&'static str, Value)> {
    vec![
        ("one", json!(1)),
        ("negative", json!(-1)),
        ("fraction", json!(0.5)),
        ("after-32-bits", json!(4_294_967_296_u64)),
        ("largest-exact", json!(9_007_199_254_740_991_u64)),
        ("beyond-exact", json!(9_007_199_254_740_993_u64)),
        ("huge", json!(1e300)),
    ]
}

/// What is tried of lists.
pub(super) fn lists() -> Vec<(&'static str, Edit)> {
    vec![
        ("one-item", Edit::Times(1)),
        ("repeated", Edit::Times(2)),
        ("three-items", Edit::Times(3)),
        ("many", Edit::Times(MANY)),
        ("list-of-null", Edit::Put(json!([null]))),
        ("pair-of-null", Edit::Put(json!([null, null]))),
    ]
}

/// What is tried where the schema bounds a value: the bound itself, and one beyond it. `plain` is what stands there in the plain
/// payload.
pub(super) fn at_bounds<'a>(
    bound: impl Fn(&str) -> Option<&'a Value>,
    plain: Option<&Value>,
) -> Vec<(&'static str, Edit)> {
    let text = plain.and_then(Value::as_str).filter(|text| !text.is_empty()).unwrap_or("x");
    let mut edits = Vec::new();
    for (keyword, at, beyond, further) in [
        ("minLength", "shortest", "too-short", -1),
        ("maxLength", "longest", "too-long", 1),
        ("minItems", "fewest", "too-few", -1),
        ("maxItems", "most", "too-many", 1),
    ] {
        let Some(count) = bound(keyword).and_then(Value::as_i64).filter(|count| *count < LONGEST_BOUND) else {
            continue;
        };
        for (kind, count) in [(at, count), (beyond, count + further)] {
            let Ok(count) = usize::try_from(count) else { continue };
            let edit = match keyword {
                "minLength" | "maxLength" => Edit::Put(text.chars().cycle().take(count).collect::<String>().into()),
                _ => Edit::Times(count),
            };
            edits.push((kind, edit));
        }
    }
    for (keyword, at, beyond, further) in [
        ("minimum", "least", "too-little", -1),
        ("maximum", "greatest", "too-much", 1),
        ("exclusiveMinimum", "just-too-little", "just-more", 1),
        ("exclusiveMaximum", "just-too-much", "just-less", -1),
    ] {
        let Some(number) = bound(keyword) else { continue };
        edits.push((at, Edit::Put(number.clone())));
        let next = match number.as_i64() {
            Some(number) => number.checked_add(further).map(Value::from),
            None => number.as_f64().map(|number| json!(if further < 0 { number - 1.0 } else { number + 1.0 })),
        };
        edits.extend(next.map(|next| (beyond, Edit::Put(next))));
    }
    edits
}

/// What is tried of objects.
pub(super) fn objects() -> Vec<(&'static str, Edit)> {
    vec![
        ("unknown", Edit::With("x_unknown", json!({ "nested": [1] }))),
        ("own-name", Edit::With("constructor", json!("x"))),
        ("own-method", Edit::With("hasOwnProperty", json!(1))),
    ]
}
