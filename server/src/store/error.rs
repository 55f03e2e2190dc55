//! Why the store failed, and the engines' codes for it.

use std::{borrow::Cow, path::Path};

use sqlx::{error::DatabaseError, migrate::MigrateError};

/// SQLite's primary result codes (<https://www.sqlite.org/rescode.html>).
pub(super) mod code {
    pub(crate) const BUSY: i64 = 5;
    pub(crate) const READONLY: i64 = 8;
    pub(crate) const CORRUPT: i64 = 11;
    pub(crate) const FULL: i64 = 13;
    pub(crate) const CANTOPEN: i64 = 14;
    pub(crate) const NOTADB: i64 = 26;
}

/// PostgreSQL's codes (<https://www.postgresql.org/docs/current/errcodes-appendix.html>) for what took too long:
/// `lock_not_available` and `query_canceled`.
const TIMEOUTS: [&str; 2] = ["55P03", "57014"];

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is unreachable, full, locked or damaged.
    #[error("database: {0}")]
    Unavailable(sqlx::Error),
    /// The database did not respond in time.
    #[error("database: no response in time")]
    TimedOut,
    /// The database has not responded for more than a second.
    #[error("database: does not respond")]
    Unreachable,
    /// The URL names no database that can be used.
    #[error("database_url: {0}")]
    Url(Cow<'static, str>),
    /// The database's server cannot be reached.
    #[error("database: cannot connect to {address}: {problem}")]
    NotConnected {
        /// Host and port, or the socket.
        address: String,
        /// What the network says.
        problem: String,
    },
    /// The file cannot be used.
    #[error("database {path} {problem}")]
    File {
        /// The file.
        path: String,
        /// What keeps it from being used.
        problem: String,
    },
    /// The tables could not be brought to this version.
    #[error("database migration: {0}")]
    Migration(#[from] MigrateError),
    /// A newer version of this program has changed the tables.
    #[error(
        "database: a newer version of billing-portal has changed its tables (to version {found}, this one has {known}); \
         use that version or restore a backup"
    )]
    Newer {
        /// The newest migration that the database has.
        found: i64,
        /// The newest migration that this program has.
        known: i64,
    },
    /// The tables come from another migration of this number.
    #[error("database: its tables are not those of billing-portal (migration {0} is another one)")]
    OtherTables(i64),
    /// A copy into the database has not ended.
    #[error(
        "database: a copy into it was interrupted or is running; run billing-portal database copy again, or empty it"
    )]
    UnfinishedCopy,
    /// There is no database at the URL, and it is not created.
    #[error("database {0}")]
    Missing(&'static str),
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

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(DatabaseError::code);
        if code.is_some_and(|code| TIMEOUTS.contains(&&*code)) {
            Self::TimedOut
        } else {
            Self::Unavailable(error)
        }
    }
}

impl StoreError {
    pub(super) fn file(path: &Path, problem: impl Into<String>) -> Self {
        Self::File {
            path: path.display().to_string(),
            problem: problem.into(),
        }
    }

    /// SQLite's primary result code.
    pub(super) fn sqlite_code(&self) -> Option<i64> {
        let (Self::Unavailable(error)
        | Self::Migration(
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _),
        )) = self
        else {
            return None;
        };
        let code: i64 = error.as_database_error()?.code()?.parse().ok()?;
        // The upper bits are details.
        Some(code & 0xff)
    }

    /// Whether another process has locked the database. A connection that waits for a lock while it is opened makes
    /// the pool time out.
    pub(super) fn is_lock(&self) -> bool {
        self.sqlite_code() == Some(code::BUSY)
            || matches!(self, Self::Unavailable(sqlx::Error::PoolTimedOut))
    }

    /// Whether the database was too slow.
    pub(super) fn is_timeout(&self) -> bool {
        matches!(
            self,
            Self::TimedOut | Self::Unavailable(sqlx::Error::PoolTimedOut)
        )
    }

    pub(super) fn not_found(what: &'static str, id: &(impl ToString + ?Sized)) -> Self {
        Self::NotFound {
            what,
            id: id.to_string(),
        }
    }
}
