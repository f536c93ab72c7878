//! Places as the machine formats write them, and what a reader must remember of a run to know them.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use crate::model::{Addressee, Finding, RunEvent, Span};

/// What several formats remember of a run.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// The app's folder, as the user named it.
    app: String,
    /// How many deliveries are planned.
    pub(super) count: u64,
    /// The delivery at hand.
    pub(super) started: Option<Started>,
    /// The first error that the platform has found in it.
    pub(super) fault: Option<Finding>,
}

/// A delivery that has begun.
#[derive(Debug, Clone)]
pub(super) struct Started {
    pub(super) index: u64,
    pub(super) event: String,
    pub(super) to: Addressee,
}

impl Run {
    pub(super) fn on_event(&mut self, event: &RunEvent) {
        match event {
            RunEvent::RunStarted { count, app, .. } => {
                self.count = count.unwrap_or(u64::MAX);
                self.app.clone_from(app);
            }
            RunEvent::ScenarioStarted { app, .. } => self.app.clone_from(app),
            RunEvent::DeliveryStarted { index, event, to, .. } => {
                self.fault = None;
                self.started = Some(Started { index: *index, event: event.clone(), to: to.clone() });
            }
            RunEvent::Found { finding } if self.started.is_some() && finding.is_error() => {
                self.fault.get_or_insert_with(|| finding.clone());
            }
            _ => {}
        }
    }

    /// A file of the app, relative to the current folder.
    pub(super) fn in_app(&self, file: &str) -> String {
        let folder = self.app.trim_end_matches('/');
        if folder.is_empty() || folder == "." { file.to_owned() } else { format!("{folder}/{file}") }
    }
}

/// The first column after the span, and at least one after its start: a place without a width cannot be marked.
pub(super) fn end_column(span: Span) -> u32 {
    span.end.column.max(span.start.column + 1)
}

/// A path as a URI reference (RFC 3986), and whether it is relative to `base`, an absolute folder. Dot segments are
/// resolved by their names: a report must not depend on what is on the disk.
pub(super) fn uri(base: &Path, file: &Path) -> (String, bool) {
    let mut full = PathBuf::new();
    for part in base.join(file).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                full.pop();
            }
            part => full.push(part),
        }
    }
    match full.strip_prefix(base) {
        Ok(inside) => (percent(&inside.to_string_lossy()), true),
        Err(_) => (format!("file://{}", percent(&full.to_string_lossy())), false),
    }
}

/// The URI of a folder, which ends with a slash.
pub(super) fn folder_uri(folder: &Path) -> String {
    let path = percent(&folder.to_string_lossy());
    format!("file://{}/", path.trim_end_matches('/'))
}

/// Percent-encodes all but what a path of a URI may hold as it is. A colon is encoded, too: before the first slash it would
/// end a scheme.
fn percent(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte))
            }
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_below_the_base_is_relative_and_encoded() {
        let base = Path::new("/home/ada/my app");
        assert_eq!(
            uri(base, Path::new("server/gr\u{fc}\u{df}e #1.js")),
            ("server/gr%C3%BC%C3%9Fe%20%231.js".to_owned(), true)
        );
        assert_eq!(uri(base, Path::new("./a/../b:c.json")), ("b%3Ac.json".to_owned(), true));
        assert_eq!(folder_uri(base), "file:///home/ada/my%20app/");
    }

    #[test]
    fn a_path_elsewhere_is_absolute() {
        assert_eq!(uri(Path::new("/a/b"), Path::new("../c.json")), ("file:///a/c.json".to_owned(), false));
        assert_eq!(folder_uri(Path::new("/")), "file:///");
    }
}
