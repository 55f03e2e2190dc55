//! The audit: one event in the log for each portal session that was opened, or refused to a known caller.
//!
//! The record is filled while the request runs, and written once, by the outermost layer. It never holds the portal's
//! URL. Of the return URL it holds only the origin, and only if the policy has accepted it.

use std::sync::{Arc, OnceLock};

use crate::{
    http::{api_error::ApiError, schema::RequestId},
    log::AUDIT_TARGET,
    store::Caller,
    stripe::SessionRecord,
};

/// What is known of a request so far. Each part is set at most once.
#[derive(Debug, Default)]
pub(crate) struct AuditRecord {
    /// Whether the request is one to open a portal. No other is audited.
    is_for_portal: bool,
    caller: OnceLock<Arc<Caller>>,
    return_url_origin: OnceLock<Arc<str>>,
    session: OnceLock<SessionRecord>,
}

/// The path of the operation that is audited.
const PORTAL: &str = "/v1/billing/portal";

impl AuditRecord {
    /// The record of a request to this path.
    pub(crate) fn new(path: &str) -> Self {
        Self {
            is_for_portal: path == PORTAL,
            ..Self::default()
        }
    }

    /// Sets the authenticated caller.
    pub(crate) fn set_caller(&self, caller: &Arc<Caller>) {
        if self.is_for_portal {
            _ = self.caller.set(Arc::clone(caller));
        }
    }

    /// Sets the origin that the portal leads back to.
    pub(crate) fn set_return_url_origin(&self, origin: &Arc<str>) {
        _ = self.return_url_origin.set(Arc::clone(origin));
    }

    /// Sets the session that Stripe opened.
    pub(crate) fn set_session(&self, session: SessionRecord) {
        _ = self.session.set(session);
    }

    /// The authenticated caller.
    pub(crate) fn caller(&self) -> Option<&Caller> {
        self.caller.get().map(Arc::as_ref)
    }

    /// The session that Stripe opened.
    pub(crate) fn session(&self) -> Option<&SessionRecord> {
        self.session.get()
    }

    /// Writes the event, unless the caller is unknown.
    pub(crate) fn write(&self, request_id: &RequestId, end: RequestEnd<'_>) {
        let Some(caller) = self.caller.get() else {
            return;
        };
        let session = self.session.get();
        let (event, outcome, error) = match (end, session) {
            (RequestEnd::Answered(None), Some(_)) => ("portal_session_created", "opened", None),
            (RequestEnd::Answered(error), _) => ("portal_session_refused", "refused", error),
            (RequestEnd::Abandoned, _) => ("portal_session_abandoned", "unknown", None),
        };
        tracing::info!(
            target: AUDIT_TARGET,
            event,
            outcome,
            request_id = request_id.as_str(),
            org_id = caller.organization.as_str(),
            key_id = caller.key_id,
            return_url_origin = self.return_url_origin.get().map(Arc::as_ref),
            session = session.map(|session| session.id.as_str()),
            configuration = session.map(|session| session.configuration.as_str()),
            replayed = session.map(|session| session.replayed),
            slow = session.map(|session| session.slow),
            code = error.map(|error| error.code().as_str()),
            cause = error.and_then(ApiError::cause),
            stripe_request_id = error.and_then(ApiError::upstream_request_id),
        );
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RequestEnd<'a> {
    /// It was answered: with this error, or with success.
    Answered(Option<&'a ApiError>),
    /// The client disconnected before the answer. Stripe may have opened a session that nobody received.
    Abandoned,
}
