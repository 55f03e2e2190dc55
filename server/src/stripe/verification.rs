//! Whether the portal configuration is verified: known not to allow plan changes. Otherwise no portal is opened.

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
    time::{Duration, Instant},
};

use super::cause::UpstreamCause;

/// How long a verification is valid. The service verifies every ten minutes, so one that fails does not yet close the
/// operation.
const VALID_FOR: Duration = Duration::from_mins(15);
/// How long a verification stays valid after Stripe reported a change: long enough for a recheck, which takes one or two
/// calls.
const VALID_AFTER_CHANGE: Duration = Duration::from_secs(5);

/// The state of the verification, shared by requests, webhooks and the task that verifies.
#[derive(Debug, Default)]
pub(crate) struct ConfigurationVerification {
    known: RwLock<Known>,
    managed_id: RwLock<Option<String>>,
    /// Notified when the configuration should be verified before the next interval. The successors of a [`super::Stripe`]
    /// share it, so that no report of a change is lost between two of them.
    pub recheck: Arc<tokio::sync::Notify>,
}

#[derive(Debug, Default)]
struct Known {
    state: State,
    /// When Stripe last reported a change.
    changed_at: Option<Instant>,
}

#[derive(Debug, Clone, Default)]
enum State {
    /// It was not verified yet, or could not be.
    #[default]
    Unverified,
    /// The configuration of this id does not allow plan changes, as far as is known until then.
    Verified { id: String, until: Instant },
    /// The configuration allows plan changes.
    Violated,
}

impl ConfigurationVerification {
    /// Nothing is verified yet with other settings; the id of the configuration that the service created stays known.
    pub(super) fn successor(&self) -> Self {
        Self {
            known: RwLock::default(),
            managed_id: RwLock::new(self.managed_id()),
            recheck: Arc::clone(&self.recheck),
        }
    }

    /// The state of another configuration, of which nothing is known yet.
    pub(super) fn beside(&self) -> Self {
        Self {
            recheck: Arc::clone(&self.recheck),
            ..Self::default()
        }
    }

    /// The id of the verified configuration. The error is the cause why no portal is opened.
    pub(super) fn require_verified(&self, now: Instant) -> Result<String, UpstreamCause> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        match &known.state {
            State::Verified { id, until } if now < *until => Ok(id.clone()),
            State::Violated => Err(UpstreamCause::ConfigurationViolation),
            State::Verified { .. } | State::Unverified => {
                Err(UpstreamCause::ConfigurationUnverified)
            }
        }
    }

    /// The id of the configuration that the service created, if it is known.
    pub(crate) fn managed_id(&self) -> Option<String> {
        let id = self.managed_id.read();
        id.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the id of the configuration that the service created.
    pub(crate) fn set_managed_id(&self, id: &str) {
        let managed_id = self.managed_id.write();
        *managed_id.unwrap_or_else(PoisonError::into_inner) = Some(id.to_owned());
    }

    /// Requests a recheck, because Stripe reported a change. If the recheck does not succeed soon, the operation closes.
    pub(super) fn mark_stale(&self, now: Instant) {
        let mut known = self.known();
        known.changed_at = Some(now);
        if let State::Verified { until, .. } = &mut known.state {
            *until = (*until).min(now + VALID_AFTER_CHANGE);
        }
        self.recheck.notify_one();
    }

    /// Closes the operation, for this reason, until the configuration is verified again.
    pub(super) fn invalidate(&self, reason: &'static str) {
        tracing::error!(event = "portal_configuration_unverified", reason);
        self.set_unverified();
        self.recheck.notify_one();
    }

    /// The configuration was verified by calls that began at `began`. If Stripe reported a change since, the calls may
    /// not have seen it.
    pub(super) fn set_verified(&self, id: &str, began: Instant) {
        let mut known = self.known();
        let until = match known.changed_at {
            Some(changed_at) if changed_at >= began => changed_at + VALID_AFTER_CHANGE,
            _ => began + VALID_FOR,
        };
        known.state = State::Verified {
            id: id.to_owned(),
            until,
        };
    }

    /// The configuration allows plan changes.
    pub(super) fn set_violated(&self) {
        self.known().state = State::Violated;
    }

    /// The configuration cannot be verified.
    pub(super) fn set_unverified(&self) {
        self.known().state = State::Unverified;
    }

    fn known(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}
