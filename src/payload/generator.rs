//! What a payload is asked to be, and the generator that makes it so.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::Locale;
use super::draw::Draws;
use super::plan::{self, Op};
use super::write::Writer;
use crate::model::{Code, Finding, Findings, Platform};
use crate::schema::{EventSchema, Schemas};
use crate::text::{list, nearest};

/// Everything that the payloads of a run depend on, but the schema. Same recipe, same version: same bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// What draws start from.
    pub seed: u64,
    /// The simulated clock.
    pub now: jiff::Timestamp,
    /// Where names and phone numbers come from.
    pub locale: Locale,
    /// Which of the forms that are met in the wild.
    pub variant: Variant,
    /// Whose envelope.
    pub platform: Platform,
    /// What an update changes.
    pub changes: Changes,
    /// Who makes an update; drawn where it is not given.
    pub actor: Option<ActorKind>,
    /// The app's installation parameters; `iparams` is absent without them.
    pub iparams: Option<Map<String, Value>>,
}

/// The forms of a payload that are met in the wild.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Variant {
    /// As the vendor's documents have it.
    #[default]
    Docs,
    /// As the samples of the vendor's development kit have it.
    Kit,
}

/// Who makes an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// An agent.
    Agent,
    /// The user.
    User,
}

/// Which of the user's fields an update changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Changes {
    /// One to three, drawn for each payload.
    #[default]
    Drawn,
    /// That many, drawn for each payload.
    Count(usize),
    /// These.
    Fields(Vec<String>),
}

impl Variant {
    /// Its name, as `--variant` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docs => "docs",
            Self::Kit => "kit",
        }
    }
}

impl ActorKind {
    /// Its name, as `--actor` takes it and as payloads have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::User => "user",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for ActorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drawn => Ok(()),
            Self::Count(count) => write!(f, "{count}"),
            Self::Fields(fields) => f.write_str(&fields.join(",")),
        }
    }
}

impl FromStr for Variant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Docs, Self::Kit]
            .into_iter()
            .find(|variant| variant.name() == text)
            .ok_or_else(|| format!("`{text}` is not a variant: `docs` and `kit` are"))
    }
}

impl FromStr for ActorKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Agent, Self::User]
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| format!("`{text}` is not a kind of actor: `agent` and `user` are"))
    }
}

impl FromStr for Changes {
    type Err = String;

    /// A number of fields, or their names with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(count) = text.trim().parse() {
            return Ok(Self::Count(count));
        }
        let fields: Vec<String> = text.split(',').map(|field| field.trim().to_owned()).collect();
        if fields.iter().any(String::is_empty) {
            return Err(format!("`{text}` is neither a number nor a list of fields such as `email,phone`"));
        }
        Ok(Self::Fields(fields))
    }
}

/// Makes the payloads of one run.
#[derive(Debug)]
pub struct Generator {
    seed: u64,
    ops: Box<[Op]>,
    event: Arc<EventSchema>,
    /// How long the last payloads were, more or less.
    size: usize,
}

impl Generator {
    /// A generator of payloads of `event`, as `recipe` asks.
    ///
    /// # Errors
    /// Findings where there is no schema for the event, where its schema says what cannot be made, and where the recipe
    /// asks for what the event does not have, such as changes of a field that the user lacks.
    pub fn new(schemas: &Schemas, event: &str, recipe: &Recipe) -> Result<Self, Findings> {
        let Some(event) = schemas.event(event) else {
            return Err(vec![no_schema(schemas, event)]);
        };
        let place = schemas.file(event.schema());
        let ops = plan::compile(event, recipe).map_err(|findings| {
            let in_file = |finding: Finding| match place {
                Some(file) if finding.code == Code::BadSchema => finding.in_file(file),
                _ => finding,
            };
            findings.into_iter().map(in_file).collect::<Findings>()
        })?;
        let mut generator = Self { seed: recipe.seed, ops, event: Arc::clone(event), size: 2048 };
        let mut first = Vec::new();
        generator.write(0, &mut first);
        generator.size = first.len() * 5 / 4;
        Ok(generator)
    }

    /// Appends payload `index` to `out`, as compact JSON without a line end.
    pub fn write(&self, index: u64, out: &mut Vec<u8>) {
        out.reserve(self.size);
        Writer::new(Draws::new(self.seed, index), out).all(&self.ops);
    }

    /// Payload `index` as a value.
    pub fn value(&self, index: u64) -> Value {
        let mut text = Vec::new();
        self.write(index, &mut text);
        // What `write` writes is JSON; a property test holds it.
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// The event, as its schema describes it.
    pub fn event(&self) -> &EventSchema {
        &self.event
    }
}

fn no_schema(schemas: &Schemas, event: &str) -> Finding {
    let what = format!("there is no schema for the event `{event}`, so no payload can be made for it");
    let finding = Finding::new(Code::NoSchema, what);
    match nearest(event, schemas.events()) {
        Some(near) => finding.hint(format!("did you mean `{near}`?")),
        None => finding
            .hint(format!("there are schemas for {}", list(schemas.events())))
            .hint("fire it from a payload file, or add a schema for it to a folder and give that with `--schemas`"),
    }
}
