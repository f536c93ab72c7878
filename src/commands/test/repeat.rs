//! The command that plays one scenario again.

use super::TestOptions;
use crate::engine::scenario::Scenario;
use crate::text::shell_word;

/// The command that plays one scenario alone, in the same way; by its name, too, where its file has others.
pub(super) fn repeat_command(command: &[String], options: &TestOptions, scenario: &Scenario) -> String {
    const WITH_VALUE: [&str; 7] =
        ["--filter", "--jobs", "--format", "--report", "--retries", "--coverage-report", "--coverage-min"];
    // Their values may be written as a path is.
    const APP: [&str; 2] = ["--app", "--manifest"];
    const ALONE: [&str; 4] = ["--fail-fast", "--list", "--update", "--coverage"];
    let mut words = vec!["simctl".to_owned()];
    let is_path = |word: &str| options.paths.iter().any(|path| path.as_os_str() == word);
    let mut rest = command.iter().skip(1);
    while let Some(word) = rest.next() {
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        if WITH_VALUE.contains(&name) || (word.starts_with("-j") && !word.starts_with("--")) {
            if !word.contains('=') && (word.starts_with("--") || word == "-j") {
                rest.next();
            }
        } else if !ALONE.contains(&name) && !is_path(word) {
            words.push(shell_word(word).into_owned());
            if APP.contains(&word.as_str()) {
                words.extend(rest.next().map(|value| shell_word(value).into_owned()));
            }
        }
    }
    if scenario.is_cell {
        words.extend(["--filter".to_owned(), shell_word(&scenario.name).into_owned()]);
    }
    words.push(shell_word(&scenario.file.to_string_lossy()).into_owned());
    words.join(" ")
}
