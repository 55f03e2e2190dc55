//! The OpenAPI document of what is not for integrators, put together from the handlers' own declarations.
//!
//! It never mixes with the contract, which people write: nothing here is promised to callers of the API.

use std::sync::LazyLock;

use utoipa::OpenApi;

use crate::webhooks;

/// The document.
pub(crate) static JSON: LazyLock<String> = LazyLock::new(|| {
    // A document of strings and lists always serialises.
    Document::openapi().to_json().unwrap_or_default()
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
    servers((url = "/", description = "The operations port, which serves this document.")),
    tags(
        (name = "Operations", description = "Whether this instance is well."),
        (name = "Webhooks", description = "What Stripe tells; on the API's port."),
    ),
    paths(super::health, super::readiness, super::metrics, webhooks::receive),
)]
struct Document;
