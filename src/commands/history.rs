//! `simctl history`, `history show`, `history export`, `history clear` and `diff`: what was fired at an app, and what came of it.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{AppOptions, Context, keeping};
use crate::history::{Filter, History, HistoryError, Recorded, Since, compare};
use crate::model::Verdict;
use crate::report::{Paint, comparison_text, deliveries_table, delivery_text};
use crate::text::printable_json;

/// The flags of `history`.
#[derive(Debug, Clone)]
pub struct HistoryOptions {
    /// `--app`, `--manifest`
    pub app: AppOptions,
    /// What is to be done.
    pub action: HistoryAction,
    /// This machine's time.
    pub now: Timestamp,
}

/// What is to be done with the history.
#[derive(Debug, Clone)]
pub enum HistoryAction {
    /// `history`
    List {
        /// Which deliveries.
        filter: Filter,
        /// `--since`
        since: Option<Since>,
        /// `--format json`: a delivery a line.
        json: bool,
    },
    /// `history show ID`
    Show {
        /// Which.
        id: DeliveryId,
        /// `--format json`
        json: bool,
    },
    /// `history export ID`
    Export {
        /// Which.
        id: DeliveryId,
        /// `--as`
        form: ExportForm,
        /// The file; standard output where none is named.
        file: Option<PathBuf>,
    },
    /// `history clear`
    Clear,
    /// `diff ID ID`
    Diff {
        /// The one before.
        first: DeliveryId,
        /// The one after.
        second: DeliveryId,
        /// `--format json`
        json: bool,
    },
}

/// One delivery of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryId {
    /// `last`
    Last,
    /// Its number.
    Number(u64),
}

/// What a delivery is exported as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportForm {
    /// The payload alone.
    Payload,
    /// All that was kept, as `schemas/delivery.schema.json` describes it.
    Delivery,
    /// A step of a scenario.
    Step,
}

/// Why something could not be done.
pub(super) enum Refusal {
    NoSuch(DeliveryId, History),
    Broken(HistoryError),
}

impl From<HistoryError> for Refusal {
    fn from(error: HistoryError) -> Self {
        Self::Broken(error)
    }
}

impl Refusal {
    /// Tells it.
    pub(super) fn tell(self, context: &Context) -> Verdict {
        match self {
            Self::Broken(error) => {
                context.console.error(&format!("the history cannot be read: {error}"), None);
                Verdict::Machine
            }
            Self::NoSuch(id, history) => {
                let newest = history.last().ok().flatten().map(|last| last.id);
                let hint = match newest {
                    None => "nothing is kept yet: `simctl trigger` keeps what it fires".to_owned(),
                    Some(newest) => format!("the newest is {newest}; `simctl history` lists them"),
                };
                let what = match id {
                    DeliveryId::Last => "the app has no last delivery".to_owned(),
                    DeliveryId::Number(id) => format!("the history has no delivery {id}"),
                };
                context.console.error(&what, Some(&hint));
                Verdict::CannotDo
            }
        }
    }
}

/// Looks at the history, or clears it.
pub fn history(context: &Context, options: &HistoryOptions) -> Verdict {
    let history = match keeping::root(context, &options.app) {
        Ok(root) => keeping::history(context, &root).0,
        Err(findings) => return context.refuse(&findings),
    };
    let done = match &options.action {
        HistoryAction::List { filter, since, json } => {
            let filter = Filter { since: since.map(|since| since.at(options.now)), ..filter.clone() };
            list(context, &history, &filter, *json, options.now)
        }
        HistoryAction::Show { id, json } => show(context, &history, *id, *json, options.now),
        HistoryAction::Export { id, form, file } => export(context, &history, *id, *form, file.as_deref()),
        HistoryAction::Clear => history.clear().map_err(Refusal::from).map(|count| {
            let deliveries = if count == 1 { "1 delivery" } else { &format!("{count} deliveries") };
            context.console.note(&format!("{deliveries} removed"));
            Verdict::Held
        }),
        HistoryAction::Diff { first, second, json } => diff(context, &history, (*first, *second), *json, options.now),
    };
    done.unwrap_or_else(|refusal| refusal.tell(context))
}

/// The delivery that was asked for.
pub(super) fn find(history: &History, id: DeliveryId) -> Result<Recorded, Refusal> {
    let found = match id {
        DeliveryId::Last => history.last()?,
        DeliveryId::Number(id) => history.get(id)?,
    };
    found.ok_or_else(|| Refusal::NoSuch(id, history.clone()))
}

fn list(context: &Context, history: &History, filter: &Filter, json: bool, now: Timestamp) -> Result<Verdict, Refusal> {
    let all = history.list(&Filter { most: None, ..filter.clone() })?;
    let (mut deliveries, damaged) = (all.deliveries, all.damaged);
    let before = deliveries.len().saturating_sub(filter.most.unwrap_or(usize::MAX));
    deliveries.drain(..before);
    if damaged > 0 {
        let lines =
            if damaged == 1 { "a line of the history is" } else { &format!("{damaged} lines of the history are") };
        context.console.note(&format!("{lines} damaged and left out: a run was killed while it wrote"));
    }
    if deliveries.is_empty() {
        context.console.note("there is no such delivery; `simctl trigger` keeps what it fires");
        return Ok(Verdict::Held);
    }
    if json {
        let line = |recorded: &Recorded| format!("{}\n", as_json(recorded));
        return Ok(context.console.write(&deliveries.iter().map(line).collect::<String>()));
    }
    if before > 0 {
        context.console.note(&format!("{before} older ones are not shown: `-n N` shows more"));
    }
    let paint = Paint::new(context.console.color_out);
    Ok(context.console.write(&deliveries_table(&deliveries, now, paint, context.console.width())))
}

fn as_json(recorded: &Recorded) -> String {
    printable_json(&serde_json::to_string(recorded).unwrap_or_default()).into_owned()
}

fn show(context: &Context, history: &History, id: DeliveryId, json: bool, now: Timestamp) -> Result<Verdict, Refusal> {
    let recorded = find(history, id)?;
    let text = if json {
        format!("{}\n", as_json(&recorded))
    } else {
        delivery_text(&recorded, now, Paint::new(context.console.color_out))
    };
    Ok(context.console.write(&text))
}

fn export(
    context: &Context,
    history: &History,
    id: DeliveryId,
    form: ExportForm,
    file: Option<&Path>,
) -> Result<Verdict, Refusal> {
    let recorded = find(history, id)?;
    if recorded.has_secrets() {
        context.console.note("a mask stands where the payload had a secret; `simctl replay` fires the real value");
    }
    let indented = |value: &Value| format!("{}\n", printable_json(&format!("{value:#}")));
    let payload = || serde_json::from_str::<Value>(recorded.payload.get()).unwrap_or_default();
    let delivery = || serde_json::to_value(&recorded).unwrap_or_default();
    let file = file.filter(|file| *file != Path::new("-"));
    let (text, said) = match form {
        ExportForm::Payload => (indented(&payload()), None),
        ExportForm::Delivery => (indented(&delivery()), None),
        ExportForm::Step => (indented(&delivery()), Some(recorded.step(file))),
    };
    match (file, said) {
        (None, said) => Ok(context.console.write(&said.unwrap_or(text))),
        (Some(file), said) => Ok(match write_new(&context.cwd.join(file), &text) {
            Ok(()) => {
                context.console.note(&format!("wrote {}", file.display()));
                said.map_or(Verdict::Held, |said| context.console.write(&said))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let what = format!("`{}` is there already, and is not written over", file.display());
                context.console.error(&what, Some("name another file, or remove that one"));
                Verdict::CannotDo
            }
            Err(error) => {
                context.console.error(&format!("`{}` cannot be written: {error}", file.display()), None);
                Verdict::Machine
            }
        }),
    }
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

fn diff(
    context: &Context,
    history: &History,
    (first, second): (DeliveryId, DeliveryId),
    json: bool,
    now: Timestamp,
) -> Result<Verdict, Refusal> {
    let (first, second) = (find(history, first)?, find(history, second)?);
    let comparison = compare(&first, &second);
    let is_same = comparison.is_same();
    let text = if json {
        let mut value = json!({ "first": first.id, "second": second.id, "same": is_same });
        if let (Value::Object(members), Ok(Value::Object(more))) = (&mut value, serde_json::to_value(&comparison)) {
            members.extend(more);
        }
        format!("{}\n", printable_json(&value.to_string()))
    } else {
        let paint = Paint::new(context.console.color_out);
        let both = deliveries_table(&[first, second], now, paint, context.console.width());
        let what = comparison_text(&comparison, paint);
        let what = if is_same { "the same payload, outcome, calls and logs\n".to_owned() } else { what };
        format!("{both}{what}")
    };
    let written = context.console.write(&text);
    Ok(if is_same { written } else { written.and(Verdict::Problems) })
}
