//! Many customers at once: a batch is one transaction, so a run that is killed has done whole batches, and doing it
//! again does only what is left.

use sqlx::{Row, Sqlite, Transaction};

use super::{
    Store, StoreError,
    events::{put_mapping, set_customer},
    sync::{SyncFailure, SyncPage, note_failure, note_page},
};
use crate::ids::{CustomerId, OrganizationId};

/// An organization and the customer that it is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// The organization.
    pub org: OrganizationId,
    /// What it is called, should it have to be made. None: its id.
    pub name: Option<String>,
    /// The customer.
    pub customer: CustomerId,
    /// Since when, in seconds since 1970.
    pub as_of: i64,
}

/// What to do where something is there already, or is not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    /// When the organization has another, active customer.
    pub conflict: Conflict,
    /// Whether to make an organization that is not there.
    pub create_organizations: bool,
}

/// Which of two customers an organization gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// The one that it has; the other one is a failure.
    Refuse,
    /// The one that is given.
    Replace,
    /// The one of which Stripe or an operator spoke last.
    NewestWins,
}

/// What became of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Linked {
    /// It is in force now.
    Done {
        /// Whether the organization was made for it.
        organization_created: bool,
    },
    /// It was in force before.
    Unchanged,
    /// A newer one stays in force, or the organization was unlinked since.
    Superseded,
    /// It is not in force, because of this.
    Refused(String),
}

/// What is known before a mapping is made.
struct Known {
    organization_exists: bool,
    as_of: i64,
    customer: Option<String>,
    active: bool,
    /// Whose the mapping's customer is.
    owner: Option<String>,
    /// Whether Stripe said that it was deleted: it was there when the file was made, or the page was read.
    deleted: bool,
}

impl Store {
    /// Puts a batch of mappings in force, each or not at all, and answers for each what became of it. Of a walk through
    /// Stripe's customers, the `page` that the batch is from is noted with it.
    pub(crate) async fn link_batch(
        &self,
        batch: &[Mapping],
        policy: Policy,
        now: i64,
        page: Option<&SyncPage>,
    ) -> Result<Vec<Linked>, StoreError> {
        let mut write = self.begin().await?;
        let mut linked = Vec::with_capacity(batch.len());
        for mapping in batch {
            let became = link(&mut write.transaction, mapping, policy, now).await?;
            if let (Linked::Refused(problem), Some(_)) = (&became, page) {
                let failure = SyncFailure::of(mapping, problem);
                note_failure(&mut write.transaction, &failure).await?;
            }
            linked.push(became);
        }
        if let Some(page) = page {
            note_page(&mut write.transaction, page).await?;
        }
        write.commit().await?;
        Ok(linked)
    }
}

async fn link(
    transaction: &mut Transaction<'static, Sqlite>,
    mapping: &Mapping,
    policy: Policy,
    now: i64,
) -> Result<Linked, StoreError> {
    let Mapping { org, customer, .. } = mapping;
    let known = look_up(transaction, org, customer).await?;
    if let Some(linked) = leave_as_is(mapping, &known, policy) {
        return Ok(linked);
    }
    let as_of = mapping.as_of.max(known.as_of);
    if known.organization_exists {
        set_customer(transaction, org, customer, as_of, "").await?;
    } else {
        sqlx::query(
            "INSERT INTO organizations (id, name, created_at, customer_as_of) VALUES ($1, $2, $3, $4)",
        )
        .bind(org.as_str())
        .bind(mapping.name.as_deref().unwrap_or(org.as_str()))
        .bind(now)
        .bind(as_of)
        .execute(&mut **transaction)
        .await?;
        put_mapping(transaction, org, customer).await?;
    }
    Ok(Linked::Done {
        organization_created: !known.organization_exists,
    })
}

/// What becomes of a mapping that is not to be put in force.
fn leave_as_is(mapping: &Mapping, known: &Known, policy: Policy) -> Option<Linked> {
    let Mapping { org, customer, .. } = mapping;
    let refused = |problem: String| Some(Linked::Refused(problem));
    if !known.organization_exists && !policy.create_organizations {
        return refused(format!("there is no organization {org}"));
    }
    let same = known.customer.as_deref() == Some(customer.as_str());
    match (policy.conflict, &known.customer) {
        (_, Some(_)) if same && known.active => return Some(Linked::Unchanged),
        (Conflict::Refuse, Some(other)) if known.active => {
            return refused(format!(
                "organization {org} has customer {other}; it is replaced with --replace only"
            ));
        }
        (Conflict::NewestWins, Some(_)) if known.active && mapping.as_of <= known.as_of => {
            return Some(Linked::Superseded);
        }
        // Unlinked since. A stale mapping, though, is mended by any customer that is there.
        (Conflict::NewestWins, None) if mapping.as_of < known.as_of => {
            return Some(Linked::Superseded);
        }
        _ => {}
    }
    match &known.owner {
        Some(owner) if owner != org.as_str() => refused(format!(
            "customer {customer} belongs to organization {owner}"
        )),
        _ if known.deleted => refused(format!("customer {customer} was deleted at Stripe")),
        _ => None,
    }
}

/// Everything by one statement: there may be a hundred thousand of them.
async fn look_up(
    transaction: &mut Transaction<'static, Sqlite>,
    org: &OrganizationId,
    customer: &CustomerId,
) -> Result<Known, StoreError> {
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
    let state: Option<String> = row.try_get("state")?;
    Ok(Known {
        organization_exists: as_of.is_some(),
        as_of: as_of.unwrap_or_default(),
        customer: row.try_get("customer")?,
        active: state.as_deref() == Some("active"),
        owner: row.try_get("owner")?,
        deleted: row.try_get("deleted")?,
    })
}
