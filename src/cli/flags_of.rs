//! The flags of the verb that was typed. To define those of all verbs as well would take longer than most of what is done
//! until an event is fired.

use std::ffi::OsString;
use std::sync::OnceLock;

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

/// The one verb whose flags are needed; none where all are.
static ONLY: OnceLock<String> = OnceLock::new();

/// Verbs that look at those of others.
const CURIOUS: [&str; 4] = ["help", "completions", "doctor", "man"];

/// Has flags defined for the verb that the first word is. Where that is a flag, the verb comes later, and all are defined.
pub(super) fn only(word: Option<&OsString>) {
    if let Some(word) =
        word.and_then(|word| word.to_str()).filter(|word| !CURIOUS.contains(word) && !word.starts_with('-'))
    {
        // Nobody parses two command lines in one process.
        let _ = ONLY.set(word.to_owned());
    }
}

/// The flags of one verb.
#[derive(Debug)]
pub(super) struct FlagsOf<F>(pub(super) Box<F>);

impl<F: Args> Args for FlagsOf<F> {
    fn augment_args(verb: Command) -> Command {
        if is_needed(&verb) { F::augment_args(verb) } else { verb }
    }

    fn augment_args_for_update(verb: Command) -> Command {
        if is_needed(&verb) { F::augment_args_for_update(verb) } else { verb }
    }
}

fn is_needed(verb: &Command) -> bool {
    ONLY.get().is_none_or(|only| only == verb.get_name())
}

impl<F: FromArgMatches> FromArgMatches for FlagsOf<F> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(Self(Box::new(F::from_arg_matches(matches)?)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}
