//! What the lanes of a load share: when it began, whether it is to end, and how it has gone so far.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::record::{Moments, Record};
use super::{Extent, LoadError, LoadPlan, OVERTIME, Pace, Progress, Shot};
use crate::handler::Interrupt;

/// The longest sleep: how late a lane may hear that the load is to end.
const NAP: Duration = Duration::from_millis(20);

/// What a lane tells the thread that began the load. That it has ended shows when its end of the channel closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Its handler is ready.
    Ready,
}

/// How a load is to end before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing more is begun.
    Gently,
    /// What is under way is cut off.
    AtOnce,
}

/// When a delivery's turn is.
pub(super) enum Turn {
    /// Now; when it was due, where deliveries have a time of their own.
    Now(Option<Instant>),
    /// It was due, and the time for it is over.
    Missed(Instant),
    /// Never: the load is to end.
    Never,
}

pub(super) struct Control {
    pace: Pace,
    extent: Extent,
    started: Mutex<Option<Instant>>,
    has_started: Condvar,
    stopped: AtomicBool,
    /// What ends deliveries that are under way.
    pub(super) cut: Interrupt,
    error: Mutex<Option<LoadError>>,
    failed: AtomicBool,
    lanes: Vec<Lane>,
}

/// What a lane shows of itself.
#[derive(Default)]
struct Lane {
    record: Mutex<Record>,
    is_busy: AtomicBool,
}

/// A thread that panicked while it held a lock has left nothing half done that anybody reads.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Control {
    pub(super) fn new(plan: &LoadPlan<'_>) -> io::Result<Self> {
        Ok(Self {
            pace: plan.pace,
            extent: plan.extent,
            started: Mutex::default(),
            has_started: Condvar::new(),
            stopped: AtomicBool::new(false),
            cut: Interrupt::by_hand()?,
            error: Mutex::default(),
            failed: AtomicBool::new(false),
            lanes: (0..plan.lanes).map(|_| Lane::default()).collect(),
        })
    }

    /// All are ready: the clock begins.
    pub(super) fn start(&self) -> Instant {
        let now = Instant::now();
        *lock(&self.started) = Some(now);
        self.has_started.notify_all();
        now
    }

    /// Waits until the clock begins; nothing where that is never going to be.
    pub(super) fn await_start(&self) -> Option<Instant> {
        let mut started = lock(&self.started);
        loop {
            if let Some(started) = *started {
                return Some(started);
            }
            if self.was_stopped() {
                return None;
            }
            started = self.has_started.wait_timeout(started, NAP).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// When a delivery is due; nothing where deliveries have no time of their own.
    fn due(&self, shot: &Shot, origin: Instant) -> Option<Instant> {
        let after = match self.extent {
            Extent::Only(_) => None,
            _ => self.pace.due(shot.index),
        };
        after.map(|after| origin + after.min(Duration::from_secs(365 * 24 * 60 * 60)))
    }

    /// When a delivery was due that is to be made now, without any waiting; nothing where its turn is to be waited for.
    pub(super) fn turn_at_once(&self, shot: &Shot, origin: Instant) -> Option<Option<Instant>> {
        let now = Instant::now();
        let due = self.due(shot, origin);
        let is_turn =
            !self.was_stopped() && !self.is_over(now, origin, due.is_some()) && due.is_none_or(|due| now >= due);
        is_turn.then_some(due)
    }

    /// Whether no delivery is begun any more. What has a time of its own, and was due, is for a while after the end.
    fn is_over(&self, now: Instant, origin: Instant, is_paced: bool) -> bool {
        let overtime = if is_paced { OVERTIME } else { Duration::ZERO };
        matches!(self.extent, Extent::Time(time) if now >= origin + time + overtime)
    }

    /// Waits until a delivery is due.
    pub(super) fn await_turn(&self, shot: &Shot, origin: Instant) -> Turn {
        let due = self.due(shot, origin);
        loop {
            if self.was_stopped() {
                return Turn::Never;
            }
            let now = Instant::now();
            let is_over = self.is_over(now, origin, due.is_some());
            let Some(due) = due else { return if is_over { Turn::Never } else { Turn::Now(None) } };
            if is_over {
                return Turn::Missed(due);
            }
            let left = due.saturating_duration_since(now);
            if left.is_zero() {
                return Turn::Now(Some(due));
            }
            thread::sleep(left.min(NAP));
        }
    }

    pub(super) fn stop(&self, ending: Ending) {
        self.stopped.store(true, Ordering::SeqCst);
        if ending == Ending::AtOnce && !self.cut.is_set() {
            self.cut.set();
        }
    }

    pub(super) fn was_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// The load cannot go on; the first reason is the one that is told.
    pub(super) fn fail(&self, error: LoadError) {
        lock(&self.error).get_or_insert(error);
        self.failed.store(true, Ordering::SeqCst);
        self.stop(Ending::Gently);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    pub(super) fn take_error(&self) -> Option<LoadError> {
        lock(&self.error).take()
    }

    /// A lane's record.
    pub(super) fn record(&self, lane: usize) -> MutexGuard<'_, Record> {
        lock(&self.lanes[lane].record)
    }

    /// A lane has a delivery under way, or none any more.
    pub(super) fn set_busy(&self, lane: usize, is_busy: bool) {
        self.lanes[lane].is_busy.store(is_busy, Ordering::SeqCst);
    }

    /// Counts what could not be begun in time.
    pub(super) fn miss(&self, lane: usize, origin: Instant, due: Instant) {
        self.record(lane).count_unfired(origin, due, Instant::now());
    }

    /// Counts a delivery that is over.
    pub(super) fn count(&self, lane: usize, outcome: &'static str, held: bool, moments: &Moments, shot: &Shot) {
        self.record(lane).count(outcome, held, moments, shot.digest);
        self.set_busy(lane, false);
    }

    /// The records of all lanes in one. A delivery that a lane has under way even now is one that was cut off.
    pub(super) fn sum(&self) -> Record {
        let mut sum = Record::default();
        for lane in &self.lanes {
            let mut record = std::mem::take(&mut *lock(&lane.record));
            record.cut_off += u64::from(lane.is_busy.load(Ordering::SeqCst));
            sum.merge(record);
        }
        sum
    }

    /// How it goes.
    pub(super) fn progress(&self, elapsed: Duration) -> Progress {
        let mut progress = Progress { elapsed, deliveries: 0, errors: 0, late: 0, p50: None, p99: None };
        let mut last = crate::model::Series::default();
        for lane in &self.lanes {
            let record = lock(&lane.record);
            progress.deliveries += record.held + record.failed;
            progress.errors += record.failed + record.unfired;
            progress.late += record.late;
            last.merge_latest(&record.series);
        }
        if let Some(interval) = last.intervals().last() {
            progress.p50 = interval.percentile(50.0);
            progress.p99 = interval.percentile(99.0);
        }
        progress
    }
}
