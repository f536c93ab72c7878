//! `simctl replay ID`: fires the bytes of a delivery again, at whom it was fired then.

use super::history::{DeliveryId, Refusal, find};
use super::load::repeat::{verb, without};
use super::payloads::PayloadSource;
use super::trigger::{TriggerOptions, trigger};
use super::{Context, ExternalOptions, keeping};
use crate::handler::Interrupt;
use crate::history::Recorded;
use crate::model::{Secrets, Verdict};

/// The flags of `replay`.
#[derive(Debug, Clone)]
pub struct ReplayOptions {
    /// Which delivery.
    pub id: DeliveryId,
    /// What `trigger` shares; event, clock and payload are the delivery's.
    pub trigger: TriggerOptions,
}

/// Fires it, once or `--times` times.
pub fn replay(context: &Context, options: &ReplayOptions, interrupt: &Interrupt) -> Verdict {
    let root = match keeping::root(context, &options.trigger.app) {
        Ok(root) => root,
        Err(findings) => return context.refuse(&findings),
    };
    let (history, _) = keeping::history(context, &root);
    let recorded = match find(&history, options.id) {
        Ok(recorded) => recorded,
        Err(refusal) => return Refusal::tell(refusal, context),
    };
    if recorded.payload.get() == "null" {
        context.console.error("the payload was too large to be kept, so it cannot be fired again", None);
        return Verdict::CannotDo;
    }
    let external = match external(&options.trigger, &recorded) {
        Ok(external) => external,
        Err((what, hint)) => {
            context.console.error(&what, Some(&hint));
            return Verdict::CannotDo;
        }
    };
    if options.trigger.external.is_none()
        && ["--header", "--cloudevents"].iter().any(|flag| recorded.repeat.contains(flag))
    {
        context
            .console
            .note("it was sent with headers or as a CloudEvent, which is not kept: give `--to` and those flags again");
    }
    let mut again = TriggerOptions {
        event: recorded.event.clone(),
        external,
        replay_of: Some(recorded.id),
        ..options.trigger.clone()
    };
    if !options.trigger.payload.has_clock
        && let Ok(now) = recorded.now.parse()
    {
        again.payload.now = now;
    }
    let context = Context {
        cwd: context.cwd.clone(),
        command: numbered(&context.command, recorded.id),
        console: context.console,
        schemas: context.schemas.clone(),
    };
    again.payload.source = PayloadSource::Kept(Box::new(recorded));
    trigger(&context, &again, None, interrupt)
}

/// Who gets it: whom the flags name, else who got it then.
fn external(options: &TriggerOptions, recorded: &Recorded) -> Result<Option<ExternalOptions>, (String, String)> {
    if options.external.is_some() {
        return Ok(options.external.clone());
    }
    let then = |key: &str| recorded.to.get(key).and_then(serde_json::Value::as_str);
    let has_secret = |text: &str| text.contains(Secrets::MASK);
    match (then("url"), then("command")) {
        (Some(text), _) | (None, Some(text)) if has_secret(text) => {
            let flag = if then("url").is_some() { "--to URL" } else { "--exec COMMAND" };
            let what = format!("delivery {} went to `{text}`, and what is masked there was not kept", recorded.id);
            Err((what, format!("say again where it is to go: `{flag}`")))
        }
        (Some(url), _) => Ok(Some(ExternalOptions::Http {
            url: url.to_owned(),
            headers: Vec::new(),
            cloud_events: None,
            // It has been there before; whether it may leave this machine is said anew each time.
            allow_remote: false,
        })),
        (None, Some(command)) => Ok(Some(ExternalOptions::Exec { command: command.to_owned() })),
        (None, None) => Ok(None),
    }
}

/// The command line with the delivery's number in place of `last`, and without `--times`: what repeats one delivery of it.
fn numbered(command: &[String], id: u64) -> Vec<String> {
    let mut words: Vec<String> = Vec::with_capacity(command.len());
    let mut rest = command.iter();
    let mut is_named = false;
    while let Some(word) = rest.next() {
        let is_verb = words.last().is_some_and(|last| last == "replay");
        if word == "--times" {
            rest.next();
        } else if word.starts_with("--times=") {
        } else if !is_named && (word == "last" || (is_verb && *word == id.to_string())) {
            is_named = true;
            words.push(id.to_string());
        } else {
            words.push(word.clone());
        }
    }
    words
}

/// Flags of `trigger` that say what a payload is, each with a value: a delivery has its payload.
const OF_PAYLOAD: [&str; 14] = [
    "--user",
    "--seed",
    "--now",
    "--count",
    "-n",
    "--index",
    "--locale",
    "--variant",
    "--changes",
    "--actor",
    "--set",
    "--unset",
    "--payload",
    "--case",
];

/// The command that fires a delivery of `event` again, as this `trigger` of it was told to run the handler.
pub(super) fn command(trigger: &[String], event: &str, id: u64) -> Vec<String> {
    let mut words = without(trigger, &OF_PAYLOAD);
    words.retain(|word| !["--sample", "--no-check"].contains(&word.as_str()) && !is_short_count(word));
    if let Some(verb) = verb(&words) {
        "replay".clone_into(&mut words[verb]);
        if let Some(named) = words[verb..].iter_mut().find(|word| *word == event) {
            *named = id.to_string();
        }
    }
    words
}

/// Whether it is a `-n5`.
fn is_short_count(word: &str) -> bool {
    word.starts_with("-n") && word.len() > 2
}

#[cfg(test)]
mod tests {
    use super::{command, numbered};

    #[test]
    fn the_command_that_repeats_a_replay_names_the_delivery() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (typed, expected) in [
            ("simctl replay last", "simctl replay 7"),
            ("simctl replay --times 3 last --set a=last", "simctl replay 7 --set a=last"),
            ("simctl -q replay 7 --times=3", "simctl -q replay 7"),
        ] {
            assert_eq!(numbered(&words(typed), 7), words(expected));
        }
    }
    #[test]
    fn a_replay_is_run_as_the_trigger_was() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (typed, expected) in [
            ("simctl trigger onUserUpdate --user last --seed 7 -n5", "simctl replay 4"),
            (
                "simctl -v trigger --user=last onUserUpdate --runtime node --db memory --set a=b --no-check",
                "simctl -v replay 4 --runtime node --db memory",
            ),
        ] {
            assert_eq!(command(&words(typed), "onUserUpdate", 4), words(expected));
        }
    }
}
