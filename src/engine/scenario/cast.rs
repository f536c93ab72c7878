//! The users of a scenario and their lives: who they are, what each step changes, and the payloads that tell of it.
//!
//! What is drawn for a user depends on the scenario's seed, her name and the number of the change, so that another user, or
//! a step of another, leaves her as she is.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::model::{Code, Finding, Findings};
use crate::payload::{ActorKind, Changes, Generator, Given, Override, Overrides, Recipe};
use crate::schema::Schemas;
use crate::text::json::escape_token;

/// The event that tells of a new user, and the one that tells of a change.
pub(super) const CREATED: &str = "onUserCreate";
pub(super) const UPDATED: &str = "onUserUpdate";

/// Where a payload has them.
const USER: &str = "/data/user";
const CHANGES: &str = "/data/changes";
/// Of the variant `kit`; there the old value stands first.
const KIT_CHANGES: &str = "/data/changes/model_changes";

/// How often a new value is drawn until it differs from the present one.
const DRAWS: u64 = 16;

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
        let fields: Vec<String> = wanted.set.keys().chain(&wanted.change).cloned().collect();
        let changes = if fields.is_empty() { Changes::Drawn } else { Changes::Fields(fields) };
        let recipe = Recipe { changes, actor: wanted.actor, ..self.recipe.clone() };
        let generator = Generator::new(self.schemas, UPDATED, &recipe)?;
        let first = actor.index.wrapping_add(1 + actor.changes * DRAWS);
        let mut payload = generator.value(first);
        let (base, is_new_first) =
            if payload.pointer(KIT_CHANGES).is_some() { (KIT_CHANGES, false) } else { (CHANGES, true) };
        let drawn_user = payload.pointer(USER).cloned().unwrap_or_default();
        let (mut user, mut pairs) = (actor.user.clone(), Map::new());
        for field in keys(payload.pointer(base)) {
            let before = actor.user.get(&field).cloned().unwrap_or_default();
            let given = wanted.set.get(&field).cloned();
            let value = given.unwrap_or_else(|| drawn(&generator, &field, &before, first));
            if value == before {
                let what = format!("`{field}` of `{name}` is {before} already, an update changes something");
                return Err(vec![Finding::new(Code::BadScenario, what).hint("set another value, or leave it out")]);
            }
            let pair = if is_new_first { [value.clone(), before] } else { [before, value.clone()] };
            pairs.insert(field.clone(), Value::Array(pair.into()));
            if let Value::Object(user) = &mut user {
                user.insert(field, value);
            }
        }
        put(&mut payload, base, Value::Object(pairs));
        put(&mut payload, USER, user.clone());
        follow(&mut payload, &drawn_user, &user);
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

/// A new value of `field`, unlike the one `before` where one can be drawn.
fn drawn(generator: &Generator, field: &str, before: &Value, first: u64) -> Value {
    let draw = |index: u64| generator.value(index).pointer(USER).and_then(|user| user.get(field)).cloned();
    let draws = (0..DRAWS).filter_map(|number| draw(first.wrapping_add(number)));
    let mut last = Value::Null;
    for value in draws {
        if value != *before {
            return value;
        }
        last = value;
    }
    last
}

/// Where the actor is the user, she is the user as she is now.
fn follow(payload: &mut Value, drawn: &Value, user: &Value) {
    let is_user = drawn.get("id").is_some() && payload.pointer("/data/actor/id") == drawn.get("id");
    let Some(actor) = payload.pointer_mut("/data/actor").and_then(Value::as_object_mut).filter(|_| is_user) else {
        return;
    };
    for (name, value) in actor.iter_mut() {
        if drawn.get(name).is_some()
            && let Some(own) = user.get(name)
        {
            value.clone_from(own);
        }
    }
}

fn keys(object: Option<&Value>) -> Vec<String> {
    object.and_then(Value::as_object).map(|members| members.keys().cloned().collect()).unwrap_or_default()
}

fn put(payload: &mut Value, pointer: &str, value: Value) {
    if let Some(place) = payload.pointer_mut(pointer) {
        *place = value;
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
