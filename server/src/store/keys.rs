//! API keys in the database: everything about a key except the key.

use chrono::{DateTime, NaiveDate, Utc};

use super::{
    connection::Connection,
    database::{Store, read_time},
    error::StoreError,
    statement::{execute, fetch_all, fetch_optional},
    timeouts::REVOCATION_TIMEOUT,
};
use crate::{
    api_key::ApiKeyHash,
    ids::{Mode, OrganizationId},
};

/// What is stored of a key.
#[derive(Debug, Clone)]
pub(crate) struct KeyRecord {
    /// The id, which is not a secret.
    pub id: String,
    /// The organization that owns the key.
    pub org: OrganizationId,
    /// Which deployments accept the key. `None`: it was created before 1.1.0 and has not been used since.
    pub mode: Option<Mode>,
    /// What the key is for, in the operator's words.
    pub name: Option<String>,
    /// What the key may do.
    pub scopes: Vec<String>,
    /// When the key was created.
    pub created_at: DateTime<Utc>,
    /// When the key expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the key was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The last day on which the key was used, as `YYYY-MM-DD`.
    pub last_used_on: Option<String>,
}

/// A key to be stored.
pub(crate) struct NewKey<'a> {
    /// The record to be stored.
    pub record: &'a KeyRecord,
    /// The hash by which the key will be found.
    pub hash: ApiKeyHash,
}

/// The columns of a key.
macro_rules! select_key {
    () => {
        "SELECT id, organization_id, mode, name, scopes, created_at, expires_at, revoked_at, last_used_on FROM api_keys"
    };
}

impl Store {
    /// Stores a new key's record and hash. `NotFound` if the organization does not exist.
    pub(crate) async fn create_key(&self, key: NewKey<'_>) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        insert(&mut write.connection, key).await?;
        write.commit().await
    }

    /// The organization's keys, oldest first. `NotFound` if the organization does not exist.
    pub(crate) async fn list_keys(
        &self,
        org: &OrganizationId,
    ) -> Result<Vec<KeyRecord>, StoreError> {
        self.show_organization(org).await?;
        let mut connection = self.read().await?;
        let rows = fetch_all!(
            &mut connection,
            concat!(
                select_key!(),
                " WHERE organization_id = $1 ORDER BY created_at, id"
            ),
            org.as_str(),
        )?;
        let records: Result<_, sqlx::Error> = rows.into_iter().map(record).collect();
        Ok(records?)
    }

    /// Revokes a key. Revoking it again changes nothing. `NotFound` if it does not exist. It waits for other writers
    /// longer than other changes do.
    pub(crate) async fn revoke_key(
        &self,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<KeyRecord, StoreError> {
        let mut write = self.begin_within(REVOCATION_TIMEOUT).await?;
        execute!(
            &mut write.connection,
            "UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL",
            id,
            now.timestamp(),
        )?;
        let revoked = find(&mut write.connection, id).await?;
        write.commit().await?;
        Ok(revoked)
    }

    /// Stores the successor of a key, and makes the key expire at `expires_at` unless it expires earlier: both or
    /// neither. `NotFound` if the key does not exist, `Conflict` if it has expired or was revoked.
    pub(crate) async fn rotate_key(
        &self,
        id: &str,
        expires_at: DateTime<Utc>,
        successor: NewKey<'_>,
    ) -> Result<(), StoreError> {
        let now = successor.record.created_at;
        let mut write = self.begin().await?;
        find(&mut write.connection, id).await?.require_usable(now)?;
        insert(&mut write.connection, successor).await?;
        execute!(
            &mut write.connection,
            "UPDATE api_keys SET expires_at = $2 WHERE id = $1 AND (expires_at IS NULL OR expires_at > $2)",
            id,
            expires_at.timestamp(),
        )?;
        write.commit().await
    }

    /// The record of a key. `NotFound` if it does not exist.
    pub(crate) async fn show_key(&self, id: &str) -> Result<KeyRecord, StoreError> {
        find(&mut self.read().await?, id).await
    }

    /// Records the day on which a key was used, and its mode if that is not known yet.
    pub(crate) async fn record_key_use(
        &self,
        id: &str,
        day: NaiveDate,
        mode: Mode,
    ) -> Result<(), StoreError> {
        let mut write = self.begin_uncounted().await?;
        execute!(
            &mut write.connection,
            "UPDATE api_keys SET last_used_on = $2, mode = COALESCE(mode, $3) WHERE id = $1",
            id,
            day.to_string(),
            mode.as_str(),
        )?;
        write.commit().await
    }
}

impl KeyRecord {
    /// Fails for a key that no request can be made with.
    pub(crate) fn require_usable(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        if self.revoked_at.is_some() || self.expires_at.is_some_and(|expires_at| expires_at <= now)
        {
            return Err(StoreError::Conflict(format!(
                "key {} has expired or was revoked; create a new one",
                self.id
            )));
        }
        Ok(())
    }
}

async fn insert(
    connection: &mut Connection,
    NewKey { record, hash }: NewKey<'_>,
) -> Result<(), StoreError> {
    let inserted = execute!(
        connection,
        "INSERT INTO api_keys (id, organization_id, hash, mode, name, scopes, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &record.id,
        record.org.as_str(),
        hash.as_bytes(),
        record.mode.map(Mode::as_str),
        &record.name,
        record.scopes.join(" "),
        record.created_at.timestamp(),
        record.expires_at.map(|expires_at| expires_at.timestamp()),
    );
    match inserted {
        Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
            Err(StoreError::not_found("organization", &record.org))
        }
        inserted => inserted.map(drop).map_err(StoreError::from),
    }
}

async fn find(connection: &mut Connection, id: &str) -> Result<KeyRecord, StoreError> {
    let row = fetch_optional!(connection, concat!(select_key!(), " WHERE id = $1"), id)?;
    let row = row.ok_or_else(|| StoreError::not_found("key", id))?;
    Ok(record(row)?)
}

/// The column of scopes, which are separated by single spaces.
pub(super) fn read_scopes(column: &str) -> Vec<String> {
    column
        .split(' ')
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The columns of `select_key`, in their order.
type KeyRow = (
    String,
    String,
    Option<String>,
    Option<String>,
    String,
    i64,
    Option<i64>,
    Option<i64>,
    Option<String>,
);

fn record(row: KeyRow) -> Result<KeyRecord, sqlx::Error> {
    let (id, org, mode, name, scopes, created_at, expires_at, revoked_at, last_used_on) = row;
    Ok(KeyRecord {
        id,
        org: OrganizationId::from_stored(org),
        mode: mode.as_deref().and_then(Mode::from_stored),
        name,
        scopes: read_scopes(&scopes),
        created_at: read_time(created_at)?,
        expires_at: expires_at.map(read_time).transpose()?,
        revoked_at: revoked_at.map(read_time).transpose()?,
        last_used_on,
    })
}
