//! How many connections each port has, and what is counted of them.

use std::sync::Arc;

use crate::{
    app::App,
    config::ServeConfig,
    http::{
        connection::ConnectionTimeouts,
        descriptors,
        places::{ConnectionLimits, ConnectionMetrics, Places},
    },
    metrics::Metrics,
};

/// Connections to the operations port: balancers, Prometheus and a person need a handful.
const MAX_OPERATIONS_CONNECTIONS: u32 = 64;
/// What part of all connections one peer has by default: with four peers that take all they can, none is left.
const DEFAULT_PEER_SHARE: u32 = 4;

/// The limits on connections to the API: as many as the settings ask for and the system allows.
pub(crate) fn api_limits(config: &ServeConfig, app: &App) -> ConnectionLimits {
    let wanted = config.max_connections;
    let stripe_calls = config.stripe.max_in_flight;
    let reserve = descriptors::reserve(stripe_calls, MAX_OPERATIONS_CONNECTIONS);
    let total = descriptors::raise(wanted, reserve);
    let per_peer = config.max_connections_per_peer;
    let per_peer = per_peer.unwrap_or_else(|| total.div_ceil(DEFAULT_PEER_SHARE));
    limits(total, per_peer, app)
}

/// The places for connections to the API.
pub(crate) fn api_places(config: &ServeConfig, app: &App) -> Arc<Places> {
    Places::new(api_limits(config, app), metrics_of(&app.metrics, "api"))
}

/// The places for connections to the operations port. Its peers are the operator's own.
pub(crate) fn operations_places(app: &App) -> Arc<Places> {
    let all = MAX_OPERATIONS_CONNECTIONS;
    Places::new(
        limits(all, all, app),
        metrics_of(&app.metrics, "operations"),
    )
}

/// How long clients may take in each phase of a connection.
pub(crate) fn timeouts(config: &ServeConfig) -> ConnectionTimeouts {
    ConnectionTimeouts {
        headers: config.header_timeout,
        idle: config.idle_timeout,
    }
}

fn limits(total: u32, per_peer: u32, app: &App) -> ConnectionLimits {
    ConnectionLimits {
        total: total as usize,
        per_peer: per_peer as usize,
        trusted_proxies: Arc::clone(&app.trusted_proxies),
    }
}

fn metrics_of(metrics: &Metrics, port: &str) -> ConnectionMetrics {
    let met = |limit| metrics.connection_limits.with_label_values(&[port, limit]);
    ConnectionMetrics {
        open: metrics.connections.with_label_values(&[port]),
        met_total: met("all"),
        met_per_peer: met("peer"),
    }
}
