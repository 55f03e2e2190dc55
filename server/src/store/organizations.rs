//! Organizations: whom keys and customers belong to.

use std::{fmt, str::FromStr};

use serde::Serialize;
use sqlx::Row;

use super::{CustomerLink, Store, StoreError, at};
use crate::http::schema::Timestamp;

/// The operator's own id of an organization, or a minted one: 1 to 64 of `A-Z a-z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub(crate) struct OrganizationId(String);

impl OrganizationId {
    /// An id that was checked when it was written.
    pub(super) fn stored(id: String) -> Self {
        Self(id)
    }

    /// The id as it was given.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OrganizationId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_id_character = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(is_id_character) {
            Ok(Self(text.to_owned()))
        } else {
            Err("an organization id is 1 to 64 of A-Z a-z 0-9 . _ -")
        }
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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
        id: OrganizationId::stored(row.try_get("id")?),
        name: row.try_get("name")?,
        created_at: at(row.try_get("created_at")?),
    })
}
