//! Finding `server.js`, and the folder that its requires must stay in.

use std::path::{Path, PathBuf};

use crate::model::{Code, Finding, Findings};
use crate::text::Source;

use crate::app::locate::{is_there, join_shown};

/// The app's `server.js`.
#[derive(Debug, Clone)]
pub struct Script {
    /// Its name relative to the app's folder, with `/`: `server/server.js` or `server.js`.
    pub name: String,
    /// Its text.
    pub source: Source,
}

/// The folder that an app's scripts may be required from.
#[derive(Debug)]
pub(in crate::app) struct Folder {
    /// Absolute, symbolic links resolved.
    pub(in crate::app) path: PathBuf,
    /// As messages call it.
    pub(in crate::app) name: &'static str,
}

impl Folder {
    /// `server/` where the app keeps `server.js` in it, else the app's own folder.
    pub(in crate::app) fn of(root: &Path) -> Self {
        let server = root.join("server");
        match server.canonicalize() {
            Ok(path) if is_there(&server.join("server.js")) && path.starts_with(root) => {
                Self { path, name: "`server/`" }
            }
            _ => Self { path: root.to_path_buf(), name: "the app's folder" },
        }
    }
}

/// Finds and reads `server/server.js`, else `server.js`.
pub(in crate::app) fn find(root: &Path, shown_root: &Path) -> Result<Script, Findings> {
    let candidates = ["server/server.js", "server.js"];
    let Some(name) = candidates.into_iter().find(|name| is_there(&root.join(name))) else {
        let what = "the app has neither `server/server.js` nor `server.js`";
        return Err(vec![Finding::new(Code::ServerMissing, what).in_file(shown_root).hint(
            "put the callbacks into `server/server.js`: `exports = { onUserUpdateCallback: function (payload) {} };`",
        )]);
    };
    let (path, shown) = (root.join(name), join_shown(shown_root, name));
    if path.canonicalize().is_ok_and(|real| !real.starts_with(root)) {
        let what = "this is a symbolic link that leads out of the app's folder";
        return Err(vec![Finding::new(Code::FileUnreadable, what).in_file(&shown)]);
    }
    match Source::read_as(&path, &shown) {
        Ok(source) => Ok(Script { name: name.to_owned(), source }),
        Err(finding) => Err(vec![finding]),
    }
}
