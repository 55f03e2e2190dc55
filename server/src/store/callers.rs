//! The one look-up of a request: by the hash of the key, everything that the operation needs to know of its caller.

use chrono::{DateTime, Utc};
use sqlx::{Row, sqlite::SqliteRow};

use super::{
    database::{Store, read_time},
    error::StoreError,
    keys::read_scopes,
    mapping::CustomerState,
    timeouts::READ_TIMEOUT,
};
use crate::{
    api_key::ApiKeyHash,
    ids::{CustomerId, OrganizationId},
};

/// The caller that a stored key belongs to. Whether the key has expired or was revoked is checked at each use, not
/// here.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The key's id, for logs. The key itself is not known.
    pub key_id: String,
    /// The organization that owns the key.
    pub organization: OrganizationId,
    /// What the key may do.
    pub scopes: Vec<String>,
    /// When the key expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether the key was revoked.
    pub revoked: bool,
    /// The last day on which the key was used, as far as it was recorded.
    pub last_used_on: Option<String>,
    /// The organization's customer, unless the mapping is missing or stale.
    pub customer: Option<CustomerId>,
}

impl Store {
    /// Finds the key with this hash, its organization, scopes and customer, with one indexed read.
    pub(crate) async fn find_caller(
        &self,
        hash: &ApiKeyHash,
    ) -> Result<Option<Caller>, StoreError> {
        self.require_file()?;
        let row = sqlx::query(
            "SELECT k.id, k.organization_id, k.scopes, k.expires_at, k.revoked_at, k.last_used_on, c.customer, c.state \
             FROM api_keys k LEFT JOIN customers c ON c.organization_id = k.organization_id WHERE k.hash = $1",
        )
        .bind(hash.as_bytes())
        .fetch_optional(&self.pool);
        // A disk that does not respond must not delay every caller.
        let row = tokio::time::timeout(READ_TIMEOUT, row).await;
        let row = row.map_err(|_| StoreError::TimedOut)??;
        Ok(row.as_ref().map(caller).transpose()?)
    }
}

fn caller(row: &SqliteRow) -> Result<Caller, sqlx::Error> {
    let expires_at: Option<i64> = row.try_get("expires_at")?;
    let revoked_at: Option<i64> = row.try_get("revoked_at")?;
    let state: Option<&str> = row.try_get("state")?;
    let customer: Option<String> = row.try_get("customer")?;
    let active = state.map(CustomerState::from_stored) == Some(CustomerState::Active);
    Ok(Caller {
        key_id: row.try_get("id")?,
        organization: OrganizationId::from_stored(row.try_get("organization_id")?),
        scopes: read_scopes(row.try_get("scopes")?),
        expires_at: expires_at.map(read_time).transpose()?,
        revoked: revoked_at.is_some(),
        last_used_on: row.try_get("last_used_on")?,
        customer: customer.filter(|_| active).map(CustomerId::from_stored),
    })
}
