//! `generateTargetUrl`.

use super::{Answer, Shared, refusal};

pub(super) fn generate(_shared: &mut Shared<'_>) -> Answer {
    Err(refusal(501, "simctl does not simulate `generateTargetUrl` yet"))
}
