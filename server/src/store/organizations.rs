//! Organizations: the owners of keys and customers.

use chrono::{DateTime, Utc};
use sqlx::{Row, sqlite::SqliteRow};

use super::{
    database::{Store, read_time},
    error::StoreError,
    mapping::CustomerLink,
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
        let created =
            sqlx::query("INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, $3)")
                .bind(organization.id.as_str())
                .bind(&organization.name)
                .bind(organization.created_at.timestamp())
                .execute(&mut *write.transaction)
                .await;
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
        let rows = sqlx::query("SELECT id, name, created_at FROM organizations ORDER BY id");
        let rows = rows.fetch_all(&self.pool).await?;
        let organizations: Result<_, sqlx::Error> = rows.iter().map(organization).collect();
        Ok(organizations?)
    }

    /// An organization and its customer. `NotFound` if the organization does not exist.
    pub(crate) async fn show_organization(
        &self,
        id: &OrganizationId,
    ) -> Result<(Organization, Option<CustomerLink>), StoreError> {
        let row = sqlx::query("SELECT id, name, created_at FROM organizations WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await?;
        let row = row.ok_or_else(|| StoreError::not_found("organization", id))?;
        Ok((organization(&row)?, self.find_customer(id).await?))
    }
}

fn organization(row: &SqliteRow) -> Result<Organization, sqlx::Error> {
    Ok(Organization {
        id: OrganizationId::from_stored(row.try_get("id")?),
        name: row.try_get("name")?,
        created_at: read_time(row.try_get("created_at")?)?,
    })
}
