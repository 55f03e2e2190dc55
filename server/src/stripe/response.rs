//! A response of Stripe, and what its refusals mean.

use std::{fmt, ops::Deref, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use super::{cause::UpstreamCause, error::StripeError};
use crate::ids::is_stripe_id_byte;

/// The reason of a refusal because the account has no default portal configuration.
pub(super) const NO_DEFAULT_CONFIGURATION: &str = "portal_not_configured";

/// A response of Stripe.
#[derive(Debug)]
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
    /// The time at Stripe.
    pub date: Option<DateTime<Utc>>,
    /// The JSON, or null if the body is not JSON.
    pub body: Body,
}

/// The JSON of a response. The URL of a portal, which it may have, is wiped from memory after use.
#[derive(Default)]
pub(super) struct Body(Value);

impl Body {
    /// What is not JSON becomes null. The bytes are wiped.
    pub(super) fn parse(bytes: Vec<u8>) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self(serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}

impl Deref for Body {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(Value::String(url)) = self.0.get_mut("url") {
            url.zeroize();
        }
    }
}

impl StripeResponse {
    /// A field of Stripe's error object, `""` if there is none.
    pub(super) fn error(&self, field: &str) -> &str {
        self.body["error"][field].as_str().unwrap_or_default()
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
    pub(super) fn success(&self) -> Result<&Value, StripeError> {
        match self.status {
            200..300 if self.body.is_object() => Ok(&self.body),
            200..300 => Err(self.failure(UpstreamCause::InvalidResponse, "invalid_json")),
            _ => Err(self.refusal()),
        }
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
            400 if self.body.is_null() => (Cause::BadRequest, "unparsable"),
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

/// The longest word from Stripe that is logged, in bytes. Its codes and ids are shorter.
const MAX_WORD_BYTES: usize = 64;

/// The text, if it may be logged: short, of allowed bytes only, and nothing that looks like a secret.
pub(super) fn loggable(text: &str, is_allowed: fn(u8) -> bool) -> Option<&str> {
    let kinds = ["sk_", "rk_", "am_", "whsec_"];
    let secret = kinds
        .iter()
        .any(|kind| text.to_ascii_lowercase().contains(kind));
    let short = text.len() <= MAX_WORD_BYTES;
    (short && !secret && text.bytes().all(is_allowed)).then_some(text)
}

/// The characters of Stripe's codes, types and parameter names.
fn is_word_byte(byte: u8) -> bool {
    is_stripe_id_byte(byte) || b".-[]".contains(&byte)
}
