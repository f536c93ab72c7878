//! Payloads a second: simctl's generator beside a bare loop that fills the same fields with the `fake` crate's fakers and
//! writes them with `serde_json`. Both on one core, in turns, so that a busy machine slows both.
//!
//! `cargo bench --bench generate`
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a benchmark prints, and may fail loudly")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use fake::faker::internet::en::SafeEmail;
use fake::faker::name::en::{FirstName, LastName};
use fake::faker::phone_number::en::PhoneNumber;
use fake::rand::rngs::StdRng;
use fake::rand::{RngExt, SeedableRng};
use fake::{Fake, Faker};
use serde::Serialize;
use simctl::model::Platform;
use simctl::payload::{Changes, Generator, Locale, Recipe, Variant};
use simctl::schema::Schemas;

const PAYLOADS: u64 = 50_000;
const ROUNDS: usize = 7;

#[derive(Serialize)]
struct Payload {
    account_id: String,
    domain: &'static str,
    region: &'static str,
    timestamp: i64,
    version: &'static str,
    event: &'static str,
    data: Data,
}

#[derive(Serialize)]
struct Data {
    actor: Actor,
    associations: Option<()>,
    changes: serde_json::Map<String, serde_json::Value>,
    user: User,
}

#[derive(Serialize)]
struct Actor {
    r#type: &'static str,
    id: String,
    first_name: String,
    last_name: String,
    email: String,
    avatar: Avatar,
}

#[derive(Serialize)]
struct Avatar {
    url: String,
}

#[derive(Serialize)]
struct User {
    id: String,
    reference_id: String,
    created_time: String,
    first_name: String,
    last_name: String,
    email: String,
    phone: String,
    avatar: Avatar,
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Property {
    name: &'static str,
    value: &'static str,
}

fn uuid(rng: &mut StdRng) -> String {
    let bits: u128 = Faker.fake_with_rng(rng);
    let (a, b, c, d, e) =
        (bits >> 96, bits >> 80 & 0xffff, bits >> 64 & 0xffff, bits >> 48 & 0xffff, bits & 0xffff_ffff_ffff);
    let mut text = String::with_capacity(36);
    write!(text, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}").expect("a String takes all");
    text
}

fn avatar(first: &str, last: &str) -> Avatar {
    Avatar { url: format!("https://avatars.example/{first}.{last}.png") }
}

fn bare(rng: &mut StdRng, now: jiff::Timestamp) -> Payload {
    let first_name: String = FirstName().fake_with_rng(rng);
    let last_name: String = LastName().fake_with_rng(rng);
    let email: String = SafeEmail().fake_with_rng(rng);
    let seconds: i64 = (3_600..63_072_000).fake_with_rng(rng);
    let created = now - jiff::SignedDuration::from_secs(seconds);
    let count: usize = (1..4).fake_with_rng(rng);
    let user = User {
        id: uuid(rng),
        reference_id: email.clone(),
        created_time: format!("{created:.3}"),
        phone: PhoneNumber().fake_with_rng(rng),
        avatar: avatar(&first_name, &last_name),
        properties: [("plan", "team"), ("newsletter", "never"), ("segment", "retail")][..count]
            .iter()
            .map(|&(name, value)| Property { name, value })
            .collect(),
        first_name,
        last_name,
        email,
    };
    let old: String = SafeEmail().fake_with_rng(rng);
    let old_phone: String = PhoneNumber().fake_with_rng(rng);
    let mut changes = serde_json::Map::new();
    changes.insert("email".to_owned(), vec![user.email.clone(), old].into());
    changes.insert("phone".to_owned(), vec![user.phone.clone(), old_phone].into());
    let first_name: String = FirstName().fake_with_rng(rng);
    let last_name: String = LastName().fake_with_rng(rng);
    let actor = Actor {
        r#type: "agent",
        id: uuid(rng),
        email: SafeEmail().fake_with_rng(rng),
        avatar: avatar(&first_name, &last_name),
        first_name,
        last_name,
    };
    Payload {
        account_id: rng.random_range(100_000_000_000_000_u64..999_999_999_999_999).to_string(),
        domain: "web.freshchat.com",
        region: ["US", "EU", "EUC", "AUS", "IND"][rng.random_range(0..5)],
        timestamp: now.as_millisecond(),
        version: "1.0.0",
        event: "onUserUpdate",
        data: Data { actor, associations: None, changes, user },
    }
}

fn bare_loop(now: jiff::Timestamp, out: &mut Vec<u8>) -> u64 {
    let mut rng = StdRng::seed_from_u64(1);
    let mut bytes = 0;
    for _ in 0..PAYLOADS {
        out.clear();
        serde_json::to_writer(&mut *out, &bare(&mut rng, now)).expect("a Vec takes all");
        bytes += black_box(&*out).len() as u64;
    }
    bytes
}

fn generator_loop(generator: &Generator, out: &mut Vec<u8>) -> u64 {
    let mut bytes = 0;
    for index in 0..PAYLOADS {
        out.clear();
        generator.write(index, out);
        bytes += black_box(&*out).len() as u64;
    }
    bytes
}

fn timed(work: impl FnOnce() -> u64) -> (Duration, u64) {
    let start = Instant::now();
    let bytes = work();
    (start.elapsed(), bytes / PAYLOADS)
}

/// What a cold `simctl generate` pays before its first payload.
fn set_up(recipe: &Recipe) -> Duration {
    let mut times: Vec<Duration> = (0..21)
        .map(|_| {
            let start = Instant::now();
            black_box(Generator::new(&Schemas::embedded(), "onUserUpdate", recipe).expect("the event has a schema"));
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

fn main() {
    let now: jiff::Timestamp = "2024-03-05T08:15:30.250Z".parse().expect("a time");
    let recipe = Recipe {
        seed: 1,
        now,
        locale: Locale::default(),
        variant: Variant::Docs,
        platform: Platform::V2,
        changes: Changes::Fields(vec!["email".to_owned(), "phone".to_owned()]),
        actor: Some(simctl::payload::ActorKind::Agent),
        iparams: None,
    };
    let generator = Generator::new(&Schemas::embedded(), "onUserUpdate", &recipe).expect("the event has a schema");
    let mut out = Vec::new();
    let mut best = [Duration::MAX; 2];
    let mut size = [0; 2];
    for _ in 0..ROUNDS {
        let rounds = [timed(|| bare_loop(now, &mut out)), timed(|| generator_loop(&generator, &mut out))];
        for (at, (time, bytes)) in rounds.into_iter().enumerate() {
            best[at] = best[at].min(time);
            size[at] = bytes;
        }
    }
    let rate = best.map(|time| PAYLOADS as f64 / time.as_secs_f64());
    println!("set-up: schemas read and compiled to a plan    {:>9.3} ms", set_up(&recipe).as_secs_f64() * 1e3);
    for (name, at) in [("bare loop: fake crate, serde_json", 0), ("simctl's generator", 1)] {
        println!("{name:<44} {:>9.0} payloads/s, {} bytes each", rate[at], size[at]);
    }
    println!("ratio                                        {:>9.2}", rate[1] / rate[0]);
}
