//! `docs/scale.md` is true: its jobs have the shape that GitHub and Kubernetes require, and their commands are run as a runner would
//! run them, with fewer deliveries. The reports of the shards add up to those of the run in one piece.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Map, Value};
use simctl::text::{Source, yaml};
use tempfile::TempDir;

use crate::common::{node_or_skip, skip};

mod common;

/// Fails for some users and not for others, so that outcomes tell which payloads were fired.
const SERVER: &str = "exports = {
  created: function () {},
  updated: function (p) { if (p.data.user.first_name < 'J') { throw new Error('early in the alphabet'); } },
};";
const MANIFEST: &str = r#"{
  "platform-version": "3.0",
  "modules": {
    "common": {},
    "chat_user": { "events": { "onUserCreate": { "handler": "created" }, "onUserUpdate": { "handler": "updated" } } }
  },
  "engines": { "node": "18.20.8", "fdk": "9.7.4" }
}"#;

fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scale.md")).expect("the document")
}

/// The fenced blocks of that language.
fn blocks(language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let text = document();
    for part in text.split(&format!("```{language}\n")).skip(1) {
        blocks.push(part.split("```").next().expect("its end").to_owned());
    }
    blocks
}

/// The text with each of these replaced; all of them have to be there.
fn replaced(text: &str, parts: &[(&str, &str)]) -> String {
    parts.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in {text}");
        text.replace(from, to)
    })
}

fn parsed(text: &str) -> Value {
    let source = Source::new("scale.yaml", text.as_bytes().to_vec()).expect("UTF-8");
    let (node, findings) = yaml::read(&source);
    assert!(findings.is_empty(), "{findings:?}\n{text}");
    node.expect("a value").value()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("`{key}` is no text in {value}"))
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    let list = value[key].as_array().unwrap_or_else(|| panic!("`{key}` is no list in {value}"));
    assert!(!list.is_empty(), "`{key}` is empty in {value}");
    list
}

fn app() -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("server")).unwrap();
    fs::write(dir.path().join("manifest.json"), MANIFEST).unwrap();
    fs::write(dir.path().join("server/server.js"), SERVER).unwrap();
    dir
}

/// A program with simctl on PATH, in that folder.
fn command(words: &[&str], dir: &Path) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_simctl")).parent().expect("a folder");
    let path = format!("{}:{}", binary.display(), std::env::var_os("PATH").unwrap_or_default().display());
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(dir).env("PATH", path).stdin(Stdio::null());
    for name in ["SIMCTL_SEED", "SIMCTL_NOW", "SIMCTL_NO_HISTORY"] {
        command.env_remove(name);
    }
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What the run in one piece comes to: the command of a shard, without its shard and its report.
fn unsharded(shard: &str) -> Value {
    let words: Vec<&str> = shard.split_whitespace().filter(|word| *word != "\\").collect();
    let own = words.iter().enumerate().filter(|(at, word)| {
        let follows = *at > 0 && matches!(words[at - 1], "--shard" | "--report");
        !follows && !matches!(**word, "--shard" | "--report")
    });
    let mut own: Vec<&str> = own.map(|(_, word)| *word).collect();
    assert_eq!(words.len() - own.len(), 4, "{shard}");
    own.extend(["--report", "json=whole.json"]);
    let dir = app();
    let output = command(&own, dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "some deliveries fail: {}", said(&output));
    report(&dir.path().join("whole.json"))
}

fn report(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap()
}

/// Adds the reports in `dir` up by this command of the document, and compares the sum with the run in one piece.
fn adds_up(merge: &str, dir: &Path, whole: &Value) {
    let output = command(&["bash", "-ec", &format!("{merge} --report json=sum.json")], dir).output().unwrap();
    // Some deliveries failed, which merging does not forget.
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let sum = report(&dir.join("sum.json"));
    for same in ["digest", "deliveries", "outcomes"] {
        assert_eq!(sum[same], whole[same], "{same}");
    }
    let outcomes = whole["outcomes"].as_object().expect("outcomes");
    assert!(outcomes.contains_key("returned") && outcomes.contains_key("threw"), "{outcomes:?}");
}

// GitHub Actions ------------------------------------------------------------------------------------------------------

/// One job of a matrix: `matrix.shard` and the like, by name.
type Context = BTreeMap<String, String>;

/// A text with each `${{ … }}` as it is in this context.
fn evaluated(text: &str, context: &Context) -> String {
    let mut parts = text.split("${{");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (expression, rest) = part.split_once("}}").expect("an expression ends");
        let expression = expression.trim();
        whole += context.get(expression).unwrap_or_else(|| panic!("nothing is known of `{expression}`"));
        whole += rest;
    }
    whole
}

/// The jobs that a matrix stands for.
fn contexts(job: &Value) -> Vec<Context> {
    let mut contexts = vec![BTreeMap::from([("github.run_number".to_owned(), "7".to_owned())])];
    for (name, values) in job["strategy"]["matrix"].as_object().unwrap_or(&Map::new()) {
        let values = values.as_array().filter(|values| !values.is_empty()).expect("a matrix has lists");
        let with = |context: &Context, value: &Value| {
            let mut context = context.clone();
            context.insert(format!("matrix.{name}"), value.to_string());
            context
        };
        contexts = contexts.iter().flat_map(|context| values.iter().map(|value| with(context, value))).collect();
    }
    contexts
}

/// Checks what GitHub refuses a workflow for.
fn is_workflow(workflow: &Value) {
    assert!(workflow.get("on").is_some(), "nothing starts it");
    let jobs = workflow["jobs"].as_object().expect("jobs");
    for (name, job) in jobs {
        text(job, "runs-on");
        if let Some(needed) = job.get("needs") {
            assert!(jobs.contains_key(needed.as_str().expect("a job")), "{name} needs {needed}");
        }
        for step in list(job, "steps") {
            assert!(step.get("uses").is_some() != step.get("run").is_some(), "a step runs or uses: {step}");
        }
    }
}

/// Plays jobs as a runner does, each in a folder of its own. Artifacts lie in `artifacts`, a folder each.
struct Runner {
    artifacts: TempDir,
}

impl Runner {
    /// Runs one job, and gives its folder and whether all of its steps succeeded.
    fn job(&self, job: &Value, context: &Context) -> (TempDir, bool) {
        let mut dir = TempDir::new().unwrap();
        let mut held = true;
        for step in list(job, "steps") {
            if !held && step["if"] != "always()" {
                continue;
            }
            let value = |key: &str| evaluated(step["with"][key].as_str().unwrap_or_default(), context);
            match step["uses"].as_str() {
                None => {
                    let script = evaluated(text(step, "run"), context);
                    let output = command(&["bash", "-e", "-c", &script], dir.path()).output().unwrap();
                    assert!(matches!(output.status.code(), Some(0 | 1)), "$ {script}\n{}", said(&output));
                    held &= output.status.success();
                }
                Some("actions/checkout@v4") => dir = app(),
                Some("actions/upload-artifact@v4") => self.upload(dir.path(), &value("name"), &value("path")),
                Some("actions/download-artifact@v4") => {
                    assert_eq!(step["with"]["merge-multiple"], true);
                    self.download(dir.path());
                }
                Some(other) => panic!("this runner does not know {other}"),
            }
        }
        (dir, held)
    }

    /// No artifact may have the name of another, nor be empty.
    fn upload(&self, dir: &Path, name: &str, pattern: &str) {
        let to = self.artifacts.path().join(name);
        fs::create_dir(&to).unwrap_or_else(|error| panic!("artifact {name}: {error}"));
        let copied = command(&["sh", "-c", &format!("cp {pattern} \"$0\""), &to.to_string_lossy()], dir).output();
        assert!(copied.as_ref().is_ok_and(|copied| copied.status.success()), "{copied:?}");
    }

    fn download(&self, dir: &Path) {
        for artifact in fs::read_dir(self.artifacts.path()).unwrap() {
            for file in fs::read_dir(artifact.unwrap().path()).unwrap().map(Result::unwrap) {
                fs::copy(file.path(), dir.join(file.file_name())).unwrap();
            }
        }
    }
}

#[test]
fn the_github_matrix_is_the_run_in_one_piece() {
    let blocks = blocks("yaml");
    let block = replaced(&blocks[0], &[("-n 100000", "-n 60"), ("p99 < 20ms", "p99 < 60s")]);
    let workflow = parsed(&block);
    is_workflow(&workflow);
    let (load, merge) = (&workflow["jobs"]["load"], &workflow["jobs"]["merge"]);
    let runner = Runner { artifacts: TempDir::new().unwrap() };
    let shards = contexts(load);
    assert!(shards.len() > 1, "a matrix is more than one job");
    let mut all_held = true;
    for context in &shards {
        all_held &= runner.job(load, context).1;
    }
    assert!(!all_held, "some deliveries fail, and with them their jobs");
    assert_eq!((&merge["needs"], &merge["if"]), (&"load".into(), &"always()".into()));
    let (dir, _) = runner.job(merge, &contexts(merge)[0]);
    let page = fs::read_to_string(runner.artifacts.path().join("load/load.html")).expect("the page is an artifact");
    assert!(page.contains("<svg"), "{page}");
    let run = |job: &Value| {
        let step =
            list(job, "steps").iter().find_map(|step| step["run"].as_str()).expect("a step that runs").to_owned();
        evaluated(&step, &shards[0])
    };
    adds_up(run(merge).trim(), dir.path(), &unsharded(&run(load)));
}

// Kubernetes ----------------------------------------------------------------------------------------------------------

/// Checks what Kubernetes refuses a Job for, and gives how many pods it has and its one container.
fn indexed_job(job: &Value) -> (u64, &Value) {
    assert_eq!((text(job, "apiVersion"), text(job, "kind")), ("batch/v1", "Job"));
    text(&job["metadata"], "name");
    let spec = &job["spec"];
    assert_eq!(spec["completionMode"], "Indexed");
    let count = spec["completions"].as_u64().expect("an indexed job says how many there are");
    assert_eq!(spec["parallelism"], count, "shards that wait for others are no load");
    let pod = &spec["template"]["spec"];
    // Both are required for limits by index.
    assert_eq!((&spec["backoffLimitPerIndex"], text(pod, "restartPolicy")), (&0.into(), "Never"));
    let [container] = list(pod, "containers") else { panic!("one container: {pod}") };
    text(container, "name");
    text(container, "image");
    for mount in list(container, "volumeMounts") {
        assert!(list(pod, "volumes").iter().any(|volume| text(volume, "name") == text(mount, "name")), "{mount}");
    }
    (count, container)
}

/// What the kubelet makes of `$(NAME)` in commands and arguments: the variable where there is one, else what stands there. `$$` is `$`.
fn expanded(text: &str, name: &str, value: &str) -> String {
    let mut whole = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        whole += &rest[..at];
        let after = &rest[at + 1..];
        let reference = after.strip_prefix('(').and_then(|inside| inside.split_once(')'));
        rest = match reference {
            _ if after.starts_with('$') => {
                whole.push('$');
                &after[1..]
            }
            Some((inside, behind)) if inside == name => {
                whole += value;
                behind
            }
            Some((inside, behind)) => {
                whole += &format!("$({inside})");
                behind
            }
            None => {
                whole.push('$');
                after
            }
        };
    }
    whole + rest
}

#[test]
fn the_kubernetes_job_is_the_run_in_one_piece() {
    const INDEX: &str = "JOB_COMPLETION_INDEX";
    let reports = TempDir::new().unwrap();
    let folder = reports.path().to_string_lossy().into_owned();
    let blocks = blocks("yaml");
    let few = [("--rate 4000/s --for 5m", "--rate 80/s --for 1s"), ("/reports", folder.as_str())];
    let job = parsed(&replaced(&blocks[1], &few));
    let (count, container) = indexed_job(&job);
    assert_eq!(list(container, "volumeMounts")[0]["mountPath"], *folder, "reports are written into the volume");
    let mut shard = String::new();
    for index in (0..count).map(|index| index.to_string()) {
        let words = list(container, "command").iter().chain(list(container, "args"));
        let words: Vec<String> = words.map(|word| expanded(word.as_str().expect("words"), INDEX, &index)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let dir = app();
        let output = command(&words, dir.path()).env(INDEX, &index).output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{words:?}\n{}", said(&output));
        shard = words.last().expect("a script").replace("$((JOB_COMPLETION_INDEX + 1))", "1");
    }
    let merge = commands().into_iter().find(|line| line.starts_with("simctl report merge")).expect("how to merge");
    adds_up(&replaced(&merge, &[("/reports", &folder)]), reports.path(), &unsharded(&shard));
}

#[test]
fn what_the_kubelet_expands() {
    let expanded = |text| expanded(text, "I", "5");
    assert_eq!(expanded("$(I) $$(I) $(J) $((I + 1)) $I a$"), "5 $(I) $(J) $((I + 1)) $I a$");
}

// Other tools ---------------------------------------------------------------------------------------------------------

/// The commands of the `sh` blocks.
fn commands() -> Vec<String> {
    blocks("sh").iter().flat_map(|block| block.lines()).map(str::to_owned).collect()
}

fn command_with(part: &str) -> String {
    commands().into_iter().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no command has {part}"))
}

/// A broker of kcat's own for trying it out, in the memory of one process. It listens on this machine only.
struct Broker {
    child: Child,
    address: String,
}

impl Broker {
    fn start() -> Self {
        let mut child = Command::new("kcat")
            .args(["-P", "-X", "test.mock.num.brokers=1", "-b", "none", "-t", "none", "-d", "mock"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kcat starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let (_, address) = line.split_once("bootstrap.servers=")?;
            Some(address.trim().to_owned())
        });
        // It must never wait for somebody to read what it says.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.expect("kcat tells its broker's address") }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn kcat_makes_a_message_of_each_payload() {
    let dir = TempDir::new().unwrap();
    let line =
        replaced(&command_with("| kcat"), &[("-n 1000000 --seed 7", "-n 50 --seed 7 --now 2026-01-31T12:00:00Z")]);
    let (left, right) = line.split_once(" | ").expect("a pipe");
    let written = command(&["sh", "-c", left], dir.path()).output().unwrap();
    assert_eq!(written.status.code(), Some(0), "{}", said(&written));
    let written = String::from_utf8(written.stdout).unwrap();
    assert_eq!(written.lines().count(), 50);
    for line in written.lines() {
        assert_eq!(serde_json::from_str::<Value>(line).expect("a payload a line")["event"], "onUserUpdate");
    }
    if !Command::new("kcat").arg("-V").output().is_ok_and(|output| output.status.success()) {
        skip("scale: kcat", "it needs kcat on PATH (Debian: kcat)");
        return;
    }
    let broker = Broker::start();
    let sent = format!("{left} | {}", replaced(right, &[("broker:9092", &broker.address)]));
    let sent = command(&["bash", "-o", "pipefail", "-ec", &sent], dir.path()).output().unwrap();
    assert!(sent.status.success(), "{}", said(&sent));
    let consume = ["kcat", "-C", "-b", &broker.address, "-t", "users", "-o", "beginning", "-c", "50", "-q"];
    let came = command(&consume, dir.path()).output().unwrap();
    assert!(came.status.success(), "{}", said(&came));
    // Topics have several partitions, which are read in turn.
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&String::from_utf8(came.stdout).unwrap()), sorted(&written));
}

#[test]
fn a_k6_script_reads_the_payloads() {
    let dir = TempDir::new().unwrap();
    let line = replaced(&command_with("payloads.ndjson"), &[("-n 10000", "-n 30")]);
    let output = command(&["sh", "-ec", &line], dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let file: PathBuf = dir.path().join("payloads.ndjson");
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 30);
    if !node_or_skip("scale: k6") {
        return;
    }
    // The script's lines as they stand, with stand-ins for what k6 gives it.
    let script = replaced(&blocks("js")[0], &[("import { SharedArray } from 'k6/data';", "")]);
    let stand_ins = "class SharedArray { constructor(name, make) { return make(); } }
      const open = (file) => require('fs').readFileSync(file, 'utf8');";
    let told = "console.log(JSON.stringify(payloads.map((one) => JSON.parse(one).event)));";
    let output = command(&["node", "-e", &format!("{stand_ins}\n{script}\n{told}")], dir.path()).output().unwrap();
    let events: Vec<String> = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    assert_eq!(events, vec!["onUserUpdate"; 30]);
}
