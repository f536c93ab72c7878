//! Deliveries a second to an endpoint, 32 in flight: `simctl load --to` beside `oha` and `wrk`, all at one handler on Node.js.
//!
//! The handler reads each payload whole and parses it. oha and wrk send one payload over and over, simctl a new one each time.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::common::{Asked, Bench, Peer, SIMCTL, Turn, Turns, Unit, command, generate, output, scratch, text};

const OHA: &str = "1.16.0";
const WRK: [&str; 3] = ["wrk", "libluajit-5.1-2", "libluajit-5.1-common"];

/// Deliveries of one turn.
const DELIVERIES: usize = 20_000;
const ROUNDS: usize = 9;

const OWN: &str = "`simctl load --to`";
const BY_OHA: &str = "`oha`";
const BY_WRK: &str = "`wrk`, one thread";

const HANDLER: &str = r#"
const http = require('http');
const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    JSON.parse(Buffer.concat(parts));
    response.writeHead(204).end();
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"#;

pub(crate) fn measure(bench: &mut Bench<'_>) {
    if let Err(why) = bench.peers.node() {
        bench.sheet.add(&format!("Not measured: {why}.\n"));
        return;
    }
    let dir = scratch("http");
    let payload = dir.join("payload.json");
    fs::write(&payload, generate(1)).expect("a file");
    let handler = Handler::start();
    let (url, count) = (handler.url.clone(), bench.pick(DELIVERIES, 100).to_string());
    let mut turns = Turns::new(Unit::PerSecond);
    turns.add(OWN, || by_simctl(&dir, &url, &count));
    turns.peer(BY_OHA, oha(bench, &payload, &url, &count));
    turns.peer(BY_WRK, wrk(bench, &dir, &payload, &url));
    let came = turns.take(bench.pick(2, 0), bench.rounds(ROUNDS));
    let beside = came.spread(BY_OHA).is_ok().then_some((BY_OHA, "of oha's"));
    bench.sheet.add(&came.table("deliveries a second, 32 in flight", beside));
    let work = "http deliveries, 32 in flight, node http handler";
    bench.sheet.bar(work, "`oha`", Asked::Percent(90.0), came.ratio(OWN, BY_OHA));
}

/// A handler that listens; it ends with this.
struct Handler {
    node: Child,
    url: String,
}

impl Handler {
    fn start() -> Self {
        let mut node = command(&["node", "-e", HANDLER]).stdout(Stdio::piped()).spawn().expect("node starts");
        let mut port = String::new();
        BufReader::new(node.stdout.take().expect("piped")).read_line(&mut port).expect("it listens");
        Self { node, url: format!("http://127.0.0.1:{}/", port.trim()) }
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}

fn by_simctl(dir: &Path, url: &str, count: &str) -> f64 {
    let report = dir.join("load.json");
    let json = format!("json={}", report.display());
    output(&[
        SIMCTL,
        "load",
        "onUserUpdate",
        "-q",
        "--seed",
        "1",
        "--in-flight",
        "32",
        "-n",
        count,
        "--to",
        url,
        "--report",
        &json,
    ]);
    let report: Value = serde_json::from_slice(&fs::read(report).expect("a report")).expect("JSON");
    report["reached_per_s"].as_f64().expect("a rate")
}

fn oha(bench: &Bench<'_>, payload: &Path, url: &str, count: &str) -> Peer<Turn> {
    let oha = bench.peers.crates_io("oha", OHA, &[])?;
    let words: Vec<String> = [
        text(&oha),
        "--no-tui",
        "--output-format",
        "json",
        "-c",
        "32",
        "-n",
        count,
        "-m",
        "POST",
        "-T",
        "application/json",
        "-D",
        text(payload),
        url,
    ]
    .map(str::to_owned)
    .into();
    Ok(Box::new(move || {
        let told: Value = serde_json::from_slice(&output(&words)).expect("JSON");
        assert_eq!(told["summary"]["successRate"].as_f64(), Some(1.0), "{told}");
        told["summary"]["requestsPerSec"].as_f64().expect("a rate")
    }))
}

fn wrk(bench: &Bench<'_>, dir: &Path, payload: &Path, url: &str) -> Peer<Turn> {
    let (wrk, libraries) = bench.peers.debian("wrk", &WRK)?;
    let script = dir.join("post.lua");
    let post = format!(
        "wrk.method = 'POST'\nwrk.body = io.open({:?}):read('*a')\nwrk.headers['content-type'] = 'application/json'\n",
        text(payload)
    );
    fs::write(&script, post).map_err(|error| error.to_string())?;
    let time = bench.pick("2s", "1s");
    let words: Vec<String> =
        [text(&wrk), "-t", "1", "-c", "32", "-d", time, "-s", text(&script), url].map(str::to_owned).into();
    Ok(Box::new(move || {
        let told = command(&words).env("LD_LIBRARY_PATH", &libraries).output().expect("wrk runs");
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        let rate = told.lines().find_map(|line| line.strip_prefix("Requests/sec:")).unwrap_or_else(|| panic!("{told}"));
        assert!(!told.contains("Non-2xx"), "{told}");
        rate.trim().parse().expect("a number")
    }))
}
