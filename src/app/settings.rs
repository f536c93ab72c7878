//! `simctl.json`: which findings are errors, which are warnings, and which are left out; how much is kept of what was fired.

use std::path::Path;
use std::time::Duration;

use crate::model::{Code, Finding, Findings, Severity};
use crate::schema::Schemas;
use crate::text::json::{self, Kind, Member, Node, escape_token, place_at};
use crate::text::{Source, list, nearest};

/// The word that means every warning.
const WARNINGS: &str = "warnings";
/// The keys of the file, and those of `validate`.
const KEYS: [&str; 3] = ["$schema", "validate", "history"];
const VALIDATE_KEYS: [&str; 3] = ["deny", "warn", "allow"];
const HISTORY_KEYS: [&str; 4] = ["keep", "count", "days", "mebibytes"];

/// What becomes of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// It is an error.
    Deny,
    /// It is a warning.
    Warn,
    /// It is not told.
    Allow,
}

/// One rule about findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// What becomes of them.
    pub level: Level,
    /// Findings of this code; without one, all that are warnings.
    pub code: Option<Code>,
}

/// Rules in order: of two that speak of a finding, the later wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules(pub Vec<Rule>);

impl Rule {
    /// Reads the name of a code, or `warnings` where that is denied.
    ///
    /// # Errors
    /// A finding with the nearest code, where there is no such code.
    pub fn new(level: Level, name: &str) -> Result<Self, Box<Finding>> {
        if name == WARNINGS && level == Level::Deny {
            return Ok(Self { level, code: None });
        }
        match Code::ALL.iter().find(|code| code.name() == name) {
            Some(code) => Ok(Self { level, code: Some(*code) }),
            None => Err(Box::new(unknown_code(name))),
        }
    }
}

impl Rules {
    /// The finding as the rules have it, or `None` where it is not to be told.
    pub fn apply(&self, mut finding: Finding) -> Option<Finding> {
        let mut is_told = true;
        for Rule { level, code } in &self.0 {
            match code {
                Some(code) if *code != finding.code => continue,
                None if finding.severity != Severity::Warning => continue,
                _ => {}
            }
            match level {
                Level::Deny => finding.severity = Severity::Error,
                Level::Warn => finding.severity = Severity::Warning,
                Level::Allow => {}
            }
            // `--deny warnings` does not bring back what was allowed by name.
            if code.is_some() {
                is_told = *level != Level::Allow;
            }
        }
        is_told.then_some(finding)
    }
}

/// What of an app's deliveries is kept, as its `simctl.json` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistorySettings {
    /// Whether anything is.
    pub keep: bool,
    /// How many at most.
    pub count: Option<u64>,
    /// How many bytes of them.
    pub bytes: Option<u64>,
    /// For how long.
    pub age: Option<Duration>,
}

impl Default for HistorySettings {
    fn default() -> Self {
        Self { keep: true, count: None, bytes: None, age: None }
    }
}

impl HistorySettings {
    /// Reads them from the app in `root`; nothing is checked that they do not need.
    ///
    /// # Errors
    /// Why they cannot be read, in a clause.
    pub fn read(root: &Path) -> Result<Self, String> {
        const FILE: &str = "simctl.json";
        const DAY: u64 = 24 * 60 * 60;
        let path = root.join(FILE);
        if path.symlink_metadata().is_err() {
            return Ok(Self::default());
        }
        let source =
            Source::read_as(&path, Path::new(FILE)).map_err(|finding| format!("`{FILE}`: {}", finding.message))?;
        let (node, findings) = json::read(&source);
        let Some(node) = node.filter(|_| !findings.iter().any(Finding::is_error)) else {
            return Err(format!("`{FILE}` is not JSON"));
        };
        let Some(history) = node.get("history") else { return Ok(Self::default()) };
        let keep = match history.get("keep").map(|keep| &keep.kind) {
            None => true,
            Some(Kind::Bool(keep)) => *keep,
            Some(_) => return Err(format!("`history.keep` in `{FILE}` is neither true nor false")),
        };
        let number = |name: &str| match history.get(name).map(Node::value) {
            None => Ok(None),
            Some(value) => match value.as_u64().filter(|number| (1..=1_000_000).contains(number)) {
                Some(number) => Ok(Some(number)),
                None => Err(format!("`history.{name}` in `{FILE}` is not a whole number from 1 to 1000000")),
            },
        };
        let (count, days, mebibytes) = (number("count")?, number("days")?, number("mebibytes")?);
        let age = days.map(|days| Duration::from_secs(days * DAY));
        Ok(Self { keep, count, bytes: mebibytes.map(|number| number << 20), age })
    }
}

/// The finding for a name that no code has.
fn unknown_code(name: &str) -> Finding {
    let known = Code::ALL.iter().map(|code| code.name()).chain([WARNINGS]);
    let near = nearest(name, known).map(|near| format!("did you mean `{near}`?"));
    Finding::new(Code::UnknownCode, format!("there is no code `{name}`")).maybe_hint(near)
}

/// The rules of an app's `simctl.json`, and its faults.
pub fn check_settings(schemas: &Schemas, source: &Source) -> (Rules, Findings) {
    let (node, mut findings) = json::read(source);
    let Some(node) = node else { return (Rules::default(), findings) };
    let mut reader = Reader { source, findings: Vec::new(), rules: Vec::new() };
    reader.keys(&node, "", &KEYS);
    if let Some(validate) = node.get("validate") {
        reader.keys(validate, "/validate", &VALIDATE_KEYS);
        reader.validate(validate);
    }
    if let Some(history) = node.get("history") {
        reader.keys(history, "/history", &HISTORY_KEYS);
    }
    findings.append(&mut reader.findings);
    let by_schema = schemas.check("simctl", &node, source);
    let rules = Rules(reader.rules);
    json::add_unsaid(&mut findings, by_schema);
    (rules, findings)
}

struct Reader<'a> {
    source: &'a Source,
    findings: Findings,
    rules: Vec<Rule>,
}

impl Reader<'_> {
    fn keys(&mut self, node: &Node, pointer: &str, known: &[&'static str]) {
        for Member { key, key_range, .. } in node.members().unwrap_or_default() {
            if known.contains(&key.as_str()) {
                continue;
            }
            let hint = nearest(key, known.iter().copied()).map_or_else(
                || format!("known here: {}", list(known.iter().copied())),
                |near| format!("did you mean `{near}`?"),
            );
            let place = place_at(self.source, key_range.clone(), &format!("{pointer}/{}", escape_token(key)));
            let what = format!("`{key}` is no setting of simctl's");
            self.findings.push(Finding::new(Code::UnknownSetting, what).at(place).hint(hint));
        }
    }

    /// Allowed before warned before denied: of a code in two lists, the graver counts.
    fn validate(&mut self, validate: &Node) {
        for Member { key, key_range, value } in validate.get("allow").and_then(Node::members).unwrap_or_default() {
            let pointer = format!("/validate/allow/{}", escape_token(key));
            match Rule::new(Level::Allow, key) {
                Err(finding) => self.findings.push(finding.at(place_at(self.source, key_range.clone(), &pointer))),
                // Without a reason nothing is silenced; the schema says so.
                Ok(rule) if value.as_str().is_some_and(|reason| !reason.trim().is_empty()) => self.rules.push(rule),
                Ok(_) => {}
            }
        }
        for (key, level) in [("warn", Level::Warn), ("deny", Level::Deny)] {
            for (index, item) in validate.get(key).and_then(Node::items).unwrap_or_default().iter().enumerate() {
                let Kind::String(name) = &item.kind else { continue };
                match Rule::new(level, name) {
                    Ok(rule) => self.rules.push(rule),
                    Err(finding) => {
                        let place = item.place(self.source, &format!("/validate/{key}/{index}"));
                        self.findings.push(finding.at(place));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use super::*;

    fn rules(all: &[(Level, &str)]) -> Rules {
        Rules(all.iter().map(|(level, name)| Rule::new(*level, name).unwrap()).collect())
    }

    fn severity(rules: &Rules, code: Code) -> Option<Severity> {
        rules.apply(Finding::new(code, "x")).map(|finding| finding.severity)
    }

    #[test]
    fn the_later_rule_wins() {
        use Level::{Allow, Deny, Warn};
        let bom = Code::ByteOrderMark;
        assert_eq!(severity(&rules(&[(Deny, "warnings")]), bom), Some(Severity::Error));
        assert_eq!(severity(&rules(&[(Deny, "warnings"), (Warn, "byte-order-mark")]), bom), Some(Severity::Warning));
        assert_eq!(severity(&rules(&[(Warn, "byte-order-mark"), (Deny, "warnings")]), bom), Some(Severity::Error));
        assert_eq!(severity(&rules(&[(Allow, "byte-order-mark"), (Deny, "warnings")]), bom), None);
        assert_eq!(
            severity(&rules(&[(Allow, "byte-order-mark"), (Warn, "byte-order-mark")]), bom),
            Some(Severity::Warning)
        );
        assert_eq!(severity(&rules(&[(Warn, "no-events")]), Code::NoEvents), Some(Severity::Warning));
        assert_eq!(severity(&rules(&[(Warn, "no-events")]), Code::NoSchema), Some(Severity::Error));
    }

    #[test]
    fn a_slip_in_the_settings_is_told_with_what_was_meant() {
        let text = r#"{"validte": {}, "validate": {"deny": ["warning"], "allow": {"no-event": "x", "bom": ""}}}"#;
        let source = Source::new("simctl.json", text.as_bytes().to_vec()).unwrap();
        let (rules, findings) = check_settings(&Schemas::embedded(), &source);
        assert_eq!(rules, Rules::default());
        let mut told: Vec<_> =
            findings.iter().map(|f| (f.code, f.place.pointer.as_deref().unwrap_or(""), f.hints.join(""))).collect();
        told.sort();
        let expected = [
            (Code::UnknownSetting, "/validte", "did you mean `validate`?"),
            (Code::UnknownCode, "/validate/allow/bom", ""),
            (Code::UnknownCode, "/validate/allow/no-event", "did you mean `no-events`?"),
            (Code::UnknownCode, "/validate/deny/0", "did you mean `warnings`?"),
        ];
        let mut expected: Vec<_> = expected.iter().map(|(c, p, h)| (*c, *p, (*h).to_owned())).collect();
        expected.sort();
        assert_eq!(told, expected);
    }
}
