//! The customers of a sync, a page at a time, with its progress and its failures, so that a sync that was interrupted can
//! be resumed and still reports every failure. A page is one transaction.

use chrono::{DateTime, Utc};

use super::{
    bulk::{LinkOutcome, belongs_to, create_organization, unknown, was_deleted},
    claim_rows::{Claim, Evidence},
    claims::{ClaimResult, claim, withdraw_claim},
    conflicts::ConflictReason,
    connection::Connection,
    database::Store,
    error::StoreError,
    mapping::UnixSeconds,
    statement::{execute, fetch_all, fetch_optional},
};
use crate::ids::CustomerId;

/// The position of a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyncPosition {
    /// Stripe's id of the newest customer when the sync began.
    pub newest: String,
    /// Stripe's id of the last customer that was read.
    pub position: String,
}

/// A page of customers that was read.
#[derive(Debug, Clone)]
pub(crate) struct SyncPage {
    /// The position after the page.
    pub position: SyncPosition,
    /// The customers on it that could not be linked because their ids are not valid.
    pub failures: Vec<SyncFailure>,
    /// The customers on it that name no organization, or what cannot be one.
    pub without_organization: Vec<CustomerId>,
}

/// A customer that was not linked, and why. The ids are as Stripe has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyncFailure {
    /// Stripe's id of the customer.
    pub customer: String,
    /// The organization that its metadata names.
    pub org: String,
    /// Why it was not linked.
    pub problem: String,
}

/// A customer of a sync, with the name for the organization if it has to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyncedCustomer {
    /// The customer, and the organization that it names.
    pub claim: Claim,
    /// The customer's name; `None`: the organization's id.
    pub name: Option<String>,
}

impl Store {
    /// Applies the claims of a page of Stripe's customers and returns the outcome of each. The page is recorded in the
    /// same transaction.
    pub(crate) async fn claim_batch(
        &self,
        batch: &[SyncedCustomer],
        create_organizations: bool,
        now: DateTime<Utc>,
        page: &SyncPage,
    ) -> Result<Vec<LinkOutcome>, StoreError> {
        let mut write = self.begin().await?;
        let connection = &mut write.connection;
        let mut outcomes = Vec::with_capacity(batch.len());
        for customer in &page.without_organization {
            withdraw_claim(connection, customer, None, evidence(now, now.into()), now).await?;
        }
        for customer in batch {
            let outcome = claim_or_create(connection, customer, create_organizations, now).await?;
            if let LinkOutcome::Refused(problem) = &outcome {
                let failure = SyncFailure {
                    customer: customer.claim.customer.to_string(),
                    org: customer.claim.org.to_string(),
                    problem: problem.clone(),
                };
                record_failure(connection, &failure).await?;
            }
            outcomes.push(outcome);
        }
        record_page(connection, page).await?;
        delete_passed_failures(connection).await?;
        write.commit().await?;
        Ok(outcomes)
    }

    /// The position at which the last sync was interrupted, if it was.
    pub(crate) async fn sync_position(&self) -> Result<Option<SyncPosition>, StoreError> {
        let row = fetch_optional!(
            &mut self.read().await?,
            "SELECT newest, position FROM customer_sync"
        )?;
        Ok(row.map(|(newest, position)| SyncPosition { newest, position }))
    }

    /// The failures of the sync so far, including those before an interruption.
    pub(crate) async fn sync_failures(&self) -> Result<Vec<SyncFailure>, StoreError> {
        let rows = fetch_all!(
            &mut self.read().await?,
            "SELECT customer, org, problem FROM customer_sync_failures ORDER BY customer"
        )?;
        let failure = |(customer, org, problem)| SyncFailure {
            customer,
            org,
            problem,
        };
        Ok(rows.into_iter().map(failure).collect())
    }

    /// Deletes the position and the failures, when a sync has finished or starts again.
    pub(crate) async fn delete_sync(&self) -> Result<(), StoreError> {
        let mut write = self.begin_uncounted().await?;
        for delete in [
            "DELETE FROM customer_sync",
            "DELETE FROM customer_sync_failures",
        ] {
            execute!(&mut write.connection, delete)?;
        }
        write.commit().await
    }
}

pub(super) async fn record_page(
    connection: &mut Connection,
    page: &SyncPage,
) -> Result<(), StoreError> {
    for failure in &page.failures {
        record_failure(connection, failure).await?;
    }
    execute!(
        connection,
        "INSERT INTO customer_sync (id, newest, position) VALUES (1, $1, $2) \
         ON CONFLICT (id) DO UPDATE SET newest = excluded.newest, position = excluded.position",
        &page.position.newest,
        &page.position.position,
    )?;
    Ok(())
}

pub(super) async fn record_failure(
    connection: &mut Connection,
    failure: &SyncFailure,
) -> Result<(), StoreError> {
    execute!(
        connection,
        "INSERT INTO customer_sync_failures (customer, org, problem) VALUES ($1, $2, $3) \
         ON CONFLICT (customer) DO UPDATE SET org = excluded.org, problem = excluded.problem",
        &failure.customer,
        &failure.org,
        &failure.problem,
    )?;
    Ok(())
}

async fn claim_or_create(
    connection: &mut Connection,
    synced: &SyncedCustomer,
    create_organizations: bool,
    now: DateTime<Utc>,
) -> Result<LinkOutcome, StoreError> {
    let org = &synced.claim.org;
    // An organization that was unlinked after the customer was created stays without a customer.
    let happened_at = synced.claim.customer_created.unwrap_or(now.into());
    let evidence = evidence(now, happened_at);
    let mut organization_created = false;
    let mut claimed = claim(connection, &synced.claim, None, evidence, now).await?;
    if claimed.result == ClaimResult::UnknownOrganization && create_organizations {
        create_organization(connection, org, synced.name.as_deref(), now).await?;
        organization_created = true;
        claimed = claim(connection, &synced.claim, None, evidence, now).await?;
    }
    Ok(sync_outcome(
        &synced.claim,
        claimed.result,
        organization_created,
    ))
}

/// What a sync that began at `now` says.
fn evidence(now: DateTime<Utc>, happened_at: UnixSeconds) -> Evidence<'static> {
    Evidence {
        known_at: now.into(),
        event: "",
        happened_at,
    }
}

fn sync_outcome(claim: &Claim, result: ClaimResult, organization_created: bool) -> LinkOutcome {
    let Claim { org, customer, .. } = claim;
    match result {
        ClaimResult::Follows { changed: true } => LinkOutcome::Linked {
            organization_created,
        },
        ClaimResult::Follows { changed: false } => LinkOutcome::Unchanged,
        ClaimResult::Lost(conflict) if conflict.reason == ConflictReason::AnotherOrganization => {
            LinkOutcome::Refused(belongs_to(customer, &conflict.other))
        }
        ClaimResult::Lost(_) | ClaimResult::Older => LinkOutcome::Superseded,
        ClaimResult::Deleted => LinkOutcome::Refused(was_deleted(customer)),
        ClaimResult::UnknownOrganization => LinkOutcome::Refused(unknown(org)),
    }
}

/// A customer that another organization had can follow later in the run, when that one gets another customer.
async fn delete_passed_failures(connection: &mut Connection) -> Result<(), sqlx::Error> {
    execute!(
        connection,
        "DELETE FROM customer_sync_failures WHERE EXISTS (SELECT 1 FROM customers \
         WHERE customers.customer = customer_sync_failures.customer \
         AND customers.organization_id = customer_sync_failures.org)",
    )?;
    Ok(())
}
