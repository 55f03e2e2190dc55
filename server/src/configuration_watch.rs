//! Verifies the portal configuration at start, periodically, and when Stripe reports a change, and records its id.

use std::{sync::Arc, time::Duration};

use crate::app::{App, CurrentApp};

/// How often the portal configuration is verified. Someone may change it at Stripe without a webhook.
const VERIFICATION_INTERVAL: Duration = Duration::from_mins(10);
/// The wait after the first failed verification; it doubles with each further failure.
const FIRST_VERIFICATION_RETRY: Duration = Duration::from_secs(1);
/// The longest wait between failed verifications: no portal opens meanwhile.
const MAX_VERIFICATION_RETRY: Duration = Duration::from_secs(30);

/// Verifies until the service ends. `recorded` is the id that the database has.
pub(crate) async fn run(current: CurrentApp, mut recorded: Option<String>) {
    let mut retry = FIRST_VERIFICATION_RETRY;
    loop {
        let app = Arc::clone(&current.borrow());
        let stripe = &app.stripe;
        let wait = match stripe.verify_configuration().await {
            Ok(verification) if verification.ok => {
                retry = FIRST_VERIFICATION_RETRY;
                VERIFICATION_INTERVAL
            }
            _ => {
                let next = MAX_VERIFICATION_RETRY.min(retry * 2);
                std::mem::replace(&mut retry, next)
            }
        };
        _ = app.started.set(());
        record_id(&app, &mut recorded).await;
        let recheck = Arc::clone(&stripe.verification().recheck);
        // While it waits, a reload may replace the settings.
        drop(app);
        _ = tokio::time::timeout(wait, recheck.notified()).await;
    }
}

/// Reads the id of the service's own configuration from the database. Without it the configuration is searched for at
/// Stripe.
pub(crate) async fn read_id(app: &App) -> Option<String> {
    let read = app.store.portal_configuration(app.event_rules.mode).await;
    let id = read.unwrap_or_else(|error| {
        tracing::warn!(%error, "the id of the portal configuration cannot be read");
        None
    });
    if let Some(id) = &id {
        app.stripe.verification().set_managed_id(id);
    }
    id
}

/// Records the id if it is a new one. If the database cannot be written, the next verification tries again.
async fn record_id(app: &App, recorded: &mut Option<String>) {
    let id = app.stripe.verification().managed_id();
    let Some(new) = id.filter(|id| recorded.as_ref() != Some(id)) else {
        return;
    };
    let mode = app.event_rules.mode;
    match app.store.record_portal_configuration(mode, &new).await {
        Ok(()) => *recorded = Some(new),
        Err(error) => {
            tracing::warn!(%error, "the id of the portal configuration cannot be recorded");
        }
    }
}
