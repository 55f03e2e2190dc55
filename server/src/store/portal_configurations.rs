//! The ids of the portal configurations that the service created at Stripe: the default one, and one for each profile.

use super::{
    database::Store,
    error::StoreError,
    statement::{execute, fetch_optional},
};
use crate::ids::Mode;

impl Store {
    /// The id of the service's configuration in this mode; of the default one without a profile.
    pub(crate) async fn portal_configuration(
        &self,
        mode: Mode,
        profile: Option<&str>,
    ) -> Result<Option<String>, StoreError> {
        let mut connection = self.read().await?;
        let id: Option<(String,)> = match profile {
            None => fetch_optional!(
                &mut connection,
                "SELECT id FROM portal_configurations WHERE mode = $1",
                mode.as_str(),
            )?,
            Some(profile) => fetch_optional!(
                &mut connection,
                "SELECT id FROM profile_configurations WHERE mode = $1 AND profile = $2",
                mode.as_str(),
                profile,
            )?,
        };
        Ok(id.map(|(id,)| id))
    }

    /// Records the id of the service's configuration in this mode.
    pub(crate) async fn record_portal_configuration(
        &self,
        mode: Mode,
        profile: Option<&str>,
        id: &str,
    ) -> Result<(), StoreError> {
        let mut write = self.begin_uncounted().await?;
        match profile {
            None => execute!(
                &mut write.connection,
                "INSERT INTO portal_configurations (mode, id) VALUES ($1, $2) \
                 ON CONFLICT (mode) DO UPDATE SET id = excluded.id",
                mode.as_str(),
                id,
            )?,
            Some(profile) => execute!(
                &mut write.connection,
                "INSERT INTO profile_configurations (mode, profile, id) VALUES ($1, $2, $3) \
                 ON CONFLICT (mode, profile) DO UPDATE SET id = excluded.id",
                mode.as_str(),
                profile,
                id,
            )?,
        };
        write.commit().await
    }
}
