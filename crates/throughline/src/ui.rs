//! The embedded web UI: files by path, the page itself for every other path (the UI routes).

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, Uri, header};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/ui"]
struct Files;

/// Routes that serve the UI for what no other route takes.
pub fn routes() -> Router {
    Router::new().fallback(|uri: Uri| async move { serve(uri.path()) })
}

fn serve(path: &str) -> Response {
    let path = path.trim_start_matches('/');
    if let Some(file) = Files::get(path).filter(|_| !path.is_empty()) {
        // Names of assets carry a hash of their content.
        let cache =
            if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
        return answer(&file, cache);
    }
    let is_file = path.starts_with("assets/") || path.starts_with("api/");
    match Files::get("index.html").filter(|_| !is_file) {
        Some(page) => answer(&page, "no-cache"),
        None => (StatusCode::NOT_FOUND, "not found\n").into_response(),
    }
}

fn answer(file: &rust_embed::EmbeddedFile, cache: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, file.metadata.mimetype().to_owned()),
        (header::CACHE_CONTROL, cache.to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (headers, Body::from(file.data.to_vec())).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_paths_get_the_page_and_unknown_files_do_not() {
        assert_eq!(serve("/trace/1").status(), StatusCode::OK);
        assert_eq!(serve("/assets/none.js").status(), StatusCode::NOT_FOUND);
        assert_eq!(serve("/api/v1/none").status(), StatusCode::NOT_FOUND);
    }
}
