//! Serves the documentation: the contract as it was committed, the reference page, and Swagger UI. On the operations port
//! Swagger UI shows a second document: the operations that are not for integrators.
//!
//! The contract itself is served, not the document that the code declares. `cargo xtask check` verifies that the two are
//! equal.

use poem::{Response, endpoint::make_sync, web::Redirect};

use super::{
    router::Router,
    static_file::{Content, StaticFile},
};

// `FILES`: every file, made by `build/docs.rs`.
include!(concat!(env!("DOCS_FILES"), "/files.rs"));

/// What Swagger UI needs on both ports.
const SWAGGER_UI: [&str; 4] = [
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "favicon-16x16.png",
    "favicon-32x32.png",
];

/// Adds /openapi.yaml, /openapi.json, /docs and /docs/reference.
pub(crate) fn routes(router: Router) -> Router {
    let router = file(router, "/openapi.yaml", "openapi.yaml");
    let router = file(router, "/docs/reference", "reference.html");
    page(router, "index.html", &["start.js"])
}

/// Whether a path of the API's port is one of the documentation.
pub(crate) fn is_documentation(path: &str) -> bool {
    let pages = ["/", "/docs", "/openapi.json", "/openapi.yaml"];
    pages.contains(&path) || path.starts_with("/docs/")
}

/// Adds /operations.json, /openapi.json and /docs, which shows both.
pub(crate) fn operations_routes(router: Router, document: &'static str) -> Router {
    let json = move |_| {
        Response::builder()
            .content_type("application/json")
            .body(document)
    };
    let router = router.get("/operations.json", make_sync(json));
    let scripts = ["swagger-ui-standalone-preset.js", "operations.js"];
    page(router, "operations.html", &scripts)
}

/// Adds Swagger UI under /docs, which is also the answer of /. Redirects are relative, because a proxy may put a path before
/// ours.
fn page(router: Router, page: &str, scripts: &[&str]) -> Router {
    let router = router
        .root(make_sync(|_| Redirect::temporary("docs/")))
        .get("/docs", make_sync(|_| Redirect::permanent("docs/")));
    let router = file(router, "/openapi.json", "openapi.json");
    let router = file(router, "/docs/", page);
    let names = SWAGGER_UI.iter().chain(scripts);
    names.fold(router, |router, name| {
        file(router, &format!("/docs/{name}"), name)
    })
}

/// Adds the file of this name.
fn file(router: Router, path: &str, name: &str) -> Router {
    let found = FILES.iter().find(|file| file.name == name);
    let found = found.expect("each name is one of the files in the binary");
    router.get(path, make_sync(move |request| found.respond(&request)))
}
