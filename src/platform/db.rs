//! `$db`.

use serde_json::Value;

use super::limits::Meter;
use super::{Answer, Fault, Shared, refusal};

/// Its methods.
pub(super) const METHODS: [&str; 4] = ["set", "get", "update", "delete"];

#[derive(Debug)]
pub(super) struct Db {
    meter: Meter,
}

impl Db {
    pub(super) const fn new() -> Self {
        Self { meter: Meter::new("$db") }
    }

    pub(super) fn call(&mut self, shared: &mut Shared<'_>, method: &str, _args: &[Value]) -> Result<Answer, Fault> {
        if let Err(refused) = self.meter.count(shared) {
            return Ok(Err(refused));
        }
        Ok(Err(refusal(501, &format!("simctl does not simulate `$db.{method}` yet"))))
    }
}
