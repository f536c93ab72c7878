//! Deliveries a second by one worker, beside the same work without simctl round it.
//!
//! All contenders have the same payloads. simctl's rate is what `simctl load` reports; starting up is in none of the figures.

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

use crate::common::{Asked, Bench, SIMCTL, Turns, Unit, root};

/// Deliveries of one turn.
const DELIVERIES: usize = 2_000;
/// Deliveries of one turn in one realm: as many as take about as long.
const IN_ONE_REALM: usize = 50_000;
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

const REALM: &str = "realm and call, in this process";
const EMBEDDED: &str = "`simctl load`, embedded";
const CONTEXTS: &str = "bare Node.js, a `vm` context each";
const NODE: &str = "`simctl load`, node";
const ONE_REALM: &str = "bare Node.js, loaded once";
const NODE_SHARED: &str = "`simctl load`, node, `--shared-realm`";

pub(crate) fn measure(bench: &mut Bench<'_>) {
    let (count, many) = (bench.pick(DELIVERIES, 50), bench.pick(IN_ONE_REALM, 50));
    let app = root().join("samples/modules-3.0");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let generated = simctl(&app).args(["generate", "onUserUpdate", "--seed", "7", "-n"]).arg(many.to_string()).output();
    let payloads = String::from_utf8(generated.expect("simctl runs").stdout).expect("text");
    let lines: Vec<&str> = payloads.lines().take(count).collect();
    assert_eq!(lines.len(), count);
    let script = fs::read_to_string(app.join("server/server.js")).expect("a script");
    let (app, dir, payloads, has_node) = (&app, dir.path(), &payloads, bench.peers.node());
    let load = |count, flags: &'static [&'static str]| move || of_simctl(app, dir, count, flags);
    let node = |count, how: &'static str| has_node.clone().map(|()| move || bare_node(app, payloads, count, how));
    let load_node = |count, flags| has_node.clone().map(|()| load(count, flags));
    let mut turns = Turns::new(Unit::PerSecond);
    turns.add(REALM, || bare(&lines, &script));
    turns.add(EMBEDDED, load(count, &[]));
    turns.add("the same, `--shared-realm`", load(many, &["--shared-realm"]));
    turns.peer(CONTEXTS, node(count, "fresh"));
    turns.peer(NODE, load_node(count, &["--runtime", "node"]));
    turns.peer(ONE_REALM, node(many, "shared"));
    turns.peer(NODE_SHARED, load_node(many, &["--runtime", "node", "--shared-realm"]));
    let came = turns.take(0, bench.rounds(ROUNDS));
    bench.sheet.add(&came.table("deliveries a second, one worker", None));
    for (work, beside, own, other, percent) in [
        (
            "warm deliveries, embedded, one worker, a fresh realm each",
            "realm and call in a loop",
            EMBEDDED,
            REALM,
            80.0,
        ),
        ("warm deliveries, node, one worker", "bare Node.js, a pipe, a fresh `vm` context each", NODE, CONTEXTS, 90.0),
        ("the same with `--shared-realm`", "bare Node.js, a pipe, loaded once", NODE_SHARED, ONE_REALM, 80.0),
    ] {
        bench.sheet.bar(work, beside, Asked::Percent(percent), came.ratio(own, other));
    }
}

fn simctl(app: &Path) -> Command {
    let mut command = Command::new(SIMCTL);
    command.env_remove("NODE_EXTRA_CA_CERTS").current_dir(app).stdin(Stdio::null());
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
    node.env_remove("NODE_EXTRA_CA_CERTS")
        .args(["-e", BARE_NODE, "server/server.js", &count.to_string(), how])
        .current_dir(app);
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
