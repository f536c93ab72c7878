//! `$request`.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use serde_json::Value;

use super::{Answer, Fault, Reply, Shared, refusal};

/// Its methods.
pub(super) const METHODS: [&str; 6] = ["invokeTemplate", "get", "post", "put", "patch", "delete"];

#[derive(Debug, Default)]
pub(super) struct Requests;

impl Requests {
    pub(super) fn call(
        &mut self,
        _shared: &mut Shared<'_>,
        _number: u64,
        method: &str,
        _args: &[Value],
    ) -> Result<Reply, Fault> {
        Ok(Reply::Now(Err(refusal(501, &format!("simctl does not simulate `$request.{method}` yet")))))
    }

    /// Forgets the calls that have no answer yet.
    pub(super) fn abandon(&mut self) {}

    /// The answers that have come since the last time, by the call's number.
    pub(super) fn answers(&mut self, _shared: &mut Shared<'_>) -> Result<Vec<(u64, Answer)>, Fault> {
        Ok(Vec::new())
    }

    /// When the next answer is due, where that is known.
    pub(super) fn due(&self) -> Option<Instant> {
        None
    }

    /// Readable when there may be answers.
    pub(super) fn wake(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
