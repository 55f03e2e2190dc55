//! What one request carries, and the answer as it arrived.
//!
//! The generated client hands an `Exchange` to the hooks in `hooks`, which fill it. The generated code forgets the
//! status of an answer that it cannot decode; the exchange keeps it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode};

/// What one request carries, and the answer to it.
#[derive(Clone)]
pub(crate) struct Exchange {
    /// The program's headers for this call.
    pub(crate) headers: HeaderMap,
    pub(crate) authorization: HeaderValue,
    pub(crate) user_agent: HeaderValue,
    /// How long the request and its answer may take.
    pub(crate) timeout: Duration,
    answer: Arc<Mutex<Option<RawResponse>>>,
}

/// An answer as it arrived, its body read within bounds.
#[derive(Clone)]
pub(crate) struct RawResponse {
    /// Where the request was sent.
    pub(crate) url: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Empty for a success: it may hold a portal's URL, and the generated code has it.
    pub(crate) body: Vec<u8>,
    /// `error.code`, if the body has one.
    pub(crate) code: Option<String>,
}

impl Exchange {
    pub(crate) fn new(
        headers: HeaderMap,
        authorization: HeaderValue,
        user_agent: HeaderValue,
        timeout: Duration,
    ) -> Self {
        Self {
            headers,
            authorization,
            user_agent,
            timeout,
            answer: Arc::default(),
        }
    }

    /// The answer, as much of it as arrived. `None` if not even its head did.
    pub(crate) fn take_answer(&self) -> Option<RawResponse> {
        self.answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    pub(crate) fn keep(&self, answer: RawResponse) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }
}

impl RawResponse {
    /// A header's value, if the answer has it and it is ASCII.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}
