//! A load: as a person reads it at a prompt, and as a page with charts.

mod chart;
mod html;
mod human;

use std::time::Duration;

pub use html::load_html;
pub use human::load_summary;

use super::Verbosity;
use super::human::{advice, describe_with};
use crate::model::{Code, Outcome};

/// A failure in a line.
pub fn describe_failure(outcome: &Outcome, fault: Option<Code>) -> String {
    let what = describe_with(outcome, fault, Verbosity::Normal);
    let line = what.lines().next().unwrap_or_default().to_owned();
    match advice(outcome) {
        Some(advice) => format!("{line} ({advice})"),
        None => line,
    }
}

/// A time that was measured, to three digits: `0.041 ms`, `4.12 ms`, `412 ms`, `4.12 s`.
pub fn load_time(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms >= 999.5 { three_digits(ms / 1e3, "s") } else { three_digits(ms, "ms") }
}

fn three_digits(value: f64, unit: &str) -> String {
    let places = match value {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        value if value >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.places$} {unit}")
}

/// Bytes as `12.3 MiB`.
fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::load_time;
    use std::time::Duration;

    #[test]
    fn times_have_three_digits() {
        let shown = |us| load_time(Duration::from_micros(us));
        assert_eq!(
            [shown(41), shown(4_123), shown(412_345), shown(4_123_456)],
            ["0.041 ms", "4.12 ms", "412 ms", "4.12 s"]
        );
    }
}
