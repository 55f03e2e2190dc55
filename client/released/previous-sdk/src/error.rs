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
    /// The service's error code, if the service answered.
    #[must_use]
    pub fn code(&self) -> Option<&ErrorCode> {
        match self {
            Self::Api(error) => Some(&error.code),
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
            Self::Configuration { .. } | Self::InvalidRequest { .. } => false,
            Self::Connect { .. } | Self::Disconnected { .. } | Self::Timeout { .. } => true,
            Self::UnexpectedAnswer(answer) => is_retryable_status(answer.status),
            Self::Api(error) => match error.code {
                ErrorCode::RequestTimeout
                | ErrorCode::RateLimited
                | ErrorCode::Internal
                | ErrorCode::ServiceUnavailable => true,
                // The service says how long to wait if waiting helps.
                ErrorCode::BillingPortalUnavailable => error.retry_after.is_some(),
                ErrorCode::Unknown(_) => is_retryable_status(error.status),
                _ => false,
            },
        }
    }

    /// Whether the call's time ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }

    pub(crate) fn configuration(setting: &'static str, problem: impl Into<String>) -> Self {
        Self::Configuration {
            setting,
            problem: problem.into(),
        }
    }

    /// The error that reqwest reports; `status` is the answer's, if its head had arrived.
    pub(crate) fn transport(
        error: &reqwest::Error,
        status: Option<StatusCode>,
        after: Duration,
    ) -> Self {
        if error.is_timeout() {
            Self::Timeout { after }
        } else if error.is_connect() {
            Self::Connect {
                cause: root_cause(error),
            }
        } else {
            Self::Disconnected {
                status,
                cause: root_cause(error),
            }
        }
    }
}

/// The statuses that usually pass: for answers without a known code.
fn is_retryable_status(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// The innermost of a chain of errors: the outer ones only say that something was being sent.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
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
            Self::Connect { cause } => write!(
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
