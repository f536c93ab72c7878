//! What was fired before, here and by commands, and the users that it told of.

use axum::extract::Request;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Shared;
use super::super::fires::Wanted;
use super::{Answer, ApiError, Asked, Named, Server, aside, ok, read, reply};
use crate::app::App;
use crate::history::{Brief, Change, Filter, History, HistoryError, Line, Recorded, Side, Users, compare};

/// How many deliveries a list has where nobody says.
const USUAL_LENGTH: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sought {
    /// A text anywhere in it.
    search: Option<String>,
    event: Option<String>,
    outcome: Option<String>,
    limit: Option<usize>,
}

/// The deliveries that are kept, the newest first.
pub(super) async fn list(shared: Server, Asked(sought): Asked<Sought>) -> Answer {
    if let Some(outcome) = sought.outcome.as_deref().filter(|outcome| !Filter::outcomes().any(|one| one == *outcome)) {
        let all: Vec<_> = Filter::outcomes().collect();
        return Err(ApiError::bad(format!("`{outcome}` is no outcome; there are: {}", all.join(", "))));
    }
    let listed = aside(&shared, move |shared| {
        let Sought { search, event, outcome, limit } = sought;
        let filter = Filter { event, outcome, since: None, most: Some(limit.unwrap_or(USUAL_LENGTH)) };
        let found = history(shared)?.search(&filter, &search.unwrap_or_default()).map_err(|error| broken(&error))?;
        let deliveries: Vec<Value> = found.briefs.iter().map(brief).collect();
        Ok(json!({
            "deliveries": deliveries,
            "found": found.found,
            "kept": found.kept,
            "damaged": found.damaged,
        }))
    });
    ok(&listed.await?)
}

fn brief(delivery: &Brief) -> Value {
    json!({
        "id": delivery.id,
        "at": delivery.at,
        "event": delivery.event,
        "to": delivery.addressee(),
        "held": delivery.held,
        "outcome": delivery.outcome_name(),
        "said": shortened(delivery.said()),
        "handler_us": delivery.handler_us,
        "replay_of": delivery.replay_of,
    })
}

/// A list needs the beginning only.
fn shortened(text: String) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// One delivery, whole.
pub(super) async fn one(shared: Server, Named(id): Named) -> Answer {
    let recorded = aside(&shared, move |shared| get(&history(shared)?, &id)).await?;
    ok(&recorded)
}

/// The step of a scenario that fires it again.
pub(super) async fn step(shared: Server, Named(id): Named) -> Answer {
    let recorded = aside(&shared, move |shared| get(&history(shared)?, &id)).await?;
    ok(&json!({ "text": recorded.step(None) }))
}

/// Fires it again: the same payload to the byte, at the same simulated time.
pub(super) async fn replay(shared: Server, Named(id): Named, request: Request) -> Answer {
    // The body says nothing yet, but it makes sure that no form of another site did this.
    let _: serde_json::Map<String, Value> = read(request).await?;
    let recorded = aside(&shared, move |shared| get(&history(shared)?, &id)).await?;
    let fire = super::fires::taken(&shared, Wanted::again(recorded))?;
    Ok(reply(StatusCode::ACCEPTED, &fire.summary()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Two {
    first: String,
    second: String,
}

/// Two deliveries side by side.
pub(super) async fn compared(shared: Server, Asked(two): Asked<Two>) -> Answer {
    let comparison = aside(&shared, move |shared| {
        let history = history(shared)?;
        Ok(compare(&get(&history, &two.first)?, &get(&history, &two.second)?))
    });
    let comparison = comparison.await?;
    let change = |change: &Change| json!({ "pointer": change.pointer, "before": change.before, "after": change.after });
    let line = |line: &Line| {
        let side = match line.side {
            Side::Both => "both",
            Side::Gone => "gone",
            Side::New => "new",
        };
        json!({ "side": side, "text": line.text })
    };
    let lines = |lines: &[Line]| lines.iter().map(line).collect::<Vec<_>>();
    ok(&json!({
        "same": comparison.is_same(),
        "payload": comparison.payload.iter().map(change).collect::<Vec<_>>(),
        "outcome": comparison.outcome,
        "logs": lines(&comparison.logs),
        "calls": lines(&comparison.calls),
        "findings": lines(&comparison.findings),
    }))
}

/// The users that deliveries have told of, the last one first.
pub(super) async fn users(shared: Server) -> Answer {
    let users = aside(&shared, |shared| {
        let app = App::open(&shared.settings.locate).map_err(ApiError::findings)?;
        let all = Users::open(&app.root).all().map_err(|error| broken(&error))?;
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let brief = |known: &crate::history::KnownUser| {
            let name = format!("{} {}", text(&known.user, "first_name"), text(&known.user, "last_name"));
            json!({ "id": known.id(), "name": name.trim(), "email": text(&known.user, "email"), "at": known.at })
        };
        Ok(all.iter().rev().map(brief).collect::<Vec<_>>())
    });
    ok(&json!({ "users": users.await? }))
}

fn history(shared: &Shared) -> Result<History, ApiError> {
    let app = App::open(&shared.settings.locate).map_err(ApiError::findings)?;
    Ok(History::settled(&app.root).history)
}

fn get(history: &History, id: &str) -> Result<Recorded, ApiError> {
    let found = id.parse().ok().map(|id| history.get(id)).transpose().map_err(|error| broken(&error))?.flatten();
    found.ok_or_else(|| ApiError::missing(format!("there is no delivery {id} in the history")))
}

pub(super) fn broken(error: &HistoryError) -> ApiError {
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "history", error.to_string())
}
