//! What the trace of a request says about an attempt. Stripe does not get the ids of traces.

use super::{
    attempt::Transport, attempt_error::AttemptError, call::Call, response::StripeResponse,
};
use crate::traces::{OpenStep, StepKind};

impl Transport {
    /// Begins the step of an attempt; 1 is the first. Requests make no other calls than those for sessions, so that the
    /// URL has no id.
    pub(super) fn begin_step(&self, call: &Call, attempt: u32) -> OpenStep {
        call.steps.begin(|| StepKind::StripeAttempt {
            method: call.method.clone(),
            url: self.sessions().clone(),
            resends: attempt - 1,
            response: None,
        })
    }
}

/// Ends the step of an attempt with its result.
pub(super) fn end_step(step: OpenStep, result: &Result<StripeResponse, AttemptError>) {
    match result {
        Ok(response) => step.end_attempt(Some((response.status, &response.request_id)), None),
        Err(error) => {
            let status = error.upstream_status;
            let answered = status.map(|status| (status, error.stripe_request_id.as_str()));
            step.end_attempt(answered, Some(error.cause.as_str()));
        }
    }
}
