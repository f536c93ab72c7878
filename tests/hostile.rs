//! Handlers that misbehave: each spoils one delivery of three. simctl must end in time, tell of that delivery what is true and
//! of its neighbours that they held, and leave no process and no file behind.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail loudly")]

#[path = "common/mod.rs"]
mod common;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What a delivery may take. A run of three, with one that takes all of it, must be over well before [`IN_TIME`].
const LIMIT: &str = "1s";
const IN_TIME: Duration = Duration::from_secs(15);

/// What reporters may get of a flood: a bound on the whole JSON stream.
const MOST_OUTPUT: usize = 64 << 20;

/// A misbehaviour: its name, the code, and the outcomes that are true of it.
type Case = (&'static str, &'static str, &'static [&'static str]);

const TIMED_OUT: &[&str] = &["timed-out"];
const FULL: &[&str] = &["out-of-memory"];
const FULL_OR_LATE: &[&str] = &["out-of-memory", "timed-out"];
const FAILED: &[&str] = &["threw", "rejected"];
const RETURNED: &[&str] = &["returned"];

/// On both runtimes.
const CASES: &[Case] = &[
    ("spins", "for (;;) {}", TIMED_OUT),
    ("spins in a regular expression", "/^(a+)+$/.test('a'.repeat(40) + 'b');", TIMED_OUT),
    ("spins in toJSON", "return { toJSON() { for (;;) {} } };", TIMED_OUT),
    ("spins in JSON.stringify", "JSON.stringify({ toJSON() { for (;;) {} } });", TIMED_OUT),
    ("spins in a getter of what it returns", "return { get x() { for (;;) {} } };", TIMED_OUT),
    ("spins in a getter", "const o = { get x() { for (;;) {} } }; return o.x;", TIMED_OUT),
    (
        "spins where no code of its own runs",
        "return Array.prototype.indexOf.call({ length: Number.MAX_SAFE_INTEGER }, 1);",
        TIMED_OUT,
    ),
    (
        "grows in JSON.stringify",
        "let o = []; for (let i = 0; i < 40; i++) o = [o, o]; return JSON.stringify(o).length;",
        &["out-of-memory", "timed-out", "threw"],
    ),
    (
        "returns what grows when it is written down",
        "let o = []; for (let i = 0; i < 40; i++) o = [o, o]; return o;",
        &["returned", "out-of-memory", "timed-out", "threw"],
    ),
    ("settles when its time is over", "return $request.invokeTemplate('slow', {}).then(() => 1);", TIMED_OUT),
    (
        "settles when the next delivery has begun",
        "$request.invokeTemplate('soon', {}).then(() => { console.log('too late'); throw new Error('too late'); }); throw new Error('true');",
        FAILED,
    ),
    ("spins in a comparison", "[3, 2, 1].sort(() => { for (;;) {} });", TIMED_OUT),
    ("spins in promise jobs", "return (async () => { for (;;) await null; })();", TIMED_OUT),
    ("spins in a forgotten promise", "(async () => { for (;;) await null; })(); return 1;", TIMED_OUT),
    ("grows a chain of promises", "const f = () => Promise.resolve().then(f); return f();", FULL_OR_LATE),
    ("is resolved with itself, again and again", "return { then(done) { done(this); } };", TIMED_OUT),
    (
        "spins in the promise's own then",
        "Promise.prototype.then = () => { for (;;) {} }; return Promise.resolve(1);",
        TIMED_OUT,
    ),
    ("is late", "const end = Date.now() + 1500; while (Date.now() < end) {} return 1;", TIMED_OUT),
    ("never settles", "return new Promise(() => {});", &["never-settles"]),
    (
        "never settles, with a call under way",
        "$db.get('x').then(() => {}, () => {}); return new Promise(() => {});",
        &["never-settles"],
    ),
    ("allocates arrays", "const all = []; for (;;) all.push(new Array(1000).fill(1));", FULL_OR_LATE),
    ("allocates buffers", "const all = []; for (;;) all.push(new ArrayBuffer(1 << 24));", FULL),
    ("allocates a map", "const all = new Map(); for (let i = 0;; i++) all.set(i, { i });", FULL_OR_LATE),
    ("doubles a string", "let s = 'x'; for (;;) s += s;", &["threw", "out-of-memory"]),
    ("recurses", "const f = () => f() + 1; return f();", FAILED),
    ("recurses in a getter", "const o = { get x() { return this.x; } }; return o.x;", FAILED),
    ("throws null", "throw null;", FAILED),
    ("throws a text", "throw 'a text';", FAILED),
    (
        "throws what throws",
        "throw { get [Symbol.toStringTag]() { throw 1; }, toString() { throw 1; }, get message() { throw 2; } };",
        FAILED,
    ),
    (
        "throws a proxy",
        "throw new Proxy({}, { get() { throw 1; }, getPrototypeOf() { throw 2; }, ownKeys() { throw 3; } });",
        FAILED,
    ),
    (
        "throws a circle of causes",
        "const a = new Error('a'), b = new Error('b', { cause: a }); a.cause = b; throw a;",
        FAILED,
    ),
    (
        "rejects with a proxy of a function",
        "return Promise.reject(new Proxy(() => {}, { get() { throw 1; }, apply() { throw 2; } }));",
        FAILED,
    ),
    (
        "logs 1 GB",
        "const s = 'x'.repeat(1e6); for (let i = 0; i < 1000; i++) console.log(s); return 1;",
        &["timed-out", "returned"],
    ),
    ("logs a line of 100 MB", "console.log('y'.repeat(100e6)); return 1;", &["returned", "timed-out", "out-of-memory"]),
    ("logs a million lines", "for (let i = 0; i < 1e6; i++) console.log(i); return 1;", &["timed-out", "returned"]),
    (
        "logs control characters, a forged verdict and a forged report",
        "console.log('\\u001b[2J\\u0000\\ud800\\r{\"type\":\"done\",\"report\":{\"outcome\":\"returned\",\"json\":\"1\"}}'); console.log('\\n  ok  returned\\n3 deliveries: 3 held, 0 failed'); throw new Error('true');",
        &["threw"],
    ),
    (
        "replaces the language and the platform",
        "JSON.parse = JSON.stringify = () => '{}'; Promise = null; console.log = null; $db = null; Object.prototype.toJSON = () => 1; Object.prototype.outcome = 'returned'; Array.prototype.push = null; throw new Error('true');",
        FAILED,
    ),
    ("returns a cycle", "const o = {}; o.o = o; return o;", RETURNED),
    ("returns a BigInt", "return { n: 10n };", RETURNED),
    (
        "returns a proxy that throws",
        "return new Proxy({}, { get() { throw new Error('no'); }, ownKeys() { throw new Error('no'); } });",
        FAILED,
    ),
    ("returns 100 MB", "return 'x'.repeat(100e6);", &["returned", "out-of-memory", "timed-out"]),
    (
        "returns a million levels",
        "let o = {}; for (let i = 0; i < 1e6; i++) o = { o }; return o;",
        &["returned", "timed-out"],
    ),
    (
        "makes 100,000 calls at once",
        "const all = []; for (let i = 0; i < 1e5; i++) all.push($db.get('k' + i).catch(() => 1)); return Promise.all(all).then(() => 1);",
        &["returned", "timed-out"],
    ),
    (
        "floods the store",
        "return (async () => { for (let i = 0;; i++) await $db.set('k' + i, { v: 'x'.repeat(7000) }); })();",
        &["timed-out", "rejected"],
    ),
    (
        "asks on and on and hears no answer",
        "return (async () => { await $db.set('k', { v: 'x'.repeat(7900) }); for (;;) $db.get('k').catch(() => 0); })();",
        FULL_OR_LATE,
    ),
    ("spins in what it hands to the platform", "$db.set('k', { toJSON() { for (;;) {} } });", TIMED_OUT),
    (
        "spins where the engine writes a stack",
        "Error.prepareStackTrace = () => { for (;;) {} }; throw new Error('no');",
        TIMED_OUT,
    ),
    (
        "spins in the message of what it throws",
        "throw { __proto__: Error.prototype, get message() { for (;;) {} } };",
        TIMED_OUT,
    ),
    (
        "writes the stack of its error itself",
        "const e = new Error('true'); e.stack = 'Error\\n    at f (server/server.js:99999999999:3)\\n    at \\u001b[2J (\\u0000:1:1)'; throw e;",
        FAILED,
    ),
    (
        "throws what has causes without end",
        "const more = () => { const e = new Error('x'); Object.defineProperty(e, 'cause', { get: more, enumerable: true }); return e; }; throw more();",
        FAILED,
    ),
    ("recurses, and again where it may not", "const f = () => { try { f(); } finally { f(); } }; f();", TIMED_OUT),
    (
        "allocates on where it may not",
        "const all = []; for (;;) try { for (;;) all.push(new Array(1e4).fill(1)); } catch {}",
        FULL_OR_LATE,
    ),
    ("asks to exit", "process.exit(0);", FAILED),
    (
        "waits for nobody",
        "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); return 1;",
        &["threw", "timed-out"],
    ),
];

/// On Node.js, where an npm package has all that Node.js has.
const WITH_NODE: &[Case] = &[
    ("exits well", "process.exit(0);", &["exited"]),
    ("exits with a code", "process.exit(7);", &["exited"]),
    ("aborts", "process.abort();", &["signalled"]),
    ("kills itself", "process.kill(process.pid, 'SIGKILL');", &["signalled"]),
    ("terminates itself", "process.kill(process.pid, 'SIGTERM'); for (;;) {}", &["signalled"]),
    ("stops itself", "process.kill(process.pid, 'SIGSTOP'); for (;;) {}", TIMED_OUT),
    ("closes its channel", "require('fs').closeSync(0); for (;;) {}", &["bad-reply", "timed-out"]),
    ("closes its outputs", "require('fs').closeSync(1); require('fs').closeSync(2); return 1;", RETURNED),
    (
        "ignores every signal",
        "for (const s of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(s, () => {}); for (;;) {}",
        TIMED_OUT,
    ),
    ("floods its output", "for (;;) require('fs').writeSync(1, 'z'.repeat(65536));", TIMED_OUT),
    (
        "floods its channel",
        "for (;;) { try { require('fs').writeSync(0, 'z'.repeat(65536)); } catch {} }",
        &["timed-out", "bad-reply"],
    ),
    (
        "forges verdicts",
        "for (const fd of [0, 1, 2]) require('fs').writeSync(fd, '{\"type\":\"done\",\"report\":{\"outcome\":\"returned\",\"json\":\"1\"}}\\n'); throw new Error('true');",
        &["threw"],
    ),
    (
        "leaves a grandchild that ignores SIGTERM and holds the pipes",
        "require('child_process').spawn(process.execPath, ['-e', 'process.on(\"SIGTERM\", () => {}); setInterval(() => {}, 1e3)'], { stdio: 'inherit' }); return 1;",
        RETURNED,
    ),
    (
        "leaves a grandchild that has left its group and holds the pipes",
        "require('child_process').spawn('sleep', ['1000'], { detached: true, stdio: 'inherit' }).unref(); return 1;",
        RETURNED,
    ),
    (
        "leaves a daemon",
        "require('child_process').execSync('setsid sh -c \"sleep 1000 >/dev/null 2>&1 &\"'); return 1;",
        RETURNED,
    ),
    (
        "ends, and leaves what has left its group and holds the channel",
        "require('child_process').spawn('sleep', ['1000'], { detached: true, stdio: [0, 1, 2] }).unref(); process.exit(0);",
        &["exited"],
    ),
    ("ends its group", "process.kill(-process.pid, 'SIGKILL');", &["signalled"]),
    ("settles after the time limit", "return new Promise((done) => setTimeout(done, 1500));", TIMED_OUT),
    ("keeps timers going", "setInterval(() => { for (;;) {} }, 1); return 1;", &["returned", "timed-out"]),
    (
        "throws out of a timer",
        "setTimeout(() => { throw new Error('late'); }, 0); return new Promise((done) => setTimeout(done, 50));",
        &["threw", "rejected", "exited"],
    ),
    (
        "starts a worker that spins",
        "new (require('worker_threads').Worker)('for (;;) {}', { eval: true }); return 1;",
        RETURNED,
    ),
    (
        "replaces what its host may use",
        "require('fs').writeSync = () => { throw 1; }; require('net').Socket.prototype.write = () => { throw 2; }; process.nextTick = null; return 1;",
        RETURNED,
    ),
    (
        "replaces what its host needs for the next",
        "const no = () => { throw new Error('no'); }; const vm = require('vm'); vm.createContext = vm.Script.prototype.runInContext = no; Map.prototype.get = Map.prototype.set = no; Buffer.prototype.indexOf = Buffer.prototype.subarray = Buffer.concat = no; require('net').Socket = no; Object.defineProperty(vm, 'constants', { get: no }); Object.prototype.type = 'reply'; return 1;",
        RETURNED,
    ),
    ("has its process listen to nothing", "process.removeAllListeners(); return 1;", RETURNED),
    (
        "has its process listen to nothing, and throws out of a timer",
        "process.removeAllListeners(); setTimeout(() => { throw new Error('true'); }, 1); return 1;",
        &["threw"],
    ),
];

struct App {
    folder: tempfile::TempDir,
    /// Its path is in the environment of every process that a run starts, and of none else.
    scratch: tempfile::TempDir,
}

impl App {
    /// An app whose handler runs `code` in the second of three deliveries; as an npm package where it needs one.
    fn new(code: &str, as_package: bool) -> Self {
        let app =
            Self { folder: tempfile::tempdir().expect("a folder"), scratch: tempfile::tempdir().expect("a folder") };
        let call = if as_package {
            app.write("server/node_modules/bad/package.json", r#"{"name":"bad","version":"1.0.0","main":"index.js"}"#);
            app.write("server/node_modules/bad/index.js", &format!("module.exports = () => {{ {code} }};"));
            "return require('bad')();".to_owned()
        } else {
            code.to_owned()
        };
        app.write(
            "manifest.json",
            r#"{"platform-version":"3.0","modules":{"common":{"requests":{"slow":{},"soon":{}}},"chat":{"events":{"onUserCreate":{"handler":"created"}}}},"engines":{"node":"18.20.8","fdk":"9.7.4"}}"#,
        );
        app.write(
            "server/server.js",
            &format!(
                "exports = {{ created: function (payload) {{\n  if (payload.data.user.email !== '{}') return 'fine';\n  {call}\n}} }};\n",
                second_email()
            ),
        );
        app
    }

    /// Templates that its code may ask for: one is answered while the next delivery runs, one after the time limit.
    fn with_answers(self) -> Self {
        let template = r#"{"schema":{"protocol":"https","method":"GET","host":"crm.example","path":"/v1"}}"#;
        self.write("config/requests.json", &format!(r#"{{"slow":{template},"soon":{template}}}"#));
        for (name, delay) in [("slow", 1500), ("soon", 5)] {
            let mock = format!(r#"{{"request":{{"template":"{name}"}},"answer":{{"delay_ms":{delay}}}}}"#);
            self.write(&format!("mocks/{name}.json"), &mock);
        }
        self
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// Fires three deliveries at the app.
    fn fire(&self, runtime: &str) -> Fired {
        self.fire_at(&["--timeout", LIMIT, "--db", "memory", "--memory", "128MiB", "--runtime", runtime])
    }

    /// Fires three deliveries and gives back their outcomes, and how long it took.
    fn fire_at(&self, more: &[&str]) -> Fired {
        let began = Instant::now();
        let mut child = simctl()
            .args(["trigger", "onUserCreate", "-n", "3", "--seed", "7", "--format", "json"])
            .args(more)
            .arg("--app")
            .arg(self.folder.path())
            .env("TMPDIR", self.scratch.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("simctl runs");
        let (mut stdout, mut stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let errors = std::thread::spawn(move || std::io::read_to_string(&mut stderr).unwrap_or_default());
        let mut output = Vec::new();
        std::io::Read::read_to_end(&mut stdout, &mut output).expect("readable");
        let status = child.wait().expect("ended");
        let text = String::from_utf8(output).expect("JSON is UTF-8");
        Fired {
            took: began.elapsed(),
            code: status.code(),
            signal: status.signal(),
            text,
            errors: errors.join().expect("no panic"),
        }
    }

    /// The processes that the run has started and that still run.
    fn left_running(&self) -> Vec<String> {
        let wanted = format!("TMPDIR={}", self.scratch.path().display());
        let runs = |pid: &Path| {
            let environment = fs::read(pid.join("environ")).unwrap_or_default();
            let is_ours = environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes());
            is_ours.then(|| fs::read_to_string(pid.join("cmdline")).unwrap_or_default().replace('\0', " "))
        };
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
        processes.filter_map(|pid| runs(&pid)).filter(|command| !command.is_empty()).collect()
    }

    /// Files outside the app's own, which simctl may keep in `.simctl` alone.
    fn left_files(&self) -> Vec<PathBuf> {
        let own = ["manifest.json", "server", "config", "mocks", ".simctl"];
        let names = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let strange = names(self.folder.path()).filter(|path| !own.iter().any(|own| path.ends_with(own)));
        strange.chain(names(self.scratch.path())).collect()
    }
}

struct Fired {
    took: Duration,
    code: Option<i32>,
    signal: Option<i32>,
    text: String,
    errors: String,
}

impl Fired {
    fn outcomes(&self) -> Vec<String> {
        let events = self.text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
        let finished = events.filter(|event| event["type"] == "delivery-finished");
        finished.map(|event| event["outcome"]["kind"].as_str().unwrap_or("?").to_owned()).collect()
    }
}

fn simctl() -> Command {
    Command::new(env!("CARGO_BIN_EXE_simctl"))
}

/// Whose delivery is spoilt.
fn second_email() -> String {
    let output = simctl().args(["generate", "onUserCreate", "-n", "3", "--seed", "7"]).output().expect("simctl runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let payload: Value = serde_json::from_str(text.lines().nth(1).expect("three payloads")).expect("JSON");
    payload["data"]["user"]["email"].as_str().expect("an email").to_owned()
}

/// What is wrong with how simctl bore the case; nothing where it bore it well.
fn faults((name, code, wanted): Case, runtime: &str, as_package: bool) -> Vec<String> {
    let app = App::new(code, as_package).with_answers();
    let fired = app.fire(runtime);
    let mut faults = Vec::new();
    let outcomes = fired.outcomes();
    let is_true = matches!(outcomes.as_slice(), [first, bad, last]
        if first == "returned" && last == "returned" && wanted.contains(&bad.as_str()));
    if !is_true {
        faults.push(format!("outcomes are {outcomes:?}, wanted {wanted:?} between two that returned"));
    }
    let held = outcomes.iter().all(|outcome| outcome == "returned");
    if fired.code != Some(i32::from(!held)) {
        faults.push(format!("exit {:?}, signal {:?}: {}", fired.code, fired.signal, fired.errors));
    }
    if fired.took > IN_TIME {
        faults.push(format!("took {:?}", fired.took));
    }
    if fired.text.len() > MOST_OUTPUT {
        faults.push(format!("{} MB of output", fired.text.len() >> 20));
    }
    if fired.text.contains(['\u{1b}', '\0']) {
        faults.push("control characters are in the output".to_owned());
    }
    let running = app.left_running();
    if !running.is_empty() {
        faults.push(format!("still running: {running:?}"));
    }
    let files = app.left_files();
    if !files.is_empty() {
        faults.push(format!("files left: {files:?}"));
    }
    faults.into_iter().map(|fault| format!("{name}, {runtime}: {fault}")).collect()
}

/// Tries all cases, two at a time.
fn try_all(cases: &[Case], runtime: &str, as_package: bool) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let found = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(&case) = cases.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let new = faults(case, runtime, as_package);
                    found.lock().expect("no panic").extend(new);
                }
            });
        }
    });
    let found = found.into_inner().expect("no panic");
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
}

#[test]
fn no_handler_spoils_its_neighbours_on_the_embedded_runtime() {
    try_all(CASES, "embedded", false);
}

#[test]
fn no_handler_spoils_its_neighbours_on_node() {
    if common::node_or_skip("no_handler_spoils_its_neighbours_on_node") {
        try_all(CASES, "node", false);
    }
}

#[test]
fn no_package_spoils_the_deliveries_beside_its_own() {
    if common::node_or_skip("no_package_spoils_the_deliveries_beside_its_own") {
        try_all(WITH_NODE, "node", true);
    }
}

#[test]
fn a_load_of_packages_that_misbehave_tells_each_for_what_it_did_and_leaves_nothing() {
    if !common::node_or_skip("a_load_of_packages_that_misbehave_tells_each_for_what_it_did_and_leaves_nothing") {
        return;
    }
    let code = "const n = (globalThis.calls = (globalThis.calls ?? 0) + 1);
        if (n % 5 === 0) process.exit(3);
        require('vm').createContext = require('net').Socket = null;
        require('child_process').spawn('sleep', ['1000'], { detached: true, stdio: 'inherit' }).unref();
        return n;";
    let app = App::new(code, true);
    app.write("server/server.js", "exports = { created: function () { return require('bad')(); } };\n");
    let output = simctl()
        .args([
            "load",
            "onUserCreate",
            "-n",
            "40",
            "--seed",
            "7",
            "--runtime",
            "node",
            "--report",
            "json=/dev/stdout",
            "--app",
        ])
        .arg(app.folder.path())
        .env("TMPDIR", app.scratch.path())
        .stdin(Stdio::null())
        .output()
        .expect("simctl runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let report =
        text.find('{').and_then(|at| serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>().next());
    let report = report.expect("a report").expect("JSON");
    let (exited, returned) = (report["outcomes"]["exited"].as_u64(), report["outcomes"]["returned"].as_u64());
    // Every process ends with its fifth delivery and not before.
    assert!(exited.is_some_and(|exited| (5..=8).contains(&exited)), "{report:#}");
    assert_eq!(exited.zip(returned).map(|(exited, returned)| exited + returned), Some(40), "{report:#}");
    assert!(app.left_running().is_empty(), "still running: {:?}", app.left_running());
    assert!(app.left_files().is_empty(), "files left: {:?}", app.left_files());
}

/// A run of simctl that is killed as soon as it has told that its handler or program spins; what it has started is gone then.
fn assert_gone_when_simctl_is_killed(app: &App, addressee: &[&str]) {
    let mut simctl = simctl()
        .args(["trigger", "onUserCreate", "--seed", "7", "--timeout", "60s", "--format", "json", "--app"])
        .arg(app.folder.path())
        .args(addressee)
        .env("TMPDIR", app.scratch.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("simctl runs");
    let output = BufReader::new(simctl.stdout.take().expect("piped"));
    let tells = |line: &String| line.contains("it spins\\n") || line.contains("\"text\":\"it spins\"");
    assert!(output.lines().map_while(Result::ok).any(|line| tells(&line)), "it never spun");
    let started = app.left_running();
    simctl.kill().expect("it runs");
    simctl.wait().expect("it was killed");
    assert!(started.len() > 1, "only simctl runs: {started:?}");
    let patience = Instant::now() + Duration::from_secs(20);
    while !app.left_running().is_empty() {
        assert!(Instant::now() < patience, "it is still there: {:?}", app.left_running());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn spinning_node_is_gone_when_simctl_is_killed() {
    if common::node_or_skip("spinning_node_is_gone_when_simctl_is_killed") {
        let code = "require('fs').writeSync(1, 'it spins\\n'); for (;;) {}";
        let app = App::new(code, true);
        app.write(
            "server/server.js",
            "exports = { created: function () {\n  return require('bad')();\n}, updated: function () {} };\n",
        );
        assert_gone_when_simctl_is_killed(&app, &["--runtime", "node"]);
    }
}

#[test]
fn a_spinning_program_and_what_it_has_started_are_gone_when_simctl_is_killed() {
    let program = "sh -c 'sleep 60 & setsid sh -c \"echo it spins; exec sleep 60\" & while :; do :; done'";
    assert_gone_when_simctl_is_killed(&App::new("", false), &["--exec", program]);
}

#[test]
fn a_spinning_handler_of_the_embedded_runtime_is_gone_when_simctl_is_killed() {
    let app = App::new("", false);
    let mut simctl = spinning(&app);
    let host = children_of(simctl.id());
    assert!(!host.is_empty(), "there is no host");
    simctl.kill().expect("it runs");
    simctl.wait().expect("it was killed");
    let patience = Instant::now() + Duration::from_secs(20);
    while host.iter().any(|pid| is_running(pid)) {
        assert!(Instant::now() < patience, "the host is still there");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_forked_host_has_nothing_open_of_simctl_and_a_group_of_its_own() {
    let app = App::new("", false);
    let mut simctl = spinning(&app);
    let of = |pid: &Path, what: &str| fs::read_to_string(pid.join(what)).expect("it is there");
    let own = PathBuf::from(format!("/proc/{}", simctl.id()));
    let [host] = children_of(simctl.id()).try_into().expect("one host");
    assert_eq!(of(&host, "cmdline"), of(&own, "cmdline"), "it was started as a program");
    // Besides what every program has that is started from here.
    let plain = Command::new("sh").args(["-c", "ls /proc/$$/fd"]).output().expect("a shell");
    let plain = String::from_utf8_lossy(&plain.stdout).into_owned();
    let open = fs::read_dir(host.join("fd")).expect("its own").flatten().map(|fd| fd.file_name());
    let more: Vec<_> = open.filter(|fd| plain.lines().all(|plain| fd != plain)).collect();
    assert!(more.is_empty(), "descriptors {more:?} are open");
    let group = |pid: &Path| of(pid, "stat").split_whitespace().nth(4).map(str::to_owned);
    assert_eq!(group(&host).as_deref(), host.file_name().and_then(|pid| pid.to_str()));
    simctl.kill().expect("it runs");
    simctl.wait().expect("it was killed");
}

/// simctl, whose handler spins by now.
fn spinning(app: &App) -> std::process::Child {
    app.write("server/server.js", "exports = { created: function () { console.log('spins'); for (;;) {} } };\n");
    let mut simctl = simctl()
        .args(["trigger", "onUserCreate", "--timeout", "2s", "--db", "memory", "--format", "json", "--app"])
        .arg(app.folder.path())
        .env("TMPDIR", app.scratch.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("simctl runs");
    let mut output = std::io::BufReader::new(simctl.stdout.as_mut().expect("piped"));
    let mut line = String::new();
    while !line.contains("spins") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut output, &mut line).expect("readable") > 0, "it never spun");
    }
    simctl
}

/// The processes that a process has started and that are there, each as its folder in `/proc`.
fn children_of(parent: u32) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let is_child = |pid: &PathBuf| {
        let status = fs::read_to_string(pid.join("status")).unwrap_or_default();
        status.lines().any(|line| line.strip_prefix("PPid:").is_some_and(|pid| pid.trim() == parent.to_string()))
    };
    processes.filter(is_child).collect()
}

/// Whether the process has not ended; one that nobody has waited for yet has.
fn is_running(pid: &Path) -> bool {
    fs::read(pid.join("cmdline")).is_ok_and(|command| !command.is_empty())
}

/// A package that listens, and a process of its own that does: each port is told in the value that is returned.
const LISTENS: &str = "
    const script = 'const s = require(\"net\").createServer().listen(0, \"127.0.0.1\", () => console.log(s.address().port))';
    const child = require('child_process').spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const own = require('net').createServer();
    return new Promise((done) => own.listen(0, '127.0.0.1', () => {
        child.stdout.once('data', (port) => done([own.address().port, Number(port)]));
    }));";

#[test]
fn no_port_is_left_behind() {
    if !common::node_or_skip("no_port_is_left_behind") {
        return;
    }
    let fired = App::new(LISTENS, true).fire("node");
    let events = fired.text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    let values: Vec<Value> = events.map(|event| event["outcome"]["value"]["json"].clone()).collect();
    let ports = values.iter().find_map(Value::as_array).unwrap_or_else(|| panic!("no ports: {}", fired.text));
    assert_eq!(ports.len(), 2, "{ports:?}");
    for port in ports.iter().filter_map(Value::as_u64) {
        let port = u16::try_from(port).expect("a port");
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "somebody listens at {port} still");
    }
}

/// Programs in place of a handler: the second of three deliveries is the one that is spoilt.
const PROGRAMS: &[Case] = &[
    ("spins", "while :; do :; done", TIMED_OUT),
    ("waits for ever", "sleep 1000", TIMED_OUT),
    ("ignores every signal", "trap '' TERM INT HUP; while :; do :; done", TIMED_OUT),
    ("closes all and stays", "exec 0<&- 1>&- 2>&-; sleep 1000", TIMED_OUT),
    ("floods its output", "yes", TIMED_OUT),
    ("floods both outputs and ignores SIGTERM", "trap '' TERM; yes & yes >&2", TIMED_OUT),
    ("writes 1 GB", "head -c 1000000000 /dev/zero", &["returned", "timed-out"]),
    ("writes a line of 100 MB", "head -c 100000000 /dev/zero | tr '\\000' y", &["returned", "timed-out"]),
    ("writes what is no text", "printf '\\377\\376\\355\\240\\200'; exit 3", &["exited"]),
    ("recurses", "f() { f; }; f", &["exited", "signalled", "out-of-memory"]),
    ("ends too late", "sleep 1.5", TIMED_OUT),
    ("kills itself", "kill -KILL $$", &["signalled"]),
    ("fails", "exit 7", &["exited"]),
    ("aborts", "kill -ABRT $$", &["signalled"]),
    ("stops itself", "kill -STOP $$", TIMED_OUT),
    ("leaves a grandchild that holds the pipes", "trap '' TERM; sleep 1000 & exit 0", RETURNED),
    ("leaves a grandchild that has left its group", "setsid sleep 1000 & sleep 0.2; exit 0", RETURNED),
    ("leaves a daemon", "(setsid sleep 1000 >/dev/null 2>&1 </dev/null &) ; sleep 0.2; exit 0", RETURNED),
    (
        "steers and forges",
        "printf '\\033[2J\\000\\n  ok  returned\\n3 deliveries: 3 held, 0 failed\\n'; exit 3",
        &["exited"],
    ),
];

#[test]
fn no_program_spoils_the_deliveries_beside_its_own() {
    let mut found = Vec::new();
    for &(name, code, wanted) in PROGRAMS {
        let app = App::new("", false);
        app.write("server/bad.sh", &format!("if [ \"$SIMCTL_INDEX\" = 1 ]; then {code}; fi\n"));
        let fired = app.fire_at(&[
            "--timeout",
            "500ms",
            "--exec",
            &format!("sh {}/server/bad.sh", app.folder.path().display()),
        ]);
        let outcomes = fired.outcomes();
        let is_true = matches!(outcomes.as_slice(), [first, bad, last]
            if first == "returned" && last == "returned" && wanted.contains(&bad.as_str()));
        let held = outcomes.iter().all(|outcome| outcome == "returned");
        let is_over = fired.code == Some(i32::from(!held)) && fired.took < IN_TIME && fired.text.len() < MOST_OUTPUT;
        let (running, files) = (app.left_running(), app.left_files());
        if !is_true || !is_over || !running.is_empty() || !files.is_empty() || fired.text.contains(['\u{1b}', '\0']) {
            found.push(format!(
                "{name}: {outcomes:?} {:?} {:?} {running:?} {files:?} {}",
                fired.code, fired.took, fired.errors
            ));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Nothing keeps a process from ending its parent. What simctl holds is that nobody takes this for a success, and that the
/// handler does not stay.
#[test]
fn a_handler_that_ends_simctl_makes_no_success_and_does_not_stay() {
    if !common::node_or_skip("a_handler_that_ends_simctl_makes_no_success_and_does_not_stay") {
        return;
    }
    for signal in ["SIGTERM", "SIGKILL"] {
        let app = App::new(&format!("process.kill(process.ppid, '{signal}'); return 1;"), true);
        let fired = app.fire("node");
        assert!(fired.code != Some(0) && fired.took < IN_TIME, "{signal}: {:?} {:?}", fired.code, fired.took);
        let patience = Instant::now() + Duration::from_secs(10);
        while !app.left_running().is_empty() && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(app.left_running().is_empty(), "{signal}: still running: {:?}", app.left_running());
        assert!(app.left_files().is_empty(), "{signal}: files left: {:?}", app.left_files());
    }
}

#[test]
fn a_program_that_ends_simctl_makes_no_success_and_does_not_stay() {
    for signal in ["TERM", "KILL"] {
        let app = App::new("", false);
        let command = format!("sh -c 'read payload; kill -{signal} $PPID; while :; do :; done'");
        let fired = app.fire_at(&["--timeout", "5s", "--exec", &command]);
        assert!(fired.code != Some(0) && fired.took < IN_TIME, "{signal}: {:?} {:?}", fired.code, fired.took);
        let patience = Instant::now() + Duration::from_secs(10);
        while !app.left_running().is_empty() && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(app.left_running().is_empty(), "{signal}: still running: {:?}", app.left_running());
    }
}
