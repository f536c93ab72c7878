//! Scenarios: pieces of users' lives, each event of which is fired at the handler and compared with what was expected of it.
//!
//! A scenario is made ready before anything runs: who the users are and what each payload holds depends on its file alone,
//! so all that is wrong with it is known at once. Playing it is delivering those payloads, one handler process for all of
//! them, and comparing. Nothing is printed, and nothing is written.

mod cast;
mod checks;
mod compare;
mod effects;
mod expect;
mod faults;
mod matrix;
mod play;
mod read;
mod reader;
mod references;
mod snapshot;
mod steps;
mod time;
mod wait;

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

pub use self::play::{Attempt, Stage, play};
pub use self::read::{check, is_scenario, read};
pub use self::snapshot::{Policy, Snapshots, Taken, snapshot_file};
use crate::app::{Iparams, Mock};
use crate::model::{Finding, Place, Platform, Runtime};
use crate::platform::Record;
use crate::text::Source;
use crate::text::json::Node;

/// A scenario that is ready to be played.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name; of a cell of a matrix with the cell: `name [kit, ja_jp]`.
    pub name: String,
    /// Its file, as the user would write it.
    pub file: PathBuf,
    /// Whether it is one of several of its file.
    pub is_cell: bool,
    /// The runtime that it must be played on, where it says so.
    pub runtime: Option<Runtime>,
    /// Its file, as it is opened.
    path: PathBuf,
    source: Source,
    seed: u64,
    now: Timestamp,
    platform: Platform,
    iparams: Iparams,
    mocks: Vec<Mock>,
    /// What `$db` holds at first.
    records: Vec<Record>,
    /// What a schedule fires, where the app subscribes to it.
    alarm: Option<Alarm>,
    /// What holds after every delivery.
    always: Option<Node>,
    steps: Vec<Step>,
    /// The faults that were put in, one line each.
    faults: Vec<String>,
}

impl Scenario {
    /// How many steps it has.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// What is to be told although it can be played: required installation parameters that have no value.
    pub fn remarks(&self) -> &[Finding] {
        &self.iparams.missing
    }
}

/// Something that happens, and what is expected of the handler.
#[derive(Debug, Clone)]
struct Step {
    /// What it does, such as `update jane`.
    title: String,
    place: Place,
    /// The simulated clock as it begins.
    now: Timestamp,
    act: Act,
    /// What later steps know it by.
    id: Option<String>,
    expect: Option<Node>,
    snapshot: Option<Wish>,
    /// The users as they are then, by name.
    users: Map<String, Value>,
}

/// What happens.
#[derive(Debug, Clone)]
enum Act {
    /// An event is delivered.
    Deliver(Fired),
    /// Nothing that the handler hears of: an event that arrives late, or never.
    Nothing,
    /// Time passes, and schedules fire.
    Wait(Until),
}

/// How long a step waits.
#[derive(Debug, Clone, Copy)]
enum Until {
    Passed(SignedDuration),
    Time(Timestamp),
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

/// What schedules fire, but for the data and the time.
#[derive(Debug, Clone)]
struct Alarm {
    callback: String,
    ends_by_render: bool,
    payload: Value,
}

/// A snapshot that a step asks for.
#[derive(Debug, Clone)]
struct Wish {
    /// Its name in the file of snapshots.
    key: String,
    /// JSON Pointers to what differs from run to run; `*` is any member.
    volatile: Vec<String>,
    place: Place,
}
