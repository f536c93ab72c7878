//! What a new app is made of: the files in `template/`, and a manifest that subscribes the events.

use include_dir::{Dir, include_dir};
use serde_json::{Map, Value, json};

use crate::app::catalogue::{HOME_MODULE, HOME_PRODUCT};
use crate::model::Platform;
use crate::schema::{EventSchema, Schemas, payload_type};

static TEMPLATE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/src/commands/init/template");

/// The request template that the callbacks of users' events use.
const REQUEST: &str = "keepContact";

/// One file of the app.
#[derive(Debug)]
pub(super) struct AppFile {
    /// Where, relative to the app's folder, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

/// All files of an app that subscribes `events`.
pub(super) fn of(schemas: &Schemas, platform: Platform, events: &[String]) -> Vec<AppFile> {
    let known: Vec<&EventSchema> =
        events.iter().filter_map(|event| schemas.event(event)).map(|event| &**event).collect();
    let server = server(&known);
    let requests = server.contains(REQUEST);
    let mut files = vec![
        AppFile { path: "manifest.json".to_owned(), text: manifest(platform, &known, requests) },
        AppFile { path: "server/server.js".to_owned(), text: server },
    ];
    let mut copy = |path: &str| files.push(AppFile { path: path.to_owned(), text: template(path).to_owned() });
    if requests {
        copy("config/requests.json");
        copy("mocks/keepContact.json");
    }
    copy("simctl.json");
    copy(".github/workflows/simctl.yml");
    files.extend(known.iter().map(|event| scenario(event)));
    files
}

/// The text of a file in `template/`; a test holds that those which are asked for are there.
fn template(path: &str) -> &'static str {
    TEMPLATE.get_file(path).and_then(|file| file.contents_utf8()).unwrap_or_default()
}

/// The file of an event, or the one for any other, with the event's name put in.
fn for_event(event: &EventSchema, own: &str, other: &str) -> String {
    if TEMPLATE.get_file(own).is_some() {
        return template(own).to_owned();
    }
    let mut summary = event.summary().to_owned();
    if let Some(first) = summary.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let summary = if summary.is_empty() { event.name().to_owned() } else { summary };
    let text = template(other).replace("EVENT", event.name()).replace("PAYLOAD", &payload_type(event.name()));
    text.replace("SUMMARY", &summary.replace("*/", "* /"))
}

fn server(events: &[&EventSchema]) -> String {
    let callbacks: Vec<String> = events
        .iter()
        .map(|event| {
            let other = if event.ends_by_render() { "server/setup.js" } else { "server/other.js" };
            for_event(event, &format!("server/{}.js", event.name()), other)
        })
        .collect();
    let callbacks: Vec<&str> = callbacks.iter().map(|text| text.trim_end()).collect();
    let callbacks = callbacks.join(",\n\n");
    let helper = if callbacks.contains(REQUEST) { template("server/keep-contact.js") } else { "" };
    format!("{}{helper}\nexports = {{\n{callbacks}\n}};\n", template("server/head.js"))
}

fn scenario(event: &EventSchema) -> AppFile {
    let path = format!("tests/{}.scenario.yaml", event.name());
    let text = for_event(event, &path, "tests/other.scenario.yaml");
    AppFile { path, text }
}

fn manifest(platform: Platform, events: &[&EventSchema], requests: bool) -> String {
    let requests = if requests { json!({ "requests": { REQUEST: {} } }) } else { json!({}) };
    let manifest = match platform {
        Platform::V3 => {
            let mut modules = Map::from_iter([("common".to_owned(), requests), (HOME_MODULE.to_owned(), json!({}))]);
            for event in events {
                let module = if event.module().is_empty() { HOME_MODULE } else { event.module() };
                subscribe(&mut modules, module, event);
            }
            let engines = json!({ "node": "18.20.8", "fdk": "9.7.4" });
            json!({ "platform-version": "3.0", "modules": modules, "engines": engines })
        }
        Platform::V2 => {
            let mut products = Map::from_iter([(HOME_PRODUCT.to_owned(), requests)]);
            for event in events {
                let product = if event.product().is_empty() { HOME_PRODUCT } else { event.product() };
                subscribe(&mut products, product, event);
            }
            json!({ "platform-version": "2.3", "product": products })
        }
    };
    format!("{manifest:#}\n")
}

/// Subscribes the event in the module or product of that name.
fn subscribe(hosts: &mut Map<String, Value>, host: &str, event: &EventSchema) {
    let host = hosts.entry(host).or_insert_with(|| json!({}));
    host["events"][event.name()] = json!({ "handler": format!("{}Callback", event.name()) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_of_an_app_is_empty_or_has_a_word_left_to_replace() {
        let schemas = Schemas::embedded();
        let events: Vec<String> = schemas.events().map(str::to_owned).collect();
        for file in of(&schemas, Platform::V3, &events) {
            assert!(!file.text.trim().is_empty(), "{}", file.path);
            let left = ["EVENT", "SUMMARY", "PAYLOAD"].into_iter().find(|word| file.text.contains(word));
            assert_eq!(left, None, "{}", file.path);
        }
    }
}
