//! The quick look passes nothing of which there is something to say, and passes nearly all that is good.

use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::{Check, ValidateOptions};
use super::Likely;
use crate::app::Rules;
use crate::commands::{Console, Context};
use crate::model::{Findings, Platform};
use crate::payload::{ActorKind, Changes, Generator, Locale, Recipe, Variant};
use crate::report::Verbosity;
use crate::schema::Schemas;
use crate::text::Source;

struct World {
    context: Context,
    schemas: Schemas,
    options: ValidateOptions,
}

impl World {
    fn new(schemas: Schemas, event: Option<&str>, platform: Option<Platform>) -> Self {
        let console = Console { color_out: false, color_err: false, verbosity: Verbosity::Quiet };
        let context = Context { cwd: PathBuf::from("."), command: Vec::new(), console, schemas: None };
        let options = ValidateOptions {
            paths: Vec::new(),
            kind: None,
            event: event.map(str::to_owned),
            platform,
            rules: Rules::default(),
            targets: Vec::new(),
            progress: false,
        };
        Self { context, schemas, options }
    }

    fn check(&self) -> Check<'_> {
        Check { context: &self.context, schemas: &self.schemas, options: &self.options }
    }

    fn is_clean(&self, text: &str) -> bool {
        self.check().is_clean(text, &mut Likely::default())
    }

    /// All there is to say of the payload, the plain way.
    fn findings(&self, text: &str) -> Findings {
        let source = Source::new("p.json", text.as_bytes().to_vec()).unwrap_or_else(|finding| panic!("{finding:?}"));
        self.check().payload(&source, None, None)
    }

    /// What the quick look passes must be without findings. Says whether it passed it.
    fn compare(&self, text: &str) -> bool {
        let is_clean = self.is_clean(text);
        if is_clean {
            let findings = self.findings(text);
            assert!(findings.is_empty(), "{text}\n{findings:#?}");
        }
        is_clean
    }
}

fn embedded() -> World {
    World::new(Schemas::embedded(), None, None)
}

fn payload(schemas: &Schemas, seed: u64, at: u64) -> String {
    let locales = ["en", "fr", "ja", "ar", "de"].iter().filter_map(|name| name.parse::<Locale>().ok());
    let locales: Vec<Locale> = locales.collect();
    let bit = |bit: u64| at >> bit & 1 == 0;
    let recipe = Recipe {
        seed,
        now: jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(400_000),
        locale: locales[at as usize % locales.len()],
        variant: if bit(0) { Variant::Docs } else { Variant::Kit },
        platform: if bit(1) { Platform::V2 } else { Platform::V3 },
        changes: Changes::Drawn,
        actor: (bit(2) && bit(3)).then_some(ActorKind::User),
        iparams: bit(4).then(|| Map::from_iter([("a".to_owned(), json!({"b": [1, null, "\u{1F600}\n"], "c": -0.5}))])),
    };
    let event = if bit(2) { "onUserUpdate" } else { "onUserCreate" };
    let generator = Generator::new(schemas, event, &recipe).unwrap_or_else(|findings| panic!("{findings:?}"));
    let mut out = Vec::new();
    generator.write(at, &mut out);
    String::from_utf8(out).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn generated_payloads_are_clean_at_a_glance() {
    let world = embedded();
    let mut pretty_ones = 0;
    for at in 0..640 {
        let text = payload(&world.schemas, 7, at);
        assert_eq!(world.findings(&text), [], "{text}");
        assert!(world.is_clean(&text), "{text}");
        let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
        let pretty = serde_json::to_string_pretty(&value).unwrap_or_else(|error| panic!("{error}"));
        pretty_ones += usize::from(world.compare(&pretty));
    }
    // A changed object or array is indented otherwise in `changes` than in `user`: that takes a closer look.
    assert!(pretty_ones > 400, "{pretty_ones}");
}

/// What may stand in place of a value.
const STRANGE: [&str; 48] = [
    "null",
    "true",
    "0",
    "-0",
    "-1",
    "1.0",
    "1.5",
    "1e3",
    "1e999",
    "-0.0",
    "01",
    "1.",
    "99999999999999999999",
    "999999999999999999",
    "0.1e1",
    "[]",
    "{}",
    "[1,2]",
    "[\"a\",\"b\"]",
    "[1,2,3]",
    "{\"url\":\"x\"}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":1,\"\\u0061\":2}",
    "\"\"",
    "\"x\"",
    "\"user\"",
    "\"agent\"",
    "\"\\u0075ser\"",
    "\"US\"",
    "\"onUserUpdate\"",
    "\"onUserCreate\"",
    "\"onPing\"",
    "\"a@b\"",
    "\"a@b.example\"",
    "\"a..b@c.example\"",
    "\"a@-b.example\"",
    "\"a@b.ex--ample\"",
    "\"é@b.example\"",
    "\"https://a.example/x\"",
    "\"https://a_b.example\"",
    "\"ftp://x\"",
    "\"2024-02-30T00:00:00Z\"",
    "\"2024-02-29T24:00:00Z\"",
    "\"2023-06-30T23:59:59.123Z\"",
    "\"2023-06-30t23:59:60Z\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\"",
    "\"\\x\"",
];

/// What may stand in place of a key.
const KEYS: [&str; 16] = [
    "id",
    "email",
    "emial",
    "type",
    "event",
    "data",
    "user",
    "changes",
    "model_changes",
    "account_id",
    "domain",
    "currentHost",
    "iparams",
    "first_name",
    "\\u0069d",
    "url",
];

/// A change to a text at about `at`.
#[derive(Debug, Clone)]
enum Mutation {
    /// Replaces the value of a member.
    Value(usize, &'static str),
    /// Renames a member.
    Key(usize, &'static str),
    /// Doubles a member, with another value.
    Twice(usize, &'static str),
    /// Takes a member away.
    Drop(usize),
    /// Adds a member in front of another.
    Add(usize, &'static str, &'static str),
    /// Replaces a character.
    Character(usize, char),
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let at = || any::<usize>();
    let strange = || proptest::sample::select(&STRANGE[..]);
    let key = || proptest::sample::select(&KEYS[..]);
    let one = prop_oneof![
        4 => (at(), strange()).prop_map(|(at, value)| Mutation::Value(at, value)),
        2 => (at(), key()).prop_map(|(at, key)| Mutation::Key(at, key)),
        2 => (at(), strange()).prop_map(|(at, value)| Mutation::Twice(at, value)),
        2 => at().prop_map(Mutation::Drop),
        2 => (at(), key(), strange()).prop_map(|(at, key, value)| Mutation::Add(at, key, value)),
        2 => (at(), proptest::sample::select(&['"', '\\', ',', ':', '{', '}', ']', ' ', '\n', '\0', 'é', '7', '.', 'x'][..]))
            .prop_map(|(at, character)| Mutation::Character(at, character)),
    ];
    proptest::collection::vec(one, 1..4)
}

/// A member of the text and its value; `at` says which.
fn member(text: &str, at: usize) -> Option<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    fn collect(node: &crate::text::json::Node, all: &mut Vec<(std::ops::Range<usize>, std::ops::Range<usize>)>) {
        for member in node.members().unwrap_or_default() {
            all.push((member.key_range.clone(), member.value.range.clone()));
            collect(&member.value, all);
        }
        node.items().unwrap_or_default().iter().for_each(|item| collect(item, all));
    }
    let source = Source::new("p.json", text.as_bytes().to_vec()).ok()?;
    let mut all = Vec::new();
    collect(&crate::text::json::read(&source).0?, &mut all);
    (!all.is_empty()).then(|| all.swap_remove(at % all.len()))
}

fn mutate(text: &str, mutation: &Mutation) -> String {
    let mut text = text.to_owned();
    match *mutation {
        Mutation::Character(at, character) => {
            let places: Vec<(usize, char)> = text.char_indices().collect();
            if let Some(&(place, old)) = places.get(at % places.len().max(1)) {
                text.replace_range(place..place + old.len_utf8(), character.encode_utf8(&mut [0; 4]));
            }
        }
        Mutation::Value(at, _)
        | Mutation::Key(at, _)
        | Mutation::Twice(at, _)
        | Mutation::Drop(at)
        | Mutation::Add(at, ..) => {
            let Some((key, value)) = member(&text, at) else { return text };
            match mutation {
                Mutation::Value(_, strange) => text.replace_range(value, strange),
                Mutation::Key(_, name) => text.replace_range(key, &format!("\"{name}\"")),
                Mutation::Twice(_, strange) => {
                    let twice = format!(",{}:{strange}", &text[key]);
                    text.insert_str(value.end, &twice);
                }
                Mutation::Add(_, name, strange) => text.insert_str(key.start, &format!("\"{name}\":{strange},")),
                _ => {
                    let rest = text[value.end..].starts_with(',');
                    text.replace_range(key.start..value.end + usize::from(rest), "");
                }
            }
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1500, ..Default::default() })]

    #[test]
    fn what_is_changed_is_never_passed_with_a_fault(
        at in 0_u64..64, mutations in mutations(), pretty: bool, event in 0_usize..4, platform in 0_usize..4
    ) {
        let event = [None, None, Some("onUserUpdate"), Some("onUserCreate")][event];
        let platform = [None, None, Some(Platform::V2), Some(Platform::V3)][platform];
        let world = World::new(Schemas::embedded(), event, platform);
        let mut text = payload(&world.schemas, 11, at);
        if pretty {
            let value: Value = serde_json::from_str(&text).unwrap_or_default();
            text = serde_json::to_string_pretty(&value).unwrap_or_default();
        }
        for mutation in &mutations {
            text = mutate(&text, mutation);
        }
        world.compare(&text);
    }
}

/// Every value that may stand at every place, by itself.
#[test]
fn no_strange_value_is_passed_where_it_is_a_fault() {
    let world = embedded();
    let (mut passed, mut all) = (0, 0);
    for at in 0..8 {
        let text = payload(&world.schemas, 3, at);
        let mut place = 0;
        while let Some((_, value)) = member(&text, place).filter(|_| place < 48) {
            for strange in STRANGE {
                let mut text = text.clone();
                text.replace_range(value.clone(), strange);
                passed += usize::from(world.compare(&text));
                all += 1;
            }
            place += 1;
        }
    }
    // Names and the like may be nearly any text.
    assert!(passed * 20 > all, "{passed} of {all}");
}

#[test]
fn a_schema_of_the_users_is_looked_at_as_closely() {
    let base = "\"title\": \"t\", \"description\": \"d\", \"type\": \"object\"";
    let strange = [
        "1",
        "-3",
        "7.5",
        "\"\"",
        "\"ab\"",
        "\"abcdef\"",
        "\"é\"",
        "null",
        "[]",
        "[1]",
        "[1,\"x\"]",
        "{}",
        "{\"a\":1}",
    ];
    for (part, can_be_quick) in [
        ("\"minimum\": -2, \"maximum\": 7", true),
        ("\"minLength\": 2, \"maxLength\": 4", true),
        ("\"enum\": [1, \"ab\", null]", true),
        ("\"items\": {\"type\": \"integer\"}, \"minItems\": 1", true),
        ("\"maxProperties\": 0, \"type\": [\"object\", \"number\"]", true),
        ("\"properties\": {\"b\": {}}, \"required\": [\"a\"]", true),
        ("\"allOf\": [{\"properties\": {\"a\": {\"type\": \"string\"}}}, {\"additionalProperties\": false}]", true),
        ("\"additionalProperties\": {\"type\": \"string\"}", true),
        ("\"anyOf\": [{\"type\": \"string\"}, {\"minimum\": 3}]", false),
        ("\"pattern\": \"^a\"", false),
        ("\"not\": {\"type\": \"null\"}", false),
        ("\"enum\": [{\"a\": 1}]", false),
    ] {
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let event = format!("{{{base}, \"properties\": {{\"event\": {{}}, \"x\": {{{part}}}}}}}");
        std::fs::create_dir(dir.path().join("events")).unwrap_or_else(|error| panic!("{error}"));
        std::fs::write(dir.path().join("events/onPing.schema.json"), event).unwrap_or_else(|error| panic!("{error}"));
        let schemas = Schemas::with_dir(dir.path()).unwrap_or_else(|findings| panic!("{part} {findings:?}"));
        let world = World::new(schemas, None, None);
        let mut passed = 0;
        for value in strange {
            let envelope = "\"account_id\":\"1\",\"domain\":\"d\",\"region\":\"US\",\"timestamp\":1,\"version\":\"1\"";
            let text = format!("{{{envelope},\"event\":\"onPing\",\"x\":{value}}}");
            passed += usize::from(world.compare(&text));
        }
        assert_eq!(passed > 0, can_be_quick, "{part}: {passed} passed");
    }
}

#[test]
fn a_pair_that_is_written_otherwise_gets_a_closer_look() {
    let world = embedded();
    let text = |changes: &str, actor: &str| {
        format!(
            "{{\"account_id\":\"1\",\"domain\":\"d\",\"region\":\"US\",\"timestamp\":1,\"version\":\"1\",\
             \"event\":\"onUserUpdate\",\"data\":{{\"actor\":{actor},\"changes\":{changes},\"user\":{{\"id\":\"u\",\
             \"created_time\":\"2024-03-05T08:15:30Z\",\"first_name\":\"b\\\"c\",\"last_name\":\"1\"}}}}}}"
        )
    };
    let agent = "{\"type\":\"agent\",\"id\":\"a\"}";
    for (changes, actor, is_clean) in [
        ("{\"first_name\": [ \"b\\\"c\" , null]}", agent, true),
        ("{\"first_name\": [\"b\\u0022c\", null]}", agent, false),
        ("{\"first_name\": [null, \"b\\\"c\"]}", agent, false),
        ("{\"model_changes\": {\"first_name\": [null, \"b\\\"c\"]}}", agent, true),
        ("{\"model_changes\": {\"first_name\": [\"b\\\"c\", \"c\"]}}", agent, false),
        ("{\"model_changes\": {\"last_name\": [\"2\", \"x,\\\"1\"]}}", agent, false),
        ("{\"phone\": [1, 2]}", agent, true),
        ("{\"phone\": [1, 2]}", "{\"type\":\"user\",\"id\":\"u\"}", true),
        ("{\"phone\": [1, 2]}", "{\"type\":\"user\",\"id\":\"v\"}", false),
    ] {
        assert_eq!(world.compare(&text(changes, actor)), is_clean, "{changes} {actor}");
    }
}
