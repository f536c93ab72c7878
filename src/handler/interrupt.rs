//! Ctrl-C as something that can be waited for together with a handler process.

use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// Whether the user asked to stop. Clones share one answer.
#[derive(Debug, Clone)]
pub struct Interrupt {
    set: Arc<AtomicBool>,
    /// Readable once set; absent where nothing can set it.
    wake: Option<Arc<UnixStream>>,
    /// The other end, for [`Interrupt::set`].
    waker: Option<Arc<UnixStream>>,
}

impl Interrupt {
    /// One that is never set.
    pub fn none() -> Self {
        Self { set: Arc::new(AtomicBool::new(false)), wake: None, waker: None }
    }

    /// One that SIGINT and SIGTERM set. The second signal ends the process at once, with exit code 130.
    ///
    /// # Errors
    /// Where the system refuses a socket pair or the signal handlers.
    pub fn on_ctrl_c() -> io::Result<Self> {
        let interrupt = Self::by_hand()?;
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag down and only raises it.
            flag::register_conditional_shutdown(signal, 130, Arc::clone(&interrupt.set))?;
            flag::register(signal, Arc::clone(&interrupt.set))?;
            if let Some(waker) = &interrupt.waker {
                low_level::pipe::register(signal, waker.try_clone()?)?;
            }
        }
        Ok(interrupt)
    }

    /// One that only [`Interrupt::set`] sets.
    ///
    /// # Errors
    /// Where the system refuses a socket pair.
    pub fn by_hand() -> io::Result<Self> {
        let (wake, waker) = UnixStream::pair()?;
        waker.set_nonblocking(true)?;
        Ok(Self { set: Arc::new(AtomicBool::new(false)), wake: Some(Arc::new(wake)), waker: Some(Arc::new(waker)) })
    }

    /// Sets it, as the signal would.
    pub fn set(&self) {
        self.set.store(true, Ordering::SeqCst);
        if let Some(waker) = &self.waker {
            // A full pipe wakes just as well.
            let _ = waker.as_ref().write(b"x");
        }
    }

    /// Whether the user asked to stop.
    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::SeqCst)
    }

    /// What becomes readable, and stays so, once it is set.
    pub fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.wake.as_deref().map(AsFd::as_fd)
    }
}
