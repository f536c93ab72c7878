//! A file's text, and places in it.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::nearest;
use crate::model::{Code, Excerpt, Finding, Place, Position, Span};

/// The largest file that simctl reads whole, in bytes. Far above what any app or payload holds, and small enough that
/// a device file or a log named by mistake does not fill the memory.
pub const LARGEST_FILE: u64 = 64 * 1024 * 1024;

/// How many names of a folder are looked through for one that is misspelled.
const MOST_NAMES: usize = 10_000;

/// Lines of context that a place carries above the line it points at.
const CONTEXT_LINES: u32 = 1;

/// The UTF-8 text of one file, without a byte-order mark.
#[derive(Debug, Clone)]
pub struct Source {
    file: PathBuf,
    text: String,
    has_bom: bool,
    /// Byte offset at which each line starts.
    line_starts: Vec<usize>,
    /// What comes before this text in its file: lines, and bytes.
    before: (u32, usize),
}

/// What a path that is not there was to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// One or the other.
    Either,
}

impl Wanted {
    const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Folder => "folder",
            Self::Either => "file or folder",
        }
    }

    fn is_at(self, path: &Path) -> bool {
        match self {
            Self::File => path.is_file(),
            Self::Folder => path.is_dir(),
            Self::Either => path.exists(),
        }
    }
}

/// The finding that nothing is at `path`, which is shown as `shown`; with the path that was meant, where one name of it was
/// misspelled.
pub fn not_there(path: &Path, shown: &Path, wanted: Wanted) -> Finding {
    let finding = Finding::new(Code::FileMissing, format!("there is no such {}", wanted.name())).in_file(shown);
    finding.maybe_hint(meant(path, shown, wanted).map(|near| format!("did you mean `{}`?", near.display())))
}

/// The path, as it would be shown, that differs from `path` in the spelling of one name, and is there.
fn meant(path: &Path, shown: &Path, wanted: Wanted) -> Option<PathBuf> {
    let folder = path.ancestors().skip(1).find(|folder| folder.is_dir())?;
    let mut rest = path.strip_prefix(folder).ok()?.components();
    let misspelled = rest.next()?.as_os_str().to_str()?;
    let entries = std::fs::read_dir(folder).ok()?.take(MOST_NAMES).flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let name = Path::new(nearest(misspelled, names.iter().map(String::as_str))?);
    let corrected: PathBuf = name.components().chain(rest).collect();
    if !wanted.is_at(&folder.join(&corrected)) {
        return None;
    }
    let kept = shown.ancestors().nth(corrected.components().count())?;
    Some(kept.join(corrected))
}

/// Reads a whole regular file of at most [`LARGEST_FILE`] bytes.
///
/// # Errors
/// A finding that names `shown`: the file is missing, is no regular file, is too large, or cannot be read.
pub fn read_file(path: &Path, shown: &Path) -> Result<Vec<u8>, Finding> {
    let unreadable = |error: &io::Error| {
        let what = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => return not_there(path, shown, Wanted::File),
            io::ErrorKind::PermissionDenied => "reading the file is not permitted".to_owned(),
            _ => format!("the file cannot be read: {error}"),
        };
        Finding::new(Code::FileUnreadable, what).in_file(shown)
    };
    // The kind is looked at first: opening a FIFO would wait for a writer.
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(&error))?;
    if metadata.is_dir() {
        return Err(Finding::new(Code::FileUnreadable, "this is a folder, a file was expected").in_file(shown));
    }
    if !metadata.is_file() {
        return Err(Finding::new(Code::FileUnreadable, "this is not a regular file").in_file(shown));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(LARGEST_FILE)).unwrap_or(0) + 1);
    File::open(path)
        .and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(Finding::new(
            Code::FileTooLarge,
            format!("the file is larger than the {} MiB that simctl reads", LARGEST_FILE >> 20),
        )
        .in_file(shown));
    }
    Ok(bytes)
}

impl Source {
    /// The text of `bytes`, which were read from `file`.
    ///
    /// # Errors
    /// A [`Code::NotUtf8`] finding at the first byte that is not UTF-8.
    pub fn new(file: impl Into<PathBuf>, bytes: Vec<u8>) -> Result<Self, Finding> {
        let file = file.into();
        let text = String::from_utf8(bytes).map_err(|error| not_utf8(&file, error))?;
        let (text, has_bom) = match text.strip_prefix('\u{feff}') {
            Some(rest) => (rest.to_owned(), true),
            None => (text, false),
        };
        let line_starts = std::iter::once(0).chain(memchr_lines(text.as_bytes())).collect();
        Ok(Self { file, text, has_bom, line_starts, before: (0, 0) })
    }

    /// The text of `bytes`, a piece of `file` that `lines` lines and `offset` bytes come before. Places are those in the
    /// whole file.
    ///
    /// # Errors
    /// As [`Source::new`].
    pub fn piece(file: impl Into<PathBuf>, bytes: Vec<u8>, lines: u32, offset: usize) -> Result<Self, Finding> {
        match Self::new(file, bytes) {
            Ok(source) => Ok(Self { before: (lines, offset), ..source }),
            Err(mut finding) => {
                let moved = |at: Position| Position { line: at.line + lines, offset: at.offset + offset, ..at };
                finding.place.span =
                    finding.place.span.map(|span| Span { start: moved(span.start), end: moved(span.end) });
                if let Some(excerpt) = &mut finding.place.excerpt {
                    excerpt.first_line += lines;
                }
                Err(finding)
            }
        }
    }

    /// Reads `path` and shows it as `path`.
    ///
    /// # Errors
    /// As [`read_file`] and [`Source::new`].
    pub fn read(path: &Path) -> Result<Self, Finding> {
        Self::read_as(path, path)
    }

    /// Reads `path`, to be named `shown` in findings.
    ///
    /// # Errors
    /// As [`read_file`] and [`Source::new`].
    pub fn read_as(path: &Path, shown: &Path) -> Result<Self, Finding> {
        Self::new(shown, read_file(path, shown)?)
    }

    /// The text of a file that need not be there, and whose faults others tell of.
    pub fn probe(path: &Path) -> Option<Self> {
        path.is_file().then(|| Self::read(path).ok()).flatten()
    }

    /// The file, as it is named in findings.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The text, without a byte-order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the file began with a byte-order mark.
    pub const fn has_bom(&self) -> bool {
        self.has_bom
    }

    /// Line and column of a byte offset; one past the end is the end.
    pub fn position(&self, offset: usize) -> Position {
        let offset = floor_char_boundary(&self.text, offset);
        let line = self.line_starts.partition_point(|&start| start <= offset) - 1;
        let column = self.text[self.line_starts[line]..offset].chars().count() + 1;
        let (lines, bytes) = self.before;
        Position { line: to_u32(line + 1).saturating_add(lines), column: to_u32(column), offset: offset + bytes }
    }

    /// The byte offset of a line and a column, both from 1; what lies past a line's end is its end.
    pub fn offset(&self, line: u32, column: u32) -> usize {
        let start = line
            .checked_sub(self.before.0 + 1)
            .and_then(|line| self.line_starts.get(line as usize))
            .copied()
            .unwrap_or(self.text.len());
        let rest = self.text[start..].lines().next().unwrap_or("");
        start + rest.char_indices().nth(column.saturating_sub(1) as usize).map_or(rest.len(), |(at, _)| at)
    }

    /// The span of a range of bytes.
    pub fn span(&self, range: Range<usize>) -> Span {
        Span { start: self.position(range.start), end: self.position(range.end) }
    }

    /// The place of a range of bytes, with the lines round it.
    pub fn place(&self, range: Range<usize>) -> Place {
        let span = self.span(range);
        let first_line = span.start.line.saturating_sub(CONTEXT_LINES).max(self.before.0 + 1);
        let lines = (first_line..=span.start.line).map(|line| self.line(line).to_owned()).collect();
        Place {
            file: Some(self.file.clone()),
            span: Some(span),
            pointer: None,
            excerpt: Some(Excerpt { first_line, lines }),
        }
    }

    /// A line's text, without its end; lines count from 1.
    pub fn line(&self, line: u32) -> &str {
        let index = line.saturating_sub(self.before.0 + 1) as usize;
        let Some(&start) = self.line_starts.get(index) else { return "" };
        let end = self.line_starts.get(index + 1).copied().unwrap_or(self.text.len());
        self.text[start..end].trim_end_matches(['\n', '\r'])
    }
}

/// Where each line but the first starts.
fn memchr_lines(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    bytes.iter().enumerate().filter(|&(_, &byte)| byte == b'\n').map(|(at, _)| at + 1)
}

fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn not_utf8(file: &Path, error: std::string::FromUtf8Error) -> Finding {
    let good = error.utf8_error().valid_up_to();
    let byte = error.as_bytes()[good];
    let finding =
        Finding::new(Code::NotUtf8, format!("byte {byte:#04x} is not UTF-8 text")).hint("save the file as UTF-8");
    // Everything up to the bad byte is text: enough to say where it is.
    match Source::new(file, error.into_bytes()[..good].to_vec()) {
        Ok(source) => finding.at(source.place(good..good)),
        Err(_) => finding.in_file(file),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("f.json", text.as_bytes().to_vec()).unwrap_or_else(|finding| panic!("{finding:?}"))
    }

    #[test]
    fn columns_count_characters() {
        let source = source("a\nбв{\n");
        let position = source.position(source.text().find('{').unwrap_or(0));
        assert_eq!((position.line, position.column), (2, 3));
    }

    #[test]
    fn offset_undoes_position() {
        let source = source("a\r\nбв{\n\nlast");
        for (at, _) in source.text().char_indices() {
            let position = source.position(at);
            if !matches!(source.text().as_bytes()[at], b'\r' | b'\n') {
                assert_eq!(source.offset(position.line, position.column), at);
            }
        }
    }

    #[test]
    fn a_byte_order_mark_is_taken_off_and_remembered() {
        let source = source("\u{feff}{}");
        assert!(source.has_bom());
        assert_eq!(source.text(), "{}");
    }

    #[test]
    fn a_byte_that_is_no_text_is_pointed_at() {
        let finding = Source::new("f.json", b"{\n \"a\": \"\xff\"}".to_vec())
            .err()
            .map(|finding| (finding.code, finding.place.span));
        let Some((Code::NotUtf8, Some(span))) = finding else { panic!("{finding:?}") };
        assert_eq!((span.start.line, span.start.column), (2, 8));
    }

    #[test]
    fn a_piece_has_the_places_of_the_whole_file() {
        let source = Source::piece("f.ndjson", b"{\"a\": 1}".to_vec(), 6, 100).unwrap_or_else(|f| panic!("{f:?}"));
        let place = source.place(1..4);
        assert_eq!(place.span.map(|span| (span.start.line, span.start.column, span.start.offset)), Some((7, 2, 101)));
        assert_eq!(place.excerpt.map(|excerpt| (excerpt.first_line, excerpt.lines.len())), Some((7, 1)));
        let bad = Source::piece("f.ndjson", b"\"\xff\"".to_vec(), 6, 100).err().and_then(|f| f.place.span);
        assert_eq!(bad.map(|span| (span.start.line, span.start.column)), Some((7, 2)));
    }

    #[test]
    fn one_misspelled_name_in_a_path_is_mended() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("payloads/old")).unwrap();
        std::fs::write(dir.path().join("payloads/old/create.json"), "{}").unwrap();
        let hint = |shown: &str, wanted| {
            let finding = not_there(&dir.path().join(shown), Path::new(shown), wanted);
            assert_eq!((finding.code, finding.place.file.as_deref()), (Code::FileMissing, Some(Path::new(shown))));
            finding.hints.first().cloned().unwrap_or_default()
        };
        assert_eq!(hint("payloads/old/creat.json", Wanted::File), "did you mean `payloads/old/create.json`?");
        assert_eq!(hint("payload/old/create.json", Wanted::File), "did you mean `payloads/old/create.json`?");
        assert_eq!(hint("payload/old", Wanted::Folder), "did you mean `payloads/old`?");
        assert_eq!(hint("Payloads", Wanted::Either), "did you mean `payloads`?");
        // What is there under the other name is no file, or is not there either.
        for shown in ["payload", "payload/old/other.json", "elsewhere/create.json"] {
            assert_eq!(hint(shown, Wanted::File), "", "{shown}");
        }
    }

    #[test]
    fn an_empty_text_has_a_first_line() {
        let position = source("").position(7);
        assert_eq!((position.line, position.column, position.offset), (1, 1, 0));
    }
}
