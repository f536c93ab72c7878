//! The flags of `simctl fuzz`.

#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments here are help, printed as they stand")]

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args as ClapArgs};
use jiff::Timestamp;

use super::args::{AppFlags, HandlerFlags, WallFlags, fresh_seed, now};
use super::values;
use crate::commands::{FuzzOptions, Report, Target};
use crate::payload::{Locale, Variant};

pub(super) const EXAMPLES: &str = "\
Examples:
  simctl fuzz onUserUpdate                             what production could send, each edge of it alone and together
  simctl fuzz onUserUpdate --invalid --for 60s         and what it should not
  simctl fuzz onUserCreate --seed 7 -n 5000
  simctl fuzz onUserUpdate --format human --format junit=fuzz.xml --report html=fuzz.html";

#[derive(Debug, ClapArgs)]
pub(super) struct FuzzFlags {
    /// The event, such as onUserUpdate
    event: String,
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
    /// How many cases [default: 2000, with --for as many as there is time for]
    #[arg(long = "count", short = 'n', value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    count: Option<u64>,
    /// Begin no other case after this time, as 60s; failures are made smaller for one second more
    #[arg(long = "for", value_name = "TIME", value_parser = values::duration)]
    until: Option<Duration>,
    /// Also break the schema, one keyword at one path at a time
    #[arg(long)]
    invalid: bool,
    /// Failures that this run knows do not fail it: what `--format json=FILE` of an earlier one has written
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write each new failure as a scenario into the app's tests/
    #[arg(long)]
    save_scenario: bool,
    /// Draw the cases from this number [default: a new one each time]
    #[arg(long, value_name = "N", env = "SIMCTL_SEED", value_parser = values::number::<u64>, allow_negative_numbers = true)]
    seed: Option<u64>,
    /// The simulated clock, as 2026-01-31T12:00:00Z or in milliseconds [default: now]
    #[arg(long, value_name = "TIME", env = "SIMCTL_NOW", value_parser = values::time)]
    now: Option<Timestamp>,
    /// The language of names, such as en, de_de, fr_fr, ja_jp
    #[arg(long, value_name = "LOCALE", default_value = "en", env = "SIMCTL_LOCALE")]
    locale: Locale,
    /// Which of the two forms is the plain one: as documented, or as the vendor's kit has it
    #[arg(long, value_name = "docs|kit", default_value = "docs", env = "SIMCTL_VARIANT")]
    variant: Variant,
    #[command(flatten)]
    handler: HandlerFlags,
    #[command(flatten)]
    walls: WallFlags,
    /// human, json, github, junit or tap, each also with =FILE; may be repeated
    #[arg(long, value_name = "FORMAT", value_parser = values::fuzz_target, action = ArgAction::Append)]
    format: Vec<Target>,
    /// Write one page that can be kept, sent and printed: html=FILE
    #[arg(long, value_name = "html=FILE", value_parser = values::report, action = ArgAction::Append)]
    report: Vec<Report>,
}

impl FuzzFlags {
    pub(super) fn fault(&self) -> Option<String> {
        values::clash(&self.format)
            .or_else(|| values::clash_of_reports(&self.format, &self.report))
            .or_else(|| self.walls.fault(self.handler.runtime))
    }

    pub(super) fn into_options(self, live: bool) -> FuzzOptions {
        FuzzOptions {
            event: self.event,
            app: self.app.into_options(),
            scope: self.module,
            iparams: self.iparams,
            secrets: self.secret,
            count: self.count,
            until: self.until,
            invalid: self.invalid,
            baseline: self.baseline,
            save_scenario: self.save_scenario,
            seed: self.seed.unwrap_or_else(fresh_seed),
            now: self.now.unwrap_or_else(now),
            locale: self.locale,
            variant: self.variant,
            handler: self.handler.into_options(&self.walls),
            targets: self.format,
            reports: self.report,
            live,
        }
    }
}
