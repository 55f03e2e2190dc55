//! Verifies the portal configurations at start, periodically, and when Stripe reports a change, and records their ids.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    app::{App, CurrentApp},
    stripe::Stripe,
};

/// How often the portal configuration is verified. Someone may change it at Stripe without a webhook.
const VERIFICATION_INTERVAL: Duration = Duration::from_mins(10);
/// The wait after the first failed verification; it doubles with each further failure.
const FIRST_VERIFICATION_RETRY: Duration = Duration::from_secs(1);
/// The longest wait between failed verifications: no portal opens meanwhile.
const MAX_VERIFICATION_RETRY: Duration = Duration::from_secs(30);

/// The ids that the database has, by the names of the profiles; `None` is the default one.
pub(crate) type RecordedIds = BTreeMap<Option<String>, String>;

/// Verifies until the service ends. `recorded` are the ids that the database has.
pub(crate) async fn run(current: CurrentApp, mut recorded: RecordedIds) {
    let mut retry = FIRST_VERIFICATION_RETRY;
    loop {
        let app = Arc::clone(&current.borrow());
        let mut all_ok = true;
        for stripe in app.stripe.for_each_profile() {
            let verified = stripe.verify_configuration().await;
            all_ok &= verified.is_ok_and(|verification| verification.ok);
            record_id(&app, &stripe, &mut recorded).await;
        }
        let wait = if all_ok {
            retry = FIRST_VERIFICATION_RETRY;
            VERIFICATION_INTERVAL
        } else {
            let next = MAX_VERIFICATION_RETRY.min(retry * 2);
            std::mem::replace(&mut retry, next)
        };
        _ = app.started.set(());
        let recheck = Arc::clone(&app.stripe.verification().recheck);
        // While it waits, a reload may replace the settings.
        drop(app);
        _ = tokio::time::timeout(wait, recheck.notified()).await;
    }
}

/// Reads the ids of the service's own configurations from the database. Without them the configurations are searched for
/// at Stripe.
pub(crate) async fn read_ids(app: &App) -> RecordedIds {
    let mut recorded = RecordedIds::new();
    for stripe in app.stripe.for_each_profile() {
        let profile = stripe.profile_name();
        let read = app
            .store
            .portal_configuration(app.event_rules.mode, profile);
        let id = read.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the id of the portal configuration cannot be read");
            None
        });
        if let Some(id) = id {
            stripe.verification().set_managed_id(&id);
            recorded.insert(profile.map(str::to_owned), id);
        }
    }
    recorded
}

/// Records the id if it is a new one. If the database cannot be written, the next verification tries again.
async fn record_id(app: &App, stripe: &Stripe, recorded: &mut RecordedIds) {
    let profile = stripe.profile_name();
    let known = recorded.get(&profile.map(str::to_owned));
    let id = stripe.verification().managed_id();
    let Some(new) = id.filter(|id| known != Some(id)) else {
        return;
    };
    let mode = app.event_rules.mode;
    let recording = app.store.record_portal_configuration(mode, profile, &new);
    match recording.await {
        Ok(()) => _ = recorded.insert(profile.map(str::to_owned), new),
        Err(error) => {
            tracing::warn!(%error, "the id of the portal configuration cannot be recorded");
        }
    }
}
