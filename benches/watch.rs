//! What it takes from the save of a file to the verdict, beside the same event fired by itself; and what it costs to keep a
//! delivery.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Asked, Bench, SIMCTL, Turns, Unit, root};

/// Rounds that count.
const ROUNDS: usize = 60;
/// Rounds before them.
const WARM_UP: usize = 5;
/// How much more a save may cost than firing.
const LIMIT: Asked = Asked::Limit(50.0, Unit::Milliseconds);

const SAVED: &str = "from the save of `server.js` to the verdict";
const ALONE: &str = "the same event fired by itself";

pub(crate) fn measure(bench: &mut Bench<'_>) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for file in ["manifest.json", "server/server.js"] {
        let to = dir.path().join(file);
        fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        fs::copy(root().join("samples/modules-3.0").join(file), to).expect("copied");
    }
    let script = dir.path().join("server/server.js");
    let text = fs::read_to_string(&script).expect("a script");
    let args = ["trigger", "onUserUpdate", "--seed", "1", "--format", "json"];
    let mut watching = simctl(dir.path(), &args).arg("--watch").stdout(Stdio::piped()).spawn().expect("simctl starts");
    let mut lines = BufReader::new(watching.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let mut verdict = move || assert!(lines.any(|line| line.contains("run-finished")), "it ended");
    verdict();
    let mut saves = 0;
    let mut save = || {
        // What follows the verdict is over by then.
        std::thread::sleep(Duration::from_millis(30));
        saves += 1;
        // As editors save: beside it, then over it.
        let new = dir.path().join("server/server.js.tmp~");
        fs::write(&new, format!("{text}\n// {saves}\n")).expect("written");
        let began = Instant::now();
        fs::rename(&new, &script).expect("renamed");
        verdict();
        began.elapsed().as_secs_f64() * 1e3
    };
    let mut turns = Turns::new(Unit::Milliseconds);
    turns.add(SAVED, &mut save);
    turns.add(ALONE, || fire(dir.path(), &args));
    turns.add("the same with `--no-history`", || fire(dir.path(), &[&args[..], &["--no-history"]].concat()));
    let came = turns.take(bench.pick(WARM_UP, 0), bench.rounds(ROUNDS));
    watching.kill().expect("killed");
    watching.wait().expect("reaped");
    bench.sheet.add(&came.table("firing after a save", Some((ALONE, "of fired by itself"))));
    bench.sheet.add(&format!("Keeping one delivery, in a run of many: {:.0} µs.\n", keeping(bench.rounds(ROUNDS))));
    let more = came.difference(SAVED, ALONE);
    bench.sheet.bar("from a save to the verdict", "the event fired by itself, more", LIMIT, more);
}

fn simctl(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(SIMCTL);
    command.args(args).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Milliseconds of the whole process.
fn fire(dir: &Path, args: &[&str]) -> f64 {
    let began = Instant::now();
    assert!(simctl(dir, args).status().expect("it runs").success());
    began.elapsed().as_secs_f64() * 1e3
}

/// What one more delivery costs, in microseconds: opened, locked, written and closed, as a run does.
fn keeping(rounds: usize) -> f64 {
    use simctl::history::{History, Recorded};
    let dir = tempfile::tempdir().expect("a temporary folder");
    let record = simctl::schema::Schemas::embedded().value("delivery").expect("a schema")["examples"][0].clone();
    let record: Recorded = serde_json::from_value(record).expect("a delivery");
    let history = History::open(dir.path(), History::BOUNDS);
    let began = Instant::now();
    let count = rounds * 50;
    for _ in 0..count {
        history.keep(None, &record).expect("kept");
    }
    began.elapsed().as_secs_f64() * 1e6 / count as f64
}
