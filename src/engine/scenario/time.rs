//! Times and lengths of time as scenarios write them: `90s`, `2h`, `3 days`, `1h 30m`, `2026-02-01T09:00:00Z`.

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// How a length of time is written.
pub(super) const LENGTHS: &str = "write it as `200ms`, `90s`, `2h` or `3 days`";

/// A length of time; days have 24 hours. `None` for what is none, and for nothing at all.
pub(super) fn length(text: &str) -> Option<SignedDuration> {
    let span: Span = text.trim().parse().ok()?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    (length > SignedDuration::ZERO).then_some(length)
}

/// A time, with its offset from UTC.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("2h", 7200), ("3d", 259_200), ("3 days", 259_200), ("1h 30m", 5400)] {
            assert_eq!(length(text), Some(SignedDuration::from_secs(seconds)), "{text}");
        }
        assert_eq!(length("200ms"), Some(SignedDuration::from_millis(200)));
        for text in ["", "0s", "-2h", "soon", "2", "1 month", "1 year"] {
            assert_eq!(length(text), None, "{text}");
        }
    }
}
