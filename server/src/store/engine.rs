//! The two engines, chosen by the URL of the database. What differs between them is in `sqlite` and `postgres`.

use std::{borrow::Cow, time::Duration};

use super::{
    connection::Connection,
    error::StoreError,
    opening::{Applied, IfMissing},
    postgres::{self, Postgres},
    postgres_url,
    sqlite::{self, Sqlite},
    statement::{fetch_all, fetch_optional},
    timeouts::LIST_TIMEOUT,
};

/// What is wrong with a URL that names no database.
pub(super) const NO_DATABASE: &str =
    "must be sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE";

/// An open database on one of the engines. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// Checks that a URL names a database that can be used. The error does not quote the URL, which may hold a password.
pub(crate) fn check_url(url: &str) -> Result<(), Cow<'static, str>> {
    if sqlite::is_sqlite(url) {
        sqlite::path_of_url(url)?;
        Ok(())
    } else if postgres::is_postgres(url) {
        postgres_url::options(url).map(drop)
    } else {
        Err(NO_DATABASE.into())
    }
}

impl Engine {
    pub(super) async fn open(url: &str, if_missing: IfMissing) -> Result<Self, StoreError> {
        if sqlite::is_sqlite(url) {
            Sqlite::open(url, if_missing).await.map(Self::Sqlite)
        } else if postgres::is_postgres(url) {
            Postgres::open(url, if_missing).await.map(Self::Postgres)
        } else {
            Err(StoreError::Url(NO_DATABASE.into()))
        }
    }

    /// A connection for a list, which may be long.
    pub(super) async fn read(&self) -> Result<Connection, StoreError> {
        self.read_within(LIST_TIMEOUT).await
    }

    /// A connection for reading, on which no statement takes longer than `timeout`.
    pub(super) async fn read_within(&self, timeout: Duration) -> Result<Connection, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read().await,
            Self::Postgres(postgres) => postgres.read(timeout).await,
        }
    }

    /// A connection for reading the change counter, which waits for no look-up.
    pub(super) async fn watch(&self, timeout: Duration) -> Result<Connection, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.watch().await,
            Self::Postgres(postgres) => postgres.watch(timeout).await,
        }
    }

    /// Whether the database is another machine's, which may stop responding.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Gives up connections that may hang, because the database does not respond.
    pub(super) fn reconnect(&self) {
        match self {
            Self::Sqlite(_) => {}
            Self::Postgres(postgres) => postgres.reconnect(),
        }
    }

    /// A transaction that writes. Nothing in it waits longer than `timeout` for another writer.
    pub(super) async fn begin(&self, timeout: Duration) -> Result<Connection, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.begin().await,
            Self::Postgres(postgres) => postgres.begin(timeout).await,
        }
    }

    /// Fails if this process must not use what it has open any more.
    pub(super) fn require_usable(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.require_file(),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// The error with what the engine knows of its reason.
    pub(super) fn explain(&self, error: StoreError) -> StoreError {
        match self {
            Self::Sqlite(sqlite) => sqlite.explain(error),
            Self::Postgres(_) => error,
        }
    }

    /// The migrations that the database has.
    pub(super) async fn applied_migrations(&self) -> Result<Vec<Applied>, StoreError> {
        let query = "SELECT version, checksum FROM _sqlx_migrations ORDER BY version";
        Ok(fetch_all!(&mut self.read().await?, query)?)
    }

    /// Adds a migration with the version `$1`, for what is no migration.
    pub(super) fn insert_migration(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => sqlite::INSERT_MIGRATION,
            Self::Postgres(_) => postgres::INSERT_MIGRATION,
        }
    }

    /// The time by the clock of the database, in milliseconds since 1970: those of the instances may differ.
    pub(super) async fn now(&self, connection: &mut Connection) -> Result<i64, sqlx::Error> {
        let query = match self {
            Self::Sqlite(_) => sqlite::NOW,
            Self::Postgres(_) => postgres::NOW,
        };
        let now: Option<(i64,)> = fetch_optional!(connection, query)?;
        now.map(|(now,)| now).ok_or(sqlx::Error::RowNotFound)
    }

    /// Closes every connection.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(postgres) => postgres.close().await,
        }
    }
}
