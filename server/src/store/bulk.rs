//! Links many customers at once. A batch is one transaction, so a run that is interrupted has finished whole batches,
//! and the next run does only the rest.

use chrono::{DateTime, Utc};
use sqlx::{Row, Sqlite, Transaction};

use super::{
    database::{Store, StoreError},
    mapping::{CustomerState, UnixSeconds, replace_customer, upsert_mapping},
    sync::{SyncFailure, SyncPage, record_failure, record_page},
};
use crate::ids::{CustomerId, OrganizationId};

/// An organization and the customer that is to be linked to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewMapping {
    /// The organization.
    pub org: OrganizationId,
    /// The name for the organization if it has to be created; `None`: its id.
    pub name: Option<String>,
    /// The customer.
    pub customer: CustomerId,
    /// Since when the organization has the customer.
    pub as_of: UnixSeconds,
}

/// What to do about a different mapping, or a missing organization.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinkPolicy {
    /// Which customer wins if the organization has another active one.
    pub conflict: Conflict,
    /// Whether to create a missing organization.
    pub create_organizations: bool,
}

/// Which of two customers an organization keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// The present one; the new one is reported as a failure.
    Refuse,
    /// The new one.
    Replace,
    /// The one with the later time.
    NewestWins,
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
    /// The organization has a newer mapping, or was unlinked since.
    Superseded,
    /// The mapping was not written, for this reason.
    Refused(String),
}

/// What the database has before a mapping is written.
struct CurrentMapping {
    organization_exists: bool,
    as_of: UnixSeconds,
    customer: Option<String>,
    active: bool,
    /// The organization that has the new customer.
    owner: Option<String>,
    /// Whether Stripe reported that the new customer was deleted, after the file or the page was made.
    deleted: bool,
}

impl Store {
    /// Links a batch of mappings and returns the outcome of each. For a sync, `page` is the page of Stripe's customers
    /// that the batch is from; it is recorded in the same transaction.
    pub(crate) async fn link_batch(
        &self,
        batch: &[NewMapping],
        policy: LinkPolicy,
        now: DateTime<Utc>,
        page: Option<&SyncPage>,
    ) -> Result<Vec<LinkOutcome>, StoreError> {
        let mut write = self.begin().await?;
        let mut outcomes = Vec::with_capacity(batch.len());
        for mapping in batch {
            let outcome = link(&mut write.transaction, mapping, policy, now).await?;
            if let (LinkOutcome::Refused(problem), Some(_)) = (&outcome, page) {
                let failure = SyncFailure {
                    customer: mapping.customer.to_string(),
                    org: mapping.org.to_string(),
                    problem: problem.clone(),
                };
                record_failure(&mut write.transaction, &failure).await?;
            }
            outcomes.push(outcome);
        }
        if let Some(page) = page {
            record_page(&mut write.transaction, page).await?;
        }
        write.commit().await?;
        Ok(outcomes)
    }
}

async fn link(
    transaction: &mut Transaction<'static, Sqlite>,
    mapping: &NewMapping,
    policy: LinkPolicy,
    now: DateTime<Utc>,
) -> Result<LinkOutcome, StoreError> {
    let NewMapping { org, customer, .. } = mapping;
    let current = look_up(transaction, org, customer).await?;
    if let Some(outcome) = skip(mapping, &current, policy) {
        return Ok(outcome);
    }
    let as_of = mapping.as_of.max(current.as_of);
    if current.organization_exists {
        replace_customer(transaction, org, customer, as_of, "").await?;
    } else {
        sqlx::query(
            "INSERT INTO organizations (id, name, created_at, customer_as_of) VALUES ($1, $2, $3, $4)",
        )
        .bind(org.as_str())
        .bind(mapping.name.as_deref().unwrap_or(org.as_str()))
        .bind(now.timestamp())
        .bind(as_of.0)
        .execute(&mut **transaction)
        .await?;
        upsert_mapping(transaction, org, customer).await?;
    }
    Ok(LinkOutcome::Linked {
        organization_created: !current.organization_exists,
    })
}

/// The outcome of a mapping that is not written.
fn skip(mapping: &NewMapping, current: &CurrentMapping, policy: LinkPolicy) -> Option<LinkOutcome> {
    let NewMapping { org, customer, .. } = mapping;
    let refused = |problem: String| Some(LinkOutcome::Refused(problem));
    if !current.organization_exists && !policy.create_organizations {
        return refused(format!("there is no organization {org}"));
    }
    let same = current.customer.as_deref() == Some(customer.as_str());
    match (policy.conflict, &current.customer) {
        (_, Some(_)) if same && current.active => return Some(LinkOutcome::Unchanged),
        (Conflict::Refuse, Some(other)) if current.active => {
            return refused(format!(
                "organization {org} has customer {other}; use --replace to change it"
            ));
        }
        (Conflict::NewestWins, Some(_)) if current.active && mapping.as_of <= current.as_of => {
            return Some(LinkOutcome::Superseded);
        }
        // Unlinked since. A stale mapping, however, is replaced by any customer that exists.
        (Conflict::NewestWins, None) if mapping.as_of < current.as_of => {
            return Some(LinkOutcome::Superseded);
        }
        _ => {}
    }
    match &current.owner {
        Some(owner) if owner != org.as_str() => refused(format!(
            "customer {customer} belongs to organization {owner}"
        )),
        _ if current.deleted => refused(format!("customer {customer} was deleted at Stripe")),
        _ => None,
    }
}

/// One statement for everything: there may be a hundred thousand mappings.
async fn look_up(
    transaction: &mut Transaction<'static, Sqlite>,
    org: &OrganizationId,
    customer: &CustomerId,
) -> Result<CurrentMapping, StoreError> {
    let row = sqlx::query(
        "SELECT o.customer_as_of, c.customer, c.state, \
         (SELECT organization_id FROM customers WHERE customer = $2) AS owner, \
         EXISTS (SELECT 1 FROM deleted_customers WHERE customer = $2) AS deleted \
         FROM (SELECT 1 AS one) AS always LEFT JOIN organizations o ON o.id = $1 \
         LEFT JOIN customers c ON c.organization_id = o.id",
    )
    .bind(org.as_str())
    .bind(customer.as_str())
    .fetch_one(&mut **transaction)
    .await?;
    let as_of: Option<i64> = row.try_get("customer_as_of")?;
    let state: Option<&str> = row.try_get("state")?;
    Ok(CurrentMapping {
        organization_exists: as_of.is_some(),
        as_of: UnixSeconds(as_of.unwrap_or(0)),
        customer: row.try_get("customer")?,
        active: state.map(CustomerState::from_stored) == Some(CustomerState::Active),
        owner: row.try_get("owner")?,
        deleted: row.try_get("deleted")?,
    })
}
