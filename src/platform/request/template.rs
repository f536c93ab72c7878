//! A call of `$request` turned into a request: from a template of `config/requests.json`, or from a URL and options.

use std::time::Duration;

use serde_json::{Map, Value};

use super::outgoing::{self, Outgoing, SIZE_LIMIT};
use super::substitute::{Names, substitute};
use crate::app::{App, RequestCalls, Shape};
use crate::text::nearest;

/// The methods that a template can have.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// How long an answer is kept where the app asks for that and does not say how long, in milliseconds.
const USUAL_TTL_MS: u64 = 60_000;

/// A request that is refused before it is sent: a status, and why.
pub(super) type Refused = (u16, String);

/// A request, and for how long its answer may be given again.
pub(super) type Made = Result<(Outgoing, Option<Duration>), Refused>;

/// Whether the app's platform has `$request.METHOD`.
fn check_available(app: &App, method: &str) -> Result<(), Refused> {
    match RequestCalls::of(&app.manifest).refusal(method) {
        Some((what, instead)) => Err((405, format!("{what}: {instead}"))),
        None => Ok(()),
    }
}

/// `$request.invokeTemplate(name, options)`; `templates` is what `config/requests.json` holds.
pub(super) fn invoke(app: &App, templates: &Map<String, Value>, args: &[Value], names: Names<'_>) -> Made {
    check_available(app, "invokeTemplate")?;
    let Some(name) = args.first().and_then(Value::as_str).filter(|name| !name.is_empty()) else {
        return Err((400, "The name of a request template was expected, a text".to_owned()));
    };
    let Some(template) = templates.get(name) else {
        let near = nearest(name, templates.keys().map(String::as_str));
        let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
        return Err((404, format!("The request template `{name}` is not defined in config/requests.json{near}")));
    };
    if app.manifest.shape != Shape::Snippet && !app.declares_template(name) {
        return Err((404, format!("The request template `{name}` is not declared in `requests` of manifest.json")));
    }
    let options = options(args.get(1))?;
    let names = Names { context: options.get("context"), ..names };
    let mut request = from_template(name, template, names)?;
    request.body = match options.get("body") {
        None | Some(Value::Null) => None,
        Some(Value::String(body)) => Some(body.clone()),
        Some(_) => return Err((400, "`body` is a value, a text was expected: `JSON.stringify` makes one".to_owned())),
    };
    checked(request).map(|request| (request, time_to_live(&options)))
}

fn from_template(name: &str, template: &Value, names: Names<'_>) -> Result<Outgoing, Refused> {
    let faulty = |what: &str, why: String| (400, format!("The {what} of the request template `{name}`: {why}"));
    let schema = template.get("schema").and_then(Value::as_object);
    let schema = schema.ok_or_else(|| (400, format!("The request template `{name}` has no `schema`")))?;
    let text = |key: &str| match schema.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => substitute(text, names).map(Some).map_err(|why| faulty(key, why)),
        Some(other) => Err(faulty(key, format!("it is {other}, a text was expected"))),
    };
    if let Some(protocol) = text("protocol")?.filter(|protocol| !protocol.eq_ignore_ascii_case("https")) {
        return Err(faulty("protocol", format!("requests are sent by HTTPS only, and it is `{protocol}`")));
    }
    let method = text("method")?.unwrap_or_default().to_ascii_uppercase();
    if !METHODS.contains(&method.as_str()) {
        return Err(faulty("method", format!("`{method}` is none of {}", crate::text::list(METHODS))));
    }
    let host = text("host")?.unwrap_or_default();
    outgoing::check_host(&host).map_err(|why| faulty("host", why))?;
    let path = text("path")?.unwrap_or_default();
    let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
    let query = pairs(schema.get("query"), names).map_err(|(key, why)| faulty(&format!("query `{key}`"), why))?;
    let url = with_query(format!("https://{host}{slash}{path}"), &query);
    let mut request = Outgoing {
        template: Some(name.to_owned()),
        method,
        url,
        headers: pairs(schema.get("headers"), names).map_err(|(key, why)| faulty(&format!("header `{key}`"), why))?,
        body: None,
        is_json: false,
        attempts: 1,
        retry_delay: Duration::ZERO,
    };
    request.set_options(template.get("options")).map_err(|why| faulty("options", why))?;
    Ok(request)
}

/// `$request.get(url, options)` and the like.
pub(super) fn older(app: &App, method: &str, args: &[Value], names: Names<'_>) -> Made {
    check_available(app, method)?;
    let Some(url) = args.first().and_then(Value::as_str).filter(|url| !url.is_empty()) else {
        return Err((400, "A URL was expected, a text".to_owned()));
    };
    let options = options(args.get(1))?;
    let faulty = |what: &str, why: String| (400, format!("The {what} of the request: {why}"));
    let query = options.get("qs").or_else(|| options.get("query"));
    let query = pairs(query, names).map_err(|(key, why)| faulty(&format!("query `{key}`"), why))?;
    let url = substitute(url, names).map_err(|why| faulty("URL", why))?;
    let mut request = Outgoing {
        template: None,
        method: method.to_ascii_uppercase(),
        url: with_query(url, &query),
        headers: pairs(options.get("headers"), names).map_err(|(key, why)| faulty(&format!("header `{key}`"), why))?,
        body: None,
        is_json: options.get("json").is_some_and(|json| json != &Value::Bool(false) && !json.is_null()),
        attempts: 1,
        retry_delay: Duration::ZERO,
    };
    let kind = put_body(&mut request, &options)?;
    for (name, value) in kind {
        if !request.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            request.headers.push((name.to_owned(), value.to_owned()));
        }
    }
    request.set_options(Some(&Value::Object(options.clone()))).map_err(|why| (400, why))?;
    checked(request).map(|request| (request, time_to_live(&options)))
}

/// Puts the body of an older call into the request; the header fields that come with it.
fn put_body(
    request: &mut Outgoing,
    options: &Map<String, Value>,
) -> Result<Vec<(&'static str, &'static str)>, Refused> {
    const JSON: &str = "application/json";
    let mut fields = if request.is_json { vec![("accept", JSON)] } else { Vec::new() };
    let body = options.get("body").filter(|body| !body.is_null());
    let in_json = options.get("json").filter(|json| json.is_object() || json.is_array());
    if let Some(form) = options.get("form").and_then(Value::as_object) {
        let field = |(name, value): (&String, &Value)| {
            format!("{}={}", outgoing::component(name), outgoing::component(&plain(value)))
        };
        request.body = Some(form.iter().map(field).collect::<Vec<_>>().join("&"));
        fields.push(("content-type", "application/x-www-form-urlencoded"));
    } else if let Some(value) = body.filter(|_| request.is_json).or(in_json) {
        request.body = Some(value.to_string());
        fields.push(("content-type", JSON));
    } else if let Some(body) = body {
        let text = body.as_str().map(str::to_owned);
        request.body = Some(text.ok_or((400, "`body` is a value, a text or `json: true` was expected".to_owned()))?);
    }
    Ok(fields)
}

fn options(value: Option<&Value>) -> Result<Map<String, Value>, Refused> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(options)) => Ok(options.clone()),
        Some(_) => Err((400, "The second argument is not an object, options were expected".to_owned())),
    }
}

fn time_to_live(options: &Map<String, Value>) -> Option<Duration> {
    let is_kept = options.get("cache") == Some(&Value::Bool(true));
    let ttl = options.get("ttl").and_then(Value::as_u64).unwrap_or(USUAL_TTL_MS);
    is_kept.then(|| Duration::from_millis(ttl))
}

/// Header fields or a query: names, and values with their substitutions made.
///
/// # Errors
/// The name, and what is wrong with its value.
fn pairs(value: Option<&Value>, names: Names<'_>) -> Result<Vec<(String, String)>, (String, String)> {
    let members = value.and_then(Value::as_object).into_iter().flatten();
    members
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| match substitute(&plain(value), names) {
            Ok(value) => Ok((name.clone(), value)),
            Err(why) => Err((name.clone(), why)),
        })
        .collect()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn with_query(url: String, query: &[(String, String)]) -> String {
    let pair =
        |(name, value): &(String, String)| format!("{}={}", outgoing::component(name), outgoing::component(value));
    let query: Vec<String> = query.iter().map(pair).collect();
    match (query.is_empty(), url.contains('?')) {
        (true, _) => url,
        (false, true) => format!("{url}&{}", query.join("&")),
        (false, false) => format!("{url}?{}", query.join("&")),
    }
}

/// The request, if the platform sends it.
fn checked(mut request: Outgoing) -> Result<Outgoing, Refused> {
    request.url = outgoing::url(&request.url).map_err(|why| (400, why))?;
    for (name, value) in &request.headers {
        let is_name =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
        if !is_name || value.contains(['\r', '\n', '\0']) {
            return Err((400, format!("`{}` is not a header field that can be sent", name.escape_debug())));
        }
    }
    let size = request.body.as_ref().map_or(0, String::len);
    if size > SIZE_LIMIT {
        let why = format!("The body of the request is larger than {} MB: {size} bytes", SIZE_LIMIT >> 20);
        return Err((413, why));
    }
    Ok(request)
}
