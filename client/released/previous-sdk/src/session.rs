//! An open portal session.

use chrono::{DateTime, Utc};

use crate::portal_url::PortalUrl;

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
}
