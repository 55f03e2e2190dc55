//! The call that lists the origins of return URLs.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tracing::Span;

use crate::api_key::ApiKey;
use crate::call::Call;
use crate::error::Error;
use crate::exchange::RawResponse;
use crate::generated::{self, types::ReturnOriginsEnvelope};
use crate::operation::{Answered, Operation, span};
use crate::portal_url::SentAt;
use crate::settings::Settings;
use crate::unprinted::UnprintedHeaders;

/// A call of [`Client::list_return_origins`](crate::Client::list_return_origins): await it, or change its settings first.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until the call is awaited"]
pub struct ListReturnOrigins {
    call: Call,
}

impl ListReturnOrigins {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        let call = Call::new(settings);
        Self { call }
    }

    /// How long this call may take, tries and pauses together.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.call.timeout = timeout;
        self
    }

    /// How often this call may be repeated after its first try; see
    /// [`ClientBuilder::max_retries`](crate::ClientBuilder::max_retries).
    pub fn max_retries(mut self, max_retries: u32) -> Self {
        self.call.max_retries = max_retries;
        self
    }

    /// Continues the trace of the request that you answer; see
    /// [`CreatePortalSession::traceparent`](crate::CreatePortalSession::traceparent).
    pub fn traceparent(mut self, value: impl AsRef<[u8]>) -> Self {
        self.call.trace.set_traceparent(value.as_ref());
        self
    }

    /// The vendors' part of the trace; see
    /// [`CreatePortalSession::tracestate`](crate::CreatePortalSession::tracestate).
    pub fn tracestate(mut self, value: impl AsRef<[u8]>) -> Self {
        self.call.trace.set_tracestate(value.as_ref());
        self
    }

    /// Sends a header with this call; see
    /// [`CreatePortalSession::header`](crate::CreatePortalSession::header).
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.call = self.call.header(name, value);
        self
    }
}

impl IntoFuture for ListReturnOrigins {
    type Output = Result<ReturnOrigins, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.call.send(&List).await })
    }
}

/// The origins to which a return URL of the key may lead.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReturnOrigins {
    /// Each with its scheme, its host and, if it is not the scheme's default, its port, such as `https://app.example.com`.
    pub origins: Vec<String>,
    /// The request's id. Give it to the people who run the service. Empty if a proxy has removed it.
    pub request_id: String,
    headers: UnprintedHeaders,
}

impl ReturnOrigins {
    /// The answer's headers. `Debug` shows their names only.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers.0
    }
}

/// The operation, which sends nothing but the key.
struct List;

impl Operation for List {
    type Envelope = ReturnOriginsEnvelope;
    type Output = ReturnOrigins;

    fn span(attempt: u32) -> Span {
        span!("list_return_origins", attempt)
    }

    async fn send(&self, client: &generated::Client) -> Answered<Self::Envelope> {
        client.list_return_origins().await
    }

    fn read(
        answer: RawResponse,
        envelope: &Self::Envelope,
        _: SentAt,
        key: &ApiKey,
    ) -> Result<ReturnOrigins, Error> {
        if !envelope.success {
            return Err(answer.into_error(key));
        }
        Ok(ReturnOrigins {
            origins: envelope.data.origins.clone(),
            request_id: answer.header("x-request-id").unwrap_or("").to_owned(),
            headers: UnprintedHeaders(answer.headers),
        })
    }
}
