//! The flags of `simctl db`.

#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments here are help, printed as they stand")]

use std::path::PathBuf;

use clap::{ArgAction, Args as ClapArgs, Subcommand};
use jiff::{SignedDuration, Timestamp};

use super::args::{AppFlags, ListFormat, now};
use super::values;
use crate::commands::{DbAction, DbChoice, DbOptions};

pub(super) const EXAMPLES: &str = "\
Examples:
  simctl db list                                       what the app in this folder has stored
  simctl db list contact: --format json                the records whose keys begin so, one a line
  simctl db get contact:17 | jq .visits
  simctl db set contact:17 '{ \"visits\": 9 }' --ttl 3600
  simctl db export records.json                        … and back again: simctl db import records.json
  simctl db clear                                      begin anew";

#[derive(Debug, ClapArgs)]
pub(super) struct DbFlags {
    #[command(subcommand)]
    verb: DbVerb,
}

#[derive(Debug, Subcommand)]
enum DbVerb {
    /// List the records, expired ones too
    List {
        /// Only those whose keys begin so
        #[arg(value_name = "PREFIX", default_value = "", hide_default_value = true)]
        prefix: String,
        /// human, or json: a record a line
        #[arg(long, value_name = "FORMAT", default_value = "human")]
        format: ListFormat,
        #[command(flatten)]
        store: StoreFlags,
    },
    /// Print the value of a record
    Get {
        /// Its key
        key: String,
        #[command(flatten)]
        store: StoreFlags,
    },
    /// Write a record, as $db.set would
    Set {
        /// Its key, 1 to 60 characters
        key: String,
        /// Its value, a JSON object; - for standard input
        value: String,
        /// Let it expire after so many seconds of the simulated clock
        #[arg(long, value_name = "SECONDS", value_parser = values::ttl)]
        ttl: Option<SignedDuration>,
        #[command(flatten)]
        store: StoreFlags,
    },
    /// Delete records; all of them or, where one is missing, none
    Delete {
        /// Their keys
        #[arg(value_name = "KEY", required = true)]
        keys: Vec<String>,
        #[command(flatten)]
        store: StoreFlags,
    },
    /// Delete all records
    Clear {
        #[command(flatten)]
        store: StoreFlags,
    },
    /// Write all records as one JSON object
    Export {
        /// The file [default: standard output]
        file: Option<PathBuf>,
        #[command(flatten)]
        store: StoreFlags,
    },
    /// Read records that `export` has written; others stay
    Import {
        /// The file, - for standard input
        file: PathBuf,
        #[command(flatten)]
        store: StoreFlags,
    },
}

#[derive(Debug, ClapArgs)]
struct StoreFlags {
    #[command(flatten)]
    app: AppFlags,
    /// The file in which the records are [default: .simctl/ in the app]
    #[arg(long, value_name = "FILE", env = "SIMCTL_DB", value_parser = values::db)]
    db: Option<DbChoice>,
    /// The simulated clock, which says what has expired [default: now]
    #[arg(long, value_name = "TIME", env = "SIMCTL_NOW", value_parser = values::time)]
    now: Option<Timestamp>,
    /// An installation parameter whose value is kept as a placeholder, beside those marked secure; may be repeated
    #[arg(long, value_name = "NAME", action = ArgAction::Append)]
    secret: Vec<String>,
}

impl DbFlags {
    pub(super) fn into_options(self) -> DbOptions {
        let (action, store) = match self.verb {
            DbVerb::List { prefix, format, store } => {
                (DbAction::List { prefix, json: format == ListFormat::Json }, store)
            }
            DbVerb::Get { key, store } => (DbAction::Get { key }, store),
            DbVerb::Set { key, value, ttl, store } => (DbAction::Set { key, value, ttl }, store),
            DbVerb::Delete { keys, store } => (DbAction::Delete { keys }, store),
            DbVerb::Clear { store } => (DbAction::Clear, store),
            DbVerb::Export { file, store } => (DbAction::Export { file }, store),
            DbVerb::Import { file, store } => (DbAction::Import { file }, store),
        };
        DbOptions {
            app: store.app.into_options(),
            db: store.db,
            now: store.now.unwrap_or_else(now),
            secrets: store.secret,
            action,
        }
    }
}
