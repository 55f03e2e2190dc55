//! Serves the contract as it was committed, and Swagger UI. On the operations port Swagger UI shows a second document:
//! the operations that are not for integrators.
//!
//! The contract itself is served, not the document that the code declares. `cargo xtask check` verifies that the two are
//! equal.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use poem::{IntoResponse, Response, endpoint::make_sync, http::header, web::Redirect};
use utoipa_swagger_ui::{Config, Url};

use super::{contract_json::CONTRACT_JSON, router::Router};

/// The contract, byte for byte.
pub(crate) const CONTRACT: &str = include_str!("../../../openapi/billing-portal.yaml");

/// Swagger UI's files. Its scripts run only here, and talk only to this service.
const FILES: [&str; 8] = [
    "index.html",
    "index.css",
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-initializer.js",
    "favicon-16x16.png",
    "favicon-32x32.png",
];
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const CONTRACT_PATH: &str = "/openapi.json";
const OPERATIONS_PATH: &str = "/operations.json";
/// The same as the page at /docs/ writes them: relative, because a proxy may put a path before ours.
const CONTRACT_LINK: &str = "../openapi.json";
const OPERATIONS_LINK: &str = "../operations.json";

/// Adds /openapi.yaml, /openapi.json and /docs.
pub(crate) fn routes(router: Router) -> Router {
    let router = router.get(
        "/openapi.yaml",
        make_sync(|_| with_type("application/yaml", CONTRACT)),
    );
    page(contract(router), Config::from(CONTRACT_LINK))
}

/// Adds /operations.json, /openapi.json and /docs, which shows both. The contract's operation and the webhook are on
/// another port, so that only what is read can be tried.
pub(crate) fn operations_routes(router: Router, document: &'static str) -> Router {
    let router = router.get(
        OPERATIONS_PATH,
        make_sync(move |_| with_type("application/json", document)),
    );
    let shown = [
        Url::new("Billing portal: operations", OPERATIONS_LINK),
        Url::new("Billing portal", CONTRACT_LINK),
    ];
    let config = Config::new(shown).supported_submit_methods(["get"]);
    page(contract(router), config)
}

fn contract(router: Router) -> Router {
    router.get(
        CONTRACT_PATH,
        make_sync(|_| with_type("application/json", CONTRACT_JSON)),
    )
}

/// Adds Swagger UI under /docs.
fn page(router: Router, config: Config<'static>) -> Router {
    let config = Arc::new(
        config
            .try_it_out_enabled(true)
            .show_extensions(true)
            .display_request_duration(true)
            // A billing key is not left behind in the browser, nor the contract's address sent to a validator.
            .persist_authorization(false)
            .validator_url("none"),
    );
    let router = router
        .get("/docs", make_sync(|_| Redirect::permanent("docs/")))
        .get("/docs/", file("index.html", &config));
    FILES.iter().fold(router, |router, name| {
        router.get(&format!("/docs/{name}"), file(name, &config))
    })
}

/// A file of Swagger UI, made once: each response refers to the same bytes, however many clients read them slowly.
fn file(
    name: &'static str,
    config: &Arc<Config<'static>>,
) -> impl poem::Endpoint<Output = Response> + 'static {
    let file = utoipa_swagger_ui::serve(name, Arc::clone(config));
    let file = file
        .ok()
        .flatten()
        .expect("each name is one of the files in the binary");
    let bytes = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    make_sync(move |_| {
        with_type(&file.content_type, bytes.clone())
            .with_header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)
            .into_response()
    })
}

fn with_type(content_type: &str, body: impl Into<poem::Body>) -> Response {
    Response::builder().content_type(content_type).body(body)
}
