//! API keys in the database: everything about a key except the key.

use chrono::{DateTime, Utc};
use sqlx::{Row, Sqlite, SqliteExecutor, Transaction, sqlite::SqliteRow};

use super::{
    database::{Store, read_time},
    error::StoreError,
    timeouts::REVOCATION_TIMEOUT,
};
use crate::{
    api_key::ApiKeyHash,
    ids::{Mode, OrganizationId},
};

/// What is stored of a key.
#[derive(Debug, Clone)]
pub(crate) struct KeyRecord {
    /// The id, which is not a secret.
    pub id: String,
    /// The organization that owns the key.
    pub org: OrganizationId,
    /// Which deployments accept the key. `None`: it was created before 1.1.0 and has not been used since.
    pub mode: Option<Mode>,
    /// What the key is for, in the operator's words.
    pub name: Option<String>,
    /// What the key may do.
    pub scopes: Vec<String>,
    /// When the key was created.
    pub created_at: DateTime<Utc>,
    /// When the key expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the key was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The last day on which the key was used, as `YYYY-MM-DD`.
    pub last_used_on: Option<String>,
}

/// A key to be stored.
pub(crate) struct NewKey<'a> {
    /// The record to be stored.
    pub record: &'a KeyRecord,
    /// The hash by which the key will be found.
    pub hash: ApiKeyHash,
}

impl Store {
    /// Stores a new key's record and hash. `NotFound` if the organization does not exist.
    pub(crate) async fn create_key(&self, key: NewKey<'_>) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        insert(&mut write.transaction, key).await?;
        write.commit().await
    }

    /// The organization's keys, oldest first. `NotFound` if the organization does not exist.
    pub(crate) async fn list_keys(
        &self,
        org: &OrganizationId,
    ) -> Result<Vec<KeyRecord>, StoreError> {
        self.show_organization(org).await?;
        let rows = sqlx::query(
            "SELECT * FROM api_keys WHERE organization_id = $1 ORDER BY created_at, id",
        )
        .bind(org.as_str())
        .fetch_all(&self.pool)
        .await?;
        let records: Result<_, sqlx::Error> = rows.iter().map(record).collect();
        Ok(records?)
    }

    /// Revokes a key. Revoking it again changes nothing. `NotFound` if it does not exist. It waits for other writers
    /// longer than other changes do.
    pub(crate) async fn revoke_key(
        &self,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<KeyRecord, StoreError> {
        let mut write = self.begin_within(REVOCATION_TIMEOUT).await?;
        sqlx::query("UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
            .bind(id)
            .bind(now.timestamp())
            .execute(&mut *write.transaction)
            .await?;
        let revoked = find(&mut *write.transaction, id).await?;
        write.commit().await?;
        Ok(revoked)
    }

    /// Stores the successor of a key, and makes the key expire at `expires_at` unless it expires earlier: both or
    /// neither. `NotFound` if the key does not exist, `Conflict` if it has expired or was revoked.
    pub(crate) async fn rotate_key(
        &self,
        id: &str,
        expires_at: DateTime<Utc>,
        successor: NewKey<'_>,
    ) -> Result<(), StoreError> {
        let now = successor.record.created_at;
        let mut write = self.begin().await?;
        find(&mut *write.transaction, id)
            .await?
            .require_usable(now)?;
        insert(&mut write.transaction, successor).await?;
        sqlx::query("UPDATE api_keys SET expires_at = $2 WHERE id = $1 AND (expires_at IS NULL OR expires_at > $2)")
            .bind(id)
            .bind(expires_at.timestamp())
            .execute(&mut *write.transaction)
            .await?;
        write.commit().await
    }

    /// The record of a key. `NotFound` if it does not exist.
    pub(crate) async fn show_key(&self, id: &str) -> Result<KeyRecord, StoreError> {
        find(&self.pool, id).await
    }

    /// Records the day on which a key was used, as `YYYY-MM-DD`, and its mode if that is not known yet.
    pub(crate) async fn record_key_use(
        &self,
        id: &str,
        day: &str,
        mode: Mode,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "UPDATE api_keys SET last_used_on = $2, mode = COALESCE(mode, $3) WHERE id = $1",
        )
        .bind(id)
        .bind(day)
        .bind(mode.as_str())
        .execute(&mut *write.transaction)
        .await?;
        write.commit().await
    }
}

impl KeyRecord {
    /// Fails for a key that no request can be made with.
    pub(crate) fn require_usable(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        if self.revoked_at.is_some() || self.expires_at.is_some_and(|expires_at| expires_at <= now)
        {
            return Err(StoreError::Conflict(format!(
                "key {} has expired or was revoked; create a new one",
                self.id
            )));
        }
        Ok(())
    }
}

async fn insert(
    transaction: &mut Transaction<'static, Sqlite>,
    NewKey { record, hash }: NewKey<'_>,
) -> Result<(), StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO api_keys (id, organization_id, hash, mode, name, scopes, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&record.id)
    .bind(record.org.as_str())
    .bind(hash.as_bytes())
    .bind(record.mode.map(Mode::as_str))
    .bind(&record.name)
    .bind(record.scopes.join(" "))
    .bind(record.created_at.timestamp())
    .bind(record.expires_at.map(|expires_at| expires_at.timestamp()))
    .execute(&mut **transaction)
    .await;
    match inserted {
        Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
            Err(StoreError::not_found("organization", &record.org))
        }
        inserted => inserted.map(drop).map_err(StoreError::from),
    }
}

async fn find(executor: impl SqliteExecutor<'_>, id: &str) -> Result<KeyRecord, StoreError> {
    let row = sqlx::query("SELECT * FROM api_keys WHERE id = $1")
        .bind(id)
        .fetch_optional(executor)
        .await?;
    let row = row.ok_or_else(|| StoreError::not_found("key", id))?;
    Ok(record(&row)?)
}

/// The column of scopes, which are separated by single spaces.
pub(super) fn read_scopes(column: &str) -> Vec<String> {
    column
        .split(' ')
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect()
}

fn record(row: &SqliteRow) -> Result<KeyRecord, sqlx::Error> {
    let time = |column: &str| {
        let seconds: Option<i64> = row.try_get(column)?;
        seconds.map(read_time).transpose()
    };
    let mode: Option<&str> = row.try_get("mode")?;
    Ok(KeyRecord {
        id: row.try_get("id")?,
        org: OrganizationId::from_stored(row.try_get("organization_id")?),
        mode: mode.and_then(Mode::from_stored),
        name: row.try_get("name")?,
        scopes: read_scopes(row.try_get("scopes")?),
        created_at: read_time(row.try_get("created_at")?)?,
        expires_at: time("expires_at")?,
        revoked_at: time("revoked_at")?,
        last_used_on: row.try_get("last_used_on")?,
    })
}
