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
#[cfg(target_os = "linux")]
pub(super) fn data_bytes(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.pid().as_raw_nonzero())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn data_bytes(_: &Child) -> Option<u64> {
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
