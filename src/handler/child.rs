//! A handler process with its three channels: started in a process group of its own, pumped without ever blocking, and
//! ended together with all that it started.
//!
//! What the lines on its socket mean is not known here.

use std::ffi::OsString;
use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process_group, test_kill_process_group, waitid, waitpid,
};

use crate::model::Stream;

use super::Interrupt;
use super::channel::{AT_ONCE, read_more};
use super::guardian;
use super::strays::{self, Mark};
use super::wire::{LONGEST_LINE, Lines};

/// How long a process may take to end after SIGTERM, before SIGKILL.
const GRACE: Duration = Duration::from_millis(100);

/// Bytes read from one channel before the others get their turn.
const TURN: usize = 1024 * 1024;

/// Bytes of one channel that wait to be taken. More come only while a process is being ended, when nobody takes any.
const MOST_WAITING: usize = 4 * TURN;

/// Bytes of standard error that are kept to tell why a process died.
const TAIL: usize = 16 * 1024;

/// Where a system cannot wake us when a process ends, how often to look.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What to start.
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) directory: Option<PathBuf>,
    pub(super) stdin: Stdin,
    /// Whether what it writes to its standard output is of interest.
    pub(super) with_stdout: bool,
    /// Whether it can start processes of its own, and so deserves to be asked to end before it is made to.
    pub(super) starts_others: bool,
}

/// What a process has as its standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stdin {
    /// A socket that carries lines both ways.
    Socket,
    /// A pipe that ends after the first bytes sent: what every program knows how to read.
    Pipe,
}

pub(super) struct Child {
    pid: Pid,
    /// Readable when the process has ended, where the system has such a thing.
    end: Option<OwnedFd>,
    socket: Option<UnixStream>,
    /// The pipe in place of the socket, until all is written or nobody reads it any more.
    pipe: Option<PipeWriter>,
    lines: Lines,
    outgoing: Vec<u8>,
    written: usize,
    stdout: Output,
    stderr: Output,
    stderr_tail: Vec<u8>,
    reaped: Option<ExitStatus>,
    /// By what those are told that it starts, where it can.
    mark: Option<Mark>,
}

/// The ends of a process's channels that are here.
struct Ends {
    socket: Option<UnixStream>,
    stdin: Option<PipeWriter>,
    stdout: Option<PipeReader>,
    stderr: Option<PipeReader>,
}

/// One of the two outputs, and what was read from it but not yet taken.
struct Output {
    pipe: Option<PipeReader>,
    bytes: Vec<u8>,
    /// How much was read besides, and forgotten at once.
    lost: usize,
}

impl Child {
    pub(super) fn spawn(program: &Program) -> io::Result<Self> {
        let (socket, stdin) = match program.stdin {
            Stdin::Socket => {
                let (socket, theirs) = UnixStream::pair()?;
                socket.set_nonblocking(true)?;
                (Some(socket), Stdio::from(OwnedFd::from(theirs)))
            }
            Stdin::Pipe => (None, Stdio::piped()),
        };
        let mut command = Command::new(&program.path);
        command.args(&program.args).env_clear().envs(program.env.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &program.directory {
            command.current_dir(directory);
        }
        let stdout = if program.with_stdout { Stdio::piped() } else { Stdio::null() };
        command.stdin(stdin).stdout(stdout).stderr(Stdio::piped()).process_group(0);
        // What reads a socket is Node.js, which takes its time before it runs anything of the app's.
        if program.starts_others && program.stdin == Stdin::Pipe {
            guardian::prepare();
        }
        let mark = program.starts_others.then(Mark::new);
        if let Some(mark) = &mark {
            let (name, value) = mark.variable();
            command.env(name, value);
            strays::adopt();
        }
        let mut process = command.spawn()?;
        // The command holds a copy of the child's end: while it lives, its end of file would not be seen.
        drop(command);
        let pid = Pid::from_child(&process);
        if program.starts_others {
            guardian::watch(pid);
        }
        let ends = Ends {
            socket,
            stdin: process.stdin.take().map(|pipe| OwnedFd::from(pipe).into()),
            stdout: process.stdout.take().map(|pipe| OwnedFd::from(pipe).into()),
            stderr: process.stderr.take().map(|pipe| OwnedFd::from(pipe).into()),
        };
        Self::with(pid, ends, mark)
    }

    /// A process that was forked from this one: it leads a group of its own, and reads a socket.
    pub(super) fn forked(pid: Pid, socket: UnixStream, stderr: PipeReader) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let ends = Ends { socket: Some(socket), stdin: None, stdout: None, stderr: Some(stderr) };
        Self::with(pid, ends, None)
    }

    fn with(pid: Pid, ends: Ends, mark: Option<Mark>) -> io::Result<Self> {
        let child = Self {
            end: end_of(pid),
            pid,
            socket: ends.socket,
            pipe: ends.stdin,
            lines: Lines::default(),
            outgoing: Vec::new(),
            written: 0,
            stdout: Output::new(ends.stdout),
            stderr: Output::new(ends.stderr),
            stderr_tail: Vec::new(),
            reaped: None,
            mark,
        };
        let pipes = [
            child.pipe.as_ref().map(AsFd::as_fd),
            child.stdout.pipe.as_ref().map(AsFd::as_fd),
            child.stderr.pipe.as_ref().map(AsFd::as_fd),
        ];
        for pipe in pipes.into_iter().flatten() {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        Ok(child)
    }

    #[cfg(target_os = "linux")]
    pub(super) const fn pid(&self) -> Pid {
        self.pid
    }

    /// Queues bytes for the process and writes what it takes at once.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.queue(bytes);
        self.write();
    }

    /// Queues bytes for the process; [`Child::write`] writes them, and so does [`Child::pump`].
    pub(super) fn queue(&mut self, bytes: &[u8]) {
        self.outgoing.extend_from_slice(bytes);
    }

    /// The next line that came from the process.
    pub(super) fn line(&mut self) -> Option<Vec<u8>> {
        self.lines.next()
    }

    /// Whether the process sends a line without end.
    pub(super) fn sends_endlessly(&self) -> bool {
        self.lines.too_long()
    }

    /// Whether the process has closed its end of the socket.
    pub(super) const fn has_hung_up(&self) -> bool {
        self.socket.is_none()
    }

    /// What the process wrote to an output since the last call: up to the last line's end, or with `all`, everything.
    pub(super) fn output(&mut self, stream: Stream, all: bool) -> Option<String> {
        let bytes = match stream {
            Stream::Stdout => &mut self.stdout.bytes,
            Stream::Stderr => &mut self.stderr.bytes,
        };
        let end = match bytes.iter().rposition(|byte| *byte == b'\n') {
            _ if all || bytes.len() > TURN => bytes.len(),
            Some(last) => last + 1,
            None => 0,
        };
        (end > 0).then(|| String::from_utf8_lossy(&bytes.drain(..end).collect::<Vec<_>>()).into_owned())
    }

    /// How much it wrote to an output that was forgotten at once, since the last call.
    pub(super) fn lost(&mut self, stream: Stream) -> usize {
        std::mem::take(match stream {
            Stream::Stdout => &mut self.stdout.lost,
            Stream::Stderr => &mut self.stderr.lost,
        })
    }

    /// How many bytes were sent to the process that it has not read.
    pub(super) fn unread(&self) -> usize {
        self.outgoing.len() - self.written
    }

    /// The last of what it wrote to its standard error.
    pub(super) fn last_words(&self) -> String {
        String::from_utf8_lossy(&self.stderr_tail).into_owned()
    }

    /// Waits until something happens, at most until `until`, and moves bytes in all directions.
    pub(super) fn pump(&mut self, until: Instant, interrupt: &Interrupt) -> io::Result<()> {
        self.pump_beside(until, interrupt, None)
    }

    /// As [`Child::pump`], and wakes also when `other` is readable.
    pub(super) fn pump_beside(
        &mut self,
        until: Instant,
        interrupt: &Interrupt,
        other: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        self.wait(until, interrupt, other)?;
        self.move_bytes();
        Ok(())
    }

    fn wait(&self, until: Instant, interrupt: &Interrupt, other: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let mut left = until.saturating_duration_since(Instant::now());
        if self.end.is_none() {
            left = left.min(LOOK_EVERY);
        }
        let mut fds = Vec::with_capacity(7);
        if let Some(pipe) = &self.pipe {
            fds.push(PollFd::new(pipe, PollFlags::OUT));
        }
        if let Some(socket) = &self.socket {
            let wants_out = self.written < self.outgoing.len();
            let flags = if wants_out { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            fds.push(PollFd::new(socket, flags));
        }
        let others = [
            self.stdout.pipe.as_ref().map(AsFd::as_fd),
            self.stderr.pipe.as_ref().map(AsFd::as_fd),
            self.end.as_ref().map(AsFd::as_fd),
            interrupt.as_fd(),
            other,
        ];
        fds.extend(others.into_iter().flatten().map(|fd: BorrowedFd<'_>| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let left =
            Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut fds, Some(&left)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn move_bytes(&mut self) {
        self.write();
        self.read_socket();
        self.stdout.read();
        let had = self.stderr.bytes.len();
        self.stderr.read();
        self.stderr_tail.extend_from_slice(&self.stderr.bytes[had..]);
        let surplus = self.stderr_tail.len().saturating_sub(TAIL);
        self.stderr_tail.drain(..surplus);
    }

    /// Writes what the process takes at once of what is queued.
    pub(super) fn write(&mut self) {
        if self.pipe.is_some() {
            return self.write_pipe();
        }
        let Some(socket) = &mut self.socket else { return };
        while self.written < self.outgoing.len() {
            match socket.write(&self.outgoing[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A closed socket shows when it is read: what it still holds comes first.
                Err(_) => return,
            }
        }
        self.outgoing.clear();
        self.written = 0;
    }

    fn write_pipe(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        while self.written < self.outgoing.len() {
            match pipe.write(&self.outgoing[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Nobody reads it: no fault, a program need not care for its input.
                Err(_) => break,
            }
        }
        self.pipe = None;
    }

    fn read_socket(&mut self) {
        let Some(socket) = &mut self.socket else { return };
        if self.lines.waiting() > LONGEST_LINE + MOST_WAITING {
            return;
        }
        for _ in 0..TURN / AT_ONCE {
            match read_more(&*socket, self.lines.tail()) {
                Ok(count) if count > 0 => {}
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Ok(_) | Err(_) => {
                    self.socket = None;
                    return;
                }
            }
        }
    }

    /// Whether the process has ended. It is not reaped, so that its number stays its own and its group can be signalled.
    pub(super) fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.reaped.is_some() || !matches!(waitid(WaitId::Pid(self.pid), options), Ok(None))
    }

    /// Whether it has ended, and nothing of it is left.
    pub(super) const fn is_reaped(&self) -> bool {
        self.reaped.is_some()
    }

    /// Reads what is left in the channels of a process that has ended. Bounded: a process that it started may hold them
    /// open, and go on writing.
    pub(super) fn drain(&mut self) {
        self.move_bytes();
    }

    /// Has the process begin to end; [`Child::end`] waits for it.
    pub(super) fn dismiss(&self) {
        if self.reaped.is_none() {
            // One that can have started nothing need not be asked.
            let _ = kill_process_group(self.pid, if self.mark.is_some() { Signal::TERM } else { Signal::KILL });
        }
    }

    /// Ends the process and its group, if need be by force, and reaps it.
    pub(super) fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.reaped {
            return Ok(status);
        }
        // Errors mean that there is nobody left to signal.
        if self.mark.is_some() {
            let _ = kill_process_group(self.pid, Signal::TERM);
            let patience = Instant::now() + GRACE;
            while !self.has_ended() && Instant::now() < patience {
                self.pump(patience, &Interrupt::none())?;
            }
        }
        let _ = kill_process_group(self.pid, Signal::KILL);
        if self.mark.is_some() {
            guardian::release(self.pid);
        }
        let status = await_end(self.pid)?;
        self.reaped = Some(status);
        self.await_group();
        if let Some(mark) = &self.mark {
            mark.end_strays();
        }
        self.move_bytes();
        Ok(status)
    }
}

impl Child {
    /// A killed process is gone a moment later: waits for those that this one started, but not for a system that never
    /// reaps orphans.
    fn await_group(&self) {
        let patience = Instant::now() + GRACE;
        strays::reap(self.pid);
        while test_kill_process_group(self.pid).is_ok() && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(1));
            strays::reap(self.pid);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = self.end();
    }
}

impl Output {
    const fn new(pipe: Option<PipeReader>) -> Self {
        Self { pipe, bytes: Vec::new(), lost: 0 }
    }

    fn read(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        for _ in 0..TURN / AT_ONCE {
            let had = self.bytes.len();
            match read_more(&*pipe, &mut self.bytes) {
                Ok(count) if count > 0 && had > MOST_WAITING => {
                    self.bytes.truncate(had);
                    self.lost += count;
                }
                Ok(count) if count > 0 => {}
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Ok(_) | Err(_) => {
                    self.pipe = None;
                    return;
                }
            }
        }
    }
}

/// Waits for the end of a process, and lets its number go.
fn await_end(pid: Pid) -> io::Result<ExitStatus> {
    loop {
        match waitpid(Some(pid), WaitOptions::empty()) {
            Ok(Some((_, status))) => return Ok(ExitStatus::from_raw(status.as_raw())),
            Ok(None) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(target_os = "linux")]
fn end_of(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn end_of(_: Pid) -> Option<OwnedFd> {
    None
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_floods_its_output_with_while_it_is_ended_is_forgotten() {
        let program = Program {
            path: "/bin/sh".into(),
            args: vec!["-c".into(), "trap '' TERM; echo begun; exec yes".into()],
            env: vec![("PATH".into(), std::env::var_os("PATH").unwrap_or_default())],
            directory: None,
            stdin: Stdin::Pipe,
            with_stdout: true,
            starts_others: true,
        };
        let mut child = Child::spawn(&program).unwrap();
        while child.output(Stream::Stdout, false).is_none() {
            child.pump(Instant::now() + GRACE, &Interrupt::none()).unwrap();
        }
        child.end().unwrap();
        let kept = child.output(Stream::Stdout, true).unwrap_or_default().len();
        assert!(kept <= MOST_WAITING + TURN, "{kept} bytes were kept");
    }
}
