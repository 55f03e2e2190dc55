//! Why a call to Stripe failed: a closed list, for logs, metrics and the runbook. The caller sees the same 502 for all.

use std::fmt;

/// The cause of a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum UpstreamCause {
    /// Stripe's host name could not be resolved.
    Dns,
    /// No connection could be made.
    Connect,
    /// No connection was made in time.
    ConnectTimeout,
    /// No tunnel to Stripe through the proxy of the settings could be opened.
    ProxyUnavailable,
    /// The proxy of the settings refused our credentials, or requires some.
    ProxyCredentialsRefused,
    /// The certificate or the protocol of the TLS connection was not acceptable.
    Tls,
    /// The connection was reset before the answer's headers were complete.
    Reset,
    /// The connection was closed before the answer's headers were complete.
    Closed,
    /// The answer was not complete in time.
    Timeout,
    /// The connection ended before the answer was complete.
    Truncated,
    /// What came back was not HTTP.
    Protocol,
    /// Stripe answered 500 to 599.
    ServerError,
    /// Stripe answered 409: another request with this idempotency key is under way.
    Conflict,
    /// Stripe answered 429: another request holds the object.
    LockTimeout,
    /// Stripe answered 429: too many requests.
    RateLimited,
    /// Stripe answered 424: something that it depends on failed.
    DependencyFailed,
    /// Stripe refused the secret key.
    CredentialsRefused,
    /// The restricted key lacks a permission.
    Permission,
    /// The requested object belongs to the other mode than the secret key.
    ModeMismatch,
    /// More than a few customers are missing within a minute, as with a secret key of the wrong account.
    CustomersMissing,
    /// Stripe does not know the portal configuration.
    ConfigurationMissing,
    /// The portal configuration was not verified yet.
    ConfigurationUnverified,
    /// The portal configuration allows plan changes, or enables the login page.
    ConfigurationViolation,
    /// Stripe did not accept the flow that the caller requested.
    FlowRefused,
    /// Stripe did not accept what we sent.
    BadRequest,
    /// The idempotency key was used for another request.
    IdempotencyMisuse,
    /// Stripe answered with a redirect, which is never followed.
    Redirect,
    /// Stripe answered with a status that the service does not expect.
    UnexpectedStatus,
    /// The answer is not the requested object.
    InvalidResponse,
    /// The service's own limit of calls to Stripe was reached.
    CallLimitReached,
    /// The breaker is open: Stripe failed too often a moment ago, or asked to wait.
    BreakerOpen,
}

/// How a cause is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// A warning: the service's own limits, or a state that ends by itself.
    Warning,
    /// An error: callers get 502.
    Error,
    /// An error with `alert` true: callers get 502 until a person fixes the cause.
    Alarm,
}
use Severity::{Alarm, Error, Warning};

/// The properties of a cause.
struct Row {
    /// The word in logs and metrics.
    word: &'static str,
    /// The event in the log.
    event: &'static str,
    severity: Severity,
    /// Whether retrying helps. The caller then gets `Retry-After`.
    passes_by_itself: bool,
    /// Whether the breaker counts it as an outage of Stripe.
    counts_as_outage: bool,
    /// What the operator can do.
    remedy: &'static str,
}

const fn row(
    word: &'static str,
    event: &'static str,
    severity: Severity,
    passes_by_itself: bool,
    counts_as_outage: bool,
    remedy: &'static str,
) -> Row {
    Row {
        word,
        event,
        severity,
        passes_by_itself,
        counts_as_outage,
        remedy,
    }
}

impl UpstreamCause {
    /// Every cause.
    pub(crate) const ALL: [Self; 31] = [
        Self::Dns,
        Self::Connect,
        Self::ConnectTimeout,
        Self::ProxyUnavailable,
        Self::ProxyCredentialsRefused,
        Self::Tls,
        Self::Reset,
        Self::Closed,
        Self::Timeout,
        Self::Truncated,
        Self::Protocol,
        Self::ServerError,
        Self::Conflict,
        Self::LockTimeout,
        Self::RateLimited,
        Self::DependencyFailed,
        Self::CredentialsRefused,
        Self::Permission,
        Self::ModeMismatch,
        Self::CustomersMissing,
        Self::ConfigurationMissing,
        Self::ConfigurationUnverified,
        Self::ConfigurationViolation,
        Self::FlowRefused,
        Self::BadRequest,
        Self::IdempotencyMisuse,
        Self::Redirect,
        Self::UnexpectedStatus,
        Self::InvalidResponse,
        Self::CallLimitReached,
        Self::BreakerOpen,
    ];

    /// The whole table: word, event, severity, whether retrying helps, whether it counts as an outage, what to do.
    #[rustfmt::skip]
    const fn row(self) -> Row {
        match self {
            Self::Dns                     => row("dns",                      "stripe_unavailable",               Error,   true,  true,  "check this host's resolver, and the spelling of stripe_api_base"),
            Self::Connect                 => row("connect",                  "stripe_unavailable",               Error,   true,  true,  "check the network, and any firewall between this host and Stripe"),
            Self::ConnectTimeout          => row("connect_timeout",          "stripe_unavailable",               Error,   true,  true,  "check the network, and any firewall between this host and Stripe"),
            Self::ProxyUnavailable        => row("proxy_unavailable",        "stripe_proxy_unavailable",         Error,   true,  true,  "check that the proxy of stripe_proxy runs, and that it lets this host connect to Stripe"),
            Self::ProxyCredentialsRefused => row("proxy_credentials_refused", "stripe_proxy_credentials_refused", Alarm,  false, true,  "correct the user and the password in stripe_proxy and restart"),
            Self::Tls                     => row("tls",                      "stripe_tls",                       Alarm,   false, true,  "find out what responds in Stripe's place (a proxy that inspects traffic?), and update this host's certificate authorities"),
            Self::Reset                   => row("reset",                    "stripe_unavailable",               Error,   true,  true,  "check status.stripe.com for an outage; then check the network"),
            Self::Closed                  => row("closed",                   "stripe_unavailable",               Error,   true,  true,  "check status.stripe.com for an outage; then check the network"),
            Self::Timeout                 => row("timeout",                  "stripe_unavailable",               Error,   true,  true,  "check status.stripe.com for an outage; it ends by itself"),
            Self::Truncated               => row("truncated",                "stripe_unavailable",               Error,   true,  true,  "check status.stripe.com for an outage; then check the network"),
            Self::Protocol                => row("protocol",                 "stripe_unavailable",               Error,   true,  true,  "find out what responds at stripe_api_base"),
            Self::ServerError             => row("server_error",             "stripe_unavailable",               Error,   true,  true,  "check status.stripe.com for an outage; it ends by itself"),
            Self::Conflict                => row("conflict",                 "stripe_unavailable",               Error,   true,  false, "nothing; report it if it continues"),
            Self::LockTimeout             => row("lock_timeout",             "stripe_unavailable",               Error,   true,  false, "find out what else updates that customer at the same time"),
            Self::RateLimited             => row("rate_limited",             "stripe_rate_limited",              Warning, true,  false, "lower stripe_rate_limit, or find out what else uses the account's limit"),
            Self::DependencyFailed        => row("dependency_failed",        "stripe_unexpected_status",         Warning, true,  false, "check status.stripe.com for an outage; it ends by itself"),
            Self::CredentialsRefused      => row("credentials_refused",      "stripe_credentials_refused",       Alarm,   false, true,  "create a new restricted key in Stripe's dashboard, set stripe_secret_key to it and restart"),
            Self::Permission              => row("permission",               "stripe_permission",                Alarm,   false, true,  "give the restricted key the permission Customer portal: Write (for customer sync and link --verify also Customers: Read)"),
            Self::ModeMismatch            => row("mode_mismatch",            "stripe_mode_mismatch",             Alarm,   false, false, "use the secret key of the mode, live or test, in which the customers and the portal configuration were created"),
            Self::CustomersMissing        => row("customers_missing",        "stripe_customers_missing_in_bulk", Alarm,   false, false, "check that stripe_secret_key belongs to the account that has the customers"),
            Self::ConfigurationMissing    => row("configuration_missing",    "stripe_misconfigured",             Alarm,   false, false, "correct stripe_portal_configuration, or remove it so that the service creates its own"),
            Self::ConfigurationUnverified => row("configuration_unverified", "stripe_configuration_unverified",  Warning, true,  false, "find in the log why it cannot be verified, or run billing-portal doctor"),
            Self::ConfigurationViolation  => row("configuration_violation",  "stripe_configuration_violation",   Warning, false, false, "run billing-portal portal-config verify, and turn off at Stripe what it lists"),
            Self::FlowRefused             => row("flow_refused",             "stripe_flow_refused",              Alarm,   false, false, "turn on, in the portal configuration that stripe_portal_configuration names, the feature of the requested flow: payment_method_update or customer_update"),
            Self::BadRequest              => row("bad_request",              "stripe_bad_request",               Alarm,   false, false, "update the service; report it if it continues"),
            Self::IdempotencyMisuse       => row("idempotency_misuse",       "stripe_idempotency_misuse",        Alarm,   false, false, "report it: it is a bug"),
            Self::Redirect                => row("redirect",                 "stripe_redirect",                  Alarm,   false, false, "correct stripe_api_base; if it is correct, find out what responds in Stripe's place"),
            Self::UnexpectedStatus        => row("unexpected_status",        "stripe_unexpected_status",         Alarm,   false, false, "find out what responds at stripe_api_base; update the service"),
            Self::InvalidResponse         => row("invalid_response",         "stripe_invalid_response",          Alarm,   false, false, "check the reason: for portal_url_host add the host to stripe_portal_hosts, for any other find out what responds at stripe_api_base"),
            Self::CallLimitReached                => row("gate_full",                "stripe_gate_full",                 Warning, true,  false, "nothing if it is rare; otherwise raise stripe_rate_limit (Stripe allows 25 a second)"),
            Self::BreakerOpen             => row("breaker_open",             "stripe_not_called",                Warning, true,  false, "find the cause that came before it in the log"),
        }
    }

    /// The cause that has this word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == word)
    }

    /// The word in logs and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        self.row().word
    }

    /// Whether retrying helps. The caller then gets `Retry-After`.
    pub(crate) const fn passes_by_itself(self) -> bool {
        self.row().passes_by_itself
    }

    /// The event in the log.
    pub(super) const fn event(self) -> &'static str {
        self.row().event
    }

    /// How it is logged.
    pub(super) const fn severity(self) -> Severity {
        self.row().severity
    }

    /// Whether the breaker counts it as an outage of Stripe.
    pub(crate) const fn counts_as_outage(self) -> bool {
        self.row().counts_as_outage
    }

    /// What the operator can do.
    pub(crate) const fn remedy(self) -> &'static str {
        self.row().remedy
    }
}

/// What operators see of a cause, for the tests that hold the runbook to it.
#[derive(Debug, Clone, Copy)]
pub struct CauseDescription {
    /// The word in logs and metrics.
    pub word: &'static str,
    /// The event in the log.
    pub event: &'static str,
    /// How it is logged.
    pub severity: Severity,
    /// Whether callers get `Retry-After`.
    pub passes_by_itself: bool,
}

/// Every cause of a 502, in the table's order.
pub fn descriptions() -> impl Iterator<Item = CauseDescription> {
    UpstreamCause::ALL
        .into_iter()
        .map(|cause| CauseDescription {
            word: cause.as_str(),
            event: cause.event(),
            severity: cause.severity(),
            passes_by_itself: cause.passes_by_itself(),
        })
}

impl fmt::Display for UpstreamCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
