//! Statements: each is written once and runs on both engines.
//!
//! sqlx has one driver for each engine, with types of its own, so the macros expand the same text for both. They take a
//! `&mut Connection`, the text, and the values for `$1`, `$2`, …. Rows are read as tuples of text, numbers (BIGINT),
//! bytes and booleans. The text is limited to what both engines accept.

/// Runs a statement on the engine of the connection.
macro_rules! on_engine {
    ($connection:expr, $statement:expr $(, $value:expr)*; |$query:ident, $executor:ident| $run:expr) => {
        match $connection {
            $crate::store::connection::Connection::Sqlite(connection) => {
                let ($query, $executor) = ($statement$(.bind($value))*, &mut **connection);
                $run
            }
            $crate::store::connection::Connection::Postgres(transaction) => {
                // A statement with a name lives on in the connection to the server, and a pooler gives that connection
                // to other clients.
                let $query = $statement$(.bind($value))*.persistent(false);
                let $executor = &mut **transaction;
                $run
            }
        }
    };
}

/// Runs a statement that returns no rows. `Result<u64, sqlx::Error>`: how many rows it changed.
macro_rules! execute {
    ($connection:expr, $text:expr $(, $value:expr)* $(,)?) => {
        $crate::store::statement::on_engine!(
            $connection, ::sqlx::query($text) $(, $value)*;
            |query, executor| query.execute(executor).await.map(|done| done.rows_affected())
        )
    };
}

/// Runs a statement that returns one row or none: `Result<Option<(…,)>, sqlx::Error>`.
macro_rules! fetch_optional {
    ($connection:expr, $text:expr $(, $value:expr)* $(,)?) => {
        $crate::store::statement::on_engine!(
            $connection, ::sqlx::query_as($text) $(, $value)*;
            |query, executor| query.fetch_optional(executor).await
        )
    };
}

/// Runs a statement that returns rows: `Result<Vec<(…,)>, sqlx::Error>`.
macro_rules! fetch_all {
    ($connection:expr, $text:expr $(, $value:expr)* $(,)?) => {
        $crate::store::statement::on_engine!(
            $connection, ::sqlx::query_as($text) $(, $value)*;
            |query, executor| query.fetch_all(executor).await
        )
    };
}

pub(super) use {execute, fetch_all, fetch_optional, on_engine};
