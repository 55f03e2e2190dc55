//! Whether the database can be written, which reading it does not show: its file may be read-only, its disk full, or its
//! lock held by a process that hangs.

use std::sync::atomic::Ordering;

use super::{database::Store, error::StoreError, statement::execute, timeouts::WRITE_TIMEOUT};

impl Store {
    /// Writes something and rolls it back, and records whether that was possible.
    pub(crate) async fn check_write(&self) -> Result<(), StoreError> {
        let checked = self.write_and_roll_back().await;
        let is_writable = checked.is_ok();
        self.writable
            .is_writable
            .store(is_writable, Ordering::Relaxed);
        checked
    }

    /// Whether the last check could write.
    pub(crate) fn is_writable(&self) -> bool {
        self.writable.is_writable.load(Ordering::Relaxed)
    }

    /// Waits until a write has shown that the last check may not hold any more.
    pub(crate) async fn write_check_due(&self) {
        self.writable.check_due.notified().await;
    }

    async fn write_and_roll_back(&self) -> Result<(), StoreError> {
        let mut write = self.begin_quietly(WRITE_TIMEOUT).await?;
        execute!(
            &mut write.connection,
            "INSERT INTO stripe_events (id, received_at) VALUES ('', 0)"
        )?;
        // Without a commit, the transaction is rolled back.
        Ok(())
    }
}
