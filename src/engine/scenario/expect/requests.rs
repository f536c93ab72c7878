//! Requests that are expected: each among those that were sent, or all of them in their order.

use serde_json::Value;

use super::{difference, wrong_count};
use crate::engine::scenario::compare::Reading;
use crate::model::Difference;
use crate::platform::MadeRequest;
use crate::text::json::Node;

pub(super) fn request(
    what: &str,
    wanted: &Node,
    requests: &[MadeRequest],
    reading: Reading<'_>,
    is_wanted: bool,
) -> Vec<Difference> {
    let compared: Vec<Vec<Difference>> =
        requests.iter().map(|request| request_differences(what, wanted, request, reading)).collect();
    let count = compared.iter().filter(|differences| differences.is_empty()).count();
    let Some(wrong) = wrong_count(wanted, count, is_wanted, "request as described here") else { return Vec::new() };
    // Of one that comes close it is worth knowing in what it differs.
    let is_close = |differences: &&Vec<Difference>| {
        !differences.iter().any(|one| one.what == format!("{what}.template") || one.what == format!("{what}.method"))
    };
    let nearest = compared.iter().filter(is_close).min_by_key(|differences| differences.len());
    if let Some(nearest) = nearest.filter(|_| is_wanted && count == 0) {
        return nearest.clone();
    }
    let sent: Vec<String> = requests.iter().map(name).collect();
    let actual = if sent.is_empty() { "no request".to_owned() } else { sent.join(", ") };
    vec![difference(what, wrong, actual, wanted, reading)]
}

fn name(request: &MadeRequest) -> String {
    match &request.template {
        Some(template) => format!("{template} ({} {})", request.method, request.url),
        None => format!("{} {}", request.method, request.url),
    }
}

fn request_differences(what: &str, wanted: &Node, request: &MadeRequest, reading: Reading<'_>) -> Vec<Difference> {
    let MadeRequest { template, context, method, url, body } = request;
    let actual = |key: &str| match key {
        "template" => template.as_deref().map(Value::from),
        "context" => context.clone(),
        "method" => Some(method.as_str().into()),
        "url" => Some(url.as_str().into()),
        "body" => Some(body.clone()),
        _ => None,
    };
    let members = wanted.members().unwrap_or_default().iter().filter(|member| member.key != "count");
    members
        .flat_map(|member| {
            reading.differences(&format!("{what}.{}", member.key), &member.value, actual(&member.key).as_ref())
        })
        .collect()
}

/// The requests of the list, each after the one before it; others may stand between them.
pub(super) fn in_order(wanted: &Node, requests: &[MadeRequest], reading: Reading<'_>) -> Option<Difference> {
    let mut rest = requests.iter().enumerate();
    let mut last: Option<usize> = None;
    for (at, wanted) in wanted.items().unwrap_or_default().iter().enumerate() {
        let what = format!("requests.in_order[{at}]");
        let fits =
            |(_, request): &(usize, &MadeRequest)| request_differences(&what, wanted, request, reading).is_empty();
        if let Some((found, _)) = rest.find(fits) {
            last = Some(found);
            continue;
        }
        let sent: Vec<String> = requests.iter().map(name).collect();
        let actual = if sent.is_empty() { "no request".to_owned() } else { sent.join(", ") };
        let after = last.and_then(|last| requests.get(last)).map(|last| format!(" after {}", name(last)));
        let expected = format!("a request as described here{}", after.unwrap_or_default());
        return Some(difference(&what, expected, actual, wanted, reading));
    }
    None
}
