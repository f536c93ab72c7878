//! A run over time: what happened in each second of it, or in each few of them where it was long.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many intervals are kept. When there would be more, each two become one.
const MOST: usize = 120;

/// How long an interval is at first.
const SECOND_MS: u64 = 1_000;

/// Steps between one time and its double: a step is four hundredths.
const STEPS: f64 = 16.0;

/// What happened in each interval of a run. Bounded, however long the run.
#[derive(Debug, Clone)]
pub struct Series {
    every_ms: u64,
    intervals: Vec<Interval>,
}

/// What happened in one interval.
#[derive(Debug, Clone, Default)]
pub struct Interval {
    /// Deliveries that ended in it.
    pub deliveries: u64,
    /// Those of them that did not hold.
    pub errors: u64,
    /// Those that began late.
    pub late: u64,
    /// How many took how long: a step on a logarithmic scale, and a count; in the order of the steps.
    steps: Vec<(u16, u32)>,
}

impl Default for Series {
    fn default() -> Self {
        Self { every_ms: SECOND_MS, intervals: Vec::with_capacity(MOST) }
    }
}

impl Series {
    /// Counts a delivery that ended so long after the run began.
    pub fn record(&mut self, at: Duration, latency: Duration, held: bool, late: bool) {
        let at_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        while at_ms / self.every_ms >= MOST as u64 {
            self.coarsen();
        }
        let index = usize::try_from(at_ms / self.every_ms).unwrap_or(MOST - 1);
        if self.intervals.len() <= index {
            // Deliveries end in the order of time: nothing more comes to the last one.
            self.intervals.last_mut().into_iter().for_each(Interval::pack);
            self.intervals.resize_with(index + 1, Interval::default);
        }
        let interval = &mut self.intervals[index];
        interval.deliveries += 1;
        interval.errors += u64::from(!held);
        interval.late += u64::from(late);
        interval.add(step_of(latency), 1);
    }

    /// Each two intervals become one.
    fn coarsen(&mut self) {
        self.every_ms *= 2;
        for first in 0..self.intervals.len().div_ceil(2) {
            let mut whole = std::mem::take(&mut self.intervals[first * 2]);
            if let Some(second) = self.intervals.get_mut(first * 2 + 1).map(std::mem::take) {
                whole.merge(&second);
            }
            whole.pack();
            self.intervals[first] = whole;
        }
        self.intervals.truncate(self.intervals.len().div_ceil(2));
    }

    /// Adds what `other` has counted, interval by interval.
    pub fn merge(&mut self, other: &Self) {
        let mut other = other.clone();
        while self.every_ms < other.every_ms {
            self.coarsen();
        }
        while other.every_ms < self.every_ms {
            other.coarsen();
        }
        if self.intervals.len() < other.intervals.len() {
            self.intervals.resize_with(other.intervals.len(), Interval::default);
        }
        self.intervals.iter_mut().zip(&other.intervals).for_each(|(own, more)| own.merge(more));
    }

    /// Adds the last two intervals of `other`, as one and the only one: how it goes at the moment.
    pub fn merge_latest(&mut self, other: &Self) {
        if self.intervals.is_empty() {
            self.intervals.push(Interval::default());
        }
        let last = other.intervals.len().saturating_sub(2);
        other.intervals[last..].iter().for_each(|more| self.intervals[0].merge(more));
    }

    /// How long each interval is.
    pub const fn every(&self) -> Duration {
        Duration::from_millis(self.every_ms)
    }

    /// The intervals, in their order from the beginning of the run on.
    pub fn intervals(&self) -> &[Interval] {
        &self.intervals
    }
}

impl Interval {
    fn add(&mut self, step: u16, count: u32) {
        match self.steps.binary_search_by_key(&step, |&(step, _)| step) {
            Ok(at) => self.steps[at].1 = self.steps[at].1.saturating_add(count),
            Err(at) => self.steps.insert(at, (step, count)),
        }
    }

    /// Takes no more memory than need be.
    fn pack(&mut self) {
        self.steps.shrink_to_fit();
    }

    fn merge(&mut self, other: &Self) {
        self.deliveries += other.deliveries;
        self.errors += other.errors;
        self.late += other.late;
        other.steps.iter().for_each(|&(step, count)| self.add(step, count));
    }

    /// The time that `percent` of its deliveries do not exceed, to a few hundredths.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        let total: u64 = self.steps.iter().map(|&(_, count)| u64::from(count)).sum();
        let wanted = (total as f64 * percent / 100.0).ceil().max(1.0) as u64;
        let mut seen = 0;
        let found = self.steps.iter().find(|&&(_, count)| {
            seen += u64::from(count);
            seen >= wanted
        });
        found.map(|&(step, _)| time_of(step))
    }
}

fn step_of(time: Duration) -> u16 {
    let us = time.as_micros().max(1) as f64;
    (us.log2() * STEPS).round() as u16
}

fn time_of(step: u16) -> Duration {
    Duration::from_micros((f64::from(step) / STEPS).exp2().round() as u64)
}

/// The form of a series in JSON. What is computed from the rest is not read back.
#[derive(Serialize, Deserialize)]
struct Form {
    every_ms: u64,
    intervals: Vec<IntervalForm>,
}

#[derive(Serialize, Deserialize)]
struct IntervalForm {
    deliveries: u64,
    errors: u64,
    late: u64,
    #[serde(default)]
    p50_us: Option<u64>,
    #[serde(default)]
    p99_us: Option<u64>,
    #[serde(default)]
    max_us: Option<u64>,
    steps: Vec<(u16, u32)>,
}

impl Serialize for Series {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let us = |time: Option<Duration>| time.and_then(|time| u64::try_from(time.as_micros()).ok());
        let form = |interval: &Interval| IntervalForm {
            deliveries: interval.deliveries,
            errors: interval.errors,
            late: interval.late,
            p50_us: us(interval.percentile(50.0)),
            p99_us: us(interval.percentile(99.0)),
            max_us: us(interval.percentile(100.0)),
            steps: interval.steps.clone(),
        };
        Form { every_ms: self.every_ms, intervals: self.intervals.iter().map(form).collect() }.serialize(out)
    }
}

impl<'de> Deserialize<'de> for Series {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let form = Form::deserialize(input)?;
        let is_power = form.every_ms % SECOND_MS == 0 && (form.every_ms / SECOND_MS).is_power_of_two();
        if !is_power || form.every_ms > SECOND_MS << 20 || form.intervals.len() > MOST {
            return Err(D::Error::custom("the intervals are not those of a load"));
        }
        let interval = |form: IntervalForm| {
            let IntervalForm { deliveries, errors, late, steps, .. } = form;
            let mut interval = Interval { deliveries, errors, late, steps: Vec::new() };
            steps.into_iter().for_each(|(step, count)| interval.add(step, count));
            interval
        };
        Ok(Self { every_ms: form.every_ms, intervals: form.intervals.into_iter().map(interval).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(series: &Series) -> serde_json::Value {
        serde_json::to_value(series).unwrap_or_default()
    }

    fn of(seconds: impl IntoIterator<Item = u64>) -> Series {
        let mut series = Series::default();
        for second in seconds {
            series.record(Duration::from_secs(second), Duration::from_micros(100 + second), second % 7 != 0, false);
        }
        series
    }

    #[test]
    fn a_day_is_kept_in_as_many_intervals_as_two_minutes() {
        let series = of(0..86_400);
        assert!(series.intervals().len() <= MOST);
        assert_eq!(series.intervals().iter().map(|interval| interval.deliveries).sum::<u64>(), 86_400);
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let mut sum = of((0..1_000).step_by(2));
        sum.merge(&of((1..1_000).step_by(2)));
        assert_eq!(told(&sum), told(&of(0..1_000)));
        // One of them was so short that its intervals are still seconds.
        let mut sum = of(0..10);
        sum.merge(&of(10..2_000));
        assert_eq!(told(&sum), told(&of(0..2_000)));
    }

    #[test]
    fn percentiles_are_near_the_truth() {
        let mut series = Series::default();
        for us in 1..=10_000 {
            series.record(Duration::ZERO, Duration::from_micros(us), true, false);
        }
        let p99 = series.intervals()[0].percentile(99.0).unwrap_or_default().as_micros() as f64;
        assert!((p99 / 9_900.0 - 1.0).abs() < 0.05, "{p99}");
    }

    #[test]
    fn nothing_is_lost_on_the_way_through_json() {
        let series = of(0..700);
        let back: Series = serde_json::from_value(told(&series)).unwrap_or_default();
        assert_eq!(told(&back), told(&series));
    }
}
