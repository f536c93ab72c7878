//! An endpoint: payloads are posted to a URL, and the answer is the outcome.
//!
//! Only this computer is reached unless other hosts were allowed. Redirects are not followed, a connection serves one
//! delivery, and there is one deadline for all of it. The client blocks, so it has a thread of its own; the thread that
//! asked waits for it, for Ctrl-C and for the deadline, and leaves it behind when one of the others comes first. Under load,
//! connections are kept, and the thread that asks is the one that delivers.

mod cloud_event;
mod connection;
mod exchange;
mod headers;
mod target;

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::uri::Scheme;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Proxy};

use self::connection::Keeper;
use self::exchange::Fault;
use self::headers::Headers;
use self::target::Target;
use super::exchange::far;
use super::external::{Heard, Message};
use super::{HandlerError, Interrupt};
use crate::model::{Delivered, Outcome, Times};

pub use self::cloud_event::Mode as CloudEvents;
pub use self::headers::shown as shown_header;
pub use self::target::shown as shown_url;

/// How long it may take to find out where a name leads before the first delivery.
const LOOK_UP_LIMIT: Duration = Duration::from_secs(10);

/// How much later than the client's own clock simctl stops waiting for it: the client can tell what it waited for.
const BACKSTOP: Duration = Duration::from_millis(200);

/// Where payloads are posted to, and how.
#[derive(Debug, Clone)]
pub struct Post {
    /// The URL, as the user gave it.
    pub url: String,
    /// Further headers, each `Name: value`.
    pub headers: Vec<String>,
    /// In which form, where not as plain JSON.
    pub cloud_events: Option<CloudEvents>,
    /// Whether a host that is not this computer may be reached.
    pub allow_remote: bool,
    /// What one delivery may take, connecting included.
    pub timeout: Duration,
}

/// Why nothing can be posted there. No secret is in these: they never quote a header's value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The URL cannot be used.
    #[error("`{url}` cannot be posted to: {reason}")]
    Url {
        /// The URL, secrets masked.
        url: String,
        /// What is wrong with it.
        reason: String,
        /// How it may have been meant.
        hint: Option<String>,
    },
    /// A header cannot be sent.
    #[error("header {number} cannot be sent: {reason}")]
    Header {
        /// Which of the headers, from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The host is another computer.
    #[error("`{host}` is not this computer{}", address.map(|address| format!(": it is {address}")).unwrap_or_default())]
    Remote {
        /// The host.
        host: String,
        /// The first of its addresses elsewhere, where the host is a name.
        address: Option<IpAddr>,
    },
    /// Nobody knows the host.
    #[error("the host `{host}` was not found")]
    UnknownHost {
        /// The host.
        host: String,
    },
    /// The user pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl EndpointError {
    /// What to do about it, where simctl knows.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Url { hint, .. } => hint.as_deref(),
            Self::Remote { host, .. } if host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified()) => {
                Some("a server that listens on all addresses is reached at 127.0.0.1")
            }
            Self::Remote { .. } => {
                Some("`--allow-remote` sends payloads to other computers, installation parameters included")
            }
            _ => None,
        }
    }
}

/// An endpoint that payloads can be posted to.
#[derive(Debug)]
pub struct Endpoint {
    target: Target,
    headers: Headers,
    cloud_events: Option<CloudEvents>,
    timeout: Duration,
    agent: Agent,
    /// Whether a delivery is made by the thread that asks for it, on a connection that was kept if there is one.
    keeps_connections: bool,
}

impl Endpoint {
    /// Checks URL and headers, and looks up where the host is. Nothing is sent.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn open(post: &Post, interrupt: &Interrupt) -> Result<Self, EndpointError> {
        Self::open_for(post, 0, interrupt)
    }

    /// The same for many deliveries, of which so many are under way at a time: connections are kept for as many. A delivery
    /// that has begun then goes on until its time limit, whatever the user wishes.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn open_for(post: &Post, in_flight: usize, interrupt: &Interrupt) -> Result<Self, EndpointError> {
        let target = Target::read(&post.url)?;
        let headers = Headers::read(&post.headers, post.cloud_events)?;
        let route = route(&target, post.allow_remote, interrupt)?;
        let agent = agent(route, &target, post.timeout, in_flight);
        let (cloud_events, keeps_connections) = (post.cloud_events, in_flight > 0);
        Ok(Self { target, headers, cloud_events, timeout: post.timeout, agent, keeps_connections })
    }

    /// The URL as it may be shown.
    pub(super) fn shown(&self) -> &str {
        &self.target.shown
    }

    pub(super) const fn sends_cloud_events(&self) -> bool {
        self.cloud_events.is_some()
    }

    /// What must reach no output: values of headers and of the URL's query that look like secrets.
    pub fn secrets(&self) -> impl Iterator<Item = String> + '_ {
        self.headers.secrets.iter().chain(&self.target.secrets).cloned()
    }

    pub(super) fn deliver(
        &self,
        message: &Message,
        interrupt: &Interrupt,
        hear: &mut dyn FnMut(Heard),
    ) -> Result<Delivered, HandlerError> {
        let started = Instant::now();
        let unsendable = || HandlerError::Unsendable { url: self.target.shown.clone() };
        let request = self.headers.request(&self.target.uri, self.cloud_events, message).ok_or_else(unsendable)?;
        let agent = self.agent.clone();
        let deadline = far(started, self.timeout.saturating_add(BACKSTOP));
        let waited = if self.keeps_connections {
            Waited::Done(exchange::post(&agent, request))
        } else {
            on_a_thread(move || exchange::post(&agent, request), deadline, interrupt)
        };
        let outcome = match waited {
            Waited::Done(Ok(outcome)) => outcome,
            Waited::Done(Err(Fault::UnknownHost)) => {
                return Err(HandlerError::UnknownHost { host: self.target.host.clone() });
            }
            Waited::Done(Err(Fault::Late)) | Waited::Late => {
                Outcome::TimedOut { limit: self.timeout, stack: Vec::new() }
            }
            Waited::Interrupted => return Err(HandlerError::Interrupted),
            Waited::Failed(source) => return Err(HandlerError::Watch { source }),
        };
        if let Some(remark) = exchange::remark(&outcome) {
            hear(Heard::Notice(remark));
        }
        Ok(Delivered { outcome, times: Times { start_up: Duration::ZERO, handler: started.elapsed() }, engine: None })
    }
}

/// How to get there.
enum Route {
    /// To one of these addresses, which are this computer's. A name could mean another address a moment later.
    Here(Vec<SocketAddr>),
    /// As the system says at each delivery, through its proxy where it has one.
    Away,
}

fn route(target: &Target, allow_remote: bool, interrupt: &Interrupt) -> Result<Route, EndpointError> {
    let unknown = || EndpointError::UnknownHost { host: target.host.clone() };
    let is_name = target.host.parse::<IpAddr>().is_err();
    let (host, port) = (target.host.clone(), target.port);
    let look_up = move || (host.as_str(), port).to_socket_addrs().map(Vec::from_iter).unwrap_or_default();
    let addresses = match on_a_thread(look_up, Instant::now() + LOOK_UP_LIMIT, interrupt) {
        Waited::Done(addresses) => addresses,
        Waited::Interrupted => return Err(EndpointError::Interrupted),
        Waited::Late | Waited::Failed(_) => Vec::new(),
    };
    let away = addresses.iter().map(SocketAddr::ip).find(|address| !address.to_canonical().is_loopback());
    match away {
        None if !addresses.is_empty() => Ok(Route::Here(addresses)),
        // A proxy may know what nobody here does.
        _ if allow_remote && (away.is_some() || Proxy::try_from_env().is_some()) => Ok(Route::Away),
        None => Err(unknown()),
        Some(address) => {
            let host = target.host.clone();
            Err(EndpointError::Remote { host, address: is_name.then_some(address) })
        }
    }
}

fn agent(route: Route, target: &Target, timeout: Duration, in_flight: usize) -> Agent {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        // A connection that the other side has closed meanwhile would look like a fault of the handler, so it is kept only
        // where there is no pause in which to close it.
        .max_idle_connections(in_flight)
        .max_idle_connections_per_host(in_flight)
        .max_response_header_size(exchange::LARGEST_HEAD)
        .timeout_global(Some(timeout))
        .tls_config(tls);
    match route {
        Route::Here(addresses) => {
            let (config, here) = (config.proxy(None).build(), Here(addresses));
            if in_flight > 0 && target.uri.scheme() == Some(&Scheme::HTTP) {
                Agent::with_parts(config, Keeper, here)
            } else {
                Agent::with_parts(config, DefaultConnector::default(), here)
            }
        }
        Route::Away => config.build().new_agent(),
    }
}

/// Answers every question with the addresses that were checked.
#[derive(Debug)]
struct Here(Vec<SocketAddr>);

impl Resolver for Here {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut found = self.empty();
        // As many as there is room for.
        for address in self.0.iter().take(16) {
            found.push(*address);
        }
        Ok(found)
    }
}

/// How waiting for a thread ended.
enum Waited<T> {
    Done(T),
    Late,
    Interrupted,
    Failed(std::io::Error),
}

/// Lets a thread do what blocks, and waits for it until it is `until` or the user asks to stop. Then the thread is left
/// behind, to end by itself or with the program.
fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
    until: Instant,
    interrupt: &Interrupt,
) -> Waited<T> {
    let (sender, receiver) = mpsc::channel();
    let begin = || {
        let (wake, waker) = UnixStream::pair()?;
        let run = move || {
            // Nobody may be waiting any more.
            let _ = sender.send(work());
            // Closed last: it wakes who waits.
            drop(waker);
        };
        thread::Builder::new().name("http".to_owned()).spawn(run).map(|_| wake)
    };
    let wake = match begin() {
        Ok(wake) => wake,
        Err(error) => return Waited::Failed(error),
    };
    loop {
        if let Err(error) = wait(&wake, until, interrupt) {
            return Waited::Failed(error);
        }
        match receiver.try_recv() {
            Ok(done) => return Waited::Done(done),
            Err(mpsc::TryRecvError::Disconnected) => {
                return Waited::Failed(std::io::Error::other("the thread that waited for it is gone"));
            }
            Err(mpsc::TryRecvError::Empty) if interrupt.is_set() => return Waited::Interrupted,
            Err(mpsc::TryRecvError::Empty) if Instant::now() >= until => return Waited::Late,
            Err(mpsc::TryRecvError::Empty) => {}
        }
    }
}

fn wait(wake: &UnixStream, until: Instant, interrupt: &Interrupt) -> std::io::Result<()> {
    let left = until.saturating_duration_since(Instant::now());
    let left =
        Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
    let fds = [Some(wake.as_fd()), interrupt.as_fd()];
    let mut fds: Vec<_> = fds.into_iter().flatten().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    match poll(&mut fds, Some(&left)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
