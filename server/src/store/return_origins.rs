//! The origins to which return URLs of one organization may lead. While it has any, they replace the operator's list for it.

use super::{
    database::Store,
    error::StoreError,
    statement::{execute, fetch_optional},
};
use crate::{
    ids::OrganizationId,
    return_url::{AllowList, AllowedOrigin},
};

/// How many origins an organization may have. They are read with each look-up of a key, so the list must stay short.
const MAX_ORIGINS: usize = 50;

impl Store {
    /// The organization's own origins. `NotFound` if it does not exist.
    pub(crate) async fn return_origins(
        &self,
        id: &OrganizationId,
    ) -> Result<Vec<String>, StoreError> {
        let row: Option<(String,)> = fetch_optional!(
            &mut self.read().await?,
            "SELECT return_origins FROM organizations WHERE id = $1",
            id.as_str(),
        )?;
        let (stored,) = row.ok_or_else(|| StoreError::not_found("organization", id))?;
        Ok(read_origins(&stored))
    }

    /// Adds an origin, and returns them all. One that the organization has already changes nothing.
    pub(crate) async fn allow_return_origin(
        &self,
        id: &OrganizationId,
        origin: &AllowedOrigin,
    ) -> Result<Vec<String>, StoreError> {
        let origin = origin.to_string();
        self.change_return_origins(id, |origins| {
            if origins.contains(&origin) {
                return Ok(());
            }
            if origins.len() == MAX_ORIGINS {
                return Err(StoreError::Conflict(format!(
                    "{id} has {MAX_ORIGINS} origins already, which is the most"
                )));
            }
            origins.push(origin);
            origins.sort_unstable();
            Ok(())
        })
        .await
    }

    /// Removes an origin, and returns those that are left. `NotFound` if the organization does not have it.
    pub(crate) async fn disallow_return_origin(
        &self,
        id: &OrganizationId,
        origin: &AllowedOrigin,
    ) -> Result<Vec<String>, StoreError> {
        let origin = origin.to_string();
        self.change_return_origins(id, |origins| {
            let position = origins.iter().position(|one| *one == origin);
            let position =
                position.ok_or_else(|| StoreError::not_found("return origin", &origin))?;
            origins.remove(position);
            Ok(())
        })
        .await
    }

    async fn change_return_origins(
        &self,
        id: &OrganizationId,
        change: impl FnOnce(&mut Vec<String>) -> Result<(), StoreError>,
    ) -> Result<Vec<String>, StoreError> {
        let mut write = self.begin().await?;
        let row: Option<(String,)> = fetch_optional!(
            &mut write.connection,
            "SELECT return_origins FROM organizations WHERE id = $1",
            id.as_str(),
        )?;
        let (stored,) = row.ok_or_else(|| StoreError::not_found("organization", id))?;
        let mut origins = read_origins(&stored);
        change(&mut origins)?;
        execute!(
            &mut write.connection,
            "UPDATE organizations SET return_origins = $2 WHERE id = $1",
            id.as_str(),
            origins.join(" "),
        )?;
        write.commit().await?;
        Ok(origins)
    }
}

fn read_origins(stored: &str) -> Vec<String> {
    let origins = stored.split(' ').filter(|origin| !origin.is_empty());
    origins.map(str::to_owned).collect()
}

/// The list that replaces the operator's one. `None` if there is none. An origin that cannot be read any more permits
/// nothing, and does not bring the operator's list back.
pub(super) fn own_allow_list(stored: &str) -> Option<AllowList> {
    let origins = read_origins(stored);
    let parsed = origins
        .iter()
        .filter_map(|origin| AllowedOrigin::parse(origin, false).ok());
    (!origins.is_empty()).then(|| AllowList::new(parsed.collect(), false))
}
