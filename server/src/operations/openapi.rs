//! The OpenAPI document of the operations that are not for integrators, generated from the handlers' declarations.
//!
//! It is separate from the contract: callers of the API must not rely on anything here.

use std::sync::LazyLock;

use utoipa::OpenApi;

use crate::webhooks;

/// The document.
pub(crate) static JSON: LazyLock<String> = LazyLock::new(|| {
    let json = Document::openapi().to_json();
    json.expect("a document of strings and lists always serializes")
});

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Billing portal: operations",
        description = "What operators and Stripe use, beside the API.\n\nHealth, readiness and metrics are on this \
            port, which is for your own network only. Stripe's webhooks come in on the API's port, through your \
            proxy. Every answer has an `X-Request-Id`, which the log has, too.\n\nOn this page only what is read can \
            be tried: the API and the webhook are on another port.",
    ),
    servers((url = ".", description = "The operations port, which serves this document.")),
    tags(
        (name = "Operations", description = "Whether this instance is well."),
        (name = "Webhooks", description = "What Stripe tells; on the API's port."),
    ),
    paths(super::health, super::readiness, super::metrics, webhooks::receive),
)]
struct Document;
