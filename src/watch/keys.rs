//! Single keys from the terminal, for a verb that goes on until it is told to stop.
//!
//! The terminal hands over each key as it is pressed and does not show it; everything else stays as it was, Ctrl-C and Ctrl-Z
//! too. It gets back what it had when this is over, and while the program is stopped.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr,
};
use signal_hook::consts::{SIGCONT, SIGTSTP};
use signal_hook::low_level::{self, emulate_default_handler};

/// What Ctrl-D sends.
const END: u8 = 4;
/// What the keys that are no characters begin with.
const ESCAPE: u8 = 0x1b;

/// How often a program in the background looks whether it is in front again.
const LOOKING: Duration = Duration::from_millis(100);

/// A key that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Enter.
    Enter,
    /// A character.
    Character(char),
    /// Ctrl-D, or the terminal is gone.
    End,
}

/// The keys of the terminal that standard input is.
pub struct Keys {
    before: Termios,
    /// Whether the terminal hands over each key now.
    is_on: bool,
    stops: Signal,
    goes_on: Signal,
    /// Whether somebody looks out for the program to be in front again.
    is_waiting: Arc<AtomicBool>,
}

/// A signal as something that can be waited for.
struct Signal {
    told: UnixStream,
    /// The other end.
    tell: UnixStream,
    id: signal_hook::SigId,
}

impl Keys {
    /// The keys; none where standard input is no terminal, or the terminal is somebody else's at the time.
    pub fn open() -> Option<Self> {
        let stdin = io::stdin();
        if !isatty(&stdin) || !is_in_front() {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let (stops, goes_on) = (Signal::new(SIGTSTP).ok()?, Signal::new(SIGCONT).ok()?);
        let mut keys = Self { before, is_on: false, stops, goes_on, is_waiting: Arc::default() };
        keys.turn_on();
        keys.is_on.then_some(keys)
    }

    /// Does what `act` does with all that is to be waited for; [`Keys::read`] says what it was.
    pub fn waiting<T>(&self, act: impl FnOnce(&[BorrowedFd<'_>]) -> T) -> T {
        let stdin = io::stdin();
        let signals = [self.stops.told.as_fd(), self.goes_on.told.as_fd()];
        // In the background the terminal would stop the program for reading.
        if self.is_on { act(&[signals[0], signals[1], stdin.as_fd()]) } else { act(&signals) }
    }

    /// The keys that were pressed. Stops the program where the user asked for that, and comes back when it goes on.
    pub fn read(&mut self) -> Vec<Key> {
        if self.stops.take() {
            self.turn_off();
            let _ = emulate_default_handler(SIGTSTP);
            self.turn_on();
        }
        if self.goes_on.take() {
            // Stopped from outside, or in the background until now; a shell may have changed the terminal.
            self.is_on = false;
            self.turn_on();
        }
        if !self.is_on {
            return Vec::new();
        }
        if !is_in_front() {
            self.is_on = false;
            self.wait_to_be_in_front();
            return Vec::new();
        }
        let mut bytes = [0; 64];
        match rustix::io::read(io::stdin(), &mut bytes) {
            Ok(0) if is_gone() => vec![Key::End],
            Ok(length) => keys(&bytes[..length]),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Vec::new(),
            Err(_) => vec![Key::End],
        }
    }

    /// Gives the terminal back what it had.
    pub fn turn_off(&mut self) {
        if self.is_on && is_in_front() {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
        }
        self.is_on = false;
    }

    fn turn_on(&mut self) {
        if self.is_on {
            return;
        }
        if !is_in_front() {
            return self.wait_to_be_in_front();
        }
        let mut modes = self.before.clone();
        modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        // Reading never waits: that is what waiting is for.
        modes.special_codes[SpecialCodeIndex::VMIN] = 0;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        self.is_on = tcsetattr(io::stdin(), OptionalActions::Now, &modes).is_ok();
    }
}

impl Keys {
    /// Takes the terminal again as soon as it is this program's: a shell that brings a running program to the front tells nobody.
    fn wait_to_be_in_front(&self) {
        let Ok(tell) = self.goes_on.tell.try_clone() else { return };
        if self.is_waiting.swap(true, Ordering::SeqCst) {
            return;
        }
        let is_waiting = Arc::clone(&self.is_waiting);
        std::thread::spawn(move || {
            while !is_in_front() {
                std::thread::sleep(LOOKING);
            }
            is_waiting.store(false, Ordering::SeqCst);
            let _ = (&tell).write(b"x");
        });
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.turn_off();
    }
}

impl Signal {
    fn new(signal: i32) -> io::Result<Self> {
        let (told, tell) = UnixStream::pair()?;
        told.set_nonblocking(true)?;
        let id = low_level::pipe::register(signal, tell.try_clone()?)?;
        Ok(Self { told, tell, id })
    }

    /// Whether it came since the last time.
    fn take(&self) -> bool {
        let mut bytes = [0; 16];
        (&self.told).read(&mut bytes).is_ok_and(|length| length > 0)
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        low_level::unregister(self.id);
    }
}

/// Whether the terminal takes its keys from whoever sits there to this program.
fn is_in_front() -> bool {
    tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp())
}

/// Whether the terminal was closed: it can be read from then, and there is nothing.
fn is_gone() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = io::stdin();
    let mut fds = [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&at_once)).is_ok() && fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
}

fn keys(bytes: &[u8]) -> Vec<Key> {
    let mut typed = Vec::new();
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        if *byte == ESCAPE {
            // An arrow, or a function key: `ESC [ 1 ; 5 A`, `ESC O P`.
            let is_long = rest.next() == Some(&b'[');
            rest.find(|byte| !is_long || (0x40..=0x7e).contains(*byte));
        } else {
            typed.push(*byte);
        }
    }
    let key = |byte: u8| match byte {
        b'\n' | b'\r' => Some(Key::Enter),
        END => Some(Key::End),
        byte if byte.is_ascii_graphic() => Some(Key::Character(char::from(byte))),
        _ => None,
    };
    typed.into_iter().filter_map(key).collect()
}

#[cfg(test)]
mod tests {
    use super::{Key, keys};

    #[test]
    fn keys_that_are_no_characters_are_passed_by() {
        assert_eq!(keys(b"n\r"), [Key::Character('n'), Key::Enter]);
        assert_eq!(keys(b"\x1b[Aq\x1b[1;5Cc\x1bOPu"), [Key::Character('q'), Key::Character('c'), Key::Character('u')]);
        assert_eq!(keys(b"\x1b"), []);
        assert_eq!(keys(b"\x04\x00\xff"), [Key::End]);
    }
}
