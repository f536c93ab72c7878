//! Many events at once: a plan of deliveries, lanes that make them side by side, and a record of how it went.
//!
//! Each lane is a thread with one handler process, or with one request or program at a time. Payloads are made ahead by
//! other threads and wait in a bounded queue, so that no delivery waits for one. Where a rate is asked for, a delivery's
//! time does not depend on those before it, and what it waits counts as latency: a handler that stalls cannot hide.

mod app_lane;
mod control;
mod external_lane;
mod lives;
mod plan;
mod queue;
mod record;

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::handler::{HandlerError, Interrupt, own_resident_bytes};
use crate::model::{Digest, Findings, Taken};

pub use self::app_lane::AppTarget;
use self::control::{Control, Ending, Told};
pub use self::external_lane::ExternalTarget;
pub use self::lives::{EVENTS as USER_EVENTS, Lives, Mix};
use self::plan::Numbers;
pub use self::plan::{Crowd, Extent, Pace, Shard};
use self::queue::Queue;
pub use self::record::{Failure, LATE_AFTER, Record};

/// How often to say how it goes, and to look whether the user wants it to end.
const TICK: Duration = Duration::from_millis(100);

/// How long deliveries that are under way may go on after Ctrl-C.
const GRACE: Duration = Duration::from_secs(1);

/// How long a run that lasts a given time goes on with deliveries that were due in it, when that is over.
pub const OVERTIME: Duration = Duration::from_secs(5);

/// How many payloads are made ahead for each lane.
const AHEAD: usize = 256;

/// What is to be fired, at what, and how fast.
pub struct LoadPlan<'a> {
    /// When.
    pub pace: Pace,
    /// How many, or for how long.
    pub extent: Extent,
    /// Which part of it is fired here.
    pub shard: Shard,
    /// Whose deliveries they are, where they are users'.
    pub crowd: Option<Crowd>,
    /// How many are under way at a time.
    pub lanes: usize,
    /// Makes the payloads.
    pub source: &'a dyn Source,
    /// The events that the source makes payloads of.
    pub events: Vec<LoadEvent>,
    /// What gets them.
    pub target: LoadTarget<'a>,
}

/// An event, and who is called with it.
#[derive(Debug, Clone)]
pub struct LoadEvent {
    /// Its name.
    pub event: String,
    /// The callback; empty where the handler is no app's.
    pub callback: String,
    /// Whether it is over when the app calls `renderData`.
    pub ends_by_render: bool,
}

/// What gets the payloads.
pub enum LoadTarget<'a> {
    /// An app's callbacks, each lane in a process of its own.
    App(AppTarget<'a>),
    /// An endpoint or a program.
    External(ExternalTarget),
}

/// Makes payloads.
pub trait Source: Sync {
    /// What makes those of one lane, in the order of their numbers.
    fn maker(&self) -> Maker<'_>;
}

/// Makes the payload of a delivery by its number.
pub type Maker<'a> = Box<dyn FnMut(u64) -> Result<Made, Findings> + 'a>;

/// What is fired.
#[derive(Debug)]
pub struct Made {
    /// Which of the plan's events.
    pub event: usize,
    /// JSON text.
    pub payload: String,
}

impl<F: Fn(u64) -> Result<String, Findings> + Sync> Source for F {
    fn maker(&self) -> Maker<'_> {
        Box::new(|index| self(index).map(|payload| Made { event: 0, payload }))
    }
}

/// A delivery that is ready to be made.
#[derive(Debug)]
struct Shot {
    index: u64,
    event: usize,
    payload: String,
    digest: Digest,
}

/// How a load goes, so far.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Since the beginning.
    pub elapsed: Duration,
    /// Deliveries that are over.
    pub deliveries: u64,
    /// Those that did not hold.
    pub errors: u64,
    /// Those that began late.
    pub late: u64,
    /// Half of the deliveries of the last seconds took no longer.
    pub p50: Option<Duration>,
    /// 99 of 100 of them took no longer.
    pub p99: Option<Duration>,
}

/// How a load went.
#[derive(Debug)]
pub struct Load {
    /// What happened.
    pub record: Record,
    /// The memory that simctl itself took.
    pub memory: Taken,
    /// Whether the user ended it.
    pub interrupted: bool,
    /// Why it could not go on, where it could not.
    pub error: Option<LoadError>,
}

/// Why a load could not go on.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No handler could be had.
    #[error(transparent)]
    Handler(#[from] HandlerError),
    /// A payload could not be made, or does not fit its schema.
    #[error("the payload cannot be fired")]
    Payload(Findings),
    /// The system refuses a thread.
    #[error("a thread could not be started: {0}")]
    Thread(#[source] std::io::Error),
}

/// Fires all of a plan that is this shard's. `watch` is told now and then how it goes.
pub fn load(plan: &LoadPlan<'_>, interrupt: &Interrupt, watch: &mut dyn FnMut(&Progress)) -> Load {
    let control = match Control::new(plan) {
        Ok(control) => Arc::new(control),
        Err(source) => return Load::failed(LoadError::Handler(HandlerError::Watch { source })),
    };
    // Users' deliveries stay in order, so each lane has a queue of its own; all others are for whoever is free.
    let queues: Vec<Arc<Queue<Shot>>> = match plan.crowd {
        Some(_) => (0..plan.lanes).map(|_| Arc::new(Queue::new(AHEAD))).collect(),
        None => vec![Arc::new(Queue::new(AHEAD * plan.lanes.min(32)))],
    };
    let mut course = Course { started: None, memory: Taken { number: 1, processes: 1, ..Taken::default() } };
    let interrupted = thread::scope(|scope| {
        for (at, queue) in queues.iter().enumerate() {
            let control = &control;
            scope.spawn(move || make_ahead(plan, at, queue, control));
        }
        let (tell, told) = mpsc::channel();
        for lane in 0..plan.lanes {
            let (queue, control, tell) = (&queues[lane % queues.len()], &control, tell.clone());
            let begun = match &plan.target {
                LoadTarget::App(target) => {
                    let events = &plan.events;
                    let run = move || app_lane::run(target, events, lane, queue, control, &tell);
                    thread::Builder::new().name(format!("lane {lane}")).spawn_scoped(scope, run).map(drop)
                }
                // Its thread may wait for an endpoint that says nothing, so nobody waits for the thread.
                LoadTarget::External(target) => {
                    let (target, events) = (target.clone(), plan.events.clone());
                    let (queue, control) = (Arc::clone(queue), Arc::clone(control));
                    let run = move || external_lane::run(&target, &events, lane, &queue, &control, &tell);
                    thread::Builder::new().name(format!("lane {lane}")).spawn(run).map(drop)
                }
            };
            if let Err(error) = begun {
                control.fail(LoadError::Thread(error));
                break;
            }
        }
        drop(tell);
        let interrupted = course.follow(plan, &control, &told, &queues, interrupt, watch);
        queues.iter().for_each(|queue| drop(queue.clear()));
        interrupted
    });
    course.memory.end_bytes = own_resident_bytes();
    Load { record: control.sum(), memory: course.memory, interrupted, error: control.take_error() }
}

/// Makes the payloads of one queue.
fn make_ahead(plan: &LoadPlan<'_>, at: usize, queue: &Queue<Shot>, control: &Control) {
    let lane = Shard { part: at as u64, of: plan.lanes as u64 };
    let numbers = Numbers::new(plan.pace, plan.extent, plan.shard, plan.crowd.map(|crowd| (crowd, lane)));
    let mut maker = plan.source.maker();
    for index in numbers {
        match maker(index) {
            Ok(Made { event, payload }) => {
                let name = plan.events.get(event).map_or("", |event| &event.event);
                let digest = Digest::of(index, name, &payload);
                if queue.put(Shot { index, event, payload, digest }).is_err() {
                    return;
                }
            }
            Err(findings) => {
                control.fail(LoadError::Payload(findings));
                break;
            }
        }
    }
    queue.close();
}

/// What the thread that began the load keeps of it.
struct Course {
    started: Option<Instant>,
    memory: Taken,
}

impl Course {
    /// Waits until all lanes have ended, and says how it goes meanwhile; whether the user ended it.
    fn follow(
        &mut self,
        plan: &LoadPlan<'_>,
        control: &Control,
        told: &mpsc::Receiver<Told>,
        queues: &[Arc<Queue<Shot>>],
        interrupt: &Interrupt,
        watch: &mut dyn FnMut(&Progress),
    ) -> bool {
        let mut ready = 0;
        let mut stopping: Option<Instant> = None;
        loop {
            match told.recv_timeout(TICK) {
                Ok(Told::Ready) => {
                    ready += 1;
                    if ready == plan.lanes {
                        self.memory.start_bytes = own_resident_bytes();
                        self.started = Some(control.start());
                    }
                    continue;
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return interrupt.is_set() && control.was_stopped(),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            let now = Instant::now();
            if stopping.is_none() && (interrupt.is_set() || control.has_failed()) {
                control.stop(Ending::Gently);
                queues.iter().for_each(|queue| drop(queue.clear()));
                stopping = Some(now);
            }
            if stopping.is_some_and(|since| now >= since + GRACE) {
                control.stop(Ending::AtOnce);
            }
            // What an endpoint keeps waiting is left behind.
            let is_external = matches!(plan.target, LoadTarget::External(_));
            if is_external && stopping.is_some_and(|since| now >= since + GRACE * 2) {
                return interrupt.is_set();
            }
            if let Some(started) = self.started {
                if self.memory.minute_bytes.is_none() && now >= started + Duration::from_secs(60) {
                    self.memory.minute_bytes = own_resident_bytes();
                }
                watch(&control.progress(now - started));
            }
        }
    }
}

impl Load {
    fn failed(error: LoadError) -> Self {
        Self { record: Record::default(), memory: Taken::default(), interrupted: false, error: Some(error) }
    }
}
