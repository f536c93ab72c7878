//! Many cases of one event, fired at the app's handler; those that fail, made as small as they can be and put together by
//! the place in the code that they fail at.
//!
//! Each case finds the app as it was installed: `$db` is empty and the realm is new, so that a case that fails, fails alone
//! too.

mod place;
mod shrink;

use std::time::{Duration, Instant};

use self::shrink::shrink;
use super::bridge::Bridge;
use super::run::{EngineError, deliver, with_syntax_error};
use crate::app::{App, Script};
use crate::handler::{Handler, HandlerError, Interrupt, Launch};
use crate::model::{Delivery, Excerpt, Outcome, RunEvent, Secrets, Thrown};
use crate::payload::{Case, Cases};
use crate::platform::{Services, Setup};

/// How long after [`FuzzPlan::until`] a failure that was found late is still made smaller.
const GRACE: Duration = Duration::from_secs(1);

/// What is fuzzed, how, and for how long.
pub struct FuzzPlan<'a> {
    /// The app.
    pub app: &'a App,
    /// Its `server.js`.
    pub script: &'a Script,
    /// The event's name.
    pub event: &'a str,
    /// The callback that the manifest names for it.
    pub callback: &'a str,
    /// How a handler process is started.
    pub launch: &'a Launch,
    /// The payloads to choose from.
    pub cases: &'a Cases<'a>,
    /// How many are fired at most.
    pub count: Option<u64>,
    /// When no other is begun, nor, a little later, any that makes a failure smaller.
    pub until: Option<Duration>,
    /// Whether cases that break the schema are among them.
    pub invalid: bool,
    /// Whether the event is over when the app calls `renderData`.
    pub ends_by_render: bool,
    /// The platform's services for one case, as if the app had just been installed.
    pub setup: &'a dyn Fn() -> Setup<'a>,
    /// Where the first of the app's files that does not parse goes wrong.
    pub syntax_error: Option<Thrown>,
    /// What must reach no output.
    pub secrets: &'a Secrets,
}

/// One way in which the handler fails.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The place in the code, and the way in which it fails there: what failures are put together by.
    pub place: String,
    /// The smallest case that fails so, as far as it was looked for.
    pub case: Case,
    /// Whether it was looked for to the end.
    pub smallest: bool,
    /// How many of the cases failed so.
    pub times: u64,
    /// What the handler did with the smallest case.
    pub outcome: Outcome,
    /// The line that failed.
    pub excerpt: Option<Excerpt>,
    /// How long the handler took.
    pub took: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Fuzzed {
    /// How many cases were fired, those that made a failure smaller not counted.
    pub fired: u64,
    /// How many of them failed.
    pub failed: u64,
    /// The ways in which they did, in the order in which they were found.
    pub failures: Vec<Failure>,
    /// Whether Ctrl-C ended it.
    pub interrupted: bool,
}

/// What the handler did with one case.
struct Seen {
    outcome: Outcome,
    excerpt: Option<Excerpt>,
    took: Duration,
    /// None where it held.
    place: Option<String>,
}

/// Why a case is not made any smaller.
enum Cut {
    /// There is no time left.
    TimeUp,
    Handler(HandlerError),
}

/// Fires the cases; each way to fail is made small when it is found. `show` is told after each case how it goes.
///
/// # Errors
/// Where no handler process can be had.
pub fn fuzz(
    plan: &FuzzPlan<'_>,
    first: Handler,
    interrupt: &Interrupt,
    show: &mut dyn FnMut(&Fuzzed),
) -> Result<Fuzzed, EngineError> {
    let mut gun = Gun { plan, process: Some(first), interrupt };
    let mut fuzzed = Fuzzed::default();
    let result = gun.fire_all(&mut fuzzed, show);
    if let Some(process) = gun.process.take() {
        process.stop();
    }
    match result {
        Err(HandlerError::Interrupted) => fuzzed.interrupted = true,
        Err(error) => return Err(error.into()),
        Ok(()) => {}
    }
    Ok(fuzzed)
}

struct Gun<'g, 'a> {
    plan: &'g FuzzPlan<'a>,
    process: Option<Handler>,
    interrupt: &'g Interrupt,
}

impl Gun<'_, '_> {
    fn fire_all(&mut self, fuzzed: &mut Fuzzed, show: &mut dyn FnMut(&Fuzzed)) -> Result<(), HandlerError> {
        let plan = self.plan;
        let began = Instant::now();
        for number in 0..plan.count.unwrap_or(u64::MAX) {
            show(fuzzed);
            if self.interrupt.is_set() {
                return Err(HandlerError::Interrupted);
            }
            if plan.until.is_some_and(|until| began.elapsed() >= until) {
                break;
            }
            let case = plan.cases.case(number, plan.invalid);
            let seen = self.fire(&case)?;
            fuzzed.fired += 1;
            let Some(place) = seen.place.clone() else { continue };
            fuzzed.failed += 1;
            if let Some(known) = fuzzed.failures.iter_mut().find(|failure| place::is_same(&failure.place, &place)) {
                known.times += 1;
                continue;
            }
            let Seen { outcome, excerpt, took, .. } = seen;
            let mut failure = Failure { place, case, smallest: false, times: 1, outcome, excerpt, took };
            // One that time or Ctrl-C keeps from being made small is told as it is.
            let shrunk = shrink(&failure.case.clone(), plan.cases, &mut |case| -> Result<bool, Cut> {
                if plan.until.is_some_and(|until| began.elapsed() >= until.saturating_add(GRACE)) {
                    return Err(Cut::TimeUp);
                }
                let seen = self.fire(case).map_err(Cut::Handler)?;
                let same = seen.place.filter(|place| place::is_same(&failure.place, place));
                let fails = same.is_some();
                if let Some(place) = same {
                    // Of two, the one that tells more.
                    if place.len() > failure.place.len() {
                        failure.place = place;
                    }
                    (failure.outcome, failure.excerpt, failure.took) = (seen.outcome, seen.excerpt, seen.took);
                    failure.case = case.clone();
                }
                Ok(fails)
            });
            failure.smallest = shrunk.is_ok();
            fuzzed.failures.push(failure);
            if let Err(Cut::Handler(error)) = shrunk {
                return Err(error);
            }
        }
        Ok(())
    }

    fn fire(&mut self, case: &Case) -> Result<Seen, HandlerError> {
        if self.interrupt.is_set() {
            return Err(HandlerError::Interrupted);
        }
        let plan = self.plan;
        let payload = plan.cases.payload(case).to_string();
        let mut services = Services::new((plan.setup)());
        services.start().map_err(HandlerError::from)?;
        // What the handler prints and asks for is told when the case is fired alone.
        let mut unheard = |_: RunEvent| {};
        let entry = (plan.script.name.as_str(), &plan.script.source);
        let mut bridge = Bridge::new(plan.app, &mut services, plan.secrets, entry, &mut unheard);
        bridge.begin(0, plan.event, &payload);
        let delivery = Delivery {
            index: 0,
            event: plan.event.to_owned(),
            callback: plan.callback.to_owned(),
            payload,
            ends_by_render: plan.ends_by_render,
            clock_shift_ms: bridge.clock_shift_ms(),
        };
        let delivered = deliver(plan.launch, &mut self.process, &delivery, &mut bridge, self.interrupt)?;
        let outcome = with_syntax_error(plan.syntax_error.as_ref(), delivered.outcome);
        // A request that no mock answers says nothing of the payload: it would be found again with every case that gets so
        // far. What the handler makes of the refusal counts.
        bridge.take_error();
        let place = (!outcome.held()).then(|| place::of(&outcome));
        Ok(Seen { excerpt: bridge.excerpt(&outcome), place, took: delivered.times.handler, outcome })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grace_is_what_the_documents_say() {
        let said = format!("for {} s more", GRACE.as_secs());
        assert!(include_str!("../../../docs/fuzz.md").contains(&said), "{said}");
    }
}
