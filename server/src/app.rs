//! The state that requests share. It has no logic: [`crate::service`] builds it, and [`crate::reload`] its successors.
//!
//! It is immutable, but for counters and caches: a reload of the settings makes another one, the next generation. A
//! request takes the current one when it arrives and keeps it to its end.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::sync::{Semaphore, SetOnce, watch};

use crate::{
    auth::Authenticator,
    clock::Clock,
    config::{EventRules, Secret},
    http::{client_address::TrustedProxies, memory_budget::MemoryBudget},
    metrics::Metrics,
    return_url::AllowList,
    store::Store,
    stripe::Stripe,
    traces::Traces,
};

/// The current generation; it changes with each reload.
pub(crate) type CurrentApp = watch::Receiver<Arc<App>>;

/// The state that requests share, with the settings of one generation.
#[derive(Clone)]
pub(crate) struct App {
    /// 1 at start, and one more with each reload.
    pub generation: u64,
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
    pub webhook_memory: Arc<MemoryBudget>,
    /// The secrets with which webhooks are signed. Empty: webhooks are not received.
    pub webhook_secrets: Vec<Secret>,
    /// Whose webhook events are followed.
    pub event_rules: EventRules,
    /// Where the traces of requests go.
    pub traces: Traces,
    /// Counters and gauges.
    pub metrics: Arc<Metrics>,
    /// Set when the first verification of the portal configuration has ended.
    pub started: Arc<SetOnce<()>>,
    /// Whether the service is shutting down.
    pub draining: Arc<AtomicBool>,
}
