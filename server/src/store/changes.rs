//! What this process knows of the change counter: whether what it has cached may be used, and whether the database
//! responds.
//!
//! Every writer raises the counter in its transaction. Each process reads it twice a second; when it has moved, nothing
//! that was cached before is used again. So a key in use costs the database nothing, and a change is seen by every
//! instance within a second.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

/// How long what is cached may be used after the counter was read. A revocation takes effect within this time even if
/// the database stops responding right after it.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// What is known of the change counter, shared by every clone of the store.
#[derive(Debug)]
pub(super) struct Changes {
    /// Raised when what was cached before may be out of date.
    generation: AtomicU64,
    last: Mutex<Option<Reading>>,
    /// Whether the database responds. It is assumed where nobody reads the counter, as in most commands.
    reachable: watch::Sender<bool>,
}

/// A reading of the counter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) counter: i64,
    /// When it began: the counter may have moved since then.
    pub(super) began: Instant,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            generation: AtomicU64::new(0),
            last: Mutex::default(),
            reachable: watch::Sender::new(true),
        }
    }
}

impl Changes {
    /// This process has changed something.
    pub(super) fn raise(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn record(&self, reading: Reading) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // Another number, not a greater one: a restored backup has a smaller one.
        if last.is_none_or(|last| last.counter != reading.counter) {
            self.raise();
        }
        *last = Some(reading);
        self.reachable.send_replace(true);
    }

    /// The counter could not be read. The database does not respond if the last reading is too old to be trusted.
    pub(super) fn report_failure(&self) {
        if self.trusted().is_none() {
            self.reachable.send_replace(false);
        }
    }

    /// What was looked up under this number may be used under the same number. `None` while the counter was not read
    /// for so long that nothing cached may be used.
    pub(super) fn generation(&self) -> Option<u64> {
        self.trusted()?;
        Some(self.generation.load(Ordering::SeqCst))
    }

    pub(super) fn is_reachable(&self) -> bool {
        *self.reachable.borrow()
    }

    /// Waits until the database is known not to respond.
    pub(super) async fn unreachable(&self) {
        let mut reachable = self.reachable.subscribe();
        // The sender lives as long as this.
        _ = reachable.wait_for(|reachable| !reachable).await;
    }

    fn trusted(&self) -> Option<Reading> {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.filter(|last| last.began.elapsed() < TRUSTED_FOR)
    }
}
