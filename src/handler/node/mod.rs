//! Apps in the developer's own Node.js: how it is started, and which versions will do.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf, absolute};
use std::process::{Command, Stdio};

use rustix::fs::{Access, access};

use super::child::{Program, Stdin};
use super::{HandlerError, Launch};

/// The host script, passed as text.
const HOST: &str = include_str!("host.js");

/// The oldest major version that will do.
pub(super) const OLDEST: u32 = 18;

/// The oldest major version that can be restricted.
pub(super) const OLDEST_RESTRICTED: u32 = 20;

/// What Node.js needs of the environment; all else stays away from the app and its packages.
const PASSED_ON: &[&str] = &["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ"];

/// Where `program` is: a path is taken as it is, a name is looked up in `PATH`.
pub fn find(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_path_buf());
    }
    let path = env::var_os("PATH")?;
    // A folder can be entered, too.
    let runs = |file: &PathBuf| access(file, Access::EXEC_OK).is_ok() && file.is_file();
    env::split_paths(&path).map(|folder| folder.join(program)).find(runs)
}

/// The command that starts the host.
pub(super) fn program(launch: &Launch) -> Result<Program, HandlerError> {
    let mut args = vec![OsString::from("--no-warnings")];
    // On Linux the bound is a resource limit, which costs nothing at start; see `bound_memory`.
    if cfg!(not(target_os = "linux")) {
        args.push(format!("--max-old-space-size={}", (launch.memory_bytes >> 20).max(16)).into());
    }
    if launch.node_options.is_restricted {
        args.extend(restrictions(launch)?);
    }
    args.extend(["-e".into(), HOST.into()]);
    Ok(Program {
        // Looked up here: the process is in the app's folder when it looks, and starting it so takes longer.
        path: find(&launch.node).and_then(|path| absolute(path).ok()).unwrap_or_else(|| launch.node.clone()),
        args,
        env: PASSED_ON.iter().filter_map(|name| Some(((*name).into(), env::var_os(name)?))).collect(),
        directory: Some(launch.root.clone()),
        stdin: Stdin::Socket,
        with_stdout: true,
        starts_others: true,
    })
}

/// The flags that let the process read the app's folder and no other file, and start no other program. The network is as
/// open as this version leaves it.
fn restrictions(launch: &Launch) -> Result<[OsString; 2], HandlerError> {
    let version = version_of(&launch.node)?;
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if major < OLDEST_RESTRICTED {
        return Err(HandlerError::NodeUnrestricted { program: launch.node.clone(), version });
    }
    // It was an experiment up to 22.12 and 23.4.
    let is_settled = major > 23 || (major == 23 && minor >= 5) || (major == 22 && minor >= 13);
    let flag = if is_settled { "--permission" } else { "--experimental-permission" };
    let mut folder = OsString::from("--allow-fs-read=");
    folder.push(&launch.root);
    folder.push("/*");
    Ok([flag.into(), folder])
}

/// The version of a Node.js, as it says itself.
fn version_of(program: &Path) -> Result<String, HandlerError> {
    match Command::new(program).arg("--version").stdin(Stdio::null()).output() {
        Ok(output) => Ok(String::from_utf8_lossy(&output.stdout).trim().trim_start_matches('v').to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(HandlerError::NodeMissing { program: program.to_path_buf() })
        }
        Err(source) => Err(HandlerError::Spawn { program: program.to_path_buf(), source }),
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
