//! Links the customers of an operator's file, many at once. A batch is one transaction, so a run that is interrupted has
//! finished whole batches, and the next run does only the rest.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::{
    connection::Connection,
    current_customer::{self, current_mapping, let_go},
    database::Store,
    error::StoreError,
    mapping::{CustomerState, MappingSource, owner, upsert_mapping},
    new_mappings::{NewMapping, link_new},
    statement::{execute, fetch_optional},
};
use crate::ids::{CustomerId, OrganizationId};

/// What to do about a different mapping, or a missing organization.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinkPolicy {
    /// Whether another active customer of the organization is replaced. If not, the new one is reported as a failure.
    pub replace: bool,
    /// Whether to create a missing organization.
    pub create_organizations: bool,
}

/// The result of one mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkOutcome {
    /// The mapping was written.
    Linked {
        /// Whether the organization was created for it.
        organization_created: bool,
    },
    /// The mapping was there before.
    Unchanged,
    /// The organization has another customer, or was unlinked since.
    Superseded,
    /// The mapping was not written, for this reason.
    Refused(String),
}

/// What the database has before a mapping is written.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, read with one statement"
)]
struct Known {
    organization_exists: bool,
    customer: Option<String>,
    active: bool,
    /// Whether an operator made the mapping.
    is_operators: bool,
    /// The organization that has the new customer.
    owner: Option<String>,
    /// Whether Stripe reported that the new customer was deleted, after the file was made.
    deleted: bool,
}

impl Store {
    /// Links a batch of an operator's mappings and returns the outcome of each.
    pub(crate) async fn link_batch(
        &self,
        batch: &[NewMapping],
        policy: LinkPolicy,
        now: DateTime<Utc>,
    ) -> Result<Vec<LinkOutcome>, StoreError> {
        let mut write = self.begin().await?;
        let connection = &mut write.connection;
        let new = if policy.create_organizations {
            link_new(connection, batch, now).await?
        } else {
            HashSet::new()
        };
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut freed = Vec::new();
        for mapping in batch {
            outcomes.push(if new.contains(mapping.org.as_str()) {
                LinkOutcome::Linked {
                    organization_created: true,
                }
            } else {
                link(connection, mapping, policy, &mut freed, now).await?
            });
        }
        // After all, because a later mapping may want the customer that an earlier one replaces.
        for (customer, org) in freed {
            if owner(connection, &customer).await?.is_none() {
                let_go(connection, customer, &org, now).await?;
            }
        }
        write.commit().await?;
        Ok(outcomes)
    }
}

/// Links one mapping. A customer that it replaces is added to those that are free.
async fn link(
    connection: &mut Connection,
    mapping: &NewMapping,
    policy: LinkPolicy,
    freed: &mut Vec<(CustomerId, OrganizationId)>,
    now: DateTime<Utc>,
) -> Result<LinkOutcome, StoreError> {
    let NewMapping { org, customer, .. } = mapping;
    let known = look_up(connection, org, customer).await?;
    if let Some(outcome) = skip(mapping, &known, policy) {
        return Ok(outcome);
    }
    if let Some(current) = current_mapping(connection, org).await? {
        current_customer::link(connection, (org, &current), customer, now).await?;
        let replaced = current.customer.filter(|replaced| replaced != customer);
        freed.extend(replaced.map(|replaced| (replaced, org.clone())));
    } else {
        create_organization(connection, org, mapping.name.as_deref(), now).await?;
        upsert_mapping(connection, org, customer, MappingSource::Operator).await?;
    }
    Ok(LinkOutcome::Linked {
        organization_created: !known.organization_exists,
    })
}

pub(super) async fn create_organization(
    connection: &mut Connection,
    org: &OrganizationId,
    name: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    execute!(
        connection,
        "INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, $3)",
        org.as_str(),
        name.unwrap_or(org.as_str()),
        now.timestamp(),
    )?;
    Ok(())
}

pub(super) fn unknown(org: &OrganizationId) -> String {
    format!("there is no organization {org}")
}

pub(super) fn belongs_to(customer: &CustomerId, owner: &str) -> String {
    format!("customer {customer} belongs to organization {owner}")
}

pub(super) fn was_deleted(customer: &CustomerId) -> String {
    format!("customer {customer} was deleted at Stripe")
}

/// The outcome of a mapping that is not written.
fn skip(mapping: &NewMapping, known: &Known, policy: LinkPolicy) -> Option<LinkOutcome> {
    let NewMapping { org, customer, .. } = mapping;
    let refused = |problem: String| Some(LinkOutcome::Refused(problem));
    if !known.organization_exists && !policy.create_organizations {
        return refused(unknown(org));
    }
    if let Some(other) = known.customer.as_deref().filter(|_| known.active) {
        if other == customer.as_str() && known.is_operators {
            return Some(LinkOutcome::Unchanged);
        }
        if other != customer.as_str() && !policy.replace {
            return refused(format!(
                "organization {org} has customer {other}; use --replace to change it"
            ));
        }
    }
    match &known.owner {
        Some(owner) if owner != org.as_str() => refused(belongs_to(customer, owner)),
        _ if known.deleted => refused(was_deleted(customer)),
        _ => None,
    }
}

/// One statement for everything: there may be a hundred thousand mappings.
async fn look_up(
    connection: &mut Connection,
    org: &OrganizationId,
    customer: &CustomerId,
) -> Result<Known, StoreError> {
    let row: Option<CurrentRow> = fetch_optional!(
        connection,
        "SELECT o.id, c.customer, c.state, c.source, \
         (SELECT organization_id FROM customers WHERE customer = $2), \
         EXISTS (SELECT 1 FROM deleted_customers WHERE customer = $2) \
         FROM (SELECT 1 AS one) AS always LEFT JOIN organizations o ON o.id = $1 \
         LEFT JOIN customers c ON c.organization_id = o.id",
        org.as_str(),
        customer.as_str(),
    )?;
    let (org, customer, state, source, owner, deleted) = row.ok_or(sqlx::Error::RowNotFound)?;
    let source = source.as_deref();
    Ok(Known {
        organization_exists: org.is_some(),
        is_operators: source == Some(MappingSource::Operator.as_str()),
        customer,
        active: state.as_deref().map(CustomerState::from_stored) == Some(CustomerState::Active),
        owner,
        deleted,
    })
}

/// The columns of `look_up`, in their order.
type CurrentRow = (
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    bool,
);
