//! Reads the change counter, from which every instance learns what other processes have changed.

use tokio::time::Instant;

use super::{
    changes::Reading, database::Store, error::StoreError, statement::fetch_optional,
    timeouts::CHANGES_TIMEOUT,
};

impl Store {
    /// Reads the change counter.
    pub(crate) async fn read_changes(&self) -> Result<(), StoreError> {
        let began = Instant::now();
        let read = tokio::time::timeout(CHANGES_TIMEOUT, self.read_counter()).await;
        match read.unwrap_or(Err(StoreError::TimedOut)) {
            Ok(counter) => {
                self.changes.record(Reading { counter, began });
                Ok(())
            }
            Err(error) => {
                // A file does not go away without an error; a machine that is busy is only slow.
                if self.engine.is_remote() || !error.is_timeout() {
                    self.changes.report_failure();
                }
                if !self.is_reachable() {
                    self.engine.reconnect();
                }
                Err(error)
            }
        }
    }

    async fn read_counter(&self) -> Result<i64, StoreError> {
        self.engine.require_usable()?;
        let mut connection = self.engine.watch(CHANGES_TIMEOUT).await?;
        let row = fetch_optional!(&mut connection, "SELECT counter FROM changes")?;
        let (counter,) = row.ok_or(sqlx::Error::RowNotFound)?;
        Ok(counter)
    }

    /// What was looked up under this number may be used under the same number. `None` while the counter was not read
    /// for so long that nothing cached may be used.
    pub(crate) fn cache_generation(&self) -> Option<u64> {
        self.changes.generation()
    }

    /// Whether the database responded lately.
    pub(crate) fn is_reachable(&self) -> bool {
        self.changes.is_reachable()
    }
}
