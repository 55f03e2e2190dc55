//! An open portal session.

use chrono::{DateTime, Utc};
use http::HeaderMap;

use crate::portal_url::PortalUrl;
use crate::unprinted::UnprintedHeaders;

/// An open portal session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PortalSession {
    /// Where to send the browser.
    pub portal_url: PortalUrl,
    /// When the URL expires, by the service's clock. To learn whether it can still be used, call
    /// [`PortalUrl::is_fresh`], which knows the service's clock.
    pub expires_at: DateTime<Utc>,
    /// The request's id. Give it to the people who run the service. Empty if a proxy has removed it.
    pub request_id: String,
    pub(crate) headers: UnprintedHeaders,
}

impl PortalSession {
    /// Whether an earlier call with the same [idempotency key](crate::CreatePortalSession::idempotency_key) has opened the
    /// session.
    #[must_use]
    pub fn is_replayed(&self) -> bool {
        let value = self.headers().get("idempotent-replayed");
        value.is_some_and(|value| value == "true")
    }

    /// The answer's headers. `Debug` shows their names only.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers.0
    }
}
