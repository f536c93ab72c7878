//! The flags of `simctl history`, `replay`, `diff` and `users`.

#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments here are help, printed as they stand")]

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{ArgAction, ArgMatches, Args as ClapArgs, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::args::{self, AppFlags, ExternalFlags, HandlerFlags, ListFormat, PlatformFlags, WallFlags, now};
use super::values;
use crate::commands::{
    DeliveryId, ExportForm, HistoryAction, HistoryOptions, PayloadOptions, PayloadSource, ReplayOptions, Target,
    TriggerOptions, UsersAction, UsersOptions,
};
use crate::history::{Filter, Since};
use crate::payload::{Changes, Locale, Override, Variant};

pub(super) const EXAMPLES: &str = "\
Examples:
  simctl history                                       the last deliveries, the newest at the end
  simctl history --event onUserUpdate --outcome failed --since 2h
  simctl history show last                             all that was kept of the newest
  simctl history export 12 payload.json                its payload, for `trigger --payload`
  simctl history export 12 tests/twelve.json --as step > step.yaml";

pub(super) const REPLAY_EXAMPLES: &str = "\
Examples:
  simctl replay last                                   the newest delivery again, the same to the byte
  simctl replay 12 --times 3
  simctl replay 12 --set data.user.email=ada@example.com
  simctl replay 12 --runtime node                      and then: simctl diff 12 last";

pub(super) const DIFF_EXAMPLES: &str = "\
Examples:
  simctl diff 11 12                                    outcome, calls, logs and payload side by side
  simctl diff 12 last --format json";

pub(super) const USERS_EXAMPLES: &str = "\
Examples:
  simctl users list                                    whom deliveries told of, the last one at the end
  simctl users show last
  simctl trigger onUserUpdate --user last --changes email";

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct HistoryFlags {
    #[command(subcommand)]
    verb: Option<HistoryVerb>,
    #[command(flatten)]
    list: HistoryListFlags,
}

#[derive(Debug, ClapArgs)]
struct HistoryListFlags {
    #[command(flatten)]
    app: AppFlags,
    /// Only deliveries of this event
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
    /// Only those that held, that failed, or that ended so
    #[arg(long, value_name = "OUTCOME", value_parser = outcomes())]
    outcome: Option<String>,
    /// Only those since a time, such as 2026-01-31T12:00:00Z, or for so long, such as 30m, 2h or 5d
    #[arg(long, value_name = "TIME", value_parser = values::since)]
    since: Option<Since>,
    /// At most so many, the newest
    #[arg(long, short = 'n', value_name = "N", value_parser = values::number::<usize>, default_value_t = 20)]
    count: usize,
    /// human, or json: a delivery a line
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: ListFormat,
}

fn outcomes() -> PossibleValuesParser {
    PossibleValuesParser::new(Filter::outcomes())
}

#[derive(Debug, Subcommand)]
enum HistoryVerb {
    /// Show all that was kept of one
    Show {
        /// Its number, or last
        #[arg(value_name = "ID", value_parser = delivery)]
        id: DeliveryId,
        /// human or json
        #[arg(long, value_name = "FORMAT", default_value = "human")]
        format: ListFormat,
        #[command(flatten)]
        app: AppFlags,
    },
    /// Write one as a payload, as a file of all that was kept, or as a step of a scenario
    Export {
        /// Its number, or last
        #[arg(value_name = "ID", value_parser = delivery)]
        id: DeliveryId,
        /// The file, which must not be there yet [default: standard output]
        file: Option<PathBuf>,
        /// What it is written as
        #[arg(long = "as", value_name = "FORM", default_value = "payload")]
        form: FormFlag,
        #[command(flatten)]
        app: AppFlags,
    },
    /// Remove them all
    Clear {
        #[command(flatten)]
        app: AppFlags,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormFlag {
    /// The payload alone
    Payload,
    /// All that was kept, as JSON
    Delivery,
    /// A step of a scenario, on standard output; the file holds the delivery that the step fires
    Step,
}

#[derive(Debug, ClapArgs)]
pub(super) struct DiffFlags {
    /// The one before: its number, or last
    #[arg(value_name = "ID", value_parser = delivery)]
    first: DeliveryId,
    /// The one after
    #[arg(value_name = "ID", value_parser = delivery)]
    second: DeliveryId,
    /// human or json
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: ListFormat,
    #[command(flatten)]
    app: AppFlags,
}

#[derive(Debug, ClapArgs)]
pub(super) struct UsersFlags {
    #[command(subcommand)]
    verb: UsersVerb,
}

#[derive(Debug, Subcommand)]
enum UsersVerb {
    /// List them
    List {
        /// human, or json: a user a line
        #[arg(long, value_name = "FORMAT", default_value = "human")]
        format: ListFormat,
        #[command(flatten)]
        app: AppFlags,
    },
    /// Print one as she is now, as JSON
    Show {
        /// Her id, or last
        id: String,
        #[command(flatten)]
        app: AppFlags,
    },
    /// Forget some; all of them or, where one is not known, none
    Delete {
        /// Their ids
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
        #[command(flatten)]
        app: AppFlags,
    },
}

#[derive(Debug, ClapArgs)]
pub(super) struct ReplayFlags {
    /// The delivery's number, or last
    #[arg(value_name = "ID", value_parser = delivery)]
    id: DeliveryId,
    /// How many times
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = values::count, allow_negative_numbers = true)]
    times: u64,
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
    /// The simulated clock [default: that of the delivery]
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    now: Option<Timestamp>,
    /// Set a value: PATH=TEXT, or PATH:=JSON; the other bytes are written anew then
    #[arg(long, value_name = "PATH=TEXT", action = ArgAction::Append)]
    set: Vec<String>,
    /// Leave a value out
    #[arg(long, value_name = "PATH", action = ArgAction::Append)]
    unset: Vec<String>,
    /// Let a payload pass that `--set` made unfit for its schema
    #[arg(long)]
    no_check: bool,
    /// human, json, github or junit, each also with =FILE; may be repeated
    #[arg(long, value_name = "FORMAT", value_parser = values::run_target, action = ArgAction::Append)]
    format: Vec<Target>,
    /// Keep nothing of it in the app's history
    #[arg(long, env = "SIMCTL_NO_HISTORY")]
    no_history: bool,
    #[command(flatten)]
    handler: HandlerFlags,
    #[command(flatten)]
    walls: WallFlags,
    #[command(flatten)]
    platform: PlatformFlags,
    #[command(flatten)]
    external: ExternalFlags,
}

/// A delivery's number, or `last`.
fn delivery(text: &str) -> Result<DeliveryId, String> {
    match text {
        "last" => Ok(DeliveryId::Last),
        number => match number.parse() {
            Ok(id) => Ok(DeliveryId::Number(id)),
            Err(_) => Err("a delivery's number was expected, or `last`".to_owned()),
        },
    }
}

impl HistoryFlags {
    pub(super) fn into_options(self) -> HistoryOptions {
        let is_json = |format: ListFormat| format == ListFormat::Json;
        let (app, action) = match self.verb {
            None => {
                let HistoryListFlags { app, event, outcome, since, count, format } = self.list;
                let filter = Filter { event, outcome, since: None, most: Some(count) };
                (app, HistoryAction::List { filter, since, json: is_json(format) })
            }
            Some(HistoryVerb::Show { id, format, app }) => (app, HistoryAction::Show { id, json: is_json(format) }),
            Some(HistoryVerb::Export { id, file, form, app }) => {
                let form = match form {
                    FormFlag::Payload => ExportForm::Payload,
                    FormFlag::Delivery => ExportForm::Delivery,
                    FormFlag::Step => ExportForm::Step,
                };
                (app, HistoryAction::Export { id, form, file })
            }
            Some(HistoryVerb::Clear { app }) => (app, HistoryAction::Clear),
        };
        HistoryOptions { app: app.into_options(), action, now: now() }
    }
}

impl DiffFlags {
    pub(super) fn into_options(self) -> HistoryOptions {
        let json = self.format == ListFormat::Json;
        let action = HistoryAction::Diff { first: self.first, second: self.second, json };
        HistoryOptions { app: self.app.into_options(), action, now: now() }
    }
}

impl UsersFlags {
    pub(super) fn into_options(self) -> UsersOptions {
        let (app, action) = match self.verb {
            UsersVerb::List { format, app } => (app, UsersAction::List { json: format == ListFormat::Json }),
            UsersVerb::Show { id, app } => (app, UsersAction::Show { id }),
            UsersVerb::Delete { ids, app } => (app, UsersAction::Delete { ids }),
        };
        UsersOptions { app: app.into_options(), action, now: now() }
    }
}

impl ReplayFlags {
    /// What is wrong with the flags taken together, where clap cannot see it.
    pub(super) fn fault(&self, matches: &ArgMatches) -> Option<String> {
        let fault = values::clash(&self.format).or_else(|| self.walls.fault(self.handler.runtime));
        fault.or_else(|| args::pointless(matches, &self.external).map(str::to_owned))
    }

    pub(super) fn into_options(self, overrides: Vec<Override>) -> ReplayOptions {
        let trigger = TriggerOptions {
            event: String::new(),
            app: self.app.into_options(),
            scope: self.module,
            iparams: self.iparams,
            secrets: self.secret,
            handler: self.handler.into_options(&self.walls),
            platform: self.platform.into_options(),
            targets: self.format,
            external: self.external.into_options(),
            schedule: None,
            user: None,
            earlier: None,
            keep: !self.no_history,
            replay_of: None,
            payload: PayloadOptions {
                seed: 0,
                now: self.now.unwrap_or_else(now),
                has_clock: self.now.is_some(),
                count: self.times,
                index: None,
                locale: Locale::default(),
                variant: Variant::default(),
                changes: Changes::Drawn,
                actor: None,
                overrides,
                // The delivery's own takes its place.
                source: PayloadSource::Generated,
                case: None,
                check: !self.no_check,
            },
        };
        ReplayOptions { id: self.id, trigger }
    }
}
