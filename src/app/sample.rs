//! The app's own sample payloads, in `server/test_data`.

use std::path::PathBuf;

use crate::model::{Code, Finding, Findings};
use crate::text::{list, nearest};

use super::catalogue::{HOME_MODULE, HOME_PRODUCT};
use super::{App, Scope, Subscription};

const FOLDER: &str = "server/test_data";

impl App {
    /// The file with the app's sample payload for an event, absolute. Layouts: `<event>.json`, `<product>/<event>.json`,
    /// `<module>/<event>.json`, `common/<event>.json`; the more particular one wins. [`App::shown_path`] names it.
    ///
    /// # Errors
    /// There is none; the finding lists where it was looked for.
    pub fn sample(&self, event: &str, subscription: &Subscription) -> Result<PathBuf, Findings> {
        let candidates = candidates(event, &subscription.scope);
        if let Some(found) = candidates.iter().map(|name| self.root.join(name)).find(|path| path.is_file()) {
            return Ok(found);
        }
        let what = format!("the app has no sample payload for `{event}`");
        let looked = format!("looked for {}", list(candidates.iter().map(String::as_str)));
        let there = self.samples_there();
        let near = nearest(event, there.iter().map(String::as_str));
        Err(vec![
            Finding::new(Code::SampleMissing, what)
                .in_file(&self.shown(FOLDER))
                .hint(looked)
                .maybe_hint(near.map(|near| format!("there is one for `{near}`"))),
        ])
    }

    /// How a path below the app's folder is shown to the user; others stay as they are.
    pub fn shown_path(&self, path: &std::path::Path) -> PathBuf {
        path.strip_prefix(&self.root).map_or_else(|_| path.to_path_buf(), |relative| self.shown(relative))
    }

    /// The names of the samples that lie directly in the folder.
    fn samples_there(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.root.join(FOLDER)) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".json").map(str::to_owned))
            .collect();
        names.sort();
        names
    }
}

/// Where a sample may lie, the most particular place first.
fn candidates(event: &str, scope: &Scope) -> Vec<String> {
    let folders: &[&str] = match scope {
        Scope::None => &["", HOME_PRODUCT, HOME_MODULE],
        Scope::Product(product) => &[product, "", HOME_MODULE],
        Scope::Module(module) => &[module, "common", "", HOME_PRODUCT],
    };
    let mut found: Vec<String> = Vec::new();
    // An event's name comes from the command line: it must not lead into another folder.
    if event.contains(['/', '\\', '\0']) || event.starts_with('.') {
        return found;
    }
    for folder in folders.iter().filter(|folder| !folder.contains(['/', '\\', '\0']) && !folder.starts_with('.')) {
        let name = if folder.is_empty() {
            format!("{FOLDER}/{event}.json")
        } else {
            format!("{FOLDER}/{folder}/{event}.json")
        };
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail loudly")]
mod tests {
    use std::fs;

    use super::*;
    use crate::app::Locate;

    const MANIFEST: &str = r#"{"platform-version": "3.0", "modules": {"common": {},
        "chat_user": {"events": {"onUserUpdate": {"handler": "f"}}}}}"#;

    fn app(files: &[&str]) -> (tempfile::TempDir, App) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("manifest.json"), MANIFEST).unwrap();
        for file in files {
            let path = dir.path().join(FOLDER).join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "{}").unwrap();
        }
        let cwd = dir.path().to_path_buf();
        let app = App::open(&Locate { app: Some(".".into()), manifest: None, cwd }).unwrap();
        (dir, app)
    }

    fn found(app: &App) -> String {
        let subscription = app.subscription("onUserUpdate", None).unwrap();
        app.shown_path(&app.sample("onUserUpdate", subscription).unwrap()).display().to_string()
    }

    #[test]
    fn each_layout_is_found_and_the_more_particular_wins() {
        let files = [
            "chat_user/onUserUpdate.json",
            "common/onUserUpdate.json",
            "onUserUpdate.json",
            "freshchat/onUserUpdate.json",
        ];
        for at in 0..files.len() {
            let (_dir, app) = app(&files[at..]);
            assert_eq!(found(&app), format!("{FOLDER}/{}", files[at]));
        }
    }

    #[test]
    fn a_missing_sample_says_where_it_was_looked_for() {
        let (_dir, app) = app(&["onUserUpdated.json"]);
        let subscription = app.subscription("onUserUpdate", None).unwrap();
        let finding = &app.sample("onUserUpdate", subscription).unwrap_err()[0];
        assert_eq!(finding.code, Code::SampleMissing);
        assert!(finding.hints[0].contains("`server/test_data/chat_user/onUserUpdate.json`"), "{:?}", finding.hints);
        assert_eq!(finding.hints[1], "there is one for `onUserUpdated`");
        assert!(app.sample("../../manifest", subscription).is_err());
    }
}
