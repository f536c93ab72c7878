//! Ends handlers when simctl is gone without having done so: killed with SIGKILL, or by a second Ctrl-C.
//!
//! A handler that waits hears of that by the end of its channel, and one that spins does not. So simctl is started once more, as
//! a process that waits for the end of a pipe which only simctl holds, and then kills the groups that were named to it and not
//! taken back, and what has left them. It is there from the first handler on that could outlive simctl; the embedded host ends by its own clock.

use std::collections::BTreeSet;
use std::io::{self, BufRead as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{ChildStdin, Command, ExitCode, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, getppid, kill_process_group};

use super::strays;

/// The first argument with which simctl is started as a guardian.
pub const GUARDIAN_ARGUMENT: &str = "__simctl-guardian";

/// The guardian of this process.
static GUARDIAN: Mutex<Guardian> = Mutex::new(Guardian::Unwanted);

enum Guardian {
    /// This program is not simctl, and could not be one.
    Unwanted,
    /// No handler has needed one yet.
    Waiting,
    /// It runs, and hears of groups by this.
    Running(ChildStdin),
}

/// Has handlers ended when this process is: for the program that answers to [`GUARDIAN_ARGUMENT`].
pub fn want_guardian() {
    let mut guardian = GUARDIAN.lock().unwrap_or_else(PoisonError::into_inner);
    if matches!(*guardian, Guardian::Unwanted) {
        *guardian = Guardian::Waiting;
    }
}

/// Has the guardian there before a process is that could end simctl at once.
pub(super) fn prepare() {
    GUARDIAN.lock().unwrap_or_else(PoisonError::into_inner).prepare();
}

/// A group that began with that process is to be ended with simctl.
pub(super) fn watch(group: Pid) {
    let mut guardian = GUARDIAN.lock().unwrap_or_else(PoisonError::into_inner);
    guardian.prepare();
    guardian.tell('+', group);
}

/// A group is ended by simctl itself. To be said while its number is still its own.
pub(super) fn release(group: Pid) {
    GUARDIAN.lock().unwrap_or_else(PoisonError::into_inner).tell('-', group);
}

impl Guardian {
    fn prepare(&mut self) {
        if matches!(self, Self::Waiting) {
            // Without one, handlers run all the same.
            *self = start().map_or(Self::Unwanted, Self::Running);
        }
    }

    fn tell(&mut self, sign: char, group: Pid) {
        if let Self::Running(pipe) = self {
            // It has been killed; that is no reason to stop.
            let _ = pipe.write_all(format!("{sign}{}\n", group.as_raw_nonzero()).as_bytes());
        }
    }
}

fn start() -> io::Result<ChildStdin> {
    let own = if cfg!(target_os = "linux") { PathBuf::from("/proc/self/exe") } else { std::env::current_exe()? };
    let mut command = Command::new(own);
    // In a group of its own, where no Ctrl-C reaches it, and in no folder that somebody may want to remove.
    command.arg0("simctl").arg(GUARDIAN_ARGUMENT).env_clear().current_dir("/").process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = command.spawn()?;
    // It ends after simctl, so nobody here waits for it.
    process.stdin.take().ok_or_else(|| io::Error::other("there is no pipe to it"))
}

/// Waits until simctl is gone and ends what it has left: what `main` does when started with [`GUARDIAN_ARGUMENT`].
pub fn guardian_main() -> ExitCode {
    let simctl = getppid();
    let mut groups = BTreeSet::new();
    // A line that simctl did not end is none.
    for line in io::stdin().lock().split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        let group = |text: &str| text.parse().ok().and_then(Pid::from_raw);
        if let Some(group) = line.strip_prefix('+').and_then(group) {
            groups.insert(group.as_raw_nonzero());
        } else if let Some(group) = line.strip_prefix('-').and_then(group) {
            groups.remove(&group.as_raw_nonzero());
        }
    }
    for group in groups.into_iter().filter_map(|group| Pid::from_raw(group.get())) {
        // Where there is none any more, there is nothing to do.
        let _ = kill_process_group(group, Signal::KILL);
    }
    if let Some(simctl) = simctl {
        strays::end_all_of(simctl);
    }
    ExitCode::SUCCESS
}
