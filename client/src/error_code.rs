//! The service's error codes, one case each, open to codes that a later service adds.

use std::fmt;

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $case:ident = $code:literal,)+) => {
        /// What went wrong, as the service names it.
        ///
        /// A service newer than this SDK may answer a code that has no case yet: it arrives as
        /// [`Unknown`](ErrorCode::Unknown) and is treated by its status.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $case,)+
            /// A code that this version of the SDK does not know.
            Unknown(String),
        }

        impl ErrorCode {
            /// The code as it is written on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$case => $code,)+
                    Self::Unknown(code) => code,
                }
            }
        }

        impl From<&str> for ErrorCode {
            fn from(code: &str) -> Self {
                match code {
                    $($code => Self::$case,)+
                    _ => Self::Unknown(code.to_owned()),
                }
            }
        }
    };
}

error_codes! {
    /// The body was not one JSON object. This SDK never sends such a body.
    BadRequest = "BAD_REQUEST",
    /// The key was not accepted: unknown, revoked, expired, or of the other mode.
    Unauthorized = "UNAUTHORIZED",
    /// The key lacks the scope `billing:write`.
    Forbidden = "FORBIDDEN",
    /// The body arrived too slowly. Worth another try.
    RequestTimeout = "REQUEST_TIMEOUT",
    /// The organization never subscribed or topped up: send it to your checkout first.
    NoStripeCustomer = "NO_STRIPE_CUSTOMER",
    /// The body was over 16 KiB. This SDK never sends such a body.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE",
    /// The body was not declared as JSON. This SDK never sends such a body.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE",
    /// A field is wrong; [`Error::field`](crate::Error::field) says what is wrong with it.
    ValidationFailed = "VALIDATION_FAILED",
    /// Too many requests; worth another try after [`Error::retry_after`](crate::Error::retry_after).
    RateLimited = "RATE_LIMITED",
    /// A fault of the service; report it with the request id.
    Internal = "INTERNAL",
    /// Stripe could not open the portal. Worth another try where the answer says how long to wait.
    BillingPortalUnavailable = "BILLING_PORTAL_UNAVAILABLE",
    /// The service is busy or restarting. Worth another try.
    ServiceUnavailable = "SERVICE_UNAVAILABLE",
    /// The base URL leads to the service, but to no operation of it.
    NotFound = "NOT_FOUND",
    /// The base URL leads to the service, but to something other than the operation.
    MethodNotAllowed = "METHOD_NOT_ALLOWED",
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
