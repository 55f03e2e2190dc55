//! The commands' way to link customers, one at a time.

use chrono::{DateTime, Utc};

use super::{
    claims::delete_claims,
    conflicts::resolve_conflicts,
    database::Store,
    error::StoreError,
    mapping::{CustomerLink, CustomerState, MappingSource, StaleReason, owner, replace_customer},
};
use crate::ids::{CustomerId, OrganizationId};

impl Store {
    /// Makes `customer` the organization's customer, in place of any other, and active. Nothing that Stripe sends
    /// replaces it while it is active, and the organization's conflicts are resolved. `NotFound` if the organization does not exist, `Conflict` if another one has
    /// the customer.
    pub(crate) async fn link_customer(
        &self,
        org: &OrganizationId,
        customer: &CustomerId,
        now: DateTime<Utc>,
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
        match replace_customer(transaction, org, customer, now.into()).await {
            Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
                return Err(StoreError::not_found("organization", org));
            }
            replaced => replaced?,
        }
        resolve_conflicts(transaction, org, now).await?;
        write.commit().await?;
        Ok(CustomerLink {
            org: org.clone(),
            customer: customer.clone(),
            state: CustomerState::Active,
            reason: None,
            source: MappingSource::Operator,
        })
    }

    /// Removes the organization's customer. Stripe's events older than `now` no longer change the mapping. `NotFound`
    /// if there is no customer.
    pub(crate) async fn unlink_customer(
        &self,
        org: &OrganizationId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        let deleted = sqlx::query("DELETE FROM customers WHERE organization_id = $1")
            .bind(org.as_str())
            .execute(&mut *write.transaction)
            .await?;
        if deleted.rows_affected() == 0 {
            return Err(StoreError::not_found("customer of organization", org));
        }
        sqlx::query("UPDATE organizations SET customer_as_of = $2 WHERE id = $1")
            .bind(org.as_str())
            .bind(now.timestamp())
            .execute(&mut *write.transaction)
            .await?;
        delete_claims(&mut write.transaction, org).await?;
        resolve_conflicts(&mut write.transaction, org, now).await?;
        write.commit().await
    }

    /// Every mapping, in the order of the organizations' ids.
    pub(crate) async fn list_customers(&self) -> Result<Vec<CustomerLink>, StoreError> {
        let rows = sqlx::query(
            "SELECT organization_id, customer, state, stale_reason, source FROM customers ORDER BY organization_id",
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let links: Result<_, sqlx::Error> = rows.iter().map(CustomerLink::from_row).collect();
        Ok(links?)
    }

    /// Marks the mapping of a customer stale. `false` if it was stale already, or if no organization has the customer.
    pub(crate) async fn mark_stale(
        &self,
        customer: &CustomerId,
        reason: StaleReason,
    ) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let marked = sqlx::query(
            "UPDATE customers SET state = $2, stale_reason = $3 WHERE customer = $1 AND state = $4",
        )
        .bind(customer.as_str())
        .bind(CustomerState::Stale.as_str())
        .bind(reason.as_str())
        .bind(CustomerState::Active.as_str())
        .execute(&mut *write.transaction)
        .await?;
        sqlx::query("DELETE FROM customer_claims WHERE customer = $1")
            .bind(customer.as_str())
            .execute(&mut *write.transaction)
            .await?;
        write.commit().await?;
        Ok(marked.rows_affected() == 1)
    }

    pub(super) async fn find_customer(
        &self,
        org: &OrganizationId,
    ) -> Result<Option<CustomerLink>, StoreError> {
        let row = sqlx::query(
            "SELECT organization_id, customer, state, stale_reason, source FROM customers WHERE organization_id = $1",
        )
        .bind(org.as_str())
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.as_ref().map(CustomerLink::from_row).transpose()?)
    }
}
