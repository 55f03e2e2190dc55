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

/// Records a conflict, unless it is recorded. A resolved one is a new one, unless `is_decided`: an operator's mapping of
/// one of the organizations still stands.
pub(super) async fn record_conflict(
    connection: &mut Connection,
    (org, customer): (&OrganizationId, &CustomerId),
    (other, reason): (&str, ConflictReason),
    is_decided: bool,
    now: DateTime<Utc>,
) -> Result<FoundConflict, sqlx::Error> {
    let recorded = execute!(
        connection,
        "INSERT INTO customer_conflicts (organization_id, customer, other, reason, seen_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organization_id, customer, other, reason) DO UPDATE SET \
         seen_at = excluded.seen_at, resolved_at = NULL WHERE customer_conflicts.resolved_at IS NOT NULL AND $6 = 0",
        org.as_str(),
        customer.as_str(),
        other,
        reason.as_str(),
        now.timestamp(),
        i64::from(is_decided),
    )?;
    let state = match recorded {
        1 => ConflictState::New,
        _ => known_state(connection, (org, customer), (other, reason)).await?,
    };
    Ok(FoundConflict {
        org: org.clone(),
        customer: customer.clone(),
        other: other.to_owned(),
        reason,
        state,
    })
}

async fn known_state(
    connection: &mut Connection,
    (org, customer): (&OrganizationId, &CustomerId),
    (other, reason): (&str, ConflictReason),
) -> Result<ConflictState, sqlx::Error> {
    let resolved: Option<(i64,)> = fetch_optional!(
        connection,
        "SELECT resolved_at FROM customer_conflicts WHERE resolved_at IS NOT NULL \
         AND organization_id = $1 AND customer = $2 AND other = $3 AND reason = $4",
        org.as_str(),
        customer.as_str(),
        other,
        reason.as_str(),
    )?;
    Ok(resolved.map_or(ConflictState::Open, |_| ConflictState::Resolved))
}

/// An operator has decided which customer the organization has, or that it has none. The rows stay, so that the same
/// conflict is not reported again while the operator's mapping stands. Those about a customer that the organization had
/// before are for [`take_conflicts_over`].
pub(super) async fn resolve_conflicts(
    connection: &mut Connection,
    org: &OrganizationId,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    execute!(
        connection,
        "UPDATE customer_conflicts SET resolved_at = $2 \
         WHERE resolved_at IS NULL AND (organization_id = $1 OR (other = $1 AND reason = 'another_organization' \
         AND customer IN (SELECT customer FROM customers WHERE organization_id = $1)))",
        org.as_str(),
        now.timestamp(),
    )?;
    Ok(())
}

/// Removes the open conflicts of the customer with the organization `other`, which does not have it any more. Returns the
/// organizations that it conflicted for.
pub(super) async fn take_conflicts_over(
    connection: &mut Connection,
    customer: &CustomerId,
    other: &OrganizationId,
) -> Result<Vec<OrganizationId>, sqlx::Error> {
    let rows: Vec<(String,)> = fetch_all!(
        connection,
        "DELETE FROM customer_conflicts WHERE customer = $1 AND other = $2 \
         AND reason = 'another_organization' AND resolved_at IS NULL RETURNING organization_id",
        customer.as_str(),
        other.as_str(),
    )?;
    let orgs = rows.into_iter();
    Ok(orgs
        .map(|(org,)| OrganizationId::from_stored(org))
        .collect())
}

/// A customer is deleted at Stripe, so it is in conflict with nothing. Another one that names its organization still is,
/// if the organization has no other customer.
pub(super) async fn delete_conflicts_of(
    connection: &mut Connection,
    customer: &CustomerId,
) -> Result<(), sqlx::Error> {
    execute!(
        connection,
        "DELETE FROM customer_conflicts WHERE customer = $1",
        customer.as_str(),
    )?;
    Ok(())
}

/// The customer is the organization's customer now, or no longer names it, so that it has no conflict there.
pub(super) async fn delete_conflicts_with(
    connection: &mut Connection,
    org: &OrganizationId,
    customer: &CustomerId,
) -> Result<(), sqlx::Error> {
    execute!(
        connection,
        "DELETE FROM customer_conflicts WHERE organization_id = $1 AND customer = $2",
        org.as_str(),
        customer.as_str(),
    )?;
    Ok(())
}

/// The customers that were in conflict with `before` are in conflict with the organization's new customer.
pub(super) async fn repoint_conflicts(
    connection: &mut Connection,
    org: &OrganizationId,
    before: &CustomerId,
    customer: &CustomerId,
) -> Result<(), sqlx::Error> {
    execute!(
        connection,
        "INSERT INTO customer_conflicts (organization_id, customer, other, reason, seen_at, resolved_at) \
         SELECT organization_id, customer, $3, reason, seen_at, resolved_at FROM customer_conflicts \
         WHERE organization_id = $1 AND other = $2 AND customer <> $3 AND reason = 'another_customer' \
         ON CONFLICT (organization_id, customer, other, reason) DO UPDATE SET \
         seen_at = excluded.seen_at, resolved_at = NULL WHERE excluded.resolved_at IS NULL",
        org.as_str(),
        before.as_str(),
        customer.as_str(),
    )?;
    execute!(
        connection,
        "DELETE FROM customer_conflicts WHERE organization_id = $1 AND other = $2 AND reason = 'another_customer'",
        org.as_str(),
        before.as_str(),
    )?;
    Ok(())
}
