//! `customer sync`: links Stripe's customers by their metadata `org_id`.
//!
//! An operator's active mapping stays; otherwise an organization's newest customer is its customer. Stripe lists the
//! newest customer first. Each page is one transaction, with the position in the list: a run that was interrupted
//! continues from there, and then reads the customers that were created at Stripe since.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    super::{
        context::{CliError, Context},
        name::parse_name,
        progress::Progress,
        report::Report,
    },
    summary::{Failure, Summary},
};
use crate::{
    store::{Claim, Store, SyncFailure, SyncPage, SyncPosition, SyncedCustomer, UnixSeconds},
    stripe::{Cursor, CustomerPage, Stripe, StripeCustomer, StripeError},
};

/// How often a page is requested while Stripe fails or asks to wait. With the waits between them that is about two
/// minutes, longer than most short outages.
const MAX_PAGE_ATTEMPTS: u32 = 8;
/// The longest wait between two attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// One run through the list of customers.
pub(super) struct Sync<'a> {
    stripe: &'a Stripe,
    store: &'a Store,
    create_organizations: bool,
    now: DateTime<Utc>,
    summary: Summary,
    progress: Progress,
}

impl<'a> Sync<'a> {
    /// A run that has read nothing yet.
    pub(super) fn new(
        stripe: &'a Stripe,
        store: &'a Store,
        create_organizations: bool,
        context: &Context<'_>,
    ) -> Self {
        Self {
            stripe,
            store,
            create_organizations,
            now: context.clock.now(),
            summary: Summary::default(),
            progress: Progress::new("customers", None, &context.clock),
        }
    }

    /// Reads all customers, or those that an earlier run did not reach.
    pub(super) async fn run(mut self, from_start: bool) -> Result<Report, CliError> {
        let mut start = match self.store.sync_position().await? {
            Some(position) if !from_start => Some(position),
            _ => None,
        };
        loop {
            if start.is_none() {
                self.store.delete_sync().await?;
                self.summary = Summary::default();
            }
            if self.read_from(start).await? {
                break;
            }
            // Stripe no longer has the customer at which an earlier run stopped, so there is no position to continue
            // from.
            start = None;
        }
        self.progress.end();
        // Including those of earlier runs that were interrupted.
        let failures = self.store.sync_failures().await?;
        self.summary.failures = failures.into_iter().map(Failure::from).collect();
        self.store.delete_sync().await?;
        Ok(self.summary.report())
    }

    /// Reads from a position, or from the newest customer, to the end. `false` if Stripe does not know the position.
    async fn read_from(&mut self, start: Option<SyncPosition>) -> Result<bool, CliError> {
        let mut position = start.clone();
        loop {
            let cursor = match &position {
                None => Cursor::Newest,
                Some(position) => Cursor::OlderThan(position.position.clone()),
            };
            let Some(page) = self.page(&cursor).await? else {
                return Ok(false);
            };
            let (Some(first), Some(last)) = (page.customers.first(), page.customers.last()) else {
                break;
            };
            if let Some(before) = &position {
                require_progress(&before.position, &last.id)?;
            }
            let newest = position.map_or(first.id.clone(), |position| position.newest);
            let next = SyncPosition {
                newest,
                position: last.id.clone(),
            };
            self.store_page(&page.customers, &next).await?;
            position = Some(next);
            if !page.has_more {
                break;
            }
        }
        match (start, position) {
            (Some(_), Some(position)) => self.read_newer(position).await,
            _ => Ok(true),
        }
    }

    /// Reads the customers that were created since the interrupted run began.
    async fn read_newer(&mut self, mut position: SyncPosition) -> Result<bool, CliError> {
        loop {
            let cursor = Cursor::NewerThan(position.newest.clone());
            let Some(page) = self.page(&cursor).await? else {
                return Ok(false);
            };
            let Some(first) = page.customers.first() else {
                return Ok(true);
            };
            require_progress(&position.newest, &first.id)?;
            position.newest.clone_from(&first.id);
            self.store_page(&page.customers, &position).await?;
            if !page.has_more {
                return Ok(true);
            }
        }
    }

    /// Requests a page, and again while Stripe fails, after the wait that it asks for. `None` if Stripe does not know the
    /// cursor.
    async fn page(&self, cursor: &Cursor) -> Result<Option<CustomerPage>, CliError> {
        let mut backoff = Duration::from_secs(1);
        let mut attempt = 1;
        loop {
            match self.stripe.list_customers(cursor).await {
                Ok(page) => return Ok(page),
                Err(failure)
                    if !failure.cause.passes_by_itself() || attempt == MAX_PAGE_ATTEMPTS =>
                {
                    return Err(interrupted(failure));
                }
                Err(failure) => {
                    let wait = failure.retry_after.unwrap_or_default().max(backoff);
                    self.progress.print(&format!(
                        "Stripe: {}; retrying in {} s",
                        failure.cause,
                        wait.as_secs()
                    ));
                    tokio::time::sleep(wait).await;
                    backoff = MAX_BACKOFF.min(backoff * 2);
                    attempt += 1;
                }
            }
        }
    }

    /// Links the customers of a page and records the position.
    async fn store_page(
        &mut self,
        customers: &[StripeCustomer],
        position: &SyncPosition,
    ) -> Result<(), CliError> {
        let mut synced = Vec::new();
        let mut page = SyncPage {
            position: position.clone(),
            failures: Vec::new(),
            without_organization: Vec::new(),
        };
        for customer in customers {
            let Some(org_id) = &customer.org_id else {
                self.summary.without_organization += 1;
                page.without_organization.extend(customer.id.parse());
                continue;
            };
            match synced_customer(customer, org_id) {
                Ok(customer) => synced.push(customer),
                Err(problem) => {
                    page.without_organization.extend(customer.id.parse());
                    page.failures.push(SyncFailure {
                        customer: customer.id.clone(),
                        // PostgreSQL cannot keep the character NUL.
                        org: org_id.replace('\0', "\u{fffd}"),
                        problem: problem.to_owned(),
                    });
                }
            }
        }
        let (create, now) = (self.create_organizations, self.now);
        let outcomes = self.store.claim_batch(&synced, create, now, &page);
        for outcome in outcomes.await? {
            self.summary.count(&outcome);
        }
        self.summary.read += customers.len();
        self.progress.advance(customers.len());
        Ok(())
    }
}

fn synced_customer(
    customer: &StripeCustomer,
    org_id: &str,
) -> Result<SyncedCustomer, &'static str> {
    Ok(SyncedCustomer {
        claim: Claim {
            org: org_id.parse()?,
            customer: customer.id.parse()?,
            customer_created: Some(UnixSeconds(customer.created)),
        },
        // The name is only shown; the customer counts without it.
        name: customer
            .name
            .clone()
            .filter(|name| parse_name(name).is_ok()),
    })
}

/// Fails if a page ends where the one before it ended: the run would never end.
fn require_progress(before: &str, after: &str) -> Result<(), CliError> {
    if before == after {
        return Err(CliError::Other(
            "Stripe returned the same page twice; stopped. Progress is saved".to_owned(),
        ));
    }
    Ok(())
}

fn interrupted(failure: StripeError) -> CliError {
    let failure = CliError::from(failure);
    CliError::Other(format!(
        "{failure}. Progress is saved: run customer sync again to continue"
    ))
}
