//! Payloads about a user who is known: each tells of a change from the state in which the one before has left her.

use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use super::users::Whom;
use crate::model::{Code, Finding, Findings};
use crate::payload::life::{self, CREATED, Change, DRAWS, NoChange, UPDATED, USER};
use crate::payload::{Changes, Generator, Given, Override, Recipe};
use crate::schema::Schemas;
use crate::text::json::unescape_token;

/// The payloads of one run about one user.
pub(super) struct UserPayloads {
    event: String,
    recipe: Recipe,
    /// What `--set` gives the user.
    change: Change,
    /// What is known of her account: the attributes round `data` that tell of it.
    account: Map<String, Value>,
    /// The user before the first payload, and each payload with the user after it, as far as they were asked for.
    first: Value,
    made: Mutex<Vec<(Value, Value)>>,
}

impl UserPayloads {
    /// Payloads of `event` about `user`. Gives those of `overrides` that are not about her attributes as well.
    ///
    /// # Errors
    /// A finding where the event tells of no such user.
    pub(super) fn new(
        schemas: &Schemas,
        event: &str,
        recipe: Recipe,
        whom: Whom,
        overrides: &[Override],
    ) -> Result<(Self, Vec<Override>), Findings> {
        if event != CREATED && event != UPDATED {
            let what = format!("`{event}` is not about a user who is known: `--user` is for {CREATED} and {UPDATED}");
            return Err(vec![Finding::new(Code::BadOverride, what).hint("leave `--user` out")]);
        }
        let mut change = Change { actor: recipe.actor, ..Change::default() };
        if let Changes::Fields(fields) = &recipe.changes {
            change.drawn.clone_from(fields);
        }
        let mut others = Vec::new();
        for one in overrides {
            match attribute(one).filter(|_| event == UPDATED) {
                Some((name, value)) => {
                    change.drawn.retain(|field| *field != name);
                    change.set.insert(name, value);
                }
                None => others.push(one.clone()),
            }
        }
        let mut account = whom.envelope;
        let shape = schemas.event(event).map(|event| event.shape(Some(recipe.platform)));
        account.retain(|name, _| {
            let known = shape.and_then(|shape| shape.properties().iter().find(|property| property.name == *name));
            known.is_some_and(|property| property.shape.is_of_account())
        });
        let first = if whom.is_whole { whom.user } else { completed(schemas, &recipe, whom.user)? };
        let payloads = Self { event: event.to_owned(), recipe, change, account, first, made: Mutex::default() };
        Ok((payloads, others))
    }

    /// Payload number `index`, which needs all before it.
    ///
    /// # Errors
    /// Findings where the user has no such attribute, or nothing would change.
    pub(super) fn value(&self, schemas: &Schemas, index: u64) -> Result<Value, Findings> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        while made.len() as u64 <= index {
            let before = made.last().map_or(&self.first, |(_, user)| user);
            let (mut payload, user) = self.next(schemas, before, made.len() as u64)?;
            payload.as_object_mut().into_iter().for_each(|payload| payload.extend(self.account.clone()));
            made.push((payload, user));
        }
        Ok(made[usize::try_from(index).unwrap_or(usize::MAX)].0.clone())
    }

    fn next(&self, schemas: &Schemas, user: &Value, index: u64) -> Result<(Value, Value), Findings> {
        if self.event == CREATED {
            let recipe = Recipe { changes: Changes::Drawn, actor: None, ..self.recipe.clone() };
            let mut payload = Generator::new(schemas, CREATED, &recipe)?.value(index);
            if let Some(place) = payload.pointer_mut(USER) {
                *place = user.clone();
            }
            return Ok((payload, user.clone()));
        }
        let first = index.saturating_mul(DRAWS);
        life::update(schemas, &self.recipe, user, &self.change, first).map_err(|why| match why {
            NoChange::Findings(findings) => findings,
            NoChange::Same { field, value } => {
                let what = format!("`{field}` of the user is {value} already, and an update changes something");
                vec![Finding::new(Code::BadOverride, what).hint("set another value, or leave it out")]
            }
        })
    }
}

/// The user with drawn values for what is not said of her.
fn completed(schemas: &Schemas, recipe: &Recipe, user: Value) -> Result<Value, Findings> {
    let recipe = Recipe { changes: Changes::Drawn, actor: None, ..recipe.clone() };
    let payload = Generator::new(schemas, CREATED, &recipe)?.value(0);
    let mut whole = payload.pointer(USER).cloned().unwrap_or_default();
    if let (Value::Object(whole), Value::Object(given)) = (&mut whole, user) {
        whole.extend(given);
    }
    Ok(whole)
}

/// The user's attribute that an override sets, and its value.
fn attribute(one: &Override) -> Option<(String, Value)> {
    let Override::Set { path, value } = one else { return None };
    let pointer = path.pointer();
    let token = pointer.strip_prefix(USER)?.strip_prefix('/')?;
    let value = match value {
        Given::Text(text) => Value::String(text.clone()),
        Given::Json(value) => value.clone(),
    };
    (!token.contains('/')).then(|| (unescape_token(token).to_string(), value))
}
