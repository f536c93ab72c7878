//! Apps in the developer's own Node.js: how it is started, which versions will do, how its memory is bounded, and how
//! it looks when memory ran out.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use rustix::process::Signal;

use super::child::{Child, Program};
use super::{HandlerError, Launch};

/// The host script, passed as text.
const HOST: &str = include_str!("host.js");

/// The oldest major version that will do.
pub(super) const OLDEST: u32 = 18;

/// What Node.js needs of the environment; all else stays away from the app and its packages.
const PASSED_ON: &[&str] = &["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ"];

/// Where `program` is: a path is taken as it is, a name is looked up in `PATH`.
pub fn find(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_path_buf());
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The command that starts the host.
pub(super) fn program(launch: &Launch) -> Program {
    let mut args = vec![OsString::from("--no-warnings")];
    // On Linux the bound is a resource limit, which costs nothing at start; see `bound_memory`.
    if cfg!(not(target_os = "linux")) {
        args.push(format!("--max-old-space-size={}", (launch.memory_bytes >> 20).max(16)).into());
    }
    args.extend(["-e".into(), HOST.into()]);
    Program {
        path: launch.node.clone(),
        args,
        env: PASSED_ON.iter().filter_map(|name| Some(((*name).into(), env::var_os(name)?))).collect(),
        directory: Some(launch.root.clone()),
        with_stdout: true,
        starts_others: true,
    }
}

/// Refuses versions that are too old.
pub(super) fn check_version(launch: &Launch, version: &str) -> Result<(), HandlerError> {
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major >= OLDEST) {
        return Ok(());
    }
    Err(HandlerError::NodeTooOld { program: launch.node.clone(), version: version.to_owned() })
}

/// Allows the process `bytes` of data beyond what it has now, and answers with that. V8's heap and its buffers both count.
#[cfg(target_os = "linux")]
pub(super) fn bound_memory(child: &Child, bytes: u64) -> Option<u64> {
    use rustix::process::{Resource, Rlimit, prlimit};

    let taken = data_bytes(child)?;
    let limit = Some(taken.saturating_add(bytes));
    // Where the system refuses, the time limit still holds.
    let _ = prlimit(Some(child.pid()), Resource::Data, Rlimit { current: limit, maximum: limit });
    Some(taken)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn bound_memory(_: &Child, _: u64) -> Option<u64> {
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

/// Whether the process died because memory ran out. V8 mostly says so before it aborts; where it was refused memory at a
/// bad moment it just crashes, and then it counts whether it was `seen_near_limit`.
pub(super) fn ran_out_of_memory(status: ExitStatus, last_words: &str, seen_near_limit: bool) -> bool {
    const MARKS: &[&str] =
        &["out of memory", "OutOfMemory", "std::bad_alloc", "Allocation failed", "OOM", "Cannot allocate memory"];
    const CRASHES: &[Signal] = &[Signal::ABORT, Signal::BUS, Signal::ILL, Signal::SEGV, Signal::TRAP];
    let has_crashed = status.signal().is_some_and(|signal| CRASHES.iter().any(|crash| crash.as_raw() == signal));
    let is_abort = has_crashed || matches!(status.code(), Some(133 | 134 | 139));
    is_abort && (seen_near_limit || MARKS.iter().any(|mark| last_words.contains(mark)))
}
