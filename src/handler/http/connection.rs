//! A connection that serves many deliveries. The client's own takes fifteen system calls for each, and sends head and body of a
//! request apart, which the other side then reads apart; under load that is what a delivery costs.
//!
//! Here a request leaves in one piece, time limits are set anew only when they have moved by a hundredth of a second, and whether
//! the other side has closed is asked without changing how the socket waits.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport};

/// How much of a request is gathered before it is sent, in bytes.
const GATHERED: usize = 64 * 1024;

/// How finely time limits are set: this much later than asked for, at most.
const STEP: Duration = Duration::from_millis(10);

/// Makes connections without TLS.
#[derive(Debug)]
pub(super) struct Keeper;

impl Connector for Keeper {
    type Out = Kept;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Kept>, Error> {
        let (began, limit) = (Instant::now(), *details.timeout.after);
        let mut failed = Error::ConnectionFailed;
        for address in &details.addrs {
            let left = limit.saturating_sub(began.elapsed()).max(STEP);
            match TcpStream::connect_timeout(address, left) {
                Ok(stream) => return Ok(Some(Kept::new(stream, details)?)),
                Err(error) if is_timeout(error.kind()) => return Err(Error::Timeout(details.timeout.reason)),
                Err(error) => failed = Error::Io(error),
            }
        }
        Err(failed)
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Kept {
    stream: TcpStream,
    buffers: LazyBuffers,
    /// What is still to be sent.
    gathered: Vec<u8>,
    /// The limits that the socket has.
    read_limit: Option<Duration>,
    write_limit: Option<Duration>,
}

impl Kept {
    fn new(stream: TcpStream, details: &ConnectionDetails<'_>) -> Result<Self, Error> {
        stream.set_nodelay(true)?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Self { stream, buffers, gathered: Vec::new(), read_limit: None, write_limit: None })
    }

    fn send(&mut self, timeout: NextTimeout) -> Result<(), Error> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let timeout = timeout.for_write();
        let limit = rounded(timeout);
        if limit != self.write_limit {
            self.stream.set_write_timeout(limit)?;
            self.write_limit = limit;
        }
        let sent = self.stream.write_all(&self.gathered);
        self.gathered.clear();
        sent.map_err(|error| told(error, timeout))
    }
}

impl Transport for Kept {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    /// Sends nothing yet, where it is little: the body comes after the head, and then the answer is waited for.
    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.gathered.extend_from_slice(&self.buffers.output()[..amount]);
        if self.gathered.len() < GATHERED { Ok(()) } else { self.send(timeout) }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.send(timeout)?;
        let timeout = timeout.for_read();
        let limit = rounded(timeout);
        if limit != self.read_limit {
            self.stream.set_read_timeout(limit)?;
            self.read_limit = limit;
        }
        loop {
            match self.stream.read(self.buffers.input_append_buf()) {
                Ok(count) => {
                    self.buffers.input_appended(count);
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(told(error, timeout)),
            }
        }
    }

    /// Whether nothing has come, not even the end: what comes when nothing was asked is no answer.
    fn is_open(&mut self) -> bool {
        let came = recv(&self.stream, &mut [0; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        matches!(came, Err(Errno::WOULDBLOCK))
    }
}

/// The time that is left, in whole steps; none where there is no limit.
fn rounded(timeout: NextTimeout) -> Option<Duration> {
    if timeout.after.is_not_happening() {
        return None;
    }
    let steps = timeout.after.as_nanos() / STEP.as_nanos() + 1;
    Some(STEP.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX)))
}

fn told(error: std::io::Error, timeout: NextTimeout) -> Error {
    if is_timeout(error.kind()) { Error::Timeout(timeout.reason) } else { Error::Io(error) }
}

const fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::TimedOut | ErrorKind::WouldBlock)
}
