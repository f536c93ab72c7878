//! `simctl validate` beside other checkers of JSON Schema: `jsonschema-cli` from crates.io, `check-jsonschema` from PyPI, `ajv` and
//! `@sourcemeta/jsonschema` from npm, and the `jsonschema` crate in a bare loop in this process.
//!
//! All check the same: the schema of `onUserUpdate` and the envelope of platform 3.0, formats asserted. simctl looks for
//! keys that are there twice, unknown attributes and contradictions as well.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use serde_json::{Value, json};
use simctl::schema::Schemas;

use crate::common::{
    Asked, Bench, Peer, Peers, SIMCTL, Spread, Turn, Turns, Unit, command, generate, on_cores, output, peak_memory,
    reported, root, scratch, text, timed,
};

const JSONSCHEMA_CLI: &str = "0.60.2";
const CHECK_JSONSCHEMA: &str = "check-jsonschema==0.39.0";
const AJV: [&str; 2] = ["ajv@8.20.0", "ajv-formats@3.0.1"];
const SOURCEMETA: &str = "@sourcemeta/jsonschema@16.11.0";
const PAYLOADS: usize = 100_000;

const VERSION: &str = "simctl --version";
const OWN: &str = "simctl validate";
const CLI: &str = "jsonschema-cli";
const CHECK: &str = "check-jsonschema";
const ONE_CORE: &str = "simctl validate, one core";
const TWO_CORES: &str = "simctl validate, two cores";
const CRATE: &str = "the `jsonschema` crate in a bare loop, one core";
const AJV_WHOLE: &str = "`ajv`, standalone code, one core";
const AJV_LOOP: &str = "the same, without the start of Node.js";
const BY_SOURCEMETA: &str = "`sourcemeta jsonschema`, `--fast`, one core";
const APP: &str = "simctl validate, an app: 1,200 lines, 20 samples";

pub(crate) fn measure(bench: &mut Bench<'_>) {
    let others = Others::new(bench.peers);
    one_file(bench, &others);
    many_files(bench, &others);
    stream(bench, &others);
    whole_app(bench, &others);
    memory(bench, &others);
}

fn one_file(bench: &mut Bench<'_>, others: &Others) {
    let payload = others.dir.join("payload.json");
    fs::write(&payload, generate(1)).unwrap();
    let mut turns = Turns::new(Unit::Milliseconds);
    turns.add(VERSION, timed(&[SIMCTL, "--version"]));
    turns.add(OWN, timed(&[SIMCTL, "validate", text(&payload)]));
    turns.peer(CLI, others.jsonschema_cli(std::slice::from_ref(&payload)));
    let came = turns.take(bench.pick(1, 0), bench.rounds(60));
    bench.sheet.add(&came.table("one payload file", Some((OWN, "of simctl's"))));
    bench.sheet.bar("`validate` of one file", CLI, Asked::AtMost(1.5), came.ratio(OWN, CLI));
}

fn many_files(bench: &mut Bench<'_>, others: &Others) {
    let folder = others.dir.join("payloads");
    fs::create_dir_all(&folder).unwrap();
    let files: Vec<PathBuf> = (0..1000).map(|at| folder.join(format!("{at:04}.json"))).collect();
    for (file, line) in files.iter().zip(generate(files.len()).split_inclusive(|&byte| byte == b'\n')) {
        fs::write(file, line).unwrap();
    }
    let mut turns = Turns::new(Unit::Milliseconds);
    turns.add(OWN, timed(&[SIMCTL, "validate", text(&folder)]));
    turns.peer(CLI, others.jsonschema_cli(&files));
    turns.peer(CHECK, others.check_jsonschema(&files));
    let came = turns.take(bench.pick(1, 0), bench.rounds(7));
    bench.sheet.add(&came.table("1,000 payload files", Some((OWN, "of simctl's"))));
    let work = "`validate` of 1,000 files";
    bench.sheet.bar(work, CHECK, Asked::PartOf(20.0), came.ratio(OWN, CHECK));
    bench.sheet.bar(work, CLI, Asked::AtMost(1.0), came.ratio(OWN, CLI));
}

fn stream(bench: &mut Bench<'_>, others: &Others) {
    let count = bench.pick(PAYLOADS, 1000);
    let file = others.dir.join("payloads.jsonl");
    fs::write(&file, generate(count)).unwrap();
    let rate = |milliseconds: f64| count as f64 / milliseconds * 1e3;
    let whole = |words: Vec<String>| {
        let run = timed(&words);
        move || rate(run())
    };
    let own = [SIMCTL, "validate", text(&file)];
    let bare = BareLoop::new(others);
    let ajv = ajv(bench.peers, others).map(|script| on_cores("0", &["node", text(&script), text(&file)]));
    let fast = |program: PathBuf| {
        let words = [text(&program), "validate", "--fast", "--format-assertion", text(&others.schema), text(&file)];
        on_cores("0", &words)
    };
    let mut turns = Turns::new(Unit::PerSecond);
    turns.add("reading the file, with nothing checked", || rate(reading(&file)));
    turns.add(ONE_CORE, whole(on_cores("0", &own)));
    turns.add(TWO_CORES, whole(on_cores("0,1", &own)));
    turns.add(CRATE, || rate(bare.time(&file)));
    turns.peer(AJV_WHOLE, ajv.clone().map(whole));
    turns.peer(AJV_LOOP, ajv.map(|words| reported(&words)));
    turns.peer(BY_SOURCEMETA, others.sourcemeta.clone().map(fast).map(whole));
    let came = turns.take(bench.pick(1, 0), bench.rounds(9));
    let title = "payloads a second, 100,000 in one .jsonl";
    bench.sheet.add(&came.table(title, Some((ONE_CORE, "of simctl's, one core"))));
    let work = "`validate` of 100,000 payloads";
    let others =
        [("`ajv` standalone, one core", 3.0, AJV_LOOP), ("`jsonschema` crate in a bare loop, one core", 1.5, CRATE)];
    bench.sheet.cores(work, &came, [ONE_CORE, TWO_CORES], &others);
}

/// What the disk, or rather the system's memory, takes: read as `simctl` reads, milliseconds.
fn reading(file: &Path) -> f64 {
    let began = Instant::now();
    let mut from = File::open(file).unwrap();
    let mut buffer = vec![0; 256 * 1024];
    while from.read(&mut buffer).unwrap() > 0 {}
    began.elapsed().as_secs_f64() * 1e3
}

fn whole_app(bench: &mut Bench<'_>, others: &Others) {
    let app = others.dir.join("app");
    write_app(&app);
    let mut turns = Turns::new(Unit::Milliseconds);
    turns.add(VERSION, timed(&[SIMCTL, "--version"]));
    turns.add(APP, timed(&[SIMCTL, "validate", text(&app)]));
    let came = turns.take(bench.pick(1, 0), bench.rounds(60));
    bench.sheet.add(&came.table("a whole app", None));
    let asked = Asked::Limit(30.0, Unit::Milliseconds);
    bench.sheet.bar("`validate` of a whole app", "`simctl --version`, more", asked, came.difference(APP, VERSION));
}

/// An app whose script has 1,200 lines that read the payload, and 20 samples.
fn write_app(app: &Path) {
    let sample = root().join("samples/modules-3.0/manifest.json");
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

/// As long as a stream may be, it takes no more memory.
fn memory(bench: &mut Bench<'_>, others: &Others) {
    let file = others.dir.join("long.jsonl");
    let lines = generate(bench.pick(10_000, 100));
    let peak = |copies: usize| {
        let mut to = File::create(&file).unwrap();
        (0..copies).for_each(|_| to.write_all(&lines).unwrap());
        peak_memory(&[SIMCTL, "validate", text(&file)], Stdio::null())
    };
    let [few, many] = [1, 100].map(peak);
    bench.sheet.add(&format!("Peak memory: {few:.1} MB for 10,000 lines, {many:.1} MB for 1,000,000.\n"));
    let grown = Spread::new(vec![many / few]).ok_or_else(String::new);
    bench.sheet.bar("`validate` of 1,000,000 payloads, its memory", "that of 10,000", Asked::AtMost(1.1), grown);
    fs::remove_file(&file).unwrap();
}

/// The loop that anybody would write: a line parsed into a value, the value asked whether it fits.
struct BareLoop {
    validator: jsonschema::Validator,
}

impl BareLoop {
    fn new(others: &Others) -> Self {
        let schema: Value = serde_json::from_slice(&fs::read(&others.schema).unwrap()).unwrap();
        let validator = jsonschema::options().should_validate_formats(true).offline().build(&schema).unwrap();
        Self { validator }
    }

    /// Milliseconds.
    fn time(&self, file: &Path) -> f64 {
        let began = Instant::now();
        let bytes = fs::read(file).unwrap();
        for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let value: Value = serde_json::from_slice(line).unwrap();
            assert!(self.validator.is_valid(&value));
        }
        began.elapsed().as_secs_f64() * 1e3
    }
}

/// The other checkers, and what all of them check with.
struct Others {
    dir: PathBuf,
    schema: PathBuf,
    jsonschema_cli: Peer<PathBuf>,
    check_jsonschema: Peer<PathBuf>,
    sourcemeta: Peer<PathBuf>,
}

impl Others {
    fn new(peers: Peers) -> Self {
        let dir = scratch("validate");
        let schema = dir.join("schema.json");
        fs::write(&schema, bundle().to_string()).unwrap();
        let program = format!(
            "node_modules/@sourcemeta/jsonschema/build/github-releases/jsonschema-linux-{}",
            if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
        );
        Self {
            dir,
            schema,
            jsonschema_cli: peers.crates_io(CLI, JSONSCHEMA_CLI, &[]),
            check_jsonschema: peers.pypi(CHECK, &[CHECK_JSONSCHEMA]).map(|bin| bin.join(CHECK)),
            // Its own program, rather than a script that starts it.
            sourcemeta: peers.npm("sourcemeta", &[SOURCEMETA]).map(|dir| dir.join(program)),
        }
    }

    fn jsonschema_cli(&self, files: &[PathBuf]) -> Peer<Turn> {
        let program = self.jsonschema_cli.as_ref().map_err(Clone::clone)?;
        let mut words = vec![text(program), "validate", "--assert-format", "--offline", text(&self.schema), "-i"];
        words.extend(files.iter().map(|file| text(file)));
        Ok(timed(&words))
    }

    fn check_jsonschema(&self, files: &[PathBuf]) -> Peer<Turn> {
        let program = self.check_jsonschema.as_ref().map_err(Clone::clone)?;
        let mut words = vec![text(program), "--schemafile", text(&self.schema)];
        words.extend(files.iter().map(|file| text(file)));
        Ok(timed(&words))
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

/// Compiles the schema to JavaScript with ajv, and writes a script that checks the lines of a file with it and prints how many its
/// loop checked a second.
fn ajv(peers: Peers, others: &Others) -> Peer<PathBuf> {
    let dir = peers.npm("ajv", &AJV)?;
    let compile = "const Ajv = require('ajv/dist/2020').default;\n\
         const code = require('ajv/dist/standalone').default;\n\
         const ajv = new Ajv({ code: { source: true, optimize: 2 }, strict: false });\n\
         require('ajv-formats').default(ajv);\n\
         const schema = JSON.parse(require('fs').readFileSync(process.argv[2], 'utf8'));\n\
         require('fs').writeFileSync('schema.js', code(ajv, ajv.compile(schema)));\n";
    let check = "const text = require('fs').readFileSync(process.argv[2], 'utf8');\n\
         const fits = require('./schema.js');\n\
         const start = process.hrtime.bigint();\n\
         let bad = 0, all = 0;\n\
         for (let at = 0; at < text.length; ) {\n\
           let end = text.indexOf('\\n', at);\n\
           if (end < 0) end = text.length;\n\
           if (!fits(JSON.parse(text.slice(at, end)))) bad += 1;\n\
           all += 1;\n\
           at = end + 1;\n\
         }\n\
         console.log(all / (Number(process.hrtime.bigint() - start) / 1e9));\n\
         process.exitCode = bad ? 1 : 0;\n";
    fs::write(dir.join("compile.js"), compile).unwrap();
    fs::write(dir.join("check.js"), check).unwrap();
    let compiled = command(&["node", "compile.js", text(&others.schema)]).current_dir(&dir).status();
    let is_compiled = compiled.is_ok_and(|status| status.success());
    if is_compiled { Ok(dir.join("check.js")) } else { Err("ajv did not compile the schema".to_owned()) }
}
