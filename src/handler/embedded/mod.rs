//! The other end of the wire for apps that need no Node.js: simctl, started once more, as host of QuickJS.
//!
//! It reads lines from its standard input, which is a socket, and answers on the same; it opens no file, prints nothing, and
//! ends when simctl does.

mod byte_code;
mod engine;
mod memory;
mod twin;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::process::ExitCode;
use std::rc::Rc;
use std::thread;
use std::time::Instant;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::stdio::stdin;

pub use self::twin::Twin;
use super::channel::read_more;
use super::wire::{self, Lines, ToHost};

/// Stack of the thread that runs the engine. Only what is touched takes memory.
const STACK: usize = 32 * 1024 * 1024;

/// What the engine may use of it; the rest is for its own native recursion.
const STACK_FOR_APP: usize = 8 * 1024 * 1024;

/// Runs the host until simctl is gone: what `main` does when started with [`super::HOST_ARGUMENT`].
pub fn host_main() -> ExitCode {
    if host() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether it served to the end.
fn host() -> bool {
    // The app's code recurses on the native stack, so it gets one whose size does not depend on the user's limits.
    if stack_grows() {
        return serve().is_some();
    }
    let engine = thread::Builder::new().name("engine".to_owned()).stack_size(STACK).spawn(serve);
    matches!(engine.map(thread::JoinHandle::join), Ok(Ok(Some(()))))
}

/// Whether the stack of the process itself grows to [`STACK`], which saves a thread, and the heap of its own that a C library gives one.
/// Linux goes by the limit at the moment of growth, and has room for more than that below each stack.
fn stack_grows() -> bool {
    let limit = getrlimit(Resource::Stack);
    let suffices = |bytes: Option<u64>| bytes.is_none_or(|bytes| bytes >= STACK as u64);
    cfg!(target_os = "linux")
        && suffices(limit.maximum)
        && (suffices(limit.current)
            || setrlimit(Resource::Stack, Rlimit { current: Some(STACK as u64), ..limit }).is_ok())
}

/// Serves until the end of input. `None` where what came was no protocol.
fn serve() -> Option<()> {
    let wire = Wire::default();
    let Some(ToHost::Hello { token }) = wire.message()? else { return None };
    wire.introduce(&token);
    wire.send(&format!("\"type\":\"ready\",\"version\":\"QuickJS {}\"}}", engine::VERSION));
    let mut app = None;
    let mut spare = None;
    let mut served = 0_u64;
    while let Some(message) = wire.message()? {
        match message {
            ToHost::Load { entry, root, globals, memory_bytes, shares_realm, hears_logs, .. } => {
                let loaded = engine::App { entry, root, globals, memory_bytes, shares_realm, hears_logs };
                // Made while simctl still makes the payload. Where it fails, the event tries again and tells.
                spare = engine::Realm::new(&loaded, &wire).ok();
                app = Some(loaded);
            }
            ToHost::Event { id, callback, limit_ms, ends_by_render, clock_shift_ms, .. } => {
                let payload = wire.line()?;
                wire.begin();
                let event = engine::Event { id, callback, payload, limit_ms, ends_by_render, clock_shift_ms };
                let app = app.as_ref()?;
                spare = engine::run(app, spare.take(), &event, &wire);
                served += 1;
                // Where one event has followed another there may be more: the next finds its realm made.
                if spare.is_none() && served > 1 {
                    spare = engine::Realm::new(app, &wire).ok();
                }
            }
            ToHost::Hello { .. } | ToHost::Reply { .. } => {}
        }
    }
    Some(())
}

/// This end of the wire; clones share it.
#[derive(Debug, Clone, Default)]
struct Wire {
    lines: Rc<RefCell<Lines>>,
    line_start: Rc<RefCell<String>>,
    /// Lines of events that came while an answer was waited for.
    ahead: Rc<RefCell<VecDeque<String>>>,
    /// How many host calls were numbered.
    numbered: Rc<Cell<u32>>,
    /// When the event at hand began.
    began: Rc<Cell<Option<Instant>>>,
}

impl Wire {
    fn introduce(&self, token: &str) {
        *self.line_start.borrow_mut() = wire::line_start(token);
    }

    /// A number for a host call.
    fn number(&self) -> u32 {
        self.numbered.set(self.numbered.get().wrapping_add(1));
        self.numbered.get()
    }

    /// An event begins.
    fn begin(&self) {
        self.began.set(Some(Instant::now()));
    }

    /// How long the event at hand has taken, in microseconds.
    fn took_us(&self) -> f64 {
        self.began.get().map_or(0.0, |began| began.elapsed().as_micros() as f64)
    }

    /// The next line; `None` at the end of input.
    fn line(&self) -> Option<String> {
        let ahead = self.ahead.borrow_mut().pop_front();
        ahead.or_else(|| self.fresh_line())
    }

    /// The next line that is of no event, as an answer is; `None` at the end of input.
    fn answer(&self) -> Option<String> {
        loop {
            let line = self.fresh_line()?;
            if !line.starts_with(wire::EVENT) {
                return Some(line);
            }
            let payload = self.fresh_line()?;
            self.ahead.borrow_mut().extend([line, payload]);
        }
    }

    /// The next line from the socket; `None` at the end of input.
    fn fresh_line(&self) -> Option<String> {
        let mut lines = self.lines.borrow_mut();
        loop {
            if let Some(line) = lines.next() {
                return String::from_utf8(line).ok();
            }
            match read_more(stdin(), lines.tail()) {
                Ok(count) if count > 0 => {}
                Err(Errno::INTR) => {}
                Ok(_) | Err(_) => return None,
            }
        }
    }

    /// The next message: `Some(None)` at the end of input, `None` where a line is no message.
    #[expect(clippy::option_option, reason = "the two absences differ, and neither needs a name of its own")]
    fn message(&self) -> Option<Option<ToHost>> {
        match self.line() {
            None => Some(None),
            Some(line) => serde_json::from_str(&line).ok().map(Some),
        }
    }

    /// Sends a line: the token, then `rest`, a JSON object without its opening brace.
    fn send(&self, rest: &str) {
        let line = format!("{}{rest}\n", self.line_start.borrow());
        let mut left = line.as_bytes();
        while !left.is_empty() {
            match rustix::io::write(stdin(), left) {
                Ok(count) => left = &left[count..],
                Err(Errno::INTR) => {}
                // simctl is gone; the next read says so too.
                Err(_) => return,
            }
        }
    }
}
