//! A manifest checked on its own, as `simctl validate` does.

use std::path::Path;

use crate::model::{Finding, Findings};
use crate::schema::Schemas;
use crate::text::{Source, json};

use super::{App, Locate, Manifest, script};

impl App {
    /// The manifest of the app that is meant, as the user would write its path.
    ///
    /// # Errors
    /// A finding where there is none.
    pub fn find_manifest(locate: &Locate) -> Result<std::path::PathBuf, Findings> {
        locate.find().map(|located| located.shown_manifest)
    }

    /// Every fault of a manifest: what is not JSON, what its schema forbids, and what cannot be fired. The `server.js` in
    /// `folder` is asked for the events of a legacy app; without a folder they are not asked for.
    pub fn check_manifest(schemas: &Schemas, source: &Source, folder: Option<&Path>) -> Findings {
        let mut findings = match Manifest::read(source.clone()) {
            Ok(mut manifest) if manifest.asks_the_script() => match folder {
                Some(folder) => {
                    let script = script::find(folder, source.file().parent().unwrap_or(Path::new("")));
                    manifest.add_legacy(script.as_ref().map(script::legacy_events).map_err(Clone::clone));
                    all_findings(manifest)
                }
                None => manifest.findings,
            },
            Ok(manifest) => all_findings(manifest),
            Err(findings) => findings,
        };
        // Our own reading says more of a value than its schema does: where both speak of one, it is heard.
        if let (Some(node), _) = json::read(source) {
            let told: Vec<_> = findings.iter().filter_map(|finding| finding.place.pointer.clone()).collect();
            let by_schema = schemas.check("manifest", &node, source);
            let is_new =
                |finding: &Finding| finding.place.pointer.as_ref().is_none_or(|pointer| !told.contains(pointer));
            findings.extend(by_schema.into_iter().filter(is_new));
        }
        findings
    }
}

fn all_findings(manifest: Manifest) -> Findings {
    match manifest.checked() {
        Ok(manifest) => manifest.findings,
        Err(findings) => findings,
    }
}
