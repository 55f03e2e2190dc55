//! The connection to the database: opening, migrations, and transactions that write.

use std::{str::FromStr, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::{
    Sqlite, SqlitePool, Transaction,
    error::DatabaseError,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::writable::Writable;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a request waits for a connection, a lock or a row. A look-up takes less than a millisecond; a caller is
/// better off with a 503 than with a wait.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a transaction waits until other writers, in this process or another, have finished. A batch of an import
/// holds the lock for a tenth of a second at most.
const WRITE_TIMEOUT: Duration = Duration::from_secs(3);
/// Connections to the database. Reads take less than a millisecond, and only one connection can write at a time.
const MAX_CONNECTIONS: u32 = 4;

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is unreachable, full, locked or damaged.
    #[error("database: {0}")]
    Unavailable(#[from] sqlx::Error),
    /// The database did not respond in time.
    #[error("database: no response in time")]
    TimedOut,
    /// The tables are not those of this version.
    #[error("database migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The record does not exist.
    #[error("there is no {what} {id}")]
    NotFound {
        /// The kind of record.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// The record exists already, or belongs to another organization.
    #[error("{0}")]
    Conflict(String),
}

impl StoreError {
    pub(super) fn not_found(what: &'static str, id: &(impl ToString + ?Sized)) -> Self {
        Self::NotFound {
            what,
            id: id.to_string(),
        }
    }
}

/// The database, open and migrated. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(super) pool: SqlitePool,
    /// SQLite has one writer at a time. Writers of this process wait for this permit, so that they do not hold a
    /// connection that a look-up needs.
    writer: Arc<Semaphore>,
    pub(super) writable: Arc<Writable>,
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
    /// Opens the database of a `sqlite:` URL. Creates the file if it does not exist, and runs the migrations.
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(READ_TIMEOUT)
            .journal_mode(SqliteJournalMode::Wal)
            // A revocation that was confirmed must survive a power failure.
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(READ_TIMEOUT)
            .connect_with(options)
            .await?;
        MIGRATIONS.run(&pool).await?;
        let writer = Arc::new(Semaphore::new(1));
        let writable = Arc::default();
        Ok(Self {
            pool,
            writer,
            writable,
        })
    }

    /// Checks that the database responds.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM organizations LIMIT 1")
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Begins a transaction that writes, after the writers before it. It locks the database at once, so that waiting
    /// for another process happens here and not in a later statement. SQLite has no queue for writers, and another
    /// process may write all the time, so a locked database is tried again until [`WRITE_TIMEOUT`].
    pub(super) async fn begin(&self) -> Result<Write, StoreError> {
        let begun = self.begin_quietly().await;
        if begun.is_err() {
            self.writable.report_failure();
        }
        begun
    }

    /// The same for the check that follows a failed write, which must not cause another check.
    pub(super) async fn begin_quietly(&self) -> Result<Write, StoreError> {
        let waiting = async {
            let permit = Arc::clone(&self.writer).acquire_owned().await;
            let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
            loop {
                match self.pool.begin_with("BEGIN IMMEDIATE").await {
                    Err(sqlx::Error::Database(error)) if is_locked(error.as_ref()) => {}
                    begun => return begun.map(|transaction| (transaction, permit)),
                }
            }
        };
        let begun = tokio::time::timeout(WRITE_TIMEOUT, waiting).await;
        let (transaction, permit) = begun.map_err(|_| StoreError::TimedOut)??;
        Ok(Write {
            transaction,
            writable: Arc::clone(&self.writable),
            _permit: permit,
        })
    }

    /// Finishes pending writes and closes every connection.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Whether another process is writing: SQLite's result code 5, `SQLITE_BUSY`.
fn is_locked(error: &dyn DatabaseError) -> bool {
    error.code().is_some_and(|code| code == "5")
}

/// A point in time from a column of seconds since 1970.
pub(super) fn read_time(seconds: i64) -> Result<DateTime<Utc>, sqlx::Error> {
    DateTime::from_timestamp(seconds, 0)
        .ok_or_else(|| sqlx::Error::Decode("a time is out of range".into()))
}
