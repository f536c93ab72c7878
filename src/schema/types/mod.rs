//! The payloads as types for editors: TypeScript declarations, or JSDoc comments.
//!
//! [`read`] makes declarations of the schemas, [`platform`] knows those of the platform's objects, which no schema describes,
//! and [`print`] writes either language. The same schemas give the same bytes.

mod platform;
mod print;
mod read;

use super::Schemas;
use crate::model::Platform;

/// What the types are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// A `.d.ts` file.
    TypeScript,
    /// A `.js` file of comments.
    JsDoc,
}

/// A named type.
#[derive(Debug)]
struct Declaration {
    name: String,
    /// A type parameter, and what it must be.
    parameter: Option<(&'static str, &'static str)>,
    doc: String,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Object(Vec<Attribute>),
    /// A type as TypeScript writes it.
    Alias(String),
}

/// One attribute of an object.
#[derive(Debug)]
struct Attribute {
    name: String,
    doc: String,
    optional: bool,
    /// As TypeScript writes it.
    of: String,
}

/// The name of the type of an event's payloads.
pub fn payload_type(event: &str) -> String {
    format!("{}Payload", pascal(event))
}

/// The types of the payloads of `events` on `platform`, of what is in them, and of the platform's objects.
pub fn types(schemas: &Schemas, platform: Platform, events: &[&str], language: Language) -> String {
    let mut declarations = read::payloads(schemas, platform, events);
    declarations.extend(platform::declarations());
    match language {
        Language::TypeScript => print::typescript(&declarations),
        Language::JsDoc => print::jsdoc(&declarations),
    }
}

/// `onUserUpdate` as `OnUserUpdate`, `envelope-3` as `Envelope3`: what is no letter or digit parts words.
fn pascal(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let joined: String = words
        .map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + rest
        })
        .collect();
    if joined.starts_with(|c: char| c.is_ascii_alphabetic()) { joined } else { format!("T{joined}") }
}

/// Whether `name` can stand in code without quotes.
fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == '$')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
}

/// A name as the key of an object.
fn key(name: &str) -> String {
    if is_identifier(name) { name.to_owned() } else { serde_json::Value::from(name).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_becomes_a_name_of_a_type() {
        for (name, expected) in [("onUserUpdate", "OnUserUpdate"), ("a-b.c", "ABC"), ("3d", "T3d"), ("ünder", "Nder")]
        {
            assert_eq!(pascal(name), expected);
        }
        assert_eq!(pascal("日本"), "T");
    }

    #[test]
    fn what_a_schema_says_cannot_end_its_comment() {
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            let made = std::fs::create_dir_all(path.parent().unwrap_or(dir.path()));
            assert!(made.is_ok() && std::fs::write(path, text).is_ok());
        };
        write(
            "events/onPing.schema.json",
            r##"{"title": "p", "description": "*/ evil(); /*", "type": "object", "required": ["two words"], "properties": {
                "two words": {"type": ["string", "null"], "description": "a\n@b*/"},
                "self": {"$ref": "#"},
                "either": {"anyOf": [{"type": "integer"}, {"enum": ["a", 1, null]}]},
                "many": {"type": "array", "items": {"type": ["boolean", "string"]}},
                "two": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
                "never": false
            }}"##,
        );
        let schemas = Schemas::with_dir(dir.path()).unwrap_or_else(|findings| panic!("{findings:?}"));
        let text = types(&schemas, Platform::V2, &["onPing"], Language::TypeScript);
        assert!(!text.contains("*/ evil"), "{text}");
        for line in [
            "  \"two words\": string | null;",
            "  self?: OnPing;",
            "  either?: number | \"a\" | 1 | null;",
            "  many?: (boolean | string)[];",
            "  two?: [string, string];",
            "  never?: never;",
            "  account_id: string;",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        let comments = types(&schemas, Platform::V2, &["onPing"], Language::JsDoc);
        assert!(!comments.contains("*/ evil") && comments.contains("\"two words\": string | null"), "{comments}");
    }
}
