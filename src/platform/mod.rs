//! The platform that an app finds around it: answers what its handler asks of `$db`, `$request`, `$schedule` and the rest.
//!
//! One [`Services`] serves a run. It keeps what the app stores, answers each call or tells that the answer comes later,
//! and says what it noticed. It knows nothing of processes and runtimes, and prints nothing.

mod db;
mod limits;
mod records;
mod render;
mod request;
mod schedule;
mod store;
mod target_url;

use std::collections::HashMap;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::app::{App, Mock};
use crate::model::{Findings, Secrets};

use self::db::Db;
pub use self::records::{Record, Records};
use self::request::Requests;
pub use self::request::{MadeRequest, Network};
use self::schedule::Schedules;
pub use self::schedule::{Schedule, schedule_fires, schedules};
pub use self::store::Storage;
use self::store::Store;

/// A global of the platform: its name, and its methods; where it has none, it is a function itself.
pub type Global = (&'static str, &'static [&'static str]);

/// What the platform puts into an app's realm, beside `renderData`, which every realm has.
pub const GLOBALS: [Global; 5] = [
    ("$db", &db::METHODS),
    ("$request", &request::METHODS),
    ("$schedule", &schedule::METHODS),
    ("$job", &["invoke", "get"]),
    ("generateTargetUrl", &[]),
];

/// What a call's promise is fulfilled with, or rejected.
pub type Answer = Result<Value, Value>;

/// How the platform is simulated in a run.
#[derive(Debug)]
pub struct Setup<'a> {
    /// The app.
    pub app: &'a App,
    /// Installation parameters.
    pub iparams: Option<&'a Map<String, Value>>,
    /// What must reach no file.
    pub secrets: &'a Secrets,
    /// The time at which the run begins, as the app sees it.
    pub now: Timestamp,
    /// Where the app's data is kept.
    pub storage: Storage,
    /// Whether to begin without what earlier runs have kept.
    pub fresh: bool,
    /// Whether the limits on calls a minute are held, rather than told.
    pub strict_limits: bool,
    /// Where requests go.
    pub network: Network,
    /// What answers requests that go nowhere.
    pub mocks: &'a [Mock],
}

/// Why the platform cannot be simulated on this machine.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Fault {
    /// What went wrong.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A call that was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The call's number, as given to [`Services::call`].
    pub number: u64,
    /// `object.method`, or a function's name.
    pub name: String,
    /// What it was called with.
    pub args: Vec<Value>,
    /// What it is answered with.
    pub answer: Answer,
    /// How long that took.
    pub took: Duration,
}

/// The platform's services for one run of an app.
#[derive(Debug)]
pub struct Services<'a> {
    shared: Shared<'a>,
    db: Db,
    requests: Requests,
    schedules: Schedules,
    /// Calls whose answer is under way.
    open: HashMap<u64, Open>,
}

/// What all services share.
#[derive(Debug)]
struct Shared<'a> {
    setup: Setup<'a>,
    started: Instant,
    /// The event that is being delivered.
    event: String,
    /// Its payload, as JSON text.
    payload: String,
    store: Store,
    findings: Findings,
    /// What the user should know and is no fault: one line each.
    notices: Vec<String>,
}

impl Shared<'_> {
    /// The time, as the app sees it: that of the run, going on.
    fn now(&self) -> Timestamp {
        self.setup.now.checked_add(self.started.elapsed()).unwrap_or(Timestamp::MAX)
    }

    /// Whether the app subscribes to `event`.
    fn subscribes(&self, event: &str) -> bool {
        self.setup.app.manifest.subscriptions.iter().any(|subscription| subscription.event == event)
    }
}

#[derive(Debug)]
struct Open {
    name: String,
    args: Vec<Value>,
    since: Instant,
}

/// What a service says to a call.
#[derive(Debug)]
enum Reply {
    Now(Answer),
    /// The service keeps the call's number, and answers later.
    Later,
}

impl<'a> Services<'a> {
    /// The services; opens and starts nothing before it is asked for.
    pub fn new(setup: Setup<'a>) -> Self {
        let store = Store::new(setup.storage.clone(), setup.fresh);
        let shared = Shared {
            setup,
            started: Instant::now(),
            event: String::new(),
            payload: String::new(),
            store,
            findings: Findings::default(),
            notices: Vec::new(),
        };
        Self { shared, db: Db::new(), requests: Requests::new(), schedules: Schedules, open: HashMap::new() }
    }

    /// The run begins: what earlier ones have kept goes, where that was asked for.
    ///
    /// # Errors
    /// As [`Services::call`].
    pub fn start(&mut self) -> Result<(), Fault> {
        self.shared.store.refresh()
    }

    /// Puts records into `$db`, as if the app had stored them.
    ///
    /// # Errors
    /// As [`Services::call`].
    pub fn keep(&mut self, records: Vec<Record>) -> Result<(), Fault> {
        let secrets = self.shared.setup.secrets;
        let concealed: Vec<Record> = records.into_iter().map(|record| db::concealed_record(secrets, record)).collect();
        self.shared.store.run(|connection| concealed.iter().try_for_each(|record| records::write(connection, record)))
    }

    /// What `$db` holds now.
    ///
    /// # Errors
    /// As [`Services::call`].
    pub fn records(&mut self) -> Result<Vec<Record>, Fault> {
        let (now, secrets) = (self.shared.now(), self.shared.setup.secrets);
        let all = self.shared.store.run(|connection| records::all(connection))?;
        let held = all.into_iter().filter(|record| !record.is_expired(now));
        Ok(held.map(|record| db::revealed_record(secrets, record)).collect())
    }

    /// What the app has scheduled, by the time at which it fires next.
    ///
    /// # Errors
    /// As [`Services::call`].
    pub fn schedules(&mut self) -> Result<Vec<Schedule>, Fault> {
        schedule::all(&mut self.shared.store, self.shared.setup.secrets)
    }

    /// The schedule that is the first to fire until `time`: the run's clock stands at its time then, and it counts as
    /// fired. `None` where nothing is due by then.
    ///
    /// # Errors
    /// As [`Services::call`].
    pub fn fire_due(&mut self, time: Timestamp) -> Result<Option<Schedule>, Fault> {
        let Some(due) = self.schedules()?.into_iter().next().filter(|schedule| schedule.next <= time) else {
            return Ok(None);
        };
        self.wait_until(due.next);
        schedule::fires(&mut self.shared.store, self.shared.setup.secrets, due.name(), due.next)?;
        Ok(Some(due))
    }

    /// The time, as the app sees it.
    pub fn now(&self) -> Timestamp {
        self.shared.now()
    }

    /// Moves the run's clock on to `time`; one that is past by then leaves it as it is.
    pub fn wait_until(&mut self, time: Timestamp) {
        if time > self.shared.now() {
            self.shared.setup.now = time;
            self.shared.started = Instant::now();
        }
    }

    /// The requests that the app has asked for since the last time.
    pub fn take_requests(&mut self) -> Vec<MadeRequest> {
        self.requests.take_made()
    }

    /// How far the run's clock is ahead of this machine's, in milliseconds; 0 for a run that has no clock of its own, and
    /// so is behind by no more than it took to get here.
    pub fn clock_shift_ms(&self) -> i64 {
        const NEGLIGIBLE_MS: i64 = 2_000;
        let shift = self.shared.now().as_millisecond() - Timestamp::now().as_millisecond();
        if shift.abs() < NEGLIGIBLE_MS { 0 } else { shift }
    }

    /// A delivery of `event` begins, with that payload in JSON: calls of the last one get no answer any more.
    pub fn begin(&mut self, event: &str, payload: &str) {
        event.clone_into(&mut self.shared.event);
        payload.clone_into(&mut self.shared.payload);
        self.open.clear();
        self.requests.abandon();
    }

    /// Answers a call, or begins to: `None` where [`Services::answers`] will have the answer.
    ///
    /// # Errors
    /// [`Fault`] where this machine is in the way.
    pub fn call(&mut self, number: u64, name: String, args: Vec<Value>) -> Result<Option<Answered>, Fault> {
        let since = Instant::now();
        let shared = &mut self.shared;
        let reply = match name.split_once('.') {
            Some(("$db", method)) => Reply::Now(self.db.call(shared, method, &args)?),
            Some(("$request", method)) => self.requests.call(shared, number, method, &args)?,
            Some(("$schedule", method)) => Reply::Now(self.schedules.call(shared, method, &args)?),
            // Its methods are documented, and what they answer is not.
            Some(("$job", method)) => Reply::Now(Err(refusal(501, &format!("simctl does not simulate $job.{method}")))),
            None if name == "generateTargetUrl" => Reply::Now(target_url::generate(shared, &args)),
            // The prelude ends the event by itself where that is what it means.
            None if name == "renderData" => {
                render::check(shared, &args);
                Reply::Now(Ok(Value::Null))
            }
            _ => Reply::Now(Err(refusal(501, &format!("simctl does not simulate `{name}`")))),
        };
        Ok(match reply {
            Reply::Now(answer) => Some(Answered { number, name, args, answer, took: since.elapsed() }),
            Reply::Later => {
                self.open.insert(number, Open { name, args, since });
                None
            }
        })
    }

    /// The calls that have been answered since the last time.
    ///
    /// # Errors
    /// As [`Services::call`].
    pub fn answers(&mut self) -> Result<Vec<Answered>, Fault> {
        if self.open.is_empty() {
            return Ok(Vec::new());
        }
        let done = self.requests.answers(&mut self.shared)?;
        let answered = done.into_iter().filter_map(|(number, answer)| {
            let Open { name, args, since } = self.open.remove(&number)?;
            Some(Answered { number, name, args, answer, took: since.elapsed() })
        });
        Ok(answered.collect())
    }

    /// When to ask for [`Services::answers`] even if nothing wakes the caller before.
    pub fn due(&self) -> Option<Instant> {
        self.requests.due()
    }

    /// Readable when there may be [`Services::answers`].
    pub fn wake(&self) -> Option<BorrowedFd<'_>> {
        self.requests.wake()
    }

    /// What the user should know and is no fault, since the last time: one line each.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.shared.notices)
    }

    /// What was noticed since the last time.
    pub fn take_findings(&mut self) -> Findings {
        std::mem::take(&mut self.shared.findings)
    }
}

/// What the platform rejects a call with.
fn refusal(status: u16, message: &str) -> Value {
    serde_json::json!({ "status": status, "message": message })
}
