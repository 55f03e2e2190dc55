//! API keys at rest: everything about a key but the key.

use serde::Serialize;
use sqlx::{Row, sqlite::SqliteRow};

use super::{Store, StoreError, at};
use crate::{api_key::ApiKeyHash, http::schema::Timestamp, ids::OrganizationId};

/// A key as the commands show it. What is unset is absent.
#[derive(Debug, Serialize)]
pub(crate) struct KeyRecord {
    /// Its id, which is no secret.
    pub id: String,
    /// The organization that owns it.
    pub org: OrganizationId,
    /// What it is for, in the operator's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// The last day it was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_on: Option<String>,
}

/// A key to be stored.
pub(crate) struct NewKey<'a> {
    /// What is to be known of it.
    pub record: &'a KeyRecord,
    /// What it will be found by.
    pub hash: ApiKeyHash,
}

impl Store {
    /// Stores a new key's record and hash.
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
        .bind(record.created_at.0.timestamp())
        .bind(record.expires_at.map(|Timestamp(expires_at)| expires_at.timestamp()))
        .execute(&self.pool)
        .await;
        match created {
            Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
                Err(StoreError::NotFound {
                    what: "organization",
                    id: record.org.to_string(),
                })
            }
            created => created.map(drop).map_err(StoreError::from),
        }
    }

    /// The organization's keys, oldest first.
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
        rows.iter()
            .map(|row| record(row).map_err(StoreError::from))
            .collect()
    }

    /// Withdraws a key. Withdrawing it again changes nothing.
    pub(crate) async fn revoke_key(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<KeyRecord, StoreError> {
        sqlx::query("UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
            .bind(id)
            .bind(now.0.timestamp())
            .execute(&self.pool)
            .await?;
        self.show_key(id).await
    }

    /// Brings a key's end forward to `expires_at`; an earlier end stays.
    pub(crate) async fn expire_key(
        &self,
        id: &str,
        expires_at: Timestamp,
    ) -> Result<KeyRecord, StoreError> {
        sqlx::query("UPDATE api_keys SET expires_at = $2 WHERE id = $1 AND (expires_at IS NULL OR expires_at > $2)")
            .bind(id)
            .bind(expires_at.0.timestamp())
            .execute(&self.pool)
            .await?;
        self.show_key(id).await
    }

    /// One key.
    pub(crate) async fn show_key(&self, id: &str) -> Result<KeyRecord, StoreError> {
        let row = sqlx::query("SELECT * FROM api_keys WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        let row = row.ok_or_else(|| StoreError::NotFound {
            what: "key",
            id: id.to_owned(),
        })?;
        Ok(record(&row)?)
    }

    /// Records the day on which a key was used.
    pub(crate) async fn touch_key(&self, id: &str, day: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE api_keys SET last_used_on = $2 WHERE id = $1")
            .bind(id)
            .bind(day)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

pub(super) fn read_scopes(column: &str) -> Vec<String> {
    column
        .split(' ')
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect()
}

fn record(row: &SqliteRow) -> Result<KeyRecord, sqlx::Error> {
    let seconds = |column: &str| {
        row.try_get::<Option<i64>, _>(column)
            .map(|seconds| seconds.map(at))
    };
    Ok(KeyRecord {
        id: row.try_get("id")?,
        org: OrganizationId::from_stored(row.try_get("organization_id")?),
        name: row.try_get("name")?,
        scopes: read_scopes(row.try_get("scopes")?),
        created_at: at(row.try_get("created_at")?),
        expires_at: seconds("expires_at")?,
        revoked_at: seconds("revoked_at")?,
        last_used_on: row.try_get("last_used_on")?,
    })
}
