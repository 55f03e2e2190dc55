//! A try that did not bring what was asked for, and whether another may.

use std::time::Duration;

use super::{Answer, Unavailable, UpstreamCause};

/// A failed try.
#[derive(Debug)]
pub(super) struct Failure {
    /// Why.
    pub cause: UpstreamCause,
    /// More of it, in a word. Never Stripe's text.
    pub reason: String,
    /// Whether to try again, if time and budget allow.
    pub retry: bool,
    /// How long Stripe asks to wait.
    pub retry_after: Option<Duration>,
    /// The HTTP status, where Stripe answered.
    pub upstream_status: Option<u16>,
    /// Stripe's id of the request, where it answered.
    pub stripe_request_id: String,
    /// Whether Stripe repeats what it answered to an earlier call under the same key.
    pub replayed: bool,
}

impl From<&Answer> for Failure {
    fn from(answer: &Answer) -> Self {
        let cause = match (answer.status, answer.error("code")) {
            (409, _) => UpstreamCause::Conflict,
            (429, "lock_timeout") => UpstreamCause::LockTimeout,
            (_, "rate_limit") | (429, _) => UpstreamCause::RateLimited,
            (500..600, _) => UpstreamCause::ServerError,
            _ => UpstreamCause::BadRequest,
        };
        let reason = match (answer.should_retry, cause) {
            (_, UpstreamCause::ServerError) => answer.status.to_string(),
            (Some(true), _) => "should_retry".to_owned(),
            _ => cause.as_str().to_owned(),
        };
        Self {
            cause,
            reason,
            // A plain 429 is not tried again: that would add to what it complains of.
            retry: answer
                .should_retry
                .unwrap_or(cause != UpstreamCause::RateLimited),
            retry_after: answer.retry_after,
            upstream_status: Some(answer.status),
            stripe_request_id: answer.request_id.clone(),
            replayed: answer.replayed,
        }
    }
}

impl From<UpstreamCause> for Failure {
    fn from(cause: UpstreamCause) -> Self {
        Self {
            cause,
            reason: cause.as_str().to_owned(),
            // A certificate does not become right, nor an answer that was read to its end.
            retry: !matches!(cause, UpstreamCause::Tls | UpstreamCause::InvalidResponse),
            retry_after: None,
            upstream_status: None,
            stripe_request_id: String::new(),
            replayed: false,
        }
    }
}

impl From<Failure> for Unavailable {
    fn from(failure: Failure) -> Self {
        Self {
            reason: failure.reason,
            stripe_request_id: failure.stripe_request_id,
            replayed: failure.replayed,
            ..Self::after(failure.cause, failure.retry_after)
        }
    }
}
