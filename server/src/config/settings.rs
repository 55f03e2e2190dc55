//! Every setting, as it is written in the configuration file, with its default.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PortalProfile, Secret, network::networks};

/// The settings of `billing-portal`. Each can also be an environment variable: `BILLING_PORTAL_` and the name in upper
/// case, with commas between the items of a list. A variable wins over the file; an empty one counts as unset.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How strict the service is. `production` accepts https return URLs only and requires an allow-list.
    /// `development` also accepts listed http return URLs of loopback hosts. Default: production.
    pub environment: Environment,
    /// Address and port of the API, with Swagger UI at /docs, the reference at /docs/reference, the contract at
    /// /openapi.yaml and /openapi.json, and webhooks at /webhooks/stripe. Port 0 is a free port that the system chooses. Default: 127.0.0.1:8080.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// Address and port of /healthz, /readyz and /metrics, with their documentation at /docs/. It must not be the
    /// API's port. Keep it private. Default: 127.0.0.1:9090.
    #[schemars(with = "String")]
    pub operations_listen: SocketAddr,
    /// The database: `sqlite://` and the path of a file, for one machine, or
    /// `postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full`, which any number of instances share. The first
    /// `serve` or `org create` creates the file or the tables. A secret, because it may contain a password. Default:
    /// `sqlite://billing-portal.db`.
    pub database_url: Option<Secret>,
    /// The path of a file that contains `database_url`. Set one of the two.
    pub database_url_file: Option<PathBuf>,
    /// The origins of your pages to which a return URL may lead, such as `https://app.example.com`: scheme, host and,
    /// if it is not the scheme's default, port. Wildcards are not supported. Required in production.
    pub return_url_allow_list: Vec<String>,
    /// Stripe's secret key: a restricted key, `rk_…`, or an unrestricted one, `sk_…`. Its mode, live or test, is the
    /// mode of the deployment: only API keys of that mode are accepted. Required.
    pub stripe_secret_key: Option<Secret>,
    /// The path of a file that contains `stripe_secret_key`. Set one of the two.
    pub stripe_secret_key_file: Option<PathBuf>,
    /// The base URL of Stripe's API, without a path. http is accepted for a loopback host, and in development for any
    /// host. Default: `https://api.stripe.com`.
    pub stripe_api_base: String,
    /// An HTTP proxy for the calls to Stripe, `http://proxy.example.com:3128`, if needed with `user:password@` before the
    /// host. The proxy variables of the environment are not used.
    pub stripe_proxy: Option<Secret>,
    /// The path of a file that contains `stripe_proxy`. Set one of the two.
    pub stripe_proxy_file: Option<PathBuf>,
    /// The signing secrets of the webhook endpoint, `whsec_…`. Set two while you replace one. Without any,
    /// /webhooks/stripe answers 404, and only commands link customers.
    pub stripe_webhook_secret: Vec<Secret>,
    /// The path of a file that contains `stripe_webhook_secret`: secrets separated by commas, or one a line. Set one
    /// of the two.
    pub stripe_webhook_secret_file: Option<PathBuf>,
    /// The id of an existing portal configuration at Stripe, `bpc_…`. The service verifies it and never changes it.
    /// Without one, the service finds or creates its own.
    pub stripe_portal_configuration: Option<String>,
    /// Portal profiles: what the portals of some organizations show, each as a table such as `[portal_profiles.emea]`.
    /// `billing-portal org set ID --profile emea` gives it to an organization. `[portal_profiles.default]` is for all
    /// others. The service creates a portal configuration at Stripe for each.
    pub portal_profiles: BTreeMap<String, PortalProfile>,
    /// The id of your Stripe account, `acct_…`. The service ignores webhook events of other accounts. Without it, the
    /// service ignores every event that names an account.
    pub stripe_account: Option<String>,
    /// The metadata key in which a Stripe customer has the id of its organization. Default: `org_id`.
    pub stripe_organization_metadata_key: String,
    /// The hosts that a portal URL from Stripe may have. Add your custom domain if you have one. Default:
    /// billing.stripe.com. In development, a portal on a listed host that is this computer may be http.
    pub stripe_portal_hosts: Vec<String>,
    /// The number of calls to Stripe at the same time, for one instance. Further calls wait at most 1 s, then the
    /// operation answers 502. Default: 32.
    #[schemars(range(min = 1))]
    pub stripe_max_in_flight: u32,
    /// The number of calls to Stripe in a second, of all instances that share the database. Further calls wait at most
    /// 1 s, then the operation answers 502. 0 turns the limit off. Default: 20.
    pub stripe_rate_limit: u32,
    /// For how many seconds a caller may use a portal URL: the time between the request and `expires_at`. Default:
    /// 300.
    #[schemars(range(min = 60, max = 3600))]
    pub portal_url_ttl_seconds: u32,
    /// The number of requests in a minute with one API key at one instance; a third of it may arrive at once. Further
    /// requests are answered with 429. 0 turns the limit off. Default: 60.
    pub rate_limit_per_key: u32,
    /// The number of failed authentications in a minute from one address at one instance. Further failing requests are
    /// answered with 429. 0 turns the limit off. Default: 20.
    pub rate_limit_failed_auth: u32,
    /// The networks or addresses of your proxies. From them, and from nobody else, the service takes the client's
    /// address from `X-Forwarded-For`. Default: none.
    #[schemars(with = "Vec<String>")]
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// The number of API requests at the same time. Further requests are answered with 503. Default: 256.
    #[schemars(range(min = 1))]
    pub max_in_flight: u32,
    /// The number of connections to the API at the same time. If all are in use, a new one replaces the longest idle one,
    /// or waits. Default: 1024.
    #[schemars(range(min = 1))]
    pub max_connections: u32,
    /// The number of connections to the API at the same time for each peer. If a peer has that many, a new one replaces
    /// the peer's longest idle one, or is closed. It does not apply to `trusted_proxies`. Default: a quarter of
    /// `max_connections`.
    #[schemars(with = "u32", range(min = 1))]
    pub max_connections_per_peer: Option<u32>,
    /// For how many seconds a client may send the headers of a request; then the connection is closed. Default: 10.
    #[schemars(range(min = 1))]
    pub header_timeout_seconds: u32,
    /// For how many seconds a client may send the body of a request; then it is answered with 408. Default: 10.
    #[schemars(range(min = 1))]
    pub body_timeout_seconds: u32,
    /// For how many seconds a connection may be idle between two requests; then it is closed. It is longer than the 60 s
    /// of most load balancers: if both closed an idle connection at the same time, a request could be lost. Default: 75.
    #[schemars(range(min = 1))]
    pub idle_timeout_seconds: u32,
    /// For how many seconds the API accepts requests after SIGTERM, while /readyz already answers 503, so that load
    /// balancers stop sending requests. Default: 3.
    pub shutdown_delay_seconds: u32,
    /// The URL of a collector of OpenTelemetry, such as `http://127.0.0.1:4318`, if needed with `user:password@` before the
    /// host. The service sends traces to it by OTLP over HTTP, at `/v1/traces` below the URL. Without it, none are sent.
    pub otlp_endpoint: Option<Secret>,
    /// The path of a file that contains `otlp_endpoint`. Set one of the two.
    pub otlp_endpoint_file: Option<PathBuf>,
    /// Which events are logged: `off`, `error`, `warn`, `info`, `debug` or `trace`, also for one module or crate, such
    /// as `info,sqlx=debug`. Audit events and alerts are always logged. Default: info.
    pub log: String,
    /// How events are logged on standard error: `json`, one object a line, or `text`, for people. Default: json.
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
            portal_profiles: BTreeMap::new(),
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
            otlp_endpoint: None,
            otlp_endpoint_file: None,
            log: "info".to_owned(),
            log_format: LogFormat::Json,
        }
    }
}

/// How strict the service is. It is independent of the mode, live or test, of the Stripe secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Only https return URLs are accepted.
    Production,
    /// Listed http return URLs of loopback hosts are accepted too.
    Development,
}

impl Environment {
    /// The setting's word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Development => "development",
        }
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object on each line.
    Json,
    /// Text for people.
    Text,
}
