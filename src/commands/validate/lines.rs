//! Streams of payloads, one a line, read in batches: memory does not grow with the length of the stream.

use std::io::{self, BufRead, Read};
use std::ops::Range;
use std::path::PathBuf;

use crate::app::TestData;
use crate::model::{Code, Excerpt, Finding, Findings, Place, Position, Span};
use crate::text::Source;

/// The longest line that is read, in bytes: four times what the platform sends as a payload, for those with many blanks.
pub(super) const LONGEST_LINE: usize = 1024 * 1024;
/// How many lines, and about how many bytes, go into one batch.
const BATCH_LINES: usize = 256;
const BATCH_BYTES: usize = 256 * 1024;
/// How much of a line that is too long a finding shows, in bytes.
const SHOWN: usize = 80;

/// Lines of one stream, to be checked together.
pub(super) struct Batch {
    file: PathBuf,
    /// All lines, one after the other.
    bytes: Vec<u8>,
    lines: Vec<Line>,
    /// What the file's place says, where it is an app's sample.
    pub(super) sample: Option<TestData>,
}

struct Line {
    /// Where it stands in the batch, without its end.
    range: Range<usize>,
    is_cut: bool,
    /// How many lines, and how many bytes, come before it.
    before: (u32, usize),
}

/// Cuts a stream into batches.
pub(super) struct Lines<R> {
    from: R,
    file: PathBuf,
    sample: Option<TestData>,
    before: (u32, usize),
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(from: R, file: PathBuf, sample: Option<TestData>) -> Self {
        Self { from, file, sample, before: (0, 0), ended: false }
    }

    /// The next batch; `None` at the end of the stream.
    pub(super) fn batch(&mut self) -> Option<Result<Batch, Finding>> {
        let mut bytes = Vec::with_capacity(BATCH_BYTES + BATCH_BYTES / 8);
        let mut lines = Vec::new();
        while !self.ended && lines.len() < BATCH_LINES && bytes.len() < BATCH_BYTES {
            match self.line(&mut bytes) {
                Ok(Some(line)) => {
                    if bytes[line.range.clone()].iter().any(|byte| !byte.is_ascii_whitespace()) {
                        lines.push(line);
                    }
                }
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    let what = format!("the file cannot be read: {error}");
                    return Some(Err(Finding::new(Code::FileUnreadable, what).in_file(&self.file)));
                }
            }
        }
        let is_over = lines.is_empty() && self.ended;
        (!is_over).then(|| Ok(Batch { file: self.file.clone(), bytes, lines, sample: self.sample.clone() }))
    }

    /// Adds the next line to `bytes`; what is over the limit is passed by.
    fn line(&mut self, bytes: &mut Vec<u8>) -> io::Result<Option<Line>> {
        let start = bytes.len();
        let limit = LONGEST_LINE as u64 + 1;
        let mut length = self.from.by_ref().take(limit).read_until(b'\n', bytes)?;
        if length == 0 {
            return Ok(None);
        }
        let is_cut = length > LONGEST_LINE && !bytes.ends_with(b"\n");
        if is_cut {
            bytes.truncate(start + SHOWN);
            length += self.skip_line()?;
        }
        let ends = bytes[start..].iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        let line = Line { range: start..bytes.len() - ends, is_cut, before: self.before };
        self.before = (self.before.0.saturating_add(1), self.before.1 + length);
        Ok(Some(line))
    }

    fn skip_line(&mut self) -> io::Result<usize> {
        let mut skipped = 0;
        loop {
            let buffer = self.from.fill_buf()?;
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let length = end.map_or(buffer.len(), |at| at + 1);
            let is_last = end.is_some() || buffer.is_empty();
            self.from.consume(length);
            skipped += length;
            if is_last {
                return Ok(skipped);
            }
        }
    }
}

impl Batch {
    /// Checks each line that is not certainly clean as a text of its own, with its places in the whole file.
    pub(super) fn check(self, mut is_clean: impl FnMut(&str) -> bool, check: impl Fn(&Source) -> Findings) -> Findings {
        let mut findings = Vec::new();
        for Line { range, is_cut, before: (lines, offset) } in self.lines {
            let bytes = &self.bytes[range];
            if is_cut {
                findings.push(too_long(&self.file, bytes, lines, offset));
                continue;
            }
            if std::str::from_utf8(bytes).is_ok_and(&mut is_clean) {
                continue;
            }
            match Source::piece(&self.file, bytes.to_vec(), lines, offset) {
                Ok(source) => findings.extend(check(&source)),
                Err(finding) => findings.push(finding),
            }
        }
        findings
    }
}

fn too_long(file: &std::path::Path, head: &[u8], lines: u32, offset: usize) -> Finding {
    let what = format!("the line is longer than the {} KiB that simctl reads", LONGEST_LINE / 1024);
    let start = Position { line: lines.saturating_add(1), column: 1, offset };
    let head = format!("{}…", String::from_utf8_lossy(head));
    Finding::new(Code::FileTooLarge, what).at(Place {
        file: Some(file.to_path_buf()),
        span: Some(Span { start, end: start }),
        pointer: None,
        excerpt: Some(Excerpt { first_line: start.line, lines: vec![head] }),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::*;

    fn places(text: &[u8]) -> Vec<(Code, u32, u32)> {
        let mut lines = Lines::new(text, "f.ndjson".into(), None);
        let mut findings = Vec::new();
        while let Some(batch) = lines.batch() {
            findings.extend(batch.unwrap().check(|_| false, |source| crate::text::json::read(source).1));
        }
        let start = |finding: &Finding| finding.place.span.unwrap().start;
        findings.iter().map(|finding| (finding.code, start(finding).line, start(finding).column)).collect()
    }

    #[test]
    fn each_line_has_its_own_number() {
        let text = b"{}\n\n{\"a\": nope}\r\n  \n{\"b\":1}\n{\"c\": \"\xff\"}\n[";
        assert_eq!(places(text), [(Code::JsonSyntax, 3, 7), (Code::NotUtf8, 6, 8), (Code::JsonSyntax, 7, 2)]);
        let many: Vec<u8> = (0..3000).flat_map(|at| if at == 2999 { *b"[}\n" } else { *b"{}\n" }).collect();
        assert_eq!(places(&many), [(Code::JsonSyntax, 3000, 2)]);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_by() {
        let mut text = b"{}\n\"".to_vec();
        text.extend(std::iter::repeat_n(b'x', 3 * LONGEST_LINE));
        text.extend(b"\"\n{\"a\" 1}\n");
        assert_eq!(places(&text), [(Code::FileTooLarge, 2, 1), (Code::JsonSyntax, 3, 6)]);
    }
}
