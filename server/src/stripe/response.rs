//! A response of Stripe, and what its refusals mean.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use hyper::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{cause::UpstreamCause, error::StripeError};
use crate::ids::is_stripe_id_byte;

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("stripe-should-retry");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The reason of a refusal because the account has no default portal configuration.
pub(super) const NO_DEFAULT_CONFIGURATION: &str = "portal_not_configured";

/// A response of Stripe.
pub(super) struct StripeResponse {
    /// The HTTP status.
    pub status: u16,
    /// Stripe's id of the request, for our log and Stripe's support.
    pub request_id: String,
    /// Whether Stripe asks to retry: its header `Stripe-Should-Retry`.
    pub should_retry: Option<bool>,
    /// How long Stripe asks to wait before a retry.
    pub retry_after: Option<Duration>,
    /// Whether Stripe repeated its response to an earlier request with the same key.
    pub replayed: bool,
    date: Option<HeaderValue>,
    /// The body of a success, which has not been parsed. It is wiped from memory after use, because it may have the URL
    /// of a portal.
    pub body: Zeroizing<Vec<u8>>,
    /// The body of a refusal, or null if it is not JSON.
    refusal: Value,
}

/// Without the body and the headers.
impl fmt::Debug for StripeResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("StripeResponse");
        shown.field("status", &self.status).finish_non_exhaustive()
    }
}

impl StripeResponse {
    /// What the status and the headers say.
    pub(super) fn without_body(status: u16, headers: &HeaderMap) -> Self {
        let text = |name: &HeaderName| headers.get(name)?.to_str().ok();
        let request_id = text(&REQUEST_ID).and_then(|id| loggable(id, is_stripe_id_byte));
        Self {
            status,
            request_id: request_id.unwrap_or_default().to_owned(),
            should_retry: text(&SHOULD_RETRY).and_then(|word| word.parse().ok()),
            retry_after: text(&RETRY_AFTER).and_then(seconds),
            replayed: text(&REPLAYED) == Some("true"),
            date: headers.get(DATE).cloned(),
            body: Zeroizing::default(),
            refusal: Value::Null,
        }
    }

    /// The response with its body. A refusal is parsed at once, because its fields decide what happens.
    pub(super) fn with_body(self, body: Vec<u8>) -> Self {
        let body = Zeroizing::new(body);
        if (200..300).contains(&self.status) {
            return Self { body, ..self };
        }
        Self {
            refusal: serde_json::from_slice(&body).unwrap_or_default(),
            ..self
        }
    }

    /// The time at Stripe.
    pub(super) fn date(&self) -> Option<DateTime<Utc>> {
        let date = self.date.as_ref()?.to_str().ok()?;
        let date = DateTime::parse_from_rfc2822(date).ok()?;
        Some(date.to_utc())
    }

    /// A field of Stripe's error object, `""` if there is none.
    pub(super) fn error(&self, field: &str) -> &str {
        self.refusal["error"][field].as_str().unwrap_or_default()
    }

    /// The same for the log, or `unreadable`: something that responds in Stripe's place could put anything there.
    pub(super) fn loggable_error(&self, field: &str) -> &str {
        loggable(self.error(field), is_word_byte).unwrap_or("unreadable")
    }

    /// Whether Stripe does not have the object that the parameter names. It answers 400 to an id in the form, 404 to an id
    /// in the path.
    pub(super) fn is_missing(&self, param: &str) -> bool {
        matches!(self.status, 400 | 404)
            && self.error("code") == "resource_missing"
            && self.error("param") == param
    }

    /// Whether the missing object exists in the other mode. Only Stripe's text says so.
    pub(super) fn is_of_other_mode(&self) -> bool {
        self.error("message").contains("a similar object exists in")
    }

    /// The requested object.
    pub(super) fn success(&self) -> Result<Value, StripeError> {
        if !(200..300).contains(&self.status) {
            return Err(self.refusal());
        }
        let object = serde_json::from_slice(&self.body).ok();
        let object = object.filter(Value::is_object);
        object.ok_or_else(|| self.failure(UpstreamCause::InvalidResponse, "invalid_json"))
    }

    /// An error of this cause. `reason` is the cause in more detail, in one word; `""`: Stripe's code, if there is one.
    pub(super) fn failure(&self, cause: UpstreamCause, reason: &str) -> StripeError {
        let words = [reason, self.loggable_error("code"), cause.as_str()];
        let word = words.into_iter().find(|word| !word.is_empty());
        StripeError {
            reason: word.unwrap_or_default().to_owned(),
            stripe_request_id: self.request_id.clone(),
            ..StripeError::new(cause, self.retry_after)
        }
    }

    /// What a refusal means, by its status, code and param; by Stripe's text only where nothing else differs.
    pub(super) fn refusal(&self) -> StripeError {
        use UpstreamCause as Cause;
        let (cause, reason) = match self.status {
            400 | 404 if self.is_missing_in_this_mode() => (Cause::ModeMismatch, ""),
            _ if self.is_missing("configuration") => (Cause::ConfigurationMissing, "configuration"),
            400 if self.lacks_default_configuration() => {
                (Cause::ConfigurationMissing, NO_DEFAULT_CONFIGURATION)
            }
            400 if self.error("type") == "idempotency_error" => (Cause::IdempotencyMisuse, ""),
            400 if self.refusal.is_null() => (Cause::BadRequest, "unparsable"),
            400 => (Cause::BadRequest, ""),
            401 => (Cause::CredentialsRefused, ""),
            403 => (Cause::Permission, ""),
            424 => (Cause::DependencyFailed, ""),
            300..400 => (Cause::Redirect, ""),
            _ => (Cause::UnexpectedStatus, ""),
        };
        self.failure(cause, reason)
    }

    fn is_missing_in_this_mode(&self) -> bool {
        self.error("code") == "resource_missing" && self.is_of_other_mode()
    }

    /// Whether no configuration was sent and the account has no default one.
    fn lacks_default_configuration(&self) -> bool {
        let message = self.error("message");
        message.contains("default configuration has not been created")
    }
}

/// The longest wait that is read from `Retry-After`: a day. A larger number would overflow the arithmetic of deadlines.
const MAX_RETRY_AFTER_SECONDS: u64 = 86_400;

/// A number of seconds, at most [`MAX_RETRY_AFTER_SECONDS`]. A date is not read: Stripe sends numbers.
fn seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Digits that do not fit into the type are a very long wait.
    let seconds = text
        .parse::<u64>()
        .unwrap_or(u64::MAX)
        .min(MAX_RETRY_AFTER_SECONDS);
    is_number.then(|| Duration::from_secs(seconds))
}

/// The longest word from Stripe that is logged, in bytes. Its codes and ids are shorter.
const MAX_WORD_BYTES: usize = 64;

/// The text, if it may be logged: short, of allowed bytes only, and nothing that looks like a secret.
pub(super) fn loggable(text: &str, is_allowed: fn(u8) -> bool) -> Option<&str> {
    let short = text.len() <= MAX_WORD_BYTES;
    (short && text.bytes().all(is_allowed) && !has_secret_prefix(text)).then_some(text)
}

/// Whether a secret of any kind begins anywhere in a short text.
fn has_secret_prefix(text: &str) -> bool {
    let kinds: [&[u8]; 5] = [b"sk_", b"rk_", b"ek_", b"am_", b"whsec_"];
    let ends_with = |begin: &[u8], kind: &[u8]| {
        let at = begin.len().checked_sub(kind.len());
        at.is_some_and(|at| begin[at..].eq_ignore_ascii_case(kind))
    };
    let bytes = text.as_bytes();
    let mut ends = (1..=bytes.len()).filter(|end| bytes[end - 1] == b'_');
    ends.any(|end| kinds.iter().any(|kind| ends_with(&bytes[..end], kind)))
}

/// The characters of Stripe's codes, types and parameter names.
fn is_word_byte(byte: u8) -> bool {
    is_stripe_id_byte(byte) || b".-[]".contains(&byte)
}
