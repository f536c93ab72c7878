//! Who may ask: the server answers its own page and scripts on this machine, and no other page that a browser shows.
//!
//! A page of another site can make a browser send requests to this machine, and by changing what its own name means
//! (DNS rebinding) it can even make them look like its own. So `Host` must be an address of this server, `Origin` and
//! `Sec-Fetch-Site`, where the browser sends them, must say that the page is ours, and what changes anything must come as
//! JSON, which no form can send. Where the server listens to other machines, each request needs the token as well.

use std::net::IpAddr;

use axum::body::Body;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, Response, StatusCode};

use super::api::ApiError;

/// The cookie that keeps the token. `SameSite=Strict`, and no script can read it.
const COOKIE: &str = "simctl_token";

/// What the page may do: load its own files and talk to its own server. No inline script, no markup made of text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";

/// Headers that every answer has.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// What a request must show.
pub(super) struct Guard {
    pub(super) port: u16,
    /// The name that `--host` gave, where it is not only this machine that is listened to.
    pub(super) host: Option<String>,
    pub(super) token: Option<String>,
}

impl Guard {
    /// Refuses a request that does not come from this server's page or from a script.
    pub(super) fn check(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<(), ApiError> {
        let host = only(headers, &header::HOST).filter(|host| self.knows(host)).ok_or_else(|| {
            let what = "the `Host` of this request is not an address of this server";
            ApiError::new(StatusCode::MISDIRECTED_REQUEST, "wrong-host", what)
        })?;
        if headers.contains_key(header::ORIGIN) {
            let own = format!("http://{host}");
            if !only(headers, &header::ORIGIN).is_some_and(|origin| origin.eq_ignore_ascii_case(&own)) {
                return Err(cross_site());
            }
        }
        let is_api = path.starts_with("/api/");
        let site = HeaderName::from_static("sec-fetch-site");
        // Another site may link to the page, and no more.
        if (is_api || method != Method::GET)
            && headers.get(&site).is_some_and(|site| site != "same-origin" && site != "none")
        {
            return Err(cross_site());
        }
        if is_api && path != "/api/session" && !self.is_let_in(headers) {
            let what = "this server wants its token: as a cookie, which its page gets, or as `Authorization: Bearer`";
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, "no-token", what));
        }
        Ok(())
    }

    /// Whether that is a name that leads here and nowhere else.
    fn knows(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, port.parse().ok()),
            _ => (host, Some(80)),
        };
        if port != Some(self.port) {
            return false;
        }
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let address: Option<IpAddr> = bare.parse().ok();
        match &self.host {
            None => bare.eq_ignore_ascii_case("localhost") || matches!(bare, "127.0.0.1" | "::1"),
            // An address cannot be made to mean another; a name can.
            Some(own) => address.is_some() || bare.eq_ignore_ascii_case("localhost") || bare.eq_ignore_ascii_case(own),
        }
    }

    fn is_let_in(&self, headers: &HeaderMap) -> bool {
        if self.token.is_none() {
            return true;
        }
        let bearer = only(headers, &header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let cookies = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|one| one.trim().split_once('='));
        let cookie = cookies.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value);
        bearer.into_iter().chain(cookie).any(|given| self.is_token(given))
    }

    /// Whether that is the token. Takes as long for a wrong one as for the right one.
    pub(super) fn is_token(&self, given: &str) -> bool {
        let Some(token) = &self.token else { return true };
        let differing = token.bytes().zip(given.bytes()).fold(0, |all, (one, other)| all | (one ^ other));
        token.len() == given.len() && std::hint::black_box(differing) == 0
    }

    /// The header that makes a browser keep the token.
    pub(super) fn cookie(&self) -> Option<HeaderValue> {
        let token = self.token.as_ref()?;
        HeaderValue::from_str(&format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/api")).ok()
    }
}

/// Adds what every answer carries.
pub(super) fn close(response: &mut Response<Body>) {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// The value of a header that may be there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let value = all.next()?;
    if all.next().is_some() {
        return None;
    }
    value.to_str().ok()
}

fn cross_site() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "cross-site", "this request comes from the page of another site")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(guard: &Guard, path: &str, headers: &[(&'static str, &str)]) -> Option<StatusCode> {
        let map = headers
            .iter()
            .filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?)));
        guard.check(&Method::GET, path, &map.collect()).err().map(|error| error.status)
    }

    const LOOPBACK: Guard = Guard { port: 10001, host: None, token: None };

    #[test]
    fn only_the_servers_own_addresses_are_answered() {
        for host in ["127.0.0.1:10001", "localhost:10001", "LocalHost:10001", "[::1]:10001"] {
            assert_eq!(answer(&LOOPBACK, "/api/app", &[("host", host)]), None, "{host}");
        }
        for host in [
            "evil.example:10001",
            "127.0.0.1",
            "127.0.0.1:10002",
            "127.0.0.1.evil.example:10001",
            "",
            "192.168.0.1:10001",
        ] {
            let status = answer(&LOOPBACK, "/api/app", &[("host", host)]);
            assert_eq!(status, Some(StatusCode::MISDIRECTED_REQUEST), "{host}");
        }
        assert_eq!(answer(&LOOPBACK, "/", &[]), Some(StatusCode::MISDIRECTED_REQUEST));
    }

    #[test]
    fn a_page_of_another_site_is_refused() {
        let ask = |name, value| answer(&LOOPBACK, "/api/app", &[("host", "localhost:10001"), (name, value)]);
        assert_eq!(ask("origin", "http://localhost:10001"), None);
        assert_eq!(ask("sec-fetch-site", "same-origin"), None);
        for (name, value) in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("origin", "https://localhost:10001"),
            ("origin", "http://localhost:10002"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert_eq!(ask(name, value), Some(StatusCode::FORBIDDEN), "{name}: {value}");
        }
    }

    #[test]
    fn where_there_is_a_token_nothing_is_told_without_it() {
        let guard = Guard { port: 10001, host: Some("0.0.0.0".to_owned()), token: Some("c0ffee".to_owned()) };
        let ask = |name, value| answer(&guard, "/api/app", &[("host", "192.168.0.7:10001"), (name, value)]);
        assert_eq!(ask("authorization", "Bearer c0ffee"), None);
        assert_eq!(ask("cookie", "a=b; simctl_token=c0ffee"), None);
        for (name, value) in [
            ("authorization", "Bearer c0ffe"),
            ("authorization", "Bearer c0ffee0"),
            ("authorization", "c0ffee"),
            ("cookie", "simctl_token="),
            ("cookie", "other=c0ffee"),
            ("accept", "*/*"),
        ] {
            assert_eq!(ask(name, value), Some(StatusCode::UNAUTHORIZED), "{name}: {value}");
        }
        assert_eq!(answer(&guard, "/", &[("host", "192.168.0.7:10001")]), None);
        assert_eq!(answer(&guard, "/", &[("host", "evil.example:10001")]), Some(StatusCode::MISDIRECTED_REQUEST));
    }
}
