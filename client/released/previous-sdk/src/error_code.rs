//! The service's error codes, one variant each, open to codes that a later service adds.

use std::fmt;

/// The service's name for what went wrong.
///
/// A service newer than this SDK may send a code that has no variant yet. It arrives as
/// [`Unknown`](ErrorCode::Unknown), and the status decides whether the call is retried.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The body was not one JSON object. This SDK never sends such a body.
    BadRequest,
    /// The key was not accepted: unknown, revoked, expired, or of the other mode.
    Unauthorized,
    /// The key lacks the scope `billing:write`.
    Forbidden,
    /// The body arrived too slowly. A retry may succeed.
    RequestTimeout,
    /// The organization never subscribed or topped up: send it to your checkout first.
    NoStripeCustomer,
    /// The body was over 16 KiB. This SDK never sends such a body.
    PayloadTooLarge,
    /// The content type was not JSON. This SDK never sends such a body.
    UnsupportedMediaType,
    /// A field is wrong; [`Error::field`](crate::Error::field) says what is wrong with it.
    ValidationFailed,
    /// Too many requests. Retry after [`Error::retry_after`](crate::Error::retry_after).
    RateLimited,
    /// A fault of the service. Report it with the request id.
    Internal,
    /// Stripe could not open the portal. A retry may succeed if the answer says how long to wait.
    BillingPortalUnavailable,
    /// The service is busy or restarting. A retry may succeed.
    ServiceUnavailable,
    /// The base URL leads to the service, but its path is wrong.
    NotFound,
    /// The base URL leads to another path of the service.
    MethodNotAllowed,
    /// A code that this version of the SDK does not know.
    Unknown(String),
}

impl ErrorCode {
    /// The code as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Forbidden => "FORBIDDEN",
            Self::RequestTimeout => "REQUEST_TIMEOUT",
            Self::NoStripeCustomer => "NO_STRIPE_CUSTOMER",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::ValidationFailed => "VALIDATION_FAILED",
            Self::RateLimited => "RATE_LIMITED",
            Self::Internal => "INTERNAL",
            Self::BillingPortalUnavailable => "BILLING_PORTAL_UNAVAILABLE",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::Unknown(code) => code,
        }
    }
}

impl From<&str> for ErrorCode {
    fn from(code: &str) -> Self {
        match code {
            "BAD_REQUEST" => Self::BadRequest,
            "UNAUTHORIZED" => Self::Unauthorized,
            "FORBIDDEN" => Self::Forbidden,
            "REQUEST_TIMEOUT" => Self::RequestTimeout,
            "NO_STRIPE_CUSTOMER" => Self::NoStripeCustomer,
            "PAYLOAD_TOO_LARGE" => Self::PayloadTooLarge,
            "UNSUPPORTED_MEDIA_TYPE" => Self::UnsupportedMediaType,
            "VALIDATION_FAILED" => Self::ValidationFailed,
            "RATE_LIMITED" => Self::RateLimited,
            "INTERNAL" => Self::Internal,
            "BILLING_PORTAL_UNAVAILABLE" => Self::BillingPortalUnavailable,
            "SERVICE_UNAVAILABLE" => Self::ServiceUnavailable,
            "NOT_FOUND" => Self::NotFound,
            "METHOD_NOT_ALLOWED" => Self::MethodNotAllowed,
            _ => Self::Unknown(code.to_owned()),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
