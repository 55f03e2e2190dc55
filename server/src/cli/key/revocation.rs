//! `key revoke`, which must work while another process uses the database.

use std::time::Duration;

use super::{
    super::{
        context::{CliError, Context},
        report::Report,
    },
    view::KeyView,
};
use crate::store::{Store, StoreError};

/// How long a revocation waits without a message: a person notices a longer pause.
const SILENT_WAIT: Duration = Duration::from_secs(1);
const WAITING: &str = "another process is writing to the database; waiting up to 30 s for it";
const NOT_REVOKED: &str = "is NOT revoked: another process has locked the database for 30 s; end that process and run \
                           the command again";

/// Revokes the key, and reports if it has to wait for another process.
pub(super) async fn revoke(
    context: &Context<'_>,
    store: &Store,
    id: &str,
) -> Result<Report, CliError> {
    let revocation = store.revoke_key(id, context.clock.now());
    tokio::pin!(revocation);
    let revoked = if let Ok(revoked) = tokio::time::timeout(SILENT_WAIT, &mut revocation).await {
        revoked
    } else {
        context.notify(WAITING);
        revocation.await
    };
    match revoked {
        Ok(record) => Ok(KeyView::from(record).report()),
        Err(StoreError::TimedOut) => Err(CliError::Other(format!("key {id} {NOT_REVOKED}"))),
        Err(error) => Err(error.into()),
    }
}
