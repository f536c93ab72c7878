//! One event in QuickJS: a fresh engine, the prelude in it, the app's file, the callback, and whatever it left to do.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rquickjs::context::EvalOptions;
use rquickjs::function::{Func, MutFn, This};
use rquickjs::{CatchResultExt as _, Context, Ctx, Exception, Function, Object, Persistent, Runtime, Value};

use super::super::HostGlobal;
use super::super::wire::Entry;
use super::byte_code;
use super::memory::Memory;
use super::{STACK_FOR_APP, Wire};

/// The engine's version, as far as it can be told.
pub(super) const VERSION: &str = "0.16 (rquickjs 0.14)";

/// What stands before a file's own text. One line, so that the file's line numbers stay true.
const PREFIX: &str = "(function (exports, require, module) { arguments[3](() => exports); var $; ";

/// What the host may use beyond the app's limit to say what happened.
const RESERVE: u64 = 16 * 1024 * 1024;

/// What the engine says where it has no memory.
const OUT_OF_MEMORY: &str = "out of memory";

/// What it says of what `String.prototype.normalize` throws then: no value at all, which whoever looks at it fails of.
const NO_VALUE: &str = "value is not initialized";

/// What to run for every event.
pub(super) struct App {
    pub(super) entry: Entry,
    pub(super) root: String,
    pub(super) globals: Vec<HostGlobal>,
    pub(super) memory_bytes: u64,
    /// Whether one realm serves all events.
    pub(super) shares_realm: bool,
    /// Whether console lines are told.
    pub(super) hears_logs: bool,
}

/// One event.
pub(super) struct Event {
    pub(super) id: u64,
    pub(super) callback: String,
    pub(super) payload: String,
    pub(super) limit_ms: u64,
    pub(super) ends_by_render: bool,
    pub(super) clock_shift_ms: i64,
}

/// What the prelude answered with.
type Controller = Persistent<Object<'static>>;

/// Why an event's code did not come to an end by itself.
pub(super) enum Stopped {
    /// The time limit came; the stack as the engine wrote it.
    Interrupted(String),
    /// Something broke that the prelude should have caught: memory ran out within the prelude itself.
    Broken(String),
}

/// Runs one event, in `realm` where one was made beforehand, and sends its report. Answers with the realm where that is to
/// serve the next event, too.
pub(super) fn run(app: &App, realm: Option<Realm>, event: &Event, wire: &Wire) -> Option<Realm> {
    let before = Memory::now();
    let done = try_run(app, realm, event, wire, before);
    if let Err(stopped) = done {
        let report = match stopped {
            Stopped::Interrupted(stack) => format!("{{\"outcome\":\"timed-out\",\"stack\":{stack}}}"),
            Stopped::Broken(what)
                if what.starts_with(OUT_OF_MEMORY)
                    || what.starts_with(NO_VALUE)
                    || before.ran_out(app.memory_bytes) =>
            {
                "{\"outcome\":\"out-of-memory\"}".to_owned()
            }
            Stopped::Broken(what) => {
                let error = serde_json::json!({ "name": "InternalError", "message": what });
                format!("{{\"outcome\":\"threw\",\"error\":{error}}}")
            }
        };
        wire.send(&format!("\"type\":\"done\",\"id\":{},\"report\":{report}}}", event.id));
        return None;
    }
    done.ok().filter(|_| app.shares_realm)
}

fn try_run(app: &App, realm: Option<Realm>, event: &Event, wire: &Wire, before: Memory) -> Result<Realm, Stopped> {
    let mut realm = match realm {
        Some(realm) => realm,
        None => Realm::new(app, wire)?,
    };
    realm.begin(app, event, before);
    if realm.has_served {
        realm.call(|controller| controller.get::<_, Function>("renew")?.call::<_, ()>(()))?;
    }
    realm.has_served = true;
    let failed = realm.call(|controller| {
        let start: Function = controller.get("start")?;
        let (name, source) = (&*app.entry.name, &*app.entry.source);
        let how = (event.ends_by_render, event.clock_shift_ms);
        start
            .call((This(controller), name, source, &*event.callback, &*event.payload, how.0, how.1))
            .map(|outcome: String| outcome == "failed")
    })?;
    realm.run_jobs()?;
    if !failed {
        realm.hear_answers(event, wire)?;
    }
    // The app is done: what describes its end may use more memory than it.
    realm.runtime.set_memory_limit(to_usize(app.memory_bytes.saturating_add(RESERVE)));
    // Where there is no memory for a promise's next job, the engine drops it, and nobody hears of the promise again.
    if (realm.lost.get() || !realm.is_settled()?) && before.ran_out(app.memory_bytes) {
        return Err(Stopped::Broken(OUT_OF_MEMORY.to_owned()));
    }
    realm.report(event, true)?;
    Ok(realm)
}

/// One engine with the prelude in it.
pub(super) struct Realm {
    // Fields are dropped in this order, and the engine must go last.
    controller: Controller,
    /// What hears of rejected promises. The engine holds the other end, so `drop` empties it.
    rejection: Rc<RefCell<Option<Persistent<Function<'static>>>>>,
    context: Context,
    runtime: Runtime,
    interrupted: Rc<Cell<bool>>,
    /// A rejected promise could not be noted, or a job not be done: there was no memory for it.
    lost: Rc<Cell<bool>>,
    /// The process's memory when the event began, and the app's limit.
    memory: Rc<Cell<(Memory, u64)>>,
    /// Whether it is not the first event that it runs.
    has_served: bool,
    /// The event at hand.
    event: Cell<u64>,
}

impl Realm {
    /// Makes one that has no limits yet.
    pub(super) fn new(app: &App, wire: &Wire) -> Result<Self, Stopped> {
        let broken = |error: rquickjs::Error| Stopped::Broken(error.to_string());
        let runtime = Runtime::new().map_err(broken)?;
        runtime.set_max_stack_size(STACK_FOR_APP);
        let context = Context::full(&runtime).map_err(broken)?;
        let rejection: Rc<RefCell<Option<Persistent<Function<'static>>>>> = Rc::default();
        let memory: Rc<Cell<(Memory, u64)>> = Rc::default();
        let controller = context
            .with(|ctx| {
                let host = host_object(&ctx, app, wire, &memory)?;
                let controller: Object = byte_code::PRELUDE.load(&ctx)?.call((host,))?;
                let tell: Function = controller.get("rejection")?;
                *rejection.borrow_mut() = Some(Persistent::save(&ctx, tell));
                Ok(Persistent::save(&ctx, controller))
            })
            .map_err(broken)?;
        let lost = Rc::new(Cell::new(false));
        runtime.set_host_promise_rejection_tracker(Some(Box::new({
            let (rejection, lost) = (Rc::clone(&rejection), Rc::clone(&lost));
            move |ctx: Ctx<'_>, promise: Value<'_>, reason: Value<'_>, handled: bool| {
                let tell = rejection.borrow().clone();
                let Some(tell) = tell.and_then(|tell| tell.restore(&ctx).ok()) else { return };
                if tell.call::<_, ()>((promise, reason, handled)).is_err() {
                    lost.set(true);
                    ctx.catch();
                }
            }
        })));
        Ok(Self {
            controller,
            rejection,
            context,
            runtime,
            interrupted: Rc::default(),
            lost,
            memory,
            has_served: false,
            event: Cell::default(),
        })
    }

    /// Starts the event's clock and sets its limits.
    fn begin(&self, app: &App, event: &Event, before: Memory) {
        self.memory.set((before, app.memory_bytes));
        self.event.set(event.id);
        self.runtime.set_interrupt_handler(Some(Box::new({
            let interrupted = Rc::clone(&self.interrupted);
            let deadline = Instant::now() + Duration::from_millis(event.limit_ms);
            let parent = rustix::process::getppid();
            move || {
                // Whoever lost simctl has nobody to report to.
                let stop = Instant::now() >= deadline || rustix::process::getppid() != parent;
                interrupted.set(interrupted.get() || stop);
                stop
            }
        })));
        self.runtime.set_memory_limit(to_usize(app.memory_bytes));
    }

    /// Waits for the answers to host calls, and runs what waited for them.
    fn hear_answers(&self, event: &Event, wire: &Wire) -> Result<(), Stopped> {
        let mut has_told = false;
        loop {
            let waiting: u32 = self.call(|controller| controller.get::<_, Function>("waiting")?.call(()))?;
            if waiting == 0 {
                return Ok(());
            }
            if !has_told && self.is_settled()? {
                has_told = true;
                self.report(event, false)?;
            }
            // Where simctl is gone there is nobody to answer to either.
            let Some(line) = wire.answer() else { return Ok(()) };
            self.call(|controller| controller.get::<_, Function>("hear")?.call::<_, ()>((line,)))?;
            self.run_jobs()?;
        }
    }

    /// Whether the callback has returned, thrown or rendered, or its promise is settled.
    fn is_settled(&self) -> Result<bool, Stopped> {
        self.call(|controller| controller.get::<_, Function>("isSettled")?.call(()))
    }

    /// Says how the event stands, and with `last`, how it ended.
    fn report(&self, event: &Event, last: bool) -> Result<(), Stopped> {
        self.call(|controller| {
            let report: Function = controller.get("report")?;
            report.call((This(controller), event.id, last))
        })
    }

    /// Calls into the prelude.
    fn call<T>(&self, action: impl for<'js> FnOnce(Object<'js>) -> rquickjs::Result<T>) -> Result<T, Stopped> {
        let result = self.context.with(|ctx| {
            let controller = self.controller.clone().restore(&ctx).map_err(|error| error.to_string())?;
            action(controller).catch(&ctx).map_err(|error| describe(&error))
        });
        match result {
            // The end of its time is no error that code can catch, but there is code of the engine's that forgets any.
            Ok(_) if self.interrupted.get() => Err(self.stopped(String::new())),
            result => result.map_err(|what| self.stopped(what)),
        }
    }

    /// Runs promise jobs until there are none.
    fn run_jobs(&self) -> Result<(), Stopped> {
        loop {
            match self.runtime.execute_pending_job() {
                // A promise that adopts another takes even the end of its time for a rejection.
                Ok(true) if self.interrupted.get() => return Err(self.stopped(String::new())),
                Ok(true) => {}
                Ok(false) => return Ok(()),
                // A job's own errors end in its promise: only what cannot be caught comes out here.
                Err(job) => {
                    let what = job.0.with(|ctx| stack_of(&ctx.catch()));
                    if self.interrupted.get() {
                        return Err(self.stopped(what));
                    }
                    self.lost.set(true);
                }
            }
        }
    }

    /// Reads what came out of code that did not end by itself; `what` is its stack or message.
    fn stopped(&self, what: String) -> Stopped {
        if !self.interrupted.get() {
            return Stopped::Broken(what);
        }
        // The clock has done its work; what follows only reads a stack.
        self.runtime.set_interrupt_handler(None);
        let frames = self.context.with(|ctx| -> rquickjs::Result<String> {
            let controller = self.controller.clone().restore(&ctx)?;
            controller.get::<_, Function>("tellCounts")?.call::<_, ()>((self.event.get(),))?;
            let frames: Function = controller.get("frames")?;
            frames.call((what,))
        });
        Stopped::Interrupted(frames.unwrap_or_else(|_| "[]".to_owned()))
    }
}

impl Drop for Realm {
    fn drop(&mut self) {
        // A value of the engine must not outlive it.
        self.rejection.borrow_mut().take();
    }
}

/// What the prelude needs of its host.
fn host_object<'js>(
    ctx: &Ctx<'js>,
    app: &App,
    wire: &Wire,
    memory: &Rc<Cell<(Memory, u64)>>,
) -> rquickjs::Result<Object<'js>> {
    let host = Object::new(ctx.clone())?;
    let sender = wire.clone();
    host.set("send", Func::from(MutFn::from(move |rest: String| sender.send(&rest))))?;
    let receiver = wire.clone();
    host.set("receive", Func::from(MutFn::from(move |ctx: Ctx<'_>| receive(&ctx, &receiver))))?;
    host.set("compile", Func::from(compile))?;
    host.set("describer", Func::from(describer))?;
    let memory = Rc::clone(memory);
    let ran_out = move || {
        let (before, limit) = memory.get();
        before.ran_out(limit)
    };
    host.set("memoryRanOut", Func::from(ran_out))?;
    host.set("isProxy", Func::from(is_proxy))?;
    host.set("settled", Func::from(|| {}))?;
    host.set("lacksLocales", true)?;
    host.set("hearsLogs", app.hears_logs)?;
    let clock = wire.clone();
    host.set("took", Func::from(move || clock.took_us()))?;
    host.set("root", &*app.root)?;
    host.set("prefix", PREFIX)?;
    host.set("shift", PREFIX.len())?;
    host.set("caretShift", 0)?;
    let globals = serde_json::to_string(&app.globals).unwrap_or_default();
    host.set("globals", ctx.json_parse(globals)?)?;
    if let Some(counting) = &app.entry.counting {
        host.set("counting", ctx.json_parse(serde_json::to_string(counting).unwrap_or_default())?)?;
    }
    let numbers = wire.clone();
    host.set("number", Func::from(move || numbers.number()))?;
    Ok(host)
}

fn receive(ctx: &Ctx<'_>, wire: &Wire) -> rquickjs::Result<String> {
    wire.answer().ok_or_else(|| Exception::throw_message(ctx, "simctl is gone"))
}

fn is_proxy(value: Value<'_>) -> bool {
    value.is_proxy()
}

fn compile<'js>(ctx: Ctx<'js>, source: String, name: String) -> rquickjs::Result<Value<'js>> {
    if source.contains('\0') {
        return Err(Exception::throw_syntax(&ctx, "the file holds a NUL byte"));
    }
    let mut options = EvalOptions::default();
    options.strict = false; // a bare `exports = …` is an error in strict mode
    options.filename = Some(name.replace('\0', ""));
    ctx.eval_with_options(source, options)
}

fn describer(ctx: Ctx<'_>) -> rquickjs::Result<Function<'_>> {
    byte_code::DESCRIBER.load(&ctx)
}

/// The stack of what was thrown, where it has one; else its text.
fn stack_of(thrown: &Value<'_>) -> String {
    let stack = thrown.as_object().and_then(|error| error.get::<_, String>("stack").ok());
    stack.or_else(|| thrown.as_string().and_then(|text| text.to_string().ok())).unwrap_or_default()
}

fn describe(error: &rquickjs::CaughtError<'_>) -> String {
    match error {
        rquickjs::CaughtError::Exception(exception) => {
            format!("{}\n{}", exception.message().unwrap_or_default(), stack_of(exception.as_value()))
        }
        rquickjs::CaughtError::Value(value) => stack_of(value),
        rquickjs::CaughtError::Error(error) => error.to_string(),
    }
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
