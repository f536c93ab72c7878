//! What simctl knows about errors that come of what the platform does not have.

use crate::app::script::{instead_of_global, instead_of_process};
use crate::model::Thrown;

use super::Module;

/// Why such an error may have come, where simctl knows.
pub(super) fn hint(thrown: &Thrown, entry: &Module) -> Option<String> {
    let message = thrown.message.as_str();
    if let Some(name) = message.strip_suffix(" is not defined") {
        return missing_global(name.trim_matches('\''));
    }
    if let Some(member) = missing_of_process(thrown, entry) {
        let name = format!("process.{member}");
        return Some(format!("`{name}` does not exist on the platform: {}", instead_of_process(&name)));
    }
    if message.contains("is an npm package") {
        return Some("run it with `--runtime node`".to_owned());
    }
    if message.starts_with("Cannot find module '") || message.starts_with("Cannot find package '") {
        return Some("if it is an npm package, run `npm install` in the app's `server/` folder".to_owned());
    }
    None
}

fn missing_global(name: &str) -> Option<String> {
    if name == "Intl" {
        return Some("the embedded runtime has no `Intl`; run it with `--runtime node`".to_owned());
    }
    instead_of_global(name).map(|instead| format!("`{name}` does not exist on the platform: {instead}"))
}

/// The member of `process` that was called and is not there. V8 names it in its message; for QuickJS, which says `not a
/// function` only, the source line is asked.
fn missing_of_process(thrown: &Thrown, entry: &Module) -> Option<String> {
    if thrown.name.as_deref() != Some("TypeError") {
        return None;
    }
    if let Some(rest) = thrown.message.strip_prefix("process.") {
        return rest.strip_suffix(" is not a function").map(str::to_owned);
    }
    let frame = thrown.stack.first().filter(|frame| thrown.message == "not a function" && frame.file == entry.name)?;
    let line = entry.source.lines().nth(usize::try_from(frame.line).ok()?.checked_sub(1)?)?;
    let member: String = line
        .split_once("process.")?
        .1
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '.')
        .collect();
    (!matches!(member.as_str(), "" | "cwd" | "env" | "env.ENV")).then_some(member)
}

#[cfg(test)]
mod tests {
    use super::hint;
    use crate::handler::Module;
    use crate::model::{Frame, Thrown};

    fn hint_for(name: &str, message: &str, source: &str) -> Option<String> {
        let frame = Frame { function: None, file: "server/server.js".to_owned(), line: 1, column: 1 };
        let entry = Module { name: "server/server.js".to_owned(), source: source.to_owned() };
        let thrown =
            Thrown { name: Some(name.to_owned()), message: message.to_owned(), stack: vec![frame], hint: None };
        hint(&thrown, &entry)
    }

    #[test]
    fn globals_that_the_platform_lacks_are_explained_in_both_dialects() {
        let v8 = hint_for("ReferenceError", "setTimeout is not defined", "");
        assert!(v8.as_deref().is_some_and(|hint| hint.contains("$schedule")), "{v8:?}");
        assert_eq!(hint_for("ReferenceError", "'setTimeout' is not defined", ""), v8);
        assert_eq!(hint_for("ReferenceError", "myOwnVariable is not defined", ""), None);
    }

    #[test]
    fn a_missing_member_of_process_is_found_in_the_source_line() {
        let found = hint_for("TypeError", "not a function", "if (done) process.exit(0);");
        assert!(found.is_some_and(|hint| hint.contains("`process.exit`")));
        assert_eq!(hint_for("TypeError", "not a function", "const dir = process.cwd(); nothing();"), None);
        assert_eq!(hint_for("TypeError", "not a function", "nothing();"), None);
    }
}
