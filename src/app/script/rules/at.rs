//! What stands at a path of a payload, as far as its schema tells.

use crate::schema::{Members, Shape};
use crate::text::json::escape_token;

use super::facts::Name;

/// Members that every object has.
const OF_OBJECTS: &[&str] = &[
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
    "__proto__",
];

const OF_STRINGS: &[&str] = &[
    "length",
    "anchor",
    "at",
    "charAt",
    "charCodeAt",
    "codePointAt",
    "concat",
    "endsWith",
    "includes",
    "indexOf",
    "isWellFormed",
    "lastIndexOf",
    "link",
    "localeCompare",
    "match",
    "matchAll",
    "normalize",
    "padEnd",
    "padStart",
    "repeat",
    "replace",
    "replaceAll",
    "search",
    "slice",
    "split",
    "startsWith",
    "substr",
    "substring",
    "toLocaleLowerCase",
    "toLocaleUpperCase",
    "toLowerCase",
    "toUpperCase",
    "toWellFormed",
    "trim",
    "trimEnd",
    "trimLeft",
    "trimRight",
    "trimStart",
];

const OF_ARRAYS: &[&str] = &[
    "length",
    "at",
    "concat",
    "copyWithin",
    "entries",
    "every",
    "fill",
    "filter",
    "find",
    "findIndex",
    "findLast",
    "findLastIndex",
    "flat",
    "flatMap",
    "forEach",
    "includes",
    "indexOf",
    "join",
    "keys",
    "lastIndexOf",
    "map",
    "pop",
    "push",
    "reduce",
    "reduceRight",
    "reverse",
    "shift",
    "slice",
    "some",
    "sort",
    "splice",
    "toReversed",
    "toSorted",
    "toSpliced",
    "unshift",
    "values",
    "with",
];

const OF_NUMBERS: &[&str] = &["toExponential", "toFixed", "toPrecision"];

/// What stands at a path.
pub(super) enum At<'s> {
    /// Something that the schema describes.
    Here(&'s Shape),
    /// Something that the schema leaves open.
    Anything,
    /// Nothing: the step of that number leads nowhere, from what stands before it.
    Missing(usize, &'s Shape),
}

/// Follows a path from the whole payload.
pub(super) fn at<'s>(payload: &'s Shape, path: &[Name]) -> At<'s> {
    let mut shape = payload;
    let mut pointer = String::new();
    for (number, name) in path.iter().enumerate() {
        let next = match name {
            Name::Member(name) => member(payload, shape, &pointer, name),
            Name::Index(_) | Name::Item => item(shape, *name == Name::Item),
        };
        match next {
            Next::Shape(inner) => shape = inner,
            Next::Anything => return At::Anything,
            Next::Nothing => return At::Missing(number, shape),
        }
        match name {
            Name::Member(name) => pointer.push_str(&format!("/{}", escape_token(name))),
            Name::Index(index) => pointer.push_str(&format!("/{index}")),
            Name::Item => pointer.push_str("/0"),
        }
    }
    At::Here(shape)
}

enum Next<'s> {
    Shape(&'s Shape),
    Anything,
    Nothing,
}

fn member<'s>(payload: &'s Shape, shape: &'s Shape, pointer: &str, name: &str) -> Next<'s> {
    if let Some(property) = shape.property(name) {
        return Next::Shape(&property.shape);
    }
    if is_built_in(shape, name) {
        return Next::Anything;
    }
    if !allows(shape, "object") {
        return Next::Nothing;
    }
    match shape.members() {
        Members::Any => Next::Anything,
        Members::Like(like) if shape.members_of().is_none() || payload.names_at(pointer).contains(&name) => {
            Next::Shape(like)
        }
        Members::Like(_) => Next::Nothing,
        Members::Unnamed if shape.properties().is_empty() => Next::Anything,
        Members::Unnamed => Next::Nothing,
    }
}

fn item(shape: &Shape, is_any: bool) -> Next<'_> {
    match shape.items() {
        Some(items) => Next::Shape(items),
        None if is_any || allows(shape, "array") || allows(shape, "string") => Next::Anything,
        None if shape.properties().is_empty() => Next::Anything,
        None => Next::Nothing,
    }
}

/// Whether the schema allows a kind of value; a list of texts to choose from is a kind, too.
pub(super) fn allows(shape: &Shape, kind: &str) -> bool {
    let mut listed = shape.choices().iter().chain(shape.constant()).peekable();
    if listed.peek().is_some() && listed.all(serde_json::Value::is_string) {
        return kind == "string";
    }
    shape.kinds().allows(kind)
}

fn is_built_in(shape: &Shape, name: &str) -> bool {
    OF_OBJECTS.contains(&name)
        || (allows(shape, "string") && OF_STRINGS.contains(&name))
        || (allows(shape, "array") && OF_ARRAYS.contains(&name))
        || (allows(shape, "number") || allows(shape, "integer")) && OF_NUMBERS.contains(&name)
}

/// A path as it would be written.
pub(super) fn written(path: &[Name]) -> String {
    let mut text = "payload".to_owned();
    for name in path {
        match name {
            Name::Member(name) => text.push_str(&format!(".{name}")),
            Name::Index(index) => text.push_str(&format!("[{index}]")),
            Name::Item => text.push_str("[…]"),
        }
    }
    text
}

/// The JSON Pointer of a path.
pub(super) fn pointer(path: &[Name]) -> String {
    path.iter()
        .map(|name| match name {
            Name::Member(name) => format!("/{}", escape_token(name)),
            Name::Index(index) => format!("/{index}"),
            Name::Item => "/0".to_owned(),
        })
        .collect()
}
