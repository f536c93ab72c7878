//! `simctl generate EVENT`: payloads on standard output.

use std::io::{self, Write};
use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::ordered::ordered;
use super::payloads::{Payloads, Wanted};
use super::{AppOptions, Console, Context, PayloadOptions, PayloadSource};
use crate::app::App;
use crate::model::{Findings, Platform, Secrets, Verdict};
use crate::payload::{Generator, Recipe};
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
        Ok(form) => write_all(context, options, &form),
        Err(findings) => context.refuse(&findings),
    }
}

fn prepare(context: &Context, options: &GenerateOptions) -> Result<Form, Findings> {
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
    let (event, iparams) = (options.event.as_str(), values.clone());
    let wanted = Wanted { event, platform, iparams, sample, secrets: &secrets, user: None };
    let payloads = Payloads::new(context, &schemas, &options.payload, wanted)?;
    let indices = options.payload.indices();
    let is_one = indices.end - indices.start == 1;
    let masks = payloads.plain().is_some() && !is_one && !secrets.is_empty();
    let masked = masks.then(|| Masked::new(&schemas, event, options.payload.recipe(platform, values), &secrets));
    let masked = masked.transpose()?.flatten();
    Ok(Form { schemas, payloads, secrets, masked, is_one })
}

/// The app, where one was named or is needed: payloads can be made without any.
fn app(context: &Context, options: &GenerateOptions) -> Result<Option<App>, Findings> {
    if options.app.is_given() || matches!(options.payload.source, PayloadSource::Sample) {
        return App::open(&options.app.locate(context)).map(Some);
    }
    // The app around the current folder says which platform is meant; a faulty one is no obstacle to making payloads.
    Ok(App::open(&options.app.locate(context)).ok())
}

fn write_all(context: &Context, options: &GenerateOptions, form: &Form) -> Verdict {
    let mut out = match Console::stdout() {
        Ok(out) => out,
        Err(error) => return cannot_write(context, &error),
    };
    let indices = options.payload.indices();
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
struct Form {
    schemas: Schemas,
    payloads: Payloads,
    secrets: Secrets,
    /// What writes payloads that hold secrets, where that can be done without reading each.
    masked: Option<Masked>,
    /// A payload that stands alone is indented.
    is_one: bool,
}

impl Form {
    /// Adds the payloads of a batch as lines, up to the first that cannot be made.
    fn lines(&self, batch: Range<u64>, lines: &mut Vec<u8>) -> Result<(), Findings> {
        let plain = self.payloads.plain().filter(|_| !self.is_one && self.secrets.is_empty());
        for index in batch {
            match (plain, &self.masked) {
                (Some(generator), _) => generator.write(index, lines),
                (None, Some(masked)) if masked.write(index, &self.secrets, lines) => {}
                _ => lines.extend_from_slice(self.text(index)?.as_bytes()),
            }
            lines.push(b'\n');
        }
        Ok(())
    }

    fn text(&self, index: u64) -> Result<String, Findings> {
        let mut value = self.payloads.value(&self.schemas, index)?;
        self.secrets.mask_value(&mut value);
        let text = if self.is_one { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        Ok(text.unwrap_or_default())
    }
}

/// Writes payloads as they are generated. What is secret in the installation parameters, which are the same in each, is masked
/// beforehand; in what is drawn, a secret can be by chance only.
struct Masked {
    generator: Generator,
    /// How many bytes at the end of each payload are the installation parameters and what comes after them.
    end: usize,
}

impl Masked {
    /// `None` where payloads, as they are generated, are not written as their values are.
    fn new(schemas: &Schemas, event: &str, mut recipe: Recipe, secrets: &Secrets) -> Result<Option<Self>, Findings> {
        let mut end = 0;
        if let Some(iparams) = &mut recipe.iparams {
            let mut value = Value::Object(std::mem::take(iparams));
            secrets.mask_value(&mut value);
            end = value.to_string().len() + 1;
            *iparams = value.as_object().cloned().unwrap_or_default();
        }
        let generator = Generator::new(schemas, event, &recipe)?;
        let mut first = Vec::new();
        generator.write(0, &mut first);
        // A schema may have parameters of its own, which would stand there twice.
        let is_as_its_value = generator.value(0).to_string().as_bytes() == first;
        Ok(is_as_its_value.then_some(Self { generator, end }))
    }

    /// Adds a payload to `lines`; nothing where a secret may be in what is drawn of it.
    fn write(&self, index: u64, secrets: &Secrets, lines: &mut Vec<u8>) -> bool {
        let start = lines.len();
        self.generator.write(index, lines);
        let drawn = &lines[start..lines.len() - self.end];
        let is_clean = std::str::from_utf8(drawn).is_ok_and(|drawn| !secrets.may_be_in(drawn));
        if !is_clean {
            lines.truncate(start);
        }
        is_clean
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
    use crate::payload::{Changes, Locale, Variant};

    fn recipe(seed: u64) -> Recipe {
        Recipe {
            seed,
            now: jiff::Timestamp::UNIX_EPOCH,
            locale: Locale::default(),
            variant: Variant::Docs,
            platform: Platform::V3,
            changes: Changes::Drawn,
            actor: None,
            iparams: None,
        }
    }

    fn generator(event: &str, seed: u64) -> Generator {
        Generator::new(&Schemas::embedded(), event, &recipe(seed)).unwrap()
    }

    /// Secrets that are in the parameters only, and such as are drawn in every, in some or in hardly any payload, as names of
    /// members, numbers, parts of words and short words too.
    #[test]
    fn a_payload_that_is_written_plainly_is_the_one_whose_value_is_masked() {
        let schemas = Schemas::embedded();
        let secrets = [
            "s3cr3t/\"+ü",
            "example",
            "Will",
            "00",
            "77",
            "7",
            "0",
            "iparams",
            "aram",
            "EU",
            "null",
            "*",
            "**********",
            "{\"",
            "\\",
            "dXNlcg",
            "+1",
            "-",
            "data",
            "@",
            "12345",
        ];
        let (mut written, mut left) = (0, 0);
        for seed in 0..40 {
            for (at, secret) in secrets.iter().enumerate() {
                let all = Secrets::new([
                    ("own".to_owned(), (*secret).to_owned()),
                    ("other".to_owned(), "hush-4711".to_owned()),
                ]);
                let iparams = serde_json::json!({
                    "own": secret, "list": [12345, 0.5, "line\nline"], "Basic": "x hush-4711 y", "hush-4711": {"aram": null, "\"": 7},
                });
                let event = ["onUserCreate", "onUserUpdate"][(seed as usize + at) % 2];
                let platform = [Platform::V2, Platform::V3][seed as usize / 2 % 2];
                let iparams = iparams.as_object().cloned().filter(|_| seed % 5 > 0);
                let recipe = Recipe { platform, iparams, ..recipe(seed) };
                let generator = Generator::new(&schemas, event, &recipe).unwrap();
                let Some(masked) = Masked::new(&schemas, event, recipe, &all).unwrap() else {
                    left += 1;
                    continue;
                };
                for index in 0..4 {
                    let mut lines = b"before\n".to_vec();
                    if !masked.write(index, &all, &mut lines) {
                        left += 1;
                        assert_eq!(lines, b"before\n");
                        continue;
                    }
                    written += 1;
                    let mut value = generator.value(index);
                    all.mask_value(&mut value);
                    assert_eq!(String::from_utf8(lines).unwrap(), format!("before\n{value}"), "{secret}, seed {seed}");
                }
            }
        }
        assert!(written > 500 && left > 500, "{written} {left}");
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
