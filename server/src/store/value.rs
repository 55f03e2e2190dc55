//! Values of columns, for statements that are built from the list of tables.

use sqlx::{AssertSqlSafe, Row};

use super::connection::Connection;

/// The kind of a column.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    Number,
    Bytes,
}

/// A value of a column; `None` is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(Option<String>),
    Number(Option<i64>),
    Bytes(Option<Vec<u8>>),
}

/// Binds every value to a query of either driver.
macro_rules! bind_all {
    ($query:expr, $values:expr) => {
        $values.iter().fold($query, |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
            Value::Bytes(bytes) => query.bind(bytes),
        })
    };
}

/// Reads every column of a row of either driver.
macro_rules! read_all {
    ($row:expr, $kinds:expr) => {
        $kinds
            .iter()
            .enumerate()
            .map(|(column, kind)| {
                Ok(match kind {
                    Kind::Text => Value::Text($row.try_get(column)?),
                    Kind::Number => Value::Number($row.try_get(column)?),
                    Kind::Bytes => Value::Bytes($row.try_get(column)?),
                })
            })
            .collect::<Result<Vec<Value>, sqlx::Error>>()
    };
}

/// Runs a query that is built of names of tables and columns, and of nothing that anybody has written.
pub(super) async fn fetch(
    connection: &mut Connection,
    query: String,
    values: &[Value],
    kinds: &[Kind],
) -> Result<Vec<Vec<Value>>, sqlx::Error> {
    let query = AssertSqlSafe(query);
    match connection {
        Connection::Sqlite(connection) => {
            let rows = bind_all!(sqlx::query(query), values).persistent(false);
            let rows = rows.fetch_all(&mut **connection).await?;
            rows.iter().map(|row| read_all!(row, kinds)).collect()
        }
        Connection::Postgres(transaction) => {
            let rows = bind_all!(sqlx::query(query), values).persistent(false);
            let rows = rows.fetch_all(&mut **transaction).await?;
            rows.iter().map(|row| read_all!(row, kinds)).collect()
        }
    }
}

/// The same for a statement that returns no rows.
pub(super) async fn execute(
    connection: &mut Connection,
    statement: String,
    values: &[Value],
) -> Result<(), sqlx::Error> {
    let statement = AssertSqlSafe(statement);
    match connection {
        Connection::Sqlite(connection) => {
            let statement = bind_all!(sqlx::query(statement), values).persistent(false);
            statement.execute(&mut **connection).await.map(drop)
        }
        Connection::Postgres(transaction) => {
            let statement = bind_all!(sqlx::query(statement), values).persistent(false);
            statement.execute(&mut **transaction).await.map(drop)
        }
    }
}
