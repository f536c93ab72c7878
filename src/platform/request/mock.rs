//! Requests answered from the app's mocks: which mock answers one, and what to say where none does.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::outgoing::{Outgoing, SIZE_LIMIT, Sent, TIME_LIMIT, host};
use crate::app::{Mock, MockAnswer, MockFailure};
use crate::model::{Code, Finding, Secrets};

/// The app's mocks, secrets put back, and how often each has answered within the event at hand.
#[derive(Debug, Default)]
pub(super) struct Mocks {
    all: Vec<Mock>,
    told: Vec<usize>,
}

impl Mocks {
    pub(super) fn new(mocks: &[Mock], secrets: &Secrets) -> Self {
        let all: Vec<Mock> = mocks.iter().cloned().map(|mock| revealed(mock, secrets)).collect();
        Self { told: vec![0; all.len()], all }
    }

    /// One more, as if it had been among the files.
    pub(super) fn add(&mut self, mock: Mock) {
        self.all.push(mock);
        // What it was made from has been given.
        self.told.push(1);
    }

    /// Each begins with its first answer again.
    pub(super) fn begin(&mut self) {
        self.told.fill(0);
    }

    /// The file of the mock that answers, where one does.
    pub(super) fn file(&self, request: &Outgoing) -> Option<&Path> {
        self.find(request).map(|index| self.all[index].file.as_path())
    }

    /// What the request is answered with this time, and after how long.
    pub(super) fn answer(&mut self, request: &Outgoing) -> Option<(Sent, Duration)> {
        let index = self.find(request)?;
        let mock = &self.all[index];
        let answer = mock.answers.get(self.told[index]).or_else(|| mock.answers.last())?;
        self.told[index] += 1;
        Some(sent(answer, &request.url))
    }

    /// The mock that comes first or else says most of the request: of its body, then its template, then its URL; of several, the first.
    fn find(&self, request: &Outgoing) -> Option<usize> {
        let matching = self.all.iter().enumerate().filter(|(_, mock)| matches(mock, request, true));
        let says = |mock: &Mock| {
            let url = mock.url.as_ref().map_or(0, |url| url.bytes().filter(|byte| *byte != b'*').count() + 1);
            (mock.comes_first, mock.body.as_ref().map_or(0, size), mock.template.is_some(), url, mock.method.is_some())
        };
        let best = matching.max_by(|a, b| says(a.1).cmp(&says(b.1)).then(b.0.cmp(&a.0)));
        best.map(|(index, _)| index)
    }

    /// The finding for a request that no mock answers, with the file to write.
    pub(super) fn missing(&self, request: &Outgoing, secrets: &Secrets) -> Finding {
        let what = match &request.template {
            Some(template) => format!("no file in mocks/ answers the template `{template}`: {}", request.name()),
            None => format!("no file in mocks/ answers {}", request.name()),
        };
        let mut asked = asked(request, false);
        secrets.conceal_value(&mut asked);
        let file = json!({ "request": asked, "answer": { "status": 200, "body": {} } });
        let text = serde_json::to_string_pretty(&file).unwrap_or_default();
        let near = self.all.iter().find(|mock| matches(mock, request, false));
        let near = near.map(|mock| format!("`{}` would, were it not for its `body`", mock.file.display()));
        let name = name(request, secrets);
        Finding::new(Code::MissingMock, what)
            .maybe_hint(near)
            .hint(format!("write `mocks/{name}.json`, with what the answer is to be:\n{text}"))
            .hint("or have it sent once, and the answer kept, by `--network record`")
    }
}

/// What a mock's `request` says of this one. Exact: all that can tell it from others of the same template.
pub(super) fn asked(request: &Outgoing, exact: bool) -> Value {
    let url = request.url.split('?').next().unwrap_or(&request.url);
    match &request.template {
        Some(template) if !exact => json!({ "template": template }),
        Some(template) => {
            json!({ "template": template, "method": request.method, "url": request.url, "body": body(request) })
        }
        None if !exact => json!({ "method": request.method, "url": url }),
        None => json!({ "method": request.method, "url": request.url, "body": body(request) }),
    }
}

/// A name for the file of a request's mock, without `.json`. Where a secret would be in it, its name is.
pub(super) fn name(request: &Outgoing, secrets: &Secrets) -> String {
    let text = match &request.template {
        Some(template) => template.clone(),
        None => {
            let url = request.url.split('?').next().unwrap_or(&request.url);
            format!("{} {}", request.method.to_ascii_lowercase(), url.trim_start_matches("https://"))
        }
    };
    let text = secrets.conceal(&text).replace("{{iparam.", "").replace("}}", "");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let plain: String = text.chars().map(|c| if is_plain(c) { c } else { '-' }).take(80).collect();
    let plain = plain.trim_matches(|c| matches!(c, '-' | '.')).to_owned();
    if plain.is_empty() { "request".to_owned() } else { plain }
}

/// The request's body as a value: what it holds where it is JSON, else its text.
fn body(request: &Outgoing) -> Value {
    let text = request.body.as_deref().unwrap_or_default();
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn revealed(mut mock: Mock, secrets: &Secrets) -> Mock {
    let text = |text: &mut String| *text = secrets.reveal(text);
    mock.url.iter_mut().for_each(text);
    mock.body.iter_mut().for_each(|body| secrets.reveal_value(body));
    for answer in &mut mock.answers {
        answer.headers.iter_mut().for_each(|(_, value)| text(value));
        secrets.reveal_value(&mut answer.body);
    }
    mock
}

fn sent(answer: &MockAnswer, url: &str) -> (Sent, Duration) {
    if answer.fail == Some(MockFailure::Timeout) {
        return (Sent::failed(MockFailure::Timeout, url), answer.delay.min(TIME_LIMIT));
    }
    if answer.delay >= TIME_LIMIT {
        return (Sent::failed(MockFailure::Timeout, url), TIME_LIMIT);
    }
    if let Some(how) = answer.fail {
        return (Sent::failed(how, url), answer.delay);
    }
    let mut headers: Vec<(String, String)> =
        answer.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
    let (body, kind) = match &answer.body {
        Value::Null => (String::new(), None),
        Value::String(text) => (text.clone(), None),
        value => (value.to_string(), Some("application/json")),
    };
    if let Some(kind) = kind.filter(|_| headers.iter().all(|(name, _)| name != "content-type")) {
        headers.push(("content-type".to_owned(), kind.to_owned()));
    }
    if body.len() > SIZE_LIMIT {
        return (Sent::failed(MockFailure::TooLarge, url), answer.delay);
    }
    (Sent::Answered { status: answer.status, headers, body }, answer.delay)
}

fn matches(mock: &Mock, request: &Outgoing, with_body: bool) -> bool {
    mock.template.as_ref().is_none_or(|template| request.template.as_ref() == Some(template))
        && mock.method.as_ref().is_none_or(|method| *method == request.method)
        && mock.url.as_ref().is_none_or(|url| url_fits(url, &request.url))
        && (!with_body || mock.body.as_ref().is_none_or(|wanted| body_fits(wanted, request)))
}

fn url_fits(pattern: &str, url: &str) -> bool {
    let url = if pattern.contains('?') { url } else { url.split('?').next().unwrap_or(url) };
    let authority = host(pattern);
    let pattern =
        if pattern.len() == "https://".len() + authority.len() { format!("{pattern}/") } else { pattern.to_owned() };
    wild(&pattern, url, true)
}

fn body_fits(wanted: &Value, request: &Outgoing) -> bool {
    let text = request.body.as_deref().unwrap_or_default();
    match wanted {
        Value::String(pattern) if wild(pattern, text, false) => true,
        _ => part_fits(wanted, &body(request)),
    }
}

fn part_fits(wanted: &Value, given: &Value) -> bool {
    match (wanted, given) {
        (Value::Object(wanted), Value::Object(given)) => {
            wanted.iter().all(|(key, wanted)| given.get(key).is_some_and(|given| part_fits(wanted, given)))
        }
        (Value::Array(wanted), Value::Array(given)) => {
            wanted.len() == given.len() && wanted.iter().zip(given).all(|(wanted, given)| part_fits(wanted, given))
        }
        (Value::String(pattern), Value::String(text)) => wild(pattern, text, false),
        (Value::Number(wanted), Value::Number(given)) => wanted.as_f64() == given.as_f64(),
        _ => wanted == given,
    }
}

/// How many values a pattern of a body names.
fn size(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(size).sum::<usize>(),
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        _ => 1,
    }
}

/// Whether `text` is what `pattern` says. `*` stands for any text; where a path has `parts`, for one without a slash, and
/// `**` for any.
fn wild(pattern: &str, text: &str, parts: bool) -> bool {
    let text = text.as_bytes();
    let mut pattern = pattern.as_bytes();
    // Where in the text the pattern so far can end.
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    while let Some((&first, rest)) = pattern.split_first() {
        if first == b'*' {
            let across = rest.first() == Some(&b'*') || !parts;
            let stars = pattern.iter().take_while(|byte| **byte == b'*').count();
            pattern = &pattern[stars..];
            for at in 0..text.len() {
                ends[at + 1] |= ends[at] && (across || text[at] != b'/');
            }
        } else {
            pattern = rest;
            for at in (0..text.len()).rev() {
                ends[at + 1] = ends[at] && text[at] == first;
            }
            ends[0] = false;
        }
        if !ends.contains(&true) {
            return false;
        }
    }
    ends[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(template: Option<&str>, method: &str, url: &str, body: &str) -> Outgoing {
        Outgoing {
            template: template.map(str::to_owned),
            method: method.to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: Some(body.to_owned()),
            is_json: false,
            attempts: 1,
            retry_delay: Duration::ZERO,
        }
    }

    fn mock(file: &str, request: &Value, statuses: &[u16]) -> Mock {
        let text = |key: &str| request.get(key).and_then(Value::as_str).map(str::to_owned);
        let answer = |status: &u16| MockAnswer {
            status: *status,
            headers: Vec::new(),
            body: Value::Null,
            delay: Duration::ZERO,
            fail: None,
        };
        Mock {
            comes_first: false,
            file: file.into(),
            template: text("template"),
            method: text("method"),
            url: text("url"),
            body: request.get("body").cloned(),
            answers: statuses.iter().map(answer).collect(),
        }
    }

    #[test]
    fn stars_stand_for_text() {
        for (pattern, text, fits) in [
            ("https://*.acme.example/v1/*", "https://eu.acme.example/v1/7", true),
            ("https://*.acme.example/v1/*", "https://eu.acme.example/v1/7/notes", false),
            ("https://*.acme.example/v1/**", "https://eu.acme.example/v1/7/notes", true),
            ("https://a.example", "https://a.example/", true),
            ("https://a.example/x", "https://a.example/x?y=1", true),
            ("https://a.example/x?y=*", "https://a.example/x?y=1", true),
            ("https://a.example/x?y=2", "https://a.example/x?y=1", false),
            ("https://a.example/x", "https://a.example/xy", false),
        ] {
            assert_eq!(url_fits(pattern, text), fits, "{pattern} {text}");
        }
        assert!(wild("*@acme.example", "ada/b@acme.example", false));
        assert!(!wild("", "x", false) && wild("", "", false) && wild("*", "", false));
    }

    #[test]
    fn the_mock_that_says_most_answers() {
        let by_template = mock("a.json", &json!({"template": "add"}), &[201]);
        let by_body =
            mock("b.json", &json!({"template": "add", "body": {"user": {"email": "*@acme.example"}}}), &[409]);
        let by_url = mock("c.json", &json!({"method": "POST", "url": "https://crm.example/**"}), &[200]);
        let longer = mock("d.json", &json!({"method": "POST", "url": "https://crm.example/v1/*"}), &[202]);
        let mocks = Mocks::new(&[by_url, longer, by_template, by_body], &Secrets::default());
        let file = |template, body: &str| {
            let request = request(template, "POST", "https://crm.example/v1/users", body);
            mocks.file(&request).map(|file| file.display().to_string())
        };
        assert_eq!(file(Some("add"), r#"{"user": {"email": "ada@acme.example", "id": 1}}"#).as_deref(), Some("b.json"));
        assert_eq!(file(Some("add"), r#"{"user": {"email": "ada@other.example"}}"#).as_deref(), Some("a.json"));
        assert_eq!(file(None, "").as_deref(), Some("d.json"));
        let get = request(None, "GET", "https://crm.example/v1/users", "");
        assert_eq!(mocks.file(&get), None);
    }

    #[test]
    fn a_sequence_goes_on_with_its_last_answer_and_begins_anew_with_each_event() {
        let mut mocks = Mocks::new(&[mock("a.json", &json!({"template": "add"}), &[503, 200])], &Secrets::default());
        let request = request(Some("add"), "GET", "https://crm.example/", "");
        let mut status = || match mocks.answer(&request) {
            Some((Sent::Answered { status, .. }, _)) => status,
            _ => 0,
        };
        assert_eq!([status(), status(), status()], [503, 200, 200]);
        mocks.begin();
        assert!(matches!(mocks.answer(&request), Some((Sent::Answered { status: 503, .. }, _))));
    }

    #[test]
    fn what_is_missing_is_shown_as_the_file_to_write_without_secrets() {
        let secrets = Secrets::new([("token".to_owned(), "s3cr3t".to_owned())]);
        let wrong = mock("mocks/other.json", &json!({"url": "https://crm.example/**", "body": {"a": 1}}), &[200]);
        let mocks = Mocks::new(&[wrong], &secrets);
        let request = request(None, "POST", "https://crm.example/v1/s3cr3t?x=1", "{}");
        let finding = mocks.missing(&request, &secrets);
        let hints = finding.hints.join("\n");
        assert!(hints.contains("`mocks/other.json` would"), "{hints}");
        assert!(hints.contains("{{iparam.token}}") && !hints.contains("s3cr3t?"), "{hints}");
        let text = finding.hints[1].split_once(":\n").map_or("", |(_, text)| text);
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        assert_eq!(value["request"]["url"], "https://crm.example/v1/{{iparam.token}}");
        assert!(finding.hints[1].starts_with("write `mocks/post-crm.example-v1-token.json`"), "{hints}");
    }
}
