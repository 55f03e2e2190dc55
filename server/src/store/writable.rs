//! The result of the last check whether the database can be written.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// The result of the last check, shared by every clone of the store.
#[derive(Debug)]
pub(super) struct Writable {
    pub(super) is_writable: AtomicBool,
    /// Notified when a write has shown that the last check may not hold any more.
    pub(super) check_due: Notify,
}

impl Default for Writable {
    fn default() -> Self {
        Self {
            is_writable: AtomicBool::new(true),
            check_due: Notify::new(),
        }
    }
}

impl Writable {
    /// Has the database checked soon, because a write failed.
    pub(super) fn report_failure(&self) {
        self.check_due.notify_one();
    }

    /// Has the database checked soon, because a write succeeded that was not expected to.
    pub(super) fn report_success(&self) {
        if !self.is_writable.load(Ordering::Relaxed) {
            self.check_due.notify_one();
        }
    }
}
