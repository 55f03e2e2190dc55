//! A refusal or failure on its way to the caller: what the caller is told, and what only the log is told.

use std::{borrow::Cow, collections::BTreeMap, fmt, time::Duration};

use poem::{
    Response,
    error::ResponseError,
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiResponse,
    registry::{MetaResponses, Registry},
    types::Type,
};

use super::{
    envelope::{self, ErrorEnvelope},
    error_code::ErrorCode,
    schema::RequestId,
};
use crate::stripe::{Unavailable, UpstreamCause};

/// A refusal or failure on its way to the caller.
///
/// `cause` is for the operator: it reaches the log, never the answer.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    code: ErrorCode,
    details: BTreeMap<String, String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Cow<'static, str>>,
    upstream: Option<Box<Unavailable>>,
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self {
            code,
            details: BTreeMap::new(),
            headers: Vec::new(),
            cause: None,
            upstream: None,
        }
    }
}

/// 502: the caller learns no more than whether waiting helps.
impl From<Unavailable> for ApiError {
    fn from(failure: Unavailable) -> Self {
        let error =
            Self::from(ErrorCode::BillingPortalUnavailable).with_cause(failure.cause.as_str());
        let error = match failure.retry_after {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        };
        Self {
            upstream: Some(Box::new(failure)),
            ..error
        }
    }
}

impl ApiError {
    /// 422, with what is wrong with each field.
    pub(crate) fn validation_failed(details: BTreeMap<String, String>) -> Self {
        Self {
            details,
            ..ErrorCode::ValidationFailed.into()
        }
    }

    /// 503, because the database did not do what it was asked. Never 401: the caller's key may be perfectly good.
    pub(crate) fn store_unavailable(error: &impl fmt::Display) -> Self {
        Self::from(ErrorCode::ServiceUnavailable)
            .with_retry_after(Duration::from_secs(1))
            .with_cause(format!("store: {error}"))
    }

    /// Adds a header to the answer. A value that is not one is a bug of ours, so it is left out.
    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers
            .extend(HeaderValue::from_str(value).map(|value| (name, value)));
        self
    }

    /// Tells the caller to wait, in whole seconds, at least one.
    #[must_use]
    pub(crate) fn with_retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with_header(header::RETRY_AFTER, &seconds.max(1).to_string())
    }

    /// Says in the log, and only there, what happened.
    #[must_use]
    pub(crate) fn with_cause(mut self, cause: impl Into<Cow<'static, str>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The code, for the log.
    pub(crate) fn code(&self) -> ErrorCode {
        self.code
    }

    /// The cause, for the log.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// What went wrong at Stripe, for the log and the metrics.
    pub(crate) fn upstream_cause(&self) -> Option<UpstreamCause> {
        self.upstream.as_ref().map(|failure| failure.cause)
    }

    /// Stripe's id of the request that went wrong there, for the log.
    pub(crate) fn stripe_request_id(&self) -> Option<&str> {
        let failure = self.upstream.as_ref()?;
        Some(failure.stripe_request_id.as_str()).filter(|id| !id.is_empty())
    }

    /// The answer, under the request's id.
    pub(crate) fn into_response(self, request_id: &RequestId) -> Response {
        let mut response =
            ErrorEnvelope::new(self.code, request_id, self.details).into_response(self.code);
        response.headers_mut().extend(self.headers);
        response
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())
    }
}

impl std::error::Error for ApiError {}

/// Lets extractors and the handler return an [`ApiError`] through poem; [`crate::request_layer`] finds it there again and
/// writes the envelope, for only it knows the request's id.
impl ResponseError for ApiError {
    fn status(&self) -> StatusCode {
        self.code.http_status()
    }
}

impl ApiResponse for ApiError {
    fn meta() -> MetaResponses {
        envelope::declared_errors()
    }

    fn register(registry: &mut Registry) {
        ErrorEnvelope::register(registry);
    }
}
