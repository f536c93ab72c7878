//! Many events at once: nothing lost and nothing doubled, waiting that cannot hide, shards that are the run, and gates.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use simctl::schema::Schemas;

use crate::sandbox::{Ran, Sandbox, node_or_skip};
use crate::server::Server;

/// Long enough for the slowest machine; never waited for where all is well.
const DEADLINE: Duration = Duration::from_secs(60);

/// Both callbacks are fine.
const FINE: &str = "exports = { created: function (p) { return 1; }, updated: function (p) { return 1; } };";

/// Each user and each callback is counted in `$db`.
const COUNTING: &str = "
const count = async function (key) {
  try { await $db.set(key, { n: 0 }, { setIf: 'not_exist' }); } catch (error) { if (error.status !== 400) throw error; }
  await $db.update(key, 'increment', { n: 1 });
};
exports = {
  created: function (p) { return count('created'); },
  updated: async function (p) { await count('all'); await count('u:' + p.data.user.id); }
};";

/// The report that a load wrote.
fn report(sandbox: &Sandbox, file: &str) -> Value {
    let text = fs::read_to_string(sandbox.path().join(file)).expect("the report is there");
    let report = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(Schemas::embedded().check_value("load-report", &report), [], "{text}");
    report
}

fn run(sandbox: &Sandbox, args: &str) -> Ran {
    sandbox.run(args.split(' '))
}

/// The payloads that a server got, by text.
fn payloads(server: &Server) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    server.requests().into_iter().for_each(|request| *all.entry(request.body).or_default() += 1);
    all
}

fn accepting() -> Server {
    Server::saying("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
}

#[test]
fn each_delivery_has_one_outcome_and_the_handler_saw_each_once() {
    let sandbox = Sandbox::app(COUNTING);
    run(&sandbox, "load onUserUpdate -n 120 --workers 3 --seed 5 --db seen.sqlite --report json=load.json").code(0);
    let told = report(&sandbox, "load.json");
    assert_eq!((&told["deliveries"], &told["outcomes"]["returned"]), (&120.into(), &120.into()));
    assert_eq!(told["latency"]["count"], 120);
    let all = run(&sandbox, "db get all --db seen.sqlite").code(0).json();
    assert_eq!(all["n"], 120);
    let made = run(&sandbox, "generate onUserUpdate -n 120 --seed 5").lines();
    let mut wanted = BTreeMap::new();
    made.iter().for_each(|payload| *wanted.entry(payload["data"]["user"]["id"].to_string()).or_insert(0) += 1);
    let seen = run(&sandbox, "db list u: --db seen.sqlite --format json").code(0).lines();
    let seen: BTreeMap<String, i64> = seen
        .iter()
        .map(|record| (record["key"].to_string().replace("u:", ""), record["value"]["n"].as_i64().expect("a number")))
        .collect();
    assert_eq!(seen, wanted);
}

#[test]
fn a_worker_that_is_killed_loses_its_delivery_and_no_other() {
    if !node_or_skip("a_worker_that_is_killed_loses_its_delivery_and_no_other") {
        return;
    }
    // The first delivery to get there waits to be killed; each other one is noted.
    let server = "
const fs = require('fs');
exports = { updated: function (p) {
  try {
    fs.writeFileSync(process.cwd() + '/pid', String(require('process').pid), { flag: 'wx' });
  } catch (_) {
    fs.appendFileSync(process.cwd() + '/seen', p.data.user.id + '\\n');
    return 1;
  }
  for (;;) {}
} };";
    let sandbox = Sandbox::app(server);
    let args = "load onUserUpdate -n 150 --workers 2 --runtime node --seed 4 --report json=load.json";
    let mut child = sandbox.command(args.split(' ')).spawn().expect("simctl starts");
    let began = Instant::now();
    let pid = loop {
        let pid = fs::read_to_string(sandbox.path().join("pid")).ok().and_then(|text| text.parse().ok());
        if let Some(pid) = pid {
            break pid;
        }
        assert!(began.elapsed() < DEADLINE, "no handler ran");
        std::thread::yield_now();
    };
    kill_process(Pid::from_raw(pid).expect("a process"), Signal::KILL).expect("it is killed");
    assert_eq!(child.wait().expect("simctl ends").code(), Some(1));
    let told = report(&sandbox, "load.json");
    assert_eq!(told["outcomes"], serde_json::json!({ "returned": 149, "signalled": 1 }));
    assert_eq!(fs::read_to_string(sandbox.path().join("seen")).expect("it is there").lines().count(), 149);
    let processes: i64 =
        told["memory"]["workers"].as_array().expect("workers").iter().filter_map(|one| one["processes"].as_i64()).sum();
    assert_eq!(processes, 3, "one took over");
}

#[test]
fn a_handler_that_stalls_cannot_hide() {
    // Every hundredth delivery takes 300 ms; at one each 5 ms, some sixty others wait for it.
    let server = "exports = { updated: function (p) {
      if (Number(p.data.user.id.charCodeAt(0)) > 0 && JSON.stringify(p).length % 97 === 0) {
        for (const end = Date.now() + 300; Date.now() < end;);
      }
    } };";
    let sandbox = Sandbox::app(server);
    run(&sandbox, "load onUserUpdate -n 400 --rate 200/s --workers 1 --seed 1 --report json=load.json").code(0);
    let told = report(&sandbox, "load.json");
    let us = |of: &str, what: &str| told[of][what].as_u64().expect("a number");
    assert!(us("handler", "max_us") >= 300_000, "{told}");
    // To the handler's own clock a few are slow. Users have waited far more often.
    assert!(us("handler", "p90_us") < 100_000 && us("latency", "p90_us") > 100_000, "{}", told["latency"]);
    assert!(told["late"].as_u64().expect("a number") > 20, "{}", told["late"]);
    assert_eq!(told["deliveries"], 400);
}

#[test]
fn a_rate_is_kept_and_what_no_worker_is_free_for_counts() {
    let server = "exports = { updated: function (p) { for (const end = Date.now() + 4000; Date.now() < end;); } };";
    let sandbox = Sandbox::app(server);
    let ran = run(&sandbox, "load onUserUpdate --rate 10/s --for 1s --workers 1 --report json=load.json").code(1);
    ran.stdout("never begun");
    let told = report(&sandbox, "load.json");
    let number = |what: &str| told[what].as_u64().expect("a number");
    assert_eq!(number("deliveries") + number("unfired"), 10);
    assert!(number("unfired") >= 7, "{told}");
    assert_eq!(told["latency"]["count"], 10, "what has waited in vain has waited");
}

#[test]
fn a_ramp_is_named_beside_the_rate_that_it_leads_to() {
    let ran = run(&Sandbox::app(FINE), "load onUserUpdate --rate 20/s --ramp 1s --for 1s --workers 1").code(0);
    ran.stdout("10 deliveries in").stdout("20.0/s asked for after a ramp of 1.00 s");
    run(&Sandbox::app(FINE), "load onUserUpdate -n 1").code(0).stdout("1 delivery in");
}

#[test]
fn shards_are_the_run_payload_for_payload() {
    let (whole, parts, users, user_parts) = (accepting(), accepting(), accepting(), accepting());
    let sandbox = Sandbox::app(FINE);
    let same = "--seed 9 --now 2026-01-31T12:00:00Z";
    let to = |server: &Server, more: &str| run(&sandbox, &format!("load {more} {same} --to {}", server.url())).code(0);
    to(&whole, "onUserUpdate -n 100 --in-flight 4 --report json=whole.json");
    to(&users, "--users 12 --mix create=1,update=4 -n 100 --report json=users.json");
    for part in 1..=3 {
        to(&parts, &format!("onUserUpdate -n 100 --in-flight 2 --shard {part}/3 --report json={part}.json"));
        to(
            &user_parts,
            &format!("--users 12 --mix create=1,update=4 -n 100 --shard {part}/3 --report json=u{part}.json"),
        );
    }
    assert_eq!(payloads(&parts), payloads(&whole));
    assert_eq!(payloads(&user_parts), payloads(&users));
    assert_eq!(payloads(&whole).values().sum::<usize>(), 100);
    let made = run(&sandbox, &format!("generate onUserUpdate -n 100 {same}")).code(0);
    let made: Vec<String> = made.out.lines().map(str::to_owned).collect();
    assert!(made.iter().all(|payload| payloads(&whole).contains_key(payload)), "generate writes the same");

    // URLs differ, and so these are reports of different runs: with one server they are not.
    for part in 1..=3 {
        let mut told = report(&sandbox, &format!("{part}.json"));
        assert_eq!(told["run"]["first_payloads"], report(&sandbox, "whole.json")["run"]["first_payloads"]);
        told["run"]["to"] = "here".into();
        fs::write(sandbox.path().join(format!("{part}.json")), told.to_string()).expect("written");
    }
    run(&sandbox, "report merge 3.json 1.json 2.json --report json=sum.json").code(0).stdout("100 deliveries");
    let (sum, whole) = (report(&sandbox, "sum.json"), report(&sandbox, "whole.json"));
    for same in ["digest", "deliveries", "outcomes"] {
        assert_eq!(sum[same], whole[same], "{same}");
    }
    assert_eq!(sum["latency"]["count"], 100);
}

#[test]
fn reports_that_are_not_all_shards_of_one_run_are_refused() {
    let sandbox = Sandbox::app(FINE);
    let shard = |part: u64, seed: u64| {
        let args = format!(
            "load onUserUpdate -n 9 --workers 1 --seed {seed} --now 2026-01-31T12:00:00Z --shard {part}/3 --report json={part}-{seed}.json"
        );
        run(&sandbox, &args).code(0);
    };
    (1..=3).for_each(|part| shard(part, 7));
    shard(2, 8);
    run(&sandbox, "report merge 1-7.json 2-7.json 3-7.json").code(0).stdout("9 deliveries");
    run(&sandbox, "report merge 1-7.json 2-7.json 3-7.json --report json=./1-7.json").code(2).stderr("of its own");
    assert_eq!(report(&sandbox, "1-7.json")["shards"]["parts"], serde_json::json!([1]));
    run(&sandbox, "report merge 1-7.json 3-7.json").code(2).stderr("of 3 shards, these are missing: 2");
    run(&sandbox, "report merge 1-7.json 2-7.json 2-7.json 3-7.json")
        .code(2)
        .stderr("shard 2/3 is there more than once");
    run(&sandbox, "report merge 1-7.json 2-8.json 3-7.json").code(2).stderr("`seed` is 7 and 8");
    run(&sandbox, "report merge 1-7.json manifest.json").code(2).stderr("manifest.json is not a report of a load");
    run(&sandbox, "report merge 1-7.json none.json").code(2).stderr("none.json cannot be read");
}

#[test]
fn a_shard_that_could_not_go_on_is_no_part_of_a_whole_run() {
    let sandbox = Sandbox::app(FINE).file("node", "#!/bin/sh\nexit 127\n");
    fs::set_permissions(sandbox.path().join("node"), fs::Permissions::from_mode(0o755)).unwrap();
    let args = "load onUserUpdate -n 40 --workers 1 --seed 7 --now 2026-01-31T12:00:00Z";
    run(&sandbox, &format!("{args} --shard 1/2 --report json=1.json")).code(0);
    run(&sandbox, &format!("{args} --shard 2/2 --report json=2.json --runtime node --node ./node")).code(3);
    assert_eq!(report(&sandbox, "2.json")["interrupted"], true);
    // What the handler is run by is no part of which payloads a run has.
    let text = fs::read_to_string(sandbox.path().join("2.json")).unwrap().replace("\"node\"", "\"embedded\"");
    fs::write(sandbox.path().join("2.json"), text).unwrap();
    let merged = run(&sandbox, "report merge 1.json 2.json --expect errors=0").code(1);
    merged.stderr("2.json: this shard was ended before its time, after 0 deliveries");
}

/// One worker has one delivery at a time, whatever it was sent ahead.
#[test]
fn deliveries_of_one_worker_take_no_longer_than_the_run() {
    let sandbox = Sandbox::app(FINE);
    for flags in ["", " --shared-realm"] {
        run(&sandbox, &format!("load onUserUpdate -n 2000 --workers 1 --report json=l.json{flags}")).code(0);
        let report = report(&sandbox, "l.json");
        let (sum, took) = (report["latency"]["sum_us"].as_u64().unwrap(), report["took_us"].as_u64().unwrap());
        assert!(sum <= took, "{sum} of {took} us{flags}");
    }
}

#[test]
fn realms_without_end_leave_node_what_packages_and_fetch_need() {
    if !node_or_skip("many realms in Node.js") {
        return;
    }
    let server = "exports = { updated: function (p) {
      if (typeof WebAssembly !== WANTED) { throw new Error('WebAssembly is ' + typeof WebAssembly); }
      if (typeof WebAssembly === 'object') {
        return WebAssembly.instantiate(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])).then(() => fetch('data:,hello'));
      }
    } };";
    for (wanted, flags) in [("'undefined'", ""), ("'object'", " --allow-node-globals")] {
        let sandbox = Sandbox::app(&server.replace("WANTED", wanted));
        let args = format!("load onUserUpdate -n 60 --workers 1 --runtime node{flags}");
        run(&sandbox, &args).code(0).stdout("60 held");
    }
}

#[test]
fn what_repeats_one_delivery_has_no_number_of_all() {
    let sandbox = Sandbox::app("exports = { updated: function (p) { throw new Error('no'); } };");
    for number in ["-n 3", "-n3", "-n=3", "--count 3", "-qn 3", "-qn3"] {
        let ran = run(
            &sandbox,
            &format!("load onUserUpdate {number} --workers 1 --seed 1 --now 2026-02-01T00:00:00Z --report json=l.json"),
        )
        .code(1);
        drop(ran);
        let repeat = report(&sandbox, "l.json")["failures"][0]["repeat"].as_str().unwrap().to_owned();
        assert!(repeat.starts_with("simctl trigger onUserUpdate ") && !repeat.contains('3'), "{number}: {repeat}");
        let ran = sandbox.run(repeat.split(' ').skip(1)).code(1);
        ran.stdout("threw Error: no");
    }
}

#[test]
fn a_shard_without_a_seed_and_a_clock_is_refused() {
    let sandbox = Sandbox::app(FINE);
    run(&sandbox, "load onUserUpdate -n 9 --shard 1/3").code(2).stderr("needs `--seed` and `--now`");
    run(&sandbox, "load onUserUpdate -n 9 --shard 4/3 --seed 1").code(2).stderr("no part 4 of 3");
}

#[test]
fn gates_decide_the_exit_code_and_say_by_how_much() {
    let sandbox = Sandbox::app("exports = { updated: function (p) { throw new Error('no'); } };");
    let expect = |expectation: &str| {
        sandbox.run(["load", "onUserUpdate", "-n", "20", "--workers", "1", "--seed", "1", "--expect", expectation])
    };
    expect("errors = 20").code(0).stdout("ok  errors = 20: 20");
    expect("errors < 5").code(1).stdout("FAIL  errors < 5: 20, which is 15 too much");
    expect("error-rate <= 100%").code(0);
    expect("p99 < 60s").code(1).stdout("ok  p99 < 60s").stdout("20 failed");
    expect("rate >= 1000000/s").code(1).stdout("too little");
    expect("p98 < 20ms").code(2).stderr("`p99.9`");
    expect("erors = 0").code(2).stderr("did you mean `errors`");
    expect("p99 < 20").code(2).stderr("write it as `20ms`");
}

#[test]
fn failures_are_told_once_with_a_command_that_repeats_each() {
    let server = "exports = {
      created: function (p) { return 1; },
      updated: function (p) { if (p.data.user.id.charCodeAt(0) < 100) { throw new Error('no ' + p.data.user.id); } }
    };";
    let sandbox = Sandbox::app(server);
    for args in [
        "load onUserUpdate -n 80 --workers 2 --seed 3 --report json=load.json",
        "load --users 9 -n 80 --mix create=1,update=3 --workers 2 --seed 3 --now 2026-01-31T12:00:00Z --report json=load.json",
    ] {
        run(&sandbox, args).code(1);
        let told = report(&sandbox, "load.json");
        let failures = told["failures"].as_array().expect("failures");
        assert_eq!(failures.len(), 1, "{told}");
        assert_eq!((&failures[0]["count"], &failures[0]["place"]), (&told["failed"], &"server/server.js:3:97".into()));
        let repeat = failures[0]["repeat"].as_str().expect("a command").strip_prefix("simctl ").expect("simctl's");
        let said = failures[0]["what"].as_str().expect("what it said").strip_prefix("threw ").expect("it threw");
        run(&sandbox, repeat).code(1).stdout(said);
    }
}

#[test]
fn the_lives_of_users_stay_in_order_however_many_are_under_way() {
    let server = accepting();
    let sandbox = Sandbox::app(FINE);
    let args = format!("load --users 6 --mix create=1,update=5 -n 90 --in-flight 4 --seed 2 --to {}", server.url());
    run(&sandbox, &args).code(0);
    let mut users: BTreeMap<String, Value> = BTreeMap::new();
    for request in server.requests() {
        let payload = request.json();
        let user = payload["data"]["user"].clone();
        let id = user["id"].to_string();
        let changes = payload["data"]["changes"].as_object().cloned().unwrap_or_default();
        match users.get(&id) {
            None => assert_eq!(payload["event"], "onUserCreate"),
            Some(was) => changes.iter().for_each(|(name, pair)| assert_eq!(pair[1], was[name], "{name} of {payload}")),
        }
        users.insert(id, user);
    }
    assert!(users.len() > 6, "some made room for others");
}

#[test]
fn a_program_is_fired_at_like_any_handler() {
    let sandbox = Sandbox::new();
    let args = ["load", "onUserUpdate", "-n", "20", "--in-flight", "4", "--report", "json=load.json", "--exec", "cat"];
    sandbox.run(args).code(0).stdout("exec, 4 in flight");
    assert_eq!(report(&sandbox, "load.json")["outcomes"]["returned"], 20);
}

#[test]
fn an_endpoint_that_is_not_there_is_told_once() {
    let sandbox = Sandbox::new();
    let ran = run(&sandbox, "load onUserUpdate -n 30 --in-flight 3 --to http://127.0.0.1:9/hook").code(1);
    assert_eq!(ran.out.matches("nothing listens there").count(), 1, "{}", ran.out);
    ran.stdout("30 times").stdout("simctl trigger onUserUpdate --to http://127.0.0.1:9/hook");
}

/// Answers every request on every connection; says how many requests came, in how many pieces, on how many connections.
fn keeping_endpoint(closes_after: usize) -> (String, Arc<[AtomicUsize; 3]>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let counts: Arc<[AtomicUsize; 3]> = Arc::default();
    let told = Arc::clone(&counts);
    let serve = move |mut stream: TcpStream| {
        let [requests, pieces, connections] = &*counts;
        connections.fetch_add(1, Ordering::SeqCst);
        let (mut request, mut buffer) = (Vec::new(), vec![0; 1 << 20]);
        for _ in 0..closes_after {
            request.clear();
            while !is_whole(&request) {
                let count = stream.read(&mut buffer).unwrap_or(0);
                if count == 0 {
                    return;
                }
                pieces.fetch_add(1, Ordering::SeqCst);
                request.extend_from_slice(&buffer[..count]);
            }
            requests.fetch_add(1, Ordering::SeqCst);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    };
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    (url, told)
}

/// Whether a request has come to its end.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    body.len() >= length
}

#[test]
fn connections_are_kept_and_a_request_comes_in_one_piece() {
    let (url, counts) = keeping_endpoint(usize::MAX);
    let ran = run(&Sandbox::new(), &format!("load onUserUpdate -n 200 --seed 7 --in-flight 4 --to {url}")).code(0);
    ran.stdout("accepted 200");
    let [requests, pieces, connections] = &*counts;
    assert_eq!([requests, pieces].map(|count| count.load(Ordering::SeqCst)), [200, 200]);
    assert!(connections.load(Ordering::SeqCst) <= 4, "{counts:?}");
}

#[test]
fn a_connection_that_the_other_side_closes_is_no_fault_of_the_next_delivery() {
    let (url, counts) = keeping_endpoint(1);
    // So slow that the end of each connection has come before the next delivery.
    let load = format!("load onUserUpdate -n 10 --rate 20/s --seed 7 --in-flight 1 --to {url}");
    run(&Sandbox::new(), &load).code(0).stdout("accepted 10");
    assert_eq!(counts[2].load(Ordering::SeqCst), 10);
}

#[test]
fn an_endpoint_that_says_nothing_is_given_its_time_and_no_more() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", silent.local_addr().expect("an address"));
    let load =
        format!("load onUserUpdate -n 6 --seed 7 --in-flight 3 --timeout 300ms --report json=load.json --to {url}");
    let sandbox = Sandbox::new();
    run(&sandbox, &load).code(1).stdout("timed-out 6");
    let told = report(&sandbox, "load.json");
    let [least, most] = ["p50_us", "max_us"].map(|name| told["handler"][name].as_u64().expect("a number"));
    assert!((300_000..5_000_000).contains(&least) && most < 5_000_000, "{told}");
}

#[test]
fn secrets_reach_no_report() {
    let server = "exports = { updated: function (p) { throw new Error('key ' + p.iparams.api_key); } };";
    let sandbox = Sandbox::app(server)
        .file(
            "config/iparams.json",
            r#"{ "api_key": { "display_name": "Key", "type": "text", "required": true, "secure": true } }"#,
        )
        .file("config/iparam_test_data.json", r#"{ "api_key": "s3cr3t-and-long" }"#);
    let ran = run(&sandbox, "load onUserUpdate -n 5 --report json=load.json --report html=load.html").code(1);
    ran.stdout("key ").without("s3cr3t-and-long");
    for file in ["load.json", "load.html"] {
        let text = fs::read_to_string(sandbox.path().join(file)).expect("it is there");
        assert!(!text.contains("s3cr3t-and-long"), "{file}");
    }
}

#[test]
fn ctrl_c_ends_it_gently_with_summary_and_reports() {
    let sandbox =
        Sandbox::app("exports = { updated: function (p) { for (const end = Date.now() + 5; Date.now() < end;); } };");
    let args = "load onUserUpdate -n 1000000 --workers 2 --report json=load.json --db seen.sqlite";
    let mut child = sandbox.command(args.split(' ')).spawn().expect("simctl starts");
    // Nothing tells from outside that it fires, but that the workers are there.
    let (began, pid) = (Instant::now(), Pid::from_child(&child));
    while children(pid) < 2 {
        assert!(began.elapsed() < DEADLINE, "no worker was started");
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(300));
    kill_process(pid, Signal::INT).expect("the signal is sent");
    let out = BufReader::new(child.stdout.take().expect("piped"))
        .lines()
        .map_while(Result::ok)
        .collect::<Vec<_>>()
        .join("\n");
    assert_eq!(child.wait().expect("simctl ends").code(), Some(130));
    assert!(out.contains("interrupted"), "{out}");
    let told = report(&sandbox, "load.json");
    assert_eq!((&told["interrupted"], &told["failed"], &told["cut_off"]), (&true.into(), &0.into(), &0.into()));
}

/// How many processes this one has started that still run.
fn children(pid: Pid) -> usize {
    let own = pid.as_raw_nonzero().to_string();
    let of = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("stat")).ok();
    let is_child =
        |stat: &String| stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)) == Some(own.as_str());
    fs::read_dir("/proc").map(|all| all.flatten().filter_map(of).filter(is_child).count()).unwrap_or(2)
}

#[test]
fn a_soak_of_seconds_takes_no_more_memory_at_its_end() {
    let sandbox = Sandbox::app(FINE);
    run(&sandbox, "load onUserUpdate --rate 150/s --for 4s --workers 2 --report json=load.json").code(0);
    let told = report(&sandbox, "load.json");
    assert_eq!(told["deliveries"], 600);
    for taken in told["memory"]["simctl"].as_array().into_iter().chain(told["memory"]["workers"].as_array()).flatten() {
        if let (Some(start), Some(end)) = (taken["start_bytes"].as_u64(), taken["end_bytes"].as_u64()) {
            assert!(end < start + (6 << 20), "{taken}");
        }
    }
}

#[test]
fn flags_that_have_no_place_are_refused() {
    let sandbox = Sandbox::app(FINE);
    for (args, why) in [
        ("load onUserUpdate", "say how much"),
        ("load -n 5", "EVENT"),
        ("load onUserUpdate -n 5 --for 3s", "cannot be used with"),
        ("load onUserUpdate -n 5 --in-flight 4", "`--workers`"),
        ("load onUserUpdate -n 5 --workers 4 --exec cat", "cannot be used with"),
        ("load onUserUpdate -n 5 --ramp 4s", "--rate"),
        ("load onUserUpdate -n 5 --rate fast", "not a rate"),
        ("load onUserUpdate -n 5 --network record", "`trigger`"),
        ("load onAppInstall --users 5 -n 5", "leave the event out"),
        ("load onUserUpdate -n 5 --report xml=a", "not a report"),
        ("load onUserUpdate -n 5 --report json=a --report html=a", "two reports"),
        ("load onUserUpdate -n 5 --report json=a --report html=./a", "two reports"),
    ] {
        run(&sandbox, args).code(2).stderr(why);
    }
    run(&sandbox, "load onUserUpdate -n 5 --report json=no/such/folder/a.json").code(3).stderr("cannot be written");
}

#[test]
fn a_load_that_cannot_begin_says_why_and_nothing_of_deliveries() {
    let sandbox = Sandbox::app(FINE).file("node", "#!/bin/sh\nexit 127\n");
    fs::set_permissions(sandbox.path().join("node"), fs::Permissions::from_mode(0o755)).unwrap();
    let ran = run(&sandbox, "load onUserUpdate -n 5 --runtime node --node ./node --report json=load.json").code(3);
    ran.no_stdout().stderr("error");
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(sandbox.path().join("load.json")).unwrap()).unwrap();
    assert_eq!(report["deliveries"], 0, "what was asked for is there all the same");
}

#[test]
fn an_app_that_lacks_one_of_a_users_events_is_told_so() {
    let manifest = r#"{ "platform-version": "3.0", "modules": { "common": {}, "chat_user": { "events": { "onUserUpdate": { "handler": "updated" } } } }, "engines": { "node": "18.20.8", "fdk": "9.7.4" } }"#;
    let sandbox = Sandbox::app(FINE).file("manifest.json", manifest);
    run(&sandbox, "load --users 5 -n 5").code(2).stderr("onUserCreate");
}

#[test]
fn the_standard_streams_are_apart() {
    let sandbox = Sandbox::app(FINE);
    let mut command = sandbox.command(["load", "onUserUpdate", "-n", "50", "-q"]);
    let output = command.stdin(Stdio::null()).output().expect("simctl runs");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty() && output.stderr.is_empty(), "a quiet load that held says nothing");
}

#[test]
fn a_shared_realm_keeps_what_the_app_keeps_and_a_fresh_one_does_not() {
    let server = "
let events = 0;
let late;
exports = {
  created: function (p) { return 1; },
  updated: async function (p) {
    events++;
    if (events === 3) throw new Error('the third');
    if (events === 4) return new Promise(function (_, reject) { late = reject; });
    if (events === 5) { Promise.reject(new Error('nobody cares')); }
    if (events === 6) late(new Error('of an event that is over'));
    await $db.set('events', { n: events });
  }
};";
    let all = ["embedded", "node"];
    let node = node_or_skip("a_shared_realm_keeps_what_the_app_keeps_and_a_fresh_one_does_not");
    for runtime in all.into_iter().filter(|runtime| *runtime != "node" || node) {
        let sandbox = Sandbox::app(server);
        let args =
            format!("load onUserUpdate -n 10 --workers 1 --runtime {runtime} --db seen.sqlite --report json=load.json");
        run(&sandbox, &args).code(0);
        assert_eq!(run(&sandbox, "db get events --db seen.sqlite").json()["n"], 1, "{runtime}");
        let ran = run(&sandbox, &format!("{args} --shared-realm")).code(1);
        ran.stderr("production").stdout("shared realm");
        let outcomes = &report(&sandbox, "load.json")["outcomes"];
        // An `async` function throws by rejecting.
        let wanted = serde_json::json!({ "never-settles": 1, "rejected": 2, "returned": 7 });
        assert_eq!(*outcomes, wanted, "{runtime}");
        assert_eq!(run(&sandbox, "db get events --db seen.sqlite").json()["n"], 10, "{runtime}");
    }
}

#[test]
fn what_a_worker_compiled_ahead_is_out_of_an_apps_reach() {
    // From the third event on, realms are made of byte code.
    let server = "exports = { created: function (p) {}, updated: async function (p) {
      let found;
      try { found = await import('simctl:prelude'); } catch (_) { return 'nothing'; }
      if (found.default() !== undefined) throw new Error('it was reached');
    } };";
    let sandbox = Sandbox::app(server);
    run(&sandbox, "load onUserUpdate -n 6 --workers 1 --runtime embedded").code(0).stdout("returned 6");
}
