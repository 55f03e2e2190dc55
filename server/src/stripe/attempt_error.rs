//! A failed attempt, and whether to retry it.

use std::time::Duration;

use super::{cause::UpstreamCause, error::StripeError, response::StripeResponse};

/// A failed attempt.
#[derive(Debug)]
pub(super) struct AttemptError {
    /// Why it failed.
    pub cause: UpstreamCause,
    /// The cause in more detail, in one word. Never Stripe's text.
    pub reason: String,
    /// Whether to retry, if time and budget allow.
    pub retry: bool,
    /// How long Stripe asks to wait before a retry.
    pub retry_after: Option<Duration>,
    /// The HTTP status, if Stripe responded.
    pub upstream_status: Option<u16>,
    /// Stripe's id of the request, `""` if it did not respond.
    pub stripe_request_id: String,
    /// Whether Stripe repeated its response to an earlier call with the same key.
    pub replayed: bool,
}

impl From<&StripeResponse> for AttemptError {
    fn from(response: &StripeResponse) -> Self {
        let cause = match (response.status, response.error("code")) {
            (409, _) => UpstreamCause::Conflict,
            (429, "lock_timeout") => UpstreamCause::LockTimeout,
            (_, "rate_limit") | (429, _) => UpstreamCause::RateLimited,
            (500..600, _) => UpstreamCause::ServerError,
            _ => UpstreamCause::BadRequest,
        };
        let reason = match (response.should_retry, cause) {
            (_, UpstreamCause::ServerError) => response.status.to_string(),
            (Some(true), _) => "should_retry".to_owned(),
            _ => cause.as_str().to_owned(),
        };
        Self {
            cause,
            reason,
            // A plain 429 is not retried: a retry would add to the load that Stripe complains about.
            retry: response
                .should_retry
                .unwrap_or(cause != UpstreamCause::RateLimited),
            retry_after: response.retry_after,
            upstream_status: Some(response.status),
            stripe_request_id: response.request_id.clone(),
            replayed: response.replayed,
        }
    }
}

impl From<UpstreamCause> for AttemptError {
    fn from(cause: UpstreamCause) -> Self {
        Self {
            cause,
            reason: cause.as_str().to_owned(),
            // A retry changes neither a certificate, nor a response that was read to its end, nor our credentials.
            retry: !matches!(
                cause,
                UpstreamCause::Tls
                    | UpstreamCause::InvalidResponse
                    | UpstreamCause::ProxyCredentialsRefused
            ),
            retry_after: None,
            upstream_status: None,
            stripe_request_id: String::new(),
            replayed: false,
        }
    }
}

impl From<AttemptError> for StripeError {
    fn from(error: AttemptError) -> Self {
        Self {
            reason: error.reason,
            stripe_request_id: error.stripe_request_id,
            replayed: error.replayed,
            ..Self::new(error.cause, error.retry_after)
        }
    }
}
