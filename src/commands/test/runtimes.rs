//! The runtimes that scenarios ask for by name.

use super::{Refusal, TestOptions};
use crate::commands::Context;
use crate::engine::prepare::{HandlerOptions, RuntimeChoice};
use crate::engine::scenario::Scenario;
use crate::handler::find_node;
use crate::model::{Runtime, Verdict};

/// Whether a scenario is for the runtime that was chosen, or for any.
pub(super) fn is_for(options: &HandlerOptions, scenario: &Scenario) -> bool {
    let chosen = match options.runtime {
        RuntimeChoice::Auto => return true,
        RuntimeChoice::Embedded => Runtime::Embedded,
        RuntimeChoice::Node => Runtime::Node,
    };
    scenario.runtime.is_none_or(|wanted| wanted == chosen)
}

/// A scenario that is for Node.js, where there is none, keeps all from being played: what is left out silently would be
/// taken for what held.
///
/// # Errors
/// There is such a scenario; it has been told.
pub(super) fn all_are_here(
    context: &Context,
    options: &TestOptions,
    scenarios: &[(usize, Scenario)],
) -> Result<(), Refusal> {
    let for_node = scenarios.iter().find(|(_, scenario)| scenario.runtime == Some(Runtime::Node));
    let Some((_, scenario)) = for_node.filter(|_| find_node(&options.handler.node).is_none()) else { return Ok(()) };
    let file = scenario.file.display();
    let what = format!("the matrix of {file} asks for Node.js, and there is no Node.js here");
    let hint = "install it (https://nodejs.org), name it with `--node`, or play the rest with `--runtime embedded`";
    context.console.error(&what, Some(hint));
    Err(Refusal::Verdict(Verdict::Machine))
}
