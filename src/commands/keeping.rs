//! What the verbs that fire events keep of it: the app's history and users, as its settings and the flags have it.

use std::path::Path;

use super::Context;
use crate::app::App;
use crate::history::{History, Keeper, Settled, Users};
use crate::model::Secrets;

/// The history of the app in `root`, and whether it is to be kept at all.
pub(super) fn history(context: &Context, root: &Path) -> (History, bool) {
    let Settled { history, keep, complaint } = History::settled(root);
    if let Some(what) = complaint {
        context.console.note(&format!("{what}, so the history has its usual bounds: `simctl validate` says more"));
    }
    (history, keep)
}

/// Keeps what is fired at the app in `root`; nothing with `--no-history`, and where the app's settings say so.
pub(super) fn keeper(context: &Context, root: &Path, is_wanted: bool, secrets: &Secrets) -> Keeper {
    let history = is_wanted.then(|| history(context, root)).and_then(|(history, keep)| keep.then_some(history));
    let users = history.is_some().then(|| Users::open(root));
    Keeper::new(history, users, secrets.clone())
}

/// Where the history of a run is kept: in the app, and without one in the current folder.
pub(super) fn home<'a>(context: &'a Context, app: Option<&'a App>) -> &'a Path {
    app.map_or(&context.cwd, |app| &app.root)
}

/// Says, once, that something could not be kept.
pub(super) fn tell_trouble(context: &Context, keeper: &Keeper) {
    if let Some(error) = keeper.trouble() {
        context.console.note(&format!("the history is not kept: {error}; `--no-history` keeps none"));
    }
}
