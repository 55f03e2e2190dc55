//! Which Stripe customer an organization is.

use serde::Serialize;
use sqlx::{Row, sqlite::SqliteRow};

use super::{
    Store, StoreError,
    events::{owner, set_customer},
};
use crate::ids::{CustomerId, OrganizationId};

/// Whether Stripe still has the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CustomerState {
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

/// Why a mapping is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StaleReason {
    /// Stripe did not know the customer when a portal was to be opened for it.
    MissingAtStripe,
    /// Stripe sent an event that the customer was deleted.
    Deleted,
}

impl StaleReason {
    /// The word in the database and in answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::MissingAtStripe => "missing_at_stripe",
            Self::Deleted => "deleted",
        }
    }
}

/// An organization and its customer, as the commands show it.
#[derive(Debug, Serialize)]
pub(crate) struct CustomerLink {
    /// The organization.
    pub org: OrganizationId,
    /// Its customer.
    pub customer: CustomerId,
    /// Whether Stripe still has it.
    pub state: CustomerState,
    /// Why the mapping is stale, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<StaleReason>,
}

impl Store {
    /// Makes `customer` the organization's customer, in place of any before, and active. What Stripe's events of
    /// before `now` (seconds since 1970) say of the organization no longer counts.
    pub(crate) async fn link_customer(
        &self,
        org: &OrganizationId,
        customer: &CustomerId,
        now: i64,
    ) -> Result<CustomerLink, StoreError> {
        let mut write = self.begin().await?;
        let transaction = &mut write.transaction;
        if let Some(owner) = owner(transaction, customer).await?
            && owner != *org
        {
            return Err(StoreError::Conflict(format!(
                "customer {customer} belongs to organization {owner}"
            )));
        }
        sqlx::query("DELETE FROM deleted_customers WHERE customer = $1")
            .bind(customer.as_str())
            .execute(&mut **transaction)
            .await?;
        match set_customer(transaction, org, customer, now, "").await {
            Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
                Err(StoreError::NotFound {
                    what: "organization",
                    id: org.to_string(),
                })
            }
            Err(error) => Err(error.into()),
            Ok(()) => {
                write.commit().await?;
                Ok(CustomerLink {
                    org: org.clone(),
                    customer: customer.clone(),
                    state: CustomerState::Active,
                    reason: None,
                })
            }
        }
    }

    /// Forgets the organization's customer, and what Stripe's events of before `now` (seconds since 1970) say of it.
    pub(crate) async fn unlink_customer(
        &self,
        org: &OrganizationId,
        now: i64,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        let deleted = sqlx::query("DELETE FROM customers WHERE organization_id = $1")
            .bind(org.as_str())
            .execute(&mut *write.transaction)
            .await?;
        if deleted.rows_affected() == 0 {
            return Err(StoreError::NotFound {
                what: "customer of organization",
                id: org.to_string(),
            });
        }
        sqlx::query(
            "UPDATE organizations SET customer_as_of = $2, customer_event = '' WHERE id = $1",
        )
        .bind(org.as_str())
        .bind(now)
        .execute(&mut *write.transaction)
        .await?;
        write.commit().await
    }

    /// Every mapping, in the order of the organizations' ids.
    pub(crate) async fn list_customers(&self) -> Result<Vec<CustomerLink>, StoreError> {
        let rows = sqlx::query(
            "SELECT organization_id, customer, state, stale_reason FROM customers ORDER BY organization_id",
        );
        let rows = rows.fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| link(row).map_err(StoreError::from))
            .collect()
    }

    /// Records that Stripe no longer has the customer. False where that was known, or nobody has the customer.
    pub(crate) async fn mark_stale(
        &self,
        customer: &CustomerId,
        reason: StaleReason,
    ) -> Result<bool, StoreError> {
        let marked = sqlx::query(
            "UPDATE customers SET state = 'stale', stale_reason = $2 WHERE customer = $1 AND state = 'active'",
        )
        .bind(customer.as_str())
        .bind(reason.as_str())
        .execute(&self.pool)
        .await?;
        Ok(marked.rows_affected() == 1)
    }

    pub(super) async fn find_customer(
        &self,
        org: &OrganizationId,
    ) -> Result<Option<CustomerLink>, StoreError> {
        let row = sqlx::query(
            "SELECT organization_id, customer, state, stale_reason FROM customers WHERE organization_id = $1",
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
    let reason: Option<String> = row.try_get("stale_reason")?;
    let reason = reason.map(|word| match word.as_str() {
        "deleted" => StaleReason::Deleted,
        _ => StaleReason::MissingAtStripe,
    });
    Ok(CustomerLink {
        org: OrganizationId::from_stored(row.try_get("organization_id")?),
        customer: CustomerId::from_stored(row.try_get("customer")?),
        state: CustomerState::read(row.try_get("state")?),
        reason,
    })
}
