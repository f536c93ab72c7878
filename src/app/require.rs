//! What a `require` leads to: a file of the app, a package, or a refusal that says why.
//!
//! The rules are the platform's: relative requires stay in `server/`, `.js` may be left out, everything else is a
//! package. A path is judged before the file system is asked, so that a refusal does not tell whether a file is there.

use std::path::{Component, Path, PathBuf};

use crate::text::Source;

use super::App;
use super::script::Folder;

/// What a `require` leads to.
#[derive(Debug)]
pub enum Required {
    /// A file of the app. A name that ends in `.json` is JSON, which the platform does not pack.
    Module {
        /// Relative to the app's folder, with `/`, symbolic links resolved: one name per file.
        name: String,
        /// Its text.
        source: Source,
    },
    /// A name that is not relative: an npm package, or a module of Node's own.
    Package {
        /// As it was required.
        specifier: String,
    },
    /// It cannot be required.
    Refused {
        /// Why, in one line.
        message: String,
    },
}

impl App {
    /// Resolves what the file `from` (a name as in [`Required::Module`]) requires as `specifier`.
    pub fn require(&self, from: &str, specifier: &str) -> Required {
        match self.resolve(from, specifier) {
            Ok(required) => required,
            Err(message) => Required::Refused { message },
        }
    }

    fn resolve(&self, from: &str, specifier: &str) -> Result<Required, String> {
        if specifier.is_empty() || specifier.contains('\0') {
            return Err("`require` needs the name of a file or package".to_owned());
        }
        if Path::new(specifier).is_absolute() {
            return Err(format!("`{specifier}` is an absolute path, one relative to the file was expected"));
        }
        if !is_relative(specifier) {
            return Ok(Required::Package { specifier: specifier.to_owned() });
        }
        let folder = Folder::of(&self.root);
        let leads_out = || format!("`{specifier}` leads out of {}, which an app's files must stay in", folder.name);
        let here = self.root.join(from);
        let asked = here.parent().unwrap_or(&self.root).join(specifier);
        let path = without_dots(&asked).filter(|path| path.starts_with(&folder.path)).ok_or_else(leads_out)?;
        let found = self.file_at(&path, specifier)?;
        let real = found.canonicalize().map_err(|error| format!("`{specifier}` cannot be read: {error}"))?;
        if !real.starts_with(&folder.path) {
            return Err(leads_out());
        }
        let relative = real.strip_prefix(&self.root).map_err(|_| leads_out())?;
        // Modules are kept by their names, and two that are not text could read alike.
        let parts: Option<Vec<_>> = relative.components().map(|part| part.as_os_str().to_str()).collect();
        let name = parts.map(|parts| parts.join("/"));
        let name = name.ok_or_else(|| format!("`{specifier}` leads to a file whose name is not UTF-8"))?;
        let source = Source::read_as(&real, &self.shown(&name))
            .map_err(|finding| format!("`{specifier}` cannot be read: {}", finding.message))?;
        Ok(Required::Module { name, source })
    }

    /// The file that a path means: itself, or with `.js` at its end.
    fn file_at(&self, path: &Path, specifier: &str) -> Result<PathBuf, String> {
        // Folders above may have names that are no text.
        let mut with_js = path.as_os_str().to_owned();
        with_js.push(".js");
        let with_js = PathBuf::from(with_js);
        let ends_in_slash = specifier.ends_with(['/', '.']);
        if path.is_file() && !ends_in_slash {
            return Ok(path.to_path_buf());
        }
        if with_js.is_file() && !ends_in_slash {
            return Ok(with_js);
        }
        let shown = |path: &Path| match path.strip_prefix(&self.root) {
            Ok(relative) => self.shown(relative).display().to_string(),
            Err(_) => path.display().to_string(),
        };
        if path.is_dir() {
            let index = if path.join("index.js").is_file() { "index" } else { "name" };
            let sample = format!("{}/{index}.js", specifier.trim_end_matches('/'));
            return Err(format!(
                "`{specifier}` is a folder, which the platform does not look into: name a file, such as `{sample}`"
            ));
        }
        if path.symlink_metadata().is_ok() || with_js.symlink_metadata().is_ok() {
            return Err(format!("`{specifier}` is not a file that can be read"));
        }
        if path.extension().is_some() {
            return Err(format!("`{specifier}` is not there: no file `{}`", shown(path)));
        }
        Err(format!("`{specifier}` is not there: no file `{}`", shown(&with_js)))
    }
}

fn is_relative(specifier: &str) -> bool {
    specifier == "." || specifier == ".." || specifier.starts_with("./") || specifier.starts_with("../")
}

/// The path without `.` and `..`, by its text alone; `None` where it leads above the root of the file system.
fn without_dots(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !plain.pop() {
                    return None;
                }
            }
            part => plain.push(part),
        }
    }
    Some(plain)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use std::fs;

    use super::*;
    use crate::app::Locate;

    struct Folders {
        _dir: tempfile::TempDir,
        root: PathBuf,
        app: App,
    }

    fn app(files: &[&str]) -> Folders {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("app");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("manifest.json"), r#"{"events":{"onUserCreate":{"handler":"f"}}}"#).unwrap();
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "exports = {};").unwrap();
        }
        let app = App::open(&Locate { app: Some(root.clone()), manifest: None, cwd: root.clone() }).unwrap();
        Folders { _dir: dir, root, app }
    }

    fn told(required: &Required) -> String {
        match required {
            Required::Module { name, .. } => name.clone(),
            Required::Package { specifier } => format!("package {specifier}"),
            Required::Refused { message } => format!("refused: {message}"),
        }
    }

    #[test]
    fn relative_names_are_files_and_others_packages() {
        let folders = app(&["server/server.js", "server/lib/a.js", "server/lib/b.json", "server/lib/a.b.js"]);
        let from = |from: &str, specifier: &str| told(&folders.app.require(from, specifier));
        assert_eq!(from("server/server.js", "./lib/a"), "server/lib/a.js");
        assert_eq!(from("server/server.js", "./lib/a.js"), "server/lib/a.js");
        assert_eq!(from("server/server.js", "./lib/a.b"), "server/lib/a.b.js");
        assert_eq!(from("server/server.js", "./lib/b.json"), "server/lib/b.json");
        assert_eq!(from("server/lib/a.js", "../server"), "server/server.js");
        assert_eq!(from("server/lib/a.js", "./../lib/../lib/a"), "server/lib/a.js");
        assert_eq!(from("server/server.js", "axios"), "package axios");
        assert_eq!(from("server/server.js", "@scope/name/file.js"), "package @scope/name/file.js");
        assert_eq!(from("server/server.js", ".hidden"), "package .hidden");
    }

    #[test]
    fn what_leads_out_is_refused_alike_whether_it_is_there_or_not() {
        let folders = app(&["server/server.js", "secret.js"]);
        for specifier in ["../secret", "../nowhere", "../../../../../../../../../../etc/passwd", "..", "./../.."] {
            let told = told(&folders.app.require("server/server.js", specifier));
            assert!(told.contains("leads out of `server/`"), "{specifier}: {told}");
        }
        for specifier in ["/etc/passwd", "", "./a\0b"] {
            assert!(matches!(folders.app.require("server/server.js", specifier), Required::Refused { .. }));
        }
        // A file that does not exist as `from` must not open a way out either.
        let told = told(&folders.app.require("../../x/server.js", "./secret"));
        assert!(told.contains("leads out"), "{told}");
    }

    #[test]
    #[cfg(unix)]
    fn a_link_is_followed_inside_and_refused_outside() {
        let folders = app(&["server/server.js", "server/lib/a.js", "secret.js"]);
        std::os::unix::fs::symlink(folders.root.join("secret.js"), folders.root.join("server/out.js")).unwrap();
        std::os::unix::fs::symlink("lib/a.js", folders.root.join("server/in.js")).unwrap();
        std::os::unix::fs::symlink("nowhere", folders.root.join("server/dangling.js")).unwrap();
        std::os::unix::fs::symlink("loop.js", folders.root.join("server/loop.js")).unwrap();
        std::os::unix::fs::symlink("..", folders.root.join("server/up")).unwrap();
        let from = |specifier: &str| told(&folders.app.require("server/server.js", specifier));
        assert_eq!(from("./in"), "server/lib/a.js");
        assert!(from("./out").contains("leads out of"));
        assert!(from("./up/secret").contains("leads out of"));
        assert!(from("./dangling").contains("not a file"));
        assert!(from("./loop").contains("not a file"));
    }

    #[test]
    fn a_folder_is_refused_with_the_file_to_name() {
        let folders = app(&["server/server.js", "server/lib/index.js"]);
        let from = |specifier: &str| told(&folders.app.require("server/server.js", specifier));
        assert!(from("./lib").contains("`./lib/index.js`"), "{}", from("./lib"));
        assert!(from("./lib/").contains("`./lib/index.js`"));
        assert!(from("./nothing").contains("no file `server/nothing.js`"), "{}", from("./nothing"));
    }

    #[test]
    fn beside_a_bare_server_js_the_app_folder_is_the_limit() {
        let folders = app(&["server.js", "helper.js"]);
        assert_eq!(told(&folders.app.require("server.js", "./helper")), "helper.js");
        assert!(told(&folders.app.require("server.js", "../app2/x")).contains("leads out of the app's folder"));
    }
}
