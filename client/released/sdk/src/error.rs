//! Why a call did not open a session.
//!
//! Neither `Display` nor `Debug` shows a secret. An unexpected answer's headers and the excerpt of its body have
//! accessors, but they are never printed with the error.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::api_error::ApiError;
use crate::error_code::ErrorCode;
use crate::unexpected_answer::UnexpectedAnswer;

/// Why a call did not open a session.
///
/// `Display` is one line, fit for a log. To decide what to do, look at the [`code`](Error::code) first:
///
/// ```
/// # use billing_portal_client::{Error, ErrorCode};
/// fn page(error: &Error) -> &'static str {
///     match error.code() {
///         Some(ErrorCode::NoStripeCustomer) => "/pricing",
///         _ if error.is_retryable() => "/try-again-later",
///         _ => "/contact-support",
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The client cannot be built: a setting is missing or wrong. Nothing was sent.
    #[non_exhaustive]
    Configuration {
        /// The builder's method, or the environment variable.
        setting: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A value that every service would reject. Nothing was sent.
    #[non_exhaustive]
    InvalidRequest {
        /// The request's field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The service answered with an error of its own.
    Api(Box<ApiError>),
    /// The answer is not the service's: a proxy's page, a redirect, a broken envelope.
    UnexpectedAnswer(Box<UnexpectedAnswer>),
    /// No connection could be made: name, network, TLS. The service did not see the request.
    #[non_exhaustive]
    Connect {
        /// The innermost reason that the system reports.
        cause: String,
    },
    /// No connection can be made until a setting changes: the certificate is not trusted or is for another host name, or
    /// the proxy requires credentials. Repeating the call does not help.
    #[non_exhaustive]
    ConnectionRejected {
        /// Which of these it is, and the text of the library that reports it.
        cause: String,
    },
    /// The connection broke before the whole answer had arrived.
    #[non_exhaustive]
    Disconnected {
        /// The answer's status, if its head had arrived.
        status: Option<StatusCode>,
        /// The innermost reason that the system reports.
        cause: String,
    },
    /// The whole answer did not arrive within the call's timeout.
    #[non_exhaustive]
    Timeout {
        /// How long the call waited, over all its tries.
        after: Duration,
    },
}

impl Error {
    /// The error code in the answer. Usually the service's; an unexpected answer may have one too.
    #[must_use]
    pub fn code(&self) -> Option<&ErrorCode> {
        match self {
            Self::Api(error) => Some(&error.code),
            Self::UnexpectedAnswer(answer) => answer.code.as_ref(),
            _ => None,
        }
    }

    /// The answer's HTTP status, if there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Api(error) => Some(error.status),
            Self::UnexpectedAnswer(answer) => Some(answer.status),
            Self::Disconnected { status, .. } => *status,
            _ => None,
        }
    }

    /// The request's id. Give it to the people who run the service.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Api(error) => Some(&error.request_id),
            Self::UnexpectedAnswer(answer) => answer.request_id.as_deref(),
            _ => None,
        }
    }

    /// What is wrong with a field of the request, such as `return_url`: according to the service, or to this SDK before
    /// anything was sent.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        match self {
            Self::Api(error) => error.details.get(name).map(String::as_str),
            Self::InvalidRequest { field, problem } if *field == name => Some(problem),
            _ => None,
        }
    }

    /// How long the answer asks to wait before the next request.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after,
            Self::UnexpectedAnswer(answer) => answer.retry_after,
            _ => None,
        }
    }

    /// The answer's headers, if a whole answer arrived.
    #[must_use]
    pub fn headers(&self) -> Option<&HeaderMap> {
        match self {
            Self::Api(error) => Some(error.headers()),
            Self::UnexpectedAnswer(answer) => Some(answer.headers()),
            _ => None,
        }
    }

    /// Whether the same call may succeed later. The client has already made the retries that its settings allow.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Configuration { .. }
            | Self::InvalidRequest { .. }
            | Self::ConnectionRejected { .. } => false,
            Self::Connect { .. } | Self::Disconnected { .. } | Self::Timeout { .. } => true,
            Self::Api(_) | Self::UnexpectedAnswer(_) => self.is_retryable_answer(),
        }
    }

    /// The code decides, and the status if the code is unknown.
    fn is_retryable_answer(&self) -> bool {
        match self.code() {
            Some(
                ErrorCode::RequestTimeout
                | ErrorCode::RateLimited
                | ErrorCode::Internal
                | ErrorCode::ServiceUnavailable,
            ) => true,
            // The service says how long to wait if waiting helps.
            Some(ErrorCode::BillingPortalUnavailable) => self.retry_after().is_some(),
            Some(ErrorCode::Unknown(_)) | None => self.status().is_some_and(is_retryable_status),
            Some(_) => false,
        }
    }

    /// Whether the call's time ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }

    /// Whether the connection failed, rather than the answer being an error.
    pub(crate) fn is_transport(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. } | Self::Disconnected { .. } | Self::Timeout { .. }
        )
    }

    /// Where the service's reference explains the code and what to do. `None` if the answer is not the service's error.
    #[must_use]
    pub fn help_url(&self) -> Option<&str> {
        match self {
            Self::Api(error) => Some(error.help_url()),
            _ => None,
        }
    }

    pub(crate) fn configuration(setting: &'static str, problem: impl Into<String>) -> Self {
        Self::Configuration {
            setting,
            problem: problem.into(),
        }
    }
}

/// The statuses that usually pass: for answers without a known code.
fn is_retryable_status(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration { setting, problem } => {
                write!(f, "billing portal client: {setting} {problem}")
            }
            Self::InvalidRequest { field, problem } => {
                write!(f, "{field} {problem}; nothing was sent")
            }
            Self::Api(error) => error.fmt(f),
            Self::UnexpectedAnswer(answer) => answer.fmt(f),
            Self::Connect { cause } | Self::ConnectionRejected { cause } => write!(
                f,
                "could not connect to the billing portal service: {cause}"
            ),
            Self::Disconnected {
                status: Some(status),
                cause,
            } => {
                write!(
                    f,
                    "the connection broke during an answer with status {}: {cause}",
                    status.as_u16()
                )
            }
            Self::Disconnected {
                status: None,
                cause,
            } => write!(f, "the connection broke before an answer: {cause}"),
            Self::Timeout { after } => {
                write!(
                    f,
                    "no answer from the billing portal service within {:.1} s",
                    after.as_secs_f64()
                )
            }
        }
    }
}

impl std::error::Error for Error {}

/// Lets the builder take a key that is already checked: converting it cannot fail.
impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}
