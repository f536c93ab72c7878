//! What each code means, at length: the pages of `docs/codes/`, compiled in.

use include_dir::{Dir, include_dir};

use crate::model::Code;

static PAGES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/docs/codes");

/// The page of a code, in Markdown; empty where none is written yet, which a test does not let pass.
pub fn explanation(code: Code) -> &'static str {
    PAGES.get_file(format!("{}.md", code.name())).and_then(|file| file.contents_utf8()).unwrap_or("")
}

/// The text of one section of a page, without its heading; empty where there is none.
pub(super) fn section(page: &'static str, heading: &str) -> &'static str {
    let Some((_, rest)) = page.split_once(&format!("\n## {heading}\n")) else { return "" };
    rest.split("\n## ").next().unwrap_or("").trim()
}
