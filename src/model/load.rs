//! What a load came to, as plain data: what its reports tell, and what shards of one run are added up from.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Latencies, Series};

/// A load, or several shards of one. The JSON form is described by `schemas/load-report.schema.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoadReport {
    /// Says what this JSON is.
    pub kind: LoadKind,
    /// simctl's version.
    pub version: String,
    /// The command that repeats it.
    pub command: String,
    /// What was asked for, the same for all shards of a run.
    pub run: LoadRun,
    /// Which part of the run this is.
    pub shards: Shards,
    /// Handler processes, or deliveries that may be under way at a time.
    pub workers: u64,
    /// True where Ctrl-C ended it.
    pub interrupted: bool,
    /// From the first delivery's time to the last one's end; the longest of all shards.
    pub took_us: u64,
    /// Deliveries that have an outcome.
    pub deliveries: u64,
    /// Those that held.
    pub held: u64,
    /// Those that did not.
    pub failed: u64,
    /// Those that began later than they should have.
    pub late: u64,
    /// Deliveries whose time had come and that were not begun before the end. They have no outcome, and their waiting is in
    /// the latency.
    pub unfired: u64,
    /// Deliveries that were under way when Ctrl-C cut them off.
    pub cut_off: u64,
    /// How many deliveries ended in which outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// The sum of a hash of each delivery's number, event and payload: equal where the same payloads were fired, whatever
    /// their order.
    pub digest: Digest,
    /// Deliveries a second that were asked for; none where each follows the one before.
    pub asked_per_s: Option<f64>,
    /// Deliveries a second that were reached.
    pub reached_per_s: f64,
    /// From the time at which a delivery was due until its outcome was known.
    pub latency: Latencies,
    /// The handler's part of it.
    pub handler: Latencies,
    /// The rest: waiting for a worker, and for the start of one.
    pub queueing: Latencies,
    /// The run over time.
    pub series: Series,
    /// What processes took of the machine's memory.
    pub memory: LoadMemory,
    /// The first failures, no two alike.
    pub failures: Vec<LoadFailure>,
    /// What was said beside outcomes: findings of the platform, remarks.
    pub notices: Vec<String>,
    /// What was expected, and whether it came so.
    pub expectations: Vec<Expected>,
}

/// Says what the JSON is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoadKind {
    /// A report of a load, in its first form.
    #[serde(rename = "simctl-load-1")]
    V1,
}

/// What was asked for. Shards of one run agree in all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadRun {
    /// The events that are fired.
    pub events: Vec<String>,
    /// What handles them: `embedded`, `node`, `http` or `exec`.
    pub handler: String,
    /// The callbacks, the URL or the command.
    pub to: String,
    /// What payloads are drawn from; none where they come from a file.
    pub seed: Option<u64>,
    /// The simulated clock, RFC 3339.
    pub now: String,
    /// How many deliveries.
    pub count: Option<u64>,
    /// For how long.
    pub for_ms: Option<u64>,
    /// Deliveries a second.
    pub rate: Option<f64>,
    /// How long the rate takes to rise to what it should be.
    pub ramp_ms: Option<u64>,
    /// How many users live at a time.
    pub users: Option<u64>,
    /// How creates and updates are mixed.
    pub mix: Option<String>,
    /// Whether the app was loaded once for all deliveries of a worker.
    pub shared_realm: bool,
    /// The digest of the run's first payloads: another where another schema, another app or other flags make others.
    pub first_payloads: Digest,
}

/// Which part of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shards {
    /// Into how many the run is cut.
    pub of: u64,
    /// Which of them, from 1, in order.
    pub parts: Vec<u64>,
}

impl Shards {
    /// Whether it is all of the run.
    pub fn is_whole(&self) -> bool {
        self.parts.len() as u64 == self.of
    }
}

/// What processes took, in bytes, where the system tells.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LoadMemory {
    /// simctl itself.
    pub simctl: Vec<Taken>,
    /// Each worker.
    pub workers: Vec<Taken>,
}

/// What one process took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Its number, from 1; that of the shard where it is simctl.
    pub number: u64,
    /// The shard that it belonged to.
    pub shard: u64,
    /// How many processes it has been, one after the other: more than 1 where one ended before its time.
    pub processes: u64,
    /// After its first delivery; of simctl, when all workers were ready.
    pub start_bytes: Option<u64>,
    /// After a minute; of simctl alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minute_bytes: Option<u64>,
    /// After its last delivery.
    pub end_bytes: Option<u64>,
}

/// The first of failures that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadFailure {
    /// The delivery's number within the run, from 0.
    pub index: u64,
    /// Its event.
    pub event: String,
    /// The outcome's name.
    pub outcome: String,
    /// What happened, in a line.
    pub what: String,
    /// Where, as FILE:LINE:COLUMN, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// How many deliveries failed so.
    pub count: u64,
    /// The command that repeats the delivery alone.
    pub repeat: String,
}

/// What was expected of a load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// As it was written.
    pub expect: String,
    /// Whether it came so.
    pub held: bool,
    /// What was measured.
    pub measured: String,
    /// By how much it was missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed_by: Option<String>,
}

/// A sum of hashes, in which order does not matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest(u64);

impl Digest {
    /// The digest of one payload (FNV-1a, 64 bits, over number, event and text; then mixed, so that sums tell).
    pub fn of(index: u64, event: &str, payload: &str) -> Self {
        let bytes = index.to_le_bytes().into_iter().chain(event.bytes()).chain([0]).chain(payload.bytes());
        let hash =
            bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Self(mixed ^ (mixed >> 31))
    }

    /// Adds the digest of other payloads.
    pub fn add(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(&format_args!("{:016x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        u64::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

impl LoadReport {
    /// How long it took.
    pub const fn took(&self) -> Duration {
        Duration::from_micros(self.took_us)
    }

    /// Deliveries that did not hold, those that were never begun or cut off included.
    pub const fn errors(&self) -> u64 {
        self.failed + self.unfired + self.cut_off
    }

    /// Adds another shard's report of the same run.
    pub fn merge(&mut self, other: Self) {
        self.shards.parts.extend(other.shards.parts);
        self.shards.parts.sort_unstable();
        self.workers += other.workers;
        self.interrupted |= other.interrupted;
        self.took_us = self.took_us.max(other.took_us);
        self.deliveries += other.deliveries;
        self.held += other.held;
        self.failed += other.failed;
        self.late += other.late;
        self.unfired += other.unfired;
        self.cut_off += other.cut_off;
        for (name, count) in other.outcomes {
            *self.outcomes.entry(name).or_default() += count;
        }
        self.digest.add(other.digest);
        self.asked_per_s = self.asked_per_s.zip(other.asked_per_s).map(|(own, more)| own + more);
        self.reached_per_s += other.reached_per_s;
        self.latency.merge(&other.latency);
        self.handler.merge(&other.handler);
        self.queueing.merge(&other.queueing);
        self.series.merge(&other.series);
        self.memory.simctl.extend(other.memory.simctl);
        self.memory.workers.extend(other.memory.workers);
        self.merge_failures(other.failures);
        for notice in other.notices {
            if !self.notices.contains(&notice) {
                self.notices.push(notice);
            }
        }
        self.expectations.clear();
    }

    fn merge_failures(&mut self, others: Vec<LoadFailure>) {
        for other in others {
            match self.failures.iter_mut().find(|own| own.is_like(&other)) {
                Some(own) => {
                    let count = own.count + other.count;
                    if other.index < own.index {
                        *own = other;
                    }
                    own.count = count;
                }
                None => self.failures.push(other),
            }
        }
        self.failures.sort_by_key(|failure| failure.index);
        self.failures.truncate(MOST_FAILURES);
    }
}

impl LoadFailure {
    /// Whether a person would call it the same. What is said at one place may differ, by the name of a user.
    fn is_like(&self, other: &Self) -> bool {
        let same = |get: fn(&Self) -> &str| get(self) == get(other);
        let is_there = same(|failure| &failure.event) && same(|failure| &failure.outcome) && self.place == other.place;
        // What comes before the message: `threw RangeError`.
        let kind = |failure: &Self| failure.what.split(':').next().map(str::to_owned);
        let is_kind = self.place.is_some() && kind(self) == kind(other);
        is_there && (is_kind || self.what == other.what)
    }
}

/// How many failures that differ are told.
pub const MOST_FAILURES: usize = 10;
