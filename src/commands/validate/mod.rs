//! `simctl validate [PATH…]`: faults in manifests and payloads, found without running anything.

use std::path::{Path, PathBuf};

use super::payloads::read_stdin;
use super::{AppOptions, Context, Target};
use crate::app::App;
use crate::model::{Code, Finding, Findings, Platform, RunEvent, Severity, Verdict};
use crate::schema::Schemas;
use crate::text::{Source, json, nearest};

/// The flags of `validate`.
#[derive(Debug, Clone)]
pub struct ValidateOptions {
    /// Files and folders; the app around the current folder where there are none.
    pub paths: Vec<PathBuf>,
    /// `--as`: what the files are, whatever they look like.
    pub kind: Option<FileKind>,
    /// `--event`, for payloads that do not name theirs.
    pub event: Option<String>,
    /// `--platform`, for payloads whose envelope does not tell.
    pub platform: Option<Platform>,
    /// `--format`, as often as given.
    pub targets: Vec<Target>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A `manifest.json`.
    Manifest,
    /// The payload of an event.
    Payload,
}

/// Checks every file and shows all that was found.
pub fn validate(context: &Context, options: &ValidateOptions) -> Verdict {
    let schemas = match context.schemas() {
        Ok(schemas) => schemas,
        Err(findings) => return context.refuse(&findings),
    };
    let files = match files(context, options) {
        Ok(files) => files,
        Err(findings) => return context.refuse(&findings),
    };
    let mut reporters = match context.console.reporters(&options.targets, &context.cwd) {
        Ok(reporters) => reporters,
        Err((target, error)) => {
            context.console.error(&format!("{target} cannot be written: {error}"), None);
            return Verdict::Machine;
        }
    };
    reporters.on_event(&RunEvent::CheckStarted {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: context.command.join(" "),
    });
    let mut tally = Tally::default();
    for file in &files {
        let mut findings = check_file(context, &schemas, options, file);
        findings.sort_by_key(|finding| finding.place.span.map(|span| span.start));
        for finding in findings {
            tally.count(&finding);
            reporters.on_event(&RunEvent::Found { finding });
        }
        reporters.on_event(&RunEvent::FileChecked { file: file.to_string_lossy().into_owned() });
    }
    let verdict = tally.verdict();
    reporters.on_event(&RunEvent::CheckFinished {
        files: files.len() as u64,
        errors: tally.errors,
        warnings: tally.warnings,
        notes: tally.notes,
        exit_code: verdict.exit_code(),
    });
    context.console.finish(reporters, verdict)
}

#[derive(Default)]
struct Tally {
    errors: u64,
    warnings: u64,
    notes: u64,
    unread: bool,
}

impl Tally {
    fn count(&mut self, finding: &Finding) {
        self.unread |= matches!(finding.code, Code::FileMissing | Code::FileUnreadable);
        match finding.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
            Severity::Note => self.notes += 1,
        }
    }

    /// A file that could not be read was not checked: that is graver than a fault in one that was.
    const fn verdict(&self) -> Verdict {
        match self {
            Self { unread: true, .. } => Verdict::CannotDo,
            Self { errors: 0, .. } => Verdict::Held,
            _ => Verdict::Problems,
        }
    }
}

/// The files to check: those named, the manifest of a folder named, or the manifest of the app at hand.
fn files(context: &Context, options: &ValidateOptions) -> Result<Vec<PathBuf>, Findings> {
    if options.paths.is_empty() {
        let locate = AppOptions::default().locate(context);
        return App::find_manifest(&locate).map(|file| vec![file]);
    }
    let mut files = Vec::new();
    let mut findings = Vec::new();
    for path in &options.paths {
        let full = context.cwd.join(path);
        if path != Path::new("-") && full.is_dir() {
            match json_files(&full, path) {
                Ok(found) if found.is_empty() => {
                    let what = "the folder holds no manifest.json and no other .json file";
                    findings.push(Finding::new(Code::FileMissing, what).in_file(path));
                }
                Ok(found) => files.extend(found),
                Err(finding) => findings.push(finding),
            }
        } else {
            files.push(path.clone());
        }
    }
    if findings.is_empty() { Ok(files) } else { Err(findings) }
}

/// A folder's manifest, or else all its `.json` files, by name.
fn json_files(full: &Path, shown: &Path) -> Result<Vec<PathBuf>, Finding> {
    if full.join("manifest.json").is_file() {
        return Ok(vec![shown.join("manifest.json")]);
    }
    let unreadable = |error: std::io::Error| {
        Finding::new(Code::FileUnreadable, format!("the folder cannot be listed: {error}")).in_file(shown)
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(full).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if Path::new(&name).extension().is_some_and(|extension| extension == "json") {
            files.push(shown.join(name));
        }
    }
    files.sort();
    Ok(files)
}

fn check_file(context: &Context, schemas: &Schemas, options: &ValidateOptions, file: &Path) -> Findings {
    let source = if file == Path::new("-") { read_stdin() } else { Source::read_as(&context.cwd.join(file), file) };
    let source = match source {
        Ok(source) => source,
        Err(finding) => return vec![finding],
    };
    let (node, mut findings) = json::read(&source);
    let kind = options.kind.or_else(|| kind_by_name(file)).or_else(|| node.as_ref().and_then(kind_by_content));
    match (kind, node) {
        (Some(FileKind::Manifest), _) | (None, None) => {
            // Standard input has no folder beside it in which to look for a server.js.
            let folder = (file != Path::new("-"))
                .then(|| context.cwd.join(file))
                .and_then(|file| Some(file.parent()?.to_path_buf()));
            findings = App::check_manifest(schemas, &source, folder.as_deref());
        }
        (Some(FileKind::Payload), Some(node)) => findings.extend(check_payload(schemas, options, &source, &node)),
        (Some(FileKind::Payload), None) => {}
        (None, Some(node)) => findings.push(unknown_kind(&source, &node)),
    }
    findings
}

fn kind_by_name(file: &Path) -> Option<FileKind> {
    (file.file_name()? == "manifest.json").then_some(FileKind::Manifest)
}

/// A payload has `data`; a manifest has one of the places where subscriptions stand.
fn kind_by_content(node: &json::Node) -> Option<FileKind> {
    let has = |key| node.get(key).is_some();
    if has("data") {
        Some(FileKind::Payload)
    } else if has("product") || has("modules") || has("platform-version") || has("events") {
        Some(FileKind::Manifest)
    } else {
        None
    }
}

fn unknown_kind(source: &Source, node: &json::Node) -> Finding {
    let what = if node.members().is_some() {
        "this is neither a manifest (`product`, `modules` or `events`) nor a payload (`data`)".to_owned()
    } else {
        format!("this is {}; a manifest and a payload are objects", node.kind_name())
    };
    let code = if node.members().is_some() { Code::UnknownKind } else { Code::WrongShape };
    Finding::new(code, what)
        .at(node.place(source, ""))
        .hint("`--as manifest` or `--as payload` says what it is meant to be")
}

fn check_payload(schemas: &Schemas, options: &ValidateOptions, source: &Source, node: &json::Node) -> Findings {
    let own = node.get("event").and_then(json::Node::as_str);
    let Some(event) = options.event.as_deref().or(own) else {
        let what = "the payload does not say which event it is of";
        let hint = "add `\"event\"`, or name it with `--event`";
        return vec![Finding::new(Code::SchemaViolation, what).at(node.place(source, "")).hint(hint)];
    };
    if schemas.event(event).is_some() {
        return schemas.check_payload(event, options.platform, node, source);
    }
    let place =
        if own == Some(event) { node.nearest("/event").place(source, "/event") } else { node.place(source, "") };
    let near = nearest(event, schemas.events()).map(|near| format!("did you mean `{near}`?"));
    let code = if near.is_some() { Code::UnknownEvent } else { Code::Unchecked };
    let what = format!("there is no schema for the event `{event}`, so the payload cannot be checked");
    vec![Finding::new(code, what).at(place).maybe_hint(near)]
}
