//! `$db`.

use serde_json::Value;

use super::{Answer, Fault, Shared, refusal};

/// Its methods.
pub(super) const METHODS: [&str; 4] = ["set", "get", "update", "delete"];

#[derive(Debug, Default)]
pub(super) struct Db;

impl Db {
    pub(super) fn call(&mut self, _shared: &mut Shared<'_>, method: &str, _args: &[Value]) -> Result<Answer, Fault> {
        Ok(Err(refusal(501, &format!("simctl does not simulate `$db.{method}` yet"))))
    }
}
