//! What Stripe's events say of customers, applied once each, in whatever order they arrive.
//!
//! The newest event wins for an organization, and a deleted customer does not come back: an organization whose newest
//! word was such a customer has a stale mapping to it. So the order of arrival does not matter, with one exception: a
//! customer of one organization is never taken by another, so that of two that name it the first to arrive has it.
//! An event that changed nothing is not remembered: what kept it from being applied may be mended, and Stripe asked to
//! send it again.

use sqlx::{Sqlite, Transaction};

use super::{Store, StoreError};
use crate::ids::{CustomerId, OrganizationId};

/// Stripe can be asked to send an event again for thirty days.
const REMEMBERED_SECONDS: i64 = 35 * 24 * 60 * 60;

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CustomerChange {
    /// The organization is this customer.
    Is(OrganizationId, CustomerId),
    /// The customer is no more.
    Deleted(CustomerId),
}

/// An event about a customer.
#[derive(Debug, Clone)]
pub(crate) struct CustomerEvent {
    /// Stripe's id, `evt_…`.
    pub id: String,
    /// When it happened, in seconds since 1970.
    pub created: i64,
    /// What it says.
    pub change: CustomerChange,
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It was applied, and changed what these organizations are.
    Done(Vec<OrganizationId>),
    /// It had been applied before.
    Repeated,
    /// Something newer is known of the organization.
    Older,
    /// There is no such organization.
    UnknownOrganization,
    /// The customer is another organization's.
    OfAnother(OrganizationId),
}

impl Store {
    /// Applies an event that was received at `now` (seconds since 1970), in one transaction.
    pub(crate) async fn apply_event(
        &self,
        event: &CustomerEvent,
        now: i64,
    ) -> Result<Applied, StoreError> {
        let mut write = self.begin().await?;
        let transaction = &mut write.transaction;
        if !remember(transaction, event, now).await? {
            return Ok(Applied::Repeated);
        }
        let applied = match &event.change {
            CustomerChange::Is(org, customer) => assign(transaction, event, org, customer).await?,
            CustomerChange::Deleted(customer) => delete(transaction, customer, now).await?,
        };
        // Dropped, the transaction is rolled back, and with it the memory of the event.
        if matches!(applied, Applied::Done(_)) {
            write.commit().await?;
        }
        Ok(applied)
    }
}

/// Whether the event is new. The unique key decides, not a look before, so that of two at once one waits here.
async fn remember(
    transaction: &mut Transaction<'static, Sqlite>,
    event: &CustomerEvent,
    now: i64,
) -> Result<bool, StoreError> {
    let forgotten_before = now - REMEMBERED_SECONDS;
    for expired in [
        "DELETE FROM stripe_events WHERE received_at < $1",
        "DELETE FROM deleted_customers WHERE received_at < $1",
    ] {
        sqlx::query(expired)
            .bind(forgotten_before)
            .execute(&mut **transaction)
            .await?;
    }
    let remembered = sqlx::query(
        "INSERT INTO stripe_events (id, received_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
    )
    .bind(&event.id)
    .bind(now)
    .execute(&mut **transaction)
    .await?;
    Ok(remembered.rows_affected() == 1)
}

async fn assign(
    transaction: &mut Transaction<'static, Sqlite>,
    event: &CustomerEvent,
    org: &OrganizationId,
    customer: &CustomerId,
) -> Result<Applied, StoreError> {
    let known = sqlx::query_as::<_, (i64, String)>(
        "SELECT customer_as_of, customer_event FROM organizations WHERE id = $1",
    )
    .bind(org.as_str())
    .fetch_optional(&mut **transaction)
    .await?;
    let Some((as_of, last_event)) = known else {
        return Ok(Applied::UnknownOrganization);
    };
    // Two of the same second are put in the same order everywhere.
    if (as_of, last_event.as_str()) >= (event.created, event.id.as_str()) {
        return Ok(Applied::Older);
    }
    if let Some(owner) = owner(transaction, customer)
        .await?
        .filter(|owner| owner != org)
    {
        return Ok(Applied::OfAnother(owner));
    }
    set_customer(transaction, org, customer, event.created, &event.id).await?;
    if was_deleted(transaction, customer).await? {
        mark_deleted(transaction, customer).await?;
    }
    Ok(Applied::Done(vec![org.clone()]))
}

async fn delete(
    transaction: &mut Transaction<'static, Sqlite>,
    customer: &CustomerId,
    now: i64,
) -> Result<Applied, StoreError> {
    sqlx::query(
        "INSERT INTO deleted_customers (customer, received_at) VALUES ($1, $2) ON CONFLICT (customer) DO NOTHING",
    )
    .bind(customer.as_str())
    .bind(now)
    .execute(&mut **transaction)
    .await?;
    mark_deleted(transaction, customer).await?;
    let owner = owner(transaction, customer).await?;
    Ok(Applied::Done(owner.into_iter().collect()))
}

async fn mark_deleted(
    transaction: &mut Transaction<'static, Sqlite>,
    customer: &CustomerId,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE customers SET state = 'stale', stale_reason = 'deleted' WHERE customer = $1",
    )
    .bind(customer.as_str())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Whether Stripe said that the customer was deleted.
async fn was_deleted(
    transaction: &mut Transaction<'static, Sqlite>,
    customer: &CustomerId,
) -> Result<bool, StoreError> {
    let deleted = sqlx::query("SELECT customer FROM deleted_customers WHERE customer = $1")
        .bind(customer.as_str())
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(deleted.is_some())
}

/// Whose customer it is.
pub(super) async fn owner(
    transaction: &mut Transaction<'static, Sqlite>,
    customer: &CustomerId,
) -> Result<Option<OrganizationId>, StoreError> {
    let owner = sqlx::query_scalar("SELECT organization_id FROM customers WHERE customer = $1")
        .bind(customer.as_str())
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(owner.map(OrganizationId::from_stored))
}

/// Makes the customer the organization's, active, and notes whose word that is.
pub(super) async fn set_customer(
    transaction: &mut Transaction<'static, Sqlite>,
    org: &OrganizationId,
    customer: &CustomerId,
    as_of: i64,
    event: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE organizations SET customer_as_of = $2, customer_event = $3 WHERE id = $1")
        .bind(org.as_str())
        .bind(as_of)
        .bind(event)
        .execute(&mut **transaction)
        .await?;
    put_mapping(transaction, org, customer).await
}

/// The mapping alone, for an organization that was made with the word of it.
pub(super) async fn put_mapping(
    transaction: &mut Transaction<'static, Sqlite>,
    org: &OrganizationId,
    customer: &CustomerId,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO customers (organization_id, customer, state) VALUES ($1, $2, 'active') \
         ON CONFLICT (organization_id) DO UPDATE SET customer = excluded.customer, state = 'active', stale_reason = NULL",
    )
    .bind(org.as_str())
    .bind(customer.as_str())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
