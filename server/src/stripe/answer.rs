//! Stripe's answer to a call, what it means for retries, and the log line of each attempt.

use std::time::Duration;

use super::{attempt_error::AttemptError, call::Call, response::StripeResponse};

/// Stripe's response to the last attempt of a call.
#[derive(Debug)]
pub(super) struct Answer {
    /// What Stripe responded.
    pub response: StripeResponse,
    /// Which attempt that was: 1 is the first.
    pub attempt: u32,
    /// How long that attempt took.
    pub elapsed: Duration,
    /// The key of the call.
    pub idempotency_key: String,
}

impl Answer {
    /// Logs the attempt of a call to this path.
    pub(super) fn log(&self, path: &str) {
        let response = &self.response;
        tracing::info!(
            event = "stripe_call",
            path,
            attempt = self.attempt,
            idempotency_key = self.idempotency_key,
            elapsed_ms = milliseconds(self.elapsed),
            upstream_status = response.status,
            stripe_request_id = response.request_id,
            stripe_type = response.loggable_error("type"),
            stripe_code = response.loggable_error("code"),
            stripe_param = response.loggable_error("param"),
        );
    }
}

/// Logs an attempt that had no response, or none that can be read.
pub(super) fn log_failure(call: &Call, attempt: u32, elapsed: Duration, error: &AttemptError) {
    tracing::warn!(
        event = "stripe_call",
        path = call.path.as_ref(),
        attempt,
        idempotency_key = call.idempotency_key,
        elapsed_ms = milliseconds(elapsed),
        upstream_status = error.upstream_status,
        stripe_request_id = error.stripe_request_id,
        upstream_cause = error.cause.as_str(),
        reason = error.reason,
    );
}

/// A duration for the log.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whether Stripe did what was requested.
pub(super) fn is_success(response: &StripeResponse) -> bool {
    (200..300).contains(&response.status)
}

/// Whether no further attempt would give another response.
pub(super) fn is_final(response: &StripeResponse) -> bool {
    is_success(response) || (response.should_retry != Some(true) && !is_transient(response))
}

/// Whether the response is about Stripe's state and not about the request.
pub(super) fn is_transient(response: &StripeResponse) -> bool {
    matches!(response.status, 409 | 429 | 500..600) || response.error("code") == "rate_limit"
}
