//! Declarations as text.

use super::platform::GLOBALS;
use super::read::inline;
use super::{Attribute, Body, Declaration, is_identifier, key};

/// How wide comments may get.
const WIDTH: usize = 110;

/// A `.d.ts` file: a module, whose globals are those of an app's code.
pub(super) fn typescript(declarations: &[Declaration]) -> String {
    let mut text = String::from(
        "// Made by `simctl schema types --lang ts`: what an app is handed, and what it finds around it.\n",
    );
    for Declaration { name, parameter, doc, body } in declarations {
        let parameter = parameter.map(|(name, of)| match of {
            "any" => format!("<{name}>"),
            of => format!("<{name} extends {of}>"),
        });
        let parameter = parameter.unwrap_or_default();
        text.push('\n');
        comment(&mut text, "", doc);
        match body {
            Body::Alias(of) => text.push_str(&format!("export type {name}{parameter} = {of};\n")),
            Body::Object(attributes) => {
                text.push_str(&format!("export interface {name}{parameter} {{\n"));
                for Attribute { name, doc, optional, of } in attributes {
                    comment(&mut text, "  ", doc);
                    text.push_str(&format!("  {}{}: {of};\n", key(name), if *optional { "?" } else { "" }));
                }
                text.push_str("}\n");
            }
        }
    }
    text.push('\n');
    text + GLOBALS
}

/// A `.js` file that holds nothing but types.
pub(super) fn jsdoc(declarations: &[Declaration]) -> String {
    let mut text = String::from(
        "// Made by `simctl schema types --lang jsdoc`: what an app is handed, and what it finds around it.\n",
    );
    for Declaration { name, parameter, doc, body } in declarations {
        text.push_str("\n/**\n");
        for line in wrapped(doc, WIDTH) {
            text.push_str(&format!(" * {line}\n"));
        }
        if let Some((parameter, of)) = parameter {
            let of = if *of == "any" { String::new() } else { format!("{{{of}}} ") };
            text.push_str(&format!(" * @template {of}{parameter}\n"));
        }
        match body {
            Body::Alias(of) => text.push_str(&format!(" * @typedef {{{of}}} {name}\n")),
            // A name in quotes cannot be told as a property.
            Body::Object(attributes) if attributes.iter().any(|attribute| !is_identifier(&attribute.name)) => {
                text.push_str(&format!(" * @typedef {{{}}} {name}\n", safe(&inline(attributes))));
            }
            Body::Object(attributes) => {
                text.push_str(&format!(" * @typedef {{object}} {name}\n"));
                for Attribute { name, doc, optional, of } in attributes {
                    let name = if *optional { format!("[{name}]") } else { name.clone() };
                    let doc = wrapped(doc, usize::MAX).join(" ");
                    text.push_str(format!(" * @property {{{}}} {name} {doc}", safe(of)).trim_end());
                    text.push('\n');
                }
            }
        }
        text.push_str(" */\n");
    }
    text.push_str("\nexport {};\n");
    text
}

/// A doc comment, where there is something to say.
fn comment(text: &mut String, indent: &str, doc: &str) {
    let lines = wrapped(doc, WIDTH - indent.len());
    match &lines[..] {
        [] => {}
        [one] => text.push_str(&format!("{indent}/** {one} */\n")),
        lines => {
            text.push_str(&format!("{indent}/**\n"));
            for line in lines {
                text.push_str(&format!("{indent} * {line}\n"));
            }
            text.push_str(&format!("{indent} */\n"));
        }
    }
}

/// The text in lines. What would end a comment, begin a tag of one or reach a terminal is taken out of it.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut lines: Vec<String> = Vec::new();
    for word in safe(&text).split_whitespace() {
        let word = if word.starts_with('@') { word.replacen('@', "\u{201c}@\u{201d}", 1) } else { word.to_owned() };
        match lines.last_mut() {
            Some(line) if line.chars().count().saturating_add(word.chars().count()) < width => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// Without what ends a comment.
fn safe(text: &str) -> String {
    text.replace("*/", "* /")
}
