//! What a host call costs, there and back: one delivery whose handler awaits many of them, one after the other, timed as the
//! run events tell it. Starting up is not in it; telling each call as a run event is.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::{Asked, Bench, SIMCTL, Spread, Turns, Unit, output, text};

/// Calls in one delivery.
const CALLS: u64 = 10_000;
/// Rounds that count; in each, every contender runs once.
const ROUNDS: usize = 11;

const GET: &str = "`$db.get`";

const ALL: [(&str, &str, &[&str]); 5] = [
    (GET, "$db.get('k')", &[]),
    ("`$db.get`, `--db memory`", "$db.get('k')", &["--db", "memory"]),
    ("`$db.set`", "$db.set('k', { n: i })", &[]),
    ("`$db.update`, increment", "$db.update('k', 'increment', { n: 1 })", &[]),
    ("`$db.get`, node runtime", "$db.get('k')", &["--runtime", "node"]),
];

pub(crate) fn measure(bench: &mut Bench<'_>) {
    let calls = bench.pick(CALLS, 100);
    let dir = tempfile::tempdir().expect("a temporary folder");
    // The platform's part, of each turn.
    let parts = ALL.map(|_| RefCell::new(Vec::new()));
    let mut turns = Turns::new(Unit::Microseconds);
    for ((name, call, flags), parts) in ALL.iter().zip(&parts) {
        let dir = dir.path();
        let turn = move || {
            let (all, part) = one_delivery(dir, call, flags, calls);
            parts.borrow_mut().push(part);
            all
        };
        let needs = if flags.contains(&"node") { bench.peers.node() } else { Ok(()) };
        turns.peer(*name, needs.map(|()| turn));
    }
    let came = turns.take(0, bench.rounds(ROUNDS));
    bench.sheet.add(&came.table("a host call, there and back", None));
    let of_platform = ALL.iter().zip(parts).filter_map(|((name, ..), parts)| {
        let part = Spread::new(parts.into_inner())?.median();
        Some(format!("{name} {}", Unit::Microseconds.show(part)))
    });
    bench.sheet.add(&format!("Of which the platform's part: {}.\n", of_platform.collect::<Vec<_>>().join(", ")));
    let asked = Asked::Limit(150.0, Unit::Microseconds);
    bench.sheet.bar("a host call, embedded", "there and back", asked, came.spread(GET));
}

/// One delivery in an app of its own: microseconds a call, and the median of what the platform took for each.
fn one_delivery(dir: &Path, call: &str, flags: &[&str], calls: u64) -> (f64, f64) {
    let app = dir.join("app");
    let _ = fs::remove_dir_all(&app);
    fs::create_dir_all(app.join("server")).expect("a folder");
    fs::write(app.join("manifest.json"), r#"{"events": {"onUserUpdate": {"handler": "f"}}}"#).expect("a file");
    let server = format!(
        "exports = {{ f: async function () {{
  await $db.set('k', {{ n: 0 }});
  for (let i = 0; i < {calls}; i++) await {call};
}} }};"
    );
    fs::write(app.join("server/server.js"), server).expect("a file");
    let told = dir.join("told.ndjson");
    let format = format!("--format=json={}", told.display());
    output(&[&[SIMCTL, "trigger", "onUserUpdate", "--app", text(&app), &format], flags].concat());
    let told = fs::read_to_string(&told).expect("the run events");
    let events: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let all = events.iter().find_map(|event| event["handler_us"].as_f64()).expect("a time");
    let own = events.iter().filter_map(|event| event["took_us"].as_f64()).collect();
    (all / calls as f64, Spread::new(own).expect("calls").median())
}
