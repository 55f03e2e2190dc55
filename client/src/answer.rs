//! Answers that are not a session: the service's own errors, and what somebody else sent in its place.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http::header::{CONTENT_TYPE, DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::generated::types::{ErrorBody, ErrorEnvelope};
use crate::{ApiKey, Error, ErrorCode};

/// How much of a strange body is kept.
const EXCERPT_CHARACTERS: usize = 512;

/// An answer as it came from the wire, its body read within bounds.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Empty for a success: it may hold a portal's URL, and the generated code has it.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The error that this answer is: the service's, if the body is its envelope, else a stranger's.
    pub(crate) fn into_error(self, key: &ApiKey) -> Error {
        match serde_json::from_slice::<ErrorEnvelope>(&self.body) {
            Ok(envelope) if !envelope.success => self.into_api_error(envelope.error, key),
            _ => self.into_unexpected("without the service's envelope", key),
        }
    }

    fn into_api_error(self, error: ErrorBody, key: &ApiKey) -> Error {
        Error::Api(Box::new(ApiError {
            status: self.status,
            code: ErrorCode::from(error.code.as_str()),
            message: error.message,
            request_id: error.request_id,
            details: error.details,
            retry_after: self.retry_after(),
            excerpt: self.excerpt(key),
            headers: self.headers,
        }))
    }

    /// An answer that the service cannot have meant.
    pub(crate) fn into_unexpected(self, problem: &'static str, key: &ApiKey) -> Error {
        Error::UnexpectedAnswer(Box::new(UnexpectedAnswer {
            status: self.status,
            problem,
            request_id: self.header("x-request-id").map(str::to_owned),
            retry_after: self.retry_after(),
            excerpt: self.excerpt(key),
            headers: self.headers,
        }))
    }

    /// The body's beginning, without the key, in case somebody sent the request back.
    fn excerpt(&self, key: &ApiKey) -> String {
        // Blotted out before it is cut, so that no half of a key is left at the end.
        let text = key.blot_out(&String::from_utf8_lossy(&self.body));
        text.chars().take(EXCERPT_CHARACTERS).collect()
    }

    /// `Retry-After`, given in seconds or as a date by the clock of whoever answered.
    fn retry_after(&self) -> Option<Duration> {
        let value = self.headers.get(RETRY_AFTER)?;
        if let Some(seconds) = value.to_str().ok().and_then(|text| text.parse().ok()) {
            return Some(Duration::from_secs(seconds));
        }
        let now = self
            .headers
            .get(DATE)
            .and_then(http_date)
            .unwrap_or_else(Utc::now);
        let wait = http_date(value)? - now;
        Some(wait.max(TimeDelta::zero()).to_std().unwrap_or_default())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A header's date, as HTTP spells dates.
pub(crate) fn http_date(value: &HeaderValue) -> Option<DateTime<Utc>> {
    let date = DateTime::parse_from_rfc2822(value.to_str().ok()?);
    date.ok().map(|date| date.to_utc())
}

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
    /// The request's id, to give to whoever runs the service.
    pub request_id: String,
    /// With [`ErrorCode::ValidationFailed`], each wrong field and what is wrong with it.
    pub details: BTreeMap<String, String>,
    /// How long the service asks to wait before the next try.
    pub retry_after: Option<Duration>,
    excerpt: String,
    headers: HeaderMap,
}

impl ApiError {
    /// The answer's headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body's beginning as it came, 512 characters at most: for what this version of the SDK does not know. It is
    /// not printed with the error.
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

/// Without the headers, whose values are anybody's.
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

/// An answer that is not the service's: a proxy's error page, a redirect, an envelope that is broken or too large.
#[derive(Clone)]
#[non_exhaustive]
pub struct UnexpectedAnswer {
    /// The HTTP status.
    pub status: StatusCode,
    /// What is unexpected about it.
    pub problem: &'static str,
    /// `X-Request-Id`, if the answer had one.
    pub request_id: Option<String>,
    /// How long the answer asks to wait before the next try.
    pub retry_after: Option<Duration>,
    excerpt: String,
    headers: HeaderMap,
}

impl UnexpectedAnswer {
    /// The answer's headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body's beginning, 512 characters at most, without your key. Empty for a success: such a body may hold a
    /// portal's URL. Whoever answered wrote this; it is not printed with the error.
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
            "an answer with status {} {} ({content_type})",
            self.status.as_u16(),
            self.problem
        )
    }
}

/// Without the headers and the excerpt, which are anybody's.
impl fmt::Debug for UnexpectedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnexpectedAnswer")
            .field("status", &self.status)
            .field("problem", &self.problem)
            .field("request_id", &self.request_id)
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}

/// Text from the wire with its control characters escaped, so that it cannot start a line of its own in a log.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}
