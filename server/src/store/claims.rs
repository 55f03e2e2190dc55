//! The one rule by which Stripe's customers become mappings, for events and for a sync.
//!
//! A living customer at Stripe that names an organization has a claim. The mapping follows from the claims, whatever the
//! order in which they arrive:
//! - an operator's active mapping stays;
//! - otherwise the customer that Stripe created last is the organization's customer;
//! - a checkout has no such time, so it only fills a gap;
//! - a customer of one organization is never moved to another.

use chrono::{DateTime, Utc};

use super::{
    conflicts::{ConflictReason, FoundConflict, record_conflict},
    connection::Connection,
    error::StoreError,
    mapping::{CustomerState, MappingSource, UnixSeconds, owner, upsert_mapping},
    statement::{execute, fetch_optional},
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

impl CurrentMapping {
    fn from_row(row: (i64, Option<String>, Option<String>, Option<String>)) -> Self {
        let (commanded_at, customer, state, source) = row;
        let state = state.as_deref().map(CustomerState::from_stored);
        let source = source.as_deref();
        Self {
            commanded_at: UnixSeconds(commanded_at),
            customer: customer.map(CustomerId::from_stored),
            is_active: state == Some(CustomerState::Active),
            source: source.map_or(MappingSource::Stripe, MappingSource::from_stored),
        }
    }
}

/// Records a claim and applies the rule.
pub(super) async fn claim(
    connection: &mut Connection,
    claim: &Claim,
    evidence: Evidence<'_>,
    now: DateTime<Utc>,
) -> Result<ClaimResult, StoreError> {
    let Claim { org, customer, .. } = claim;
    let Some(current) = current_mapping(connection, org).await? else {
        return Ok(ClaimResult::UnknownOrganization);
    };
    if was_deleted(connection, customer).await? {
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
    let owner = owner(connection, customer).await?;
    if let Some(owner) = owner.filter(|owner| owner != org) {
        let with = (owner.as_str(), ConflictReason::AnotherOrganization);
        let conflict = record_conflict(connection, (org, customer), with, now).await?;
        return Ok(ClaimResult::lost(conflict, false));
    }
    let fills_gaps_only = claim.customer_created.is_none();
    if let Some(active) = active.filter(|active| fills_gaps_only && *active != customer) {
        let conflict = conflict(connection, org, (customer, active), now).await?;
        return Ok(ClaimResult::lost(conflict, false));
    }
    if !record(connection, claim, evidence).await? {
        return Ok(ClaimResult::Older);
    }
    decide(connection, claim, &current, now).await
}

/// Compares a recorded claim with the others, and changes the mapping if the rule says so.
async fn decide(
    connection: &mut Connection,
    claim: &Claim,
    current: &CurrentMapping,
    now: DateTime<Utc>,
) -> Result<ClaimResult, StoreError> {
    let Claim { org, customer, .. } = claim;
    let active = current.customer.as_ref().filter(|_| current.is_active);
    let winner = match active {
        Some(active) if current.source == MappingSource::Operator => Some(active.clone()),
        _ => newest_claim(connection, org).await?,
    };
    let winner = winner.as_ref().unwrap_or(customer);
    let changed = active != Some(winner);
    if changed {
        upsert_mapping(connection, org, winner, MappingSource::Stripe).await?;
    }
    if winner != customer {
        let conflict = conflict(connection, org, (customer, winner), now).await?;
        return Ok(ClaimResult::lost(conflict, changed));
    }
    let conflict = match active {
        Some(replaced) if changed => {
            Some(conflict(connection, org, (replaced, winner), now).await?)
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
    connection: &mut Connection,
    org: &OrganizationId,
    (loser, winner): (&CustomerId, &CustomerId),
    now: DateTime<Utc>,
) -> Result<FoundConflict, sqlx::Error> {
    let with = (winner.as_str(), ConflictReason::AnotherCustomer);
    record_conflict(connection, (org, loser), with, now).await
}

/// The customer has no claim any more. If it was the organization's customer by Stripe, the next one follows. Returns
/// whether a customer followed.
pub(super) async fn withdraw_claim(
    connection: &mut Connection,
    customer: &CustomerId,
    org: Option<&OrganizationId>,
) -> Result<bool, StoreError> {
    execute!(
        connection,
        "DELETE FROM customer_claims WHERE customer = $1",
        customer.as_str(),
    )?;
    let Some(org) = org else {
        return Ok(false);
    };
    let current = current_mapping(connection, org).await?;
    if current.is_none_or(|current| current.source == MappingSource::Operator) {
        // An operator decided, so an operator decides again.
        return Ok(false);
    }
    let Some(next) = newest_claim(connection, org).await? else {
        return Ok(false);
    };
    upsert_mapping(connection, org, &next, MappingSource::Stripe).await?;
    Ok(true)
}

/// Removes the claims on an organization: an operator removed its customer.
pub(super) async fn delete_claims(
    connection: &mut Connection,
    org: &OrganizationId,
) -> Result<(), sqlx::Error> {
    execute!(
        connection,
        "DELETE FROM customer_claims WHERE organization_id = $1",
        org.as_str(),
    )?;
    Ok(())
}

async fn current_mapping(
    connection: &mut Connection,
    org: &OrganizationId,
) -> Result<Option<CurrentMapping>, sqlx::Error> {
    let row = fetch_optional!(
        connection,
        "SELECT o.customer_as_of, c.customer, c.state, c.source \
         FROM organizations o LEFT JOIN customers c ON c.organization_id = o.id WHERE o.id = $1",
        org.as_str(),
    )?;
    Ok(row.map(CurrentMapping::from_row))
}

/// Records the claim. `false` if something newer is known about the customer. Events of the same second are ordered by
/// id, so that every instance picks the same one.
async fn record(
    connection: &mut Connection,
    claim: &Claim,
    evidence: Evidence<'_>,
) -> Result<bool, sqlx::Error> {
    let recorded = execute!(
        connection,
        "INSERT INTO customer_claims (customer, organization_id, customer_created, known_at, event) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (customer) DO UPDATE SET \
         organization_id = excluded.organization_id, known_at = excluded.known_at, event = excluded.event, \
         customer_created = COALESCE(excluded.customer_created, customer_claims.customer_created) \
         WHERE customer_claims.known_at < excluded.known_at \
         OR (customer_claims.known_at = excluded.known_at AND customer_claims.event <= excluded.event)",
        claim.customer.as_str(),
        claim.org.as_str(),
        claim.customer_created.map(|created| created.0),
        evidence.known_at.0,
        evidence.event,
    )?;
    Ok(recorded == 1)
}

/// The customer that Stripe created last, by its own time and then by its id, so that every instance picks the same.
/// A customer that an operator linked to another organization does not count.
async fn newest_claim(
    connection: &mut Connection,
    org: &OrganizationId,
) -> Result<Option<CustomerId>, sqlx::Error> {
    let newest: Option<(String,)> = fetch_optional!(
        connection,
        "SELECT customer FROM customer_claims WHERE organization_id = $1 AND NOT EXISTS \
         (SELECT 1 FROM customers m WHERE m.customer = customer_claims.customer AND m.organization_id <> $1) \
         ORDER BY COALESCE(customer_created, -1) DESC, customer DESC LIMIT 1",
        org.as_str(),
    )?;
    Ok(newest.map(|(customer,)| CustomerId::from_stored(customer)))
}

/// Whether Stripe reported that the customer was deleted.
async fn was_deleted(
    connection: &mut Connection,
    customer: &CustomerId,
) -> Result<bool, sqlx::Error> {
    let deleted: Option<(String,)> = fetch_optional!(
        connection,
        "SELECT customer FROM deleted_customers WHERE customer = $1",
        customer.as_str(),
    )?;
    Ok(deleted.is_some())
}
