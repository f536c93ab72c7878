//! The callbacks that the manifest names, beside those that `server.js` defines.

use crate::app::script::exports::{Export, Form, Via};
use crate::model::{Code, Finding, Findings, Place};
use crate::text::{list, nearest};

use super::facts::Def;
use super::{File, Wants};

/// Whether a name is one that people give to event callbacks.
pub(super) fn looks_like_callback(name: &str) -> bool {
    let on = name.strip_prefix("on").and_then(|rest| rest.chars().next()).is_some_and(char::is_uppercase);
    on || name.ends_with("Callback") || name.ends_with("Handler")
}

/// Callbacks that are not there, that the packer does not see, and that nobody calls.
pub(super) fn check(files: &[File], wants: &Wants, findings: &mut Findings) {
    let Some(server) = files.first().filter(|server| server.is_sound) else { return };
    for wanted in &wants.callbacks {
        if !is_there(server, &wanted.name) && !server.contents.exports.open {
            findings.push(missing(server, &wanted.name, &wanted.place));
        }
    }
    for (name, place) in &wants.declared_functions {
        if !is_there(server, name) && !server.contents.exports.open {
            findings.push(undefined_function(server, name, place));
        }
    }
    let wanted =
        |name: &str| wants.callbacks.iter().any(|wanted| wanted.name == name) || wants.functions.contains(name);
    for export in &server.contents.exports.names {
        if wanted(&export.name) {
            findings.extend(blind(export).filter(|_| !is_literal(server, export)));
        } else if is_unused(files, server, export) {
            let what = format!("`{}` is exported, and no event in the manifest names it", export.name);
            let hint = "subscribe an event with it, or take it away";
            findings.push(Finding::new(Code::UnusedCallback, what).at(export.place.clone()).hint(hint));
        }
    }
    for lib in files.iter().skip(1).filter(|lib| lib.is_sound) {
        let by_module = |export: &&Export| matches!(export.via, Via::ModuleExports | Via::ModuleMember);
        if let Some(export) = lib.contents.exports.names.iter().find(by_module) {
            let what = "this file exports by `module.exports`, which the platform's packer does not take";
            let hint = "write `exports = { … };`";
            findings.push(Finding::new(Code::PackerBlind, what).at(export.place.clone()).hint(hint));
        }
    }
}

fn is_there(server: &File, name: &str) -> bool {
    server.contents.exports.names.iter().any(|export| export.name == name && !is_literal(server, export))
}

/// Whether what is exported is surely no function.
fn is_literal(server: &File, export: &Export) -> bool {
    export.form == Form::Value
        && offset(&export.place).and_then(|at| server.facts.values.get(&at)).is_some_and(|def| *def == Def::Literal)
}

/// Where an exported name starts.
pub(super) fn offset(place: &Place) -> Option<usize> {
    Some(place.span?.start.offset)
}

fn missing(server: &File, name: &str, place: &Place) -> Finding {
    let file = server.source.file().display();
    let names = || server.contents.exports.names.iter().map(|export| export.name.as_str());
    if names().any(|known| known == name) {
        let what = format!("`{name}` in `{file}` is not a function");
        return Finding::new(Code::UnknownCallback, what).at(place.clone()).hint(write(name));
    }
    let finding = Finding::new(Code::UnknownCallback, format!("`{file}` exports no callback `{name}`"));
    let hint = match (nearest(name, names()), names().next()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(_)) => format!("it exports {}", list(names())),
        (None, None) => write(name),
    };
    finding.at(place.clone()).hint(hint)
}

fn undefined_function(server: &File, name: &str, place: &Place) -> Finding {
    let file = server.source.file().display();
    let what = format!("`{file}` exports no function `{name}`, which the manifest declares");
    let names = server.contents.exports.names.iter().map(|export| export.name.as_str());
    let hint = match nearest(name, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write `exports = {{ {name}: function (args) {{ … }} }};`, or take the declaration away"),
    };
    Finding::new(Code::UndefinedFunction, what).at(place.clone()).hint(hint)
}

fn write(name: &str) -> String {
    format!("write `exports = {{ {name}: function (payload) {{ … }} }};`")
}

/// A form that runs and that the packer does not see.
fn blind(export: &Export) -> Option<Finding> {
    let how = match (export.via, export.form) {
        (Via::ModuleExports | Via::ModuleMember, _) => "is exported by `module.exports`",
        (Via::Member, _) => "is assigned to a member of `exports`",
        (Via::Indirect, _) => "comes from another object",
        (Via::Literal, Form::Arrow) => "is an arrow function",
        (Via::Literal, Form::Name) => "is the name of a function that stands elsewhere",
        (Via::Literal, Form::Value) => "is no function expression",
        (Via::Literal, Form::Function | Form::Method) => return None,
    };
    let name = &export.name;
    let what = format!("`{name}` {how}: it runs, but the platform's packer does not see it");
    let before = if export.is_async { "async " } else { "" };
    let hint = format!("write `exports = {{ {name}: {before}function (payload) {{ … }} }};`");
    Some(Finding::new(Code::PackerBlind, what).at(export.place.clone()).hint(hint))
}

fn is_unused(files: &[File], server: &File, export: &Export) -> bool {
    let is_function = match export.form {
        Form::Function | Form::Method | Form::Arrow => true,
        Form::Name | Form::Value => offset(&export.place)
            .and_then(|at| server.facts.values.get(&at))
            .is_some_and(|def| matches!(def, Def::Function(_))),
    };
    is_function
        && looks_like_callback(&export.name)
        && !server.contents.exports.legacy_events.iter().any(|legacy| legacy.callback == export.name)
        && !files.iter().any(|file| file.facts.mentioned.contains(&export.name))
}
