//! Applies Stripe's events about customers, each once, in any order of arrival.
//!
//! For an organization the newest event wins. A deleted customer stays deleted: if an organization's newest event names
//! one, its mapping is stale. So the order of arrival does not matter, with one exception: a customer of one
//! organization is never moved to another, so if two events name it, the first to arrive wins. An event that changed
//! nothing is not recorded: when its obstacle is removed, an operator can have Stripe send it again.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Sqlite, Transaction};

use super::{
    database::{Store, StoreError},
    mapping::{CustomerState, StaleReason, UnixSeconds, owner, replace_customer},
};
use crate::ids::{CustomerId, OrganizationId};

/// How long an applied event is recorded. Stripe can send an event again for thirty days; the rest is margin.
const RECORDED_FOR: TimeDelta = TimeDelta::days(35);

/// What an event reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CustomerChange {
    /// The organization has this customer.
    Assigned(OrganizationId, CustomerId),
    /// The customer was deleted.
    Deleted(CustomerId),
}

/// An event about a customer.
#[derive(Debug, Clone)]
pub(crate) struct CustomerEvent {
    /// Stripe's id, `evt_…`.
    pub id: String,
    /// When it happened, by Stripe's clock.
    pub created: UnixSeconds,
    /// What it reports.
    pub change: CustomerChange,
}

/// The result of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EventResult {
    /// It was applied, and changed the customers of these organizations.
    Applied(Vec<OrganizationId>),
    /// It had been applied before.
    Repeated,
    /// The organization's mapping is newer than the event.
    Older,
    /// There is no such organization.
    UnknownOrganization,
    /// Another organization, named here, has the customer.
    OwnedByOther(OrganizationId),
}

impl Store {
    /// Applies an event that was received at `now`, in one transaction.
    pub(crate) async fn apply_event(
        &self,
        event: &CustomerEvent,
        now: DateTime<Utc>,
    ) -> Result<EventResult, StoreError> {
        let mut write = self.begin().await?;
        let transaction = &mut write.transaction;
        if !record(transaction, event, now).await? {
            return Ok(EventResult::Repeated);
        }
        let applied = match &event.change {
            CustomerChange::Assigned(org, customer) => {
                assign(transaction, event, org, customer).await?
            }
            CustomerChange::Deleted(customer) => delete(transaction, customer, now).await?,
        };
        // Without the commit, the transaction is rolled back, and the record of the event with it.
        if matches!(applied, EventResult::Applied(_)) {
            write.commit().await?;
        }
        Ok(applied)
    }
}

/// Records the event. `false` if it was recorded before: the unique key decides, so that two deliveries at once cannot
/// both be new.
async fn record(
    transaction: &mut Transaction<'static, Sqlite>,
    event: &CustomerEvent,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let expired_before = (now - RECORDED_FOR).timestamp();
    for expired in [
        "DELETE FROM stripe_events WHERE received_at < $1",
        "DELETE FROM deleted_customers WHERE received_at < $1",
    ] {
        sqlx::query(expired)
            .bind(expired_before)
            .execute(&mut **transaction)
            .await?;
    }
    let recorded = sqlx::query(
        "INSERT INTO stripe_events (id, received_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
    )
    .bind(&event.id)
    .bind(now.timestamp())
    .execute(&mut **transaction)
    .await?;
    Ok(recorded.rows_affected() == 1)
}

async fn assign(
    transaction: &mut Transaction<'static, Sqlite>,
    event: &CustomerEvent,
    org: &OrganizationId,
    customer: &CustomerId,
) -> Result<EventResult, StoreError> {
    let current = sqlx::query_as::<_, (i64, String)>(
        "SELECT customer_as_of, customer_event FROM organizations WHERE id = $1",
    )
    .bind(org.as_str())
    .fetch_optional(&mut **transaction)
    .await?;
    let Some((as_of, last_event)) = current else {
        return Ok(EventResult::UnknownOrganization);
    };
    // Events of the same second are ordered by id, so that every instance picks the same one.
    if (UnixSeconds(as_of), last_event.as_str()) >= (event.created, event.id.as_str()) {
        return Ok(EventResult::Older);
    }
    if let Some(owner) = owner(transaction, customer)
        .await?
        .filter(|owner| owner != org)
    {
        return Ok(EventResult::OwnedByOther(owner));
    }
    replace_customer(transaction, org, customer, event.created, &event.id).await?;
    if was_deleted(transaction, customer).await? {
        mark_deleted(transaction, customer).await?;
    }
    Ok(EventResult::Applied(vec![org.clone()]))
}

async fn delete(
    transaction: &mut Transaction<'static, Sqlite>,
    customer: &CustomerId,
    now: DateTime<Utc>,
) -> Result<EventResult, StoreError> {
    sqlx::query(
        "INSERT INTO deleted_customers (customer, received_at) VALUES ($1, $2) ON CONFLICT (customer) DO NOTHING",
    )
    .bind(customer.as_str())
    .bind(now.timestamp())
    .execute(&mut **transaction)
    .await?;
    mark_deleted(transaction, customer).await?;
    let owner = owner(transaction, customer).await?;
    Ok(EventResult::Applied(owner.into_iter().collect()))
}

async fn mark_deleted(
    transaction: &mut Transaction<'static, Sqlite>,
    customer: &CustomerId,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE customers SET state = $2, stale_reason = $3 WHERE customer = $1")
        .bind(customer.as_str())
        .bind(CustomerState::Stale.as_str())
        .bind(StaleReason::Deleted.as_str())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Whether Stripe reported that the customer was deleted.
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
