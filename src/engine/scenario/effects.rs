//! What a step did, gathered from all of its deliveries.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::model::{AnswerStatus, Finding, Level, Outcome, ReturnValue, Thrown};
use crate::platform::{MadeRequest, Record, Schedule};

/// What a step did.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) deliveries: Vec<Done>,
    pub(super) logs: Vec<(Level, String)>,
    pub(super) calls: Vec<Call>,
    pub(super) requests: Vec<MadeRequest>,
    /// Errors that the platform found in what the app asked of it.
    pub(super) complaints: Vec<Finding>,
    /// What `$db` holds after it; not asked for where no expectation is about it.
    pub(super) records: Vec<Record>,
    /// What is scheduled after it; likewise.
    pub(super) schedules: Vec<Schedule>,
}

/// One delivery.
#[derive(Debug)]
pub(super) struct Done {
    /// The schedule that fired it.
    pub(super) schedule: Option<String>,
    pub(super) outcome: Outcome,
    /// How long the handler took.
    pub(super) took: Duration,
    /// JSON text.
    pub(super) payload: String,
}

/// A call of the platform.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) args: Value,
    pub(super) status: AnswerStatus,
    pub(super) answer: Value,
}

impl Effects {
    /// Adds what a later delivery did.
    pub(super) fn add(&mut self, later: Self) {
        self.deliveries.extend(later.deliveries);
        self.logs.extend(later.logs);
        self.calls.extend(later.calls);
        self.requests.extend(later.requests);
        self.complaints.extend(later.complaints);
    }

    /// What later steps may refer to.
    pub(super) fn as_result(&self) -> Value {
        let last = self.deliveries.last();
        let texts: Vec<Value> = self.logs.iter().map(|(_, text)| text.as_str().into()).collect();
        let mut result = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                result.insert(key.to_owned(), value);
            }
        };
        put("outcome", last.map(|done| done.outcome.name().into()));
        put("returned", last.and_then(|done| value_of(&done.outcome)));
        put("error", last.and_then(|done| error_of(&done.outcome)).map(Value::from));
        put("payload", last.and_then(|done| serde_json::from_str(&done.payload).ok()));
        put("logs", Some(texts.into()));
        put("requests", Some(self.requests.iter().map(request_value).collect::<Vec<_>>().into()));
        Value::Object(result)
    }
}

/// What the handler returned, or called `renderData` with.
pub(super) fn value_of(outcome: &Outcome) -> Option<Value> {
    match outcome {
        Outcome::Returned { value: ReturnValue::Json(value) } => Some(value.clone()),
        Outcome::Returned { value: ReturnValue::Text(text) } => Some(text.as_str().into()),
        Outcome::Rendered { data, .. } => data.clone(),
        _ => None,
    }
}

/// The text of an outcome's error, as a console shows it.
pub(super) fn error_of(outcome: &Outcome) -> Option<String> {
    let text = |Thrown { name, message, .. }: &Thrown| match name {
        Some(name) if message.is_empty() => name.clone(),
        Some(name) => format!("{name}: {message}"),
        None => message.clone(),
    };
    match outcome {
        Outcome::Threw { error } | Outcome::Rejected { error, .. } | Outcome::NotLoaded { error } => Some(text(error)),
        Outcome::Rendered { error: Some(error), .. } => Some(error.to_string()),
        _ => None,
    }
}

/// A request as references and snapshots see it.
pub(super) fn request_value(request: &MadeRequest) -> Value {
    let MadeRequest { template, context, method, url, body } = request;
    let mut value = json!({ "method": method, "url": url, "body": body });
    if let Value::Object(members) = &mut value {
        members.extend(template.iter().map(|template| ("template".to_owned(), template.as_str().into())));
        members.extend(context.iter().map(|context| ("context".to_owned(), context.clone())));
    }
    value
}

/// A schedule as expectations and snapshots see it: its data, when it fires next, and how often.
pub(super) fn schedule_value(schedule: &Schedule) -> Value {
    let mut value = json!({ "data": schedule.data(), "at": schedule.next.to_string() });
    if let (Value::Object(members), Some((number, unit))) = (&mut value, schedule.repeat()) {
        members.insert("every".to_owned(), format!("{number} {unit}").into());
    }
    value
}
