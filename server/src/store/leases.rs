//! Leases on a share of the calls to Stripe, so that all instances together keep the limit of the deployment.

use std::time::Duration;

use super::{
    connection::Connection,
    database::Store,
    error::StoreError,
    lease_shares::{Part, grant},
    statement::{execute, fetch_all},
    timeouts::WRITE_TIMEOUT,
};

/// How long a lease is valid that is not renewed. Instances renew it several times in this time.
const LEASE_TTL: Duration = Duration::from_secs(6);

/// A lease that was renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    /// The share, in millionths of the limit.
    pub share: u64,
    /// Whether that is all that the instance should have. If not, others have to renew their leases first.
    pub is_complete: bool,
}

/// What an instance asks for, in millionths of the limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeaseRequest {
    /// What it would use.
    pub wanted: u64,
    /// What it gets at least, as far as there is enough.
    pub floor: u64,
    /// Whether every other instance that runs has had the time to renew its lease since the database was away. If not,
    /// leases that are too old count: their instances have kept their shares.
    pub others_have_returned: bool,
}

impl Store {
    /// Renews the lease of an instance.
    pub(crate) async fn renew_lease(
        &self,
        instance: &str,
        request: LeaseRequest,
    ) -> Result<Lease, StoreError> {
        // Quietly: a lease that cannot be renewed does not make the database worth a check.
        let mut write = self.begin_quietly(WRITE_TIMEOUT).await?;
        let connection = &mut write.connection;
        let now = self.engine.now(connection).await?;
        if request.others_have_returned {
            remove_expired(connection, now).await?;
        }
        let LeaseRequest { wanted, floor, .. } = request;
        let granted = grant(wanted, floor, &others(connection, instance).await?);
        execute!(
            connection,
            "INSERT INTO rate_leases (instance, share, wanted, renewed_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (instance) DO UPDATE SET share = excluded.share, wanted = excluded.wanted, \
             renewed_at = excluded.renewed_at",
            instance,
            to_column(granted.share),
            to_column(wanted),
            now,
        )?;
        write.commit_uncounted().await?;
        Ok(Lease {
            share: granted.share,
            is_complete: granted.is_complete,
        })
    }

    /// Gives the share back.
    pub(crate) async fn release_lease(&self, instance: &str) -> Result<(), StoreError> {
        let mut write = self.begin_uncounted().await?;
        execute!(
            &mut write.connection,
            "DELETE FROM rate_leases WHERE instance = $1",
            instance
        )?;
        write.commit().await
    }
}

/// Removes the leases of instances that have ended without giving them back.
async fn remove_expired(connection: &mut Connection, now: i64) -> Result<(), sqlx::Error> {
    let ttl = i64::try_from(LEASE_TTL.as_millis()).unwrap_or(i64::MAX);
    execute!(
        connection,
        "DELETE FROM rate_leases WHERE renewed_at < $1 OR renewed_at > $2",
        now - ttl,
        // A clock that was set back must not keep a lease for long.
        now + ttl,
    )?;
    Ok(())
}

async fn others(connection: &mut Connection, instance: &str) -> Result<Vec<Part>, sqlx::Error> {
    let rows: Vec<(i64, i64)> = fetch_all!(
        connection,
        "SELECT share, wanted FROM rate_leases WHERE instance <> $1",
        instance
    )?;
    let part = |(share, wanted)| Part {
        share: from_column(share),
        wanted: from_column(wanted),
    };
    Ok(rows.into_iter().map(part).collect())
}

fn to_column(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn from_column(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}
