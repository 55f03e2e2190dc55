//! Opens the database and brings its tables to this version, also while other processes do the same.

use std::{path::Path, str::FromStr, time::Duration};

use sqlx::{
    Connection, SqliteConnection, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    database_file::{self, folder_of, has_content, obstacle, obstacle_to_writing},
    error::{StoreError, code},
    timeouts::{OPEN_TIMEOUT, READ_TIMEOUT},
};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// The wait between two attempts to open a database that another process has locked.
const OPEN_RETRY: Duration = Duration::from_millis(20);
/// Connections for reading. Reads take less than a millisecond.
const MAX_READERS: u32 = 4;
/// Connections for writing: SQLite has one writer at a time.
const MAX_WRITERS: u32 = 1;

/// What to do if there is no database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMissing {
    /// Create it.
    Create,
    /// Fail: an empty database would hide that the path is wrong.
    Fail,
}

/// The connections of an open database.
pub(super) struct Connections {
    pub(super) readers: SqlitePool,
    pub(super) writers: SqlitePool,
}

/// Opens the database in the file, which `url` names with its options.
pub(super) async fn open(
    url: &str,
    path: &Path,
    if_missing: IfMissing,
) -> Result<Connections, StoreError> {
    if let Some(obstacle) = obstacle(path) {
        return Err(StoreError::file(path, obstacle));
    }
    if if_missing == IfMissing::Create {
        if let Some(obstacle) = database_file::stray_log(path) {
            return Err(StoreError::file(path, obstacle));
        }
        let created = database_file::create_if_missing(path);
        created.map_err(|error| StoreError::file(path, format!("cannot be created: {error}")))?;
    } else if !has_content(path) {
        let problem =
            "does not exist; billing-portal serve and billing-portal org create create it";
        return Err(StoreError::file(path, problem));
    }
    let options = options(url)?;
    let opening = async {
        loop {
            match open_once(&options).await {
                Err(error) if error.is_lock() => tokio::time::sleep(OPEN_RETRY).await,
                opened => return opened,
            }
        }
    };
    let opened = tokio::time::timeout(OPEN_TIMEOUT, opening).await;
    let opened = opened.map_err(|_| StoreError::file(path, "is locked by another process"))?;
    opened.map_err(|error| explain(path, error))
}

fn options(url: &str) -> Result<SqliteConnectOptions, StoreError> {
    Ok(SqliteConnectOptions::from_str(url)?
        .create_if_missing(false)
        .foreign_keys(true)
        .busy_timeout(READ_TIMEOUT)
        .journal_mode(SqliteJournalMode::Wal)
        // A revocation that was confirmed must survive a power failure.
        .synchronous(SqliteSynchronous::Full))
}

async fn open_once(options: &SqliteConnectOptions) -> Result<Connections, StoreError> {
    let pool = |connections| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(READ_TIMEOUT)
            // SQLite itself ends a transaction when the disk is full. sqlx goes on counting it, and the connection could
            // never begin another one.
            .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
    };
    let readers = pool(MAX_READERS).connect_with(options.clone()).await?;
    let mut connection = readers.acquire().await?;
    migrate(&mut connection).await?;
    drop(connection);
    Ok(Connections {
        readers,
        // Most commands only read.
        writers: pool(MAX_WRITERS).connect_lazy_with(options.clone()),
    })
}

/// Brings the tables to this version. Nothing is locked if they are there already. Otherwise one process migrates, in
/// one transaction, and the others wait and then find it done.
async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    if is_current(connection).await? {
        return Ok(());
    }
    let mut transaction = connection.begin_with("BEGIN EXCLUSIVE").await?;
    MIGRATIONS.run(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

/// Whether the applied migrations are exactly those of this version.
async fn is_current(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let table = sqlx::query("SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations'");
    if table.fetch_optional(&mut *connection).await?.is_none() {
        return Ok(false);
    }
    let applied: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version",
    )
    .fetch_all(&mut *connection)
    .await?;
    let expected = MIGRATIONS.iter();
    let expected = expected.map(|migration| (migration.version, migration.checksum.to_vec()));
    Ok(applied.into_iter().eq(expected))
}

/// The error with the path and the reason, where the database's own text has neither.
pub(super) fn explain(path: &Path, error: StoreError) -> StoreError {
    let reason = match error.code() {
        Some(code::READONLY) => {
            obstacle_to_writing(path).or_else(|| obstacle_to_files_beside(path))
        }
        Some(code::CANTOPEN) => obstacle(path)
            .or_else(|| obstacle_to_writing(path))
            .or_else(|| obstacle_to_files_beside(path)),
        Some(code::NOTADB) => Some("is not a SQLite database".to_owned()),
        Some(code::CORRUPT) => Some("is damaged".to_owned()),
        Some(code::FULL) => Some("cannot be written: the disk is full".to_owned()),
        _ => None,
    };
    match reason {
        Some(reason) => StoreError::file(path, reason),
        None => error,
    }
}

fn obstacle_to_files_beside(path: &Path) -> Option<String> {
    let folder = folder_of(path);
    let obstacle = obstacle_to_writing(folder)?;
    let folder = folder.display();
    Some(format!(
        "cannot be used: folder {folder} {obstacle}, and SQLite needs files beside the database"
    ))
}
