//! `simctl users …`: the users whom deliveries told of, and which of them an update is to be about.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{AppOptions, Context, keeping};
use crate::history::{HistoryError, KnownUser, Users};
use crate::model::{Code, Finding, Findings, Verdict};
use crate::report::{Paint, ago};
use crate::text::json::{self as text_json, Node};
use crate::text::{Source, nearest, printable_json, printable_line};

/// The flags of `users`.
#[derive(Debug, Clone)]
pub struct UsersOptions {
    /// `--app`, `--manifest`
    pub app: AppOptions,
    /// What is to be done.
    pub action: UsersAction,
    /// This machine's time.
    pub now: Timestamp,
}

/// What is to be done with the users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsersAction {
    /// `users list`
    List {
        /// `--format json`: a user a line.
        json: bool,
    },
    /// `users show ID`
    Show {
        /// Her id, or `last`.
        id: String,
    },
    /// `users delete ID…`
    Delete {
        /// Their ids.
        ids: Vec<String>,
    },
}

/// `--user`: whom a payload is about.
#[derive(Debug, Clone, PartialEq)]
pub enum UserChoice {
    /// The one that was told of last.
    Last,
    /// The one with this id, or the user in the file of this name.
    Named(String),
    /// This one, as she is.
    Known(Whom),
}

/// A user as she is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Whom {
    /// Her attributes.
    pub(super) user: Value,
    /// Whether those are all: what a file does not say of her is drawn.
    pub(super) is_whole: bool,
    /// What stood round the payload that told of her: her account is what it was.
    pub(super) envelope: Map<String, Value>,
}

/// The word for the user that was told of last.
const LAST: &str = "last";

/// Lists users, shows or deletes them.
pub fn users(context: &Context, options: &UsersOptions) -> Verdict {
    let users = match keeping::root(context, &options.app) {
        Ok(root) => Users::open(&root),
        Err(findings) => return context.refuse(&findings),
    };
    let done = match &options.action {
        UsersAction::List { json } => list(context, &users, *json, options.now),
        UsersAction::Show { id } => show(context, &users, id),
        UsersAction::Delete { ids } => delete(context, &users, ids),
    };
    done.unwrap_or_else(|error| {
        context.console.error(&format!("the users cannot be read or written: {error}"), None);
        Verdict::Machine
    })
}

fn list(context: &Context, users: &Users, json: bool, now: Timestamp) -> Result<Verdict, HistoryError> {
    let all = users.all()?;
    if all.is_empty() {
        context.console.note("no user is known: `simctl trigger onUserCreate` remembers one");
        return Ok(Verdict::Held);
    }
    let line = |known: &KnownUser| {
        let value = json!({ "id": known.id(), "at": known.at, "event": known.event, "user": known.user });
        format!("{}\n", printable_json(&value.to_string()))
    };
    let text =
        if json { all.iter().map(line).collect() } else { table(&all, now, Paint::new(context.console.color_out)) };
    Ok(context.console.write(&text))
}

fn table(all: &[KnownUser], now: Timestamp, paint: Paint) -> String {
    let ids = || all.iter().map(|known| printable_line(known.id()).into_owned());
    let width = ids().map(|id| id.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (known, id) in all.iter().zip(ids()) {
        let attribute = |name: &str| known.user.get(name).and_then(Value::as_str);
        let who: Vec<&str> = ["first_name", "last_name", "email"].into_iter().filter_map(attribute).collect();
        let when = format!("{}, {}", known.event, ago(&known.at, now));
        let who = printable_line(&who.join(" ")).into_owned();
        let _ = writeln!(text, "{id:width$}  {who}  {}", paint.faint(&printable_line(&when)));
    }
    text
}

fn show(context: &Context, users: &Users, id: &str) -> Result<Verdict, HistoryError> {
    match find(users, id)? {
        Ok(known) => Ok(context.console.write(&printable_json(&format!("{:#}\n", known.user)))),
        Err(finding) => Ok(context.refuse(&vec![finding])),
    }
}

fn delete(context: &Context, users: &Users, ids: &[String]) -> Result<Verdict, HistoryError> {
    let mut unknown = Vec::new();
    let mut known = Vec::new();
    for id in ids {
        match find(users, id)? {
            Ok(found) => known.push(found),
            Err(finding) => unknown.push(finding),
        }
    }
    if !unknown.is_empty() {
        // All of them or, where one is missing, none.
        return Ok(context.refuse(&unknown));
    }
    let mut count = 0;
    for found in known {
        count += u64::from(users.delete(found.id())?);
    }
    context.console.note(&format!("{count} {} forgotten", if count == 1 { "user" } else { "users" }));
    Ok(Verdict::Held)
}

/// The user of that id, or the last one.
fn find(users: &Users, id: &str) -> Result<Result<KnownUser, Finding>, HistoryError> {
    let found = if id == LAST { users.last()? } else { users.get(id)? };
    Ok(match found {
        Some(known) => Ok(known),
        None => Err(unknown(users, id)?),
    })
}

fn unknown(users: &Users, id: &str) -> Result<Finding, HistoryError> {
    let all = users.all()?;
    let what = if id == LAST { "there is no last user".to_owned() } else { format!("no user `{id}` is known") };
    let hint = match nearest(id, all.iter().map(KnownUser::id)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if all.is_empty() => "`simctl trigger onUserCreate` remembers the user whom it tells of".to_owned(),
        None => "`simctl users list` shows those that are".to_owned(),
    };
    Ok(Finding::new(Code::UnknownUser, what).hint(hint))
}

impl UserChoice {
    /// Reads the value of `--user`.
    pub fn new(text: &str) -> Self {
        if text == LAST { Self::Last } else { Self::Named(text.to_owned()) }
    }

    /// The file that she is read from, where it is one; it need not be there.
    pub(super) fn file(&self, context: &Context) -> Option<PathBuf> {
        let Self::Named(name) = self else { return None };
        Some(context.cwd.join(name)).filter(|file| looks_like_a_file(name) || file.is_file())
    }

    /// The user as she is now; her history is in `root`.
    pub(super) fn resolve(&self, context: &Context, root: &Path) -> Result<Whom, Findings> {
        let users = Users::open(root);
        let id = match self {
            Self::Known(user) => return Ok(user.clone()),
            Self::Last => LAST,
            Self::Named(name) => {
                if let Some(file) = self.file(context).filter(|file| file.is_file()) {
                    return from_file(&file, Path::new(name));
                }
                name
            }
        };
        match find(&users, id) {
            Ok(Ok(known)) => Ok(Whom { user: known.user, is_whole: true, envelope: known.envelope }),
            Ok(Err(finding)) if looks_like_a_file(id) => Err(vec![finding.hint("nor is there a file of that name")]),
            Ok(Err(finding)) => Err(vec![finding]),
            Err(error) => {
                let what = format!("the users cannot be read: {error}");
                Err(vec![Finding::new(Code::FileUnreadable, what)])
            }
        }
    }
}

fn looks_like_a_file(name: &str) -> bool {
    name.ends_with(".json") || name.contains('/')
}

/// A user from a file: the user alone, or a payload that tells of her.
fn from_file(path: &Path, shown: &Path) -> Result<Whom, Findings> {
    let source = Source::read_as(path, shown).map_err(|finding| vec![finding])?;
    let (node, findings) = text_json::read(&source);
    let Some(node) = node.filter(|_| !findings.iter().any(Finding::is_error)) else { return Err(findings) };
    let in_payload = node.get("data").and_then(|data| data.get("user"));
    let user = in_payload.unwrap_or(&node);
    let has_id = user.get("id").and_then(Node::as_str).is_some_and(|id| !id.is_empty());
    if user.members().is_some() && has_id {
        let envelope = in_payload.and_then(|_| node.value().as_object().cloned()).unwrap_or_default();
        return Ok(Whom { user: user.value(), is_whole: false, envelope });
    }
    let what = "this is no user: an object with an `id` was expected, or a payload that has one as `data.user`";
    Err(vec![Finding::new(Code::WrongShape, what).at(user.place(&source, ""))])
}
