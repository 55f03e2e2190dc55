//! The look-up of a key that is not in the cache: by its hash, everything that an operation needs to know of its caller.

use chrono::{DateTime, NaiveDate, Utc};

use super::{
    database::{Store, read_time},
    error::StoreError,
    keys::read_scopes,
    mapping::CustomerState,
    return_origins::own_allow_list,
    statement::fetch_optional,
    timeouts::READ_TIMEOUT,
};
use crate::{
    api_key::ApiKeyHash,
    ids::{CustomerId, OrganizationId},
    return_url::AllowList,
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
    pub last_used_on: Option<NaiveDate>,
    /// The organization's customer, unless the mapping is missing or stale.
    pub customer: Option<CustomerId>,
    /// The organization's portal profile. `None`: the default one.
    pub portal_profile: Option<String>,
    /// The origins that replace the operator's list for this organization, if it has its own.
    pub own_allow_list: Option<AllowList>,
}

impl Store {
    /// Finds the key with this hash, its organization, scopes and customer, with one indexed read.
    pub(crate) async fn find_caller(
        &self,
        hash: &ApiKeyHash,
    ) -> Result<Option<Caller>, StoreError> {
        // A database that does not respond must not delay every caller.
        let row = self.unless_unreachable(self.find_row(hash));
        let row = tokio::time::timeout(READ_TIMEOUT, row).await;
        let row = row.map_err(|_| StoreError::TimedOut)??;
        Ok(row.map(caller).transpose()?)
    }

    async fn find_row(&self, hash: &ApiKeyHash) -> Result<Option<CallerRow>, StoreError> {
        let mut connection = self.read_within(READ_TIMEOUT).await?;
        Ok(fetch_optional!(
            &mut connection,
            "SELECT k.id, k.organization_id, k.scopes, k.expires_at, k.revoked_at, k.last_used_on, c.customer, c.state, \
             o.return_origins, o.portal_profile FROM api_keys k JOIN organizations o ON o.id = k.organization_id \
             LEFT JOIN customers c ON c.organization_id = k.organization_id WHERE k.hash = $1",
            hash.as_bytes(),
        )?)
    }
}

/// The columns of the look-up, in their order.
type CallerRow = (
    String,
    String,
    String,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    Option<String>,
);

fn caller(row: CallerRow) -> Result<Caller, sqlx::Error> {
    let (
        key_id,
        organization,
        scopes,
        expires_at,
        revoked_at,
        last_used_on,
        customer,
        state,
        return_origins,
        portal_profile,
    ) = row;
    let active = state.as_deref().map(CustomerState::from_stored) == Some(CustomerState::Active);
    Ok(Caller {
        key_id,
        organization: OrganizationId::from_stored(organization),
        scopes: read_scopes(&scopes),
        expires_at: expires_at.map(read_time).transpose()?,
        revoked: revoked_at.is_some(),
        // A day that cannot be read is written again.
        last_used_on: last_used_on.and_then(|day| day.parse().ok()),
        customer: customer.filter(|_| active).map(CustomerId::from_stored),
        portal_profile,
        own_allow_list: own_allow_list(&return_origins),
    })
}
