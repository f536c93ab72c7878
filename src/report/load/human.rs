//! The summary of a load, for people.

use std::fmt::Write as _;
use std::time::Duration;

use super::super::{Paint, Verbosity};
use super::{load_time, mebibytes};
use crate::model::{Latencies, LoadReport, LoadRun, PERCENTILES, Taken};
use crate::text::{printable, printable_line};

/// The width of the column of names on the left.
const NAME: usize = 9;

/// The width of a column of times.
const TIME: usize = 10;

/// How many workers' memory is shown each by itself.
const MOST_WORKERS: usize = 8;

/// A load as text: for a prompt, or for the log of a CI job.
pub fn load_summary(report: &LoadReport, paint: Paint, verbosity: Verbosity) -> String {
    let mut text = String::new();
    let is_quiet = verbosity == Verbosity::Quiet;
    if !is_quiet {
        push_head(&mut text, report, paint);
        push_times(&mut text, report, paint);
        push_memory(&mut text, report, verbosity);
        for notice in &report.notices {
            let _ = writeln!(text, "{}: {}", paint.hint("note"), printable_line(notice));
        }
    }
    push_failures(&mut text, report, paint);
    for expected in report.expectations.iter().filter(|expected| !is_quiet || !expected.held) {
        let word = if expected.held { paint.good("   ok") } else { paint.bad(" FAIL") };
        let missed = expected.missed_by.as_ref().map(|by| format!(", which is {by}")).unwrap_or_default();
        let _ = writeln!(text, "{word}  {}: {}{missed}", printable_line(&expected.expect), expected.measured);
    }
    if !is_quiet {
        let _ = writeln!(text, "{}", paint.faint(&format!("repeat: {}", printable(&report.command))));
    }
    text
}

fn push_head(text: &mut String, report: &LoadReport, paint: Paint) {
    let LoadRun { events, handler, to, users, mix, .. } = &report.run;
    let lanes = match (handler.as_str(), report.workers) {
        ("http" | "exec", count) => format!("{count} in flight"),
        (_, 1) => "1 worker".to_owned(),
        (_, count) => format!("{count} workers"),
    };
    let users =
        users.map(|users| format!(", {users} users, {}", mix.as_deref().unwrap_or_default())).unwrap_or_default();
    let shared = if report.run.shared_realm { ", shared realm" } else { "" };
    let shards = match &report.shards {
        shards if shards.of == 1 => String::new(),
        shards if shards.is_whole() => format!(", {} shards", shards.of),
        shards => {
            let parts: Vec<String> = shards.parts.iter().map(ToString::to_string).collect();
            format!(", shard {} of {}", parts.join(", "), shards.of)
        }
    };
    let what = format!("{} at {to}", events.join(" and "));
    let _ = writeln!(
        text,
        "{} {}",
        paint.strong(&printable_line(&what)),
        paint.faint(&format!("({handler}, {lanes}{users}{shared}{shards})"))
    );
    let held = count(report.held, "held");
    let failed = count(report.failed, "failed");
    let failed = if report.failed > 0 { paint.bad(&failed) } else { failed };
    let mut parts = vec![held, failed];
    if report.asked_per_s.is_some() || report.late > 0 {
        parts.push(count(report.late, "late"));
    }
    if report.unfired > 0 {
        parts.push(paint.bad(&count(report.unfired, "never begun")));
    }
    if report.cut_off > 0 {
        parts.push(paint.warn(&count(report.cut_off, "cut off")));
    }
    let interrupted = if report.interrupted { ", interrupted" } else { "" };
    let _ = writeln!(
        text,
        "{} in {}{interrupted}: {}",
        count(report.deliveries, if report.deliveries == 1 { "delivery" } else { "deliveries" }),
        load_time(report.took()),
        parts.join(", ")
    );
    let outcomes: Vec<String> = report.outcomes.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let _ = writeln!(text, "{:<NAME$} {}", "outcomes", outcomes.join(", "));
    // What is reached counts the time in which the rate grew.
    let ramp = report.run.ramp_ms.map(|ms| format!(" after a ramp of {}", load_time(Duration::from_millis(ms))));
    let rate = match report.asked_per_s {
        Some(asked) => {
            format!("{:.1}/s reached, {asked:.1}/s asked for{}", report.reached_per_s, ramp.unwrap_or_default())
        }
        None => format!("{:.1}/s", report.reached_per_s),
    };
    let _ = writeln!(text, "{:<NAME$} {rate}", "rate");
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}")
}

fn push_times(text: &mut String, report: &LoadReport, paint: Paint) {
    let names = PERCENTILES.iter().map(|(name, _)| *name).chain(["max"]);
    let head: String = names.map(|name| format!("{name:>TIME$}")).collect();
    let _ = writeln!(text, "{:<NAME$} {}", "", paint.faint(&head));
    let rows = [("latency", &report.latency), ("handler", &report.handler), ("queueing", &report.queueing)];
    for (name, latencies) in rows {
        let _ = writeln!(text, "{name:<NAME$} {}", row(latencies));
    }
}

fn row(latencies: &Latencies) -> String {
    let times = PERCENTILES.iter().map(|&(_, percent)| latencies.percentile(percent)).chain([latencies.max()]);
    times.map(|time| format!("{:>TIME$}", time.map_or_else(|| "-".to_owned(), load_time))).collect()
}

fn push_memory(text: &mut String, report: &LoadReport, verbosity: Verbosity) {
    let workers = &report.memory.workers;
    let most = if verbosity == Verbosity::Verbose { usize::MAX } else { MOST_WORKERS };
    let many_shards = report.shards.parts.len() > 1;
    // Where they are many, those that grew most are the ones to look at.
    let mut shown: Vec<&Taken> = workers.iter().filter(|taken| grown(taken).is_some()).collect();
    if shown.len() > most {
        shown.sort_by_key(|taken| std::cmp::Reverse(grown(taken)));
    }
    for (at, taken) in shown.iter().take(most).enumerate() {
        let (Some(start), Some(end)) = (taken.start_bytes, taken.end_bytes) else { continue };
        let name = if at == 0 { "memory" } else { "" };
        let shard = if many_shards { format!(" of shard {}", taken.shard) } else { String::new() };
        let again = match taken.processes {
            1 => String::new(),
            count => format!(", {count} processes one after the other"),
        };
        let _ = writeln!(
            text,
            "{name:<NAME$} worker {}{shard}: {} at start, {} at end{again}",
            taken.number,
            mebibytes(start),
            mebibytes(end)
        );
    }
    if shown.len() > most {
        let _ = writeln!(text, "{:<NAME$} and {} workers that grew less", "", shown.len() - most);
    }
}

/// By how much a process grew.
fn grown(taken: &Taken) -> Option<u64> {
    Some(taken.end_bytes?.saturating_sub(taken.start_bytes?))
}

fn push_failures(text: &mut String, report: &LoadReport, paint: Paint) {
    for failure in &report.failures {
        let times = match failure.count {
            1 => format!("delivery {}", failure.index),
            count => format!("{count} times, first in delivery {}", failure.index),
        };
        let _ = writeln!(
            text,
            "{}  {} {}",
            paint.bad(" FAIL"),
            printable_line(&failure.what),
            paint.faint(&format!("({}, {times})", failure.event))
        );
        if let Some(place) = &failure.place {
            let _ = writeln!(text, "  {} {}", paint.faint("-->"), printable_line(place));
        }
        let _ = writeln!(text, "      {}", paint.faint(&printable(&failure.repeat)));
    }
}
