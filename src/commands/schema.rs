//! `simctl schema list` and `simctl schema show NAME`: the contract, as it is compiled in or overridden.

use super::Context;
use crate::model::Verdict;
use crate::text::{list, nearest};

/// What is asked of the schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaOptions {
    /// `schema list`
    List,
    /// `schema show NAME`
    Show {
        /// A name as `list` prints it, or its last part.
        name: String,
    },
}

/// Lists the schemas, or prints one.
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
