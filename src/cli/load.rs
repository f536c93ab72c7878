//! The flags of `simctl load` and `simctl report`.

#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments here are help, printed as they stand")]

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Component, PathBuf};
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args as ClapArgs, Subcommand};

use super::args::{AppFlags, ExternalFlags, HandlerFlags, PayloadFlags, PlatformFlags, WallFlags, pointless};
use super::values;
use crate::commands::{
    Expectation, LoadFormat, LoadOptions, LoadTargetFile, MOST_SHARDS, MergeOptions, Mix, TriggerOptions, USER_EVENTS,
};
use crate::payload::Override;
use crate::platform::Network;

pub(super) const EXAMPLES: &str = "\
Examples:
  simctl load onUserUpdate -n 1000                     as fast as it goes
  simctl load onUserUpdate --rate 500/s --for 30s      so many a second, whatever becomes of them
  simctl load onUserUpdate --rate 500/s --ramp 10s --for 1m --workers 4
  simctl load --users 1000 --mix create=1,update=9 -n 20000
  simctl load onUserUpdate -n 5000 --to http://127.0.0.1:8080/hook --in-flight 32
  simctl load onUserUpdate -n 1000 --expect 'p99 < 20ms' --expect 'errors = 0'
  simctl load onUserUpdate -n 1000 --report html=load.html --report json=load.json
  simctl load onUserUpdate -n 9000 --seed 7 --now 2026-01-31T12:00:00Z --shard 2/3 --report json=2.json

A delivery that does not hold makes the exit code 1, unless --expect says how many may.";

pub(super) const MERGE_EXAMPLES: &str = "\
Examples:
  simctl report merge 1.json 2.json 3.json             what the whole run came to
  simctl report merge shards/*.json --expect 'p99 < 20ms' --report html=load.html --report json=load.json";

#[derive(Debug, ClapArgs)]
pub(super) struct LoadFlags {
    /// The event, such as onUserUpdate; with --users, those of a user's life
    #[arg(required_unless_present = "users")]
    event: Option<String>,
    #[command(flatten)]
    shape: ShapeFlags,
    #[command(flatten)]
    told: ToldFlags,
    #[command(flatten)]
    app: AppFlags,
    /// Which subscription, where the event is subscribed in several modules
    #[arg(long, value_name = "NAME")]
    module: Option<String>,
    /// Installation parameters [default: config/iparam_test_data.json]
    #[arg(long, value_name = "FILE", env = "SIMCTL_IPARAMS")]
    iparams: Option<PathBuf>,
    /// An installation parameter whose value must reach no output or file, beside those marked secure; may be repeated
    #[arg(long, value_name = "NAME", action = ArgAction::Append)]
    secret: Vec<String>,
    #[command(flatten)]
    handler: HandlerFlags,
    #[command(flatten)]
    walls: WallFlags,
    #[command(flatten)]
    platform: PlatformFlags,
    #[command(flatten)]
    external: ExternalFlags,
    #[command(flatten)]
    payload: PayloadFlags,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Load")]
struct ShapeFlags {
    /// Fire for this long, as 30s or 5m, rather than a number of events
    #[arg(long = "for", value_name = "TIME", value_parser = values::duration, conflicts_with_all = ["count", "index"])]
    time: Option<Duration>,
    /// So many a second, as 500/s or 30/m, whatever becomes of them [default: each when there is somebody to handle it]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<f64>,
    /// Let the rate grow to what it should be over this time
    #[arg(long, value_name = "TIME", value_parser = values::duration, requires = "rate")]
    ramp: Option<Duration>,
    /// Fire the lives of so many users: created, changed, and followed by others
    #[arg(long, value_name = "N", value_parser = values::positive::<NonZeroU64>, conflicts_with_all = ["payload", "sample", "set", "unset"])]
    users: Option<NonZeroU64>,
    /// How creates and updates are mixed [default: create=1,update=9]
    #[arg(long, value_name = "MIX", requires = "users")]
    mix: Option<Mix>,
    /// Handler processes, each with one event at a time [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = values::positive::<NonZeroUsize>, conflicts_with_all = ["to", "exec"])]
    workers: Option<NonZeroUsize>,
    /// Requests, or programs, that are under way at a time [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = values::positive::<NonZeroUsize>)]
    in_flight: Option<NonZeroUsize>,
    /// Load the app once for each worker rather than for each event; quicker, and not what production does
    #[arg(long, conflicts_with_all = ["to", "exec"])]
    shared_realm: bool,
    /// The K-th of N parts of the run, as 2/8; the same seed and clock for all of them
    #[arg(long, value_name = "K/N", value_parser = shard, conflicts_with = "index")]
    shard: Option<(u64, u64)>,
}

/// What is said of a load, and what is expected of it.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Results")]
struct ToldFlags {
    /// What has to hold, as 'p99 < 20ms', 'errors = 0', 'error-rate < 1%' or 'rate >= 450/s'; may be repeated
    #[arg(long, value_name = "EXPECTATION", action = ArgAction::Append)]
    expect: Vec<Expectation>,
    /// json, which can be merged, or html, with charts: json=FILE, html=FILE; may be repeated
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report_target, action = ArgAction::Append)]
    report: Vec<LoadTargetFile>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ReportFlags {
    #[command(subcommand)]
    verb: ReportVerb,
}

#[derive(Debug, Subcommand)]
enum ReportVerb {
    /// Add up the JSON reports of the shards of one load
    #[command(after_help = MERGE_EXAMPLES)]
    Merge {
        /// The shards' reports
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        told: ToldFlags,
    },
}

/// More lanes than this help nobody.
const MOST_LANES: usize = 1_024;

impl LoadFlags {
    /// What is wrong with the flags taken together, where clap cannot see it.
    pub(super) fn fault(&self, matches: &ArgMatches) -> Option<String> {
        let given = |name: &str| {
            matches!(matches.value_source(name), Some(ValueSource::CommandLine | ValueSource::EnvVariable))
        };
        let ShapeFlags { time, rate, in_flight, shard, users, .. } = &self.shape;
        let is_external = self.external.is_given();
        let is_of_a_life = self.event.as_deref().is_none_or(|event| USER_EVENTS.contains(&event));
        let faults = [
            (users.is_some() && !is_of_a_life, "`--users` fires onUserCreate and onUserUpdate: leave the event out"),
            (time.is_none() && !given("count") && !given("index"), "say how much: `-n 1000`, or `--for 30s`"),
            (
                shard.is_some() && !(given("seed") && given("now")),
                "a shard needs `--seed` and `--now`, the same for all of them: else each would fire payloads of its own",
            ),
            (
                shard.is_some() && time.is_some() && rate.is_none(),
                "`--shard` needs `-n` or `--rate`: without them nobody knows how many events the run has",
            ),
            (
                in_flight.is_some() && !is_external,
                "`--in-flight` is for `--to` and `--exec`: a process of an app takes one event at a time, and `--workers` says how many there are",
            ),
            (
                self.platform.network() == Network::Record,
                "`--network record` is for `trigger`: workers that write the same mocks would disturb each other",
            ),
            (
                users.zip(*shard).is_some_and(|(users, (_, of))| users.get() < of),
                "there are fewer users than shards, and the events of a user stay together",
            ),
            (self.lanes().is_some_and(|lanes| lanes > MOST_LANES), "more than 1024 at a time are not supported"),
        ];
        let fault = faults.into_iter().find(|(is_so, _)| *is_so).map(|(_, fault)| fault.to_owned());
        let fault = fault.or_else(|| pointless(matches, &self.external).map(str::to_owned));
        let fault = fault.or_else(|| self.walls.fault(self.handler.runtime));
        fault.or_else(|| clash(&self.told.report))
    }

    fn lanes(&self) -> Option<usize> {
        self.shape.workers.or(self.shape.in_flight).map(NonZeroUsize::get)
    }

    pub(super) fn into_options(self, overrides: Vec<Override>, live: bool) -> LoadOptions {
        let usual = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let lanes = self.lanes().unwrap_or_else(usual);
        let ShapeFlags { time, rate, ramp, users, mix, shared_realm, shard, .. } = self.shape;
        LoadOptions {
            fire: TriggerOptions {
                event: self.event.unwrap_or_else(|| USER_EVENTS[1].to_owned()),
                app: self.app.into_options(),
                scope: self.module,
                iparams: self.iparams,
                secrets: self.secret,
                handler: self.handler.into_options(&self.walls),
                platform: self.platform.into_options(),
                targets: Vec::new(),
                external: self.external.into_options(),
                schedule: None,
                user: None,
                earlier: None,
                // A history that a load fills would hold nothing else.
                keep: false,
                replay_of: None,
                payload: self.payload.into_options(overrides),
            },
            time,
            rate,
            ramp: ramp.unwrap_or_default(),
            users: users.map(NonZeroU64::get),
            mix: mix.unwrap_or_default(),
            lanes,
            shared_realm,
            shard,
            expect: self.told.expect,
            reports: self.told.report,
            live,
        }
    }
}

impl ReportFlags {
    pub(super) fn fault(&self) -> Option<String> {
        let ReportVerb::Merge { told, .. } = &self.verb;
        clash(&told.report)
    }

    pub(super) fn into_options(self) -> MergeOptions {
        let ReportVerb::Merge { files, told } = self.verb;
        MergeOptions { files, expect: told.expect, reports: told.report }
    }
}

/// Two reports in one file, where neither could be read.
fn clash(reports: &[LoadTargetFile]) -> Option<String> {
    let plain = |report: &LoadTargetFile| -> PathBuf {
        report.file.components().filter(|part| *part != Component::CurDir).collect()
    };
    let doubled =
        |(at, report): (usize, &LoadTargetFile)| reports[..at].iter().any(|other| plain(other) == plain(report));
    let report = reports.iter().enumerate().find(|&one| doubled(one)).map(|(_, report)| report)?;
    Some(format!("two reports go to `{}`: give each a file of its own", report.file.display()))
}

/// `500/s`, `30/m`; a bare number is a second's.
fn rate(text: &str) -> Result<f64, String> {
    let expected = || format!("`{text}` is not a rate: write it as `500/s` or `30/m`");
    let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
    let number: f64 = number.trim().parse().map_err(|_| expected())?;
    let per_second = match unit.trim() {
        "s" => number,
        "m" => number / 60.0,
        "h" => number / 3600.0,
        _ => return Err(expected()),
    };
    if !(1.0 / 3600.0..=1_000_000.0).contains(&per_second) {
        return Err(format!("`{text}` is out of range: from 1/h to 1000000/s"));
    }
    Ok(per_second)
}

/// `2/8`, counted from 1; as a number from 0, and of how many.
fn shard(text: &str) -> Result<(u64, u64), String> {
    let expected = || format!("`{text}` is not a part of a run: write it as `2/8`, counted from 1");
    let (part, of) = text.split_once('/').ok_or_else(expected)?;
    let (part, of): (u64, u64) = (part.parse().map_err(|_| expected())?, of.parse().map_err(|_| expected())?);
    if part == 0 || part > of {
        return Err(format!("there is no part {part} of {of}: parts are counted from 1"));
    }
    if of > MOST_SHARDS {
        return Err(format!("a run has at most {MOST_SHARDS} parts"));
    }
    Ok((part - 1, of))
}

/// `json=FILE`, `html=FILE`.
fn report_target(text: &str) -> Result<LoadTargetFile, String> {
    let expected = || format!("`{text}` is not a report: write it as `html=FILE` or `json=FILE`");
    let (format, file) = text.split_once('=').filter(|(_, file)| !file.is_empty()).ok_or_else(expected)?;
    let format = match format {
        "json" => LoadFormat::Json,
        "html" => LoadFormat::Html,
        _ => return Err(expected()),
    };
    Ok(LoadTargetFile { format, file: file.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        assert_eq!(rate("500/s"), Ok(500.0));
        assert_eq!(rate("30/m"), Ok(0.5));
        assert_eq!(rate("12.5"), Ok(12.5));
        for bad in ["", "/s", "5/d", "0/s", "-1/s", "NaN", "inf", "1e12/s"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shards_are_counted_from_1() {
        assert_eq!(shard("1/3"), Ok((0, 3)));
        assert_eq!(shard("3/3"), Ok((2, 3)));
        for bad in ["", "3", "0/3", "4/3", "1/0", "a/b", "1/99999999999"] {
            assert!(shard(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_report_has_a_format_and_a_file() {
        assert!(report_target("html=a.html").is_ok_and(|target| target.format == LoadFormat::Html));
        for bad in ["json", "json=", "=a", "xml=a"] {
            assert!(report_target(bad).is_err(), "{bad}");
        }
    }
}
