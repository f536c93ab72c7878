//! How much memory this process has taken, to tell whether it ran out: QuickJS at its limit often cannot make an error any
//! more and throws `null`, which an app may throw as well.

use std::fs::File;
use std::io::Read as _;

/// This process's address space, in bytes; zero where the system does not tell.
///
/// Address space rather than resident pages, because large buffers count against the engine's limit before they are touched.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Memory {
    size: u64,
    /// The most that it has ever been.
    peak: u64,
}

impl Memory {
    /// What it is at this moment.
    pub(super) fn now() -> Self {
        // One read: the file is made anew for each.
        let mut bytes = [0; 4096];
        let count = File::open("/proc/self/status").and_then(|mut file| file.read(&mut bytes)).unwrap_or_default();
        let status = String::from_utf8_lossy(&bytes[..count]);
        Self { size: figure(&status, "VmSize:"), peak: figure(&status, "VmPeak:") }
    }

    /// Whether what has run since used up `limit` bytes, as far as the system tells.
    pub(super) fn ran_out(self, limit: u64) -> bool {
        let peak = Self::now().peak;
        peak > self.peak && peak.saturating_sub(self.size) >= limit / 5 * 4
    }
}

fn figure(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
}
