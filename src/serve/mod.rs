//! The loopback server and its page: choose an event, edit its payload, fire it, and watch what the handler does.
//!
//! The page is files in `page/`, compiled in; all that it does goes by way of `/api/`, which `schemas/openapi.json`
//! describes. The server listens on this machine only unless it is told otherwise, trusts no `Host`, `Origin` or body
//! length that it did not expect (`guard`), and fires by way of the engine, as the verbs do. It prints nothing.

mod api;
mod assets;
mod fire;
mod fires;
mod guard;
mod hub;
mod listen;
mod offline;
mod watching;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::app::Locate;
use crate::engine::prepare::{HandlerOptions, PlatformOptions};
use crate::handler::Interrupt;
use crate::model::Findings;
use crate::schema::Schemas;
use crate::watch::WatchError;

use self::fires::Fires;
use self::guard::Guard;
use self::hub::Hub;
pub use self::listen::{Address, BindError, DEFAULT_PORT, Server};
#[doc(hidden)]
pub use self::offline::Offline;

/// What the server is to show, and how it fires.
pub struct Settings {
    /// Where the app is.
    pub locate: Locate,
    /// The schemas that payloads are made and checked by.
    pub schemas: Schemas,
    /// `--iparams FILE`, absolute.
    pub iparams: Option<PathBuf>,
    /// `--secret`: parameters that are secret whatever the app says.
    pub secrets: Vec<String>,
    /// What runs the handler.
    pub handler: HandlerOptions,
    /// How the platform is simulated.
    pub platform: PlatformOptions,
    /// False with `--no-history`.
    pub keep: bool,
    /// The flags of this server that a command of another verb needs to fire the same, as they were typed.
    pub flags: Vec<String>,
    /// The time, where a request names none.
    pub clock: fn() -> Timestamp,
    /// A seed, where a request names none.
    pub seed: fn() -> u64,
    /// Every fault of the app, as `validate` tells them.
    pub validate: Box<dyn Fn() -> Findings + Send + Sync>,
}

/// What all requests share.
struct Shared {
    settings: Settings,
    fires: Fires,
    hub: Hub,
    guard: Guard,
    /// Set when the server ends.
    ending: Interrupt,
}

impl Server {
    /// Answers requests until the user presses Ctrl-C; fires that are under way are ended then.
    ///
    /// `unwatched` is told why saved files will not be noticed, where that is so.
    ///
    /// # Errors
    /// Where the system gives no more sockets to wait on.
    pub fn run(
        self,
        settings: Settings,
        interrupt: &Interrupt,
        unwatched: &dyn Fn(&WatchError),
    ) -> std::io::Result<()> {
        let hub = Hub::new();
        let shared = Arc::new(Shared {
            fires: Fires::new(hub.clone()),
            guard: self.guard(),
            ending: Interrupt::by_hand()?,
            settings,
            hub,
        });
        let watching = match watching::start(&shared) {
            Ok(watching) => Some(watching),
            Err(error) => {
                unwatched(&error);
                None
            }
        };
        let workers = fires::start_workers(&shared)?;
        let result = self.listen(&shared, interrupt);
        shared.ending.set();
        shared.fires.end();
        for thread in workers.into_iter().chain(watching) {
            // One that panicked has been told of already.
            let _ = thread.join();
        }
        result
    }
}
