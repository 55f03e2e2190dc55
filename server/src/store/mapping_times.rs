//! Mappings whose recorded time is in the future, which a clock that was ahead has left.

use chrono::{DateTime, Utc};

use super::{database::Store, error::StoreError, mapping::UnixSeconds, statement::fetch_all};
use crate::ids::OrganizationId;

impl Store {
    /// The organizations whose customer was decided later than `latest`. Until then no event of Stripe changes it.
    pub(crate) async fn organizations_decided_after(
        &self,
        latest: DateTime<Utc>,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        let ids: Vec<(String,)> = fetch_all!(
            &mut self.read().await?,
            "SELECT id FROM organizations WHERE customer_as_of > $1 ORDER BY id",
            UnixSeconds::from(latest).0
        )?;
        let ids = ids.into_iter();
        Ok(ids.map(|(id,)| OrganizationId::from_stored(id)).collect())
    }
}
