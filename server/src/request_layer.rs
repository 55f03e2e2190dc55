//! The outermost layer: it gives every request an id and a log line, every response its headers, and turns every
//! failure, a panic too, into the error envelope.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    thread,
    time::Duration,
};

use futures_util::FutureExt;
use poem::{
    Endpoint, IntoResponse, Request, Response, Result,
    http::{HeaderName, HeaderValue, header},
};
use tracing::{Instrument, Span, field::Empty};

use crate::{
    app::{App, CurrentApp},
    audit::RequestEnd,
    http::{
        api_error::{ApiError, Sampled},
        docs,
        error_code::ErrorCode,
        framing::MAX_METHOD_BYTES,
        schema::RequestId,
    },
    log,
    metrics::Metrics,
    request_context::{RequestContext, TracedAnswer},
};

/// Wraps the routes of a port.
pub(crate) struct RequestLayer<E> {
    current: CurrentApp,
    inner: E,
    counted: bool,
}

impl<E> RequestLayer<E> {
    /// Wraps the API.
    pub(crate) fn api(current: CurrentApp, inner: E) -> Self {
        Self {
            current,
            inner,
            counted: true,
        }
    }

    /// Wraps the operations port. Its requests are not counted, because they are not use of the API.
    pub(crate) fn operations(current: CurrentApp, inner: E) -> Self {
        Self {
            counted: false,
            ..Self::api(current, inner)
        }
    }
}

impl<E> RequestLayer<E> {
    /// Pages of the documentation are not use of the API either.
    fn counts(&self, request: &Request) -> bool {
        self.counted && !docs::is_documentation(request.uri().path())
    }
}

impl<E: Endpoint> Endpoint for RequestLayer<E> {
    type Output = Response;

    /// Not async: the future of an async function keeps room for the request, 488 bytes, also after it was handed on.
    fn call(&self, mut request: Request) -> impl Future<Output = Result<Response>> + Send {
        // Once, so that a reload does not change the settings of a request in progress.
        let app = Arc::clone(&self.current.borrow());
        let context = Arc::new(RequestContext::new(&app, &request));
        let span = filter_span(&request, &context);
        request.set_data(Arc::clone(&app));
        request.set_data(Arc::clone(&context));
        let is_counted = self.counts(&request);
        // What an endpoint does before its first await may panic, too.
        let inner = panic::catch_unwind(AssertUnwindSafe(|| self.inner.call(request)));
        let answering = answer(inner, is_counted, app, Arc::clone(&context));
        log::in_request(context, answering.instrument(span)).map(Ok)
    }
}

/// Waits for the answer of the inner endpoint, if calling it did not panic.
async fn answer<T: IntoResponse>(
    inner: thread::Result<impl Future<Output = Result<T>>>,
    is_counted: bool,
    app: Arc<App>,
    context: Arc<RequestContext>,
) -> Response {
    let in_flight = is_counted.then(|| InFlightGuard::new(&app, &context));
    let answered = match inner {
        Ok(answering) => AssertUnwindSafe(answering).catch_unwind().await,
        Err(panic) => Err(panic),
    };
    let (mut response, error) = match answered {
        Ok(Ok(output)) => (output.into_response(), None),
        Ok(Err(error)) => error_response(error, &context.request_id),
        Err(_) => error_response(panicked(), &context.request_id),
    };
    set_headers(&mut response, &context.request_id);
    let elapsed = app.clock.instant().duration_since(context.began);
    if let Some(in_flight) = in_flight {
        in_flight.answered();
        count(&app.metrics, &response, error.as_ref(), elapsed);
        context.export_trace(&app, traced(&response, error.as_ref()));
    }
    let end = RequestEnd::Answered(error.as_ref());
    context.audit.write(&context.request_id, end);
    log_answer(&response, &context, error.as_ref(), elapsed);
    response
}

fn traced(response: &Response, error: Option<&ApiError>) -> TracedAnswer {
    TracedAnswer {
        status: Some(response.status().as_u16()),
        code: error.map(|error| error.code().as_str()),
        upstream_cause: error.and_then(ApiError::upstream_cause),
    }
}

fn count(metrics: &Metrics, response: &Response, error: Option<&ApiError>, elapsed: Duration) {
    let code = error.map(|error| error.code().as_str());
    metrics.answered(response.status().as_u16(), code, elapsed);
    if let Some(cause) = error.and_then(ApiError::upstream_cause) {
        metrics.unavailable(cause);
    }
    if error.and_then(ApiError::sampled).is_some() {
        metrics.limited_addresses.inc();
    }
}

/// A span for log filters that name it, such as `[request{org_id=acme}]=debug`. Any other filter leaves it out; the lines
/// have their fields from [`RequestContext`].
fn filter_span(request: &Request, context: &RequestContext) -> Span {
    let method = request.method().as_str();
    tracing::trace_span!(
        "request",
        request_id = %context.request_id,
        client = context.client.map(|address| address.to_string()),
        method = Some(method).filter(|method| method.len() <= MAX_METHOD_BYTES),
        path = request.uri().path(),
        key_id = Empty,
        org_id = Empty,
    )
}

/// Counts a request as in flight until it is dropped. If the client disconnects, the request is cancelled: the guard
/// then logs and audits it.
struct InFlightGuard<'a> {
    app: &'a App,
    context: &'a RequestContext,
    answered: bool,
}

impl<'a> InFlightGuard<'a> {
    fn new(app: &'a App, context: &'a RequestContext) -> Self {
        app.metrics.requests_in_flight.inc();
        Self {
            app,
            context,
            answered: false,
        }
    }

    fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for InFlightGuard<'_> {
    fn drop(&mut self) {
        self.app.metrics.requests_in_flight.dec();
        if !self.answered {
            let RequestContext {
                audit, request_id, ..
            } = self.context;
            tracing::info!(event = "client_gone");
            audit.write(request_id, RequestEnd::Abandoned);
            self.context.export_trace(self.app, TracedAnswer::default());
        }
    }
}

fn panicked() -> poem::Error {
    ApiError::from(ErrorCode::Internal)
        .with_cause("panic")
        .into()
}

fn error_response(error: poem::Error, request_id: &RequestId) -> (Response, Option<ApiError>) {
    if error.is_from_response() {
        return (error.into_response(), None);
    }
    let error = error
        .downcast::<ApiError>()
        .unwrap_or_else(|other| ApiError::from(ErrorCode::Internal).with_cause(other.to_string()));
    (error.response(request_id), Some(error))
}

/// The headers of every response; [`crate::http::schema`] declares them.
fn set_headers(response: &mut Response, request_id: &RequestId) {
    let id = HeaderValue::from_str(request_id.as_str());
    let id = id.expect("a ULID's characters are allowed in a header");
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-request-id"), id);
    // Static files may be kept.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
}

/// The line of a request. On success it also says how Stripe was called.
fn log_answer(
    response: &Response,
    context: &RequestContext,
    error: Option<&ApiError>,
    elapsed: Duration,
) {
    let left_out = match error.and_then(ApiError::sampled) {
        Some(Sampled::LeftOut) => return,
        Some(Sampled::Logged(left_out)) => Some(left_out),
        None => None,
    };
    let status = response.status().as_u16();
    let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    let code = error.map(|error| error.code().as_str());
    let cause = error.and_then(ApiError::cause);
    let upstream_cause = error.and_then(ApiError::upstream_cause);
    let session = context.audit.session();
    if error.is_some_and(|error| error.code() == ErrorCode::Internal) {
        tracing::error!(event = "answered", status, code, cause, elapsed_us);
    } else {
        tracing::info!(
            event = "answered",
            status,
            code,
            cause,
            upstream_cause,
            left_out,
            elapsed_us,
            attempts = session.map(|session| session.attempts),
            stripe_elapsed_ms = session.map(|session| session.elapsed_ms),
            stripe_request_id = session
                .map(|session| session.request_id.as_str())
                .or(error.and_then(ApiError::upstream_request_id)),
            idempotency_key = session.map(|session| session.idempotency_key.as_str()),
        );
    }
}
