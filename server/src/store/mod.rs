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

use std::{str::FromStr, time::Duration};

use sqlx::{
    Sqlite, SqlitePool, Transaction,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

pub use bulk::{Conflict, Linked, Mapping, Policy, SyncPosition};
pub use callers::Caller;
pub use customers::{CustomerId, CustomerLink, CustomerState, StaleReason};
pub use events::{Applied, CustomerChange, CustomerEvent};
pub use keys::{KeyRecord, NewKey};
pub use organizations::{Organization, OrganizationId};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a request waits for the database before it is answered 503.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, full, locked or broken.
    #[error("database: {0}")]
    Unavailable(#[from] sqlx::Error),
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
pub struct Store {
    pool: SqlitePool,
}

impl Store {
    /// Opens the database of a `sqlite:` URL, makes its file where there is none, and brings its tables up to date.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
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
        Ok(Self { pool })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM organizations LIMIT 1")
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// A transaction that may write from its first statement on, so that it waits for its turn rather than fail later.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Writes what is pending and closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn at(seconds: i64) -> crate::wire::Timestamp {
    crate::wire::Timestamp(chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default())
}
