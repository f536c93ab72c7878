//! The flags of `simctl test` that are about what scenarios say.

use clap::Args as ClapArgs;

use super::values;
use crate::engine::scenario::Policy;

#[derive(Debug, ClapArgs)]
pub(super) struct ScenarioFlags {
    /// Deliver some events twice, late or never, as this seed has it, and look only at what must hold `always`
    #[arg(long, value_name = "SEED", value_parser = values::number::<u64>)]
    pub(super) faults: Option<u64>,
    /// Keep snapshots as they are now, and say which are new or another
    #[arg(long, conflicts_with = "ci")]
    update: bool,
    /// Write no snapshot: one that is missing fails; so also where the environment has CI set
    #[arg(long)]
    ci: bool,
}

impl ScenarioFlags {
    /// What becomes of snapshots.
    pub(super) fn policy(&self) -> Policy {
        let is_set = |value: std::ffi::OsString| !(value.is_empty() || value == "false" || value == "0");
        match (self.update, self.ci || std::env::var_os("CI").is_some_and(is_set)) {
            (true, _) => Policy::Update,
            (false, true) => Policy::Check,
            (false, false) => Policy::Add,
        }
    }
}
