//! The id of the portal configuration that the service created at Stripe.

use super::{
    database::Store,
    error::StoreError,
    statement::{execute, fetch_optional},
};
use crate::ids::Mode;

impl Store {
    /// The id of the service's configuration in this mode.
    pub(crate) async fn portal_configuration(
        &self,
        mode: Mode,
    ) -> Result<Option<String>, StoreError> {
        let id: Option<(String,)> = fetch_optional!(
            &mut self.read().await?,
            "SELECT id FROM portal_configurations WHERE mode = $1",
            mode.as_str(),
        )?;
        Ok(id.map(|(id,)| id))
    }

    /// Records the id of the service's configuration in this mode.
    pub(crate) async fn record_portal_configuration(
        &self,
        mode: Mode,
        id: &str,
    ) -> Result<(), StoreError> {
        let mut write = self.begin_uncounted().await?;
        execute!(
            &mut write.connection,
            "INSERT INTO portal_configurations (mode, id) VALUES ($1, $2) \
             ON CONFLICT (mode) DO UPDATE SET id = excluded.id",
            mode.as_str(),
            id,
        )?;
        write.commit().await
    }
}
