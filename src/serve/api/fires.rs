//! Fires: asked for, looked at, ended.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::StatusCode;
use serde_json::json;
use serde_json::value::RawValue;

use super::super::fires::{Fire, Refused, State, Wanted};
use super::{Answer, ApiError, Named, Server, ok, read, reply};

/// Every fire that is kept, the newest first.
pub(super) async fn list(shared: Server) -> Answer {
    ok(&json!({ "fires": shared.fires.list() }))
}

/// Fires; the answer comes at once, or with `wait` at the end.
pub(super) async fn ask(shared: Server, request: Request) -> Answer {
    let wanted: Wanted = read(request).await?;
    let wait = wanted.wait;
    let fire = taken(&shared, wanted)?;
    if wait {
        let mut changes = fire.changes();
        while fire.summary().state != State::Ended {
            if changes.changed().await.is_err() {
                break;
            }
        }
        return Ok(reply(StatusCode::OK, &whole(&fire)?));
    }
    Ok(reply(StatusCode::ACCEPTED, &fire.summary()))
}

/// Puts a fire into the queue.
pub(super) fn taken(shared: &Server, wanted: Wanted) -> Result<Arc<Fire>, ApiError> {
    shared.fires.ask(wanted, (shared.settings.clock)()).map_err(|refused| match refused {
        Refused::Full => {
            let what = "too many fires wait already";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "queue-full", what).hint("ask again when some have ended")
        }
        Refused::System(error) => {
            let what = format!("this machine has no room for another fire: {error}");
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "no-room", what)
        }
    })
}

/// One fire, all that it told.
pub(super) async fn one(shared: Server, Named(id): Named) -> Answer {
    ok(&whole(&*found(&shared, &id)?)?)
}

/// Ends one.
pub(super) async fn end(shared: Server, Named(id): Named) -> Answer {
    let fire = found(&shared, &id)?;
    fire.interrupt.set();
    Ok(reply(StatusCode::ACCEPTED, &fire.summary()))
}

pub(super) fn found(shared: &Server, id: &str) -> Result<Arc<Fire>, ApiError> {
    let fire = id.parse().ok().and_then(|id| shared.fires.get(id));
    fire.ok_or_else(|| ApiError::missing("there is no such fire here, or it was long ago"))
}

fn whole(fire: &Fire) -> Result<serde_json::Value, ApiError> {
    let (lines, _) = fire.lines_from(0, usize::MAX);
    let events: Vec<&RawValue> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut value = json!(fire.summary());
    value["events"] = json!(events);
    Ok(value)
}
