//! Deliveries a second by one worker, beside the same work without simctl round it.
//!
//! `cargo bench --bench load` prints the table that stands in `benches/README.md`. All contenders take turns in one run, with
//! the same payloads. simctl's rate is what `simctl load` reports; starting up is in none of the figures.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark prints, and may fail loudly"
)]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use rquickjs::context::EvalOptions;
use rquickjs::function::{Func, This};
use rquickjs::loader::Loader as _;
use rquickjs::loader::bundle::Bundle;
use rquickjs::{Context, Ctx, Function, Module, Object, Runtime, Value};

/// Deliveries of one turn.
const DELIVERIES: usize = 2_000;
/// Rounds that count; in each, every contender runs once.
const ROUNDS: usize = 7;

const PRELUDE: &str = include_str!("../src/handler/prelude.js");
const PREFIX: &str = "(function (exports, require, module) { arguments[3](() => exports); var $; ";
const CALLBACK: &str = "onUserUpdateCallback";

/// Reads payloads from a pipe and calls the callback with each: in a fresh context, or with the argument `shared` in one.
const BARE_NODE: &str = r#"
const fs = require('fs');
const vm = require('vm');
const [, file, count, how] = process.argv;
const text = '(function (exports) {' + fs.readFileSync(file, 'utf8') + '\nreturn exports; })';
const script = new vm.Script(text, { filename: file });
let logged = 0;
const realm = () => {
  const context = vm.createContext({ console: { log: (line) => { logged += String(line).length; } } });
  return script.runInContext(context)({});
};
const one = how === 'shared' ? realm() : undefined;
const chunk = Buffer.alloc(65536);
let rest = '', done = 0, began;
while (done < Number(count)) {
  const size = fs.readSync(0, chunk, 0, chunk.length, null);
  began ??= process.hrtime.bigint();
  const lines = (rest + chunk.toString('latin1', 0, size)).split('\n');
  rest = lines.pop();
  for (const line of lines) {
    (one ?? realm()).onUserUpdateCallback(JSON.parse(line));
    done++;
  }
}
process.stdout.write(String(done / (Number(process.hrtime.bigint() - began) / 1e9)));
"#;

struct Contender<'a> {
    name: &'static str,
    /// The contender that it is held against, and what is asked of it.
    beside: Option<(usize, f64)>,
    run: Box<dyn Fn() -> f64 + 'a>,
    rates: Vec<f64>,
}

impl<'a> Contender<'a> {
    fn new(name: &'static str, beside: Option<(usize, f64)>, run: impl Fn() -> f64 + 'a) -> Self {
        Self { name, beside, run: Box::new(run), rates: Vec::new() }
    }
}

fn main() {
    // `cargo test --benches` asks for a quick look that it works.
    let is_test = std::env::args().any(|word| word == "--test");
    let (rounds, count) = if is_test { (1, 50) } else { (ROUNDS, DELIVERIES) };
    let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/modules-3.0");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let generated =
        simctl(&app).args(["generate", "onUserUpdate", "--seed", "7", "-n"]).arg(count.to_string()).output();
    let payloads = String::from_utf8(generated.expect("simctl runs").stdout).expect("text");
    let lines: Vec<&str> = payloads.lines().collect();
    assert_eq!(lines.len(), count);
    let script = fs::read_to_string(app.join("server/server.js")).expect("a script");
    let (app, dir, payloads) = (&app, dir.path(), &payloads);
    let load = |flags: &'static [&'static str]| move || of_simctl(app, dir, count, flags);
    let mut contenders = vec![
        Contender::new("realm and call, in this process", None, || bare(&lines, &script)),
        Contender::new("`simctl load`, embedded", Some((0, 0.8)), load(&[])),
        Contender::new("the same, `--shared-realm`", None, load(&["--shared-realm"])),
    ];
    if Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success()) {
        let node = |how: &'static str| move || bare_node(app, payloads, count, how);
        contenders.extend([
            Contender::new("bare Node.js, a `vm` context each", None, node("fresh")),
            Contender::new("`simctl load`, node", Some((3, 0.9)), load(&["--runtime", "node"])),
            Contender::new("bare Node.js, loaded once", None, node("shared")),
            Contender::new(
                "`simctl load`, node, `--shared-realm`",
                Some((5, 0.8)),
                load(&["--runtime", "node", "--shared-realm"]),
            ),
        ]);
    }
    for _ in 0..rounds {
        for contender in &mut contenders {
            let rate = (contender.run)();
            contender.rates.push(rate);
        }
    }
    println!("| one worker | deliveries a second, median | least to most | ratio, round by round | asked for |");
    println!("|---|---|---|---|---|");
    for Contender { name, beside, rates, .. } in &contenders {
        let [low, median, high] = [0.0, 0.5, 1.0].map(|share| quantile(rates, share));
        let (ratio, asked) = beside.map_or_else(Default::default, |(other, asked)| {
            let ratios: Vec<f64> = rates.iter().zip(&contenders[other].rates).map(|(own, other)| own / other).collect();
            (format!("{:.2}", quantile(&ratios, 0.5)), format!("{asked}"))
        });
        println!("| {name} | {median:.0} | {low:.0} to {high:.0} | {ratio} | {asked} |");
    }
}

fn simctl(app: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simctl"));
    command.current_dir(app).stdin(Stdio::null());
    command
}

/// What `simctl load` reports.
fn of_simctl(app: &Path, dir: &Path, count: usize, flags: &[&str]) -> f64 {
    let report = dir.join("load.json");
    let mut command = simctl(app);
    command.args(["load", "onUserUpdate", "--seed", "7", "--workers", "1", "-q", "-n"]).arg(count.to_string());
    command.arg("--report").arg(format!("json={}", report.display())).args(flags).stderr(Stdio::null());
    assert!(command.status().expect("simctl runs").success());
    let report = fs::read_to_string(report).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    report["reached_per_s"].as_f64().expect("a rate")
}

fn bare_node(app: &Path, payloads: &str, count: usize, how: &str) -> f64 {
    let mut node = Command::new("node");
    node.args(["-e", BARE_NODE, "server/server.js", &count.to_string(), how]).current_dir(app);
    let mut node = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node starts");
    let mut stdin = node.stdin.take().expect("piped");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(payloads.as_bytes()));
        node.wait_with_output()
    });
    String::from_utf8_lossy(&output.expect("it ends").stdout).parse().expect("a rate")
}

/// The same realm as simctl's, its prelude compiled once as there, and the same call; nothing is sent anywhere.
fn bare(payloads: &[&str], script: &str) -> f64 {
    let code = Context::full(&Runtime::new().unwrap())
        .unwrap()
        .with(|ctx| Module::declare(ctx, "prelude", format!("export default {PRELUDE};"))?.write(Default::default()))
        .expect("byte code");
    let bundle: &'static [(&str, &[u8])] = Box::leak(Box::new([("prelude", &*code.leak())]));
    let began = Instant::now();
    for payload in payloads {
        let runtime = Runtime::new().expect("an engine");
        let context = Context::full(&runtime).expect("a realm");
        context
            .with(|ctx| -> rquickjs::Result<()> {
                let (module, _) = Bundle(bundle).load(&ctx, "prelude", None)?.eval()?;
                let prelude: Function = module.get("default")?;
                let controller: Object = prelude.call((host(&ctx)?,))?;
                let start: Function = controller.get("start")?;
                let this = This(controller.clone());
                start.call::<_, String>((this, "server/server.js", script, CALLBACK, *payload, false, 0))?;
                while ctx.execute_pending_job() {}
                controller.get::<_, Function>("report")?.call::<_, ()>((This(controller), 1, true))
            })
            .expect("it runs");
    }
    payloads.len() as f64 / began.elapsed().as_secs_f64()
}

fn host<'js>(ctx: &Ctx<'js>) -> rquickjs::Result<Object<'js>> {
    let host = Object::new(ctx.clone())?;
    host.set("send", Func::from(|text: String| drop(text)))?;
    host.set("receive", Func::from(String::new))?;
    host.set("compile", Func::from(compile))?;
    host.set("describer", Func::from(|| ()))?;
    host.set("memoryRanOut", Func::from(|| false))?;
    host.set("isProxy", Func::from(|_: Value<'_>| false))?;
    host.set("settled", Func::from(|| ()))?;
    host.set("lacksLocales", true)?;
    host.set("hearsLogs", false)?;
    host.set("took", Func::from(|| 0))?;
    host.set("root", "/")?;
    host.set("prefix", PREFIX)?;
    host.set("shift", PREFIX.len())?;
    host.set("caretShift", 0)?;
    host.set("globals", ctx.json_parse("[]")?)?;
    host.set("number", Func::from(|| 1))?;
    Ok(host)
}

fn compile<'js>(ctx: Ctx<'js>, source: String, name: String) -> rquickjs::Result<Value<'js>> {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(name);
    ctx.eval_with_options(source, options)
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}
