//! The commands that repeat a load, and one delivery of it alone.

use super::super::trigger::repeat_command;
use super::LoadOptions;

/// Flags of `load` that say how much and how fast, each with a value; one delivery knows nothing of them.
const OF_MANY: [&str; 8] = ["--for", "--rate", "--ramp", "--workers", "--in-flight", "--expect", "--report", "--shard"];

/// Those that only `load` knows and that say what a payload is.
const OF_USERS: [&str; 2] = ["--users", "--mix"];

/// Flags before the verb that have a value.
const GLOBAL: [&str; 2] = ["--color", "--schemas"];

/// The command that repeats the whole load.
pub(super) fn whole(command: &[String], options: &LoadOptions) -> String {
    let fire = &options.fire;
    repeat_command(command, &fire.payload, fire.payload.draws(), None)
}

/// The command that repeats delivery `index` alone: a `trigger`, or where the delivery is one of a user's life, the load
/// with nothing else of it.
pub(super) fn one(command: &[String], options: &LoadOptions, index: u64, external: bool) -> String {
    let mut words = without(command, &OF_MANY);
    let payload = &options.fire.payload;
    if options.users.is_some() {
        // `trigger` numbers from 0 without saying so, and `load` must be told.
        let text = repeat_command(&words, payload, true, Some(index));
        return if index > 0 || payload.index.is_some() { text } else { format!("{text} --index 0") };
    }
    words = without(&words, &OF_USERS);
    words.retain(|word| word != "--shared-realm");
    if let Some(verb) = verb(&words) {
        "trigger".clone_into(&mut words[verb]);
    }
    if !external && options.fire.platform.db.is_none() {
        words.extend(["--db".to_owned(), "memory".to_owned()]);
    }
    repeat_command(&words, payload, payload.draws(), Some(index))
}

/// Where the verb stands.
pub(in crate::commands) fn verb(words: &[String]) -> Option<usize> {
    let mut at = 1;
    while words.get(at)?.starts_with('-') {
        at += if GLOBAL.contains(&words[at].as_str()) { 2 } else { 1 };
    }
    Some(at)
}

/// The words without these flags and their values.
pub(in crate::commands) fn without(words: &[String], flags: &[&str]) -> Vec<String> {
    let mut kept = Vec::with_capacity(words.len());
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        if !flags.contains(&name) {
            kept.push(word.clone());
        } else if !word.contains('=') {
            rest.next();
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_verb_is_found_behind_flags_for_everything() {
        assert_eq!(verb(&words("simctl --color always -v load load")), Some(4));
        assert_eq!(verb(&words("simctl --schemas=x load")), Some(2));
        assert_eq!(verb(&words("simctl -v")), None);
    }

    #[test]
    fn flags_go_with_their_values_however_they_are_written() {
        let left = without(&words("simctl load e --rate 5/s --for=3s --workers 2 --seed 1"), &OF_MANY);
        assert_eq!(left.join(" "), "simctl load e --seed 1");
    }
}
