//! One handler: mostly a process that runs an app's JavaScript, one event after the other, held to its limits; else an
//! [`External`] one, which is an endpoint or a program.
//!
//! A [`Handler`] is started, given deliveries, and stopped. The process is simctl itself as host of QuickJS
//! ([`embedded`]) or the developer's Node.js; both speak the protocol of `docs/handler-protocol.md`. What the app asks for
//! (its files, later the platform) is answered by the [`Host`] of a delivery: this room reads no file of the app's. It
//! prints nothing and never waits without a limit.

mod channel;
mod child;
pub mod embedded;
mod exchange;
mod exec;
mod external;
mod guardian;
mod hint;
mod http;
mod interrupt;
mod memory;
mod node;
mod output;
mod overheard;
mod strays;
mod wire;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Delivered, Delivery, Level, Runtime, Stream};

use self::child::{Child, Program, Stdin};
pub use self::embedded::Twin;
pub use self::exec::{Command, CommandError};
pub use self::external::{External, Heard, Message};
pub use self::guardian::{GUARDIAN_ARGUMENT, guardian_main, want_guardian};
pub use self::http::{CloudEvents, Endpoint, EndpointError, Post, shown_header, shown_url};
pub use self::interrupt::Interrupt;
pub use self::memory::own_resident_bytes;
pub use self::node::find as find_node;
#[doc(hidden)]
pub use self::overheard::{Overheard, overhear};
pub use self::strays::VARIABLE as HANDLER_VARIABLE;
use self::wire::ToHost;

/// The first argument with which simctl is started as host of the embedded engine.
pub const HOST_ARGUMENT: &str = "__simctl-host";

/// The script that makes a realm, the same for every runtime.
const PRELUDE: &str = include_str!("prelude.js");

/// What the prelude asks for where something is to be described.
const DESCRIBER: &str = include_str!("describe.js");

/// A file of the app's that is not on disk as far as the handler process is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its name relative to the app's root, such as `server/server.js`: what stack traces show.
    pub name: String,
    /// Its text.
    pub source: String,
    /// The text with counters in it, to be run in place of it.
    pub counting: Option<Counting>,
}

/// A file's text with counters in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counting {
    /// The text, in which `counter` is free.
    pub text: String,
    /// The name of the array of counters.
    pub counter: String,
    /// How many there are.
    pub count: usize,
    /// What was put into lines, so that the columns of stacks can be told as they were: line, original column and length
    /// for each place, in the engine's units.
    pub columns: Vec<u32>,
}

/// Answers what an app requires.
pub trait Modules {
    /// What `require(specifier)` in the file `from` (a [`Module::name`]) means.
    fn require(&mut self, from: &str, specifier: &str) -> Required;
}

/// What a `require` led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Required {
    /// A file of the app.
    Module {
        /// Its name relative to the app's root. The same file must always have the same name: modules are kept by it.
        name: String,
        /// Its text.
        source: String,
        /// The text with counters in it, to be run in place of it.
        counting: Option<Counting>,
    },
    /// An npm package or a module of Node's own, which only Node.js can load.
    Package {
        /// What to ask Node.js for.
        specifier: String,
        /// Whether Node.js brings it along.
        is_nodes_own: bool,
    },
    /// Nothing that the app may have.
    Refused {
        /// The message of the error that `require` throws.
        message: String,
    },
}

/// Hears and answers what happens during one delivery.
pub trait Host: Modules {
    /// The app logged a line.
    fn log(&mut self, level: Level, text: String);
    /// The process wrote past the console; in whole lines where it can be had, bytes that are not UTF-8 replaced.
    fn output(&mut self, stream: Stream, text: String);
    /// Something about this delivery that the user should know: one line, lower case.
    fn notice(&mut self, message: String);
    /// How often the delivery has reached each counter of a file that has [`Counting`]; false where that cannot be.
    fn counted(&mut self, file: &str, counts: &[u64]) -> bool {
        let _ = (file, counts);
        true
    }
    /// The app called the platform. `None` where the answer comes later, by [`Host::answers`].
    ///
    /// # Errors
    /// [`HandlerError::Platform`] where the platform cannot be simulated on this machine; ends the delivery.
    fn call(&mut self, call: HostCall) -> Result<Option<Answer>, HandlerError>;
    /// Answers that have come since the last time, each with its [`HostCall::number`].
    ///
    /// # Errors
    /// As [`Host::call`].
    fn answers(&mut self) -> Result<Vec<(u64, Answer)>, HandlerError> {
        Ok(Vec::new())
    }
    /// When to ask for [`Host::answers`] even if nothing wakes us before.
    fn due(&self) -> Option<Instant> {
        None
    }
    /// Readable when there may be [`Host::answers`].
    fn wake(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// One call of the app to the platform.
#[derive(Debug, Clone, PartialEq)]
pub struct HostCall {
    /// Tells it from every other call of the same handler process.
    pub number: u64,
    /// `object.method`, or the name of a [`HostGlobal`] that is a function.
    pub name: String,
    /// What it was called with, as JSON; `undefined` is null.
    pub args: Vec<Value>,
}

/// What a host call's promise is fulfilled with, or rejected.
pub type Answer = Result<Value, Value>;

/// A global that stands for the platform: an object whose methods are calls to the [`Host`], each returning a promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostGlobal {
    /// The global's name, such as `$db`.
    pub name: String,
    /// Its methods' names; where there is none, the global itself is the function.
    pub methods: Vec<String>,
}

/// What to start, and within which limits.
#[derive(Debug, Clone)]
pub struct Launch {
    /// What runs the JavaScript.
    pub runtime: Runtime,
    /// The app's folder, absolute.
    pub root: PathBuf,
    /// The file that defines the callbacks.
    pub entry: Module,
    /// What one delivery may take, wall clock, loading the file included and starting the process not.
    pub timeout: Duration,
    /// What the app may allocate.
    pub memory_bytes: u64,
    /// The program for [`Runtime::Node`]: a path, or a name to be looked up in `PATH`.
    pub node: PathBuf,
    /// The program for [`Runtime::Embedded`]: simctl itself where none is given. For tests, whose own program is another.
    pub host_program: Option<PathBuf>,
    /// How Node.js is run.
    pub node_options: NodeOptions,
    /// The platform's objects and functions; `renderData` is always there.
    pub globals: Vec<HostGlobal>,
    /// Whether one realm serves all events of a process, in which the app is loaded once. Production has one for each.
    pub shares_realm: bool,
    /// Whether console lines are told. Where nobody hears them, they are neither formatted nor sent.
    pub hears_logs: bool,
}

/// How far the app reaches in [`Runtime::Node`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeOptions {
    /// Whether the app finds Node's own globals (`setTimeout`, `Buffer`, `fetch`, …), which production does not have.
    pub lends_globals: bool,
    /// Whether the process may read the app's folder only, and start nothing, where this Node.js can be held to that.
    pub is_restricted: bool,
}

/// Why a delivery could not be made. What a handler does wrong is an [`crate::model::Outcome`] instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandlerError {
    /// There is no Node.js.
    #[error("`{}` was not found: this app runs on Node.js", program.display())]
    NodeMissing {
        /// The program that was looked for.
        program: PathBuf,
    },
    /// Node.js is older than simctl supports.
    #[error("`{}` is Node.js {version}, and simctl needs {} or newer", program.display(), node::OLDEST)]
    NodeTooOld {
        /// The program.
        program: PathBuf,
        /// Its version.
        version: String,
    },
    /// Node.js is older than one that can be restricted.
    #[error("`{}` is Node.js {version}, which cannot be restricted: that needs {} or newer", program.display(), node::OLDEST_RESTRICTED)]
    NodeUnrestricted {
        /// The program.
        program: PathBuf,
        /// Its version.
        version: String,
    },
    /// The process could not be started.
    #[error("`{}` could not be started", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The process started but never said that it is ready.
    #[error("`{}` did not become a handler: {reason}", program.display())]
    NotReady {
        /// The program.
        program: PathBuf,
        /// What it did instead.
        reason: String,
    },
    /// The process could not be watched any more.
    #[error("the handler process could not be watched")]
    Watch {
        /// What the system said.
        source: io::Error,
    },
    /// The platform cannot be simulated on this machine.
    #[error("{what}")]
    Platform {
        /// What went wrong.
        what: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The handler has ended, with an earlier delivery or by [`Handler::stop`]; start another.
    #[error("the handler has ended")]
    Ended,
    /// Nobody knows the host of an endpoint.
    #[error("the host `{host}` was not found")]
    UnknownHost {
        /// The host.
        host: String,
    },
    /// The payload cannot be put into a request.
    #[error("no request to `{url}` can be made of this payload")]
    Unsendable {
        /// The endpoint, secrets masked.
        url: String,
    },
    /// The user pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl HandlerError {
    /// What to do about it, where simctl knows.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::NodeMissing { .. } => Some(
                "install Node.js 18 or newer (https://nodejs.org), or run the app with `--runtime embedded` if it needs no npm package",
            ),
            Self::NodeUnrestricted { .. } => Some("install a newer Node.js, or leave out `--node-permissions`"),
            Self::NodeTooOld { .. } => Some("install a newer Node.js, or run the app with `--runtime embedded`"),
            Self::Platform { hint, .. } => hint.as_deref(),
            _ => None,
        }
    }
}

/// A handler process. Dropping it ends the process and whatever that started.
pub struct Handler {
    launch: Launch,
    interrupt: Interrupt,
    program: PathBuf,
    token: String,
    started: Instant,
    /// Absent once it has ended.
    child: Option<Child>,
    /// The runtime's version; empty until it is ready.
    version: String,
    /// How many deliveries have had their turn.
    deliveries: u64,
    /// What a delivery takes, by the last ones.
    pace: Option<Duration>,
    /// Those that the process was sent and that have not had their turn, by [`Delivery::index`].
    ahead: VecDeque<u64>,
    /// The memory that Node.js had before the app was loaded, in bytes, where it can be told.
    first_memory: Option<u64>,
}

impl fmt::Debug for Handler {
    // Without the token: a debug print must not give it away.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler")
            .field("program", &self.program)
            .field("alive", &self.is_alive())
            .finish_non_exhaustive()
    }
}

impl Handler {
    /// Starts the process and returns at once; [`Handler::deliver`] waits for it to be ready, so that the payload can be
    /// made meanwhile.
    ///
    /// # Errors
    /// [`HandlerError::NodeMissing`] or [`HandlerError::Spawn`] where it cannot be started.
    pub fn start(launch: &Launch, interrupt: &Interrupt) -> Result<Self, HandlerError> {
        let program = match launch.runtime {
            Runtime::Embedded => embedded_program(launch)?,
            Runtime::Node => node::program(launch)?,
        };
        let started = Instant::now();
        let child = Child::spawn(&program).map_err(|source| spawn_error(launch, &program, source))?;
        Ok(Self::with(child, program.path, started, launch, interrupt))
    }

    /// As [`Handler::start`], in a host of the embedded runtime that is there already.
    pub fn start_in(twin: Twin, launch: &Launch, interrupt: &Interrupt) -> Self {
        Self::with(twin.into_child(), "simctl".into(), Instant::now(), launch, interrupt)
    }

    fn with(mut child: Child, program: PathBuf, started: Instant, launch: &Launch, interrupt: &Interrupt) -> Self {
        let token = fresh_token();
        let mut first = wire::line(&ToHost::Hello { token: token.clone() });
        if launch.runtime == Runtime::Embedded {
            // The host is this very program: nothing that it could answer would change what it is told to run.
            first.append(&mut wire::load(launch));
        }
        child.send(&first);
        Self {
            launch: launch.clone(),
            interrupt: interrupt.clone(),
            program,
            token,
            started,
            child: Some(child),
            version: String::new(),
            deliveries: 0,
            pace: None,
            ahead: VecDeque::new(),
            first_memory: None,
        }
    }

    /// Hands one payload over and waits for what becomes of it, at most for the time limit.
    ///
    /// Whether the process is still there afterwards tells [`Handler::is_alive`]: after a time-out, an exit or a lack of
    /// memory it is not.
    ///
    /// # Errors
    /// Where the delivery could not be made at all: see [`HandlerError`]. The handler has then ended.
    pub fn deliver(&mut self, delivery: &Delivery, host: &mut dyn Host) -> Result<Delivered, HandlerError> {
        exchange::deliver(self, delivery, host)
    }

    /// Sends deliveries whose turn comes after those that the process has: it begins each as soon as the one before is over,
    /// and need not wait for simctl to hear of that. They are to be made by [`Handler::deliver`] in the same order. One
    /// that is not, as the process has ended by then, was not begun. Before the first delivery nothing is sent ahead.
    pub fn send_ahead<'a>(&mut self, deliveries: impl IntoIterator<Item = &'a Delivery>) {
        exchange::send_ahead(self, deliveries.into_iter());
    }

    /// Waits until the process is ready, so that its first delivery need not: what several processes are started together
    /// for.
    ///
    /// # Errors
    /// As [`Handler::deliver`].
    pub fn make_ready(&mut self) -> Result<(), HandlerError> {
        exchange::ready(self)
    }

    /// Whether the process has ended by itself since its last delivery, as one does that something else has killed.
    pub fn has_gone(&self) -> bool {
        self.child.as_ref().is_none_or(Child::has_ended)
    }

    /// The memory of the machine that the process takes, in bytes, where the system tells.
    pub fn resident_bytes(&self) -> Option<u64> {
        self.child.as_ref().and_then(|child| memory::resident_bytes(Some(child)))
    }

    /// What a delivery takes this process, by the last ones; nothing before the first.
    pub const fn pace(&self) -> Option<Duration> {
        self.pace
    }

    /// Whether it can take another delivery.
    pub const fn is_alive(&self) -> bool {
        self.child.is_some()
    }

    /// The runtime's version; empty until the first delivery.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What runs the app's code, and its version.
    fn engine(&self) -> String {
        match self.launch.runtime {
            // It names itself.
            Runtime::Embedded => self.version.clone(),
            Runtime::Node => format!("Node.js {}", self.version),
        }
    }

    /// Nothing more is asked of the process: it begins to end while other things are done.
    pub fn dismiss(&self) {
        if let Some(child) = &self.child {
            child.dismiss();
        }
    }

    /// Ends the process, and whatever it started.
    pub fn stop(mut self) {
        self.child = None;
    }
}

fn embedded_program(launch: &Launch) -> Result<Program, HandlerError> {
    let own = if cfg!(target_os = "linux") {
        // Stays the program that runs now, even if the file is replaced meanwhile.
        Ok(PathBuf::from("/proc/self/exe"))
    } else {
        std::env::current_exe()
    };
    let path = match &launch.host_program {
        Some(path) => path.clone(),
        None => own.map_err(|source| HandlerError::Spawn { program: "simctl".into(), source })?,
    };
    Ok(Program {
        path,
        args: vec![OsString::from(HOST_ARGUMENT)],
        env: Vec::new(),
        directory: None,
        stdin: Stdin::Socket,
        with_stdout: false,
        starts_others: false,
    })
}

fn spawn_error(launch: &Launch, program: &Program, source: io::Error) -> HandlerError {
    let is_missing = source.kind() == io::ErrorKind::NotFound && launch.root.is_dir();
    match launch.runtime {
        Runtime::Node if is_missing => HandlerError::NodeMissing { program: program.path.clone() },
        Runtime::Node | Runtime::Embedded => HandlerError::Spawn { program: program.path.clone(), source },
    }
}

/// What nobody but the process that it is sent to can know: drawn from the 128 bits with which the system seeds hashers.
fn fresh_token() -> String {
    let states = [RandomState::new(), RandomState::new()];
    let words = states.iter().flat_map(|state| (0_u8..2).map(|n| state.hash_one(n)));
    words.map(|word| format!("{word:016x}")).collect()
}
