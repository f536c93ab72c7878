//! A user's life: the payload that tells of a change of a user who is known, from her present state, so that its `changes` are
//! true. Whom it is about and what she was before is for the caller to keep.

use serde_json::{Map, Value};

use super::{ActorKind, Changes, Generator, Recipe};
use crate::model::Findings;
use crate::schema::Schemas;

/// The event that tells of a new user.
pub const CREATED: &str = "onUserCreate";
/// The event that tells of a change.
pub const UPDATED: &str = "onUserUpdate";

/// Where a payload has the user.
pub const USER: &str = "/data/user";
const CHANGES: &str = "/data/changes";
/// Of the variant `kit`; there the old value stands first.
const KIT_CHANGES: &str = "/data/changes/model_changes";

/// How often a new value is drawn until it differs from the present one: so many payloads' draws one change uses.
pub const DRAWS: u64 = 16;

/// What is to change about a user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// Values that are given.
    pub set: Map<String, Value>,
    /// Attributes whose new values are drawn.
    pub drawn: Vec<String>,
    /// Who changes them.
    pub actor: Option<ActorKind>,
}

/// Why there is no such payload.
#[derive(Debug, Clone, PartialEq)]
pub enum NoChange {
    /// The user has no such attribute, or nothing can be drawn.
    Findings(Findings),
    /// The attribute has that value already.
    Same {
        /// The attribute.
        field: String,
        /// Its value.
        value: Value,
    },
}

/// The payload that tells of a change of `user` and of nothing but that, and the user as she is then. What `change` does not say is
/// drawn from the recipe, beginning at `index`; where it says nothing, the recipe's own `changes` count. Unchecked.
///
/// # Errors
/// [`NoChange`]
pub fn update(
    schemas: &Schemas,
    recipe: &Recipe,
    user: &Value,
    change: &Change,
    index: u64,
) -> Result<(Value, Value), NoChange> {
    let fields: Vec<String> = change.set.keys().chain(&change.drawn).cloned().collect();
    let changes = if fields.is_empty() { recipe.changes.clone() } else { Changes::Fields(fields) };
    let recipe = Recipe { changes, actor: change.actor, ..recipe.clone() };
    let generator = Generator::new(schemas, UPDATED, &recipe).map_err(NoChange::Findings)?;
    let draws = (0..).map(|draw| index.wrapping_add(draw));
    let Changed { payload, user, same } = changed(&generator, user, change, draws);
    match same {
        Some((field, value)) => Err(NoChange::Same { field, value }),
        None => Ok((payload, user)),
    }
}

/// What became of a user.
#[derive(Debug)]
pub struct Changed {
    /// What tells of it.
    pub payload: Value,
    /// The user as she is then.
    pub user: Value,
    /// The first attribute that has the value that it had, where there is one.
    pub same: Option<(String, Value)>,
}

/// The payload that tells of a change of `user`, by a generator of updates. It is the one of the first number in `draws`; a new
/// value that is the present one is drawn again with those that follow.
pub fn changed(
    generator: &Generator,
    user: &Value,
    change: &Change,
    draws: impl Iterator<Item = u64> + Clone,
) -> Changed {
    let index = draws.clone().next().unwrap_or_default();
    let mut payload = generator.value(index);
    let (base, is_new_first) =
        if payload.pointer(KIT_CHANGES).is_some() { (KIT_CHANGES, false) } else { (CHANGES, true) };
    let drawn_user = payload.pointer(USER).cloned().unwrap_or_default();
    let (mut updated, mut pairs, mut same) = (user.clone(), Map::new(), None);
    for field in keys(payload.pointer(base)) {
        let before = user.get(&field).cloned().unwrap_or_default();
        let given = change.set.get(&field).cloned();
        let value = given.unwrap_or_else(|| drawn(generator, &field, &before, &drawn_user, draws.clone()));
        if value == before {
            same.get_or_insert((field.clone(), value.clone()));
        }
        let pair = if is_new_first { [value.clone(), before] } else { [before, value.clone()] };
        pairs.insert(field.clone(), Value::Array(pair.into()));
        if let Value::Object(updated) = &mut updated {
            updated.insert(field, value);
        }
    }
    put(&mut payload, base, Value::Object(pairs));
    put(&mut payload, USER, updated.clone());
    follow(&mut payload, &drawn_user, &updated);
    Changed { payload, user: updated, same }
}

/// A drawn payload of `event` that tells of `user`. Unchecked.
///
/// # Errors
/// As [`Generator::new`].
pub fn create(schemas: &Schemas, recipe: &Recipe, event: &str, user: &Value, index: u64) -> Result<Value, Findings> {
    let mut payload = Generator::new(schemas, event, recipe)?.value(index);
    let drawn_user = payload.pointer(USER).cloned().unwrap_or_default();
    put(&mut payload, USER, user.clone());
    follow(&mut payload, &drawn_user, user);
    Ok(payload)
}

/// A new value of `field`, unlike the one `before` where one can be drawn.
fn drawn(
    generator: &Generator,
    field: &str,
    before: &Value,
    drawn_user: &Value,
    draws: impl Iterator<Item = u64>,
) -> Value {
    let of = |user: &Value| user.get(field).cloned();
    let mut last = of(drawn_user).unwrap_or_default();
    let mut others = draws.skip(1).take(usize::try_from(DRAWS).unwrap_or(usize::MAX) - 1);
    while last == *before
        && let Some(index) = others.next()
    {
        last = generator.value(index).pointer(USER).and_then(of).unwrap_or(last);
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
