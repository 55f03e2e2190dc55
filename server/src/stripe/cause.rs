//! Why Stripe did not do what it was asked: a closed list, for logs, metrics and the runbook. The caller sees one 502
//! for all.

use std::{fmt, time::Duration};

/// The cause of a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum UpstreamCause {
    /// Stripe's host name could not be resolved.
    Dns,
    /// No connection could be made.
    Connect,
    /// No connection was made in time.
    ConnectTimeout,
    /// The certificate or the protocol of the encrypted connection was not acceptable.
    Tls,
    /// The connection was reset before the answer's headers were complete.
    Reset,
    /// The connection was closed before the answer's headers were complete.
    Closed,
    /// The answer was not complete in time.
    Timeout,
    /// The answer broke off.
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
    /// What was asked for belongs to the other mode than the secret key.
    ModeMismatch,
    /// More than a few customers are missing at once, as with a secret of the wrong account.
    CustomersMissing,
    /// Stripe does not know the portal configuration.
    ConfigurationMissing,
    /// The portal configuration was not verified yet.
    ConfigurationUnverified,
    /// The portal configuration lets plans be changed, or lets people in without a key.
    ConfigurationViolation,
    /// Stripe did not accept what we sent.
    BadRequest,
    /// The idempotency key was used for another request.
    IdempotencyMisuse,
    /// Stripe answered with a redirect, which is never followed.
    Redirect,
    /// Stripe answered with a status that means nothing here.
    UnexpectedStatus,
    /// The answer is not what was asked for.
    InvalidResponse,
    /// Our own limit of calls to Stripe was reached.
    GateFull,
    /// Calls have stopped for a while: Stripe failed too often a moment ago, or asked us to wait.
    BreakerOpen,
}

/// How loudly a cause is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    /// It is our own doing, or passes by itself.
    Warning,
    /// Callers suffer.
    Error,
    /// Callers suffer until a person does something.
    Alarm,
}
use Severity::{Alarm, Error, Warning};

/// What follows from a cause.
struct Row {
    /// The word in logs and metrics.
    word: &'static str,
    /// The event in the log.
    event: &'static str,
    severity: Severity,
    /// Whether waiting helps, so that the caller is told how long.
    passes_by_itself: bool,
    /// Whether it says that Stripe, as we reach it, is down.
    means_down: bool,
    /// What the operator can do.
    remedy: &'static str,
}

const fn row(
    word: &'static str,
    event: &'static str,
    severity: Severity,
    passes_by_itself: bool,
    means_down: bool,
    remedy: &'static str,
) -> Row {
    Row {
        word,
        event,
        severity,
        passes_by_itself,
        means_down,
        remedy,
    }
}

impl UpstreamCause {
    /// Every cause.
    pub(crate) const ALL: [Self; 28] = [
        Self::Dns,
        Self::Connect,
        Self::ConnectTimeout,
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
        Self::BadRequest,
        Self::IdempotencyMisuse,
        Self::Redirect,
        Self::UnexpectedStatus,
        Self::InvalidResponse,
        Self::GateFull,
        Self::BreakerOpen,
    ];

    /// The whole table: word, event, severity, whether waiting helps, whether Stripe is down, what to do.
    #[rustfmt::skip]
    const fn row(self) -> Row {
        match self {
            Self::Dns                     => row("dns",                      "stripe_unavailable",               Error,   true,  true,  "check this host's resolver, and that stripe_api_base is spelled right"),
            Self::Connect                 => row("connect",                  "stripe_unavailable",               Error,   true,  true,  "check the network, and any firewall between this host and Stripe"),
            Self::ConnectTimeout          => row("connect_timeout",          "stripe_unavailable",               Error,   true,  true,  "check the network, and any firewall between this host and Stripe"),
            Self::Tls                     => row("tls",                      "stripe_tls",                       Alarm,   false, true,  "find out who answers for Stripe (a proxy that inspects traffic?), and update this host's certificate authorities"),
            Self::Reset                   => row("reset",                    "stripe_unavailable",               Error,   true,  true,  "see whether status.stripe.com tells of an outage; then look at the network between"),
            Self::Closed                  => row("closed",                   "stripe_unavailable",               Error,   true,  true,  "see whether status.stripe.com tells of an outage; then look at the network between"),
            Self::Timeout                 => row("timeout",                  "stripe_unavailable",               Error,   true,  true,  "see whether status.stripe.com tells of an outage; it passes by itself"),
            Self::Truncated               => row("truncated",                "stripe_unavailable",               Error,   true,  true,  "see whether status.stripe.com tells of an outage; then look at the network between"),
            Self::Protocol                => row("protocol",                 "stripe_unavailable",               Error,   true,  true,  "find out what answers at stripe_api_base"),
            Self::ServerError             => row("server_error",             "stripe_unavailable",               Error,   true,  true,  "see whether status.stripe.com tells of an outage; it passes by itself"),
            Self::Conflict                => row("conflict",                 "stripe_unavailable",               Error,   true,  false, "nothing; report it if it goes on"),
            Self::LockTimeout             => row("lock_timeout",             "stripe_unavailable",               Error,   true,  false, "find out what else works on the same customer in such a hurry"),
            Self::RateLimited             => row("rate_limited",             "stripe_rate_limited",              Warning, true,  false, "lower stripe_rate_limit, or find out what else uses the account's limit"),
            Self::DependencyFailed        => row("dependency_failed",        "stripe_unexpected_status",         Warning, true,  false, "see whether status.stripe.com tells of an outage; it passes by itself"),
            Self::CredentialsRefused      => row("credentials_refused",      "stripe_credentials_refused",       Alarm,   false, true,  "make a new restricted key in Stripe's dashboard, put it into stripe_secret_key and restart"),
            Self::Permission              => row("permission",               "stripe_permission",                Alarm,   false, true,  "give the restricted key the permission Customer portal: Write (for customer sync and link --verify also Customers: Read)"),
            Self::ModeMismatch            => row("mode_mismatch",            "stripe_mode_mismatch",             Alarm,   false, false, "use the secret key of the mode, live or test, in which the customers and the portal configuration were made"),
            Self::CustomersMissing        => row("customers_missing",        "stripe_customers_missing_in_bulk", Alarm,   false, false, "check that stripe_secret_key is of the account in which the customers are"),
            Self::ConfigurationMissing    => row("configuration_missing",    "stripe_misconfigured",             Alarm,   false, false, "correct stripe_portal_configuration, or remove it and let the service make its own"),
            Self::ConfigurationUnverified => row("configuration_unverified", "stripe_configuration_unverified",  Warning, true,  false, "look for the cause that keeps it from being verified in the log, or run billing-portal doctor"),
            Self::ConfigurationViolation  => row("configuration_violation",  "stripe_configuration_violation",   Warning, false, false, "run billing-portal portal-config verify, and turn off at Stripe what it names"),
            Self::BadRequest              => row("bad_request",              "stripe_bad_request",               Alarm,   false, false, "update the service; report it if it goes on"),
            Self::IdempotencyMisuse       => row("idempotency_misuse",       "stripe_idempotency_misuse",        Alarm,   false, false, "report it: it is a bug"),
            Self::Redirect                => row("redirect",                 "stripe_redirect",                  Alarm,   false, false, "correct stripe_api_base; if it is right, find out who answers for Stripe"),
            Self::UnexpectedStatus        => row("unexpected_status",        "stripe_unexpected_status",         Alarm,   false, false, "find out who answers at stripe_api_base; update the service"),
            Self::InvalidResponse         => row("invalid_response",         "stripe_invalid_response",          Alarm,   false, false, "look at the reason: portal_url_host is for stripe_portal_hosts, and for any other find out who answers at stripe_api_base"),
            Self::GateFull                => row("gate_full",                "stripe_gate_full",                 Warning, true,  false, "nothing if it is rare; else raise stripe_rate_limit, which Stripe bounds at 25 a second"),
            Self::BreakerOpen             => row("breaker_open",             "stripe_not_called",                Warning, true,  false, "look for the cause that came before it in the log"),
        }
    }

    /// The word in logs and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        self.row().word
    }

    /// Whether waiting helps, so that the caller is told how long.
    pub(crate) const fn passes_by_itself(self) -> bool {
        self.row().passes_by_itself
    }

    /// Whether it says that Stripe, as we reach it, is down.
    pub(crate) const fn means_down(self) -> bool {
        self.row().means_down
    }

    /// What the operator can do.
    pub(crate) const fn remedy(self) -> &'static str {
        self.row().remedy
    }
}

impl fmt::Display for UpstreamCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The longest wait that a caller is told of.
const LONGEST_TOLD_WAIT: Duration = Duration::from_secs(30);

/// A call that failed for good.
#[derive(Debug, Clone)]
pub(crate) struct Unavailable {
    /// Why.
    pub cause: UpstreamCause,
    /// More of it, in a word: Stripe's status or code, or what is wrong with its answer. Never its text.
    pub reason: String,
    /// How long to wait before asking again, where that helps.
    pub retry_after: Option<Duration>,
    /// Stripe's id of the request, where it answered.
    pub stripe_request_id: String,
    /// Whether Stripe repeats what it answered to an earlier call under the same key.
    pub replayed: bool,
}

impl From<UpstreamCause> for Unavailable {
    fn from(cause: UpstreamCause) -> Self {
        Self::after(cause, None)
    }
}

impl Unavailable {
    /// Where waiting helps, the caller is told to wait for as long as Stripe `asked`, within reason.
    pub(super) fn after(cause: UpstreamCause, asked: Option<Duration>) -> Self {
        let wait = asked.unwrap_or_default();
        let wait = wait.clamp(Duration::from_secs(1), LONGEST_TOLD_WAIT);
        Self {
            cause,
            reason: cause.as_str().to_owned(),
            retry_after: cause.passes_by_itself().then_some(wait),
            stripe_request_id: String::new(),
            replayed: false,
        }
    }

    /// Tells the operator, once, where the failure is handled.
    pub(crate) fn log(&self) {
        let Row {
            event, severity, ..
        } = self.cause.row();
        let (upstream_cause, reason) = (self.cause.as_str(), self.reason.as_str());
        let stripe_request_id = self.stripe_request_id.as_str();
        let retry_after_s = self.retry_after.map(|wait| wait.as_secs());
        match severity {
            Warning => tracing::warn!(
                event,
                upstream_cause,
                reason,
                stripe_request_id,
                retry_after_s
            ),
            Error => tracing::error!(
                event,
                upstream_cause,
                reason,
                stripe_request_id,
                retry_after_s
            ),
            Alarm => tracing::error!(
                event,
                alert = true,
                upstream_cause,
                reason,
                stripe_request_id
            ),
        }
    }
}
