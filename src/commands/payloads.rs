//! The payloads that `generate` writes and `trigger` fires: made from a seed, or loaded, then overridden and checked.

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Context;
use super::user_payloads::UserPayloads;
use super::users::Whom;
use crate::history::Recorded;
use crate::model::{Code, Finding, Findings, Platform, Secrets};
use crate::payload::{
    ActorKind, Cases, Changes, Generator, Locale, Override, Overrides, Recipe, Variant, complete, load,
};
use crate::schema::{EventSchema, LARGEST_PAYLOAD, Schemas};
use crate::text::json::Node;
use crate::text::{LARGEST_FILE, Source, list, nearest, shell_word};

/// The flags that `generate` and `trigger` share.
#[derive(Debug, Clone)]
pub struct PayloadOptions {
    /// `--seed`, or one drawn for this run.
    pub seed: u64,
    /// `--now`, or the time at which simctl was started.
    pub now: Timestamp,
    /// Whether `--now` was given.
    pub has_clock: bool,
    /// `--count`
    pub count: u64,
    /// `--index`: that payload of the run alone.
    pub index: Option<u64>,
    /// `--locale`
    pub locale: Locale,
    /// `--variant`
    pub variant: Variant,
    /// `--changes`
    pub changes: Changes,
    /// `--actor`
    pub actor: Option<ActorKind>,
    /// `--set` and `--unset`, in the order in which they were typed.
    pub overrides: Vec<Override>,
    /// Where the payload comes from.
    pub source: PayloadSource,
    /// `--case`: what is changed of the payload that is made.
    pub case: Option<String>,
    /// False with `--no-check`.
    pub check: bool,
}

/// Where a payload comes from.
#[derive(Debug, Clone)]
pub enum PayloadSource {
    /// Made from the event's schema.
    Generated,
    /// `--payload FILE`; `-` is standard input.
    File(PathBuf),
    /// `--sample`: the app's own `server/test_data`.
    Sample,
    /// As it was fired before.
    Kept(Box<Recorded>),
}

impl PayloadOptions {
    /// The numbers of the payloads to make.
    pub fn indices(&self) -> Range<u64> {
        match self.index {
            Some(index) => index..index.saturating_add(1),
            None => 0..self.count,
        }
    }

    /// What a generator is told of it.
    pub(super) fn recipe(&self, platform: Platform, iparams: Option<Map<String, Value>>) -> Recipe {
        Recipe {
            seed: self.seed,
            now: self.now,
            locale: self.locale,
            variant: self.variant,
            platform,
            changes: self.changes.clone(),
            actor: self.actor,
            iparams,
        }
    }

    /// Whether what is made depends on seed and clock.
    pub fn draws(&self) -> bool {
        matches!(self.source, PayloadSource::Generated)
    }
}

/// Makes the payloads of one run.
pub(super) struct Payloads {
    base: Base,
    overrides: Overrides,
    check: bool,
    event: String,
    platform: Option<Platform>,
    definition: Option<Arc<EventSchema>>,
}

enum Base {
    Generated(Box<Generator>),
    Loaded { value: Value, node: Box<Node>, source: Source, findings: Findings },
    Kept { value: Value, text: String },
    OfUser(Box<UserPayloads>),
}

/// What the payloads are for.
pub(super) struct Wanted<'a> {
    pub(super) event: &'a str,
    pub(super) platform: Platform,
    pub(super) iparams: Option<Map<String, Value>>,
    /// The file that `--sample` stands for.
    pub(super) sample: Option<&'a Path>,
    /// What a payload that was kept has placeholders of.
    pub(super) secrets: &'a Secrets,
    /// Whom it is about, as she is now.
    pub(super) user: Option<Whom>,
}

impl Payloads {
    pub(super) fn new(
        context: &Context,
        schemas: &Schemas,
        options: &PayloadOptions,
        wanted: Wanted<'_>,
    ) -> Result<Self, Findings> {
        let definition = schemas.event(wanted.event).cloned();
        let limit = definition.as_ref().map_or(LARGEST_PAYLOAD, |event| event.limit_bytes());
        let mut overrides = options.overrides.clone();
        let base = match (&options.source, wanted.sample) {
            (PayloadSource::Generated, _) => {
                if definition.is_none() {
                    return Err(vec![no_schema(schemas, wanted.event)]);
                }
                if let Some(id) = &options.case {
                    of_case(schemas, options, &wanted, id)?
                } else if let Some(user) = wanted.user.clone() {
                    let recipe = options.recipe(wanted.platform, wanted.iparams.clone());
                    let (payloads, others) = UserPayloads::new(schemas, wanted.event, recipe, user, &overrides)?;
                    overrides = others;
                    Base::OfUser(Box::new(payloads))
                } else {
                    Base::Generated(Box::new(generator(schemas, options, &wanted)?))
                }
            }
            (PayloadSource::Kept(recorded), _) => {
                let text = recorded.fired(wanted.secrets);
                Base::Kept { value: serde_json::from_str(&text).unwrap_or_default(), text }
            }
            (PayloadSource::File(file), _) => loaded(context, file, &wanted, limit)?,
            (PayloadSource::Sample, Some(file)) => loaded(context, file, &wanted, limit)?,
            (PayloadSource::Sample, None) => {
                let what = "`--sample` takes the payload from an app, and no app was found";
                return Err(vec![Finding::new(Code::ManifestMissing, what).hint("name it with `--app DIR`")]);
            }
        };
        Ok(Self {
            base,
            overrides: Overrides::new(overrides),
            check: options.check,
            event: wanted.event.to_owned(),
            // A payload from a file wears the envelope it wears.
            platform: options.draws().then_some(wanted.platform),
            definition,
        })
    }

    /// Whether payloads can be written as they are generated: there is nothing to override or to check.
    pub(super) fn plain(&self) -> Option<&Generator> {
        match &self.base {
            Base::Generated(generator) if self.overrides.is_empty() => Some(generator),
            _ => None,
        }
    }

    /// Whether the event is over when the app calls `renderData`.
    pub(super) fn ends_by_render(&self) -> bool {
        self.definition.as_ref().is_some_and(|event| event.ends_by_render())
    }

    /// Whether the payloads are fired unchecked because there is no schema to check them against.
    pub(super) fn unchecked(&self) -> bool {
        self.definition.is_none()
    }

    /// What is worth saying of the file that the payload was loaded from.
    pub(super) fn remarks(&self) -> &[Finding] {
        match &self.base {
            Base::Generated(_) | Base::Kept { .. } | Base::OfUser(_) => &[],
            Base::Loaded { findings, .. } => findings,
        }
    }

    /// Payload number `index`.
    pub(super) fn value(&self, schemas: &Schemas, index: u64) -> Result<Value, Findings> {
        let mut value = match &self.base {
            Base::Generated(generator) => generator.value(index),
            Base::OfUser(payloads) => payloads.value(schemas, index)?,
            Base::Loaded { value, .. } | Base::Kept { value, .. } => value.clone(),
        };
        if !self.overrides.is_empty() {
            self.overrides.apply(&mut value, self.definition.as_deref(), self.check)?;
        }
        self.checked(schemas, value)
    }

    /// Payload number `index` as JSON text.
    pub(super) fn text(&self, schemas: &Schemas, index: u64) -> Result<String, Findings> {
        match (&self.base, self.plain()) {
            // As it was, to the byte.
            (Base::Kept { text, .. }, _) if self.overrides.is_empty() => Ok(text.clone()),
            (_, Some(generator)) => {
                let mut bytes = Vec::new();
                generator.write(index, &mut bytes);
                String::from_utf8(bytes).map_err(|_| Vec::new())
            }
            (_, None) => self.value(schemas, index).map(|value| value.to_string()),
        }
    }

    fn checked(&self, schemas: &Schemas, value: Value) -> Result<Value, Findings> {
        // What was fired before may be fired again.
        let is_as_fired = matches!(self.base, Base::Kept { .. }) && self.overrides.is_empty();
        if !self.check || self.definition.is_none() || self.plain().is_some() || is_as_fired {
            return Ok(value);
        }
        let findings = match &self.base {
            // As loaded: the file's own lines can be pointed at.
            Base::Loaded { node, source, .. } if self.overrides.is_empty() => {
                schemas.check_payload(&self.event, self.platform, node, source)
            }
            _ => schemas.check_payload_value(&self.event, self.platform, &value),
        };
        let errors: Findings = findings.into_iter().filter(Finding::is_error).collect();
        if errors.is_empty() {
            return Ok(value);
        }
        let last = errors.len() - 1;
        let hint = "`--no-check` lets it pass as it is";
        let close = |finding: Finding| finding.maybe_hint(self.hint_of_body()).hint(hint);
        Err(errors
            .into_iter()
            .enumerate()
            .map(|(at, finding)| if at == last { close(finding) } else { finding })
            .collect())
    }

    /// What to do with a file that holds what another service sends, and not the payload that the platform makes of it.
    fn hint_of_body(&self) -> Option<String> {
        let Base::Loaded { value, source, .. } = &self.base else { return None };
        let is_bare = value.get("event").is_none() && value.get("data").is_none();
        let takes_any = self.definition.as_ref()?.shape(None).find("/data")?.is_open();
        let file = shell_word(&source.file().to_string_lossy()).into_owned();
        (is_bare && takes_any).then(|| format!("for a file with the `data` alone: `--set \"data:=$(cat {file})\"`"))
    }
}

/// The payload of a case, which is fired as it is, be it good or bad.
fn of_case(schemas: &Schemas, options: &PayloadOptions, wanted: &Wanted<'_>, id: &str) -> Result<Base, Findings> {
    let cases = Cases::new(
        schemas,
        wanted.event,
        &options.recipe(wanted.platform, wanted.iparams.clone()),
        options.index.unwrap_or_default(),
    )?;
    let case = cases.named(id).map_err(|finding| vec![*finding])?;
    let value = cases.payload(&case);
    Ok(Base::Kept { text: value.to_string(), value })
}

fn generator(schemas: &Schemas, options: &PayloadOptions, wanted: &Wanted<'_>) -> Result<Generator, Findings> {
    Generator::new(schemas, wanted.event, &options.recipe(wanted.platform, wanted.iparams.clone()))
}

fn no_schema(schemas: &Schemas, event: &str) -> Finding {
    let known: Vec<String> = schemas.events().map(str::to_owned).collect();
    let names = || known.iter().map(String::as_str);
    let finding =
        Finding::new(Code::NoSchema, format!("there is no schema for `{event}`, so no payload can be made for it"));
    match nearest(event, names()) {
        Some(near) => finding.hint(format!("did you mean `{near}`?")),
        None => finding
            .hint(format!("payloads can be made for {}", list(names())))
            .hint("`--payload FILE` or `--sample` takes one as it is, `--schemas DIR` adds a schema"),
    }
}

fn loaded(context: &Context, file: &Path, wanted: &Wanted<'_>, limit: usize) -> Result<Base, Findings> {
    let source = if file == Path::new("-") { read_stdin() } else { Source::read_as(&context.cwd.join(file), file) };
    let source = source.map_err(|finding| vec![finding])?;
    let loaded = load(&source, limit)?;
    if let Some(event) = loaded.event().filter(|event| *event != wanted.event) {
        let what = format!("this is a payload of `{event}`, and `{}` is asked for", wanted.event);
        let hint = format!("fire it with `simctl trigger {event}`, or change its `event`");
        let place = loaded.node.nearest("/event").place(&source, "/event");
        return Err(vec![Finding::new(Code::EventMismatch, what).at(place).hint(hint)]);
    }
    let mut value = loaded.value();
    if let Some(iparams) = &wanted.iparams {
        complete(&mut value, iparams);
    }
    Ok(Base::Loaded { value, node: Box::new(loaded.node), source, findings: loaded.findings })
}

/// Standard input as a file named `-`.
pub(super) fn read_stdin() -> Result<Source, Finding> {
    let name = Path::new("-");
    let mut bytes = Vec::new();
    if let Err(error) = std::io::stdin().lock().take(LARGEST_FILE + 1).read_to_end(&mut bytes) {
        return Err(Finding::new(Code::FileUnreadable, format!("it cannot be read: {error}")).in_file(name));
    }
    if bytes.len() as u64 > LARGEST_FILE {
        let what = format!("it is larger than the {} MiB that simctl reads", LARGEST_FILE >> 20);
        return Err(Finding::new(Code::FileTooLarge, what).in_file(name));
    }
    Source::new(name, bytes)
}
