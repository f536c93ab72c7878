//! One file per verb. A command joins the rooms below, tells reporters what happened, and returns a verdict; it never ends
//! the process and reads no flags, environment or clock of its own.

mod complete;
mod console;
mod coverage;
mod db;
mod doctor;
mod explain;
mod external;
mod fuzz;
mod generate;
mod history;
mod init;
mod keeping;
mod load;
mod ordered;
mod packages;
mod payloads;
mod replay;
mod report_merge;
mod schedules;
mod schema;
mod serve;
mod test;
mod trigger;
mod user_payloads;
mod users;
mod validate;
mod watching;
mod whole_file;

use std::path::PathBuf;

pub use complete::{Candidate, Typed, Wanted, candidates};
pub use console::{Console, Format, Target};
pub use coverage::{CoverageFormat, CoverageOptions, CoverageReport};
pub use db::{DbAction, DbOptions, db};
pub use doctor::{DoctorOptions, Environment, doctor};
pub use explain::{ExplainOptions, explain};
pub use external::ExternalOptions;
pub use fuzz::{FuzzOptions, fuzz};
pub use generate::{GenerateOptions, generate};
pub use history::{DeliveryId, ExportForm, HistoryAction, HistoryOptions, history};
pub use init::{InitOptions, init};
pub use load::{Expectation, LoadFormat, LoadOptions, LoadTargetFile, load};
pub use payloads::{PayloadOptions, PayloadSource};
pub use replay::{ReplayOptions, replay};
pub use report_merge::{MOST_SHARDS, MergeOptions, merge_reports};
pub use schedules::{ScheduleListOptions, fire as fire_schedule, list as list_schedules};
pub use schema::{SchemaOptions, TypesOptions, schema};
pub use serve::{ServeOptions, serve};
pub use test::{Report, ReportKind, TestOptions, test};
pub use trigger::{TriggerOptions, trigger};
pub use users::{UserChoice, UsersAction, UsersOptions, users};
pub use validate::{FileKind, ValidateOptions, validate, watch as validate_watching};
pub use watching::watch as trigger_watching;

pub use crate::engine::load::{Mix, USER_EVENTS};
pub use crate::engine::prepare::{DbChoice, HandlerOptions, PlatformOptions, RuntimeChoice};
pub use crate::handler::{CloudEvents, NodeOptions};

use crate::app::Locate;
use crate::model::{Findings, Verdict};
use crate::schema::Schemas;

/// What every command is given: the world as `cli` found it.
#[derive(Debug, Clone)]
pub struct Context {
    /// The current folder.
    pub cwd: PathBuf,
    /// The command line as it was typed, the program's name first.
    pub command: Vec<String>,
    /// Where output goes, and how it looks.
    pub console: Console,
    /// `--schemas DIR`
    pub schemas: Option<PathBuf>,
}

/// Which app, from the flags.
#[derive(Debug, Clone, Default)]
pub struct AppOptions {
    /// `--app DIR`
    pub app: Option<PathBuf>,
    /// `--manifest FILE`
    pub manifest: Option<PathBuf>,
}

impl AppOptions {
    /// Whether the user named an app.
    pub const fn is_given(&self) -> bool {
        self.app.is_some() || self.manifest.is_some()
    }

    fn locate(&self, context: &Context) -> Locate {
        Locate { app: self.app.clone(), manifest: self.manifest.clone(), cwd: context.cwd.clone() }
    }
}

impl Context {
    fn schemas(&self) -> Result<Schemas, Findings> {
        match &self.schemas {
            Some(dir) => Schemas::with_dir(&self.cwd.join(dir)),
            None => Ok(Schemas::embedded()),
        }
    }

    /// Shows findings that keep the command from running, on standard error.
    fn refuse(&self, findings: &Findings) -> Verdict {
        self.console.complain(findings);
        Verdict::CannotDo
    }
}
