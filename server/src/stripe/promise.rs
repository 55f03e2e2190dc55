//! Whether the promise that the portal changes no plans is known to be kept. While it is not, no portal is opened.

use std::{
    sync::{PoisonError, RwLock},
    time::{Duration, Instant},
};

use super::UpstreamCause;

/// How long a verification is believed. It is made every ten minutes, and while it fails every half.
const BELIEVED_FOR: Duration = Duration::from_mins(15);
/// How long it is believed after Stripe has told of a change.
const DOUBTED_FOR: Duration = Duration::from_secs(5);

/// Whether the promise is known to be kept, and by which configuration.
#[derive(Debug, Default)]
pub struct Promise {
    state: RwLock<State>,
    /// Rings when the configuration should be looked at before its time.
    pub in_doubt: tokio::sync::Notify,
}

#[derive(Debug, Clone, Default)]
enum State {
    /// It was not looked at yet, or could not be.
    #[default]
    Unknown,
    /// The configuration of this id keeps it, until then as far as is known.
    Kept(String, Instant),
    /// The configuration breaks it.
    Broken,
}

impl Promise {
    /// The id of the verified configuration, or why there is none; no portal is opened then.
    pub fn require_kept(&self, now: Instant) -> Result<String, UpstreamCause> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Kept(id, until) if now < *until => Ok(id.clone()),
            State::Broken => Err(UpstreamCause::ConfigurationViolation),
            State::Kept(..) | State::Unknown => Err(UpstreamCause::ConfigurationUnverified),
        }
    }

    /// Has the configuration looked at, because it may have been changed. If that cannot be done soon, the operation
    /// closes.
    pub fn doubt(&self, now: Instant) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if let State::Kept(_, until) = &mut *state {
            *until = (*until).min(now + DOUBTED_FOR);
        }
        self.in_doubt.notify_one();
    }

    /// Closes the operation until the configuration has been verified again.
    pub(super) fn break_because(&self, reason: &'static str) {
        tracing::error!(event = "portal_configuration_unverified", reason);
        self.unknown();
        self.in_doubt.notify_one();
    }

    /// The configuration was verified.
    pub(super) fn kept(&self, id: &str, now: Instant) {
        self.set(State::Kept(id.to_owned(), now + BELIEVED_FOR));
    }

    /// The configuration breaks the promise.
    pub(super) fn broken(&self) {
        self.set(State::Broken);
    }

    /// The configuration cannot be looked at.
    pub(super) fn unknown(&self) {
        self.set(State::Unknown);
    }

    fn set(&self, state: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }
}
