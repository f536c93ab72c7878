//! How often an app may call an object of the platform: counted for each object by itself, told once, and held to where the
//! user asks for it.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Shared, refusal};
use crate::model::{Code, Finding, Findings};

/// How many calls of one object production answers within [`WINDOW`].
pub(super) const CALLS: usize = 50;

/// The time over which calls are counted: the last minute of the simulated clock, wherever it began.
const WINDOW: SignedDuration = SignedDuration::from_mins(1);

/// Counts the calls of one object of the platform.
#[derive(Debug)]
pub(super) struct Meter {
    /// The object, such as `$db`.
    object: &'static str,
    /// When each call of the last minute was made, at most [`CALLS`] of them.
    calls: VecDeque<Timestamp>,
    has_told: bool,
}

impl Meter {
    /// No calls yet of `object`.
    pub(super) const fn new(object: &'static str) -> Self {
        Self { object, calls: VecDeque::new(), has_told: false }
    }

    /// Counts a call that is made now.
    ///
    /// The first one too many is told as a finding.
    ///
    /// # Errors
    /// What the call is rejected with, where it is one too many and limits are held to. Such a call does not count.
    pub(super) fn count(&mut self, shared: &mut Shared<'_>) -> Result<(), Value> {
        let (now, strict) = (shared.now(), shared.setup.strict_limits);
        self.count_at(now, strict, &mut shared.findings)
    }

    fn count_at(&mut self, now: Timestamp, strict: bool, findings: &mut Findings) -> Result<(), Value> {
        while self.calls.front().is_some_and(|&call| now.duration_since(call) >= WINDOW) {
            self.calls.pop_front();
        }
        if self.calls.len() >= CALLS {
            if !self.has_told {
                self.has_told = true;
                findings.push(self.finding(strict));
            }
            if strict {
                return Err(refusal(
                    429,
                    &format!("The limit of {CALLS} calls of {} a minute is exceeded", self.object),
                ));
            }
            self.calls.pop_front();
        }
        self.calls.push_back(now);
        Ok(())
    }

    fn finding(&self, strict: bool) -> Finding {
        let what = format!("`{}` was called more than {CALLS} times within a minute", self.object);
        let then = if strict {
            "the calls beyond that are refused"
        } else {
            "production refuses the calls beyond that; try it with `--strict-limits`"
        };
        Finding::new(Code::CallRate, format!("{what}: {then}"))
            .hint("call it less often for each event, and handle a refusal of status 429")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// A meter that has counted [`CALLS`] calls, one each second from 0 on.
    fn full(strict: bool) -> (Meter, Findings) {
        let (mut meter, mut findings) = (Meter::new("$db"), Findings::new());
        for second in 0..CALLS {
            let second = i64::try_from(second).unwrap_or(0);
            assert_eq!(meter.count_at(at(second), strict, &mut findings), Ok(()));
        }
        assert_eq!(findings, []);
        (meter, findings)
    }

    #[test]
    fn one_call_too_many_is_told_once() {
        let (mut meter, mut findings) = full(false);
        for _ in 0..3 {
            assert_eq!(meter.count_at(at(59), false, &mut findings), Ok(()));
        }
        let codes: Vec<Code> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [Code::CallRate]);
    }

    #[test]
    fn a_strict_meter_refuses_until_the_minute_has_passed() {
        let (mut meter, mut findings) = full(true);
        let refused = meter.count_at(at(59), true, &mut findings);
        assert_eq!(refused.as_ref().err().map(|error| &error["status"]), Some(&Value::from(429)));
        // A minute after the first call there is room for one more, and no other.
        assert_eq!(meter.count_at(at(60), true, &mut findings), Ok(()));
        assert_eq!(meter.count_at(at(60), true, &mut findings), refused);
        assert_eq!(findings.len(), 1);
    }
}
