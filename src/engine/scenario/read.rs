//! A scenario's file read, and made ready to be played: every fault of it at once, each at its place.

use std::path::Path;

use serde_json::{Map, Value};

use super::Scenario;
use super::checks;
use super::matrix::cells;
use super::reader::Reader;
use crate::app::App;
use crate::model::{Code, Finding, Findings, Severity};
use crate::schema::Schemas;
use crate::text::json::{self, Node};
use crate::text::{Source, printable_line, yaml};

/// How the names of scenarios' files end.
const ENDINGS: [&str; 3] = [".scenario.yaml", ".scenario.yml", ".scenario.json"];

/// Whether a file of that name holds a scenario.
pub fn is_scenario(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Makes the scenarios in `source` ready to be played at `app`: one, or one for each cell of its matrix. `path` is where its
/// file is, which payloads are named from.
///
/// # Errors
/// Every fault, where at least one is an error.
pub fn read(schemas: &Schemas, app: &App, source: Source, path: &Path) -> Result<Vec<Scenario>, Findings> {
    let (scenarios, findings) = prepare(schemas, Some(app), &source, path);
    if findings.iter().any(Finding::is_error) { Err(findings) } else { Ok(scenarios) }
}

/// Every fault of the scenario in `source`; without an app, those that do not depend on one.
pub fn check(schemas: &Schemas, app: Option<&App>, source: &Source, path: &Path) -> Findings {
    prepare(schemas, app, source, path).1
}

fn prepare(schemas: &Schemas, app: Option<&App>, source: &Source, path: &Path) -> (Vec<Scenario>, Findings) {
    let (node, mut findings) = yaml::read(source);
    // A finding shows lines of the file, and what is secret may stand there.
    let own = node.as_ref().and_then(|node| node.get("iparams")).map(as_map).unwrap_or_default();
    let secrets = app.and_then(|app| app.iparams_with(None, &[], &own).ok()).map(|iparams| iparams.secrets);
    let scenarios = node.map(|node| scenarios(schemas, app, (source, &node), path, &mut findings)).unwrap_or_default();
    if let Some(secrets) = secrets {
        findings.iter_mut().for_each(|finding| finding.mask(&secrets));
    }
    (scenarios, findings)
}

fn scenarios(
    schemas: &Schemas,
    app: Option<&App>,
    (source, node): (&Source, &Node),
    path: &Path,
    findings: &mut Findings,
) -> Vec<Scenario> {
    json::add_unsaid(findings, schemas.check("scenario", node, source));
    suggest(findings);
    checks::expectations(source, node, findings);
    // Of who acts and when the rest depends; of what is expected nothing does.
    let is_of_expectations = |finding: &Finding| {
        let pointer = finding.place.pointer.as_deref().unwrap_or_default();
        pointer.starts_with("/always/") || (pointer.starts_with("/steps/") && pointer.contains("/expect/"))
    };
    if findings.iter().any(|finding| finding.is_error() && !is_of_expectations(finding)) {
        return Vec::new();
    }
    let cells = cells(node, source, findings);
    let Some(app) = app else { return Vec::new() };
    let mut scenarios = Vec::new();
    for cell in &cells {
        let mut reader = Reader { schemas, app, source, node, path, cell, ids: Vec::new(), findings: Vec::new() };
        scenarios.extend(reader.scenario());
        for finding in reader.findings {
            let is_told = findings.iter().any(|told| told.place == finding.place && told.message == finding.message);
            if is_told {
                continue;
            }
            let suffix = cell.suffix();
            let of_cell = (!scenarios.is_empty() && !suffix.is_empty()).then(|| format!("in the cell{suffix}"));
            findings.push(finding.maybe_hint(of_cell));
        }
    }
    scenarios
}

/// What the schema says of a key that it does not know, in the words of a scenario, and with the key that was meant.
fn suggest(findings: &mut Findings) {
    // Two findings are about one slip: that the key must not be there, and the names that might be meant.
    let notes: Vec<Finding> =
        findings.iter().filter(|finding| finding.code == Code::UnknownAttribute).cloned().collect();
    findings.retain(|finding| finding.code != Code::UnknownAttribute);
    for note in notes {
        let same = findings.iter_mut().find(|finding| finding.place.pointer == note.place.pointer);
        let finding = match same {
            Some(finding) => finding,
            None => {
                findings.push(note.clone());
                let Some(last) = findings.last_mut() else { continue };
                last
            }
        };
        let key = note.place.pointer.as_deref().and_then(|pointer| pointer.rsplit('/').next()).unwrap_or_default();
        finding.code = Code::BadScenario;
        finding.severity = Severity::Error;
        finding.message = format!("`{}` means nothing here", printable_line(&json::unescape_token(key)));
        finding.hints = note.hints;
    }
}

pub(super) fn as_map(node: &Node) -> Map<String, Value> {
    match node.value() {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
