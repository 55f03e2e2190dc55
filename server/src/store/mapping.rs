//! Which Stripe customer an organization is: the records, and the statements that links, events and batches share.

use chrono::{DateTime, Utc};

use super::{
    connection::Connection,
    statement::{execute, fetch_optional},
};
use crate::ids::{CustomerId, OrganizationId};

/// A point in time in seconds since 1970, as Stripe writes it. Any number that Stripe sends is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UnixSeconds(pub i64);

impl From<DateTime<Utc>> for UnixSeconds {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp())
    }
}

/// Whether Stripe still has the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CustomerState {
    /// As far as is known, Stripe has the customer.
    Active,
    /// Stripe reported that the customer is gone. Linking it again makes the mapping active.
    Stale,
}

impl CustomerState {
    /// The word in the database and in answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Stale => "stale",
        }
    }

    pub(super) fn from_stored(word: &str) -> Self {
        if word == Self::Active.as_str() {
            Self::Active
        } else {
            Self::Stale
        }
    }
}

/// Who made a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MappingSource {
    /// An operator, by a command. Nothing that Stripe sends replaces it while it is active.
    Operator,
    /// Stripe, by an event or a sync.
    Stripe,
}

impl MappingSource {
    /// The word in the database and in answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Stripe => "stripe",
        }
    }

    pub(super) fn from_stored(word: &str) -> Self {
        if word == Self::Stripe.as_str() {
            Self::Stripe
        } else {
            Self::Operator
        }
    }
}

/// Why a mapping is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StaleReason {
    /// Stripe did not have the customer when a portal was to be opened for it.
    MissingAtStripe,
    /// Stripe sent an event that the customer was deleted.
    Deleted,
}

impl StaleReason {
    /// The word in the database and in answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::MissingAtStripe => "missing_at_stripe",
            Self::Deleted => "deleted",
        }
    }

    fn from_stored(word: &str) -> Self {
        if word == Self::Deleted.as_str() {
            Self::Deleted
        } else {
            Self::MissingAtStripe
        }
    }
}

/// An organization and its customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CustomerLink {
    /// The organization.
    pub org: OrganizationId,
    /// Its customer.
    pub customer: CustomerId,
    /// Whether Stripe still has the customer.
    pub state: CustomerState,
    /// Why the mapping is stale; `None` for an active one.
    pub reason: Option<StaleReason>,
    /// Who made the mapping.
    pub source: MappingSource,
}

/// The columns of a mapping.
macro_rules! select_link {
    () => {
        "SELECT organization_id, customer, state, stale_reason, source FROM customers"
    };
}
pub(super) use select_link;

impl CustomerLink {
    /// From the columns of `select_link`.
    pub(super) fn from_row(row: (String, String, String, Option<String>, String)) -> Self {
        let (org, customer, state, reason, source) = row;
        Self {
            org: OrganizationId::from_stored(org),
            customer: CustomerId::from_stored(customer),
            state: CustomerState::from_stored(&state),
            reason: reason.as_deref().map(StaleReason::from_stored),
            source: MappingSource::from_stored(&source),
        }
    }
}

/// The organization that has this customer.
pub(super) async fn owner(
    connection: &mut Connection,
    customer: &CustomerId,
) -> Result<Option<OrganizationId>, sqlx::Error> {
    let owner: Option<(String,)> = fetch_optional!(
        connection,
        "SELECT organization_id FROM customers WHERE customer = $1",
        customer.as_str(),
    )?;
    Ok(owner.map(|(owner,)| OrganizationId::from_stored(owner)))
}

/// Makes the customer the organization's customer, by an operator's command at this time.
pub(super) async fn replace_customer(
    connection: &mut Connection,
    org: &OrganizationId,
    customer: &CustomerId,
    commanded_at: UnixSeconds,
) -> Result<(), sqlx::Error> {
    execute!(
        connection,
        "UPDATE organizations SET customer_as_of = $2 WHERE id = $1",
        org.as_str(),
        commanded_at.0,
    )?;
    upsert_mapping(connection, org, customer, MappingSource::Operator).await
}

/// Writes the mapping, active, in place of any other.
pub(super) async fn upsert_mapping(
    connection: &mut Connection,
    org: &OrganizationId,
    customer: &CustomerId,
    source: MappingSource,
) -> Result<(), sqlx::Error> {
    execute!(
        connection,
        "INSERT INTO customers (organization_id, customer, state, source) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (organization_id) DO UPDATE SET customer = excluded.customer, state = excluded.state, \
         stale_reason = NULL, source = excluded.source",
        org.as_str(),
        customer.as_str(),
        CustomerState::Active.as_str(),
        source.as_str(),
    )?;
    Ok(())
}
