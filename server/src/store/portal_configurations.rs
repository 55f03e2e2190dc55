//! The id of the portal configuration that the service created at Stripe.

use super::{database::Store, error::StoreError};
use crate::ids::Mode;

impl Store {
    /// The id of the service's configuration in this mode.
    pub(crate) async fn portal_configuration(
        &self,
        mode: Mode,
    ) -> Result<Option<String>, StoreError> {
        let id = sqlx::query_scalar("SELECT id FROM portal_configurations WHERE mode = $1")
            .bind(mode.as_str())
            .fetch_optional(&self.pool);
        Ok(id.await?)
    }

    /// Records the id of the service's configuration in this mode.
    pub(crate) async fn record_portal_configuration(
        &self,
        mode: Mode,
        id: &str,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "INSERT INTO portal_configurations (mode, id) VALUES ($1, $2) \
             ON CONFLICT (mode) DO UPDATE SET id = excluded.id",
        )
        .bind(mode.as_str())
        .bind(id)
        .execute(&mut *write.transaction)
        .await?;
        write.commit().await
    }
}
