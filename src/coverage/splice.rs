//! Putting pieces into a text without moving its lines.

use super::lines::Lines;

/// Pieces to be put into a text. Those for one place stand there in the order in which they were given.
#[derive(Debug, Default)]
pub(super) struct Splices {
    pieces: Vec<(u32, String)>,
}

/// How far pieces have moved what stands after them on its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moved {
    /// The line, from 1.
    pub(super) line: u32,
    /// Bytes of the original line before the piece.
    pub(super) bytes: u32,
    /// UTF-16 units of it.
    pub(super) units: u32,
    /// How long the piece is; it is ASCII.
    pub(super) length: u32,
}

impl Splices {
    pub(super) fn put(&mut self, at: u32, piece: impl Into<String>) {
        self.pieces.push((at, piece.into()));
    }

    /// The text with the pieces in it, and what has moved.
    pub(super) fn into_text(mut self, text: &str, lines: &Lines) -> (String, Vec<Moved>) {
        self.pieces.sort_by_key(|(at, _)| *at);
        let added: usize = self.pieces.iter().map(|(_, piece)| piece.len()).sum();
        let mut spliced = String::with_capacity(text.len() + added);
        let mut moved: Vec<Moved> = Vec::new();
        let mut from = 0;
        for (at, piece) in &self.pieces {
            spliced.push_str(text.get(from..*at as usize).unwrap_or_default());
            spliced.push_str(piece);
            from = *at as usize;
            let (line, bytes) = lines.bytes(*at);
            let length = super::lines::to_u32(piece.len());
            match moved.last_mut().filter(|last| (last.line, last.bytes) == (line, bytes)) {
                Some(last) => last.length += length,
                None => moved.push(Moved { line, bytes, units: lines.point(*at).column, length }),
            }
        }
        spliced.push_str(text.get(from..).unwrap_or_default());
        (spliced, moved)
    }
}
