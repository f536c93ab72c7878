//! `<%= … %>` in request templates: installation parameters, the call's context, and a few more, joined by `+`.

use serde_json::{Map, Value};

use crate::text::{list, nearest};

/// What substitutions can name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) iparams: Option<&'a Map<String, Value>>,
    pub(super) context: Option<&'a Value>,
    /// `currentHost` of the event's payload.
    pub(super) current_host: Option<&'a Value>,
    /// None where there is none to send.
    pub(super) access_token: Option<&'a str>,
}

/// `text` with every substitution made.
///
/// # Errors
/// What cannot be substituted, and why.
pub(super) fn substitute(text: &str, names: Names<'_>) -> Result<String, String> {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<%=") {
        let Some((inside, after)) = after.split_once("%>") else {
            return Err(format!("`<%={after}` has no `%>`"));
        };
        done += before;
        let mut reader = Reader { text: inside, at: 0, names };
        done += &reader.whole().map_err(|why| format!("`<%={inside}%>`: {why}"))?;
        rest = after;
    }
    Ok(done + rest)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    names: Names<'a>,
}

impl Reader<'_> {
    fn whole(&mut self) -> Result<String, String> {
        let text = self.sum(0)?;
        match self.rest().chars().next() {
            None => Ok(text),
            Some(c) => Err(format!("`{c}` was not expected")),
        }
    }

    /// What is left, without blanks before it.
    fn rest(&mut self) -> &str {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        &self.text[self.at..]
    }

    fn take(&mut self, sign: char) -> bool {
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len_utf8();
        }
        found
    }

    fn sum(&mut self, depth: usize) -> Result<String, String> {
        let mut text = self.term(depth)?;
        while self.take('+') {
            text += &self.term(depth)?;
        }
        Ok(text)
    }

    fn term(&mut self, depth: usize) -> Result<String, String> {
        if depth > 8 {
            return Err("it is nested too deep".to_owned());
        }
        let rest = self.rest();
        match rest.chars().next() {
            None => Err("a name was expected".to_owned()),
            Some(quote @ ('\'' | '"' | '`')) => {
                let inside = &rest[1..];
                let end = inside.find(quote).ok_or_else(|| format!("a text has no {quote} at its end"))?;
                let text = inside[..end].to_owned();
                self.at += end + 2;
                Ok(text)
            }
            Some(_) => {
                let path = self.path()?;
                if path != ["encode"] || !self.take('(') {
                    return self.value(&path);
                }
                let inside = self.sum(depth + 1)?;
                if self.take(')') { Ok(base64(inside.as_bytes())) } else { Err("`)` was expected".to_owned()) }
            }
        }
    }

    /// `a.b`, `a['b']`
    fn path(&mut self) -> Result<Vec<String>, String> {
        let mut path = vec![self.word()?];
        loop {
            if self.take('.') {
                path.push(self.word()?);
            } else if self.take('[') {
                let rest = self.rest();
                let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
                let quote = quote.ok_or("a name in quotes was expected after `[`")?;
                let end = rest[1..].find(quote).ok_or("`]` was expected")?;
                path.push(rest[1..=end].to_owned());
                self.at += end + 2;
                if !self.take(']') {
                    return Err("`]` was expected".to_owned());
                }
            } else {
                return Ok(path);
            }
        }
    }

    fn word(&mut self) -> Result<String, String> {
        let rest = self.rest();
        let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '-');
        let end = rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
        if end == 0 {
            return Err(match rest.chars().next() {
                Some(c) => format!("a name was expected, not `{c}`"),
                None => "a name was expected".to_owned(),
            });
        }
        let word = rest[..end].to_owned();
        self.at += end;
        Ok(word)
    }

    fn value(&self, path: &[String]) -> Result<String, String> {
        const KNOWN: [&str; 5] = ["iparam", "context", "access_token", "currentHost", "encode()"];
        let (root, rest) = path.split_first().map_or(("", path), |(root, rest)| (root.as_str(), rest));
        let iparams;
        let value = match root {
            "iparam" => {
                iparams = self.names.iparams.map_or(Value::Null, |all| Value::Object(all.clone()));
                Some(&iparams)
            }
            "context" => self.names.context,
            "currentHost" => match self.names.current_host {
                Some(host) => Some(host),
                None => return Err("the payload has no `currentHost`, which platform 3.0 sends".to_owned()),
            },
            "access_token" => {
                return self.names.access_token.map(str::to_owned).ok_or_else(|| {
                    "there is no access token: give one as the installation parameter `access_token`".to_owned()
                });
            }
            other => return Err(format!("`{other}` is none of {}", list(KNOWN))),
        };
        let shown = path.join(".");
        let Some((_, parents)) = rest.split_last() else {
            return Err(format!("`{shown}` is not one value, a name was expected after it"));
        };
        let down = |value: Option<&'_ Value>, key: &String| value.and_then(|value| value.get(key)).cloned();
        let mut found = value.cloned();
        for key in rest {
            let parent = found;
            found = down(parent.as_ref(), key);
            if found.is_none() {
                return Err(missing(&shown, parent.as_ref(), key, &path[..=parents.len()]));
            }
        }
        match found {
            Some(Value::String(text)) => Ok(text),
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(Value::Bool(value)) => Ok(value.to_string()),
            Some(Value::Null) | None => Err(format!("`{shown}` is null, a text was expected")),
            Some(Value::Array(_)) => Err(format!("`{shown}` is an array, a text was expected")),
            Some(Value::Object(_)) => Err(format!("`{shown}` is an object, a text was expected")),
        }
    }
}

fn missing(shown: &str, parent: Option<&Value>, key: &str, path: &[String]) -> String {
    let known = parent.and_then(Value::as_object).into_iter().flat_map(Map::keys).map(String::as_str);
    let near = nearest(key, known).map(|near| format!(", did you mean `{}.{near}`?", path.join(".")));
    format!("`{shown}` is not there{}", near.unwrap_or_default())
}

/// Base64 (RFC 4648), padded.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let all = (0..3).fold(0_usize, |all, index| all << 8 | usize::from(group.get(index).copied().unwrap_or(0)));
        for digit in 0..4 {
            let is_there = digit <= group.len();
            text.push(if is_there { char::from(ALPHABET[all >> (18 - digit * 6) & 63]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made(text: &str) -> Result<String, String> {
        let iparams = json!({"token": "t0k", "user": "ada", "port": 8443, "nested": {"a-b": "deep"}, "nothing": null});
        let (context, host) =
            (json!({"id": 7, "ok": true}), json!({"endpoint_urls": {"freshchat": "https://f.example"}}));
        let names = Names {
            iparams: iparams.as_object(),
            context: Some(&context),
            current_host: Some(&host),
            access_token: Some("acc"),
        };
        substitute(text, names)
    }

    #[test]
    fn each_kind_of_substitution_is_made() {
        for (text, expected) in [
            ("Bearer <%= iparam.token %>", "Bearer t0k"),
            ("<%=context.id%>/<%= context.ok %>", "7/true"),
            ("Basic <%= encode(iparam.user + ':' + iparam.token) %>", "Basic YWRhOnQwaw=="),
            ("<%= encode(encode(\"a\")) %>", "WVE9PQ=="),
            ("<%= access_token %>", "acc"),
            ("<%= currentHost.endpoint_urls.freshchat %>", "https://f.example"),
            ("<%= iparam.nested['a-b'] + \".x\" %>", "deep.x"),
            ("100 % > 5 <%", "100 % > 5 <%"),
        ] {
            assert_eq!(made(text).as_deref(), Ok(expected));
        }
        assert_eq!([b"".as_slice(), b"a", b"ab", b"abc"].map(base64), ["", "YQ==", "YWI=", "YWJj"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, why) in [
            ("<%= iparam.tokn %>", "`iparam.tokn` is not there, did you mean `iparam.token`?"),
            ("<%= context.email %>", "`context.email` is not there"),
            ("<%= currentHost.endpoint_urls.crm %>", "`currentHost.endpoint_urls.crm` is not there"),
            ("<%= iparam.nested %>", "is an object"),
            ("<%= iparam.nothing %>", "is null"),
            ("<%= iparam %>", "a name was expected after it"),
            ("<%= payload.x %>", "`payload` is none of"),
            ("<%= iparam.token", "has no `%>`"),
            ("<%= encode(iparam.token %>", "`)` was expected"),
            ("<%= iparam.token iparam.user %>", "`i` was not expected"),
            ("<%= %>", "a name was expected"),
            ("<%= 'x %>", "no ' at its end"),
        ] {
            let said = made(text);
            assert!(said.as_ref().is_err_and(|said| said.contains(why)), "{text}: {said:?}");
        }
        let none = Names { iparams: None, context: None, current_host: None, access_token: None };
        assert!(substitute("<%= access_token %>", none).is_err_and(|said| said.contains("no access token")));
        assert!(substitute("<%= currentHost.x %>", none).is_err_and(|said| said.contains("no `currentHost`")));
        assert!(substitute("<%= context.x %>", none).is_err_and(|said| said.contains("`context.x` is not there")));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken_without_harm(text in "(<%=|%>|[ -~ä'\\[\\].()+]){0,30}") {
            let _ = made(&text);
        }
    }
}
