//! The operations port: is the process alive, and should it be sent requests. Never on the API's port.

use std::{sync::atomic::Ordering, time::Duration};

use poem::{Request, Response, endpoint::make};
use serde::Serialize;

use crate::{app::App, envelope, metrics::Now, router::Router};

/// How long the store may take to show that it is there.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// Whether to send requests here. Stripe is told and does not decide: its outage would hide every instance, and with
/// them the 502 that tells callers what is wrong.
#[derive(Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that an operator reads"
)]
struct Readiness {
    ready: bool,
    store: bool,
    draining: bool,
    stripe: bool,
    portal_configuration_verified: bool,
}

/// /healthz and /readyz.
pub(crate) fn routes() -> Router {
    Router::default()
        .get(
            "/healthz",
            make(|_| async { envelope::health(true, &Health { status: "ok" }) }),
        )
        .get("/readyz", make(readiness))
        .get("/metrics", make(metrics))
}

async fn metrics(request: Request) -> Response {
    let app = App::of(&request);
    envelope::metrics(app.metrics.render(Now {
        stripe_in_flight: app.stripe.in_flight(),
        breaker_open: !app.stripe.is_reachable(),
        configuration_verified: app.stripe.promise().require_kept().is_ok(),
    }))
}

async fn readiness(request: Request) -> Response {
    let app = App::of(&request);
    let store = matches!(
        tokio::time::timeout(PATIENCE, app.store.ping()).await,
        Ok(Ok(()))
    );
    let draining = app.draining.load(Ordering::Relaxed);
    let readiness = Readiness {
        ready: store && !draining,
        store,
        draining,
        stripe: app.stripe.is_reachable(),
        portal_configuration_verified: app.stripe.promise().require_kept().is_ok(),
    };
    envelope::health(readiness.ready, &readiness)
}
