//! How far a walk through Stripe's customers has come, and what failed on the way, so that one that was interrupted is
//! taken up where it was and still names every failure.

use sqlx::{Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{Mapping, Store, StoreError};

/// Where a walk is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyncPosition {
    /// The newest customer when it began.
    pub newest: String,
    /// The last customer that was read.
    pub position: String,
}

/// A page that was read.
#[derive(Debug, Clone)]
pub(crate) struct SyncPage {
    /// Where the walk is after it.
    pub position: SyncPosition,
    /// Those on it that could not be tried.
    pub failures: Vec<SyncFailure>,
}

/// A customer that is not in force, and why. Everything is as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyncFailure {
    /// The customer.
    pub customer: String,
    /// The organization that it names.
    pub org: String,
    /// Why.
    pub problem: String,
}

impl SyncFailure {
    pub(super) fn of(mapping: &Mapping, problem: &str) -> Self {
        Self {
            customer: mapping.customer.to_string(),
            org: mapping.org.to_string(),
            problem: problem.to_owned(),
        }
    }
}

impl Store {
    /// Where the last walk was interrupted, if it was.
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

    /// What failed on the walk so far, also before it was interrupted.
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

    /// Forgets the walk: it came to its end, or begins anew.
    pub(crate) async fn forget_sync(&self) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        for forget in [
            "DELETE FROM customer_sync",
            "DELETE FROM customer_sync_failures",
        ] {
            sqlx::query(forget).execute(&mut *write.transaction).await?;
        }
        write.commit().await
    }
}

pub(super) async fn note_page(
    transaction: &mut Transaction<'static, Sqlite>,
    page: &SyncPage,
) -> Result<(), StoreError> {
    for failure in &page.failures {
        note_failure(transaction, failure).await?;
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

pub(super) async fn note_failure(
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
