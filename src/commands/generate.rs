//! `simctl generate EVENT`: payloads on standard output.

use std::io::{self, Write};

use super::payloads::{Payloads, Wanted};
use super::{AppOptions, Console, Context, PayloadOptions, PayloadSource};
use crate::app::App;
use crate::model::{Findings, Platform, Secrets, Verdict};
use crate::schema::Schemas;

/// How much is gathered before it is written.
const CHUNK_BYTES: usize = 256 * 1024;

/// The flags of `generate`.
#[derive(Debug, Clone)]
pub struct GenerateOptions {
    /// The event's name.
    pub event: String,
    /// The app whose platform version, installation parameters and samples are used.
    pub app: AppOptions,
    /// `--platform`: the envelope, whatever the app says.
    pub platform: Option<Platform>,
    /// What `trigger` shares.
    pub payload: PayloadOptions,
}

/// Writes pretty JSON for one payload, newline-delimited JSON for more.
pub fn generate(context: &Context, options: &GenerateOptions) -> Verdict {
    match prepare(context, options) {
        Ok((schemas, payloads, secrets)) => write_all(context, options, &schemas, &payloads, &secrets),
        Err(findings) => context.refuse(&findings),
    }
}

fn prepare(context: &Context, options: &GenerateOptions) -> Result<(Schemas, Payloads, Secrets), Findings> {
    let schemas = context.schemas()?;
    let app = app(context, options)?;
    let iparams = app.as_ref().map(|app| app.iparams(None, &[])).transpose()?;
    let sample = match (&app, &options.payload.source) {
        (Some(app), PayloadSource::Sample) => {
            let subscription = app.subscription(&options.event, None)?;
            Some(app.sample(&options.event, subscription)?)
        }
        _ => None,
    };
    let platform = options.platform.or_else(|| app.as_ref().map(|app| app.manifest.platform)).unwrap_or(Platform::V3);
    let (values, secrets) = iparams.map_or_else(Default::default, |iparams| (iparams.values, iparams.secrets));
    let sample = sample.as_deref();
    let wanted = Wanted { event: &options.event, platform, iparams: values, sample, secrets: &secrets, user: None };
    let payloads = Payloads::new(context, &schemas, &options.payload, wanted)?;
    Ok((schemas, payloads, secrets))
}

/// The app, where one was named or is needed: payloads can be made without any.
fn app(context: &Context, options: &GenerateOptions) -> Result<Option<App>, Findings> {
    if options.app.is_given() || matches!(options.payload.source, PayloadSource::Sample) {
        return App::open(&options.app.locate(context)).map(Some);
    }
    // The app around the current folder says which platform is meant; a faulty one is no obstacle to making payloads.
    Ok(App::open(&options.app.locate(context)).ok())
}

fn write_all(
    context: &Context,
    options: &GenerateOptions,
    schemas: &Schemas,
    payloads: &Payloads,
    secrets: &Secrets,
) -> Verdict {
    let indices = options.payload.indices();
    let one = indices.end - indices.start == 1;
    let mut chunk = Vec::with_capacity(CHUNK_BYTES + 8 * 1024);
    let mut out = match Console::stdout() {
        Ok(out) => out,
        Err(error) => return cannot_write(context, &error),
    };
    let plain = payloads.plain().filter(|_| !one && secrets.is_empty());
    for index in indices {
        if let Some(generator) = plain {
            generator.write(index, &mut chunk);
        } else {
            let mut value = match payloads.value(schemas, index) {
                Ok(value) => value,
                Err(findings) => {
                    let written = out.write_all(&chunk);
                    let refused = context.refuse(&findings);
                    return written.map_or_else(|error| refused.and(cannot_write(context, &error)), |()| refused);
                }
            };
            secrets.mask_value(&mut value);
            let text = if one { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            chunk.extend_from_slice(text.unwrap_or_default().as_bytes());
        }
        chunk.push(b'\n');
        if chunk.len() >= CHUNK_BYTES {
            if let Err(error) = out.write_all(&chunk) {
                return cannot_write(context, &error);
            }
            chunk.clear();
        }
    }
    match out.write_all(&chunk) {
        Ok(()) => Verdict::Held,
        Err(error) => cannot_write(context, &error),
    }
}

/// A reader that has closed its end, as `head` does, has had what it wanted.
fn cannot_write(context: &Context, error: &io::Error) -> Verdict {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Verdict::Held;
    }
    context.console.error(&format!("standard output cannot be written: {error}"), None);
    Verdict::Machine
}
