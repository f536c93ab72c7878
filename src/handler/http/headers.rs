//! The headers of a request: those of the user, and those of the form in which the payload is sent.

use ureq::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use ureq::http::{HeaderMap, Request, Uri};

use super::EndpointError;
use super::cloud_event::{self, Mode};
use crate::handler::external::Message;
use crate::model::Secrets;

/// Words in names of headers and parameters whose values are kept out of every output.
const SECRET_WORDS: &[&str] =
    &["auth", "token", "key", "secret", "cookie", "password", "passwd", "credential", "signature", "session"];

/// Headers that say how a message is carried, which is for the client to decide.
const RESERVED: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The shortest piece of a secret header that is looked for by itself, as an answer may repeat it.
const SHORTEST_PIECE: usize = 8;

/// The user's headers.
#[derive(Debug)]
pub(super) struct Headers {
    own: HeaderMap,
    /// Values that look secret, and pieces of them.
    pub(super) secrets: Vec<String>,
}

impl Headers {
    /// Reads `Name: value` of each.
    pub(super) fn read(texts: &[String], cloud_events: Option<Mode>) -> Result<Self, EndpointError> {
        let mut headers = Self { own: HeaderMap::new(), secrets: Vec::new() };
        for (at, text) in texts.iter().enumerate() {
            let fault = |reason: String| EndpointError::Header { number: at + 1, reason };
            let Some((name, value)) = text.split_once(':') else {
                return Err(fault("it has no colon; it is written as `Name: value`".to_owned()));
            };
            let (name, value) = (name.trim(), value.trim());
            let Ok(key) = name.parse::<HeaderName>() else {
                return Err(fault("what stands before its colon is no name of a header".to_owned()));
            };
            if RESERVED.contains(&key.as_str()) {
                return Err(fault(format!("`{key}` is set by the connection itself")));
            }
            if cloud_events.is_some() && (key == CONTENT_TYPE || key.as_str().starts_with("ce-")) {
                return Err(fault(format!("`{key}` is set by `--cloudevents`")));
            }
            let Ok(value) = HeaderValue::from_str(value) else {
                return Err(fault(format!("the value of `{key}` holds what no header may hold")));
            };
            if looks_secret(key.as_str()) {
                headers.secrets.extend(pieces(value.to_str().unwrap_or_default()));
            }
            headers.own.append(key, value);
        }
        Ok(headers)
    }

    /// The request that carries a message; none where an event has a name that no header can hold.
    pub(super) fn request(&self, uri: &Uri, cloud_events: Option<Mode>, message: &Message) -> Option<Request<Vec<u8>>> {
        let mut request = Request::post(uri.clone()).body(Vec::new()).ok()?;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("simctl/", env!("CARGO_PKG_VERSION"))));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for name in self.own.keys() {
            headers.remove(name);
        }
        headers.extend(self.own.clone());
        *request.body_mut() = match cloud_events {
            None => message.payload.clone().into_bytes(),
            Some(Mode::Binary) => {
                cloud_event::add_attributes(request.headers_mut(), message)?;
                message.payload.clone().into_bytes()
            }
            Some(Mode::Structured) => {
                request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(cloud_event::STRUCTURED_TYPE));
                cloud_event::structured(message)?
            }
        };
        Some(request)
    }
}

/// Whether what has this name is mostly a secret.
pub(super) fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// A value, what follows its first word (`Bearer …`), and the values of its pairs (`id=…; …`).
fn pieces(value: &str) -> Vec<String> {
    let after_scheme = value.split_once(' ').map(|(_, rest)| rest.trim());
    let pairs = value.split([';', ',']).filter_map(|pair| pair.split_once('=').map(|(_, value)| value.trim()));
    let long = after_scheme.into_iter().chain(pairs).filter(|piece| piece.len() >= SHORTEST_PIECE);
    std::iter::once(value).chain(long).map(str::to_owned).collect()
}

/// `Name: value` as it may be shown: without a value that looks secret, and without anything where there is no name.
pub fn shown(header: &str) -> String {
    match header.split_once(':') {
        Some((name, _)) if looks_secret(name) => format!("{name}: {}", Secrets::MASK),
        Some(_) => header.to_owned(),
        None => Secrets::MASK.to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Headers, EndpointError> {
        Headers::read(&[text.to_owned()], None)
    }

    #[test]
    fn a_value_that_looks_secret_is_known_whole_and_in_pieces() {
        let secrets = read("Authorization: Bearer aaaabbbbcccc").unwrap().secrets;
        assert_eq!(secrets, ["Bearer aaaabbbbcccc", "aaaabbbbcccc"]);
        assert_eq!(read("Cookie: id=0123456789; theme=dark").unwrap().secrets[1..], ["theme=dark", "0123456789"]);
        assert!(read("X-Trace: on").unwrap().secrets.is_empty());
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_refused_without_its_value() {
        for text in ["Authorization hunter2", ": hunter2", "a b: hunter2", "X-Key: hunter2\u{1}", "Content-Length: 5"] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with("header 1 cannot be sent") && !error.contains("hunter2"), "{error}");
        }
        assert!(Headers::read(&["ce-id: 1".to_owned()], Some(Mode::Binary)).is_err());
        assert!(read("ce-id: 1").is_ok());
    }

    #[test]
    fn a_header_is_shown_without_its_secret() {
        assert_eq!(shown("X-Api-Key:abc"), "X-Api-Key: ********");
        assert_eq!(shown("Accept: */*"), "Accept: */*");
        assert_eq!(shown("hunter2"), "********");
    }
}
