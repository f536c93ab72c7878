//! The server without a port, for `fuzz/`: it answers one connection at a time, and fires nothing.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::service::TowerToHyperService;

use super::fires::Fires;
use super::guard::Guard;
use super::hub::Hub;
use super::{Settings, Shared, api, listen};
use crate::handler::Interrupt;

/// When a client goes away that is still being answered.
const PATIENCE: Duration = Duration::from_millis(250);

/// A server that nobody can reach but by [`Offline::answer`].
pub struct Offline(Arc<Shared>);

impl Offline {
    /// A server that takes itself to listen at `port` of this machine.
    ///
    /// # Errors
    /// Where the system refuses a socket pair.
    pub fn new(settings: Settings, port: u16) -> io::Result<Self> {
        let hub = Hub::new();
        let guard = Guard { port, host: None, token: None };
        let (fires, ending) = (Fires::new(hub.clone()), Interrupt::by_hand()?);
        Ok(Self(Arc::new(Shared { settings, fires, hub, guard, ending })))
    }

    /// What a client is sent who sends these bytes and no more, and soon goes away: a stream has no end of its own.
    ///
    /// # Errors
    /// Where the system refuses a socket pair.
    pub fn answer(&self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let (client, server) = UnixStream::pair()?;
        server.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let router = TowerToHyperService::new(api::router(Arc::clone(&self.0)));
        let sender = client.try_clone()?;
        let sent = bytes.to_vec();
        // A server that has heard enough does not read the rest.
        let sending = std::thread::spawn(move || {
            let _ = (&sender).write_all(&sent);
            sender.shutdown(Shutdown::Write)
        });
        let reading = std::thread::spawn(move || {
            let mut answer = Vec::new();
            (&client).read_to_end(&mut answer).map(|_| answer)
        });
        runtime.block_on(async {
            let server = tokio::net::UnixStream::from_std(server)?;
            // Whether all was answered by then is not asked.
            let _ = tokio::time::timeout(PATIENCE, listen::converse(server, &router, &self.0)).await;
            io::Result::Ok(())
        })?;
        runtime.shutdown_background();
        // Neither panics: there is nothing in them that could.
        let _ = sending.join();
        reading.join().unwrap_or_else(|_| Ok(Vec::new()))
    }
}
