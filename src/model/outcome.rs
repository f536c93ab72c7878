//! What a handler did with one delivery. Never an error of simctl's own.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

/// What the handler did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// The callback returned, and a promise that it returned was fulfilled.
    Returned {
        /// What it returned, or what its promise was fulfilled with.
        value: ReturnValue,
    },
    /// The callback threw.
    Threw {
        /// What it threw.
        error: Thrown,
    },
    /// A promise was rejected.
    Rejected {
        /// What with.
        error: Thrown,
        /// True where it is not the promise that the callback returned but one that nobody handled.
        unhandled: bool,
    },
    /// The callback returned a promise that nothing can settle any more.
    NeverSettles,
    /// The app ended the event with `renderData`. Only of events that end so.
    Rendered {
        /// Its first argument, where there was one: the app says that it failed.
        #[serde(rename = "render_error", skip_serializing_if = "Option::is_none")]
        error: Option<Value>,
        /// Its second argument.
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<Value>,
    },
    /// Nothing is left that could call `renderData`, and the event ends by that alone.
    NotRendered,
    /// The time limit came first.
    TimedOut {
        /// The limit.
        #[serde(rename = "limit_ms", serialize_with = "as_millis")]
        limit: Duration,
        /// Where the code was, innermost first, where the runtime can tell; else empty.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        stack: Vec<Frame>,
    },
    /// The handler process ended itself.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// The handler process was ended by a signal.
    Signalled {
        /// The signal's number.
        signal: i32,
    },
    /// The memory limit was reached.
    OutOfMemory {
        /// The limit in bytes.
        limit_bytes: u64,
    },
    /// `server.js`, or a file that it requires, did not load: it does not parse or threw at its top level.
    NotLoaded {
        /// What was wrong.
        error: Thrown,
    },
    /// The file loaded but exports no callback of that name.
    NoCallback {
        /// The name that the manifest gives.
        callback: String,
        /// The callbacks that the file exports.
        known: Vec<String>,
    },
    /// The endpoint answered with a status of 200 to 299.
    Accepted {
        /// What it answered.
        response: Response,
    },
    /// The endpoint answered with any other status.
    Declined {
        /// What it answered.
        response: Response,
    },
    /// No connection to the endpoint came about, so nothing was sent.
    Unreachable {
        /// What was in the way.
        reason: String,
        /// What to do about it.
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    /// What came back was not a reply.
    BadReply {
        /// What was wrong with it.
        reason: String,
    },
}

impl Outcome {
    /// The names of all kinds.
    pub const NAMES: [&str; 16] = [
        "returned",
        "threw",
        "rejected",
        "never-settles",
        "rendered",
        "not-rendered",
        "timed-out",
        "exited",
        "signalled",
        "out-of-memory",
        "not-loaded",
        "no-callback",
        "accepted",
        "declined",
        "unreachable",
        "bad-reply",
    ];

    /// Whether the handler did what a handler should.
    pub const fn held(&self) -> bool {
        matches!(self, Self::Returned { .. } | Self::Rendered { error: None, .. } | Self::Accepted { .. })
    }

    /// The kind's name, as in the JSON stream.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Returned { .. } => "returned",
            Self::Threw { .. } => "threw",
            Self::Rejected { .. } => "rejected",
            Self::NeverSettles => "never-settles",
            Self::Rendered { .. } => "rendered",
            Self::NotRendered => "not-rendered",
            Self::TimedOut { .. } => "timed-out",
            Self::Exited { .. } => "exited",
            Self::Signalled { .. } => "signalled",
            Self::OutOfMemory { .. } => "out-of-memory",
            Self::NotLoaded { .. } => "not-loaded",
            Self::NoCallback { .. } => "no-callback",
            Self::Accepted { .. } => "accepted",
            Self::Declined { .. } => "declined",
            Self::Unreachable { .. } => "unreachable",
            Self::BadReply { .. } => "bad-reply",
        }
    }
}

fn as_millis<S: serde::Serializer>(duration: &Duration, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// What an endpoint answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// What the status is called; empty for one that has no name.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub phrase: &'static str,
    /// Those of its headers that tell something of a delivery, by their names in lower case.
    pub headers: BTreeMap<&'static str, String>,
    /// The beginning of its body, bytes that are not UTF-8 replaced.
    pub body: String,
    /// How many bytes the whole body had.
    pub body_bytes: u64,
}

/// A value that came out of the handler.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReturnValue {
    /// `undefined`, which JSON does not have.
    Undefined,
    /// A value that JSON holds.
    Json(Value),
    /// One that it does not, such as a cycle or a BigInt, as the text that `console.log` would print.
    Text(String),
}

/// What was thrown, or what a promise was rejected with: an `Error`, or any other value.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Thrown {
    /// The error's `name`, such as `TypeError`; absent where what was thrown is not an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The error's `message`; for other values their text.
    pub message: String,
    /// The stack, innermost first, with frames of the user's own files only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<Frame>,
    /// What simctl knows about such an error, such as why `setTimeout` is not defined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// One frame of a stack, in the user's own file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// The function's name; absent at the top level of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The file, relative to the app's root.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}
