//! What happens in a run, in the order in which it happens. Reporters read these and nothing else.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Finding, Outcome, Platform, Runtime};

/// One thing that happened. The JSON form is described by `schemas/run-event.schema.json`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RunEvent {
    /// First of every run.
    RunStarted {
        /// simctl's version.
        version: String,
        /// The command line that repeats this run, seed and clock included.
        command: String,
        /// The seed that payloads are drawn from.
        seed: u64,
        /// The simulated clock, RFC 3339.
        now: String,
        /// How many deliveries are planned.
        count: u64,
    },
    /// Something about the run as a whole that the user should know, such as why a runtime was chosen.
    Notice {
        /// One line, lower case, no full stop.
        message: String,
    },
    /// A fault in the user's files that does not keep the run from going on.
    Found {
        /// The fault.
        #[serde(flatten)]
        finding: Finding,
    },
    /// A payload is about to be handed over.
    DeliveryStarted {
        /// The payload's number within the run, from 0.
        index: u64,
        /// The event's name.
        event: String,
        /// The callback's name.
        callback: String,
        /// The file that should define it, relative to the app's root.
        file: String,
        /// What runs it.
        runtime: Runtime,
        /// The platform whose envelope the payload wears.
        platform: Platform,
        /// The payload, as it is handed over, secrets masked.
        payload: Box<RawValue>,
    },
    /// The handler logged a line.
    Log {
        /// The delivery.
        index: u64,
        /// The console method.
        level: Level,
        /// What it printed, formatted as a console does; may hold line ends and control characters.
        text: String,
    },
    /// Bytes that the handler process wrote past the console, to its standard output or error.
    Output {
        /// The delivery.
        index: u64,
        /// Which of the two.
        stream: Stream,
        /// What it wrote; bytes that are not UTF-8 are replaced.
        text: String,
    },
    /// The handler asked the platform for something.
    Call {
        /// The delivery.
        index: u64,
        /// The platform method, such as `db.set`.
        name: String,
        /// Its arguments.
        args: Value,
        /// Whether it was answered or refused.
        status: AnswerStatus,
        /// The answer, or what it was refused with.
        answer: Value,
        /// How long the platform took.
        #[serde(rename = "took_us", serialize_with = "as_micros")]
        took: Duration,
    },
    /// The delivery is over.
    DeliveryFinished {
        /// The delivery.
        index: u64,
        /// What the handler did.
        outcome: Outcome,
        /// Start of the handler process to ready; zero where it was running.
        #[serde(rename = "start_up_us", serialize_with = "as_micros")]
        start_up: Duration,
        /// Payload handed over to outcome known.
        #[serde(rename = "handler_us", serialize_with = "as_micros")]
        handler: Duration,
        /// The command that repeats this delivery alone.
        repeat: String,
    },
    /// Last of every run, also after Ctrl-C.
    RunFinished {
        /// Deliveries that held.
        held: u64,
        /// Deliveries that did not.
        failed: u64,
        /// True where Ctrl-C ended it before all were made.
        interrupted: bool,
        /// The process exit code.
        exit_code: u8,
    },
}

fn as_micros<S: serde::Serializer>(duration: &Duration, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_u64(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

/// The console method that a line was logged with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// `console.debug`
    Debug,
    /// `console.log`
    Log,
    /// `console.info`
    Info,
    /// `console.warn`
    Warn,
    /// `console.error`
    Error,
}

impl Level {
    /// The console method's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Log => "log",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The level of the console method `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Debug, Self::Log, Self::Info, Self::Warn, Self::Error].into_iter().find(|level| level.name() == name)
    }
}

/// Where a handler process wrote past the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Its standard output.
    Stdout,
    /// Its standard error.
    Stderr,
}

/// Whether the platform granted a host call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerStatus {
    /// The promise is fulfilled with the answer.
    Fulfilled,
    /// The promise is rejected with it.
    Rejected,
}
