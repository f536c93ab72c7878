//! What handlers do, in both runtimes: every outcome, and that nothing an app does can make simctl hang, crash or believe
//! a verdict that is not true.
#![expect(clippy::expect_used, reason = "tests fail loudly")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use simctl::handler::{
    Answer, Handler, HandlerError, Host, HostCall, HostGlobal, Interrupt, Launch, Module, Modules, NodeOptions,
    Required,
};
use simctl::model::{Delivery, Level, Outcome, ReturnValue, Runtime, Stream, Thrown};
use tempfile::TempDir;

const MIB: u64 = 1024 * 1024;

/// An app, and everything that was heard of it.
struct App {
    folder: TempDir,
    entry: String,
    files: BTreeMap<String, String>,
    timeout: Duration,
    memory_bytes: u64,
    node: PathBuf,
    ends_by_render: bool,
    clock_shift_ms: i64,
    heard: Heard,
}

#[derive(Default)]
struct Heard {
    files: BTreeMap<String, String>,
    logs: Vec<(Level, String)>,
    output: String,
    notices: Vec<String>,
    /// Calls that are answered later: when, their number, and with what.
    under_way: Vec<(Instant, u64, Value)>,
    unanswered: Vec<u64>,
}

impl Modules for Heard {
    fn require(&mut self, from: &str, specifier: &str) -> Required {
        if !specifier.starts_with('.') {
            return Required::Package { specifier: specifier.to_owned(), is_nodes_own: false };
        }
        let mut parts: Vec<&str> = from.split('/').collect();
        parts.pop();
        for part in specifier.split('/') {
            match part {
                "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        let name = format!("{}.js", parts.join("/"));
        match self.files.get(&name) {
            Some(source) => Required::Module { name, source: source.clone(), counting: None },
            None => Required::Refused { message: format!("`{specifier}` is not inside server/") },
        }
    }
}

impl Host for Heard {
    fn log(&mut self, level: Level, text: String) {
        self.logs.push((level, text));
    }
    fn output(&mut self, _: Stream, text: String) {
        self.output += &text;
    }
    fn notice(&mut self, message: String) {
        self.notices.push(message);
    }
    fn call(&mut self, call: HostCall) -> Result<Option<Answer>, HandlerError> {
        let HostCall { number, name, args } = call;
        Ok(match name.as_str() {
            "$echo.say" => Some(Ok(args[0].clone())),
            "$echo.later" => {
                let after = Duration::from_millis(args[1].as_u64().expect("milliseconds"));
                self.under_way.push((Instant::now() + after, number, args[0].clone()));
                None
            }
            "$echo.never" => {
                self.unanswered.push(number);
                None
            }
            // Answers what was never answered, and then itself.
            "$echo.release" => {
                let late = self.unanswered.drain(..).map(|number| (number, json!("late")));
                let all = late.chain([(number, args[0].clone())]);
                self.under_way.extend(all.map(|(number, value)| (Instant::now(), number, value)));
                None
            }
            "renderData" => Some(Ok(Value::Null)),
            _ => Some(Err(json!({ "status": 400, "message": name }))),
        })
    }
    fn answers(&mut self) -> Result<Vec<(u64, Answer)>, HandlerError> {
        let now = Instant::now();
        let (due, rest) = self.under_way.drain(..).partition(|(at, ..)| *at <= now);
        self.under_way = rest;
        let due: Vec<(Instant, u64, Value)> = due;
        Ok(due.into_iter().map(|(_, number, value)| (number, Ok(value))).collect())
    }
    fn due(&self) -> Option<Instant> {
        self.under_way.iter().map(|(at, ..)| *at).min()
    }
}

impl App {
    fn new(entry: &str) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            entry: entry.to_owned(),
            files: BTreeMap::new(),
            timeout: Duration::from_secs(60),
            memory_bytes: 128 * MIB,
            node: "node".into(),
            ends_by_render: false,
            clock_shift_ms: 0,
            heard: Heard::default(),
        }
    }

    /// An app whose callback has this body.
    fn body(body: &str) -> Self {
        Self::new(&format!("exports = {{\n  fire: function (payload) {{\n{body}\n  }}\n}};\n"))
    }

    fn file(mut self, name: &str, source: &str) -> Self {
        self.files.insert(name.to_owned(), source.to_owned());
        self
    }

    fn package(self, name: &str, source: &str) -> Self {
        let folder = self.folder.path().join("server/node_modules").join(name);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("index.js"), source).expect("a file");
        self
    }

    fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    fn start(&mut self, runtime: Runtime) -> Handler {
        self.heard = Heard { files: self.files.clone(), ..Heard::default() };
        let launch = Launch {
            runtime,
            root: self.folder.path().to_path_buf(),
            entry: Module { name: "server/server.js".to_owned(), source: self.entry.clone(), counting: None },
            timeout: self.timeout,
            memory_bytes: self.memory_bytes,
            node: self.node.clone(),
            host_program: Some(env!("CARGO_BIN_EXE_simctl").into()),
            node_options: NodeOptions::default(),
            globals: vec![HostGlobal {
                name: "$echo".to_owned(),
                methods: ["say", "fail", "later", "never", "release"].map(str::to_owned).to_vec(),
            }],
            shares_realm: false,
            hears_logs: true,
        };
        Handler::start(&launch, &Interrupt::none()).expect("the handler starts")
    }

    fn delivery(&self, index: u64, payload: &str) -> Delivery {
        Delivery {
            index,
            event: "onUserUpdate".to_owned(),
            callback: "fire".to_owned(),
            payload: payload.to_owned(),
            ends_by_render: self.ends_by_render,
            clock_shift_ms: self.clock_shift_ms,
        }
    }

    fn deliver(&mut self, handler: &mut Handler, payload: &str) -> Outcome {
        let delivery = self.delivery(0, payload);
        handler.deliver(&delivery, &mut self.heard).expect("the delivery is made").outcome
    }

    fn fire(&mut self, runtime: Runtime) -> Outcome {
        let mut handler = self.start(runtime);
        self.deliver(&mut handler, r#"{"data":{"user":{"first_name":"Ada"}}}"#)
    }

    fn logged(&self) -> Vec<&str> {
        self.heard.logs.iter().map(|(_, text)| text.as_str()).collect()
    }
}

fn has_node() -> bool {
    common::node_or_skip("the node half of a test of handlers")
}

fn runtimes() -> Vec<Runtime> {
    if has_node() { vec![Runtime::Embedded, Runtime::Node] } else { vec![Runtime::Embedded] }
}

/// Fires an app with this callback body in each runtime.
fn each(body: &str, check: impl Fn(Runtime, Outcome, &App)) {
    for runtime in runtimes() {
        let mut app = App::body(body);
        let outcome = app.fire(runtime);
        check(runtime, outcome, &app);
    }
}

fn json_value(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Returned { value: ReturnValue::Json(value) } => value,
        other => panic!("no JSON was returned: {other:?}"),
    }
}

fn thrown(outcome: Outcome) -> Thrown {
    match outcome {
        Outcome::Threw { error } | Outcome::Rejected { error, .. } | Outcome::NotLoaded { error } => error,
        other => panic!("nothing was thrown: {other:?}"),
    }
}

#[test]
fn what_is_returned_comes_back() {
    each("return { name: payload.data.user.first_name, list: [1, null] };", |_, outcome, _| {
        assert_eq!(json_value(outcome), json!({"name": "Ada", "list": [1, null]}));
    });
    each("", |_, outcome, _| assert_eq!(outcome, Outcome::Returned { value: ReturnValue::Undefined }));
    each("return Promise.resolve(7);", |_, outcome, _| assert_eq!(json_value(outcome), json!(7)));
    each("return { then: function (resolve) { resolve('thenable'); } };", |_, outcome, _| {
        assert_eq!(json_value(outcome), json!("thenable"));
    });
}

#[test]
fn what_json_does_not_hold_comes_back_as_text() {
    for (body, text) in [
        ("const a = { name: 'a' }; a.self = a; return a;", "<ref *1> { name: 'a', self: [Circular *1] }"),
        ("return 12n;", "12n"),
        ("return Symbol('s');", "Symbol(s)"),
        ("return function named() {};", "[Function: named]"),
        ("return NaN;", "NaN"),
    ] {
        each(body, |runtime, outcome, _| {
            let expected = Outcome::Returned { value: ReturnValue::Text(text.to_owned()) };
            assert_eq!(outcome, expected, "{body} on {runtime}");
        });
    }
}

#[test]
fn a_throw_has_its_true_place() {
    each("    const user = payload.data.nobody;\n    return user.id;", |runtime, outcome, _| {
        assert!(matches!(outcome, Outcome::Threw { .. }));
        let error = thrown(outcome);
        assert_eq!(error.name.as_deref(), Some("TypeError"));
        let frame = &error.stack[0];
        assert_eq!((frame.file.as_str(), frame.line), ("server/server.js", 4), "{runtime}");
        assert_eq!(frame.function.as_deref(), Some("fire"));
        assert_eq!(error.stack.len(), 1, "frames of simctl's own stay out: {:?}", error.stack);
    });
}

#[test]
fn columns_of_the_first_line_are_true() {
    // The engines differ in which character of an expression they name, so each is compared with itself.
    let source = "exports = { fire: function () { throw new RangeError('one line'); } };";
    for runtime in runtimes() {
        let columns = [source.to_owned(), format!("\n{source}")].map(|source| {
            let error = thrown(App::new(&source).fire(runtime));
            assert_eq!(error.message, "one line");
            error.stack[0].column
        });
        assert_eq!(columns[0], columns[1], "{runtime}");
        assert!((39..=44).contains(&columns[0]), "{columns:?} on {runtime}");
    }
}

#[test]
fn a_rejection_is_no_success() {
    each("return Promise.reject(new Error('no'));", |_, outcome, _| {
        assert!(matches!(&outcome, Outcome::Rejected { unhandled: false, error } if error.message == "no"));
    });
    each("Promise.resolve().then(() => { throw new TypeError('left behind'); });", |_, outcome, _| {
        assert!(matches!(&outcome, Outcome::Rejected { unhandled: true, error } if error.message == "left behind"));
    });
    each(
        "const p = Promise.reject(1); return Promise.resolve().then(() => p.catch(() => 'handled'));",
        |_, outcome, _| {
            assert_eq!(json_value(outcome), json!("handled"));
        },
    );
}

#[test]
fn a_promise_that_nothing_can_settle_is_told_at_once() {
    let start = Instant::now();
    each("return new Promise(() => {});", |_, outcome, _| assert_eq!(outcome, Outcome::NeverSettles));
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn code_that_never_ends_is_ended() {
    for body in [
        "for (;;) {}",
        "const spin = () => Promise.resolve().then(spin); return spin();",
        "Promise.resolve().then(() => { for (;;) {} });",
        "return /^(a+)+$/.test('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab');",
        "return new Proxy({}, { get() { for (;;) {} } });",
        "return { toJSON() { for (;;) {} } };",
    ] {
        for runtime in runtimes() {
            let mut app = App::body(body).timeout(Duration::from_millis(300));
            let mut handler = app.start(runtime);
            let start = Instant::now();
            let outcome = app.deliver(&mut handler, "{}");
            assert!(matches!(outcome, Outcome::TimedOut { .. }), "{body} on {runtime}: {outcome:?}");
            assert!(start.elapsed() < Duration::from_secs(10), "{body} on {runtime}");
            assert!(!handler.is_alive());
        }
    }
}

#[test]
fn the_embedded_runtime_tells_where_it_was_stuck() {
    let mut app = App::body("    let n = 0;\n    while (true) {\n      n = Math.sqrt(n);\n    }")
        .timeout(Duration::from_millis(100));
    let Outcome::TimedOut { stack, .. } = app.fire(Runtime::Embedded) else { panic!("no time-out") };
    assert_eq!(stack[0].function.as_deref(), Some("fire"));
    // The engine notes few places within a loop, so the line may be an earlier one of the same function.
    assert!((2..=6).contains(&stack[0].line), "{stack:?}");
}

#[test]
fn an_exit_is_told_with_its_code() {
    if !has_node() {
        return;
    }
    for (code, body) in [(3, "require('quit')(3);"), (0, "require('quit')(0);"), (4, "require('quit').later(4);")] {
        let mut app = App::body(body).package(
            "quit",
            "module.exports = (code) => process.exit(code);\nmodule.exports.later = (code) => setTimeout(process.exit, 1, code);",
        );
        assert_eq!(app.fire(Runtime::Node), Outcome::Exited { code });
    }
    let mut app =
        App::body("require('quit')();").package("quit", "module.exports = () => process.kill(process.pid, 'SIGKILL');");
    assert_eq!(app.fire(Runtime::Node), Outcome::Signalled { signal: 9 });
}

#[test]
fn too_much_memory_is_told_as_such() {
    for body in [
        "const all = []; for (;;) all.push({ a: all.length, b: [1, 2, 3] });",
        "const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1));",
        "const all = []; for (;;) all.push('x'.repeat(100) + all.length);",
        "const all = []; return Promise.resolve().then(() => { for (;;) all.push(new Array(100).fill(0)); });",
        "const all = new Map(); const f = async () => { for (;;) all.set(all.size, String(all.size)); }; f();",
    ] {
        for runtime in runtimes() {
            let mut app = App::body(body);
            let start = Instant::now();
            let outcome = app.fire(runtime);
            assert_eq!(outcome, Outcome::OutOfMemory { limit_bytes: 128 * MIB }, "{body} on {runtime}");
            assert!(start.elapsed() < Duration::from_secs(30), "{body} on {runtime} took {:?}", start.elapsed());
        }
    }
}

#[test]
fn a_lack_of_memory_that_the_engine_has_no_words_for_is_one() {
    let mut app = App::body("return '\u{e9}'.repeat(2e7).normalize('NFD').length;");
    assert_eq!(app.fire(Runtime::Embedded), Outcome::OutOfMemory { limit_bytes: 128 * MIB });
}

#[test]
fn throwing_null_is_not_a_lack_of_memory() {
    each("throw null;", |_, outcome, _| assert_eq!(thrown(outcome).message, "null"));
}

#[test]
fn endless_recursion_is_an_ordinary_error() {
    each("const down = (n) => down(n + 1) + 1; return down(0);", |runtime, outcome, _| {
        let error = thrown(outcome);
        assert_eq!(error.name.as_deref(), Some("RangeError"), "{runtime}");
        assert_eq!(error.stack[0].file, "server/server.js");
    });
    each(
        "let deep = []; for (let i = 0; i < 100000; i++) deep = [deep]; console.log(deep); return deep;",
        |_, outcome, _| {
            assert!(matches!(outcome, Outcome::Returned { .. }), "{outcome:?}");
        },
    );
}

#[test]
fn a_file_that_does_not_parse_is_not_loaded() {
    for runtime in runtimes() {
        let mut app = App::new("exports = {\n  fire: function () {\n    let = = 2;\n  }\n};\n");
        let outcome = app.fire(runtime);
        assert!(matches!(outcome, Outcome::NotLoaded { .. }));
        let error = thrown(outcome);
        assert_eq!(error.name.as_deref(), Some("SyntaxError"));
        assert_eq!(error.stack[0].line, 3, "{runtime}: {error:?}");
        assert_eq!(error.stack[0].file, "server/server.js");
    }
}

#[test]
fn a_file_that_throws_at_its_top_is_not_loaded() {
    for runtime in runtimes() {
        let mut app = App::new("\nnobody.knows();\n");
        let outcome = app.fire(runtime);
        assert!(matches!(outcome, Outcome::NotLoaded { .. }));
        assert_eq!(thrown(outcome).stack[0].line, 2, "{runtime}");
        let mut app = App::new("const lib = require('./lib/broken');")
            .file("server/lib/broken.js", "\n\nthrow new Error('lib');");
        let error = thrown(app.fire(runtime));
        assert_eq!((error.stack[0].file.as_str(), error.stack[0].line), ("server/lib/broken.js", 3));
    }
}

#[test]
fn a_missing_callback_is_told_with_those_that_exist() {
    for runtime in runtimes() {
        let mut app = App::new("exports = { first() {}, second: () => {}, version: 2 };");
        let expected = Outcome::NoCallback { callback: "fire".into(), known: vec!["first".into(), "second".into()] };
        assert_eq!(app.fire(runtime), expected);
        assert!(matches!(App::new("").fire(runtime), Outcome::NoCallback { .. }));
        assert!(matches!(App::new("exports = null;").fire(runtime), Outcome::NoCallback { .. }));
    }
}

#[test]
fn every_way_to_export_works() {
    for runtime in runtimes() {
        for source in [
            "exports = { fire() { return 1; } };",
            "exports.fire = () => 1;",
            "module.exports = { fire: async () => 1 };",
            "module.exports.fire = function () { return 1; };",
            "var exports = { fire: function () { return 1; } };",
            "#!/usr/bin/env node\nexports = { fire() { return 1; } }; // no line end",
            "exports = { fire() { return 1; } }; if (true) return;",
        ] {
            assert_eq!(json_value(App::new(source).fire(runtime)), json!(1), "{source} on {runtime}");
        }
    }
}

#[test]
fn use_strict_at_the_top_does_nothing() {
    for runtime in runtimes() {
        let mut app = App::new("'use strict';\nundeclared = 5;\nexports = { fire() { return undeclared; } };");
        assert_eq!(json_value(app.fire(runtime)), json!(5));
    }
}

#[test]
fn odd_strings_survive() {
    each(
        "console.log('a\\u0000b\\ud800c'); return ['\\u0000', '\\udc00', '\\\\ud800', '\\ud83d\\ude00'];",
        |_, outcome, app| {
            assert_eq!(app.logged(), ["a\0b\u{fffd}c"]);
            assert_eq!(json_value(outcome), json!(["\0", "\u{fffd}", "\\ud800", "\u{1f600}"]));
        },
    );
    for runtime in runtimes() {
        let mut app = App::new("exports = { fire: (payload) => payload.length };");
        let mut handler = app.start(runtime);
        assert_eq!(json_value(app.deliver(&mut handler, r#""\u0000\ud800\u2028""#)), json!(3));
    }
}

#[test]
fn consoles_print_alike() {
    let body = r#"
    class Point { constructor() { this.x = 1; } get y() { throw new Error('never called'); } }
    const circle = { name: 'c' }; circle.me = circle;
    console.log('plain', 1, -0, 2n, null, undefined, true, Symbol('s'));
    console.info({ a: 1, 'b-c': 'text', d: [1, 'two', [3]] });
    console.warn(new Map([['k', { v: 1 }]]), new Set([1, 'a']));
    console.error(new Point(), circle, [1, , 3]);
    console.debug('%s is %d and %j %o %% %x', 'it', '42', { j: 1 }, [1], 'rest');
    console.log(new Date(0), /a+/gi, function f() {}, () => {}, class A {}, Object.create(null));
    console.log({ get g() { return 1; }, set s(v) {} }, new Proxy({}, {}), [undefined, null], 'it\'s', ["it's"]);
    console.log({ a: { b: { c: { d: { e: { f: 1 } } } } } });
    console.log(new Uint8Array([1, 2]), new Error('seen'), { e: new RangeError('inside') });
    console.log(new String('boxed'), [ 'x'.repeat(50), 'y'.repeat(50) ]);
    console.log();
    console.log('100%', 1, '%');
    "#;
    let mut all = Vec::new();
    for runtime in runtimes() {
        let mut app = App::body(body);
        let outcome = app.fire(runtime);
        assert_eq!(outcome, Outcome::Returned { value: ReturnValue::Undefined });
        all.push(app.heard.logs);
    }
    let expected = [
        (Level::Log, "plain 1 -0 2n null undefined true Symbol(s)"),
        (Level::Info, "{ a: 1, 'b-c': 'text', d: [ 1, 'two', [ 3 ] ] }"),
        (Level::Warn, "Map(1) { 'k' => { v: 1 } } Set(2) { 1, 'a' }"),
        (Level::Error, "Point { x: 1 } <ref *1> { name: 'c', me: [Circular *1] } [ 1, <1 empty item>, 3 ]"),
        (Level::Debug, "it is 42 and {\"j\":1} [ 1 ] % %x rest"),
        (
            Level::Log,
            "1970-01-01T00:00:00.000Z /a+/gi [Function: f] [Function (anonymous)] [class A] [Object: null prototype] {}",
        ),
        (Level::Log, "{ g: [Getter], s: [Setter] } [Proxy] [ undefined, null ] it's [ \"it's\" ]"),
        (Level::Log, "{ a: { b: { c: { d: { e: [Object] } } } } }"),
    ];
    for logs in &all {
        for ((level, text), (expected_level, expected)) in logs.iter().zip(expected) {
            assert_eq!((*level, text.as_str()), (expected_level, expected));
        }
        assert!(
            logs[8].1.starts_with("Uint8Array(2) [ 1, 2 ] Error: seen\n    at fire (server/server.js:14:"),
            "{}",
            logs[8].1
        );
        assert_eq!(logs[9].1, format!("[String: 'boxed'] [\n  '{}',\n  '{}'\n]", "x".repeat(50), "y".repeat(50)));
        assert_eq!(logs[10].1, "");
        assert_eq!(logs[11].1, "100% 1 %");
    }
    // The engines differ in which character of an expression they name: all else is the same.
    let without_columns = |logs: &[(Level, String)]| -> Vec<String> {
        let cut = |line: &str| {
            line.split_inclusive("server.js:14:")
                .map(|part| part.trim_start_matches(char::is_numeric).to_owned())
                .collect()
        };
        logs.iter().map(|(_, text)| cut(text)).collect()
    };
    if let [embedded, node] = all.as_slice() {
        assert_eq!(without_columns(embedded), without_columns(node));
    }
}

#[test]
fn an_app_that_replaces_the_language_harms_only_itself() {
    each(
        r"
    JSON = { parse() { return 'mine'; }, stringify() { return 'mine'; } };
    Array.prototype.push = Array.prototype.join = String.prototype.slice = () => { throw 'no'; };
    RegExp.prototype.exec = Function.prototype.call = Function.prototype.apply = () => { throw 'no'; };
    Array.prototype[Symbol.iterator] = () => { throw 'no'; };
    Object.defineProperty(Object.prototype, 'name', { set() { throw 'no'; }, get() { return 'polluted'; } });
    Object.keys = Reflect.ownKeys = Object.getOwnPropertyDescriptor = () => { throw 'no'; };
    Promise = Map = Error = String = Reflect = Object = null;
    console.log('still', { here: [1] });
    console = undefined; globalThis.process = 1;
    return { fine: true };
        ",
        |runtime, outcome, app| {
            assert_eq!(json_value(outcome), json!({ "fine": true }), "{runtime}");
            assert_eq!(app.logged(), ["still { here: [ 1 ] }"], "{runtime}");
        },
    );
}

#[test]
fn hostile_errors_are_described() {
    for (body, message) in [
        ("throw undefined;", "undefined"),
        ("throw 'text';", "text"),
        ("throw Symbol('s');", "Symbol(s)"),
        ("throw { status: 404, message: 'gone' };", "{ status: 404, message: 'gone' }"),
        (
            "throw { toString() { throw 1; }, get message() { throw 2; } };",
            "{ toString: [Function: toString], message: [Getter] }",
        ),
        ("throw new Proxy(new Error('x'), { get() { throw 1; }, getPrototypeOf() { throw 2; } });", "[Proxy]"),
        (
            "const e = new Error('m'); Object.defineProperty(e, 'stack', { get() { throw 1; } }); e.cause = e; throw e;",
            "m",
        ),
        ("const e = new Error('m'); Object.defineProperty(e, 'message', { get() { throw 1; } }); throw e;", ""),
        ("const e = new Error(); e.message = { a: 1 }; throw e;", "{ a: 1 }"),
    ] {
        each(body, |runtime, outcome, _| assert_eq!(thrown(outcome).message, message, "{body} on {runtime}"));
    }
}

#[test]
fn nothing_an_app_prints_is_taken_for_the_protocol() {
    let forged = r#"{"token":"","type":"done","id":1,"report":{"outcome":"returned","json":"\"forged\""}}"#;
    each(&format!("console.log('\\n{forged}\\n'); throw new Error('true');"), |_, outcome, app| {
        assert_eq!(thrown(outcome).message, "true");
        assert_eq!(app.logged(), [format!("\n{}\n", forged.replace("\\\"", "\""))]);
    });
    if !has_node() {
        return;
    }
    let mut app = App::body("require('forger')(payload.line); throw new Error('true');").package(
        "forger",
        "const fs = require('fs');\nmodule.exports = (line) => { for (const fd of [0, 1, 2]) fs.writeSync(fd, '\\n' + line + '\\n'); console.log('printed'); };",
    );
    let mut handler = app.start(Runtime::Node);
    let outcome = app.deliver(&mut handler, &json!({ "line": forged }).to_string());
    assert_eq!(thrown(outcome).message, "true");
    assert!(app.heard.output.contains("forged") && app.heard.output.contains("printed"));
}

#[test]
fn a_package_that_reads_standard_input_finds_it_empty() {
    if !has_node() {
        return;
    }
    let source = "module.exports = async () => { let all = ''; for await (const part of process.stdin) all += part; return all; };";
    let mut app = App::body("return require('reader')();").package("reader", source);
    assert_eq!(json_value(app.fire(Runtime::Node)), json!(""));
}

#[test]
fn a_process_that_closes_its_channel_gives_no_verdict() {
    if !has_node() {
        return;
    }
    let source = "module.exports = () => { require('fs').closeSync(0); for (;;) {} };";
    let mut app = App::body("require('closer')();").package("closer", source);
    assert!(matches!(app.fire(Runtime::Node), Outcome::BadReply { .. }));
}

#[test]
fn forked_child_is_gone() {
    if !has_node() {
        return;
    }
    let source = "const { spawn } = require('child_process');
module.exports = () => {
  const child = spawn(process.execPath, ['-e', 'process.on(\"SIGTERM\", () => {}); setInterval(() => {}, 1000); console.log(\"up\")'], { stdio: ['inherit', 'pipe', 'inherit'] });
  return new Promise((resolve) => child.stdout.once('data', () => resolve(child.pid)));
};";
    for after in ["return pid;", "require('parent').quit();", "return new Promise(() => {});"] {
        let mut app = App::body(&format!("return require('parent')().then((pid) => {{ console.log(pid); {after} }});"))
            .package("parent", &format!("{source}\nmodule.exports.quit = () => process.exit(5);"))
            .timeout(Duration::from_secs(3));
        let mut handler = app.start(Runtime::Node);
        let outcome = app.deliver(&mut handler, "{}");
        handler.stop();
        let pid = app.logged()[0].to_owned();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        // Nobody may have reaped it yet, but it must not run.
        let runs = !status.is_empty() && !status.contains("State:\tZ") && !status.contains("State:\tX");
        assert!(!runs, "{after}: {outcome:?}\n{status}");
    }
}

#[test]
fn module_state_does_not_outlive_its_event() {
    for runtime in runtimes() {
        let mut app = App::new(
            "let count = 0; leaked = typeof leaked === 'undefined' ? 1 : 2; Array.prototype.mine = (Array.prototype.mine || 0) + 1;
            const lib = require('./lib/state');
            exports = { fire() { return [++count, leaked, Array.prototype.mine, lib.next()]; } };",
        )
        .file("server/lib/state.js", "let n = 0; exports = { next() { return ++n; } };");
        let mut handler = app.start(runtime);
        for _ in 0..3 {
            assert_eq!(json_value(app.deliver(&mut handler, "{}")), json!([1, 1, 1, 1]), "{runtime}");
        }
    }
}

#[test]
fn one_process_serves_many_deliveries() {
    for runtime in runtimes() {
        let mut app = App::new(
            "exports = { fire: async (payload) => { if (payload.n % 7 === 0) throw new Error('seventh'); return payload.n; } };",
        );
        let mut handler = app.start(runtime);
        for n in 1..=200 {
            let outcome = app.deliver(&mut handler, &json!({ "n": n }).to_string());
            if n % 7 == 0 {
                assert_eq!(thrown(outcome).message, "seventh");
            } else {
                assert_eq!(json_value(outcome), json!(n));
            }
        }
        assert!(handler.is_alive());
        assert!(!handler.version().is_empty());
    }
}

fn delivery(event: &str) -> Delivery {
    Delivery {
        index: 0,
        event: event.to_owned(),
        callback: "fire".to_owned(),
        payload: "{}".to_owned(),
        ends_by_render: false,
        clock_shift_ms: 0,
    }
}

#[test]
fn a_handler_that_has_ended_says_so() {
    let mut app = App::body("for (;;) {}").timeout(Duration::from_millis(50));
    let mut handler = app.start(Runtime::Embedded);
    app.deliver(&mut handler, "{}");
    let delivery = delivery("onUserUpdate");
    assert!(matches!(handler.deliver(&delivery, &mut app.heard), Err(HandlerError::Ended)));
}

#[test]
fn requires_are_cached_and_may_be_circular() {
    for runtime in runtimes() {
        let mut app = App::new(
            "const a = require('./lib/a'); exports = { fire() { return [a === require('./lib/a.js'.replace('.js', '')), a.b.early, a.b.late()]; } };",
        )
        .file("server/lib/a.js", "console.log('a runs'); exports.name = 'a'; exports.b = require('./b');")
        .file("server/lib/b.js", "const a = require('../lib/a'); exports = { early: a.name, late: () => a.name };");
        assert_eq!(json_value(app.fire(runtime)), json!([true, "a", "a"]));
        assert_eq!(app.logged(), ["a runs"]);
    }
}

#[test]
fn a_refused_require_throws() {
    each("require('../../etc/passwd');", |_, outcome, _| {
        assert_eq!(thrown(outcome).message, "`../../etc/passwd` is not inside server/");
    });
    each("require(5);", |_, outcome, _| assert_eq!(thrown(outcome).name.as_deref(), Some("TypeError")));
}

#[test]
fn npm_packages_need_node() {
    let error = thrown(App::body("require('left-pad');").fire(Runtime::Embedded));
    assert!(error.message.contains("left-pad"), "{error:?}");
    assert_eq!(error.hint.as_deref(), Some("run it with `--runtime node`"));
    if has_node() {
        let error = thrown(App::body("require('left-pad');").fire(Runtime::Node));
        assert!(error.message.contains("Cannot find module 'left-pad'"), "{error:?}");
        assert!(error.hint.is_some_and(|hint| hint.contains("npm install")));
    }
}

#[test]
fn what_the_platform_lacks_is_lacking_here() {
    for name in ["setTimeout", "setInterval", "Buffer", "fetch", "URL", "crypto", "structuredClone", "$configs"] {
        each(&format!("return {name};"), |runtime, outcome, _| {
            let error = thrown(outcome);
            assert_eq!(error.name.as_deref(), Some("ReferenceError"));
            let hint = error.hint.unwrap_or_else(|| panic!("no hint for {name} on {runtime}: {}", error.message));
            assert!(hint.starts_with(&format!("`{name}` does not exist on the platform")), "{hint}");
        });
    }
    each("process.exit(1);", |runtime, outcome, _| {
        let hint = thrown(outcome).hint;
        assert!(
            hint.as_deref().is_some_and(|hint| hint.contains("`process.exit` does not exist")),
            "{runtime}: {hint:?}"
        );
    });
    each(
        "return [process.env, typeof process.cwd(), typeof global.console.log, global === globalThis];",
        |_, outcome, _| {
            assert_eq!(json_value(outcome), json!([{ "ENV": "test" }, "string", "function", true]));
        },
    );
}

#[test]
fn host_calls_are_answered() {
    let body =
        "const both = await Promise.all([$echo.say({ n: 1 }), $echo.fail().catch((e) => e.status)]); return both;";
    let source = format!("exports = {{ fire: async function () {{ {body} }} }};");
    for runtime in runtimes() {
        assert_eq!(json_value(App::new(&source).fire(runtime)), json!([{ "n": 1 }, 400]));
        let outcome = App::body("return $echo.fail();").fire(runtime);
        assert_eq!(thrown(outcome).message, "{ status: 400, message: '$echo.fail' }");
    }
}

#[test]
fn host_calls_are_under_way_side_by_side() {
    let body = "const say = (text) => console.log(text);
        return Promise.all([$echo.later('slow', 80).then(say), $echo.later('quick', 10).then(say)]).then(() => 'both');";
    each(body, |_, outcome, app| {
        assert_eq!(json_value(outcome), json!("both"));
        assert_eq!(app.logged(), ["quick", "slow"]);
    });
}

#[test]
fn a_host_call_that_nobody_awaits_belongs_to_its_delivery() {
    let unawaited =
        "$echo.later('x', 30).then((text) => { console.log(text); return $echo.say('y'); }).then(console.log);";
    for body in [unawaited.to_owned(), format!("return Promise.resolve().then(() => {{ {unawaited} }});")] {
        each(&body, |runtime, outcome, app| {
            assert_eq!(outcome, Outcome::Returned { value: ReturnValue::Undefined }, "{runtime:?}: {body}");
            assert_eq!(app.logged(), ["x", "y"], "{runtime:?}: {body}");
        });
    }
}

#[test]
fn a_plain_return_is_told_at_once_after_an_event_that_called() {
    let body = "if (payload.calls) return $echo.say(1); return 2;";
    for runtime in runtimes() {
        let mut app = App::body(body);
        let mut handler = app.start(runtime);
        app.deliver(&mut handler, r#"{"calls":true}"#);
        let began = Instant::now();
        assert_eq!(json_value(app.deliver(&mut handler, "{}")), json!(2), "{runtime}");
        assert!(began.elapsed() < Duration::from_secs(30), "{runtime} waited for its time limit");
    }
}

#[test]
fn a_host_call_that_is_never_answered_ends_with_the_time_limit() {
    for runtime in runtimes() {
        let mut app = App::body("return $echo.never();").timeout(Duration::from_millis(300));
        let mut handler = app.start(runtime);
        let outcome = app.deliver(&mut handler, "{}");
        assert!(matches!(outcome, Outcome::TimedOut { .. }), "{runtime:?}: {outcome:?}");
        assert!(!handler.is_alive());
    }
}

#[test]
fn a_late_answer_reaches_no_later_delivery() {
    let source = "exports = { fire: function (payload) {
        if (payload.n === 0) { $echo.never().then(console.log); throw new Error('over'); }
        return $echo.release('new');
    } };";
    for runtime in runtimes() {
        let mut app = App::new(source);
        let mut handler = app.start(runtime);
        assert_eq!(thrown(app.deliver(&mut handler, r#"{"n":0}"#)).message, "over");
        assert_eq!(json_value(app.deliver(&mut handler, r#"{"n":1}"#)), json!("new"));
        assert_eq!(app.logged(), Vec::<&str>::new(), "{runtime:?}");
        assert!(handler.is_alive());
    }
}

/// Deliveries `0..count` of payloads that say their number.
fn numbered(app: &App, count: u64) -> Vec<Delivery> {
    (0..count).map(|n| app.delivery(n, &format!("{{\"n\":{n},\"name\":\"Ada\\nAdé 👩\"}}"))).collect()
}

#[test]
fn what_is_sent_ahead_runs_one_at_a_time_and_gets_its_own_answers() {
    // Waits for answers and for a file while the next events are there already, and leaves a job behind.
    let source = "let running = 0;
        exports = { fire: async function (payload) {
            const both = [running++, await $echo.later(payload.n, 3), require('./lib/b')(), await $echo.say(payload.name)];
            Promise.resolve().then(() => console.log('left by ' + payload.n));
            return both;
        } };";
    for runtime in runtimes() {
        let mut app = App::new(source).file("server/lib/b.js", "exports = () => 'b';");
        let mut handler = app.start(runtime);
        let deliveries = numbered(&app, 20);
        for (n, delivery) in deliveries.iter().enumerate() {
            // In handfuls, as a load does, once the process is known.
            if n % 5 == 1 {
                handler.send_ahead(&deliveries[n..deliveries.len().min(n + 5)]);
            }
            let delivered = handler.deliver(delivery, &mut app.heard).expect("the delivery is made");
            assert_eq!(json_value(delivered.outcome), json!([0, n, "b", "Ada\nAdé 👩"]), "{runtime:?}");
            assert_eq!(app.logged().last(), Some(&format!("left by {n}").as_str()), "{runtime:?}");
        }
    }
}

#[test]
fn one_that_ends_its_process_is_told_of_and_what_came_after_it_was_not_begun() {
    let source = "exports = { fire: function (payload) {
        console.log('began ' + payload.n);
        while (payload.n === 2) {}
    } };";
    for runtime in runtimes() {
        let mut app = App::new(source).timeout(Duration::from_secs(2));
        let mut handler = app.start(runtime);
        let deliveries = numbered(&app, 6);
        let mut outcomes = Vec::new();
        for (n, delivery) in deliveries.iter().take(3).enumerate() {
            if n == 1 {
                handler.send_ahead(&deliveries[1..]);
            }
            outcomes.push(handler.deliver(delivery, &mut app.heard).expect("the delivery is made").outcome);
        }
        assert!(matches!(outcomes[..], [Outcome::Returned { .. }, Outcome::Returned { .. }, Outcome::TimedOut { .. }]));
        assert!(!handler.is_alive());
        assert_eq!(app.logged(), ["began 0", "began 1", "began 2"], "{runtime:?}");
    }
}

#[test]
fn a_delivery_that_was_not_sent_is_not_taken_for_one_that_was() {
    let mut app = App::body("return payload.n;");
    let mut handler = app.start(Runtime::Embedded);
    let deliveries = numbered(&app, 3);
    assert_eq!(json_value(handler.deliver(&deliveries[0], &mut app.heard).expect("a delivery").outcome), json!(0));
    handler.send_ahead(&deliveries[1..2]);
    assert!(matches!(handler.deliver(&deliveries[2], &mut app.heard), Err(HandlerError::Ended)));
    assert!(!handler.is_alive());
}

#[test]
fn modules_load_while_a_host_call_is_under_way() {
    let source = "exports = { fire: function () {
        return $echo.later('x', 20).then((x) => $echo.later(x + require('./lib/b')(), 1)).then((x) => x + require('./lib/b')());
    } };";
    for runtime in runtimes() {
        let mut app = App::new(source).file("server/lib/b.js", "exports = () => 'b';");
        assert_eq!(json_value(app.fire(runtime)), json!("xbb"), "{runtime:?}");
    }
}

#[test]
fn promises_of_the_platform_take_done_fail_and_always() {
    let body = "$echo.say('one').done((x) => console.log('done ' + x)).fail(() => console.log('never')).always(() => console.log('always'));
        $echo.fail().done(() => console.log('never')).fail((e) => console.log('fail ' + e.status));";
    each(body, |_, outcome, app| {
        assert_eq!(outcome, Outcome::Returned { value: ReturnValue::Undefined });
        let mut logged = app.logged();
        logged.sort_unstable();
        assert_eq!(logged, ["always", "done one", "fail 400"]);
    });
}

#[test]
fn a_refused_call_with_done_alone_is_an_unhandled_rejection() {
    each("$echo.fail().done(() => {});", |runtime, outcome, _| {
        assert!(matches!(outcome, Outcome::Rejected { unhandled: true, .. }), "{runtime:?}: {outcome:?}");
    });
}

#[test]
fn render_data_ends_an_event_that_waits_for_it() {
    let cases = [
        ("renderData();", Outcome::Rendered { error: None, data: None }),
        ("renderData(null, { a: 1 });", Outcome::Rendered { error: None, data: Some(json!({ "a": 1 })) }),
        (
            "$echo.later(1, 10).then(() => renderData({ message: 'no' }));",
            Outcome::Rendered { error: Some(json!({ "message": "no" })), data: None },
        ),
        ("return $echo.say(1).then(() => { renderData(); return 2; });", Outcome::Rendered { error: None, data: None }),
        ("return 7;", Outcome::NotRendered),
        ("return Promise.resolve(7);", Outcome::NotRendered),
    ];
    for runtime in runtimes() {
        for (body, expected) in &cases {
            let mut app = App { ends_by_render: true, ..App::body(body) };
            assert_eq!(app.fire(runtime), *expected, "{runtime:?}: {body}");
        }
        let mut app = App { ends_by_render: true, ..App::body("throw new Error('set-up');") };
        assert_eq!(thrown(app.fire(runtime)).message, "set-up");
    }
}

#[test]
fn the_apps_clock_is_the_runs() {
    const DAYS: i64 = 40 * 24 * 3_600_000;
    let body = "const given = new Date(2020, 0, 31), now = new Date();
        class Mine extends Date {}
        return [Date.now(), now.getTime(), new Mine().getTime(), Date.parse(Date()), Date.UTC(2020, 1), given.getFullYear(),
            now instanceof Date && new Mine() instanceof Mine && now.constructor === Date, new Date(5).getTime(), typeof Date];";
    for runtime in runtimes() {
        let mut app = App { clock_shift_ms: DAYS, ..App::body(body) };
        let value = json_value(app.fire(runtime));
        let machine = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis())
            .expect("a date");
        for clock in &value.as_array().expect("an array")[..4] {
            let ahead = clock.as_i64().expect("milliseconds") - machine;
            assert!((DAYS - 60_000..=DAYS).contains(&ahead), "{runtime:?}: {value}");
        }
        assert_eq!(
            value.as_array().expect("an array")[4..],
            [json!(1_580_515_200_000_i64), json!(2020), json!(true), json!(5), json!("function")]
        );
    }
}

#[test]
fn render_data_of_another_event_ends_nothing() {
    each("renderData({ message: 'no' }); return 5;", |_, outcome, _| assert_eq!(json_value(outcome), json!(5)));
}

#[test]
fn what_a_callback_leaves_behind_belongs_to_its_delivery() {
    each("Promise.resolve().then(() => console.log('later')); console.log('now');", |_, _, app| {
        assert_eq!(app.logged(), ["now", "later"]);
    });
    if !has_node() {
        return;
    }
    let timers =
        "module.exports = (f, ms) => setTimeout(f, ms); module.exports.open = () => setInterval(() => {}, 1e6);";
    let mut app = App::body("require('timers2')(() => { console.log('later'); throw new Error('late'); }, 5);")
        .package("timers2", timers);
    let outcome = app.fire(Runtime::Node);
    assert_eq!(thrown(outcome).message, "late");
    assert_eq!(app.logged(), ["later"]);
    let mut app = App::body("require('timers2').open(); return 3;")
        .package("timers2", timers)
        .timeout(Duration::from_millis(400));
    assert_eq!(json_value(app.fire(Runtime::Node)), json!(3));
    assert_eq!(app.heard.notices.len(), 1);
}

#[test]
fn a_flood_of_logs_is_bounded() {
    for runtime in runtimes() {
        let mut app =
            App::body("const line = 'x'.repeat(300000); for (let i = 0; i < 100; i++) console.log(line); return 1;");
        assert_eq!(json_value(app.fire(runtime)), json!(1), "{runtime}");
        assert!(app.heard.logs[0].1.ends_with("… [cut: longer than 256 KiB]"));
        let bytes: usize = app.logged().iter().map(|line| line.len()).sum();
        assert!(bytes <= 16 * 1024 * 1024);
        assert_eq!(app.heard.notices.len(), 1, "{:?}", app.heard.notices);
    }
    if !has_node() {
        return;
    }
    let mut app = App::body("require('flood')();").package(
        "flood",
        "module.exports = () => { const s = 'y'.repeat(65535) + '\\n'; for (let i = 0; i < 64; i++) { process.stdout.write(s); process.stderr.write(s); } };",
    );
    assert_eq!(app.fire(Runtime::Node), Outcome::Returned { value: ReturnValue::Undefined });
    assert!(app.heard.output.len() <= 2 * 1024 * 1024);
    assert_eq!(app.heard.notices.len(), 2);
}

#[test]
fn a_large_payload_arrives_whole() {
    for runtime in runtimes() {
        let mut app = App::new("exports = { fire: (payload) => payload.length };");
        let mut handler = app.start(runtime);
        let payload = json!("p".repeat(10_000_000)).to_string();
        assert_eq!(json_value(app.deliver(&mut handler, &payload)), json!(10_000_000), "{runtime}");
    }
}

#[test]
fn an_interrupt_ends_the_delivery() {
    for runtime in runtimes() {
        let mut app = App::body("for (;;) {}");
        app.heard = Heard::default();
        let interrupt = Interrupt::by_hand().expect("a socket pair");
        let launch = Launch {
            runtime,
            root: app.folder.path().to_path_buf(),
            entry: Module { name: "server/server.js".into(), source: app.entry.clone(), counting: None },
            timeout: Duration::from_secs(60),
            memory_bytes: 64 * MIB,
            node: "node".into(),
            host_program: Some(env!("CARGO_BIN_EXE_simctl").into()),
            node_options: NodeOptions::default(),
            globals: Vec::new(),
            shares_realm: false,
            hears_logs: true,
        };
        let mut handler = Handler::start(&launch, &interrupt).expect("the handler starts");
        let delivery = delivery("e");
        let start = Instant::now();
        let setter = std::thread::spawn(move || interrupt.set());
        assert!(matches!(handler.deliver(&delivery, &mut app.heard), Err(HandlerError::Interrupted)));
        assert!(start.elapsed() < Duration::from_secs(30) && !handler.is_alive());
        setter.join().expect("the thread ends");
    }
}

#[test]
fn a_missing_node_is_told_with_what_to_do() {
    let app = App::body("");
    let mut launch = Launch {
        runtime: Runtime::Node,
        root: app.folder.path().to_path_buf(),
        entry: Module { name: "server/server.js".into(), source: String::new(), counting: None },
        timeout: Duration::from_secs(1),
        memory_bytes: 64 * MIB,
        node: "/nowhere/node".into(),
        host_program: None,
        node_options: NodeOptions::default(),
        globals: Vec::new(),
        shares_realm: false,
        hears_logs: true,
    };
    let error = Handler::start(&launch, &Interrupt::none()).expect_err("there is no such node");
    assert!(matches!(error, HandlerError::NodeMissing { .. }));
    assert!(error.hint().is_some_and(|hint| hint.contains("--runtime embedded")));
    // A program that is no node at all ends before it is ready.
    launch.node = "true".into();
    let mut handler = Handler::start(&launch, &Interrupt::none()).expect("it starts");
    let delivery = delivery("e");
    let error = handler.deliver(&delivery, &mut Heard::default()).expect_err("it is no node");
    assert!(matches!(error, HandlerError::NotReady { .. }), "{error}");
}

#[test]
fn silent_differences_are_told_once_and_change_nothing() {
    let body = r#"
    const when = new Date(0);
    for (let i = 0; i < 3; i++) (1234.5).toLocaleString('de');
    when.toLocaleString(); when.toLocaleDateString('en-GB'); when.toLocaleTimeString();
    return ['b', 'a', 'C'].sort((a, b) => a.localeCompare(b)).length + String.prototype.localeCompare.length;"#;
    let mut app = App::body(body);
    let mut handler = app.start(Runtime::Embedded);
    for _ in 0..2 {
        app.heard.notices.clear();
        let Outcome::Returned { value: ReturnValue::Json(value) } = app.deliver(&mut handler, "{}") else {
            panic!("it returns")
        };
        assert_eq!(value, json!(4));
        let named = ["toLocaleString", "toLocaleDateString", "toLocaleTimeString", "localeCompare"];
        assert_eq!(app.heard.notices.len(), named.len(), "{:?}", app.heard.notices);
        for name in named {
            let start = format!("`{name}` at server/server.js:");
            assert!(app.heard.notices.iter().any(|notice| notice.starts_with(&start)), "{:?}", app.heard.notices);
        }
    }
    if has_node() {
        app.fire(Runtime::Node);
        assert!(app.heard.notices.is_empty(), "{:?}", app.heard.notices);
    }
}

#[test]
fn a_hostile_app_cannot_silence_or_break_what_differs() {
    let mut app = App::body(
        "Error.prepareStackTrace = () => { throw 1 }; Map.prototype.get = () => 1; JSON.stringify = null;\n(1).toLocaleString();",
    );
    assert!(app.fire(Runtime::Embedded).held());
    assert_eq!(app.heard.notices.len(), 1, "{:?}", app.heard.notices);
}
