//! Whole processes: run, timed, and asked for what they measured themselves.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::SIMCTL;

/// One turn of a contender, and what it comes to.
pub(crate) type Turn = Box<dyn Fn() -> f64>;

/// A command that is run outside of every app's folder.
pub(crate) fn command(words: &[impl AsRef<str>]) -> Command {
    let mut words = words.iter().map(AsRef::as_ref);
    let mut command = Command::new(words.next().expect("a program"));
    // Where it is set, it makes each start of Node.js two to three times slower.
    command.args(words).env_remove("NODE_EXTRA_CA_CERTS").current_dir(std::env::temp_dir()).stdin(Stdio::null());
    command
}

/// Standard output of a command that succeeds.
pub(crate) fn output(words: &[impl AsRef<str>]) -> Vec<u8> {
    let output = command(words).output().expect("it starts");
    assert!(output.status.success(), "{}: {}", shown(words), String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Runs a command each time it is called, and gives the milliseconds of the whole process.
pub(crate) fn timed(words: &[impl AsRef<str>]) -> Turn {
    let words = owned(words);
    Box::new(move || {
        let mut command = command(&words);
        let began = Instant::now();
        let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output().expect("it starts");
        let took = began.elapsed();
        assert!(output.status.success(), "{}: {}", shown(&words), String::from_utf8_lossy(&output.stderr));
        took.as_secs_f64() * 1e3
    })
}

/// Runs a command each time it is called, and gives the number that it prints.
pub(crate) fn reported(words: &[impl AsRef<str>]) -> Turn {
    let words = owned(words);
    Box::new(move || first_line(&output(&words)).parse().expect("a number"))
}

/// The same command, held to processors such as `0` or `0,1`, where the system can do that.
pub(crate) fn on_cores(cores: &str, words: &[&str]) -> Vec<String> {
    let has_taskset = command(&["taskset", "--version"]).output().is_ok();
    let pin: &[&str] = if has_taskset { &["taskset", "-c", cores] } else { &[] };
    owned(&[pin, words].concat())
}

fn owned(words: &[impl AsRef<str>]) -> Vec<String> {
    words.iter().map(|word| word.as_ref().to_owned()).collect()
}

/// The most memory that a program held, in MB, as Linux counts it. `to` is its standard output.
pub(crate) fn peak_memory(words: &[impl AsRef<str>], to: Stdio) -> f64 {
    let mut child = command(words).stdout(to).spawn().expect("it starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0.0;
    while child.try_wait().expect("it is a child").is_none() {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: Option<f64> = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = kib.map_or(peak, |kib| kib / 1024.0);
        std::thread::sleep(Duration::from_millis(1));
    }
    peak
}

/// Payloads of `onUserUpdate` for platform 3.0, one a line.
pub(crate) fn generate(count: usize) -> Vec<u8> {
    output(&[SIMCTL, "generate", "onUserUpdate", "--seed", "1", "--platform", "3.0", "-n", &count.to_string()])
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

pub(super) fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().trim().to_owned()
}

/// The first words of a command: there may be a thousand files behind them.
pub(super) fn shown(words: &[impl AsRef<str>]) -> String {
    words.iter().take(6).map(AsRef::as_ref).collect::<Vec<_>>().join(" ")
}
