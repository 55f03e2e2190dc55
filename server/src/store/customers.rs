//! The commands' way to link customers, one at a time.

use chrono::{DateTime, Utc};

use super::{
    claim_rows::{delete_claim, withdraw_claims},
    conflicts::resolve_conflicts,
    current_customer::{current_mapping, let_go, link},
    database::Store,
    error::StoreError,
    mapping::{CustomerLink, CustomerState, MappingSource, StaleReason, owner, select_link},
    statement::{execute, fetch_all, fetch_optional},
};
use crate::ids::{CustomerId, OrganizationId};

impl Store {
    /// Makes `customer` the organization's customer, in place of any other, and active. Nothing that Stripe sends
    /// replaces it while it is active, and the organization's conflicts are resolved. `NotFound` if the organization does
    /// not exist, `Conflict` if another one has the customer.
    pub(crate) async fn link_customer(
        &self,
        org: &OrganizationId,
        customer: &CustomerId,
        now: DateTime<Utc>,
    ) -> Result<CustomerLink, StoreError> {
        let mut write = self.begin().await?;
        let connection = &mut write.connection;
        if let Some(owner) = owner(connection, customer).await?
            && owner != *org
        {
            return Err(StoreError::Conflict(format!(
                "customer {customer} belongs to organization {owner}"
            )));
        }
        let current = current_mapping(connection, org).await?;
        let current = current.ok_or_else(|| StoreError::not_found("organization", org))?;
        execute!(
            connection,
            "DELETE FROM deleted_customers WHERE customer = $1",
            customer.as_str(),
        )?;
        link(connection, (org, &current), customer, now).await?;
        if let Some(replaced) = current.customer.filter(|replaced| replaced != customer) {
            let_go(connection, replaced, org, now).await?;
        }
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
        let connection = &mut write.connection;
        let unlinked: Option<(String,)> = fetch_optional!(
            connection,
            "DELETE FROM customers WHERE organization_id = $1 RETURNING customer",
            org.as_str(),
        )?;
        let Some((unlinked,)) = unlinked else {
            return Err(StoreError::not_found("customer of organization", org));
        };
        execute!(
            connection,
            "UPDATE organizations SET customer_as_of = $2 WHERE id = $1",
            org.as_str(),
            now.timestamp(),
        )?;
        withdraw_claims(connection, org).await?;
        let_go(connection, CustomerId::from_stored(unlinked), org, now).await?;
        resolve_conflicts(connection, org, now).await?;
        write.commit().await
    }

    /// Every mapping, in the order of the organizations' ids.
    pub(crate) async fn list_customers(&self) -> Result<Vec<CustomerLink>, StoreError> {
        let rows = fetch_all!(
            &mut self.read().await?,
            concat!(select_link!(), " ORDER BY organization_id")
        )?;
        Ok(rows.into_iter().map(CustomerLink::from_row).collect())
    }

    /// Marks the mapping of a customer stale. `false` if it was stale already, or if no organization has the customer.
    pub(crate) async fn mark_stale(
        &self,
        customer: &CustomerId,
        reason: StaleReason,
    ) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let marked = execute!(
            &mut write.connection,
            "UPDATE customers SET state = $2, stale_reason = $3 WHERE customer = $1 AND state = $4",
            customer.as_str(),
            CustomerState::Stale.as_str(),
            reason.as_str(),
            CustomerState::Active.as_str(),
        )?;
        delete_claim(&mut write.connection, customer).await?;
        write.commit().await?;
        Ok(marked == 1)
    }

    pub(super) async fn find_customer(
        &self,
        org: &OrganizationId,
    ) -> Result<Option<CustomerLink>, StoreError> {
        let row = fetch_optional!(
            &mut self.read().await?,
            concat!(select_link!(), " WHERE organization_id = $1"),
            org.as_str(),
        )?;
        Ok(row.map(CustomerLink::from_row))
    }
}
