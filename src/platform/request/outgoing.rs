//! A request that is ready to be sent, and what can come of sending it.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::app::MockFailure;
use crate::platform::Answer;

/// How long the platform waits for an answer.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(15);

/// The largest body that the platform sends or takes, in bytes.
pub(super) const SIZE_LIMIT: usize = 6 * 1024 * 1024;

/// How often a request may be sent, and how many milliseconds may pass in between.
const MOST_ATTEMPTS: u64 = 5;
const LONGEST_RETRY_DELAY: u64 = 1500;

/// A request, its substitutions made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Outgoing {
    /// The template that it is made from.
    pub(super) template: Option<String>,
    /// `GET`, `POST`, …
    pub(super) method: String,
    /// From `https://` on, without a fragment; only what a URL may hold.
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
    /// Whether the app asked for the answer as a value.
    pub(super) is_json: bool,
    /// How often it is sent at most.
    pub(super) attempts: u64,
    /// How long to wait before it is sent again.
    pub(super) retry_delay: Duration,
}

/// What came of sending a request once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    /// An answer, whatever its status.
    Answered { status: u16, headers: Vec<(String, String)>, body: String },
    /// No answer.
    Failed { how: MockFailure, why: String },
}

impl Outgoing {
    /// What a user calls it: `POST https://…`.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.url)
    }

    /// Takes `maxAttempts` and `retryDelay`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn set_options(&mut self, options: Option<&Value>) -> Result<(), String> {
        let number = |key: &str, least: u64, most: u64| match options.and_then(|options| options.get(key)) {
            None | Some(Value::Null) => Ok(least),
            Some(value) => value
                .as_u64()
                .filter(|number| (least..=most).contains(number))
                .ok_or_else(|| format!("`{key}` is {value}, a whole number from {least} to {most} was expected")),
        };
        self.attempts = number("maxAttempts", 1, MOST_ATTEMPTS)?;
        self.retry_delay = Duration::from_millis(number("retryDelay", 0, LONGEST_RETRY_DELAY)?);
        Ok(())
    }
}

impl Sent {
    /// A request to `url` that failed, in the words for that.
    pub(super) fn failed(how: MockFailure, url: &str) -> Self {
        let host = host(url);
        let why = match how {
            MockFailure::Timeout => format!("`{host}` did not answer within {} s", TIME_LIMIT.as_secs()),
            MockFailure::Refused => format!("`{host}` refused the connection"),
            MockFailure::UnknownHost => format!("The host `{host}` is not known"),
            MockFailure::Closed => format!("`{host}` closed the connection before it had answered"),
            MockFailure::TooLarge => format!("The answer of `{host}` is larger than {} MB", SIZE_LIMIT >> 20),
        };
        Self::Failed { how, why }
    }

    /// Whether the platform sends the request again after that.
    pub(super) fn is_retried(&self) -> bool {
        match self {
            Self::Answered { status, .. } => *status == 429 || *status >= 500,
            Self::Failed { how, .. } => *how != MockFailure::TooLarge,
        }
    }

    /// What the app gets.
    pub(super) fn into_answer(self, attempts: u64, is_json: bool) -> Answer {
        let (status, headers, body) = match self {
            Self::Failed { how, why } => {
                let status = match how {
                    MockFailure::Timeout => 504,
                    MockFailure::TooLarge => 413,
                    MockFailure::Refused | MockFailure::UnknownHost | MockFailure::Closed => 502,
                };
                return Err(answer(status, Map::new(), why.into(), attempts));
            }
            Self::Answered { status, headers, body } => (status, headers, body),
        };
        let mut named = Map::new();
        for (name, value) in headers {
            // A field may come twice; the list of its values is one value.
            match named.get_mut(&name) {
                Some(Value::String(before)) => *before = format!("{before}, {value}"),
                _ => drop(named.insert(name, value.into())),
            }
        }
        let value = if is_json { serde_json::from_str(&body).ok() } else { None };
        let value = answer(status, named, value.unwrap_or_else(|| body.into()), attempts);
        if status < 400 { Ok(value) } else { Err(value) }
    }
}

/// What the platform rejects a request with that it does not send.
pub(super) fn refused(status: u16, message: &str) -> Answer {
    Err(answer(status, Map::new(), message.into(), 0))
}

fn answer(status: u16, headers: Map<String, Value>, response: Value, attempts: u64) -> Value {
    json!({ "status": status, "headers": headers, "response": response, "attempts": attempts })
}

/// A URL that the platform sends to, in the form in which it is sent.
///
/// # Errors
/// What the platform refuses: another protocol than HTTPS, an IP address, what is no URL at all.
pub(super) fn url(text: &str) -> Result<String, String> {
    let text = text.trim();
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(format!("`{text}` is not a URL, one that begins with `https://` was expected"));
    };
    if !scheme.eq_ignore_ascii_case("https") {
        return Err(format!("Requests are sent by HTTPS only, and `{text}` begins with `{scheme}://`"));
    }
    let rest = rest.split('#').next().unwrap_or(rest);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    check_host(host)?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok(format!("https://{}{slash}{}", host.to_ascii_lowercase(), clean(path)))
}

/// The host of a URL as [`url`] gives it, its port included.
pub(super) fn host(url: &str) -> &str {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    rest.split('/').next().unwrap_or(rest)
}

/// Whether a host is a domain's name.
///
/// # Errors
/// Why it is none.
pub(super) fn check_host(host: &str) -> Result<(), String> {
    if host.is_empty() {
        return Err("The host is empty, a domain's name was expected".to_owned());
    }
    if host.contains("://") {
        return Err(format!("The host `{host}` has a protocol in it, a domain's name alone was expected"));
    }
    if host.contains(['/', '?', '#']) {
        return Err(format!("The host `{host}` has a path in it, a domain's name alone was expected"));
    }
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    if name.starts_with('[') || is_number(name.trim_end_matches('.').rsplit('.').next().unwrap_or(name)) {
        return Err(format!("The host `{host}` is an IP address, and requests are sent to domains only"));
    }
    let is_label = |label: &str| {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !label.is_empty() && label.len() < 64 && label.chars().all(is_letter)
    };
    if name.len() > 253 || !name.strip_suffix('.').unwrap_or(name).split('.').all(is_label) {
        return Err(format!("The host `{host}` is not a domain's name"));
    }
    Ok(())
}

/// Whether the last label of a host makes it an IP address: resolvers read `127.1`, `2130706433` and `0x7f.1` as one.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.chars().all(|c| c.is_ascii_hexdigit()),
        None => !label.is_empty() && label.chars().all(|c| c.is_ascii_digit()),
    }
}

/// Percent-encodes what may stand nowhere in a URL.
fn clean(path: &str) -> String {
    let stays = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    percent(path, stays)
}

/// Percent-encodes a name or value of a query.
pub(super) fn component(text: &str) -> String {
    percent(text, |byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
}

fn percent(text: &str, stays: impl Fn(u8) -> bool) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if stays(byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_domains_by_https_are_sent_to() {
        for (good, sent) in [
            ("https://API.acme.example", "https://api.acme.example/"),
            ("https://localhost:8443/a b?c=d#e", "https://localhost:8443/a%20b?c=d"),
            ("HTTPS://a.example?x=\u{e4}", "https://a.example/?x=%C3%A4"),
        ] {
            assert_eq!(url(good).as_deref(), Ok(sent));
        }
        for (bad, why) in [
            ("http://a.example", "HTTPS only"),
            ("ftp://a.example", "HTTPS only"),
            ("a.example/x", "not a URL"),
            ("https://127.0.0.1/x", "IP address"),
            ("https://127.1", "IP address"),
            ("https://2130706433", "IP address"),
            ("https://0x7f.1", "IP address"),
            ("https://10.0.0.1:443", "IP address"),
            ("https://[::1]:8443/", "IP address"),
            ("https:///x", "empty"),
            ("https://user:pass@a.example", "not a domain's name"),
            ("https://a..example", "not a domain's name"),
            ("https://a.example\u{7f}", "not a domain's name"),
        ] {
            let said = url(bad);
            assert!(said.as_ref().is_err_and(|said| said.contains(why)), "{bad}: {said:?}");
        }
    }

    #[test]
    fn options_are_held_to_their_limits() {
        let mut request = Outgoing {
            template: None,
            method: "GET".to_owned(),
            url: String::new(),
            headers: Vec::new(),
            body: None,
            is_json: false,
            attempts: 0,
            retry_delay: Duration::ZERO,
        };
        assert_eq!(request.set_options(None), Ok(()));
        assert_eq!((request.attempts, request.retry_delay), (1, Duration::ZERO));
        assert_eq!(request.set_options(Some(&json!({ "maxAttempts": 5, "retryDelay": 1500 }))), Ok(()));
        assert_eq!((request.attempts, request.retry_delay), (5, Duration::from_millis(1500)));
        for bad in [json!({ "maxAttempts": 6 }), json!({ "maxAttempts": 0 }), json!({ "retryDelay": 1501 })] {
            assert!(request.set_options(Some(&bad)).is_err(), "{bad}");
        }
    }
}
