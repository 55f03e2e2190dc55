//! Applies Stripe's events about customers, each once, in any order of arrival.
//!
//! The rule of [`super::claims`] decides which customer an organization has. A deleted customer stays deleted. An event
//! that was not followed is not recorded: when its obstacle is removed, an operator can have Stripe send it again.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    claim_rows::{Claim, Evidence, find_claim},
    claims::{ClaimResult, WithdrawalResult, claim, delete_customer, withdraw_claim},
    conflicts::{ConflictState, FoundConflict, delete_conflicts_of},
    connection::Connection,
    database::Store,
    error::StoreError,
    mapping::{CustomerState, StaleReason, UnixSeconds, owner},
    statement::execute,
};
use crate::ids::{CustomerId, OrganizationId};

/// How long an applied event is recorded. Stripe can send an event again for thirty days; the rest is margin.
const RECORDED_FOR: TimeDelta = TimeDelta::days(35);

/// What an event reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CustomerChange {
    /// A customer names an organization.
    Claimed {
        /// The customer and the organization.
        claim: Claim,
        /// The organization that it named before, if the event says so.
        before: Option<OrganizationId>,
    },
    /// A customer's metadata name no organization.
    Withdrawn {
        /// The customer.
        customer: CustomerId,
        /// The organization that they named before, if the event says so.
        before: Option<OrganizationId>,
    },
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
    /// It was applied.
    Applied {
        /// Whether a mapping changed.
        changed: bool,
        /// Conflicts with customers that were replaced, which still exist at Stripe.
        found: Vec<FoundConflict>,
    },
    /// Its customer is not the organization's customer.
    Conflict {
        /// Whether an operator has decided so.
        is_resolved: bool,
        /// That conflict, and others that were found.
        found: Vec<FoundConflict>,
    },
    /// It had been applied before.
    Repeated,
    /// Something newer is known.
    Older,
    /// Its customer was deleted at Stripe.
    DeletedCustomer,
    /// Its customer names no organization, and did not before.
    NoClaim,
    /// There is no such organization.
    UnknownOrganization,
}

impl Store {
    /// Applies an event that was received at `now`, in one transaction.
    pub(crate) async fn apply_event(
        &self,
        event: &CustomerEvent,
        now: DateTime<Utc>,
    ) -> Result<EventResult, StoreError> {
        self.unless_unreachable(Box::pin(self.apply(event, now)))
            .await
    }

    async fn apply(
        &self,
        event: &CustomerEvent,
        now: DateTime<Utc>,
    ) -> Result<EventResult, StoreError> {
        if let CustomerChange::Withdrawn {
            customer,
            before: None,
        } = &event.change
            && find_claim(&mut self.read().await?, customer)
                .await?
                .is_none()
        {
            // Most customers of many accounts: without the lock of the writers.
            return Ok(EventResult::NoClaim);
        }
        let mut write = self.begin().await?;
        let connection = &mut write.connection;
        if !record(connection, event, now).await? {
            write.roll_back();
            return Ok(EventResult::Repeated);
        }
        let (result, has_left) = change(connection, event, now).await?;
        match &result {
            EventResult::Applied { changed: false, .. } if !has_left => {
                write.commit_uncounted().await?;
            }
            EventResult::Applied { .. } => write.commit().await?,
            _ if has_left || matches!(result, EventResult::Conflict { .. }) => {
                delete_record(connection, &event.id).await?;
                write.commit().await?;
            }
            // The record of the event too.
            _ => write.roll_back(),
        }
        Ok(result)
    }
}

/// The event was not followed, so Stripe can send it again.
async fn delete_record(connection: &mut Connection, event: &str) -> Result<(), sqlx::Error> {
    execute!(connection, "DELETE FROM stripe_events WHERE id = $1", event)?;
    Ok(())
}

/// Returns the result, and whether the customer had a claim on another organization, which has ended.
async fn change(
    connection: &mut Connection,
    event: &CustomerEvent,
    now: DateTime<Utc>,
) -> Result<(EventResult, bool), StoreError> {
    match &event.change {
        CustomerChange::Claimed { claim, before } => {
            follow(connection, event, claim, before.as_ref(), now).await
        }
        CustomerChange::Withdrawn { customer, before } => {
            let before = before.as_ref();
            let result = withdraw_claim(connection, customer, before, evidence(event), now).await?;
            Ok((result.into(), false))
        }
        CustomerChange::Deleted(customer) => Ok((delete(connection, customer, now).await?, false)),
    }
}

/// Records the event. `false` if it was recorded before: the unique key decides, so that two deliveries at once cannot
/// both be new.
async fn record(
    connection: &mut Connection,
    event: &CustomerEvent,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let expired_before = (now - RECORDED_FOR).timestamp();
    for expired in [
        "DELETE FROM stripe_events WHERE received_at < $1",
        "DELETE FROM deleted_customers WHERE received_at < $1",
    ] {
        execute!(connection, expired, expired_before)?;
    }
    let recorded = execute!(
        connection,
        "INSERT INTO stripe_events (id, received_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
        &event.id,
        now.timestamp(),
    )?;
    Ok(recorded == 1)
}

async fn follow(
    connection: &mut Connection,
    event: &CustomerEvent,
    claimed: &Claim,
    before: Option<&OrganizationId>,
    now: DateTime<Utc>,
) -> Result<(EventResult, bool), StoreError> {
    let claimed = claim(connection, claimed, before, evidence(event), now).await?;
    let found = claimed.found;
    let result = match claimed.result {
        ClaimResult::Follows { changed } => EventResult::Applied { changed, found },
        ClaimResult::Lost(conflict) => EventResult::Conflict {
            is_resolved: conflict.state == ConflictState::Resolved,
            found,
        },
        ClaimResult::Older => EventResult::Older,
        ClaimResult::Deleted => EventResult::DeletedCustomer,
        ClaimResult::UnknownOrganization => EventResult::UnknownOrganization,
    };
    Ok((result, claimed.has_left))
}

impl From<WithdrawalResult> for EventResult {
    fn from(result: WithdrawalResult) -> Self {
        match result {
            WithdrawalResult::Withdrawn { changed } => Self::Applied {
                changed,
                found: Vec::new(),
            },
            WithdrawalResult::Older => Self::Older,
            WithdrawalResult::NoClaim => Self::NoClaim,
        }
    }
}

fn evidence(event: &CustomerEvent) -> Evidence<'_> {
    Evidence {
        known_at: event.created,
        event: &event.id,
        happened_at: event.created,
    }
}

async fn delete(
    connection: &mut Connection,
    customer: &CustomerId,
    now: DateTime<Utc>,
) -> Result<EventResult, StoreError> {
    execute!(
        connection,
        "INSERT INTO deleted_customers (customer, received_at) VALUES ($1, $2) ON CONFLICT (customer) DO NOTHING",
        customer.as_str(),
        now.timestamp(),
    )?;
    let owner = owner(connection, customer).await?;
    if !delete_customer(connection, customer, owner.as_ref(), now).await? {
        mark_deleted(connection, customer).await?;
    }
    delete_conflicts_of(connection, customer).await?;
    Ok(EventResult::Applied {
        changed: owner.is_some(),
        found: Vec::new(),
    })
}

async fn mark_deleted(
    connection: &mut Connection,
    customer: &CustomerId,
) -> Result<(), StoreError> {
    execute!(
        connection,
        "UPDATE customers SET state = $2, stale_reason = $3 WHERE customer = $1",
        customer.as_str(),
        CustomerState::Stale.as_str(),
        StaleReason::Deleted.as_str(),
    )?;
    Ok(())
}
