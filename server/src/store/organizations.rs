//! Organizations: whom keys and customers belong to.

use serde::Serialize;
use sqlx::Row;

use super::{CustomerLink, Store, StoreError, at};
use crate::http::schema::Timestamp;
use crate::ids::OrganizationId;

/// An organization as the commands show it.
#[derive(Debug, Serialize)]
pub(crate) struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name, for people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Store {
    /// Makes an organization.
    pub(crate) async fn create_organization(
        &self,
        organization: &Organization,
    ) -> Result<(), StoreError> {
        let made =
            sqlx::query("INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, $3)")
                .bind(organization.id.as_str())
                .bind(&organization.name)
                .bind(organization.created_at.0.timestamp())
                .execute(&self.pool)
                .await;
        match made {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                Err(StoreError::Conflict(format!(
                    "there is an organization {} already",
                    organization.id
                )))
            }
            made => made.map(drop).map_err(StoreError::from),
        }
    }

    /// All organizations, in the order of their ids.
    pub(crate) async fn list_organizations(&self) -> Result<Vec<Organization>, StoreError> {
        let rows = sqlx::query("SELECT id, name, created_at FROM organizations ORDER BY id");
        let rows = rows.fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| organization(row).map_err(StoreError::from))
            .collect()
    }

    /// An organization, with its customer.
    pub(crate) async fn show_organization(
        &self,
        id: &OrganizationId,
    ) -> Result<(Organization, Option<CustomerLink>), StoreError> {
        let row = sqlx::query("SELECT id, name, created_at FROM organizations WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await?;
        let row = row.ok_or_else(|| StoreError::NotFound {
            what: "organization",
            id: id.to_string(),
        })?;
        Ok((organization(&row)?, self.find_customer(id).await?))
    }
}

fn organization(row: &sqlx::sqlite::SqliteRow) -> Result<Organization, sqlx::Error> {
    Ok(Organization {
        id: OrganizationId::from_stored(row.try_get("id")?),
        name: row.try_get("name")?,
        created_at: at(row.try_get("created_at")?),
    })
}
