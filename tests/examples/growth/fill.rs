//! A database with so many organizations, customers and keys.

use billing_portal_tests::service_process::command;
use serde_json::Value;
use sqlx::{Connection, PgConnection, SqliteConnection};
use tokio::process::Command;

use crate::result::Result;

/// Keys that are known, so that requests can be made with them. Each belongs to another organization.
const KNOWN: u32 = 200;

/// Statements for each engine. The hashes are those of no key; every row has the day of today, so that no use of a key
/// writes to the database.
const SQLITE: [&str; 3] = [
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1) INSERT INTO organizations \
     (id, name, created_at, customer_as_of) SELECT 'org-' || i, 'Organization ' || i, 1700000000000, 1700000000 FROM n",
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1) INSERT INTO customers \
     (organization_id, customer, state) SELECT 'org-' || i, 'cus_' || i, 'active' FROM n",
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1) INSERT INTO api_keys \
     (id, organization_id, hash, scopes, created_at, mode) SELECT 'key_' || i, 'org-' || i, randomblob(32), \
     'billing:read', 1700000000000, 'test' FROM n",
];
const POSTGRESQL: [&str; 3] = [
    "INSERT INTO organizations (id, name, created_at, customer_as_of) SELECT 'org-' || i, 'Organization ' || i, \
     1700000000000, 1700000000 FROM generate_series(0, $1 - 1) i",
    "INSERT INTO customers (organization_id, customer, state) SELECT 'org-' || i, 'cus_' || i, 'active' \
     FROM generate_series(0, $1 - 1) i",
    "INSERT INTO api_keys (id, organization_id, hash, scopes, created_at, mode) SELECT 'key_' || i, 'org-' || i, \
     sha256(('key ' || i)::bytea), 'billing:read', 1700000000000, 'test' FROM generate_series(0, $1 - 1) i",
];
/// Takes a known key's place among the others.
const MOVE: &str = "UPDATE api_keys SET organization_id = $1, last_used_on = $2 WHERE id = $3";

/// A filled database.
pub(crate) struct Filled {
    /// Its URL.
    pub(crate) url: String,
    /// The known keys. They lack the scope to open a portal.
    pub(crate) keys: Vec<String>,
    /// How many bytes it takes.
    pub(crate) bytes: i64,
}

/// A connection to either engine.
enum Database {
    Sqlite(SqliteConnection),
    Postgresql(PgConnection),
}

/// Runs a command of the service on the database.
pub(crate) fn on_database(arguments: &[&str], url: &str) -> Result<Command> {
    let variables = [
        ("BILLING_PORTAL_DATABASE_URL", url),
        (
            "BILLING_PORTAL_STRIPE_SECRET_KEY",
            "sk_test_simulated0000000000000000",
        ),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(command(arguments, &variables)?)
}

async fn json(arguments: &[&str], url: &str) -> Result<Value> {
    let output = on_database(arguments, url)?.output().await?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

impl Filled {
    /// Fills an empty database.
    pub(crate) async fn new(url: &str, size: u32) -> Result<Self> {
        json(
            &["org", "create", "--id", "first", "--name", "x", "--json"],
            url,
        )
        .await?;
        let mut database = Database::open(url).await?;
        database.fill(size).await?;
        let create = [
            "key",
            "create",
            "--org",
            "first",
            "--scope",
            "billing:read",
            "--mode",
            "test",
            "--json",
        ];
        let today = chrono::Utc::now().date_naive().to_string();
        let mut keys = Vec::new();
        for number in 0..KNOWN {
            let created = json(&create, url).await?;
            let text = |field: &str| created[field].as_str().unwrap_or_default().to_owned();
            let organization = format!(
                "org-{}",
                u64::from(number) * u64::from(size) / u64::from(KNOWN)
            );
            database.place(&text("id"), &organization, &today).await?;
            keys.push(text("key"));
        }
        Ok(Self {
            url: url.to_owned(),
            keys,
            bytes: database.finish().await?,
        })
    }
}

impl Database {
    async fn open(url: &str) -> Result<Self> {
        Ok(if url.starts_with("sqlite") {
            Self::Sqlite(SqliteConnection::connect(url).await?)
        } else {
            Self::Postgresql(PgConnection::connect(url).await?)
        })
    }

    async fn fill(&mut self, size: u32) -> Result<()> {
        let size = i64::from(size);
        match self {
            Self::Sqlite(connection) => {
                for statement in SQLITE {
                    sqlx::query(statement)
                        .bind(size)
                        .execute(&mut *connection)
                        .await?;
                }
            }
            Self::Postgresql(connection) => {
                for statement in POSTGRESQL {
                    sqlx::query(statement)
                        .bind(size)
                        .execute(&mut *connection)
                        .await?;
                }
            }
        }
        Ok(())
    }

    async fn place(&mut self, key: &str, organization: &str, today: &str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => {
                let place = sqlx::query(MOVE).bind(organization).bind(today).bind(key);
                place.execute(connection).await?;
            }
            Self::Postgresql(connection) => {
                let place = sqlx::query(MOVE).bind(organization).bind(today).bind(key);
                place.execute(connection).await?;
            }
        }
        Ok(())
    }

    /// Leaves it as a database is that has been there for a while. Answers its bytes.
    async fn finish(self) -> Result<i64> {
        match self {
            Self::Sqlite(mut connection) => {
                sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                    .execute(&mut connection)
                    .await?;
                let bytes =
                    "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
                Ok(sqlx::query_scalar(bytes).fetch_one(&mut connection).await?)
            }
            Self::Postgresql(mut connection) => {
                sqlx::raw_sql("VACUUM ANALYZE")
                    .execute(&mut connection)
                    .await?;
                let bytes = "SELECT pg_database_size(current_database())";
                Ok(sqlx::query_scalar(bytes).fetch_one(&mut connection).await?)
            }
        }
    }
}
