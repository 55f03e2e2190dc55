//! What opening a database means on both engines: what to do if it is missing, and which migrations it needs.

use sqlx::migrate::{Migration, Migrator};

use super::error::StoreError;

/// What to do if there is no database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMissing {
    /// Create it.
    Create,
    /// Fail: an empty database would hide that the URL is wrong.
    Fail,
    /// Create it, or go on with one into which a copy was interrupted.
    Copy,
}

/// Stands among the migrations of a database while everything of another one is copied into it.
pub(super) const COPY_MARK: i64 = i64::MAX;

/// What is said of a database that is missing and not created.
pub(super) const DOES_NOT_EXIST: &str =
    "does not exist; billing-portal serve and billing-portal org create create it";

/// A migration that a database has: its version and the checksum of its text.
pub(super) type Applied = (i64, Vec<u8>);

/// The migrations that a database needs, in their order. Fails if a newer version of this program has migrated it, or
/// if its tables come from other migrations than this version's.
pub(super) fn pending(
    migrator: &'static Migrator,
    applied: &[Applied],
    if_missing: IfMissing,
) -> Result<Vec<&'static Migration>, StoreError> {
    let newest = migrator.iter().map(|migration| migration.version).max();
    let newest = newest.unwrap_or_default();
    let is_mark = |(version, _): &&Applied| *version == COPY_MARK;
    if if_missing != IfMissing::Copy && applied.iter().any(|applied| is_mark(&applied)) {
        return Err(StoreError::UnfinishedCopy);
    }
    let mut unknown = applied.iter().filter(|applied| !is_mark(applied));
    if let Some((version, _)) = unknown.find(|(version, _)| *version > newest) {
        return Err(StoreError::Newer {
            found: *version,
            known: newest,
        });
    }
    let mut pending = Vec::new();
    for migration in migrator.iter() {
        match applied
            .iter()
            .find(|(version, _)| *version == migration.version)
        {
            None => pending.push(migration),
            Some((_, checksum)) if *checksum == *migration.checksum => {}
            Some((version, _)) => return Err(StoreError::OtherTables(*version)),
        }
    }
    Ok(pending)
}
