//! What is expected of a load: `p99 < 20ms`, `errors = 0`. Read from the command line, and held against a report.

use std::str::FromStr;
use std::time::Duration;

use crate::model::{Expected, LoadReport};
use crate::report::load_time;
use crate::text::{list, nearest};

/// One expectation.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// As it was written.
    text: String,
    metric: Metric,
    relation: Relation,
    /// Milliseconds, a number, a share of 1, or a number a second: whatever the metric is in.
    bound: f64,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Metric {
    Percentile(f64),
    Max,
    Mean,
    Errors,
    ErrorRate,
    Rate,
    Late,
}

/// What a metric is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Time,
    Number,
    Share,
    PerSecond,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Unequal,
}

const METRICS: [(&str, Metric); 10] = [
    ("p50", Metric::Percentile(50.0)),
    ("p90", Metric::Percentile(90.0)),
    ("p99", Metric::Percentile(99.0)),
    ("p99.9", Metric::Percentile(99.9)),
    ("max", Metric::Max),
    ("mean", Metric::Mean),
    ("errors", Metric::Errors),
    ("error-rate", Metric::ErrorRate),
    ("rate", Metric::Rate),
    ("late", Metric::Late),
];

/// The longer first, so that `<=` is not taken for `<`.
const RELATIONS: [(&str, Relation); 7] = [
    ("<=", Relation::AtMost),
    (">=", Relation::AtLeast),
    ("!=", Relation::Unequal),
    ("==", Relation::Equal),
    ("<", Relation::Less),
    (">", Relation::More),
    ("=", Relation::Equal),
];

impl Metric {
    const fn unit(self) -> Unit {
        match self {
            Self::Percentile(_) | Self::Max | Self::Mean => Unit::Time,
            Self::Errors | Self::Late => Unit::Number,
            Self::ErrorRate => Unit::Share,
            Self::Rate => Unit::PerSecond,
        }
    }

    /// What it is in this report; nothing where there was nothing to measure.
    fn of(self, report: &LoadReport) -> Option<f64> {
        let ms = |time: Option<Duration>| time.map(|time| time.as_secs_f64() * 1e3);
        match self {
            Self::Percentile(percent) => ms(report.latency.percentile(percent)),
            Self::Max => ms(report.latency.max()),
            Self::Mean => ms(report.latency.mean()),
            Self::Errors => Some(report.errors() as f64),
            Self::ErrorRate => {
                let all = report.deliveries + report.unfired + report.cut_off;
                (all > 0).then(|| report.errors() as f64 / all as f64)
            }
            Self::Rate => Some(report.reached_per_s),
            Self::Late => Some(report.late as f64),
        }
    }
}

impl Unit {
    const fn example(self) -> &'static str {
        match self {
            Self::Time => "20ms",
            Self::Number => "0",
            Self::Share => "1%",
            Self::PerSecond => "450/s",
        }
    }

    fn read(self, text: &str) -> Option<f64> {
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let number: f64 = text[..digits].parse().ok()?;
        match (self, text[digits..].trim()) {
            (Self::Time, "us" | "µs") => Some(number / 1e3),
            (Self::Time, "ms") => Some(number),
            (Self::Time, "s") => Some(number * 1e3),
            (Self::Time, "m") => Some(number * 6e4),
            (Self::Share, "%") => Some(number / 100.0),
            (Self::PerSecond, "/m") => Some(number / 60.0),
            // A whole number is a per cent that was forgotten: `error-rate < 1` would hold whatever fails.
            (Self::Share, "") => Some(number).filter(|share| *share < 1.0),
            (Self::Number, "") | (Self::PerSecond, "" | "/s") => Some(number),
            _ => None,
        }
    }

    fn show(self, value: f64) -> String {
        match self {
            Self::Time => load_time(Duration::from_secs_f64((value / 1e3).max(0.0))),
            Self::Number => format!("{value:.0}"),
            Self::Share => format!("{:.2} %", value * 100.0),
            Self::PerSecond => format!("{value:.1}/s"),
        }
    }
}

impl Relation {
    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Less => value < bound,
            Self::AtMost => value <= bound,
            Self::More => value > bound,
            Self::AtLeast => value >= bound,
            Self::Equal => value == bound,
            Self::Unequal => value != bound,
        }
    }
}

impl FromStr for Expectation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || list(METRICS.iter().map(|(name, _)| *name));
        let Some((at, sign, relation)) = first_relation(text) else {
            return Err(format!("`{text}` compares nothing: write it as `p99 < 20ms` or `errors = 0`"));
        };
        let name = text[..at].trim();
        let Some(&(_, metric)) = METRICS.iter().find(|(known, _)| *known == name) else {
            let near = nearest(name, METRICS.iter().map(|(known, _)| *known));
            let hint = near.map_or_else(|| format!("{} are", known()), |near| format!("did you mean `{near}`?"));
            return Err(format!("`{name}` is nothing that is measured: {hint}"));
        };
        let value = text[at + sign.len()..].trim();
        let Some(bound) = metric.unit().read(value) else {
            if metric == Metric::Errors && value.ends_with('%') {
                return Err(format!(
                    "`errors` is a number: a share is `error-rate {} {value}`",
                    &text[at..at + sign.len()]
                ));
            }
            return Err(format!("`{value}` is not what `{name}` is in: write it as `{}`", metric.unit().example()));
        };
        Ok(Self { text: text.trim().to_owned(), metric, relation, bound })
    }
}

fn first_relation(text: &str) -> Option<(usize, &'static str, Relation)> {
    let at = text.find(['<', '>', '=', '!'])?;
    RELATIONS.into_iter().find(|(sign, _)| text[at..].starts_with(sign)).map(|(sign, relation)| (at, sign, relation))
}

impl Expectation {
    /// Whether it says how many deliveries may fail.
    pub(super) const fn is_of_errors(&self) -> bool {
        matches!(self.metric, Metric::Errors | Metric::ErrorRate)
    }

    /// Holds it against a report.
    pub(super) fn check(&self, report: &LoadReport) -> Expected {
        let unit = self.metric.unit();
        let Some(value) = self.metric.of(report) else {
            let measured = "nothing was measured".to_owned();
            return Expected { expect: self.text.clone(), held: false, measured, missed_by: None };
        };
        let held = self.relation.holds(value, self.bound);
        let missed_by = (!held).then(|| match value - self.bound {
            0.0 => format!("just {}", unit.show(self.bound)),
            more if more > 0.0 => format!("{} too much", unit.show(more)),
            less => format!("{} too little", unit.show(-less)),
        });
        Expected { expect: self.text.clone(), held, measured: unit.show(value), missed_by }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Metric, Relation, f64), String> {
        text.parse().map(|Expectation { metric, relation, bound, .. }| (metric, relation, bound))
    }

    #[test]
    fn expectations_are_read() {
        assert_eq!(read("p99 < 20ms"), Ok((Metric::Percentile(99.0), Relation::Less, 20.0)));
        assert_eq!(read("p99.9<=1.5s"), Ok((Metric::Percentile(99.9), Relation::AtMost, 1500.0)));
        assert_eq!(read("max < 800us"), Ok((Metric::Max, Relation::Less, 0.8)));
        assert_eq!(read(" errors = 0 "), Ok((Metric::Errors, Relation::Equal, 0.0)));
        assert_eq!(read("error-rate < 1%"), Ok((Metric::ErrorRate, Relation::Less, 0.01)));
        assert_eq!(read("error-rate < 0.01"), read("error-rate < 1%"));
        assert_eq!(read("rate >= 450/s"), Ok((Metric::Rate, Relation::AtLeast, 450.0)));
    }

    #[test]
    fn what_cannot_be_read_is_told_what_is_known() {
        let wrong = |text: &str| read(text).err().unwrap_or_default();
        assert!(wrong("erors = 1").contains("did you mean `errors`"), "{}", wrong("erors = 1"));
        assert!(wrong("speed < 1").contains("p99.9"), "{}", wrong("speed < 1"));
        assert!(wrong("p99 < 20").contains("write it as `20ms`"));
        assert!(wrong("error-rate < 1").contains("write it as `1%`"));
        assert!(wrong("errors = 1").is_empty());
        assert!(wrong("errors < 1%").contains("`error-rate < 1%`"));
        assert!(wrong("errors = x").contains("write it as `0`"));
        assert!(wrong("p99").contains("compares nothing"));
        for bad in ["", "<", "p99 <", "p99 < ms", "p99 =< 1ms", "p99 < -1ms"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
