//! Payloads a second, written to a file: `simctl generate` beside a bare loop that fills the same fields with the `fake` crate
//! and writes them with `serde_json`, beside `@faker-js/faker` and Python's `Faker`, and beside what writing alone takes.
//!
//! simctl is a whole process, its start included; the others tell how long their loop took. Each works on one core, but where a
//! row says two.

use std::cell::Cell;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

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

use crate::common::{
    Asked, Bench, Peer, SIMCTL, Spread, Turn, Turns, Unit, command, on_cores, peak_memory, reported, scratch, text,
};

/// Payloads of one turn: simctl's, the bare loops', and those of the slower peers.
const PAYLOADS: u64 = 1_000_000;
const BARE: u64 = 200_000;
const FAKER_JS_PAYLOADS: u64 = 50_000;
const PYTHON_PAYLOADS: u64 = 5_000;
const ROUNDS: usize = 7;

const FAKER_JS: &str = "@faker-js/faker@10.6.0";
const PYTHON: &str = "Faker==40.63.0";

const ONE_CORE: &str = "`simctl generate`, one core";
const TWO_CORES: &str = "`simctl generate`, two cores";
const BARE_LOOP: &str = "`fake` crate and `serde_json` in a bare loop";
const FAKER_JS_LOOP: &str = "`@faker-js/faker` in a loop";
const PYTHON_LOOP: &str = "Python's `Faker` in a loop";

/// How much is gathered before it is written, by each of the loops.
const CHUNK: usize = 256 * 1024;

/// Makes the same fields, and prints how many payloads it made a second. Arguments: how many, and the file.
const FAKER_JS_SCRIPT: &str = r#"
import { faker } from '@faker-js/faker';
import fs from 'node:fs';
const [count, file] = [Number(process.argv[2]), fs.openSync(process.argv[3], 'w')];
const now = new Date('2024-03-05T08:15:30.250Z');
const pick = [['plan', 'team'], ['newsletter', 'never'], ['segment', 'retail']];
const person = () => {
  const first_name = faker.person.firstName(), last_name = faker.person.lastName();
  const avatar = { url: `https://avatars.example/${first_name}.${last_name}.png` };
  return { id: faker.string.uuid(), first_name, last_name, email: faker.internet.email(), avatar };
};
const payload = () => {
  const { id, first_name, last_name, email, avatar } = person();
  const user = {
    id, reference_id: email, created_time: faker.date.recent({ days: 730, refDate: now }).toISOString(),
    first_name, last_name, email, phone: faker.phone.number(), avatar,
    properties: pick.slice(0, faker.number.int({ min: 1, max: 3 })).map(([name, value]) => ({ name, value }))
  };
  const changes = { email: [email, faker.internet.email()], phone: [user.phone, faker.phone.number()] };
  return {
    account_id: String(faker.number.int({ min: 100000000000000, max: 999999999999998 })), domain: 'web.freshchat.com',
    region: faker.helpers.arrayElement(['US', 'EU', 'EUC', 'AUS', 'IND']), timestamp: now.getTime(),
    version: '1.0.0', event: 'onUserUpdate',
    data: { actor: { type: 'agent', ...person() }, associations: null, changes, user }
  };
};
faker.seed(1);
const began = process.hrtime.bigint();
let chunk = '';
for (let at = 0; at < count; at++) {
  chunk += JSON.stringify(payload()) + '\n';
  if (chunk.length >= 262144) { fs.writeSync(file, chunk); chunk = ''; }
}
fs.writeSync(file, chunk);
console.log(count / (Number(process.hrtime.bigint() - began) / 1e9));
"#;

const PYTHON_SCRIPT: &str = r#"
import json, sys, time
from datetime import datetime, timezone
from faker import Faker
count, out = int(sys.argv[1]), open(sys.argv[2], 'w', buffering=262144)
fake = Faker()
Faker.seed(1)
now = datetime(2024, 3, 5, 8, 15, 30, 250000, timezone.utc)
pick = [('plan', 'team'), ('newsletter', 'never'), ('segment', 'retail')]
def person():
    first, last = fake.first_name(), fake.last_name()
    avatar = {'url': f'https://avatars.example/{first}.{last}.png'}
    return {'id': fake.uuid4(), 'first_name': first, 'last_name': last, 'email': fake.safe_email(), 'avatar': avatar}
def payload():
    user = person()
    created = fake.date_time_between(start_date='-2y', end_date='now', tzinfo=timezone.utc)
    user.update(reference_id=user['email'], created_time=created.isoformat(timespec='milliseconds'),
                phone=fake.phone_number(),
                properties=[{'name': n, 'value': v} for n, v in pick[:fake.random_int(1, 3)]])
    changes = {'email': [user['email'], fake.safe_email()], 'phone': [user['phone'], fake.phone_number()]}
    return {'account_id': str(fake.random_int(100000000000000, 999999999999998)), 'domain': 'web.freshchat.com',
            'region': fake.random_element(['US', 'EU', 'EUC', 'AUS', 'IND']), 'timestamp': int(now.timestamp() * 1000),
            'version': '1.0.0', 'event': 'onUserUpdate',
            'data': {'actor': {'type': 'agent', **person()}, 'associations': None, 'changes': changes, 'user': user}}
began = time.perf_counter()
for _ in range(count):
    out.write(json.dumps(payload(), separators=(',', ':')) + '\n')
out.close()
print(count / (time.perf_counter() - began))
"#;

pub(crate) fn measure(bench: &mut Bench<'_>) {
    let dir = scratch("generate");
    let file = dir.join("payloads.ndjson");
    let count = bench.pick(PAYLOADS, 1_000);
    let bare = bench.pick(BARE, 1_000);
    let now: jiff::Timestamp = "2024-03-05T08:15:30.250Z".parse().expect("a time");
    let generator = generator(now);
    let mut turns = Turns::new(Unit::PerSecond);
    let sizes = [Cell::new(0), Cell::new(0)];
    turns.add("writing as many bytes, with nothing made", || writing(&file, bare));
    turns.add(ONE_CORE, || whole(&file, "0", count));
    turns.add(TWO_CORES, || whole(&file, "0,1", count));
    turns.add(BARE_LOOP, || {
        let mut rng = StdRng::seed_from_u64(1);
        let fill = |_, out: &mut Vec<u8>| serde_json::to_writer(out, &bare_payload(&mut rng, now)).expect("it fits");
        looped(&file, bare, &sizes[0], fill)
    });
    turns.add("simctl's generator in the same loop", || {
        looped(&file, bare, &sizes[1], |index, out| generator.write(index, out))
    });
    turns.peer(FAKER_JS_LOOP, faker_js(bench, &file));
    turns.peer(PYTHON_LOOP, python(bench, &dir, &file));
    let came = turns.take(bench.pick(1, 0), bench.rounds(ROUNDS));
    bench.sheet.add(&came.table("payloads a second, to a file", Some((ONE_CORE, "of simctl's, one core"))));
    let [bare_size, own_size] = sizes.map(|size| size.get());
    let set_up = set_up(now, bench.rounds(21));
    bench.sheet.add(&format!(
        "{own_size} bytes each by simctl, {bare_size} by the bare loop. Before the first payload, schemas are read and compiled to a plan: {set_up:.2} ms.\n"
    ));
    let work = "`generate -n 1000000` to a file";
    let others = [
        ("`@faker-js/faker`, one core", 20.0, FAKER_JS_LOOP),
        ("`fake` crate with `serde_json`, one core", 1.5, BARE_LOOP),
    ];
    bench.sheet.cores(work, &came, [ONE_CORE, TWO_CORES], &others);
    let memory = |count: u64| peak_memory(&generate_words(count, "0,1"), new_file(&file).into());
    let [few, many] = [count / 10, count].map(memory);
    bench.sheet.add(&format!(
        "Peak memory on two cores: {few:.1} MB for {} payloads, {many:.1} MB for {count}.\n",
        count / 10
    ));
    let grown = Spread::new(vec![many / few]).ok_or_else(String::new);
    bench.sheet.bar(work, "its memory, and that of ten times fewer", Asked::AtMost(1.1), grown);
    fs::remove_file(&file).expect("removed");
}

fn generator(now: jiff::Timestamp) -> Generator {
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
    Generator::new(&Schemas::embedded(), "onUserUpdate", &recipe).expect("the event has a schema")
}

/// What a cold `simctl generate` pays before its first payload, in milliseconds.
fn set_up(now: jiff::Timestamp, rounds: usize) -> f64 {
    let mut turns = Turns::new(Unit::Milliseconds);
    turns.add("set-up", || {
        let began = Instant::now();
        black_box(generator(now));
        began.elapsed().as_secs_f64() * 1e3
    });
    turns.take(0, rounds).spread("set-up").expect("measured").median()
}

/// The same fields as in the bare loop, and the same envelope.
fn generate_words(count: u64, cores: &str) -> Vec<String> {
    let count = count.to_string();
    let words = [
        SIMCTL,
        "generate",
        "onUserUpdate",
        "--platform",
        "2.3",
        "--changes",
        "email,phone",
        "--actor",
        "agent",
        "--seed",
        "1",
        "--now",
        "2024-03-05T08:15:30.250Z",
        "-n",
        &count,
    ];
    on_cores(cores, &words)
}

/// A new file: to cut an old one to nothing takes time that is nobody's.
fn new_file(file: &Path) -> File {
    let _ = fs::remove_file(file);
    File::create(file).expect("a file")
}

fn whole(file: &Path, cores: &str, count: u64) -> f64 {
    let out = new_file(file);
    let mut command = command(&generate_words(count, cores));
    let began = Instant::now();
    let status = command.stdout(out).stderr(Stdio::inherit()).status().expect("simctl runs");
    let took = began.elapsed();
    assert!(status.success(), "simctl generate failed");
    count as f64 / took.as_secs_f64()
}

fn writing(file: &Path, count: u64) -> f64 {
    // About as many as simctl's payloads have.
    let payload = [b'x'; 950];
    looped(file, count, &Cell::new(0), |_, out| out.extend_from_slice(&payload))
}

/// Fills one payload after the other, and writes them as lines; how many a second, and how long they were.
fn looped(file: &Path, count: u64, size: &Cell<u64>, mut fill: impl FnMut(u64, &mut Vec<u8>)) -> f64 {
    let mut to = new_file(file);
    let mut out = Vec::with_capacity(CHUNK + 8 * 1024);
    let mut bytes = 0;
    let began = Instant::now();
    for index in 0..count {
        fill(index, &mut out);
        out.push(b'\n');
        if out.len() >= CHUNK || index + 1 == count {
            to.write_all(&out).expect("it is written");
            bytes += out.len() as u64;
            out.clear();
        }
    }
    let took = began.elapsed();
    size.set(bytes / count - 1);
    count as f64 / took.as_secs_f64()
}

fn faker_js(bench: &Bench<'_>, file: &Path) -> Peer<Turn> {
    // Beside `node_modules`, where its import is found.
    let script = bench.peers.npm("faker-js", &[FAKER_JS])?.join("faker.mjs");
    fs::write(&script, FAKER_JS_SCRIPT).map_err(|error| error.to_string())?;
    let count = bench.pick(FAKER_JS_PAYLOADS, 100).to_string();
    Ok(reported(&on_cores("0", &["node", text(&script), &count, text(file)])))
}

fn python(bench: &Bench<'_>, dir: &Path, file: &Path) -> Peer<Turn> {
    let python = bench.peers.pypi("faker-python", &[PYTHON])?.join("python");
    let script = dir.join("payloads.py");
    fs::write(&script, PYTHON_SCRIPT).map_err(|error| error.to_string())?;
    let count = bench.pick(PYTHON_PAYLOADS, 100).to_string();
    Ok(reported(&on_cores("0", &[text(&python), text(&script), &count, text(file)])))
}

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

fn bare_payload(rng: &mut StdRng, now: jiff::Timestamp) -> Payload {
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
