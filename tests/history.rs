//! What is kept of deliveries: nothing is lost but what was in flight, nothing secret is there, and it stays within bounds.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests fail loudly")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use simctl::history::{Bounds, Filter, History, HistoryError, Keeper, KnownUser, Recorded, Users};
use simctl::model::{
    Addressee, AnswerStatus, Level, Outcome, Platform, ReturnValue, RunEvent, Runtime, Secrets, Thrown,
};
use simctl::schema::Schemas;

const PAYLOAD: &str = r#"{"event": "onUserCreate","data":{"user":{"id":"u-1","email":"ada@example.com"}}}"#;

fn started(payload: &str) -> RunEvent {
    RunEvent::DeliveryStarted {
        index: 0,
        event: "onUserCreate".to_owned(),
        to: Addressee::Callback {
            callback: "f".to_owned(),
            file: "server/server.js".to_owned(),
            runtime: Runtime::Embedded,
        },
        platform: Platform::V3,
        platform_version: Some("3.0".to_owned()),
        payload: RawValue::from_string(payload.to_owned()).unwrap(),
    }
}

fn finished(outcome: Outcome) -> RunEvent {
    RunEvent::DeliveryFinished {
        index: 0,
        outcome,
        excerpt: None,
        start_up: Duration::ZERO,
        handler: Duration::from_micros(1234),
        engine: None,
        repeat: "simctl trigger onUserCreate --seed 3".to_owned(),
    }
}

fn returned() -> Outcome {
    Outcome::Returned { value: ReturnValue::Undefined }
}

fn run_started() -> RunEvent {
    RunEvent::RunStarted {
        version: "0.1.0".to_owned(),
        command: "simctl trigger onUserCreate".to_owned(),
        seed: Some(3),
        now: "2026-01-31T12:00:00Z".to_owned(),
        count: Some(1),
        app: String::new(),
    }
}

/// Fires `payload` in words: the events of a run of one delivery, `middle` between its beginning and its end.
fn deliver(keeper: &mut Keeper, secrets: &Secrets, payload: &str, middle: Vec<RunEvent>, outcome: Outcome) {
    keeper.payload(payload);
    let events = [run_started(), started(payload)].into_iter().chain(middle).chain([finished(outcome)]);
    for mut event in events {
        event.mask(secrets);
        keeper.on_event(&event);
    }
}

/// Keeps one delivery in the folder; gives its number.
fn keep(root: &Path, bounds: Bounds, payload: &str) -> u64 {
    let mut keeper = Keeper::new(Some(History::open(root, bounds)), None, Secrets::default());
    deliver(&mut keeper, &Secrets::default(), payload, Vec::new(), returned());
    assert!(keeper.trouble().is_none(), "{:?}", keeper.trouble());
    keeper.kept()[0]
}

fn all(root: &Path) -> Vec<Recorded> {
    History::open(root, History::BOUNDS).list(&Filter::default()).unwrap().deliveries
}

fn ids(root: &Path) -> Vec<u64> {
    all(root).iter().map(|recorded| recorded.id).collect()
}

fn segments(root: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root.join(".simctl/history")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "ndjson"));
    files.sort();
    files
}

#[test]
fn a_delivery_is_kept_to_the_byte_and_found_again() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(keep(dir.path(), History::BOUNDS, PAYLOAD), 1);
    assert_eq!(keep(dir.path(), History::BOUNDS, "{}"), 2);
    let history = History::open(dir.path(), History::BOUNDS);
    let first = history.get(1).unwrap().unwrap();
    assert_eq!(first.payload.get(), PAYLOAD);
    assert_eq!(first.fired(&Secrets::default()), PAYLOAD);
    assert_eq!((first.event.as_str(), first.outcome_name(), first.addressee()), ("onUserCreate", "returned", "f"));
    assert_eq!(history.last().unwrap().unwrap().id, 2);
    assert!(history.get(3).unwrap().is_none());
    assert_eq!(ids(dir.path()), [1, 2]);
}

#[test]
fn a_record_is_what_its_schema_says() {
    let dir = tempfile::tempdir().unwrap();
    let mut keeper = Keeper::new(Some(History::open(dir.path(), History::BOUNDS)), None, Secrets::default());
    let middle = vec![
        RunEvent::Log { index: 0, level: Level::Warn, text: "x".repeat(100_000) },
        RunEvent::Call {
            index: 0,
            name: "$db.set".to_owned(),
            args: json!(["k", { "a": 1 }]),
            status: AnswerStatus::Rejected,
            answer: json!("no".repeat(100_000)),
            took: Duration::from_micros(7),
        },
    ];
    let thrown = Outcome::Threw { error: Thrown { message: "no".to_owned(), ..Thrown::default() } };
    deliver(&mut keeper, &Secrets::default(), PAYLOAD, middle, thrown);
    let recorded = all(dir.path()).remove(0);
    let found = Schemas::embedded().check_value("delivery", &serde_json::to_value(&recorded).unwrap());
    assert_eq!(found, []);
    assert!(!recorded.held);
    assert!(recorded.logs[0].text.len() < 20_000 && recorded.logs[0].text.ends_with('…'), "what is long is cut");
    assert!(recorded.calls[0].answer.as_str().unwrap().ends_with('…'));
}

#[test]
fn a_flood_of_logs_is_bounded_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut keeper = Keeper::new(Some(History::open(dir.path(), History::BOUNDS)), None, Secrets::default());
    let log = |_| RunEvent::Log { index: 0, level: Level::Log, text: "y".repeat(1000) };
    deliver(&mut keeper, &Secrets::default(), PAYLOAD, (0..5000).map(log).collect(), returned());
    let recorded = all(dir.path()).remove(0);
    assert_eq!(recorded.logs.len() as u64 + recorded.logs_left_out, 5000);
    assert!(recorded.logs.len() > 100 && fs::metadata(&segments(dir.path())[0]).unwrap().len() < 1 << 20);
}

#[test]
fn no_secret_is_on_disk_and_a_replay_has_it_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let named = [("token", "s3cr3t\"x"), ("pin", "918273645")];
    let secrets = Secrets::new(named.map(|(name, value)| (name.to_owned(), value.to_owned())));
    for payload in [
        r#"{"data":{"user":{"id":"u"}},"iparams":{"token":"s3cr3t\"x","say":"{{iparam.token}} {{literal}}"}}"#,
        r#"{"data":{"user":{"id":"u"}},"iparams":{"token":"s3cr3t\"x","pin":918273645}}"#,
        r#"{"data":{"user":{"id":"918273645"}},"iparams":{}}"#,
    ] {
        let users = Users::open(dir.path());
        let mut keeper = Keeper::new(Some(History::open(dir.path(), History::BOUNDS)), Some(users), secrets.clone());
        let log = RunEvent::Log { index: 0, level: Level::Log, text: "the token is s3cr3t\"x".to_owned() };
        deliver(&mut keeper, &secrets, payload, vec![log], returned());
        let recorded = all(dir.path()).pop().unwrap();
        assert_eq!(recorded.fired(&secrets), payload);
        assert!(recorded.has_secrets() && recorded.payload.get().contains("********"), "{}", recorded.payload);
        assert_eq!(keeper.last().unwrap().payload.get(), recorded.payload.get());
    }
    for folder in ["history", "users"] {
        for entry in fs::read_dir(dir.path().join(".simctl").join(folder)).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            assert!(!text.contains("s3cr3t") && !text.contains("918273645"), "{text}");
        }
    }
}

#[test]
fn it_is_private_and_git_ignores_it() {
    let dir = tempfile::tempdir().unwrap();
    keep(dir.path(), History::BOUNDS, PAYLOAD);
    let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(".simctl"), mode(".simctl/history"), mode(".simctl/history/head")), (0o700, 0o700, 0o600));
    assert_eq!(fs::metadata(&segments(dir.path())[0]).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(dir.path().join(".simctl/.gitignore")).unwrap(), "*\n");
}

#[test]
fn symbolic_links_are_not_followed() {
    let elsewhere = tempfile::tempdir().unwrap();
    let refused = |dir: &Path| {
        let mut keeper = Keeper::new(Some(History::open(dir, History::BOUNDS)), None, Secrets::default());
        deliver(&mut keeper, &Secrets::default(), PAYLOAD, Vec::new(), returned());
        assert!(matches!(keeper.trouble(), Some(HistoryError::Link(_))), "{:?}", keeper.trouble());
        assert!(keeper.last().is_some(), "the run is none the worse for it");
    };
    let whole = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), whole.path().join(".simctl")).unwrap();
    refused(whole.path());
    let inner = tempfile::tempdir().unwrap();
    fs::create_dir(inner.path().join(".simctl")).unwrap();
    symlink(elsewhere.path(), inner.path().join(".simctl/history")).unwrap();
    refused(inner.path());
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    let file = tempfile::tempdir().unwrap();
    keep(file.path(), History::BOUNDS, PAYLOAD);
    let target = elsewhere.path().join("target");
    fs::write(&target, "mine").unwrap();
    for name in [file.path().join(".simctl/history/head"), segments(file.path()).remove(0)] {
        let kept = fs::read(&name).unwrap();
        fs::remove_file(&name).unwrap();
        symlink(&target, &name).unwrap();
        refused(file.path());
        assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
        fs::remove_file(&name).unwrap();
        fs::write(&name, kept).unwrap();
    }
    // A FIFO would be waited for.
    let head = file.path().join(".simctl/history/head");
    fs::remove_file(&head).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &head, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let mut keeper = Keeper::new(Some(History::open(file.path(), History::BOUNDS)), None, Secrets::default());
    deliver(&mut keeper, &Secrets::default(), PAYLOAD, Vec::new(), returned());
    assert!(keeper.trouble().is_some());
}

#[test]
fn it_stays_within_its_bounds_and_numbers_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let bounds = Bounds { count: 20, ..History::BOUNDS };
    for number in 1..=100 {
        assert_eq!(keep(dir.path(), bounds, PAYLOAD), number);
    }
    let left = ids(dir.path());
    assert!((16..=20).contains(&left.len()), "{} are left", left.len());
    assert_eq!(left.last(), Some(&100));

    let large = format!("{{\"data\":\"{}\"}}", "z".repeat(10_000));
    let bounds = Bounds { bytes: 200_000, ..History::BOUNDS };
    for _ in 0..100 {
        keep(dir.path(), bounds, &large);
    }
    let bytes: u64 = segments(dir.path()).iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    assert!((100_000..=200_000).contains(&bytes), "{bytes} bytes are left");
    assert_eq!(ids(dir.path()).last(), Some(&200));
}

#[test]
fn what_is_old_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    keep(dir.path(), History::BOUNDS, PAYLOAD);
    // As if it had been written 40 days ago, and the segment after it 35.
    let old = segments(dir.path()).remove(0);
    let now: u64 = old.file_stem().unwrap().to_str().unwrap().split_once('-').unwrap().1.parse().unwrap();
    let days = |days: u64| now - days * 24 * 60 * 60;
    let folder = dir.path().join(".simctl/history");
    fs::rename(&old, folder.join(format!("{:012}-{}.ndjson", 1, days(40)))).unwrap();
    fs::write(folder.join(format!("{:012}-{}.ndjson", 2, days(35))), "{\"id\":2}\n").unwrap();
    fs::remove_file(folder.join("head")).unwrap();
    assert_eq!(keep(dir.path(), History::BOUNDS, PAYLOAD), 3);
    let left = segments(dir.path());
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left[0].to_string_lossy().contains("000000000002-"), "its last line may be younger: {left:?}");
}

#[test]
fn a_torn_line_is_passed_by_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let bounds = Bounds { count: 100_000, ..History::BOUNDS };
    keep(dir.path(), bounds, PAYLOAD);
    let file = segments(dir.path()).remove(0);
    let whole = fs::read(&file).unwrap();
    for cut in 1..whole.len() {
        // As a run leaves it that is killed while it writes.
        fs::write(&file, [&whole[..], &whole[..cut]].concat()).unwrap();
        keep(dir.path(), bounds, "{}");
        let listed = History::open(dir.path(), History::BOUNDS).list(&Filter::default()).unwrap();
        // All but the line end: the line is whole, and counts.
        let is_whole = cut == whole.len() - 1;
        assert_eq!((listed.deliveries.len(), listed.damaged), if is_whole { (3, 0) } else { (2, 1) }, "{cut}");
    }
    let mut junk = fs::OpenOptions::new().append(true).open(&file).unwrap();
    junk.write_all(b"\xff\x00\n{\"id\":7}\n{}\n{\"id\":99999999999999999999999}\n").unwrap();
    let listed = History::open(dir.path(), History::BOUNDS).list(&Filter::default()).unwrap();
    assert_eq!(listed.damaged, 4);
}

#[test]
fn a_head_that_is_gone_or_damaged_is_made_from_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    keep(dir.path(), History::BOUNDS, PAYLOAD);
    keep(dir.path(), History::BOUNDS, PAYLOAD);
    let head = dir.path().join(".simctl/history/head");
    for (number, text) in [(3, ""), (4, "nonsense"), (5, &"9".repeat(63))] {
        fs::write(&head, text).unwrap();
        assert_eq!(keep(dir.path(), History::BOUNDS, PAYLOAD), number, "{text}");
    }
    fs::remove_file(&head).unwrap();
    assert_eq!(keep(dir.path(), History::BOUNDS, PAYLOAD), 6);
    assert_eq!(ids(dir.path()), [1, 2, 3, 4, 5, 6]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_in_its_files_are_borne_with(
        lines in proptest::collection::vec(proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80), 0..4),
        number in proptest::prelude::any::<u64>(),
        head in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..70),
    ) {
        let dir = tempfile::tempdir().unwrap();
        keep(dir.path(), History::BOUNDS, PAYLOAD);
        let folder = dir.path().join(".simctl/history");
        let mut bytes = format!("{{\"id\":{number},\"at\":1}}\n").into_bytes();
        lines.iter().for_each(|line| bytes.extend(line));
        fs::write(folder.join(format!("{number:012}-{number}.ndjson")), &bytes).unwrap();
        let mut first = fs::OpenOptions::new().append(true).open(&segments(dir.path())[0]).unwrap();
        first.write_all(&bytes).unwrap();
        fs::write(folder.join("head"), &head).unwrap();
        let id = keep(dir.path(), History::BOUNDS, PAYLOAD);
        let found = History::open(dir.path(), History::BOUNDS).get(id).unwrap();
        assert_eq!(found.map(|recorded| recorded.id), Some(id));
        assert!(ids(dir.path()).contains(&id));
    }
}

#[test]
fn runs_at_once_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (root, each) = (dir.path(), 50);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || (0..each).map(|_| keep(root, History::BOUNDS, PAYLOAD)).max());
        }
    });
    assert_eq!(ids(root), (1..=4 * each).collect::<Vec<_>>());
}

#[test]
fn deliveries_are_found_by_event_outcome_and_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut keeper = Keeper::new(Some(History::open(dir.path(), History::BOUNDS)), None, Secrets::default());
    deliver(&mut keeper, &Secrets::default(), PAYLOAD, Vec::new(), returned());
    deliver(&mut keeper, &Secrets::default(), PAYLOAD, Vec::new(), Outcome::NeverSettles);
    let history = History::open(dir.path(), History::BOUNDS);
    let found = |filter: Filter| {
        history.list(&filter).unwrap().deliveries.iter().map(|recorded| recorded.id).collect::<Vec<_>>()
    };
    let outcome = |outcome: &str| Filter { outcome: Some(outcome.to_owned()), ..Filter::default() };
    assert_eq!(found(outcome("never-settles")), [2]);
    assert_eq!((found(outcome("held")), found(outcome("failed"))), (vec![1], vec![2]));
    assert_eq!(found(Filter { event: Some("onUserUpdate".to_owned()), ..Filter::default() }), [] as [u64; 0]);
    assert_eq!(found(Filter { most: Some(1), ..Filter::default() }), [2]);
    let later = Some("2999-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(found(Filter { since: later, ..Filter::default() }), [] as [u64; 0]);
    assert_eq!(history.clear().unwrap(), 2);
    assert_eq!(ids(dir.path()), [] as [u64; 0]);
    assert_eq!(keep(dir.path(), History::BOUNDS, PAYLOAD), 1, "it begins anew");
}

#[test]
fn a_reserved_number_is_that_of_its_delivery() {
    let dir = tempfile::tempdir().unwrap();
    let mut keeper = Keeper::new(Some(History::open(dir.path(), History::BOUNDS)), None, Secrets::default());
    assert_eq!(keeper.reserve(), Some(1));
    assert_eq!(keep(dir.path(), History::BOUNDS, PAYLOAD), 2, "another run comes between");
    deliver(&mut keeper, &Secrets::default(), PAYLOAD, Vec::new(), returned());
    assert_eq!(keeper.kept(), [1]);
    assert_eq!(ids(dir.path()), [1, 2]);
}

#[test]
fn a_users_last_state_counts_and_a_deleted_one_is_gone_from_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let users = Users::open(dir.path());
    let known = |id: &str, name: &str| KnownUser {
        at: "2026-01-31T12:00:00Z".to_owned(),
        event: "onUserCreate".to_owned(),
        user: json!({ "id": id, "first_name": name }),
        envelope: serde_json::Map::new(),
    };
    for (id, name) in [("a", "Ada"), ("b", "Bo"), ("a", "Adele")] {
        users.keep(&known(id, name)).unwrap();
    }
    let names = || users.all().unwrap().iter().map(|known| known.user["first_name"].clone()).collect::<Vec<Value>>();
    assert_eq!(names(), ["Bo", "Adele"]);
    assert_eq!(users.last().unwrap(), Some(known("a", "Adele")));
    assert_eq!(users.get("b").unwrap(), Some(known("b", "Bo")));
    assert!(users.delete("a").unwrap() && !users.delete("a").unwrap());
    assert_eq!(names(), ["Bo"]);
    let folder = fs::read_dir(dir.path().join(".simctl/users")).unwrap();
    for entry in folder {
        assert!(!fs::read_to_string(entry.unwrap().path()).unwrap().contains("Ad"));
    }
}
