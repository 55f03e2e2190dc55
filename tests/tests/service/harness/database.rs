//! The database behind the service's back: what is in it, and what happens when it breaks.

use std::path::Path;

use sqlx::{Connection, SqliteConnection};

use super::service::Service;

/// A connection of the test's own.
pub(crate) struct Database(SqliteConnection);

impl Database {
    pub(crate) async fn open(service: &Service) -> Self {
        Self::open_file(&service.database()).await
    }

    pub(crate) async fn open_file(file: &Path) -> Self {
        let connection = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await;
        Self(connection.expect("the database is there"))
    }

    pub(crate) async fn execute(&mut self, statement: &'static str) {
        let done = sqlx::raw_sql(statement).execute(&mut self.0).await;
        done.expect("the statement is good");
    }

    /// `ok` if SQLite finds nothing wrong with the file.
    pub(crate) async fn integrity(&mut self) -> String {
        let checked = sqlx::query_scalar("PRAGMA integrity_check");
        checked
            .fetch_one(&mut self.0)
            .await
            .expect("it can be read")
    }
}
