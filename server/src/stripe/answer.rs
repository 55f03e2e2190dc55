//! What Stripe answered, and what its refusals mean.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::cause::{Unavailable, UpstreamCause};
use crate::ids::is_stripe_id_byte;

/// What Stripe answered.
#[derive(Debug)]
pub(super) struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Stripe's id of the request, for our log and their support.
    pub request_id: String,
    /// Stripe's own word on whether to try again.
    pub should_retry: Option<bool>,
    /// How long Stripe asks to wait.
    pub retry_after: Option<Duration>,
    /// Whether this is the answer of an earlier try under the same key.
    pub replayed: bool,
    /// What time it is at Stripe.
    pub date: Option<DateTime<Utc>>,
    /// The JSON, or null where it is none.
    pub body: Value,
}

impl Answer {
    /// A field of Stripe's error object, `""` where there is none.
    pub(super) fn error(&self, field: &str) -> &str {
        self.body["error"][field].as_str().unwrap_or_default()
    }

    /// The same for the log: a word as Stripe writes them, or that it was none. Whoever answers for Stripe could put
    /// anything there.
    pub(super) fn word(&self, field: &str) -> &str {
        readable(self.error(field), is_word).unwrap_or("unreadable")
    }

    /// Whether Stripe does not have what the parameter names. It answers 400 to an id in the form, 404 to one in the
    /// path.
    pub(super) fn is_missing(&self, param: &str) -> bool {
        matches!(self.status, 400 | 404)
            && self.error("code") == "resource_missing"
            && self.error("param") == param
    }

    /// Whether what is missing is there in the other mode, which only the text tells.
    pub(super) fn is_of_the_other_mode(&self) -> bool {
        self.error("message").contains("a similar object exists in")
    }

    /// The object that was asked for.
    pub(super) fn success(&self) -> Result<&Value, Unavailable> {
        match self.status {
            200..300 if self.body.is_object() => Ok(&self.body),
            200..300 => Err(self.failure(UpstreamCause::InvalidResponse, "invalid_json")),
            _ => Err(self.refusal()),
        }
    }

    /// A failure for this cause. `reason` says more of it in a word; `""`: Stripe's code does, if it gave one.
    pub(super) fn failure(&self, cause: UpstreamCause, reason: &str) -> Unavailable {
        let words = [reason, self.word("code"), cause.as_str()];
        let word = words.into_iter().find(|word| !word.is_empty());
        Unavailable {
            reason: word.unwrap_or_default().to_owned(),
            stripe_request_id: self.request_id.clone(),
            ..Unavailable::after(cause, self.retry_after)
        }
    }

    /// What a refusal means. Decided by status, code and param; Stripe's text is for people, but for what nothing
    /// else tells apart.
    pub(super) fn refusal(&self) -> Unavailable {
        let (cause, reason) = match (self.status, self.error("code")) {
            (400 | 404, "resource_missing") if self.is_of_the_other_mode() => {
                (UpstreamCause::ModeMismatch, "")
            }
            _ if self.is_missing("configuration") => {
                (UpstreamCause::ConfigurationMissing, "configuration")
            }
            (400, _)
                if self
                    .error("message")
                    .contains("default configuration has not been created") =>
            {
                (UpstreamCause::ConfigurationMissing, "portal_not_configured")
            }
            (400, _) if self.error("type") == "idempotency_error" => {
                (UpstreamCause::IdempotencyMisuse, "")
            }
            (400, _) if self.body.is_null() => (UpstreamCause::BadRequest, "unparsable"),
            (400, _) => (UpstreamCause::BadRequest, ""),
            (401, _) => (UpstreamCause::CredentialsRefused, ""),
            (403, _) => (UpstreamCause::Permission, ""),
            (424, _) => (UpstreamCause::DependencyFailed, ""),
            (300..400, _) => (UpstreamCause::Redirect, ""),
            _ => (UpstreamCause::UnexpectedStatus, ""),
        };
        self.failure(cause, reason)
    }
}

const MAX_WORD_LENGTH: usize = 64;

/// The text, if it is short, of these characters, and nothing that may be a secret.
pub(super) fn readable(text: &str, is_part: fn(u8) -> bool) -> Option<&str> {
    let kinds = ["sk_", "rk_", "am_", "whsec_"];
    let secret = kinds
        .iter()
        .any(|kind| text.to_ascii_lowercase().contains(kind));
    let short = text.len() <= MAX_WORD_LENGTH;
    (short && !secret && text.bytes().all(is_part)).then_some(text)
}

/// What codes, types and the names of parameters are made of.
fn is_word(byte: u8) -> bool {
    is_stripe_id_byte(byte) || b".-[]".contains(&byte)
}
