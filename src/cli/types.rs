//! The flags of `simctl schema types`.

#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments here are help, printed as they stand")]

use clap::{Args as ClapArgs, ValueEnum};

use super::args::AppFlags;
use crate::commands::{SchemaOptions, TypesOptions};
use crate::model::Platform;
use crate::schema::Language;

pub(super) const EXAMPLES: &str = "\
Examples:
  simctl schema types --lang ts > simctl-types.d.ts    all events, and the platform's globals
  simctl schema types --lang jsdoc onUserUpdate > simctl-types.js

In server.js:
  /** @param {import(\"../simctl-types\").OnUserUpdatePayload} payload */";

#[derive(Debug, ClapArgs)]
pub(super) struct TypesFlags {
    /// The events [default: all that have a schema]
    #[arg(value_name = "EVENT")]
    events: Vec<String>,
    /// What the types are written in
    #[arg(long, value_name = "LANG")]
    lang: LanguageFlag,
    /// The envelope: 2.3 or 3.0 [default: the app's, else 3.0]
    #[arg(long, value_name = "VERSION")]
    platform: Option<Platform>,
    #[command(flatten)]
    app: AppFlags,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LanguageFlag {
    /// TypeScript declarations, a .d.ts file
    Ts,
    /// JSDoc comments, a .js file; it cannot declare the platform's globals
    Jsdoc,
}

impl TypesFlags {
    pub(super) fn into_options(self) -> SchemaOptions {
        let language = match self.lang {
            LanguageFlag::Ts => Language::TypeScript,
            LanguageFlag::Jsdoc => Language::JsDoc,
        };
        let app = self.app.into_options();
        SchemaOptions::Types(TypesOptions { events: self.events, language, platform: self.platform, app })
    }
}
