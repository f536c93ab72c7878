//! `simctl schema list`, `show NAME` and `types`: the contract, as it is compiled in or overridden.

use super::{AppOptions, Context};
use crate::app::App;
use crate::model::{Code, Finding, Findings, Platform, Verdict};
use crate::schema::{Language, Schemas, types};
use crate::text::{list, nearest, printable_line};

/// What is asked of the schemas.
#[derive(Debug, Clone)]
pub enum SchemaOptions {
    /// `schema list`
    List,
    /// `schema show NAME`
    Show {
        /// A name as `list` prints it, or its last part.
        name: String,
    },
    /// `schema types`
    Types(TypesOptions),
}

/// The flags of `schema types`.
#[derive(Debug, Clone)]
pub struct TypesOptions {
    /// The events; all of them where none is named.
    pub events: Vec<String>,
    /// `--lang`
    pub language: Language,
    /// `--platform`: the envelope, whatever the app says.
    pub platform: Option<Platform>,
    /// The app whose platform it is.
    pub app: AppOptions,
}

/// Lists the schemas, prints one, or prints the types of payloads.
pub fn schema(context: &Context, options: &SchemaOptions) -> Verdict {
    let schemas = match context.schemas() {
        Ok(schemas) => schemas,
        Err(findings) => return context.refuse(&findings),
    };
    let all = schemas.list();
    let text = match options {
        SchemaOptions::List => {
            let widest = all.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
            all.iter().map(|(name, title)| format!("{name:widest$}  {title}\n")).collect::<String>()
        }
        SchemaOptions::Types(options) => match typed(context, &schemas, options) {
            Ok(text) => text,
            Err(findings) => return context.refuse(&findings),
        },
        SchemaOptions::Show { name } => {
            let names = || all.iter().map(|&(name, _)| name);
            let found = names().find(|known| known == name || known.rsplit('/').next() == Some(name.as_str()));
            match found.and_then(|name| schemas.text(name)) {
                Some(text) => format!("{}\n", text.trim_end()),
                None => {
                    let last = |name: &'_ str| name.rsplit('/').next().unwrap_or(name).to_owned();
                    let lasts: Vec<String> = names().map(last).collect();
                    let near = nearest(name, names()).or_else(|| nearest(name, lasts.iter().map(String::as_str)));
                    let hint = match near {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("there are {}", list(names())),
                    };
                    context.console.error(&format!("there is no schema `{name}`"), Some(&hint));
                    return Verdict::CannotDo;
                }
            }
        }
    };
    context.console.write(&text)
}

fn typed(context: &Context, schemas: &Schemas, options: &TypesOptions) -> Result<String, Findings> {
    let app = App::open(&options.app.locate(context));
    let app = if options.app.is_given() { Some(app?) } else { app.ok() };
    let platform = options.platform.or_else(|| app.as_ref().map(|app| app.manifest.platform)).unwrap_or(Platform::V3);
    let unknown = options.events.iter().filter(|event| schemas.event(event).is_none());
    let unknown: Findings = unknown.map(|event| no_schema(schemas, event)).collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let events: Vec<&str> = match &options.events[..] {
        [] => schemas.events().collect(),
        // In the order of the schemas and each once, however they were named.
        named => schemas.events().filter(|event| named.iter().any(|name| name == event)).collect(),
    };
    Ok(types(schemas, platform, &events, options.language))
}

fn no_schema(schemas: &Schemas, event: &str) -> Finding {
    let hint = nearest(event, schemas.events()).map(|near| format!("did you mean `{near}`?"));
    let what = format!("no schema describes an event `{}`", printable_line(event));
    Finding::new(Code::UnknownEvent, what).maybe_hint(hint)
}
