//! `config/requests.json`: request templates, by name.

use std::net::IpAddr;

use crate::model::{Code, Finding, Findings};
use crate::schema::Schemas;
use crate::text::json::{self, Kind, Member, Node, escape_token, place_at};
use crate::text::{Source, list, nearest};

use super::substitute::faults;

/// The methods that templates can have.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// The request templates that an app defines.
#[derive(Debug, Clone)]
pub struct Templates {
    /// Their names.
    pub names: Vec<String>,
    /// Whether there is a `config/requests.json`.
    pub has_file: bool,
}

/// What is said of a template that an app does not define.
pub(in crate::app) fn undefined_template(name: &str, has_file: bool) -> String {
    if has_file {
        format!("`config/requests.json` defines no request template `{name}`")
    } else {
        format!("there is no `config/requests.json` that could define the request template `{name}`")
    }
}

/// Every fault of `config/requests.json`.
pub fn check_requests(schemas: &Schemas, source: &Source) -> Findings {
    let (node, mut findings) = json::read(source);
    let Some(node) = node else { return findings };
    for Member { key, value, .. } in node.members().unwrap_or_default() {
        let Some(schema) = value.get("schema").filter(|schema| schema.members().is_some()) else { continue };
        let pointer = format!("/{}/schema", escape_token(key));
        Template { source, root: &node, name: key, pointer: &pointer, schema }.check(&mut findings);
        substitutions(source, schema, &pointer, &mut findings);
    }
    json::add_unsaid(&mut findings, schemas.check("requests", &node, source));
    findings
}

/// Substitutions that can never be made, in any text of a template.
fn substitutions(source: &Source, node: &Node, pointer: &str, findings: &mut Findings) {
    match &node.kind {
        Kind::String(text) => {
            let raw = source.text().get(node.range.clone()).unwrap_or_default();
            let starts: Vec<usize> = raw.match_indices("<%=").map(|(at, _)| node.range.start + at).collect();
            for (index, why) in faults(text).enumerate().filter_map(|(index, fault)| Some((index, fault?))) {
                let range = starts.get(index).map_or(node.range.clone(), |&start| {
                    let rest = source.text().get(start..node.range.end - 1).unwrap_or_default();
                    start..start + rest.find("%>").map_or(rest.len(), |end| end + 2)
                });
                let what = format!("the platform cannot make the substitution {why}");
                findings.push(Finding::new(Code::BadRequestTemplate, what).at(place_at(source, range, pointer)));
            }
        }
        Kind::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                substitutions(source, item, &format!("{pointer}/{index}"), findings);
            }
        }
        Kind::Object(members) => {
            for Member { key, value, .. } in members {
                substitutions(source, value, &format!("{pointer}/{}", escape_token(key)), findings);
            }
        }
        _ => {}
    }
}

struct Template<'a> {
    source: &'a Source,
    root: &'a Node,
    name: &'a str,
    pointer: &'a str,
    schema: &'a Node,
}

impl Template<'_> {
    fn check(&self, findings: &mut Findings) {
        self.missing(findings);
        let found =
            [("protocol", self.protocol()), ("method", self.method()), ("host", self.host()), ("path", self.path())];
        for (key, fault) in found {
            let (Some((what, hint)), Some(node)) = (fault, self.schema.get(key)) else { continue };
            let place = node.place(self.source, &format!("{}/{key}", self.pointer));
            findings.push(Finding::new(Code::BadRequestTemplate, what).at(place).maybe_hint(hint));
        }
    }

    fn missing(&self, findings: &mut Findings) {
        let missing: Vec<&str> = ["method", "host"].into_iter().filter(|key| self.schema.get(key).is_none()).collect();
        if missing.is_empty() {
            return;
        }
        let what = format!("the template `{}` has no {}", self.name, list(missing.iter().copied()));
        let range = self.root.key_range(self.pointer).unwrap_or_else(|| self.schema.range.clone());
        findings.push(Finding::new(Code::BadRequestTemplate, what).at(place_at(self.source, range, self.pointer)));
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.schema.get(key).and_then(Node::as_str)
    }

    fn protocol(&self) -> Option<(String, Option<String>)> {
        let protocol = self.text("protocol").filter(|text| !text.eq_ignore_ascii_case("https"))?;
        Some((
            format!("the protocol is `{protocol}`, the platform sends by HTTPS only"),
            Some("write `\"https\"`".to_owned()),
        ))
    }

    fn method(&self) -> Option<(String, Option<String>)> {
        let method = self.text("method")?;
        if METHODS.iter().any(|known| known.eq_ignore_ascii_case(method)) {
            return None;
        }
        let hint = nearest(method, METHODS).map(|near| format!("did you mean `{near}`?"));
        Some((format!("the method is `{method}`, one of {} was expected", list(METHODS)), hint))
    }

    /// The host may be put together from parameters; what is written out must be a domain's name.
    fn host(&self) -> Option<(String, Option<String>)> {
        let host = self.text("host")?;
        if host.trim().is_empty() {
            return Some(("the host is empty, a domain's name was expected".to_owned(), None));
        }
        if let Some((protocol, rest)) = host.split_once("://") {
            let domain = rest.split('/').next().unwrap_or(rest);
            let what = format!("the host begins with `{protocol}://`, a domain's name alone was expected");
            return Some((what, Some(format!("write `\"{domain}\"`"))));
        }
        if host.contains("<%") {
            return None;
        }
        if is_address(host) {
            return Some((format!("the host `{host}` is an IP address, the platform calls domains only"), None));
        }
        let (domain, path) = host.split_once('/')?;
        let hint = Some(format!("write `\"{domain}\"`, and `/{path}` in `path`"));
        Some(("the host goes on with a path, a domain's name alone was expected".to_owned(), hint))
    }

    fn path(&self) -> Option<(String, Option<String>)> {
        let path =
            self.text("path").filter(|path| !path.is_empty() && !path.starts_with('/') && !path.starts_with("<%"))?;
        Some(("the path does not begin with `/`".to_owned(), Some(format!("write `\"/{path}\"`"))))
    }
}

fn is_address(host: &str) -> bool {
    let bare = host.trim_start_matches('[').split(']').next().unwrap_or(host);
    let without_port = host.rsplit_once(':').map_or(host, |(name, _)| name);
    bare.parse::<IpAddr>().is_ok() || without_port.parse::<IpAddr>().is_ok()
}
