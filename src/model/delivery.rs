//! One event on its way to one handler.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::Outcome;

/// One payload for one callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The payload's number within the run, from 0.
    pub index: u64,
    /// The event's name, such as `onUserCreate`.
    pub event: String,
    /// The callback's name in `exports`.
    pub callback: String,
    /// The payload, as JSON text.
    pub payload: String,
    /// Whether the event is over when the app calls `renderData`, rather than when the callback has returned.
    pub ends_by_render: bool,
    /// How far the run's clock is ahead of this machine's, in milliseconds: where the app's `Date` begins.
    pub clock_shift_ms: i64,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivered {
    /// What the handler did.
    pub outcome: Outcome,
    /// How long it took.
    pub times: Times,
    /// What ran the code and its version, such as `Node.js 20.20.2`; nothing where it was no app's.
    pub engine: Option<String>,
}

/// How long a delivery took, wall clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// From starting the handler process until it was ready; zero where it was running already.
    pub start_up: Duration,
    /// From handing over the payload until the outcome was known: loading `server.js` and running the callback.
    pub handler: Duration,
}

/// What runs the JavaScript of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// QuickJS, compiled into simctl.
    Embedded,
    /// The developer's own Node.js.
    Node,
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::Node => "node",
        })
    }
}

/// Who gets a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addressee {
    /// A callback of an app.
    Callback {
        /// The callback's name in `exports`.
        callback: String,
        /// The file that should define it, relative to the app's root.
        file: String,
        /// What runs it.
        runtime: Runtime,
    },
    /// An endpoint that payloads are posted to.
    Endpoint {
        /// Where it is.
        url: String,
    },
    /// A program that reads payloads from its standard input.
    Program {
        /// The command that starts it.
        command: String,
    },
}

impl Addressee {
    /// The name that a person knows it by.
    pub fn name(&self) -> &str {
        match self {
            Self::Callback { callback, .. } => callback,
            Self::Endpoint { url } => url,
            Self::Program { command } => command,
        }
    }

    /// The file that holds it, relative to the app's root, where simctl knows it.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Callback { file, .. } => Some(file),
            Self::Endpoint { .. } | Self::Program { .. } => None,
        }
    }

    /// The texts in it.
    pub(super) fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        match self {
            Self::Callback { callback, file, .. } => vec![callback, file],
            Self::Endpoint { url } => vec![url],
            Self::Program { command } => vec![command],
        }
        .into_iter()
    }
}

impl Serialize for Addressee {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        match self {
            Self::Callback { callback, file, runtime } => {
                map.serialize_entry("callback", callback)?;
                map.serialize_entry("file", file)?;
                map.serialize_entry("runtime", runtime)?;
            }
            Self::Endpoint { url } => {
                map.serialize_entry("url", url)?;
                map.serialize_entry("runtime", "http")?;
            }
            Self::Program { command } => {
                map.serialize_entry("command", command)?;
                map.serialize_entry("runtime", "exec")?;
            }
        }
        map.end()
    }
}

/// The platform's generations, as far as the payload's envelope tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Platform {
    /// 1.x to 2.x: `account_id` and `domain` beside `data`.
    #[serde(rename = "2.3")]
    V2,
    /// 3.x: `currentHost` beside `data`.
    #[serde(rename = "3.0")]
    V3,
}

impl Platform {
    /// The platform of a payload in words: the `version` that the app's manifest names, where payloads of that wear this
    /// envelope; else the envelope alone.
    pub fn told(self, version: Option<&str>) -> String {
        match version.filter(|version| version.parse() == Ok(self)) {
            Some(version) => format!("platform {version}"),
            None => format!("envelope of platform {self}"),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V2 => "2.3",
            Self::V3 => "3.0",
        })
    }
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "1.0" | "2.0" | "2.1" | "2.2" | "2.3" => Ok(Self::V2),
            "3.0" => Ok(Self::V3),
            other => Err(format!(
                "`{other}` is not a platform version: 2.3 and 3.0 are (and 1.0 to 2.2, which send what 2.3 does)"
            )),
        }
    }
}
