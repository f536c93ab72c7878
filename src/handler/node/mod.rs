//! Apps in the developer's own Node.js: how it is started, and which versions will do.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::child::{Program, Stdin};
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
        stdin: Stdin::Socket,
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
