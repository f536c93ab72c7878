//! What generated payloads promise: they fit their schema, hang together, and are the same for the same seed.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;
use simctl::model::{Findings, Platform};
use simctl::payload::{ActorKind, Changes, Generator, Locale, Recipe, Variant, load};
use simctl::schema::{LARGEST_PAYLOAD, Schemas};
use simctl::text::Source;

const EVENTS: [&str; 2] = ["onUserCreate", "onUserUpdate"];

fn recipe(platform: Platform, variant: Variant) -> Recipe {
    Recipe {
        seed: 2024,
        now: "2024-03-05T08:15:30.250Z".parse().unwrap(),
        locale: Locale::default(),
        variant,
        platform,
        changes: Changes::Drawn,
        actor: None,
        iparams: None,
    }
}

fn generator(event: &str, recipe: &Recipe) -> Generator {
    Generator::new(&Schemas::embedded(), event, recipe).expect("the event can be made")
}

fn refusal(event: &str, recipe: &Recipe) -> Findings {
    Generator::new(&Schemas::embedded(), event, recipe).expect_err("this cannot be made")
}

fn changes_of(payload: &Value) -> (&serde_json::Map<String, Value>, usize) {
    match payload.pointer("/data/changes/model_changes") {
        Some(kit) => (kit.as_object().unwrap(), 1),
        None => (payload["data"]["changes"].as_object().unwrap(), 0),
    }
}

/// Phone numbers that no one is ever given, written out apart from the generator's own table.
fn is_nobodys(phone: &str) -> bool {
    let us = phone.len() == 12 && phone.starts_with("+1") && &phone[5..10] == "55501";
    let gb = phone.len() == 13 && phone.starts_with("+447700900");
    let fr = phone.len() == 12 && phone.starts_with("+3363998");
    let de = ["+493023125", "+496990009", "+494066969", "+492214710", "+498999998"]
        .iter()
        .any(|front| phone.starts_with(front) && phone.len() == front.len() + 3);
    us || gb || fr || de
}

/// An ASCII form of a name, made apart from the generator.
fn slug(name: &str) -> String {
    let ascii = deunicode::deunicode(name).to_lowercase();
    let ascii: String = ascii.chars().filter(char::is_ascii_alphanumeric).take(24).collect();
    if ascii.is_empty() { "user".to_owned() } else { ascii }
}

fn assert_coherent_person(person: &Value, what: &str) {
    let text = |name: &str| person[name].as_str().unwrap_or_else(|| panic!("{what} has no {name}: {person}"));
    let own = format!("{}.{}.", slug(text("first_name")), slug(text("last_name")));
    let email = text("email");
    assert!(email.starts_with(&own), "{what}: {email} is not of {own}");
    let domain = email.split_once('@').unwrap().1;
    assert!(["example.com", "example.net", "example.org"].contains(&domain) || domain.ends_with(".example"), "{email}");
    let url = person["avatar"]["url"].as_str().unwrap();
    let tagged = email.split_once('@').unwrap().0;
    assert!(url.starts_with(&format!("https://avatars.example/{tagged}.")), "{what}: {url} is not of {tagged}");
    let id = text("id");
    assert!(id.len() == 36 && &id[14..15] == "4" && "89ab".contains(&id[19..20]), "{id} is not a random UUID");
}

fn assert_coherent(event: &str, payload: &Value) {
    let user = &payload["data"]["user"];
    assert_coherent_person(user, "user");
    assert_eq!(user["reference_id"], user["email"]);
    assert!(is_nobodys(user["phone"].as_str().unwrap()), "{}", user["phone"]);
    let created: jiff::Timestamp = user["created_time"].as_str().unwrap().parse().unwrap();
    assert!(created.as_millisecond() < payload["timestamp"].as_i64().unwrap());
    let names: Vec<&str> =
        user["properties"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "two custom properties of one name");
    let actor = &payload["data"]["actor"];
    if event == "onUserUpdate" || actor.as_object().is_some_and(|actor| !actor.is_empty()) {
        assert_coherent_person(actor, "actor");
        match actor["type"].as_str() {
            Some("user") => {
                for name in ["id", "first_name", "last_name", "email", "avatar"] {
                    assert_eq!(actor[name], user[name], "the actor is the user");
                }
            }
            _ => {
                for name in ["id", "first_name", "last_name", "email"] {
                    assert_ne!(actor[name], user[name], "an agent is another person");
                }
            }
        }
    }
    if event == "onUserUpdate" {
        let (changes, new) = changes_of(payload);
        assert!(!changes.is_empty());
        for (field, pair) in changes {
            assert!(!["id", "created_time"].contains(&field.as_str()), "{field} never changes");
            assert_eq!(pair[new], user[field], "the new value of {field}");
            assert_ne!(pair[1 - new], user[field], "the old value of {field}");
            assert_eq!(kind(&pair[1 - new]), kind(&user[field]), "the kind of {field}");
        }
    }
}

fn kind(value: &Value) -> std::mem::Discriminant<Value> {
    std::mem::discriminant(value)
}

fn any_recipe() -> impl Strategy<Value = Recipe> {
    let locales: Vec<Locale> = Locale::all().collect();
    let changes = prop_oneof![
        Just(Changes::Drawn),
        (1_usize..=7).prop_map(Changes::Count),
        Just(Changes::Fields(vec!["phone".to_owned(), "email".to_owned()])),
        Just(Changes::Fields(vec!["properties".to_owned(), "avatar".to_owned()])),
    ];
    let actors = prop_oneof![Just(None), Just(Some(ActorKind::Agent)), Just(Some(ActorKind::User))];
    let platforms = prop_oneof![Just(Platform::V2), Just(Platform::V3)];
    let variants = prop_oneof![Just(Variant::Docs), Just(Variant::Kit)];
    // From 1970 to the end of 9999, in milliseconds.
    let clocks = 0..253_402_207_200_000_i64;
    (any::<u64>(), clocks, prop::sample::select(locales), platforms, variants, changes, actors).prop_map(
        |(seed, now, locale, platform, variant, changes, actor)| Recipe {
            seed,
            now: jiff::Timestamp::from_millisecond(now).unwrap(),
            locale,
            variant,
            platform,
            changes,
            actor,
            iparams: None,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_payload_fits_its_schema_and_hangs_together(mut recipe in any_recipe(), index in any::<u64>(), update in any::<bool>()) {
        let event = EVENTS[usize::from(update)];
        if !update {
            recipe.actor = None;
            recipe.changes = Changes::Drawn;
        }
        thread_local! { static SCHEMAS: Schemas = Schemas::embedded(); }
        SCHEMAS.with(|schemas| {
            let generator = Generator::new(schemas, event, &recipe).unwrap();
            let mut text = Vec::new();
            generator.write(index, &mut text);
            let payload: Value = serde_json::from_slice(&text).expect("a payload is JSON");
            assert_eq!(payload, generator.value(index));
            let text = String::from_utf8(text).unwrap();
            let again = payload.to_string();
            assert!(text == again, "compact, each key once: {text}\n{again}");
            let findings = schemas.check_payload_value(event, Some(recipe.platform), &payload);
            assert_eq!(findings, [], "{payload}");
            assert_coherent(event, &payload);
            if update && let Some(kind) = recipe.actor {
                assert_eq!(payload["data"]["actor"]["type"], kind.name());
            }
            match &recipe.changes {
                Changes::Count(count) if update => assert_eq!(changes_of(&payload).0.len(), *count),
                Changes::Fields(fields) if update => {
                    let named: BTreeSet<_> = changes_of(&payload).0.keys().collect();
                    assert_eq!(named, fields.iter().collect());
                }
                _ => {}
            }
        });
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let recipe = recipe(Platform::V2, Variant::Docs);
    let run = |recipe: &Recipe| {
        let generator = generator("onUserUpdate", recipe);
        let mut out = Vec::new();
        (0..50).for_each(|index| generator.write(index, &mut out));
        out
    };
    assert_eq!(run(&recipe), run(&recipe));
    assert_ne!(run(&recipe), run(&Recipe { seed: 7, ..recipe }));
}

#[test]
fn a_payload_alone_is_the_one_of_the_run() {
    let generator = generator("onUserUpdate", &recipe(Platform::V3, Variant::Kit));
    let run: Vec<Value> = (0..20).map(|index| generator.value(index)).collect();
    assert_eq!(generator.value(13), run[13]);
    assert_eq!(run.iter().map(|one| one["data"]["user"]["id"].as_str().unwrap()).collect::<BTreeSet<_>>().len(), 20);
}

#[test]
fn all_payloads_of_a_seed_come_from_one_account() {
    for (platform, attributes) in [(Platform::V2, &["account_id", "region"][..]), (Platform::V3, &["region"])] {
        let accounts = |seed| -> BTreeSet<String> {
            let recipe = Recipe { seed, ..recipe(platform, Variant::Docs) };
            let all = ["onUserCreate", "onUserUpdate"].map(|event| generator(event, &recipe));
            let of = |payload: Value| attributes.iter().map(|name| payload[name].to_string()).collect();
            all.iter().flat_map(|generator| (0..50).map(|index| of(generator.value(index)))).collect()
        };
        let found: Vec<BTreeSet<String>> = (0..20).map(accounts).collect();
        assert!(found.iter().all(|accounts| accounts.len() == 1), "{found:?}");
        assert!(found.iter().flatten().collect::<BTreeSet<_>>().len() > 2, "and not all from the same: {found:?}");
    }
}

#[test]
fn users_rarely_share_an_email() {
    let generator = generator("onUserCreate", &recipe(Platform::V2, Variant::Docs));
    let emails: BTreeSet<String> =
        (0..10_000).map(|index| generator.value(index)["data"]["user"]["email"].as_str().unwrap().to_owned()).collect();
    assert!(emails.len() >= 9_995, "{}", emails.len());
}

#[test]
fn a_field_added_to_a_schema_leaves_the_other_values() {
    let schemas = Schemas::embedded();
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("shared")).unwrap();
    let mut user: Value = serde_json::from_str(schemas.text("shared/user").unwrap()).unwrap();
    let properties = user["properties"].as_object_mut().unwrap();
    // In front of all others, where a sequence of draws would be hit hardest.
    properties.shift_insert(
        0,
        "nickname".to_owned(),
        serde_json::json!({"type": "string", "x-simctl-fake": "first_name"}),
    );
    fs::write(dir.path().join("shared/user.schema.json"), user.to_string()).unwrap();
    let more = Schemas::with_dir(dir.path()).unwrap();
    for event in EVENTS {
        let recipe = recipe(Platform::V2, Variant::Docs);
        let before = Generator::new(&schemas, event, &recipe).unwrap();
        let after = Generator::new(&more, event, &recipe).unwrap();
        for index in 0..50 {
            let mut payload = after.value(index);
            let user = payload["data"]["user"].as_object_mut().unwrap();
            assert!(user.shift_remove("nickname").is_some_and(|name| name.is_string()));
            assert_eq!(payload, before.value(index));
        }
    }
}

#[test]
fn an_event_is_a_file_and_no_code() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("events")).unwrap();
    let text = r#"{
        "title": "onSeatCreate", "type": "object", "required": ["event", "data"],
        "x-simctl-event": {"product": "freshchat", "module": "seats", "summary": "a seat is bought"},
        "properties": {
            "event": {"const": "onSeatCreate"},
            "data": {"type": "object", "required": ["seat", "free", "note"], "properties": {
                "seat": {"type": "integer", "x-simctl-fake": {"integer": [-3, 3]}},
                "free": {"type": "boolean"},
                "note": {"type": "string"},
                "left_out": {"type": "string"},
                "kind": {"x-simctl-fake": {"pick": ["window", {"row": 7}]}}
            }}
        }
    }"#;
    fs::write(dir.path().join("events/onSeatCreate.schema.json"), text).unwrap();
    let schemas = Schemas::with_dir(dir.path()).unwrap();
    let generator = Generator::new(&schemas, "onSeatCreate", &recipe(Platform::V3, Variant::Docs)).unwrap();
    for index in 0..100 {
        let payload = generator.value(index);
        assert_eq!(schemas.check_payload_value("onSeatCreate", None, &payload), []);
        assert_eq!(payload["currentHost"]["subscribed_modules"], serde_json::json!(["seats"]));
        assert!(payload["data"].get("left_out").is_none());
    }
}

#[test]
fn japanese_names_are_japanese() {
    let recipe = Recipe { locale: "ja_jp".parse().unwrap(), ..recipe(Platform::V2, Variant::Docs) };
    let user = generator("onUserCreate", &recipe).value(0)["data"]["user"].clone();
    assert!(!user["last_name"].as_str().unwrap().is_ascii(), "{user}");
    assert!(user["email"].as_str().unwrap().is_ascii(), "{user}");
}

#[test]
fn iparams_come_last_and_as_given() {
    let iparams = serde_json::json!({"b": 1, "a": {"c": []}}).as_object().cloned();
    let recipe = Recipe { iparams, ..recipe(Platform::V2, Variant::Docs) };
    let mut text = Vec::new();
    generator("onUserCreate", &recipe).write(0, &mut text);
    assert!(String::from_utf8(text).unwrap().ends_with(r#","iparams":{"b":1,"a":{"c":[]}}}"#));
}

#[test]
fn what_an_event_does_not_have_is_refused() {
    let plain = recipe(Platform::V2, Variant::Docs);
    let with = |changes: Changes| Recipe { changes, ..plain.clone() };
    let code = |event: &str, recipe: &Recipe| refusal(event, recipe)[0].code.name();
    assert_eq!(code("onUserUpdated", &plain), "no-schema");
    assert_eq!(refusal("onUserUpdated", &plain)[0].hints[0], "did you mean `onUserUpdate`?");
    assert_eq!(code("onUserCreate", &with(Changes::Count(1))), "unknown-field");
    assert_eq!(code("onUserUpdate", &with(Changes::Count(0))), "unknown-field");
    assert_eq!(code("onUserUpdate", &with(Changes::Count(8))), "unknown-field");
    for (field, hint) in [("emial", "did you mean `email`?"), ("id", "those that can change: ")] {
        let findings = refusal("onUserUpdate", &with(Changes::Fields(vec![field.to_owned()])));
        assert_eq!(findings[0].code.name(), "unknown-field");
        assert!(findings[0].hints[0].starts_with(hint), "{findings:?}");
    }
    for variant in [Variant::Docs, Variant::Kit] {
        let agent = Recipe { actor: Some(ActorKind::Agent), variant, ..plain.clone() };
        assert_eq!(code("onUserCreate", &agent), "bad-override");
    }
    let early = Recipe { now: "1969-12-31T00:00:00Z".parse().unwrap(), ..plain.clone() };
    assert_eq!(code("onUserCreate", &early), "bad-override");
}

#[test]
fn a_schema_that_cannot_be_made_is_pointed_at() {
    for fake in [
        r#""first_nam""#,
        r#"{"digits": 0}"#,
        r#"{"pick": []}"#,
        r#"{"slug": {"from": ["nowhere"], "after": ["x"]}}"#,
        r#"{"same": "id"}"#,
        r#"{"actor": {"of": "/nowhere"}}"#,
        r#"{"pairs": {"count": [1, 5], "of": {"a": ["b", "c"]}}}"#,
        r#"{"before_now": [0, 1]}"#,
        r#"{"variant": {"docs": "uuid"}}"#,
        "7",
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("events")).unwrap();
        let text = format!(r#"{{"properties": {{"id": {{"x-simctl-fake": {fake}}}}}}}"#);
        fs::write(dir.path().join("events/onBad.schema.json"), text).unwrap();
        let schemas = Schemas::with_dir(dir.path()).unwrap();
        let findings = Generator::new(&schemas, "onBad", &recipe(Platform::V2, Variant::Kit)).expect_err(fake);
        let fault =
            |finding: &simctl::model::Finding| finding.code.name() == "bad-schema" && finding.message.contains("/id");
        if fake.contains("variant") {
            assert!(findings[0].message.contains("`kit`"), "{findings:?}");
        }
        assert!(findings.iter().all(fault), "{fake}: {findings:?}");
        assert!(findings[0].place.file.is_some());
    }
}

/// The attributes of the vendor's page, by event, with their types.
#[test]
fn every_attribute_of_the_vendors_page_is_in_the_schema() {
    let user = [
        ("avatar", "object"),
        ("avatar.url", "string"),
        ("created_time", "string"),
        ("email", "string"),
        ("first_name", "string"),
        ("id", "string"),
        ("last_name", "string"),
        ("phone", "string"),
        ("properties", "array"),
        ("properties.0.name", "string"),
        ("properties.0.value", "string"),
        ("reference_id", "string"),
    ]
    .map(|(path, kind)| (format!("data.user.{path}"), kind));
    let actor = [
        ("avatar", "object"),
        ("avatar.url", "string"),
        ("email", "string"),
        ("first_name", "string"),
        ("id", "string"),
        ("last_name", "string"),
    ]
    .map(|(path, kind)| (format!("data.actor.{path}"), kind));
    let both = [
        ("data.actor", "object"),
        ("data.associations", "object"),
        ("data.associations", "null"),
        ("data.user", "object"),
    ];
    let mut expected: Vec<(String, &str)> = both.map(|(path, kind)| (path.to_owned(), kind)).to_vec();
    expected.extend(user.into_iter().chain(actor));
    let schemas = Schemas::embedded();
    for name in EVENTS {
        let event = schemas.event(name).unwrap();
        let find = |path: &str| event.shape(None).find(&format!("/{}", path.replace('.', "/"))).expect(path).clone();
        for (path, kind) in &expected {
            assert!(find(path).kinds().allows(kind), "{name}: {path}");
        }
        for path in ["data.user.actor", "data.user.associations"] {
            find(path);
        }
        assert_eq!(find("data.actor.type").choices(), ["agent", "user"]);
        assert_eq!(find("data.user.created_time").format(), Some("date-time"));
        assert_eq!(find("data.user.email").format(), Some("email"));
        assert_eq!(find("data.user.avatar.url").format(), Some("uri"));
        assert_eq!(find("region").choices(), ["US", "EU", "EUC", "AUS", "IND"]);
    }
    let update = schemas.event("onUserUpdate").unwrap();
    assert!(update.shape(None).find("/data/changes/email/1").is_some());
}

/// One sample per event, platform and variant, by its file's name.
fn samples() -> Vec<(String, String)> {
    let mut samples = Vec::new();
    for event in EVENTS {
        for platform in [Platform::V2, Platform::V3] {
            for variant in [Variant::Docs, Variant::Kit] {
                let payload = generator(event, &recipe(platform, variant)).value(0);
                let text = serde_json::to_string_pretty(&payload).unwrap() + "\n";
                samples.push((format!("{event}-{platform}-{variant}.json"), text));
            }
        }
    }
    samples
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The samples are what seed 2024 makes: a change of a single value is seen here. Where one is meant, write them anew with
/// `SIMCTL_BLESS=1 cargo test --test payloads`.
#[test]
fn a_seed_means_what_it_meant() {
    for (name, text) in samples() {
        let file = root("samples/payloads").join(&name);
        if std::env::var_os("SIMCTL_BLESS").is_some() {
            fs::write(&file, &text).unwrap();
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), text, "{name}");
    }
}

/// The bytes themselves, of several payloads and locales, as one line each.
#[test]
fn golden_lines_hold() {
    let mut lines = Vec::new();
    for event in EVENTS {
        for (platform, variant, locale) in [
            (Platform::V2, Variant::Docs, "en"),
            (Platform::V2, Variant::Kit, "ja_jp"),
            (Platform::V3, Variant::Docs, "de_de"),
            (Platform::V3, Variant::Kit, "ar_sa"),
        ] {
            let recipe = Recipe { locale: locale.parse().unwrap(), ..recipe(platform, variant) };
            let generator = generator(event, &recipe);
            for index in [0, 1, u64::MAX] {
                generator.write(index, &mut lines);
                lines.push(b'\n');
            }
        }
    }
    let file = root("tests/golden/payloads.ndjson");
    if std::env::var_os("SIMCTL_BLESS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &lines).unwrap();
    }
    assert_eq!(String::from_utf8(lines).unwrap(), fs::read_to_string(&file).unwrap());
}

/// Findings of a file as `validate` would collect them.
fn findings_of(file: &Path) -> Findings {
    let source = match Source::read(file) {
        Ok(source) => source,
        Err(finding) => return vec![finding],
    };
    match load(&source, LARGEST_PAYLOAD) {
        Err(findings) => findings,
        Ok(loaded) => {
            let event = loaded.event().unwrap_or("onUserCreate").to_owned();
            let checked = Schemas::embedded().check_payload(&event, None, &loaded.node, &source);
            loaded.findings.into_iter().chain(checked).collect()
        }
    }
}

#[test]
fn every_sample_payload_is_good() {
    for (name, _) in samples() {
        assert_eq!(findings_of(&root("samples/payloads").join(&name)), [], "{name}");
    }
}

/// A broken sample's name begins with the code that it earns, before two dashes; it earns nothing else.
#[test]
fn every_broken_payload_earns_exactly_its_code() {
    let mut count = 0;
    for entry in fs::read_dir(root("samples/broken/payloads")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let code = name.split("--").next().unwrap();
        let found = findings_of(&path);
        let codes: Vec<&str> = found.iter().map(|finding| finding.code.name()).collect();
        assert_eq!(codes, [code], "{name}: {found:#?}");
        count += 1;
    }
    assert!(count >= 12, "only {count} broken payloads");
}
