//! The client and how it is built.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use reqwest::Url;

use crate::{ApiKey, CreatePortalSession, Error};

/// What this SDK calls itself in `User-Agent`.
const USER_AGENT: &str = concat!("billing-portal-client/", env!("CARGO_PKG_VERSION"));

/// Opens billing portals. Cheap to clone: clones share their connections.
#[derive(Clone)]
pub struct Client {
    settings: Arc<Settings>,
}

/// What a client was built with, ready for use.
pub(crate) struct Settings {
    pub(crate) http: reqwest::Client,
    /// Without a slash at its end.
    pub(crate) base_url: String,
    pub(crate) key: ApiKey,
    pub(crate) authorization: HeaderValue,
    pub(crate) user_agent: HeaderValue,
    pub(crate) timeout: Duration,
    pub(crate) max_retries: u32,
}

impl Client {
    /// Begins a client; [`api_key`](ClientBuilder::api_key) and [`base_url`](ClientBuilder::base_url) are required.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client from the variables `BILLING_PORTAL_API_KEY` and `BILLING_PORTAL_BASE_URL`.
    pub fn from_env() -> Result<Self, Error> {
        Self::builder()
            .api_key(variable("BILLING_PORTAL_API_KEY")?)
            .base_url(variable("BILLING_PORTAL_BASE_URL")?)
            .build()
    }

    /// Opens the portal for the organization that owns the key. `return_url` is where the portal's "return" link
    /// leads: an https URL of an origin that the service allows.
    ///
    /// Await the call as it is, or change its settings first:
    ///
    /// ```no_run
    /// # async fn open(client: billing_portal_client::Client) -> Result<(), billing_portal_client::Error> {
    /// # use std::time::Duration;
    /// let session = client
    ///     .create_portal_session("https://app.example.com/settings/billing")
    ///     .timeout(Duration::from_secs(5))
    ///     .max_retries(0)
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_portal_session(&self, return_url: impl Into<String>) -> CreatePortalSession {
        CreatePortalSession::new(self.clone(), return_url.into())
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }
}

fn variable(name: &'static str) -> Result<String, Error> {
    std::env::var(name).map_err(|error| match error {
        std::env::VarError::NotPresent => Error::configuration(name, "is not set"),
        std::env::VarError::NotUnicode(_) => Error::configuration(name, "is not UTF-8"),
    })
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.settings.base_url)
            .field("api_key", &self.settings.key)
            .field("timeout", &self.settings.timeout)
            .field("max_retries", &self.settings.max_retries)
            .finish_non_exhaustive()
    }
}

/// Builds a [`Client`]. Problems are reported by [`build`](ClientBuilder::build), the first one.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct ClientBuilder {
    api_key: Option<Result<ApiKey, Error>>,
    base_url: Option<String>,
    timeout: Duration,
    connect_timeout: Option<Duration>,
    max_retries: u32,
    user_agent: Option<String>,
    http_client: Option<reqwest::Client>,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            api_key: None,
            base_url: None,
            timeout: Duration::from_secs(30),
            connect_timeout: None,
            max_retries: 2,
            user_agent: None,
            http_client: None,
        }
    }
}

impl ClientBuilder {
    /// The API key, as text or as an [`ApiKey`]. Required.
    pub fn api_key<K>(mut self, key: K) -> Self
    where
        K: TryInto<ApiKey>,
        K::Error: Into<Error>,
    {
        self.api_key = Some(key.try_into().map_err(Into::into));
        self
    }

    /// Where the service is, such as `https://billing.example.com`. Required. Plain http only for a loopback address.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// How long a call may take, tries and pauses together: 30 s unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long a connection may take to be made: 5 s unless set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// How often a call may be repeated after its first try: 2 unless set.
    pub fn max_retries(mut self, max_retries: u32) -> Self {
        self.max_retries = max_retries;
        self
    }

    /// Your program's name and version, such as `shop/2.1`. It precedes this SDK's own in `User-Agent`.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// Your own HTTP client, for its proxies, certificates or resolver. Turn redirects off in it: a redirect would
    /// send the request again, to a place that you have not named.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http_client = Some(client);
        self
    }

    /// The client, or what is wrong with its settings.
    pub fn build(self) -> Result<Client, Error> {
        let key = self
            .api_key
            .ok_or_else(|| Error::configuration("api_key", "is not set"))??;
        let base_url = self
            .base_url
            .ok_or_else(|| Error::configuration("base_url", "is not set"))?;
        let base_url = parse_base_url(&base_url)?;
        let user_agent = self.user_agent.map_or_else(
            || USER_AGENT.to_owned(),
            |name| format!("{name} {USER_AGENT}"),
        );
        let user_agent = HeaderValue::from_str(&user_agent).map_err(|_| {
            Error::configuration("user_agent", "has a character that no header may have")
        })?;
        let http = match (self.http_client, self.connect_timeout) {
            (Some(_), Some(_)) => {
                return Err(Error::configuration(
                    "connect_timeout",
                    "belongs to the http_client that you brought",
                ));
            }
            (Some(client), None) => client,
            (None, timeout) => http_client(timeout.unwrap_or(Duration::from_secs(5)), &base_url)?,
        };
        Ok(Client {
            settings: Arc::new(Settings {
                http,
                base_url: base_url.as_str().trim_end_matches('/').to_owned(),
                authorization: key.authorization(),
                key,
                user_agent,
                timeout: self.timeout,
                max_retries: self.max_retries,
            }),
        })
    }
}

fn http_client(connect_timeout: Duration, base_url: &Url) -> Result<reqwest::Client, Error> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        // Repeating is this crate's business: it knows the deadline.
        .retry(reqwest::retry::never());
    if base_url.scheme() == "http" {
        // What is sent in the clear stays on this machine.
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| Error::configuration("http_client", format!("cannot be made: {error}")))
}

/// An https URL, or an http URL of this machine; nothing but an origin and, perhaps, a path.
fn parse_base_url(text: &str) -> Result<Url, Error> {
    let refuse = |problem| Error::configuration("base_url", problem);
    let url = Url::parse(text).map_err(|_| refuse("is not an absolute URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("must not have credentials"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("must not have a query or a fragment"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(refuse(
            "must be https: the API key would be sent in the clear",
        )),
        _ => Err(refuse("must be an https URL")),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}
