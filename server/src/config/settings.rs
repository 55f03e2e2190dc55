//! Every setting, as it is written in the configuration file, with its default.

use std::{net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Secret, network::networks};

/// Settings of `billing-portal`. In the environment each has the prefix `BILLING_PORTAL_` and upper case, and lists
/// are separated by commas.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `production` is strict: https return URLs only, and an allow-list that is not empty.
    pub environment: Environment,
    /// Where the API listens, with Swagger UI at /docs, the contract at /openapi.yaml and /openapi.json, and webhooks
    /// at /webhooks/stripe.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// Where /healthz, /readyz and /metrics listen, with their document at /docs; never the API's port.
    #[schemars(with = "String")]
    pub operations_listen: SocketAddr,
    /// `sqlite://FILE`, by default `sqlite://billing-portal.db`; the file is made where there is none. Secret, for a
    /// database's URL may contain a password.
    pub database_url: Option<Secret>,
    /// A file that holds `database_url` instead.
    pub database_url_file: Option<PathBuf>,
    /// The origins that return URLs may lead to, such as `https://app.example.com`. No wildcards.
    pub return_url_allow_list: Vec<String>,
    /// Stripe's secret key, `sk_…` or better a restricted `rk_…`. Its mode, live or test, is the deployment's.
    pub stripe_secret_key: Option<Secret>,
    /// A file that holds `stripe_secret_key` instead.
    pub stripe_secret_key_file: Option<PathBuf>,
    /// The base URL of Stripe's API, without a path. http is accepted on a loopback host, and in development on any host.
    pub stripe_api_base: String,
    /// An HTTP proxy for the calls to Stripe, `http://proxy.example.com:3128`, if needed with `user:password@` before the
    /// host. The proxy variables of the environment are not used.
    pub stripe_proxy: Option<Secret>,
    /// A file that holds `stripe_proxy` instead.
    pub stripe_proxy_file: Option<PathBuf>,
    /// The secrets of the webhook endpoint, `whsec_…`, several while one is being replaced. Without one
    /// /webhooks/stripe answers 404, and customers are linked by commands only.
    pub stripe_webhook_secret: Vec<Secret>,
    /// A file that holds `stripe_webhook_secret` instead, separated by commas or one a line.
    pub stripe_webhook_secret_file: Option<PathBuf>,
    /// An existing portal configuration, `bpc_…`, to be verified and never changed. None: ours is found or created.
    pub stripe_portal_configuration: Option<String>,
    /// Our Stripe account, `acct_…`. Webhook events that name another account are ignored; unset, every event that
    /// names an account is.
    pub stripe_account: Option<String>,
    /// The metadata key by which a Stripe customer names its organization.
    pub stripe_organization_metadata_key: String,
    /// The hosts that a portal URL may have (custom domains).
    pub stripe_portal_hosts: Vec<String>,
    /// Calls to Stripe at a time.
    #[schemars(range(min = 1))]
    pub stripe_max_in_flight: u32,
    /// Calls to Stripe a second; 0 turns the gate off.
    pub stripe_rate_limit: u32,
    /// How long a caller may use a portal URL, as `expires_at` tells it.
    #[schemars(range(min = 60, max = 3600))]
    pub portal_url_ttl_seconds: u32,
    /// Requests a minute for each key, with a burst of a third of it; 0 turns the limit off.
    pub rate_limit_per_key: u32,
    /// Failed authentications a minute for each peer address, then 429 to failing requests only; 0 turns it off.
    pub rate_limit_failed_auth: u32,
    /// Networks of proxies whose X-Forwarded-For is believed.
    #[schemars(with = "Vec<String>")]
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Requests of the API at a time, then 503.
    #[schemars(range(min = 1))]
    pub max_in_flight: u32,
    /// Connections to the API at a time. When all are taken, a new one replaces the longest idle one, or waits.
    #[schemars(range(min = 1))]
    pub max_connections: u32,
    /// Connections to the API at a time for each peer, by default a quarter of `max_connections`. A new one of a peer
    /// that has its share replaces the peer's longest idle one, or is closed. Not for `trusted_proxies`.
    #[schemars(with = "u32", range(min = 1))]
    pub max_connections_per_peer: Option<u32>,
    /// How long a client may take to send a request's headers.
    #[schemars(range(min = 1))]
    pub header_timeout_seconds: u32,
    /// How long a client may take to send a request's body, then 408.
    #[schemars(range(min = 1))]
    pub body_timeout_seconds: u32,
    /// How long a connection may be idle between requests. Longer than the 60 s of most load balancers: if both closed
    /// an idle connection at the same time, a request could be sent into it and be lost.
    #[schemars(range(min = 1))]
    pub idle_timeout_seconds: u32,
    /// How long the API still accepts requests after SIGTERM, while balancers learn from /readyz.
    pub shutdown_delay_seconds: u32,
    /// What is logged: a level, or a filter of tracing.
    pub log: String,
    /// How it is logged.
    pub log_format: LogFormat,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            environment: Environment::Production,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            operations_listen: SocketAddr::from(([127, 0, 0, 1], 9090)),
            database_url: None,
            database_url_file: None,
            return_url_allow_list: Vec::new(),
            stripe_secret_key: None,
            stripe_secret_key_file: None,
            stripe_api_base: "https://api.stripe.com".to_owned(),
            stripe_proxy: None,
            stripe_proxy_file: None,
            stripe_webhook_secret: Vec::new(),
            stripe_webhook_secret_file: None,
            stripe_portal_configuration: None,
            stripe_account: None,
            stripe_organization_metadata_key: "org_id".to_owned(),
            stripe_portal_hosts: vec!["billing.stripe.com".to_owned()],
            stripe_max_in_flight: 32,
            stripe_rate_limit: 20,
            portal_url_ttl_seconds: 300,
            rate_limit_per_key: 60,
            rate_limit_failed_auth: 20,
            trusted_proxies: Vec::new(),
            max_in_flight: 256,
            max_connections: 1024,
            max_connections_per_peer: None,
            header_timeout_seconds: 10,
            body_timeout_seconds: 10,
            idle_timeout_seconds: 75,
            shutdown_delay_seconds: 3,
            log: "info".to_owned(),
            log_format: LogFormat::Json,
        }
    }
}

/// How strict the deployment is. It does not follow from the Stripe secret's mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// https return URLs only.
    Production,
    /// Listed http return URLs on loopback pass, too.
    Development,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For reading.
    Text,
}
