//! What simctl knows about errors that come of what the platform does not have.

use crate::app::script::{INSTEAD_OF_MODULES, instead_of_global, instead_of_process};
use crate::model::Thrown;
use crate::text::{list, nearest};

use super::{HostGlobal, Module};

/// Why such an error may have come, where simctl knows. `globals` are what the platform puts into the app's realm.
pub(super) fn hint(thrown: &Thrown, entry: &Module, globals: &[HostGlobal]) -> Option<String> {
    let message = thrown.message.as_str();
    if is_module_syntax(thrown, entry) {
        return Some(INSTEAD_OF_MODULES.to_owned());
    }
    if let Some(name) = message.strip_suffix(" is not defined") {
        return missing_global(name.trim_matches('\''));
    }
    if let Some(called) = missing_member(thrown, entry) {
        return match called.split_once('.') {
            Some(("process", _)) => {
                Some(format!("`{called}` does not exist on the platform: {}", instead_of_process(&called)))
            }
            Some(("global" | "globalThis", name)) => missing_global(name),
            Some((object, method)) => missing_method(globals, object, method),
            None => None,
        };
    }
    if message.contains(", which the embedded runtime does not load") {
        return Some("run it with `--runtime node`".to_owned());
    }
    if message.starts_with("Cannot find module '") || message.starts_with("Cannot find package '") {
        return Some("if it is an npm package, run `npm install` in the app's `server/` folder".to_owned());
    }
    None
}

/// Whether it comes of an `import` or `export`: engines name either the word or what follows it.
fn is_module_syntax(thrown: &Thrown, entry: &Module) -> bool {
    let begins = |line: &str| ["import", "export"].into_iter().any(|word| line.trim_start().starts_with(word));
    thrown.name.as_deref() == Some("SyntaxError") && line_of(thrown, entry).is_some_and(begins)
}

/// A method that an object of the platform does not have.
fn missing_method(globals: &[HostGlobal], object: &str, method: &str) -> Option<String> {
    let methods = &globals.iter().find(|global| global.name == object)?.methods;
    if methods.is_empty() || methods.iter().any(|known| known == method) {
        return None;
    }
    let known = || methods.iter().map(String::as_str);
    let instead = match nearest(method, known()) {
        Some(near) => format!("did you mean `{object}.{near}`?"),
        None => format!("it has {}", list(known())),
    };
    Some(format!("`{object}` has no `{method}`: {instead}"))
}

/// The line of the entry file at the error's place, where it is in that file.
fn line_of<'e>(thrown: &Thrown, entry: &'e Module) -> Option<&'e str> {
    let frame = thrown.stack.first().filter(|frame| frame.file == entry.name)?;
    entry.source.lines().nth(usize::try_from(frame.line).ok()?.checked_sub(1)?)
}

fn missing_global(name: &str) -> Option<String> {
    if name == "Intl" {
        return Some("the embedded runtime has no `Intl`; run it with `--runtime node`".to_owned());
    }
    instead_of_global(name).map(|instead| format!("`{name}` does not exist on the platform: {instead}"))
}

/// What was called and is no function, as it stands in the source: `process.exit`. V8 names it in its message; for
/// QuickJS, which says `not a function` only, the source is asked what stands at the error's place.
fn missing_member(thrown: &Thrown, entry: &Module) -> Option<String> {
    if thrown.name.as_deref() != Some("TypeError") {
        return None;
    }
    if let Some(called) = thrown.message.strip_suffix(" is not a function") {
        return Some(called.to_owned());
    }
    let frame = thrown.stack.first().filter(|_| thrown.message == "not a function")?;
    let line = line_of(thrown, entry)?;
    let column = usize::try_from(frame.column).ok()?.checked_sub(1)?;
    let at = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
    called_at(line, at).map(str::to_owned)
}

/// The dotted name that is called in `line` and has the byte `at` in it, or ends there: the engine points at its last dot
/// or at the bracket behind it.
fn called_at(line: &str, at: usize) -> Option<&str> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.');
    let start = line[..at]
        .rfind(|c| !is_part(c))
        .map_or(0, |before| before + line[before..].chars().next().map_or(1, char::len_utf8));
    let end = line[at..].find(|c| !is_part(c)).map_or(line.len(), |length| at + length);
    let is_called = line[end..].trim_start().starts_with('(');
    (start < end && is_called).then(|| &line[start..end])
}

#[cfg(test)]
mod tests {
    use super::hint;
    use crate::handler::{HostGlobal, Module};
    use crate::model::{Frame, Thrown};

    fn hint_for(name: &str, message: &str, source: &str) -> Option<String> {
        hint_at(name, message, source, 1)
    }

    fn hint_at(name: &str, message: &str, source: &str, column: u32) -> Option<String> {
        let frame = Frame { function: None, file: "server/server.js".to_owned(), line: 1, column };
        let entry = Module { name: "server/server.js".to_owned(), source: source.to_owned(), counting: None };
        let thrown =
            Thrown { name: Some(name.to_owned()), message: message.to_owned(), stack: vec![frame], hint: None };
        let methods = ["get", "set", "delete", "update"].map(str::to_owned).to_vec();
        hint(&thrown, &entry, &[HostGlobal { name: "$db".to_owned(), methods }])
    }

    #[test]
    fn globals_that_the_platform_lacks_are_explained_in_both_dialects() {
        let v8 = hint_for("ReferenceError", "setTimeout is not defined", "");
        assert!(v8.as_deref().is_some_and(|hint| hint.contains("$schedule")), "{v8:?}");
        assert_eq!(hint_for("ReferenceError", "'setTimeout' is not defined", ""), v8);
        assert_eq!(hint_for("ReferenceError", "myOwnVariable is not defined", ""), None);
    }

    #[test]
    fn a_missing_member_is_the_one_at_the_place_of_the_error() {
        let not_a_function = |source: &str, column| hint_at("TypeError", "not a function", source, column);
        let exit = "if (done) process.exit(0);";
        for column in [18, 19, 23] {
            let found = not_a_function(exit, column);
            assert!(found.as_deref().is_some_and(|hint| hint.contains("`process.exit`")), "{column}: {found:?}");
        }
        // Another name in the same line is not to blame.
        let beside = "if (process.env.DEBUG !== '1') p.data.user.nope();";
        for column in 1..=51 {
            assert_eq!(not_a_function(beside, column), None, "{column}");
        }
        let both = "é: process.exit(1), u: global.setTimeout(f, 1)";
        assert!(not_a_function(both, 30).is_some_and(|hint| hint.contains("`setTimeout`")));
        assert!(not_a_function(both, 11).is_some_and(|hint| hint.contains("`process.exit`")));
        assert_eq!(not_a_function("nothing();", 1), None);
        assert_eq!(not_a_function("", 7), None);
    }

    #[test]
    fn a_missing_member_is_named_by_v8() {
        let named = |name: &str| hint_for("TypeError", &format!("{name} is not a function"), "");
        assert!(named("process.exit").is_some_and(|hint| hint.contains("`process.exit`")));
        assert!(named("global.setTimeout").is_some_and(|hint| hint.contains("`setTimeout`")));
        assert_eq!(named("payload.data.nope"), None);
    }

    #[test]
    fn a_method_that_the_platform_lacks_is_helped_in_both_dialects() {
        let v8 = hint_for("TypeError", "$db.updat is not a function", "");
        assert_eq!(v8.as_deref(), Some("`$db` has no `updat`: did you mean `$db.update`?"));
        assert_eq!(hint_at("TypeError", "not a function", "await $db.updat('a', {});", 11), v8);
        let far = hint_for("TypeError", "$db.findEverything is not a function", "");
        assert!(far.is_some_and(|hint| hint.ends_with("it has `get`, `set`, `delete` and `update`")));
        assert_eq!(hint_for("TypeError", "$db.get is not a function", ""), None);
        assert_eq!(hint_for("TypeError", "$own.st is not a function", ""), None);
    }

    #[test]
    fn modules_of_another_kind_are_explained_in_both_dialects() {
        for (message, source) in [
            ("Cannot use import statement outside a module", "import fs from 'fs';"),
            ("Unexpected identifier 'fs'", "import fs from 'fs';"),
            ("Unexpected token 'export'", "  export default {};"),
            ("unsupported keyword: export", "export function created() {}"),
        ] {
            let found = hint_for("SyntaxError", message, source);
            assert!(found.as_deref().is_some_and(|hint| hint.contains("`exports = {")), "{message}: {found:?}");
        }
        assert_eq!(hint_for("SyntaxError", "Unexpected token ')'", "f(import);)"), None);
    }
}
