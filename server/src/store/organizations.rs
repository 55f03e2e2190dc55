//! Organizations: the owners of keys and customers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    database::{Store, read_time},
    error::StoreError,
    mapping::CustomerLink,
    statement::{execute, fetch_all, fetch_optional},
};
use crate::ids::OrganizationId;

/// What is stored of an organization.
#[derive(Debug, Clone)]
pub(crate) struct Organization {
    /// The operator's own id, or a generated one.
    pub id: OrganizationId,
    /// The name, for people.
    pub name: String,
    /// When it was created here.
    pub created_at: DateTime<Utc>,
    /// Its portal profile, a name in the settings. `None`: the default one.
    pub portal_profile: Option<String>,
}

/// What changes about an organization. What is `None` stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct OrganizationChange {
    /// The name, for people.
    pub name: Option<String>,
    /// Its portal profile; `Some(None)` for the default one.
    #[expect(
        clippy::option_option,
        reason = "the inner one is the value of the column"
    )]
    pub portal_profile: Option<Option<String>>,
}

impl Store {
    /// Creates an organization. `Conflict` if its id is taken.
    pub(crate) async fn create_organization(
        &self,
        organization: &Organization,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        let created = execute!(
            &mut write.connection,
            "INSERT INTO organizations (id, name, created_at, portal_profile) VALUES ($1, $2, $3, $4)",
            organization.id.as_str(),
            &organization.name,
            organization.created_at.timestamp(),
            organization.portal_profile.as_deref(),
        );
        match created {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                Err(StoreError::Conflict(format!(
                    "there is an organization {} already",
                    organization.id
                )))
            }
            Err(error) => Err(error.into()),
            Ok(_) => write.commit().await,
        }
    }

    /// All organizations, in the order of their ids.
    pub(crate) async fn list_organizations(&self) -> Result<Vec<Organization>, StoreError> {
        let rows = fetch_all!(
            &mut self.read().await?,
            "SELECT id, name, created_at, portal_profile FROM organizations ORDER BY id"
        )?;
        let organizations: Result<_, sqlx::Error> = rows.into_iter().map(organization).collect();
        Ok(organizations?)
    }

    /// How many organizations have each profile but the default one.
    pub(crate) async fn count_portal_profiles(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        let rows = fetch_all!(
            &mut self.read().await?,
            "SELECT portal_profile, COUNT(*) FROM organizations WHERE portal_profile IS NOT NULL GROUP BY portal_profile"
        )?;
        Ok(rows.into_iter().collect())
    }

    /// An organization and its customer. `NotFound` if the organization does not exist.
    pub(crate) async fn show_organization(
        &self,
        id: &OrganizationId,
    ) -> Result<(Organization, Option<CustomerLink>), StoreError> {
        let row = fetch_optional!(
            &mut self.read().await?,
            "SELECT id, name, created_at, portal_profile FROM organizations WHERE id = $1",
            id.as_str(),
        )?;
        let row = row.ok_or_else(|| StoreError::not_found("organization", id))?;
        Ok((organization(row)?, self.find_customer(id).await?))
    }

    /// Changes an organization. `NotFound` if it does not exist.
    pub(crate) async fn change_organization(
        &self,
        id: &OrganizationId,
        change: &OrganizationChange,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        let changed = execute!(
            &mut write.connection,
            "UPDATE organizations SET name = COALESCE($2, name), \
             portal_profile = CASE WHEN $3 = 1 THEN $4 ELSE portal_profile END WHERE id = $1",
            id.as_str(),
            change.name.as_deref(),
            i64::from(change.portal_profile.is_some()),
            change.portal_profile.as_ref().and_then(Option::as_deref),
        )?;
        if changed == 0 {
            return Err(StoreError::not_found("organization", id));
        }
        write.commit().await
    }
}

fn organization(row: (String, String, i64, Option<String>)) -> Result<Organization, sqlx::Error> {
    let (id, name, created_at, portal_profile) = row;
    Ok(Organization {
        id: OrganizationId::from_stored(id),
        name,
        created_at: read_time(created_at)?,
        portal_profile,
    })
}
