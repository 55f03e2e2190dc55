//! The call that opens a portal: what a program may choose about it.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::call::Call;
use crate::error::Error;
use crate::flow::Flow;
use crate::request::Wanted;
use crate::session::PortalSession;
use crate::settings::Settings;

/// A call of [`Client::create_portal_session`](crate::Client::create_portal_session): await it, or change its settings
/// first.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until the call is awaited"]
pub struct CreatePortalSession {
    call: Call,
    wanted: Wanted,
}

impl CreatePortalSession {
    pub(crate) fn new(settings: Arc<Settings>, return_url: String) -> Self {
        Self {
            call: Call::new(settings),
            wanted: Wanted {
                return_url,
                flow: None,
                locale: None,
                idempotency_key: None,
            },
        }
    }

    /// Opens the portal at one task, such as [`Flow::PaymentMethodUpdate`]. When the customer has done it, the browser
    /// returns to the return URL.
    ///
    /// ```no_run
    /// # async fn open(client: billing_portal_client::Client) -> Result<(), billing_portal_client::Error> {
    /// use billing_portal_client::Flow;
    ///
    /// let session = client
    ///     .create_portal_session("https://app.example.com/settings/billing")
    ///     .flow(Flow::PaymentMethodUpdate)
    ///     .locale("de")
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn flow(mut self, flow: Flow) -> Self {
        self.wanted.flow = Some(flow);
        self
    }

    /// Shows the portal in this language: `auto`, or a tag of the list that the contract has, such as `de` or `pt-BR`. If
    /// the list does not have it, the call fails and sends nothing.
    pub fn locale(mut self, locale: impl Into<String>) -> Self {
        self.wanted.locale = Some(locale.into());
        self
    }

    /// A text that this call has in common with its repetitions, such as the id of the page view: 1 to 255 visible ASCII
    /// characters. Calls with the same key and the same settings within one minute of the service's clock get the same
    /// session, so that a double click opens one; see [`PortalSession::is_replayed`].
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.wanted.idempotency_key = Some(key.into());
        self
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

    /// Continues the trace of the request that you answer: the value of its W3C `traceparent` header, which is sent with
    /// this call on each of its tries. A malformed value is not sent, because that header is a visitor's: as the standard
    /// asks, the service then begins a trace of its own.
    ///
    /// ```no_run
    /// # async fn open(client: billing_portal_client::Client, request: http::HeaderMap) -> Result<(), billing_portal_client::Error> {
    /// let mut call = client.create_portal_session("https://app.example.com/settings/billing");
    /// if let Some(traceparent) = request.get("traceparent") {
    ///     call = call.traceparent(traceparent);
    /// }
    /// let session = call.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn traceparent(mut self, value: impl AsRef<[u8]>) -> Self {
        self.call.trace.set_traceparent(value.as_ref());
        self
    }

    /// The vendors' part of the trace: the value of the W3C `tracestate` header. It is sent only with a valid
    /// [`traceparent`](Self::traceparent).
    pub fn tracestate(mut self, value: impl AsRef<[u8]>) -> Self {
        self.call.trace.set_tracestate(value.as_ref());
        self
    }

    /// Sends a header with this call, on each of its tries. A header of the same name is replaced.
    ///
    /// The headers that HTTP, the contract or this client sets cannot be changed: the call then fails and sends nothing.
    ///
    /// ```no_run
    /// # async fn open(client: billing_portal_client::Client) -> Result<(), billing_portal_client::Error> {
    /// let session = client
    ///     .create_portal_session("https://app.example.com/settings/billing")
    ///     .header("x-shop", "north")
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.call = self.call.header(name, value);
        self
    }

    async fn send(self) -> Result<PortalSession, Error> {
        let request = self.wanted.check()?;
        self.call.send(&request).await
    }
}

impl IntoFuture for CreatePortalSession {
    type Output = Result<PortalSession, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
