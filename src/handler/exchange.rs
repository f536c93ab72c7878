//! One delivery from simctl's side: the lines that go to the handler process and those that come back, until an outcome
//! is known or a limit is reached.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::model::{Delivered, Delivery, Frame, Level, Outcome, Runtime, Times};

use super::child::Child;
use super::output::Outputs;
use super::wire::{self, CountedFile, Entry, FromHost, Report, ToHost};
use super::{Answer, Handler, HandlerError, Host, HostCall, Required, hint, memory, node};

/// How long a process may take to say that it is ready. Long, because a machine under load is no fault of the app.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How much later than the embedded host's own clock simctl ends it: the host can tell where the code was.
const BACKSTOP: Duration = Duration::from_millis(100);

/// How long a process may live on after it has closed its socket.
const AFTER_HANG_UP: Duration = Duration::from_millis(500);

/// How often to look how much memory Node.js has taken.
const SAMPLE_EVERY: Duration = Duration::from_millis(20);

/// What an event takes at most for its process to be left alone while it has more of them.
const QUICK: Duration = Duration::from_micros(100);

/// The shortest time to leave it alone: to go to sleep and to wake takes about as long.
const WORTH_A_NAP: Duration = Duration::from_micros(50);

/// The longest: after more, it might have run out of work.
const LONGEST_NAP: Duration = Duration::from_micros(500);

/// Bytes of answers that a process may leave unread, even where its memory limit is lower.
const LEAST_UNREAD: u64 = 64 * 1024 * 1024;

/// Bytes of console lines that one delivery may log.
const MOST_LOGGED: usize = 16 * 1024 * 1024;

pub(super) fn deliver(
    handler: &mut Handler,
    delivery: &Delivery,
    host: &mut dyn Host,
) -> Result<Delivered, HandlerError> {
    let Some(mut child) = handler.child.take() else { return Err(HandlerError::Ended) };
    let start_up = if handler.version.is_empty() {
        make_ready(handler, &mut child)?;
        handler.started.elapsed()
    } else {
        Duration::ZERO
    };
    handler.deliveries += 1;
    let started = Instant::now();
    let was_sent = match handler.ahead.pop_front() {
        Some(index) if index == delivery.index => true,
        // It runs what nobody waits for.
        Some(_) => return Err(HandlerError::Ended),
        None => false,
    };
    if !was_sent {
        child.send(&wire::event(handler.deliveries, delivery, handler.launch.timeout));
    }
    let mut exchange = Exchange::new(handler, child, host, started);
    let end = exchange.run()?;
    // Of one that was sent ahead, only the process knows when it began.
    let taken = exchange.took.filter(|_| was_sent).unwrap_or_else(|| started.elapsed());
    let (outcome, child) = exchange.finish(end)?;
    handler.child = child;
    // One that took much longer, as when memory is collected, says little of the next.
    handler.pace = Some(handler.pace.map_or(taken, |pace| (pace * 7 + taken.min(pace * 2)) / 8));
    Ok(Delivered { outcome, times: Times { start_up, handler: taken }, engine: Some(handler.engine()) })
}

/// Sends what the process is to do when it is done with what it has.
pub(super) fn send_ahead<'a>(handler: &mut Handler, deliveries: impl Iterator<Item = &'a Delivery>) {
    // Until it is ready it has not been told what to run.
    let Some(child) = handler.child.as_mut().filter(|_| handler.deliveries > 0) else { return };
    for delivery in deliveries {
        handler.ahead.push_back(delivery.index);
        let id = handler.deliveries + handler.ahead.len() as u64;
        child.queue(&wire::event(id, delivery, handler.launch.timeout));
    }
    child.write();
}

/// Waits until the process is ready, ahead of its first delivery.
pub(super) fn ready(handler: &mut Handler) -> Result<(), HandlerError> {
    let Some(mut child) = handler.child.take() else { return Err(HandlerError::Ended) };
    if handler.version.is_empty() {
        make_ready(handler, &mut child)?;
    }
    handler.child = Some(child);
    Ok(())
}

/// Waits until the process is ready; sets the limits of Node.js and sends it what to run.
fn make_ready(handler: &mut Handler, child: &mut Child) -> Result<(), HandlerError> {
    let deadline = handler.started + START_LIMIT;
    let start = wire::line_start(&handler.token);
    let not_ready = |reason: String| HandlerError::NotReady { program: handler.program.clone(), reason };
    let version = loop {
        // Nothing of the app runs yet, so the first line is the host's.
        if let Some(line) = child.line() {
            match read_line(&line, &start) {
                Some(FromHost::Ready { version }) => break version,
                _ => return Err(not_ready("it answered something that is no greeting".to_owned())),
            }
        }
        if handler.interrupt.is_set() {
            return Err(HandlerError::Interrupted);
        }
        if child.has_ended() || child.has_hung_up() {
            let status = child.end().map_err(watch)?;
            return Err(not_ready(format!("it ended with {status}{}", quoted_end(&child.last_words()))));
        }
        if Instant::now() >= deadline {
            return Err(not_ready(format!("no answer within {} s", START_LIMIT.as_secs())));
        }
        child.pump(deadline, &handler.interrupt).map_err(watch)?;
    };
    if handler.launch.runtime == Runtime::Node {
        node::check_version(&handler.launch, &version)?;
        handler.first_memory = memory::bound(child, handler.launch.memory_bytes);
        child.send(&wire::load(&handler.launch));
    }
    handler.version = version;
    Ok(())
}

/// How the waiting ended.
enum End {
    /// The host said how.
    Told(Report),
    /// The process ended, or closed its socket, without a word.
    Gone,
    /// The time limit came.
    OutOfTime,
    /// What it sends is no protocol.
    Garbage(String),
    /// It asks on and on and reads no answer: what waits for it is more than the memory that it may have.
    Flooded,
}

struct Exchange<'a> {
    handler: &'a Handler,
    child: Child,
    host: &'a mut dyn Host,
    deadline: Instant,
    line_start: String,
    /// What the outcome will be unless something else happens: the callback has returned.
    settled: Option<Report>,
    /// What the event has reached of the code that is counted, as far as it is known.
    counted: Option<Vec<CountedFile>>,
    hung_up: Option<Instant>,
    logged: usize,
    lines_dropped: u64,
    outputs: Outputs,
    /// The most memory that the process was seen to have, in bytes, and when to look next.
    most_memory: u64,
    next_sample: Instant,
    /// Lines that did not begin with the token.
    strangers: u64,
    /// How long the event took by the clock of the process, where it told.
    took: Option<Duration>,
}

impl<'a> Exchange<'a> {
    fn new(handler: &'a Handler, child: Child, host: &'a mut dyn Host, started: Instant) -> Self {
        let is_node = handler.launch.runtime == Runtime::Node;
        let slack = if is_node { Duration::ZERO } else { BACKSTOP };
        Self {
            handler,
            child,
            host,
            deadline: far(started, handler.launch.timeout.saturating_add(slack)),
            line_start: wire::line_start(&handler.token),
            settled: None,
            counted: None,
            hung_up: None,
            logged: 0,
            lines_dropped: 0,
            outputs: Outputs::default(),
            most_memory: 0,
            next_sample: started + SAMPLE_EVERY,
            strangers: 0,
            took: None,
        }
    }

    fn run(&mut self) -> Result<End, HandlerError> {
        loop {
            while let Some(line) = self.child.line() {
                if let Some(end) = self.hear(&line)? {
                    return Ok(end);
                }
            }
            for (call, answer) in self.host.answers()? {
                self.reply(call, answer);
            }
            self.forward_output(false);
            if self.child.unread() as u64 > self.handler.launch.memory_bytes.max(LEAST_UNREAD) {
                return Ok(End::Flooded);
            }
            if self.child.sends_endlessly() {
                return Ok(End::Garbage(format!("a line longer than {} MiB", wire::LONGEST_LINE >> 20)));
            }
            if self.handler.interrupt.is_set() {
                return Err(HandlerError::Interrupted);
            }
            if let Some(end) = self.look_for_the_end()? {
                return Ok(end);
            }
            if let Some(nap) = self.nap() {
                thread::sleep(nap);
            }
            let until = self.next_look();
            let until = self.host.due().map_or(until, |due| until.min(due));
            self.child.pump_beside(until, &self.handler.interrupt, self.host.wake()).map_err(watch)?;
        }
    }

    /// How long to leave a process alone that has more to do than simctl has to hear: to wake somebody for each outcome would
    /// take it longer than such events do.
    fn nap(&self) -> Option<Duration> {
        let pace = self.handler.pace.filter(|pace| *pace < QUICK)?;
        let nap = pace * u32::try_from(self.handler.ahead.len() / 2).ok()?;
        (nap > WORTH_A_NAP).then_some(nap.min(LONGEST_NAP))
    }

    /// When to look again even if nothing happens.
    fn next_look(&mut self) -> Instant {
        let until = self.hung_up.map_or(self.deadline, |since| self.deadline.min(since + AFTER_HANG_UP));
        if self.handler.first_memory.is_none() {
            return until;
        }
        let now = Instant::now();
        if now >= self.next_sample {
            self.next_sample = now + SAMPLE_EVERY;
            self.most_memory = memory::data_bytes(&self.child).unwrap_or_default().max(self.most_memory);
        }
        until.min(self.next_sample)
    }

    fn look_for_the_end(&mut self) -> Result<Option<End>, HandlerError> {
        if self.child.has_ended() {
            self.child.drain();
            while let Some(line) = self.child.line() {
                if let Some(end) = self.hear(&line)? {
                    return Ok(Some(end));
                }
            }
            return Ok(Some(End::Gone));
        }
        let now = Instant::now();
        if self.child.has_hung_up() && now >= *self.hung_up.get_or_insert(now) + AFTER_HANG_UP {
            return Ok(Some(End::Gone));
        }
        Ok((now >= self.deadline).then_some(End::OutOfTime))
    }

    /// Takes one line; an end where it says one.
    fn hear(&mut self, line: &[u8]) -> Result<Option<End>, HandlerError> {
        let end = match read_line(line, &self.line_start) {
            None if line.starts_with(self.line_start.as_bytes()) => {
                Some(End::Garbage("a line of the host that cannot be read".to_owned()))
            }
            None => {
                self.strangers += 1;
                None
            }
            Some(FromHost::Log { level, text }) => {
                self.log(&level, text);
                None
            }
            Some(FromHost::Differs { function, stack }) => {
                let at = stack.into_iter().next().map(Frame::from);
                let place = at.map(|frame| format!(" at {}:{}", frame.file, frame.line)).unwrap_or_default();
                self.host.notice(format!(
                    "`{function}`{place} answers differently here than in Node.js: run it with `--runtime node`"
                ));
                None
            }
            Some(FromHost::Call { call, name, args }) => {
                if let Some(answer) = self.answer(call, name, &args)? {
                    self.reply(call, answer);
                }
                None
            }
            Some(FromHost::Settled { id, report }) => {
                if id == self.handler.deliveries {
                    self.settled = Some(report);
                }
                None
            }
            Some(FromHost::Counted { id, files }) => {
                if id == self.handler.deliveries {
                    self.counted = Some(files);
                }
                None
            }
            Some(FromHost::Done { id, report, took_us }) => {
                self.took = took_us.map(Duration::from_micros);
                (id == self.handler.deliveries).then_some(End::Told(report))
            }
            Some(FromHost::Ready { .. }) => None,
        };
        Ok(end)
    }

    fn reply(&mut self, call: u64, answer: Answer) {
        self.child.send(&wire::line(&ToHost::Reply { call, answer: answer.into() }));
    }

    fn log(&mut self, level: &str, text: String) {
        self.logged = self.logged.saturating_add(text.len() + 1);
        if self.logged > MOST_LOGGED {
            self.lines_dropped += 1;
            return;
        }
        self.host.log(Level::from_name(level).unwrap_or(Level::Log), text);
    }

    /// What a host call is answered with; `None` where the answer comes later.
    fn answer(&mut self, number: u64, name: String, args: &str) -> Result<Option<Answer>, HandlerError> {
        let args: Vec<Value> = match serde_json::from_str(args) {
            Ok(args) => args,
            Err(error) => {
                return Ok(Some(Err(json!({ "message": format!("the arguments cannot be sent: {error}") }))));
            }
        };
        if name != "require" {
            return self.host.call(HostCall { number, name, args });
        }
        let word = |index: usize| args.get(index).and_then(Value::as_str).unwrap_or_default();
        Ok(Some(match self.host.require(word(0), word(1)) {
            Required::Module { name, source, counting } => Ok(json!(Entry::new(name, source, counting))),
            Required::Package { specifier, is_nodes_own } => {
                Ok(json!({ "package": specifier, "nodes_own": is_nodes_own }))
            }
            Required::Refused { message } => Err(json!({ "message": message })),
        }))
    }

    fn forward_output(&mut self, all: bool) {
        self.outputs.forward(&mut self.child, all, &mut |stream, text| self.host.output(stream, text));
    }

    /// Turns the end into an outcome; the child comes back where it can serve on.
    fn finish(mut self, end: End) -> Result<(Outcome, Option<Child>), HandlerError> {
        // What a process that goes on at once has written by now may be of its next event as well.
        if self.handler.ahead.is_empty() {
            self.child.drain();
        }
        let limit_bytes = self.handler.launch.memory_bytes;
        let timeout = self.handler.launch.timeout;
        let mut outcome = match end {
            End::Told(report) => report.into_outcome(timeout, limit_bytes),
            End::Gone => {
                let hung_up_alive = !self.child.has_ended();
                let status = self.child.end().map_err(watch)?;
                self.outcome_of(status, hung_up_alive)
            }
            End::OutOfTime => match self.settled.take() {
                Some(report) => {
                    self.host.notice(format!(
                        "the callback had returned, but something it started (a timer, a connection) kept Node.js busy until the time limit of {} s",
                        timeout.as_secs_f64()
                    ));
                    self.child.end().map_err(watch)?;
                    report.into_outcome(timeout, limit_bytes)
                }
                None => {
                    self.child.end().map_err(watch)?;
                    Outcome::TimedOut { limit: timeout, stack: Vec::new() }
                }
            },
            End::Flooded => Outcome::OutOfMemory { limit_bytes },
            End::Garbage(reason) => {
                self.child.end().map_err(watch)?;
                Outcome::BadReply { reason }
            }
        };
        self.tell_counts();
        self.add_hint(&mut outcome);
        // Its memory is exhausted, or it still runs what was interrupted: nothing to serve a next event with.
        if matches!(outcome, Outcome::TimedOut { .. } | Outcome::OutOfMemory { .. }) {
            self.child.end().map_err(watch)?;
        }
        self.forward_output(true);
        self.tell_what_was_dropped();
        // One that has more to do will show that it has ended when that is waited for.
        let has_more = !self.handler.ahead.is_empty() && !self.child.is_reaped();
        let serves_on = has_more || !self.child.has_ended() && !self.child.has_hung_up();
        Ok((outcome, serves_on.then_some(self.child)))
    }

    /// What the end of the process means.
    fn outcome_of(&self, status: ExitStatus, hung_up_alive: bool) -> Outcome {
        let words = self.child.last_words();
        let is_node = self.handler.launch.runtime == Runtime::Node;
        if hung_up_alive {
            let forged = if self.strangers == 0 {
                String::new()
            } else {
                format!(", after {} lines that were not the host's", self.strangers)
            };
            return Outcome::BadReply { reason: format!("the handler process closed its channel to simctl{forged}") };
        }
        let limit_bytes = self.handler.launch.memory_bytes;
        let taken = self.handler.first_memory.map_or(0, |first| self.most_memory.saturating_sub(first));
        let seen_near_limit = taken >= limit_bytes / 2;
        if is_node && memory::ran_out(status, &words, seen_near_limit) {
            return Outcome::OutOfMemory { limit_bytes };
        }
        match (status.code(), status.signal()) {
            (Some(code), _) if is_node => Outcome::Exited { code },
            // No code of an app can end the embedded host.
            (Some(code), _) => Outcome::BadReply {
                reason: format!("the embedded host ended with exit code {code}{}", quoted_end(&words)),
            },
            (None, signal) => Outcome::Signalled { signal: signal.unwrap_or_default() },
        }
    }

    fn add_hint(&self, outcome: &mut Outcome) {
        let (Outcome::Threw { error } | Outcome::Rejected { error, .. } | Outcome::NotLoaded { error }) = outcome
        else {
            return;
        };
        error.hint = hint::hint(error, &self.handler.launch.entry, &self.handler.launch.globals);
    }

    /// Hands over what was counted. A process that was ended before it could say so has taken it along.
    fn tell_counts(&mut self) {
        if self.handler.launch.entry.counting.is_none() {
            return;
        }
        let Some(files) = self.counted.take() else {
            self.host.notice("what the handler reached before it was ended is not in the coverage".to_owned());
            return;
        };
        for file in files {
            let told = file.counts().is_some_and(|counts| self.host.counted(&file.name, &counts));
            if !told {
                let name = file.name;
                self.host.notice(format!("what was counted in `{name}` cannot be, and is not in the coverage"));
            }
        }
    }

    fn tell_what_was_dropped(&mut self) {
        if self.lines_dropped > 0 {
            self.host.notice(format!(
                "{} log lines were dropped: the handler logged more than {} MiB",
                self.lines_dropped,
                MOST_LOGGED >> 20
            ));
        }
        for remark in self.outputs.remarks() {
            self.host.notice(remark);
        }
    }
}

/// The message in a line, where the line is the host's and can be read.
pub(super) fn read_line(line: &[u8], start: &str) -> Option<FromHost> {
    line.starts_with(start.as_bytes()).then(|| serde_json::from_slice(line).ok()).flatten()
}

/// The last line that is not blank of what a process said, for the end of a sentence.
fn quoted_end(words: &str) -> String {
    let telling = |line: &&str| !line.trim().is_empty();
    let line = words.lines().filter(telling).find(|line| line.contains("Error") || line.contains("panicked"));
    line.or_else(|| words.lines().rfind(telling)).map_or_else(String::new, |line| format!(": {}", line.trim()))
}

/// `duration` after `from`, however long it is.
pub(super) fn far(from: Instant, duration: Duration) -> Instant {
    const A_YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    from + duration.min(A_YEAR)
}

const fn watch(source: io::Error) -> HandlerError {
    HandlerError::Watch { source }
}
