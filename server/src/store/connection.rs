//! A connection to one of the engines, as the statements use it.

use std::ops::{Deref, DerefMut};

use sqlx::{Postgres, Sqlite, SqliteConnection, Transaction, pool::PoolConnection};

/// A connection to one of the engines. Dropping it rolls back what was not committed.
pub(super) enum Connection {
    Sqlite(SqliteHandle),
    /// Always in a transaction: a pooler may send two messages of one statement to different servers otherwise.
    Postgres(Transaction<'static, Postgres>),
}

/// A connection to SQLite: reading needs no transaction.
pub(super) enum SqliteHandle {
    Reading(PoolConnection<Sqlite>),
    Writing(Transaction<'static, Sqlite>),
}

impl Connection {
    /// Commits what was written.
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(SqliteHandle::Writing(transaction)) => transaction.commit().await,
            Self::Sqlite(SqliteHandle::Reading(_)) => Ok(()),
            Self::Postgres(transaction) => transaction.commit().await,
        }
    }
}

impl Deref for SqliteHandle {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        match self {
            Self::Reading(connection) => connection,
            Self::Writing(transaction) => transaction,
        }
    }
}

impl DerefMut for SqliteHandle {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        match self {
            Self::Reading(connection) => connection,
            Self::Writing(transaction) => transaction,
        }
    }
}
