//! The service's own errors, which arrive in its envelope.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::error_code::ErrorCode;
use crate::text::one_line;

/// An error that the service answered, in its envelope.
#[derive(Clone)]
#[non_exhaustive]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// What went wrong, for programs.
    pub code: ErrorCode,
    /// What went wrong, for people.
    pub message: String,
    /// The request's id. Give it to the people who run the service.
    pub request_id: String,
    /// With [`ErrorCode::ValidationFailed`], each wrong field and what is wrong with it.
    pub details: BTreeMap<String, String>,
    /// How long the service asks to wait before the next request.
    pub retry_after: Option<Duration>,
    pub(crate) excerpt: String,
    pub(crate) headers: HeaderMap,
    pub(crate) help_url: String,
}

impl ApiError {
    /// The answer's headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Where the service's reference explains the code and what to do about it.
    #[must_use]
    pub fn help_url(&self) -> &str {
        &self.help_url
    }

    /// The beginning of the body as it arrived, at most 512 characters: for fields that this version of the SDK does
    /// not know. It is not printed with the error.
    #[must_use]
    pub fn excerpt(&self) -> &str {
        &self.excerpt
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}: {}",
            self.status.as_u16(),
            one_line(self.code.as_str()),
            one_line(&self.message)
        )?;
        for (field, problem) in &self.details {
            write!(f, "; {}: {}", one_line(field), one_line(problem))?;
        }
        write!(f, " (request {})", one_line(&self.request_id))
    }
}

/// Leaves out the headers and the excerpt: they may hold anything.
impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError")
            .field("status", &self.status)
            .field("code", &self.code)
            .field("message", &self.message)
            .field("request_id", &self.request_id)
            .field("details", &self.details)
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}
