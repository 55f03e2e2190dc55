//! A call to Stripe that failed for good.

use std::time::Duration;

use super::cause::{Severity, UpstreamCause};

/// The longest `Retry-After` for callers, whatever Stripe asks: after it a caller should try once.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);
/// The `Retry-After` for callers if Stripe asks for none. The header has whole seconds.
const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);

/// A call that failed for good.
#[derive(Debug, Clone)]
pub(crate) struct StripeError {
    /// Why it failed.
    pub cause: UpstreamCause,
    /// The cause in more detail, in one word: Stripe's status or code, or what is wrong with its answer. Never its text.
    pub reason: String,
    /// How long to wait before retrying. `None` if retrying does not help.
    pub retry_after: Option<Duration>,
    /// Stripe's id of the request, `""` if it did not respond.
    pub stripe_request_id: String,
    /// Whether Stripe repeated its response to an earlier call with the same key.
    pub replayed: bool,
}

impl From<UpstreamCause> for StripeError {
    fn from(cause: UpstreamCause) -> Self {
        Self::new(cause, None)
    }
}

impl StripeError {
    /// An error of this cause. If retrying helps, the wait is the one that Stripe `requested`, within bounds.
    pub(super) fn new(cause: UpstreamCause, requested: Option<Duration>) -> Self {
        let wait = requested.unwrap_or(MIN_RETRY_AFTER);
        let wait = wait.clamp(MIN_RETRY_AFTER, MAX_RETRY_AFTER);
        Self {
            cause,
            reason: cause.as_str().to_owned(),
            retry_after: cause.passes_by_itself().then_some(wait),
            stripe_request_id: String::new(),
            replayed: false,
        }
    }

    /// Logs the error. It is called once, where the error is handled.
    pub(crate) fn log(&self) {
        let event = self.cause.event();
        let (upstream_cause, reason) = (self.cause.as_str(), self.reason.as_str());
        let stripe_request_id = self.stripe_request_id.as_str();
        let retry_after_s = self.retry_after.map(|wait| wait.as_secs());
        match self.cause.severity() {
            Severity::Warning => tracing::warn!(
                event,
                upstream_cause,
                reason,
                stripe_request_id,
                retry_after_s
            ),
            Severity::Error => tracing::error!(
                event,
                upstream_cause,
                reason,
                stripe_request_id,
                retry_after_s
            ),
            Severity::Alarm => tracing::error!(
                event,
                alert = true,
                upstream_cause,
                reason,
                stripe_request_id
            ),
        }
    }
}
