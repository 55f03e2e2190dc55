//! The one table of error codes: what each is called, its status, its text, and the headers that come with it.

use poem::http::StatusCode;
use poem_openapi::registry::{MetaHeader, MetaSchema};

use super::schema;

/// What went wrong, as a program sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    /// The body is not one JSON object.
    BadRequest,
    /// The key was not accepted, for whatever reason.
    Unauthorized,
    /// The key lacks the scope.
    Forbidden,
    /// The body came too slowly.
    RequestTimeout,
    /// The organization has no customer at Stripe.
    NoStripeCustomer,
    /// The body is too large.
    PayloadTooLarge,
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// The body's fields are wrong.
    ValidationFailed,
    /// Too many requests of this key or from this address.
    RateLimited,
    /// A bug.
    Internal,
    /// Stripe did not open the portal.
    BillingPortalUnavailable,
    /// Our store is away, we are full, or we are shutting down.
    ServiceUnavailable,
    /// No such path.
    NotFound,
    /// The path does not take this method.
    MethodNotAllowed,
    /// A webhook is not Stripe's. Only Stripe sees it, so the contract does not have it.
    InvalidSignature,
}

impl ErrorCode {
    /// The codes of the portal's operation. The last three of the enum are for requests that reach no operation.
    pub(crate) const OPERATION_CODES: [Self; 12] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::RequestTimeout,
        Self::NoStripeCustomer,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::ValidationFailed,
        Self::RateLimited,
        Self::Internal,
        Self::BillingPortalUnavailable,
        Self::ServiceUnavailable,
    ];

    /// The codes of an operation that reads no body and does not call Stripe.
    pub(crate) const READ_CODES: [Self; 5] = [
        Self::Unauthorized,
        Self::Forbidden,
        Self::RateLimited,
        Self::Internal,
        Self::ServiceUnavailable,
    ];

    /// Every code of the contract.
    pub(crate) const ALL: [Self; 14] = {
        let mut all = [Self::NotFound; 14];
        let mut index = 0;
        while index < Self::OPERATION_CODES.len() {
            all[index] = Self::OPERATION_CODES[index];
            index += 1;
        }
        all[13] = Self::MethodNotAllowed;
        all
    };

    /// The whole error contract. A new row is a change that callers can see.
    #[rustfmt::skip]
    const fn row(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::BadRequest               => (StatusCode::BAD_REQUEST,            "BAD_REQUEST",                "request body must be one JSON object"),
            Self::Unauthorized             => (StatusCode::UNAUTHORIZED,           "UNAUTHORIZED",               "authentication failed"),
            Self::Forbidden                => (StatusCode::FORBIDDEN,              "FORBIDDEN",                  "missing required scope"),
            Self::RequestTimeout           => (StatusCode::REQUEST_TIMEOUT,        "REQUEST_TIMEOUT",            "request body was not received in time"),
            Self::NoStripeCustomer         => (StatusCode::CONFLICT,               "NO_STRIPE_CUSTOMER",         "organization has no stripe customer; subscribe first"),
            Self::PayloadTooLarge          => (StatusCode::PAYLOAD_TOO_LARGE,      "PAYLOAD_TOO_LARGE",          "request body is too large"),
            Self::UnsupportedMediaType     => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE",     "content type must be application/json"),
            Self::ValidationFailed         => (StatusCode::UNPROCESSABLE_ENTITY,   "VALIDATION_FAILED",          "validation failed"),
            Self::RateLimited              => (StatusCode::TOO_MANY_REQUESTS,      "RATE_LIMITED",               "too many requests"),
            Self::Internal                 => (StatusCode::INTERNAL_SERVER_ERROR,  "INTERNAL",                   "internal error"),
            Self::BillingPortalUnavailable => (StatusCode::BAD_GATEWAY,            "BILLING_PORTAL_UNAVAILABLE", "billing portal session could not be created"),
            Self::ServiceUnavailable       => (StatusCode::SERVICE_UNAVAILABLE,    "SERVICE_UNAVAILABLE",        "service is temporarily unavailable"),
            Self::NotFound                 => (StatusCode::NOT_FOUND,              "NOT_FOUND",                  "not found"),
            Self::MethodNotAllowed         => (StatusCode::METHOD_NOT_ALLOWED,     "METHOD_NOT_ALLOWED",         "method not allowed"),
            Self::InvalidSignature         => (StatusCode::BAD_REQUEST,            "INVALID_SIGNATURE",          "webhook signature verification failed"),
        }
    }

    /// The code that has this word on the wire.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter().chain([Self::InvalidSignature]);
        all.find(|code| code.as_str() == word)
    }

    /// The HTTP status.
    pub(crate) const fn status(self) -> u16 {
        self.row().0.as_u16()
    }

    pub(crate) const fn http_status(self) -> StatusCode {
        self.row().0
    }

    /// The code on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        self.row().1
    }

    /// The text for people, always the same for a code.
    pub(crate) const fn message(self) -> &'static str {
        self.row().2
    }

    /// The headers that this code's answers have beyond those of every answer.
    pub(super) fn headers(self) -> Vec<MetaHeader> {
        match self {
            Self::Unauthorized | Self::Forbidden => {
                vec![schema::header(
                    "WWW-Authenticate",
                    true,
                    MetaSchema::new("string"),
                )]
            }
            Self::RateLimited | Self::ServiceUnavailable => vec![schema::retry_after(true)],
            Self::BillingPortalUnavailable => vec![schema::retry_after(false)],
            _ => vec![],
        }
    }
}
