//! The words of the house as plain data: what was found, what was fired, what the handler did.
//!
//! This room does no I/O and knows no other room. Whatever two rooms tell each other is a type of this one, so that a
//! reporter, a test and a later version can read it without knowing who wrote it.

mod code;
mod coverage;
mod delivery;
mod difference;
mod finding;
mod latencies;
mod load;
mod outcome;
mod run_event;
mod secret;
mod series;
mod verdict;

pub use code::{Code, Severity};
pub use coverage::{Coverage, EventCoverage, FileCoverage, FiredEvent, Gap, Measure, Missed, Share, Shares, Unsent};
pub use delivery::{Addressee, Delivered, Delivery, Platform, Runtime, Times};
pub use difference::Difference;
pub use finding::{Excerpt, Finding, Findings, Place, Position, Span};
pub use latencies::{Latencies, PERCENTILES};
pub use load::{
    Digest, Expected, LoadFailure, LoadKind, LoadMemory, LoadReport, LoadRun, MOST_FAILURES, Shards, Taken,
};
pub use outcome::{Frame, Outcome, Response, ReturnValue, Thrown};
pub use run_event::{AnswerStatus, Level, RunEvent, Stream};
pub use secret::Secrets;
pub use series::{Interval, Series};
pub use verdict::Verdict;
