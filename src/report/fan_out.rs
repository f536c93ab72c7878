//! Several reporters, fed alike.

use std::io;

use super::Reporter;
use crate::model::RunEvent;

/// Feeds every reporter; one that fails is dropped and the others go on.
#[derive(Default)]
pub struct FanOut {
    reporters: Vec<(String, Box<dyn Reporter>)>,
    failures: Vec<(String, io::Error)>,
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

    /// Feeds one event to all that are left.
    pub fn on_event(&mut self, event: &RunEvent) {
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

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

    #[test]
    fn a_closed_pipe_is_no_complaint() {
        assert_eq!(feed_two(io::ErrorKind::BrokenPipe), (1, 2, 0));
    }
}
