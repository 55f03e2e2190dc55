//! Which Stripe customer an organization is.

use std::{fmt, str::FromStr};

use serde::Serialize;
use sqlx::{Row, sqlite::SqliteRow};

use super::{OrganizationId, Store, StoreError};

/// Stripe's id of a customer, `cus_…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct CustomerId(String);

impl CustomerId {
    /// An id that was checked when it was written.
    pub(super) fn stored(id: String) -> Self {
        Self(id)
    }

    /// The id as Stripe writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CustomerId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("cus_").unwrap_or_default();
        let is_id_character = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if (1..=251).contains(&rest.len()) && rest.bytes().all(is_id_character) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a Stripe customer id is cus_ and letters, digits or _")
        }
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether Stripe still has the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CustomerState {
    /// As far as we know.
    Active,
    /// Stripe said that it is gone; linking it again revives the mapping.
    Stale,
}

impl CustomerState {
    pub(super) fn read(word: &str) -> Self {
        if word == "active" {
            Self::Active
        } else {
            Self::Stale
        }
    }
}

/// An organization and its customer, as the commands show it.
#[derive(Debug, Serialize)]
pub struct CustomerLink {
    /// The organization.
    pub org: OrganizationId,
    /// Its customer.
    pub customer: CustomerId,
    /// Whether Stripe still has it.
    pub state: CustomerState,
}

impl Store {
    /// Makes `customer` the organization's customer, in place of any before, and active.
    pub async fn link_customer(
        &self,
        org: &OrganizationId,
        customer: &CustomerId,
    ) -> Result<CustomerLink, StoreError> {
        let linked = sqlx::query(
            "INSERT INTO customers (organization_id, customer, state) VALUES ($1, $2, 'active') \
             ON CONFLICT (organization_id) DO UPDATE SET customer = excluded.customer, state = 'active'",
        )
        .bind(org.as_str())
        .bind(customer.as_str())
        .execute(&self.pool)
        .await;
        match linked {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                Err(StoreError::Conflict(format!(
                    "customer {customer} belongs to another organization"
                )))
            }
            Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
                Err(StoreError::NotFound {
                    what: "organization",
                    id: org.to_string(),
                })
            }
            Err(error) => Err(error.into()),
            Ok(_) => Ok(CustomerLink {
                org: org.clone(),
                customer: customer.clone(),
                state: CustomerState::Active,
            }),
        }
    }

    /// Forgets the organization's customer.
    pub async fn unlink_customer(&self, org: &OrganizationId) -> Result<(), StoreError> {
        let deleted = sqlx::query("DELETE FROM customers WHERE organization_id = $1")
            .bind(org.as_str())
            .execute(&self.pool)
            .await?;
        if deleted.rows_affected() == 0 {
            return Err(StoreError::NotFound {
                what: "customer of organization",
                id: org.to_string(),
            });
        }
        Ok(())
    }

    /// Every mapping, in the order of the organizations' ids.
    pub async fn list_customers(&self) -> Result<Vec<CustomerLink>, StoreError> {
        let rows = sqlx::query(
            "SELECT organization_id, customer, state FROM customers ORDER BY organization_id",
        );
        let rows = rows.fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| link(row).map_err(StoreError::from))
            .collect()
    }

    /// Records that Stripe no longer has the customer; a mapping that has changed meanwhile is left alone.
    pub async fn mark_stale(
        &self,
        org: &OrganizationId,
        customer: &CustomerId,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE customers SET state = 'stale' WHERE organization_id = $1 AND customer = $2",
        )
        .bind(org.as_str())
        .bind(customer.as_str())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub(super) async fn find_customer(
        &self,
        org: &OrganizationId,
    ) -> Result<Option<CustomerLink>, StoreError> {
        let row = sqlx::query(
            "SELECT organization_id, customer, state FROM customers WHERE organization_id = $1",
        )
        .bind(org.as_str())
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| link(&row))
            .transpose()
            .map_err(StoreError::from)
    }
}

fn link(row: &SqliteRow) -> Result<CustomerLink, sqlx::Error> {
    Ok(CustomerLink {
        org: OrganizationId::stored(row.try_get("organization_id")?),
        customer: CustomerId::stored(row.try_get("customer")?),
        state: CustomerState::read(row.try_get("state")?),
    })
}
