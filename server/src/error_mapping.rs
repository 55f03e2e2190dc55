//! How failures of the database and of Stripe become errors of the API. The caller learns the code; the log has the
//! cause.

use std::time::Duration;

use crate::{
    http::{api_error::ApiError, error_code::ErrorCode},
    store::StoreError,
    stripe::StripeError,
};

/// How long a caller waits before trying again when the database failed: most failures are a lock that is held for less
/// than a second.
const RETRY_AFTER_STORE_FAILURE: Duration = Duration::from_secs(1);

/// 503, and never 401: the caller's key may be valid.
impl From<&StoreError> for ApiError {
    fn from(error: &StoreError) -> Self {
        Self::from(ErrorCode::ServiceUnavailable)
            .with_retry_after(RETRY_AFTER_STORE_FAILURE)
            .with_cause(error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

/// 502. The caller learns whether retrying helps, and nothing else.
impl From<StripeError> for ApiError {
    fn from(failure: StripeError) -> Self {
        let error = Self::from(ErrorCode::BillingPortalUnavailable)
            .with_upstream(failure.cause.as_str(), failure.stripe_request_id);
        match failure.retry_after {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }
}
