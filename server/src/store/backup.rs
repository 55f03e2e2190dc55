//! Copies a SQLite database that is in use to a file.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    connection::Connection,
    database::Store,
    database_file::{create_if_missing, folder_of, has_content, obstacle},
    error::StoreError,
};

impl Store {
    /// Copies the database to a file that does not exist yet. The copy is of one moment, readers and writers do not wait
    /// for it, and it is checked for damage before it gets its name.
    pub(crate) async fn back_up(&self, file: &Path) -> Result<(), StoreError> {
        let failed = |problem: String| StoreError::file(file, problem);
        if fs::symlink_metadata(file).is_ok() {
            return Err(failed("exists already; choose another name".to_owned()));
        }
        let mut connection = self.read().await?;
        let Connection::Sqlite(connection) = &mut connection else {
            return Err(StoreError::Conflict(
                "this command copies a SQLite file; use pg_dump for PostgreSQL, as the runbook says".to_owned(),
            ));
        };
        let partial = partial(file);
        if has_content(&partial) {
            let problem = "is left from a backup that was interrupted; remove it";
            return Err(StoreError::file(&partial, problem));
        }
        if let Some(obstacle) = obstacle(&partial) {
            return Err(failed(obstacle));
        }
        let io =
            |error: std::io::Error| StoreError::file(file, format!("cannot be written: {error}"));
        create_if_missing(&partial).map_err(io)?;
        let copied = copy(connection, &partial).await;
        if let Err(error) = copied {
            _ = fs::remove_file(&partial);
            return Err(error);
        }
        File::open(&partial)
            .and_then(|copy| copy.sync_all())
            .map_err(io)?;
        // A hard link fails if the name is taken meanwhile; a rename would replace that file.
        fs::hard_link(&partial, file).map_err(io)?;
        fs::remove_file(&partial).map_err(io)?;
        File::open(folder_of(file))
            .and_then(|folder| folder.sync_all())
            .map_err(io)
    }
}

/// The name of a copy that is not complete.
fn partial(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

async fn copy(connection: &mut SqliteConnection, partial: &Path) -> Result<(), StoreError> {
    let name = partial.to_str();
    let name = name.ok_or_else(|| StoreError::file(partial, "has a name that is not UTF-8"))?;
    sqlx::query("VACUUM INTO $1")
        .bind(name)
        .execute(connection)
        .await?;
    let options = SqliteConnectOptions::new()
        .filename(partial)
        .read_only(true);
    let mut copy = SqliteConnection::connect_with(&options).await?;
    let damage: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&mut copy)
        .await?;
    copy.close().await?;
    if damage == "ok" {
        Ok(())
    } else {
        Err(StoreError::file(partial, format!("is damaged: {damage}")))
    }
}
