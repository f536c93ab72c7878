//! Which calls of `$request` an app's platform has: those that name a template, or those that name a URL.

use super::manifest::{Manifest, Shape};

/// The call that sends a request by a template.
const BY_TEMPLATE: &str = "invokeTemplate";
/// The calls that send one to a URL.
const BY_URL: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// What the platform of an app has of `$request`.
#[derive(Debug, Clone)]
pub struct RequestCalls {
    by_template: bool,
    by_url: bool,
    version: String,
}

impl RequestCalls {
    /// Up to platform 2.2 requests go to a URL, from 2.3 on by a template; where the manifest does not say, either.
    pub fn of(manifest: &Manifest) -> Self {
        let version = manifest.platform_version.as_deref();
        let (by_template, by_url) = match (manifest.shape, version) {
            (_, Some("1.0" | "2.0" | "2.1" | "2.2")) => (false, true),
            (Shape::Modules, _) | (_, Some(_)) => (true, false),
            (Shape::Legacy, None) => (false, true),
            (Shape::Snippet | Shape::Product, None) => (true, true),
        };
        Self { by_template, by_url, version: version.unwrap_or("3.0").to_owned() }
    }

    /// Why `$request.METHOD` cannot work, and what to do instead; `None` where the platform has it, and for what is no
    /// call of `$request` on any.
    pub fn refusal(&self, method: &str) -> Option<(String, &'static str)> {
        let instead = if method == BY_TEMPLATE && !self.by_template {
            "use `$request.get` and the like, or platform 2.3 or newer"
        } else if BY_URL.contains(&method) && !self.by_url {
            "write a template in config/requests.json and use `$request.invokeTemplate`"
        } else {
            return None;
        };
        Some((format!("`$request.{method}` is not available on platform {}", self.version), instead))
    }
}
