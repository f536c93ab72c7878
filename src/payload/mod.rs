//! A payload: made from a seed, loaded from a file, overridden from the command line.
//!
//! What can be made is said by `x-simctl-fake` in the schemas (`docs/schemas.md`); this room knows how values are drawn,
//! and no attribute of any event. It does not check: a made payload fits its schema because the schema made it, which
//! tests hold, and an overridden one is for the caller to check.

mod cases;
mod draw;
mod generator;
pub mod life;
mod load;
mod locale;
mod overrides;
mod plan;
mod write;

pub use cases::{Case, Cases, Change, PLAIN};
pub use draw::{delivery_id, drawn_below};
pub use generator::{ActorKind, Changes, Generator, Recipe, Variant};
pub use load::{Loaded, complete, load};
pub use locale::Locale;
pub use overrides::{Given, Override, Overrides, Path};
