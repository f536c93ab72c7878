//! `simctl db …`: looks at what an app has stored with `$db`, and changes it. No code of the app runs.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::payloads::read_stdin;
use super::{AppOptions, Context, DbChoice};
use crate::app::App;
use crate::model::{Code, Finding, Findings, Secrets, Verdict};
use crate::platform::{Fault, Record, Records, Storage};
use crate::report::Paint;
use crate::text::json::{self, Member, Node};
use crate::text::{Source, Wanted, list, nearest, not_there, printable_json, printable_line};

/// The longest value that a line of `db list` shows, in characters.
const LONGEST_SHOWN: usize = 100;

/// The flags of `db`.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// `--app`, `--manifest`
    pub app: AppOptions,
    /// `--db`
    pub db: Option<DbChoice>,
    /// `--now`, or the time at which simctl was started.
    pub now: Timestamp,
    /// `--secret`, as often as given: parameters that are secret whatever the app says.
    pub secrets: Vec<String>,
    /// What is to be done.
    pub action: DbAction,
}

/// What is to be done with the records.
#[derive(Debug, Clone, PartialEq)]
pub enum DbAction {
    /// `db list [PREFIX]`
    List {
        /// What the keys begin with.
        prefix: String,
        /// `--format json`: a record a line.
        json: bool,
    },
    /// `db get KEY`
    Get {
        /// The record's key.
        key: String,
    },
    /// `db set KEY VALUE`
    Set {
        /// The record's key.
        key: String,
        /// The value as JSON text; `-` for standard input.
        value: String,
        /// `--ttl`, from now.
        ttl: Option<SignedDuration>,
    },
    /// `db delete KEY…`
    Delete {
        /// The records' keys.
        keys: Vec<String>,
    },
    /// `db clear`
    Clear,
    /// `db export [FILE]`
    Export {
        /// The file; standard output where none is named.
        file: Option<PathBuf>,
    },
    /// `db import FILE`
    Import {
        /// The file; `-` for standard input.
        file: PathBuf,
    },
}

/// Why it was not done.
enum Refusal {
    /// Faults in what was given.
    Findings(Findings),
    /// What was asked cannot be done: what, and a hint.
    CannotDo(String, Option<String>),
    /// This machine is in the way.
    Machine(Fault),
}

impl From<Findings> for Refusal {
    fn from(findings: Findings) -> Self {
        Self::Findings(findings)
    }
}

impl From<Finding> for Refusal {
    fn from(finding: Finding) -> Self {
        Self::Findings(vec![finding])
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Machine(fault)
    }
}

/// Does what is asked with the records of `$db`.
pub fn db(context: &Context, options: &DbOptions) -> Verdict {
    match act(context, options) {
        Ok(verdict) => verdict,
        Err(Refusal::Findings(findings)) => context.refuse(&findings),
        Err(Refusal::CannotDo(what, hint)) => {
            context.console.error(&what, hint.as_deref());
            Verdict::CannotDo
        }
        Err(Refusal::Machine(fault)) => {
            context.console.error(&fault.what, fault.hint.as_deref());
            Verdict::Machine
        }
    }
}

fn act(context: &Context, options: &DbOptions) -> Result<Verdict, Refusal> {
    let app = App::open(&options.app.locate(context));
    let (storage, app) = match (&options.db, app) {
        (Some(DbChoice::Memory), _) => {
            let what = "`--db memory` keeps nothing that could be looked at".to_owned();
            return Err(Refusal::CannotDo(what, Some("name a file, or leave `--db` out".to_owned())));
        }
        // The app only says which values are secret.
        (Some(DbChoice::File(file)), app) => (named(context, options, file)?, app.ok()),
        (None, Ok(app)) => (Storage::App(app.root.clone()), Some(app)),
        (None, Err(findings)) => return Err(findings.into()),
    };
    let mut records = Records::new(storage);
    let note = |what: &str, count: usize| {
        let s = if count == 1 { "" } else { "s" };
        context.console.note(&format!("{count} record{s} {what}"));
    };
    match &options.action {
        DbAction::List { prefix, json } => {
            let mut all = records.all()?;
            if all.is_empty() {
                context.console.note("nothing is stored");
            }
            all.retain(|record| record.key.starts_with(prefix));
            let paint = Paint::new(context.console.color_out);
            let text = if *json { listed_as_json(&all, options.now) } else { listed(&all, options.now, paint) };
            Ok(context.console.write(&text))
        }
        DbAction::Get { key } => {
            let record = records.get(key)?;
            let record = record.ok_or_else(|| missing(&mut records, key))?;
            if let Some(expires) = record.expires.filter(|_| record.is_expired(options.now)) {
                let hint = "it is there for a clock before that: `--now TIME`".to_owned();
                return Err(Refusal::CannotDo(format!("the record `{key}` expired at {expires}"), Some(hint)));
            }
            Ok(context.console.write(&pretty(&Value::Object(record.value))))
        }
        DbAction::Set { key, value, ttl } => {
            let source = match value.as_str() {
                "-" => read_stdin()?,
                text => Source::new("VALUE", text.as_bytes().to_vec())?,
            };
            let node = read(&source)?;
            if node.members().is_none_or(<[Member]>::is_empty) {
                let what = "an object that is not empty was expected, as in `{ \"visits\": 1 }`";
                return Err(Finding::new(Code::BadRecord, what).at(node.place(&source, "")).into());
            }
            let secrets = secrets(app.as_ref(), options)?;
            let expires = ttl.and_then(|ttl| options.now.checked_add(ttl).ok());
            let record = record(&secrets, key, &node.value(), expires);
            let record = record.map_err(|what| {
                let finding = Finding::new(Code::BadRecord, what);
                if is_key(key) { finding.at(node.place(&source, "")) } else { finding.in_file(Path::new("KEY")) }
            })?;
            records.put(&[record])?;
            note("set", 1);
            Ok(Verdict::Held)
        }
        DbAction::Delete { keys } => match records.delete(keys)? {
            Some(key) => Err(missing(&mut records, key)),
            None => {
                note("deleted", keys.len());
                Ok(Verdict::Held)
            }
        },
        DbAction::Clear => {
            note("deleted", records.clear()?);
            Ok(Verdict::Held)
        }
        DbAction::Export { file } => {
            let all = records.all()?;
            let count = all.len();
            let verdict = export(context, file.as_deref(), all)?;
            note("exported", count);
            Ok(verdict)
        }
        DbAction::Import { file } => {
            let source =
                if file == Path::new("-") { read_stdin()? } else { Source::read_as(&context.cwd.join(file), file)? };
            let secrets = secrets(app.as_ref(), options)?;
            let read = imported(&secrets, &source)?;
            records.put(&read)?;
            note("imported", read.len());
            Ok(Verdict::Held)
        }
    }
}

/// The store in a file that was named. One that is not there is only made where something is to be written to it.
fn named(context: &Context, options: &DbOptions, file: &Path) -> Result<Storage, Refusal> {
    let path = context.cwd.join(file);
    let writes = matches!(options.action, DbAction::Set { .. } | DbAction::Import { .. });
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound && !writes => {
            Err(not_there(&path, file, Wanted::File).into())
        }
        _ => Ok(Storage::File(path)),
    }
}

/// The app's secrets: none is to be written in clear, wherever it comes from.
fn secrets(app: Option<&App>, options: &DbOptions) -> Result<Secrets, Findings> {
    Ok(app.map(|app| app.iparams(None, &options.secrets)).transpose()?.unwrap_or_default().secrets)
}

fn missing(records: &mut Records, key: &str) -> Refusal {
    let all = records.all().unwrap_or_default();
    let near = nearest(key, all.iter().map(|record| record.key.as_str()));
    let hint = near.map_or("`simctl db list` shows all".to_owned(), |near| format!("did you mean `{near}`?"));
    Refusal::CannotDo(format!("there is no record `{key}`"), Some(hint))
}

fn pretty(value: &Value) -> String {
    format!("{}\n", printable_json(&format!("{value:#}")))
}

fn listed_as_json(records: &[Record], now: Timestamp) -> String {
    let line = |record: &Record| {
        let expires = record.expires.map(|time| time.to_string());
        let expired = record.is_expired(now);
        let line = json!({ "key": record.key, "value": record.value, "expires": expires, "expired": expired });
        format!("{}\n", printable_json(&line.to_string()))
    };
    records.iter().map(line).collect()
}

fn listed(records: &[Record], now: Timestamp, paint: Paint) -> String {
    let key = |record: &Record| printable_line(&record.key).into_owned();
    let widest = records.iter().map(|record| key(record).chars().count()).max().unwrap_or(0);
    let line = |record: &Record| {
        let value = Value::Object(record.value.clone()).to_string();
        let mut shown: String = value.chars().take(LONGEST_SHOWN).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        let expiry = match record.expires.map(to_second) {
            None => String::new(),
            Some(time) if record.is_expired(now) => paint.warn(&format!("  expired {time}")),
            Some(time) => paint.faint(&format!("  expires {time}")),
        };
        format!("{}  {}{expiry}\n", paint.strong(&format!("{:widest$}", key(record))), printable_line(&shown))
    };
    records.iter().map(line).collect()
}

/// The time without its finer parts, which nobody reads.
fn to_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn export(context: &Context, file: Option<&Path>, records: Vec<Record>) -> Result<Verdict, Refusal> {
    let members = records.into_iter().map(|Record { key, value, expires }| {
        let mut record = json!({ "value": value });
        if let Some(expires) = expires {
            record["expires"] = expires.to_string().into();
        }
        (key, record)
    });
    let text = pretty(&Value::Object(members.collect()));
    let Some(file) = file.filter(|file| *file != Path::new("-")) else { return Ok(context.console.write(&text)) };
    match std::fs::write(context.cwd.join(file), text) {
        Ok(()) => Ok(Verdict::Held),
        Err(error) => {
            let what = format!("`{}` cannot be written: {error}", file.display());
            Err(Fault { what, hint: None }.into())
        }
    }
}

/// The JSON of a text; findings that only warn do not stop it.
fn read(source: &Source) -> Result<Node, Findings> {
    let (node, findings) = json::read(source);
    match node {
        Some(node) if !findings.iter().any(Finding::is_error) => Ok(node),
        _ => Err(findings),
    }
}

/// Whether `$db` takes this key, with a value that it takes.
fn is_key(key: &str) -> bool {
    let value = Map::from_iter([("n".to_owned(), Value::from(0))]);
    Record::new(key.to_owned(), &value, None).is_ok()
}

/// The record as it is kept, or what `$db` has against it.
fn record(secrets: &Secrets, key: &str, value: &Value, expires: Option<Timestamp>) -> Result<Record, String> {
    let Value::Object(value) = value else { return Err("an object was expected".to_owned()) };
    let record = Record::new(key.to_owned(), value, expires).map_err(|message| {
        // The platform begins its messages with a capital, findings do not.
        let mut chars = message.chars();
        chars.next().into_iter().flat_map(char::to_lowercase).chain(chars).collect::<String>()
    })?;
    if secrets.is_empty() {
        return Ok(record);
    }
    // What was listed or exported has placeholders in it already: they are not to be taken for the app's own text.
    let mut value = Value::Object(record.value);
    secrets.reveal_value(&mut value);
    secrets.conceal_value(&mut value);
    let value = if let Value::Object(value) = value { value } else { Map::new() };
    Ok(Record { key: secrets.conceal(&secrets.reveal(&record.key)), value, ..record })
}

/// What `db export` has written: `{ KEY: { "value": { … }, "expires": TIME } }`.
fn imported(secrets: &Secrets, source: &Source) -> Result<Vec<Record>, Findings> {
    let node = read(source)?;
    let Some(members) = node.members() else {
        let what = format!("this is {}, an object of records by their keys was expected", node.kind_name());
        let hint = "`simctl db export` shows how such a file looks";
        return Err(vec![Finding::new(Code::BadRecord, what).at(node.place(source, "")).hint(hint)]);
    };
    let mut findings = Findings::new();
    let mut records = Vec::with_capacity(members.len());
    for member in members {
        match read_record(secrets, source, member) {
            Ok(record) => records.push(record),
            Err(found) => findings.extend(found),
        }
    }
    if findings.is_empty() { Ok(records) } else { Err(findings) }
}

fn read_record(secrets: &Secrets, source: &Source, member: &Member) -> Result<Record, Findings> {
    const MEMBERS: [&str; 2] = ["value", "expires"];
    let pointer = format!("/{}", json::escape_token(&member.key));
    let bad =
        |node: &Node, pointer: &str, what: String| Finding::new(Code::BadRecord, what).at(node.place(source, pointer));
    let hint = "a record is `{ \"value\": { … } }`, with `\"expires\"` where it does not stay";
    let Some(value) = member.value.get("value") else {
        let what = format!("the record `{}` has no `value`", member.key);
        return Err(vec![bad(&member.value, &pointer, what).hint(hint)]);
    };
    let mut findings = Findings::new();
    for other in member.value.members().unwrap_or_default() {
        if !MEMBERS.contains(&other.key.as_str()) {
            let what = format!("a record has no `{}`, only {}", other.key, list(MEMBERS));
            let pointer = format!("{pointer}/{}", json::escape_token(&other.key));
            findings.push(bad(&other.value, &pointer, what).hint(hint));
        }
    }
    let expires = match member.value.get("expires") {
        None => None,
        Some(node) => match expiry(&node.value()) {
            Ok(expires) => expires,
            Err(what) => {
                findings.push(bad(node, &format!("{pointer}/expires"), what));
                None
            }
        },
    };
    match record(secrets, &member.key, &value.value(), expires) {
        Ok(record) if findings.is_empty() => Ok(record),
        Ok(_) => Err(findings),
        Err(what) => {
            findings.push(bad(value, &format!("{pointer}/value"), what));
            Err(findings)
        }
    }
}

fn expiry(value: &Value) -> Result<Option<Timestamp>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => match text.parse() {
            Ok(time) => Ok(Some(time)),
            Err(_) => Err(format!("`{text}` is not a time: write it as `2026-01-31T12:00:00Z`")),
        },
        _ => Err("a time was expected, as in \"2026-01-31T12:00:00Z\"".to_owned()),
    }
}
