//! What simctl makes of a handler process's bytes, without the process: for `fuzz/`.

use std::time::Duration;

use serde_json::Value;

use super::exchange::read_line;
use super::wire::{self, FromHost, Lines};
use crate::model::{Frame, Level, Outcome};

/// What bytes from a handler process tell.
#[derive(Debug, Default)]
pub struct Overheard {
    /// Console lines.
    pub logs: Vec<(Level, String)>,
    /// Host calls that can be understood: the name, and the arguments.
    pub calls: Vec<(String, Vec<Value>)>,
    /// Where the app called what differs from Node.js.
    pub frames: Vec<Frame>,
    /// How deliveries ended.
    pub outcomes: Vec<Outcome>,
    /// Lines that did not begin with the token.
    pub strangers: usize,
    /// Whether a line began with the token and was no message: it ends the process.
    pub is_garbage: bool,
}

/// Takes bytes as they come from a process that was sent `token`, up to the first line that ends it.
pub fn overhear(bytes: &[u8], token: &str) -> Overheard {
    let (mut overheard, mut lines) = (Overheard::default(), Lines::default());
    let start = wire::line_start(token);
    // In pieces that know nothing of lines, as a socket gives them.
    for piece in bytes.chunks(61) {
        lines.push(piece);
        while let Some(line) = lines.next() {
            match read_line(&line, &start) {
                Some(message) => overheard.hear(message),
                None if line.starts_with(start.as_bytes()) => {
                    overheard.is_garbage = true;
                    return overheard;
                }
                None => overheard.strangers += 1,
            }
        }
    }
    overheard
}

impl Overheard {
    fn hear(&mut self, message: FromHost) {
        const TIMEOUT: Duration = Duration::from_secs(20);
        const MEMORY: u64 = 64 << 20;
        match message {
            FromHost::Log { level, text } => self.logs.push((Level::from_name(&level).unwrap_or(Level::Log), text)),
            FromHost::Differs { stack, .. } => self.frames.extend(stack.into_iter().map(Frame::from)),
            FromHost::Call { name, args, .. } => {
                self.calls.extend(serde_json::from_str(&args).ok().map(|args| (name, args)));
            }
            FromHost::Settled { report, .. } | FromHost::Done { report, .. } => {
                self.outcomes.push(report.into_outcome(TIMEOUT, MEMORY));
            }
            FromHost::Counted { files, .. } => drop(files.iter().map(wire::CountedFile::counts).collect::<Vec<_>>()),
            FromHost::Ready { .. } => {}
        }
    }
}
