//! How much memory this process has taken, to tell whether it ran out: QuickJS at its limit often cannot make an error any
//! more and throws `null`, which an app may throw as well.

/// The most address space that this process has had, in bytes; zero where the system does not tell.
///
/// Address space rather than resident pages, because large buffers count against the engine's limit before they are touched.
pub(super) fn peak() -> u64 {
    figure("VmPeak:")
}

/// What it has now, in bytes.
pub(super) fn now() -> u64 {
    figure("VmSize:")
}

fn figure(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
}
