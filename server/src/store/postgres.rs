//! PostgreSQL, or what speaks its protocol: its connections, their timeouts and its migrations.
//!
//! Every statement is in a transaction, has no name, and leaves nothing on the connection, so that a pooler in
//! transaction mode (`PgBouncer`) can stand in between.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool, Transaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    connection::Connection,
    error::StoreError,
    opening::{self, Applied, DOES_NOT_EXIST, IfMissing},
    postgres_url::options,
    timeouts::{
        CONNECT_TIMEOUT, OPEN_TIMEOUT, READ_TIMEOUT, STATEMENT_TIMEOUT, WRITER_IDLE_TIMEOUT,
    },
};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// Connections for reading. A look-up takes a few milliseconds, and keys in use are cached.
const MAX_READERS: u32 = 6;
/// Connections for writing: writers queue, in this process and among all.
const MAX_WRITERS: u32 = 1;
/// The lock of the process that migrates. Any number that nothing else in the same database uses.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(7205759403792793601)";

/// Milliseconds since 1970.
pub(super) const NOW: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
/// Adds a migration with the version `$1`.
pub(super) const INSERT_MIGRATION: &str =
    "INSERT INTO _sqlx_migrations (version, description, checksum) VALUES ($1, '', '')";

/// An open PostgreSQL database. A clone shares its connections.
#[derive(Debug, Clone)]
pub(super) struct Postgres {
    options: Arc<PgConnectOptions>,
    pools: Arc<RwLock<Pools>>,
}

/// Connections, each opened when it is needed.
#[derive(Debug, Clone)]
struct Pools {
    readers: PgPool,
    writers: PgPool,
    /// The connection that reads the change counter.
    watch: PgPool,
}

impl Pools {
    fn new(options: &PgConnectOptions) -> Self {
        let pool = |connections| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(CONNECT_TIMEOUT)
                .connect_lazy_with(options.clone())
        };
        Self {
            readers: pool(MAX_READERS),
            writers: pool(MAX_WRITERS),
            watch: pool(1),
        }
    }
}

/// Whether a URL is meant for this engine.
pub(super) fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

impl Postgres {
    pub(super) async fn open(url: &str, if_missing: IfMissing) -> Result<Self, StoreError> {
        let options = options(url).map_err(StoreError::Url)?;
        let mut is_connected = false;
        let opening = async {
            // Not from a pool, which hides why it could not connect.
            let connected = PgConnection::connect_with(&options).await;
            let mut connection = connected.map_err(|error| not_connected(&options, error))?;
            is_connected = true;
            migrate(&mut connection, if_missing).await?;
            Ok::<_, StoreError>(connection.close().await?)
        };
        let opened = tokio::time::timeout(OPEN_TIMEOUT, opening).await;
        match opened {
            Ok(opened) => opened?,
            Err(_) if is_connected => return Err(StoreError::TimedOut),
            Err(_) => return Err(unreachable(&options, &"no response in time")),
        }
        Ok(Self {
            pools: Arc::new(RwLock::new(Pools::new(&options))),
            options: Arc::new(options),
        })
    }

    fn pools(&self) -> Pools {
        let pools = self.pools.read().unwrap_or_else(PoisonError::into_inner);
        pools.clone()
    }

    /// Forgets every connection: one whose peer is gone may hang for many minutes, until the system gives it up.
    pub(super) fn reconnect(&self) {
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        *pools = Pools::new(&self.options);
    }

    /// A transaction that only reads.
    pub(super) async fn read(&self, timeout: Duration) -> Result<Connection, StoreError> {
        begin_read(&self.pools().readers, timeout).await
    }

    /// The same on a connection that no look-up uses.
    pub(super) async fn watch(&self, timeout: Duration) -> Result<Connection, StoreError> {
        begin_read(&self.pools().watch, timeout).await
    }

    /// A transaction that writes. Nothing in it waits for a lock longer than `timeout`.
    pub(super) async fn begin(&self, timeout: Duration) -> Result<Connection, StoreError> {
        let begin = begin("BEGIN", timeout, timeout.max(STATEMENT_TIMEOUT));
        let transaction = self
            .pools()
            .writers
            .begin_with(AssertSqlSafe(begin))
            .await?;
        Ok(Connection::Postgres(transaction))
    }

    pub(super) async fn close(&self) {
        let pools = self.pools();
        pools.watch.close().await;
        pools.writers.close().await;
        pools.readers.close().await;
    }
}

/// The error with the address, for what the network says. The server's own error has its words, such as which user it
/// does not accept.
fn not_connected(options: &PgConnectOptions, error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Io(error) => unreachable(options, &error),
        sqlx::Error::Tls(error) => unreachable(options, &error),
        error => error.into(),
    }
}

fn unreachable(options: &PgConnectOptions, problem: &impl ToString) -> StoreError {
    let host = options.get_host();
    let address = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None if host.contains(':') && !host.starts_with('[') => {
            format!("[{host}]:{}", options.get_port())
        }
        None => format!("{host}:{}", options.get_port()),
    };
    StoreError::NotConnected {
        address,
        problem: problem.to_string(),
    }
}

async fn begin_read(pool: &PgPool, timeout: Duration) -> Result<Connection, StoreError> {
    let begin = begin("BEGIN READ ONLY", READ_TIMEOUT, timeout);
    let transaction = pool.begin_with(AssertSqlSafe(begin)).await?;
    Ok(Connection::Postgres(transaction))
}

/// Begins a transaction with its timeouts, in one message. A pooler does not keep them for a connection.
fn begin(begin: &str, lock: Duration, statement: Duration) -> String {
    let (lock, statement, idle) = (
        lock.as_millis(),
        statement.as_millis(),
        // A writer whose machine has died must not hold up the others.
        WRITER_IDLE_TIMEOUT.as_millis(),
    );
    format!(
        "{begin}; SET LOCAL lock_timeout = {lock}; SET LOCAL statement_timeout = {statement}; \
         SET LOCAL idle_in_transaction_session_timeout = {idle}"
    )
}

/// Brings the tables to this version. Nothing is locked if they are there already. Otherwise one process migrates, in
/// one transaction, and the others wait and then find it done. sqlx's own lock belongs to the session, which a pooler
/// in transaction mode does not keep.
async fn migrate(connection: &mut PgConnection, if_missing: IfMissing) -> Result<(), StoreError> {
    let begin = begin("BEGIN", OPEN_TIMEOUT, OPEN_TIMEOUT);
    let mut transaction = connection.begin_with(AssertSqlSafe(begin)).await?;
    let found = match has_tables(&mut transaction).await? {
        true => applied(&mut transaction).await?,
        false if if_missing == IfMissing::Fail => return Err(StoreError::Missing(DOES_NOT_EXIST)),
        false => Vec::new(),
    };
    if opening::pending(&MIGRATIONS, &found, if_missing)?.is_empty() {
        return Ok(());
    }
    sqlx::raw_sql(MIGRATION_LOCK)
        .execute(&mut *transaction)
        .await?;
    // Another process may have migrated while this one waited for the lock.
    apply_pending(&mut transaction, if_missing).await?;
    Ok(transaction.commit().await?)
}

async fn has_tables(
    transaction: &mut Transaction<'_, sqlx::Postgres>,
) -> Result<bool, sqlx::Error> {
    let table: Option<(i32,)> =
        sqlx::query_as("SELECT 1 WHERE to_regclass('_sqlx_migrations') IS NOT NULL")
            .persistent(false)
            .fetch_optional(&mut **transaction)
            .await?;
    Ok(table.is_some())
}

async fn applied(
    transaction: &mut Transaction<'_, sqlx::Postgres>,
) -> Result<Vec<Applied>, sqlx::Error> {
    sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations ORDER BY version")
        .persistent(false)
        .fetch_all(&mut **transaction)
        .await
}

async fn apply_pending(
    transaction: &mut Transaction<'_, sqlx::Postgres>,
    if_missing: IfMissing,
) -> Result<(), StoreError> {
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
         installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), checksum BYTEA NOT NULL)",
    )
    .execute(&mut **transaction)
    .await?;
    let found = applied(transaction).await?;
    for migration in opening::pending(&MIGRATIONS, &found, if_missing)? {
        sqlx::raw_sql(migration.sql.clone())
            .execute(&mut **transaction)
            .await?;
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, checksum) VALUES ($1, $2, $3)",
        )
        .bind(migration.version)
        .bind(&*migration.description)
        .bind(&*migration.checksum)
        .persistent(false)
        .execute(&mut **transaction)
        .await?;
    }
    Ok(())
}
