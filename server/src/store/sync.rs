//! The progress of a sync through Stripe's customers and its failures, so that a sync that was interrupted can be
//! resumed and still reports every failure.

use sqlx::{Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{database::Store, error::StoreError};

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
        let row = sqlx::query("SELECT newest, position FROM customer_sync")
            .fetch_optional(&self.pool)
            .await?;
        let position = |row: SqliteRow| {
            Ok(SyncPosition {
                newest: row.try_get("newest")?,
                position: row.try_get("position")?,
            })
        };
        row.map(position).transpose()
    }

    /// The failures of the sync so far, including those before an interruption.
    pub(crate) async fn sync_failures(&self) -> Result<Vec<SyncFailure>, StoreError> {
        let rows = sqlx::query(
            "SELECT customer, org, problem FROM customer_sync_failures ORDER BY customer",
        );
        let failure = |row: &SqliteRow| {
            Ok(SyncFailure {
                customer: row.try_get("customer")?,
                org: row.try_get("org")?,
                problem: row.try_get("problem")?,
            })
        };
        rows.fetch_all(&self.pool)
            .await?
            .iter()
            .map(failure)
            .collect()
    }

    /// Deletes the position and the failures, when a sync has finished or starts again.
    pub(crate) async fn delete_sync(&self) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        for delete in [
            "DELETE FROM customer_sync",
            "DELETE FROM customer_sync_failures",
        ] {
            sqlx::query(delete).execute(&mut *write.transaction).await?;
        }
        write.commit().await
    }
}

pub(super) async fn record_page(
    transaction: &mut Transaction<'static, Sqlite>,
    page: &SyncPage,
) -> Result<(), StoreError> {
    for failure in &page.failures {
        record_failure(transaction, failure).await?;
    }
    sqlx::query(
        "INSERT INTO customer_sync (id, newest, position) VALUES (1, $1, $2) \
         ON CONFLICT (id) DO UPDATE SET newest = excluded.newest, position = excluded.position",
    )
    .bind(&page.position.newest)
    .bind(&page.position.position)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

pub(super) async fn record_failure(
    transaction: &mut Transaction<'static, Sqlite>,
    failure: &SyncFailure,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO customer_sync_failures (customer, org, problem) VALUES ($1, $2, $3) \
         ON CONFLICT (customer) DO UPDATE SET org = excluded.org, problem = excluded.problem",
    )
    .bind(&failure.customer)
    .bind(&failure.org)
    .bind(&failure.problem)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
