//! Handlers that are not JavaScript: an endpoint or a program. Each delivery stands for itself; nothing is left running
//! between two of them.

use crate::model::{Addressee, Delivered, Platform, Stream};

use super::exec::Command;
use super::http::Endpoint;
use super::{HandlerError, Interrupt};

/// One payload, and what else its receiver is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The payload's number within the run, from 0.
    pub index: u64,
    /// The event's name.
    pub event: String,
    /// The payload, as JSON text.
    pub payload: String,
    /// The platform whose envelope the payload wears.
    pub platform: Platform,
    /// What payloads are drawn from.
    pub seed: u64,
    /// The simulated clock, RFC 3339.
    pub now: String,
    /// What tells this delivery from all others, and is the same when it is repeated.
    pub id: String,
}

/// What happens during a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The program wrote something; in whole lines where it can be had, bytes that are not UTF-8 replaced.
    Output(Stream, String),
    /// Something that the user should know: one line, lower case.
    Notice(String),
}

/// A handler that is not JavaScript.
#[derive(Debug)]
pub enum External {
    /// Posts payloads to a URL.
    Http(Box<Endpoint>),
    /// Starts a program for each payload.
    Exec(Command),
}

impl External {
    /// Hands one payload over and waits for what becomes of it, at most for the time limit.
    ///
    /// # Errors
    /// Where the delivery could not be made at all: see [`HandlerError`].
    pub fn deliver(
        &self,
        message: &Message,
        interrupt: &Interrupt,
        hear: &mut dyn FnMut(Heard),
    ) -> Result<Delivered, HandlerError> {
        match self {
            Self::Http(endpoint) => endpoint.deliver(message, interrupt, hear),
            Self::Exec(command) => command.deliver(message, interrupt, hear),
        }
    }

    /// What a payload for it is said to be handed to; nothing secret is in it.
    pub fn addressee(&self) -> Addressee {
        match self {
            Self::Http(endpoint) => Addressee::Endpoint { url: endpoint.shown().to_owned() },
            Self::Exec(command) => Addressee::Program { command: command.text().to_owned() },
        }
    }

    /// Whether its receiver is told seed and clock, whatever the payload is made from.
    pub fn tells_seed_and_clock(&self) -> bool {
        match self {
            Self::Http(endpoint) => endpoint.sends_cloud_events(),
            Self::Exec(_) => true,
        }
    }
}
