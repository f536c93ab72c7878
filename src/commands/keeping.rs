//! What the verbs that fire events keep of it: the app's history and users, as its settings and the flags have it.

use std::path::{Path, PathBuf};

use super::{AppOptions, Context, TriggerOptions};
use crate::history::{History, Keeper, Settled, Users};
use crate::model::{Code, Findings, Secrets};
use crate::payload::life::CREATED;

/// The history of the app in `root`, and whether it is to be kept at all.
pub(super) fn history(context: &Context, root: &Path) -> (History, bool) {
    let Settled { history, keep, complaint } = History::settled(root);
    if let Some(what) = complaint {
        context.console.note(&format!("{what}, so the history has its usual bounds: `simctl validate` says more"));
    }
    (history, keep)
}

/// Keeps what is fired at the app in `root`; nothing with `--no-history`, and where the app's settings say so.
///
/// A user is remembered who is new, or who was known and is told of on purpose; a replay tells nothing new of anyone.
pub(super) fn keeper(context: &Context, root: &Path, options: &TriggerOptions, secrets: &Secrets) -> Keeper {
    let history = options.keep.then(|| history(context, root)).and_then(|(history, keep)| keep.then_some(history));
    let tells_of_user = options.user.is_some() || (options.event == CREATED && options.replay_of.is_none());
    let users = (history.is_some() && tells_of_user).then(|| Users::open(root));
    Keeper::new(history, users, secrets.clone()).replaying(options.replay_of)
}

/// Where the history is kept: in the app, be its manifest faulty or not, and without one in the current folder.
pub(super) fn root(context: &Context, app: &AppOptions) -> Result<PathBuf, Findings> {
    match app.locate(context).root() {
        Err(findings) if !app.is_given() && findings.iter().all(|finding| finding.code == Code::ManifestMissing) => {
            Ok(context.cwd.clone())
        }
        found => found,
    }
}

/// Says, once, that something could not be kept.
pub(super) fn tell_trouble(context: &Context, keeper: &Keeper) {
    if let Some(error) = keeper.trouble() {
        context.console.note(&format!("the history is not kept: {error}; `--no-history` keeps none"));
    }
}
