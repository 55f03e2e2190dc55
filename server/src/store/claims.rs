//! The one rule by which Stripe's customers become mappings, for events and for a sync.
//!
//! A living customer at Stripe that names an organization has a claim. The mapping follows from the claims:
//! - an operator's active mapping stays;
//! - otherwise the customer that Stripe created last is the organization's customer;
//! - a checkout has no such time, so it only fills a gap;
//! - a claim ends when the customer is deleted, or names another organization or none. The living customer stays until
//!   another one has a claim: an edit of metadata alone leaves no organization without a customer;
//! - an organization's customer that names another one moves to it when the first one has another customer.

use chrono::{DateTime, Utc};

use super::{
    claim_rows::{
        Claim, Evidence, RecordedClaim, delete_claim, find_claim, newest_claim, record_claim,
        record_withdrawal,
    },
    conflicts::{ConflictReason, FoundConflict, delete_conflicts_with, record_conflict},
    connection::Connection,
    current_customer::{
        CurrentMapping, conflict, current_mapping, let_go, next_follows, replace, was_deleted,
    },
    error::StoreError,
    mapping::owner,
};
use crate::ids::{CustomerId, OrganizationId};

/// A claim that was applied.
pub(super) struct Claimed {
    pub(super) result: ClaimResult,
    /// Whether the customer had a claim on another organization, which has ended.
    pub(super) has_left: bool,
    /// The conflicts that were found.
    pub(super) found: Vec<FoundConflict>,
}

/// The result of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ClaimResult {
    /// The customer is the organization's customer.
    Follows {
        /// Whether it was not before.
        changed: bool,
    },
    /// The customer is not the organization's customer, because of this.
    Lost(FoundConflict),
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

/// Records a claim and applies the rule. `before` is the organization that the customer named before, if the event says
/// so.
pub(super) async fn claim(
    connection: &mut Connection,
    claim: &Claim,
    before: Option<&OrganizationId>,
    evidence: Evidence<'_>,
    now: DateTime<Utc>,
) -> Result<Claimed, StoreError> {
    let Claim { org, customer, .. } = claim;
    let known = find_claim(connection, customer).await?;
    let is_new_to_it = known.as_ref().is_none_or(|known| known.org != *org);
    let mut has_left = false;
    if claim.customer_created.is_some() && is_new_to_it {
        let left = withdraw_known(connection, customer, known.as_ref(), before, evidence, now);
        has_left = matches!(left.await?, WithdrawalResult::Withdrawn { .. });
    }
    let mut found = Vec::new();
    let result = match current_mapping(connection, org).await? {
        None => ClaimResult::UnknownOrganization,
        Some(current) => {
            let case = Case {
                claim,
                evidence,
                known,
                current,
                now,
            };
            apply(connection, &case, &mut found).await?
        }
    };
    if let ClaimResult::Lost(conflict) = &result {
        found.push(conflict.clone());
    }
    Ok(Claimed {
        result,
        has_left,
        found,
    })
}

/// A claim, and what is known before it.
struct Case<'a> {
    claim: &'a Claim,
    evidence: Evidence<'a>,
    /// About the customer.
    known: Option<RecordedClaim>,
    /// Of the organization.
    current: CurrentMapping,
    now: DateTime<Utc>,
}

async fn apply(
    connection: &mut Connection,
    case: &Case<'_>,
    found: &mut Vec<FoundConflict>,
) -> Result<ClaimResult, StoreError> {
    let Case {
        claim,
        evidence,
        current,
        ..
    } = case;
    if was_deleted(connection, &claim.customer).await? {
        return Ok(ClaimResult::Deleted);
    }
    // An operator may have removed the customer since. What happened before does not count, except as a conflict with the
    // customer that an operator linked.
    let as_of = match &current.customer {
        None => evidence.happened_at,
        Some(_) => evidence.known_at,
    };
    if !current.is_decided_by_operator() && as_of < current.commanded_at {
        return Ok(ClaimResult::Older);
    }
    if claim.customer_created.is_some() {
        apply_metadata(connection, case, found).await
    } else {
        apply_checkout(connection, case, found).await
    }
}

/// What a customer's metadata say.
async fn apply_metadata(
    connection: &mut Connection,
    case: &Case<'_>,
    found: &mut Vec<FoundConflict>,
) -> Result<ClaimResult, StoreError> {
    let evidence = case.evidence;
    let known = case.known.as_ref();
    if known.is_some_and(|known| known.known_at > evidence.known_at) {
        return Ok(ClaimResult::Older);
    }
    // Also if another organization has the customer: this one gets it when that one has another.
    let is_newest = record_claim(connection, case.claim, evidence).await?;
    if let Some(conflict) = conflict_of_owner(connection, case).await? {
        return Ok(ClaimResult::Lost(conflict));
    }
    if !is_newest {
        return Ok(ClaimResult::Older);
    }
    decide(connection, case, found).await
}

/// What a checkout says, which fills a gap only.
async fn apply_checkout(
    connection: &mut Connection,
    case: &Case<'_>,
    found: &mut Vec<FoundConflict>,
) -> Result<ClaimResult, StoreError> {
    let Claim { org, customer, .. } = case.claim;
    if let Some(conflict) = conflict_of_owner(connection, case).await? {
        return Ok(ClaimResult::Lost(conflict));
    }
    let current = &case.current;
    if let Some(active) = current.active().filter(|active| *active != customer) {
        let pair = (customer, active);
        let conflict = conflict(connection, (org, current), pair, case.now).await?;
        return Ok(ClaimResult::Lost(conflict));
    }
    // What the customer's metadata say stays recorded.
    let known = case.known.as_ref();
    let has_metadata = known.is_some_and(|known| known.is_by_metadata);
    if !has_metadata && !record_claim(connection, case.claim, case.evidence).await? {
        return Ok(ClaimResult::Older);
    }
    decide(connection, case, found).await
}

/// Compares a recorded claim with the others, and changes the mapping if the rule says so.
async fn decide(
    connection: &mut Connection,
    case: &Case<'_>,
    found: &mut Vec<FoundConflict>,
) -> Result<ClaimResult, StoreError> {
    let Case { current, now, .. } = case;
    let now = *now;
    let Claim { org, customer, .. } = case.claim;
    let active = current.active();
    let winner = match active {
        Some(active) if current.is_decided_by_operator() => Some(active.clone()),
        _ => newest_claim(connection, org).await?,
    };
    let winner = winner.as_ref().unwrap_or(customer);
    let changed = active != Some(winner);
    if changed {
        found.extend(replace(connection, (org, current), winner, now).await?);
        if let Some(replaced) = active {
            found.extend(let_go(connection, replaced.clone(), org, now).await?);
        }
    }
    if winner != customer {
        let conflict = conflict(connection, (org, current), (customer, winner), now).await?;
        return Ok(ClaimResult::Lost(conflict));
    }
    Ok(ClaimResult::Follows { changed })
}

/// The conflict with the organization that has the customer, if another one has it.
async fn conflict_of_owner(
    connection: &mut Connection,
    case: &Case<'_>,
) -> Result<Option<FoundConflict>, StoreError> {
    let Claim { org, customer, .. } = case.claim;
    let owner = owner(connection, customer).await?;
    let Some(owner) = owner.filter(|owner| owner != org) else {
        return Ok(None);
    };
    let of_owner = current_mapping(connection, &owner).await?;
    let is_decided = case.current.is_decided_by_operator()
        || of_owner.is_some_and(|mapping| mapping.is_decided_by_operator());
    let with = (owner.as_str(), ConflictReason::AnotherOrganization);
    let conflict = record_conflict(connection, (org, customer), with, is_decided, case.now).await?;
    Ok(Some(conflict))
}

/// Ends the claim of a customer whose metadata no longer name the organization. `before` is the organization that they
/// named, if the event says so: the event of the claim itself may still arrive.
pub(super) async fn withdraw_claim(
    connection: &mut Connection,
    customer: &CustomerId,
    before: Option<&OrganizationId>,
    evidence: Evidence<'_>,
    now: DateTime<Utc>,
) -> Result<WithdrawalResult, StoreError> {
    let known = find_claim(connection, customer).await?;
    withdraw_known(connection, customer, known.as_ref(), before, evidence, now).await
}

/// The same, with what is recorded about the customer.
async fn withdraw_known(
    connection: &mut Connection,
    customer: &CustomerId,
    known: Option<&RecordedClaim>,
    before: Option<&OrganizationId>,
    evidence: Evidence<'_>,
    now: DateTime<Utc>,
) -> Result<WithdrawalResult, StoreError> {
    let org = match known {
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
    delete_conflicts_with(connection, org, customer).await?;
    let changed = next_follows(connection, customer, org, now).await?;
    Ok(WithdrawalResult::Withdrawn { changed })
}

/// Ends the claim of a customer that was deleted. Returns whether another customer of its organization followed.
pub(super) async fn delete_customer(
    connection: &mut Connection,
    customer: &CustomerId,
    owner: Option<&OrganizationId>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    delete_claim(connection, customer).await?;
    match owner {
        Some(org) => next_follows(connection, customer, org, now).await,
        None => Ok(false),
    }
}
