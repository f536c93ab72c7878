//! The runtimes that scenarios ask for by name.

use super::Refusal;
use crate::commands::Context;
use crate::commands::trigger::{HandlerOptions, RuntimeChoice};
use crate::engine::scenario::Scenario;
use crate::handler::find_node;
use crate::model::{Runtime, Verdict};

/// The scenarios that are for the runtime that was chosen, or for any. One that is for Node.js, where there is none, keeps
/// all from being played: what is left out silently would be taken for what held.
pub(super) fn fitting(
    context: &Context,
    options: &HandlerOptions,
    mut scenarios: Vec<Scenario>,
) -> Result<Vec<Scenario>, Refusal> {
    let chosen = match options.runtime {
        RuntimeChoice::Auto => None,
        RuntimeChoice::Embedded => Some(Runtime::Embedded),
        RuntimeChoice::Node => Some(Runtime::Node),
    };
    let is_chosen = |scenario: &Scenario| chosen.is_none() || scenario.runtime.is_none() || scenario.runtime == chosen;
    scenarios.retain(is_chosen);
    if let (true, Some(chosen)) = (scenarios.is_empty(), chosen) {
        let what = format!("every scenario is for another runtime than {chosen}");
        context.console.error(&what, Some("leave out `--runtime`, or name the other one"));
        return Err(Refusal::Verdict(Verdict::CannotDo));
    }
    let for_node = scenarios.iter().find(|scenario| scenario.runtime == Some(Runtime::Node));
    if let Some(scenario) = for_node.filter(|_| find_node(&options.node).is_none()) {
        let file = scenario.file.display();
        let what = format!("the matrix of {file} asks for Node.js, and there is no Node.js here");
        let hint = "install it (https://nodejs.org), name it with `--node`, or play the rest with `--runtime embedded`";
        context.console.error(&what, Some(hint));
        return Err(Refusal::Verdict(Verdict::Machine));
    }
    Ok(scenarios)
}
