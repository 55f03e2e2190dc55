//! The service's error codes, one case each, open to codes that a later service adds.

use std::fmt;

/// What went wrong, as the service names it.
///
/// A service newer than this SDK may answer a code that has no case yet: it arrives as
/// [`Unknown`](ErrorCode::Unknown) and is treated by its status.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The body was not one JSON object. This SDK never sends such a body.
    BadRequest,
    /// The key was not accepted: unknown, revoked, expired, or of the other mode.
    Unauthorized,
    /// The key lacks the scope `billing:write`.
    Forbidden,
    /// The body arrived too slowly. Worth another try.
    RequestTimeout,
    /// The organization never subscribed or topped up: send it to your checkout first.
    NoStripeCustomer,
    /// The body was over 16 KiB. This SDK never sends such a body.
    PayloadTooLarge,
    /// The body was not declared as JSON. This SDK never sends such a body.
    UnsupportedMediaType,
    /// A field is wrong; [`Error::field`](crate::Error::field) says what is wrong with it.
    ValidationFailed,
    /// Too many requests; worth another try after [`Error::retry_after`](crate::Error::retry_after).
    RateLimited,
    /// A fault of the service; report it with the request id.
    Internal,
    /// Stripe could not open the portal. Worth another try where the answer says how long to wait.
    BillingPortalUnavailable,
    /// The service is busy or restarting. Worth another try.
    ServiceUnavailable,
    /// The base URL leads to the service, but to no operation of it.
    NotFound,
    /// The base URL leads to the service, but to something other than the operation.
    MethodNotAllowed,
    /// A code that this version of the SDK does not know.
    Unknown(String),
}

impl ErrorCode {
    /// The code as it is written on the wire.
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
