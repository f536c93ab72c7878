//! Findings that the code's author has looked at: `// simctl-allow CODE: reason`, on the line above or at its end.

use std::ops::Range;

use oxc_ast::ast::Program;

use crate::app::script::exports::range;
use crate::model::{Finding, Findings};

use super::File;

/// What such a comment begins with.
const MARK: &str = "simctl-allow";

/// One such comment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Allow {
    range: Range<usize>,
    codes: Vec<String>,
    has_reason: bool,
}

/// All such comments of a program.
pub(super) fn allows(program: &Program<'_>) -> Vec<Allow> {
    let comments = program.comments.iter().filter_map(|comment| {
        let content = range(comment.content_span());
        let text = program.source_text.get(content)?;
        read(text, range(comment.span))
    });
    comments.collect()
}

fn read(text: &str, range: Range<usize>) -> Option<Allow> {
    let text = text.trim_start_matches(['*', ' ', '\t', '\n', '\r']).strip_prefix(MARK)?;
    let (codes, reason) = text.split_once(':').unwrap_or((text, ""));
    let codes: Vec<String> =
        codes.split([',', ' ', '\t']).map(str::trim).filter(|code| !code.is_empty()).map(str::to_owned).collect();
    let has_reason = reason.chars().any(char::is_alphanumeric);
    (!codes.is_empty()).then_some(Allow { range, codes, has_reason })
}

/// Takes away what is allowed with a reason; what is allowed without one stays, and is told why.
pub(super) fn apply(files: &[File], findings: Findings) -> Findings {
    findings.into_iter().filter_map(|finding| judged(files, finding)).collect()
}

fn judged(files: &[File], finding: Finding) -> Option<Finding> {
    let file = files.iter().find(|file| finding.place.file.as_deref() == Some(file.source.file()));
    let (Some(file), Some(span)) = (file, finding.place.span) else { return Some(finding) };
    let line = span.start.line;
    let mut is_bare = false;
    for allow in &file.allows {
        if allow.codes.iter().any(|code| code == finding.code.name()) && concerns(file, allow, line) {
            if allow.has_reason {
                return None;
            }
            is_bare = true;
        }
    }
    let code = finding.code.name();
    let hint = is_bare.then(|| format!("a finding is silenced with a reason only: `// {MARK} {code}: why`"));
    Some(finding.maybe_hint(hint))
}

/// Whether a comment stands at the end of a line, or above it with nothing but such comments between.
fn concerns(file: &File, allow: &Allow, line: u32) -> bool {
    let source = &file.source;
    let (start, mut end) = (source.position(allow.range.start), source.position(allow.range.end).line);
    if start.line == line || end == line {
        return true;
    }
    let text = source.line(start.line);
    let before: String = text.chars().take(start.column.saturating_sub(1) as usize).collect();
    if !before.trim().is_empty() {
        return false;
    }
    while let Some(next) = file.allows.iter().find(|next| source.position(next.range.start).line == end + 1) {
        if end + 1 >= line {
            break;
        }
        end = source.position(next.range.end).line.max(end + 1);
    }
    end + 1 == line
}
