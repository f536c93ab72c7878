//! How long many things took: counted so that percentiles can be told, and so that two counts add up to what one would have
//! counted.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::de::Error as _;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Significant digits that are kept of each value.
const DIGITS: u8 = 3;

/// What there is room for from the beginning on, in microseconds. Most loads stay below it, so that their memory does not grow.
const AT_FIRST_US: u64 = 131_071;

/// The longest time that is told apart: a day, in microseconds. What is longer counts as this.
const LONGEST_US: u64 = 24 * 60 * 60 * 1_000_000;

/// Times, to three digits, from a microsecond to a day. Its JSON form holds every bucket, so that merging loses nothing.
#[derive(Debug, Clone)]
pub struct Latencies {
    /// In microseconds; grows where it is given more than it has room for.
    counts: Histogram<u64>,
    /// The sum of all, in microseconds.
    sum_us: u128,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: empty(), sum_us: 0 }
    }
}

/// One that grows as need be.
fn empty() -> Histogram<u64> {
    let Ok(mut counts) = Histogram::new_with_max(AT_FIRST_US, DIGITS) else {
        unreachable!("the crate refuses more than five digits and less than two values only")
    };
    counts.auto(true);
    counts
}

/// A time in whole microseconds.
fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).min(LONGEST_US)
}

impl Latencies {
    /// Counts one.
    pub fn record(&mut self, time: Duration) {
        self.record_us(micros(time), 1);
    }

    fn record_us(&mut self, us: u64, count: u64) {
        self.sum_us += u128::from(us) * u128::from(count);
        // It grows as need be: no value is out of its range.
        let _ = self.counts.record_n(us, count);
    }

    /// Adds what `other` has counted.
    pub fn merge(&mut self, other: &Self) {
        self.sum_us += other.sum_us;
        // It grows as need be: both have the same digits.
        let _ = self.counts.add(&other.counts);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.counts.len()
    }

    /// The time that `percent` of all do not exceed; nothing where none was counted.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        (self.count() > 0).then(|| Duration::from_micros(self.counts.value_at_percentile(percent)))
    }

    /// The longest.
    pub fn max(&self) -> Option<Duration> {
        (self.count() > 0).then(|| Duration::from_micros(self.counts.max()))
    }

    /// The mean.
    pub fn mean(&self) -> Option<Duration> {
        let count = u128::from(self.count());
        (count > 0).then(|| Duration::from_micros(u64::try_from(self.sum_us / count).unwrap_or(u64::MAX)))
    }

    /// Each bucket that holds something: its time in microseconds, and how many it holds.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.counts.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()))
    }
}

/// The percentiles that are told, by their names.
pub const PERCENTILES: [(&str, f64); 4] = [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9)];

impl Serialize for Latencies {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let us = |time: Option<Duration>| time.map(micros);
        let at = |percent| us(self.percentile(percent));
        let mut fields = out.serialize_struct("Latencies", 9)?;
        fields.serialize_field("count", &self.count())?;
        fields.serialize_field("p50_us", &at(50.0))?;
        fields.serialize_field("p90_us", &at(90.0))?;
        fields.serialize_field("p99_us", &at(99.0))?;
        fields.serialize_field("p99_9_us", &at(99.9))?;
        fields.serialize_field("max_us", &us(self.max()))?;
        fields.serialize_field("mean_us", &us(self.mean()))?;
        fields.serialize_field("sum_us", &u64::try_from(self.sum_us).unwrap_or(u64::MAX))?;
        fields.serialize_field("buckets", &self.buckets().collect::<Vec<_>>())?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Latencies {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        /// What the rest is computed from.
        #[derive(Deserialize)]
        struct Counted {
            count: u64,
            sum_us: u64,
            buckets: Vec<(u64, u64)>,
        }
        let counted = Counted::deserialize(input)?;
        let mut latencies = Self::default();
        let mut total = 0_u64;
        for (us, count) in counted.buckets {
            if us > LONGEST_US * 2 {
                return Err(D::Error::custom("a bucket is longer than a day"));
            }
            total = total.checked_add(count).ok_or_else(|| D::Error::custom("the buckets hold too many"))?;
            latencies.record_us(us, count);
        }
        if total != counted.count {
            return Err(D::Error::custom(format!("the buckets hold {total}, and `count` is {}", counted.count)));
        }
        latencies.sum_us = u128::from(counted.sum_us);
        Ok(latencies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        times.into_iter().for_each(|us| latencies.record(Duration::from_micros(us)));
        latencies
    }

    /// What of it can be told apart.
    fn told(latencies: &Latencies) -> serde_json::Value {
        serde_json::to_value(latencies).unwrap_or_default()
    }

    #[test]
    fn percentiles_are_true_to_three_digits() {
        let latencies = of(1..=100_000);
        for (_, percent) in PERCENTILES {
            let us = latencies.percentile(percent).unwrap_or_default().as_micros() as f64;
            assert!((us / (percent * 1_000.0) - 1.0).abs() < 0.001, "{percent}: {us}");
        }
        assert_eq!(latencies.mean(), Some(Duration::from_micros(50_000)));
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let times = || (0..50_000_u64).map(|n| n * n % 7_000_001);
        let whole = of(times());
        let mut sum = Latencies::default();
        for part in 0..3 {
            sum.merge(&of(times().skip(part).step_by(3)));
        }
        assert_eq!(told(&sum), told(&whole));
    }

    #[test]
    fn nothing_is_lost_on_the_way_through_json() {
        let latencies = of([0, 1, 17, 999, 12_345, 6_789_012, LONGEST_US, u64::MAX]);
        let back: Latencies = serde_json::from_value(told(&latencies)).unwrap_or_default();
        assert_eq!(told(&back), told(&latencies));
    }

    #[test]
    fn counts_that_contradict_each_other_are_refused() {
        let mut json = told(&of([5, 6]));
        json["count"] = 3.into();
        assert!(serde_json::from_value::<Latencies>(json).is_err());
    }

    #[test]
    fn of_nothing_there_is_no_percentile() {
        assert_eq!(Latencies::default().percentile(99.0), None);
        assert_eq!(told(&Latencies::default())["p50_us"], serde_json::Value::Null);
    }
}
