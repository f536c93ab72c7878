//! Saved files: every tab is told, and what is fired next is read anew in any case.

use std::sync::Arc;
use std::thread::JoinHandle;

use serde_json::json;

use super::Shared;
use crate::app::Checkup;
use crate::watch::{Watch, WatchError, Watched};

/// Listens in a thread of its own until the server ends.
pub(super) fn start(shared: &Arc<Shared>) -> Result<JoinHandle<()>, WatchError> {
    let settings = &shared.settings;
    let mut watched = Watched { files: settings.iparams.iter().cloned().collect(), ..Watched::default() };
    let root = Checkup::open(&settings.schemas, &settings.locate).map(|checkup| checkup.root);
    let root = root.unwrap_or_else(|_| settings.locate.cwd.clone());
    watched.folders.push(root.clone());
    let mut watch = Watch::new(watched)?;
    let shared = Arc::clone(shared);
    let listen = move || {
        while let Ok(Some(paths)) = watch.changed(&shared.ending) {
            let below = |path: &std::path::PathBuf| path.strip_prefix(&root).unwrap_or(path).display().to_string();
            let files: Vec<String> = paths.iter().map(below).take(20).collect();
            shared.hub.tell("app-changed", &json!({ "files": files }));
        }
    };
    std::thread::Builder::new().name("watch".to_owned()).spawn(listen).map_err(WatchError::System)
}
