//! What names in `<%= … %>` of request templates stand for: installation parameters, the call's context, and a few more.

use serde_json::{Map, Value};

use crate::app;
use crate::text::nearest;

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
    app::substitute(text, &|path| value(names, path))
}

fn value(names: Names<'_>, path: &[String]) -> Result<String, String> {
    let (root, rest) = path.split_first().map_or(("", path), |(root, rest)| (root.as_str(), rest));
    let iparams;
    let value = match root {
        "iparam" => {
            iparams = names.iparams.map_or(Value::Null, |all| Value::Object(all.clone()));
            Some(&iparams)
        }
        "context" => names.context,
        "currentHost" => match names.current_host {
            Some(host) => Some(host),
            None => return Err("the payload has no `currentHost`, which platform 3.0 sends".to_owned()),
        },
        "access_token" => {
            return names.access_token.map(str::to_owned).ok_or_else(|| {
                "there is no access token: give one as the installation parameter `access_token`".to_owned()
            });
        }
        other => return Err(format!("`{other}` is not known")),
    };
    let shown = path.join(".");
    let parents = rest.len().saturating_sub(1);
    let down = |value: Option<&'_ Value>, key: &String| value.and_then(|value| value.get(key)).cloned();
    let mut found = value.cloned();
    for key in rest {
        let parent = found;
        found = down(parent.as_ref(), key);
        if found.is_none() {
            return Err(missing(&shown, parent.as_ref(), key, &path[..=parents]));
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

fn missing(shown: &str, parent: Option<&Value>, key: &str, path: &[String]) -> String {
    let known = parent.and_then(Value::as_object).into_iter().flat_map(Map::keys).map(String::as_str);
    let near = nearest(key, known).map(|near| format!(", did you mean `{}.{near}`?", path.join(".")));
    format!("`{shown}` is not there{}", near.unwrap_or_default())
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
