//! The URL that payloads are posted to: read, checked, and shown without what looks secret in it.

use ureq::http::Uri;
use ureq::http::uri::Scheme;

use super::EndpointError;
use super::headers::looks_secret;
use crate::model::Secrets;

/// A URL that can be posted to.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) uri: Uri,
    /// The URL as it may be shown.
    pub(super) shown: String,
    /// The host, an IPv6 address without its brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Values in the query that look secret.
    pub(super) secrets: Vec<String>,
}

impl Target {
    pub(super) fn read(url: &str) -> Result<Self, EndpointError> {
        let fault = |reason: &str, hint: Option<String>| EndpointError::Url {
            url: shown(url),
            reason: reason.to_owned(),
            hint,
        };
        let uri: Uri = match url.parse() {
            Ok(uri) => uri,
            Err(_) if !url.contains("://") => return Err(fault("it is no URL", Some(with_scheme(url)))),
            Err(_) => {
                let hint = "blanks and letters that are not ASCII are written as `%20`";
                return Err(fault("it is no URL", Some(hint.to_owned())));
            }
        };
        let default_port = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => 80,
            Some(scheme) if *scheme == Scheme::HTTPS => 443,
            Some(_) => return Err(fault("it is neither http nor https", None)),
            None => return Err(fault("it does not begin with http:// or https://", Some(with_scheme(url)))),
        };
        let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty()) else {
            return Err(fault("it names no host", None));
        };
        if authority.as_str().contains('@') {
            let hint = "send them with `--header 'Authorization: Basic …'`: command lines are kept and shown";
            return Err(fault("it holds a user name or a password", Some(hint.to_owned())));
        }
        let port = match authority.as_str().strip_prefix(authority.host()).unwrap_or_default() {
            "" | ":" => default_port,
            rest => match rest.trim_start_matches(':').parse() {
                Ok(0) => return Err(fault("nothing listens on port 0", None)),
                Ok(port) => port,
                Err(_) => return Err(fault("its port is no port", None)),
            },
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let secrets = secret_values(url).into_iter().map(str::to_owned).collect();
        Ok(Self { shown: shown(url), host, port, secrets, uri })
    }
}

fn with_scheme(url: &str) -> String {
    format!("write it as `http://{}`", shown(url))
}

/// A URL as it may be shown: without user name and password, and without values of its query that look secret.
pub fn shown(url: &str) -> String {
    let mut text = url.to_owned();
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url[after_scheme..].find(['/', '?', '#']).map_or(url.len(), |at| after_scheme + at);
    let at_sign = url[after_scheme..end].rfind('@').map(|at| after_scheme + at);
    // From the end on, so that places stay what they are.
    for value in secret_values(url).into_iter().rev() {
        let start = value.as_ptr() as usize - url.as_ptr() as usize;
        text.replace_range(start..start + value.len(), Secrets::MASK);
    }
    if let Some(at) = at_sign {
        text.replace_range(after_scheme..at, Secrets::MASK);
    }
    text
}

/// The values in a URL's query whose names look like those of secrets, in their order.
fn secret_values(url: &str) -> Vec<&str> {
    let Some((_, query)) = url.split_once('?') else { return Vec::new() };
    let query = query.split('#').next().unwrap_or_default();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, value)| looks_secret(name) && !value.is_empty()).map(|(_, value)| value).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_read() {
        for (url, host, port) in [
            ("http://127.0.0.1:8080/hook", "127.0.0.1", 8080),
            ("http://localhost", "localhost", 80),
            ("https://[::1]/", "::1", 443),
            ("http://[::1]:9000", "::1", 9000),
            ("HTTP://LOCALHOST:1?x", "LOCALHOST", 1),
        ] {
            let target = Target::read(url).unwrap();
            assert_eq!((target.host.as_str(), target.port), (host, port), "{url}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for url in [
            "",
            "/",
            "127.0.0.1:8080/hook",
            "localhost:8080",
            "localhost",
            "ftp://localhost/",
            "http://",
            "http:///x",
            "http://a b/",
            "http://localhost:0/",
            "http://localhost:99999/",
            "http://u:pw@localhost/",
            "file:///etc/passwd",
            "http://[::1",
            "http://h\u{fc}tte/",
        ] {
            let Err(error) = Target::read(url) else { panic!("`{url}` was taken") };
            assert!(!format!("{error} {:?}", error.hint()).contains("u:pw"), "{error}");
        }
    }

    #[test]
    fn a_forgotten_scheme_is_named() {
        let error = Target::read("127.0.0.1:8080/hook").unwrap_err();
        assert_eq!(error.hint(), Some("write it as `http://127.0.0.1:8080/hook`"));
    }

    #[test]
    fn secrets_in_a_url_are_not_shown() {
        let shown = super::shown("http://me:pw@localhost/a?x=1&api_key=k1&t=2&token=abc#key=z");
        assert_eq!(shown, "http://********@localhost/a?x=1&api_key=********&t=2&token=********#key=z");
        assert_eq!(super::shown("http://localhost/@?a=b"), "http://localhost/@?a=b");
        let target = Target::read("http://localhost/?token=abcdef&page=2").unwrap();
        assert_eq!(target.secrets, ["abcdef"]);
    }
}
