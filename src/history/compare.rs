//! Two deliveries side by side: what the one has and the other has not.

use serde::Serialize;
use serde_json::Value;

use super::recorded::{Called, Logged, Recorded};
use crate::text::json::escape_token;

/// What differs between two deliveries.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// Where the payloads differ.
    pub payload: Vec<Change>,
    /// The outcomes, where they differ: event and addressee too, where those do.
    pub outcome: Option<(String, String)>,
    /// The logs of both, line by line; empty where they are the same.
    pub logs: Vec<Line>,
    /// The calls of both, in order; empty where they are the same.
    pub calls: Vec<Line>,
    /// What the platform found, in both; empty where it is the same.
    pub findings: Vec<Line>,
}

/// A place in the payload where the two differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Its JSON Pointer.
    pub pointer: String,
    /// What the first has there.
    pub before: Option<Value>,
    /// What the second has there.
    pub after: Option<Value>,
}

/// One entry of the two lists taken together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Who has it.
    pub side: Side,
    /// The entry as text; may hold line ends and control characters.
    pub text: String,
}

/// Who has an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Both.
    Both,
    /// Only the first.
    Gone,
    /// Only the second.
    New,
}

impl Comparison {
    /// Whether nothing differs.
    pub fn is_same(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the handler did the same: all but the payload is alike.
    pub fn did_the_same(&self) -> bool {
        self.outcome.is_none() && self.logs.is_empty() && self.calls.is_empty() && self.findings.is_empty()
    }
}

/// What differs between two deliveries. How long they took does not count.
pub fn compare(first: &Recorded, second: &Recorded) -> Comparison {
    let mut payload = Vec::new();
    if first.payload.get() != second.payload.get() {
        let value = |recorded: &Recorded| serde_json::from_str(recorded.payload.get()).unwrap_or_default();
        differences("", Some(&value(first)), Some(&value(second)), &mut payload);
    }
    let identity = |recorded: &Recorded| {
        (
            recorded.event.clone(),
            recorded.to.clone(),
            recorded.outcome.clone(),
            recorded.held,
            recorded.platform.clone(),
        )
    };
    let outcome = (identity(first) != identity(second)).then(|| outcomes(first, second));
    let logs = |recorded: &Recorded| recorded.logs.iter().map(log_text).collect::<Vec<_>>();
    let calls = |recorded: &Recorded| recorded.calls.iter().map(call_text).collect::<Vec<_>>();
    let findings = |recorded: &Recorded| recorded.findings.iter().map(finding_text).collect::<Vec<_>>();
    Comparison {
        payload,
        outcome,
        logs: lines(&logs(first), &logs(second)),
        calls: lines(&calls(first), &calls(second)),
        findings: lines(&findings(first), &findings(second)),
    }
}

/// The outcomes in words that differ.
fn outcomes(first: &Recorded, second: &Recorded) -> (String, String) {
    let mut both = [first, second].map(Recorded::said);
    if first.outcome != second.outcome && both[0] == both[1] {
        // The same in short: the place of what was thrown, or what a server answered.
        both = [first, second].map(|recorded| recorded.outcome.to_string());
    }
    let [before, after] = both;
    let fired = |recorded: &Recorded| format!("{} -> {}", recorded.event, recorded.addressee());
    if fired(first) == fired(second) && first.to == second.to && first.platform == second.platform {
        return (before, after);
    }
    let runtime = |recorded: &Recorded| recorded.to.get("runtime").and_then(Value::as_str).unwrap_or("?").to_owned();
    let whole = |recorded: &Recorded, said: String| {
        format!("{} ({}, {}): {said}", fired(recorded), runtime(recorded), recorded.platform_told())
    };
    (whole(first, before), whole(second, after))
}

/// A logged line, as text.
pub(super) fn log_text(logged: &Logged) -> String {
    format!("{:>6}  {}", logged.level, logged.text.strip_suffix('\n').unwrap_or(&logged.text))
}

/// A call, as text; how long it took is not part of it.
pub(super) fn call_text(called: &Called) -> String {
    let status = if called.status == "fulfilled" { "->" } else { "rejected" };
    format!("{} {} {status} {}", called.name, called.args, called.answer)
}

fn finding_text(finding: &Value) -> String {
    let text = |key| finding.get(key).and_then(Value::as_str).unwrap_or_default();
    format!("{}[{}]: {}", text("severity"), text("code"), text("message"))
}

fn differences(pointer: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Change>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let new = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(new) {
                differences(&format!("{pointer}/{}", escape_token(key)), a.get(key), b.get(key), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for at in 0..a.len().max(b.len()) {
                differences(&format!("{pointer}/{at}"), a.get(at), b.get(at), found);
            }
        }
        (before, after) => {
            found.push(Change { pointer: pointer.to_owned(), before: before.cloned(), after: after.cloned() });
        }
    }
}

/// The two lists as one, by their longest common subsequence; empty where they are the same.
fn lines(first: &[String], second: &[String]) -> Vec<Line> {
    if first == second {
        return Vec::new();
    }
    let start = first.iter().zip(second).take_while(|(a, b)| a == b).count();
    let (a, b) = (&first[start..], &second[start..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - end], &b[..b.len() - end]);
    let line = |side| move |text: &String| Line { side, text: text.clone() };
    let mut all: Vec<Line> = first[..start].iter().map(line(Side::Both)).collect();
    // `common[i][j]`: how much `a` from `i` on and `b` from `j` on have in common.
    let mut common = vec![vec![0_u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] = if a[i] == b[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            all.push(line(Side::Both)(&a[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < a.len() && (j == b.len() || common[i + 1][j] >= common[i][j + 1]) {
            all.push(line(Side::Gone)(&a[i]));
            i += 1;
        } else {
            all.push(line(Side::New)(&b[j]));
            j += 1;
        }
    }
    all.extend(first[first.len() - end..].iter().map(line(Side::Both)));
    all
}

#[cfg(test)]
mod tests {
    use super::{Side, lines};

    #[test]
    fn lists_are_merged_by_what_they_have_in_common() {
        let list = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        let merged = |a: &str, b: &str| {
            let sign = |side| match side {
                Side::Both => ' ',
                Side::Gone => '-',
                Side::New => '+',
            };
            lines(&list(a), &list(b)).iter().map(|line| format!("{}{}", sign(line.side), line.text)).collect::<String>()
        };
        assert_eq!(merged("abc", "abc"), "");
        assert_eq!(merged("abc", "axc"), " a-b+x c");
        assert_eq!(merged("", "ab"), "+a+b");
        assert_eq!(merged("ab", ""), "-a-b");
        assert_eq!(merged("abab", "ab"), " a b-a-b");
        assert_eq!(merged("xaybz", "ab"), "-x a-y b-z");
    }
}
