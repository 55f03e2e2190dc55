//! The database: organizations, their keys, and their customers at Stripe. sqlx is used here and nowhere else.
//!
//! Invariants: no key is ever written here, only its hash; no connection is held while Stripe is called, because
//! nothing here knows Stripe. SQL is kept to what SQLite and PostgreSQL both read.

mod bulk;
mod callers;
mod customers;
mod events;
mod keys;
mod organizations;
mod sync;

use std::{str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    Sqlite, SqlitePool, Transaction,
    error::DatabaseError,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use bulk::{Conflict, Linked, Mapping, Policy};
pub(crate) use callers::Caller;
pub(crate) use customers::{CustomerLink, CustomerState, StaleReason};
pub(crate) use events::{Applied, CustomerChange, CustomerEvent};
pub(crate) use keys::{KeyRecord, NewKey};
pub(crate) use organizations::Organization;
pub(crate) use sync::{SyncFailure, SyncPage, SyncPosition};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a request waits for the database before it is answered 503.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long one who writes waits for the others.
const WRITERS_PATIENCE: Duration = Duration::from_secs(3);

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, full, locked or broken.
    #[error("database: {0}")]
    Unavailable(#[from] sqlx::Error),
    /// The database did not respond in time.
    #[error("database: no response in time")]
    TimedOut,
    /// Its tables are not those that this version knows.
    #[error("database migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// What was asked for is not there.
    #[error("there is no {what} {id}")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// What was to be made is there already, or belongs to somebody else.
    #[error("{0}")]
    Conflict(String),
}

/// The database, open and migrated. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pool: SqlitePool,
    /// SQLite has one writer at a time. Those who wait do so here, where they hold no connection that a look-up needs.
    writing: Arc<Semaphore>,
}

/// A transaction that writes, and the turn to do so. Dropped, it is rolled back.
struct Write {
    transaction: Transaction<'static, Sqlite>,
    _turn: OwnedSemaphorePermit,
}

impl Write {
    async fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }
}

impl Store {
    /// Opens the database of a `sqlite:` URL, makes its file where there is none, and brings its tables up to date.
    pub(crate) async fn open(url: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
            .journal_mode(SqliteJournalMode::Wal)
            // A revocation that was answered must survive a power cut.
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(PATIENCE)
            .connect_with(options)
            .await?;
        MIGRATIONS.run(&pool).await?;
        let writing = Arc::new(Semaphore::new(1));
        Ok(Self { pool, writing })
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM organizations LIMIT 1")
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Begins to write, in turn. The database is locked from the first statement on, so that what waits for another
    /// process waits here rather than fail later. Another process may write all the time, and SQLite keeps no queue, so
    /// it is tried more than once.
    async fn begin(&self) -> Result<Write, StoreError> {
        let waiting = async {
            let turn = Arc::clone(&self.writing).acquire_owned().await;
            let turn = turn.map_err(|_| sqlx::Error::PoolClosed)?;
            loop {
                match self.pool.begin_with("BEGIN IMMEDIATE").await {
                    Err(sqlx::Error::Database(error)) if is_locked(error.as_ref()) => {}
                    begun => return begun.map(|transaction| (transaction, turn)),
                }
            }
        };
        let begun = tokio::time::timeout(WRITERS_PATIENCE, waiting).await;
        let (transaction, turn) = begun.map_err(|_| StoreError::TimedOut)??;
        Ok(Write {
            transaction,
            _turn: turn,
        })
    }

    /// Writes what is pending and closes every connection.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Whether another process writes (SQLite's own code for that).
fn is_locked(error: &dyn DatabaseError) -> bool {
    error.code().is_some_and(|code| code == "5")
}

fn at(seconds: i64) -> crate::http::schema::Timestamp {
    crate::http::schema::Timestamp(chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default())
}
