//! The progress of a sync through Stripe's customers and its failures, so that a sync that was interrupted can be
//! resumed and still reports every failure.

use super::{
    connection::Connection,
    database::Store,
    error::StoreError,
    statement::{execute, fetch_all, fetch_optional},
};

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

impl Store {
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
