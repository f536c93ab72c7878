//! The page's files, compiled in.

use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use include_dir::{Dir, include_dir};

static PAGE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/src/serve/page");

/// The file of the page at that path, where there is one.
pub(super) fn find(path: &str) -> Option<Response<Body>> {
    let name = path.strip_prefix('/')?;
    let name = if name.is_empty() { "index.html" } else { name };
    let bytes = PAGE.get_file(name)?.contents();
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind(name)));
    // Another version of simctl may answer at the same port next.
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-cache"));
    Some(response)
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
