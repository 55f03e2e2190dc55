//! A request to Stripe that can be sent several times.

use std::borrow::{Borrow, Cow};

use bytes::Bytes;
use hyper::Method;
use url::form_urlencoded::Serializer;

use crate::traces::Steps;

/// Stripe's path for sessions.
pub(super) const SESSIONS: &str = "/v1/billing_portal/sessions";

/// The largest response about one object, in bytes. A session or a configuration has less than 40 KiB.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;
/// The largest page of a list, in bytes: room for a hundred customers with fifty metadata of five hundred characters and
/// more.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// A request that can be sent several times.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// GET or POST.
    pub method: Method,
    /// The path, beginning with `/v1/`, with the query of a GET.
    pub path: Cow<'static, str>,
    /// The encoded form of a POST.
    pub form: Bytes,
    /// The same for all attempts of a POST, so that Stripe executes it once.
    pub idempotency_key: String,
    /// The largest response that is read, in bytes.
    pub max_response_bytes: usize,
    /// Whether a success has a line in the log. The caller logs it otherwise.
    pub logs_success: bool,
    /// Whether another copy of the call may be executed at Stripe. Then a conflict is not retried: its result is waited for.
    pub has_copies: bool,
    /// Where the attempts and the waits are noted, if the call is a part of a request.
    pub steps: Steps,
}

impl Call {
    /// A call that changes nothing.
    pub(super) fn get(path: impl Into<Cow<'static, str>>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            form: Bytes::new(),
            idempotency_key: String::new(),
            max_response_bytes: MAX_RESPONSE_BYTES,
            logs_success: true,
            has_copies: false,
            steps: Steps::default(),
        }
    }

    /// A call for a page of a list.
    pub(super) fn list(path: String) -> Self {
        Self {
            max_response_bytes: MAX_PAGE_BYTES,
            ..Self::get(path)
        }
    }

    /// A call that changes something, once per key.
    pub(super) fn post<I, K, V>(
        path: impl Into<Cow<'static, str>>,
        form: I,
        idempotency_key: String,
    ) -> Self
    where
        I: IntoIterator,
        I::Item: Borrow<(K, V)>,
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let mut encoded = Serializer::new(String::with_capacity(512));
        encoded.extend_pairs(form);
        Self {
            method: Method::POST,
            form: encoded.finish().into(),
            idempotency_key,
            ..Self::get(path)
        }
    }
}
