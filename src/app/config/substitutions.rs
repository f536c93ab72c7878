//! `<%= iparam.x %>` in `config/requests.json`: the installation parameters that requests are filled in with.

use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;

use crate::model::{Code, Finding, Findings};
use crate::text::json::{self, Kind, Member, Node, escape_token, place_at};
use crate::text::{Source, list, nearest};

/// What parameters are called within a substitution.
const PARAMETERS: &str = "iparam.";
/// More declared names than this are not listed.
const MOST_LISTED: usize = 12;

/// Parameters that the templates use and that `config/iparams.json` of the app at `root` does not declare. Nothing where that
/// file is not there or cannot be read, or where the app asks for its parameters by a page of its own.
pub fn check_substitutions(source: &Source, root: &Path) -> Findings {
    let Some(declared) = declared(root) else { return Vec::new() };
    let Some(node) = json::read(source).0 else { return Vec::new() };
    let mut findings = Findings::new();
    search(source, &node, "", &declared, &mut findings);
    findings
}

/// The installation parameters that an app declares; `None` where nobody knows all of them.
pub(in crate::app) fn declared(root: &Path) -> Option<HashSet<String>> {
    if root.join("config/iparams.html").exists() {
        return None;
    }
    let node = json::read(&Source::probe(&root.join("config/iparams.json"))?).0?;
    Some(node.members()?.iter().map(|member| member.key.clone()).collect())
}

fn search(source: &Source, node: &Node, pointer: &str, declared: &HashSet<String>, findings: &mut Findings) {
    match &node.kind {
        Kind::String(_) => {
            for (name, range) in used(source.text(), node.range.clone()) {
                if !declared.contains(name) {
                    let what = format!("`config/iparams.json` declares no installation parameter `{name}`");
                    let finding = Finding::new(Code::UnknownIparam, what).at(place_at(source, range, pointer));
                    findings.push(finding.maybe_hint(hint(name, declared)));
                }
            }
        }
        Kind::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                search(source, item, &format!("{pointer}/{index}"), declared, findings);
            }
        }
        Kind::Object(members) => {
            for Member { key, value, .. } in members {
                search(source, value, &format!("{pointer}/{}", escape_token(key)), declared, findings);
            }
        }
        _ => {}
    }
}

/// The parameters that a stretch of text names between `<%` and `%>`, and where.
fn used(text: &str, range: Range<usize>) -> Vec<(&str, Range<usize>)> {
    let mut found = Vec::new();
    let Some(whole) = text.get(range.clone()) else { return found };
    let mut at = 0;
    while let Some(open) = whole[at..].find("<%").map(|open| at + open) {
        let Some(close) = whole[open..].find("%>").map(|close| open + close) else { break };
        for (start, _) in whole[open..close].match_indices(PARAMETERS) {
            let name = open + start + PARAMETERS.len();
            let is_own_word = !whole[..open + start].ends_with(|c: char| is_of_name(c) || c == '.');
            let length = whole[name..close].find(|c: char| !is_of_name(c)).unwrap_or(close - name);
            if is_own_word && length > 0 {
                let start = range.start + name;
                found.push((&text[start..start + length], start..start + length));
            }
        }
        at = close;
    }
    found
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

fn hint(name: &str, declared: &HashSet<String>) -> Option<String> {
    let near = nearest(name, declared.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
    near.or_else(|| {
        let mut names: Vec<&str> = declared.iter().map(String::as_str).collect();
        names.sort_unstable();
        (!names.is_empty() && names.len() <= MOST_LISTED).then(|| format!("it declares {}", list(names)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_within_a_substitution_are_found_and_no_others() {
        let text =
            r#"{"a": "iparam.no <%= iparam.one %>-<%=encode(iparam.two + \":\" + my_iparam.no)%> iparam.no <% iparam."#;
        let names: Vec<&str> = used(text, 0..text.len()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["one", "two"]);
        assert_eq!(used("<%= iparam.é %>", 0..16)[0].0, "é");
        assert_eq!(used("<%%>", 0..4), []);
    }
}
