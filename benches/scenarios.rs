//! 1,000 small scenarios, beside 1,000 tests of Vitest that check the same with mocks made by hand.
//!
//! Vitest has all its tests in one file, which is one realm for all of them and the quickest it can be; a scenario has a handler
//! process, a `$db` and a clock of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::common::{Asked, Bench, SIMCTL, Turns, Unit, command, root, text};

const VITEST: &str = "vitest@4.1.12";
const SCENARIOS: usize = 1000;

/// How often each is run, after a first time that warms the caches.
const ROUNDS: usize = 3;

const MANIFEST: &str = r#"{
  "platform-version": "3.0",
  "modules": { "common": {}, "chat_user": { "events": {
    "onUserCreate": { "handler": "onCreate" }, "onUserUpdate": { "handler": "onUpdate" } } } },
  "engines": { "node": "18.20.8", "fdk": "9.7.4" }
}
"#;

const SERVER: &str = "exports = {
  onCreate: async function (payload) {
    const user = payload.data.user;
    await $db.set('contact:' + user.id, { updates: 0 });
    console.log('%s is new', user.first_name);
  },
  onUpdate: async function (payload) {
    const key = 'contact:' + payload.data.user.id;
    const before = await $db.get(key);
    const after = { updates: before.updates + 1, changed: Object.keys(payload.data.changes) };
    await $db.set(key, after);
    return { updates: after.updates };
  }
};
";

/// What a test needs that has no simulator.
const MOCKS: &str = "import { readFileSync } from 'node:fs';
import { vi } from 'vitest';
const text = readFileSync(new URL('../server/server.js', import.meta.url), 'utf8');
export function app() {
  const records = new Map();
  const $db = {
    async get(key) {
      if (!records.has(key)) throw { status: 404, message: 'Record not found' };
      return structuredClone(records.get(key));
    },
    async set(key, value) { records.set(key, structuredClone(value)); return { Created: true }; }
  };
  const log = vi.fn();
  const handlers = new Function('exports', '$db', 'console', text + '\\nreturn exports;')({}, $db, { log });
  return { handlers, records, log };
}
export function payload(event, user, changes) {
  return { event, data: { user, actor: { type: 'user', id: user.id }, changes }, region: 'EU', timestamp: 1767225600000 };
}
";

const OWN: &str = "simctl test";

pub(crate) fn measure(bench: &mut Bench<'_>) {
    let count = bench.pick(SCENARIOS, 10);
    let vitest = bench.peers.npm("vitest", &[VITEST]);
    let dir = root().join("target/peers/vitest");
    write_app(&dir, count);
    let mut turns = Turns::new(Unit::Seconds);
    turns.add(OWN, run(&dir, &[SIMCTL, "test", "-q"]));
    turns.add("simctl test --jobs 1", run(&dir, &[SIMCTL, "test", "-q", "--jobs", "1"]));
    let run_vitest = |modules: PathBuf| {
        let script = modules.join("node_modules/vitest/vitest.mjs");
        run(&dir, &["node", text(&script), "run", "--dir", "one"])
    };
    turns.peer("vitest, one file", vitest.map(run_vitest));
    let came = turns.take(bench.pick(1, 0), bench.rounds(ROUNDS));
    bench.sheet.add(&came.table("1,000 scenarios", Some((OWN, "of simctl's"))));
    bench.sheet.bar(
        "1,000 scenarios of two events",
        "a whole `simctl test`",
        Asked::Limit(10.0, Unit::Seconds),
        came.spread(OWN),
    );
}

/// Seconds of a whole process in a folder.
fn run(dir: &Path, words: &[&str]) -> impl Fn() -> f64 + use<> {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    let dir = dir.to_path_buf();
    move || {
        let mut command = command(&words);
        let began = Instant::now();
        let output = command.current_dir(&dir).output().unwrap();
        let took = began.elapsed();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stdout));
        took.as_secs_f64()
    }
}

/// An app, its scenarios, and the same checks as tests.
fn write_app(dir: &Path, count: usize) {
    for folder in ["server", "tests", "one"] {
        let _ = fs::remove_dir_all(dir.join(folder));
        fs::create_dir_all(dir.join(folder)).unwrap();
    }
    let write = |name: String, text: String| fs::write(dir.join(name), text).unwrap();
    write("manifest.json".to_owned(), MANIFEST.to_owned());
    write("server/server.js".to_owned(), SERVER.to_owned());
    write("one/mocks.mjs".to_owned(), MOCKS.to_owned());
    let head = "import { expect, test } from 'vitest';\nimport { app, payload } from '../one/mocks.mjs';\n";
    let mut all = head.to_owned();
    for number in 0..count {
        let (scenario, test) = (scenario(number), test(number));
        write(format!("tests/s{number:04}.scenario.yaml"), scenario);
        all += &test;
    }
    write("one/all.test.mjs".to_owned(), all);
}

fn scenario(number: usize) -> String {
    format!(
        "name: updates of contact {number} are counted
users:
  jane: {{ id: \"{number}\", first_name: Jane }}
steps:
  - create: jane
    expect:
      logs: [Jane is new]
  - update: jane
    set: {{ email: jane{number}@example.com }}
    expect:
      returned: {{ updates: 1 }}
      db:
        contact:{number}: {{ updates: 1, changed: [email] }}
"
    )
}

fn test(number: usize) -> String {
    format!(
        "test('updates of contact {number} are counted', async () => {{
  const {{ handlers, records, log }} = app();
  const jane = {{ id: '{number}', first_name: 'Jane', email: 'before@example.com' }};
  await handlers.onCreate(payload('onUserCreate', jane));
  expect(log).toHaveBeenCalledWith('%s is new', 'Jane');
  const email = 'jane{number}@example.com';
  const returned = await handlers.onUpdate(payload('onUserUpdate', {{ ...jane, email }}, {{ email: [email, jane.email] }}));
  expect(returned).toMatchObject({{ updates: 1 }});
  expect(records.get('contact:{number}')).toMatchObject({{ updates: 1, changed: ['email'] }});
}});
"
    )
}
