//! Hints in comments: `istanbul ignore next`, `if`, `else` and `file`.
//!
//! A hint is for the outermost piece of code that begins right after it; only some kinds of code heed it, as with Istanbul.

use std::collections::HashMap;

use oxc_ast::ast::Comment;

/// What a comment asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hint {
    /// Not to count what follows, nor anything in it.
    Next,
    /// Not to count the `if` way of an `if`.
    If,
    /// Not to count its `else` way.
    Else,
}

/// The hints of a file, by the offset at which the code after them begins.
#[derive(Debug, Default)]
pub(super) struct Hints {
    at: HashMap<u32, (Hint, bool)>,
}

impl Hints {
    /// Reads comments; `None` where one says that the whole file is not to be counted.
    pub(super) fn read(comments: &[Comment], text: &str) -> Option<Self> {
        let mut at = HashMap::new();
        // The code after a run of comments begins after the last of them.
        let mut next_code: Option<(u32, u32)> = None;
        for comment in comments.iter().rev() {
            let span = comment.content_span();
            let body = text.get(span.start as usize..span.end as usize).unwrap_or_default();
            let after = comment.span.end;
            let gap_end = after + blanks(text.get(after as usize..).unwrap_or_default());
            let code = match next_code {
                Some((start, code)) if start == gap_end => code,
                _ => gap_end,
            };
            next_code = Some((comment.span.start, code));
            match word(body) {
                Some("file") => return None,
                Some(word) => {
                    let hint = match word {
                        "if" => Hint::If,
                        "else" => Hint::Else,
                        _ => Hint::Next,
                    };
                    // Read backwards: the last of several stands.
                    at.entry(code).or_insert((hint, false));
                }
                None => {}
            }
        }
        Some(Self { at })
    }

    /// The hint for what begins at one of `starts`, unless something further out has taken it; nobody else gets it then.
    pub(super) fn take(&mut self, starts: &[u32]) -> Option<Hint> {
        let mut found = None;
        for start in starts {
            if let Some((hint, taken)) = self.at.get_mut(start).filter(|(_, taken)| !taken) {
                *taken = true;
                found = Some(*hint);
            }
        }
        found
    }

    /// The same, without taking it.
    pub(super) fn peek(&self, starts: &[u32]) -> Option<Hint> {
        let free = |start: &u32| self.at.get(start).filter(|(_, taken)| !taken).map(|(hint, _)| *hint);
        starts.iter().rev().find_map(free)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at.is_empty()
    }
}

/// Bytes of white space at the beginning.
fn blanks(text: &str) -> u32 {
    let is_blank = |char: char| char.is_whitespace() || char == '\u{feff}';
    super::lines::to_u32(text.len() - text.trim_start_matches(is_blank).len())
}

/// The last word of `istanbul ignore …`, where the comment begins so.
fn word(comment: &str) -> Option<&str> {
    let rest = after_word(after_word(comment.trim(), "istanbul")?, "ignore")?;
    let known = ["if", "else", "next", "file"].into_iter().find(|word| rest.starts_with(word))?;
    let ends = rest[known.len()..].chars().next().is_none_or(|char| !(char.is_ascii_alphanumeric() || char == '_'));
    ends.then_some(known)
}

fn after_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let rest = text.strip_prefix(word)?;
    rest.starts_with(char::is_whitespace).then(|| rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn only_what_istanbul_heeds_is_a_hint() {
        assert_eq!(word(" istanbul ignore next "), Some("next"));
        assert_eq!(word("istanbul  ignore\telse: nobody comes here"), Some("else"));
        for comment in ["istanbul ignore nextone", "please istanbul ignore next", "istanbul ignore", "c8 ignore next"] {
            assert_eq!(word(comment), None, "{comment}");
        }
    }
}
