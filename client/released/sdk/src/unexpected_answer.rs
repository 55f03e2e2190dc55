//! An answer that is not in the service's envelope.

use std::fmt;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use crate::error_code::ErrorCode;
use crate::text::one_line;

/// An answer that is not the service's: a proxy's error page, a redirect, an envelope that is broken or too large.
#[derive(Clone)]
#[non_exhaustive]
pub struct UnexpectedAnswer {
    /// The HTTP status.
    pub status: StatusCode,
    /// What is unexpected about it.
    pub problem: &'static str,
    /// `error.code`, if the body has one.
    pub code: Option<ErrorCode>,
    /// `X-Request-Id`, if the answer had one.
    pub request_id: Option<String>,
    /// How long the answer asks to wait before the next request.
    pub retry_after: Option<Duration>,
    pub(crate) excerpt: String,
    pub(crate) headers: HeaderMap,
}

impl UnexpectedAnswer {
    /// The answer's headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The beginning of the body, at most 512 characters, without your key. Empty for a success, whose body may hold a
    /// portal's URL. The text comes from an unknown server, so it is not printed with the error.
    #[must_use]
    pub fn excerpt(&self) -> &str {
        &self.excerpt
    }
}

impl fmt::Display for UnexpectedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content_type = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or("no content type");
        write!(
            f,
            "an answer with status {} {}",
            self.status.as_u16(),
            self.problem
        )?;
        if let Some(code) = &self.code {
            write!(f, ", with the code {}", one_line(code.as_str()))?;
        }
        write!(f, " ({content_type})")
    }
}

/// Leaves out the headers and the excerpt: they may hold anything.
impl fmt::Debug for UnexpectedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnexpectedAnswer")
            .field("status", &self.status)
            .field("problem", &self.problem)
            .field("code", &self.code)
            .field("request_id", &self.request_id)
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}
