//! The machine that was measured on, in words.

use std::fs;

use super::process::{command, first_line};

/// What it is: cores, processor, Node.js.
pub(super) fn described() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let name = name.map_or("an unknown processor", |(_, name)| name.trim());
    let node = command(&["node", "--version"]).output().ok().filter(|output| output.status.success());
    let node = node.map_or("no Node.js".to_owned(), |node| format!("Node.js {}", first_line(&node.stdout)));
    format!("{cores} cores ({name}), {node}, simctl {}", env!("CARGO_PKG_VERSION"))
}

/// How many processes wanted a core in the last minute, on average; `?` where the system does not tell.
pub(super) fn load() -> String {
    let loads = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    loads.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("?").to_owned()
}
