//! API keys in the database: everything about a key except the key.

use chrono::{DateTime, Utc};
use sqlx::{Row, sqlite::SqliteRow};

use super::database::{Store, StoreError, read_time};
use crate::{api_key::ApiKeyHash, ids::OrganizationId};

/// What is stored of a key.
#[derive(Debug, Clone)]
pub(crate) struct KeyRecord {
    /// The id, which is not a secret.
    pub id: String,
    /// The organization that owns the key.
    pub org: OrganizationId,
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
    pub(crate) async fn create_key(
        &self,
        NewKey { record, hash }: NewKey<'_>,
    ) -> Result<(), StoreError> {
        let created = sqlx::query(
            "INSERT INTO api_keys (id, organization_id, hash, name, scopes, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&record.id)
        .bind(record.org.as_str())
        .bind(hash.as_bytes())
        .bind(&record.name)
        .bind(record.scopes.join(" "))
        .bind(record.created_at.timestamp())
        .bind(record.expires_at.map(|expires_at| expires_at.timestamp()))
        .execute(&self.pool)
        .await;
        match created {
            Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
                Err(StoreError::not_found("organization", &record.org))
            }
            created => created.map(drop).map_err(StoreError::from),
        }
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

    /// Revokes a key. Revoking it again changes nothing. `NotFound` if it does not exist.
    pub(crate) async fn revoke_key(
        &self,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<KeyRecord, StoreError> {
        sqlx::query("UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
            .bind(id)
            .bind(now.timestamp())
            .execute(&self.pool)
            .await?;
        self.show_key(id).await
    }

    /// Makes a key expire at `expires_at`, unless it expires earlier. `NotFound` if it does not exist.
    pub(crate) async fn expire_key(
        &self,
        id: &str,
        expires_at: DateTime<Utc>,
    ) -> Result<KeyRecord, StoreError> {
        sqlx::query("UPDATE api_keys SET expires_at = $2 WHERE id = $1 AND (expires_at IS NULL OR expires_at > $2)")
            .bind(id)
            .bind(expires_at.timestamp())
            .execute(&self.pool)
            .await?;
        self.show_key(id).await
    }

    /// The record of a key. `NotFound` if it does not exist.
    pub(crate) async fn show_key(&self, id: &str) -> Result<KeyRecord, StoreError> {
        let row = sqlx::query("SELECT * FROM api_keys WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        let row = row.ok_or_else(|| StoreError::not_found("key", id))?;
        Ok(record(&row)?)
    }

    /// Records the day on which a key was used, as `YYYY-MM-DD`.
    pub(crate) async fn touch_key(&self, id: &str, day: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE api_keys SET last_used_on = $2 WHERE id = $1")
            .bind(id)
            .bind(day)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
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
    Ok(KeyRecord {
        id: row.try_get("id")?,
        org: OrganizationId::from_stored(row.try_get("organization_id")?),
        name: row.try_get("name")?,
        scopes: read_scopes(row.try_get("scopes")?),
        created_at: read_time(row.try_get("created_at")?)?,
        expires_at: time("expires_at")?,
        revoked_at: time("revoked_at")?,
        last_used_on: row.try_get("last_used_on")?,
    })
}
