//! A plan turned into deliveries, and deliveries turned into run events.
//!
//! The engine joins an app's files and a handler process: it starts the process, hands payloads over, answers what the
//! process asks for, and starts another where one died. It says what happened and prints nothing.

mod bridge;
mod external;
pub mod fuzz;
pub mod load;
pub mod prepare;
mod run;
pub mod scenario;

pub use external::{ExternalPlan, run_external};
pub use run::{EngineError, Plan, Summary, run};
