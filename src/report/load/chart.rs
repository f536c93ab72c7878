//! Charts of a load, as SVG: latency over time, rate over time, and how latencies are distributed.
//!
//! Drawn for a page that is as narrow as a telephone: the text keeps its size, and the chart takes the width that there is.

use std::fmt::Write as _;
use std::time::Duration;

use super::load_time;
use crate::model::{Interval, Latencies, Series};

/// The coordinates that charts are drawn in.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;

/// What is left free for numbers.
const LEFT: f64 = 92.0;
const BOTTOM: f64 = 26.0;
const TOP: f64 = 20.0;
const RIGHT: f64 = 12.0;

/// A line in a chart.
struct Line {
    /// Its class, which gives it its colour.
    class: &'static str,
    points: Vec<(f64, f64)>,
}

/// What a chart is drawn in: the values at its edges.
struct Frame {
    x: (f64, f64),
    y: (f64, f64),
    is_log: bool,
}

impl Frame {
    fn x(&self, value: f64) -> f64 {
        let span = (self.x.1 - self.x.0).max(f64::MIN_POSITIVE);
        LEFT + (value - self.x.0) / span * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let at = |value: f64| if self.is_log { value.max(1e-9).log10() } else { value };
        let (low, high) = (at(self.y.0), at(self.y.1));
        let share = (at(value) - low) / (high - low).max(1e-9);
        HEIGHT - BOTTOM - share.clamp(0.0, 1.0) * (HEIGHT - BOTTOM - TOP)
    }
}

/// Latency over time: the median, the 99th percentile and the longest of each interval.
pub(super) fn latency_over_time(series: &Series) -> String {
    let of = |percent: f64| -> Vec<(f64, f64)> {
        timed(series).filter_map(|(at, interval)| Some((at, ms(interval.percentile(percent)?)))).collect()
    };
    let lines = [
        Line { class: "max", points: of(100.0) },
        Line { class: "p99", points: of(99.0) },
        Line { class: "p50", points: of(50.0) },
    ];
    let values = || lines.iter().flat_map(|line| &line.points).map(|point| point.1);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    if high == 0.0 {
        return empty();
    }
    let frame = Frame { x: (0.0, seconds(series)), y: decades(low, high), is_log: true };
    let mut svg = open("Latency over time, on a logarithmic scale");
    let mut tick = frame.y.0;
    while tick <= frame.y.1 * 1.001 {
        horizontal(&mut svg, frame.y(tick), &load_time(Duration::from_secs_f64(tick / 1e3)));
        tick *= 10.0;
    }
    time_axis(&mut svg, &frame);
    lines.iter().for_each(|line| draw(&mut svg, &frame, line));
    svg + "</svg>"
}

/// Deliveries a second over time, and those of them that did not hold.
pub(super) fn rate_over_time(series: &Series) -> String {
    let every = series.every().as_secs_f64();
    let of = |count: fn(&Interval) -> u64| -> Vec<(f64, f64)> {
        timed(series).map(|(at, interval)| (at, count(interval) as f64 / every)).collect()
    };
    let lines = [
        Line { class: "rate", points: of(|interval| interval.deliveries) },
        Line { class: "errors", points: of(|interval| interval.errors) },
    ];
    let high = lines[0].points.iter().map(|point| point.1).fold(0.0, f64::max);
    if high == 0.0 {
        return empty();
    }
    let step = nice(high / 4.0);
    let frame = Frame { x: (0.0, seconds(series)), y: (0.0, (high / step).ceil() * step), is_log: false };
    let mut svg = open("Deliveries a second over time");
    let mut tick = 0.0;
    while tick <= frame.y.1 * 1.001 {
        horizontal(&mut svg, frame.y(tick), &format!("{tick}/s"));
        tick += step;
    }
    time_axis(&mut svg, &frame);
    lines.iter().for_each(|line| draw(&mut svg, &frame, line));
    svg + "</svg>"
}

/// How many deliveries took how long: a bar for each tenth of a decade, or so.
pub(super) fn distribution(latencies: &Latencies) -> String {
    const PER_DECADE: f64 = 12.0;
    let step_of = |us: u64| ((us.max(1) as f64).log10() * PER_DECADE).floor() as i64;
    let mut bars: Vec<(i64, u64)> = Vec::new();
    for (us, count) in latencies.buckets() {
        match bars.last_mut() {
            Some((step, sum)) if *step == step_of(us) => *sum += count,
            _ => bars.push((step_of(us), count)),
        }
    }
    let (Some(&(first, _)), Some(&(last, _))) = (bars.first(), bars.last()) else { return empty() };
    // A decade at least, so that two bars do not look like a wall.
    let (low, high) = (first as f64 - 2.0, (last as f64 + 3.0).max(first as f64 + PER_DECADE));
    let most = bars.iter().map(|&(_, count)| count).max().unwrap_or(1) as f64;
    let step = nice(most / 4.0).max(1.0);
    let frame = Frame { x: (low, high), y: (0.0, (most / step).ceil() * step), is_log: false };
    let mut svg = open("How many deliveries took how long");
    let mut tick = 0.0;
    while tick <= frame.y.1 * 1.001 {
        horizontal(&mut svg, frame.y(tick), &format!("{tick}"));
        tick += step;
    }
    let decade = (low / PER_DECADE).ceil() as i32..=(high / PER_DECADE).floor() as i32;
    for exponent in decade {
        let label = load_time(Duration::from_secs_f64(10_f64.powi(exponent) / 1e6));
        vertical(&mut svg, frame.x(f64::from(exponent) * PER_DECADE), &label);
    }
    for (step, count) in bars {
        let (left, right) = (frame.x(step as f64), frame.x(step as f64 + 1.0));
        let top = frame.y(count as f64);
        let from = load_time(Duration::from_secs_f64(10_f64.powf(step as f64 / PER_DECADE) / 1e6));
        let to = load_time(Duration::from_secs_f64(10_f64.powf((step + 1) as f64 / PER_DECADE) / 1e6));
        let _ = write!(
            svg,
            "<rect class=\"bar\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{count} deliveries from {from} to {to}</title></rect>",
            (right - left - 1.0).max(1.0),
            (HEIGHT - BOTTOM - top).max(1.0)
        );
    }
    for (class, percent) in [("p50", 50.0), ("p99", 99.0)] {
        if let Some(time) = latencies.percentile(percent) {
            let x = frame.x((ms(time) * 1e3).max(1.0).log10() * PER_DECADE);
            let _ = write!(
                svg,
                "<line class=\"{class} mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{}\"/>",
                HEIGHT - BOTTOM
            );
        }
    }
    svg + "</svg>"
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Each interval with the time of its middle, in seconds.
fn timed(series: &Series) -> impl Iterator<Item = (f64, &Interval)> {
    let every = series.every().as_secs_f64();
    series.intervals().iter().enumerate().map(move |(at, interval)| ((at as f64 + 0.5) * every, interval))
}

fn seconds(series: &Series) -> f64 {
    series.every().as_secs_f64() * series.intervals().len() as f64
}

/// Powers of ten around two values.
fn decades(low: f64, high: f64) -> (f64, f64) {
    let (low, high) = (low.max(1e-3).log10().floor(), high.max(1e-3).log10().ceil());
    (10_f64.powf(low), 10_f64.powf(if high > low { high } else { low + 1.0 }))
}

/// The least of 1, 2, 5, 10, 20, … that is not below `value`.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|step| *step >= value).unwrap_or(power * 10.0)
}

fn open(title: &str) -> String {
    format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">")
}

fn empty() -> String {
    "<p class=\"faint\">There is nothing to draw.</p>".to_owned()
}

fn horizontal(svg: &mut String, y: f64, label: &str) {
    let _ = write!(
        svg,
        "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
        WIDTH - RIGHT,
        LEFT - 6.0,
        y + 4.0
    );
}

fn vertical(svg: &mut String, x: f64, label: &str) {
    let _ = write!(
        svg,
        "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{}\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
        HEIGHT - BOTTOM,
        HEIGHT - 8.0
    );
}

fn time_axis(svg: &mut String, frame: &Frame) {
    let step = nice(frame.x.1 / 6.0).max(1.0);
    let mut tick = 0.0;
    while tick <= frame.x.1 * 1.001 {
        vertical(svg, frame.x(tick), &format!("{tick} s"));
        tick += step;
    }
}

fn draw(svg: &mut String, frame: &Frame, line: &Line) {
    let place = |&(x, y): &(f64, f64)| (frame.x(x), frame.y(y));
    if let [point] = line.points.as_slice() {
        let (x, y) = place(point);
        let _ = write!(svg, "<circle class=\"{} dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>", line.class);
        return;
    }
    let points: Vec<String> = line.points.iter().map(place).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = write!(svg, "<polyline class=\"{}\" points=\"{}\"/>", line.class, points.join(" "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_numbers() {
        assert_eq!([nice(0.3), nice(1.0), nice(3.4), nice(70.0), nice(120.0)], [0.5, 1.0, 5.0, 100.0, 200.0]);
    }

    #[test]
    fn nothing_gives_no_chart_and_no_number_that_is_none() {
        let none = [
            latency_over_time(&Series::default()),
            rate_over_time(&Series::default()),
            distribution(&Latencies::default()),
        ];
        assert!(none.iter().all(|chart| chart == &empty()));
        let (mut series, mut latencies) = (Series::default(), Latencies::default());
        series.record(Duration::ZERO, Duration::ZERO, true, false);
        latencies.record(Duration::ZERO);
        for chart in [latency_over_time(&series), rate_over_time(&series), distribution(&latencies)] {
            assert!(chart.starts_with("<svg") && !chart.contains("NaN") && !chart.contains("inf"), "{chart}");
        }
    }
}
