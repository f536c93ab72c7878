//! The walls round an app: what it does not find, why, and how they are lowered or raised on the node runtime.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::{Value, json};

use crate::sandbox::{Ran, Sandbox, node_or_skip};

/// An app whose `onUserUpdate` has this body.
fn app(body: &str) -> Sandbox {
    Sandbox::app(&format!(
        "exports = {{ created: function () {{}}, updated: async function (payload) {{\n{body}\n}} }};"
    ))
}

fn fire(app: &Sandbox, more: &[&str]) -> Ran {
    let args = ["trigger", "onUserUpdate", "--format", "json", "--seed", "5"];
    app.run(args.iter().chain(more).copied())
}

fn returned(app: &Sandbox, more: &[&str]) -> Value {
    fire(app, more).code(0).outcome()["value"]["json"].clone()
}

fn runtimes() -> &'static [&'static str] {
    if node_or_skip("the walls of the node runtime") { &["embedded", "node"] } else { &["embedded"] }
}

const ABSENT: &str = "setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate queueMicrotask Buffer fetch \
    Headers Request Response FormData Blob AbortController AbortSignal URL URLSearchParams TextEncoder TextDecoder crypto \
    performance structuredClone atob btoa Event EventTarget DOMException WebAssembly XMLHttpRequest WebSocket Worker navigator \
    localStorage __dirname __filename $configs std os scriptArgs print Deno Bun";

#[test]
fn what_the_platform_lacks_is_absent_in_both_runtimes() {
    let body = format!("return '{ABSENT}'.split(/ +/).filter((name) => eval('typeof ' + name) !== 'undefined');");
    for runtime in runtimes() {
        assert_eq!(returned(&app(&body), &["--runtime", runtime]), json!([]), "{runtime}");
    }
}

#[test]
fn the_process_and_the_global_object_are_the_platforms() {
    let body = "return [Object.keys(process), process.env, process.cwd(), global === globalThis, typeof global.$db];";
    for runtime in runtimes() {
        let app = app(body);
        let root = app.path().canonicalize().expect("a folder");
        let expected = json!([["env", "cwd"], {"ENV": "test"}, root.to_str(), true, "object"]);
        assert_eq!(returned(&app, &["--runtime", runtime]), expected, "{runtime}");
    }
}

#[test]
fn an_absent_global_is_explained_with_what_to_use_instead() {
    for (code, said) in [
        (
            "setTimeout(() => 0, 10);",
            "`setTimeout` does not exist on the platform: to run something later, use `$schedule`",
        ),
        ("Buffer.from('x');", "`Buffer` does not exist on the platform: for base64 and bytes, require an npm package"),
        (
            "await fetch('https://example.com');",
            "`fetch` does not exist on the platform: call other services with `$request`",
        ),
        ("structuredClone({});", "`structuredClone` does not exist on the platform: use `JSON.parse"),
        ("process.exit(1);", "`process.exit` does not exist on the platform: to fail, throw; to end, return"),
    ] {
        for runtime in runtimes() {
            app(code).run(["trigger", "onUserUpdate", "--runtime", runtime]).code(1).stdout("hint: ").stdout(said);
        }
    }
}

#[test]
fn nothing_of_the_machine_can_be_reached_from_the_embedded_runtime() {
    let secret = "SIMCTL_WALL_SECRET";
    let body = r#"
    const results = {};
    const attempt = async (name, action) => {
      try { results[name] = String(await action()); } catch (error) { results[name] = 'refused'; }
    };
    const main = new Function('return this')();
    await attempt('require fs', () => require('fs').readFileSync('/etc/passwd'));
    await attempt('require node:fs', () => require('node:fs'));
    await attempt('require child_process', () => require('child_process').execSync('id'));
    await attempt('require net', () => require('net').connect(80));
    await attempt('require a file above', () => require('../manifest.json'));
    await attempt('require an absolute file', () => require('/etc/hostname'));
    await attempt('require up and down', () => require('./lib/../../../../etc/hostname'));
    await attempt('import fs', () => import('fs'));
    await attempt('import a file', () => import('/etc/hostname'));
    await attempt('import an own file', () => import('./server.js'));
    await attempt('process', () => main.process.binding('fs'));
    await attempt('main module', () => process.mainModule.require('fs'));
    await attempt('require main', () => require.main.require('fs'));
    await attempt('require cache', () => Object.keys(require.cache).join());
    await attempt('quickjs std', () => main.std.open('/etc/passwd', 'r').readAsString());
    await attempt('quickjs os', () => main.os.exec(['id']));
    await attempt('load script', () => main.loadScript('/etc/passwd'));
    await attempt('fetch', () => main.fetch('http://127.0.0.1:9'));
    await attempt('socket', () => new main.WebSocket('ws://127.0.0.1:9'));
    await attempt('constructor', () => (class extends Object {}).constructor('return process.env.HOME')().length);
    await attempt('stack frames', () => {
      const before = Error.prepareStackTrace;
      let frames;
      Error.prepareStackTrace = (error, calls) => { frames = calls; return ''; };
      new Error('x').stack;
      Error.prepareStackTrace = before;
      return frames.map((frame) => frame.getThis()).find((holder) => holder && holder.process !== process).process.pid;
    });
    return { results, env: JSON.stringify(main.process.env), names: Object.getOwnPropertyNames(main).length };
    "#;
    let app = app(body).env(secret, "to be kept").file("server/lib/x.js", "");
    let value = returned(&app, &["--runtime", "embedded"]);
    let results = value["results"].as_object().expect("an object");
    assert_eq!(results.len(), 21);
    for (name, result) in results {
        assert_eq!(result, "refused", "{name}");
    }
    assert_eq!(value["env"], r#"{"ENV":"test"}"#);
}

#[test]
fn node_lends_its_globals_where_it_is_asked_to_and_says_so() {
    if !node_or_skip("globals that Node.js lends") {
        return;
    }
    let body = "await new Promise((resolve) => setTimeout(resolve, 5));
        return [Buffer.from('ä').toString('hex'), new URL('https://a.example/b?c=1').searchParams.get('c'), typeof fetch,
            structuredClone({a: [1]}).a[0], process.env.ENV, typeof process.exit];";
    // Without a word on the runtime, too: only Node.js has them.
    for more in [&["--allow-node-globals"][..], &["--allow-node-globals", "--runtime", "node"]] {
        let ran = fire(&app(body), more).code(0).stdout("which production does not have");
        assert_eq!(ran.outcome()["value"]["json"], json!(["c3a4", "1", "function", 1, "test", "undefined"]));
        assert_eq!(ran.events("delivery-started")[0]["runtime"], "node");
    }
    let refused = app(body).run(["trigger", "onUserUpdate", "--allow-node-globals", "--runtime", "embedded"]);
    refused.code(2).stderr("`--allow-node-globals` is for the node runtime");
}

const NEEDY: &str = r#"{
  "platform-version": "3.0",
  "modules": { "common": {}, "chat_user": { "events": { "onUserUpdate": { "handler": "updated" } } } },
  "dependencies": { "tall-tales": "1.4.2" },
  "engines": { "node": "18.20.8", "fdk": "9.7.4" }
}"#;

fn needy() -> Sandbox {
    let server = "const tales = require('tall-tales');\nconst more = require('@of/more/deep');\n\
        exports = { updated: () => tales.tell() + more };\n";
    Sandbox::new().file("manifest.json", NEEDY).file("server/server.js", server)
}

/// A program in the sandbox's `bin`.
fn program(app: Sandbox, name: &str, script: &str) -> Sandbox {
    let app = app.file(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n"));
    let file = app.path().join("bin").join(name);
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("may be run");
    app
}

/// `PATH` with the sandbox's `bin` and what tests need of the machine, but no npm.
fn with_path(app: Sandbox) -> Sandbox {
    let bin = app.path().join("bin");
    fs::create_dir_all(&bin).expect("a folder");
    for name in ["node", "sh", "mkdir", "cat", "pwd"] {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .map(|folder| folder.join(name))
            .find(|file| file.exists());
        if let Some(file) = found {
            symlink(file, bin.join(name)).expect("a link");
        }
    }
    app.env("PATH", bin)
}

#[test]
fn missing_packages_are_told_with_the_command_that_installs_them() {
    if !node_or_skip("missing packages") {
        return;
    }
    let ran = needy().run(["trigger", "onUserUpdate"]).code(2).no_stdout();
    let ran = ran.stderr("error[missing-package]: the npm package `tall-tales` is required");
    let ran = ran.stderr("--> server/server.js:1:15").stderr("the npm package `@of/more`");
    ran.stderr("`cd server && npm install tall-tales@1.4.2 @of/more`").stderr("--install");
}

/// An npm that writes down what it is asked for, and makes the packages.
const FAKE_NPM: &str = r#"
echo "npm said: $*"
echo "$(pwd) $*" > ../asked
shift
mkdir -p node_modules/tall-tales node_modules/@of/more
echo "exports.tell = () => 'once '" > node_modules/tall-tales/index.js
echo "module.exports = 'upon a time'" > node_modules/@of/more/deep.js"#;

#[test]
fn install_runs_npm_in_the_server_folder_and_shows_what_it_said() {
    if !node_or_skip("installing packages") {
        return;
    }
    let app = with_path(program(needy(), "npm", FAKE_NPM));
    let ran = fire(&app, &["--install"]).code(0).stderr("npm said: install tall-tales@1.4.2 @of/more");
    assert_eq!(ran.outcome()["value"]["json"], "once upon a time");
    let asked = fs::read_to_string(app.path().join("asked")).expect("npm ran");
    let server = app.path().canonicalize().expect("a folder").join("server");
    assert_eq!(asked.trim(), format!("{} install tall-tales@1.4.2 @of/more", server.display()));
    // Where nothing is missing, nothing is installed.
    fs::remove_file(app.path().join("asked")).expect("a file");
    fire(&app, &["--install"]).code(0).without("npm said");
    assert!(!app.path().join("asked").exists());
}

#[test]
fn npm_is_run_only_where_it_was_asked_for() {
    if !node_or_skip("installing packages") {
        return;
    }
    let app = with_path(program(needy(), "npm", FAKE_NPM));
    fire(&app, &[]).code(2);
    assert!(!app.path().join("asked").exists());
}

#[test]
fn an_npm_that_is_missing_or_fails_is_the_machines_fault_and_one_that_does_nothing_is_seen_through() {
    if !node_or_skip("installing packages") {
        return;
    }
    let trigger = ["trigger", "onUserUpdate", "--install"];
    with_path(needy()).run(trigger).code(3).stderr("`npm` was not found on PATH");
    let broken = with_path(program(needy(), "npm", "echo no such version >&2; exit 1"));
    broken.run(trigger).code(3).stderr("no such version").stderr("`npm install` ended with");
    with_path(program(needy(), "npm", "exit 0")).run(trigger).code(2).stderr("error[missing-package]");
}

#[test]
fn the_embedded_runtime_names_what_it_does_not_load() {
    let app = needy();
    let ran = app.run(["trigger", "onUserUpdate", "--runtime", "embedded"]).code(1);
    let ran = ran.stdout("warning[needs-node]: the embedded runtime does not load `tall-tales`");
    ran.stdout("--> server/server.js:1:15").stdout("leave out `--runtime embedded`").stdout("did not load");
}

#[test]
fn a_module_of_node_is_not_called_an_npm_package() {
    let app = app("return require(['node', 'fs'].join(':'));");
    let ran = app.run(["trigger", "onUserUpdate", "--runtime", "embedded"]).code(1);
    ran.stdout("`node:fs` is a module of Node.js, which the embedded runtime does not load").stdout("`--runtime node`");
}

#[test]
fn an_app_with_packages_is_not_fired_where_there_is_no_node() {
    for more in [&["trigger", "onUserUpdate"][..], &["trigger", "onUserUpdate", "--install"]] {
        let ran = needy().run([more, &["--node", "/nowhere/node"]].concat()).code(3).no_stdout();
        ran.stderr("the npm package `tall-tales`").stderr("there is no Node.js here").stderr("install Node.js 18");
    }
    let test = needy().file("tests/a.scenario.yaml", "users: { jane: {} }\nsteps: [{ update: jane }]");
    test.run(["test", "--node", "/nowhere/node"]).code(3).stderr("there is no Node.js here");
}

#[test]
fn what_is_for_node_alone_is_not_dropped_in_silence() {
    for flag in ["--node-permissions", "--install"] {
        let plain = app("return 1;");
        let refused = plain.run(["trigger", "onUserUpdate", "--runtime", "embedded", flag]).code(2);
        refused.stderr(&format!("`{flag}` is for the node runtime"));
        plain.run(["trigger", "onUserUpdate", flag]).code(0).stdout(&format!("note: `{flag}` has no effect"));
    }
}

#[test]
fn permissions_keep_node_from_other_files_and_from_programs() {
    if !node_or_skip("permissions of Node.js") {
        return;
    }
    let body = "const fs = require('fs');
        const code = (action) => { try { return typeof action(); } catch (error) { return error.code; } };
        return [
            code(() => fs.readFileSync(process.cwd() + '/manifest.json', 'utf8')),
            code(() => fs.readFileSync('/etc/passwd')),
            code(() => fs.writeFileSync(process.cwd() + '/new', '')),
            code(() => require('child_process').execSync('true')),
            require('tall-tales').tell(),
        ];";
    let app = || app(body).file("server/node_modules/tall-tales/index.js", "exports.tell = () => 'once';");
    let open = returned(&app(), &[]);
    assert_eq!(open, json!(["string", "object", "undefined", "object", "once"]));
    let closed = returned(&app(), &["--node-permissions"]);
    assert_eq!(closed, json!(["string", "ERR_ACCESS_DENIED", "ERR_ACCESS_DENIED", "ERR_ACCESS_DENIED", "once"]));
}

#[test]
fn the_node_that_was_named_is_the_users_and_none_in_the_apps_folder() {
    if !node_or_skip("the node that was named") {
        return;
    }
    let manifest = fs::read(Sandbox::app("").path().join("manifest.json")).expect("a manifest");
    let app = Sandbox::new().file("shop/manifest.json", manifest);
    let app = app.file("shop/server/server.js", "exports = { updated() { return 'ran'; }, created() {} };");
    let app = program(app, "mynode", "exec node \"$@\"");
    fs::create_dir(app.path().join("shop/bin")).expect("a folder");
    let planted = app.path().join("shop/bin/mynode");
    fs::write(&planted, "#!/bin/sh\ntouch planted-ran\n").expect("a file");
    fs::set_permissions(&planted, fs::Permissions::from_mode(0o755)).expect("may be run");
    let mut path = std::ffi::OsString::from("bin:");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let app = app.env("PATH", path);
    for named in ["bin/mynode", "mynode"] {
        let args =
            ["trigger", "onUserUpdate", "--app", "shop", "--runtime", "node", "--format", "json", "--node", named];
        assert_eq!(app.run(args).code(0).outcome()["value"]["json"], "ran");
    }
    assert!(!app.path().join("shop/planted-ran").exists());
}

#[test]
fn a_node_that_cannot_be_restricted_is_not_run_unrestricted() {
    let app = program(app("require('fs');"), "oldnode", "echo v18.19.1");
    let node = app.path().join("bin/oldnode");
    let node = node.to_str().expect("a path");
    let ran = app.run(["trigger", "onUserUpdate", "--node", node, "--node-permissions"]).code(3);
    ran.stderr("is Node.js 18.19.1, which cannot be restricted: that needs 20 or newer").stderr("--node-permissions");
    assert!(Path::new(node).exists());
}

#[test]
fn the_sample_with_a_package_runs_on_node_by_itself_and_is_refused_with_a_finding_elsewhere() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/with-npm");
    let args = ["trigger", "onUserCreate", "--app", sample, "--seed", "7", "--format", "json", "--db", "memory"];
    if node_or_skip("the sample with a package") {
        let ran = Sandbox::new().run(args).code(0);
        assert_eq!(ran.events("delivery-started")[0]["runtime"], "node");
        assert!(ran.events("notice")[0]["message"].as_str().is_some_and(|why| why.contains("npm package `initials`")));
    }
    let ran = Sandbox::new().run(args.into_iter().chain(["--runtime", "embedded"])).code(1);
    let found = &ran.events("found")[0];
    assert_eq!((&found["code"], &found["span"]["start"]["line"]), (&json!("needs-node"), &json!(2)));
    assert_eq!(ran.outcome()["kind"], "not-loaded");
}
