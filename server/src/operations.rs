//! The operations port: whether the process is alive, and whether it should receive requests. Never on the API's port.
//!
//! Its OpenAPI document is generated from these declarations, because no integrator depends on it.

pub(crate) mod openapi;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use poem::{Response, handler, web::Data};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    http::{docs, envelope, router::Router},
    log,
    metrics::{MEDIA_TYPE, Now, label},
};

/// How long the database may take. Balancers usually give up on a probe after one or two seconds.
const READINESS_TIMEOUT: Duration = Duration::from_secs(1);

/// Whether the process responds.
#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `ok`.
    #[schema(pattern = "^ok$", example = "ok")]
    status: &'static str,
}

/// Whether to send requests here. Stripe's state is informational and does not affect readiness: an outage of Stripe
/// would remove every instance, and with them the 502 that tells callers the reason.
#[derive(Serialize, ToSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that an operator reads"
)]
struct Readiness {
    /// Whether requests should be sent here: the database responds, and the service is neither starting nor
    /// shutting down.
    ready: bool,
    /// Whether the first verification of the portal configuration is still running. It ends after five seconds at most.
    starting: bool,
    /// Whether the database responds.
    store: bool,
    /// Whether the database can be written. If not, portals open, but webhooks are answered 503 and mappings stay as
    /// they are.
    store_writable: bool,
    /// Whether the service is shutting down.
    draining: bool,
    /// Whether the last call to Stripe succeeded: Stripe responded and accepted the secret key.
    stripe: bool,
    /// Whether the default portal configuration is verified. Otherwise no portal is opened for organizations without a
    /// profile.
    portal_configuration_verified: bool,
    /// The portal profiles whose configuration is not verified, `default` among them. No portal is opened for their
    /// organizations; all others have theirs.
    portal_profiles_unverified: Vec<String>,
    /// The generation of the settings in use: 1 after the start, and one more after each reload.
    generation: u64,
}

/// /healthz, /readyz and /metrics, and the documents.
pub(crate) fn routes(document: &'static str) -> Router {
    let router = Router::default()
        .get("/healthz", health)
        .get("/readyz", readiness)
        .get("/metrics", metrics);
    docs::operations_routes(router, document)
}

/// Is the process alive?
///
/// It responds as long as it runs, until the end of a drain. Restart it if it does not respond.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "Operations",
    responses((status = 200, description = "It is.", body = Health)),
)]
#[handler]
fn health() -> Response {
    envelope::health(true, &Health { status: "ok" })
}

/// Should requests be sent here?
///
/// For load balancers. 503 while the service starts or the database does not respond, and from the signal to shut down on.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "Operations",
    responses(
        (status = 200, description = "Yes.", body = Readiness),
        (status = 503, description = "No; the fields say why.", body = Readiness),
    ),
)]
#[handler]
async fn readiness(Data(app): Data<&Arc<App>>) -> Response {
    let pinging = app
        .metrics
        .database(&app.clock, label::PING, app.store.ping());
    let store = matches!(
        tokio::time::timeout(READINESS_TIMEOUT, pinging).await,
        Ok(Ok(()))
    );
    let starting = !app.started.initialized();
    let draining = app.draining.load(Ordering::Relaxed);
    let mut profiles = app.stripe.verified_profiles();
    profiles.retain(|_, is_verified| !*is_verified);
    let readiness = Readiness {
        ready: store && !starting && !draining,
        starting,
        store,
        store_writable: app.store.is_writable(),
        draining,
        stripe: app.stripe.last_call_succeeded(),
        portal_configuration_verified: app.stripe.is_configuration_verified(),
        portal_profiles_unverified: profiles.into_keys().collect(),
        generation: app.generation,
    };
    envelope::health(readiness.ready, &readiness)
}

/// What has been counted, for Prometheus
///
/// Since the start of this instance. The runbook says what each metric means and when to alert.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "Operations",
    responses((
        status = 200,
        description = "Prometheus' text format, version 0.0.4.",
        content_type = "text/plain",
        body = String,
    )),
)]
#[handler]
fn metrics(Data(app): Data<&Arc<App>>) -> Response {
    let metrics = app.metrics.render(&Now {
        stripe_in_flight: app.stripe.in_flight(),
        stripe_rate_limit: app.stripe.rate_limit(),
        breaker_open: !app.stripe.is_breaker_closed(),
        configuration_verified: app.stripe.verified_profiles(),
        log: log::counts(),
    });
    envelope::text(MEDIA_TYPE, metrics)
}
