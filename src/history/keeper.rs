//! A reader of run events that makes a record of each delivery, and keeps it.

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::deliveries::History;
use super::recorded::{Called, Logged, Recorded};
use super::{HistoryError, KnownUser, Users};
use crate::model::{AnswerStatus, RunEvent, Secrets, Stream};

/// The longest text that is kept, in bytes.
const LONGEST_TEXT: usize = 16 << 10;
/// How much is kept of what a handler logs in one delivery, and of what it calls: bytes, and entries.
const MOST_BYTES: usize = 256 << 10;
const MOST_ENTRIES: usize = 2000;
/// The largest payload that is kept.
const LARGEST_PAYLOAD: usize = 4 << 20;

/// Makes records of what happens in one run.
///
/// Run events have masks where secrets were, and a payload must be kept so that it can be fired again: its text is therefore
/// handed over by [`Keeper::payload`], before the event that tells of the delivery.
#[derive(Debug)]
pub struct Keeper {
    history: Option<History>,
    users: Option<Users>,
    secrets: Secrets,
    simctl: String,
    seed: Option<u64>,
    now: String,
    replay_of: Option<u64>,
    /// The number that the next delivery is to have.
    reserved: Option<u64>,
    /// The payload of the delivery that comes next, as text.
    payload: Option<String>,
    /// The delivery at hand.
    current: Option<Current>,
    kept: Vec<u64>,
    last: Option<Recorded>,
    trouble: Option<HistoryError>,
}

#[derive(Debug)]
struct Current {
    recorded: Recorded,
    user: Option<Told>,
    logged_bytes: usize,
    called_bytes: usize,
    found_error: bool,
}

impl Keeper {
    /// Keeps deliveries in `history`, and users whom they tell of in `users`; makes records that nobody keeps where there
    /// is neither. `secrets` are what a payload may hold.
    pub fn new(history: Option<History>, users: Option<Users>, secrets: Secrets) -> Self {
        Self {
            history,
            users,
            secrets,
            simctl: env!("CARGO_PKG_VERSION").to_owned(),
            seed: None,
            now: String::new(),
            replay_of: None,
            reserved: None,
            payload: None,
            current: None,
            kept: Vec::new(),
            last: None,
            trouble: None,
        }
    }

    /// The deliveries repeat that one.
    #[must_use]
    pub fn replaying(mut self, id: Option<u64>) -> Self {
        self.replay_of = id;
        self
    }

    /// The number that the next delivery will have, for a command that repeats it; none where nothing is kept.
    pub fn reserve(&mut self) -> Option<u64> {
        if self.trouble.is_some() {
            return None;
        }
        match self.history.as_ref()?.reserve() {
            Ok(id) => {
                self.reserved = Some(id);
                Some(id)
            }
            Err(error) => {
                self.trouble = Some(error);
                None
            }
        }
    }

    /// The payload that is fired next, as it is fired.
    pub fn payload(&mut self, text: &str) {
        self.payload = Some(text.to_owned());
    }

    /// Takes the next event.
    pub fn on_event(&mut self, event: &RunEvent) {
        match event {
            RunEvent::RunStarted { version, seed, now, .. } => {
                self.simctl.clone_from(version);
                (self.seed, self.now) = (*seed, now.clone());
            }
            RunEvent::DeliveryStarted { .. } => self.begin(event),
            RunEvent::Log { level, text, .. } => self.log(level.name(), text),
            RunEvent::Output { stream, text, .. } => self.log(stream_name(*stream), text),
            RunEvent::Call { .. } => self.call(event),
            RunEvent::Found { finding } => {
                if let Some(current) = &mut self.current {
                    current.found_error |= finding.is_error();
                    if current.recorded.findings.len() < MOST_ENTRIES {
                        current.recorded.findings.extend(serde_json::to_value(finding));
                    }
                }
            }
            RunEvent::DeliveryFinished { .. } => self.finish(event),
            _ => {}
        }
    }

    /// The numbers of the deliveries that were kept.
    pub fn kept(&self) -> &[u64] {
        &self.kept
    }

    /// The last delivery that came to its end, kept or not.
    pub const fn last(&self) -> Option<&Recorded> {
        self.last.as_ref()
    }

    /// Why nothing more was kept, where that is so. The run is none the worse for it.
    pub const fn trouble(&self) -> Option<&HistoryError> {
        self.trouble.as_ref()
    }

    fn begin(&mut self, event: &RunEvent) {
        let RunEvent::DeliveryStarted { index, event, to, platform, platform_version, payload } = event else { return };
        let text = self.payload.take();
        let kept = match &text {
            Some(text) => concealed(&self.secrets, text),
            // Masked already; what looks like a placeholder in it is none.
            None => concealed(&Secrets::default(), payload.get()),
        };
        let user = text.as_deref().filter(|_| self.users.is_some()).and_then(|text| Told::new(&self.secrets, text));
        let kept = if kept.get().len() > LARGEST_PAYLOAD { RawValue::NULL.to_owned() } else { kept };
        let recorded = Recorded {
            id: 0,
            at: now(),
            simctl: self.simctl.clone(),
            event: event.clone(),
            to: serde_json::to_value(to).unwrap_or_default(),
            platform: platform.to_string(),
            platform_version: platform_version.clone(),
            now: self.now.clone(),
            seed: self.seed,
            index: *index,
            replay_of: self.replay_of,
            held: false,
            outcome: Value::Null,
            excerpt: None,
            start_up_us: 0,
            handler_us: 0,
            engine: None,
            repeat: String::new(),
            logs: Vec::new(),
            calls: Vec::new(),
            findings: Vec::new(),
            logs_left_out: 0,
            calls_left_out: 0,
            payload: kept,
            concealed: None,
        };
        self.current = Some(Current { recorded, user, logged_bytes: 0, called_bytes: 0, found_error: false });
    }

    fn log(&mut self, level: &str, text: &str) {
        let Some(current) = &mut self.current else { return };
        let text = cut(text);
        if current.logged_bytes + text.len() > MOST_BYTES || current.recorded.logs.len() >= MOST_ENTRIES {
            current.recorded.logs_left_out += 1;
            return;
        }
        current.logged_bytes += text.len();
        current.recorded.logs.push(Logged { level: level.to_owned(), text });
    }

    fn call(&mut self, event: &RunEvent) {
        let RunEvent::Call { name, args, status, answer, took, .. } = event else { return };
        let Some(current) = &mut self.current else { return };
        let ((args, asked), (answer, answered)) = (cut_value(args), cut_value(answer));
        let bytes = asked + answered;
        if current.called_bytes + bytes > MOST_BYTES || current.recorded.calls.len() >= MOST_ENTRIES {
            current.recorded.calls_left_out += 1;
            return;
        }
        current.called_bytes += bytes;
        let status = match status {
            AnswerStatus::Fulfilled => "fulfilled",
            AnswerStatus::Rejected => "rejected",
        };
        let called = Called { name: name.clone(), args, status: status.to_owned(), answer, took_us: micros(*took) };
        current.recorded.calls.push(called);
    }

    fn finish(&mut self, event: &RunEvent) {
        let RunEvent::DeliveryFinished { outcome, excerpt, start_up, handler, engine, repeat, .. } = event else {
            return;
        };
        let Some(Current { mut recorded, user, found_error, .. }) = self.current.take() else { return };
        recorded.held = outcome.held() && !found_error;
        recorded.outcome = cut_value(&serde_json::to_value(outcome).unwrap_or_default()).0;
        if recorded.outcome.is_string() {
            // One that is too long to be kept: its kind is what matters.
            recorded.outcome = serde_json::json!({ "kind": outcome.name() });
        }
        recorded.excerpt = excerpt.as_ref().and_then(|excerpt| serde_json::to_value(excerpt).ok());
        (recorded.start_up_us, recorded.handler_us) = (micros(*start_up), micros(*handler));
        recorded.engine.clone_from(engine);
        recorded.repeat.clone_from(repeat);
        self.keep(recorded, user);
    }

    fn keep(&mut self, mut recorded: Recorded, user: Option<Told>) {
        let reserved = self.reserved.take();
        if self.trouble.is_none() {
            match self.history.as_ref().map(|history| history.keep(reserved, &recorded)).transpose() {
                Ok(id) => {
                    recorded.id = id.unwrap_or_default();
                    self.kept.extend(id);
                }
                Err(error) => self.trouble = Some(error),
            }
        }
        if let (Some(users), Some(user), None) = (&self.users, user, &self.trouble) {
            let Told { user, envelope } = user;
            let known = KnownUser { at: recorded.at.clone(), event: recorded.event.clone(), user, envelope };
            self.trouble = users.keep(&known).err();
        }
        self.last = recorded.masked();
    }
}

const fn stream_name(stream: Stream) -> &'static str {
    match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    }
}

/// The payload with placeholders for its secrets, as JSON: the same bytes where there are none.
fn concealed(secrets: &Secrets, text: &str) -> Box<RawValue> {
    if let Ok(kept) = RawValue::from_string(secrets.conceal(text)) {
        return kept;
    }
    // A secret stands there as a number, which a placeholder is not.
    let value = serde_json::from_str(text).ok().and_then(|mut value: Value| {
        secrets.conceal_value(&mut value);
        serde_json::value::to_raw_value(&value).ok()
    });
    value.unwrap_or_else(|| RawValue::NULL.to_owned())
}

/// What a payload tells of the user whom it is about, secrets masked.
#[derive(Debug)]
struct Told {
    /// She, as she is after it.
    user: Value,
    envelope: Map<String, Value>,
}

impl Told {
    fn new(secrets: &Secrets, text: &str) -> Option<Self> {
        let mut payload: Value = serde_json::from_str(text).ok()?;
        let user = payload.pointer_mut("/data/user")?.take();
        user.get("id")?.as_str().filter(|id| !id.is_empty())?;
        let mut envelope = std::mem::take(payload.as_object_mut()?);
        envelope.retain(|name, _| !["event", "data", "iparams"].contains(&name.as_str()));
        let mut told = Self { user, envelope };
        secrets.mask_value(&mut told.user);
        told.envelope.values_mut().for_each(|value| secrets.mask_value(value));
        Some(told)
    }
}

fn cut(text: &str) -> String {
    if text.len() <= LONGEST_TEXT {
        return text.to_owned();
    }
    let end = (0..=LONGEST_TEXT).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}…", &text[..end])
}

/// A value as it is kept, and how long it is: as text that is cut, where it is too long.
fn cut_value(value: &Value) -> (Value, usize) {
    let text = value.to_string();
    if text.len() <= LONGEST_TEXT {
        return (value.clone(), text.len());
    }
    (Value::String(cut(&text)), LONGEST_TEXT)
}

/// The time to the millisecond, RFC 3339.
fn now() -> String {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now).to_string()
}

fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
