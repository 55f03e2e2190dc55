//! `customer sync`: mappings from the metadata `org_id` of Stripe's customers.
//!
//! Stripe lists the newest first, and the newest customer of an organization is its customer. Each page is one
//! transaction, and where the walk is is kept with it: a run that ended early is taken up where it was, and then
//! looks at what has been made at Stripe since.

use std::time::Duration;

use super::{
    super::{Failure, Report, Session, progress::Progress},
    summary::{Entry, Tally},
};
use crate::{
    store::{Mapping, Policy, Store, SyncFailure, SyncPage, SyncPosition},
    stripe::{Cursor, CustomerPage, Stripe, StripeCustomer, Unavailable},
};

/// How often a page is asked for while Stripe is away or asks to wait, and how long to wait at most.
const MAX_ASKED: u32 = 8;
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A walk through all customers.
pub(super) struct Sync<'a> {
    stripe: &'a Stripe,
    store: &'a Store,
    policy: Policy,
    /// The time, in seconds since 1970.
    now: i64,
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
        loop {
            if begin.is_none() {
                self.store.forget_sync().await?;
                self.tally = Tally::default();
            }
            if self.walk(begin).await? {
                break;
            }
            // A customer at which an earlier run stopped may be gone; then there is no place to take it up from.
            begin = None;
        }
        self.progress.end();
        // Also those of the runs that were interrupted.
        let failures = self.store.sync_failures().await?;
        self.tally.failures = failures.into_iter().map(Entry::from).collect();
        self.store.forget_sync().await?;
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
            if let Some(before) = &position {
                require_progress(&before.position, &last.id)?;
            }
            let newest = position.map_or(first.id.clone(), |position| position.newest);
            let next = SyncPosition {
                newest,
                position: last.id.clone(),
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
            require_progress(&position.newest, &first.id)?;
            position.newest.clone_from(&first.id);
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
                    return Err(interrupted(failure));
                }
                Err(failure) => {
                    let wait = failure.retry_after.unwrap_or_default().max(backoff);
                    self.progress.say(&format!(
                        "Stripe: {}; asking again in {} s",
                        failure.cause,
                        wait.as_secs()
                    ));
                    tokio::time::sleep(wait).await;
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
        let mut mappings = Vec::new();
        let mut page = SyncPage {
            position: position.clone(),
            failures: Vec::new(),
        };
        for customer in customers {
            match &customer.org_id {
                None => self.tally.without_organization += 1,
                Some(org_id) => match mapping(customer, org_id) {
                    Ok(mapping) => mappings.push(mapping),
                    Err(problem) => page.failures.push(SyncFailure {
                        customer: customer.id.clone(),
                        org: org_id.clone(),
                        problem: problem.to_owned(),
                    }),
                },
            }
        }
        let (policy, now) = (self.policy, self.now);
        let linked = self.store.link_batch(&mappings, policy, now, Some(&page));
        for linked in linked.await? {
            self.tally.count(&linked);
        }
        self.tally.read += customers.len();
        self.progress.advance(customers.len());
        Ok(())
    }
}

fn mapping(customer: &StripeCustomer, org_id: &str) -> Result<Mapping, &'static str> {
    Ok(Mapping {
        org: org_id.parse()?,
        name: customer.name.clone(),
        customer: customer.id.parse()?,
        as_of: customer.created,
    })
}

/// A list that does not move would be read for ever.
fn require_progress(before: &str, after: &str) -> Result<(), Failure> {
    if before == after {
        return Err(Failure::Other(
            "Stripe lists the same customers again and again; what was read is kept".to_owned(),
        ));
    }
    Ok(())
}

fn interrupted(failure: Unavailable) -> Failure {
    let failure = Failure::from(failure);
    Failure::Other(format!(
        "{failure}. What was read is kept: run customer sync again, and it goes on from there"
    ))
}
