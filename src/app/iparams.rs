//! Installation parameters: what an installer of the app would have filled in, and which of it is secret.

use std::path::Path;

use serde_json::{Map, Value};

use crate::model::{Code, Finding, Findings, Secrets, Severity};
use crate::text::json::{self, Member, Node, escape_token};
use crate::text::{Source, nearest, printable_line};

use super::App;
use super::config::{hide_values, is_secure, lacking_value, required};
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
    /// A finding for each required parameter that has no value: an error where a file of values lacks it, a warning where
    /// there is no such file, or a default that the file leaves out.
    pub missing: Findings,
}

/// A file that holds an object.
struct Text {
    source: Source,
    node: Node,
}

impl Iparams {
    /// The parameters as a handler may be given them.
    ///
    /// # Errors
    /// The file of values lacks a parameter without which the app could not be installed, so that no handler of it would run.
    pub fn complete(self) -> Result<Self, Findings> {
        if self.missing.iter().any(Finding::is_error) { Err(self.missing) } else { Ok(self) }
    }
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
        let given = match file {
            Some(file) => {
                let path = self.cwd.join(file);
                object(Source::read_as(&path, file).map_err(|finding| vec![finding])).map(Some)
            }
            None => self.object_of(TEST_DATA),
        };
        let (declared, given) = match (declared, given) {
            (Ok(declared), Ok(given)) => (declared, given),
            (declared, given) => {
                let of = |found: Result<_, Findings>| found.err().unwrap_or_default();
                return Err([of(declared), of(given)].concat());
            }
        };
        let mut values = match &given {
            Some(given) => as_map(&given.node),
            None => declared.as_ref().map(|text| defaults(&text.node)).filter(|defaults| !defaults.is_empty()),
        };
        if !own.is_empty() {
            values.get_or_insert_default().extend(own.clone());
        }
        let members = declared.as_ref().and_then(|text| text.node.members()).unwrap_or_default();
        let unknown = unknown(secret, members, values.as_ref());
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let secrets = secrets(members, secret, values.as_ref());
        let is_given = |name: &str| values.as_ref().is_some_and(|values| values.contains_key(name));
        let mut missing =
            declared.as_ref().map(|declared| missing(declared, given.as_ref(), is_given, secret)).unwrap_or_default();
        missing.iter_mut().for_each(|finding| finding.mask(&secrets));
        Ok(Iparams { values, secrets, missing })
    }

    fn object_of(&self, name: &str) -> Result<Option<Text>, Findings> {
        let path = self.root.join(name);
        if !is_there(&path) {
            return Ok(None);
        }
        object(Source::read_as(&path, &self.shown(name)).map_err(|finding| vec![finding])).map(Some)
    }
}

/// A finding for each required parameter that is not given: in the file of values, else where it is declared. What is secret
/// is hidden in the lines that they show, those named in `secret` included.
fn missing(declared: &Text, given: Option<&Text>, is_given: impl Fn(&str) -> bool, secret: &[String]) -> Findings {
    let names = required(&declared.node).filter(|name| !is_given(name));
    let is_secret =
        |name: &str| secret.iter().any(|secret| secret == name) || declared.node.get(name).is_some_and(is_secure);
    let mut findings: Findings;
    if let Some(Text { source, node }) = given {
        // Where it has a default, the page on which the app is installed proposes that, so production hardly lacks it.
        let has_default = |name: &str| declared.node.get(name).is_some_and(|node| node.get("default_value").is_some());
        let lacking = names.map(|name| match lacking_value(source, node, &declared.node, name) {
            finding if has_default(name) => Finding { severity: Severity::Warning, ..finding },
            finding => finding,
        });
        findings = lacking.collect();
        hide_values(source, node, is_secret, &mut findings);
    } else {
        findings = names.map(|name| nowhere(declared, name)).collect();
        hide_values(&declared.source, &declared.node, is_secret, &mut findings);
    }
    findings
}

/// The required parameter `name` has no value, as there is no file of values.
fn nowhere(declared: &Text, name: &str) -> Finding {
    let pointer = format!("/{}", escape_token(name));
    let place = declared.node.key_range(&pointer).map(|range| json::place_at(&declared.source, range, &pointer));
    let name = printable_line(name);
    let what = format!(
        "the installation parameter `{name}` is required, and it has neither a value nor a default: the handler finds none"
    );
    let finding = Finding::new(Code::MissingIparam, what).at(place.unwrap_or_default());
    Finding {
        severity: Severity::Warning,
        ..finding.hint(format!("give it one: `{{\"{name}\": VALUE}}` in `{TEST_DATA}`"))
    }
}

/// The object that a text holds; findings that only warn do not stop it.
fn object(source: Result<Source, Findings>) -> Result<Text, Findings> {
    let source = source?;
    let (node, findings) = json::read(&source);
    if findings.iter().any(|finding| finding.is_error() && finding.code != Code::DuplicateKey) {
        return Err(findings);
    }
    let Some(node) = node else { return Err(findings) };
    if node.members().is_some() {
        return Ok(Text { source, node });
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
    let names = declared.iter().filter(|member| is_secure(&member.value)).map(|member| &member.key).chain(secret);
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

    fn app_of(files: &[(&str, &str)]) -> (tempfile::TempDir, App) {
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
            app_of(&[(DECLARED, DECLARATION), (TEST_DATA, r#"{"team": "blue"}"#), ("mine.json", r#"{"team": "red"}"#)]);
        let values = |file: Option<&str>| with_all.iparams(file.map(Path::new), &[]).unwrap().values.map(Value::Object);
        assert_eq!(values(Some("mine.json")), Some(json!({"team": "red"})));
        assert_eq!(values(None), Some(json!({"team": "blue"})));
        let (_dir, with_defaults) = app_of(&[(DECLARED, DECLARATION)]);
        let values = with_defaults.iparams(None, &[]).unwrap().values.map(Value::Object);
        assert_eq!(values, Some(json!({"greeting": "Hi", "token": "fallback-token"})));
        let (_dir, without) = app_of(&[]);
        assert_eq!(without.iparams(None, &[]).unwrap().values, None);
    }

    #[test]
    fn values_of_secure_parameters_are_secret_wherever_they_come_from() {
        let (_dir, app) =
            app_of(&[(DECLARED, DECLARATION), (TEST_DATA, r#"{"token": "wd40-99", "greeting": "Hello"}"#)]);
        let secrets = app.iparams(None, &[]).unwrap().secrets;
        assert_eq!(secrets.mask("Hello wd40-99 fallback-token"), "Hello ******** ********");
    }

    #[test]
    fn the_user_may_call_a_parameter_secret_that_the_app_does_not() {
        let (_dir, app) =
            app_of(&[(DECLARED, DECLARATION), (TEST_DATA, r#"{"team": {"name": "blue-7"}, "extra": 4711}"#)]);
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
    fn a_required_parameter_that_a_file_lacks_is_an_error_and_without_a_file_a_warning() {
        let declared = r#"{
            "greeting": {"type": "text", "required": true, "default_value": "Hi"},
            "token": {"type": "text", "required": true, "secure": true},
            "team": {"type": "text", "required": false}
        }"#;
        let (_dir, app) = app_of(&[
            (DECLARED, declared),
            ("mine.json", r#"{"greeting": null, "tokn": "hush-4711"}"#),
            ("token.json", "{}"),
        ]);
        let told = |iparams: &Iparams| -> Vec<String> {
            let told = |finding: &Finding| {
                let Finding { code, severity, place, .. } = finding;
                let at = place.span.unwrap().start;
                format!("{} {} {}:{}", code.name(), severity.name(), at.line, at.column)
            };
            iparams.missing.iter().map(told).collect()
        };
        let of_file = app.iparams(Some(Path::new("mine.json")), &[]).unwrap();
        assert_eq!(told(&of_file), ["missing-iparam error 1:20"]);
        assert_eq!(of_file.missing[0].hints, ["`tokn` is no installation parameter: did you mean `token`?"]);
        assert_eq!(of_file.complete().unwrap_err().len(), 1);
        let own = json!({"token": ""}).as_object().cloned().unwrap();
        let without_default = app.iparams_with(Some(Path::new("token.json")), &[], &own).unwrap();
        assert_eq!(told(&without_default), ["missing-iparam warning 1:1"]);
        assert!(without_default.complete().is_ok());
        let of_none = app.iparams(None, &[]).unwrap();
        assert_eq!(told(&of_none), ["missing-iparam warning 3:13"]);
        assert!(of_none.complete().is_ok());
        assert_eq!(told(&app.iparams_with(None, &[], &own).unwrap()), [""; 0]);
    }

    #[test]
    fn the_lines_of_a_file_that_lacks_a_parameter_show_no_secret() {
        let declared = r#"{"token": {"secure": true}, "team": {"required": true}}"#;
        let values = r#"{"token": "hush-4711", "token": "hush-0815", "pin": "1234"}"#;
        let (_dir, app) = app_of(&[(DECLARED, declared), (TEST_DATA, values)]);
        let missing = app.iparams(None, &["pin".to_owned()]).unwrap().missing;
        assert_eq!(missing.len(), 1);
        let shown = missing[0].place.excerpt.clone().unwrap().lines.join("\n");
        assert_eq!(shown, r#"{"token": "********", "token": "********", "pin": "********"}"#);
    }

    #[test]
    fn faults_of_all_files_are_found_at_once() {
        let (_dir, app) = app_of(&[(DECLARED, "{"), (TEST_DATA, "[1]")]);
        let codes: Vec<Code> = app.iparams(None, &[]).unwrap_err().iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [Code::JsonSyntax, Code::BadIparams]);
        let missing = app.iparams(Some(Path::new("nowhere.json")), &[]).unwrap_err();
        assert_eq!((missing.len(), missing[1].code), (2, Code::FileMissing));
    }
}
