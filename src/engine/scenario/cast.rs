//! The users of a scenario and their lives: who they are, what each step changes, and the payloads that tell of it.
//!
//! What is drawn for a user depends on the scenario's seed, her name and the number of the change, so that another user, or
//! a step of another, leaves her as she is.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::model::{Code, Finding, Findings};
use crate::payload::life::{self, Change, DRAWS, NoChange, USER};
pub(super) use crate::payload::life::{CREATED, UPDATED};
use crate::payload::{ActorKind, Changes, Generator, Given, Override, Overrides, Recipe};
use crate::schema::Schemas;
use crate::text::json::escape_token;

/// All users of a scenario.
pub(super) struct Cast<'a> {
    schemas: &'a Schemas,
    recipe: Recipe,
    actors: Vec<Actor>,
}

/// One user.
struct Actor {
    name: String,
    /// Where her draws begin.
    index: u64,
    given: Vec<Override>,
    user: Value,
    /// As she was before her last step.
    was: Value,
    changes: u64,
}

/// What an update is asked to change.
pub(super) struct Wanted {
    /// Values that are given.
    pub(super) set: Map<String, Value>,
    /// Attributes whose new values are drawn.
    pub(super) change: Vec<String>,
    pub(super) actor: Option<ActorKind>,
}

impl<'a> Cast<'a> {
    /// No users yet.
    pub(super) const fn new(schemas: &'a Schemas, recipe: Recipe) -> Self {
        Self { schemas, recipe, actors: Vec::new() }
    }

    /// The recipe of everything that is drawn.
    pub(super) const fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Time passes: what is drawn from now on is drawn for `now`.
    pub(super) const fn set_now(&mut self, now: Timestamp) {
        self.recipe.now = now;
    }

    /// Whether there is a user of that name.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.actors.iter().any(|actor| actor.name == name)
    }

    /// The users' names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.actors.iter().map(|actor| actor.name.as_str())
    }

    /// A user more, with these attributes.
    ///
    /// # Errors
    /// Findings where the user has no such attribute, or nothing can be drawn.
    pub(super) fn add(&mut self, name: &str, given: &Map<String, Value>) -> Result<(), Findings> {
        let index = fold(name);
        let given = overrides(given)?;
        let mut actor = Actor { name: name.to_owned(), index, given, user: Value::Null, was: Value::Null, changes: 0 };
        let payload = self.created(&actor, Vec::new())?;
        actor.user = payload.pointer(USER).cloned().unwrap_or_default();
        actor.was = actor.user.clone();
        self.actors.push(actor);
        Ok(())
    }

    /// The payload that tells of a new user, who has these attributes, too.
    ///
    /// # Errors
    /// As [`Cast::add`].
    pub(super) fn create(&mut self, name: &str, set: &Map<String, Value>) -> Result<Value, Findings> {
        if !self.knows(name) {
            self.add(name, &Map::new())?;
        }
        let Some(at) = self.actors.iter().position(|actor| actor.name == name) else { return Err(Vec::new()) };
        let payload = self.created(&self.actors[at], overrides(set)?)?;
        let user = payload.pointer(USER).cloned().unwrap_or_default();
        let actor = &mut self.actors[at];
        actor.was = std::mem::replace(&mut actor.user, user);
        Ok(payload)
    }

    fn created(&self, actor: &Actor, more: Vec<Override>) -> Result<Value, Findings> {
        let recipe = Recipe { changes: Changes::Drawn, actor: None, ..self.recipe.clone() };
        let generator = Generator::new(self.schemas, CREATED, &recipe)?;
        let mut payload = generator.value(actor.index);
        let all = actor.given.iter().cloned().chain(more).collect();
        Overrides::new(all).apply(&mut payload, Some(generator.event()), true)?;
        self.checked(CREATED, payload)
    }

    fn checked(&self, event: &str, payload: Value) -> Result<Value, Findings> {
        let findings = self.schemas.check_payload_value(event, Some(self.recipe.platform), &payload);
        let errors: Findings = findings.into_iter().filter(Finding::is_error).collect();
        if errors.is_empty() { Ok(payload) } else { Err(errors) }
    }

    /// The payload that tells of a change of the user `name`, and of nothing but that.
    ///
    /// # Errors
    /// Findings where the user has no such attribute, where nothing changes, and where the payload does not fit its schema.
    pub(super) fn update(&mut self, name: &str, wanted: &Wanted) -> Result<Value, Findings> {
        let Some(at) = self.actors.iter().position(|actor| actor.name == name) else { return Err(Vec::new()) };
        let actor = &self.actors[at];
        let change = Change { set: wanted.set.clone(), drawn: wanted.change.clone(), actor: wanted.actor };
        let recipe = Recipe { changes: Changes::Drawn, ..self.recipe.clone() };
        let first = actor.index.wrapping_add(1 + actor.changes * DRAWS);
        let updated = life::update(self.schemas, &recipe, &actor.user, &change, first);
        let (payload, user) = updated.map_err(|why| match why {
            NoChange::Findings(findings) => findings,
            NoChange::Same { field, value } => {
                let what = format!("`{field}` of `{name}` is {value} already, an update changes something");
                vec![Finding::new(Code::BadScenario, what).hint("set another value, or leave it out")]
            }
        })?;
        let payload = self.checked(UPDATED, payload)?;
        let actor = &mut self.actors[at];
        actor.was = std::mem::replace(&mut actor.user, user);
        actor.changes += 1;
        Ok(payload)
    }

    /// The users as they are now, by name; each with `was`, which she was before her last step.
    pub(super) fn now(&self) -> Map<String, Value> {
        let with_past = |actor: &Actor| {
            let mut user = actor.user.clone();
            if let Value::Object(members) = &mut user {
                members.insert("was".to_owned(), actor.was.clone());
            }
            (actor.name.clone(), user)
        };
        self.actors.iter().map(with_past).collect()
    }
}

fn overrides(given: &Map<String, Value>) -> Result<Vec<Override>, Findings> {
    let one = |(name, value): (&String, &Value)| {
        let path = format!("{USER}/{}", escape_token(name)).parse();
        let path = path.map_err(|what: String| vec![Finding::new(Code::BadScenario, what)])?;
        Ok(Override::Set { path, value: Given::Json(value.clone()) })
    };
    given.iter().map(one).collect()
}

/// A name as a number (FNV-1a, 64 bits).
pub(super) fn fold(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
