//! The one rule by which Stripe's customers become mappings, for events and for a sync.
//!
//! A living customer at Stripe that names an organization has a claim. The mapping follows from the claims, whatever the
//! order in which they arrive:
//! - an operator's active mapping stays;
//! - otherwise the customer that Stripe created last is the organization's customer;
//! - a checkout has no such time, so it only fills a gap;
//! - a customer of one organization is never moved to another.

use chrono::{DateTime, Utc};
use sqlx::{Row, Sqlite, Transaction};

use super::{
    conflicts::{ConflictReason, FoundConflict, record_conflict},
    error::StoreError,
    mapping::{CustomerState, MappingSource, UnixSeconds, owner, upsert_mapping},
};
use crate::ids::{CustomerId, OrganizationId};

/// A customer that names an organization, as an event or a sync reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The organization.
    pub org: OrganizationId,
    /// The customer.
    pub customer: CustomerId,
    /// When Stripe created the customer; `None` if a checkout names it, which does not say.
    pub customer_created: Option<UnixSeconds>,
}

/// When a claim was true, by Stripe's clock, and by which event; `""` for a sync.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence<'a> {
    pub(super) known_at: UnixSeconds,
    pub(super) event: &'a str,
    /// The time that is compared with the operator's last command about the organization.
    pub(super) happened_at: UnixSeconds,
}

/// The result of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ClaimResult {
    /// The rule was applied.
    Decided {
        /// Whether the customer is the organization's customer now.
        is_current: bool,
        /// Whether the mapping changed.
        changed: bool,
        /// The other customer or organization, if there is one.
        conflict: Option<FoundConflict>,
    },
    /// Something newer is known: about the customer, or an operator's command about the organization.
    Older,
    /// Stripe reported that the customer was deleted.
    Deleted,
    /// There is no such organization.
    UnknownOrganization,
}

/// The organization's mapping before a claim.
struct CurrentMapping {
    commanded_at: UnixSeconds,
    customer: Option<CustomerId>,
    is_active: bool,
    source: MappingSource,
}

/// Records a claim and applies the rule.
pub(super) async fn claim(
    transaction: &mut Transaction<'static, Sqlite>,
    claim: &Claim,
    evidence: Evidence<'_>,
    now: DateTime<Utc>,
) -> Result<ClaimResult, StoreError> {
    let Claim { org, customer, .. } = claim;
    let Some(current) = current_mapping(transaction, org).await? else {
        return Ok(ClaimResult::UnknownOrganization);
    };
    if was_deleted(transaction, customer).await? {
        return Ok(ClaimResult::Deleted);
    }
    let active = current.customer.as_ref().filter(|_| current.is_active);
    // An operator may have removed the customer since; a stale mapping is older than whatever is known now.
    let as_of = match &current.customer {
        None => evidence.happened_at,
        Some(_) => evidence.known_at,
    };
    if active.is_none() && as_of < current.commanded_at {
        return Ok(ClaimResult::Older);
    }
    let owner = owner(transaction, customer).await?;
    if let Some(owner) = owner.filter(|owner| owner != org) {
        let with = (owner.as_str(), ConflictReason::AnotherOrganization);
        let conflict = record_conflict(transaction, (org, customer), with, now).await?;
        return Ok(ClaimResult::lost(conflict, false));
    }
    let fills_gaps_only = claim.customer_created.is_none();
    if let Some(active) = active.filter(|active| fills_gaps_only && *active != customer) {
        let conflict = conflict(transaction, org, (customer, active), now).await?;
        return Ok(ClaimResult::lost(conflict, false));
    }
    if !record(transaction, claim, evidence).await? {
        return Ok(ClaimResult::Older);
    }
    decide(transaction, claim, &current, now).await
}

/// Compares a recorded claim with the others, and changes the mapping if the rule says so.
async fn decide(
    transaction: &mut Transaction<'static, Sqlite>,
    claim: &Claim,
    current: &CurrentMapping,
    now: DateTime<Utc>,
) -> Result<ClaimResult, StoreError> {
    let Claim { org, customer, .. } = claim;
    let active = current.customer.as_ref().filter(|_| current.is_active);
    let winner = match active {
        Some(active) if current.source == MappingSource::Operator => Some(active.clone()),
        _ => newest_claim(transaction, org).await?,
    };
    let winner = winner.as_ref().unwrap_or(customer);
    let changed = active != Some(winner);
    if changed {
        upsert_mapping(transaction, org, winner, MappingSource::Stripe).await?;
    }
    if winner != customer {
        let conflict = conflict(transaction, org, (customer, winner), now).await?;
        return Ok(ClaimResult::lost(conflict, changed));
    }
    let conflict = match active {
        Some(replaced) if changed => {
            Some(conflict(transaction, org, (replaced, winner), now).await?)
        }
        _ => None,
    };
    Ok(ClaimResult::Decided {
        is_current: true,
        changed,
        conflict,
    })
}

impl ClaimResult {
    fn lost(conflict: FoundConflict, changed: bool) -> Self {
        Self::Decided {
            is_current: false,
            changed,
            conflict: Some(conflict),
        }
    }
}

/// Two living customers name the organization.
async fn conflict(
    transaction: &mut Transaction<'static, Sqlite>,
    org: &OrganizationId,
    (loser, winner): (&CustomerId, &CustomerId),
    now: DateTime<Utc>,
) -> Result<FoundConflict, sqlx::Error> {
    let with = (winner.as_str(), ConflictReason::AnotherCustomer);
    record_conflict(transaction, (org, loser), with, now).await
}

/// The customer has no claim any more. If it was the organization's customer by Stripe, the next one follows. Returns
/// whether a customer followed.
pub(super) async fn withdraw_claim(
    transaction: &mut Transaction<'static, Sqlite>,
    customer: &CustomerId,
    org: Option<&OrganizationId>,
) -> Result<bool, StoreError> {
    sqlx::query("DELETE FROM customer_claims WHERE customer = $1")
        .bind(customer.as_str())
        .execute(&mut **transaction)
        .await?;
    let Some(org) = org else {
        return Ok(false);
    };
    let current = current_mapping(transaction, org).await?;
    if current.is_none_or(|current| current.source == MappingSource::Operator) {
        // An operator decided, so an operator decides again.
        return Ok(false);
    }
    let Some(next) = newest_claim(transaction, org).await? else {
        return Ok(false);
    };
    upsert_mapping(transaction, org, &next, MappingSource::Stripe).await?;
    Ok(true)
}

/// Removes the claims on an organization: an operator removed its customer.
pub(super) async fn delete_claims(
    transaction: &mut Transaction<'static, Sqlite>,
    org: &OrganizationId,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM customer_claims WHERE organization_id = $1")
        .bind(org.as_str())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

async fn current_mapping(
    transaction: &mut Transaction<'static, Sqlite>,
    org: &OrganizationId,
) -> Result<Option<CurrentMapping>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT o.customer_as_of, c.customer, c.state, c.source \
         FROM organizations o LEFT JOIN customers c ON c.organization_id = o.id WHERE o.id = $1",
    )
    .bind(org.as_str())
    .fetch_optional(&mut **transaction)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let customer: Option<String> = row.try_get("customer")?;
    let state: Option<&str> = row.try_get("state")?;
    let source: Option<&str> = row.try_get("source")?;
    Ok(Some(CurrentMapping {
        commanded_at: UnixSeconds(row.try_get("customer_as_of")?),
        customer: customer.map(CustomerId::from_stored),
        is_active: state.map(CustomerState::from_stored) == Some(CustomerState::Active),
        source: source.map_or(MappingSource::Stripe, MappingSource::from_stored),
    }))
}

/// Records the claim. `false` if something newer is known about the customer. Events of the same second are ordered by
/// id, so that every instance picks the same one.
async fn record(
    transaction: &mut Transaction<'static, Sqlite>,
    claim: &Claim,
    evidence: Evidence<'_>,
) -> Result<bool, sqlx::Error> {
    let recorded = sqlx::query(
        "INSERT INTO customer_claims (customer, organization_id, customer_created, known_at, event) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (customer) DO UPDATE SET \
         organization_id = excluded.organization_id, known_at = excluded.known_at, event = excluded.event, \
         customer_created = COALESCE(excluded.customer_created, customer_claims.customer_created) \
         WHERE customer_claims.known_at < excluded.known_at \
         OR (customer_claims.known_at = excluded.known_at AND customer_claims.event <= excluded.event)",
    )
    .bind(claim.customer.as_str())
    .bind(claim.org.as_str())
    .bind(claim.customer_created.map(|created| created.0))
    .bind(evidence.known_at.0)
    .bind(evidence.event)
    .execute(&mut **transaction)
    .await?;
    Ok(recorded.rows_affected() == 1)
}

/// The customer that Stripe created last, by its own time and then by its id, so that every instance picks the same.
/// A customer that an operator linked to another organization does not count.
async fn newest_claim(
    transaction: &mut Transaction<'static, Sqlite>,
    org: &OrganizationId,
) -> Result<Option<CustomerId>, sqlx::Error> {
    let newest: Option<String> = sqlx::query_scalar(
        "SELECT customer FROM customer_claims WHERE organization_id = $1 AND NOT EXISTS \
         (SELECT 1 FROM customers m WHERE m.customer = customer_claims.customer AND m.organization_id <> $1) \
         ORDER BY COALESCE(customer_created, -1) DESC, customer DESC LIMIT 1",
    )
    .bind(org.as_str())
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(newest.map(CustomerId::from_stored))
}

/// Whether Stripe reported that the customer was deleted.
async fn was_deleted(
    transaction: &mut Transaction<'static, Sqlite>,
    customer: &CustomerId,
) -> Result<bool, sqlx::Error> {
    let deleted = sqlx::query("SELECT customer FROM deleted_customers WHERE customer = $1")
        .bind(customer.as_str())
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(deleted.is_some())
}
