//! The state that every request shares. It has no logic: [`crate::service`] builds it.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::sync::Semaphore;

use crate::{
    auth::Authenticator,
    clock::Clock,
    config::{EventRules, Secret},
    http::{client_address::TrustedProxies, memory_budget::MemoryBudget},
    metrics::Metrics,
    return_url::AllowList,
    store::Store,
    stripe::Stripe,
};

/// The state that every request shares.
pub(crate) struct App {
    /// Time and randomness.
    pub clock: Clock,
    /// The return-URL policy.
    pub allow_list: AllowList,
    /// Finds the caller that a key belongs to.
    pub authenticator: Authenticator,
    /// The proxies that report the client's address.
    pub trusted_proxies: Arc<TrustedProxies>,
    /// The database.
    pub store: Store,
    /// The connections to Stripe; the verification task has them too.
    pub stripe: Arc<Stripe>,
    /// How long a caller may use a portal URL.
    pub portal_url_ttl: Duration,
    /// How long the body of a request may take to arrive.
    pub body_timeout: Duration,
    /// One permit for each request that may be in progress.
    pub request_permits: Arc<Semaphore>,
    /// Memory for the bodies of webhooks.
    pub webhook_memory: MemoryBudget,
    /// The secrets with which webhooks are signed.
    pub webhook_secrets: Vec<Secret>,
    /// Whose webhook events are followed.
    pub event_rules: EventRules,
    /// Counters and gauges.
    pub metrics: Arc<Metrics>,
    /// Whether the first verification of the portal configuration is still running.
    pub starting: AtomicBool,
    /// Whether the service is shutting down.
    pub draining: AtomicBool,
}
