//! Processes that have left the group of the handler that started them: a daemon, or what a package starts detached.
//!
//! No signal to the group reaches them. Two things tell them all the same, on Linux: a variable in the environment that a
//! handler is started with and that all below it inherit, and that a process whose parent is gone becomes a child of simctl's,
//! which asks the system for that. One that sheds its environment is not found.

use std::ffi::OsString;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process, waitid};

/// The variable by which processes of handlers are told from others.
pub const VARIABLE: &str = "SIMCTL_HANDLER";

/// How long to look for more of them: each that is killed may leave others.
const PATIENCE: Duration = Duration::from_millis(200);

/// Takes note of the end of one that has ended, and waits for none.
const ENDED: WaitIdOptions = WaitIdOptions::EXITED.union(WaitIdOptions::NOHANG);

/// Tells one handler of this process's, and all that it starts, from every other.
#[derive(Debug, Clone)]
pub(super) struct Mark(String);

impl Mark {
    /// A new one, for a process that is about to be started.
    pub(super) fn new() -> Self {
        static HANDLERS: AtomicU64 = AtomicU64::new(0);
        Self(format!("{}{}", prefix(getpid()), HANDLERS.fetch_add(1, Ordering::Relaxed)))
    }

    /// The variable to start it with.
    pub(super) fn variable(&self) -> (OsString, OsString) {
        (VARIABLE.into(), self.0.as_str().into())
    }

    /// Kills what has left the handler's group, once the group itself is gone.
    pub(super) fn end_strays(&self) {
        let wanted = format!("{VARIABLE}={}", self.0);
        let patience = Instant::now() + PATIENCE;
        let mut dying = Vec::new();
        // What one has started is found when it is gone.
        loop {
            let strays = children().into_iter().filter(|pid| has(*pid, |entry| entry == wanted));
            for stray in strays.collect::<Vec<_>>() {
                // Where it is gone by itself, all the better.
                let _ = kill_process(stray, Signal::KILL);
                dying.push(stray);
            }
            if dying.is_empty() || Instant::now() >= patience {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
            dying.retain(|stray| matches!(waitid(WaitId::Pid(*stray), ENDED), Ok(None)));
        }
    }
}

/// What the marks of a simctl's handlers begin with.
fn prefix(simctl: Pid) -> String {
    format!("{}.", simctl.as_raw_nonzero())
}

/// Has this process be the parent of those below it that lose theirs.
#[cfg(target_os = "linux")]
pub(super) fn adopt() {
    // Where the system refuses, only the groups are ended.
    let _ = rustix::process::set_child_subreaper(Some(getpid()));
}

#[cfg(not(target_os = "linux"))]
pub(super) fn adopt() {}

/// Reaps those of a group that this process has adopted.
pub(super) fn reap(group: Pid) {
    while matches!(waitid(WaitId::Pgid(Some(group)), ENDED), Ok(Some(_))) {}
}

/// Kills what is left of all handlers of a simctl that is gone, wherever it stands now.
pub(super) fn end_all_of(simctl: Pid) {
    let start = format!("{VARIABLE}={}", prefix(simctl));
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| pid(entry.file_name().to_str()?));
    for stray in pids.filter(|pid| has(*pid, |entry| entry.starts_with(&start))) {
        let _ = kill_process(stray, Signal::KILL);
    }
}

/// The children of this process, adopted ones among them, as far as the system tells.
fn children() -> Vec<Pid> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(pid).collect::<Vec<_>>()).collect()
}

fn pid(text: &str) -> Option<Pid> {
    text.parse().ok().and_then(Pid::from_raw)
}

/// Whether an entry of the environment that a process was started with is one of those.
fn has(pid: Pid, is_wanted: impl Fn(&str) -> bool) -> bool {
    let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| std::str::from_utf8(entry).is_ok_and(&is_wanted))
}
