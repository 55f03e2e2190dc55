//! The settings as the service uses them: validated and parsed.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use ipnet::IpNet;
use tracing_subscriber::EnvFilter;

use super::{Environment, LogFormat, PortalProfile, Problems, Secret, Settings};
use crate::{ids::Mode, return_url::AllowList};

/// Everything that `serve` needs, validated and parsed. It is made at start and for each reload.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// The settings as they were written, to find out what a reload changes.
    pub(crate) settings: Arc<Settings>,
    /// How strict the deployment is.
    pub(crate) environment: Environment,
    /// The address of the API.
    pub(crate) listen: SocketAddr,
    /// The address of the operations port.
    pub(crate) operations_listen: SocketAddr,
    /// The URL of the database.
    pub(crate) database_url: Secret,
    /// The return-URL policy.
    pub(crate) allow_list: AllowList,
    /// How Stripe is called.
    pub(crate) stripe: StripeConfig,
    /// The secrets with which webhooks are signed. Empty: webhooks are not received.
    pub(crate) webhook_secrets: Vec<Secret>,
    /// Whose webhook events are followed.
    pub(crate) event_rules: EventRules,
    /// How long a caller may use a portal URL.
    pub(crate) portal_url_ttl: Duration,
    /// Requests a minute for each key; 0: no limit.
    pub(crate) requests_per_minute: u32,
    /// Failed authentications a minute for each address; 0: no limit.
    pub(crate) failed_auth_per_minute: u32,
    /// Networks of proxies whose `X-Forwarded-For` is trusted.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Requests at a time.
    pub(crate) max_in_flight: usize,
    /// Connections to the API at a time.
    pub(crate) max_connections: u32,
    /// Connections to the API at a time for each peer; `None` for the default share.
    pub(crate) max_connections_per_peer: Option<u32>,
    /// How long the headers of a request may take.
    pub(crate) header_timeout: Duration,
    /// How long the body of a request may take.
    pub(crate) body_timeout: Duration,
    /// How long a connection may be idle between requests.
    pub(crate) idle_timeout: Duration,
    /// How long the API still accepts requests after SIGTERM.
    pub(crate) shutdown_delay: Duration,
    /// The URL of the collector of traces.
    pub(crate) otlp_endpoint: Option<Secret>,
    /// Which events are logged.
    pub(crate) log_filter: EnvFilter,
    /// How they are written.
    pub(crate) log_format: LogFormat,
    /// What is unusual about the settings; it is logged at start.
    pub(crate) warnings: Problems,
}

/// Whose webhook events are followed, and where a customer names its organization.
#[derive(Debug, Clone)]
pub(crate) struct EventRules {
    /// Whether payments are real here.
    pub mode: Mode,
    /// Our Stripe account, `acct_…`, for events that name one.
    pub account: Option<String>,
    /// The metadata key that holds the organization's id.
    pub metadata_key: String,
}

/// How Stripe is called, validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StripeConfig {
    /// The secret key.
    pub secret_key: Secret,
    /// Its mode, which is the deployment's.
    pub mode: Mode,
    /// Where the API is, without a trailing slash.
    pub api_base: String,
    /// The URL of the proxy for all calls.
    pub proxy: Option<Secret>,
    /// The configuration that the operator named.
    pub portal_configuration: Option<String>,
    /// The profiles by their names. `default` is that of the organizations without another.
    pub profiles: BTreeMap<String, PortalProfile>,
    /// The hosts that a portal URL may have.
    pub portal_hosts: Vec<String>,
    /// Whether a portal on one of these hosts may be http, with any port, if the host is this computer.
    pub allows_local_portal: bool,
    /// The metadata key by which a customer names its organization.
    pub organization_metadata_key: String,
    /// Calls at a time.
    pub max_in_flight: u32,
    /// Requests a second; 0: no limit.
    pub requests_per_second: u32,
}

impl StripeConfig {
    /// Whether the two differ in their limits at most.
    pub(crate) fn is_same_but_for_limits(&self, other: &Self) -> bool {
        let with_other_limits = Self {
            max_in_flight: other.max_in_flight,
            requests_per_second: other.requests_per_second,
            ..self.clone()
        };
        with_other_limits == *other
    }
}
