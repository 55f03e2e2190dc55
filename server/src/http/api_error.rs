//! An error on its way to the caller: what the caller sees, and what only the log has.

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
    rate_limit::Refusal,
    schema::RequestId,
};

/// The cause of a 429 for an address whose limit is used up.
pub(crate) const ADDRESS_LIMITED: &str = "too many failed authentications of this address";

/// An error on its way to the caller.
///
/// The cause and what is known of Stripe are for the operator: they reach the log, never the answer.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    code: ErrorCode,
    details: BTreeMap<String, String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Cow<'static, str>>,
    upstream: Option<Box<Upstream>>,
    sampled: Option<Sampled>,
}

/// An error that may be answered many times a second, so that not each is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sampled {
    /// This one is not logged.
    LeftOut,
    /// This one is, after so many were left out.
    Logged(u64),
}

/// A failure of the system behind this service.
#[derive(Debug, Clone)]
struct Upstream {
    cause: &'static str,
    /// Its own id of the request, `""` where it did not respond.
    request_id: String,
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self {
            code,
            details: BTreeMap::new(),
            headers: Vec::new(),
            cause: None,
            upstream: None,
            sampled: None,
        }
    }
}

impl ApiError {
    /// 422, with what is wrong with each field.
    pub(crate) fn validation_failed(details: BTreeMap<String, String>) -> Self {
        Self::from(ErrorCode::ValidationFailed).with_details(details)
    }

    /// Adds what is wrong with each of these parts of the request.
    #[must_use]
    pub(crate) fn with_details(self, details: BTreeMap<String, String>) -> Self {
        Self { details, ..self }
    }

    /// Adds a header to the answer. A value that is not allowed in a header is left out: the error itself matters more.
    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers
            .extend(HeaderValue::from_str(value).map(|value| (name, value)));
        self
    }

    /// Adds `Retry-After`: whole seconds, rounded up, at least one.
    #[must_use]
    pub(crate) fn with_retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with_header(header::RETRY_AFTER, &seconds.max(1).to_string())
    }

    /// Adds the cause, which only the log has.
    #[must_use]
    pub(crate) fn with_cause(mut self, cause: impl Into<Cow<'static, str>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Notes, for the log and the metrics, why the upstream service failed and its id of the request.
    #[must_use]
    pub(crate) fn with_upstream(mut self, cause: &'static str, request_id: String) -> Self {
        self.upstream = Some(Box::new(Upstream { cause, request_id }));
        self.with_cause(cause)
    }

    /// 429 for an address whose limit is used up.
    pub(crate) fn address_limited(refusal: Refusal) -> Self {
        let sampled = refusal.left_out.map_or(Sampled::LeftOut, Sampled::Logged);
        Self {
            sampled: Some(sampled),
            ..Self::from(ErrorCode::RateLimited)
                .with_retry_after(refusal.wait)
                .with_cause(ADDRESS_LIMITED)
        }
    }

    /// Whether this error is logged; `None` for one that always is.
    pub(crate) fn sampled(&self) -> Option<Sampled> {
        self.sampled
    }

    /// The code, for the log.
    pub(crate) fn code(&self) -> ErrorCode {
        self.code
    }

    /// The cause, for the log.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The cause at the upstream service, for the log and the metrics.
    pub(crate) fn upstream_cause(&self) -> Option<&'static str> {
        self.upstream.as_ref().map(|upstream| upstream.cause)
    }

    /// The upstream service's id of the request, for the log.
    pub(crate) fn upstream_request_id(&self) -> Option<&str> {
        let id = self.upstream.as_ref()?.request_id.as_str();
        Some(id).filter(|id| !id.is_empty())
    }

    /// The response, with the request's id in its body.
    pub(crate) fn response(&self, request_id: &RequestId) -> Response {
        let envelope = ErrorEnvelope::new(self.code, request_id, self.details.clone());
        let mut response = envelope.into_response(self.code);
        response.headers_mut().extend(self.headers.iter().cloned());
        response
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())
    }
}

impl std::error::Error for ApiError {}

/// Lets extractors and handlers return an [`ApiError`] through poem. The outermost layer, which knows the request's id,
/// takes it out again and writes the envelope.
impl ResponseError for ApiError {
    fn status(&self) -> StatusCode {
        self.code.http_status()
    }
}

impl ApiResponse for ApiError {
    fn meta() -> MetaResponses {
        envelope::declared_errors(&ErrorCode::OPERATION_CODES)
    }

    fn register(registry: &mut Registry) {
        ErrorEnvelope::register(registry);
    }
}
