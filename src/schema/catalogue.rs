//! Which schemas there are, and how one refers to another.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use include_dir::{Dir, include_dir};
use serde_json::Value;

use super::check;
use super::event::EventSchema;
use super::shape::Shape;
use crate::model::{Code, Finding, Findings};
use crate::text::{Source, Wanted, json, not_there};

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/schemas");

/// Where the embedded schemas would be, were they on the web. Only a name: nothing is ever fetched.
pub(super) const BASE: &str = "https://simctl.example/schemas/";

/// How the name of a schema file ends.
const ENDING: &str = ".schema.json";

/// The schemas that a run knows: the embedded ones, and those of a folder of the user's.
///
/// A schema's name is its path below `schemas/` without the ending: `events/onUserCreate`.
#[derive(Debug, Default)]
pub struct Schemas {
    documents: BTreeMap<String, Document>,
}

/// One schema file. Read when first asked for: most runs need three or four of them.
#[derive(Debug)]
struct Document {
    text: Cow<'static, str>,
    /// The file, where it is the user's.
    file: Option<PathBuf>,
    value: OnceLock<Value>,
    validator: OnceLock<Result<jsonschema::Validator, Box<Finding>>>,
    shape: OnceLock<Arc<Shape>>,
    /// What it says of an event, where it is one's: its merged shapes are the same for every payload.
    event: OnceLock<Arc<EventSchema>>,
}

impl Document {
    fn new(text: Cow<'static, str>, file: Option<PathBuf>) -> Self {
        Self {
            text,
            file,
            value: OnceLock::new(),
            validator: OnceLock::new(),
            shape: OnceLock::new(),
            event: OnceLock::new(),
        }
    }

    fn value(&self) -> &Value {
        // Text that is not JSON is refused by `with_dir`; for the embedded files a test holds it.
        self.value.get_or_init(|| serde_json::from_str(&self.text).unwrap_or(Value::Bool(true)))
    }
}

impl Schemas {
    /// The schemas that are compiled into the program.
    pub fn embedded() -> Self {
        let mut schemas = Self::default();
        schemas.embed(&EMBEDDED);
        schemas
    }

    fn embed(&mut self, dir: &'static Dir<'static>) {
        for file in dir.files() {
            let name = file.path().to_str().and_then(|path| path.strip_suffix(ENDING));
            if let (Some(name), Some(text)) = (name, file.contents_utf8()) {
                self.documents.insert(name.to_owned(), Document::new(Cow::Borrowed(text), None));
            }
        }
        for inner in dir.dirs() {
            self.embed(inner);
        }
    }

    /// The embedded schemas with those below `dir` added; one of the same relative path takes the embedded one's place.
    ///
    /// # Errors
    /// Findings for a folder that is not there or holds no schema, and for each file in it that is not a usable schema.
    pub fn with_dir(dir: &Path) -> Result<Self, Findings> {
        let mut findings = Vec::new();
        let mut files = Vec::new();
        collect(dir, &mut files, &mut findings);
        files.sort();
        let mut schemas = Self::embedded();
        let mut sources = Vec::new();
        for file in files {
            match read_schema(dir, &file) {
                Ok((name, source, node)) => {
                    let text = Cow::Owned(source.text().to_owned());
                    schemas.documents.insert(name.clone(), Document::new(text, Some(file)));
                    sources.push((name, source, node));
                }
                Err(mut found) => findings.append(&mut found),
            }
        }
        if sources.is_empty() && findings.is_empty() {
            let what = format!("this folder holds no schema: a file whose name ends in `{ENDING}` was expected");
            findings.push(Finding::new(Code::FileMissing, what).in_file(dir));
        }
        for (name, source, node) in &sources {
            findings.append(&mut check::schema(&schemas, name, node, source));
        }
        if findings.iter().any(Finding::is_error) { Err(findings) } else { Ok(schemas) }
    }

    /// Every schema's name and title, by name.
    pub fn list(&self) -> Vec<(&str, &str)> {
        self.documents
            .iter()
            .map(|(name, document)| (name.as_str(), document.value()["title"].as_str().unwrap_or("")))
            .collect()
    }

    /// The names of all schemas.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.documents.keys().map(String::as_str)
    }

    /// The schema as it stands in its file.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.documents.get(name).map(|document| &*document.text)
    }

    /// The events that have a schema.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        self.names().filter_map(|name| name.strip_prefix("events/"))
    }

    /// What the schema of `event` says.
    pub fn event(&self, event: &str) -> Option<&Arc<EventSchema>> {
        let name = format!("events/{event}");
        let document = self.documents.get(&name)?;
        Some(document.event.get_or_init(|| Arc::new(EventSchema::new(self, event, &name))))
    }

    /// The shape that the schema `name` describes; of an absent one, anything.
    pub fn shape(&self, name: &str) -> &Arc<Shape> {
        static ANYTHING: OnceLock<Arc<Shape>> = OnceLock::new();
        match self.documents.get(name) {
            Some(document) => document.shape.get_or_init(|| Arc::new(Shape::new(self, name))),
            None => ANYTHING.get_or_init(Arc::default),
        }
    }

    /// The schema as a value.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.documents.get(name).map(Document::value)
    }

    /// The user's file that the schema `name` was read from; absent for an embedded one.
    pub fn file(&self, name: &str) -> Option<&Path> {
        self.documents.get(name).and_then(|document| document.file.as_deref())
    }

    /// The compiled checker of the schema `name`. Compiled when first asked for: the first one in a process costs 2 ms.
    pub(crate) fn validator(&self, name: &str) -> Result<&jsonschema::Validator, Box<Finding>> {
        let Some(document) = self.documents.get(name) else {
            return Err(Finding::new(Code::BadSchema, format!("there is no schema `{name}`")).into());
        };
        document.validator.get_or_init(|| check::compile(self, name, document.value())).as_ref().map_err(Clone::clone)
    }

    /// What `reference`, found in the document `from`, refers to: the document that holds it, and the value.
    pub(crate) fn resolve<'a>(&'a self, from: &'a str, reference: &str) -> Option<(&'a str, &'a Value)> {
        let (path, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let (name, document) = if path.is_empty() {
            self.documents.get_key_value(from)?
        } else {
            self.documents.get_key_value(join(from, path)?.as_str())?
        };
        let value = document.value().pointer(fragment)?;
        Some((name, value))
    }
}

/// The name of the schema that the relative reference `path` in the schema `from` means.
fn join(from: &str, path: &str) -> Option<String> {
    let path = path.strip_suffix(ENDING)?;
    if let Some(name) = path.strip_prefix(BASE) {
        return Some(name.to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The address of the schema `name`.
pub(super) fn address(name: &str) -> String {
    format!("{BASE}{name}{ENDING}")
}

/// All JSON files below `dir`.
fn collect(dir: &Path, files: &mut Vec<PathBuf>, findings: &mut Findings) {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            findings.push(match error.kind() {
                std::io::ErrorKind::NotFound => not_there(dir, dir, Wanted::Folder),
                _ => Finding::new(Code::FileUnreadable, format!("the folder of schemas cannot be read: {error}"))
                    .in_file(dir),
            });
            return;
        }
    };
    for entry in entries.flatten() {
        let path = entry.path();
        // Links are not followed: a link to a folder above would never end.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&path, files, findings);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
}

fn read_schema(dir: &Path, file: &Path) -> Result<(String, Source, json::Node), Findings> {
    let relative = file.strip_prefix(dir).unwrap_or(file).components().map(|part| part.as_os_str().to_string_lossy());
    let relative = relative.collect::<Vec<_>>().join("/");
    let Some(name) = relative.strip_suffix(ENDING) else {
        let what = format!("the name of a schema file ends in `{ENDING}`, this one does not");
        return Err(vec![Finding::new(Code::BadSchema, what).in_file(file).hint("rename it, or move it elsewhere")]);
    };
    let source = Source::read(file).map_err(|finding| vec![finding])?;
    match json::read(&source) {
        (Some(node), findings) if !findings.iter().any(Finding::is_error) => Ok((name.to_owned(), source, node)),
        (_, findings) => Err(findings
            .into_iter()
            .map(|finding| Finding { code: Code::BadSchema, severity: Code::BadSchema.severity(), ..finding })
            .collect()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use std::fs;

    use super::{Schemas, join};
    use crate::model::Code;

    #[test]
    fn a_reference_is_relative_to_its_own_file() {
        assert_eq!(join("events/a", "../shared/user.schema.json").as_deref(), Some("shared/user"));
        assert_eq!(join("shared/user", "actor.schema.json").as_deref(), Some("shared/actor"));
        assert_eq!(join("a", "../b.schema.json"), None);
        let absolute = "https://simctl.example/schemas/shared/user.schema.json";
        assert_eq!(join("events/a", absolute).as_deref(), Some("shared/user"));
    }

    #[test]
    fn both_events_are_there() {
        let schemas = Schemas::embedded();
        assert_eq!(
            schemas.events().collect::<Vec<_>>(),
            [
                "afterAppUpdate",
                "onAppInstall",
                "onAppUninstall",
                "onExternalEvent",
                "onScheduledEvent",
                "onUserCreate",
                "onUserUpdate"
            ]
        );
        assert!(schemas.list().iter().all(|(_, title)| !title.is_empty()), "{:?}", schemas.list());
        assert!(schemas.text("manifest").unwrap().contains("platform-version"));
    }

    #[test]
    fn a_folder_adds_and_replaces() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("events")).unwrap();
        let text = r#"{"title": "mine", "$ref": "../shared/envelope-2.schema.json"}"#;
        fs::write(dir.path().join("events/onPing.schema.json"), text).unwrap();
        fs::write(dir.path().join("events/onUserCreate.schema.json"), r#"{"title": "other"}"#).unwrap();
        let schemas = Schemas::with_dir(dir.path()).unwrap();
        let added: Vec<_> = schemas.events().filter(|event| Schemas::embedded().event(event).is_none()).collect();
        assert_eq!(added, ["onPing"]);
        assert_eq!(schemas.event("onUserCreate").unwrap().title(), "other");
        assert!(schemas.event("onPing").unwrap().shape(None).find("/account_id").is_some());
    }

    #[test]
    fn a_broken_schema_is_pointed_at() {
        for (text, pointer, line) in [
            ("{\n \"type\": \"objekt\"}", Some("/type"), 2),
            ("{\n\n \"$ref\": \"nowhere.schema.json\"}", Some("/$ref"), 3),
            ("{\n \"type\": ", None, 2),
        ] {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("x.schema.json"), text).unwrap();
            let findings = Schemas::with_dir(dir.path()).unwrap_err();
            assert_eq!(findings[0].code, Code::BadSchema, "{text}");
            assert_eq!(findings[0].place.pointer.as_deref(), pointer, "{text}");
            assert_eq!(findings[0].place.span.unwrap().start.line, line, "{text}");
        }
    }

    #[test]
    fn a_folder_without_schemas_is_said_to_have_none() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Schemas::with_dir(dir.path()).unwrap_err()[0].code, Code::FileMissing);
        assert_eq!(Schemas::with_dir(&dir.path().join("absent")).unwrap_err()[0].code, Code::FileMissing);
        fs::write(dir.path().join("user.json"), "{}").unwrap();
        assert_eq!(Schemas::with_dir(dir.path()).unwrap_err()[0].code, Code::BadSchema);
    }
}
