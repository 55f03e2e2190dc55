//! Why Stripe did not do what it was asked: a closed list, for logs and metrics. The caller sees one 502 for all.

use std::{fmt, time::Duration};

/// The cause of a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UpstreamCause {
    /// Stripe's host name could not be resolved.
    Dns,
    /// No connection could be made.
    Connect,
    /// No connection was made in time.
    ConnectTimeout,
    /// The certificate or the protocol of the encrypted connection was not acceptable.
    Tls,
    /// The connection broke before the answer's headers were complete.
    Reset,
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
    /// Stripe refused the secret key.
    CredentialsRefused,
    /// The restricted key lacks a permission.
    Permission,
    /// The customer belongs to the other mode than the secret key.
    ModeMismatch,
    /// More than a few customers are missing at once, as with a secret of the wrong account.
    CustomersMissing,
    /// Stripe does not know the portal configuration.
    ConfigurationMissing,
    /// The portal configuration does not keep the promise, or was not verified yet.
    ConfigurationUnverified,
    /// Stripe did not accept what we sent.
    BadRequest,
    /// The idempotency key was used for another request.
    IdempotencyMisuse,
    /// Stripe answered with a redirect, which is never followed.
    Redirect,
    /// Stripe answered with a status that means nothing here.
    UnexpectedStatus,
    /// The answer is not the session that was asked for.
    InvalidResponse,
    /// Our own limit of calls to Stripe was reached.
    GateFull,
    /// The breaker is open: Stripe failed too often a moment ago.
    BreakerOpen,
}

impl UpstreamCause {
    /// Every cause.
    pub const ALL: [Self; 25] = [
        Self::Dns,
        Self::Connect,
        Self::ConnectTimeout,
        Self::Tls,
        Self::Reset,
        Self::Timeout,
        Self::Truncated,
        Self::Protocol,
        Self::ServerError,
        Self::Conflict,
        Self::LockTimeout,
        Self::RateLimited,
        Self::CredentialsRefused,
        Self::Permission,
        Self::ModeMismatch,
        Self::CustomersMissing,
        Self::ConfigurationMissing,
        Self::ConfigurationUnverified,
        Self::BadRequest,
        Self::IdempotencyMisuse,
        Self::Redirect,
        Self::UnexpectedStatus,
        Self::InvalidResponse,
        Self::GateFull,
        Self::BreakerOpen,
    ];

    /// The word in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls => "tls",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Truncated => "truncated",
            Self::Protocol => "protocol",
            Self::ServerError => "server_error",
            Self::Conflict => "conflict",
            Self::LockTimeout => "lock_timeout",
            Self::RateLimited => "rate_limited",
            Self::CredentialsRefused => "credentials_refused",
            Self::Permission => "permission",
            Self::ModeMismatch => "mode_mismatch",
            Self::CustomersMissing => "customers_missing",
            Self::ConfigurationMissing => "configuration_missing",
            Self::ConfigurationUnverified => "configuration_unverified",
            Self::BadRequest => "bad_request",
            Self::IdempotencyMisuse => "idempotency_misuse",
            Self::Redirect => "redirect",
            Self::UnexpectedStatus => "unexpected_status",
            Self::InvalidResponse => "invalid_response",
            Self::GateFull => "gate_full",
            Self::BreakerOpen => "breaker_open",
        }
    }

    /// Whether waiting helps, so that the caller is told how long.
    pub const fn passes_by_itself(self) -> bool {
        !matches!(
            self,
            Self::CredentialsRefused
                | Self::Permission
                | Self::ModeMismatch
                | Self::CustomersMissing
                | Self::ConfigurationMissing
                | Self::BadRequest
                | Self::IdempotencyMisuse
                | Self::Redirect
                | Self::UnexpectedStatus
                | Self::InvalidResponse
                | Self::Tls
        )
    }

    /// Whether it says that Stripe, as we reach it, is down.
    pub const fn means_down(self) -> bool {
        matches!(
            self,
            Self::Dns
                | Self::Connect
                | Self::ConnectTimeout
                | Self::Tls
                | Self::Reset
                | Self::Timeout
                | Self::Truncated
                | Self::Protocol
                | Self::ServerError
                | Self::CredentialsRefused
                | Self::Permission
        )
    }
}

impl fmt::Display for UpstreamCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A call that failed for good.
#[derive(Debug, Clone)]
pub struct Unavailable {
    /// Why.
    pub cause: UpstreamCause,
    /// How long to wait before asking again, where that helps.
    pub retry_after: Option<Duration>,
}

impl From<UpstreamCause> for Unavailable {
    fn from(cause: UpstreamCause) -> Self {
        let retry_after = cause.passes_by_itself().then_some(Duration::from_secs(1));
        Self { cause, retry_after }
    }
}
