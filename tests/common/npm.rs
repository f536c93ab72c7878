//! npm packages that tests compare with: those of `tests/npm/package.json`, which `.ci/run` installs into `target/test-npm`.
//! `SIMCTL_TEST_NPM` names another folder that has them.

use std::path::{Path, PathBuf};

use super::common::{node_or_skip, skip};

/// The folder of an npm package. Where it is not installed, `who` says loudly what it skips.
pub(crate) fn package_or_skip(package: &str, who: &str) -> Option<PathBuf> {
    if !node_or_skip(who) {
        return None;
    }
    let installed = std::env::var_os("SIMCTL_TEST_NPM").map(PathBuf::from);
    let installed = installed.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-npm"));
    let folder = installed.join("node_modules").join(package);
    if !folder.is_dir() {
        skip(
            who,
            &format!(
                "it needs the npm package `{package}`: `npm ci` in a copy of tests/npm at target/test-npm installs it"
            ),
        );
        return None;
    }
    Some(folder)
}
