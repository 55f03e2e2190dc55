//! Conflicts between Stripe's customers and the mappings: recorded once each, until an operator resolves them.

use chrono::{DateTime, Utc};

use super::{
    connection::Connection,
    database::{Store, read_time},
    error::StoreError,
    statement::{execute, fetch_all, fetch_optional},
};
use crate::ids::{CustomerId, OrganizationId};

/// Why Stripe's customer is not the organization's customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConflictReason {
    /// The organization has another customer, or had one until this one replaced it.
    AnotherCustomer,
    /// Another organization has the customer.
    AnotherOrganization,
}

impl ConflictReason {
    /// The word in the database and in answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::AnotherCustomer => "another_customer",
            Self::AnotherOrganization => "another_organization",
        }
    }
}

/// A conflict that an operator has not resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CustomerConflict {
    /// The organization that Stripe's customer names.
    pub org: OrganizationId,
    /// Stripe's customer.
    pub customer: CustomerId,
    /// The organization's other customer, or the organization that has the customer.
    pub other: String,
    /// Which of the two.
    pub reason: &'static str,
    /// When it was first seen.
    pub seen_at: DateTime<Utc>,
}

/// What is known of a conflict that has just been found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConflictState {
    /// It was not recorded before. Each conflict is reported once.
    New,
    /// It is recorded, and no operator has resolved it.
    Open,
    /// An operator has resolved it.
    Resolved,
}

/// A conflict that has just been found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundConflict {
    /// The organization that Stripe's customer names.
    pub org: OrganizationId,
    /// Stripe's customer.
    pub customer: CustomerId,
    /// The organization's other customer, or the organization that has the customer.
    pub other: String,
    /// Which of the two.
    pub reason: ConflictReason,
    /// What is known of it.
    pub state: ConflictState,
}

impl Store {
    /// Every conflict that is not resolved, in the order in which they were seen.
    pub(crate) async fn list_conflicts(&self) -> Result<Vec<CustomerConflict>, StoreError> {
        let rows = fetch_all!(
            &mut self.read().await?,
            "SELECT organization_id, customer, other, reason, seen_at FROM customer_conflicts \
             WHERE resolved_at IS NULL ORDER BY seen_at, organization_id, customer, other"
        )?;
        let conflicts: Result<_, sqlx::Error> = rows.into_iter().map(conflict).collect();
        Ok(conflicts?)
    }
}

fn conflict(row: (String, String, String, String, i64)) -> Result<CustomerConflict, sqlx::Error> {
    let (org, customer, other, reason, seen_at) = row;
    let reason = if reason == ConflictReason::AnotherOrganization.as_str() {
        ConflictReason::AnotherOrganization
    } else {
        ConflictReason::AnotherCustomer
    };
    Ok(CustomerConflict {
        org: OrganizationId::from_stored(org),
        customer: CustomerId::from_stored(customer),
        other,
        reason: reason.as_str(),
        seen_at: read_time(seen_at)?,
    })
}

/// Records a conflict, unless it is recorded, resolved or not.
pub(super) async fn record_conflict(
    connection: &mut Connection,
    (org, customer): (&OrganizationId, &CustomerId),
    (other, reason): (&str, ConflictReason),
    now: DateTime<Utc>,
) -> Result<FoundConflict, sqlx::Error> {
    let recorded = execute!(
        connection,
        "INSERT INTO customer_conflicts (organization_id, customer, other, reason, seen_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organization_id, customer, other, reason) DO NOTHING",
        org.as_str(),
        customer.as_str(),
        other,
        reason.as_str(),
        now.timestamp(),
    )?;
    let state = if recorded == 1 {
        ConflictState::New
    } else {
        let resolved: Option<(i64,)> = fetch_optional!(
            connection,
            "SELECT resolved_at FROM customer_conflicts WHERE resolved_at IS NOT NULL \
             AND organization_id = $1 AND customer = $2 AND other = $3 AND reason = $4",
            org.as_str(),
            customer.as_str(),
            other,
            reason.as_str(),
        )?;
        resolved.map_or(ConflictState::Open, |_| ConflictState::Resolved)
    };
    Ok(FoundConflict {
        org: org.clone(),
        customer: customer.clone(),
        other: other.to_owned(),
        reason,
        state,
    })
}

/// An operator has decided which customer the organization has. The rows stay, so that the same conflict is not
/// reported again.
pub(super) async fn resolve_conflicts(
    connection: &mut Connection,
    org: &OrganizationId,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    execute!(
        connection,
        "UPDATE customer_conflicts SET resolved_at = $2 \
         WHERE resolved_at IS NULL AND (organization_id = $1 OR (other = $1 AND reason = 'another_organization'))",
        org.as_str(),
        now.timestamp(),
    )?;
    Ok(())
}

/// The organization has no customer any more, so each conflict that is found from now on is a new one.
pub(super) async fn delete_conflicts(
    connection: &mut Connection,
    org: &OrganizationId,
) -> Result<(), sqlx::Error> {
    execute!(
        connection,
        "DELETE FROM customer_conflicts \
         WHERE organization_id = $1 OR (other = $1 AND reason = 'another_organization')",
        org.as_str(),
    )?;
    Ok(())
}

/// A customer is deleted at Stripe, so there is nothing left to decide about it.
pub(super) async fn delete_conflicts_of(
    connection: &mut Connection,
    customer: &CustomerId,
) -> Result<(), sqlx::Error> {
    execute!(
        connection,
        "DELETE FROM customer_conflicts \
         WHERE customer = $1 OR (other = $1 AND reason = 'another_customer')",
        customer.as_str(),
    )?;
    Ok(())
}

/// The customer no longer names the organization, so there is nothing left to decide between the two.
pub(super) async fn delete_conflicts_between(
    connection: &mut Connection,
    org: &OrganizationId,
    customer: &CustomerId,
) -> Result<(), sqlx::Error> {
    execute!(
        connection,
        "DELETE FROM customer_conflicts WHERE organization_id = $1 \
         AND (customer = $2 OR (other = $2 AND reason = 'another_customer'))",
        org.as_str(),
        customer.as_str(),
    )?;
    Ok(())
}
