#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

use std::collections::HashSet;

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
            for (at, change) in cases.changes().iter().enumerate() {
                let faults = cases.faults(&cases.payload(&Case(vec![at])));
                assert_eq!(faults, Some(usize::from(at >= cases.edges)), "{event} {platform}: {}", change.id);
            }
        }
    }
}

#[test]
fn each_keyword_of_the_schemas_is_broken() {
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
