//! Time that passes: schedules fire, each at its own time and in that order.

use serde_json::Value;

use super::{Alarm, Fired, Until};
use crate::payload::Generator;
use crate::platform::{Schedule, Services};

/// The event that a schedule fires.
pub(super) const EVENT: &str = "onScheduledEvent";

/// How many schedules may fire in one step.
pub(super) const MOST_FIRED: usize = 1000;

impl Until {
    /// When that is, by the clock of the run.
    pub(super) fn by(self, services: &Services<'_>) -> jiff::Timestamp {
        match self {
            Self::Passed(length) => services.now().checked_add(length).unwrap_or(jiff::Timestamp::MAX),
            Self::Time(time) => time,
        }
    }
}

impl Alarm {
    /// What schedules fire at that callback.
    pub(super) fn new(callback: &str, generator: &Generator) -> Self {
        let ends_by_render = generator.event().ends_by_render();
        Self { callback: callback.to_owned(), ends_by_render, payload: generator.value(0) }
    }

    /// What `schedule` fires.
    pub(super) fn fired(&self, schedule: &Schedule) -> Fired {
        let mut payload = self.payload.clone();
        if let Some(members) = payload.as_object_mut() {
            members.insert("data".to_owned(), schedule.data());
            if members.get("timestamp").is_some_and(Value::is_number) {
                members.insert("timestamp".to_owned(), schedule.next.as_millisecond().into());
            }
        }
        Fired {
            event: EVENT.to_owned(),
            callback: self.callback.clone(),
            ends_by_render: self.ends_by_render,
            payload: payload.to_string(),
        }
    }
}
