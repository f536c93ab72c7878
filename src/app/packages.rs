//! The npm packages that an app requires, and which of them are not there.

use std::path::Path;

use crate::model::{Code, Finding, Findings, Place};
use crate::text::json::Node;
use crate::text::shell_word;

use super::script::is_builtin;
use super::{App, Reading};

/// A package that is required and that Node.js would not find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingPackage {
    /// Its name, such as `left-pad` or `@scope/name`.
    pub name: String,
    /// The version that the manifest's `dependencies` name.
    pub version: Option<String>,
    /// Where it is required first.
    pub place: Place,
}

impl MissingPackage {
    /// The package as npm is asked for it: `name@version`.
    pub fn spec(&self) -> String {
        match &self.version {
            Some(version) => format!("{}@{version}", self.name),
            None => self.name.clone(),
        }
    }
}

impl App {
    /// The packages that the scripts require and that Node.js would not find from `server/`, each once.
    pub fn missing_packages(&self, reading: &Reading) -> Vec<MissingPackage> {
        let mut missing: Vec<MissingPackage> = Vec::new();
        for required in &reading.packages {
            let name = package(&required.specifier);
            let is_known = missing.iter().any(|known| known.name == name);
            if is_known || is_builtin(&required.specifier) || !is_name(name) || self.has_package(name) {
                continue;
            }
            let (name, version) = (name.to_owned(), self.dependency(name));
            missing.push(MissingPackage { name, version, place: required.place.clone() });
        }
        missing
    }

    /// Whether Node.js would find the package: in `server/node_modules`, or in one further up.
    fn has_package(&self, name: &str) -> bool {
        let server = self.root.join("server");
        server.ancestors().any(|folder| folder.join("node_modules").join(name).exists())
    }

    /// The version of a dependency that the manifest names.
    fn dependency(&self, name: &str) -> Option<String> {
        let of = |node: &Node| Some(node.get("dependencies")?.get(name)?.as_str()?.to_owned());
        let manifest = &self.manifest;
        of(&manifest.node).or_else(|| manifest.hosts().iter().find_map(|(_, host)| of(host)))
    }
}

/// One finding for each missing package, the last with the command that installs them all.
pub fn missing_findings(missing: &[MissingPackage]) -> Findings {
    let last = missing.len().saturating_sub(1);
    let finding = |(at, package): (usize, &MissingPackage)| {
        let what = format!("the npm package `{}` is required, and it is not in server/node_modules", package.name);
        let finding = Finding::new(Code::MissingPackage, what).at(package.place.clone());
        if at < last {
            return finding;
        }
        let specs: Vec<String> = missing.iter().map(|package| shell_word(&package.spec()).into_owned()).collect();
        let hint = format!("install with `cd server && npm install {}`", specs.join(" "));
        finding.hint(hint).hint("`--install` does that before it fires")
    };
    missing.iter().enumerate().map(finding).collect()
}

/// The package that a specifier is of: `@scope/name` of `@scope/name/file`.
pub(in crate::app) fn package(specifier: &str) -> &str {
    let parts = if specifier.starts_with('@') { 2 } else { 1 };
    let end = specifier.match_indices('/').nth(parts - 1).map_or(specifier.len(), |(at, _)| at);
    &specifier[..end]
}

/// Whether a name is one that npm could know. Others are left for Node.js to refuse: they must not reach a command line.
fn is_name(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-', '_'])
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    };
    let is_there = |part: &str| plain(part) && Path::new(part).components().count() == 1;
    match name.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').is_some_and(|(scope, name)| is_there(scope) && is_there(name)),
        None => is_there(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::open;

    fn missing(files: &[(&str, &str)]) -> Vec<String> {
        let (_dir, app) = open(files);
        let app = app.unwrap_or_else(|findings| panic!("{findings:?}"));
        let script = app.script().unwrap_or_else(|findings| panic!("{findings:?}"));
        app.missing_packages(&app.read_scripts(&script)).iter().map(MissingPackage::spec).collect()
    }

    #[test]
    fn a_missing_package_is_named_once_with_the_manifests_version() {
        let manifest =
            r#"{"events": {"onUserCreate": {"handler": "f"}}, "dependencies": {"here": "1.0.0", "gone": "2.1.0"}}"#;
        let server = "require('here'); require('gone'); require('gone/deep'); require('@of/none'); require('fs'); \
            require('node:path'); require('./lib'); require('../../etc'); require('-rf'); require('a b');";
        let files = [
            ("manifest.json", manifest),
            ("server/server.js", server),
            ("server/lib.js", "require('gone'); require('further');"),
            ("server/node_modules/here/index.js", ""),
            ("node_modules/further/index.js", ""),
        ];
        assert_eq!(missing(&files), ["gone@2.1.0", "@of/none"]);
    }
}
