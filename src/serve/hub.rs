//! What every open tab is told: that a fire began or ended, that a file was saved.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::broadcast::{self, Receiver, Sender};

/// How many messages a tab may lag behind before it has to look anew.
const LONGEST_LAG: usize = 256;

/// Passes messages on to all tabs. Never waits: a tab that does not read loses messages, and is told so.
#[derive(Clone)]
pub(super) struct Hub(Sender<Arc<str>>);

impl Hub {
    pub(super) fn new() -> Self {
        Self(broadcast::channel(LONGEST_LAG).0)
    }

    /// Tells every tab.
    pub(super) fn tell(&self, name: &str, data: &impl Serialize) {
        // Nobody listening is no fault.
        let _ = self.0.send(message(name, data).into());
    }

    pub(super) fn listen(&self) -> Receiver<Arc<str>> {
        self.0.subscribe()
    }
}

/// One message of an event stream (HTML, "Server-sent events"). JSON text has no line ends, so one `data` line is enough.
pub(super) fn message(name: &str, data: &impl Serialize) -> String {
    let data = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
    format!("event: {name}\ndata: {data}\n\n")
}
