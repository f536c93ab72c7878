//! SARIF 2.1.0, which code scanning services read: one log of one run, written when the check is over.
//!
//! Format: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>. Section numbers below are its.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::Reporter;
use super::explanations::{explanation, section};
use super::place::{end_column, folder_uri, uri};
use crate::model::{Code, Excerpt, Finding, RunEvent, Span, Verdict};
use crate::text::printable_json;

/// What relative URIs are relative to; the customary name.
const BASE: &str = "%SRCROOT%";

/// The published schema that the log names.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Writes the findings of a check as a SARIF log.
pub struct Sarif<W> {
    out: W,
    base: PathBuf,
    version: String,
    command: String,
    files: Vec<String>,
    results: Vec<Value>,
    /// The rules that were broken, by code, and their place in `tool.driver.rules`.
    rules: BTreeMap<Code, usize>,
    exit_code: Option<u8>,
}

impl<W: Write> Sarif<W> {
    /// Writes to `out`. `base` is the current folder, absolute.
    pub fn new(out: W, base: &Path) -> Self {
        Self {
            out,
            base: base.to_path_buf(),
            version: String::new(),
            command: String::new(),
            files: Vec::new(),
            results: Vec::new(),
            rules: BTreeMap::new(),
            exit_code: None,
        }
    }

    fn add(&mut self, finding: &Finding) {
        let next = self.rules.len();
        let index = *self.rules.entry(finding.code).or_insert(next);
        let mut message = finding.message.clone();
        for hint in &finding.hints {
            message.push_str("\nhint: ");
            message.push_str(hint);
        }
        let mut result = json!({
            "ruleId": finding.code.name(),
            "ruleIndex": index,
            "level": finding.severity.name(),
            "message": { "text": message },
        });
        if let Some(location) = self.location(finding) {
            result["locations"] = json!([location]);
        }
        self.results.push(result);
    }

    /// § 3.28: where it is, as a stretch of text and as a JSON Pointer.
    fn location(&self, finding: &Finding) -> Option<Value> {
        let place = &finding.place;
        let mut location = Map::new();
        if let Some(file) = &place.file {
            let mut physical = json!({ "artifactLocation": self.artifact(file) });
            if let Some(span) = place.span {
                physical["region"] = region(span, place.excerpt.as_ref());
                if let Some(context) = context_region(span, place.excerpt.as_ref()) {
                    physical["contextRegion"] = context;
                }
            }
            location.insert("physicalLocation".to_owned(), physical);
        }
        if let Some(pointer) = place.pointer.as_deref().filter(|pointer| !pointer.is_empty()) {
            let name = pointer.rsplit('/').next().unwrap_or("").replace("~1", "/").replace("~0", "~");
            let logical = json!([{ "name": name, "fullyQualifiedName": pointer, "kind": "value" }]);
            location.insert("logicalLocations".to_owned(), logical);
        }
        (!location.is_empty()).then_some(Value::Object(location))
    }

    /// § 3.4: the file, relative to the current folder where it is in there.
    fn artifact(&self, file: &Path) -> Value {
        if file.as_os_str() == "-" {
            // Readers want a URI. This one is of no file, and nobody makes a link of it.
            return json!({ "uri": "stdin", "description": { "text": "standard input" } });
        }
        match uri(&self.base, file) {
            (uri, true) => json!({ "uri": uri, "uriBaseId": BASE }),
            (uri, false) => json!({ "uri": uri }),
        }
    }

    fn log(&self) -> Value {
        let mut rules: Vec<(Code, usize)> = self.rules.iter().map(|(&code, &index)| (code, index)).collect();
        rules.sort_by_key(|&(_, index)| index);
        let artifacts: Vec<Value> =
            self.files.iter().map(|file| json!({ "location": self.artifact(Path::new(file)) })).collect();
        // An end that nobody told of is no good end.
        let exit_code = self.exit_code.unwrap_or(Verdict::Machine.exit_code());
        json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "simctl",
                    "version": self.version,
                    "semanticVersion": self.version,
                    "rules": rules.into_iter().map(|(code, _)| rule(code)).collect::<Vec<_>>(),
                }},
                "invocations": [{
                    "commandLine": self.command,
                    "executionSuccessful": exit_code <= Verdict::Problems.exit_code(),
                    "exitCode": exit_code,
                }],
                "originalUriBaseIds": { BASE: { "uri": folder_uri(&self.base) } },
                "columnKind": "unicodeCodePoints",
                "artifacts": artifacts,
                "results": self.results,
            }],
        })
    }
}

impl<W: Write> Reporter for Sarif<W> {
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()> {
        match event {
            RunEvent::CheckStarted { version, command } | RunEvent::RunStarted { version, command, .. } => {
                self.version.clone_from(version);
                self.command.clone_from(command);
            }
            RunEvent::Found { finding } => self.add(finding),
            RunEvent::FileChecked { file } => self.files.push(file.clone()),
            RunEvent::CheckFinished { exit_code, .. } | RunEvent::RunFinished { exit_code, .. } => {
                self.exit_code = Some(*exit_code);
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        let log = self.log();
        let text = serde_json::to_string_pretty(&log)?;
        self.out.write_all(printable_json(&text).as_bytes())?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

/// § 3.49: what the code means.
fn rule(code: Code) -> Value {
    let page = explanation(code);
    let means = Some(section(page, "What it means")).filter(|text| !text.is_empty()).unwrap_or(code.meaning());
    let markdown = if page.is_empty() { code.meaning() } else { page };
    json!({
        "id": code.name(),
        "name": pascal(code.name()),
        "shortDescription": { "text": code.meaning() },
        "fullDescription": { "text": means },
        "help": { "text": markdown, "markdown": markdown },
        "defaultConfiguration": { "level": code.severity().name() },
    })
}

/// `unknown-event` as `UnknownEvent`, the form that rule names have.
fn pascal(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(word).collect()
}

/// § 3.30: the stretch itself, with its text where it is on one line.
fn region(span: Span, excerpt: Option<&Excerpt>) -> Value {
    let mut region = json!({
        "startLine": span.start.line,
        "startColumn": span.start.column,
        "endLine": span.end.line,
        "endColumn": if span.start.line == span.end.line { end_column(span) } else { span.end.column },
    });
    if let Some(line) = excerpt.and_then(|excerpt| excerpt.lines.last()).filter(|_| span.start.line == span.end.line) {
        let width = end_column(span) - span.start.column;
        let text: String = line.chars().skip(span.start.column as usize - 1).take(width as usize).collect();
        if !text.is_empty() {
            region["snippet"] = json!({ "text": text });
        }
    }
    region
}

/// § 3.29.5: the lines round the stretch, which must hold all of it.
fn context_region(span: Span, excerpt: Option<&Excerpt>) -> Option<Value> {
    let excerpt = excerpt.filter(|excerpt| span.start.line == span.end.line && !excerpt.lines.is_empty())?;
    Some(json!({
        "startLine": excerpt.first_line,
        "endLine": span.end.line,
        "snippet": { "text": excerpt.lines.join("\n") },
    }))
}
