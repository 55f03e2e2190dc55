//! Why the store failed, and SQLite's codes for it.

use std::path::Path;

use sqlx::migrate::MigrateError;

/// SQLite's primary result codes (<https://www.sqlite.org/rescode.html>).
pub(super) mod code {
    pub(crate) const BUSY: i64 = 5;
    pub(crate) const READONLY: i64 = 8;
    pub(crate) const CORRUPT: i64 = 11;
    pub(crate) const FULL: i64 = 13;
    pub(crate) const CANTOPEN: i64 = 14;
    pub(crate) const NOTADB: i64 = 26;
}

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is unreachable, full, locked or damaged.
    #[error("database: {0}")]
    Unavailable(#[from] sqlx::Error),
    /// The database did not respond in time.
    #[error("database: no response in time")]
    TimedOut,
    /// The URL names no database that can be used.
    #[error("database_url: {0}")]
    Url(&'static str),
    /// The file cannot be used.
    #[error("database {path} {problem}")]
    File {
        /// The file.
        path: String,
        /// What keeps it from being used.
        problem: String,
    },
    /// The tables are not those of this version.
    #[error("database migration: {0}")]
    Migration(#[from] MigrateError),
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
    pub(super) fn file(path: &Path, problem: impl Into<String>) -> Self {
        Self::File {
            path: path.display().to_string(),
            problem: problem.into(),
        }
    }

    /// SQLite's primary result code.
    pub(super) fn code(&self) -> Option<i64> {
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
        self.code() == Some(code::BUSY)
            || matches!(self, Self::Unavailable(sqlx::Error::PoolTimedOut))
    }

    pub(super) fn not_found(what: &'static str, id: &(impl ToString + ?Sized)) -> Self {
        Self::NotFound {
            what,
            id: id.to_string(),
        }
    }
}
