//! Installation parameters: what an installer of the app would have filled in, and which of it is secret.

use std::path::Path;

use serde_json::{Map, Value};

use crate::model::{Code, Finding, Findings, Secrets};
use crate::text::json::{self, Member, Node};
use crate::text::{Source, nearest, printable_line};

use super::App;
use super::locate::is_there;

/// Declares the parameters: name, type, default, whether secure.
const DECLARED: &str = "config/iparams.json";
/// Values for local runs.
const TEST_DATA: &str = "config/iparam_test_data.json";

/// Installation parameters for a run.
#[derive(Debug, Clone, Default)]
pub struct Iparams {
    /// Name to value; `None` where the app has no parameters.
    pub values: Option<Map<String, Value>>,
    /// The values of those that `config/iparams.json` marks `secure: true` or that the user calls secret, wherever they
    /// come from.
    pub secrets: Secrets,
}

impl App {
    /// The installation parameters of `file`, else of `config/iparam_test_data.json`, else the defaults of
    /// `config/iparams.json`, else none. `file` is relative to where [`super::Locate::cwd`] is. Those named in `secret`
    /// are secret, whatever the app says of them.
    ///
    /// # Errors
    /// A file is there (or was named) and is not an object in JSON; a name in `secret` is no parameter's.
    /// `config/iparams.json` is read in any case: without it nobody knows which values are secret.
    pub fn iparams(&self, file: Option<&Path>, secret: &[String]) -> Result<Iparams, Findings> {
        self.iparams_with(file, secret, &Map::new())
    }

    /// The same, with those of `own` in place of the others of that name.
    ///
    /// # Errors
    /// As [`App::iparams`].
    pub fn iparams_with(
        &self,
        file: Option<&Path>,
        secret: &[String],
        own: &Map<String, Value>,
    ) -> Result<Iparams, Findings> {
        let declared = self.object_of(DECLARED);
        let values = match file {
            Some(file) => {
                let path = self.cwd.join(file);
                object(Source::read_as(&path, file).map_err(|finding| vec![finding])).map(Some)
            }
            None => self.object_of(TEST_DATA),
        };
        let (declared, values) = match (declared, values) {
            (Ok(declared), Ok(values)) => (declared, values),
            (declared, values) => {
                let of = |found: Result<_, Findings>| found.err().unwrap_or_default();
                return Err([of(declared), of(values)].concat());
            }
        };
        let mut values = match values {
            Some(node) => as_map(&node),
            None => declared.as_ref().map(defaults).filter(|defaults| !defaults.is_empty()),
        };
        if !own.is_empty() {
            values.get_or_insert_default().extend(own.clone());
        }
        let declared = declared.as_ref().and_then(Node::members).unwrap_or_default();
        let unknown = unknown(secret, declared, values.as_ref());
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let secrets = secrets(declared, secret, values.as_ref());
        Ok(Iparams { values, secrets })
    }

    fn object_of(&self, name: &str) -> Result<Option<Node>, Findings> {
        let path = self.root.join(name);
        if !is_there(&path) {
            return Ok(None);
        }
        object(Source::read_as(&path, &self.shown(name)).map_err(|finding| vec![finding])).map(Some)
    }
}

/// The object that a text holds; findings that only warn do not stop it.
fn object(source: Result<Source, Findings>) -> Result<Node, Findings> {
    let source = source?;
    let (node, findings) = json::read(&source);
    if findings.iter().any(|finding| finding.is_error() && finding.code != Code::DuplicateKey) {
        return Err(findings);
    }
    let Some(node) = node else { return Err(findings) };
    if node.members().is_some() {
        return Ok(node);
    }
    let what = format!("this is {}, an object of parameter to value was expected", node.kind_name());
    Err(vec![Finding::new(Code::BadIparams, what).at(node.place(&source, ""))])
}

fn as_map(node: &Node) -> Option<Map<String, Value>> {
    match node.value() {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

/// The parameters that have a `default_value`.
fn defaults(declared: &Node) -> Map<String, Value> {
    let members = declared.members().unwrap_or_default();
    let default = |node: &Node| node.get("default_value").map(Node::value);
    members.iter().filter_map(|member| Some((member.key.clone(), default(&member.value)?))).collect()
}

/// A finding for each name that no parameter has.
fn unknown(secret: &[String], declared: &[Member], values: Option<&Map<String, Value>>) -> Findings {
    let known: Vec<&str> = declared
        .iter()
        .map(|member| &member.key)
        .chain(values.into_iter().flat_map(Map::keys))
        .map(String::as_str)
        .collect();
    let missing = secret.iter().filter(|name| !known.contains(&name.as_str()));
    missing
        .map(|name| {
            let what = format!("`{}` was to be secret, and is no installation parameter", printable_line(name));
            let near = nearest(name, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            Finding::new(Code::BadOverride, what).maybe_hint(near)
        })
        .collect()
}

/// The values of secure parameters and of those named in `secret`, declared defaults included.
fn secrets(declared: &[Member], secret: &[String], values: Option<&Map<String, Value>>) -> Secrets {
    let secure = declared.iter().filter(|member| {
        let secure = member.value.get("secure").map(Node::value);
        matches!(secure, Some(Value::Bool(true))) || secure == Some(Value::from("true"))
    });
    let names = secure.map(|member| &member.key).chain(secret);
    let mut found = Vec::new();
    for name in names {
        if let Some(value) = values.and_then(|values| values.get(name)) {
            texts(name, value, &mut found);
        }
        let default =
            declared.iter().find(|member| member.key == *name).and_then(|member| member.value.get("default_value"));
        if let Some(default) = default.map(Node::value) {
            // Another value than the parameter's own, where it has one: a placeholder of it needs a name of its own.
            texts(&format!("{name}.default_value"), &default, &mut found);
        }
    }
    Secrets::new(found)
}

/// Every string and number within a value, as text, each with its path.
fn texts(name: &str, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => into.push((name.to_owned(), text.clone())),
        Value::Number(number) => into.push((name.to_owned(), number.to_string())),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| texts(&format!("{name}.{index}"), item, into));
        }
        Value::Object(members) => {
            members.iter().for_each(|(key, item)| texts(&format!("{name}.{key}"), item, into));
        }
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::app::Locate;

    const DECLARATION: &str = r#"{
        "greeting": {"display_name": "Greeting", "type": "text", "default_value": "Hi"},
        "token": {"type": "text", "secure": true, "default_value": "fallback-token"},
        "team": {"type": "text"}
    }"#;

    fn app(files: &[(&str, &str)]) -> (tempfile::TempDir, App) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("config")).unwrap();
        fs::write(dir.path().join("manifest.json"), r#"{"events":{"onUserCreate":{"handler":"f"}}}"#).unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let cwd = dir.path().to_path_buf();
        let app = App::open(&Locate { app: Some(".".into()), manifest: None, cwd }).unwrap();
        (dir, app)
    }

    #[test]
    fn a_named_file_comes_before_test_data_and_that_before_defaults() {
        let (_dir, with_all) =
            app(&[(DECLARED, DECLARATION), (TEST_DATA, r#"{"team": "blue"}"#), ("mine.json", r#"{"team": "red"}"#)]);
        let values = |file: Option<&str>| with_all.iparams(file.map(Path::new), &[]).unwrap().values.map(Value::Object);
        assert_eq!(values(Some("mine.json")), Some(json!({"team": "red"})));
        assert_eq!(values(None), Some(json!({"team": "blue"})));
        let (_dir, with_defaults) = app(&[(DECLARED, DECLARATION)]);
        let values = with_defaults.iparams(None, &[]).unwrap().values.map(Value::Object);
        assert_eq!(values, Some(json!({"greeting": "Hi", "token": "fallback-token"})));
        let (_dir, without) = app(&[]);
        assert_eq!(without.iparams(None, &[]).unwrap().values, None);
    }

    #[test]
    fn values_of_secure_parameters_are_secret_wherever_they_come_from() {
        let (_dir, app) = app(&[(DECLARED, DECLARATION), (TEST_DATA, r#"{"token": "wd40-99", "greeting": "Hello"}"#)]);
        let secrets = app.iparams(None, &[]).unwrap().secrets;
        assert_eq!(secrets.mask("Hello wd40-99 fallback-token"), "Hello ******** ********");
    }

    #[test]
    fn the_user_may_call_a_parameter_secret_that_the_app_does_not() {
        let (_dir, app) =
            app(&[(DECLARED, DECLARATION), (TEST_DATA, r#"{"team": {"name": "blue-7"}, "extra": 4711}"#)]);
        let secrets = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            app.iparams(None, &names).map(|iparams| iparams.secrets)
        };
        let both = secrets(&["team", "extra"]).unwrap();
        assert_eq!(both.conceal("blue-7 4711"), "{{iparam.team.name}} {{iparam.extra}}");
        let faults = secrets(&["taem"]).unwrap_err();
        assert_eq!(
            (faults[0].code, &faults[0].hints[..]),
            (Code::BadOverride, &["did you mean `team`?".to_owned()][..])
        );
    }

    #[test]
    fn faults_of_all_files_are_found_at_once() {
        let (_dir, app) = app(&[(DECLARED, "{"), (TEST_DATA, "[1]")]);
        let codes: Vec<Code> = app.iparams(None, &[]).unwrap_err().iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [Code::JsonSyntax, Code::BadIparams]);
        let missing = app.iparams(Some(Path::new("nowhere.json")), &[]).unwrap_err();
        assert_eq!((missing.len(), missing[1].code), (2, Code::FileMissing));
    }
}
