//! The one rule by which Stripe's customers become mappings, for events and for a sync.
//!
//! A living customer at Stripe that names an organization has a claim. The mapping follows from the claims, whatever the
//! order in which they arrive:
//! - an operator's active mapping stays;
//! - otherwise the customer that Stripe created last is the organization's customer;
//! - a checkout has no such time, so it only fills a gap;
//! - a claim ends when the customer is deleted, or names another organization or none. The living customer stays until
//!   another one has a claim: an edit of metadata alone leaves no organization without a customer;
//! - a customer of one organization is not moved to another as long as the first one has no other customer.

use chrono::{DateTime, Utc};

use super::{
    claim_rows::{
        Claim, Evidence, delete_claim, find_claim, newest_claim, record_claim, record_withdrawal,
    },
    conflicts::{ConflictReason, FoundConflict, delete_conflicts_between, record_conflict},
    connection::Connection,
    error::StoreError,
    mapping::{CustomerState, MappingSource, UnixSeconds, owner, upsert_mapping},
    statement::fetch_optional,
};
use crate::ids::{CustomerId, OrganizationId};

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

/// The result of a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WithdrawalResult {
    /// The claim is withdrawn.
    Withdrawn {
        /// Whether another customer is the organization's customer now.
        changed: bool,
    },
    /// Something newer is known about the customer.
    Older,
    /// The customer had no claim.
    NoClaim,
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
    if claim.customer_created.is_some()
        && let Some(known) = find_claim(connection, customer).await?
    {
        if known.known_at > evidence.known_at {
            return Ok(ClaimResult::Older);
        }
        if known.org != *org {
            withdraw_claim(connection, customer, None, evidence).await?;
        }
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
    if !record_claim(connection, claim, evidence).await? {
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
        Some(replaced) if changed && !is_withdrawn(connection, replaced).await? => {
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

async fn is_withdrawn(
    connection: &mut Connection,
    customer: &CustomerId,
) -> Result<bool, sqlx::Error> {
    let known = find_claim(connection, customer).await?;
    Ok(known.is_some_and(|known| known.is_withdrawn))
}

/// Ends the claim of a customer whose metadata no longer name the organization. `before` is the organization that they
/// named, if the event says so: the event of the claim itself may still arrive.
pub(super) async fn withdraw_claim(
    connection: &mut Connection,
    customer: &CustomerId,
    before: Option<&OrganizationId>,
    evidence: Evidence<'_>,
) -> Result<WithdrawalResult, StoreError> {
    let known = find_claim(connection, customer).await?;
    let org = match &known {
        // What a checkout said does not depend on the customer's metadata.
        Some(known) if !known.is_withdrawn && !known.is_by_metadata => None,
        Some(known) => Some(&known.org),
        None => before,
    };
    let Some(org) = org else {
        return Ok(WithdrawalResult::NoClaim);
    };
    if !record_withdrawal(connection, customer, org, evidence).await? {
        return Ok(match known {
            Some(_) => WithdrawalResult::Older,
            None => WithdrawalResult::NoClaim,
        });
    }
    delete_conflicts_between(connection, org, customer).await?;
    let changed = next_follows(connection, customer, org).await?;
    Ok(WithdrawalResult::Withdrawn { changed })
}

/// Ends the claim of a customer that was deleted. Returns whether another customer of its organization followed.
pub(super) async fn delete_customer(
    connection: &mut Connection,
    customer: &CustomerId,
    owner: Option<&OrganizationId>,
) -> Result<bool, StoreError> {
    delete_claim(connection, customer).await?;
    match owner {
        Some(org) => next_follows(connection, customer, org).await,
        None => Ok(false),
    }
}

/// If the customer without a claim is the organization's customer by Stripe, the newest one with a claim follows. Returns
/// whether one did.
async fn next_follows(
    connection: &mut Connection,
    customer: &CustomerId,
    org: &OrganizationId,
) -> Result<bool, StoreError> {
    let current = current_mapping(connection, org).await?;
    // Where an operator decided, an operator decides again.
    let is_left = current.is_some_and(|current| {
        current.customer.as_ref() == Some(customer) && current.source == MappingSource::Stripe
    });
    if !is_left {
        return Ok(false);
    }
    let Some(next) = newest_claim(connection, org).await? else {
        return Ok(false);
    };
    upsert_mapping(connection, org, &next, MappingSource::Stripe).await?;
    Ok(true)
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
