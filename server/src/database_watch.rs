//! Watches the file of the database while the service has it open.

use std::time::Duration;

use crate::store::Store;

/// How often the database's file is compared with the one that is open. A key that was revoked in another file must stop
/// working as soon as one that was revoked here, within one second.
const DATABASE_FILE_CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// Reports when the database's file was removed or replaced, and when it is back. Requests are answered 503 meanwhile.
pub(crate) async fn watch_file(store: Store) {
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
