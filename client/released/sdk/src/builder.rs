//! How a client is built, from code or from the environment.

use std::env::{self, VarError};
use std::time::Duration;

use http::HeaderValue;

use crate::api_key::ApiKey;
use crate::base_url;
use crate::client::Client;
use crate::error::Error;
use crate::http_client::HttpClients;
use crate::settings::Settings;

/// What this SDK calls itself in `User-Agent`.
const USER_AGENT: &str = concat!("billing-portal-client/", env!("CARGO_PKG_VERSION"));

/// How long a call may take unless the program says otherwise: two tries of the service's longest answer (some 12 s)
/// and the pauses between them.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection may take to be made unless the program says otherwise. A handshake over a slow link takes
/// under 1 s, and one lost packet delays it by 1 to 3 s.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a call is repeated unless the program says otherwise: enough to pass one restart of the service.
const DEFAULT_MAX_RETRIES: u32 = 2;

/// Builds a [`Client`]. [`build`](ClientBuilder::build) reports problems, the first one only.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct ClientBuilder {
    api_key: Option<Result<ApiKey, Error>>,
    base_url: Option<String>,
    allow_plain_http: bool,
    timeout: Duration,
    connect_timeout: Option<Duration>,
    max_retries: u32,
    user_agent: Option<String>,
    http_client: Option<reqwest::Client>,
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
}

fn variable(name: &'static str) -> Result<String, Error> {
    env::var(name).map_err(|error| match error {
        VarError::NotPresent => Error::configuration(name, "is not set"),
        VarError::NotUnicode(_) => Error::configuration(name, "is not UTF-8"),
    })
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            api_key: None,
            base_url: None,
            allow_plain_http: false,
            timeout: DEFAULT_TIMEOUT,
            connect_timeout: None,
            max_retries: DEFAULT_MAX_RETRIES,
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

    /// Where the service is, such as `https://billing.example.com`. Required. Plain http is accepted for this machine
    /// (`localhost` and names below it, `127.0.0.0/8`, `::1`), and for other hosts only with
    /// [`allow_plain_http`](Self::allow_plain_http).
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Accepts a plain http [`base_url`](Self::base_url) of any host, such as `http://billing-portal:8080` inside a
    /// cluster.
    ///
    /// The API key is then sent in the clear: anyone who can read the network's traffic can open the portals of its
    /// organization. Allow it only if the network is trusted or encrypts by itself. A client with such a base URL logs a
    /// warning when it is built, and uses no proxy.
    pub fn allow_plain_http(mut self) -> Self {
        self.allow_plain_http = true;
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
    ///
    /// If a request fails over a kept connection, the connection may have been dead before. The first retry after such
    /// a failure goes over a new connection and does not count.
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
    /// send the request again, to a place that you have not named. Its connections cannot be observed from here, so
    /// retries may use its kept connections, and each retry counts.
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
        let base_url = base_url::parse(&base_url, self.allow_plain_http)?;
        let user_agent = user_agent(self.user_agent)?;
        let http = match (self.http_client, self.connect_timeout) {
            (Some(_), Some(_)) => {
                return Err(Error::configuration(
                    "connect_timeout",
                    "must be set in your http_client instead",
                ));
            }
            (Some(client), None) => HttpClients::brought(client),
            (None, timeout) => {
                HttpClients::new(timeout.unwrap_or(DEFAULT_CONNECT_TIMEOUT), &base_url)?
            }
        };
        Ok(Client::new(Settings {
            http,
            base_url: base_url.as_str().trim_end_matches('/').to_owned(),
            authorization: key.authorization(),
            key,
            user_agent,
            timeout: self.timeout,
            max_retries: self.max_retries,
        }))
    }
}

fn user_agent(program: Option<String>) -> Result<HeaderValue, Error> {
    let text = program.map_or_else(
        || USER_AGENT.to_owned(),
        |program| format!("{program} {USER_AGENT}"),
    );
    HeaderValue::from_str(&text)
        .map_err(|_| Error::configuration("user_agent", "has a character that no header may have"))
}
