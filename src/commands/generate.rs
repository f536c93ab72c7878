//! `simctl generate EVENT`: payloads on standard output.

use std::io::{self, Write};
use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::ordered::ordered;
use super::payloads::{Payloads, Wanted};
use super::{AppOptions, Console, Context, PayloadOptions, PayloadSource};
use crate::app::App;
use crate::model::{Findings, Platform, Secrets, Verdict};
use crate::schema::Schemas;

/// How many payloads are made and written together.
const BATCH: u64 = 256;

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
    let mut out = match Console::stdout() {
        Ok(out) => out,
        Err(error) => return cannot_write(context, &error),
    };
    let indices = options.payload.indices();
    let form = Form { schemas, payloads, secrets, is_one: indices.end - indices.start == 1 };
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let (written, findings) = write_batches(&mut out, indices, cores, |batch, lines| form.lines(batch, lines));
    let mut verdict = if findings.is_empty() { Verdict::Held } else { context.refuse(&findings) };
    if let Err(error) = written {
        verdict = verdict.and(cannot_write(context, &error));
    }
    verdict
}

/// Makes all batches on as many threads as there are cores, and writes them in their order, until one cannot be written or not be
/// made. `make` adds a batch's lines to what it is given.
fn write_batches(
    out: &mut impl Write,
    indices: Range<u64>,
    cores: usize,
    make: impl Fn(Range<u64>, &mut Vec<u8>) -> Result<(), Findings> + Sync,
) -> (io::Result<()>, Findings) {
    let count = (indices.end - indices.start).div_ceil(BATCH);
    let workers = usize::try_from(count).map_or(cores, |count| count.min(cores));
    let is_over = AtomicBool::new(false);
    let goes_on = |_: &Range<u64>| !is_over.load(Ordering::Relaxed);
    // Used again: the system makes fresh memory page by page, at more cost than a thread's lock has.
    let spare = Mutex::new(Vec::<Vec<u8>>::new());
    let spare = || spare.lock().unwrap_or_else(PoisonError::into_inner);
    let made = |batch| {
        let mut lines = spare().pop().unwrap_or_default();
        let made = make(batch, &mut lines);
        (lines, made.err().unwrap_or_default())
    };
    let mut ended = (Ok(()), Findings::new());
    ordered(batches(indices).take_while(goes_on), workers, made, |(mut lines, findings)| {
        // Batches that were begun meanwhile come all the same.
        if !is_over.load(Ordering::Relaxed) {
            ended = (out.write_all(&lines), findings);
            is_over.store(ended.0.is_err() || !ended.1.is_empty(), Ordering::Relaxed);
        }
        lines.clear();
        spare().push(lines);
    });
    ended
}

/// Pieces of `indices`, none longer than a batch.
fn batches(indices: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let mut rest = indices;
    std::iter::from_fn(move || {
        let batch = rest.start..rest.end.min(rest.start.saturating_add(BATCH));
        rest.start = batch.end;
        (!batch.is_empty()).then_some(batch)
    })
}

/// What payloads are made of, and what they look like.
struct Form<'a> {
    schemas: &'a Schemas,
    payloads: &'a Payloads,
    secrets: &'a Secrets,
    /// A payload that stands alone is indented.
    is_one: bool,
}

impl Form<'_> {
    /// Adds the payloads of a batch as lines, up to the first that cannot be made.
    fn lines(&self, batch: Range<u64>, lines: &mut Vec<u8>) -> Result<(), Findings> {
        let plain = self.payloads.plain().filter(|_| !self.is_one && self.secrets.is_empty());
        for index in batch {
            match plain {
                Some(generator) => generator.write(index, lines),
                None => lines.extend_from_slice(self.text(index)?.as_bytes()),
            }
            lines.push(b'\n');
        }
        Ok(())
    }

    fn text(&self, index: u64) -> Result<String, Findings> {
        let mut value = self.payloads.value(self.schemas, index)?;
        self.secrets.mask_value(&mut value);
        let text = if self.is_one { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        Ok(text.unwrap_or_default())
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::*;
    use crate::model::{Code, Finding};
    use crate::payload::{Changes, Generator, Locale, Recipe, Variant};

    fn generator(event: &str, seed: u64) -> Generator {
        let recipe = Recipe {
            seed,
            now: jiff::Timestamp::UNIX_EPOCH,
            locale: Locale::default(),
            variant: Variant::Docs,
            platform: Platform::V3,
            changes: Changes::Drawn,
            actor: None,
            iparams: None,
        };
        Generator::new(&Schemas::embedded(), event, &recipe).unwrap()
    }

    #[test]
    fn several_threads_write_the_bytes_that_one_writes() {
        for seed in 0..24 {
            let event = ["onUserCreate", "onUserUpdate"][seed as usize % 2];
            let generator = generator(event, seed);
            let lines = |indices: Range<u64>, lines: &mut Vec<u8>| {
                for index in indices {
                    generator.write(index, lines);
                    lines.push(b'\n');
                }
                Ok(())
            };
            let indices = seed..BATCH * 3 + seed * 2;
            let mut plain = Vec::new();
            lines(indices.clone(), &mut plain).unwrap();
            for cores in [1, 2, 7] {
                let mut out = Vec::new();
                let (written, findings) = write_batches(&mut out, indices.clone(), cores, lines);
                assert!(written.is_ok() && findings.is_empty());
                assert!(out == plain, "seed {seed}, {cores} cores");
            }
        }
    }

    #[test]
    fn nothing_is_written_after_the_first_payload_that_cannot_be_made() {
        for cores in [1, 2, 7] {
            let mut out = Vec::new();
            let make = |batch: Range<u64>, lines: &mut Vec<u8>| {
                lines.extend_from_slice(format!("{}\n", batch.start).as_bytes());
                let bad = vec![Finding::new(Code::NoSchema, batch.start.to_string())];
                if batch.start >= BATCH * 3 { Err(bad) } else { Ok(()) }
            };
            let (written, findings) = write_batches(&mut out, 0..u64::MAX, cores, make);
            assert!(written.is_ok());
            assert_eq!(findings.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>(), ["768"]);
            assert_eq!(String::from_utf8(out).unwrap(), "0\n256\n512\n768\n");
        }
    }
}
