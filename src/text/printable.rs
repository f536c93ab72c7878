//! What may reach a terminal, and what a shell reads back unchanged.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `text` with nothing in it that a terminal would obey: control characters but line ends and tabs, and marks that
/// change the direction of the text, appear as `\u{1b}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\n' || c == '\t')
}

/// As [`printable`], and line ends are escaped too: for text that must stay on one line.
pub fn printable_line(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\t')
}

fn escape(text: &str, allowed: impl Fn(char) -> bool) -> Cow<'_, str> {
    let obeyed = |c: char| (c.is_control() || changes_direction(c)) && !allowed(c);
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' if obeyed(c) => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            c if obeyed(c) => {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// JSON text of the same value, with nothing in it that a terminal would obey. JSON itself wants only the controls below U+0020
/// to be escaped: those above steer some terminals as well.
pub fn printable_json(json: &str) -> Cow<'_, str> {
    let obeyed = |c: char| (c.is_control() || changes_direction(c)) && c > ' ';
    if !json.contains(obeyed) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if obeyed(c) {
            // None of them is beyond U+FFFF, and writing to a String cannot fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// The bidirectional controls of Unicode (UAX #9), and the line and paragraph separators.
const fn changes_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `word` as a POSIX shell must be given it: as it is where that is safe, else in single quotes; with `$` before them where
/// there is something in it that a terminal would obey.
pub fn shell_word(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    let obeyed = |c: char| c.is_control() || changes_direction(c);
    if !word.contains(obeyed) {
        return Cow::Owned(shell_text(word));
    }
    let mut quoted = "$'".to_owned();
    for c in word.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\'' | '\\' => quoted.extend(['\\', c]),
            // Byte by byte in octal: so much every shell with these quotes reads, and what follows is no part of it.
            c if obeyed(c) => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(quoted, "\\{byte:03o}");
                }
            }
            c => quoted.push(c),
        }
    }
    Cow::Owned(quoted + "'")
}

/// A text of any lines and characters as a POSIX shell must be given it, in single quotes.
pub fn shell_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::{printable, printable_json, printable_line, shell_word};

    #[test]
    fn control_sequences_are_shown_and_not_obeyed() {
        assert_eq!(printable("a\u{1b}[31mb\r\u{202e}\u{9b}c"), "a\\u{1b}[31mb\\r\\u{202e}\\u{9b}c");
        assert_eq!(printable("tab\tand\nline"), "tab\tand\nline");
        assert_eq!(printable_line("a\nb"), "a\\nb");
    }

    #[test]
    fn json_keeps_its_value_and_steers_no_terminal() {
        let value = "a\u{1b}[31m\n\u{7f}\u{9b}31m\u{202e}é";
        let text = serde_json::to_string_pretty(&[value]).unwrap_or_default();
        let shown = printable_json(&text);
        assert_eq!(shown, "[\n  \"a\\u001b[31m\\n\\u007f\\u009b31m\\u202eé\"\n]");
        assert_eq!(serde_json::from_str::<[String; 1]>(&shown).ok(), Some([value.to_owned()]));
    }

    #[test]
    fn shell_words_survive_a_shell() {
        assert_eq!(shell_word("--set"), "--set");
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(shell_word("a\n\u{1b}[31m'\\\u{9b}"), r"$'a\n\033[31m\'\\\302\233'");
    }
}
