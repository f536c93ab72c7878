//! Text as it may stand in a page.

use std::borrow::Cow;

use crate::report::cut;
use crate::text::printable;

/// What an app prints, and anything else that is not ours: text and never markup, control characters in words.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in printable(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The same, cut where it is longer than `most` characters.
pub(super) fn escape_cut(text: &str, most: usize) -> String {
    escape(&cut(text, most))
}

/// JSON with a member a line, or the text as it is.
pub(super) fn pretty(json: &str) -> Cow<'_, str> {
    let value = serde_json::from_str::<serde_json::Value>(json);
    value.and_then(|value| serde_json::to_string_pretty(&value)).map_or(Cow::Borrowed(json), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::{escape, escape_cut};

    #[test]
    fn markup_is_text() {
        assert_eq!(
            escape("<img src=x onerror='a'>&\"\u{1b}[2J"),
            "&lt;img src=x onerror=&#39;a&#39;&gt;&amp;&quot;\\u{1b}[2J"
        );
        assert_eq!(escape_cut("<<<<", 2), "&lt;&lt;… (4 characters)");
    }
}
