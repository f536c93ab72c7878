//! Several reporters, fed alike.

use std::io;

use serde_json::Value;

use super::Reporter;
use crate::model::RunEvent;

/// Bytes of calls to the platform that one delivery is told with; an app can make them in a loop.
const MOST_CALLED: usize = 16 * 1024 * 1024;

/// Feeds every reporter; one that fails is dropped and the others go on.
#[derive(Default)]
pub struct FanOut {
    reporters: Vec<(String, Box<dyn Reporter>)>,
    failures: Vec<(String, io::Error)>,
    /// Of the delivery at hand: bytes of its calls, and how many calls were too much.
    called: usize,
    dropped: u64,
}

impl FanOut {
    /// No reporters yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a reporter that writes to `target`, named so in a complaint.
    pub fn add(&mut self, target: impl Into<String>, reporter: Box<dyn Reporter>) {
        self.reporters.push((target.into(), reporter));
    }

    /// Feeds one event to all that are left. Of a delivery that floods the platform with calls, the first are told and the
    /// others counted.
    pub fn on_event(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Call { args, answer, .. } => {
                self.called = self.called.saturating_add(weight(args) + weight(answer));
                if self.called > MOST_CALLED {
                    self.dropped += 1;
                    return;
                }
            }
            RunEvent::DeliveryFinished { .. } => {
                self.called = 0;
                if self.dropped > 0 {
                    let message = format!(
                        "{} calls of the platform are not told: the handler made more than {} MiB of them",
                        std::mem::take(&mut self.dropped),
                        MOST_CALLED >> 20
                    );
                    self.feed(&RunEvent::Notice { message });
                }
            }
            _ => {}
        }
        self.feed(event);
    }

    fn feed(&mut self, event: &RunEvent) {
        let failures = &mut self.failures;
        self.reporters.retain_mut(|(target, reporter)| match reporter.on_event(event) {
            Ok(()) => true,
            Err(error) => {
                failures.push((target.clone(), error));
                false
            }
        });
    }

    /// Whether none is left that could still write.
    pub fn is_empty(&self) -> bool {
        self.reporters.is_empty()
    }

    /// Ends all reporters. What is returned could not be written: the target and why. A reader that closed its end early,
    /// as `head` does, has had what it wanted and is not among them.
    pub fn finish(self) -> Vec<(String, io::Error)> {
        let mut failures = self.failures;
        for (target, reporter) in self.reporters {
            if let Err(error) = reporter.finish() {
                failures.push((target, error));
            }
        }
        failures.retain(|(_, error)| error.kind() != io::ErrorKind::BrokenPipe);
        failures
    }
}

/// About how many bytes a value is in a report.
fn weight(value: &Value) -> usize {
    // Quotes, a comma, and what stands around a call.
    const AROUND: usize = 16;
    AROUND
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(weight).sum(),
            Value::Object(members) => members.iter().map(|(name, value)| name.len() + weight(value)).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;
    use crate::model::{AnswerStatus, Outcome};

    struct Counter {
        seen: Rc<Cell<usize>>,
        fails_with: Option<io::ErrorKind>,
    }

    impl Reporter for Counter {
        fn on_event(&mut self, _: &RunEvent) -> io::Result<()> {
            self.seen.set(self.seen.get() + 1);
            self.fails_with.map_or(Ok(()), |kind| Err(kind.into()))
        }

        fn finish(self: Box<Self>) -> io::Result<()> {
            Ok(())
        }
    }

    fn feed_two(first_fails_with: io::ErrorKind) -> (usize, usize, usize) {
        let (first, second) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let mut all = FanOut::new();
        all.add("first", Box::new(Counter { seen: Rc::clone(&first), fails_with: Some(first_fails_with) }));
        all.add("second", Box::new(Counter { seen: Rc::clone(&second), fails_with: None }));
        for _ in 0..2 {
            all.on_event(&RunEvent::Notice { message: String::new() });
        }
        (first.get(), second.get(), all.finish().len())
    }

    #[test]
    fn one_that_fails_is_dropped_and_the_others_go_on() {
        assert_eq!(feed_two(io::ErrorKind::StorageFull), (1, 2, 1));
    }

    /// Keeps what it is told.
    struct Keeper(Rc<std::cell::RefCell<Vec<RunEvent>>>);

    impl Reporter for Keeper {
        fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
            self.0.borrow_mut().push(event.clone());
            Ok(())
        }

        fn finish(self: Box<Self>) -> io::Result<()> {
            Ok(())
        }
    }

    fn call(bytes: usize) -> RunEvent {
        RunEvent::Call {
            index: 0,
            name: "$db.get".to_owned(),
            args: serde_json::json!(["key"]),
            status: AnswerStatus::Fulfilled,
            answer: serde_json::json!({ "text": "x".repeat(bytes) }),
            took: Duration::ZERO,
        }
    }

    fn end() -> RunEvent {
        RunEvent::DeliveryFinished {
            index: 0,
            outcome: Outcome::NeverSettles,
            excerpt: None,
            start_up: Duration::ZERO,
            handler: Duration::ZERO,
            engine: None,
            repeat: String::new(),
        }
    }

    #[test]
    fn a_flood_of_calls_is_cut_and_told_and_the_next_delivery_is_told_whole() {
        let kept = Rc::default();
        let mut all = FanOut::new();
        all.add("kept", Box::new(Keeper(Rc::clone(&kept))));
        for _ in 0..40 {
            all.on_event(&call(1 << 20));
        }
        all.on_event(&end());
        all.on_event(&call(10));
        all.on_event(&end());
        let kept = kept.borrow();
        let notices: Vec<&str> = kept
            .iter()
            .filter_map(|event| if let RunEvent::Notice { message } = event { Some(message.as_str()) } else { None })
            .collect();
        assert_eq!(notices, ["25 calls of the platform are not told: the handler made more than 16 MiB of them"]);
        assert!(matches!(kept[15], RunEvent::Notice { .. }) && matches!(kept[16], RunEvent::DeliveryFinished { .. }));
        assert!(matches!(kept[17], RunEvent::Call { .. }) && kept.len() == 19);
    }

    #[test]
    fn a_closed_pipe_is_no_complaint() {
        assert_eq!(feed_two(io::ErrorKind::BrokenPipe), (1, 2, 0));
    }
}
