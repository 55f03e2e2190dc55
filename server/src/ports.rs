//! How many connections each port has, and what is counted of them.

use std::sync::Arc;

use crate::{
    app::App,
    config::ServeConfig,
    http::{
        descriptors,
        places::{ConnectionLimits, ConnectionMetrics, Places},
    },
    metrics::Metrics,
};

/// Connections to the operations port: balancers, Prometheus and a person need a handful.
const MAX_OPERATIONS_CONNECTIONS: u32 = 64;
/// What part of all connections one peer has by default: with four peers that take all they can, none is left.
const DEFAULT_PEER_SHARE: u32 = 4;

/// The places for connections to the API: as many as the settings ask for and the system allows.
pub(crate) fn api_places(config: &ServeConfig, app: &App) -> Arc<Places> {
    let wanted = config.max_connections;
    let stripe_calls = config.stripe.max_in_flight;
    let reserve = descriptors::reserve(stripe_calls, MAX_OPERATIONS_CONNECTIONS);
    let total = descriptors::raise(wanted, reserve);
    let per_peer = config.max_connections_per_peer;
    let per_peer = per_peer.unwrap_or_else(|| total.div_ceil(DEFAULT_PEER_SHARE));
    places(total, per_peer, app, "api")
}

/// The places for connections to the operations port. Its peers are the operator's own.
pub(crate) fn operations_places(app: &App) -> Arc<Places> {
    let all = MAX_OPERATIONS_CONNECTIONS;
    places(all, all, app, "operations")
}

fn places(total: u32, per_peer: u32, app: &App, port: &str) -> Arc<Places> {
    let limits = ConnectionLimits {
        total: total as usize,
        per_peer: per_peer as usize,
        trusted_proxies: Arc::clone(&app.trusted_proxies),
    };
    Places::new(limits, metrics_of(&app.metrics, port))
}

fn metrics_of(metrics: &Metrics, port: &str) -> ConnectionMetrics {
    let met = |limit| metrics.connection_limits.with_label_values(&[port, limit]);
    ConnectionMetrics {
        open: metrics.connections.with_label_values(&[port]),
        met_total: met("all"),
        met_per_peer: met("peer"),
    }
}
