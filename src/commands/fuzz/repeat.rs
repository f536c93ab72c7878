//! The commands that repeat a run of cases, and one case of it alone.

use super::super::load::repeat::{verb, without};
use super::FuzzOptions;
use crate::text::shell_word;

/// Flags that say which payloads are drawn, each with a value.
const DRAWN: [&str; 2] = ["--seed", "--now"];

/// Flags of many cases, each with a value; one case knows nothing of them. A report of the run is not written over by one of
/// a single case.
const OF_MANY: [&str; 6] = ["--count", "-n", "--for", "--baseline", "--format", "--report"];

/// Those of many cases that are only there or not.
const SWITCHES: [&str; 2] = ["--invalid", "--save-scenario"];

/// The command that repeats the run, seed and clock included.
pub(super) fn whole(command: &[String], options: &FuzzOptions) -> String {
    drawn(without(command, &DRAWN), options)
}

/// The command that fires one case alone, finding the app as it was found among the others.
pub(super) fn one(command: &[String], options: &FuzzOptions, id: &str) -> String {
    let mut words = without(&without(command, &DRAWN), &OF_MANY);
    // `-n5`
    words.retain(|word| !SWITCHES.contains(&word.as_str()) && !word.starts_with("-n"));
    if let Some(verb) = verb(&words) {
        "trigger".clone_into(&mut words[verb]);
    }
    format!("{} --db memory --case {}", drawn(words, options), shell_word(id))
}

fn drawn(words: Vec<String>, options: &FuzzOptions) -> String {
    let words = words.iter().skip(1).map(|word| shell_word(word).into_owned());
    let words = ["simctl".to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ");
    format!("{words} --seed {} --now {}", options.seed, options.now)
}
