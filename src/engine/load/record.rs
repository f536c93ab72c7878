//! What happened in a load, counted: each lane has a record of its own, and their sum is the run's.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::model::{Code, Digest, Latencies, MOST_FAILURES, Outcome, Series, Taken};

/// A delivery that begins later than this after its time counts as late. A thread that has slept wakes within it, even on
/// a machine that has other work.
pub const LATE_AFTER: Duration = Duration::from_millis(10);

/// How many remarks are kept.
const MOST_NOTICES: usize = 20;

/// What happened.
#[derive(Debug, Default)]
pub struct Record {
    /// Deliveries that held.
    pub held: u64,
    /// Deliveries that did not.
    pub failed: u64,
    /// Deliveries that began late.
    pub late: u64,
    /// Deliveries that were due and never begun.
    pub unfired: u64,
    /// Deliveries that were under way when the user ended the run.
    pub cut_off: u64,
    /// How many ended in which outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Of the payloads that were handed over.
    pub digest: Digest,
    /// From due to done.
    pub latency: Latencies,
    /// The handler's part.
    pub handler: Latencies,
    /// The rest.
    pub queueing: Latencies,
    /// Over time.
    pub series: Series,
    /// The first failures, no two alike.
    pub failures: Vec<Failure>,
    /// What was said beside outcomes.
    pub notices: Vec<String>,
    /// The workers' memory.
    pub workers: Vec<Taken>,
    /// From the beginning to the last delivery's end.
    pub took: Duration,
}

/// The first of failures that are alike.
#[derive(Debug)]
pub struct Failure {
    /// The delivery's number.
    pub index: u64,
    /// Its event.
    pub event: String,
    /// What the handler did, secrets masked.
    pub outcome: Outcome,
    /// The error that the platform found where the handler itself did what it should.
    pub fault: Option<Code>,
    /// How many are alike.
    pub count: u64,
}

/// When a delivery was due, begun and done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    /// When the run began.
    pub(super) origin: Instant,
    /// When it was due; where deliveries have no time of their own, when somebody was there to handle it.
    pub(super) due: Instant,
    pub(super) begun: Instant,
    pub(super) done: Instant,
    /// The handler's part of the time between.
    pub(super) handler: Duration,
}

impl Record {
    /// Counts a delivery.
    pub(super) fn count(&mut self, outcome: &'static str, held: bool, moments: &Moments, digest: Digest) {
        let Moments { origin, due, begun, done, handler } = *moments;
        let (latency, is_late) =
            (done.saturating_duration_since(due), begun.saturating_duration_since(due) > LATE_AFTER);
        self.held += u64::from(held);
        self.failed += u64::from(!held);
        self.late += u64::from(is_late);
        *self.outcomes.entry(outcome).or_default() += 1;
        self.digest.add(digest);
        self.latency.record(latency);
        self.handler.record(handler);
        self.queueing.record(latency.saturating_sub(handler));
        let at = done.saturating_duration_since(origin);
        self.series.record(at, latency, held, is_late);
        self.took = self.took.max(at);
    }

    /// Counts a delivery that was due and that nobody was free for until the run was over. That it waited counts.
    pub(super) fn count_unfired(&mut self, origin: Instant, due: Instant, now: Instant) {
        let waited = now.saturating_duration_since(due);
        self.unfired += 1;
        self.late += 1;
        self.latency.record(waited);
        self.queueing.record(waited);
        let at = now.saturating_duration_since(origin);
        self.series.record(at, waited, false, true);
        self.took = self.took.max(at);
    }

    /// Keeps a failure, or counts it where one like it is kept.
    pub(super) fn fail(&mut self, failure: Failure) {
        if let Some(kept) = self.failures.iter_mut().find(|kept| kept.is_like(&failure)) {
            let count = kept.count + failure.count;
            if failure.index < kept.index {
                *kept = failure;
            }
            kept.count = count;
        } else if self.failures.len() < MOST_FAILURES {
            self.failures.push(failure);
        }
    }

    /// Keeps a remark.
    pub(super) fn notice(&mut self, notice: String) {
        if self.notices.len() < MOST_NOTICES && !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// Adds what another lane has counted.
    pub(super) fn merge(&mut self, other: Self) {
        self.held += other.held;
        self.failed += other.failed;
        self.late += other.late;
        self.unfired += other.unfired;
        self.cut_off += other.cut_off;
        for (name, count) in other.outcomes {
            *self.outcomes.entry(name).or_default() += count;
        }
        self.digest.add(other.digest);
        self.latency.merge(&other.latency);
        self.handler.merge(&other.handler);
        self.queueing.merge(&other.queueing);
        self.series.merge(&other.series);
        // The earliest first, whichever lane it was in: only so many are kept.
        let mut failures = std::mem::take(&mut self.failures);
        failures.extend(other.failures);
        failures.sort_by_key(|failure| failure.index);
        failures.into_iter().for_each(|failure| self.fail(failure));
        other.notices.into_iter().for_each(|notice| self.notice(notice));
        self.workers.extend(other.workers);
        self.took = self.took.max(other.took);
    }
}

impl Failure {
    /// Whether a person would call it the same: the same outcome at the same place.
    fn is_like(&self, other: &Self) -> bool {
        self.event == other.event
            && self.fault == other.fault
            && self.outcome.name() == other.outcome.name()
            && self.place() == other.place()
            && kind(&self.outcome) == kind(&other.outcome)
    }

    /// The innermost frame, where there is a stack.
    pub fn place(&self) -> Option<String> {
        let stack = match &self.outcome {
            Outcome::Threw { error } | Outcome::Rejected { error, .. } | Outcome::NotLoaded { error } => &error.stack,
            Outcome::TimedOut { stack, .. } => stack,
            _ => return None,
        };
        stack.first().map(|frame| format!("{}:{}:{}", frame.file, frame.line, frame.column))
    }
}

/// What else tells two failures of one outcome and place apart. Messages do not: they may name the user.
fn kind(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Threw { error } | Outcome::Rejected { error, .. } | Outcome::NotLoaded { error } => {
            match &error.name {
                Some(name) if !error.stack.is_empty() => name.clone(),
                // Without a place the message is all there is.
                _ => error.message.clone(),
            }
        }
        Outcome::Exited { code } => code.to_string(),
        Outcome::Signalled { signal } => signal.to_string(),
        Outcome::Declined { response } => response.status.to_string(),
        Outcome::Unreachable { reason, .. } | Outcome::BadReply { reason } => reason.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Frame, Thrown};

    fn threw(index: u64, message: &str, line: u32) -> Failure {
        let frame = Frame { function: None, file: "server/server.js".to_owned(), line, column: 1 };
        let error =
            Thrown { name: Some("TypeError".to_owned()), message: message.to_owned(), stack: vec![frame], hint: None };
        Failure { index, event: "onUserCreate".to_owned(), outcome: Outcome::Threw { error }, fault: None, count: 1 }
    }

    #[test]
    fn failures_at_one_place_are_one_and_the_first_of_them_is_kept() {
        let mut record = Record::default();
        [threw(7, "no ada", 3), threw(4, "no bob", 3), threw(9, "no eve", 5)]
            .into_iter()
            .for_each(|one| record.fail(one));
        let kept: Vec<_> = record.failures.iter().map(|kept| (kept.index, kept.count)).collect();
        assert_eq!(kept, [(4, 2), (9, 1)]);
    }

    #[test]
    fn the_earliest_failures_are_kept_whichever_lane_they_were_in() {
        let lane = |first: u64| {
            let mut record = Record::default();
            (0..10)
                .for_each(|nth| record.fail(threw(first + 2 * nth, "", u32::try_from(first + 2 * nth).unwrap_or(0))));
            record
        };
        let mut sum = lane(1);
        sum.merge(lane(0));
        assert_eq!(sum.failures.iter().map(|kept| kept.index).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn failures_without_end_take_no_more_room() {
        let mut record = Record::default();
        (0..1_000).for_each(|line| record.fail(threw(u64::from(line), "", line)));
        assert_eq!(record.failures.len(), MOST_FAILURES);
    }

    #[test]
    fn waiting_is_part_of_the_latency_and_no_part_of_the_handlers_time() {
        let origin = Instant::now();
        let at = |ms| origin + Duration::from_millis(ms);
        let moments = Moments { origin, due: at(0), begun: at(500), done: at(510), handler: Duration::from_millis(10) };
        let mut record = Record::default();
        record.count("returned", true, &moments, Digest::default());
        let ms = |latencies: &Latencies| latencies.max().map_or(0, |max| max.as_millis());
        assert_eq!((ms(&record.latency), ms(&record.handler), ms(&record.queueing)), (510, 10, 500));
        assert_eq!(record.late, 1);
    }

    #[test]
    fn what_was_never_begun_counts_with_all_its_waiting() {
        let origin = Instant::now();
        let mut record = Record::default();
        record.count_unfired(origin, origin, origin + Duration::from_secs(5));
        assert_eq!((record.unfired, record.late), (1, 1));
        assert_eq!(record.latency.max().map(|max| max.as_secs()), Some(5));
    }
}
