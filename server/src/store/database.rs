//! The open database, and transactions that write.

use std::{path::Path, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    changes::Changes,
    connection::Connection,
    engine::Engine,
    error::StoreError,
    opening::IfMissing,
    statement::{execute, fetch_optional},
    timeouts::{READ_TIMEOUT, WRITE_TIMEOUT},
    writable::{TransactionEnd, Writable},
};

/// The database, open and migrated. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(super) engine: Engine,
    /// The queue of this process's writers. No writer waits for another with a connection in its hands.
    writer: Arc<Semaphore>,
    pub(super) writable: Arc<Writable>,
    pub(super) changes: Arc<Changes>,
}

/// A transaction that writes. If it is dropped without a commit, it is rolled back.
pub(super) struct Write {
    pub(super) connection: Connection,
    end: TransactionEnd,
    changes: Arc<Changes>,
    /// Whether the commit raises the change counter.
    is_counted: bool,
    _permit: OwnedSemaphorePermit,
}

impl Write {
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        let committed = self.connection.commit().await;
        if self.is_counted {
            // Also after an error: the database may have committed all the same.
            self.changes.raise();
        }
        committed?;
        self.end.committed();
        Ok(())
    }

    /// Rolls the transaction back, although no statement has failed.
    pub(super) fn roll_back(self) {
        self.end.rolled_back();
    }

    /// Commits what concerns no cache. The change counter stays as it was.
    pub(super) async fn commit_uncounted(mut self) -> Result<(), StoreError> {
        execute!(
            &mut self.connection,
            "UPDATE changes SET counter = counter - 1"
        )?;
        self.is_counted = false;
        self.commit().await
    }
}

impl Store {
    /// Opens the database of a URL and runs the migrations.
    pub(crate) async fn open(url: &str, if_missing: IfMissing) -> Result<Self, StoreError> {
        Ok(Self {
            engine: Engine::open(url, if_missing).await?,
            writer: Arc::new(Semaphore::new(1)),
            writable: Arc::default(),
            changes: Arc::default(),
        })
    }

    /// Checks that the database responds.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = self.read_within(READ_TIMEOUT).await?;
        let _: Option<(i64,)> = fetch_optional!(
            &mut connection,
            "SELECT created_at FROM organizations LIMIT 1"
        )?;
        Ok(())
    }

    /// A connection for reading a list.
    pub(super) async fn read(&self) -> Result<Connection, StoreError> {
        self.engine.read().await
    }

    /// A connection for reading, on which no statement takes longer than `timeout`. Fails if what is open is not the
    /// database any more.
    pub(super) async fn read_within(&self, timeout: Duration) -> Result<Connection, StoreError> {
        self.engine.require_usable()?;
        self.engine.read_within(timeout).await
    }

    /// Begins a transaction that writes, after the writers before it, here and in every other process. Its commit
    /// raises the change counter, so that every instance drops what it has cached.
    pub(super) async fn begin(&self) -> Result<Write, StoreError> {
        self.begin_within(WRITE_TIMEOUT).await
    }

    /// The same, waiting for other writers for `timeout`.
    pub(super) async fn begin_within(&self, timeout: Duration) -> Result<Write, StoreError> {
        let end = TransactionEnd::expect_commit(&self.writable);
        let begun = self.begin_quietly(timeout).await?;
        Ok(Write { end, ..begun })
    }

    /// The same for the check that follows a failed write, which must not cause another check.
    pub(super) async fn begin_quietly(&self, timeout: Duration) -> Result<Write, StoreError> {
        let begun = self.unless_unreachable(async {
            let mut write = self.begin_transaction(timeout).await?;
            // On PostgreSQL this is the lock that lets one writer at a time decide, as SQLite does.
            execute!(
                &mut write.connection,
                "UPDATE changes SET counter = counter + 1"
            )?;
            write.is_counted = true;
            Ok(write)
        });
        let begun = tokio::time::timeout(timeout, begun).await;
        let begun = begun.map_err(|_| StoreError::TimedOut)?;
        begun.map_err(|error| self.engine.explain(error))
    }

    /// Begins a transaction whose changes concern no cache, and which does not raise the change counter.
    pub(super) async fn begin_uncounted(&self) -> Result<Write, StoreError> {
        let end = TransactionEnd::expect_commit(&self.writable);
        let begun = self.unless_unreachable(self.begin_transaction(WRITE_TIMEOUT));
        let begun = tokio::time::timeout(WRITE_TIMEOUT, begun);
        let begun = begun.await.unwrap_or(Err(StoreError::TimedOut))?;
        Ok(Write { end, ..begun })
    }

    async fn begin_transaction(&self, timeout: Duration) -> Result<Write, StoreError> {
        self.engine.require_usable()?;
        let permit = Arc::clone(&self.writer).acquire_owned().await;
        let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
        Ok(Write {
            connection: self.engine.begin(timeout).await?,
            end: TransactionEnd::default(),
            changes: Arc::clone(&self.changes),
            is_counted: false,
            _permit: permit,
        })
    }

    /// Does work with the database, and gives it up as soon as it is known that the database does not respond.
    pub(super) async fn unless_unreachable<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        tokio::select! {
            biased;
            () = self.changes.unreachable() => Err(StoreError::Unreachable),
            done = work => done,
        }
    }

    /// The file of the database, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.engine {
            Engine::Sqlite(sqlite) => Some(sqlite.path()),
            Engine::Postgres(_) => None,
        }
    }

    /// Compares the file at the path with the one that is open. `Some` if that has changed since the last comparison:
    /// whether the file is the same.
    pub(crate) fn compare_file(&self) -> Option<bool> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.compare_file(),
            Engine::Postgres(_) => None,
        }
    }

    /// Finishes pending writes and closes every connection.
    pub(crate) async fn close(&self) {
        self.engine.close().await;
    }
}

/// A point in time from a column of seconds since 1970.
pub(super) fn read_time(seconds: i64) -> Result<DateTime<Utc>, sqlx::Error> {
    DateTime::from_timestamp(seconds, 0)
        .ok_or_else(|| sqlx::Error::Decode("a time is out of range".into()))
}
