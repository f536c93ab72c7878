//! Whether a value fits a schema, and a finding for each place where it does not.

use std::collections::BTreeSet;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, Registry, ValidationError, Validator};
use serde_json::Value;

use super::catalogue::{Schemas, address};
use super::event::envelope;
use super::shape::{Members, Shape};
use super::words;
use crate::model::{Code, Finding, Findings, Place, Platform};
use crate::text::json::{Kind, Node, escape_token, place_at};
use crate::text::{Source, list, nearest, printable_line};

/// Where the checked value stands: in a text, or nowhere yet.
#[derive(Clone, Copy)]
enum Whence<'a> {
    Text(&'a Node, &'a Source),
    Made,
}

impl Whence<'_> {
    fn value_place(self, pointer: &str) -> Place {
        match self {
            Self::Text(root, source) => root.nearest(pointer).place(source, pointer),
            Self::Made => made(pointer),
        }
    }

    /// The place of an object as a whole: its key, or else its first byte, not all that it holds.
    fn object_place(self, pointer: &str) -> Place {
        match self {
            Self::Text(root, source) => {
                let range = root.key_range(pointer).unwrap_or_else(|| {
                    let start = root.nearest(pointer).range.start;
                    start..start + 1
                });
                place_at(source, range, pointer)
            }
            Self::Made => made(pointer),
        }
    }

    /// The place of a member's key.
    fn key_place(self, pointer: &str) -> Place {
        match self {
            Self::Text(root, source) => match root.key_range(pointer) {
                Some(range) => place_at(source, range, pointer),
                None => self.value_place(pointer),
            },
            Self::Made => made(pointer),
        }
    }
}

fn made(pointer: &str) -> Place {
    Place { pointer: Some(pointer.to_owned()), ..Place::default() }
}

impl Schemas {
    /// Checks `node`, read from `source`, against the schema `name`: all violations, then notes on attributes that the
    /// schema does not know, each in the order of the text.
    pub fn check(&self, name: &str, node: &Node, source: &Source) -> Findings {
        self.check_one(name, &node.value(), Whence::Text(node, source))
    }

    /// As [`Schemas::check`], for a value that stands in no text: findings have a pointer and no span.
    pub fn check_value(&self, name: &str, value: &Value) -> Findings {
        self.check_one(name, value, Whence::Made)
    }

    /// Checks a payload of `event`, read from `source`, against the event's schema and the envelope of `platform`;
    /// where that is not given, of the platform that the payload's own attributes tell.
    ///
    /// An event without a schema gives one [`Code::Unchecked`] note.
    pub fn check_payload(&self, event: &str, platform: Option<Platform>, node: &Node, source: &Source) -> Findings {
        self.check_event(event, platform, &node.value(), Whence::Text(node, source))
    }

    /// As [`Schemas::check_payload`], for a payload that stands in no text.
    pub fn check_payload_value(&self, event: &str, platform: Option<Platform>, value: &Value) -> Findings {
        self.check_event(event, platform, value, Whence::Made)
    }

    fn check_one(&self, name: &str, value: &Value, whence: Whence<'_>) -> Findings {
        let mut findings = self.violations(name, value, whence);
        unknown(self.shape(name), value, &Spot { root: self.shape(name), whence, pointer: "" }, &mut findings);
        sorted(findings)
    }

    fn check_event(&self, event: &str, given: Option<Platform>, value: &Value, whence: Whence<'_>) -> Findings {
        let Some(schema) = self.event(event) else {
            let what = format!("there is no schema for `{event}`, so its payload is not checked");
            return vec![Finding::new(Code::Unchecked, what).at(whence.object_place(""))];
        };
        let mut findings = self.violations(schema.schema(), value, whence);
        let platform = given.or_else(|| platform_of(value));
        let mut outer = self.violations(envelope(platform.unwrap_or(Platform::V2)), value, whence);
        if platform.is_none() && value.is_object() {
            // What is missing depends on the platform, which nothing here tells.
            outer.retain(|finding| {
                !finding.message.starts_with("`account_id`") && !finding.message.starts_with("`domain`")
            });
            let what = "`account_id` and `domain` (platform 2.x) or `currentHost` (platform 3.0) are missing, \
                        a payload has the ones or the other";
            outer.push(Finding::new(Code::SchemaViolation, what).at(whence.object_place("")));
        }
        for finding in outer {
            // Both schemas complain of a payload that is no object.
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        let shape = schema.shape(platform);
        unknown(shape, value, &Spot { root: shape, whence, pointer: "" }, &mut findings);
        sorted(findings)
    }

    fn violations(&self, name: &str, value: &Value, whence: Whence<'_>) -> Findings {
        match self.validator(name) {
            Ok(validator) => {
                let mut findings = Vec::new();
                for error in validator.iter_errors(value) {
                    violation(&error, whence, &mut findings);
                }
                findings
            }
            Err(finding) => vec![*finding],
        }
    }
}

/// The platform whose envelope a payload wears, where its attributes tell.
pub(super) fn platform_of(value: &Value) -> Option<Platform> {
    if value.get("currentHost").is_some() {
        Some(Platform::V3)
    } else if value.get("account_id").is_some() || value.get("domain").is_some() {
        Some(Platform::V2)
    } else {
        None
    }
}

/// Errors by place, then notes by place; without a text, as they were found.
fn sorted(mut findings: Findings) -> Findings {
    findings.sort_by_key(|finding| {
        (std::cmp::Reverse(finding.severity), finding.place.span.map_or(0, |span| span.start.offset))
    });
    findings
}

fn violation(error: &ValidationError<'_>, whence: Whence<'_>, findings: &mut Findings) {
    let pointer = error.instance_path().as_str();
    match error.kind() {
        // The form that was most likely meant says more than that none fits.
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            let depth = |errors: &[ValidationError<'_>]| {
                errors.iter().map(|inner| inner.instance_path().as_str().len()).max().unwrap_or(0)
            };
            let meant = context.iter().max_by_key(|errors| (depth(errors), std::cmp::Reverse(errors.len())));
            if let Some(meant) = meant.filter(|errors| depth(errors) > pointer.len()) {
                meant.iter().for_each(|inner| violation(inner, whence, findings));
                return;
            }
        }
        // One finding for each, at its key.
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            for name in unexpected {
                let inner = format!("{pointer}/{}", escape_token(name));
                let what = format!("`{}` must not be here", printable_line(name));
                findings.push(Finding::new(Code::SchemaViolation, what).at(whence.key_place(&inner)));
            }
            return;
        }
        _ => {}
    }
    // Installation parameters may be secrets.
    let discreet = pointer.starts_with("/iparams");
    let words = words::of(error, discreet);
    let place = match error.kind() {
        ValidationErrorKind::Required { .. } | ValidationErrorKind::MinProperties { .. } => {
            whence.object_place(pointer)
        }
        _ => whence.value_place(pointer),
    };
    let finding = Finding::new(Code::SchemaViolation, words.message).at(place).maybe_hint(words.hint);
    if !findings.contains(&finding) {
        findings.push(finding);
    }
}

/// Where the search for unknown attributes is.
struct Spot<'a> {
    root: &'a Shape,
    whence: Whence<'a>,
    pointer: &'a str,
}

/// Notes each attribute below `value` that its shape does not name, without looking into it.
fn unknown(shape: &Shape, value: &Value, spot: &Spot<'_>, findings: &mut Findings) {
    let enter = |token: &str, inner: &Shape, value: &Value, findings: &mut Findings| {
        let pointer = format!("{}/{}", spot.pointer, escape_token(token));
        unknown(inner, value, &Spot { pointer: &pointer, ..*spot }, findings);
    };
    match value {
        Value::Array(items) => {
            if let Some(inner) = shape.items() {
                for (index, item) in items.iter().enumerate() {
                    enter(&index.to_string(), inner, item, findings);
                }
            }
        }
        // Where no object belongs, its members are no news.
        Value::Object(members) if shape.kinds().allows("object") && !shape.is_open() => {
            for (name, member) in members {
                match (shape.property(name), shape.members()) {
                    (Some(property), _) => enter(name, &property.shape, member, findings),
                    (None, Members::Any) => {}
                    (None, Members::Like(inner)) if spot.root.knows_member(shape, name) => {
                        enter(name, inner, member, findings);
                    }
                    _ => findings.push(unknown_attribute(name, spot)),
                }
            }
        }
        _ => {}
    }
}

fn unknown_attribute(name: &str, spot: &Spot<'_>) -> Finding {
    let names = spot.root.names_at(spot.pointer);
    let pointer = format!("{}/{}", spot.pointer, escape_token(name));
    let what = format!("the attribute `{}` is not one that the schema knows", printable_line(name));
    let hint = nearest(name, names.iter().copied())
        .map(|near| format!("did you mean `{near}`?"))
        .or_else(|| (!names.is_empty()).then(|| format!("known here: {}", list(names.iter().copied()))));
    Finding::new(Code::UnknownAttribute, what).at(spot.whence.key_place(&pointer)).maybe_hint(hint)
}

/// Compiles the schema `name`. Nothing is fetched: what it refers to is among `schemas` or a fault.
pub(super) fn compile(schemas: &Schemas, name: &str, value: &Value) -> Result<Validator, Box<Finding>> {
    let unusable = |error: &dyn std::fmt::Display| {
        let finding = Finding::new(Code::BadSchema, format!("the schema `{name}` cannot be used: {error}"));
        Box::new(match schemas.file(name) {
            Some(file) => finding.in_file(file),
            None => finding,
        })
    };
    let mut needed = BTreeSet::new();
    reach(schemas, name, &mut needed);
    let documents = needed.iter().filter_map(|&name| Some((address(name), schemas.value(name)?)));
    let registry = Registry::new()
        .draft(Draft::Draft202012)
        .extend(documents)
        .and_then(jsonschema::RegistryBuilder::prepare)
        .map_err(|error| unusable(&error))?;
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .offline()
        .with_registry(&registry)
        .with_base_uri(address(name))
        .build(value)
        .map_err(|error| unusable(&error))
}

/// Names of the documents that `name` refers to, itself included.
fn reach<'a>(schemas: &'a Schemas, name: &'a str, needed: &mut BTreeSet<&'a str>) {
    if needed.insert(name)
        && let Some(value) = schemas.value(name)
    {
        references(value, &mut |reference| {
            if let Some((other, _)) = schemas.resolve(name, reference) {
                reach(schemas, other, needed);
            }
        });
    }
}

fn references<'a>(value: &'a Value, found: &mut impl FnMut(&'a str)) {
    match value {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                found(reference);
            }
            members.iter().filter(|(key, _)| !is_data(key)).for_each(|(_, inner)| references(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| references(inner, found)),
        _ => {}
    }
}

/// Whether a keyword's value is data, in which a `$ref` refers to nothing.
fn is_data(keyword: &str) -> bool {
    matches!(keyword, "const" | "enum" | "examples" | "default") || keyword.starts_with("x-")
}

/// Checks that a schema file of the user's is a schema, and that what it refers to is there.
pub(super) fn schema(schemas: &Schemas, name: &str, node: &Node, source: &Source) -> Findings {
    let value = node.value();
    let whence = Whence::Text(node, source);
    let mut findings = Vec::new();
    for error in jsonschema::draft202012::meta::validator().iter_errors(&value) {
        violation(&error, whence, &mut findings);
    }
    dangling(schemas, name, node, "", whence, &mut findings);
    if findings.is_empty() {
        // Says nothing of patterns and the like that only compiling finds.
        findings.extend(schemas.validator(name).err().map(|finding| *finding));
    }
    findings.into_iter().map(|finding| Finding { code: Code::BadSchema, ..finding }).collect()
}

/// Finds each `$ref` below `node` that refers to nothing.
fn dangling(schemas: &Schemas, name: &str, node: &Node, pointer: &str, whence: Whence<'_>, findings: &mut Findings) {
    match &node.kind {
        Kind::Object(members) => {
            for member in members.iter().filter(|member| !is_data(&member.key)) {
                let inner = format!("{pointer}/{}", escape_token(&member.key));
                match member.value.as_str() {
                    Some(reference) if member.key == "$ref" && schemas.resolve(name, reference).is_none() => {
                        let what = format!("`{}` refers to no schema that is here", printable_line(reference));
                        let known = || schemas.names().map(|name| format!("{name}.schema.json")).collect::<Vec<_>>();
                        let near = nearest(reference, known().iter().map(String::as_str)).map(str::to_owned);
                        let hint = near.map(|near| format!("did you mean `{near}`?"));
                        findings
                            .push(Finding::new(Code::BadSchema, what).at(whence.value_place(&inner)).maybe_hint(hint));
                    }
                    _ => dangling(schemas, name, &member.value, &inner, whence, findings),
                }
            }
        }
        Kind::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                dangling(schemas, name, item, &format!("{pointer}/{index}"), whence, findings);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use serde_json::{Value, json};

    use crate::model::{Code, Findings, Platform, Severity};
    use crate::schema::Schemas;
    use crate::text::{Source, json as text};

    fn payload(patch: impl FnOnce(&mut Value)) -> Value {
        let mut value = json!({
            "account_id": "1", "domain": "web.freshchat.com", "region": "US", "timestamp": 1, "version": "1.0.0",
            "event": "onUserUpdate",
            "data": {
                "actor": {"type": "agent", "id": "a"},
                "changes": {"email": ["b@example.com", "a@example.com"]},
                "user": {"id": "u", "created_time": "2024-03-05T08:15:30.250Z", "email": "b@example.com"}
            }
        });
        patch(&mut value);
        value
    }

    fn said(findings: &Findings) -> Vec<(Code, &str, &str)> {
        let pointer = |index: usize| findings[index].place.pointer.as_deref().unwrap_or("-");
        findings.iter().enumerate().map(|(at, one)| (one.code, pointer(at), one.message.as_str())).collect()
    }

    fn check(value: &Value) -> Findings {
        Schemas::embedded().check_payload_value("onUserUpdate", None, value)
    }

    #[test]
    fn a_good_payload_earns_nothing() {
        assert_eq!(said(&check(&payload(|_| {}))), []);
    }

    #[test]
    fn all_violations_are_found_at_once_in_plain_words() {
        let findings = check(&payload(|value| {
            value["region"] = json!("UE");
            value["timestamp"] = json!("5");
            value["data"]["actor"]["type"] = json!("agnet");
            value["data"]["user"]["email"] = json!("nobody");
            value["data"]["user"].as_object_mut().unwrap().remove("id");
            value["data"]["changes"]["email"] = json!(["x"]);
        }));
        let expected = [
            ("/data/actor/type", "one of `agent` or `user` was expected, this is `agnet`"),
            ("/data/changes/email", "2 items were expected at least, here are 1"),
            ("/data/user", "`id` is missing, this object must have it"),
            ("/data/user/email", "an email address was expected, this is `nobody`"),
            ("/region", "one of `US`, `EU`, `EUC`, `AUS` or `IND` was expected, this is `UE`"),
            ("/timestamp", "a whole number was expected, this is a string"),
        ];
        let mut said = said(&findings);
        said.sort_by_key(|one| one.1);
        assert_eq!(said, expected.map(|(pointer, message)| (Code::SchemaViolation, pointer, message)));
        let hints: Vec<_> = findings.iter().flat_map(|finding| &finding.hints).collect();
        assert!(hints.contains(&&"did you mean `agent`?".to_owned()), "{hints:?}");
        assert!(hints.contains(&&"take the quotes off".to_owned()), "{hints:?}");
    }

    #[test]
    fn findings_stand_at_the_value_and_missing_ones_at_their_object() {
        let body = "{\n  \"event\": \"onUserCreate\",\n  \"data\": {\"user\": {\"id\": 7}}\n}";
        let source = Source::new("p.json", body.as_bytes().to_vec()).unwrap();
        let node = text::read(&source).0.unwrap();
        let findings = Schemas::embedded().check_payload("onUserCreate", Some(Platform::V3), &node, &source);
        let places: Vec<_> = findings
            .iter()
            .map(|finding| {
                let start = finding.place.span.unwrap().start;
                (finding.place.pointer.as_deref().unwrap(), start.line, start.column)
            })
            .collect();
        assert!(places.contains(&("/data/user/id", 3, 27)), "{places:?}");
        assert!(places.contains(&("/data/user", 3, 12)), "{places:?}");
        assert!(places.contains(&("", 1, 1)), "{places:?}");
    }

    #[test]
    fn unknown_attributes_are_notes_that_name_the_nearest() {
        let findings = check(&payload(|value| {
            value["data"]["user"]["emial"] = json!("x");
            value["data"]["changes"]["fisrt_name"] = json!(["a", "b"]);
            value["iparams"] = json!({"anything": {"goes": 1}});
            value["data"]["associations"] = json!({"conversation": {}});
        }));
        let mut said: Vec<_> =
            findings.iter().map(|one| (one.place.pointer.as_deref().unwrap(), one.hints[0].as_str())).collect();
        said.sort_unstable();
        let expected =
            [("/data/changes/fisrt_name", "did you mean `first_name`?"), ("/data/user/emial", "did you mean `email`?")];
        assert_eq!(said, expected);
        assert!(findings.iter().all(|finding| finding.severity == Severity::Note));
    }

    #[test]
    fn the_platform_is_told_by_the_payload() {
        let three = payload(|value| {
            let members = value.as_object_mut().unwrap();
            members.remove("account_id");
            members.remove("domain");
            members.insert("currentHost".to_owned(), json!({"subscribed_modules": [], "endpoint_urls": {}}));
        });
        assert_eq!(said(&check(&three)), []);
        let neither = payload(|value| {
            let members = value.as_object_mut().unwrap();
            members.remove("account_id");
            members.remove("domain");
        });
        assert_eq!(check(&neither).len(), 1);
        let findings = Schemas::embedded().check_payload_value("onUserUpdate", Some(Platform::V2), &three);
        assert_eq!(findings.iter().filter(|finding| finding.is_error()).count(), 2, "{findings:?}");
    }

    #[test]
    fn both_variants_pass() {
        let kit = payload(|value| {
            value["data"]["changes"] = json!({"model_changes": {"email": ["a@example.com", "b@example.com"]}});
            value["data"]["associations"] = json!({});
        });
        assert_eq!(said(&check(&kit)), []);
        let empty = payload(|value| value["data"]["changes"] = json!({}));
        assert_eq!(check(&empty).len(), 1);
    }

    #[test]
    fn an_event_without_schema_is_a_note() {
        let findings = Schemas::embedded().check_payload_value("onPing", None, &json!({}));
        assert_eq!(findings[0].code, Code::Unchecked);
    }

    #[test]
    fn every_example_fits_its_schema_and_every_schema_is_one() {
        let schemas = Schemas::embedded();
        for name in schemas.names() {
            let value = schemas.value(name).unwrap();
            let faults: Vec<String> =
                jsonschema::draft202012::meta::validator().iter_errors(value).map(|error| error.to_string()).collect();
            assert!(faults.is_empty(), "{name}: {faults:?}");
            assert_eq!(value["$id"].as_str(), Some(super::address(name).as_str()));
            assert!(value["description"].is_string(), "{name}");
            let examples = value["examples"].as_array().map_or(&[][..], Vec::as_slice);
            assert!(!examples.is_empty(), "{name} has no example");
            for example in examples {
                assert_eq!(said(&schemas.check_value(name, example)), [], "{name}: {example}");
            }
        }
    }
}
