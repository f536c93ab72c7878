//! Violations of a schema in plain words: what was expected, and what is there.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use crate::text::{list, nearest, printable_line};

/// How many characters of a value a message repeats.
const EXCERPT: usize = 40;

/// A violation in words.
pub(super) struct Words {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// Puts `error` into words. With `discreet`, nothing of the value itself is repeated.
pub(super) fn of(error: &ValidationError<'_>, discreet: bool) -> Words {
    let found = &**error.instance();
    let shown = if discreet { kind(found).to_owned() } else { show(found) };
    let mut hint = None;
    let message = match error.kind() {
        Kind::Type { kind: wanted } => {
            hint = type_hint(wanted, found);
            format!("{} was expected, this is {}", kinds(wanted), kind(found))
        }
        Kind::Required { property } => {
            format!("`{}` is missing, this object must have it", property.as_str().unwrap_or_default())
        }
        Kind::Enum { options } => {
            let options = options.as_array().map_or(&[][..], Vec::as_slice);
            let names = || options.iter().filter_map(Value::as_str);
            hint = found.as_str().and_then(|text| nearest(text, names())).map(|near| format!("did you mean `{near}`?"));
            format!("one of {} was expected, this is {shown}", choices(options))
        }
        Kind::Constant { expected_value } => format!("{} was expected, this is {shown}", show(expected_value)),
        Kind::Format { format } => {
            hint = format_hint(format);
            format!("{} was expected, this is {shown}", format_name(format))
        }
        Kind::Pattern { pattern } => format!("a text like `{pattern}` was expected, this is {shown}"),
        Kind::MinItems { limit } => {
            format!("{} were expected at least, here are {}", count(*limit, "item"), len(found))
        }
        Kind::MaxItems { limit } => format!("{} were expected at most, here are {}", count(*limit, "item"), len(found)),
        Kind::MinProperties { limit } => {
            format!("{} were expected at least, here are {}", count(*limit, "member"), len(found))
        }
        Kind::MaxProperties { limit } => {
            format!("{} were expected at most, here are {}", count(*limit, "member"), len(found))
        }
        Kind::MinLength { limit: 1 } => "this text is empty, it must not be".to_owned(),
        Kind::MinLength { limit } => format!("{} were expected at least", count(*limit, "character")),
        Kind::MaxLength { limit } => format!("{} were expected at most", count(*limit, "character")),
        Kind::Minimum { limit } => format!("a number of at least {limit} was expected, this is {shown}"),
        Kind::Maximum { limit } => format!("a number of at most {limit} was expected, this is {shown}"),
        Kind::ExclusiveMinimum { limit } => format!("a number above {limit} was expected, this is {shown}"),
        Kind::ExclusiveMaximum { limit } => format!("a number below {limit} was expected, this is {shown}"),
        Kind::MultipleOf { multiple_of } => format!("a multiple of {multiple_of} was expected, this is {shown}"),
        Kind::UniqueItems => "the items must differ, two are the same".to_owned(),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            format!("{} must not be here", list(unexpected.iter().map(String::as_str)))
        }
        Kind::AdditionalItems { limit } => format!("no more than {} may be here", count(*limit as u64, "item")),
        Kind::FalseSchema => "nothing may be here".to_owned(),
        Kind::Contains => "an item is missing that the schema asks for".to_owned(),
        Kind::PropertyNames { .. } => "a member's name is not allowed".to_owned(),
        Kind::Not { .. } => "this is what the schema rules out".to_owned(),
        Kind::OneOfMultipleValid { .. } => "this fits several of the forms, it must fit exactly one".to_owned(),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => {
            "this fits none of the forms that are allowed here".to_owned()
        }
        other => format!("this does not hold what `{}` in the schema asks for", other.keyword()),
    };
    Words { message, hint }
}

/// A value as a message repeats it: short, and harmless on a terminal.
fn show(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => kind(value).to_owned(),
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(text) => {
            let start: String = text.chars().take(EXCERPT).collect();
            let more = if start.len() < text.len() { "…" } else { "" };
            format!("`{}{more}`", printable_line(&start))
        }
        other => format!("`{other}`"),
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn kinds(wanted: &TypeKind) -> String {
    match wanted {
        TypeKind::Single(one) => kind_name(*one).to_owned(),
        TypeKind::Multiple(several) => several.iter().map(kind_name).collect::<Vec<_>>().join(" or "),
    }
}

const fn kind_name(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Null => "null",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "a whole number",
        JsonType::Number => "a number",
        JsonType::String => "a string",
        JsonType::Array => "an array",
        JsonType::Object => "an object",
    }
}

fn type_hint(wanted: &TypeKind, found: &Value) -> Option<String> {
    let single = match wanted {
        TypeKind::Single(one) => *one,
        TypeKind::Multiple(_) => return None,
    };
    match (single, found) {
        (JsonType::String, Value::Number(_) | Value::Bool(_)) => Some("put it in quotes".to_owned()),
        (JsonType::Integer | JsonType::Number, Value::String(text)) if text.parse::<f64>().is_ok() => {
            Some("take the quotes off".to_owned())
        }
        (JsonType::Array, Value::Object(_)) => Some("put brackets round it: `[{ … }]`".to_owned()),
        _ => None,
    }
}

fn choices(options: &[Value]) -> String {
    match options {
        [] => "nothing".to_owned(),
        [one] => show(one),
        [most @ .., last] => {
            format!("{} or {}", most.iter().map(show).collect::<Vec<_>>().join(", "), show(last))
        }
    }
}

fn format_name(format: &str) -> String {
    match format {
        "date-time" => "a point in time (RFC 3339)".to_owned(),
        "date" => "a date".to_owned(),
        "email" => "an email address".to_owned(),
        "uri" => "a URL".to_owned(),
        "uuid" => "a UUID".to_owned(),
        other => format!("a text of the format `{other}`"),
    }
}

fn format_hint(format: &str) -> Option<String> {
    (format == "date-time").then(|| "write it like `2024-03-05T08:15:30.250Z`".to_owned())
}

fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn len(value: &Value) -> usize {
    value.as_array().map_or_else(|| value.as_object().map_or(0, serde_json::Map::len), Vec::len)
}
