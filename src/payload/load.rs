//! A payload from a file.

use serde_json::{Map, Value};

use crate::model::{Code, Finding, Findings, Secrets};
use crate::text::json::Node;
use crate::text::{Source, json};

/// A payload as it was read.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The payload, with the place of each value.
    pub node: Node,
    /// What is worth saying of the file although it can be used, such as a byte-order mark.
    pub findings: Findings,
}

impl Loaded {
    /// The event that the payload says it is of.
    pub fn event(&self) -> Option<&str> {
        self.node.get("event").and_then(Node::as_str)
    }

    /// The payload without places.
    pub fn value(&self) -> Value {
        self.node.value()
    }
}

/// Reads the one payload that `source` holds; `limit` is the largest that the platform sends, in bytes of compact JSON.
///
/// # Errors
/// Findings where the text is not JSON, is not an object, or is larger than `limit`.
pub fn load(source: &Source, limit: usize) -> Result<Loaded, Findings> {
    let (node, mut findings) = json::read(source);
    let Some(node) = node else { return Err(findings) };
    if node.members().is_none() {
        let what = format!("a payload is an object, this is {}", node.kind_name());
        let hint = match node.items() {
            Some([_]) => Some("take the brackets off"),
            Some([_, ..]) => Some("one file holds one payload: put each into a file of its own"),
            _ => None,
        };
        let start = node.range.start;
        let place = json::place_at(source, start..start + 1, "");
        findings.push(Finding::new(Code::WrongShape, what).at(place).maybe_hint(hint.map(str::to_owned)));
    } else if let Some(size) = oversize(source, &node, limit) {
        let what = format!(
            "the payload has {} KiB as compact JSON, the platform sends at most {}",
            size.div_ceil(1024),
            limit / 1024
        );
        findings.push(Finding::new(Code::FileTooLarge, what).in_file(source.file()));
    }
    if findings.iter().any(Finding::is_error) { Err(findings) } else { Ok(Loaded { node, findings }) }
}

/// Installation parameters belong to the app: a payload without them gets them, and where an earlier output masked a secret,
/// the true value is put back.
pub fn complete(payload: &mut Value, iparams: &Map<String, Value>) {
    let Some(members) = payload.as_object_mut() else { return };
    let own = members.entry("iparams").or_insert_with(|| Value::Object(iparams.clone()));
    for (name, value) in own.as_object_mut().into_iter().flatten() {
        if value == Secrets::MASK
            && let Some(known) = iparams.get(name)
        {
            *value = known.clone();
        }
    }
}

/// The payload's size as the platform would send it, where that is too large. Blanks in the file do not count.
fn oversize(source: &Source, node: &Node, limit: usize) -> Option<usize> {
    if source.text().len() <= limit {
        return None;
    }
    Some(node.value().to_string().len()).filter(|size| *size > limit)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::load;
    use crate::model::Code;
    use crate::schema::LARGEST_PAYLOAD;
    use crate::text::Source;

    fn codes(text: &str) -> Vec<Code> {
        let source = Source::new("p.json", text.as_bytes().to_vec()).unwrap();
        match load(&source, LARGEST_PAYLOAD) {
            Ok(loaded) => loaded.findings.iter().map(|finding| finding.code).collect(),
            Err(findings) => findings.iter().map(|finding| finding.code).collect(),
        }
    }

    #[test]
    fn what_is_no_payload_says_why() {
        assert_eq!(codes(""), [Code::FileEmpty]);
        assert_eq!(codes("[{}]"), [Code::WrongShape]);
        assert_eq!(codes("7"), [Code::WrongShape]);
        assert_eq!(codes("{\"a\":"), [Code::JsonSyntax]);
        assert_eq!(codes("\u{feff}{}"), [Code::ByteOrderMark]);
        assert_eq!(codes("{}"), []);
    }

    #[test]
    fn a_payload_is_as_large_as_the_platform_sends() {
        let text = format!("{{\"a\": \"{}\"}}", "x".repeat(300 * 1024));
        assert_eq!(codes(&text), [Code::FileTooLarge]);
        let blanks = format!("{{{}}}", " ".repeat(300 * 1024));
        assert_eq!(codes(&blanks), []);
    }

    #[test]
    fn the_event_is_told_by_the_payload() {
        let source = Source::new("p.json", b"{\"event\": \"onUserCreate\"}".to_vec()).unwrap();
        assert_eq!(load(&source, LARGEST_PAYLOAD).unwrap().event(), Some("onUserCreate"));
    }
}
