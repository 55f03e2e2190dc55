//! Makes the calls to Stripe: limits and retries.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    answer::{Answer, is_final, is_success, is_transient, log_failure, milliseconds},
    attempt::{ATTEMPT_TIMEOUT, SetupError, Transport},
    attempt_error::AttemptError,
    attempt_step::end_step,
    breaker::Breaker,
    call::Call,
    call_limiter::CallLimiter,
    call_outcome::CallOutcome,
    cause::UpstreamCause,
    error::StripeError,
    missing_customers::MissingCustomers,
    profile::{self, Profile, Verifications},
    resolver::Resolver,
    response::StripeResponse,
    retry_budget::RetryBudget,
    verification::ConfigurationVerification,
};
use crate::{clock::Clock, config::StripeConfig, metrics::Metrics, traces::StepKind};

/// How long a call may take, with all attempts and waits, including the wait for its permit. Callers commonly give up
/// after ten seconds or more.
pub(super) const CALL_DEADLINE: Duration = Duration::from_secs(10);
/// Attempts of one call: two retries cover a closed connection and one failed server.
const MAX_ATTEMPTS: u32 = 3;
/// The wait before the first retry, before jitter. It doubles with each retry.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// The longest wait before a retry, before jitter, so that the deadline has room for the attempt.
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// Stripe, with the settings of this deployment. A clone shares the connections and the state.
#[derive(Debug, Clone)]
pub(crate) struct Stripe {
    pub(super) transport: Arc<Transport>,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    /// The profile whose portal configuration this client uses, and what is known of the configuration.
    pub(super) profile: Profile,
    pub(super) verification: Arc<ConfigurationVerification>,
    /// The same of the other profiles.
    pub(super) profiles: Arc<Verifications>,
    pub(super) missing: Arc<MissingCustomers>,
    /// The metadata key by which a customer names its organization.
    pub(super) organization_metadata_key: String,
    pub(super) limiter: Arc<CallLimiter>,
    breaker: Arc<Breaker>,
    retry_budget: Arc<RetryBudget>,
}

impl Stripe {
    /// A client that has no connection yet.
    pub(crate) fn new(
        config: StripeConfig,
        clock: Clock,
        resolver: Resolver,
        metrics: Arc<Metrics>,
    ) -> Result<Self, SetupError> {
        let verification = ConfigurationVerification::default();
        Ok(Self {
            profiles: profile::verifications(&config, &verification),
            profile: Profile::of_default(&config),
            verification: Arc::new(verification),
            organization_metadata_key: config.organization_metadata_key.clone(),
            limiter: Arc::new(CallLimiter::of(&config)),
            transport: Arc::new(Transport::new(config, resolver)?),
            breaker: Arc::new(Breaker::new(clock.clone())),
            retry_budget: Arc::default(),
            clock,
            metrics,
            missing: Arc::default(),
        })
    }

    /// The state of the portal configuration's verification.
    pub(crate) fn verification(&self) -> &ConfigurationVerification {
        &self.verification
    }

    /// Whether the portal configuration is verified. Otherwise no portal is opened.
    pub(crate) fn is_configuration_verified(&self) -> bool {
        let now = self.clock.instant();
        self.verification.require_verified(now).is_ok()
    }

    /// Requests a recheck of the portal configuration, because Stripe reported a change of the one with this id. `false`
    /// if others are in use. Before the first verification it is not known which ones are.
    pub(crate) fn recheck_configuration(self: &Arc<Self>, id: &str) -> bool {
        let uses = |stripe: &Arc<Self>| {
            let named = stripe.named_configuration().map(str::to_owned);
            let in_use = named.or_else(|| stripe.verification.managed_id());
            in_use.is_none_or(|in_use| in_use == id)
        };
        let mut using = self.for_each_profile();
        using.retain(uses);
        for stripe in &using {
            stripe.verification.mark_stale(self.clock.instant());
        }
        !using.is_empty()
    }

    /// Whether calls go out: the breaker is closed.
    pub(crate) fn is_breaker_closed(&self) -> bool {
        self.breaker.is_closed()
    }

    /// Whether the last call found Stripe available and our credentials accepted.
    pub(crate) fn last_call_succeeded(&self) -> bool {
        self.breaker.last_call_succeeded()
    }

    /// Requests a second that the instances may send together; 0 without a limit.
    pub(crate) fn rate_limit(&self) -> u32 {
        self.transport.config().requests_per_second
    }

    /// Calls in progress.
    pub(crate) fn in_flight(&self) -> usize {
        self.limiter.in_flight()
    }

    /// Makes a call, reads the response with `read`, and counts the call.
    pub(super) async fn call_and_read<T>(
        &self,
        endpoint: &'static str,
        call: &Call,
        read: impl FnOnce(&StripeResponse) -> Result<T, StripeError>,
    ) -> Result<T, StripeError> {
        let began = self.clock.instant();
        let answer = self.call(call).await;
        let read = answer.and_then(|answer| read(&answer.response));
        let outcome = match &read {
            Ok(_) => CallOutcome::Done,
            Err(error) => CallOutcome::Failed(error.cause),
        };
        self.count(endpoint, &outcome, self.elapsed_since(began));
        read
    }

    pub(super) fn count(&self, endpoint: &'static str, outcome: &CallOutcome, elapsed: Duration) {
        self.metrics
            .stripe_call(endpoint, outcome.labels(), elapsed);
    }

    pub(super) fn elapsed_since(&self, began: Instant) -> Duration {
        self.clock.instant().duration_since(began)
    }

    /// Makes a call with its retries. `Ok` is any response about the request itself, a refusal too.
    pub(super) async fn call(&self, call: &Call) -> Result<Answer, StripeError> {
        let deadline = self.clock.instant() + CALL_DEADLINE;
        self.call_before(call, deadline).await
    }

    /// The same, with the deadline of a series of calls.
    pub(super) async fn call_before(
        &self,
        call: &Call,
        deadline: Instant,
    ) -> Result<Answer, StripeError> {
        // Before the wait for the permit: if the caller disconnects while waiting, the pass is dropped, and the breaker
        // does not wait for a probe that never comes.
        let pass = self.breaker.pass()?;
        self.retry_budget.record_call(self.clock.instant());
        let began = self.clock.instant();
        let wait = call.steps.begin(|| StepKind::StripeWait);
        let permit = self.limiter.acquire().await;
        let refused = UpstreamCause::CallLimitReached;
        wait.end(permit.is_none().then(|| refused.as_str()));
        let waited = self.elapsed_since(began);
        self.metrics.stripe_wait.observe(waited.as_secs_f64());
        let _permit = permit.ok_or(refused)?;
        let result = self.attempts(call, deadline).await;
        pass.report(&result);
        result.map_err(|error| {
            if let (UpstreamCause::RateLimited, Some(wait)) = (error.cause, error.retry_after) {
                self.breaker.pause(wait);
            }
            error.into()
        })
    }

    async fn attempts(&self, call: &Call, deadline: Instant) -> Result<Answer, AttemptError> {
        let mut backoff = FIRST_BACKOFF;
        let mut attempt = 0;
        let mut failed = None;
        loop {
            attempt += 1;
            self.metrics.stripe_requests.inc();
            let result = self.attempt(call, attempt, deadline).await;
            let (error, answer) = match result {
                Ok(answer) if is_final(&answer.response) => return Ok(answer),
                Ok(answer) => (AttemptError::from(&answer.response), Some(answer)),
                Err(error) => (error, None),
            };
            let wait = error.retry_after.unwrap_or_else(|| self.jitter(backoff));
            if !self.may_retry(call, &error, attempt, wait, deadline) {
                // Stripe asked to retry what no retry changes: then its response is the result.
                return answer
                    .filter(|answer| !is_transient(&answer.response))
                    // What Stripe repeats is the failure of this call, if it made one.
                    .ok_or(failed.filter(|_| error.replayed).unwrap_or(error));
            }
            self.record_retry(&error, attempt, wait);
            if !self.wait_to_retry(wait).await {
                return Err(error);
            }
            backoff = MAX_BACKOFF.min(backoff * 2);
            failed = Some(error);
        }
    }

    async fn attempt(
        &self,
        call: &Call,
        attempt: u32,
        deadline: Instant,
    ) -> Result<Answer, AttemptError> {
        let began = self.clock.instant();
        let left = deadline.duration_since(began);
        let step = self.transport.begin_step(call, attempt);
        let result = self.transport.attempt(call, left).await;
        end_step(step, &result);
        let elapsed = self.elapsed_since(began);
        match result {
            Ok(response) => {
                let answer = Answer {
                    response,
                    attempt,
                    elapsed,
                    idempotency_key: call.idempotency_key.clone(),
                };
                if call.logs_success || !is_success(&answer.response) {
                    answer.log(&call.path);
                }
                Ok(answer)
            }
            Err(error) => {
                log_failure(call, attempt, elapsed, &error);
                Err(error)
            }
        }
    }

    fn may_retry(
        &self,
        call: &Call,
        error: &AttemptError,
        attempt: u32,
        wait: Duration,
        deadline: Instant,
    ) -> bool {
        let now = self.clock.instant();
        // Stripe repeats a stored response to every retry.
        error.retry
            && !error.replayed
            && !(call.has_copies && error.cause == UpstreamCause::Conflict)
            && attempt < MAX_ATTEMPTS
            && now + wait + ATTEMPT_TIMEOUT <= deadline
            && self.retry_budget.try_retry(now)
    }

    /// Waits before a retry; answers whether the rate of calls allows it. One wait for its caller, because what is kept
    /// over several awaits takes memory during all of them.
    async fn wait_to_retry(&self, wait: Duration) -> bool {
        tokio::time::sleep(wait).await;
        self.limiter.wait_for_rate().await
    }

    /// Full jitter: a random wait up to `ceiling`, so that callers that failed together do not retry together.
    fn jitter(&self, ceiling: Duration) -> Duration {
        let random = u16::from_le_bytes(self.clock.random_bytes());
        ceiling.mul_f64(f64::from(random) / f64::from(u16::MAX))
    }

    fn record_retry(&self, error: &AttemptError, attempt: u32, wait: Duration) {
        self.metrics.stripe_retry(error.cause.as_str());
        let (event, reason) = ("stripe_retry", error.reason.as_str());
        let wait_ms = milliseconds(wait);
        if error.cause == UpstreamCause::Closed {
            // Stripe closing an idle pooled connection is expected.
            tracing::info!(event, reason, attempt, wait_ms);
        } else {
            tracing::warn!(event, reason, attempt, wait_ms);
        }
    }
}
