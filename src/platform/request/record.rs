//! What was sent and answered, kept as a file in `mocks/`: never over another one, and without secrets.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::mock::{asked, name};
use super::outgoing::{Outgoing, Sent};
use crate::app::{App, Mock, MockAnswer, MockFailure};
use crate::model::Secrets;
use crate::platform::Fault;

/// Header fields that say how an answer travelled, when, or to whom: no part of what a mock is for.
const LEFT_OUT: [&str; 9] = [
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "date",
    "set-cookie",
    "strict-transport-security",
    "alt-svc",
    "server",
];

/// Writes a mock of one request and what came of it each time that it was sent. Exact: one of several of its template.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write(
    app: &App,
    secrets: &Secrets,
    request: &Outgoing,
    all: &[Sent],
    exact: bool,
) -> Result<Mock, Fault> {
    let answers: Vec<MockAnswer> = all.iter().map(answer).collect();
    let asked = asked(request, exact);
    let told: Vec<Value> = answers.iter().map(told).collect();
    let mut value = match told.as_slice() {
        [one] => json!({ "request": asked, "answer": one }),
        _ => json!({ "request": asked, "answers": told }),
    };
    secrets.conceal_value(&mut value);
    let text = serde_json::to_string_pretty(&value).unwrap_or_default() + "\n";
    let file = create(app, &name(request, secrets), &text).map_err(|error| Fault {
        what: format!("the answer to {} cannot be kept in mocks/: {error}", secrets.mask(&request.name())),
        hint: Some("make the app's folder writable, or use `--network live`, which keeps nothing".to_owned()),
    })?;
    let text = |key: &str| asked.get(key).and_then(Value::as_str).map(str::to_owned);
    Ok(Mock {
        file: app.shown(file),
        comes_first: false,
        template: text("template"),
        method: text("method"),
        url: text("url"),
        body: asked.get("body").cloned(),
        answers,
    })
}

/// Creates a file of that name, or of that name and a number where there is one already. Its path in the app.
fn create(app: &App, name: &str, text: &str) -> io::Result<PathBuf> {
    std::fs::create_dir_all(app.root.join("mocks"))?;
    let mut number = 1;
    loop {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let file = PathBuf::from(format!("mocks/{name}{suffix}.json"));
        match OpenOptions::new().write(true).create_new(true).open(app.root.join(&file)) {
            Ok(mut open) => {
                let written = open.write_all(text.as_bytes());
                if written.is_err() {
                    // Half a mock is a fault that the next run would stop at.
                    let _ = std::fs::remove_file(app.root.join(&file));
                }
                return written.map(|()| file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

fn answer(sent: &Sent) -> MockAnswer {
    let none = MockAnswer { status: 200, headers: Vec::new(), body: Value::Null, delay: Duration::ZERO, fail: None };
    match sent {
        Sent::Failed { how, .. } => MockAnswer { fail: Some(*how), ..none },
        Sent::Answered { status, headers, body } => {
            let headers = headers.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str())).cloned().collect();
            MockAnswer { status: *status, headers, body: body_value(body), ..none }
        }
    }
}

/// A body as a value, where that gives the same text again.
fn body_value(body: &str) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    let value = serde_json::from_str(body).ok().filter(|value: &Value| value.is_object() || value.is_array());
    match value.map(|value| (value.to_string(), value)) {
        Some((text, value)) if text == body => value,
        _ => body.into(),
    }
}

fn told(answer: &MockAnswer) -> Value {
    if let Some(how) = answer.fail {
        let name = match how {
            MockFailure::Timeout => "timeout",
            MockFailure::Refused => "refused",
            MockFailure::UnknownHost => "unknown-host",
            MockFailure::Closed => "closed",
            MockFailure::TooLarge => "too-large",
        };
        return json!({ "fail": name });
    }
    let headers: Map<String, Value> =
        answer.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    json!({ "status": answer.status, "headers": headers, "body": answer.body })
}
