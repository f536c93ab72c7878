//! How much memory a process may take that runs programs of others: bounded where the system can, and how it looks when it
//! ran out.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::Signal;

use super::child::Child;

/// Allows the process `bytes` of data beyond what it has now, and answers with that. V8's heap and its buffers both count.
#[cfg(target_os = "linux")]
pub(super) fn bound(child: &Child, bytes: u64) -> Option<u64> {
    use rustix::process::{Resource, Rlimit, prlimit};

    let taken = data_bytes(child)?;
    let limit = Some(taken.saturating_add(bytes));
    // Where the system refuses, the time limit still holds.
    let _ = prlimit(Some(child.pid()), Resource::Data, Rlimit { current: limit, maximum: limit });
    Some(taken)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn bound(_: &Child, _: u64) -> Option<u64> {
    None
}

/// The data that the process has, in bytes: what its limit bounds.
pub(super) fn data_bytes(child: &Child) -> Option<u64> {
    figure(Some(child), "VmData:")
}

/// The memory of the machine that the process takes, in bytes; without one, that simctl takes itself.
pub(super) fn resident_bytes(child: Option<&Child>) -> Option<u64> {
    figure(child, "VmRSS:")
}

/// The memory of the machine that simctl takes itself, in bytes, where the system tells.
pub fn own_resident_bytes() -> Option<u64> {
    resident_bytes(None)
}

#[cfg(target_os = "linux")]
fn figure(child: Option<&Child>, name: &str) -> Option<u64> {
    let process = child.map_or_else(|| "self".to_owned(), |child| child.pid().as_raw_nonzero().to_string());
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(not(target_os = "linux"))]
fn figure(_: Option<&Child>, _: &str) -> Option<u64> {
    None
}

/// Whether the process died because memory ran out. Most say so before it aborts; where it was refused memory at a
/// bad moment it just crashes, and then it counts whether it was `seen_near_limit`.
pub(super) fn ran_out(status: ExitStatus, last_words: &str, seen_near_limit: bool) -> bool {
    const CRASHES: &[Signal] = &[Signal::ABORT, Signal::BUS, Signal::ILL, Signal::SEGV, Signal::TRAP];
    let has_crashed = status.signal().is_some_and(|signal| CRASHES.iter().any(|crash| crash.as_raw() == signal));
    let is_abort = has_crashed || matches!(status.code(), Some(133 | 134 | 139));
    is_abort && (seen_near_limit || says_so(last_words) || last_words.contains("OOM"))
}

/// Whether the last words of a process are those of one that ran out of memory.
pub(super) fn says_so(last_words: &str) -> bool {
    const MARKS: &[&str] = &[
        "out of memory",
        "OutOfMemory",
        "MemoryError",
        "bad_alloc",
        "Allocation failed",
        "Cannot allocate memory",
        "os::commit_memory",
    ];
    MARKS.iter().any(|mark| last_words.contains(mark))
}
