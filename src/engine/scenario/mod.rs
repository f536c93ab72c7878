//! Scenarios: pieces of users' lives, each event of which is fired at the handler and compared with what was expected of it.
//!
//! A scenario is made ready before anything runs: who the users are and what each payload holds depends on its file alone,
//! so all that is wrong with it is known at once. Playing it is delivering those payloads, one handler process for all of
//! them, and comparing. Nothing is printed.

mod cast;
mod compare;
mod expect;
mod play;
mod read;
mod references;

use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::{Map, Value};

pub use self::play::{Attempt, Stage, play};
pub use self::read::read;
use crate::app::{Iparams, Mock};
use crate::model::Place;
use crate::platform::Record;
use crate::text::Source;
use crate::text::json::Node;

/// A scenario that is ready to be played.
#[derive(Debug)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Its file, as the user would write it.
    pub file: PathBuf,
    source: Source,
    seed: u64,
    now: Timestamp,
    iparams: Iparams,
    mocks: Vec<Mock>,
    /// What `$db` holds at first.
    records: Vec<Record>,
    steps: Vec<Step>,
}

impl Scenario {
    /// How many steps it has.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }
}

/// One event, and what is expected of the handler.
#[derive(Debug)]
struct Step {
    /// What it does, such as `update jane`.
    title: String,
    place: Place,
    fired: Fired,
    expect: Option<Node>,
    /// The users as they are then, by name.
    users: Map<String, Value>,
}

/// What a step fires.
#[derive(Debug, Clone)]
struct Fired {
    event: String,
    callback: String,
    ends_by_render: bool,
    /// JSON text.
    payload: String,
}
