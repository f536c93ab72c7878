//! A load as a page: to be looked at in a browser, with nothing to be fetched.

use crate::model::LoadReport;

/// The page.
pub fn load_html(_report: &LoadReport) -> String {
    String::new()
}
