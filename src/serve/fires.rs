//! The fires of this server: those that wait, those under way, and the last ones that ended.
//!
//! A few threads fire, so that no number of requests starts more handlers than the machine has room for. What happens is
//! kept as the JSON lines that readers get: a reader that comes late or reads slowly misses nothing and holds up nobody.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::hub::Hub;
use super::{Shared, fire};
use crate::handler::Interrupt;
use crate::history::Recorded;
use crate::model::{Findings, Outcome, RunEvent, Verdict};

/// How many handlers run at once.
const MOST_AT_ONCE: usize = 4;
/// How many fires may wait.
const MOST_WAITING: usize = 256;
/// How many fires are kept, and how many bytes of events over all of them.
const MOST_KEPT: usize = 200;
const MOST_KEPT_BYTES: usize = 32 << 20;
/// How much one fire may tell.
const MOST_EVENTS: usize = 20_000;
const MOST_BYTES: usize = 8 << 20;

/// What is to be fired.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// The event's name.
    pub(super) event: String,
    /// The product or module, where the event is subscribed in several.
    pub(super) module: Option<String>,
    /// The payload's text.
    pub(super) payload: String,
    /// Whether a payload that does not fit its schema is refused.
    #[serde(default = "yes")]
    pub(super) check: bool,
    /// How the payload was made, so that the command that repeats the fire can be short.
    pub(super) made: Option<super::api::payloads::Made>,
    /// Whether the answer is to wait for the end of the fire.
    #[serde(default)]
    pub(super) wait: bool,
    /// The delivery that is repeated; its payload is fired as it was, and not the text here.
    #[serde(skip)]
    pub(super) kept: Option<Box<Recorded>>,
}

impl Wanted {
    /// The same as that delivery.
    pub(super) fn again(recorded: Recorded) -> Self {
        Self {
            event: recorded.event.clone(),
            module: None,
            payload: String::new(),
            check: false,
            made: None,
            wait: false,
            kept: Some(Box::new(recorded)),
        }
    }
}

const fn yes() -> bool {
    true
}

/// How far a fire is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Waiting,
    Running,
    Ended,
}

/// Why a fire came to no delivery.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Trouble {
    /// One line, lower case.
    pub(super) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
    /// The faults that are in the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) findings: Findings,
}

/// A fire as a list shows it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Summary {
    pub(super) id: u64,
    pub(super) event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) module: Option<String>,
    pub(super) state: State,
    /// When it was asked for, RFC 3339.
    pub(super) asked_at: String,
    /// The exit code that the command would have had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exit_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_up_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) handler_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trouble: Option<Trouble>,
    /// The delivery's number in the history, where it was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kept_as: Option<u64>,
    /// The delivery in the history that it repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) replay_of: Option<u64>,
}

/// One fire.
pub(super) struct Fire {
    pub(super) id: u64,
    pub(super) wanted: Wanted,
    /// Ends it.
    pub(super) interrupt: Interrupt,
    log: Mutex<Log>,
    /// Changes with each line, for readers that wait.
    changes: watch::Sender<u64>,
}

struct Log {
    summary: Summary,
    /// The events, each as its JSON text.
    lines: Vec<Arc<str>>,
    bytes: usize,
    /// How many events there was no room for.
    dropped: u64,
}

impl Fire {
    fn new(id: u64, wanted: Wanted, now: Timestamp) -> std::io::Result<Self> {
        let summary = Summary {
            id,
            event: wanted.event.clone(),
            module: wanted.module.clone(),
            state: State::Waiting,
            asked_at: now.to_string(),
            exit_code: None,
            outcome: None,
            start_up_us: None,
            handler_us: None,
            trouble: None,
            kept_as: None,
            replay_of: wanted.kept.as_ref().map(|kept| kept.id),
        };
        let log = Log { summary, lines: Vec::new(), bytes: 0, dropped: 0 };
        let interrupt = Interrupt::by_hand()?;
        Ok(Self { id, wanted, interrupt, log: Mutex::new(log), changes: watch::Sender::new(0) })
    }

    pub(super) fn summary(&self) -> Summary {
        locked(&self.log).summary.clone()
    }

    /// The lines from number `from` on, and whether there will be no more.
    pub(super) fn lines_from(&self, from: usize, most: usize) -> (Vec<Arc<str>>, bool) {
        let log = locked(&self.log);
        let lines: Vec<_> = log.lines.iter().skip(from).take(most).cloned().collect();
        (lines, log.summary.state == State::Ended)
    }

    /// Tells when there is more to read.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Keeps an event, unless the fire has told too much already.
    pub(super) fn add(&self, event: &RunEvent) {
        let mut log = locked(&self.log);
        if let RunEvent::DeliveryFinished { outcome, start_up, handler, .. } = event {
            log.summary.outcome = Some(outcome.clone());
            log.summary.start_up_us = u64::try_from(start_up.as_micros()).ok();
            log.summary.handler_us = u64::try_from(handler.as_micros()).ok();
        }
        let is_chatter = matches!(event, RunEvent::Log { .. } | RunEvent::Output { .. } | RunEvent::Call { .. });
        if is_chatter && (log.lines.len() >= MOST_EVENTS || log.bytes >= MOST_BYTES) {
            log.dropped += 1;
            return;
        }
        if matches!(event, RunEvent::DeliveryFinished { .. }) && log.dropped > 0 {
            let message = format!("{} more lines and calls are not shown: the app told too much", log.dropped);
            log.push(&RunEvent::Notice { message });
        }
        log.push(event);
        drop(log);
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Notes where it is kept.
    pub(super) fn kept_as(&self, id: Option<u64>) {
        locked(&self.log).summary.kept_as = id;
    }

    fn enter(&self, state: State) {
        locked(&self.log).summary.state = state;
        self.changes.send_modify(|changes| *changes += 1);
    }

    fn end(&self, result: Result<Verdict, (Verdict, Trouble)>) {
        let mut log = locked(&self.log);
        let (verdict, trouble) = match result {
            Ok(verdict) => (verdict, None),
            Err((verdict, trouble)) => (verdict, Some(trouble)),
        };
        log.summary.exit_code = Some(verdict.exit_code());
        log.summary.trouble = trouble;
        log.lines.shrink_to_fit();
        drop(log);
        self.enter(State::Ended);
    }

    fn has_ended(&self) -> bool {
        locked(&self.log).summary.state == State::Ended
    }

    fn bytes(&self) -> usize {
        locked(&self.log).bytes + self.wanted.payload.len()
    }
}

impl Log {
    fn push(&mut self, event: &RunEvent) {
        let line = serde_json::to_string(event).unwrap_or_default();
        self.bytes += line.len();
        self.lines.push(line.into());
    }
}

/// All fires of the server.
pub(super) struct Fires {
    all: Mutex<All>,
    wake: Condvar,
    hub: Hub,
}

#[derive(Default)]
struct All {
    last_id: u64,
    waiting: VecDeque<Arc<Fire>>,
    /// Waiting, under way and ended, the oldest first.
    kept: VecDeque<Arc<Fire>>,
    is_ending: bool,
}

/// Why a fire was not taken.
pub(super) enum Refused {
    /// Too many wait.
    Full,
    /// The system has no more file descriptors.
    System(std::io::Error),
}

impl Fires {
    pub(super) fn new(hub: Hub) -> Self {
        Self { all: Mutex::default(), wake: Condvar::new(), hub }
    }

    /// Puts a fire into the queue.
    pub(super) fn ask(&self, wanted: Wanted, now: Timestamp) -> Result<Arc<Fire>, Refused> {
        let mut all = locked(&self.all);
        if all.waiting.len() >= MOST_WAITING || all.is_ending {
            return Err(Refused::Full);
        }
        let fire = Arc::new(Fire::new(all.last_id + 1, wanted, now).map_err(Refused::System)?);
        all.last_id += 1;
        all.waiting.push_back(Arc::clone(&fire));
        all.kept.push_back(Arc::clone(&fire));
        all.forget();
        drop(all);
        self.wake.notify_one();
        self.hub.tell("fire-asked", &fire.summary());
        Ok(fire)
    }

    pub(super) fn get(&self, id: u64) -> Option<Arc<Fire>> {
        locked(&self.all).kept.iter().find(|fire| fire.id == id).cloned()
    }

    /// Those that are kept, the newest first.
    pub(super) fn list(&self) -> Vec<Summary> {
        let kept: Vec<_> = locked(&self.all).kept.iter().rev().cloned().collect();
        kept.iter().map(|fire| fire.summary()).collect()
    }

    /// Ends every fire; the threads end when theirs has.
    pub(super) fn end(&self) {
        let mut all = locked(&self.all);
        all.is_ending = true;
        all.waiting.clear();
        all.kept.iter().for_each(|fire| fire.interrupt.set());
        drop(all);
        self.wake.notify_all();
    }

    /// The next fire; waits for it. None at the end.
    fn next(&self) -> Option<Arc<Fire>> {
        let mut all = locked(&self.all);
        loop {
            if all.is_ending {
                return None;
            }
            if let Some(fire) = all.waiting.pop_front() {
                return Some(fire);
            }
            all = self.wake.wait(all).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn ended(&self, fire: &Fire) {
        locked(&self.all).forget();
        self.hub.tell("fire-ended", &fire.summary());
    }
}

impl All {
    /// Forgets the oldest that have ended, as far as there are too many.
    fn forget(&mut self) {
        let mut bytes: usize = self.kept.iter().map(|fire| fire.bytes()).sum();
        while self.kept.len() > MOST_KEPT || (bytes > MOST_KEPT_BYTES && self.kept.len() > 1) {
            let Some(oldest) = self.kept.iter().position(|fire| fire.has_ended()) else { return };
            if let Some(fire) = self.kept.remove(oldest) {
                bytes -= fire.bytes().min(bytes);
            }
        }
    }
}

/// Starts the threads that fire.
pub(super) fn start_workers(shared: &Arc<Shared>) -> std::io::Result<Vec<JoinHandle<()>>> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let start = |number| {
        let shared = Arc::clone(shared);
        std::thread::Builder::new().name(format!("fire-{number}")).spawn(move || work(&shared))
    };
    (0..cores.clamp(2, MOST_AT_ONCE)).map(start).collect()
}

fn work(shared: &Shared) {
    while let Some(fire) = shared.fires.next() {
        fire.enter(State::Running);
        // A fault of ours in one fire is not the end of the server.
        let result = catch_unwind(AssertUnwindSafe(|| fire::run(&shared.settings, &fire)));
        fire.end(result.unwrap_or_else(|_| {
            let message = "simctl itself failed; please report what its terminal shows".to_owned();
            Err((Verdict::Machine, Trouble { message, hint: None, findings: Vec::new() }))
        }));
        shared.fires.ended(&fire);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
