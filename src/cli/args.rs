//! The flags, as clap reads them.

#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments here are help, printed as they stand")]

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::complete::{self, CompletionsFlags};
use super::coverage::CoverageFlags;
use super::db::{self, DbFlags};
use super::doctor::{self, DoctorFlags};
use super::flags_of::FlagsOf;
use super::fuzz::{self, FuzzFlags};
use super::history::{self, DiffFlags, HistoryFlags, ReplayFlags, UsersFlags};
use super::init::{self, InitFlags};
use super::load::{self, LoadFlags, ReportFlags};
use super::man::{self, ManFlags};
use super::scenario::ScenarioFlags;
use super::serve::{self, ServeFlags};
use super::types::{self, TypesFlags};
use super::values;
use crate::app::{Level, Rule, Rules};
use crate::commands::{
    AppOptions, CloudEvents, DbChoice, ExplainOptions, ExternalOptions, FileKind, Format, GenerateOptions,
    HandlerOptions, NodeOptions, PayloadOptions, PayloadSource, PlatformOptions, Report, RuntimeChoice,
    ScheduleListOptions, SchemaOptions, Target, TestOptions, TriggerOptions, UserChoice, ValidateOptions,
};
use crate::model::{Finding, Platform};
use crate::payload::{ActorKind, Changes, Locale, Override, Variant};
use crate::platform::Network;

const EXAMPLES: &str = "\
Examples:
  simctl trigger onUserUpdate                      fire a made-up update at the app in this folder
  simctl trigger onUserUpdate --changes email      … one that changed the email address
  simctl trigger onUserCreate --payload user.json  fire what is in a file
  simctl generate onUserCreate -n 1000 > users.ndjson
  simctl validate                                  check the app in this folder, say where each fault is
  simctl test                                      play the scenarios in its tests/

Exit codes: 0 everything held, 1 a handler failed or a file has errors,
2 it cannot be done as asked, 3 this machine is in the way, 130 Ctrl-C.";

const TRIGGER_EXAMPLES: &str = "\
Examples:
  simctl trigger onUserUpdate
  simctl trigger onUserUpdate --seed 7 --index 3       payload 3 of the run with seed 7, again
  simctl trigger onUserUpdate --changes email,phone --actor user
  simctl trigger onUserUpdate --set data.user.email=ada@example.com --unset data.user.phone
  simctl trigger onUserCreate --set 'data.user.properties:=[]'
  simctl trigger onUserCreate --sample                 the app's own server/test_data
  simctl trigger onAppInstall                          waits for renderData; so do the other set-up events
  simctl trigger onUserUpdate --to http://127.0.0.1:8080/hook --cloudevents binary
  simctl trigger onUserUpdate --exec 'python3 handler.py'
  simctl trigger onUserUpdate --watch                  again after each save, told by what differs
  simctl trigger onUserUpdate --user last              the user who was created last, from what she is now
  simctl trigger onUserUpdate --network record         requests really sent, their answers kept in mocks/
  simctl trigger onUserUpdate --secret team_key        one more parameter that no output may show
  simctl trigger onUserCreate -n 100 --format json     one run event a line, for scripts";

const GENERATE_EXAMPLES: &str = "\
Examples:
  simctl generate onUserUpdate                         one payload, indented
  simctl generate onUserUpdate --seed 7 -n 1000        a payload a line
  simctl generate onUserCreate --locale ja_jp --platform 2.3
  simctl generate onUserUpdate --variant kit           as the vendor's kit has them: [old, new]";

const VALIDATE_EXAMPLES: &str = "\
Examples:
  simctl validate                                      the app around this folder, every file of it
  simctl validate payloads/ more.ndjson                all .json and .ndjson below; .ndjson: one payload a line
  simctl validate payload.json --event onUserCreate
  simctl validate --watch                              again after each save, what is new and what is gone
  simctl validate --format human --format sarif=simctl.sarif --format junit=simctl.xml
  curl … | simctl validate - --as payload --format json";

const SCHEDULES_EXAMPLES: &str = "\
Examples:
  simctl schedules list                                the next to fire first
  simctl schedules list --format json                  one a line, for scripts
  simctl schedules fire 'call back'                    fire onScheduledEvent with its data; a one-off is gone then";

const TEST_EXAMPLES: &str = "\
Examples:
  simctl test                                          every scenario below tests/ of the app
  simctl test tests/orders --filter twice              those with `twice` in their name or file
  simctl test --runtime node --jobs 4
  simctl test --list                                   name them, and play none
  simctl test --retries 2                              one that failed is played again, up to twice
  simctl test --format human --format junit=simctl.xml --report html=simctl.html";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  simctl explain                                       all codes
  simctl explain unknown-event                         one, with a wrong and a right example";

/// Fires a chat product's user events at your app's handler, and tells what the handler did
#[derive(Debug, Parser)]
#[command(name = "simctl", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(propagate_version = true, subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Everywhere")]
pub(super) struct Common {
    /// When to colour output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", env = "SIMCTL_COLOR")]
    pub(super) color: ColorWhen,
    /// Say only what failed
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Say more: payloads, whole values, whole stacks
    #[arg(long, short, global = true)]
    pub(super) verbose: bool,
    /// Schemas that add to the built-in ones or replace them
    #[arg(long, global = true, value_name = "DIR", env = "SIMCTL_SCHEMAS")]
    pub(super) schemas: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Also into files and pipes
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Fire an event at the app's handler and tell what the handler did
    #[command(after_help = TRIGGER_EXAMPLES)]
    Trigger(FlagsOf<TriggerFlags>),
    /// Write payloads, repeatable to the byte
    #[command(after_help = GENERATE_EXAMPLES)]
    Generate(FlagsOf<GenerateFlags>),
    /// Find the faults in manifests and payloads, without running anything
    #[command(after_help = VALIDATE_EXAMPLES)]
    Validate(FlagsOf<ValidateFlags>),
    /// Play scenarios: users' lives fired at the app, step by step, and what is expected of it
    #[command(after_help = TEST_EXAMPLES)]
    Test(FlagsOf<TestFlags>),
    /// Fire from a page in the browser: payloads to edit, logs as they come, what was fired before
    #[command(after_help = serve::EXAMPLES)]
    Serve(FlagsOf<ServeFlags>),
    /// Look for payloads that the app's handler does not bear, and make each as plain as it can be
    #[command(after_help = fuzz::EXAMPLES)]
    Fuzz(FlagsOf<FuzzFlags>),
    /// What the app has put off by $schedule: list it, or fire one of it now
    #[command(after_help = SCHEDULES_EXAMPLES)]
    Schedules(FlagsOf<ScheduleFlags>),
    /// Fire many events at the app: how fast it is, and what it does when there is no pause
    #[command(after_help = load::EXAMPLES)]
    Load(FlagsOf<LoadFlags>),
    /// Add up the reports of shards
    #[command(after_help = load::MERGE_EXAMPLES)]
    Report(FlagsOf<ReportFlags>),
    /// Look at what the app has stored with $db, and change it; no code of the app runs
    #[command(after_help = db::EXAMPLES)]
    Db(FlagsOf<DbFlags>),
    /// What was fired at the app and what came of it: list it, show one, write one to a file
    #[command(after_help = history::EXAMPLES)]
    History(FlagsOf<HistoryFlags>),
    /// Fire a delivery of the history again, the same to the byte
    #[command(after_help = history::REPLAY_EXAMPLES)]
    Replay(FlagsOf<ReplayFlags>),
    /// What differs between two deliveries of the history
    #[command(after_help = history::DIFF_EXAMPLES)]
    Diff(FlagsOf<DiffFlags>),
    /// The users whom deliveries told of: list them, show or forget one
    #[command(after_help = history::USERS_EXAMPLES)]
    Users(FlagsOf<UsersFlags>),
    /// The JSON Schemas that payloads and manifests are checked against
    Schema(FlagsOf<SchemaFlags>),
    /// What the code of a finding means, and how to mend what earned it
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(FlagsOf<ExplainFlags>),
    /// Begin an app: a handler, a mock, a scenario, and what CI needs, in new files only
    #[command(after_help = init::EXAMPLES)]
    Init(FlagsOf<InitFlags>),
    /// What this machine and the app have and what they lack, and what to do about it
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(FlagsOf<DoctorFlags>),
    /// A script that makes the shell complete verbs, flags, events, paths in payloads and more
    #[command(after_help = complete::EXAMPLES)]
    Completions(FlagsOf<CompletionsFlags>),
    /// A manual page, for `man -l -`, or all of them into a folder
    #[command(after_help = man::EXAMPLES)]
    Man(FlagsOf<ManFlags>),
}

impl Verb {
    /// What is wrong with the flags taken together, where clap cannot see it.
    pub(super) fn fault(&self, matches: &ArgMatches) -> Option<String> {
        match self {
            Self::Trigger(FlagsOf(flags)) => flags
                .unwatchable()
                .or_else(|| flags.fire.fault())
                .or_else(|| pointless(matches, &flags.fire.external).map(str::to_owned)),
            Self::Schedules(FlagsOf(flags)) => flags.fault(),
            Self::Replay(FlagsOf(flags)) => flags.fault(matches),
            Self::History(_) | Self::Diff(_) | Self::Users(_) => None,
            Self::Test(FlagsOf(flags)) => flags.fault(),
            Self::Fuzz(FlagsOf(flags)) => flags.fault(),
            Self::Load(FlagsOf(flags)) => flags.fault(matches),
            Self::Report(FlagsOf(flags)) => flags.fault(),
            Self::Serve(FlagsOf(flags)) => flags.fault(),
            Self::Validate(FlagsOf(flags)) => values::clash(&flags.format).or_else(|| flags.unwatchable()),
            Self::Generate(_)
            | Self::Db(_)
            | Self::Schema(_)
            | Self::Explain(_)
            | Self::Init(_)
            | Self::Doctor(_)
            | Self::Completions(_)
            | Self::Man(_) => None,
        }
    }
}

/// Flags that say how an app's own callback is run.
const FOR_CALLBACKS: [&str; 6] = ["runtime", "node", "module", "install", "allow_node_globals", "node_permissions"];

/// A flag that was typed and that a handler of that kind has no use for. The same setting in the environment is left alone.
pub(super) fn pointless(matches: &ArgMatches, external: &ExternalFlags) -> Option<&'static str> {
    let typed = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
    let is_external = external.to.is_some() || external.exec.is_some();
    if is_external && FOR_CALLBACKS.into_iter().any(typed) {
        return Some(
            "`--runtime`, `--node`, `--module`, `--install`, `--allow-node-globals` and `--node-permissions` are for an app's own callback, and `--to` and `--exec` take its place",
        );
    }
    if is_external && ["db", "fresh", "strict_limits", "network"].into_iter().any(typed) {
        return Some(
            "`--db`, `--fresh`, `--strict-limits` and `--network` are for the platform's objects, and only an app's own callback has them",
        );
    }
    if external.exec.is_some() && ["header", "cloudevents", "allow_remote"].into_iter().any(typed) {
        return Some("`--header`, `--cloudevents` and `--allow-remote` are for `--to`, and `--exec` posts nothing");
    }
    (external.to.is_some() && typed("memory")).then_some("`--memory` cannot bound what another server takes")
}

#[derive(Debug, ClapArgs)]
pub(super) struct AppFlags {
    /// The app's folder [default: the nearest folder upwards that has a manifest.json]
    #[arg(long, value_name = "DIR", env = "SIMCTL_APP", conflicts_with = "manifest")]
    app: Option<PathBuf>,
    /// The app's manifest, where it is named otherwise
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Payload")]
pub(super) struct PayloadFlags {
    /// Draw the values from this number [default: a new one each time]
    #[arg(long, value_name = "N", env = "SIMCTL_SEED", value_parser = values::number::<u64>, allow_negative_numbers = true)]
    seed: Option<u64>,
    /// The simulated clock, as 2026-01-31T12:00:00Z or in milliseconds [default: now]
    #[arg(long, value_name = "TIME", env = "SIMCTL_NOW", value_parser = values::time)]
    now: Option<Timestamp>,
    /// How many
    #[arg(long, short = 'n', value_name = "N", default_value_t = 1, value_parser = values::count, allow_negative_numbers = true)]
    count: u64,
    /// That payload of the run alone, counted from 0
    #[arg(long, value_name = "I", conflicts_with = "count", value_parser = values::number::<u64>, allow_negative_numbers = true)]
    index: Option<u64>,
    /// The language of names, such as en, de_de, fr_fr, ja_jp
    #[arg(long, value_name = "LOCALE", default_value = "en", env = "SIMCTL_LOCALE")]
    locale: Locale,
    /// Which of the two forms met in the wild: as documented, or as the vendor's kit has it
    #[arg(long, value_name = "docs|kit", default_value = "docs", env = "SIMCTL_VARIANT")]
    variant: Variant,
    /// Which fields of the user changed (email,phone), or how many [default: 1 to 3]
    #[arg(long, value_name = "FIELDS")]
    changes: Option<Changes>,
    /// Who changed them [default: either]
    #[arg(long, value_name = "user|agent")]
    actor: Option<ActorKind>,
    /// Set a value: PATH=TEXT, or PATH:=JSON; PATH is data.user.email, data.user.properties[0].value or a JSON Pointer
    #[arg(long, value_name = "PATH=TEXT", action = ArgAction::Append)]
    set: Vec<String>,
    /// Leave a value out
    #[arg(long, value_name = "PATH", action = ArgAction::Append)]
    unset: Vec<String>,
    /// Take the payload from a file, - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "sample")]
    payload: Option<PathBuf>,
    /// Take the payload from the app's own server/test_data
    #[arg(long)]
    sample: bool,
    /// The payload of one case that `simctl fuzz` has named
    #[arg(long, value_name = "ID", conflicts_with_all = ["payload", "sample", "count"])]
    case: Option<String>,
    /// Let a payload pass that does not fit its schema
    #[arg(long)]
    no_check: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct TriggerFlags {
    /// The event, such as onUserUpdate
    event: String,
    /// Whom it is about: last, a known user's id, or a file with a user; an update begins from what she is now
    #[arg(long, value_name = "last|ID|FILE", conflicts_with_all = ["payload", "sample", "index"], help_heading = "Payload")]
    user: Option<String>,
    /// Fire again whenever a file is saved that the run read, and tell what differs; on a terminal keys do, too
    #[arg(long)]
    pub(super) watch: bool,
    #[command(flatten)]
    fire: FireFlags,
}

/// What the verbs that fire an event at the app share.
#[derive(Debug, ClapArgs)]
pub(super) struct FireFlags {
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
    /// human, json, github or junit, each also with =FILE; may be repeated
    #[arg(long, value_name = "FORMAT", value_parser = values::run_target, action = ArgAction::Append)]
    format: Vec<Target>,
    #[command(flatten)]
    walls: WallFlags,
    #[command(flatten)]
    platform: PlatformFlags,
    #[command(flatten)]
    external: ExternalFlags,
    /// Keep nothing of it in the app's history
    #[arg(long, env = "SIMCTL_NO_HISTORY")]
    no_history: bool,
    #[command(flatten)]
    payload: PayloadFlags,
}

#[derive(Debug, ClapArgs)]
pub(super) struct HandlerFlags {
    /// What runs the handler [auto: embedded, unless the app needs Node.js]
    #[arg(long, value_name = "RUNTIME", default_value = "auto", env = "SIMCTL_RUNTIME")]
    pub(super) runtime: RuntimeFlag,
    /// The handler's time limit, as 20s or 500ms
    #[arg(long, value_name = "TIME", default_value = "20s", env = "SIMCTL_TIMEOUT", value_parser = values::duration)]
    timeout: Duration,
    /// The handler's memory limit
    #[arg(long, value_name = "SIZE", default_value = "256MiB", env = "SIMCTL_MEMORY", value_parser = values::memory)]
    memory: u64,
    /// The program that is Node.js
    #[arg(long, value_name = "PROGRAM", default_value = "node", env = "SIMCTL_NODE")]
    node: PathBuf,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Node.js")]
pub(super) struct WallFlags {
    /// Install the npm packages that the app requires and that are missing: runs npm in the app's server folder
    #[arg(long)]
    install: bool,
    /// Let the handler find setTimeout, Buffer, fetch, URL and the like, which production does not have
    #[arg(long)]
    allow_node_globals: bool,
    /// Let the Node.js process read no file but the app's and start no program (Node.js 20 or newer)
    #[arg(long)]
    node_permissions: bool,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Platform")]
pub(super) struct PlatformFlags {
    /// Where $db and schedules are kept: memory, or a file [default: .simctl/ in the app]
    #[arg(long, value_name = "memory|FILE", env = "SIMCTL_DB", value_parser = values::db)]
    db: Option<DbChoice>,
    /// Begin without what earlier runs have kept
    #[arg(long)]
    fresh: bool,
    /// Hold the app to the platform's limits on calls a minute, rather than warn
    #[arg(long)]
    strict_limits: bool,
    /// Where $request leads: mock answers from mocks/ and sends nothing, record sends what no mock answers and writes its
    /// mock, live sends everything
    #[arg(long, value_name = "MODE", default_value = "mock", env = "SIMCTL_NETWORK")]
    network: NetworkFlag,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum NetworkFlag {
    /// To the files in mocks/; nothing leaves the machine
    Mock,
    /// Out, where no mock answers; the answers are kept in mocks/
    Record,
    /// Out
    Live,
}

impl PlatformFlags {
    /// `--network`
    pub(super) const fn network(&self) -> Network {
        match self.network {
            NetworkFlag::Mock => Network::Mock,
            NetworkFlag::Record => Network::Record,
            NetworkFlag::Live => Network::Live,
        }
    }

    pub(super) fn into_options(self) -> PlatformOptions {
        PlatformOptions { network: self.network(), db: self.db, fresh: self.fresh, strict_limits: self.strict_limits }
    }
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Handlers that are not JavaScript")]
pub(super) struct ExternalFlags {
    /// Post the payload to this URL; a status of 200 to 299 is success. Needs no app
    #[arg(long, value_name = "URL", conflicts_with = "exec")]
    to: Option<String>,
    /// Post it as a CloudEvent 1.0
    #[arg(long, value_name = "MODE", requires = "to")]
    cloudevents: Option<CloudEventsFlag>,
    /// Send this header along, as `Name: value`; may be repeated
    #[arg(long, value_name = "HEADER", requires = "to", action = ArgAction::Append)]
    header: Vec<String>,
    /// Let it be another computer that the URL leads to
    #[arg(long, requires = "to")]
    allow_remote: bool,
    /// Run this program, the payload on its standard input; exit code 0 is success. Needs no app
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CloudEventsFlag {
    /// One JSON object with attributes and payload
    Structured,
    /// Attributes in headers, the payload as the body
    Binary,
}

impl ExternalFlags {
    /// Whether it is something else than an app's callback that gets the payload.
    pub(super) const fn is_given(&self) -> bool {
        self.to.is_some() || self.exec.is_some()
    }

    pub(super) fn into_options(self) -> Option<ExternalOptions> {
        let cloud_events = self.cloudevents.map(|mode| match mode {
            CloudEventsFlag::Structured => CloudEvents::Structured,
            CloudEventsFlag::Binary => CloudEvents::Binary,
        });
        match (self.to, self.exec) {
            (Some(url), _) => {
                Some(ExternalOptions::Http { url, headers: self.header, cloud_events, allow_remote: self.allow_remote })
            }
            (None, Some(command)) => Some(ExternalOptions::Exec { command }),
            (None, None) => None,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum RuntimeFlag {
    /// Embedded, unless the app needs Node.js
    Auto,
    /// QuickJS, compiled into simctl
    Embedded,
    /// Your own Node.js, 18 or newer
    Node,
}

#[derive(Debug, ClapArgs)]
pub(super) struct GenerateFlags {
    /// The event, such as onUserUpdate
    event: String,
    #[command(flatten)]
    app: AppFlags,
    /// The envelope: 2.3 or 3.0 [default: the app's, else 3.0]
    #[arg(long, value_name = "VERSION")]
    platform: Option<Platform>,
    #[command(flatten)]
    payload: PayloadFlags,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ValidateFlags {
    /// Files and folders, - for standard input [default: the app around this folder]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// What the files are, whatever they look like
    #[arg(long = "as", value_name = "KIND")]
    kind: Option<KindFlag>,
    /// The event of payloads that do not name theirs
    #[arg(long, value_name = "EVENT")]
    event: Option<String>,
    /// The platform of payloads whose envelope does not tell: 2.3 or 3.0
    #[arg(long, value_name = "VERSION")]
    platform: Option<Platform>,
    /// Make findings of this code errors; `warnings` means all warnings. The later of these flags wins
    #[arg(long, value_name = "CODE", action = ArgAction::Append)]
    deny: Vec<String>,
    /// Make findings of this code warnings
    #[arg(long, value_name = "CODE", action = ArgAction::Append)]
    warn: Vec<String>,
    /// Leave findings of this code out
    #[arg(long, value_name = "CODE", action = ArgAction::Append)]
    allow: Vec<String>,
    /// Check again whenever a file is saved, and tell what is new and what is gone; Ctrl-C ends it
    #[arg(long)]
    pub(super) watch: bool,
    /// human, json, github, sarif or junit, each also with =FILE; may be repeated
    #[arg(long, value_name = "FORMAT", value_parser = values::check_target, action = ArgAction::Append)]
    format: Vec<Target>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KindFlag {
    /// A manifest.json
    Manifest,
    /// The payload of an event
    Payload,
    /// A config/iparams.json
    Iparams,
    /// A config/requests.json
    Requests,
}

#[derive(Debug, ClapArgs)]
pub(super) struct TestFlags {
    /// Scenarios, and folders of them [default: tests/ in the app]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    app: AppFlags,
    /// Only scenarios that have this text in their name or file
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// How many are played at a time [default: as many as there are processors]
    #[arg(long, short = 'j', value_name = "N", value_parser = values::positive::<NonZeroUsize>)]
    jobs: Option<NonZeroUsize>,
    /// Begin no other once one has failed
    #[arg(long)]
    fail_fast: bool,
    /// How often one that failed is played again; one that then holds is flaky, and does not fail the run
    #[arg(long, value_name = "N", value_parser = values::number::<u64>, default_value_t = 0, hide_default_value = true)]
    retries: u64,
    /// Name them, and play none
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    scenario: ScenarioFlags,
    #[command(flatten)]
    handler: HandlerFlags,
    /// Hold the app to the platform's limits on calls a minute, rather than warn
    #[arg(long)]
    strict_limits: bool,
    /// human, json, github, junit or tap, each also with =FILE; may be repeated
    #[arg(long, value_name = "FORMAT", value_parser = values::test_target, action = ArgAction::Append)]
    format: Vec<Target>,
    /// Write one page that can be kept, sent and printed: html=FILE
    #[arg(long, value_name = "html=FILE", value_parser = values::report, action = ArgAction::Append)]
    report: Vec<Report>,
    #[command(flatten)]
    walls: WallFlags,
    #[command(flatten)]
    coverage: CoverageFlags,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ScheduleFlags {
    #[command(subcommand)]
    pub(super) verb: ScheduleVerb,
}

impl ScheduleFlags {
    fn fault(&self) -> Option<String> {
        match &self.verb {
            ScheduleVerb::List(_) => None,
            ScheduleVerb::Fire(flags) => flags.fault(),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum ScheduleVerb {
    /// List them
    List(ScheduleListFlags),
    /// Fire onScheduledEvent with the data of one
    Fire(Box<ScheduleFireFlags>),
}

#[derive(Debug, ClapArgs)]
pub(super) struct ScheduleListFlags {
    #[command(flatten)]
    app: AppFlags,
    /// Where they are kept: a file [default: .simctl/ in the app]
    #[arg(long, value_name = "memory|FILE", env = "SIMCTL_DB", value_parser = values::db)]
    db: Option<DbChoice>,
    /// The simulated clock, by which some are due [default: now]
    #[arg(long, value_name = "TIME", env = "SIMCTL_NOW", value_parser = values::time)]
    now: Option<Timestamp>,
    /// An installation parameter whose value must not be shown, beside those marked secure; may be repeated
    #[arg(long, value_name = "NAME", action = ArgAction::Append)]
    secret: Vec<String>,
    /// human or json
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: ListFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ListFormat {
    /// For people
    Human,
    /// A JSON object a line
    Json,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ScheduleFireFlags {
    /// The schedule's name
    name: String,
    #[command(flatten)]
    fire: FireFlags,
}

impl ScheduleFireFlags {
    /// What `trigger` takes and a schedule decides by itself.
    fn fault(&self) -> Option<String> {
        let FireFlags { payload, external, platform, .. } = &self.fire;
        let given = [
            (payload.payload.is_some(), "--payload", "the payload has the schedule's own data"),
            (payload.sample, "--sample", "the payload has the schedule's own data"),
            (payload.count != 1, "--count", "a schedule fires once at a time"),
            (payload.index.is_some(), "--index", "a schedule fires once at a time"),
            (platform.fresh, "--fresh", "without what earlier runs have kept there is no schedule to fire"),
            (external.to.is_some(), "--to", "an app that has schedules is JavaScript"),
            (external.exec.is_some(), "--exec", "an app that has schedules is JavaScript"),
        ];
        let out_of_place = given.into_iter().find(|(is_given, ..)| *is_given);
        let fault = out_of_place.map(|(_, flag, why)| format!("`{flag}` has no place here: {why}"));
        fault.or_else(|| self.fire.fault())
    }

    pub(super) fn into_options(self, overrides: Vec<Override>) -> (String, TriggerOptions) {
        (self.name, self.fire.into_options(String::new(), overrides))
    }
}

impl ScheduleListFlags {
    pub(super) fn into_options(self) -> ScheduleListOptions {
        ScheduleListOptions {
            app: self.app.into_options(),
            platform: PlatformOptions { db: self.db, fresh: false, strict_limits: false, network: Network::Mock },
            now: self.now.unwrap_or_else(now),
            secrets: self.secret,
            json: self.format == ListFormat::Json,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(super) struct SchemaFlags {
    #[command(subcommand)]
    verb: SchemaVerb,
}

#[derive(Debug, Subcommand)]
enum SchemaVerb {
    /// List the schemas
    List,
    /// Print a schema
    Show {
        /// Its name, such as events/onUserUpdate or user
        name: String,
    },
    /// Print the payloads' types, for editors and tsc --checkJs
    #[command(after_help = types::EXAMPLES)]
    Types(TypesFlags),
}

#[derive(Debug, ClapArgs)]
pub(super) struct ExplainFlags {
    /// The code, as it stands in brackets in a finding [default: list them all]
    code: Option<String>,
}

/// `--set` and `--unset` of a verb, in the order in which they were typed.
pub(super) fn overrides(matches: &ArgMatches) -> Result<Vec<Override>, Box<Finding>> {
    let mut overrides = Vec::new();
    for (at, text) in typed(matches, "set") {
        overrides.push((at, Override::set(&text)?));
    }
    for (at, text) in typed(matches, "unset") {
        overrides.push((at, Override::unset(&text)?));
    }
    overrides.sort_by_key(|(at, _)| *at);
    Ok(overrides.into_iter().map(|(_, change)| change).collect())
}

/// `--deny`, `--warn` and `--allow` of a verb, in the order in which they were typed.
pub(super) fn rules(matches: &ArgMatches) -> Result<Rules, Box<Finding>> {
    let mut rules = Vec::new();
    for (flag, level) in [("deny", Level::Deny), ("warn", Level::Warn), ("allow", Level::Allow)] {
        for (at, name) in typed(matches, flag) {
            rules.push((at, Rule::new(level, &name)?));
        }
    }
    rules.sort_by_key(|(at, _)| *at);
    Ok(Rules(rules.into_iter().map(|(_, rule)| rule).collect()))
}

/// The values of a repeatable flag, each with its place on the command line.
fn typed(matches: &ArgMatches, flag: &str) -> Vec<(usize, String)> {
    // Verbs without the flag do not know its name.
    let values = matches.try_get_many::<String>(flag).ok().flatten();
    let places = values.is_some().then(|| matches.indices_of(flag)).flatten();
    let values = values.into_iter().flatten().cloned();
    places.into_iter().flatten().zip(values).collect()
}

impl AppFlags {
    pub(super) fn into_options(self) -> AppOptions {
        AppOptions { app: self.app, manifest: self.manifest }
    }
}

impl PayloadFlags {
    pub(super) fn into_options(self, overrides: Vec<Override>) -> PayloadOptions {
        let source = match self.payload {
            Some(file) => PayloadSource::File(file),
            None if self.sample => PayloadSource::Sample,
            None => PayloadSource::Generated,
        };
        PayloadOptions {
            seed: self.seed.unwrap_or_else(fresh_seed),
            now: self.now.unwrap_or_else(now),
            has_clock: self.now.is_some(),
            count: self.count,
            index: self.index,
            locale: self.locale,
            variant: self.variant,
            changes: self.changes.unwrap_or(Changes::Drawn),
            actor: self.actor,
            overrides,
            source,
            case: self.case,
            check: !self.no_check,
        }
    }
}

impl TriggerFlags {
    /// What cannot be done again and again.
    fn unwatchable(&self) -> Option<String> {
        if !self.watch {
            return None;
        }
        if self.fire.payload.payload.as_ref().is_some_and(|file| file.as_os_str() == "-") {
            return Some("`--watch` needs a file: standard input can be read only once".to_owned());
        }
        let is_log = |target: &Target| target.file.is_none() && target.format == Format::Junit;
        let hint = "with `--watch` a junit report needs a file, which each run writes anew: `--format junit=FILE`";
        self.fire.format.iter().any(is_log).then(|| hint.to_owned())
    }

    /// Whether one event is fired that, for all that the command line tells, the embedded runtime may take.
    pub(super) fn may_run_embedded(&self) -> bool {
        let FireFlags { handler, walls, external, .. } = &self.fire;
        let is_external = external.to.is_some() || external.exec.is_some();
        !self.watch && !is_external && !walls.allow_node_globals && !matches!(handler.runtime, RuntimeFlag::Node)
    }

    pub(super) fn into_options(self, overrides: Vec<Override>) -> TriggerOptions {
        let user = self.user.as_deref().map(UserChoice::new);
        TriggerOptions { user, ..self.fire.into_options(self.event, overrides) }
    }
}

impl FireFlags {
    fn fault(&self) -> Option<String> {
        values::clash(&self.format).or_else(|| self.walls.fault(self.handler.runtime))
    }

    fn into_options(self, event: String, overrides: Vec<Override>) -> TriggerOptions {
        TriggerOptions {
            event,
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
            payload: self.payload.into_options(overrides),
        }
    }
}

impl HandlerFlags {
    pub(super) fn fault(&self, walls: &WallFlags) -> Option<String> {
        walls.fault(self.runtime)
    }

    pub(super) fn into_options(self, walls: &WallFlags) -> HandlerOptions {
        HandlerOptions {
            runtime: self.runtime.into_choice(),
            timeout: self.timeout,
            memory_bytes: self.memory,
            node: self.node,
            node_options: walls.node_options(),
            install: walls.install,
        }
    }
}

impl RuntimeFlag {
    const fn into_choice(self) -> RuntimeChoice {
        match self {
            Self::Auto => RuntimeChoice::Auto,
            Self::Embedded => RuntimeChoice::Embedded,
            Self::Node => RuntimeChoice::Node,
        }
    }
}

impl WallFlags {
    /// What is asked of one runtime and only another has.
    pub(super) fn fault(&self, runtime: RuntimeFlag) -> Option<String> {
        let faults = [
            (
                self.allow_node_globals,
                "`--allow-node-globals` is for the node runtime: the embedded one has no such globals",
            ),
            (
                self.node_permissions,
                "`--node-permissions` is for the node runtime: the embedded one reads no files at all",
            ),
            (self.install, "`--install` is for the node runtime: the embedded one loads no npm packages"),
        ];
        let is_embedded = matches!(runtime, RuntimeFlag::Embedded);
        faults.into_iter().find(|(asked, _)| is_embedded && *asked).map(|(_, fault)| fault.to_owned())
    }

    const fn node_options(&self) -> NodeOptions {
        NodeOptions { lends_globals: self.allow_node_globals, is_restricted: self.node_permissions }
    }
}

impl TestFlags {
    fn fault(&self) -> Option<String> {
        values::clash(&self.format)
            .or_else(|| values::clash_of_reports(&self.format, &self.report))
            .or_else(|| self.walls.fault(self.handler.runtime))
            .or_else(|| self.coverage.fault())
    }

    pub(super) fn into_options(self, progress: bool) -> TestOptions {
        TestOptions {
            paths: self.paths,
            app: self.app.into_options(),
            filter: self.filter,
            jobs: self.jobs,
            fail_fast: self.fail_fast,
            retries: self.retries,
            list: self.list,
            handler: self.handler.into_options(&self.walls),
            strict_limits: self.strict_limits,
            faults: self.scenario.faults,
            snapshots: self.scenario.policy(),
            targets: self.format,
            reports: self.report,
            progress,
            coverage: self.coverage.into_options(),
        }
    }
}

impl GenerateFlags {
    pub(super) fn into_options(self, overrides: Vec<Override>) -> GenerateOptions {
        GenerateOptions {
            event: self.event,
            app: self.app.into_options(),
            platform: self.platform,
            payload: self.payload.into_options(overrides),
        }
    }
}

impl ValidateFlags {
    /// What cannot be done again and again.
    fn unwatchable(&self) -> Option<String> {
        if !self.watch {
            return None;
        }
        if self.paths.iter().any(|path| path.as_os_str() == "-") {
            return Some("`--watch` needs files: standard input can be read only once".to_owned());
        }
        let is_log = |target: &&Target| target.file.is_none() && matches!(target.format, Format::Sarif | Format::Junit);
        let name = match self.format.iter().find(is_log)?.format {
            Format::Sarif => "sarif",
            _ => "junit",
        };
        Some(format!(
            "with `--watch` a {name} report needs a file, which each check writes anew: `--format {name}=FILE`"
        ))
    }

    pub(super) fn into_options(self, rules: Rules, progress: bool) -> ValidateOptions {
        ValidateOptions {
            paths: self.paths,
            kind: self.kind.map(|kind| match kind {
                KindFlag::Manifest => FileKind::Manifest,
                KindFlag::Payload => FileKind::Payload,
                KindFlag::Iparams => FileKind::Iparams,
                KindFlag::Requests => FileKind::Requests,
            }),
            event: self.event,
            platform: self.platform,
            rules,
            progress,
            targets: self.format,
        }
    }
}

impl ExplainFlags {
    pub(super) fn into_options(self) -> ExplainOptions {
        ExplainOptions { code: self.code }
    }
}

impl SchemaFlags {
    pub(super) fn into_options(self) -> SchemaOptions {
        match self.verb {
            SchemaVerb::List => SchemaOptions::List,
            SchemaVerb::Show { name } => SchemaOptions::Show { name },
            SchemaVerb::Types(flags) => flags.into_options(),
        }
    }
}

/// The time, to the millisecond: finer parts do not reach a payload.
pub(super) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// A seed nobody chose, short enough to be read out.
pub(super) fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) % 1_000_000_000
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Args;

    #[test]
    fn the_flags_are_consistent() {
        Args::command().debug_assert();
    }
}
