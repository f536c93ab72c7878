//! `simctl schedules list` and `simctl schedules fire NAME`: what an app has put off by `$schedule`.

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::trigger::{self, TriggerOptions};
use super::{AppOptions, Context, PlatformOptions};
use crate::app::App;
use crate::handler::Interrupt;
use crate::model::{Findings, Secrets, Verdict};
use crate::payload::Override;
use crate::platform::{Fault, Schedule, schedules as kept};
use crate::report::Paint;
use crate::text::{list as listed, nearest, printable_json, printable_line};

/// The event that a schedule fires.
const EVENT: &str = "onScheduledEvent";

/// The flags of `schedules list`.
#[derive(Debug, Clone)]
pub struct ScheduleListOptions {
    /// `--app`, `--manifest`
    pub app: AppOptions,
    /// Where they are kept.
    pub platform: PlatformOptions,
    /// `--now`: what is due is told by it.
    pub now: Timestamp,
    /// `--secret`, as often as given.
    pub secrets: Vec<String>,
    /// `--format json`
    pub json: bool,
}

/// Lists what the app has scheduled, the next to fire first.
pub fn list(context: &Context, options: &ScheduleListOptions) -> Verdict {
    let (app, secrets) = match open(context, &options.app, None, &options.secrets) {
        Ok(opened) => opened,
        Err(findings) => return context.refuse(&findings),
    };
    let schedules = match kept(&options.platform.storage(&context.cwd, &app), &secrets) {
        Ok(schedules) => schedules,
        Err(fault) => return broken(context, &fault),
    };
    if schedules.is_empty() {
        context.console.note("the app has scheduled nothing");
        return Verdict::Held;
    }
    let text = if options.json {
        let json = |schedule| as_json(schedule, options.now, &secrets).to_string();
        schedules.iter().map(|schedule| format!("{}\n", printable_json(&json(schedule)))).collect()
    } else {
        table(&schedules, options.now, &secrets, Paint::new(context.console.color_out))
    };
    context.console.write(&text)
}

fn open(
    context: &Context,
    app: &AppOptions,
    iparams: Option<&Path>,
    secret: &[String],
) -> Result<(App, Secrets), Findings> {
    let app = App::open(&app.locate(context))?;
    let secrets = app.iparams(iparams, secret)?.secrets;
    Ok((app, secrets))
}

fn as_json(schedule: &Schedule, now: Timestamp, secrets: &Secrets) -> Value {
    let mut value = json!({
        "name": schedule.name(),
        "next_at": schedule.next.to_string(),
        "is_due": schedule.next <= now,
        "repeat": schedule.repeat().map(|(frequency, unit)| json!({ "time_unit": unit, "frequency": frequency })),
        "data": schedule.data(),
    });
    secrets.mask_value(&mut value);
    value
}

fn table(schedules: &[Schedule], now: Timestamp, secrets: &Secrets, paint: Paint) -> String {
    let rows: Vec<[String; 3]> = schedules.iter().map(|schedule| row(schedule, now, secrets)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    let mut text = String::new();
    for ([name, when, repeat], schedule) in rows.iter().zip(schedules) {
        let mut data = schedule.data();
        secrets.mask_value(&mut data);
        let data = data.to_string();
        let _ = writeln!(text, "{name:first$}  {when:second$}  {repeat}  {}", paint.faint(&printable_line(&data)));
    }
    text
}

fn row(schedule: &Schedule, now: Timestamp, secrets: &Secrets) -> [String; 3] {
    let due = if schedule.next <= now { " (due)" } else { "" };
    let repeat = match schedule.repeat() {
        Some((1, unit)) => format!("every {}", unit.trim_end_matches('s')),
        Some((frequency, unit)) => format!("every {frequency} {unit}"),
        None => "once".to_owned(),
    };
    let name = secrets.mask(schedule.name());
    [printable_line(&name).into_owned(), format!("{}{due}", schedule.next), repeat]
}

/// Fires the schedule `name` at the app; `options` are those of `trigger`.
pub fn fire(context: &Context, name: &str, options: TriggerOptions, interrupt: &Interrupt) -> Verdict {
    let iparams = options.iparams.as_ref().map(|file| context.cwd.join(file));
    let (app, secrets) = match open(context, &options.app, iparams.as_deref(), &options.secrets) {
        Ok(opened) => opened,
        Err(findings) => return context.refuse(&findings),
    };
    let all = match kept(&options.platform.storage(&context.cwd, &app), &secrets) {
        Ok(all) => all,
        Err(fault) => return broken(context, &fault),
    };
    let Some(schedule) = all.iter().find(|schedule| schedule.name() == name) else {
        let names = || all.iter().map(Schedule::name);
        let hint = match nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if all.is_empty() => "the app has scheduled nothing: `$schedule.create` does".to_owned(),
            None => format!("there are {}", listed(names())),
        };
        context.console.error(&secrets.mask(&format!("the app has no schedule `{name}`")), Some(&secrets.mask(&hint)));
        return Verdict::CannotDo;
    };
    let data = format!("data:={}", schedule.data());
    let with_data = match Override::set(&data) {
        Ok(with_data) => with_data,
        Err(finding) => return context.refuse(&vec![*finding]),
    };
    let mut options = TriggerOptions { event: EVENT.to_owned(), schedule: Some(name.to_owned()), ..options };
    options.payload.overrides.insert(0, with_data);
    // A schedule that fires once is gone then: what repeats the run is the event with the same data.
    let context = Context {
        cwd: context.cwd.clone(),
        command: as_trigger(&context.command, name, &data),
        console: context.console,
        schemas: context.schemas.clone(),
    };
    trigger::trigger(&context, &options, None, interrupt)
}

/// `schedules fire NAME …` as the `trigger` command that fires the same.
fn as_trigger(command: &[String], name: &str, data: &str) -> Vec<String> {
    let verb = command.windows(2).position(|pair| pair == ["schedules", "fire"]).unwrap_or(0);
    let mut words = command[..verb].to_vec();
    words.extend(["trigger", EVENT, "--set", data].map(str::to_owned));
    let mut rest = command.iter().skip(verb + 2).cloned();
    let mut is_named = false;
    words.extend(rest.by_ref().filter(|word| {
        let is_name = !is_named && word == name;
        is_named |= is_name;
        !is_name
    }));
    words
}

pub(super) fn broken(context: &Context, fault: &Fault) -> Verdict {
    context.console.error(&fault.what, fault.hint.as_deref());
    Verdict::Machine
}

#[cfg(test)]
mod tests {
    use super::as_trigger;

    #[test]
    fn the_command_that_repeats_a_fired_schedule_is_a_trigger() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let typed = words("simctl --color never schedules fire --app x digest --seed 3");
        let expected = words("simctl --color never trigger onScheduledEvent --set data:={} --app x --seed 3");
        assert_eq!(as_trigger(&typed, "digest", "data:={}"), expected);
    }
}
