//! The client: what a program keeps, and calls.

use std::fmt;
use std::sync::Arc;

use crate::call::CreatePortalSession;
use crate::settings::Settings;

/// Opens billing portals. Cheap to clone: clones share their connections.
#[derive(Clone)]
pub struct Client {
    settings: Arc<Settings>,
}

impl Client {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
        }
    }

    /// Opens the portal for the organization that owns the key. `return_url` is where the portal's "return" link
    /// leads: an https URL of an origin that the service allows.
    ///
    /// Await the call as it is, or change its settings first:
    ///
    /// ```no_run
    /// # async fn open(client: billing_portal_client::Client) -> Result<(), billing_portal_client::Error> {
    /// # use std::time::Duration;
    /// let session = client
    ///     .create_portal_session("https://app.example.com/settings/billing")
    ///     .timeout(Duration::from_secs(5))
    ///     .max_retries(0)
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_portal_session(&self, return_url: impl Into<String>) -> CreatePortalSession {
        CreatePortalSession::new(Arc::clone(&self.settings), return_url.into())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}
