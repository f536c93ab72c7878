//! YAML 1.2 read into the same values as JSON, with the place of every value and key.
//!
//! Only what JSON can say is taken, by the core schema of YAML 1.2: `no` and `2026-01-31` are texts. Anchors and aliases are
//! followed; tags beyond the core schema, keys that are no text, and second documents are findings.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::Number;

use super::Source;
use super::json::{Kind, Member, Node};
use crate::model::{Code, Finding, Findings};

/// How many sequences and mappings may lie within each other, as in JSON.
const DEEPEST: usize = 128;

/// How many values aliases may add up to: a few lines of them can stand for more than any memory holds.
const MOST_VALUES: usize = 100_000;

/// Reads `source` as one YAML document.
///
/// The value is there whenever the text could be understood, even if findings say what is wrong in it; it is absent only
/// where there is at least one finding of severity error.
pub fn read(source: &Source) -> (Option<Node>, Findings) {
    let mut reader = Reader::new(source);
    if let Err(finding) = reader.read() {
        reader.findings.push(*finding);
        return (None, reader.findings);
    }
    if reader.root.is_none() && reader.findings.is_empty() {
        let empty = Finding::new(Code::FileEmpty, "the file is empty, a YAML document was expected");
        reader.findings.push(empty.at(source.place(0..0)));
    }
    (reader.root, reader.findings)
}

type Read<T> = Result<T, Box<Finding>>;

/// A sequence or mapping that has not ended.
struct Open {
    start: usize,
    anchor: usize,
    kind: Kind,
    /// The key whose value comes next.
    key: Option<(String, Range<usize>)>,
}

struct Reader<'s> {
    source: &'s Source,
    /// Where each character begins; empty where that is its number.
    offsets: Vec<usize>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    documents: usize,
    values: usize,
    findings: Findings,
}

impl<'s> Reader<'s> {
    fn new(source: &'s Source) -> Self {
        let text = source.text();
        let offsets = if text.is_ascii() { Vec::new() } else { text.char_indices().map(|(at, _)| at).collect() };
        Self {
            source,
            offsets,
            open: Vec::new(),
            anchors: HashMap::new(),
            root: None,
            documents: 0,
            values: 0,
            findings: Vec::new(),
        }
    }

    fn read(&mut self) -> Read<()> {
        for event in Parser::new_from_str(self.source.text()) {
            match event {
                Ok((event, span)) => self.take(event, self.range(span))?,
                Err(error) => {
                    let at = self.offset(error.marker().index());
                    let what = format!("this is not YAML: {}", error.info());
                    let (before, after) = self.source.text().split_at(at);
                    let indent = before.rsplit('\n').next().unwrap_or_default();
                    let has_tab = after.starts_with('\t') || (indent.trim().is_empty() && indent.contains('\t'));
                    let hint = has_tab.then(|| "indent by blanks: YAML takes no tabs there".to_owned());
                    return Err(self.fault(what, at..at).maybe_hint(hint).into());
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, event: Event<'_>, range: Range<usize>) -> Read<()> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let finding = self.fault("a second document begins here, one was expected", range);
                    return Err(finding.hint("put each into a file of its own").into());
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let kind = self.scalar(&text, style, tag.as_deref(), &range);
                self.value(Node { range, kind }, anchor)
            }
            Event::SequenceStart(anchor, tag) => self.begin(Kind::Array(Vec::new()), anchor, tag.as_deref(), range),
            Event::MappingStart(anchor, tag) => self.begin(Kind::Object(Vec::new()), anchor, tag.as_deref(), range),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { start, anchor, kind, .. }) => {
                    let end = last_end(&kind).unwrap_or(start).max(range.end.min(self.source.text().len()));
                    let end = start + self.source.text()[start..end.max(start)].trim_end().len();
                    self.value(Node { range: start..end, kind }, anchor)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => {
                    let node = Node { range, ..node.clone() };
                    self.values += size(&node);
                    if self.values > MOST_VALUES {
                        let what = format!("its aliases stand for more than {MOST_VALUES} values");
                        return Err(self.fault(what, node.range).into());
                    }
                    self.value(node, 0)
                }
                None => Err(self.fault("this alias stands within what it is an alias of", range).into()),
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, kind: Kind, anchor: usize, tag: Option<&Tag>, range: Range<usize>) -> Read<()> {
        if self.open.len() >= DEEPEST {
            let what = format!("this is nested deeper than {DEEPEST} levels");
            return Err(Finding::new(Code::JsonTooDeep, what).at(self.source.place(range)).into());
        }
        if let Some(tag) = tag.filter(|tag| !(tag.is_yaml_core_schema() && matches!(&*tag.suffix, "map" | "seq"))) {
            let finding = self.fault(format!("the tag `{tag}` means nothing here"), range.clone());
            self.findings.push(finding);
        }
        self.open.push(Open { start: range.start, anchor, kind, key: None });
        Ok(())
    }

    /// A value is complete: it belongs to what is open, or is the whole.
    fn value(&mut self, node: Node, anchor: usize) -> Read<()> {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.kind {
            Kind::Array(items) => items.push(node),
            Kind::Object(members) => match open.key.take() {
                Some((key, key_range)) => {
                    if let Some(first) = members.iter().find(|member| member.key == key) {
                        let line = self.source.position(first.key_range.start).line;
                        let what =
                            format!("the key `{key}` is there already, in line {line}; only the last one counts");
                        let finding = Finding::new(Code::DuplicateKey, what).hint("remove one of the two");
                        self.findings.push(finding.at(self.source.place(key_range.clone())));
                    }
                    members.push(Member { key, key_range, value: node });
                }
                None => {
                    // `1: x` has the key that JSON would write as "1".
                    let Some(key) = key_text(&node.kind, &self.source.text()[node.range.clone()]) else {
                        let what = format!("a key was expected to be a text, this is {}", node.kind_name());
                        return Err(self.fault(what, node.range).into());
                    };
                    open.key = Some((key, node.range));
                }
            },
            _ => {}
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, range: &Range<usize>) -> Kind {
        let is_text = match tag {
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => true,
            Some(tag) if tag.is_yaml_core_schema() => false,
            Some(tag) => {
                let finding = self.fault(format!("the tag `{tag}` means nothing here"), range.clone());
                self.findings.push(finding);
                true
            }
            None => style != ScalarStyle::Plain,
        };
        if is_text {
            return Kind::String(text.to_owned());
        }
        match plain(text) {
            Some(kind) => kind,
            None => {
                let what = format!("JSON has no number `{text}`");
                let finding = self.fault(what, range.clone()).hint("put it in quotes where a text is meant");
                self.findings.push(finding);
                Kind::Null
            }
        }
    }

    fn fault(&self, what: impl Into<String>, range: Range<usize>) -> Finding {
        Finding::new(Code::YamlSyntax, what).at(self.source.place(range))
    }

    fn range(&self, span: Span) -> Range<usize> {
        let start = self.offset(span.start.index());
        start..self.offset(span.end.index()).max(start)
    }

    fn offset(&self, character: usize) -> usize {
        let end = self.source.text().len();
        if self.offsets.is_empty() { character.min(end) } else { self.offsets.get(character).copied().unwrap_or(end) }
    }
}

/// A plain scalar by the core schema (YAML 1.2.2, section 10.3.2); `None` for a number that JSON does not have.
fn plain(text: &str) -> Option<Kind> {
    let radix = |digits: &str, radix| i64::from_str_radix(digits, radix).ok().map(|n| Kind::Number(n.into()));
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" => Kind::Bool(true),
        "false" | "False" | "FALSE" => Kind::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return None,
        _ if matches!(text.trim_start_matches(['-', '+']), ".inf" | ".Inf" | ".INF") => return None,
        _ if text.starts_with("0x") => radix(&text[2..], 16).unwrap_or_else(|| Kind::String(text.to_owned())),
        _ if text.starts_with("0o") => radix(&text[2..], 8).unwrap_or_else(|| Kind::String(text.to_owned())),
        _ => number(text).map_or_else(|| Kind::String(text.to_owned()), Kind::Number),
    })
}

fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let begins = digits.starts_with(|c: char| c.is_ascii_digit())
        || digits.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if !begins || !digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-')) {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    text.parse::<u64>().map(Number::from).ok().or_else(|| Number::from_f64(text.parse().ok()?))
}

fn key_text(kind: &Kind, written: &str) -> Option<String> {
    match kind {
        Kind::String(text) => Some(text.clone()),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) => Some(written.to_owned()),
        Kind::Array(_) | Kind::Object(_) => None,
    }
}

fn last_end(kind: &Kind) -> Option<usize> {
    match kind {
        Kind::Array(items) => items.last().map(|item| item.range.end),
        Kind::Object(members) => members.last().map(|member| member.value.range.end),
        _ => None,
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::Array(items) => items.iter().map(size).sum(),
        Kind::Object(members) => members.iter().map(|member| size(&member.value)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read_text(text: &str) -> (Option<Value>, Vec<String>) {
        let source = Source::new("a.yaml", text.as_bytes().to_vec()).unwrap();
        let (node, findings) = read(&source);
        let told = findings.iter().map(|finding| {
            let start = finding.place.span.unwrap().start;
            format!("{} {}:{}", finding.code.name(), start.line, start.column)
        });
        (node.map(|node| node.value()), told.collect())
    }

    #[test]
    fn values_are_those_of_the_core_schema() {
        let text =
            "a: no\nb: 2026-01-31\nc: [1, -2.5, 0x1f, 1e3, ~, true]\nd: '1'\ne: |\n  two\n  lines\n1: x\n+3: y\n";
        let value = json!({
            "a": "no", "b": "2026-01-31", "c": [1, -2.5, 31, 1000.0, null, true], "d": "1", "e": "two\nlines\n",
            "1": "x", "+3": "y"
        });
        assert_eq!(read_text(text), (Some(value), Vec::new()));
    }

    #[test]
    fn json_is_yaml() {
        let value = json!({ "a": [1, { "b": "\u{e9}" }], "c": {} });
        assert_eq!(read_text(&value.to_string()), (Some(value), Vec::new()));
    }

    #[test]
    fn each_value_and_key_has_its_place() {
        let source = Source::new("a.yaml", "\u{e9}: x\nlist:\n  - {b: two}\n  - 3\n".as_bytes().to_vec()).unwrap();
        let node = read(&source).0.unwrap();
        let text = |pointer: &str| &source.text()[node.at(pointer).unwrap().range.clone()];
        assert_eq!(
            (text("/\u{e9}"), text("/list/0"), text("/list/0/b"), text("/list/1")),
            ("x", "{b: two}", "two", "3")
        );
        assert_eq!(text("/list"), "- {b: two}\n  - 3");
        assert_eq!(&source.text()[node.key_range("/list").unwrap()], "list");
    }

    #[test]
    fn what_json_cannot_say_is_told_at_its_place() {
        let cases = [
            ("a: .nan\nb: !new 1", "yaml-syntax 1:4, yaml-syntax 2:4"),
            ("a: 1\na: 2", "duplicate-key 2:1"),
            ("[1]: 2", "yaml-syntax 1:1"),
            ("a: 1\n---\nb: 2", "yaml-syntax 2:1"),
            ("a: [1\nb", "yaml-syntax"),
            ("", "file-empty 1:1"),
        ];
        for (text, told) in cases {
            let found = read_text(text).1.join(", ");
            assert!(found.starts_with(told), "{text}: {found}");
        }
    }

    #[test]
    fn aliases_are_followed_and_bounded() {
        let (value, told) = read_text("a: &x {n: 1}\nb: *x");
        assert_eq!((value, told), (Some(json!({ "a": { "n": 1 }, "b": { "n": 1 } })), Vec::new()));
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let items = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        assert_eq!(read_text(&text).1.len(), 1);
        assert_eq!(read_text(&"[".repeat(200)).1, ["json-too-deep 1:129"]);
    }
}
