//! The lines that simctl and a handler process send each other, as `docs/handler-protocol.md` describes them.
//!
//! Both ends are here: the embedded host reads with the same types that simctl writes with. Nothing here does I/O.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Delivery, Frame, Outcome, ReturnValue, Runtime, Thrown};

use super::{Answer, Counting, DESCRIBER, HostGlobal, Launch, PRELUDE};

/// The longest line that either side accepts.
pub(super) const LONGEST_LINE: usize = 64 * 1024 * 1024;

/// How a line begins that brings an event.
pub(super) const EVENT: &str = r#"{"type":"event""#;

/// What simctl sends.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum ToHost {
    /// First of all: what every line from the host must begin with.
    Hello { token: String },
    /// What to run, for every event that follows.
    Load {
        entry: Entry,
        /// The app's folder, absolute.
        root: String,
        /// What of the platform to make in each realm.
        globals: Vec<HostGlobal>,
        /// Whether Node.js lends the realm its own globals.
        #[serde(default)]
        node_globals: bool,
        /// The script that makes a realm; absent where the host carries it itself.
        prelude: Option<String>,
        /// The script that describes values, likewise.
        describer: Option<String>,
        memory_bytes: u64,
        /// Whether one realm serves all events.
        #[serde(default)]
        shares_realm: bool,
        /// Whether anybody hears console lines.
        #[serde(default = "yes")]
        hears_logs: bool,
    },
    /// One event; the line after it is the payload, which the realm that gets it parses.
    Event {
        id: u64,
        event: String,
        callback: String,
        /// Milliseconds that the handler may take.
        limit_ms: u64,
        /// Whether it is over when the app calls `renderData`.
        ends_by_render: bool,
        /// Milliseconds that the run's clock is ahead of this machine's.
        clock_shift_ms: i64,
    },
    /// The answer to a host call.
    Reply {
        call: u64,
        #[serde(flatten)]
        answer: Reply,
    },
}

const fn yes() -> bool {
    true
}

/// How a host call ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reply {
    Ok(Value),
    Error(Value),
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        match answer {
            Ok(value) => Self::Ok(value),
            Err(value) => Self::Error(value),
        }
    }
}

/// A file of the app.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) source: String,
    /// Where its code is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) counting: Option<WireCounting>,
}

/// What the realm must know of a file whose code is counted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct WireCounting {
    counter: String,
    count: usize,
    columns: Vec<u32>,
}

impl Entry {
    /// The file as it is run.
    pub(super) fn new(name: String, source: String, counting: Option<Counting>) -> Self {
        let Some(Counting { text, counter, count, columns }) = counting else {
            return Self { name, source, counting: None };
        };
        Self { name, source: text, counting: Some(WireCounting { counter, count, columns }) }
    }
}

/// How often the counters of a file were reached.
#[derive(Debug, Deserialize)]
pub(super) struct CountedFile {
    pub(super) name: String,
    counts: Vec<Option<f64>>,
}

impl CountedFile {
    /// The counts; `None` where one is no count.
    pub(super) fn counts(&self) -> Option<Vec<u64>> {
        self.counts.iter().map(|count| count.and_then(whole)).collect()
    }
}

/// A number of JavaScript that is whole and not negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "only what a u64 holds gets there")]
fn whole(number: f64) -> Option<u64> {
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    ((0.0..=LARGEST).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}

/// What a host sends.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum FromHost {
    /// It runs and has read the token.
    Ready { version: String },
    /// A console line.
    Log { level: String, text: String },
    /// The app called what this runtime answers otherwise than Node.js would; told once for each name and event.
    Differs {
        function: String,
        /// Where, innermost first.
        stack: Vec<WireFrame>,
    },
    /// A host call; `args` is the JSON text of an array.
    Call { call: u64, name: String, args: String },
    /// The callback has returned, but something that it left behind still runs.
    Settled { id: u64, report: Report },
    /// What of the files whose code is counted the event has reached so far.
    Counted { id: u64, files: Vec<CountedFile> },
    /// The event is over.
    Done {
        id: u64,
        report: Report,
        /// How long it took by the host's clock, in microseconds, where the host could tell.
        took_us: Option<u64>,
    },
}

/// How an event ended, as the host saw it.
#[derive(Debug, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub(super) enum Report {
    Returned {
        /// The value as JSON text.
        json: Option<String>,
        /// What JSON does not hold, as text.
        text: Option<String>,
    },
    Threw {
        error: WireThrown,
    },
    Rejected {
        error: WireThrown,
    },
    Unhandled {
        error: WireThrown,
    },
    NeverSettles,
    /// The app called `renderData`; both as JSON text.
    Rendered {
        error: Option<String>,
        data: Option<String>,
    },
    NotRendered,
    TimedOut {
        #[serde(default)]
        stack: Vec<WireFrame>,
    },
    OutOfMemory,
    NotLoaded {
        error: WireThrown,
    },
    NoCallback {
        callback: String,
        known: Vec<String>,
    },
}

#[derive(Debug, Deserialize)]
pub(super) struct WireThrown {
    name: Option<String>,
    message: String,
    #[serde(default)]
    stack: Vec<WireFrame>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireFrame {
    function: Option<String>,
    file: String,
    line: u32,
    column: u32,
}

impl Report {
    /// The outcome, given the limits that the host does not repeat.
    pub(super) fn into_outcome(self, timeout: Duration, limit_bytes: u64) -> Outcome {
        match self {
            Self::Returned { json, text } => Outcome::Returned { value: return_value(json, text) },
            Self::Threw { error } => Outcome::Threw { error: error.into() },
            Self::Rejected { error } => Outcome::Rejected { error: error.into(), unhandled: false },
            Self::Unhandled { error } => Outcome::Rejected { error: error.into(), unhandled: true },
            Self::NeverSettles => Outcome::NeverSettles,
            Self::Rendered { error, data } => {
                let value =
                    |text: Option<String>| text.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)));
                Outcome::Rendered { error: value(error), data: value(data) }
            }
            Self::NotRendered => Outcome::NotRendered,
            Self::TimedOut { stack } => {
                Outcome::TimedOut { limit: timeout, stack: stack.into_iter().map(Frame::from).collect() }
            }
            Self::OutOfMemory => Outcome::OutOfMemory { limit_bytes },
            Self::NotLoaded { error } => Outcome::NotLoaded { error: error.into() },
            Self::NoCallback { callback, known } => Outcome::NoCallback { callback, known },
        }
    }
}

/// JSON nested deeper than `serde_json` reads stays text.
fn return_value(json: Option<String>, text: Option<String>) -> ReturnValue {
    match (json, text) {
        (Some(json), _) => serde_json::from_str(&json).map_or(ReturnValue::Text(json), ReturnValue::Json),
        (None, Some(text)) => ReturnValue::Text(text),
        (None, None) => ReturnValue::Undefined,
    }
}

impl From<WireThrown> for Thrown {
    fn from(wire: WireThrown) -> Self {
        Self {
            name: wire.name,
            message: wire.message,
            stack: wire.stack.into_iter().map(Frame::from).collect(),
            hint: None,
        }
    }
}

impl From<WireFrame> for Frame {
    fn from(wire: WireFrame) -> Self {
        Self { function: wire.function, file: wire.file, line: wire.line, column: wire.column }
    }
}

/// A message as the line that carries it.
pub(super) fn line(message: &ToHost) -> Vec<u8> {
    // Maps with string keys and strings only: there is nothing in a message that JSON could refuse.
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}

/// The two lines that bring event `id`.
pub(super) fn event(id: u64, delivery: &Delivery, limit: Duration) -> Vec<u8> {
    let mut lines = line(&ToHost::Event {
        id,
        event: delivery.event.clone(),
        callback: delivery.callback.clone(),
        limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
        ends_by_render: delivery.ends_by_render,
        clock_shift_ms: delivery.clock_shift_ms,
    });
    // Within JSON the end of a line is white space: in a string it would have to be escaped.
    lines.extend(delivery.payload.bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
    lines.push(b'\n');
    lines
}

/// The line that says what to run.
pub(super) fn load(launch: &Launch) -> Vec<u8> {
    let is_node = launch.runtime == Runtime::Node;
    let entry = launch.entry.clone();
    line(&ToHost::Load {
        entry: Entry::new(entry.name, entry.source, entry.counting),
        root: launch.root.to_string_lossy().into_owned(),
        globals: launch.globals.clone(),
        node_globals: launch.node_options.lends_globals,
        prelude: is_node.then(|| PRELUDE.to_owned()),
        describer: is_node.then(|| DESCRIBER.to_owned()),
        memory_bytes: launch.memory_bytes,
        shares_realm: launch.shares_realm,
        hears_logs: launch.hears_logs,
    })
}

/// The bytes that a line from a host must begin with.
pub(super) fn line_start(token: &str) -> String {
    format!("{{\"token\":\"{token}\",")
}

/// Splits a stream of bytes into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// How far the rest has been searched for its end.
    searched: usize,
}

impl Lines {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.tail().extend_from_slice(bytes);
    }

    /// What the stream's next bytes are to be put at the end of.
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        if self.start > 0 && self.start == self.bytes.len() {
            self.bytes.clear();
            (self.start, self.searched) = (0, 0);
        }
        &mut self.bytes
    }

    /// The next whole line, without its end.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        let from = self.searched.max(self.start);
        let Some(length) = self.bytes[from..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.bytes.len();
            if self.start > 0 {
                self.bytes.drain(..self.start);
                self.searched -= self.start;
                self.start = 0;
            }
            return None;
        };
        let end = from + length;
        let line = self.bytes[self.start..end].to_vec();
        self.start = end + 1;
        Some(line)
    }

    /// How many bytes have not been taken.
    pub(super) fn waiting(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether the line that has begun is longer than any may be.
    pub(super) fn too_long(&self) -> bool {
        self.waiting() > LONGEST_LINE
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{EVENT, Lines, event};
    use crate::model::Delivery;

    #[test]
    fn an_event_is_two_lines_whatever_its_payload() {
        let delivery = Delivery {
            index: 0,
            event: "onUserCreate".to_owned(),
            callback: "created".to_owned(),
            payload: "{\n  \"data\": \"a\\nb\"\n}\n".to_owned(),
            ends_by_render: false,
            clock_shift_ms: 0,
        };
        let text = String::from_utf8(event(1, &delivery, Duration::from_secs(1))).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with(EVENT));
        assert_eq!(lines[1].trim_end(), "{   \"data\": \"a\\nb\" }");
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let mut lines = Lines::default();
        let mut got = Vec::new();
        for byte in b"one\n\ntwo\nthr" {
            lines.push(&[*byte]);
            while let Some(line) = lines.next() {
                got.push(String::from_utf8_lossy(&line).into_owned());
            }
        }
        assert_eq!(got, ["one", "", "two"]);
        lines.push(b"ee\nfour\n");
        assert_eq!(lines.next().as_deref(), Some(b"three".as_slice()));
        assert_eq!(lines.next().as_deref(), Some(b"four".as_slice()));
        assert_eq!(lines.next(), None);
    }
}
