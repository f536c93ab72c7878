//! A load as a page: to be looked at in a browser, with nothing to be fetched and no script.

use std::fmt::Write as _;
use std::time::Duration;

use super::chart;
use super::{load_time, mebibytes};
use crate::model::{Latencies, LoadReport, PERCENTILES};

/// How the page looks.
const STYLE: &str = include_str!("page.css");

/// The page.
pub fn load_html(report: &LoadReport) -> String {
    let title = format!("Load: {}", report.run.events.join(" and "));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n<main>\n",
        escaped(&title)
    );
    push_head(&mut page, report, &title);
    push_expectations(&mut page, report);
    push_figures(&mut page, report);
    push_charts(&mut page, report);
    push_times(&mut page, report);
    push_outcomes(&mut page, report);
    push_failures(&mut page, report);
    push_memory(&mut page, report);
    let _ = write!(page, "<h2>Repeat it</h2>\n<pre>{}</pre>\n", escaped(&report.command));
    for notice in &report.notices {
        let _ = writeln!(page, "<p class=\"faint\">{}</p>", escaped(notice));
    }
    page.push_str("</main>\n</html>");
    page
}

/// Text as it may stand in a page, control characters made visible.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in crate::text::printable(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn push_head(page: &mut String, report: &LoadReport, title: &str) {
    let run = &report.run;
    let mut facts = vec![format!("{}, {} at a time", run.handler, report.workers)];
    facts.extend(run.users.map(|users| format!("{users} users ({})", run.mix.as_deref().unwrap_or_default())));
    facts.extend(run.shared_realm.then(|| "shared realm".to_owned()));
    facts.extend(run.ramp_ms.map(|ms| format!("ramp {}", load_time(Duration::from_millis(ms)))));
    if report.shards.of > 1 {
        let parts: Vec<String> = report.shards.parts.iter().map(ToString::to_string).collect();
        let whole = format!("all {} shards", report.shards.of);
        let some = format!("shard {} of {}", parts.join(", "), report.shards.of);
        facts.push(if report.shards.is_whole() { whole } else { some });
    }
    facts.extend(report.interrupted.then(|| "interrupted".to_owned()));
    facts.push(format!("simctl {}", report.version));
    let _ = write!(
        page,
        "<h1>{}</h1>\n<p>{}</p>\n<p class=\"faint\">{}</p>\n",
        escaped(title),
        escaped(&run.to),
        escaped(&facts.join(" · "))
    );
}

fn push_expectations(page: &mut String, report: &LoadReport) {
    for expected in &report.expectations {
        let (class, word) = if expected.held { ("good", "held") } else { ("bad", "missed") };
        let by = expected.missed_by.as_ref().map(|by| format!(", which is {by}")).unwrap_or_default();
        let _ = writeln!(
            page,
            "<p><span class=\"{class}\">{word}</span> <code>{}</code>: {}{}</p>",
            escaped(&expected.expect),
            escaped(&expected.measured),
            escaped(&by)
        );
    }
}

fn push_figures(page: &mut String, report: &LoadReport) {
    let time = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), load_time);
    let rate = match report.asked_per_s {
        Some(asked) => format!("{:.1}/s of {asked:.1}/s", report.reached_per_s),
        None => format!("{:.1}/s", report.reached_per_s),
    };
    let mut figures = vec![
        ("deliveries", report.deliveries.to_string()),
        ("errors", report.errors().to_string()),
        ("rate", rate),
        ("p50", time(report.latency.percentile(50.0))),
        ("p99", time(report.latency.percentile(99.0))),
        ("max", time(report.latency.max())),
        ("took", load_time(report.took())),
    ];
    for (name, number) in [("late", report.late), ("never begun", report.unfired), ("cut off", report.cut_off)] {
        if number > 0 {
            figures.push((name, number.to_string()));
        }
    }
    page.push_str("<dl class=\"figures\">\n");
    for (name, value) in figures {
        let _ = writeln!(page, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    page.push_str("</dl>\n");
}

fn push_charts(page: &mut String, report: &LoadReport) {
    let mut push = |title: &str, legend: &[(&str, &str)], svg: &str| {
        let _ = write!(page, "<h2>{title}</h2>\n<p class=\"legend\">");
        for (name, colour) in legend {
            let _ = write!(page, "<span style=\"--c: var(--{colour})\">{name}</span>");
        }
        let _ = writeln!(page, "</p>\n{svg}");
    };
    let percentiles = [("p50", "p50"), ("p99", "p99"), ("max", "max")];
    push("Latency over time", &percentiles, &chart::latency_over_time(&report.series));
    push("Deliveries a second", &[("all", "p50"), ("errors", "bad")], &chart::rate_over_time(&report.series));
    let marks = [("deliveries", "bar"), ("p50", "p50"), ("p99", "p99")];
    push("Distribution of latency", &marks, &chart::distribution(&report.latency));
}

fn push_times(page: &mut String, report: &LoadReport) {
    let head: String = PERCENTILES.iter().map(|(name, _)| format!("<th>{name}")).collect();
    let _ = write!(
        page,
        "<h2>Latency, and where it comes from</h2>\n<div class=\"scroll\"><table>\n<tr><th>{head}<th>max<th>mean\n"
    );
    let rows = [("latency", &report.latency), ("handler", &report.handler), ("queueing", &report.queueing)];
    for (name, latencies) in rows {
        let _ = writeln!(page, "<tr><td>{name}{}", cells(latencies));
    }
    page.push_str("</table></div>\n<p class=\"faint\">Latency is counted from the time at which a delivery was due; what is not the handler's is waiting.</p>\n");
}

fn cells(latencies: &Latencies) -> String {
    let times = PERCENTILES.iter().map(|&(_, percent)| latencies.percentile(percent));
    let times = times.chain([latencies.max(), latencies.mean()]);
    times.map(|time| format!("<td>{}", time.map_or_else(|| "-".to_owned(), load_time))).collect()
}

fn push_outcomes(page: &mut String, report: &LoadReport) {
    page.push_str("<h2>Outcomes</h2>\n<table>\n");
    for (name, count) in &report.outcomes {
        let _ = writeln!(page, "<tr><td>{}<td>{count}", escaped(name));
    }
    page.push_str("</table>\n");
}

fn push_failures(page: &mut String, report: &LoadReport) {
    if report.failures.is_empty() {
        return;
    }
    page.push_str("<h2>Failures, the first of each kind</h2>\n");
    for failure in &report.failures {
        let place = failure.place.as_ref().map(|place| format!(" at {place}")).unwrap_or_default();
        let _ = write!(
            page,
            "<p><span class=\"bad\">{}</span>{}<br><span class=\"faint\">{}, {} times, first in delivery {}</span></p>\n<pre>{}</pre>\n",
            escaped(&failure.what),
            escaped(&place),
            escaped(&failure.event),
            failure.count,
            failure.index,
            escaped(&failure.repeat)
        );
    }
}

fn push_memory(page: &mut String, report: &LoadReport) {
    let memory = &report.memory;
    let many = report.shards.parts.len() > 1;
    let rows: Vec<_> = memory
        .workers
        .iter()
        .map(|one| ("worker", one))
        .chain(memory.simctl.iter().map(|one| ("simctl", one)))
        .collect();
    if rows.iter().all(|(_, taken)| taken.end_bytes.is_none()) {
        return;
    }
    page.push_str(
        "<h2>Memory</h2>\n<div class=\"scroll\"><table>\n<tr><th>process<th>at start<th>at end<th>processes\n",
    );
    for (name, taken) in rows {
        let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), mebibytes);
        let shard = if many { format!(" of shard {}", taken.shard) } else { String::new() };
        let number = if name == "worker" { format!(" {}", taken.number) } else { String::new() };
        let (start, end) = (bytes(taken.start_bytes), bytes(taken.end_bytes));
        let _ = writeln!(page, "<tr><td>{name}{number}{shard}<td>{start}<td>{end}<td>{}", taken.processes);
    }
    page.push_str("</table></div>\n");
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_that_an_app_says_is_markup() {
        assert_eq!(escaped("<b a='\"'>&"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;");
        assert!(!escaped("\u{1b}[31m").contains('\u{1b}'));
    }
}
