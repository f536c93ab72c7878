//! The socket: where it listens, and how long it waits for anybody.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse as _;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;

use super::guard::{self, Guard};
use super::{Shared, api};
use crate::handler::Interrupt;

/// The port where nobody names another.
pub const DEFAULT_PORT: u16 = 10001;
/// How many ports above one that is taken are tried for the hint.
const PORTS_TRIED: u16 = 50;
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest head.
const LONGEST_HEAD: usize = 16 * 1024;
/// How many connections may be open at once.
const MOST_CONNECTIONS: usize = 256;
/// How many threads answer what takes longer than a look: a payload made, an app read.
const BLOCKING_THREADS: usize = 4;

/// Where to listen.
#[derive(Debug, Clone)]
pub struct Address {
    /// `--host`: a name or an address; the loopback one where none is given.
    pub host: Option<String>,
    /// `--port`; 0 for any that is free.
    pub port: u16,
    /// What each request must show. There must be one where `host` is given.
    pub token: Option<String>,
}

/// Why nothing can be listened to.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody listens there already.
    #[error("port {port} of {host} is taken: another program listens there")]
    Taken {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The next one that is free.
        next: Option<u16>,
    },
    /// The host is no address of this machine, or the port is not for everybody.
    #[error("{host}:{port} cannot be listened to: {source}")]
    Refused {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
}

impl BindError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let Self::Taken { next: Some(next), .. } = self else { return None };
        Some(format!("port {next} is free: `simctl serve --port {next}`"))
    }
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Server {
    socket: TcpListener,
    address: SocketAddr,
    host: Option<String>,
    token: Option<String>,
}

impl Server {
    /// Takes the port.
    ///
    /// # Errors
    /// [`BindError`]
    pub fn bind(wanted: &Address) -> Result<Self, BindError> {
        let host = wanted.host.clone().unwrap_or_else(|| Ipv4Addr::LOCALHOST.to_string());
        let refused = |source| BindError::Refused { host: host.clone(), port: wanted.port, source };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = (bare, wanted.port).to_socket_addrs().map_err(refused)?.next();
        let address = address.ok_or_else(|| refused(io::Error::other("it has no address")))?;
        let socket = TcpListener::bind(address).map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => {
                BindError::Taken { host: host.clone(), port: wanted.port, next: next_free(address) }
            }
            _ => refused(source),
        })?;
        socket.set_nonblocking(true).map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        Ok(Self { socket, address, host: wanted.host.clone(), token: wanted.token.clone() })
    }

    /// The page's address, the token in it where there is one. What follows `#` is sent to nobody.
    pub fn url(&self) -> String {
        let host = match (self.address.ip(), &self.host) {
            (ip, _) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
            (IpAddr::V6(ip), _) => format!("[{ip}]"),
            (_, Some(host)) => host.clone(),
            (ip, None) => ip.to_string(),
        };
        let token = self.token.as_ref().map(|token| format!("#token={token}")).unwrap_or_default();
        format!("http://{host}:{}/{token}", self.address.port())
    }

    /// Whether it listens at every address of this machine.
    pub const fn is_everywhere(&self) -> bool {
        self.address.ip().is_unspecified()
    }

    pub(super) fn guard(&self) -> Guard {
        Guard { port: self.address.port(), host: self.host.clone(), token: self.token.clone() }
    }

    /// Answers until `interrupt` is set.
    pub(super) fn listen(self, shared: &Arc<Shared>, interrupt: &Interrupt) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(BLOCKING_THREADS)
            .build()?;
        let result = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.socket)?;
            tokio::spawn(accept(listener, Arc::clone(shared)));
            match interrupt.as_fd() {
                Some(fd) => {
                    let socket = UnixStream::from(fd.try_clone_to_owned()?);
                    socket.set_nonblocking(true)?;
                    tokio::net::UnixStream::from_std(socket)?.readable().await
                }
                None => std::future::pending().await,
            }
        });
        runtime.shutdown_background();
        result
    }
}

fn next_free(taken: SocketAddr) -> Option<u16> {
    let above = taken.port().checked_add(1)?..=taken.port().saturating_add(PORTS_TRIED);
    above.into_iter().find(|&port| TcpListener::bind((taken.ip(), port)).is_ok())
}

async fn accept(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    let router = TowerToHyperService::new(api::router(Arc::clone(&shared)));
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors: some will be given back.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
        let (router, shared) = (router.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            converse(stream, &router, &shared).await;
            drop(place);
        });
    }
}

/// Answers what comes on one connection until it ends.
pub(super) async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    router: &TowerToHyperService<Router>,
    shared: &Shared,
) {
    let service = service_fn(|request| answer(router, shared, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    // A client that went away has had what it wanted.
    let _ = connection.await;
}

async fn answer(
    router: &TowerToHyperService<Router>,
    shared: &Shared,
    request: Request<Incoming>,
) -> Result<hyper::Response<Body>, Infallible> {
    let allowed = shared.guard.check(request.method(), request.uri().path(), request.headers());
    let mut response = match allowed {
        Ok(()) => router.call(request).await?,
        Err(error) => error.into_response(),
    };
    guard::close(&mut response);
    Ok(response)
}
