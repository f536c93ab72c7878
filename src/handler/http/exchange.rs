//! One request and its response: what the endpoint did, in the words of outcomes.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read as _};

use ureq::http::{HeaderMap, Request, Response as HttpResponse};
use ureq::{Agent, Body, Error};

use crate::model::{Outcome, Response};

/// The longest status line and headers that are read, in bytes.
pub(super) const LARGEST_HEAD: usize = 64 * 1024;

/// The longest body that is read, in bytes: what the platform's own requests may get.
const LARGEST_BODY: usize = 6 * 1024 * 1024;

/// How much of a body is kept to be shown, in bytes.
const KEPT_BODY: usize = 64 * 1024;

/// How much of a header is kept, in characters.
const KEPT_HEADER: usize = 1000;

/// Headers that tell something of a delivery.
const OF_NOTE: [&str; 5] = ["allow", "content-type", "location", "retry-after", "www-authenticate"];

/// Why there is no outcome.
pub(super) enum Fault {
    /// The deadline came.
    Late,
    /// Nobody knows the host.
    UnknownHost,
}

/// Sends the request and reads the whole response.
pub(super) fn post(agent: &Agent, request: Request<Vec<u8>>) -> Result<Outcome, Fault> {
    match agent.run(request) {
        Ok(response) => read(response),
        Err(error) => outcome_of(error, None),
    }
}

fn read(response: HttpResponse<Body>) -> Result<Outcome, Fault> {
    let (head, body) = response.into_parts();
    let promised = body.content_length();
    let mut reader = body.into_with_config().limit(u64::MAX).reader();
    let (mut kept, mut total, mut buffer) = (Vec::new(), 0, [0; 8 * 1024]);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                total += count;
                let room = KEPT_BODY.saturating_sub(kept.len()).min(count);
                kept.extend_from_slice(&buffer[..room]);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return outcome_of(Error::from(error), Some(cut_off(head.status.as_u16(), total, promised))),
        }
        if total > LARGEST_BODY {
            let reason =
                format!("a body of more than {} MiB, with status {}", LARGEST_BODY >> 20, head.status.as_u16());
            return Ok(Outcome::BadReply { reason });
        }
    }
    let response = Response {
        status: head.status.as_u16(),
        phrase: head.status.canonical_reason().unwrap_or_default(),
        headers: of_note(&head.headers),
        body: text(kept),
        body_bytes: total as u64,
    };
    Ok(if head.status.is_success() { Outcome::Accepted { response } } else { Outcome::Declined { response } })
}

/// What there was of a body that ended before its end.
fn cut_off(status: u16, got: usize, promised: Option<u64>) -> String {
    match promised {
        Some(promised) => format!("{got} of the {promised} bytes that it promised, with status {status}"),
        None => format!("a body that broke off after {got} bytes, with status {status}"),
    }
}

/// Text without a character that was cut in two.
fn text(mut bytes: Vec<u8>) -> String {
    if let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
    {
        bytes.truncate(error.valid_up_to());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn of_note(headers: &HeaderMap) -> BTreeMap<&'static str, String> {
    let value = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    OF_NOTE.into_iter().filter_map(|name| Some((name, value(name)?.chars().take(KEPT_HEADER).collect()))).collect()
}

/// What an error of the client says of the endpoint; `body` where it came after the headers.
fn outcome_of(error: Error, body: Option<String>) -> Result<Outcome, Fault> {
    let bad = |reason: String| Ok(Outcome::BadReply { reason });
    match (error, body) {
        (Error::Timeout(_), _) => Err(Fault::Late),
        (Error::Io(error), _) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
            Err(Fault::Late)
        }
        (Error::HostNotFound, _) => Err(Fault::UnknownHost),
        (_, Some(body)) => bad(body),
        (Error::Io(error), None) => Ok(io_outcome(&error)),
        (Error::Rustls(error), None) => Ok(unsafe_connection(&error)),
        (Error::Tls(error), None) => Ok(unsafe_connection(&error)),
        (error @ (Error::ConnectionFailed | Error::ConnectProxyFailed(_) | Error::InvalidProxyUrl), None) => {
            Ok(Outcome::Unreachable { reason: error.to_string(), hint: None })
        }
        (Error::LargeResponseHeader(..), None) => bad(format!("headers of more than {} KiB", LARGEST_HEAD >> 10)),
        (Error::Protocol(error), None) => bad(format!("what it sent is not HTTP: {error}")),
        (error, None) => bad(error.to_string()),
    }
}

fn io_outcome(error: &io::Error) -> Outcome {
    let bad = |reason: &str| Outcome::BadReply { reason: reason.to_owned() };
    match error.kind() {
        ErrorKind::ConnectionRefused => Outcome::Unreachable {
            reason: "nothing listens there".to_owned(),
            hint: Some("start what should answer, or name another place with `--to`".to_owned()),
        },
        ErrorKind::UnexpectedEof => bad("it closed the connection without an answer"),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
            bad("it broke the connection off without an answer")
        }
        ErrorKind::BrokenPipe => bad("it closed the connection while the payload was being sent"),
        // What the TLS library says comes in this dress.
        ErrorKind::InvalidData => unsafe_connection(error),
        _ => Outcome::Unreachable { reason: error.to_string(), hint: None },
    }
}

/// What came of an attempt at TLS.
fn unsafe_connection(error: &dyn std::fmt::Display) -> Outcome {
    let text = error.to_string();
    let hint = if text.contains("InvalidContentType") {
        Some("it may not speak TLS: try http:// in place of https://")
    } else if text.contains("certificate") {
        Some("certificates are trusted that this system trusts; SSL_CERT_FILE names a file with others")
    } else {
        None
    };
    Outcome::Unreachable { reason: format!("there is no safe connection: {text}"), hint: hint.map(str::to_owned) }
}

/// What is odd about an answer that is none the less a success.
pub(super) fn remark(outcome: &Outcome) -> Option<String> {
    let Outcome::Accepted { response } = outcome else { return None };
    let is_json = response.headers.get("content-type").is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
    });
    let is_whole = response.body_bytes > 0 && response.body.len() as u64 == response.body_bytes;
    let lies = is_json && is_whole && serde_json::from_str::<serde::de::IgnoredAny>(&response.body).is_err();
    lies.then(|| "the answer says that it is JSON, and its body is not".to_owned())
}
