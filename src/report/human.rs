//! A run as a person reads it at a prompt or in a CI log.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use super::findings::{more_about, push_frame, render_finding};
use super::{NOT_SMALLEST, Paint, Reporter, Verbosity, cut};
use crate::model::{
    Addressee, AnswerStatus, Code, Excerpt, Finding, Frame, Level, Outcome, Position, Response, ReturnValue, RunEvent,
    Span, Stream, Thrown,
};
use crate::text::{list, nearest, printable, printable_line};

/// The longest returned value that is shown whole unless asked for more, in characters.
const LONGEST_VALUE: usize = 400;

/// How many frames of a stack are shown unless asked for more.
const MOST_FRAMES: usize = 6;

/// The width of the column of words on the left: `debug`, `FAIL`.
const WORD: usize = 6;

/// Writes a run for people.
pub struct Human<W> {
    out: W,
    paint: Paint,
    verbosity: Verbosity,
    /// What a quiet run says of the delivery at hand, should it fail.
    pending: String,
    count: u64,
    seed: Option<u64>,
    /// What repeats the run as a whole.
    command: String,
    /// What is counted.
    unit: &'static str,
    /// The first of the gravest findings so far.
    gravest: Option<Finding>,
    /// The first error that the platform has found in the delivery at hand.
    fault: Option<Code>,
}

impl<W: Write> Human<W> {
    /// Writes to `out`.
    pub const fn new(out: W, paint: Paint, verbosity: Verbosity) -> Self {
        Self {
            out,
            paint,
            verbosity,
            pending: String::new(),
            count: 1,
            seed: None,
            command: String::new(),
            unit: "deliveries",
            gravest: None,
            fault: None,
        }
    }

    /// The same for deliveries that are part of something else, which says how to repeat them.
    pub(super) fn of_part(out: W, paint: Paint, verbosity: Verbosity) -> Self {
        Self { count: 0, ..Self::new(out, paint, verbosity) }
    }

    /// A delivery begins, and nothing is said of it.
    pub(super) fn begin(&mut self) {
        self.pending.clear();
        self.fault = None;
    }

    /// What it writes to.
    pub(super) const fn out(&mut self) -> &mut W {
        &mut self.out
    }

    fn word(&self, word: &str, paint: impl FnOnce(Paint, &str) -> String) -> String {
        paint(self.paint, &format!("{word:>WORD$}"))
    }

    /// `text` behind a word, further lines below the first.
    fn entry(&self, word: &str, text: &str) -> String {
        format!("{word}  {}\n", below(&printable(text)))
    }

    fn log(&self, level: Level, text: &str) -> String {
        let word = self.word(level.name(), |paint, word| match level {
            Level::Error => paint.bad(word),
            Level::Warn => paint.warn(word),
            Level::Debug | Level::Log | Level::Info => paint.faint(word),
        });
        self.entry(&word, text)
    }

    fn outcome(&self, outcome: &Outcome, excerpt: Option<&Excerpt>, times: &str) -> String {
        let word = if outcome.held() && self.fault.is_none() {
            self.word("ok", |paint, word| paint.good(word))
        } else {
            self.word("FAIL", |paint, word| paint.bad(word))
        };
        let what = below(&printable(&describe_with(outcome, self.fault, self.verbosity)));
        let mut text = format!("{word}  {what}  {}\n", self.paint.faint(times));
        self.push_details(&mut text, outcome, excerpt);
        text
    }

    fn push_details(&self, text: &mut String, outcome: &Outcome, excerpt: Option<&Excerpt>) {
        match outcome {
            Outcome::Threw { error } | Outcome::Rejected { error, .. } | Outcome::NotLoaded { error } => {
                self.push_stack(text, &error.stack, excerpt);
                self.push_hint(text, error.hint.as_deref());
            }
            Outcome::TimedOut { stack, .. } => self.push_stack(text, stack, excerpt),
            _ => {}
        }
        self.push_hint(text, advice(outcome).as_deref());
    }

    fn push_stack(&self, text: &mut String, stack: &[Frame], excerpt: Option<&Excerpt>) {
        let Some(innermost) = stack.first() else { return };
        let _ = writeln!(text, "  {} {}", self.paint.faint("-->"), frame(innermost));
        if let Some(excerpt) = excerpt {
            let at = Position { line: innermost.line, column: innermost.column.max(1), offset: 0 };
            push_frame(text, excerpt, Span { start: at, end: at }, self.paint);
        }
        let most = if self.verbosity == Verbosity::Verbose { usize::MAX } else { MOST_FRAMES };
        for outer in stack.iter().skip(1).take(most) {
            let _ = writeln!(text, "      {}", self.paint.faint(&format!("from {}", frame(outer))));
        }
        if stack.len().saturating_sub(1) > most {
            let _ = writeln!(text, "      {}", self.paint.faint(&format!("and {} more", stack.len() - 1 - most)));
        }
    }

    fn push_hint(&self, text: &mut String, hint: Option<&str>) {
        if let Some(hint) = hint {
            let _ = writeln!(text, "{}: {}", self.paint.hint("hint"), printable(hint));
        }
    }

    /// Writes `text` now, or keeps it until the delivery turns out to have failed.
    fn say(&mut self, text: &str) -> io::Result<()> {
        if self.verbosity == Verbosity::Quiet {
            self.pending.push_str(text);
            return Ok(());
        }
        self.write(text)
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Says what repeats it.
    pub(super) fn repeat(&mut self, command: &str) -> io::Result<()> {
        self.write(&format!("{} {}\n", self.paint.faint("repeat:"), printable_line(command)))
    }

    fn finished(&mut self, held: u64, failed: u64, interrupted: bool) -> io::Result<()> {
        if interrupted {
            let left = self.count.saturating_sub(held + failed);
            let what = match self.count {
                // Nobody knows how many there would have been.
                u64::MAX => "the time was not over".to_owned(),
                1 => "it was not finished".to_owned(),
                count if left == 1 => format!("1 of {count} {} was not finished", self.unit),
                count => format!("{left} of {count} {} were not finished", self.unit),
            };
            self.write(&format!("interrupted: {what}\n"))?;
        }
        if self.count > 1 && self.verbosity > Verbosity::Quiet || failed > 1 {
            let total = held + failed;
            let failed = format!("{failed} failed");
            let failed = if failed.starts_with("0 ") { failed } else { self.paint.bad(&failed) };
            self.write(&format!("{total} {}: {held} held, {failed}\n", self.unit))?;
        }
        // A delivery that is the whole run has said it.
        if interrupted || self.count > 1 && self.verbosity > Verbosity::Quiet {
            let command = self.command.clone();
            self.repeat(&command)?;
        }
        Ok(())
    }
}

impl<W: Write> Human<W> {
    /// What is fired at what.
    fn delivery(&self, event: &RunEvent) -> String {
        let RunEvent::DeliveryStarted { index, event, to, platform, platform_version, payload } = event else {
            return String::new();
        };
        let number = if self.count > 1 { format!("[{index}] ") } else { String::new() };
        let what = self.paint.strong(&printable_line(&format!("{number}{event} -> {}", to.name())));
        let seed = self.seed.map(|seed| format!(", seed {seed}")).unwrap_or_default();
        let how = match to {
            Addressee::Callback { file, runtime, .. } => format!("{file}, {runtime} runtime"),
            Addressee::Endpoint { .. } => "POST".to_owned(),
            Addressee::Program { .. } => "payload on standard input".to_owned(),
        };
        let how = format!("{how}, {}{seed}", platform.told(platform_version.as_deref()));
        let mut text = format!("{what}  {}\n", self.paint.faint(&printable_line(&how)));
        if self.verbosity == Verbosity::Verbose {
            text.push_str(&self.entry(&self.word("payload", Paint::faint), &pretty(payload.get())));
        }
        text
    }

    /// What a case changes of a plain payload, a line each.
    fn case(&self, event: &RunEvent) -> String {
        let RunEvent::CaseFailed { changes, valid, smallest, times, .. } = event else { return String::new() };
        let mut text = String::new();
        for change in changes {
            text.push_str(&self.entry(&self.word("with", Paint::faint), &printable_line(change)));
        }
        if changes.is_empty() {
            text.push_str(&self.entry(&self.word("with", Paint::faint), "a plain payload"));
        }
        if !valid {
            text.push_str(&self.entry(&self.word("note", Paint::hint), "the schema does not allow it"));
        }
        if !smallest {
            text.push_str(&self.entry(&self.word("note", Paint::hint), NOT_SMALLEST));
        }
        if *times > 1 {
            text.push_str(&self.entry(&self.word("times", Paint::faint), &times.to_string()));
        }
        text
    }

    fn output(&self, stream: Stream, text: &str) -> String {
        let word = match stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        };
        self.entry(&self.word(word, Paint::faint), text.strip_suffix('\n').unwrap_or(text))
    }

    fn call(&self, event: &RunEvent) -> String {
        let RunEvent::Call { name, args, status, answer, took, .. } = event else { return String::new() };
        let status = match status {
            AnswerStatus::Fulfilled => "->",
            AnswerStatus::Rejected => "rejected",
        };
        let text = shortened(&format!("{name} {args} {status} {answer}"), self.verbosity);
        let entry = self.entry(&self.word("call", Paint::faint), &text);
        format!("{}  {}\n", entry.trim_end(), self.paint.faint(&show_duration(*took)))
    }

    fn delivered(&mut self, event: &RunEvent) -> io::Result<()> {
        let RunEvent::DeliveryFinished { outcome, excerpt, start_up, handler, repeat, .. } = event else {
            return Ok(());
        };
        let mut times = format!("handler {}", show_duration(*handler));
        if !start_up.is_zero() {
            let _ = write!(times, ", start-up {}", show_duration(*start_up));
        }
        let mut text = self.outcome(outcome, excerpt.as_ref(), &times);
        let held = outcome.held() && self.fault.is_none();
        if !held && self.count > 0 || self.count == 1 {
            let _ = writeln!(text, "{} {}", self.paint.faint("repeat:"), printable_line(repeat));
        }
        if held {
            return self.say(&text);
        }
        let text = std::mem::take(&mut self.pending) + &text;
        self.write(&text)
    }

    fn found(&mut self, finding: &Finding) -> io::Result<()> {
        if self.gravest.as_ref().is_none_or(|gravest| finding.severity > gravest.severity) {
            self.gravest = Some(finding.clone());
        }
        if finding.is_error() {
            self.fault.get_or_insert(finding.code);
        }
        self.write(&render_finding(finding, self.paint))
    }
}

impl<W: Write> Reporter for Human<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::RunStarted { count, seed, command, .. } => {
                (self.count, self.seed) = (count.unwrap_or(u64::MAX), *seed);
                self.command.clone_from(command);
                Ok(())
            }
            RunEvent::FuzzStarted { .. } => {
                self.unit = "cases";
                Ok(())
            }
            RunEvent::Notice { message } => {
                self.say(&format!("{}: {}\n", self.paint.hint("note"), printable_line(message)))
            }
            RunEvent::Found { finding } => self.found(finding),
            RunEvent::DeliveryStarted { .. } => {
                self.pending.clear();
                self.fault = None;
                self.say(&self.delivery(event))
            }
            RunEvent::Log { level, text, .. } => self.say(&self.log(*level, text)),
            RunEvent::Output { stream, text, .. } => self.say(&self.output(*stream, text)),
            RunEvent::Call { .. } => self.say(&self.call(event)),
            RunEvent::CaseFailed { .. } => self.say(&self.case(event)),
            RunEvent::DeliveryFinished { .. } => self.delivered(event),
            RunEvent::RunFinished { held, failed, interrupted, .. } => self.finished(*held, *failed, *interrupted),
            RunEvent::CheckStarted { .. } | RunEvent::FileChecked { .. } => Ok(()),
            // Scenarios have a reporter of their own.
            RunEvent::TestStarted { .. }
            | RunEvent::ScenarioStarted { .. }
            | RunEvent::StepFinished { .. }
            | RunEvent::ScenarioFinished { .. }
            | RunEvent::CoverageMeasured { .. }
            | RunEvent::TestFinished { .. } => Ok(()),
            RunEvent::CheckFinished { files, errors, warnings, notes, .. } => {
                let mut text = format!("{}\n", check_summary(*files, *errors, *warnings, *notes));
                if let Some(more) = more_about(&self.gravest) {
                    let _ = writeln!(text, "{}", self.paint.faint(&more));
                }
                self.say(&text)
            }
        }
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}

/// An outcome that failed, with its stack and its hints, without colour.
pub(super) fn outcome_text(outcome: &Outcome) -> String {
    let plain = Human::new(io::sink(), Paint::new(false), Verbosity::Normal);
    let mut text = format!("{}\n", printable(&describe(outcome, Verbosity::Normal)));
    plain.push_details(&mut text, outcome, None);
    text
}

/// The innermost frame of what went wrong, where it is known.
pub(super) fn frame_of(outcome: &Outcome) -> Option<&Frame> {
    match outcome {
        Outcome::Threw { error } | Outcome::Rejected { error, .. } | Outcome::NotLoaded { error } => {
            error.stack.first()
        }
        Outcome::TimedOut { stack, .. } => stack.first(),
        _ => None,
    }
}

/// Text with its further lines set below its first, behind the column of words. A CI server obeys lines that begin with
/// certain marks, blanks aside: an app must not be able to write one.
fn below(text: &str) -> String {
    guarded(text, &format!("{:WORD$}  ", ""))
}

/// The same behind other blanks.
pub(super) fn guarded(text: &str, blanks: &str) -> String {
    let mut set = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        let start = line.trim_start();
        let is_obeyed = (at > 0 || blanks.is_empty()) && (start.starts_with("::") || start.starts_with("##["));
        let (end, blanks) = if at > 0 { ("\n", blanks) } else { ("", "") };
        let _ = write!(set, "{end}{blanks}{}{line}", if is_obeyed { "| " } else { "" });
    }
    set
}

/// What the handler did, as one clause.
pub(super) fn describe(outcome: &Outcome, verbosity: Verbosity) -> String {
    match outcome {
        Outcome::Returned { value: ReturnValue::Undefined } => "returned".to_owned(),
        Outcome::Returned { value: ReturnValue::Json(value) } => {
            format!("returned {}", shortened(&value.to_string(), verbosity))
        }
        Outcome::Returned { value: ReturnValue::Text(text) } => format!("returned {}", shortened(text, verbosity)),
        Outcome::Threw { error } => format!("threw {}", thrown(error)),
        Outcome::Rejected { error, unhandled: false } => format!("rejected with {}", thrown(error)),
        Outcome::Rejected { error, unhandled: true } => {
            format!("left a rejected promise unhandled: {}", thrown(error))
        }
        Outcome::NeverSettles => "returned a promise that nothing can settle any more".to_owned(),
        Outcome::Rendered { error: Some(error), .. } => {
            format!("called renderData with the error {}", shortened(&error.to_string(), verbosity))
        }
        Outcome::Rendered { error: None, data: Some(data) } => {
            format!("called renderData with {}", shortened(&data.to_string(), verbosity))
        }
        Outcome::Rendered { error: None, data: None } => "called renderData".to_owned(),
        Outcome::NotRendered => "never called renderData, which ends this event".to_owned(),
        Outcome::TimedOut { limit, .. } => format!("did not finish within {}", show_duration(*limit)),
        Outcome::Exited { code } => format!("ended its process with exit code {code}"),
        Outcome::Signalled { signal } => format!("was ended by signal {signal}"),
        Outcome::OutOfMemory { limit_bytes } => {
            format!("used more than the {} MiB of memory it may", limit_bytes >> 20)
        }
        Outcome::NotLoaded { error } => format!("did not load: {}", thrown(error)),
        Outcome::NoCallback { callback, .. } => format!("has no callback `{callback}`"),
        Outcome::Accepted { response } | Outcome::Declined { response } => {
            format!("answered {}", answer(response, verbosity))
        }
        Outcome::Unreachable { reason, .. } => format!("could not be reached: {reason}"),
        Outcome::BadReply { reason } => format!("gave no proper reply: {reason}"),
    }
}

/// The same where the platform has found an error meanwhile, without which the delivery would have held.
pub(super) fn describe_with(outcome: &Outcome, fault: Option<Code>, verbosity: Verbosity) -> String {
    let what = describe(outcome, verbosity);
    match fault.filter(|_| outcome.held()) {
        None => what,
        Some(Code::MissingMock) => format!("{what}, but a request had no mock"),
        Some(code) => format!("{what}, but not without an error: {}", code.name()),
    }
}

/// What to do about it, where the outcome itself tells.
pub(super) fn advice(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::NoCallback { callback, known } => Some(match nearest(callback, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`? the manifest names `{callback}`"),
            None if known.is_empty() => {
                "the file exports no function: write `exports = { … }` with the callback in it".to_owned()
            }
            None => format!("the file exports {}", list(known.iter().map(String::as_str))),
        }),
        Outcome::NeverSettles => Some("some path through the callback never calls `resolve` or `reject`".to_owned()),
        Outcome::NotRendered => {
            Some("call `renderData()` when all is well, and `renderData({message: '…'})` when it is not".to_owned())
        }
        Outcome::TimedOut { .. } => Some("`--timeout` sets another limit; the platform's is 20 s".to_owned()),
        Outcome::OutOfMemory { .. } => Some("`--memory` sets another limit".to_owned()),
        Outcome::Declined { response } => advice_on(response),
        Outcome::Unreachable { hint, .. } => hint.clone(),
        Outcome::Rejected { unhandled: true, .. } => {
            Some("await the promise, return it, or give it a `catch`".to_owned())
        }
        _ => None,
    }
}

/// Status and body of a response; with its headers where more is asked for.
fn answer(response: &Response, verbosity: Verbosity) -> String {
    let Response { status, phrase, headers, body, body_bytes } = response;
    let mut text = format!("{status} {phrase}").trim_end().to_owned();
    if verbosity == Verbosity::Verbose {
        text.extend(headers.iter().map(|(name, value)| format!("\n{name}: {value}")));
    }
    if !body.trim().is_empty() {
        let gap = if verbosity == Verbosity::Verbose { "\n" } else { ": " };
        let _ = write!(text, "{gap}{}", shortened(body.trim(), verbosity));
        if body.len() as u64 != *body_bytes && verbosity == Verbosity::Verbose {
            let _ = write!(text, "… ({body_bytes} bytes)");
        }
    }
    text
}

/// What to do about a response that is no success.
fn advice_on(response: &Response) -> Option<String> {
    let location = response.headers.get("location");
    match (response.status, location) {
        (300..=399, Some(place)) => Some(format!("it redirects to {place}, and redirects are not followed")),
        (300..=399, None) => Some("redirects are not followed".to_owned()),
        (401 | 403, _) => Some("`--header 'Authorization: …'` sends what it may want to see".to_owned()),
        (404 | 405, _) => Some("it wants another path or method: payloads are sent with POST".to_owned()),
        (415, _) => Some("`--cloudevents` and `--header 'Content-Type: …'` change what is sent".to_owned()),
        _ => None,
    }
}

fn thrown(error: &Thrown) -> String {
    match &error.name {
        Some(name) if error.message.is_empty() => name.clone(),
        Some(name) => format!("{name}: {}", error.message),
        None => error.message.clone(),
    }
}

fn frame(frame: &Frame) -> String {
    let place = format!("{}:{}:{}", frame.file, frame.line, frame.column);
    let text = match &frame.function {
        Some(function) => format!("{place} in {function}"),
        None => place,
    };
    printable_line(&text).into_owned()
}

fn pretty(json: &str) -> String {
    serde_json::from_str::<serde_json::Value>(json)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| json.to_owned())
}

fn shortened(text: &str, verbosity: Verbosity) -> String {
    if verbosity == Verbosity::Verbose { text.to_owned() } else { cut(text, LONGEST_VALUE) }
}

/// `1.3 ms`, `2.5 s`, `20 s`.
pub(super) fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 10.0 || (seconds >= 1.0 && duration.subsec_millis() == 0) {
        format!("{seconds:.0} s")
    } else if seconds >= 1.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{:.1} ms", seconds * 1000.0)
    }
}

pub(super) fn check_summary(files: u64, errors: u64, warnings: u64, notes: u64) -> String {
    let plural = |number: u64, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let found: Vec<String> = [(errors, "error"), (warnings, "warning"), (notes, "note")]
        .into_iter()
        .filter(|&(number, _)| number > 0)
        .map(|(number, what)| plural(number, what))
        .collect();
    let found = if found.is_empty() { "nothing found".to_owned() } else { found.join(", ") };
    format!("{} checked: {found}", plural(files, "file"))
}
