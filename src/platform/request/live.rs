//! Requests that really leave the machine: each in a thread of its own, so that they run side by side and nothing waits.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::{Request, Response};
use ureq::tls::{RootCerts, TlsConfig};

use super::outgoing::{self, Outgoing, SIZE_LIMIT, Sent, TIME_LIMIT, host};
use crate::app::MockFailure;
use crate::platform::Fault;

/// How many requests are under way at once; the others wait.
const MOST_AT_ONCE: usize = 16;

/// How often a request is sent on to where an answer says.
const MOST_REDIRECTS: usize = 5;

/// Header fields that are for one host and no other.
const PRIVATE: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// What came of a request: each time that it was sent.
pub(super) type Done = (u64, Vec<Sent>);

/// Sends requests, and tells when one is done.
#[derive(Debug)]
pub(super) struct Line {
    agent: Agent,
    done: (Sender<Done>, Receiver<Done>),
    /// A byte for each that is done: what can be waited for beside other things.
    bell: (UnixStream, UnixStream),
    under_way: usize,
    waiting: VecDeque<(u64, Outgoing)>,
}

impl Line {
    /// # Errors
    /// Where the system gives no more sockets.
    pub(super) fn open() -> Result<Self, Fault> {
        let bell = UnixStream::pair().and_then(|(ear, button)| {
            ear.set_nonblocking(true)?;
            Ok((ear, button))
        });
        let bell = bell.map_err(|error| fault(&error))?;
        Ok(Self { agent: agent(), done: channel(), bell, under_way: 0, waiting: VecDeque::new() })
    }

    /// Sends a request, at once or as soon as others are done.
    ///
    /// # Errors
    /// Where the system gives no more threads.
    pub(super) fn send(&mut self, number: u64, request: Outgoing) -> Result<(), Fault> {
        self.waiting.push_back((number, request));
        self.send_waiting()
    }

    fn send_waiting(&mut self) -> Result<(), Fault> {
        while self.under_way < MOST_AT_ONCE
            && let Some((number, request)) = self.waiting.pop_front()
        {
            let (agent, done) = (self.agent.clone(), self.done.0.clone());
            let mut button = self.bell.1.try_clone().map_err(|error| fault(&error))?;
            let work = move || {
                let sent = send_all(&agent, &request, TIME_LIMIT);
                // Nobody listens any more where the event is over.
                let _ = done.send((number, sent));
                let _ = button.write_all(&[0]);
            };
            thread::Builder::new().name("request".to_owned()).spawn(work).map_err(|error| fault(&error))?;
            self.under_way += 1;
        }
        Ok(())
    }

    /// What is done since the last time.
    ///
    /// # Errors
    /// As [`Line::send`].
    pub(super) fn done(&mut self) -> Result<Vec<Done>, Fault> {
        // The bell is rung after the result is there: what was heard is there.
        let mut bytes = [0; 64];
        while self.bell.0.read(&mut bytes).is_ok_and(|length| length > 0) {}
        let done: Vec<Done> = self.done.1.try_iter().collect();
        self.under_way = self.under_way.saturating_sub(done.len());
        self.send_waiting()?;
        Ok(done)
    }

    /// Readable when something is done.
    pub(super) fn wake(&self) -> BorrowedFd<'_> {
        self.bell.0.as_fd()
    }
}

fn fault(error: &io::Error) -> Fault {
    Fault { what: format!("the app's request cannot be sent from here: {error}"), hint: None }
}

/// An HTTP client that trusts whom the system trusts, and goes nowhere by itself.
fn agent() -> Agent {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    Agent::config_builder()
        .tls_config(tls)
        .https_only(true)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("simctl/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

/// Sends a request, again where the platform would; at least once.
fn send_all(agent: &Agent, request: &Outgoing, limit: Duration) -> Vec<Sent> {
    let mut all = Vec::new();
    loop {
        let sent = send(agent, request, limit);
        let is_last = !sent.is_retried() || all.len() as u64 + 1 >= request.attempts;
        all.push(sent);
        if is_last {
            return all;
        }
        thread::sleep(request.retry_delay);
    }
}

/// Sends a request once, and on to where it is redirected: a GET only, as the platform does.
fn send(agent: &Agent, request: &Outgoing, limit: Duration) -> Sent {
    let deadline = Instant::now() + limit;
    let mut request = request.clone();
    for _ in 0..=MOST_REDIRECTS {
        let sent = match exchange(agent, &request, deadline) {
            Ok(sent) => sent,
            Err(error) => return failure(error, &request.url),
        };
        let Some(location) = location(&sent).filter(|_| request.method == "GET") else { return sent };
        match redirected(&request.url, location) {
            Ok(next) => {
                if host(&next) != host(&request.url) {
                    request.headers.retain(|(name, _)| !PRIVATE.contains(&name.to_ascii_lowercase().as_str()));
                }
                request.url = next;
            }
            Err(why) => {
                let why = format!("`{}` redirects to where the platform does not go: {why}", host(&request.url));
                return Sent::Failed { how: MockFailure::Refused, why };
            }
        }
    }
    let why = format!("`{}` redirects more than {MOST_REDIRECTS} times", host(&request.url));
    Sent::Failed { how: MockFailure::Refused, why }
}

fn exchange(agent: &Agent, request: &Outgoing, deadline: Instant) -> Result<Sent, ureq::Error> {
    let mut builder = Request::builder().method(request.method.as_str()).uri(&request.url);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    // Never without a limit: no time at all would be one.
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let mut response = match &request.body {
        Some(body) => {
            let request = builder.body(body.as_str())?;
            agent.run(
                agent.configure_request(request).timeout_global(Some(left)).allow_non_standard_methods(true).build(),
            )?
        }
        None => {
            let request = builder.body(())?;
            agent.run(agent.configure_request(request).timeout_global(Some(left)).build())?
        }
    };
    read(&mut response, &request.url)
}

fn read(response: &mut Response<ureq::Body>, url: &str) -> Result<Sent, ureq::Error> {
    let mut bytes = Vec::new();
    response.body_mut().as_reader().take(SIZE_LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > SIZE_LIMIT {
        return Ok(Sent::failed(MockFailure::TooLarge, url));
    }
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect();
    Ok(Sent::Answered { status: response.status().as_u16(), headers, body: text(&bytes) })
}

/// Where an answer sends the request on to.
fn location(sent: &Sent) -> Option<&str> {
    let Sent::Answered { status: 301 | 302 | 303 | 307 | 308, headers, .. } = sent else { return None };
    headers.iter().find(|(name, _)| name == "location").map(|(_, value)| value.as_str())
}

/// The URL that a `location` means, seen from `url`.
///
/// # Errors
/// Why the platform does not go there.
fn redirected(url: &str, location: &str) -> Result<String, String> {
    if location.starts_with("//") {
        return outgoing::url(&format!("https:{location}"));
    }
    if location.contains("://") && !location.starts_with(['/', '?']) {
        return outgoing::url(location);
    }
    let origin = format!("https://{}", host(url));
    let path = url.strip_prefix(&origin).unwrap_or("/");
    let path = path.split('?').next().unwrap_or(path);
    let whole = match location.chars().next() {
        Some('/') => format!("{origin}{location}"),
        Some('?') => format!("{origin}{path}{location}"),
        _ => format!("{origin}{}/{location}", path.rsplit_once('/').map_or("", |(folder, _)| folder)),
    };
    outgoing::url(&whole)
}

fn failure(error: ureq::Error, url: &str) -> Sent {
    let how = match &error {
        ureq::Error::Timeout(_) => MockFailure::Timeout,
        ureq::Error::HostNotFound => MockFailure::UnknownHost,
        ureq::Error::Io(error) => match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => MockFailure::Timeout,
            io::ErrorKind::ConnectionRefused => MockFailure::Refused,
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => MockFailure::Closed,
            // The system's resolver has no kind of its own.
            _ if error.to_string().contains("lookup address") => MockFailure::UnknownHost,
            _ => return unsent(error, url),
        },
        other => return unsent(other, url),
    };
    Sent::failed(how, url)
}

/// A failure that has no name of its own, such as a certificate that nobody vouches for.
fn unsent(error: &dyn std::error::Error, url: &str) -> Sent {
    let mut why = format!("The request to `{}` failed: {error}", host(url));
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !why.contains(&text) {
            why += ": ";
            why += &text;
        }
        cause = error.source();
    }
    Sent::Failed { how: MockFailure::Closed, why }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_server_that_says_nothing_is_given_up_at_the_limit() {
        let listener = TcpListener::bind("localhost:0").unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let request = Outgoing {
            template: None,
            method: "GET".to_owned(),
            url: url.clone(),
            headers: Vec::new(),
            body: None,
            is_json: false,
            attempts: 2,
            retry_delay: Duration::from_millis(10),
        };
        let began = Instant::now();
        let all = send_all(&agent(), &request, Duration::from_millis(300));
        let took = began.elapsed();
        assert_eq!(all, vec![Sent::failed(MockFailure::Timeout, &url); 2]);
        assert!((Duration::from_millis(600)..Duration::from_secs(10)).contains(&took), "{took:?}");
    }

    #[test]
    fn a_redirect_is_seen_from_where_it_came() {
        let from = "https://a.example:8443/v1/x?y=1";
        for (location, to) in [
            ("/z", "https://a.example:8443/z"),
            ("z?a", "https://a.example:8443/v1/z?a"),
            ("?b", "https://a.example:8443/v1/x?b"),
            ("//b.example/c", "https://b.example/c"),
            ("https://b.example", "https://b.example/"),
        ] {
            assert_eq!(redirected(from, location).as_deref(), Ok(to));
        }
        for location in ["http://b.example", "https://10.0.0.1/", "ftp://b.example", "https://user@b.example/"] {
            assert!(redirected(from, location).is_err(), "{location}");
        }
    }
}
