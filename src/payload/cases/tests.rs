#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

use std::collections::{BTreeSet, HashSet};

use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use super::{Case, Cases};
use crate::model::Platform;
use crate::payload::{Changes, Locale, Recipe, Variant};
use crate::schema::Schemas;

fn recipe(platform: Platform) -> Recipe {
    Recipe {
        seed: 7,
        now: "2024-03-05T08:15:30Z".parse().unwrap(),
        locale: Locale::default(),
        variant: Variant::Docs,
        platform,
        changes: Changes::Drawn,
        actor: None,
        iparams: None,
    }
}

fn cases(schemas: &Schemas) -> Cases<'_> {
    Cases::new(schemas, "onUserUpdate", &recipe(Platform::V3), 0).unwrap()
}

#[test]
fn every_edge_fits_the_schema_and_every_violation_breaks_it_once() {
    let schemas = Schemas::embedded();
    for event in ["onUserCreate", "onUserUpdate"] {
        for platform in [Platform::V2, Platform::V3] {
            let cases = Cases::new(&schemas, event, &recipe(platform), 0).unwrap();
            for (at, change) in cases.changes()[..cases.tried].iter().enumerate() {
                let faults = cases.faults(&cases.payload(&Case(vec![at])));
                assert_eq!(faults, Some(usize::from(at >= cases.edges)), "{event} {platform}: {}", change.id);
            }
        }
    }
}

/// What the schemas ask for of a payload: keywords by the place where they apply; `required` with each name.
struct Asked<'a> {
    schemas: &'a Schemas,
    plain: &'a Value,
    found: BTreeSet<(String, String)>,
}

impl Asked<'_> {
    fn add(&mut self, name: &str, schema: &Value, at: &str) {
        const SAYS_NOTHING: [&str; 6] = ["title", "description", "examples", "$schema", "$id", "$defs"];
        let members = schema.as_object().unwrap();
        for (keyword, value) in members.iter().filter(|(keyword, _)| !SAYS_NOTHING.contains(&keyword.as_str())) {
            match (keyword.as_str(), value) {
                (keyword, _) if keyword.starts_with("x-simctl-") => {}
                ("additionalProperties", Value::Bool(true)) => {}
                ("$ref", reference) => {
                    let (name, target) = self.schemas.resolve(name, reference.as_str().unwrap()).unwrap();
                    self.add(name, target, at);
                }
                ("properties", Value::Object(properties)) => {
                    properties.iter().for_each(|(member, inner)| self.add(name, inner, &format!("{at}/{member}")));
                }
                ("items", inner) => self.add(name, inner, &format!("{at}/0")),
                ("additionalProperties", inner) => {
                    let is_open = |member: &&String| schema.pointer(&format!("/properties/{member}")).is_none();
                    let plain = self.plain.pointer(at).and_then(Value::as_object).into_iter();
                    for member in plain.flat_map(serde_json::Map::keys).filter(is_open) {
                        self.add(name, inner, &format!("{at}/{member}"));
                    }
                }
                ("required", Value::Array(names)) => {
                    let names = names.iter().map(|name| format!("required {}", name.as_str().unwrap()));
                    self.found.extend(names.map(|keyword| (at.to_owned(), keyword)));
                }
                _ => drop(self.found.insert((at.to_owned(), keyword.clone()))),
            }
        }
    }
}

/// Where a payload breaks which keyword, said as [`Asked`] says it.
fn broken(schemas: &Schemas, name: &str, payload: &Value) -> BTreeSet<(String, String)> {
    let errors = schemas.validator(name).unwrap().iter_errors(payload).map(|error| {
        let keyword = match error.kind() {
            ValidationErrorKind::Required { property } => format!("required {}", property.as_str().unwrap()),
            kind => kind.keyword().to_owned(),
        };
        (error.instance_path().as_str().to_owned(), keyword)
    });
    errors.collect()
}

#[test]
fn each_keyword_is_broken_at_each_path() {
    let schemas = Schemas::embedded();
    for (event, platform, envelope) in [
        ("onUserCreate", Platform::V2, "shared/envelope-2"),
        ("onUserCreate", Platform::V3, "shared/envelope-3"),
        ("onUserUpdate", Platform::V2, "shared/envelope-2"),
        ("onUserUpdate", Platform::V3, "shared/envelope-3"),
    ] {
        for variant in [Variant::Docs, Variant::Kit] {
            let cases = Cases::new(&schemas, event, &Recipe { variant, ..recipe(platform) }, 0).unwrap();
            let names = [format!("events/{event}"), envelope.to_owned()];
            let plain = cases.payload(&Case::default());
            let mut asked = Asked { schemas: &schemas, plain: &plain, found: BTreeSet::new() };
            names.iter().for_each(|name| asked.add(name, schemas.value(name).unwrap(), ""));
            // What is no object is no payload, and installation parameters are the app's own.
            asked.found.retain(|(at, keyword)| at != "/iparams" && (!at.is_empty() || keyword != "type"));
            assert!(asked.found.len() > 60, "only {} keywords are known", asked.found.len());
            for at in cases.edges..cases.tried {
                let payload = cases.payload(&Case(vec![at]));
                for name in &names {
                    let broken = broken(&schemas, name, &payload);
                    asked.found.retain(|place| !broken.contains(place));
                }
            }
            assert!(asked.found.is_empty(), "{event} {platform} {variant}: nothing breaks {:#?}", asked.found);
        }
    }
}

#[test]
fn what_a_schema_bounds_is_tried_at_the_bound_and_beyond_it() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("events")).unwrap();
    let schema = serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "onVisit", "type": "object",
        "x-simctl-event": { "product": "freshchat", "module": "chat_user", "summary": "a visit" },
        "required": ["event", "data"],
        "properties": { "event": { "const": "onVisit" }, "data": { "type": "object", "properties": {
            "name": { "type": "string", "minLength": 2, "maxLength": 12, "pattern": "^[a-z]+$", "x-simctl-fake": { "const": "abc" } },
            "steps": { "type": "integer", "minimum": 3, "exclusiveMaximum": 9, "x-simctl-fake": { "const": 6 } },
            "list": { "type": "array", "maxItems": 4, "x-simctl-fake": { "const": [1, 2] } },
        } } },
    });
    std::fs::write(dir.path().join("events/onVisit.schema.json"), schema.to_string()).unwrap();
    let schemas = Schemas::with_dir(dir.path()).unwrap();
    let cases = Cases::new(&schemas, "onVisit", &recipe(Platform::V3), 0).unwrap();
    for (id, pointer, value, is_valid) in [
        ("data.name:shortest", "/data/name", serde_json::json!("ab"), true),
        ("data.name:letter", "/data/name", serde_json::json!("a"), false),
        ("data.name:longest", "/data/name", serde_json::json!("abcabcabcabc"), true),
        ("data.name:too-long", "/data/name", serde_json::json!("abcabcabcabca"), false),
        ("data.steps:least", "/data/steps", serde_json::json!(3), true),
        ("data.steps:too-little", "/data/steps", serde_json::json!(2), false),
        ("data.steps:just-less", "/data/steps", serde_json::json!(8), true),
        ("data.steps:just-too-much", "/data/steps", serde_json::json!(9), false),
        ("data.list:most", "/data/list", serde_json::json!([1, 1, 1, 1]), true),
        ("data.list:too-many", "/data/list", serde_json::json!([1, 1, 1, 1, 1]), false),
    ] {
        let case = cases.named(id).unwrap_or_else(|finding| panic!("{id}: {:?}", finding.hints));
        assert_eq!(cases.payload(&case).pointer(pointer), Some(&value), "{id}");
        assert_eq!(cases.is_valid(&case), is_valid, "{id}");
    }
}

#[test]
fn another_payload_is_spelt_out_by_the_attributes_in_which_it_differs() {
    let schemas = Schemas::embedded();
    let cases = cases(&schemas);
    let case = cases.named("payload:3,data.user:unknown").unwrap();
    let spelt_out = cases.spelt_out(&case).unwrap();
    assert_eq!(cases.payload(&spelt_out), cases.payload(&case));
    assert_eq!(cases.named(&cases.id(&spelt_out)).unwrap(), spelt_out);
    assert!(cases.told(&spelt_out).iter().any(|told| told.starts_with("`data.user.id` is ")));
    assert_eq!(cases.spelt_out(&cases.named("data.user:unknown").unwrap()), None);
}

#[test]
fn violations_are_named_by_what_they_break_and_where() {
    let schemas = Schemas::embedded();
    let cases = cases(&schemas);
    for id in [
        "data.user.id:absent",
        "data.user.id:empty",
        "data.user.id:null",
        "data.user.email:blank",
        "data.user.created_time:no-such-day",
        "data.user.avatar.url:blank",
        "data.user.properties:empty-object",
        "data.user.properties[0].name:null",
        "data.actor.type:text",
        "data.changes:empty-object",
        "data.changes.email:one-item",
        "data.changes.email:three-items",
        "event:text",
        "timestamp:negative",
        "region:text",
    ] {
        let case = cases.named(id).unwrap();
        assert!(!cases.is_valid(&case), "{id} fits the schema");
    }
}

#[test]
fn the_edges_that_the_wild_has_are_among_them() {
    let schemas = Schemas::embedded();
    let cases = cases(&schemas);
    for id in [
        "variant:kit",
        "payload:1",
        "data.user.last_name:absent",
        "data.user.first_name:empty",
        "data.user.first_name:long",
        "data.user.first_name:right-to-left",
        "data.user.first_name:zero-width",
        "data.user.first_name:emoji",
        "data.user.created_time:leap-day",
        "data.user.properties:empty-list",
        "data.user.properties:many",
        "data.user.properties:repeated",
        "data.associations:null",
        "data.associations:empty-object",
        "data.changes.email:unchanged",
        "data.changes.phone:to-null",
        "data.user:unknown",
    ] {
        // What the plain payload has already is no change of it.
        if id == "data.associations:null" {
            continue;
        }
        let case = cases.named(id).unwrap_or_else(|finding| panic!("{id}: {}", finding.message));
        assert!(cases.is_valid(&case), "{id} does not fit the schema");
    }
}

#[test]
fn ids_are_unique_and_lead_back_to_their_case() {
    let schemas = Schemas::embedded();
    let cases = cases(&schemas);
    let ids: HashSet<&str> = cases.changes().iter().map(|change| change.id.as_str()).collect();
    assert_eq!(ids.len(), cases.changes().len());
    let singles = cases.singles(true);
    for number in (0..singles).step_by(37).chain(singles..singles + 60) {
        let case = cases.case(number, true);
        assert_eq!(cases.named(&cases.id(&case)).unwrap(), case, "case {number}");
    }
    let near = cases.named("data.user.emial:absent").unwrap_err();
    assert_eq!(near.hints, ["did you mean `data.user.email:absent`?"]);
}

#[test]
fn without_violations_every_case_fits_the_schema_and_no_case_needs_the_ones_before_it() {
    let schemas = Schemas::embedded();
    let (one, other) = (cases(&schemas), cases(&schemas));
    let singles = one.singles(false);
    let mut several = 0;
    for number in singles..singles + 80 {
        let case = one.case(number, false);
        assert!(one.is_valid(&case), "case {number}: {}", one.id(&case));
        assert_eq!(other.case(number, false), case);
        several += usize::from(case.len() > 1);
    }
    assert!(several > 40, "only {several} of 80 cases have several changes");
}
