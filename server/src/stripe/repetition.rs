//! Opens one session for a request and its repetitions, on every instance, although nothing is stored: they use the same
//! idempotency key at Stripe, which repeats its response.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{
    answer::{Answer, is_success},
    call::Call,
    cause::UpstreamCause,
    client::{CALL_DEADLINE, Stripe},
    error::StripeError,
    response::StripeResponse,
    session_response::Session,
};

/// The oldest session, in seconds by Stripe's clock, whose URL is repeated. Keys differ from minute to minute; this holds
/// also while the clocks of two instances differ.
const MAX_AGE_SECONDS: i64 = 60;

/// How many keys are tried if what Stripe repeats cannot be used: a failure that it stored, or a session that is too old.
/// Each further key is needed only if the one before was used up within the same minute. A request that fails itself uses
/// up one.
const MAX_GENERATIONS: u32 = 5;

/// The wait before the next look at a request whose first copy is still being executed at Stripe, and the longest one: it
/// doubles, because each look is a call. Opening a session takes Stripe about half a second.
const WAIT_FOR_FIRST: Duration = Duration::from_millis(200);
const MAX_WAIT_FOR_FIRST: Duration = Duration::from_millis(500);

/// What the repetitions of one request have in common. Another key, body or minute is another request.
#[derive(Clone, Copy)]
pub(crate) struct Repetition<'a> {
    /// The id of the API key.
    pub key_id: &'a str,
    /// The caller's `Idempotency-Key`.
    pub idempotency_key: &'a str,
    /// The SHA-256 of the request's body.
    pub body: &'a [u8; 32],
    /// When the request arrived. Only its minute counts.
    pub received_at: DateTime<Utc>,
}

impl Stripe {
    /// Makes the call once for all copies of the request, with a key of theirs. The call's own key is used if nothing that
    /// Stripe repeats can be used.
    pub(super) async fn call_for_repetition(
        &self,
        repetition: &Repetition<'_>,
        call: &Call,
    ) -> Result<Answer, StripeError> {
        let deadline = self.clock.instant() + CALL_DEADLINE;
        for generation in 0..MAX_GENERATIONS {
            let secret = self.transport.config().secret_key.expose();
            let shared = Call {
                idempotency_key: repetition.key_at_stripe(secret, &call.form, generation),
                has_copies: true,
                ..call.clone()
            };
            match self.call_after_first(&shared, deadline).await {
                Ok(answer) if self.is_usable(&answer.response) => return Ok(answer),
                Err(error) if !error.replayed => return Err(error),
                _ => {}
            }
        }
        self.call_before(call, deadline).await
    }

    /// Makes the call. While Stripe executes another call with this key, it waits for that one's result.
    async fn call_after_first(
        &self,
        call: &Call,
        deadline: Instant,
    ) -> Result<Answer, StripeError> {
        let mut wait = WAIT_FOR_FIRST;
        loop {
            let result = self.call_before(call, deadline).await;
            let is_in_use = matches!(&result, Err(error) if error.cause == UpstreamCause::Conflict);
            if !is_in_use || self.clock.instant() + wait >= deadline {
                return result;
            }
            tokio::time::sleep(wait).await;
            wait = MAX_WAIT_FOR_FIRST.min(wait * 2);
        }
    }

    /// Whether the response is the result of this call, or a young session that an earlier one has opened.
    fn is_usable(&self, response: &StripeResponse) -> bool {
        if !response.replayed {
            return true;
        }
        // Both times are Stripe's. It sends `Date` with every response.
        let now = response.date().unwrap_or_else(|| self.clock.now());
        let session = Session::parse(&response.body);
        let created = session.and_then(|session| session.created());
        let age = created.map(|created| now.timestamp() - created.timestamp());
        is_success(response) && age.is_some_and(|age| age <= MAX_AGE_SECONDS)
    }
}

impl Repetition<'_> {
    /// The key at Stripe. Nobody can compute it without the secret, and all instances compute the same. It depends on
    /// everything that Stripe gets, because Stripe refuses a key that it knows with another form.
    fn key_at_stripe(&self, secret: &str, form: &[u8], generation: u32) -> String {
        let minute = self.received_at.timestamp().div_euclid(60);
        let numbers = [minute.to_be_bytes(), i64::from(generation).to_be_bytes()];
        let own = [
            self.key_id.as_bytes(),
            self.idempotency_key.as_bytes(),
            self.body,
        ];
        let parts = own
            .into_iter()
            .chain(numbers.iter().map(<[u8; 8]>::as_slice));
        let key = keyed_hash(&derived_secret(secret), parts.chain([form]));
        let hex = |hex: String, byte: &u8| hex + &format!("{byte:02x}");
        key.iter().fold("billing-portal-".to_owned(), hex)
    }
}

/// A secret for idempotency keys alone, so that a key that leaks reveals nothing about Stripe's secret.
fn derived_secret(stripe_secret: &str) -> [u8; 32] {
    let purpose = b"billing-portal idempotency keys".as_slice();
    keyed_hash(stripe_secret.as_bytes(), [purpose].into_iter())
}

/// The HMAC-SHA-256 of the parts, each with its length before it, so that no two lists of parts are the same bytes.
fn keyed_hash<'a>(secret: &[u8], parts: impl Iterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hash =
        Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a secret of any length");
    for part in parts {
        hash.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into_bytes().into()
}
