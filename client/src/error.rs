//! Why a call gave no session.
//!
//! Nothing here shows a secret: not in `Display`, not in `Debug`. What a stranger's answer held (headers, an excerpt of
//! its body) can be asked for but is never printed by itself.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::answer::{ApiError, UnexpectedAnswer};
use crate::{ErrorCode, retry};

/// Why a call gave no session.
///
/// `Display` is one line, fit for a log. To decide what to do, ask for the [`code`](Error::code) first:
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
    /// A value that the service could only refuse. Nothing was sent.
    #[non_exhaustive]
    InvalidRequest {
        /// The request's field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The service answered with an error of its own.
    Api(Box<ApiError>),
    /// Something answered, but not as the service does: a proxy's page, a redirect, a broken envelope.
    UnexpectedAnswer(Box<UnexpectedAnswer>),
    /// No connection could be made: name, network, TLS. The service saw nothing.
    #[non_exhaustive]
    Connect {
        /// Why not.
        cause: String,
    },
    /// The connection broke before the whole answer was there.
    #[non_exhaustive]
    Disconnected {
        /// The answer's status, where that had come.
        status: Option<StatusCode>,
        /// How it broke.
        cause: String,
    },
    /// No whole answer came within the call's timeout.
    #[non_exhaustive]
    Timeout {
        /// How long the call waited, over all its tries.
        after: Duration,
    },
}

impl Error {
    /// The service's error code, if it was the service that answered.
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

    /// The request's id, to give to whoever runs the service.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Api(error) => Some(&error.request_id),
            Self::UnexpectedAnswer(answer) => answer.request_id.as_deref(),
            _ => None,
        }
    }

    /// What is wrong with a field of the request, such as `return_url`: said by the service, or by this SDK before
    /// anything was sent.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        match self {
            Self::Api(error) => error.details.get(name).map(String::as_str),
            Self::InvalidRequest { field, problem } if *field == name => Some(problem),
            _ => None,
        }
    }

    /// How long the answer asks to wait before the next try.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after,
            Self::UnexpectedAnswer(answer) => answer.retry_after,
            _ => None,
        }
    }

    /// The answer's headers, if a whole answer came.
    #[must_use]
    pub fn headers(&self) -> Option<&HeaderMap> {
        match self {
            Self::Api(error) => Some(error.headers()),
            Self::UnexpectedAnswer(answer) => Some(answer.headers()),
            _ => None,
        }
    }

    /// Whether the same call may succeed later. The client has then already tried as often as it was told to.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        retry::is_retryable(self)
    }

    /// Whether time ran out.
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

    /// What reqwest reports; `status` is the answer's, where its head had come.
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

/// Lets the builder take a key that is already checked where it takes one that it must check.
impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}
