//! 1,000 small scenarios, beside 1,000 tests of Vitest that check the same with mocks made by hand.
//!
//! `cargo bench --bench scenarios` prints the table that stands in `benches/README.md`. Vitest is installed below `target/peers`
//! the first time; where it cannot be, it is left out. Whole processes take turns. Vitest has all its tests in one file, which
//! is one realm for all of them and the quickest it can be; a scenario has a handler process, a `$db` and a clock of its own.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark prints, and may fail loudly"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SIMCTL: &str = env!("CARGO_BIN_EXE_simctl");
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

fn main() {
    // `cargo test --benches` asks for a quick look that it works: nothing is installed for that.
    let is_test = std::env::args().any(|word| word == "--test");
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/vitest");
    let count = if is_test { 10 } else { SCENARIOS };
    write_app(&dir, count);
    let vitest = vitest(&dir, !is_test);
    let mut all: Vec<Contender> = vec![
        contender("simctl test", vec![SIMCTL.into(), "test".into(), "-q".into()], &dir),
        contender("simctl test --jobs 1", [SIMCTL, "test", "-q", "--jobs", "1"].map(Into::into).to_vec(), &dir),
    ];
    if let Some(vitest) = vitest {
        let words = vec!["node".into(), vitest.display().to_string(), "run".into(), "--dir".into(), "one".into()];
        all.push(contender("vitest, one file", words, &dir));
    }
    let rounds = if is_test { 1 } else { ROUNDS };
    for round in 0..=rounds {
        for one in &mut all {
            let took = one.run();
            if round > 0 {
                one.times.push(took);
            }
        }
    }
    let own = quantile(&all[0].times, 0.5);
    println!("| {count} scenarios | median | fastest to slowest | of simctl's |\n|---|---|---|---|");
    for Contender { name, times, .. } in &all {
        let [low, median, high] = [0.0, 0.5, 1.0].map(|share| quantile(times, share));
        println!("| {name} | {median:.2} s | {low:.2} to {high:.2} s | {:.2} |", median / own);
    }
}

/// One way to do the work, and how long it took each time, in seconds.
struct Contender {
    name: &'static str,
    words: Vec<String>,
    dir: PathBuf,
    times: Vec<f64>,
}

fn contender(name: &'static str, words: Vec<String>, dir: &Path) -> Contender {
    Contender { name, words, dir: dir.to_path_buf(), times: Vec::new() }
}

impl Contender {
    fn run(&self) -> f64 {
        let mut command = Command::new(&self.words[0]);
        // Where it is set, it makes each start of Node.js slower.
        command.args(&self.words[1..]).env_remove("NODE_EXTRA_CA_CERTS").current_dir(&self.dir);
        let start = Instant::now();
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
        let took: Duration = start.elapsed();
        assert!(output.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&output.stdout));
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

/// Vitest's script, where it is there.
fn vitest(dir: &Path, may_install: bool) -> Option<PathBuf> {
    let script = dir.join("node_modules/vitest/vitest.mjs");
    if may_install && !script.exists() {
        println!("installing {VITEST}");
        let status = Command::new("npm").args(["install", "--no-save", "--prefix"]).arg(dir).arg(VITEST).status();
        if !status.is_ok_and(|status| status.success()) {
            println!("it failed");
        }
    }
    if !script.exists() {
        println!("vitest is not there: left out");
        return None;
    }
    Some(script)
}

/// The value below which `share` of the values lie; nothing where there are none.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let at = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(at).copied().unwrap_or_default()
}
