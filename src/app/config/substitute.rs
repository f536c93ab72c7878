//! `<%= … %>` in request templates: names and texts joined by `+`, and `encode(…)` of such.
//!
//! Here they are read; what the names stand for is for the caller to say.

use std::ops::Range;

use crate::text::list;

/// What a name can begin with.
const KNOWN: [&str; 5] = ["iparam", "context", "access_token", "currentHost", "encode()"];

/// `text` with every substitution made; `value` is what a path of names stands for, or why it stands for nothing.
///
/// # Errors
/// What cannot be substituted, and why.
pub fn substitute(text: &str, value: &dyn Fn(&[String]) -> Result<String, String>) -> Result<String, String> {
    let mut done = String::with_capacity(text.len());
    let mut at = 0;
    for (range, made) in substitutions(text, value) {
        done += &text[at..range.start];
        at = range.end;
        done += &made?;
    }
    Ok(done + &text[at..])
}

/// Where each substitution of `text` stands, and why it can never be made, where it cannot.
pub(super) fn faults(text: &str) -> impl Iterator<Item = Option<String>> {
    substitutions(text, &|_| Ok(String::new())).map(|(_, made)| made.err())
}

/// Each substitution of a text: where it stands, and what it becomes.
fn substitutions<'a>(
    text: &'a str,
    value: &'a dyn Fn(&[String]) -> Result<String, String>,
) -> impl Iterator<Item = (Range<usize>, Result<String, String>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find("<%=")?;
        let rest = &text[start + 3..];
        let Some((inside, _)) = rest.split_once("%>") else {
            at = text.len();
            return Some((start..at, Err(format!("`<%={rest}` has no `%>`"))));
        };
        at = start + 3 + inside.len() + 2;
        let made = Reader { text: inside, at: 0, value }.whole();
        Some((start..at, made.map_err(|why| format!("`<%={inside}%>`: {why}"))))
    })
}

/// Whether a path of names can stand for something at all.
fn checked(path: &[String]) -> Result<(), String> {
    let root = path.first().map_or("", String::as_str);
    // `encode` without its parentheses is no name.
    if !KNOWN.contains(&root) {
        return Err(format!("`{root}` is none of {}", list(KNOWN)));
    }
    if path.len() == 1 && root != "access_token" {
        return Err(format!("`{root}` is not one value, a name was expected after it"));
    }
    Ok(())
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    value: &'a dyn Fn(&[String]) -> Result<String, String>,
}

impl Reader<'_> {
    fn whole(&mut self) -> Result<String, String> {
        let text = self.sum(0)?;
        match self.rest().chars().next() {
            None => Ok(text),
            Some(c) => Err(format!("`{c}` was not expected")),
        }
    }

    /// What is left, without blanks before it.
    fn rest(&mut self) -> &str {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        &self.text[self.at..]
    }

    fn take(&mut self, sign: char) -> bool {
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len_utf8();
        }
        found
    }

    fn sum(&mut self, depth: usize) -> Result<String, String> {
        let mut text = self.term(depth)?;
        while self.take('+') {
            text += &self.term(depth)?;
        }
        Ok(text)
    }

    fn term(&mut self, depth: usize) -> Result<String, String> {
        if depth > 8 {
            return Err("it is nested too deep".to_owned());
        }
        let rest = self.rest();
        match rest.chars().next() {
            None => Err("a name was expected".to_owned()),
            Some(quote @ ('\'' | '"' | '`')) => {
                let inside = &rest[1..];
                let end = inside.find(quote).ok_or_else(|| format!("a text has no {quote} at its end"))?;
                let text = inside[..end].to_owned();
                self.at += end + 2;
                Ok(text)
            }
            Some(_) => {
                let path = self.path()?;
                if path != ["encode"] || !self.take('(') {
                    return checked(&path).and_then(|()| (self.value)(&path));
                }
                let inside = self.sum(depth + 1)?;
                if self.take(')') { Ok(base64(inside.as_bytes())) } else { Err("`)` was expected".to_owned()) }
            }
        }
    }

    /// `a.b`, `a['b']`
    fn path(&mut self) -> Result<Vec<String>, String> {
        let mut path = vec![self.word()?];
        loop {
            if self.take('.') {
                path.push(self.word()?);
            } else if self.take('[') {
                let rest = self.rest();
                let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
                let quote = quote.ok_or("a name in quotes was expected after `[`")?;
                let end = rest[1..].find(quote).ok_or("`]` was expected")?;
                path.push(rest[1..=end].to_owned());
                self.at += end + 2;
                if !self.take(']') {
                    return Err("`]` was expected".to_owned());
                }
            } else {
                return Ok(path);
            }
        }
    }

    fn word(&mut self) -> Result<String, String> {
        let rest = self.rest();
        let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '-');
        let end = rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
        if end == 0 {
            return Err(match rest.chars().next() {
                Some(c) => format!("a name was expected, not `{c}`"),
                None => "a name was expected".to_owned(),
            });
        }
        let word = rest[..end].to_owned();
        self.at += end;
        Ok(word)
    }
}

/// Base64 (RFC 4648), padded.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let all = (0..3).fold(0_usize, |all, index| all << 8 | usize::from(group.get(index).copied().unwrap_or(0)));
        for digit in 0..4 {
            let is_there = digit <= group.len();
            text.push(if is_there { char::from(ALPHABET[all >> (18 - digit * 6) & 63]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That each of these is refused when a request is sent is held beside the names that it is then made with.
    #[test]
    fn what_can_never_be_made_is_known_without_its_values() {
        for (text, why) in [
            ("<%= iparm.x %>", "`iparm` is none of"),
            ("<%= context %>", "a name was expected after it"),
            ("<%= encode(iparam.t %>", "`)` was expected"),
            ("<%= foo() %>", "`foo` is none of"),
            ("<%= encode %>", "`encode` is none of"),
            ("<%= %>", "a name was expected"),
            ("<%= iparam.x", "has no `%>`"),
        ] {
            let found: Vec<String> = faults(text).flatten().collect();
            assert!(matches!(&found[..], [said] if said.contains(why)), "{text}: {found:?}");
        }
        for text in ["<%= iparam.x + 'a' %>", "<%= access_token %>/<%=encode(context.a['b'])%>", "<% x %>"] {
            assert_eq!(faults(text).flatten().count(), 0, "{text}");
        }
        assert_eq!([b"".as_slice(), b"a", b"ab", b"abc"].map(base64), ["", "YQ==", "YWI=", "YWJj"]);
    }
}
