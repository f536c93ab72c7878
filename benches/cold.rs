//! What one event costs from a cold start, as whole processes, beside Node.js and what others start for one event.

use std::fs;
use std::path::Path;

use crate::common::{Asked, Bench, Peer, SIMCTL, Turn, Turns, Unit, command, output, root, scratch, text, timed};

const LAMBDA_LOCAL: &str = "lambda-local@2.2.0";

const EMBEDDED: &str = "simctl trigger, embedded";
const NODE: &str = "simctl trigger, node";
const EMPTY_NODE: &str = "`node -e 0`";
const BARE_NODE: &str = "node, calling the same function";
const LAMBDA: &str = "lambda-local, calling the same function";

/// What a developer would write by hand: read the payload, load the file, call the function.
const CALL: &str = r#"
const fs = require('fs');
const vm = require('vm');
const load = () => {
  const text = fs.readFileSync('SERVER', 'utf8');
  const wrapped = '(function () { var exports; ' + text + '\nreturn exports; })';
  return vm.runInThisContext(wrapped, { filename: 'server.js' })();
};
"#;

pub(crate) fn measure(bench: &mut Bench<'_>) {
    let dir = scratch("cold");
    let app = root().join("samples/modules-3.0");
    let call = CALL.replace("SERVER", text(&app.join("server/server.js")));
    let payload = dir.join("payload.json");
    fs::write(&payload, output(&[SIMCTL, "generate", "onUserUpdate", "--seed", "1"])).expect("a file");
    let bare = dir.join("bare.js");
    let once = "load().onUserUpdateCallback(JSON.parse(fs.readFileSync(process.argv[2], 'utf8')));\n";
    fs::write(&bare, format!("{call}{once}")).expect("a file");
    fs::write(
        dir.join("lambda.js"),
        format!("{call}exports.handler = async (event) => load().onUserUpdateCallback(event);\n"),
    )
    .expect("a file");
    let trigger = |runtime| timed(&[SIMCTL, "trigger", "onUserUpdate", "--app", text(&app), "--runtime", runtime]);
    let node = |words: Vec<String>| bench.peers.node().map(|()| timed(&words));
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();

    let mut turns = Turns::new(Unit::Milliseconds);
    turns.add("a program that does nothing", timed(&["true"]));
    turns.add("simctl --version", timed(&[SIMCTL, "--version"]));
    turns.add(EMBEDDED, trigger("embedded"));
    turns.peer(EMPTY_NODE, node(words(&["node", "-e", "0"])));
    turns.peer(BARE_NODE, node(words(&["node", text(&bare), text(&payload)])));
    turns.peer(NODE, node(Vec::new()).map(|_| trigger("node")));
    turns.peer(LAMBDA, lambda_local(bench, &dir, &payload));
    let came = turns.take(bench.pick(5, 0), bench.rounds(60));
    let beside = came.spread(EMPTY_NODE).is_ok().then_some((EMPTY_NODE, "of `node -e 0`"));
    bench.sheet.add(&came.table("whole process, cold", beside));
    bench.sheet.bar("cold `trigger`, embedded", EMPTY_NODE, Asked::PartOf(8.0), came.ratio(EMBEDDED, EMPTY_NODE));
    bench.sheet.bar("cold `trigger`, embedded", "`lambda-local`", Asked::PartOf(16.0), came.ratio(EMBEDDED, LAMBDA));
    let bare = came.ratio(NODE, BARE_NODE);
    bench.sheet.bar("cold `trigger`, node", "bare `node` calling the handler", Asked::AtMost(1.15), bare);
}

/// The function as a Lambda's handler, called once by what runs those on a developer's computer.
fn lambda_local(bench: &Bench<'_>, dir: &Path, payload: &Path) -> Peer<Turn> {
    let modules = bench.peers.npm("lambda-local", &[LAMBDA_LOCAL])?.join("node_modules");
    let cli = modules.join("lambda-local/build/cli.js");
    let lambda = dir.join("lambda.js");
    let words = ["node", text(&cli), "-l", text(&lambda), "-h", "handler", "-e", text(payload), "--verboselevel", "0"];
    // It says `1` where the handler failed.
    command(&words).output().ok().filter(|output| output.status.success()).ok_or("its call of the handler failed")?;
    Ok(timed(&words))
}
