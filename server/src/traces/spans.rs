//! Makes spans of a request that has ended, with the names of OpenTelemetry's semantic conventions for HTTP.

use std::time::Instant;

use chrono::{DateTime, Utc};
use poem::http::{Method, Uri};

use super::{
    ids::SpanId,
    otlp::{AnyValue, KeyValue, Span, Status, Value},
    recording::{Step, StepKind},
    request::{Ending, FinishedRequest},
};
use crate::{clock::Clock, redaction::redact};

/// The longest text of an attribute, in characters. Only a path of the caller's can be longer.
const MAX_TEXT_CHARS: usize = 512;

/// The methods that the conventions know. The name of any other is the caller's choice.
const METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::CONNECT,
    Method::OPTIONS,
    Method::TRACE,
    Method::PATCH,
];

/// The error of a request whose client disconnected.
const CLIENT_GONE: &str = "client_gone";

/// The spans of a request: its own, and one for each of its steps.
pub(super) fn spans(request: &FinishedRequest, clock: &Clock) -> Vec<Span> {
    let steps = request.steps.iter();
    let steps = steps.map(|step| of_step(step, request, SpanId::of(clock.id_bytes())));
    let own = of_request(request);
    std::iter::once(own).chain(steps).collect()
}

fn of_request(request: &FinishedRequest) -> Span {
    let ending = &request.ending;
    let method = method(&ending.method);
    let route = route(ending);
    let error = match ending.status {
        None => Some(CLIENT_GONE.to_owned()),
        // The caller's mistakes are no errors of the service.
        Some(status @ 500..) => Some(ending.code.map_or(status.to_string(), str::to_owned)),
        Some(_) => None,
    };
    let mut attributes = vec![
        text("http.request.method", method.unwrap_or("_OTHER")),
        text("url.scheme", "http"),
        text("url.path", &ending.path),
        text("billing_portal.request_id", &ending.request_id),
    ];
    let name = method.unwrap_or("HTTP");
    let name = route.map_or(name.to_owned(), |route| format!("{name} {route}"));
    attributes.extend(route.map(|route| text("http.route", route)));
    let status = ending.status.map(i64::from);
    attributes.extend(status.map(|status| number("http.response.status_code", status)));
    let code = ending.code;
    attributes.extend(code.map(|code| text("billing_portal.error_code", code)));
    let cause = ending.upstream_cause;
    attributes.extend(cause.map(|cause| text("billing_portal.upstream_cause", cause)));
    if let Some((organization, key)) = &ending.caller {
        attributes.push(text("billing_portal.org_id", organization));
        attributes.push(text("billing_portal.key_id", key));
    }
    let remote = request.parent.map_or(0, |_| Span::IS_REMOTE);
    Span {
        parent_span_id: request.parent.map(bytes).unwrap_or_default(),
        flags: Span::SAMPLED | Span::HAS_IS_REMOTE | remote,
        kind: Span::SERVER,
        ..span(request, request.span, name, (ending.began, ending.ended))
    }
    .with(attributes, error.as_deref())
}

fn of_step(step: &Step, request: &FinishedRequest, id: SpanId) -> Span {
    let (name, kind) = match &step.kind {
        StepKind::KeyLookUpWait => ("wait for the key look-up".to_owned(), Span::INTERNAL),
        StepKind::KeyLookUp => ("key look-up".to_owned(), Span::INTERNAL),
        StepKind::StripeWait => ("wait for a call to Stripe".to_owned(), Span::INTERNAL),
        StepKind::StripeAttempt { method, url, .. } => {
            (format!("{method} {}", url.path()), Span::CLIENT)
        }
    };
    Span {
        parent_span_id: bytes(request.span),
        flags: Span::SAMPLED | Span::HAS_IS_REMOTE,
        kind,
        ..span(request, id, name, (step.began, step.ended))
    }
    .with(attributes_of(&step.kind), step.error.as_deref())
}

fn attributes_of(kind: &StepKind) -> Vec<KeyValue> {
    let StepKind::StripeAttempt {
        method,
        url,
        resends,
        response,
    } = kind
    else {
        return Vec::new();
    };
    let mut attributes = vec![
        text("http.request.method", method.as_str()),
        text("server.address", url.host().unwrap_or_default()),
        number("server.port", port(url)),
        text("url.full", &url.to_string()),
    ];
    if *resends > 0 {
        attributes.push(number("http.request.resend_count", (*resends).into()));
    }
    if let Some((status, id)) = response {
        attributes.push(number("http.response.status_code", (*status).into()));
        attributes.push(text("billing_portal.stripe_request_id", id));
    }
    attributes
}

fn span(
    request: &FinishedRequest,
    id: SpanId,
    name: String,
    (began, ended): (Instant, Instant),
) -> Span {
    let at = |instant| nanoseconds(&request.ending, instant);
    Span {
        trace_id: request.trace.0.to_be_bytes().to_vec(),
        id: bytes(id),
        trace_state: request.state.clone(),
        name,
        start_time_unix_nano: at(began),
        end_time_unix_nano: at(ended),
        ..Span::default()
    }
}

impl Span {
    /// With these attributes and the error, if there is one.
    fn with(mut self, attributes: Vec<KeyValue>, error: Option<&str>) -> Self {
        self.attributes = attributes;
        if let Some(error) = error {
            self.attributes.push(text("error.type", error));
            self.status = Some(Status::ERROR);
        }
        self
    }
}

/// The method, if it is not a word of the caller's.
fn method(method: &Method) -> Option<&str> {
    METHODS.contains(method).then(|| method.as_str())
}

/// The path, if it is one of the service's: any other path was answered 404, or 400 before it was looked at.
fn route(ending: &Ending) -> Option<&str> {
    let is_unknown =
        ending.status == Some(404) || (ending.status == Some(400) && ending.code.is_none());
    (!is_unknown && ending.status.is_some()).then_some(ending.path.as_str())
}

fn port(url: &Uri) -> i64 {
    let default = if url.scheme_str() == Some("http") {
        80
    } else {
        443
    };
    url.port_u16().unwrap_or(default).into()
}

/// The time of an instant, from the time at which the request arrived.
fn nanoseconds(ending: &Ending, instant: Instant) -> u64 {
    let since: DateTime<Utc> = ending.received_at + instant.duration_since(ending.began);
    let nanoseconds = since.timestamp_nanos_opt();
    nanoseconds
        .and_then(|it| u64::try_from(it).ok())
        .unwrap_or_default()
}

fn bytes(id: SpanId) -> Vec<u8> {
    id.0.to_be_bytes().to_vec()
}

/// An attribute. Like a line of the log, it is cut and searched for secrets.
pub(super) fn text(key: &str, value: &str) -> KeyValue {
    let value = redact(value).chars().take(MAX_TEXT_CHARS).collect();
    attribute(key, Value::Text(value))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::Number(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
    }
}
