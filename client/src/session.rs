//! An open portal session, as the caller gets it.

use chrono::{DateTime, Utc};

use crate::PortalUrl;

/// An open portal session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PortalSession {
    /// Where to send the browser.
    pub portal_url: PortalUrl,
    /// Until when to use the URL, by the service's clock. To ask whether it still is good, use
    /// [`PortalUrl::is_fresh`], which knows what the service's clock says.
    pub expires_at: DateTime<Utc>,
    /// The request's id, to give to whoever runs the service. Empty if something on the way has removed it.
    pub request_id: String,
}
