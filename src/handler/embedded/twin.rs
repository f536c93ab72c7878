//! The host as a twin of simctl: forked from it, rather than started as a program. That takes a fraction of a program's
//! start, and beside a single event little else takes as long.

use std::fs::OpenOptions;
use std::io::{self, PipeReader};
use std::os::unix::net::UnixStream;
use std::process;

use rustix::process::{Pid, setpgid};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

use super::super::child::Child;
use super::host;

/// A host that waits to be told what to run. Dropped, it ends.
pub struct Twin(Child);

impl Twin {
    /// Forks it. It has of this process what is there at this moment, so this comes before anything is opened, signals are
    /// listened to or threads started.
    ///
    /// # Errors
    /// Where the system refuses, as some containers do and all but Linux, and where there is a second thread. The host can
    /// be started as a program then.
    #[expect(clippy::disallowed_methods, reason = "the twin has no verdict, and nothing to stop")]
    pub fn fork() -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        let (stderr, their_stderr) = io::pipe()?;
        let nowhere = OpenOptions::new().write(true).open("/dev/null")?;
        let Some(pid) = forked()? else {
            // This is the twin.
            drop((socket, stderr));
            let is_set = setpgid(None, None).is_ok()
                && dup2_stdin(&theirs).is_ok()
                && dup2_stdout(&nowhere).is_ok()
                && dup2_stderr(&their_stderr).is_ok();
            drop((theirs, their_stderr, nowhere));
            process::exit(i32::from(!(is_set && host())));
        };
        Self::known(pid, socket, stderr)
    }

    fn known(pid: u32, socket: UnixStream, stderr: PipeReader) -> io::Result<Self> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
        // Said here as well: its group has to be there when it is signalled.
        let _ = setpgid(Some(pid), Some(pid));
        Child::forked(pid, socket, stderr).map(Self)
    }

    pub(in crate::handler) fn into_child(self) -> Child {
        self.0
    }
}

/// The new process's number; none in the new process.
#[cfg(target_os = "linux")]
fn forked() -> io::Result<Option<u32>> {
    Ok(safe_fork::fork()?.map(|twin| twin.pid()))
}

#[cfg(not(target_os = "linux"))]
fn forked() -> io::Result<Option<u32>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_several_threads_has_no_twin() {
        let refused = std::thread::spawn(|| Twin::fork().is_err()).join();
        assert!(matches!(refused, Ok(true)));
    }
}
