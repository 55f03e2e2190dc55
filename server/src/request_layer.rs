//! The outermost layer: every request gets an id, every answer its headers, and every failure, a panic too, the
//! envelope. One line of log for each request is written here.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use poem::{
    Endpoint, IntoResponse, Request, Response, Result,
    http::{HeaderName, HeaderValue, header},
};
use tracing::{Instrument, Span, field::Empty};

use crate::{
    app::App,
    audit::{End, Trail},
    http::{api_error::ApiError, error_code::ErrorCode, schema::RequestId},
    stripe::UpstreamCause,
};

/// When the request came in, by the service's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received(pub DateTime<Utc>);

impl Received {
    /// The time that this layer noted.
    pub(crate) fn of(request: &Request) -> Self {
        *request.data().expect("the outermost layer notes the time")
    }
}

/// Wraps all that a port answers.
pub(crate) struct Respond<E> {
    app: Arc<App>,
    inner: E,
    counted: bool,
}

impl<E> Respond<E> {
    /// Wraps the API.
    pub(crate) fn api(app: Arc<App>, inner: E) -> Self {
        Self {
            app,
            inner,
            counted: true,
        }
    }

    /// Wraps what operators ask, which does not count as use of the API.
    pub(crate) fn operations(app: Arc<App>, inner: E) -> Self {
        Self {
            counted: false,
            ..Self::api(app, inner)
        }
    }
}

impl<E: Endpoint> Endpoint for Respond<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let began = self.app.clock.instant();
        let request_id = RequestId::from(self.app.clock.ulid());
        let span = self.span(&request, &request_id);
        let trail = Arc::new(Trail::default());
        request.set_data(Received(self.app.clock.now()));
        request.set_data(Arc::clone(&self.app));
        request.set_data(Arc::clone(&trail));

        let waiting = self
            .counted
            .then(|| Waiting::new(&self.app, &span, &trail, &request_id));
        let answer = AssertUnwindSafe(self.inner.call(request))
            .catch_unwind()
            .instrument(span.clone())
            .await;
        let (mut response, error) = match answer {
            Ok(Ok(output)) => (output.into_response(), None),
            Ok(Err(error)) => refuse(error, &request_id),
            Err(_) => refuse(
                ApiError::from(ErrorCode::Internal)
                    .with_cause("panic")
                    .into(),
                &request_id,
            ),
        };
        set_headers(&mut response, &request_id);
        let elapsed = self.app.clock.instant().duration_since(began);
        if let Some(waiting) = waiting {
            waiting.end();
            self.count(&response, error.as_ref(), elapsed);
        }
        span.in_scope(|| {
            trail.write(&request_id, End::Answered(error.as_ref()));
            log(&response, error.as_ref(), elapsed);
        });
        Ok(response)
    }
}

impl<E> Respond<E> {
    /// Of the highest level, so that whatever is logged within has the request's id.
    fn span(&self, request: &Request, request_id: &RequestId) -> Span {
        let client = self.app.authenticator.client_address(request);
        tracing::error_span!(
            "request",
            %request_id,
            client = client.map(|address| address.to_string()),
            method = request.method().as_str(),
            // The query is the caller's, and may hold what it should not.
            path = request.uri().path(),
            key_id = Empty,
            org_id = Empty,
        )
    }

    fn count(&self, response: &Response, error: Option<&ApiError>, elapsed: Duration) {
        let code = error.map(|error| error.code().as_str());
        let metrics = &self.app.metrics;
        metrics.answered(response.status().as_u16(), code, elapsed);
        if let Some(cause) = error.and_then(ApiError::upstream_cause) {
            metrics.unavailable(cause.as_str());
        }
    }
}

/// A caller who is waiting. One who goes away before the answer ends all that was done for them; that is told, too.
struct Waiting<'a> {
    app: &'a App,
    span: &'a Span,
    trail: &'a Trail,
    request_id: &'a RequestId,
    over: bool,
}

impl<'a> Waiting<'a> {
    fn new(app: &'a App, span: &'a Span, trail: &'a Trail, request_id: &'a RequestId) -> Self {
        app.metrics.requests_in_flight.inc();
        Self {
            app,
            span,
            trail,
            request_id,
            over: false,
        }
    }

    fn end(mut self) {
        self.over = true;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.app.metrics.requests_in_flight.dec();
        if !self.over {
            self.span.in_scope(|| {
                tracing::info!(event = "client_gone");
                self.trail.write(self.request_id, End::Abandoned);
            });
        }
    }
}

fn refuse(error: poem::Error, request_id: &RequestId) -> (Response, Option<ApiError>) {
    if error.is_from_response() {
        return (error.into_response(), None);
    }
    let error = error
        .downcast::<ApiError>()
        .unwrap_or_else(|other| ApiError::from(ErrorCode::Internal).with_cause(other.to_string()));
    (error.clone().into_response(request_id), Some(error))
}

/// The headers that every answer has; [`crate::http::schema`] declares them.
fn set_headers(response: &mut Response, request_id: &RequestId) {
    let headers = response.headers_mut();
    // A ULID's characters are always a header's.
    if let Ok(id) = HeaderValue::from_str(request_id.as_str()) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
}

fn log(response: &Response, error: Option<&ApiError>, elapsed: Duration) {
    let status = response.status().as_u16();
    let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    let code = error.map(|error| error.code().as_str());
    let cause = error.and_then(ApiError::cause);
    let upstream_cause = error.and_then(ApiError::upstream_cause);
    let upstream_cause = upstream_cause.map(UpstreamCause::as_str);
    if error.is_some_and(|error| error.code() == ErrorCode::Internal) {
        tracing::error!(event = "answered", status, code, cause, elapsed_us);
    } else {
        tracing::info!(
            event = "answered",
            status,
            code,
            cause,
            upstream_cause,
            elapsed_us
        );
    }
}
