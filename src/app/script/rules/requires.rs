//! Requires that cannot work, here or on the platform.

use crate::app::Required;
use crate::app::packages::package;
use crate::app::script::reading::is_builtin;
use crate::model::{Code, Finding};

use super::Wants;

/// What is wrong with a `require` of `specifier` that leads to `required`.
pub(super) fn fault(specifier: &str, required: &Required, wants: &Wants) -> Option<Finding> {
    match required {
        Required::Refused { message } => Some(Finding::new(Code::BadRequire, message.clone())),
        Required::Module { name, .. } if is_json(name) => {
            let what = format!("`{specifier}` is a JSON file, which the platform does not pack");
            Some(Finding::new(Code::JsonRequire, what).hint("make it a `.js` file: `exports = { … };`"))
        }
        Required::Module { .. } => None,
        Required::Package { specifier } => {
            let package = package(specifier);
            if is_builtin(specifier) || wants.dependencies.contains(package) {
                return None;
            }
            let what = format!("`{package}` is not among the manifest's `dependencies`");
            let hint = format!("add `\"dependencies\": {{\"{package}\": \"<version>\"}}` to manifest.json");
            Some(Finding::new(Code::UndeclaredDependency, what).hint(hint))
        }
    }
}

/// Whether a file's name is one of JSON.
pub(super) fn is_json(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|extension| extension == "json")
}
