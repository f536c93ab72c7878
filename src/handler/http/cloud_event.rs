//! A payload as a CloudEvent 1.0, in the two modes of its HTTP binding.
//!
//! Attributes: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>; how HTTP carries them:
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::value::RawValue;
use ureq::http::HeaderMap;
use ureq::http::header::{HeaderName, HeaderValue};

use crate::handler::external::Message;

/// The media type of a CloudEvent that is one JSON object.
pub(super) const STRUCTURED_TYPE: &str = "application/cloudevents+json; charset=utf-8";

const VERSION: &str = "1.0";

/// Where the events of a simulator come from.
const SOURCE: &str = "urn:simctl";

/// How HTTP carries a CloudEvent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One JSON object that holds attributes and payload.
    Structured,
    /// The attributes in headers, the payload as the body.
    Binary,
}

#[derive(Serialize)]
struct Envelope<'a> {
    specversion: &'a str,
    id: &'a str,
    source: &'a str,
    r#type: &'a str,
    time: &'a str,
    datacontenttype: &'a str,
    data: &'a RawValue,
}

/// The whole event as JSON; none where the payload is none.
pub(super) fn structured(message: &Message) -> Option<Vec<u8>> {
    let envelope = Envelope {
        specversion: VERSION,
        id: &message.id,
        source: SOURCE,
        r#type: &message.event,
        time: &message.now,
        datacontenttype: "application/json",
        data: serde_json::from_str(&message.payload).ok()?,
    };
    serde_json::to_vec(&envelope).ok()
}

/// Adds the attributes as headers; none where one cannot be a header.
pub(super) fn add_attributes(headers: &mut HeaderMap, message: &Message) -> Option<()> {
    for (name, value) in [
        ("ce-specversion", VERSION),
        ("ce-id", &message.id),
        ("ce-source", SOURCE),
        ("ce-type", &message.event),
        ("ce-time", &message.now),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(&encoded(value)).ok()?);
    }
    Some(())
}

/// Percent-encodes what the binding wants encoded in a header: all but printable ASCII, and blanks, quotes and percent
/// signs.
fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        if c.is_ascii_graphic() && !matches!(c, '"' | '%') {
            text.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn a_header_holds_printable_ascii_only() {
        assert_eq!(encoded("onUserUpdate"), "onUserUpdate");
        assert_eq!(encoded("a \"50%\" \u{20ac}\n"), "a%20%2250%25%22%20%E2%82%AC%0A");
    }
}
