//! Everything that we ask of Stripe. reqwest is used here and nowhere else in the service.
//!
//! Invariants: nothing that Stripe wrote reaches a caller, but the portal's URL on success; its free text and the
//! URL reach no log. A call is never repeated with another idempotency key, nor beyond its deadline.

mod answer;
mod attempt;
mod cause;
mod customers;
mod failure;
mod gate;
mod portal_configuration;
mod probe;
mod resolver;
mod session;
mod verification;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use answer::Answer;
use attempt::{ATTEMPT_TIMEOUT, Call, Transport};
pub(crate) use cause::{Unavailable, UpstreamCause};
pub(crate) use customers::{Cursor, CustomerPage, StripeCustomer};
use failure::Failure;
use gate::Gate;
pub(crate) use portal_configuration::Verification;
pub(crate) use probe::{Probe, Stage};
/// The connections to Stripe could not be set up.
pub(crate) use reqwest::Error as SetupError;
pub use resolver::Resolver;
pub(crate) use session::{OpenedSession, SessionError};
pub(crate) use verification::Promise;

use crate::{
    clock::Clock,
    config::{Settings, StripeSettings},
    metrics::Metrics,
};

/// How long a call may take, all tries and waits together, that for its turn included.
const CALL_DEADLINE: Duration = Duration::from_secs(10);
const MAX_TRIES: u32 = 3;
/// The wait before the first and the longest wait before any retry, before jitter.
const BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// Stripe, as this deployment reaches it.
#[derive(Debug)]
pub(crate) struct Stripe {
    transport: Transport,
    gate: Gate,
    clock: Clock,
    metrics: Arc<Metrics>,
    promise: Promise,
    missing: session::MissingCustomers,
}

impl Stripe {
    /// Connects to nothing yet.
    pub(crate) fn new(
        stripe: StripeSettings,
        settings: &Settings,
        clock: Clock,
        resolver: Resolver,
        metrics: Arc<Metrics>,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            transport: Transport::new(stripe, resolver)?,
            gate: Gate::new(
                settings.stripe_max_in_flight,
                settings.stripe_rate_limit,
                clock.clone(),
            ),
            clock,
            metrics,
            promise: Promise::default(),
            missing: session::MissingCustomers::default(),
        })
    }

    /// The state of the promise about the portal's features.
    pub(crate) fn promise(&self) -> &Promise {
        &self.promise
    }

    /// Whether the portal configuration is known to keep the promise.
    pub(crate) fn keeps_promise(&self) -> bool {
        self.promise.require_kept(self.clock.instant()).is_ok()
    }

    /// Has the portal configuration looked at, because it may have been changed.
    pub(crate) fn doubt_promise(&self) {
        self.promise.doubt(self.clock.instant());
    }

    /// Whether calls go out at present.
    pub(crate) fn is_reachable(&self) -> bool {
        self.gate.is_open()
    }

    /// Whether the last call succeeded, as far as that says whether Stripe is there for us.
    pub(crate) fn is_well(&self) -> bool {
        self.gate.is_well()
    }

    /// Calls under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.gate.in_flight()
    }

    /// Makes a call, reads its answer, and counts it.
    async fn ask<T>(
        &self,
        endpoint: &'static str,
        call: &Call,
        read: impl FnOnce(&Answer) -> Result<T, Unavailable>,
    ) -> Result<T, Unavailable> {
        let began = self.clock.instant();
        let read = self.call(call).await.and_then(|answer| read(&answer));
        let outcome = match &read {
            Ok(_) => Outcome::Done,
            Err(failure) => Outcome::Failed(failure.cause),
        };
        self.count(endpoint, outcome, began);
        read
    }

    fn count(&self, endpoint: &'static str, outcome: Outcome, began: Instant) {
        let elapsed = self.clock.instant().duration_since(began);
        self.metrics.stripe_call(endpoint, outcome.words(), elapsed);
    }

    /// Makes a call with its retries. `Ok` is any answer that says something about what was asked.
    async fn call(&self, call: &Call) -> Result<Answer, Unavailable> {
        let deadline = self.clock.instant() + CALL_DEADLINE;
        let pass = self.gate.enter().await?;
        let result = self.tries(call, deadline).await;
        match &result {
            Err(failure) if failure.cause.means_down() => pass.failed(failure.cause),
            Ok(Answer { status: 401, .. }) => pass.failed(UpstreamCause::CredentialsRefused),
            Ok(Answer { status: 403, .. }) => pass.failed(UpstreamCause::Permission),
            _ => pass.succeeded(),
        }
        result.map_err(|failure| {
            if let (UpstreamCause::RateLimited, Some(wait)) = (failure.cause, failure.retry_after) {
                self.gate.pause(wait);
            }
            failure.into()
        })
    }

    async fn tries(&self, call: &Call, deadline: Instant) -> Result<Answer, Failure> {
        let mut backoff = BACKOFF;
        let mut tried = 0;
        loop {
            tried += 1;
            let began = self.clock.instant();
            let outcome = self
                .transport
                .attempt(call, deadline.duration_since(began))
                .await;
            self.log_attempt(call, tried, began, &outcome);
            let (failure, answer) = match outcome {
                Ok(answer) if is_final(&answer) => return Ok(answer),
                Ok(answer) => (Failure::from(&answer), Some(answer)),
                Err(failure) => (failure, None),
            };
            let wait = failure.retry_after.unwrap_or_else(|| self.jitter(backoff));
            let fits = self.clock.instant() + wait + ATTEMPT_TIMEOUT <= deadline;
            if !failure.retry || tried == MAX_TRIES || !fits || !self.gate.may_retry() {
                // Stripe asked for another try of what no try will change: its answer is the answer.
                return answer.filter(|answer| !is_transient(answer)).ok_or(failure);
            }
            self.note_retry(&failure, tried, wait);
            tokio::time::sleep(wait).await;
            if !self.gate.is_within_rate().await {
                return Err(failure);
            }
            backoff = MAX_BACKOFF.min(backoff * 2);
        }
    }

    /// Full jitter: anything up to `ceiling`, so that callers who failed together do not come back together.
    fn jitter(&self, ceiling: Duration) -> Duration {
        ceiling
            .mul_f64(f64::from(u16::from_le_bytes(self.clock.random_bytes())) / f64::from(u16::MAX))
    }

    fn log_attempt(
        &self,
        call: &Call,
        attempt: u32,
        began: Instant,
        outcome: &Result<Answer, Failure>,
    ) {
        let elapsed = self.clock.instant().duration_since(began);
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let idempotency_key = &call.idempotency_key;
        match outcome {
            Ok(answer) => tracing::info!(
                event = "stripe_call",
                path = call.path,
                attempt,
                idempotency_key,
                elapsed_ms,
                upstream_status = answer.status,
                stripe_request_id = answer.request_id,
                stripe_type = answer.word("type"),
                stripe_code = answer.word("code"),
                stripe_param = answer.word("param"),
            ),
            Err(failure) => tracing::warn!(
                event = "stripe_call",
                path = call.path,
                attempt,
                idempotency_key,
                elapsed_ms,
                upstream_status = failure.upstream_status,
                stripe_request_id = failure.stripe_request_id,
                upstream_cause = failure.cause.as_str(),
                reason = failure.reason,
            ),
        }
    }

    fn note_retry(&self, failure: &Failure, attempt: u32, wait: Duration) {
        self.metrics.stripe_retry(failure.cause.as_str());
        let (event, reason) = ("stripe_retry", failure.reason.as_str());
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        if failure.cause == UpstreamCause::Closed {
            // A kept connection that Stripe closed as we used it is no news.
            tracing::info!(event, reason, attempt, wait_ms);
        } else {
            tracing::warn!(event, reason, attempt, wait_ms);
        }
    }
}

/// How a call ended, for the metrics.
enum Outcome {
    /// Stripe did what it was asked.
    Done,
    /// Stripe said no to what was asked, with this word for it.
    Refused(&'static str),
    /// The call failed.
    Failed(UpstreamCause),
}

impl Outcome {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Done => ("done", ""),
            Self::Refused(word) => ("refused", word),
            Self::Failed(cause) => ("failed", cause.as_str()),
        }
    }
}

/// Whether no other try would say more.
fn is_final(answer: &Answer) -> bool {
    let succeeded = (200..300).contains(&answer.status);
    succeeded || (answer.should_retry != Some(true) && !is_transient(answer))
}

/// Whether the answer says something about Stripe's state rather than about what was asked.
fn is_transient(answer: &Answer) -> bool {
    matches!(answer.status, 409 | 429 | 500..600) || answer.error("code") == "rate_limit"
}
