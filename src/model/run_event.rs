//! What happens in a run, in the order in which it happens. Reporters read these and nothing else.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{
    Addressee, Coverage, Difference, Excerpt, Finding, Frame, Outcome, Place, Platform, ReturnValue, Secrets, Thrown,
};

/// One thing that happened. The JSON form is described by `schemas/run-event.schema.json`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RunEvent {
    /// First of every run.
    RunStarted {
        /// simctl's version.
        version: String,
        /// The command line that repeats this run, seed and clock included.
        command: String,
        /// The seed that payloads are drawn from; none where they come from a file.
        seed: Option<u64>,
        /// The simulated clock, RFC 3339.
        now: String,
        /// How many deliveries are planned; none where the run ends when its time is over.
        count: Option<u64>,
        /// The app's folder, as the user named it; empty for the current one. Files of deliveries and of stacks are
        /// relative to it.
        app: String,
    },
    /// The run looks for payloads that the handler does not bear: its deliveries are cases.
    FuzzStarted {
        /// The event's name.
        event: String,
        /// Whether cases that the schema does not allow are among them.
        invalid: bool,
    },
    /// Something about the run as a whole that the user should know, such as why a runtime was chosen.
    Notice {
        /// One line, lower case, no full stop.
        message: String,
    },
    /// A fault in the user's files that does not keep the run from going on.
    Found {
        /// The fault.
        #[serde(flatten)]
        finding: Finding,
    },
    /// A payload is about to be handed over.
    DeliveryStarted {
        /// The payload's number within the run, from 0.
        index: u64,
        /// The event's name.
        event: String,
        /// Who gets it.
        #[serde(flatten)]
        to: Addressee,
        /// The platform whose envelope the payload wears.
        platform: Platform,
        /// The platform version that the app's manifest names, where it names one.
        #[serde(skip_serializing_if = "Option::is_none")]
        platform_version: Option<String>,
        /// The payload, as it is handed over, secrets masked.
        payload: Box<RawValue>,
    },
    /// The handler logged a line.
    Log {
        /// The delivery.
        index: u64,
        /// The console method.
        level: Level,
        /// What it printed, formatted as a console does; may hold line ends and control characters.
        text: String,
    },
    /// Bytes that the handler process wrote past the console, to its standard output or error.
    Output {
        /// The delivery.
        index: u64,
        /// Which of the two.
        stream: Stream,
        /// What it wrote; bytes that are not UTF-8 are replaced.
        text: String,
    },
    /// The handler asked the platform for something.
    Call {
        /// The delivery.
        index: u64,
        /// The platform method, such as `$db.set`.
        name: String,
        /// Its arguments.
        args: Value,
        /// Whether it was answered or refused.
        status: AnswerStatus,
        /// The answer, or what it was refused with.
        answer: Value,
        /// How long the platform took.
        #[serde(rename = "took_us", serialize_with = "as_micros")]
        took: Duration,
    },
    /// The delivery is a case of one way in which a handler that is fuzzed fails, made as small as it can be.
    CaseFailed {
        /// The delivery.
        index: u64,
        /// The case's id, by which it is fired alone.
        case: String,
        /// What it changes of a plain payload.
        changes: Vec<String>,
        /// Whether it fits the event's schema, so that production may send it.
        valid: bool,
        /// Whether it is as small as it can be; not where the run was over before that was known.
        smallest: bool,
        /// The way in which it fails and the place in the code, which tell it from other failures.
        place: String,
        /// How many of the cases failed so.
        times: u64,
    },
    /// The delivery is over.
    DeliveryFinished {
        /// The delivery.
        index: u64,
        /// What the handler did.
        outcome: Outcome,
        /// The line of the user's file that the innermost frame points at.
        #[serde(skip_serializing_if = "Option::is_none")]
        excerpt: Option<Excerpt>,
        /// Start of the handler process to ready; zero where it was running.
        #[serde(rename = "start_up_us", serialize_with = "as_micros")]
        start_up: Duration,
        /// Payload handed over to outcome known.
        #[serde(rename = "handler_us", serialize_with = "as_micros")]
        handler: Duration,
        /// What ran the code and its version; nothing where it was no app's.
        #[serde(skip_serializing_if = "Option::is_none")]
        engine: Option<String>,
        /// The command that repeats this delivery alone.
        repeat: String,
    },
    /// First of a check of files.
    CheckStarted {
        /// simctl's version.
        version: String,
        /// The command line.
        command: String,
    },
    /// A file was checked; what was found in it has been told.
    FileChecked {
        /// The file, as the user named it; `-` is standard input.
        file: String,
    },
    /// Last of a check of files.
    CheckFinished {
        /// How many files were checked.
        files: u64,
        /// How many findings were errors.
        errors: u64,
        /// How many were warnings.
        warnings: u64,
        /// How many were notes.
        notes: u64,
        /// The process exit code.
        exit_code: u8,
    },
    /// First of a run of scenarios.
    TestStarted {
        /// simctl's version.
        version: String,
        /// The command line.
        command: String,
        /// How many scenarios are to be played.
        scenarios: u64,
        /// The app's folder, as the user named it; empty for the current one, and where there are several.
        app: String,
    },
    /// A scenario begins. Until it is over, all deliveries are its own, numbered by its steps.
    ScenarioStarted {
        /// Its name.
        name: String,
        /// Its file, as the user would write it.
        file: String,
        /// The app's folder, as the user would write it. Files of deliveries and of stacks are relative to it.
        app: String,
        /// The seed that its payloads are drawn from.
        seed: u64,
        /// The simulated clock as it begins, RFC 3339.
        now: String,
        /// How many steps it has.
        steps: u64,
        /// Which time it is played, from 1: one that failed may be played again.
        attempt: u64,
        /// The faults that were put into its deliveries, one line each.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        faults: Vec<String>,
    },
    /// A step's delivery was compared with what was expected of it.
    StepFinished {
        /// The step's number, from 0.
        index: u64,
        /// What it does, such as `update jane`.
        step: String,
        /// What did not come as expected; nothing where the step held.
        differences: Vec<Difference>,
        /// The step's place.
        #[serde(flatten)]
        place: Place,
    },
    /// A scenario is over: all its steps held, or one did not and those after it were not fired.
    ScenarioFinished {
        /// Its name.
        name: String,
        /// Its file.
        file: String,
        /// Whether it held.
        held: bool,
        /// Which time it was played, from 1. One that held at a later attempt than its first is flaky.
        attempt: u64,
        /// Whether it is played again, as it did not hold: this is not its result.
        retried: bool,
        /// How many steps were fired.
        steps: u64,
        /// How long it took, wall clock.
        #[serde(rename = "took_us", serialize_with = "as_micros")]
        took: Duration,
        /// The command that repeats it alone.
        repeat: String,
    },
    /// How much of the app's code and events the scenarios have reached.
    CoverageMeasured {
        /// How much.
        #[serde(flatten)]
        coverage: Box<Coverage>,
    },
    /// Last of a run of scenarios, also after Ctrl-C.
    TestFinished {
        /// Scenarios that held, flaky ones among them.
        held: u64,
        /// Scenarios that failed at first, and held when they were played again.
        flaky: u64,
        /// Scenarios that did not.
        failed: u64,
        /// Scenarios that were not played to their end: Ctrl-C or `--fail-fast` came before.
        left: u64,
        /// True where Ctrl-C ended it.
        interrupted: bool,
        /// The process exit code.
        exit_code: u8,
    },
    /// Last of every run, also after Ctrl-C.
    RunFinished {
        /// Deliveries that held.
        held: u64,
        /// Deliveries that did not.
        failed: u64,
        /// True where Ctrl-C ended it before all were made.
        interrupted: bool,
        /// The process exit code.
        exit_code: u8,
    },
}

fn as_micros<S: serde::Serializer>(duration: &Duration, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_u64(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

impl RunEvent {
    /// Masks every secret in it.
    pub fn mask(&mut self, secrets: &Secrets) {
        if secrets.is_empty() {
            return;
        }
        let mask = |text: &mut String| *text = secrets.mask(text);
        match self {
            Self::RunStarted { command, .. }
            | Self::CheckStarted { command, .. }
            | Self::TestStarted { command, .. } => {
                mask(command);
            }
            Self::Notice { message } => mask(message),
            Self::Found { finding } => finding.mask(secrets),
            Self::DeliveryStarted { payload, to, .. } => {
                mask_raw(payload, secrets);
                to.texts().for_each(mask);
            }
            Self::Log { text, .. } | Self::Output { text, .. } => mask(text),
            Self::Call { args, answer, .. } => {
                secrets.mask_value(args);
                secrets.mask_value(answer);
            }
            Self::CaseFailed { place, changes, .. } => {
                mask(place);
                changes.iter_mut().for_each(mask);
            }
            Self::DeliveryFinished { outcome, excerpt, repeat, .. } => {
                mask_outcome(outcome, secrets);
                mask_excerpt(excerpt, secrets);
                mask(repeat);
            }
            Self::ScenarioStarted { name, faults, .. } => {
                mask(name);
                faults.iter_mut().for_each(mask);
            }
            Self::StepFinished { step, differences, place, .. } => {
                mask(step);
                differences.iter_mut().for_each(|difference| difference.mask(secrets));
                mask_excerpt(&mut place.excerpt, secrets);
            }
            Self::ScenarioFinished { name, repeat, .. } => {
                mask(name);
                mask(repeat);
            }
            Self::RunFinished { .. }
            | Self::FuzzStarted { .. }
            | Self::FileChecked { .. }
            | Self::CheckFinished { .. }
            | Self::CoverageMeasured { .. }
            | Self::TestFinished { .. } => {}
        }
    }
}

impl Finding {
    /// Masks every secret in its texts and in the lines that it shows.
    pub fn mask(&mut self, secrets: &Secrets) {
        self.message = secrets.mask(&self.message);
        for hint in &mut self.hints {
            *hint = secrets.mask(hint);
        }
        mask_excerpt(&mut self.place.excerpt, secrets);
    }
}

fn mask_excerpt(excerpt: &mut Option<Excerpt>, secrets: &Secrets) {
    for line in excerpt.iter_mut().flat_map(|excerpt| &mut excerpt.lines) {
        *line = secrets.mask(line);
    }
}

fn mask_raw(raw: &mut Box<RawValue>, secrets: &Secrets) {
    let masked = serde_json::from_str(raw.get()).ok().and_then(|mut value: Value| {
        secrets.mask_value(&mut value);
        serde_json::value::to_raw_value(&value).ok()
    });
    // A payload is JSON; were it none, nothing of it may be shown.
    *raw = masked.unwrap_or_else(|| RawValue::NULL.to_owned());
}

impl Outcome {
    /// The same, with every secret in it masked.
    #[must_use]
    pub fn masked(mut self, secrets: &Secrets) -> Self {
        mask_outcome(&mut self, secrets);
        self
    }
}

fn mask_outcome(outcome: &mut Outcome, secrets: &Secrets) {
    match outcome {
        Outcome::Returned { value: ReturnValue::Json(value) } => secrets.mask_value(value),
        Outcome::Returned { value: ReturnValue::Text(text) }
        | Outcome::BadReply { reason: text }
        | Outcome::Unreachable { reason: text, .. } => *text = secrets.mask(text),
        Outcome::Accepted { response } | Outcome::Declined { response } => {
            response.body = secrets.mask(&response.body);
            response.headers.values_mut().for_each(|value| *value = secrets.mask(value));
        }
        Outcome::Threw { error } | Outcome::Rejected { error, .. } | Outcome::NotLoaded { error } => {
            mask_thrown(error, secrets);
        }
        Outcome::TimedOut { stack, .. } => mask_frames(stack, secrets),
        Outcome::NoCallback { known, .. } => known.iter_mut().for_each(|name| *name = secrets.mask(name)),
        Outcome::Rendered { error, data } => {
            error.iter_mut().chain(data).for_each(|value| secrets.mask_value(value));
        }
        Outcome::Returned { value: ReturnValue::Undefined }
        | Outcome::NeverSettles
        | Outcome::NotRendered
        | Outcome::Exited { .. }
        | Outcome::Signalled { .. }
        | Outcome::OutOfMemory { .. } => {}
    }
}

fn mask_thrown(error: &mut Thrown, secrets: &Secrets) {
    error.message = secrets.mask(&error.message);
    if let Some(name) = &mut error.name {
        *name = secrets.mask(name);
    }
    mask_frames(&mut error.stack, secrets);
}

fn mask_frames(stack: &mut [Frame], secrets: &Secrets) {
    for function in stack.iter_mut().filter_map(|frame| frame.function.as_mut()) {
        *function = secrets.mask(function);
    }
}

/// The console method that a line was logged with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// `console.debug`
    Debug,
    /// `console.log`
    Log,
    /// `console.info`
    Info,
    /// `console.warn`
    Warn,
    /// `console.error`
    Error,
}

impl Level {
    /// The console method's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Log => "log",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The level of the console method `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Debug, Self::Log, Self::Info, Self::Warn, Self::Error].into_iter().find(|level| level.name() == name)
    }
}

/// Where a handler process wrote past the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Its standard output.
    Stdout,
    /// Its standard error.
    Stderr,
}

/// Whether the platform granted a host call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerStatus {
    /// The promise is fulfilled with the answer.
    Fulfilled,
    /// The promise is rejected with it.
    Rejected,
}
