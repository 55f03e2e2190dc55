//! The result of the last check whether the database can be written, and what has it checked again.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

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

/// The end of a transaction that writes. If it is dropped without a commit, one of the statements may have failed, as when
/// the disk is full, and the database is checked soon.
#[derive(Debug, Default)]
pub(super) struct TransactionEnd(Option<Arc<Writable>>);

impl TransactionEnd {
    /// Of a transaction that is expected to be committed.
    pub(super) fn expect_commit(writable: &Arc<Writable>) -> Self {
        Self(Some(Arc::clone(writable)))
    }

    /// It was committed.
    pub(super) fn committed(mut self) {
        if let Some(writable) = self.0.take() {
            writable.report_success();
        }
    }

    /// It is rolled back on purpose, and no statement has failed.
    pub(super) fn rolled_back(mut self) {
        self.0 = None;
    }
}

impl Drop for TransactionEnd {
    fn drop(&mut self) {
        if let Some(writable) = &self.0 {
            writable.report_failure();
        }
    }
}
