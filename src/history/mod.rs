//! What has been: every delivery with its payload, its outcome and all that the handler said and asked for, and the users whom
//! those deliveries told of. Kept in an app's `.simctl/`, within bounds, without secrets.
//!
//! A [`Keeper`] reads run events as a reporter does, and makes a [`Recorded`] of each delivery. A payload is kept to the byte, with a
//! placeholder for every secret in it, so that firing it again fires the same bytes. `docs/history.md` tells it to users.

mod compare;
mod deliveries;
mod keeper;
mod recorded;
mod users;

pub use compare::{Change, Comparison, Line, Side, compare};
pub use deliveries::{Filter, Found, History, Listed, Settled, Since};
pub use keeper::Keeper;
pub use recorded::{Brief, Called, Logged, Recorded};
pub use users::{KnownUser, Users};

pub use crate::keep::{Bounds, LogError as HistoryError};
