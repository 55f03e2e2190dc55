//! The audit: one event in the log for each portal session that was opened, or refused to a known caller.
//!
//! What an event says is gathered while the request is answered, and written once, by the outermost layer. It never
//! holds the portal's URL, nor more of the return URL than its origin, and that only once the policy has let it pass.

use std::sync::{Arc, OnceLock};

use poem::Request;

use crate::{
    http::{api_error::ApiError, schema::RequestId},
    store::Caller,
    stripe::OpenedSession,
};

/// Under this name the log has the events, whatever level it is set to.
pub(crate) const TARGET: &str = "audit";

/// What is known of a request so far.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    caller: OnceLock<Arc<Caller>>,
    return_url_origin: OnceLock<String>,
    session: OnceLock<Opened>,
}

#[derive(Debug)]
struct Opened {
    id: String,
    configuration: String,
    replayed: bool,
    slow: bool,
}

impl Trail {
    /// The trail of this request.
    ///
    /// # Panics
    /// Outside of the outermost layer, which lays one for every request.
    pub(crate) fn of(request: &Request) -> &Self {
        request
            .data::<Arc<Self>>()
            .expect("the outermost layer lays a trail")
    }

    /// Notes who is calling.
    pub(crate) fn caller(&self, caller: &Arc<Caller>) {
        _ = self.caller.set(Arc::clone(caller));
    }

    /// Notes where the portal leads back to.
    pub(crate) fn return_url_origin(&self, origin: String) {
        _ = self.return_url_origin.set(origin);
    }

    /// Notes the session that was opened.
    pub(crate) fn opened(&self, session: &OpenedSession) {
        _ = self.session.set(Opened {
            id: session.id.clone(),
            configuration: session.configuration.clone(),
            replayed: session.replayed,
            slow: session.is_slow(),
        });
    }

    /// Writes the event, if it is known whose it is.
    pub(crate) fn write(&self, request_id: &RequestId, end: End<'_>) {
        let Some(caller) = self.caller.get() else {
            return;
        };
        let session = self.session.get();
        let (event, outcome, error) = match (end, session) {
            (End::Answered(None), Some(_)) => ("portal_session_created", "opened", None),
            (End::Answered(error), _) => ("portal_session_refused", "refused", error),
            (End::Abandoned, _) => ("portal_session_abandoned", "unknown", None),
        };
        tracing::info!(
            target: TARGET,
            event,
            outcome,
            request_id = request_id.as_str(),
            org_id = caller.organization.as_str(),
            key_id = caller.key_id,
            return_url_origin = self.return_url_origin.get(),
            session = session.map(|session| session.id.as_str()),
            configuration = session.map(|session| session.configuration.as_str()),
            replayed = session.map(|session| session.replayed),
            slow = session.map(|session| session.slow),
            code = error.map(|error| error.code().as_str()),
            cause = error.and_then(ApiError::cause),
            stripe_request_id = error.and_then(ApiError::stripe_request_id),
        );
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End<'a> {
    /// It was answered, with this error if with one.
    Answered(Option<&'a ApiError>),
    /// Nobody waited for the answer. Stripe may have opened a session that nobody got.
    Abandoned,
}
