//! The open database: its connections, and transactions that write.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use sqlx::{Sqlite, SqlitePool, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    database_file::{FileIdentity, obstacle_to_writing, path_of_url},
    error::StoreError,
    opening::{self, Connections, IfMissing},
    timeouts::WRITE_TIMEOUT,
    writable::Writable,
};

/// The database, open and migrated. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    /// Connections for look-ups and lists. No writer holds one of them.
    pub(super) pool: SqlitePool,
    writers: SqlitePool,
    /// The queue of writers: SQLite has one writer at a time.
    writer: Arc<Semaphore>,
    pub(super) writable: Arc<Writable>,
    file: Arc<DatabaseFile>,
}

/// The file that was opened.
#[derive(Debug)]
struct DatabaseFile {
    path: PathBuf,
    identity: FileIdentity,
    /// Whether the path does not lead to that file any more.
    replaced: AtomicBool,
}

/// A transaction that writes. If it is dropped without a commit, it is rolled back.
pub(super) struct Write {
    pub(super) transaction: Transaction<'static, Sqlite>,
    writable: Arc<Writable>,
    _permit: OwnedSemaphorePermit,
}

impl Write {
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        let committed = self.transaction.commit().await;
        match &committed {
            Ok(()) => self.writable.report_success(),
            Err(_) => self.writable.report_failure(),
        }
        Ok(committed?)
    }
}

impl Store {
    /// Opens the database of a `sqlite:` URL and runs the migrations.
    pub(crate) async fn open(url: &str, if_missing: IfMissing) -> Result<Self, StoreError> {
        let path = path_of_url(url).map_err(StoreError::Url)?;
        let Connections { readers, writers } = opening::open(url, &path, if_missing).await?;
        let identity = FileIdentity::of(&path);
        let identity = identity.map_err(|error| StoreError::file(&path, error.to_string()))?;
        Ok(Self {
            pool: readers,
            writers,
            writer: Arc::new(Semaphore::new(1)),
            file: Arc::new(DatabaseFile {
                path,
                identity,
                replaced: AtomicBool::new(false),
            }),
            writable: Arc::default(),
        })
    }

    /// Checks that the database responds.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        self.require_file()?;
        sqlx::query("SELECT 1 FROM organizations LIMIT 1")
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Begins a transaction that writes, after the writers before it.
    pub(super) async fn begin(&self) -> Result<Write, StoreError> {
        self.begin_within(WRITE_TIMEOUT).await
    }

    /// Begins a transaction that writes, after the writers before it. It locks the database at once, so that waiting
    /// for another process happens here and not in a later statement. SQLite has no queue for writers, and another
    /// process may write all the time, so a locked database is tried again until `timeout`.
    pub(super) async fn begin_within(&self, timeout: Duration) -> Result<Write, StoreError> {
        let begun = self.begin_quietly(timeout).await;
        if begun.is_err() {
            self.writable.report_failure();
        }
        begun
    }

    /// The same for the check that follows a failed write, which must not cause another check.
    pub(super) async fn begin_quietly(&self, timeout: Duration) -> Result<Write, StoreError> {
        self.require_file()?;
        // SQLite begins the transaction all the same, and then fails with a text that names no file.
        if let Some(obstacle) = obstacle_to_writing(&self.file.path) {
            return Err(StoreError::file(&self.file.path, obstacle));
        }
        let waiting = async {
            let permit = Arc::clone(&self.writer).acquire_owned().await;
            let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
            loop {
                let begun = self.writers.begin_with("BEGIN IMMEDIATE").await;
                match begun.map_err(StoreError::from) {
                    Err(error) if error.is_lock() => {}
                    begun => return begun.map(|transaction| (transaction, permit)),
                }
            }
        };
        let begun = tokio::time::timeout(timeout, waiting).await;
        let begun = begun.map_err(|_| StoreError::TimedOut)?;
        let (transaction, permit) =
            begun.map_err(|error| opening::explain(&self.file.path, error))?;
        Ok(Write {
            transaction,
            writable: Arc::clone(&self.writable),
            _permit: permit,
        })
    }

    /// Fails if the path leads to another file than the one that is open. What is read there is out of date, and what
    /// is written there is lost.
    pub(super) fn require_file(&self) -> Result<(), StoreError> {
        if self.file.replaced.load(Ordering::Relaxed) {
            return Err(StoreError::file(&self.file.path, REPLACED));
        }
        Ok(())
    }

    /// Compares the file at the path with the one that is open. `Some` if that has changed since the last comparison:
    /// whether the file is the same.
    pub(crate) fn compare_file(&self) -> Option<bool> {
        let now = FileIdentity::of(&self.file.path);
        let same = now.is_ok_and(|identity| identity == self.file.identity);
        let replaced_before = self.file.replaced.swap(!same, Ordering::Relaxed);
        (replaced_before == same).then_some(same)
    }

    /// The path of the database.
    pub(crate) fn path(&self) -> &Path {
        &self.file.path
    }

    /// Finishes pending writes and closes every connection.
    pub(crate) async fn close(&self) {
        self.writers.close().await;
        self.pool.close().await;
    }
}

const REPLACED: &str = "was replaced or removed while this process had it open; restart the service to use the file that is there now";

/// A point in time from a column of seconds since 1970.
pub(super) fn read_time(seconds: i64) -> Result<DateTime<Utc>, sqlx::Error> {
    DateTime::from_timestamp(seconds, 0)
        .ok_or_else(|| sqlx::Error::Decode("a time is out of range".into()))
}
