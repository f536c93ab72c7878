//! What a process writes to its standard output and error on the way to whoever hears it, no more of it than is sensible.

use crate::model::Stream;

use super::child::Child;

/// Bytes of one output stream that one delivery may write.
const MOST_OUTPUT: usize = 1024 * 1024;

/// Both streams of one delivery.
#[derive(Default)]
pub(super) struct Outputs([Seen; 2]);

#[derive(Default)]
struct Seen {
    bytes: usize,
    dropped: usize,
}

impl Outputs {
    /// Passes on what has come: whole lines, or with `all`, everything.
    pub(super) fn forward(&mut self, child: &mut Child, all: bool, hear: &mut dyn FnMut(Stream, String)) {
        for (seen, stream) in self.0.iter_mut().zip([Stream::Stdout, Stream::Stderr]) {
            while let Some(text) = child.output(stream, all) {
                seen.bytes = seen.bytes.saturating_add(text.len());
                if seen.bytes > MOST_OUTPUT {
                    seen.dropped += text.len();
                } else {
                    hear(stream, text);
                }
            }
            seen.dropped += child.lost(stream);
        }
    }

    /// A line for each stream that was too much.
    pub(super) fn remarks(&self) -> impl Iterator<Item = String> {
        let named = self.0.iter().zip(["standard output", "standard error"]);
        named.filter(|(seen, _)| seen.dropped > 0).map(|(seen, stream)| {
            format!(
                "{} bytes on {stream} were dropped: the handler wrote more than {} MiB there",
                seen.dropped,
                MOST_OUTPUT >> 20
            )
        })
    }
}
