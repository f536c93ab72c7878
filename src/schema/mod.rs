//! The JSON Schemas: which there are, what shape they describe, and whether a value fits.
//!
//! Schemas are files under `schemas/`, compiled into the program; a folder of the user's can add to them and replace
//! them. This room knows nothing of how payloads are made: it hands `x-simctl-fake` on as it finds it.

mod catalogue;
mod check;
mod event;
mod quick;
mod shape;
mod types;
mod words;

pub use catalogue::Schemas;
pub use event::{EventSchema, LARGEST_PAYLOAD};
pub use quick::{Outline, Quick, Spot};
pub use shape::{Kinds, Members, Property, Shape};
pub use types::{Language, payload_type, types};
