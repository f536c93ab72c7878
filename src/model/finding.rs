//! A fault in the user's files: what, where, and how to mend it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Code, Severity};

/// A point in a text. Lines and columns count from 1; columns count characters, not bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Byte offset from the start of the text, from 0.
    pub offset: usize,
}

/// A stretch of a text, from `start` up to, and without, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// Where it begins.
    pub start: Position,
    /// The first point after it.
    pub end: Position,
}

/// Whole lines of the text round a span, kept so that a reporter can draw a code frame without reading the file again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excerpt {
    /// The number of the first line in `lines`.
    pub first_line: u32,
    /// The lines as they are in the file, without line ends. Over-long lines are cut by the renderer.
    pub lines: Vec<String>,
}

/// Where a finding is: a file, and as much of a place in it as is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, as the user named it or relative to the current folder; `-` is standard input.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "path_as_text")]
    pub file: Option<PathBuf>,
    /// The stretch of text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// The JSON Pointer (RFC 6901) of the value, where the file is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Lines round the span.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<Excerpt>,
}

fn path_as_text<S: serde::Serializer>(path: &Option<PathBuf>, out: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => out.serialize_str(&path.to_string_lossy()),
        None => out.serialize_none(),
    }
}

/// A fault in the user's files.
///
/// The message says what is wrong and what was expected, in lower case and without a full stop; each hint says what to
/// do about it. Names from the user's files stand in backquotes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What kind of fault.
    pub code: Code,
    /// How grave. Starts as [`Code::severity`] and may be changed by the user's settings.
    pub severity: Severity,
    /// What is wrong, and what was expected.
    pub message: String,
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// What to do, each a sentence of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// Findings as they are handed round: in the order in which they were found.
pub type Findings = Vec<Finding>;

impl Finding {
    /// A finding without a place, of the code's own severity.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, severity: code.severity(), message: message.into(), place: Place::default(), hints: Vec::new() }
    }

    /// The same finding, in `file`.
    #[must_use]
    pub fn in_file(mut self, file: &Path) -> Self {
        self.place.file = Some(file.to_path_buf());
        self
    }

    /// The same finding, at `place`.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// The same finding, with one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same finding, with one more hint where there is one.
    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hints.extend(hint);
        self
    }

    /// Whether this finding alone makes a check fail.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
