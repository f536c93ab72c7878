//! One delivery as it is kept. Its JSON form is described by `schemas/delivery.schema.json`.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::{Platform, Secrets};
use crate::text::printable_line;

/// One delivery: what was fired at whom, and what came of it. No secret is in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recorded {
    /// Its number among the app's deliveries, from 1; 0 where it has none yet.
    pub id: u64,
    /// When it was fired, by this machine's clock, RFC 3339.
    pub at: String,
    /// The version of simctl that fired it.
    pub simctl: String,
    /// The event's name.
    pub event: String,
    /// Who got it: `callback`, `file` and `runtime`, or `url`, or `command`.
    pub to: Value,
    /// The platform whose envelope the payload wears: 2.3 or 3.0.
    pub platform: String,
    /// The platform version that the app's manifest named, where it named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_version: Option<String>,
    /// The simulated clock, RFC 3339.
    pub now: String,
    /// The seed that the payload was drawn from; none where it came from a file.
    pub seed: Option<u64>,
    /// The payload's number within its run, from 0.
    pub index: u64,
    /// The delivery that it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_of: Option<u64>,
    /// Whether the handler did what a handler should, and the platform found no error meanwhile.
    pub held: bool,
    /// What the handler did, as in a run event.
    pub outcome: Value,
    /// The line of the user's file that the innermost frame points at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<Value>,
    /// Start of the handler process to ready; zero where it was running.
    pub start_up_us: u64,
    /// Payload handed over to outcome known.
    pub handler_us: u64,
    /// What ran the code and its version; none where it was no app's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// The command that repeats it.
    pub repeat: String,
    /// What the handler logged and wrote, in order.
    #[serde(default)]
    pub logs: Vec<Logged>,
    /// What it asked the platform for, in order.
    #[serde(default)]
    pub calls: Vec<Called>,
    /// What the platform found meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Value>,
    /// How many lines of logs were too many to be kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub logs_left_out: u64,
    /// How many calls were too many to be kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub calls_left_out: u64,
    /// The payload, to the byte; a mask where a secret stands.
    pub payload: Box<RawValue>,
    /// As it is kept: with placeholders where it has masks.
    #[serde(skip)]
    pub(super) concealed: Option<String>,
}

/// What a list shows of a delivery. Reading it passes by its payload, logs and calls, which are most of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Brief {
    /// As [`Recorded::id`], and so are the others.
    pub id: u64,
    /// When it was fired.
    pub at: String,
    /// The event's name.
    pub event: String,
    /// Who got it.
    pub to: Value,
    /// Whether all was well.
    pub held: bool,
    /// What the handler did.
    pub outcome: Value,
    /// Payload handed over to outcome known.
    pub handler_us: u64,
    /// The delivery that it repeats.
    #[serde(default)]
    pub replay_of: Option<u64>,
}

impl Brief {
    /// Reads a line of the log.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// The outcome's kind, such as `threw`.
    pub fn outcome_name(&self) -> &str {
        kind(&self.outcome)
    }

    /// Who got it, in one word or address.
    pub fn addressee(&self) -> &str {
        addressee(&self.to)
    }

    /// What the handler did, as one clause.
    pub fn said(&self) -> String {
        said(&self.outcome, self.held)
    }
}

/// One line that a handler logged, or bytes that it wrote past the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    /// The console method; `stdout` or `stderr` for what was written past it.
    pub level: String,
    /// The text; what is too long is cut, and ends in `…`.
    pub text: String,
}

/// One call of the platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Called {
    /// The method, such as `$db.set`.
    pub name: String,
    /// Its arguments; a text that ends in `…` where they were too long.
    pub args: Value,
    /// `fulfilled` or `rejected`.
    pub status: String,
    /// The answer; a text that ends in `…` where it was too long.
    pub answer: Value,
    /// How long the platform took.
    pub took_us: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Recorded {
    /// The platform in words.
    pub fn platform_told(&self) -> String {
        let envelope: Result<Platform, _> = self.platform.parse();
        envelope.map_or_else(|_| self.platform.clone(), |envelope| envelope.told(self.platform_version.as_deref()))
    }

    /// Reads a line of the log.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(line).ok()?.masked()
    }

    /// The same with masks where it has placeholders, which it remembers.
    pub(super) fn masked(mut self) -> Option<Self> {
        let kept = self.payload.get();
        if kept.contains("{{") {
            let masked = Secrets::masked(kept);
            if masked != kept {
                let masked = RawValue::from_string(masked).ok()?;
                self.concealed = Some(std::mem::replace(&mut self.payload, masked).get().to_owned());
            }
        }
        Some(self)
    }

    /// The payload as it was fired, with the secrets of today in place of their placeholders.
    pub fn fired(&self, secrets: &Secrets) -> String {
        let Some(concealed) = &self.concealed else { return self.payload.get().to_owned() };
        // A secret that was a number: its placeholder is a string, which only the value as a whole tells.
        if concealed.contains("|number}}")
            && let Ok(mut value) = serde_json::from_str::<Value>(concealed)
        {
            secrets.reveal_value(&mut value);
            return value.to_string();
        }
        secrets.reveal(concealed)
    }

    /// Whether a part of the payload was a secret.
    pub const fn has_secrets(&self) -> bool {
        self.concealed.is_some()
    }

    /// The outcome's kind, such as `threw`.
    pub fn outcome_name(&self) -> &str {
        kind(&self.outcome)
    }

    /// Who got it, in one word or address.
    pub fn addressee(&self) -> &str {
        addressee(&self.to)
    }

    /// How long the handler took.
    pub const fn took(&self) -> Duration {
        Duration::from_micros(self.handler_us)
    }

    /// What the handler did, as one clause.
    pub fn said(&self) -> String {
        said(&self.outcome, self.held)
    }

    /// A step of a scenario that fires the delivery again. The scenario lies beside `file`, which holds the delivery;
    /// without one the step says how to write it.
    pub fn step(&self, file: Option<&Path>) -> String {
        let name = file.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let id = self.id;
        let (name, mut text) = match name {
            Some(name) => (name, String::new()),
            None => {
                let name = format!("delivery-{id}.json");
                let text =
                    format!("# Its file, beside the scenario: simctl history export {id} --as delivery {name}\n");
                (name, text)
            }
        };
        text.push_str(&format!("- replay: {}\n", Value::from(name)));
        if self.held {
            text.push_str(&format!("  expect:\n    outcome: {}\n", self.outcome_name()));
        } else {
            let said = printable_line(&self.said()).into_owned();
            text.push_str(&format!(
                "  # It failed: {said}\n  # What is expected stands here; without a word, that it does not fail.\n"
            ));
        }
        text
    }
}

fn kind(outcome: &Value) -> &str {
    outcome.get("kind").and_then(Value::as_str).unwrap_or("unknown")
}

fn addressee(to: &Value) -> &str {
    let text = |key| to.get(key).and_then(Value::as_str);
    text("callback").or_else(|| text("url")).or_else(|| text("command")).unwrap_or_default()
}

/// What a handler did, as one clause, from the outcome's JSON form.
pub(super) fn said(outcome: &Value, held: bool) -> String {
    let text = |pointer: &str| outcome.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = text("/kind");
    let thrown = || match outcome.pointer("/error/name").and_then(Value::as_str) {
        Some(name) => format!("{name}: {}", text("/error/message")),
        None => text("/error/message"),
    };
    let number = |pointer: &str| outcome.pointer(pointer).cloned().unwrap_or_default();
    let what = match kind.as_str() {
        "returned" => match outcome.get("value") {
            Some(Value::Object(value)) => {
                let value = value.get("json").or_else(|| value.get("text")).cloned().unwrap_or_default();
                format!("returned {value}")
            }
            _ => kind,
        },
        "threw" => format!("threw {}", thrown()),
        "rejected" => format!("rejected with {}", thrown()),
        "not-loaded" => format!("did not load: {}", thrown()),
        "rendered" => match (outcome.get("render_error"), outcome.get("data")) {
            (Some(error), _) => format!("called renderData with the error {error}"),
            (None, Some(data)) => format!("called renderData with {data}"),
            (None, None) => "called renderData".to_owned(),
        },
        "accepted" | "declined" => {
            format!("answered {} {}", number("/response/status"), text("/response/phrase")).trim_end().to_owned()
        }
        "unreachable" => format!("could not be reached: {}", text("/reason")),
        "bad-reply" => format!("gave no proper reply: {}", text("/reason")),
        "exited" => format!("ended its process with exit code {}", number("/code")),
        "signalled" => format!("was ended by signal {}", number("/signal")),
        "no-callback" => format!("has no callback `{}`", text("/callback")),
        "timed-out" => format!("did not finish within {} ms", number("/limit_ms")),
        "never-settles" => "returned a promise that nothing can settle any more".to_owned(),
        "not-rendered" => "never called renderData, which ends this event".to_owned(),
        "out-of-memory" => "used more memory than it may".to_owned(),
        _ => kind,
    };
    let is_good = matches!(text("/kind").as_str(), "returned" | "rendered" | "accepted");
    let has_error = outcome.get("render_error").is_some();
    if !held && is_good && !has_error { format!("{what}, but not without an error") } else { what }
}
