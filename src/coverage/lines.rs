//! Lines and columns as JavaScript counts them.

use super::map::{Loc, Point};

/// Where each line of a text begins, and how wide its characters are.
#[derive(Debug)]
pub(super) struct Lines {
    /// Byte offsets.
    starts: Vec<usize>,
    /// UTF-16 units before each byte; empty where each byte is one.
    units: Vec<u32>,
}

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let mut starts = vec![0];
        let mut chars = text.char_indices().peekable();
        while let Some((at, char)) = chars.next() {
            let is_end = match char {
                '\n' | '\u{2028}' | '\u{2029}' => true,
                '\r' => chars.peek().is_none_or(|&(_, next)| next != '\n'),
                _ => false,
            };
            if is_end {
                starts.push(at + char.len_utf8());
            }
        }
        Self { starts, units: if text.is_ascii() { Vec::new() } else { units(text) } }
    }

    pub(super) fn point(&self, offset: u32) -> Point {
        let offset = offset as usize;
        let line = self.starts.partition_point(|&start| start <= offset);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        Point { line: to_u32(line), column: self.utf16(offset).saturating_sub(self.utf16(start)) }
    }

    pub(super) fn loc(&self, start: u32, end: u32) -> Loc {
        Loc { start: self.point(start), end: self.point(end) }
    }

    /// Line from 1 and bytes before on that line.
    pub(super) fn bytes(&self, offset: u32) -> (u32, u32) {
        let offset = offset as usize;
        let line = self.starts.partition_point(|&start| start <= offset);
        (to_u32(line), to_u32(offset - self.starts.get(line - 1).copied().unwrap_or_default()))
    }

    fn utf16(&self, offset: usize) -> u32 {
        if self.units.is_empty() {
            return to_u32(offset);
        }
        self.units.get(offset).or(self.units.last()).copied().unwrap_or_default()
    }
}

/// The lines of a text, without their ends.
pub(super) fn split(text: &str) -> Vec<&str> {
    let starts = Lines::of(text).starts;
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let ended = |char: char| matches!(char, '\n' | '\r' | '\u{2028}' | '\u{2029}');
    starts
        .iter()
        .zip(ends)
        .filter_map(|(&start, end)| text.get(start..end))
        .map(|line| line.trim_end_matches(ended))
        .collect()
}

fn units(text: &str) -> Vec<u32> {
    let mut units = Vec::with_capacity(text.len() + 1);
    let mut count = 0;
    for char in text.chars() {
        units.extend(std::iter::repeat_n(count, char.len_utf8()));
        count += to_u32(char.len_utf16());
    }
    units.push(count);
    units
}

pub(super) fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_of_line_of_javascript_ends_one() {
        assert_eq!(split("a\nb\r\nc\rd\u{2028}e\u{2029}"), ["a", "b", "c", "d", "e", ""]);
    }

    #[test]
    fn columns_are_utf16_units() {
        let lines = Lines::of("a\n\u{e4}\u{1f600}b");
        assert_eq!(lines.point(8), Point { line: 2, column: 3 });
        assert_eq!(lines.bytes(8), (2, 6));
    }
}
