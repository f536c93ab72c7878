//! What can be asked for under `/api/`, as `schemas/openapi.json` describes it.

mod about;
mod feeds;
mod fires;
mod history;
pub(super) mod payloads;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{Method, Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Shared, assets};
use crate::model::Findings;

/// The largest body: four times the largest payload, since one that is being written may be anything.
const LARGEST_BODY: usize = 1 << 20;
/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The description of all this.
const OPENAPI: &str = include_str!("../../../schemas/openapi.json");

/// What handlers of requests share.
pub(super) type Server = axum::extract::State<Arc<Shared>>;

/// Every route. Whoever comes here has passed the guard.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/openapi.json", get(openapi))
        .route("/api/session", post(session))
        .route("/api/app", get(about::app))
        .route("/api/findings", get(about::findings))
        .route("/api/shape/{event}", get(about::shape))
        .route("/api/payloads", post(payloads::make))
        .route("/api/check", post(payloads::check_text))
        .route("/api/format", post(payloads::format_text))
        .route("/api/fires", get(fires::list).post(fires::ask))
        .route("/api/fires/{id}", get(fires::one).delete(fires::end))
        .route("/api/fires/{id}/events", get(feeds::of_fire))
        .route("/api/history", get(history::list))
        .route("/api/history/compare", get(history::compared))
        .route("/api/history/{id}", get(history::one))
        .route("/api/history/{id}/step", get(history::step))
        .route("/api/history/{id}/replay", post(history::replay))
        .route("/api/users", get(history::users))
        .route("/api/events", get(feeds::of_all))
        .fallback(other)
        .method_not_allowed_fallback(not_so)
        .with_state(shared)
}

/// Why a request was not done.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    code: &'static str,
    message: String,
    hint: Option<String>,
    findings: Findings,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: None, findings: Vec::new() }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What is in the user's files, or in the payload that was sent.
    fn findings(findings: Findings) -> Self {
        let message = match findings.as_slice() {
            [one] => one.message.clone(),
            many => format!("{} faults are in the way", many.len()),
        };
        Self { findings, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "findings", message) }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", message)
    }

    fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response<Body> {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(hint) = self.hint {
            error["hint"] = hint.into();
        }
        if !self.findings.is_empty() {
            error["findings"] = json!(self.findings);
        }
        reply(self.status, &json!({ "error": error }))
    }
}

type Answer = Result<Response<Body>, ApiError>;

fn reply(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let text = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    text_reply(status, text)
}

fn text_reply(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn ok(value: &impl Serialize) -> Answer {
    Ok(reply(StatusCode::OK, value))
}

/// What is named in the path.
struct Named(String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(name) = Path::from_request_parts(parts, state).await.map_err(|why| ApiError::bad(why.body_text()))?;
        Ok(Self(name))
    }
}

/// What is asked for behind `?`.
struct Asked<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(asked) =
            Query::from_request_parts(parts, state).await.map_err(|why| ApiError::bad(why.body_text()))?;
        Ok(Self(asked))
    }
}

/// Reads the JSON that a request sends.
async fn read<T: DeserializeOwned>(request: Request) -> Result<T, ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        let what = "the body must be JSON, and its `Content-Type` must say so: `application/json`";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", what));
    }
    let too_large = || {
        let what = format!("the body is larger than the {} KiB that are read", LARGEST_BODY >> 10);
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", what)
    };
    let said = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if said.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > LARGEST_BODY) {
        return Err(too_large());
    }
    let bytes = match tokio::time::timeout(BODY_TIMEOUT, to_bytes(request.into_body(), LARGEST_BODY)).await {
        Ok(Ok(bytes)) => bytes,
        // That, or the client went away, who will not read this.
        Ok(Err(_)) => return Err(too_large()),
        Err(_) => {
            let what = format!("the body did not come within {} seconds", BODY_TIMEOUT.as_secs());
            return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "slow-body", what));
        }
    };
    serde_json::from_slice(&bytes).map_err(|error| ApiError::bad(format!("the body is not what is expected: {error}")))
}

/// Does in another thread what may read files or take a while.
async fn aside<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Shared) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let shared = Arc::clone(shared);
    tokio::task::spawn_blocking(move || work(&shared)).await.unwrap_or_else(|_| {
        let what = "simctl itself failed; please report what its terminal shows";
        Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "panic", what))
    })
}

async fn openapi() -> Response<Body> {
    text_reply(StatusCode::OK, OPENAPI.to_owned())
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Session {
    token: String,
}

/// Gives a browser the cookie for the token that its user was given.
async fn session(shared: Server, request: Request) -> Answer {
    let Session { token } = read(request).await?;
    if !shared.guard.is_token(&token) {
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "no-token", "that is not the token of this server"));
    }
    let mut response = reply(StatusCode::OK, &json!({ "ok": true }));
    if let Some(cookie) = shared.guard.cookie() {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The page's files, and what is nowhere.
async fn other(method: Method, uri: Uri) -> Answer {
    match assets::find(uri.path()) {
        Some(file) if method == Method::GET || method == Method::HEAD => Ok(file),
        Some(_) => Err(not_so().await),
        None => Err(ApiError::missing(format!("there is no `{}` here", uri.path()))
            .hint("`/api/openapi.json` describes what there is")),
    }
}

async fn not_so() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "that cannot be done with this method")
}
