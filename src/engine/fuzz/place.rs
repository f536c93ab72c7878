//! The place that failures are put together by.

use crate::model::{Frame, Outcome, Thrown};

/// What tells a failure from others: what the handler did, and the innermost line of the app's that it did it at. Where there is
/// no line, the error's own words; numbers in them are left out, as they are the payload's more often than not.
pub(super) fn of(outcome: &Outcome) -> String {
    let kind = outcome.name();
    match outcome {
        Outcome::Threw { error } | Outcome::Rejected { error, .. } | Outcome::NotLoaded { error } => {
            let name = error.name.as_deref().unwrap_or("value");
            format!("{kind} {name} at {}", error.stack.first().map_or_else(|| words(error), line))
        }
        // Where a loop is stopped is chance; the function that it is in is not.
        Outcome::TimedOut { stack, .. } => match stack.first() {
            Some(frame) => format!("{kind} in {} ({})", frame.function.as_deref().unwrap_or("top level"), frame.file),
            None => kind.to_owned(),
        },
        Outcome::Exited { code } => format!("{kind} with {code}"),
        Outcome::Signalled { signal } => format!("{kind} by {signal}"),
        _ => kind.to_owned(),
    }
}

/// Whether two failures are one. Of a handler that hangs a machine under load may not be told where.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let hangs = |place: &str| place.starts_with(HANGS);
    one == other || (hangs(one) && hangs(other) && (one == HANGS || other == HANGS))
}

/// The place of a time limit that came nobody knows where.
const HANGS: &str = "timed-out";

fn line(frame: &Frame) -> String {
    format!("{}:{}", frame.file, frame.line)
}

fn words(error: &Thrown) -> String {
    let first = error.message.lines().next().unwrap_or_default();
    first.chars().filter(|letter| !letter.is_ascii_digit()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{is_same, of};
    use crate::model::{Frame, Outcome, Thrown};

    fn at(line: u32) -> Vec<Frame> {
        vec![Frame { function: Some("f".to_owned()), file: "server/server.js".to_owned(), line, column: 3 }]
    }

    #[test]
    fn errors_of_one_line_are_one_failure_whatever_they_say() {
        let threw = |line, message: &str| Outcome::Threw {
            error: Thrown {
                name: Some("TypeError".to_owned()),
                message: message.to_owned(),
                stack: at(line),
                hint: None,
            },
        };
        assert_eq!(of(&threw(3, "a")), of(&threw(3, "b")));
        assert_ne!(of(&threw(3, "a")), of(&threw(4, "a")));
    }

    #[test]
    fn a_loop_is_one_failure_wherever_it_is_stopped() {
        let hung = |line| Outcome::TimedOut { limit: Duration::from_secs(1), stack: at(line) };
        assert_eq!(of(&hung(3)), of(&hung(4)));
        let nowhere = of(&Outcome::TimedOut { limit: Duration::from_secs(1), stack: Vec::new() });
        assert!(is_same(&of(&hung(3)), &nowhere) && is_same(&nowhere, &of(&hung(3))));
        assert!(!is_same("timed-out in f (a.js)", "timed-out in g (a.js)") && !is_same("threw", &nowhere));
    }
}
