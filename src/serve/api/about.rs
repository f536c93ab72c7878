//! What is known of the app: its subscriptions, its faults, and which keys its payloads have.

use serde_json::{Value, json};

use super::super::Shared;
use super::{Answer, ApiError, Named, Server, aside, ok};
use crate::app::{App, Subscription};
use crate::model::{Finding, Platform};
use crate::payload::{Locale, Variant};
use crate::schema::{Members, Shape};

/// How deep the shape of a payload is told.
const DEEPEST: usize = 12;

/// The app and its subscriptions. A manifest that cannot be used is told of in `findings`.
pub(super) async fn app(shared: Server) -> Answer {
    ok(&aside(&shared, |shared| Ok(describe(shared))).await?)
}

fn describe(shared: &Shared) -> Value {
    let settings = &shared.settings;
    let mut about = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "locales": Locale::all().map(|locale| locale.to_string()).collect::<Vec<_>>(),
        "variants": [Variant::Docs.name(), Variant::Kit.name()],
        "subscriptions": [],
        "findings": [],
    });
    match App::open(&settings.locate) {
        Ok(app) => {
            about["name"] = app.root.file_name().map(|name| name.to_string_lossy()).into();
            about["folder"] = app.root.to_string_lossy().into();
            about["platform"] = json!(app.manifest.platform.told(app.manifest.platform_version.as_deref()));
            let all = app.manifest.subscriptions.iter();
            about["subscriptions"] = all.map(|subscription| subscribed(shared, &app, subscription)).collect();
        }
        Err(findings) => about["findings"] = json!(findings),
    }
    about
}

fn subscribed(shared: &Shared, app: &App, subscription: &Subscription) -> Value {
    let schema = shared.settings.schemas.event(&subscription.event);
    json!({
        "event": subscription.event,
        "callback": subscription.callback,
        "module": subscription.scope.name(),
        "title": schema.map(|schema| schema.title()),
        "summary": schema.map(|schema| schema.summary()),
        "has_schema": schema.is_some(),
        "has_sample": app.sample(&subscription.event, subscription).is_ok(),
    })
}

/// The app's faults, as `validate` tells them.
pub(super) async fn findings(shared: Server) -> Answer {
    let findings = aside(&shared, |shared| Ok((shared.settings.validate)())).await?;
    let errors = findings.iter().filter(|finding: &&Finding| finding.is_error()).count();
    ok(&json!({ "errors": errors, "findings": findings }))
}

/// What a payload of an event looks like, for completing its keys.
pub(super) async fn shape(shared: Server, Named(event): Named) -> Answer {
    let shape = aside(&shared, move |shared| {
        let settings = &shared.settings;
        let schema = settings.schemas.event(&event);
        let schema = schema.ok_or_else(|| ApiError::missing(format!("there is no schema for `{event}`")))?;
        let platform: Option<Platform> = App::open(&settings.locate).ok().map(|app| app.manifest.platform);
        let root = schema.shape(platform);
        Ok(told(root, root, 0))
    });
    ok(&shape.await?)
}

fn told(root: &Shape, shape: &Shape, depth: usize) -> Value {
    const KINDS: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];
    let mut value = json!({});
    let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| shape.kinds().allows(kind)).collect();
    if kinds.len() < KINDS.len() {
        value["kinds"] = json!(kinds);
    }
    let choices = shape.constant().map_or_else(|| shape.choices().to_vec(), |constant| vec![constant.clone()]);
    if !choices.is_empty() {
        value["choices"] = Value::Array(choices);
    }
    if let Some(format) = shape.format() {
        value["format"] = format.into();
    }
    if depth >= DEEPEST {
        return value;
    }
    let mut keys: Vec<Value> = Vec::new();
    for property in shape.properties() {
        let inner = told(root, &property.shape, depth + 1);
        keys.push(json!({ "name": property.name, "required": property.required, "shape": inner }));
    }
    if let (Members::Like(like), Some(named)) = (shape.members(), shape.members_of().and_then(|of| root.find(of))) {
        let like = told(root, like, depth + 1);
        for property in named.properties() {
            keys.push(json!({ "name": property.name, "required": false, "shape": like }));
        }
    }
    if !keys.is_empty() {
        value["keys"] = Value::Array(keys);
    }
    if let Some(items) = shape.items() {
        value["items"] = told(root, items, depth + 1);
    }
    value
}
