//! Whether the promise that the portal changes no plans is known to be kept. While it is not, no portal is opened.

use std::{
    sync::{PoisonError, RwLock, RwLockWriteGuard},
    time::{Duration, Instant},
};

use super::UpstreamCause;

/// How long a verification is believed. It is made every ten minutes, and while it fails every half.
const BELIEVED_FOR: Duration = Duration::from_mins(15);
/// How long it is believed after Stripe has told of a change.
const DOUBTED_FOR: Duration = Duration::from_secs(5);

/// Whether the promise is known to be kept, and by which configuration.
#[derive(Debug, Default)]
pub(crate) struct Promise {
    known: RwLock<Known>,
    /// Rings when the configuration should be looked at before its time.
    pub in_doubt: tokio::sync::Notify,
}

#[derive(Debug, Default)]
struct Known {
    state: State,
    /// When Stripe last told of a change.
    doubted_at: Option<Instant>,
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
    pub(crate) fn require_kept(&self, now: Instant) -> Result<String, UpstreamCause> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        match &known.state {
            State::Kept(id, until) if now < *until => Ok(id.clone()),
            State::Broken => Err(UpstreamCause::ConfigurationViolation),
            State::Kept(..) | State::Unknown => Err(UpstreamCause::ConfigurationUnverified),
        }
    }

    /// Has the configuration looked at, because it may have been changed. If that cannot be done soon, the operation
    /// closes.
    pub(crate) fn doubt(&self, now: Instant) {
        let mut known = self.known();
        known.doubted_at = Some(now);
        if let State::Kept(_, until) = &mut known.state {
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

    /// The configuration was verified by calls that began then. What Stripe has told of since, they may not have seen.
    pub(super) fn kept(&self, id: &str, began: Instant) {
        let mut known = self.known();
        let until = match known.doubted_at {
            Some(doubted_at) if doubted_at >= began => doubted_at + DOUBTED_FOR,
            _ => began + BELIEVED_FOR,
        };
        known.state = State::Kept(id.to_owned(), until);
    }

    /// The configuration breaks the promise.
    pub(super) fn broken(&self) {
        self.known().state = State::Broken;
    }

    /// The configuration cannot be looked at.
    pub(super) fn unknown(&self) {
        self.known().state = State::Unknown;
    }

    fn known(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}
