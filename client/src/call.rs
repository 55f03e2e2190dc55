//! The operation as a caller sees it: checked here, sent, and repeated where that helps, within one deadline.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::attempt::attempt;
use crate::call_header;
use crate::error::Error;
use crate::flow::Flow;
use crate::generated::types;
use crate::locale;
use crate::retry::Retries;
use crate::return_url;
use crate::session::PortalSession;
use crate::settings::Settings;
use crate::unprinted::UnprintedHeaders;

/// A call of [`Client::create_portal_session`](crate::Client::create_portal_session): await it, or change its settings
/// first.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until the call is awaited"]
pub struct CreatePortalSession {
    settings: Arc<Settings>,
    return_url: String,
    flow: Option<Flow>,
    locale: Option<String>,
    timeout: Duration,
    max_retries: u32,
    headers: Result<UnprintedHeaders, Error>,
}

impl CreatePortalSession {
    pub(crate) fn new(settings: Arc<Settings>, return_url: String) -> Self {
        Self {
            timeout: settings.timeout,
            max_retries: settings.max_retries,
            settings,
            return_url,
            flow: None,
            locale: None,
            headers: Ok(UnprintedHeaders::default()),
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
        self.flow = Some(flow);
        self
    }

    /// Shows the portal in this language: `auto`, or a tag of the list that the contract has, such as `de` or `pt-BR`. If
    /// the list does not have it, the call fails and sends nothing.
    pub fn locale(mut self, locale: impl Into<String>) -> Self {
        self.locale = Some(locale.into());
        self
    }

    /// How long this call may take, tries and pauses together.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How often this call may be repeated after its first try; see
    /// [`ClientBuilder::max_retries`](crate::ClientBuilder::max_retries).
    pub fn max_retries(mut self, max_retries: u32) -> Self {
        self.max_retries = max_retries;
        self
    }

    /// Sends a header with this call, such as `traceparent`, on each of its tries. A header of the same name is
    /// replaced.
    ///
    /// The headers that HTTP, the contract or this client sets cannot be changed: the call then fails and sends nothing.
    ///
    /// ```no_run
    /// # async fn open(client: billing_portal_client::Client) -> Result<(), billing_portal_client::Error> {
    /// let session = client
    ///     .create_portal_session("https://app.example.com/settings/billing")
    ///     .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.headers = self.headers.and_then(|mut headers| {
            let (name, value) = call_header::parse(name, value)?;
            headers.0.insert(name, value);
            Ok(headers)
        });
        self
    }

    /// The request's body, if its fields follow the rules of the contract.
    fn body(&self) -> Result<types::CreatePortalSession, Error> {
        Ok(types::CreatePortalSession {
            return_url: return_url::parse(&self.return_url)?,
            flow: self.flow.map(types::Flow::from),
            locale: self.locale.as_deref().map(locale::parse).transpose()?,
        })
    }

    async fn send(self) -> Result<PortalSession, Error> {
        let request = self.body()?;
        let headers = self.headers?.0;
        let mut retries = Retries::new(self.timeout, self.max_retries);
        loop {
            let failure =
                match attempt(&self.settings, &request, &headers, retries.next_try()).await {
                    Ok(session) => return Ok(session),
                    Err(failure) => failure,
                };
            let Some(pause) = retries.pause_after(&failure, fastrand::f64()) else {
                return Err(failure.error);
            };
            tracing::debug!(attempt = retries.made(), ?pause, error = %failure.error, "retrying");
            tokio::time::sleep(pause).await;
        }
    }
}

impl IntoFuture for CreatePortalSession {
    type Output = Result<PortalSession, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
