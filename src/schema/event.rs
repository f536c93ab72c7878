//! What the schema of one event says about the event as a whole.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::{Quick, Schemas, Shape};
use crate::model::Platform;

/// The largest payload that the platform sends where the schema says nothing, in bytes of compact JSON.
pub const LARGEST_PAYLOAD: usize = 256 * 1024;

/// An event, as its schema and the envelopes describe it.
#[derive(Debug, Clone)]
pub struct EventSchema {
    name: String,
    schema: String,
    title: String,
    product: String,
    module: String,
    modules: Vec<String>,
    summary: String,
    ends_by_render: bool,
    limit_bytes: usize,
    /// The shapes of the two envelopes, and the schema's own.
    parts: [Arc<Shape>; 3],
    /// The whole payload, by platform: 2.x, 3.0, and both taken together. Most runs ask for one.
    shapes: [OnceLock<Shape>; 3],
    /// By platform, 2.x and 3.0; `None` where the schemas ask for more than a quick look can tell.
    quick: [OnceLock<Option<Quick>>; 2],
}

/// The name of the schema of a platform's envelope.
pub(super) const fn envelope(platform: Platform) -> &'static str {
    match platform {
        Platform::V2 => "shared/envelope-2",
        Platform::V3 => "shared/envelope-3",
    }
}

fn kib(count: u64) -> Option<usize> {
    usize::try_from(count).ok()?.checked_mul(1024)
}

impl EventSchema {
    pub(super) fn new(schemas: &Schemas, event: &str, schema: &str) -> Self {
        let value = schemas.value(schema).unwrap_or(&Value::Null);
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let about = &value["x-simctl-event"];
        let parts = [envelope(Platform::V2), envelope(Platform::V3), schema];
        Self {
            name: event.to_owned(),
            schema: schema.to_owned(),
            title: text(&value["title"]),
            product: text(&about["product"]),
            module: text(&about["module"]),
            modules: about["modules"].as_array().into_iter().flatten().map(text).collect(),
            summary: text(&about["summary"]),
            ends_by_render: about["ends"] == "renderData",
            limit_bytes: about["limit_kib"].as_u64().and_then(kib).unwrap_or(LARGEST_PAYLOAD),
            parts: parts.map(|name| Arc::clone(schemas.shape(name))),
            shapes: [const { OnceLock::new() }; 3],
            quick: [const { OnceLock::new() }; 2],
        }
    }

    /// The event's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of its schema, such as `events/onUserCreate`.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The schema's title.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The product that manifests up to 2.3 subscribe it under; empty where the schema does not say.
    pub fn product(&self) -> &str {
        &self.product
    }

    /// The module that 3.0 manifests subscribe it under; empty where the schema does not say.
    pub fn module(&self) -> &str {
        &self.module
    }

    /// The modules that a 3.0 envelope names: those of the schema's `modules`, else the event's own.
    pub fn subscribed_modules(&self) -> &[String] {
        if self.modules.is_empty() { std::slice::from_ref(&self.module) } else { &self.modules }
    }

    /// Whether it is over when the app calls `renderData`, rather than when the callback has returned.
    pub const fn ends_by_render(&self) -> bool {
        self.ends_by_render
    }

    /// The largest payload that the platform sends, in bytes of compact JSON.
    pub const fn limit_bytes(&self) -> usize {
        self.limit_bytes
    }

    /// When it fires, as the end of a sentence.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// What the whole payload looks like on `platform`; where that is not known, on any.
    pub fn shape(&self, platform: Option<Platform>) -> &Shape {
        let [v2, v3, own] = &self.parts;
        match platform {
            Some(Platform::V2) => self.shapes[0].get_or_init(|| v2.and(own)),
            Some(Platform::V3) => self.shapes[1].get_or_init(|| v3.and(own)),
            None => self.shapes[2].get_or_init(|| v2.and(v3).and(own)),
        }
    }
    /// The quick look at payloads of this event on `platform`, which `schemas`, the ones it came from, may rule out.
    pub fn quick(&self, schemas: &Schemas, platform: Platform) -> Option<&Quick> {
        let quick = match platform {
            Platform::V2 => &self.quick[0],
            Platform::V3 => &self.quick[1],
        };
        quick.get_or_init(|| Quick::new(schemas, self, platform)).as_ref()
    }
}
