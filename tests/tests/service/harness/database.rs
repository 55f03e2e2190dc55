//! The database behind the service's back: what is in it, and what happens when it breaks.

use sqlx::{Connection, PgConnection, SqliteConnection};

use super::service::Service;

/// A connection of the test's own.
pub(crate) enum Database {
    Sqlite(SqliteConnection),
    Postgresql(PgConnection),
}

impl Database {
    pub(crate) async fn open(service: &Service) -> Self {
        Self::open_url(&service.database_url()).await
    }

    pub(crate) async fn open_url(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            let connection = SqliteConnection::connect(url).await;
            Self::Sqlite(connection.expect("the database is there"))
        } else {
            let connection = PgConnection::connect(url).await;
            Self::Postgresql(connection.expect("the database is there"))
        }
    }

    /// Changes something, and raises the change counter as every writer does.
    pub(crate) async fn execute(&mut self, statement: &'static str) {
        self.run(statement).await;
        self.run("UPDATE changes SET counter = counter + 1").await;
    }

    async fn run(&mut self, statement: &'static str) {
        let statement = sqlx::raw_sql(statement);
        let done = match self {
            Self::Sqlite(connection) => statement.execute(connection).await.map(drop),
            Self::Postgresql(connection) => statement.execute(connection).await.map(drop),
        };
        done.expect("the statement is good");
    }

    /// The text that a query returns.
    pub(crate) async fn text(&mut self, query: &'static str) -> String {
        let text = match self {
            Self::Sqlite(connection) => sqlx::query_scalar(query).fetch_one(connection).await,
            Self::Postgresql(connection) => sqlx::query_scalar(query).fetch_one(connection).await,
        };
        text.expect("the query is good")
    }

    /// Holds the lock of the writers until `ROLLBACK`.
    pub(crate) async fn lock_writers(&mut self) {
        let lock = match self {
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
            Self::Postgresql(_) => "BEGIN; SELECT counter FROM changes FOR UPDATE",
        };
        self.run(lock).await;
    }

    /// Lets the writers go on.
    pub(crate) async fn unlock_writers(&mut self) {
        self.run("ROLLBACK").await;
    }

    /// `ok` if SQLite finds nothing wrong with the file.
    pub(crate) async fn integrity(&mut self) -> String {
        let Self::Sqlite(connection) = self else {
            panic!("only SQLite has a file");
        };
        let checked = sqlx::query_scalar("PRAGMA integrity_check");
        checked.fetch_one(connection).await.expect("it can be read")
    }
}
