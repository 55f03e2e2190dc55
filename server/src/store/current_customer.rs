//! The change of an organization's customer by what Stripe says, and what follows from it for other organizations and for
//! the recorded conflicts.

use chrono::{DateTime, Utc};

use super::{
    claim_rows::{find_claim, newest_claim},
    conflicts::{
        ConflictReason, FoundConflict, delete_conflicts_with, record_conflict, repoint_conflicts,
        resolve_conflicts, take_conflicts_over,
    },
    connection::Connection,
    error::StoreError,
    mapping::{CustomerState, MappingSource, UnixSeconds, replace_customer, upsert_mapping},
    statement::fetch_optional,
};
use crate::ids::{CustomerId, OrganizationId};

/// Which customer an organization has.
pub(super) struct CurrentMapping {
    pub(super) commanded_at: UnixSeconds,
    pub(super) customer: Option<CustomerId>,
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

    pub(super) fn active(&self) -> Option<&CustomerId> {
        self.customer.as_ref().filter(|_| self.is_active)
    }

    pub(super) fn is_decided_by_operator(&self) -> bool {
        self.is_active && self.source == MappingSource::Operator
    }
}

pub(super) async fn current_mapping(
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

/// Makes the customer the organization's customer, by what Stripe says. Returns the conflict with the customer before, if
/// that one still names the organization.
pub(super) async fn replace(
    connection: &mut Connection,
    (org, current): (&OrganizationId, &CurrentMapping),
    customer: &CustomerId,
    now: DateTime<Utc>,
) -> Result<Option<FoundConflict>, StoreError> {
    upsert_mapping(connection, org, customer, MappingSource::Stripe).await?;
    take_over_conflicts(connection, (org, current), customer, now).await
}

/// Other customers that name the organization are in conflict with its new customer now, also the customer before, whose
/// conflict is returned.
async fn take_over_conflicts(
    connection: &mut Connection,
    (org, current): (&OrganizationId, &CurrentMapping),
    customer: &CustomerId,
    now: DateTime<Utc>,
) -> Result<Option<FoundConflict>, StoreError> {
    delete_conflicts_with(connection, org, customer).await?;
    let before = current.customer.as_ref();
    let Some(before) = before.filter(|before| *before != customer) else {
        return Ok(None);
    };
    repoint_conflicts(connection, org, before, customer).await?;
    if !current.is_active || !names(connection, before, org).await? {
        return Ok(None);
    }
    let found = conflict(connection, (org, current), (before, customer), now).await?;
    Ok(Some(found))
}

/// The organization `from` no longer has the customer. The organization that the customer names may have it now, and what
/// that one had before is let go in turn. Where it is not taken, it is in conflict with the customer that is there. Returns
/// the conflicts that were found.
pub(super) async fn let_go(
    connection: &mut Connection,
    mut customer: CustomerId,
    from: &OrganizationId,
    now: DateTime<Utc>,
) -> Result<Vec<FoundConflict>, StoreError> {
    let mut found = Vec::new();
    let mut from = from.clone();
    // Each step gives an organization a customer that names it, or a newer one, so this ends.
    loop {
        let waiting = take_conflicts_over(connection, &customer, &from).await?;
        let replaced = offer(connection, &customer, &from, &mut found, now).await?;
        for org in waiting {
            if let Some(current) = current_mapping(connection, &org).await?
                && let Some(active) = current.active().filter(|active| **active != customer)
            {
                let pair = (&customer, active);
                found.push(conflict(connection, (&org, &current), pair, now).await?);
            }
        }
        match replaced {
            Some(replaced) => (customer, from) = replaced,
            None => return Ok(found),
        }
    }
}

/// Decides again which customer the organization has that this customer names, if it is another one than `from`. Returns
/// the customer that is replaced, and the organization.
async fn offer(
    connection: &mut Connection,
    customer: &CustomerId,
    from: &OrganizationId,
    found: &mut Vec<FoundConflict>,
    now: DateTime<Utc>,
) -> Result<Option<(CustomerId, OrganizationId)>, StoreError> {
    let known = find_claim(connection, customer).await?;
    let Some(known) = known.filter(|known| !known.is_withdrawn && known.org != *from) else {
        return Ok(None);
    };
    let org = known.org;
    let current = current_mapping(connection, &org).await?;
    let (Some(current), Some(winner)) = (current, newest_claim(connection, &org).await?) else {
        return Ok(None);
    };
    let is_same = current.active() == Some(&winner);
    if is_same || current.is_decided_by_operator() || known.known_at < current.commanded_at {
        return Ok(None);
    }
    found.extend(replace(connection, (&org, &current), &winner, now).await?);
    let replaced = current.active().cloned();
    Ok(replaced.map(|replaced| (replaced, org)))
}

/// Makes the customer the organization's customer, by an operator's command, which resolves the organization's conflicts.
/// The customer before has still to be let go.
pub(super) async fn link(
    connection: &mut Connection,
    (org, current): (&OrganizationId, &CurrentMapping),
    customer: &CustomerId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    replace_customer(connection, org, customer, now.into()).await?;
    take_over_conflicts(connection, (org, current), customer, now).await?;
    resolve_conflicts(connection, org, now).await?;
    Ok(())
}

/// If the customer without a claim is the organization's customer by Stripe, the newest one with a claim follows. Returns
/// whether one did.
pub(super) async fn next_follows(
    connection: &mut Connection,
    customer: &CustomerId,
    org: &OrganizationId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    // Where an operator decided, an operator decides again.
    let is_left = |current: &CurrentMapping| {
        current.customer.as_ref() == Some(customer) && current.source == MappingSource::Stripe
    };
    let current = current_mapping(connection, org).await?;
    let Some(current) = current.filter(is_left) else {
        return Ok(false);
    };
    let Some(next) = newest_claim(connection, org).await? else {
        return Ok(false);
    };
    replace(connection, (org, &current), &next, now).await?;
    Ok(true)
}

/// Two living customers name the organization.
pub(super) async fn conflict(
    connection: &mut Connection,
    (org, current): (&OrganizationId, &CurrentMapping),
    (loser, winner): (&CustomerId, &CustomerId),
    now: DateTime<Utc>,
) -> Result<FoundConflict, sqlx::Error> {
    let with = (winner.as_str(), ConflictReason::AnotherCustomer);
    let is_decided = current.is_decided_by_operator();
    record_conflict(connection, (org, loser), with, is_decided, now).await
}

/// Whether the customer, which has the organization, still names it. One that was mapped by an earlier version has no
/// claim.
async fn names(
    connection: &mut Connection,
    customer: &CustomerId,
    org: &OrganizationId,
) -> Result<bool, StoreError> {
    match find_claim(connection, customer).await? {
        Some(known) => Ok(!known.is_withdrawn && known.org == *org),
        None => Ok(!was_deleted(connection, customer).await?),
    }
}

/// Whether Stripe reported that the customer was deleted.
pub(super) async fn was_deleted(
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
