//! `$schedule`.

use serde_json::Value;

use super::{Answer, Fault, Shared, refusal};

/// Its methods.
pub(super) const METHODS: [&str; 4] = ["create", "fetch", "update", "delete"];

#[derive(Debug, Default)]
pub(super) struct Schedules;

impl Schedules {
    pub(super) fn call(&mut self, _shared: &mut Shared<'_>, method: &str, _args: &[Value]) -> Result<Answer, Fault> {
        Ok(Err(refusal(501, &format!("simctl does not simulate `$schedule.{method}` yet"))))
    }
}
