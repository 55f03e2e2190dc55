//! `customer sync`: mappings from the metadata `org_id` of Stripe's customers.
//!
//! Stripe lists the newest first, and the newest customer of an organization is its customer. Each page is one
//! transaction, and where the walk is is kept with it: a run that ended early is taken up where it was, and then
//! looks at what has been made at Stripe since.

use std::time::Duration;

use super::{
    super::{Failure, Report, Session, progress::Progress},
    tally::{Entry, Tally},
};
use crate::{
    store::{Mapping, Policy, Store, SyncPosition},
    stripe::{Cursor, CustomerPage, Stripe, StripeCustomer, Unavailable},
};

/// How often a page is asked for while Stripe is away or asks to wait, and how long to wait at most.
const MAX_ASKED: u32 = 8;
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A walk through all customers.
pub(super) struct Sync<'a> {
    /// Stripe.
    pub stripe: &'a Stripe,
    /// The database.
    pub store: &'a Store,
    /// What to do where something is there already.
    pub policy: Policy,
    /// The time, in seconds since 1970.
    pub now: i64,
    tally: Tally,
    progress: Progress,
}

impl<'a> Sync<'a> {
    /// Nothing was read yet.
    pub(super) fn new(
        stripe: &'a Stripe,
        store: &'a Store,
        policy: Policy,
        session: &Session,
    ) -> Self {
        Self {
            stripe,
            store,
            policy,
            now: session.clock.now().timestamp(),
            tally: Tally::default(),
            progress: Progress::new("customers", None, &session.clock),
        }
    }

    /// Reads all customers, or those that an earlier run did not come to.
    pub(super) async fn run(mut self, from_start: bool) -> Result<Report, Failure> {
        let mut begin = match self.store.sync_position().await? {
            Some(position) if !from_start => Some(position),
            _ => None,
        };
        // A customer at which an earlier run stopped may be gone; then there is no place to take it up from.
        while !self.walk(begin).await? {
            begin = None;
        }
        self.store.sync_is_done().await?;
        self.progress.end();
        Ok(self.tally.report())
    }

    /// Whether it came to the end.
    async fn walk(&mut self, begin: Option<SyncPosition>) -> Result<bool, Failure> {
        let mut position = begin.clone();
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
            let newest = position.map_or(first.id.to_string(), |position| position.newest);
            let next = SyncPosition {
                newest,
                position: last.id.to_string(),
            };
            self.keep(&page.customers, &next).await?;
            position = Some(next);
            if !page.has_more {
                break;
            }
        }
        match (begin, position) {
            (Some(_), Some(position)) => self.walk_newer(position).await,
            _ => Ok(true),
        }
    }

    /// What was made since the run that was interrupted had begun.
    async fn walk_newer(&mut self, mut position: SyncPosition) -> Result<bool, Failure> {
        loop {
            let cursor = Cursor::NewerThan(position.newest.clone());
            let Some(page) = self.page(&cursor).await? else {
                return Ok(false);
            };
            let Some(first) = page.customers.first() else {
                return Ok(true);
            };
            position.newest = first.id.to_string();
            self.keep(&page.customers, &position).await?;
            if !page.has_more {
                return Ok(true);
            }
        }
    }

    /// A page; Stripe is waited for as long as it asks, within reason.
    async fn page(&self, cursor: &Cursor) -> Result<Option<CustomerPage>, Failure> {
        let mut backoff = Duration::from_secs(1);
        let mut asked = 1;
        loop {
            match self.stripe.list_customers(cursor).await {
                Ok(page) => return Ok(page),
                Err(failure) if !failure.cause.passes_by_itself() || asked == MAX_ASKED => {
                    return Err(interrupted(&failure));
                }
                Err(failure) => {
                    tokio::time::sleep(failure.retry_after.unwrap_or_default().max(backoff)).await;
                    backoff = LONGEST_WAIT.min(backoff * 2);
                    asked += 1;
                }
            }
        }
    }

    async fn keep(
        &mut self,
        customers: &[StripeCustomer],
        position: &SyncPosition,
    ) -> Result<(), Failure> {
        let (mut mappings, mut entries) = (Vec::new(), Vec::new());
        self.tally.read += customers.len();
        for customer in customers {
            let Some(org_id) = &customer.org_id else {
                self.tally.without_organization += 1;
                continue;
            };
            let entry = Entry {
                org: org_id.clone(),
                customer: customer.id.to_string(),
                ..Entry::default()
            };
            match org_id.parse() {
                Ok(org) => {
                    mappings.push(Mapping {
                        org,
                        name: customer.name.clone(),
                        customer: customer.id.clone(),
                        as_of: customer.created,
                    });
                    entries.push(entry);
                }
                Err(problem) => self.tally.fail(entry, problem),
            }
        }
        let (policy, now) = (self.policy, self.now);
        let linked = self
            .store
            .link_batch(&mappings, policy, now, Some(position))
            .await?;
        for (linked, entry) in linked.into_iter().zip(entries) {
            self.tally.count(linked, entry);
        }
        self.progress.advance(customers.len());
        Ok(())
    }
}

fn interrupted(failure: &Unavailable) -> Failure {
    let (cause, remedy) = (failure.cause, failure.cause.remedy());
    Failure::Other(format!(
        "Stripe: {cause}; {remedy}. What was read is kept: run customer sync again, and it goes on from there"
    ))
}
