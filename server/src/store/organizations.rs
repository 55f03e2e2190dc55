//! Organizations: the owners of keys and customers.

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
            "INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, $3)",
            organization.id.as_str(),
            &organization.name,
            organization.created_at.timestamp(),
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
            "SELECT id, name, created_at FROM organizations ORDER BY id"
        )?;
        let organizations: Result<_, sqlx::Error> = rows.into_iter().map(organization).collect();
        Ok(organizations?)
    }

    /// An organization and its customer. `NotFound` if the organization does not exist.
    pub(crate) async fn show_organization(
        &self,
        id: &OrganizationId,
    ) -> Result<(Organization, Option<CustomerLink>), StoreError> {
        let row = fetch_optional!(
            &mut self.read().await?,
            "SELECT id, name, created_at FROM organizations WHERE id = $1",
            id.as_str(),
        )?;
        let row = row.ok_or_else(|| StoreError::not_found("organization", id))?;
        Ok((organization(row)?, self.find_customer(id).await?))
    }
}

fn organization(row: (String, String, i64)) -> Result<Organization, sqlx::Error> {
    let (id, name, created_at) = row;
    Ok(Organization {
        id: OrganizationId::from_stored(id),
        name,
        created_at: read_time(created_at)?,
    })
}
