//! SQLite: its connections, its lock for writers, its migrations, and its file while it is open.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sqlx::{
    Connection as _, SqliteConnection, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

pub(super) use super::database_file::path_of_url;
use super::{
    connection::{Connection, SqliteHandle},
    database_file::{self, FileIdentity, folder_of, has_content, obstacle, obstacle_to_writing},
    error::{StoreError, code},
    opening::{self, Applied, DOES_NOT_EXIST, IfMissing},
    timeouts::{OPEN_RETRY, OPEN_TIMEOUT, READ_TIMEOUT},
};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Connections for reading. Reads take less than a millisecond.
const MAX_READERS: u32 = 4;
/// Connections for writing: SQLite has one writer at a time.
const MAX_WRITERS: u32 = 1;

/// Milliseconds since 1970.
pub(super) const NOW: &str = "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)";
/// Adds a migration with the version `$1`.
pub(super) const INSERT_MIGRATION: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES ($1, '', TRUE, X'', 0)";

const REPLACED: &str = "was replaced or removed while this process had it open; restart the service to use the file that is there now";

/// An open SQLite database.
#[derive(Debug, Clone)]
pub(super) struct Sqlite {
    /// Connections for look-ups and lists. No writer holds one of them.
    readers: SqlitePool,
    writers: SqlitePool,
    /// The connection that reads the change counter.
    watch: SqlitePool,
    file: Arc<OpenFile>,
}

/// The file that was opened.
#[derive(Debug)]
struct OpenFile {
    path: PathBuf,
    identity: FileIdentity,
    /// Whether the path does not lead to that file any more.
    replaced: AtomicBool,
}

/// Whether a URL is meant for this engine.
pub(super) fn is_sqlite(url: &str) -> bool {
    url.starts_with("sqlite:")
}

impl Sqlite {
    pub(super) async fn open(url: &str, if_missing: IfMissing) -> Result<Self, StoreError> {
        let path = path_of_url(url).map_err(|problem| StoreError::Url(problem.into()))?;
        let path = path.as_path();
        prepare_file(path, if_missing)?;
        let options = options(url)?;
        let opening = async {
            loop {
                match connect(&options, if_missing).await {
                    Err(error) if error.is_lock() => tokio::time::sleep(OPEN_RETRY).await,
                    opened => return opened,
                }
            }
        };
        let opened = tokio::time::timeout(OPEN_TIMEOUT, opening).await;
        let opened = opened.map_err(|_| StoreError::file(path, "is locked by another process"))?;
        let readers = opened.map_err(|error| explain(path, error))?;
        let identity = FileIdentity::of(path);
        let identity = identity.map_err(|error| StoreError::file(path, error.to_string()))?;
        Ok(Self {
            readers,
            // Most commands only read.
            writers: pool(MAX_WRITERS).connect_lazy_with(options.clone()),
            watch: pool(1).connect_lazy_with(options),
            file: Arc::new(OpenFile {
                path: path.to_owned(),
                identity,
                replaced: AtomicBool::new(false),
            }),
        })
    }

    pub(super) async fn read(&self) -> Result<Connection, StoreError> {
        let connection = self.readers.acquire().await?;
        Ok(Connection::Sqlite(SqliteHandle::Reading(connection)))
    }

    /// A connection that no look-up uses.
    pub(super) async fn watch(&self) -> Result<Connection, StoreError> {
        let connection = self.watch.acquire().await?;
        Ok(Connection::Sqlite(SqliteHandle::Reading(connection)))
    }

    /// Locks the database at once, so that waiting for another process happens here and not in a later statement.
    /// SQLite has no queue for writers, and another process may write all the time, so a locked database is tried again
    /// until the caller gives up.
    pub(super) async fn begin(&self) -> Result<Connection, StoreError> {
        // SQLite begins the transaction all the same, and then fails with a text that names no file.
        if let Some(obstacle) = obstacle_to_writing(&self.file.path) {
            return Err(StoreError::file(&self.file.path, obstacle));
        }
        loop {
            let begun = self.writers.begin_with("BEGIN IMMEDIATE").await;
            match begun.map_err(StoreError::from) {
                Err(error) if error.is_lock() => {}
                Err(error) => return Err(self.explain(error)),
                Ok(transaction) => {
                    return Ok(Connection::Sqlite(SqliteHandle::Writing(transaction)));
                }
            }
        }
    }

    /// Fails if the path leads to another file than the one that is open. What is read there is out of date, and what
    /// is written there is lost.
    pub(super) fn require_file(&self) -> Result<(), StoreError> {
        if self.file.replaced.load(Ordering::Relaxed) {
            return Err(StoreError::file(&self.file.path, REPLACED));
        }
        Ok(())
    }

    /// Compares the file at the path with the one that is open. `Some` if that has changed since the last comparison:
    /// whether the file is the same.
    pub(super) fn compare_file(&self) -> Option<bool> {
        let now = FileIdentity::of(&self.file.path);
        let same = now.is_ok_and(|identity| identity == self.file.identity);
        let replaced_before = self.file.replaced.swap(!same, Ordering::Relaxed);
        (replaced_before == same).then_some(same)
    }

    /// The path of the database.
    pub(super) fn path(&self) -> &Path {
        &self.file.path
    }

    pub(super) fn explain(&self, error: StoreError) -> StoreError {
        explain(&self.file.path, error)
    }

    /// Finishes pending writes and closes every connection.
    pub(super) async fn close(&self) {
        self.watch.close().await;
        self.writers.close().await;
        self.readers.close().await;
    }
}

/// Creates the file if that is wanted, and fails if it cannot be used.
fn prepare_file(path: &Path, if_missing: IfMissing) -> Result<(), StoreError> {
    if let Some(obstacle) = obstacle(path) {
        return Err(StoreError::file(path, obstacle));
    }
    if if_missing != IfMissing::Fail {
        if let Some(obstacle) = database_file::stray_log(path) {
            return Err(StoreError::file(path, obstacle));
        }
        let created = database_file::create_if_missing(path);
        created.map_err(|error| StoreError::file(path, format!("cannot be created: {error}")))?;
    } else if !has_content(path) {
        return Err(StoreError::file(path, DOES_NOT_EXIST));
    }
    Ok(())
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

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(READ_TIMEOUT)
        // SQLite itself ends a transaction when the disk is full. sqlx goes on counting it, and the connection could
        // never begin another one.
        .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
}

/// Connects for reading, and migrates.
async fn connect(
    options: &SqliteConnectOptions,
    if_missing: IfMissing,
) -> Result<SqlitePool, StoreError> {
    let readers = pool(MAX_READERS).connect_with(options.clone()).await?;
    let mut connection = readers.acquire().await?;
    migrate(&mut connection, if_missing).await?;
    Ok(readers)
}

/// Brings the tables to this version. Nothing is locked if they are there already. Otherwise one process migrates, in
/// one transaction, and the others wait and then find it done.
async fn migrate(
    connection: &mut SqliteConnection,
    if_missing: IfMissing,
) -> Result<(), StoreError> {
    let applied = applied(connection).await?;
    if opening::pending(&MIGRATIONS, &applied, if_missing)?.is_empty() {
        return Ok(());
    }
    // sqlx's own lock for migrations does nothing on SQLite.
    let mut transaction = connection.begin_with("BEGIN EXCLUSIVE").await?;
    MIGRATIONS.run(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

async fn applied(connection: &mut SqliteConnection) -> Result<Vec<Applied>, sqlx::Error> {
    let table = sqlx::query("SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations'");
    if table.fetch_optional(&mut *connection).await?.is_none() {
        return Ok(Vec::new());
    }
    sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version")
        .fetch_all(connection)
        .await
}

/// The error with the path and the reason, where the database's own text has neither.
fn explain(path: &Path, error: StoreError) -> StoreError {
    let reason = match error.sqlite_code() {
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
