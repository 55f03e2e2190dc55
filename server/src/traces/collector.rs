//! Sends encoded spans to the collector, once.

use std::{fmt, io, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, Uri,
    body::Incoming,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use percent_encoding::percent_decode_str;
use prost::Message;
use rustls::crypto::aws_lc_rs;
use url::Url;

use super::otlp::ExportResponse;
use crate::{
    certificate_authorities::LOAD_AUTHORITIES,
    config::{OTLP_TRACES_PATH, Secret},
};

/// How long a collector may take for a batch, as OpenTelemetry recommends.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long the connection is kept; a batch goes out every second while there are requests.
const MAX_IDLE: Duration = Duration::from_secs(30);
/// The largest answer that is read, in bytes. It has a number and one sentence.
const MAX_RESPONSE_BYTES: usize = 16 * 1024;
/// The longest wait for which a collector can ask.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

const OUR_USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("billing-portal/", env!("CARGO_PKG_VERSION")));

/// Why the client for the collector cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The certificate authorities of the system cannot be used.
    #[error(
        "TLS: the certificate authorities of this system cannot be loaded ({0}); {LOAD_AUTHORITIES}"
    )]
    Tls(#[from] io::Error),
    /// It is not the URL of a collector. The text does not show it, because it may have a password.
    #[error("otlp_endpoint: it is not the URL of a collector")]
    Url,
}

/// The collector, with its connection.
pub(super) struct Collector {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Uri,
    headers: HeaderMap,
}

/// Why a batch was not accepted.
#[derive(Debug)]
pub(super) struct Failure {
    /// In one word, for the log.
    pub(super) reason: String,
    /// After which wait a retry may help; none if it does not help.
    pub(super) retry: Option<Duration>,
}

impl Collector {
    /// A client that has no connection yet, for the URL of the setting.
    pub(super) fn new(endpoint: &Secret) -> Result<Self, CollectorError> {
        let (url, authorization) = parse(endpoint.expose()).ok_or(CollectorError::Url)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let tls = HttpsConnectorBuilder::new().with_provider_and_platform_verifier(provider)?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(TIMEOUT / 2));
        let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
        let http = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(MAX_IDLE)
            .pool_max_idle_per_host(1)
            .pool_timer(TokioTimer::new())
            .build(connector);
        let mut headers = HeaderMap::with_capacity(3);
        let protobuf = HeaderValue::from_static("application/x-protobuf");
        headers.insert(CONTENT_TYPE, protobuf);
        headers.insert(USER_AGENT, OUR_USER_AGENT);
        headers.extend(authorization.map(|credentials| (AUTHORIZATION, credentials)));
        Ok(Self { http, url, headers })
    }

    /// Sends a batch once. Answers how many of its spans the collector did not want.
    pub(super) async fn send(&self, batch: Bytes) -> Result<u64, Failure> {
        let sent = tokio::time::timeout(TIMEOUT, self.exchange(batch)).await;
        sent.unwrap_or_else(|_| Err(Failure::passing("timeout")))
    }

    async fn exchange(&self, batch: Bytes) -> Result<u64, Failure> {
        let mut request = Request::new(Full::new(batch));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        *request.headers_mut() = self.headers.clone();
        let response = self.http.request(request).await;
        // The error's own text may have the address; whether a connection was made is enough.
        let response = response.map_err(|error| {
            Failure::passing(if error.is_connect() {
                "connect"
            } else {
                "closed"
            })
        })?;
        match response.status().as_u16() {
            200..300 => Ok(rejected(response).await),
            status @ (429 | 502..=504) => Err(Failure {
                retry: Some(retry_after(response.headers()).unwrap_or_default()),
                reason: status.to_string(),
            }),
            status => Err(Failure {
                reason: status.to_string(),
                retry: None,
            }),
        }
    }
}

impl Failure {
    fn passing(reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            retry: Some(Duration::ZERO),
        }
    }
}

/// How many spans the collector did not want. An answer that cannot be read is one without such a number.
async fn rejected(response: Response<Incoming>) -> u64 {
    let body = Limited::new(response.into_body(), MAX_RESPONSE_BYTES);
    let body = body.collect().await;
    let answer = body
        .ok()
        .map(|body| ExportResponse::decode(body.to_bytes()));
    let partial = answer.and_then(|answer| answer.ok()?.partial_success);
    let rejected = partial.map(|partial| partial.rejected_spans);
    rejected.and_then(|it| it.try_into().ok()).unwrap_or(0)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

/// Where the batches go, and the credentials that were in the URL.
fn parse(endpoint: &str) -> Option<(Uri, Option<HeaderValue>)> {
    let mut url = Url::parse(endpoint).ok()?;
    let credentials = credentials(&url);
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    let uri = format!("{}{OTLP_TRACES_PATH}", url.as_str().trim_end_matches('/'));
    Some((uri.parse().ok()?, credentials))
}

/// The user and the password of the URL, as HTTP sends them. Marked, so that no `Debug` shows it.
fn credentials(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut decoded: Vec<u8> = percent_decode_str(url.username()).collect();
    decoded.push(b':');
    decoded.extend(percent_decode_str(url.password().unwrap_or_default()));
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(decoded))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}
