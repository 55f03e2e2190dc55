//! What the outermost layer notes about a request: its id, when it arrived, from where, and its audit record.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use poem::Request;

use crate::{app::App, audit::AuditRecord, http::schema::RequestId};

/// What is known of a request before anything else looks at it. [`crate::request_layer`] makes it, once.
#[derive(Debug)]
pub(crate) struct RequestContext {
    /// The id in the answer, its `X-Request-Id` and the log.
    pub request_id: RequestId,
    /// When the request arrived, by the service's clock.
    pub received_at: DateTime<Utc>,
    /// The client's address, as far as trusted proxies report it. `None` for a connection without an IP address.
    pub client: Option<IpAddr>,
    /// What the audit event will say.
    pub audit: AuditRecord,
}

impl RequestContext {
    /// The context of a request that arrives now.
    pub(crate) fn new(app: &App, request: &Request) -> Self {
        Self {
            request_id: RequestId::from(app.clock.ulid()),
            received_at: app.clock.now(),
            client: app.trusted_proxies.client_address(request),
            audit: AuditRecord::default(),
        }
    }
}
