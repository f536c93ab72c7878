//! Files in `mocks/`: what requests of the app are answered with while nothing leaves the machine.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::super::App;
use super::super::locate::is_there;
use super::requests::{Templates, undefined_template};
use crate::model::{Code, Finding, Findings, Place};
use crate::schema::Schemas;
use crate::text::json::{self, Member, Node};
use crate::text::{Source, list, nearest, printable_line};

/// The folder in an app's root.
pub(in crate::app) const FOLDER: &str = "mocks";

/// One mock: requests that it answers, and what with.
#[derive(Debug, Clone, PartialEq)]
pub struct Mock {
    /// Its file, as the user would write it.
    pub file: PathBuf,
    /// Whether it answers before any that is not so marked, however much that says of a request.
    pub comes_first: bool,
    /// The request template's name.
    pub template: Option<String>,
    /// The HTTP method.
    pub method: Option<String>,
    /// The URL, with `*` and `**`.
    pub url: Option<String>,
    /// Parts of the body.
    pub body: Option<Value>,
    /// One answer for each time that the request is sent, at least one; the last goes on.
    pub answers: Vec<MockAnswer>,
}

/// What a request is answered with.
#[derive(Debug, Clone, PartialEq)]
pub struct MockAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// The body; null is none, a text stands for itself, all else for its JSON.
    pub body: Value,
    /// How long it takes.
    pub delay: Duration,
    /// How it fails, where it does: then there is no answer.
    pub fail: Option<MockFailure>,
}

/// How a request fails without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MockFailure {
    /// Nothing came within the time limit.
    Timeout,
    /// Nobody listens there.
    Refused,
    /// No such host.
    UnknownHost,
    /// The connection ended before the answer.
    Closed,
    /// The answer is larger than the platform takes.
    TooLarge,
}

impl MockFailure {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "timeout" => Self::Timeout,
            "refused" => Self::Refused,
            "unknown-host" => Self::UnknownHost,
            "closed" => Self::Closed,
            "too-large" => Self::TooLarge,
            _ => return None,
        })
    }
}

impl App {
    /// The app's mocks, in the order of their files' names.
    ///
    /// # Errors
    /// Every fault of every file, where at least one is an error.
    pub fn mocks(&self, schemas: &Schemas) -> Result<Vec<Mock>, Findings> {
        let (mut mocks, mut findings) = (Vec::new(), Vec::new());
        let names = names(&self.root);
        let templates = if names.is_empty() { None } else { self.templates() };
        for name in names {
            match Source::read_as(&self.root.join(&name), &self.shown(&name)) {
                Ok(source) => {
                    let (mock, faults) = read(schemas, &source, templates.as_ref());
                    mocks.extend(mock);
                    findings.extend(faults);
                }
                Err(finding) => findings.push(finding),
            }
        }
        if findings.iter().any(Finding::is_error) { Err(findings) } else { Ok(mocks) }
    }

    /// The request templates that `config/requests.json` defines; `None` where it is for another rule to judge.
    pub fn templates(&self) -> Option<Templates> {
        let path = self.root.join("config/requests.json");
        if !is_there(&path) {
            return Some(Templates { names: Vec::new(), has_file: false });
        }
        let node = json::read(&Source::probe(&path)?).0?;
        let names = node.members()?.iter().map(|member| member.key.clone()).collect();
        Some(Templates { names, has_file: true })
    }

    /// Whether the manifest declares the request template `name`, in a product or module or, in the documents' snippet, at
    /// its top.
    pub fn declares_template(&self, name: &str) -> bool {
        let declares = |host: &Node| host.get("requests").is_some_and(|requests| requests.get(name).is_some());
        self.manifest.hosts().iter().any(|(_, host)| declares(host)) || declares(&self.manifest.node)
    }
}

/// The files in `mocks/`, relative to the app's root, by name.
pub(in crate::app) fn names(root: &std::path::Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(root.join(FOLDER)) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".json") && !name.starts_with('.')).collect();
    names.sort();
    names.iter().map(|name| format!("{FOLDER}/{name}")).collect()
}

/// Every fault of a file in `mocks/`; `templates` are the app's request templates, where they are known.
pub fn check_mock(schemas: &Schemas, source: &Source, templates: Option<&Templates>) -> Findings {
    read(schemas, source, templates).1
}

fn read(schemas: &Schemas, source: &Source, templates: Option<&Templates>) -> (Option<Mock>, Findings) {
    let (node, mut findings) = json::read(source);
    let Some(node) = node else { return (None, findings) };
    findings.extend(faults(source, &node, templates));
    json::add_unsaid(&mut findings, schemas.check("mock", &node, source));
    let mock = (!findings.iter().any(Finding::is_error)).then(|| mock(source, &node)).flatten();
    (mock, findings)
}

/// What the schema cannot say, or not as well.
fn faults(source: &Source, node: &Node, templates: Option<&Templates>) -> Findings {
    let mut findings = Vec::new();
    let mut fault = |what: String, place: Place, hint: Option<String>| {
        findings.push(Finding::new(Code::BadMock, what).at(place).maybe_hint(hint));
    };
    let whole = |pointer: &str| {
        let start = node.range.start;
        json::place_at(source, node.key_range(pointer).unwrap_or(start..start + 1), pointer)
    };
    if node.members().is_none() {
        return findings;
    }
    for (pointer, known) in objects(node) {
        for Member { key, key_range, .. } in node.at(&pointer).and_then(Node::members).unwrap_or_default() {
            if known.contains(&key.as_str()) {
                continue;
            }
            let near = nearest(key, known.iter().copied()).map_or_else(
                || format!("known here: {}", list(known.iter().copied())),
                |near| format!("did you mean `{near}`?"),
            );
            let place = json::place_at(source, key_range.clone(), &format!("{pointer}/{}", json::escape_token(key)));
            fault(format!("`{}` means nothing here", printable_line(key)), place, Some(near));
        }
    }
    if let Some(request) = node.get("request").filter(|request| request.members().is_some())
        && request.get("template").is_none()
        && request.get("url").is_none()
    {
        let hint = "add `\"template\"`, or `\"method\"` and `\"url\"`".to_owned();
        fault("the mock does not say which request it answers".to_owned(), whole("/request"), Some(hint));
    }
    match (node.get("answer"), node.get("answers")) {
        (None, None) => {
            let hint = "add `\"answer\": {\"status\": 200, \"body\": {}}`".to_owned();
            fault("the mock does not say what the request is answered with".to_owned(), whole(""), Some(hint));
        }
        (Some(_), Some(_)) => {
            let what = "`answer` is for one answer and `answers` for several, one of them was expected";
            fault(what.to_owned(), whole("/answers"), Some("move `answer` into `answers`, or remove it".to_owned()));
        }
        _ => {}
    }
    let template = node.at("/request/template").and_then(|template| Some((template, template.as_str()?)));
    if let (Some((template, name)), Some(Templates { names: known, has_file })) = (template, templates)
        && !known.iter().any(|known| known == name)
    {
        let near = nearest(name, known.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
        let what = undefined_template(name, *has_file);
        fault(what, template.place(source, "/request/template"), near);
    }
    findings
}

/// Every object of a mock that has members of its own, and their names.
fn objects(node: &Node) -> Vec<(String, &'static [&'static str])> {
    const ANSWER: &[&str] = &["status", "headers", "body", "delay_ms", "fail"];
    let mut all: Vec<(String, &[&str])> = vec![
        (String::new(), &["$schema", "request", "answer", "answers"]),
        ("/request".to_owned(), &["template", "method", "url", "body"]),
        ("/answer".to_owned(), ANSWER),
    ];
    let count = node.get("answers").and_then(Node::items).unwrap_or_default().len();
    all.extend((0..count).map(|index| (format!("/answers/{index}"), ANSWER)));
    all
}

/// The mock that `node`, a part of another file, describes; `None` where it answers nothing. What is wrong with it is for
/// its schema to say.
pub fn mock(source: &Source, node: &Node) -> Option<Mock> {
    let text = |pointer: &str| node.at(pointer).and_then(Node::as_str).map(str::to_owned);
    let several = node.get("answers").and_then(Node::items).unwrap_or_default();
    let answers: Vec<MockAnswer> = node.get("answer").into_iter().chain(several).map(answer).collect();
    (!answers.is_empty()).then(|| Mock {
        file: source.file().to_path_buf(),
        comes_first: false,
        template: text("/request/template"),
        method: text("/request/method"),
        url: text("/request/url"),
        body: node.at("/request/body").map(Node::value),
        answers,
    })
}

fn answer(node: &Node) -> MockAnswer {
    let number = |key: &str| node.get(key).and_then(|value| value.value().as_u64());
    let headers = node.get("headers").and_then(Node::members).unwrap_or_default();
    let header = |Member { key, value, .. }: &Member| Some((key.clone(), value.as_str()?.to_owned()));
    MockAnswer {
        status: number("status").and_then(|status| u16::try_from(status).ok()).unwrap_or(200),
        headers: headers.iter().filter_map(header).collect(),
        body: node.get("body").map_or(Value::Null, Node::value),
        delay: Duration::from_millis(number("delay_ms").unwrap_or(0)),
        fail: node.get("fail").and_then(Node::as_str).and_then(MockFailure::from_name),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(text: &str) -> (Option<Mock>, Vec<String>) {
        let source = Source::new("mocks/a.json", text.as_bytes().to_vec()).unwrap();
        let templates = Templates { names: vec!["addContact".to_owned()], has_file: true };
        let (mock, findings) = read(&Schemas::embedded(), &source, Some(&templates));
        let told = findings
            .iter()
            .map(|finding| format!("{} {}", finding.code.name(), finding.place.pointer.as_deref().unwrap_or("?")));
        (mock, told.collect())
    }

    #[test]
    fn a_mock_is_read_with_what_it_leaves_out() {
        let text =
            r#"{"request": {"template": "addContact", "body": {"a": 1}}, "answer": {"delay_ms": 20, "body": [1]}}"#;
        let (mock, told) = checked(text);
        assert_eq!(told, Vec::<String>::new());
        let mock = mock.unwrap();
        assert_eq!(
            (mock.template.as_deref(), mock.method, mock.body),
            (Some("addContact"), None, Some(json!({"a": 1})))
        );
        let answer = &mock.answers[0];
        assert_eq!((answer.status, answer.delay, &answer.body), (200, Duration::from_millis(20), &json!([1])));
    }

    #[test]
    fn each_fault_of_a_mock_is_told_once_at_its_place() {
        let cases = [
            (r#"{"request": {"template": "addContct"}, "answer": {}}"#, "bad-mock /request/template"),
            (r#"{"request": {"method": "GET"}, "answer": {}}"#, "bad-mock /request"),
            (r#"{"request": {"url": "https://a.example"}}"#, "bad-mock "),
            (r#"{"request": {"url": "https://a.example"}, "answer": {}, "answers": [{}]}"#, "bad-mock /answers"),
            (r#"{"request": {"url": "http://a.example"}, "answer": {}}"#, "schema-violation /request/url"),
            (r#"{"request": {"url": "https://a.example"}, "answers": []}"#, "schema-violation /answers"),
            (r#"{"request": {"url": "https://a.example"}, "answer": {"stauts": 200}}"#, "bad-mock /answer/stauts"),
            (
                r#"{"request": {"url": "https://a.example"}, "answer": {"fail": "often"}}"#,
                "schema-violation /answer/fail",
            ),
            (r#"[]"#, "schema-violation "),
        ];
        for (text, told) in cases {
            let (mock, found) = checked(text);
            assert_eq!((mock, found), (None, vec![told.to_owned()]), "{text}");
        }
    }
}
