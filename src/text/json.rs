//! JSON text (RFC 8259) read with the place of every value and key.
//!
//! The reader goes on where it can: what was meant by a comment, a comma too many or too few, a key or a text without
//! its double quotes, a doubled key, a value that JSON does not have or members without braces is plain, so each is a
//! finding at its place and the rest is read all the same. Anything else that is not JSON ends the reading with a finding
//! at that point.

use std::ops::Range;

use serde_json::{Map, Number, Value};

use super::Source;
use crate::model::{Code, Finding, Findings, Place};

/// How many arrays and objects may lie within each other; the limit of `serde_json`, too.
const DEEPEST: usize = 128;

/// What is said of a text that is the inside of an object.
pub const BARE_MEMBERS: &str = "a member stands here without the braces of an object round it";

/// A JSON value and the bytes it stands in.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The bytes of the value in the text.
    pub range: Range<usize>,
    /// The value.
    pub kind: Kind,
}

/// The kinds of JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, within what `serde_json` holds exactly or as a double.
    Number(Number),
    /// A string, unescaped.
    String(String),
    /// An array.
    Array(Vec<Node>),
    /// An object; members in the order of the text, doubled keys included.
    Object(Vec<Member>),
}

/// One member of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The key, unescaped.
    pub key: String,
    /// The bytes of the key in the text, quotes included.
    pub key_range: Range<usize>,
    /// The value.
    pub value: Node,
}

/// Reads `source` as one JSON value.
///
/// The value is there whenever the text could be understood, even if findings say that it is not strictly JSON; it is
/// absent only where there is at least one finding of severity error.
pub fn read(source: &Source) -> (Option<Node>, Findings) {
    let mut reader = Reader { source, bytes: source.text().as_bytes(), at: 0, findings: Vec::new() };
    if source.has_bom() {
        let bom = Finding::new(Code::ByteOrderMark, "the file begins with a byte-order mark")
            .hint("save the file as UTF-8 without a byte-order mark");
        reader.findings.push(bom.at(source.place(0..0)));
    }
    let node = match reader.document() {
        Ok(node) => Some(node),
        Err(Stop(finding)) => {
            reader.findings.push(*finding);
            None
        }
    };
    let mut findings = reader.findings;
    super::doubled::point(source, node.as_ref(), &mut findings);
    // A comma is only known to be wrong after what follows it has been read.
    findings.sort_by_key(|finding| finding.place.span.map(|span| span.start));
    (node, findings)
}

impl Node {
    /// The value without its places. The last of doubled keys counts.
    pub fn value(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::String(text) => Value::String(text.clone()),
            Kind::Array(items) => Value::Array(items.iter().map(Self::value).collect()),
            Kind::Object(members) => {
                let mut map = Map::with_capacity(members.len());
                for member in members {
                    map.insert(member.key.clone(), member.value.value());
                }
                Value::Object(map)
            }
        }
    }

    /// The member of that key, the last one where it is doubled.
    pub fn member(&self, key: &str) -> Option<&Member> {
        match &self.kind {
            Kind::Object(members) => members.iter().rev().find(|member| member.key == key),
            _ => None,
        }
    }

    /// The value of the member of that key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.member(key).map(|member| &member.value)
    }

    /// The members, where this is an object.
    pub fn members(&self) -> Option<&[Member]> {
        match &self.kind {
            Kind::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The items, where this is an array.
    pub fn items(&self) -> Option<&[Self]> {
        match &self.kind {
            Kind::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The text, where this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// What kind of value it is, with an article: `an object`.
    pub const fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::String(_) => "a string",
            Kind::Array(_) => "an array",
            Kind::Object(_) => "an object",
        }
    }

    /// The value at a JSON Pointer (RFC 6901).
    pub fn at(&self, pointer: &str) -> Option<&Self> {
        self.follow(pointer).0
    }

    /// The value at a JSON Pointer, or else the innermost value on the way to it.
    pub fn nearest(&self, pointer: &str) -> &Self {
        let (found, last) = self.follow(pointer);
        found.unwrap_or(last)
    }

    /// The key of the member at a JSON Pointer.
    pub fn key_range(&self, pointer: &str) -> Option<Range<usize>> {
        let (parent, key) = pointer.rsplit_once('/')?;
        self.at(parent)?.member(&unescape_token(key)).map(|member| member.key_range.clone())
    }

    fn follow(&self, pointer: &str) -> (Option<&Self>, &Self) {
        let mut node = self;
        for token in pointer.split('/').skip(1) {
            let next = match &node.kind {
                Kind::Array(items) => token.parse::<usize>().ok().and_then(|index| items.get(index)),
                Kind::Object(_) => node.get(&unescape_token(token)),
                _ => None,
            };
            match next {
                Some(child) => node = child,
                None => return (None, node),
            }
        }
        (Some(node), node)
    }

    /// The place of this value, known by `pointer`, in the text it was read from.
    pub fn place(&self, source: &Source, pointer: &str) -> Place {
        place_at(source, self.range.clone(), pointer)
    }
}

/// The place of a range of bytes that a JSON Pointer names.
pub fn place_at(source: &Source, range: Range<usize>, pointer: &str) -> Place {
    Place { pointer: Some(pointer.to_owned()), ..source.place(range) }
}

/// Adds what a schema says to what our own reading said. Where both speak of one value, our own says more of it.
pub fn add_unsaid(findings: &mut Findings, by_schema: Findings) {
    let told: Vec<String> = findings.iter().filter_map(|finding| finding.place.pointer.clone()).collect();
    let broken: Vec<(usize, usize)> = findings
        .iter()
        .filter(|finding| finding.code == Code::JsonSyntax)
        .filter_map(|finding| finding.place.span.map(|span| (span.start.offset, span.end.offset)))
        .collect();
    findings.extend(by_schema.into_iter().filter(|finding| {
        let is_told = finding.place.pointer.as_ref().is_some_and(|pointer| told.contains(pointer));
        let at = finding.place.span.map(|span| span.start.offset);
        // What stands where the text is no JSON is not what its author meant.
        let is_broken = at.is_some_and(|at| broken.iter().any(|&(start, end)| start <= at && at < end.max(start + 1)));
        !is_told && !is_broken
    }));
}

/// A member's key as a token of a JSON Pointer.
pub fn escape_token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A token of a JSON Pointer as a member's key.
pub fn unescape_token(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// Why reading ended.
struct Stop(Box<Finding>);

struct Reader<'a> {
    source: &'a Source,
    bytes: &'a [u8],
    at: usize,
    findings: Findings,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Node, Stop> {
        self.blanks()?;
        if self.at == self.bytes.len() {
            return self.stop(Code::FileEmpty, self.at..self.at, "the file is empty, a JSON value was expected", None);
        }
        let start = self.at;
        let node = self.value(0)?;
        self.blanks()?;
        if self.at == self.bytes.len() {
            return Ok(node);
        }
        if let (b':', Kind::String(key)) = (self.bytes[self.at], &node.kind) {
            let hint = format!("put braces round it: {{ \"{}\": … }}", shortened(key));
            self.fault(self.at..self.at + 1, BARE_MEMBERS, Some(hint));
            return self.bare_members(start);
        }
        self.trailing(&node)?;
        Ok(node)
    }

    /// Reads the text from `start` on as the inside of an object.
    fn bare_members(&mut self, start: usize) -> Result<Node, Stop> {
        self.at = start;
        let mut members = Vec::new();
        loop {
            self.blanks()?;
            match self.peek() {
                None => return Ok(Node { range: start..self.at, kind: Kind::Object(members) }),
                Some(_) => self.member(0, &mut members)?,
            }
            self.blanks()?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(_) if self.begins_key() => self.missing_comma("members"),
                Some(_) => return self.fail(self.at..self.token_end(), "nothing more was expected", None),
                None => {}
            }
        }
    }

    /// Something follows the value: told once, and read on for what else is wrong with it.
    fn trailing(&mut self, first: &Node) -> Result<(), Stop> {
        let range = self.at..self.token_end();
        let is_second = matches!(self.bytes[self.at], b'{' | b'[' | b',');
        if !is_second || !matches!(first.kind, Kind::Object(_) | Kind::Array(_)) {
            return self.fail(range, "the value ends before this, nothing more was expected", None);
        }
        let what = "a second value follows the first, one was expected";
        let hint =
            "put each into a file of its own; only `simctl validate` reads several, one a line, from an .ndjson file";
        self.fault(range, what, Some(hint.to_owned()));
        while self.at < self.bytes.len() {
            if self.peek() == Some(b',') {
                self.at += 1;
            } else {
                self.value(0)?;
            }
            self.blanks()?;
        }
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Node, Stop> {
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{' | b'[') if depth >= DEEPEST => {
                let what = format!("this is nested deeper than {DEEPEST} levels");
                return self.stop(Code::JsonTooDeep, start..start + 1, &what, None);
            }
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Kind::String(self.string()?),
            Some(b'\'') => Kind::String(self.single_quoted()?),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.word()?,
            None => return self.fail(start..start, "the text ends here, a value was expected", None),
        };
        Ok(Node { range: start..self.at, kind })
    }

    fn object(&mut self, depth: usize) -> Result<Kind, Stop> {
        let open = self.at;
        self.at += 1;
        let mut members: Vec<Member> = Vec::new();
        loop {
            self.blanks()?;
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Kind::Object(members));
                }
                Some(_) => self.member(depth, &mut members)?,
                None => return self.unclosed(open, "object", '}'),
            }
            self.blanks()?;
            match self.peek() {
                Some(b',') => self.comma(b'}')?,
                Some(b'}') => {}
                Some(_) if self.begins_key() => self.missing_comma("members"),
                Some(_) => return self.fail(self.at..self.token_end(), "`,` or `}` was expected", None),
                None => return self.unclosed(open, "object", '}'),
            }
        }
    }

    fn member(&mut self, depth: usize, members: &mut Vec<Member>) -> Result<(), Stop> {
        let start = self.at;
        let key = match self.peek() {
            Some(b'"') => self.string()?,
            Some(b'\'') => self.single_quoted()?,
            _ => self.bare_key()?,
        };
        let key_range = start..self.at;
        self.blanks()?;
        if self.peek() == Some(b':') {
            self.at += 1;
        } else {
            let what = format!("`:` was expected after the key `{}`", shortened(&key));
            let range = self.at..self.token_end();
            // What follows is the value if it can be one; else nothing is known of what was meant.
            if !matches!(self.peek(), Some(b'"' | b'{' | b'[' | b'0'..=b'9' | b't' | b'f' | b'n' | b'-')) {
                return self.fail(range, &what, None);
            }
            self.fault(range, &what, Some("put `:` between key and value".to_owned()));
        }
        self.blanks()?;
        let value = self.value(depth + 1)?;
        if let Some(first) = members.iter().find(|member| member.key == key) {
            let line = self.source.position(first.key_range.start).line;
            let what =
                format!("the key `{}` is there already, in line {line}; only the last one counts", shortened(&key));
            let finding = Finding::new(Code::DuplicateKey, what).hint("remove one of the two, or merge them");
            self.findings.push(finding.at(self.source.place(key_range.clone())));
        }
        members.push(Member { key, key_range, value });
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<Kind, Stop> {
        let open = self.at;
        self.at += 1;
        let mut items: Vec<Node> = Vec::new();
        loop {
            self.blanks()?;
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    return Ok(Kind::Array(items));
                }
                Some(_) => items.push(self.value(depth + 1)?),
                None => return self.unclosed(open, "array", ']'),
            }
            self.blanks()?;
            match self.peek() {
                Some(b',') => self.comma(b']')?,
                Some(b']') => {}
                Some(b'"' | b'{' | b'[' | b'0'..=b'9' | b'-') => self.missing_comma("items"),
                Some(_) => return self.fail(self.at..self.token_end(), "`,` or `]` was expected", None),
                None => return self.unclosed(open, "array", ']'),
            }
        }
    }

    /// Takes a comma, and finds one that nothing follows.
    fn comma(&mut self, close: u8) -> Result<(), Stop> {
        let comma = self.at;
        self.at += 1;
        self.blanks()?;
        if self.peek() == Some(close) {
            let what = "a comma before a closing bracket is not JSON";
            self.findings.push(self.syntax(comma..comma + 1, what, Some("remove this comma".to_owned())));
        }
        Ok(())
    }

    /// A comma between two members or items is not there: told where it belongs, and read on as if it were.
    fn missing_comma(&mut self, between: &str) {
        let text = &self.source.text()[..self.at];
        let end = text.trim_end().len();
        self.fault(
            end..end,
            &format!("a comma is missing here, between two {between}"),
            Some("put `,` here".to_owned()),
        );
    }

    /// Whether a key and its colon stand here.
    fn begins_key(&self) -> bool {
        match self.peek() {
            Some(b'"') => true,
            Some(b'\'' | b'_' | b'$' | b'a'..=b'z' | b'A'..=b'Z') => {
                self.source.text()[self.token_end()..].trim_start().starts_with(':')
            }
            _ => false,
        }
    }

    /// A text in single quotes: a finding, and its text.
    fn single_quoted(&mut self) -> Result<String, Stop> {
        let start = self.at;
        let rest = &self.source.text()[start + 1..];
        let line = &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())];
        let Some(length) = line.find('\'') else {
            let range = start..self.token_end();
            return self.fail(range, "strings stand in double quotes", Some("replace `'` by `\"`".to_owned()));
        };
        let text = line[..length].to_owned();
        self.at = start + length + 2;
        self.fault(start..self.at, "strings stand in double quotes", Some("replace `'` by `\"`".to_owned()));
        Ok(text)
    }

    fn string(&mut self) -> Result<String, Stop> {
        let open = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let run = self.at;
            while self.peek().is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            text.push_str(&self.source.text()[run..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()),
                Some(b'\n' | b'\r') | None => {
                    return self.fail(
                        open..self.at,
                        "this string is not closed on its line",
                        Some("put `\"` at its end".to_owned()),
                    );
                }
                Some(byte) => {
                    let what = format!("control character {byte:#04x} in a string, an escape was expected");
                    self.fault(self.at..self.at + 1, &what, Some(format!("write `\\u{byte:04x}`")));
                    self.at += 1;
                }
            }
        }
    }

    /// The character that an escape means; for one that JSON does not have, the replacement character.
    fn escape(&mut self) -> char {
        let start = self.at;
        self.at += 2;
        match self.bytes.get(start + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => self.unicode_escape(start),
            _ => {
                // The backslash alone: what follows may be a character of several bytes, or the end of the line.
                self.at = start + 1;
                let what = "this escape is not one of JSON's";
                let next = self.source.text()[self.at..].chars().next().map_or(0, char::len_utf8);
                self.fault(start..self.at + next, what, Some("write `\\\\` for a backslash".to_owned()));
                char::REPLACEMENT_CHARACTER
            }
        }
    }

    fn unicode_escape(&mut self, start: usize) -> char {
        let first = self.hex4();
        let code = match first {
            Some(high @ 0xd800..=0xdbff) if self.bytes[self.at..].starts_with(b"\\u") => {
                self.at += 2;
                match self.hex4() {
                    Some(low @ 0xdc00..=0xdfff) => Some(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)),
                    _ => None,
                }
            }
            other => other,
        };
        code.and_then(char::from_u32).unwrap_or_else(|| {
            self.fault(start..self.at, "this escape is not a Unicode character", None);
            char::REPLACEMENT_CHARACTER
        })
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        self.at += 4;
        let digits = std::str::from_utf8(digits).ok()?;
        u32::from_str_radix(digits, 16).ok()
    }

    fn number(&mut self) -> Kind {
        let range = self.at..self.token_end();
        let text = &self.source.text()[range.clone()];
        self.at = range.end;
        match serde_json::from_str::<Number>(text) {
            Ok(number) => Kind::Number(number),
            Err(_) => {
                self.fault(range, &format!("`{}` is not a number of JSON's", shortened(text)), None);
                Kind::Null
            }
        }
    }

    fn word(&mut self) -> Result<Kind, Stop> {
        let range = self.at..self.token_end();
        let kind = match &self.bytes[range.clone()] {
            b"null" => Kind::Null,
            b"true" => Kind::Bool(true),
            b"false" => Kind::Bool(false),
            b"True" | b"TRUE" => self.other_word(&range, Kind::Bool(true), "write `true`"),
            b"False" | b"FALSE" => self.other_word(&range, Kind::Bool(false), "write `false`"),
            b"None" | b"nil" | b"NULL" => self.other_word(&range, Kind::Null, "write `null`"),
            b"NaN" | b"Infinity" | b"undefined" => {
                self.other_word(&range, Kind::Null, "write `null`, or leave the member out")
            }
            // A name without quotes: a text was meant.
            [b'_' | b'$' | b'a'..=b'z' | b'A'..=b'Z', ..] => {
                let word = &self.source.text()[range.clone()];
                let hint = format!("a text stands in double quotes: `\"{}\"`", shortened(word));
                let kind = Kind::String(word.to_owned());
                self.fault(range.clone(), "a value was expected", Some(hint));
                kind
            }
            _ => return self.fail(range, "a value was expected", None),
        };
        self.at = range.end;
        Ok(kind)
    }

    /// A word that other languages have for `kind`.
    fn other_word(&mut self, range: &Range<usize>, kind: Kind, hint: &str) -> Kind {
        self.fault(range.clone(), "JSON has no such value", Some(hint.to_owned()));
        kind
    }

    /// White space, and comments, which are findings.
    fn blanks(&mut self) -> Result<(), Stop> {
        loop {
            while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
                self.at += 1;
            }
            let rest = &self.source.text()[self.at..];
            let start = self.at;
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                match rest.find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return self.fail(start..start + 2, "this comment is not closed", None),
                }
            } else {
                return Ok(());
            }
            let hint = Some("remove the comment".to_owned());
            self.findings.push(self.syntax(start..self.at, "JSON has no comments", hint));
        }
    }

    /// A key without quotes: a finding, and the key.
    fn bare_key(&mut self) -> Result<String, Stop> {
        let range = self.at..self.token_end();
        let word = self.source.text()[range.clone()].to_owned();
        let is_name = word.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$');
        let hint = is_name.then(|| format!("write `\"{}\"`", shortened(&word)));
        let what = "a key in double quotes was expected";
        if !is_name || !self.source.text()[range.end..].trim_start().starts_with(':') {
            return self.fail(range, what, hint);
        }
        self.at = range.end;
        self.fault(range, what, hint);
        Ok(word)
    }

    fn unclosed<T>(&self, open: usize, what: &str, close: char) -> Result<T, Stop> {
        let line = self.source.position(open).line;
        let message = format!("the text ends here, but the {what} opened in line {line} is not closed");
        self.fail(self.at..self.at, &message, Some(format!("put `{close}` at its end")))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The end of the word at hand: for a mark of punctuation, that mark.
    fn token_end(&self) -> usize {
        let rest = &self.source.text()[self.at..];
        let word = rest.find(|c: char| c.is_whitespace() || "{}[],:\"".contains(c)).unwrap_or(rest.len());
        let first = rest.chars().next().map_or(0, char::len_utf8);
        self.at + word.max(first)
    }

    /// A fault that leaves no doubt of what was meant.
    fn fault(&mut self, range: Range<usize>, what: &str, hint: Option<String>) {
        let finding = self.syntax(range, what, hint);
        self.findings.push(finding);
    }

    fn syntax(&self, range: Range<usize>, what: &str, hint: Option<String>) -> Finding {
        Finding::new(Code::JsonSyntax, what).maybe_hint(hint).at(self.source.place(range))
    }

    fn fail<T>(&self, range: Range<usize>, what: &str, hint: Option<String>) -> Result<T, Stop> {
        self.stop(Code::JsonSyntax, range, what, hint)
    }

    fn stop<T>(&self, code: Code, range: Range<usize>, what: &str, hint: Option<String>) -> Result<T, Stop> {
        Err(Stop(Box::new(Finding::new(code, what).maybe_hint(hint).at(self.source.place(range)))))
    }
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Option<Node>, Findings) {
        let source = Source::new("f.json", text.as_bytes().to_vec()).unwrap_or_else(|finding| panic!("{finding:?}"));
        read(&source)
    }

    /// Code, line and column of each finding.
    fn faults(text: &str) -> Vec<(Code, u32, u32)> {
        let (_, findings) = read_text(text);
        findings
            .iter()
            .filter_map(|finding| finding.place.span.map(|span| (finding.code, span.start.line, span.start.column)))
            .collect()
    }

    #[test]
    fn what_serde_json_reads_is_read_alike() {
        let text = r#" {"a": [1, -2.5e3, true, false, null, "x\n\u00e9\ud83d\ude00\/"], "b": {}, "c": []} "#;
        let (node, findings) = read_text(text);
        assert_eq!(findings, []);
        let expected: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(node.map(|node| node.value()), Some(expected));
    }

    #[test]
    fn each_value_knows_its_place() {
        let text = r#"{"a/b": [10, {"c": 2}]}"#;
        let (node, _) = read_text(text);
        let node = node.unwrap_or_else(|| panic!("not read"));
        assert_eq!(node.at("/a~1b/1/c").map(|node| &text[node.range.clone()]), Some("2"));
        assert_eq!(node.key_range("/a~1b/1/c").map(|range| &text[range]), Some("\"c\""));
        assert_eq!(node.at("/a~1b/7"), None);
        assert_eq!(&text[node.nearest("/a~1b/7").range.clone()], r#"[10, {"c": 2}]"#);
    }

    #[test]
    fn comments_commas_and_doubled_keys_are_all_found_and_the_value_is_read() {
        let text = "{\n  // why\n  \"a\": 1,\n  \"a\": 2, /* x */\n}";
        assert_eq!(
            faults(text),
            [(Code::JsonSyntax, 2, 3), (Code::DuplicateKey, 4, 3), (Code::JsonSyntax, 4, 9), (Code::JsonSyntax, 4, 11)]
        );
        let (node, _) = read_text(text);
        assert_eq!(node.map(|node| node.value()), Some(serde_json::json!({"a": 2})));
    }

    #[test]
    fn what_is_not_json_is_pointed_at() {
        for (text, line, column) in [
            ("{\"a\" 1}", 1, 6),
            ("{\"a\": 1 \"b\": 2}", 1, 8),
            ("{a: 1}", 1, 2),
            ("['x']", 1, 2),
            ("[1 2]", 1, 3),
            ("[01]", 1, 2),
            ("{} // x\n", 1, 4),
            ("{\"a\": NaN}", 1, 7),
            ("\"\\x\"", 1, 2),
            ("\"\\ud800\"", 1, 2),
            ("\"a\nb\"", 1, 1),
            ("{\"a\": [1,", 1, 10),
            ("{} {}", 1, 4),
            ("\"a\": 1", 1, 4),
            ("/* open", 1, 1),
        ] {
            assert_eq!(faults(text), [(Code::JsonSyntax, line, column)], "{text}");
        }
    }

    #[test]
    fn what_was_meant_is_read_and_every_fault_is_told() {
        let text = "{\n a: 1\n 'b': 'two',\n \"c\" 3,\n \"d\": None, \"e\": [1 2],\n \"f\": \"\\x\", \"g\": 007,\n}\n{\"h\": nope}";
        let places: Vec<_> = faults(text).into_iter().map(|(_, line, column)| (line, column)).collect();
        let expected =
            [(2, 2), (2, 6), (3, 2), (3, 7), (4, 6), (5, 7), (5, 20), (6, 8), (6, 18), (6, 21), (8, 1), (8, 7)];
        assert_eq!(places, expected);
        let value = read_text(text).0.map(|node| node.value());
        let wanted =
            serde_json::json!({"a": 1, "b": "two", "c": 3, "d": null, "e": [1, 2], "f": "\u{fffd}x", "g": null});
        assert_eq!(value, Some(wanted));
    }

    #[test]
    fn members_without_braces_are_read_as_an_object() {
        let text = "\"a\": {\"b\": 1},\n\"c\": nope,\n";
        assert_eq!(faults(text), [(Code::JsonSyntax, 1, 4), (Code::JsonSyntax, 2, 6)]);
        assert_eq!(read_text(text).0.map(|node| node.value()), Some(serde_json::json!({"a": {"b": 1}, "c": "nope"})));
    }

    #[test]
    fn nothing_at_all_is_said_to_be_empty() {
        assert_eq!(faults(" \n"), [(Code::FileEmpty, 2, 1)]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "[\\[\\]{}:,'\"a1\\\\ue\\- /*\n\u{e9}\0]{0,60}") {
            let source = Source::new("f.json", text.into_bytes()).unwrap_or_else(|finding| panic!("{finding:?}"));
            let (node, findings) = read(&source);
            assert!(node.is_some() || findings.iter().any(Finding::is_error));
            if let (Some(node), true) = (node, findings.is_empty()) {
                let known: Value = serde_json::from_str(source.text()).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(node.value(), known);
            }
        }
    }

    #[test]
    fn deep_nesting_is_a_finding_and_no_crash() {
        let text = "[".repeat(10_000);
        assert_eq!(faults(&text), [(Code::JsonTooDeep, 1, 129)]);
        let text = format!("{}1{}", "[".repeat(128), "]".repeat(128));
        assert_eq!(faults(&text), []);
    }
}
