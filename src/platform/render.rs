//! `renderData`: what an app says of how a set-up event ended.

use serde_json::Value;

use super::Shared;
use crate::model::{Code, Finding};

/// Characters of the message that the platform shows.
const LONGEST_MESSAGE: usize = 60;

/// Notes what the platform would not take as an error. The call itself always works: the prelude ends the event by it.
pub(super) fn check(shared: &mut Shared<'_>, args: &[Value]) {
    let Some(error) = args.first().filter(|error| !error.is_null()) else { return };
    let event = &shared.event;
    let has = |key: &str| error.get(key).is_some_and(|value| !value.is_null());
    let length = error["message"].as_str().map_or(0, |message| message.chars().count());
    let finding = if !has("message") && !has("status") {
        let what = format!("`renderData` of `{event}` was given an error that has neither `message` nor `status`");
        Some(Finding::new(Code::RenderError, what).hint("write `renderData({ message: '…' })`"))
    } else if length > LONGEST_MESSAGE {
        let what = format!(
            "`renderData` of `{event}` was given a message of {length} characters, the platform shows {LONGEST_MESSAGE}"
        );
        Some(Finding::new(Code::RenderError, what).hint("shorten it, and log what else there is to say"))
    } else {
        None
    };
    shared.findings.extend(finding);
}
