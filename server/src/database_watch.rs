//! Watches the database while the service has it open: its changes, whether it can be written, and its file.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::store::Store;

/// How often the change counter is read. A change is seen everywhere within a second, of which half is left for a
/// machine that is busy.
const CHANGES_INTERVAL: Duration = Duration::from_millis(500);
/// How often the database is written to as a test. A failed write is followed by a test at once.
const WRITE_CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// How often the database's file is compared with the one that is open. A key that was revoked in another file must stop
/// working as soon as one that was revoked here, within one second.
const DATABASE_FILE_CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// Watches until the service ends.
pub(crate) async fn run(store: Store, was_writable: bool) {
    tokio::join!(
        watch_changes(&store),
        watch_writes(&store, was_writable),
        watch_file(store.clone()),
    );
}

/// Reads the change counter. Reports when the database does not respond, and when it does again.
async fn watch_changes(store: &Store) {
    let mut was_reachable = true;
    let mut ticks = tokio::time::interval(CHANGES_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match store.read_changes().await {
            Err(error) if was_reachable && !store.is_reachable() => tracing::error!(
                event = "database_unreachable",
                alert = true,
                %error,
                "the database does not respond; requests are answered 503"
            ),
            Ok(()) if !was_reachable => tracing::warn!(
                event = "database_reachable_again",
                alert = true,
                "the database responds"
            ),
            _ => {}
        }
        was_reachable = store.is_reachable();
    }
}

/// Checks periodically, and after each failed write, that the database can be written.
async fn watch_writes(store: &Store, mut was_writable: bool) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(WRITE_CHECK_INTERVAL) => {}
            () = store.write_check_due() => {}
        }
        check_write(store, &mut was_writable).await;
    }
}

/// Reports when the database can no longer be written, and when it can again.
pub(crate) async fn check_write(store: &Store, was_writable: &mut bool) {
    let checked = store.check_write().await;
    match checked {
        Err(error) if *was_writable => {
            tracing::error!(event = "store_not_writable", alert = true, %error);
        }
        Ok(()) if !*was_writable => {
            tracing::warn!(event = "store_writable_again", alert = true);
        }
        _ => {}
    }
    *was_writable = store.is_writable();
}

/// Reports when the database's file was removed or replaced, and when it is back. Requests are answered 503 meanwhile.
async fn watch_file(store: Store) {
    let Some(path) = store.path().map(ToOwned::to_owned) else {
        return; // The database is not a file.
    };
    loop {
        tokio::time::sleep(DATABASE_FILE_CHECK_INTERVAL).await;
        let watched = store.clone();
        // A file system that does not respond must not hold up requests.
        let compared = tokio::task::spawn_blocking(move || watched.compare_file());
        match compared.await {
            Ok(Some(false)) => tracing::error!(
                event = "database_file_replaced",
                alert = true,
                path = %path.display(),
                "the database's file was removed or replaced; requests are answered 503"
            ),
            Ok(Some(true)) => tracing::warn!(
                event = "database_file_restored",
                alert = true,
                path = %path.display(),
                "the database's file is back"
            ),
            Ok(None) => {}
            // The runtime is shutting down.
            Err(_) => return,
        }
    }
}
