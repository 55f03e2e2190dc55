//! What the outermost layer notes about a request: its id, when it arrived, from where, and its audit record.

use std::{
    net::IpAddr,
    sync::{Mutex, OnceLock, PoisonError},
    time::Instant,
};

use chrono::{DateTime, Utc};
use poem::{
    Request,
    http::{HeaderMap, Method, Uri},
};

use crate::{
    api_key::ApiKeyHash,
    app::App,
    audit::AuditRecord,
    auth::{Authenticator, LookUpTurn},
    http::{framing::MAX_METHOD_BYTES, schema::RequestId},
    log::{FieldWriter, RequestFields},
    traces::{Ending, Steps, Trace},
};

/// What is known of a request before anything else looks at it. [`crate::request_layer`] makes it, once.
#[derive(Debug)]
pub(crate) struct RequestContext {
    /// The id in the answer, its `X-Request-Id` and the log.
    pub request_id: RequestId,
    /// When the request arrived, by the service's clock.
    pub received_at: DateTime<Utc>,
    /// The same in monotonic time, for durations.
    pub began: Instant,
    /// The client's address, as far as trusted proxies report it. `None` for a connection without an IP address.
    pub client: Option<IpAddr>,
    /// What the audit event will say.
    pub audit: AuditRecord,
    /// Where the steps of the request are noted for its trace.
    pub steps: Steps,
    trace: Option<Box<Trace>>,
    method: Method,
    uri: Uri,
    /// Checking and hashing a key takes thousands of instructions, so it is done once.
    key: OnceLock<Option<ApiKeyHash>>,
    look_up_turn: Mutex<Option<LookUpTurn>>,
}

impl RequestContext {
    /// The context of a request that arrives now.
    pub(crate) fn new(app: &App, request: &Request) -> Self {
        let received_at = app.clock.now();
        let trace = Trace::begin(request.headers(), app.traces.have_collector(), &app.clock);
        Self {
            request_id: RequestId::from(app.clock.ulid_at(received_at)),
            received_at,
            began: app.clock.instant(),
            client: app.trusted_proxies.client_address(request),
            audit: AuditRecord::new(request.uri().path()),
            steps: trace.as_deref().map(Trace::steps).unwrap_or_default(),
            trace,
            method: request.method().clone(),
            uri: request.uri().clone(),
            key: OnceLock::new(),
            look_up_turn: Mutex::default(),
        }
    }

    /// The hash of the request's key, if it may be one of this deployment.
    pub(crate) fn key(
        &self,
        authenticator: &Authenticator,
        headers: &HeaderMap,
    ) -> Option<ApiKeyHash> {
        *self.key.get_or_init(|| authenticator.key(headers))
    }

    /// Holds the turn to look up an unknown key until the key was looked up.
    pub(crate) fn hold_look_up_turn(&self, turn: LookUpTurn) {
        self.set_look_up_turn(Some(turn));
    }

    /// Lets the next unknown key be looked up.
    pub(crate) fn end_look_up_turn(&self) {
        self.set_look_up_turn(None);
    }

    /// Hands the request's trace over, if it is recorded.
    pub(crate) fn export_trace(&self, app: &App, answer: TracedAnswer) {
        let Some(trace) = self.trace.as_ref().filter(|trace| trace.is_recorded()) else {
            return;
        };
        let caller = self.audit.caller();
        app.traces.export(trace.finish(Ending {
            received_at: self.received_at,
            began: self.began,
            ended: app.clock.instant(),
            method: self.method.clone(),
            path: self.uri.path().to_owned(),
            status: answer.status,
            code: answer.code,
            upstream_cause: answer.upstream_cause,
            request_id: self.request_id.as_str().to_owned(),
            caller: caller.map(|it| (it.organization.as_str().to_owned(), it.key_id.clone())),
        }));
    }

    fn set_look_up_turn(&self, turn: Option<LookUpTurn>) {
        let held = self.look_up_turn.lock();
        *held.unwrap_or_else(PoisonError::into_inner) = turn;
    }
}

/// How a request ended, for its trace. The default is that the client disconnected before the answer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TracedAnswer {
    /// The status of the answer.
    pub status: Option<u16>,
    /// The code of the error.
    pub code: Option<&'static str>,
    /// Why it was answered 502.
    pub upstream_cause: Option<&'static str>,
}

impl RequestFields for RequestContext {
    fn write(&self, fields: &mut FieldWriter<'_>) {
        fields.word("request_id", self.request_id.as_str());
        if let Some(client) = self.client {
            fields.address("client", client);
        }
        // One that is refused for its length is not logged.
        let method = self.method.as_str();
        if method.len() <= MAX_METHOD_BYTES {
            fields.text("method", method);
        }
        // Without the query: callers may put anything there, secrets too.
        fields.text("path", self.uri.path());
        if let Some(caller) = self.audit.caller() {
            fields.text("key_id", &caller.key_id);
            fields.text("org_id", caller.organization.as_str());
        }
        if let Some(trace) = &self.trace {
            trace.write(fields);
        }
    }
}
