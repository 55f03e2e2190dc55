//! The one look-up of a request: by the key's hash, everything that the operation needs to know of its caller.

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::{CustomerState, PATIENCE, Store, StoreError};
use crate::{
    api_key::ApiKeyHash,
    ids::{CustomerId, OrganizationId},
};

/// Whom a stored key stands for. Expiry and revocation are looked at on each use, not here.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The key's id, for logs; the key itself is not known.
    pub key_id: String,
    /// The organization that owns the key.
    pub organization: OrganizationId,
    /// What the key may do.
    pub scopes: Vec<String>,
    /// From when the key is refused.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it was withdrawn.
    pub revoked: bool,
    /// The last day it was used, as far as the store knows.
    pub last_used_on: Option<String>,
    /// The organization's customer, where Stripe still has it.
    pub customer: Option<CustomerId>,
}

impl Store {
    /// Finds the key with this hash, its organization, scopes and customer, by one indexed read.
    pub(crate) async fn find_caller(
        &self,
        hash: &ApiKeyHash,
    ) -> Result<Option<Caller>, StoreError> {
        let row = sqlx::query(
            "SELECT k.id, k.organization_id, k.scopes, k.expires_at, k.revoked_at, k.last_used_on, c.customer, c.state \
             FROM api_keys k LEFT JOIN customers c ON c.organization_id = k.organization_id WHERE k.hash = $1",
        )
        .bind(hash.as_bytes())
        .fetch_optional(&self.pool);
        // A disk that does not answer must not keep callers waiting for theirs.
        let row = tokio::time::timeout(PATIENCE, row).await;
        let row = row.map_err(|_| StoreError::TimedOut)??;
        let Some(row) = row else { return Ok(None) };
        let expires_at: Option<i64> = row.try_get("expires_at")?;
        let revoked_at: Option<i64> = row.try_get("revoked_at")?;
        let state: Option<String> = row.try_get("state")?;
        let customer: Option<String> = row.try_get("customer")?;
        let active =
            state.is_some_and(|state| CustomerState::read(&state) == CustomerState::Active);
        Ok(Some(Caller {
            key_id: row.try_get("id")?,
            organization: OrganizationId::from_stored(row.try_get("organization_id")?),
            scopes: super::keys::read_scopes(row.try_get("scopes")?),
            expires_at: expires_at.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            revoked: revoked_at.is_some(),
            last_used_on: row.try_get("last_used_on")?,
            customer: customer.filter(|_| active).map(CustomerId::from_stored),
        }))
    }
}
