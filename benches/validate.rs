//! `simctl validate` beside other checkers of JSON Schema, in one run, taking turns.
//!
//! `cargo bench --bench validate` prints the tables that stand in `benches/README.md`. The others are installed below
//! `target/peers` the first time: the `jsonschema-cli` binary from crates.io, `check-jsonschema` from PyPI in an
//! environment of its own, `ajv` from npm, compiled to standalone code. What cannot be installed is left out.
//!
//! All check the same: the schema of `onUserUpdate` and the envelope of platform 3.0, formats asserted. simctl looks for
//! keys that are there twice, unknown attributes and contradictions as well.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark prints, and may fail loudly"
)]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simctl::schema::Schemas;

const SIMCTL: &str = env!("CARGO_BIN_EXE_simctl");
const JSONSCHEMA_CLI: &str = "0.60.2";
const CHECK_JSONSCHEMA: &str = "0.39.0";
const AJV: [&str; 2] = ["ajv@8.20.0", "ajv-formats@3.0.1"];
const PAYLOADS: usize = 100_000;

/// One way to do the work, and how long it took each time.
struct Contender {
    name: &'static str,
    work: Box<dyn Fn() -> Duration>,
    times: Vec<Duration>,
}

fn contender(name: &'static str, work: impl Fn() -> Duration + 'static) -> Contender {
    Contender { name, work: Box::new(work), times: Vec::new() }
}

fn main() {
    // `cargo test --benches` asks for a quick look that it works: nothing is installed for that.
    let is_test = std::env::args().any(|word| word == "--test");
    let peers = Peers::new(!is_test);
    let rounds = |rounds: usize| if is_test { 1 } else { rounds };
    one_file(&peers, rounds(60));
    many_files(&peers, rounds(7));
    stream(&peers, rounds(9), if is_test { 1000 } else { PAYLOADS });
    whole_app(&peers, rounds(60));
    if !is_test {
        memory(&peers);
    }
}

fn one_file(peers: &Peers, rounds: usize) {
    let payload = peers.dir.join("payload.json");
    fs::write(&payload, generate(1)).unwrap();
    let mut all = vec![contender("simctl version", run(&[SIMCTL, "--version"]))];
    all.push(contender("simctl validate", run(&[SIMCTL, "validate", text(&payload)])));
    all.extend(peers.jsonschema_cli(std::slice::from_ref(&payload)));
    print("one payload file", rounds, &mut all);
}

fn many_files(peers: &Peers, rounds: usize) {
    let folder = peers.dir.join("payloads");
    fs::create_dir_all(&folder).unwrap();
    let files: Vec<PathBuf> = (0..1000).map(|at| folder.join(format!("{at:04}.json"))).collect();
    for (file, line) in files.iter().zip(generate(files.len()).split_inclusive(|&byte| byte == b'\n')) {
        fs::write(file, line).unwrap();
    }
    let mut all = vec![contender("simctl validate", run(&[SIMCTL, "validate", text(&folder)]))];
    all.extend(peers.jsonschema_cli(&files));
    all.extend(peers.check_jsonschema(&files));
    print("1,000 payload files", rounds, &mut all);
}

fn stream(peers: &Peers, rounds: usize, payloads: usize) {
    let file = peers.dir.join("payloads.ndjson");
    fs::write(&file, generate(payloads)).unwrap();
    let validate = [SIMCTL, "validate", text(&file)];
    let mut all = vec![
        contender("simctl validate, one core", run(&on_one_core(&validate))),
        contender("simctl validate, two cores", run(&validate)),
    ];
    let bare = BareLoop::new(peers, &file);
    all.push(contender("the jsonschema crate in a bare loop, one core", move || bare.time()));
    if let Some(script) = &peers.ajv {
        let words: Vec<String> = on_one_core(&["node", text(script), text(&file)]);
        let again = words.clone();
        all.push(contender("ajv, standalone code, one core", move || run(&words)()));
        all.push(contender("the same, without the start of Node.js", move || loop_time(&again)));
    }
    print(&format!("{payloads} payloads in one .ndjson"), rounds, &mut all);
    let megabytes = fs::metadata(&file).unwrap().len() as f64 / 1e6;
    for Contender { name, times, .. } in &all {
        let seconds = quantile(times, 0.5) / 1e3;
        println!("- {name}: {:.0} payloads/s, {:.0} MB/s", payloads as f64 / seconds, megabytes / seconds);
    }
    println!();
}

fn whole_app(peers: &Peers, rounds: usize) {
    let app = peers.dir.join("app");
    write_app(&app);
    let mut all = vec![
        contender("simctl version", run(&[SIMCTL, "--version"])),
        contender("simctl validate, an app: 1,200 lines, 20 samples", run(&[SIMCTL, "validate", text(&app)])),
    ];
    print("a whole app", rounds, &mut all);
    println!("- more than `--version`: {:.1} ms\n", quantile(&all[1].times, 0.5) - quantile(&all[0].times, 0.5));
}

/// An app whose script has 1,200 lines that read the payload, and 20 samples.
fn write_app(app: &Path) {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/modules-3.0/manifest.json");
    for at in 0..10 {
        let folder = app.join(format!("server/test_data/chat_user/variant{at}"));
        fs::create_dir_all(&folder).unwrap();
        for event in ["onUserCreate", "onUserUpdate"] {
            let seed = at.to_string();
            let payload = output(&[SIMCTL, "generate", event, "--platform", "3.0", "--seed", &seed]);
            fs::write(folder.join(format!("{event}.json")), payload).unwrap();
        }
    }
    fs::copy(sample, app.join("manifest.json")).unwrap();
    let mut script = "exports = {\n".to_owned();
    let callbacks = ["onUserCreateCallback".to_owned(), "onUserUpdateCallback".to_owned()];
    for name in callbacks.into_iter().chain((0..118).map(|at| format!("helper{at}"))) {
        script += &format!("  {name}: function (payload) {{\n");
        for at in 0..8 {
            script +=
                &format!("    console.log('{at}', payload.data.user.email, payload.data.user.properties[{at}]);\n");
        }
        script += "  },\n";
    }
    fs::write(app.join("server/server.js"), script + "};\n").unwrap();
}

fn memory(peers: &Peers) {
    let file = peers.dir.join("long.ndjson");
    let lines = generate(10_000);
    println!("| lines in one .ndjson | peak memory |\n|---|---|");
    for copies in [1, 100] {
        let mut to = File::create(&file).unwrap();
        (0..copies).for_each(|_| to.write_all(&lines).unwrap());
        let peak = peak_memory(&[SIMCTL, "validate", text(&file)]);
        println!("| {} | {:.1} MB |", copies * 10_000, peak as f64 / 1024.0);
    }
    fs::remove_file(&file).unwrap();
}

/// The most memory a program held, in KiB, as Linux counts it.
fn peak_memory(words: &[&str]) -> u64 {
    let mut child = command(words).stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak);
        std::thread::sleep(Duration::from_millis(1));
    }
    peak
}

/// The loop that anybody would write: a line parsed into a value, the value asked whether it fits.
struct BareLoop {
    validator: jsonschema::Validator,
    file: PathBuf,
}

impl BareLoop {
    fn new(peers: &Peers, file: &Path) -> Self {
        let schema: Value = serde_json::from_slice(&fs::read(&peers.schema).unwrap()).unwrap();
        let validator = jsonschema::options().should_validate_formats(true).offline().build(&schema).unwrap();
        Self { validator, file: file.to_path_buf() }
    }

    fn time(&self) -> Duration {
        let start = Instant::now();
        let bytes = fs::read(&self.file).unwrap();
        for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let value: Value = serde_json::from_slice(line).unwrap();
            assert!(self.validator.is_valid(&value));
        }
        start.elapsed()
    }
}

/// The other checkers, as far as they are here.
struct Peers {
    dir: PathBuf,
    schema: PathBuf,
    jsonschema_cli: Option<PathBuf>,
    check_jsonschema: Option<PathBuf>,
    /// A script that checks the lines of a file with ajv's standalone code.
    ajv: Option<PathBuf>,
}

impl Peers {
    fn new(may_install: bool) -> Self {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers");
        fs::create_dir_all(&dir).unwrap();
        let schema = dir.join("schema.json");
        fs::write(&schema, bundle().to_string()).unwrap();
        let there = |path: &str, install: &dyn Fn()| {
            let path = dir.join(path);
            if may_install && !path.exists() {
                println!("installing {}", path.display());
                install();
            }
            let is_there = path.exists();
            if !is_there {
                println!("{} is not there: left out", path.display());
            }
            is_there.then_some(path)
        };
        let root = text(&dir).to_owned();
        let jsonschema_cli = there("bin/jsonschema-cli", &|| {
            attempt(&["cargo", "install", "--locked", "--root", &root, "--version", JSONSCHEMA_CLI, "jsonschema-cli"]);
        });
        let check_jsonschema = there("venv/bin/check-jsonschema", &|| {
            attempt(&["python3", "-m", "venv", &format!("{root}/venv")]);
            attempt(&[
                &format!("{root}/venv/bin/pip"),
                "install",
                "-q",
                &format!("check-jsonschema=={CHECK_JSONSCHEMA}"),
            ]);
        });
        let modules = there("ajv/node_modules/ajv-formats/package.json", &|| {
            fs::create_dir_all(dir.join("ajv")).unwrap();
            attempt(&[&["npm", "install", "--no-save", "--prefix", &format!("{root}/ajv")][..], &AJV[..]].concat());
        });
        let ajv = modules.and_then(|_| standalone(&dir.join("ajv"), &schema));
        Self { dir, schema, jsonschema_cli, check_jsonschema, ajv }
    }

    fn jsonschema_cli(&self, files: &[PathBuf]) -> Option<Contender> {
        let program = self.jsonschema_cli.as_ref()?;
        let mut words = vec![text(program), "validate", "--assert-format", "--offline", text(&self.schema), "-i"];
        words.extend(files.iter().map(|file| text(file)));
        Some(contender("jsonschema-cli", run(&words)))
    }

    fn check_jsonschema(&self, files: &[PathBuf]) -> Option<Contender> {
        let program = self.check_jsonschema.as_ref()?;
        let mut words = vec![text(program), "--schemafile", text(&self.schema)];
        words.extend(files.iter().map(|file| text(file)));
        Some(contender("check-jsonschema", run(&words)))
    }
}

/// The schemas of event and envelope in one document, for checkers that fetch nothing.
fn bundle() -> Value {
    let schemas = Schemas::embedded();
    let names = ["events/onUserUpdate", "shared/envelope-3", "shared/actor", "shared/changes", "shared/user"];
    let value = |name: &&str| schemas.value(name).cloned().expect("the schema is embedded");
    let definitions: serde_json::Map<String, Value> =
        names.iter().map(|name| (name.replace('/', "-"), value(name))).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "allOf": names[..2].iter().map(|name| json!({"$ref": value(name)["$id"]})).collect::<Vec<_>>(),
        "$defs": definitions,
    })
}

/// Compiles the schema to JavaScript and writes a script that uses it; prints how long its loop took.
fn standalone(dir: &Path, schema: &Path) -> Option<PathBuf> {
    let compile = "const Ajv = require('ajv/dist/2020').default;\n\
         const code = require('ajv/dist/standalone').default;\n\
         const ajv = new Ajv({ code: { source: true, optimize: 2 }, strict: false });\n\
         require('ajv-formats').default(ajv);\n\
         const schema = JSON.parse(require('fs').readFileSync(process.argv[2], 'utf8'));\n\
         require('fs').writeFileSync('schema.js', code(ajv, ajv.compile(schema)));\n";
    let check = "const text = require('fs').readFileSync(process.argv[2], 'utf8');\n\
         const fits = require('./schema.js');\n\
         const start = process.hrtime.bigint();\n\
         let bad = 0;\n\
         for (let at = 0; at < text.length; ) {\n\
           let end = text.indexOf('\\n', at);\n\
           if (end < 0) end = text.length;\n\
           if (!fits(JSON.parse(text.slice(at, end)))) bad += 1;\n\
           at = end + 1;\n\
         }\n\
         console.log(Number(process.hrtime.bigint() - start));\n\
         process.exitCode = bad ? 1 : 0;\n";
    fs::write(dir.join("compile.js"), compile).unwrap();
    fs::write(dir.join("check.js"), check).unwrap();
    let status = command(&["node", "compile.js", text(schema)]).current_dir(dir).status();
    status.is_ok_and(|status| status.success()).then(|| dir.join("check.js"))
}

fn loop_time(words: &[String]) -> Duration {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Duration::from_nanos(String::from_utf8(output(&words)).unwrap().trim().parse().unwrap())
}

/// Payloads of `onUserUpdate` for platform 3.0, one a line.
fn generate(count: usize) -> Vec<u8> {
    output(&[SIMCTL, "generate", "onUserUpdate", "--seed", "1", "--platform", "3.0", "-n", &count.to_string()])
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    // Where it is set, it makes each start of Node.js slower.
    command.args(&words[1..]).env_remove("NODE_EXTRA_CA_CERTS").current_dir(std::env::temp_dir());
    command
}

fn output(words: &[&str]) -> Vec<u8> {
    let output = command(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn attempt(words: &[&str]) {
    if !command(words).status().is_ok_and(|status| status.success()) {
        println!("it failed: {}", words.join(" "));
    }
}

fn on_one_core(words: &[&str]) -> Vec<String> {
    let has_taskset = command(&["taskset", "--version"]).output().is_ok();
    let pin: &[&str] = if has_taskset { &["taskset", "-c", "0"] } else { &[] };
    pin.iter().chain(words).map(|word| (*word).to_owned()).collect()
}

fn run(words: &[impl AsRef<str>]) -> impl Fn() -> Duration + 'static {
    let words: Vec<String> = words.iter().map(|word| word.as_ref().to_owned()).collect();
    move || {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let start = Instant::now();
        let output = command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
        let took = start.elapsed();
        assert!(output.status.success(), "{:?}: {}", &words[..2], String::from_utf8_lossy(&output.stderr));
        took
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

/// The value below which `share` of the times lie, in milliseconds.
fn quantile(times: &[Duration], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort();
    let at = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted[at].as_secs_f64() * 1000.0
}

/// Lets all take turns, and prints what they took and how often the first `simctl validate` goes into it.
fn print(title: &str, rounds: usize, contenders: &mut [Contender]) {
    for round in 0..=rounds {
        for contender in &mut *contenders {
            let took = (contender.work)();
            // The first round warms the caches.
            if round > 0 {
                contender.times.push(took);
            }
        }
    }
    let own = contenders.iter().find(|one| one.name.starts_with("simctl validate")).unwrap();
    let own = quantile(&own.times, 0.5);
    println!("| {title} | median | 10 % to 90 % | of simctl's |\n|---|---|---|---|");
    for Contender { name, times, .. } in contenders {
        let median = quantile(times, 0.5);
        let spread = (quantile(times, 0.1), quantile(times, 0.9));
        println!("| {name} | {median:.1} ms | {:.1} to {:.1} ms | {:.2} |", spread.0, spread.1, median / own);
    }
    println!();
}
